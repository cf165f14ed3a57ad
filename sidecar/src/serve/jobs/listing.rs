//! Jobs as the ledger has them, a page at a time, read beside the thread that keeps them.

use crate::admin::{Job, JobFilter, JobPage};
use jobs::Head;
use ledger::{Reader, States};
use protocol::JobState;
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// Entries that are looked at first; twice as many whenever too few were found.
const WINDOW: u64 = 256;
/// How much narrower it gets when there are too many: behind a wide gap there may be any number.
const NARROWER: u64 = 16;

/// What is looked for, and where.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) filter: &'a JobFilter,
    /// States that the filter allows and whoever asks can use.
    pub(super) states: &'a [JobState],
    /// Below this number.
    pub(super) before: u64,
    /// Most jobs of the page.
    pub(super) limit: usize,
    /// Most entries that are looked at for it, more or less.
    pub(super) scanned_max: u64,
    pub(super) now_ms: u64,
}

/// A job that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) seq: u64,
    pub(super) state: JobState,
    pub(super) head: Head,
}

/// The newest ones first, and where older ones begin if there may be any. Jobs are numbered in the order in
/// which they were made, and a ledger is read upwards: so by windows, from the last one down.
pub(super) fn search(
    search: &Search<'_>,
    reader: &dyn Reader,
) -> Result<(Vec<Found>, Option<u64>), ledger::Error> {
    let (mut found, mut scanned, mut width) = (Vec::new(), 0, WINDOW);
    let mut end = search.before;
    while end > 1 {
        let begin = end.saturating_sub(width).max(1);
        let missing = search.limit - found.len();
        let Some(window) = search.window(begin, end, missing, reader)? else {
            width /= NARROWER;
            continue;
        };
        // There may be more between the first one of the page and the window's begin.
        let is_full = window.newest.len() == missing;
        let first = window.newest.front().map(|found| found.seq);
        end = first.filter(|_| is_full).unwrap_or(begin);
        scanned += window.seen;
        found.extend(window.newest.into_iter().rev());
        if is_full || scanned >= search.scanned_max {
            return Ok((found, (end > 1).then_some(end)));
        }
        width = width.saturating_mul(2);
    }
    Ok((found, None))
}

/// What a window has.
#[derive(Default)]
struct Window {
    /// The last ones that fit, lowest first.
    newest: VecDeque<Found>,
    seen: u64,
}

impl Search<'_> {
    /// Nothing when it has more entries than are to be looked at.
    fn window(
        &self,
        begin: u64,
        end: u64,
        most: usize,
        reader: &dyn Reader,
    ) -> Result<Option<Window>, ledger::Error> {
        let mut window = Window::default();
        let states: Vec<u8> = self.states.iter().map(|state| *state as u8).collect();
        reader.scan(begin, States::of(&states), &mut |row| {
            if row.seq >= end || window.seen > self.scanned_max {
                return ControlFlow::Break(());
            }
            window.seen += 1;
            let state = JobState::from_byte(row.state);
            // What cannot be read is in the log.
            if let (Some(state), Ok(head)) = (state, Head::read(row.seq, row.head))
                && self.fits(&head)
            {
                window.newest.push_back(Found { seq: row.seq, state, head });
                if window.newest.len() > most {
                    window.newest.pop_front();
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok((window.seen <= self.scanned_max).then_some(window))
    }

    fn fits(&self, head: &Head) -> bool {
        let JobFilter { app, queue, function, state: _, tag, group, older_than_ms } = self.filter;
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
        let older = |ms: u64| head.made_ms <= self.now_ms.saturating_sub(ms);
        app.as_ref().is_none_or(|app| *app == head.app)
            && is(queue, &head.queue)
            && function.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&head.function))
            && tag.as_ref().is_none_or(|tag| head.tags.contains(tag))
            && group.as_ref().is_none_or(|group| head.group.as_ref() == Some(group))
            && older_than_ms.is_none_or(older)
    }
}

/// As the API tells it.
pub(super) fn page(found: &[Found], before: Option<u64>, tag: u16) -> JobPage {
    JobPage { jobs: found.iter().map(|found| job(found, tag)).collect(), before }
}

pub(super) fn job(found: &Found, tag: u16) -> Job {
    let Found { seq, state, head } = found;
    Job {
        id: head.id(tag, *seq).to_string(),
        app: head.app.to_string(),
        function: head.function.clone(),
        queue: head.queue.clone(),
        state: *state,
        priority: head.priority,
        made_at_ms: head.made_ms,
        due_at_ms: head.due_ms(),
        ended_at_ms: state.is_over().then_some(head.ended_ms),
        attempt: head.attempt,
        failures: head.failures,
        crashes: head.crashes,
        group: head.group.clone(),
        tags: head.tags.clone(),
        batch: head.batch.map(|batch| batch.to_string()),
        cause: head.cause.clone(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use jobs::{Engine, Now, QueueLimits, Rules, Settings};
    use ledger::{Change, Ledger, Memory};
    use protocol::{AppName, Catalog, Function, JobOptions, NewJob};

    /// Of a job that was made at 1,000 ms.
    pub(in crate::serve::jobs) fn head(function: &str, queue: &str) -> Head {
        let (app, now) = (AppName::new("shop").unwrap(), Now { wall_ms: 1000, steady_ms: 0 });
        let mut engine = Engine::new(Settings::default(), 7, 0, 1, now);
        let functions = vec![Function { name: function.to_owned(), ..Function::default() }];
        let catalog = Catalog { functions, ..Catalog::default() };
        engine.set_rules(&app, Some(Rules::new(&catalog, QueueLimits::new())));
        let options = JobOptions { queue: Some(queue.to_owned()), ..JobOptions::default() };
        let job = NewJob { function: function.to_owned(), options, ..NewJob::default() };
        engine.enqueue(&app, vec![job], None, Memory::new(7).read()).unwrap().unwrap();
        let head = engine.take_changes().into_iter().find_map(|change| match change {
            Change::Insert { seq, head, .. } => Head::read(seq, &head).ok(),
            _ => None,
        });
        head.expect("a job was made")
    }

    pub(in crate::serve::jobs) fn ledger(
        jobs: impl IntoIterator<Item = (u64, JobState, Head)>,
    ) -> Memory {
        let mut ledger = Memory::new(7);
        let change = |(seq, state, head): (u64, JobState, Head)| Change::Insert {
            seq,
            state: state as u8,
            head: head.to_bytes(),
            body: Vec::new(),
        };
        ledger.commit(&jobs.into_iter().map(change).collect::<Vec<_>>()).unwrap();
        ledger
    }

    fn all(filter: JobFilter, limit: usize, ledger: &Memory) -> Vec<u64> {
        let states: Vec<JobState> =
            JobState::ALL.into_iter().filter(|s| filter.state.is_none_or(|f| f == *s)).collect();
        let (mut before, mut all, mut pages) = (ledger.last_seq() + 1, Vec::new(), 0);
        loop {
            let search = Search { states: &states, ..search_all(&filter, before, limit) };
            let (found, next) = super::search(&search, ledger.read()).unwrap();
            assert!(found.len() <= limit);
            all.extend(found.iter().map(|found| found.seq));
            pages += 1;
            assert!(pages < 10_000, "it ends");
            match next {
                Some(next) if next < before => before = next,
                Some(next) => panic!("{next} is not before {before}"),
                None => return all,
            }
        }
    }

    #[test]
    fn pages_follow_each_other_and_none_is_left_out() {
        // Gaps as of years of jobs that are gone.
        let numbers: Vec<u64> = (1..=700).map(|n| n * n * 1000).collect();
        let ledger = ledger(numbers.iter().map(|seq| (*seq, JobState::Dead, head("f", "q"))));
        let newest_first: Vec<u64> = numbers.iter().rev().copied().collect();
        for limit in [1, 7, 256, 1000] {
            assert_eq!(all(JobFilter::default(), limit, &ledger), newest_first, "{limit}");
        }
    }

    #[test]
    fn everything_that_is_given_must_hold() {
        let tagged = Head { tags: vec!["eu".to_owned()], made_ms: 9500, ..head("Send", "mails") };
        let grouped = Head { group: Some("ada".to_owned()), ..head("send", "other") };
        let ledger = ledger([
            (1, JobState::Waiting, head("send", "mails")),
            (2, JobState::Dead, tagged),
            (3, JobState::Waiting, grouped),
            (4, JobState::Done, head("resize", "mails")),
        ]);
        let some = |text: &str| Some(text.to_owned());
        let filters = [
            (JobFilter { queue: some("mails"), ..JobFilter::default() }, vec![4, 2, 1]),
            (JobFilter { function: some("SEND"), ..JobFilter::default() }, vec![3, 2, 1]),
            (JobFilter { tag: some("eu"), ..JobFilter::default() }, vec![2]),
            (JobFilter { group: some("ada"), ..JobFilter::default() }, vec![3]),
            (JobFilter { older_than_ms: Some(501), ..JobFilter::default() }, vec![4, 3, 1]),
            (JobFilter { state: Some(JobState::Waiting), ..JobFilter::default() }, vec![3, 1]),
            (JobFilter { app: AppName::new("blog").ok(), ..JobFilter::default() }, vec![]),
        ];
        for (filter, expected) in filters {
            assert_eq!(all(filter.clone(), 2, &ledger), expected, "{filter:?}");
        }
    }

    #[test]
    fn a_page_looks_at_so_many_entries_also_behind_a_wide_gap() {
        let numbers = (1..=5000).chain([1 << 34]);
        let head = head("f", "q");
        let ledger = ledger(numbers.map(|seq| (seq, JobState::Dead, head.clone())));
        let filter = JobFilter { tag: Some("none".to_owned()), ..JobFilter::default() };
        let (mut before, mut pages) = (Some(ledger.last_seq() + 1), 0);
        while let Some(next) = before {
            let search = Search { scanned_max: 300, ..search_all(&filter, next, 9) };
            let (found, rest) = super::search(&search, ledger.read()).unwrap();
            assert!(found.is_empty() && rest.is_none_or(|rest| rest < next), "{rest:?}");
            (before, pages) = (rest, pages + 1);
        }
        assert!(pages > 5000 / 600, "{pages} pages");
    }

    fn search_all(filter: &JobFilter, before: u64, limit: usize) -> Search<'_> {
        let (states, scanned_max) = (&JobState::ALL, 1_000_000);
        Search { filter, states, before, limit, scanned_max, now_ms: 10_000 }
    }
}
