//! The terminal, taken over and given back: at the end, in a panic, and when a signal ends us.

use super::frame::{Line, Style};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::{cursor, execute, queue, terminal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    Sort,
    Pause,
    Refresh,
    Resized,
}

/// The terminal while it is ours; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Terminal(());

impl Terminal {
    pub(super) fn enter() -> io::Result<Self> {
        give_back_on_panic();
        give_back_on_signals()?;
        terminal::enable_raw_mode()?;
        let terminal = Self(());
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(terminal)
    }

    /// Width and height in characters.
    pub(super) fn size(&self) -> io::Result<(usize, usize)> {
        terminal::size().map(|(width, height)| (usize::from(width), usize::from(height)))
    }

    /// Replaces what is shown.
    pub(super) fn show(&self, lines: &[Line]) -> io::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        queue!(out, terminal::BeginSynchronizedUpdate)?;
        for (row, line) in lines.iter().enumerate() {
            let attribute = match line.style {
                Style::Plain => Attribute::Reset,
                Style::Heading => Attribute::Bold,
                Style::Alert => Attribute::Reverse,
            };
            let row = u16::try_from(row).unwrap_or(u16::MAX);
            queue!(out, cursor::MoveTo(0, row), SetAttribute(attribute), Print(&line.text))?;
            queue!(out, SetAttribute(Attribute::Reset))?;
            queue!(out, terminal::Clear(terminal::ClearType::UntilNewLine))?;
        }
        if let Ok(row) = u16::try_from(lines.len()) {
            queue!(out, cursor::MoveTo(0, row))?;
            queue!(out, terminal::Clear(terminal::ClearType::FromCursorDown))?;
        }
        queue!(out, terminal::EndSynchronizedUpdate)?;
        out.flush()
    }

    /// The next key that means something, or `None` when `deadline` comes first.
    pub(super) fn key_before(&self, deadline: Option<Instant>) -> io::Result<Option<Key>> {
        /// With no deadline, how often the wait is begun anew.
        const LONG: Duration = Duration::from_secs(3600);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if event::poll(left.unwrap_or(LONG))? {
                if let Some(key) = meaning(&event::read()?) {
                    return Ok(Some(key));
                }
            } else if left.is_some() {
                return Ok(None);
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn meaning(event: &Event) -> Option<Key> {
    match event {
        Event::Resize(..) => Some(Key::Resized),
        Event::Key(key) if key.kind == KeyEventKind::Press => match key.code {
            // Raw mode makes a key of what is otherwise SIGINT.
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
            KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
            KeyCode::Char('s') => Some(Key::Sort),
            KeyCode::Char('p' | ' ') => Some(Key::Pause),
            KeyCode::Char('r') => Some(Key::Refresh),
            _ => None,
        },
        _ => None,
    }
}

/// As it was before. A terminal that is gone needs nothing, so failures are nothing.
fn give_back() {
    let _ = execute!(io::stdout(), terminal::LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

/// Otherwise the message would go to the alternate screen and vanish with it.
fn give_back_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        report(panic);
    }));
}

/// A thread of its own, because the main one may be waiting for a worker.
fn give_back_on_signals() -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            give_back();
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyEvent;

    #[test]
    fn keys_have_their_meanings() {
        let press = |code, modifiers| meaning(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::NONE), Some(Key::Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(press(KeyCode::Char(' '), KeyModifiers::NONE), Some(Key::Pause));
        assert_eq!(meaning(&Event::Resize(80, 24)), Some(Key::Resized));
    }
}
