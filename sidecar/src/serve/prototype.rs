//! The process of a release that starts PHP once and forks its executors.

use super::channel::Channel;
use super::confinement::Confinement;
use super::event::{Event, Events, Incarnation};
use super::launch::launch;
use super::memory_file::memory_file;
use super::ready::register;
use protocol::{Boot, FromPrototype, ToPrototype, body_to_vec};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A running prototype.
#[derive(Debug)]
pub(super) struct Prototype {
    pub(super) pid: u32,
    pub(super) number: u32,
    channel: Arc<Channel>,
}

impl Prototype {
    /// Starts one; what it says and its end arrive as events.
    pub(super) fn start(
        boot: &Boot,
        from: Incarnation,
        confinement: Confinement,
        (binary, life): (&Path, &OwnedFd),
        events: Events,
    ) -> io::Result<Self> {
        let (ours, theirs) = Channel::pair()?;
        let boot = memory_file("appserver-boot", &body_to_vec(boot))?;
        let child = launch(binary, &boot, &theirs, life, confinement)?;
        let pid = child.id();
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::NONBLOCK)?;
        let pidfd = register(pidfd, Interest::READABLE)?;
        let channel = Arc::new(ours);
        let number = from.number;
        let listener = Listener { child, channel: Arc::clone(&channel), pidfd };
        tokio::spawn(listener.run(from, events));
        Ok(Self { pid, number, channel })
    }

    /// Fails with `WouldBlock` when it has not read the last few hundred messages.
    pub(super) fn send(
        &self,
        message: &ToPrototype,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        self.channel.try_send(message, descriptors)
    }

    /// Ends it, and everything it started.
    pub(super) fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.pid.cast_signed()) {
            end_group(group);
        }
    }
}

/// Ends a prototype's process group: with it what it did not end itself, e.g. a helper in an endless
/// loop of the application's. The group keeps its number for as long as the prototype is not waited
/// for.
fn end_group(group: Pid) {
    // It fails when nobody is left, which is what was wanted.
    let _ = kill_process_group(group, Signal::KILL);
}

/// Turns messages and the end of a prototype into events.
struct Listener {
    child: Child,
    channel: Arc<Channel>,
    pidfd: AsyncFd<OwnedFd>,
}

impl Listener {
    async fn run(mut self, from: Incarnation, events: Events) {
        self.forward_until_exit(&from, &events).await;
        while let Ok(Some((message, descriptors))) = self.channel.try_receive() {
            forward(&from, &events, message, descriptors).await;
        }
        end_group(Pid::from_child(&self.child));
        // The pidfd says that it has exited, so this does not wait.
        let status = self.child.wait().ok();
        let _ = events.send(Event::PrototypeExited { from, status }).await;
    }

    async fn forward_until_exit(&self, from: &Incarnation, events: &Events) {
        loop {
            tokio::select! {
                received = self.channel.receive() => match received {
                    Ok(Some((message, descriptors))) => {
                        forward(from, events, message, descriptors).await;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(release = %from.release, %error, "prototype speaks nonsense");
                        break;
                    }
                },
                _ = self.pidfd.readable() => return,
            }
        }
        // Without its control socket it is of no use.
        let _ = pidfd_send_signal(self.pidfd.get_ref(), Signal::KILL);
        let _ = self.pidfd.readable().await;
    }
}

async fn forward(
    from: &Incarnation,
    events: &Events,
    message: FromPrototype,
    descriptors: Vec<OwnedFd>,
) {
    let event = Event::Prototype { from: from.clone(), message, descriptors };
    let _ = events.send(event).await;
}
