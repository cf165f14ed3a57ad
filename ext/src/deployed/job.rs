//! The job that the running call is an attempt at, and the way to say how far it has come.

use protocol::JobContext;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Tells the executor: done, total, and a text of the length that follows it.
pub(crate) type Tell = extern "C" fn(u64, u64, *const u8, usize);

/// Most of a report's text, in bytes.
const MESSAGE_BYTES_MAX: usize = 1024;

thread_local! {
    static CURRENT: RefCell<Option<Rc<JobContext>>> = const { RefCell::new(None) };
    static TELL: Cell<Option<Tell>> = const { Cell::new(None) };
}

/// The call that begins is an attempt at this job.
pub(crate) fn begins(job: JobContext, tell: Tell) {
    CURRENT.set(Some(Rc::new(job)));
    TELL.set(Some(tell));
}

/// The call that begins is no job's.
pub(crate) fn is_none() {
    if TELL.take().is_some() {
        CURRENT.set(None);
    }
}

/// `None` outside of jobs.
pub(crate) fn current() -> Option<Rc<JobContext>> {
    CURRENT.with_borrow(Option::clone)
}

/// Says how far the job has come; without one, nothing.
pub(crate) fn report(done: u64, total: u64, message: &str) {
    let Some(tell) = TELL.get() else {
        return;
    };
    let message = &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)];
    tell(done, total, message.as_ptr(), message.len());
}
