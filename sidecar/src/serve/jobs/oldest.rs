//! How long queues keep their jobs waiting.

use jobs::Head;
use ledger::{Reader, States};
use protocol::{AppName, JobState};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Most entries that are looked at for the oldest jobs of queues.
const OLDEST_SCANNED_MAX: u32 = 50_000;

/// When the oldest job of each queue was made that waits for its turn, of as many of the oldest jobs as are
/// looked at. `queues` are those in which something waits.
pub(super) fn oldest(
    queues: usize,
    now_ms: u64,
    reader: &dyn Reader,
) -> Result<BTreeMap<(AppName, String), u64>, ledger::Error> {
    let mut oldest = BTreeMap::new();
    let mut left = OLDEST_SCANNED_MAX;
    let waiting = States::of(&[JobState::Waiting as u8]);
    if queues == 0 {
        return Ok(oldest);
    }
    reader.scan(0, waiting, &mut |row| {
        if let Ok(head) = Head::read(row.seq, row.head)
            && head.due_ms() <= now_ms
        {
            oldest.entry((head.app, head.queue)).or_insert(head.made_ms);
        }
        left -= 1;
        match oldest.len() == queues || left == 0 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(oldest)
}

#[cfg(test)]
mod tests {
    use super::super::listing::tests::{head, ledger};
    use super::*;
    use jobs::Due;
    use ledger::Ledger;

    #[test]
    fn the_oldest_job_of_a_queue_is_the_first_that_is_due() {
        let later = Head { due: Due::At(20_000), made_ms: 1, ..head("f", "late") };
        let ledger = ledger([
            (1, JobState::Waiting, later),
            (2, JobState::Done, Head { made_ms: 2, ..head("f", "mails") }),
            (3, JobState::Waiting, Head { made_ms: 3, ..head("f", "mails") }),
            (4, JobState::Waiting, Head { made_ms: 4, ..head("f", "mails") }),
        ]);
        let mails = (AppName::new("shop").unwrap(), "mails".to_owned());
        assert_eq!(oldest(2, 10_000, ledger.read()).unwrap(), [(mails, 3)].into());
    }
}
