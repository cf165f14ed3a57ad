//! A pseudo-terminal with a command in it.

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Terminal {
    keyboard: File,
    /// Our own hold on the terminal's other end, to see its modes after the command has gone.
    held: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    child: Child,
}

impl Terminal {
    /// Starts `command` in a terminal of 100 by 30.
    pub(crate) fn run(mut command: Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard).expect("ours");
        unlockpt(&keyboard).expect("ours");
        let name = ptsname(&keyboard, Vec::new()).expect("it has a name");
        let held = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it is there");
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&held, size).expect("a terminal");
        let held = File::from(held);
        let end = || held.try_clone().expect("a descriptor is left");
        command.stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("the command runs");
        let keyboard = File::from(keyboard);
        let screen = watch(keyboard.try_clone().expect("a descriptor is left"));
        Self { keyboard, held, screen, shown: String::new(), child }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is ours");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `text` has been written since the last wait.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{text:?} was not shown, but {:?}", self.shown),
            }
        }
    }

    /// Waits for the end of the command.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("a child of ours")
    }

    /// Whether lines are edited and keys echoed, as a shell needs it.
    pub(crate) fn is_sane(&self) -> bool {
        let modes = tcgetattr(&self.held).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

/// Reads the screen in a thread, because a terminal has no end of file while we hold it.
fn watch(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = screen.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
