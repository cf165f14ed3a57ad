//! Signals, as events.

use super::event::{Event, Events, Signal};
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// From now on they do nothing but come as events.
pub(super) fn listen(events: &Events) -> io::Result<()> {
    let signals = [
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::interrupt(), Signal::Terminate),
        (SignalKind::quit(), Signal::Terminate),
        (SignalKind::hangup(), Signal::Reload),
    ];
    for (kind, meaning) in signals {
        let mut stream = signal(kind)?;
        let events = events.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let _ = events.send(Event::Signal(meaning)).await;
            }
        });
    }
    // They mean nothing here, and are no reason to end. Once asked for, a signal stays caught.
    for kind in [SignalKind::user_defined1(), SignalKind::user_defined2(), SignalKind::alarm()] {
        drop(signal(kind)?);
    }
    Ok(())
}
