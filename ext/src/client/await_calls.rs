//! Waiting for calls.

use super::call::Call;
use super::cluster::Cluster;
use super::receive::advance;
use net::{Ready, Waiting, wait, wait_any};
use std::time::Instant;

/// How a wait for a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Done,
    /// The time given to wait is over; the call goes on.
    NotYet,
    /// A signal came that PHP wants to handle now.
    Interrupted,
}

/// Waits until `call` is done or `until` has passed. Spins first where the answer is likely to come
/// sooner than a sleeping processor would wake.
pub(super) fn await_call(
    cluster: &mut Cluster,
    call: &mut Call,
    until: Option<Instant>,
    interrupted: &dyn Fn() -> bool,
) -> Waited {
    // What a worker answers when its disk has confirmed takes longer than any look is worth.
    let mut looks = !call.errand().is_some_and(|errand| errand.stores) || call.link.is_none();
    if looks {
        spin(cluster, call);
    }
    loop {
        if std::mem::replace(&mut looks, true) && advance(cluster, call) {
            return Waited::Done;
        }
        let Some(link) = &call.link else {
            return Waited::NotYet;
        };
        // A signal that came while we looked wakes nobody from the sleep that follows.
        if interrupted() {
            return Waited::Interrupted;
        }
        let wake = earlier(call.patience, until);
        match wait(link.connection.socket.waiting(false), wake) {
            Ready::Interrupted if interrupted() => return Waited::Interrupted,
            Ready::Yes | Ready::Interrupted | Ready::TimedOut => {}
        }
        if until.is_some_and(|until| until <= Instant::now()) {
            let done = advance(cluster, call);
            return if done { Waited::Done } else { Waited::NotYet };
        }
    }
}

/// Waits until something may have happened to one of `calls`, or `until` has passed.
pub(super) fn await_any(
    calls: &[&Call],
    until: Option<Instant>,
    interrupted: &dyn Fn() -> bool,
) -> Waited {
    let on_the_way = || calls.iter().filter_map(|call| Some((call, call.link.as_ref()?)));
    let sockets: Vec<Waiting<'_>> =
        on_the_way().map(|(_, link)| link.connection.socket.waiting(false)).collect();
    if sockets.is_empty() {
        // All are over: to sleep would be to sleep for ever.
        return Waited::Done;
    }
    // As in `await_call`.
    if interrupted() {
        return Waited::Interrupted;
    }
    let patience = on_the_way().filter_map(|(call, _)| call.patience).min();
    match wait_any(&sockets, earlier(patience, until)) {
        Ready::Interrupted if interrupted() => Waited::Interrupted,
        Ready::TimedOut if until.is_some_and(|until| until <= Instant::now()) => Waited::NotYet,
        Ready::Yes | Ready::Interrupted | Ready::TimedOut => Waited::Done,
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Looks for the answer without sleeping, where that is likely to pay.
fn spin(cluster: &mut Cluster, call: &mut Call) {
    let Some(budget) = call.options().map(|options| options.busy_poll) else {
        return;
    };
    let Some(link) = &mut call.link else {
        return;
    };
    let gap = link.sent_at.duration_since(link.connection.used_at);
    if !link.connection.spinning.pays(gap, budget) {
        return;
    }
    link.spinning = true;
    let until = link.sent_at + budget;
    while !advance(cluster, call) {
        if Instant::now() >= until {
            if let Some(link) = &mut call.link {
                link.spinning = false;
                link.connection.spinning.missed();
            }
            return;
        }
        std::hint::spin_loop();
    }
}
