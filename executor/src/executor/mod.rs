//! An executor: one process that serves the calls of one pool, one at a time.

mod accept;
mod answer;
mod call;
mod clock;
mod codec;
mod connections;
mod cut;
mod delivery;
mod end_signals;
mod failure;
mod fork_guard;
mod functions;
mod intake;
mod interrupt;
mod journal;
mod patience;
mod progress;
mod prologue;
mod reply;
mod seat;
mod serve;
mod turn;
mod waiting;

pub(crate) use end_signals::outlast;
pub(crate) use progress::report;
pub(crate) use prologue::Prologue;
pub(crate) use seat::Seat;

use crate::control::{Gone, NoDescriptorsLeft};
use anyhow::{Context, Result};
use embed::Php;
use protocol::{Boot, Catalog, FromExecutor, Isolation};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Serves until the process is to end, and ends it: the engine's state is the prototype's, so
/// nothing of it is shut down here.
pub(crate) fn run(
    php: &mut Php,
    boot: &Boot,
    catalog: &Catalog,
    prologue: &Prologue,
    seat: Seat,
    prototype: Option<Pid>,
) -> ! {
    let lived = live(php, boot, catalog, prologue, &seat, prototype);
    // Perhaps forked when the last request was closed.
    fork_guard::leave_if_stranger();
    let status = match lived {
        Ok(reason) => {
            // A supervisor that is gone needs no farewell.
            let _ = seat.control.send(&FromExecutor::Leaving { reason }, &[]);
            0
        }
        // It closes our sockets when it ends; whether there was more to say does not matter then.
        Err(error) if error.is::<Gone>() => 0,
        // Another one begins with none open.
        Err(error) if error.is::<NoDescriptorsLeft>() => {
            let _ = seat.control.send(&FromExecutor::Leaving { reason: error.to_string() }, &[]);
            0
        }
        Err(error) => {
            eprintln!(
                "appserver-php: executor {} of pool {}: {error:#}",
                seat.index, seat.pool.name
            );
            1
        }
    };
    fork_guard::leave(status)
}

/// Returns why the process should end.
fn live(
    php: &mut Php,
    boot: &Boot,
    catalog: &Catalog,
    prologue: &Prologue,
    seat: &Seat,
    prototype: Option<Pid>,
) -> Result<String> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("PR_SET_PDEATHSIG")?;
    if getppid() != prototype {
        return Ok("the prototype ended".to_owned());
    }
    fork_guard::install()?;
    end_signals::end_children();
    interrupt::default_faults();
    interrupt::install(seat.cell())?;
    let mut server = serve::Server::new(boot, catalog, seat)?;
    match seat.pool.isolation {
        Isolation::Stateless => server.stateless(php, prologue),
        Isolation::Resident => server.resident(php, prologue),
    }
}
