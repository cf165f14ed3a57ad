//! `appserver top`: a worker at work, refreshed until `q`.

mod frame;
mod terminal;
mod view;

use super::client::{ClientError, Control, WorkerArgs, Workers};
use super::{Exit, Stop};
use clap::ValueEnum;
use frame::{Screen, draw};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use terminal::{Key, Terminal};
use view::{Sample, View};

const EXAMPLES: &str = "\
Examples:
  appserver top
  appserver top --sort p99 --interval 0.5
  appserver top --once

Functions that were never called are counted, not listed.

Keys: q quits, s sorts by the next column, p or space pauses, r refreshes at once.
Rates and percentiles are those of the last interval; in the first frame, and with --once, since the
start of the worker. Where stdout is no terminal, plain frames are printed one after another.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopArgs {
    /// Time between refreshes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,
    /// Column that functions are sorted by.
    #[arg(long, value_name = "COLUMN", value_enum, default_value = "calls")]
    sort: Sort,
    /// Print one plain frame and exit.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    workers: WorkerArgs,
}

/// Columns of the functions' table; highest first, names from A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    Calls,
    P99,
    Errors,
    Name,
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Calls => Self::P99,
            Self::P99 => Self::Errors,
            Self::Errors => Self::Name,
            Self::Name => Self::Calls,
        }
    }
}

/// Below this the refreshing itself would be what one sees.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

fn interval(text: &str) -> Result<Duration, String> {
    match super::seconds(text)? {
        interval if interval < INTERVAL_MIN => Err("the shortest interval is 0.1".to_owned()),
        interval => Ok(interval),
    }
}

pub(crate) fn run(args: TopArgs) -> Result<(), Stop> {
    let workers = args.workers.clone().open()?;
    let mut watch = Watch::start(&workers)?;
    if args.once || !io::stdout().is_terminal() {
        return print_frames(&args, &mut watch);
    }
    let terminal = Terminal::enter().map_err(|error| {
        Stop::new(Exit::Internal, format!("cannot use the terminal: {error}; try --once"))
    })?;
    show_frames(&args, &mut watch, &terminal).map_err(Stop::from)
}

fn print_frames(args: &TopArgs, watch: &mut Watch<'_>) -> Result<(), Stop> {
    loop {
        let view = watch.view();
        let lines = draw(&view, &Screen { sort: args.sort, ..Screen::unlimited() });
        let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
        io::stdout().write_all(text.as_bytes())?;
        if args.once {
            return Ok(());
        }
        writeln!(io::stdout())?;
        pause(args.interval);
        watch.refresh()?;
    }
}

#[expect(clippy::disallowed_methods, reason = "there is nothing to wait for but the time itself")]
fn pause(interval: Duration) {
    std::thread::sleep(interval);
}

fn show_frames(args: &TopArgs, watch: &mut Watch<'_>, terminal: &Terminal) -> io::Result<()> {
    let (mut sort, mut paused, mut trouble) = (args.sort, false, None);
    let mut next = Instant::now() + args.interval;
    loop {
        let (width, height) = terminal.size()?;
        let trouble_now = trouble.as_deref();
        let screen = Screen { width, height, sort, paused, trouble: trouble_now, keys: true };
        terminal.show(&draw(&watch.view(), &screen))?;
        let mut refresh = false;
        match terminal.key_before((!paused).then_some(next))? {
            Some(Key::Quit) => return Ok(()),
            Some(Key::Sort) => sort = sort.next(),
            Some(Key::Pause) => paused = !paused,
            Some(Key::Refresh) => refresh = true,
            Some(Key::Resized) => {}
            None => refresh = true,
        }
        if refresh {
            trouble = watch.refresh().err().map(|error| error.to_string());
            next = Instant::now() + args.interval;
        }
    }
}

/// The last two samples of a worker, and the connection they come from.
struct Watch<'a> {
    workers: &'a Workers,
    /// Absent after a failure: the next refresh connects again.
    control: Option<Control>,
    worker: String,
    before: Option<Sample>,
    now: Sample,
}

impl<'a> Watch<'a> {
    fn start(workers: &'a Workers) -> Result<Self, ClientError> {
        let mut control = workers.control()?;
        let now = Sample { at: Instant::now(), report: control.status()? };
        let worker = control.worker().to_string();
        Ok(Self { workers, control: Some(control), worker, before: None, now })
    }

    fn refresh(&mut self) -> Result<(), ClientError> {
        let mut control = match self.control.take() {
            Some(control) => control,
            None => self.workers.control()?,
        };
        let sample = Sample { at: Instant::now(), report: control.status()? };
        self.worker = control.worker().to_string();
        self.control = Some(control);
        self.before = Some(std::mem::replace(&mut self.now, sample));
        Ok(())
    }

    fn view(&self) -> View<'_> {
        View::new(&self.worker, self.before.as_ref(), &self.now)
    }
}
