//! A view as lines of text: the same for a terminal, a file and a test.

use super::Sort;
use super::view::{ExecutorRow, FunctionRow, View};
use crate::cli::{status, text};
use protocol::ConnectionStats;

/// What the lines must fit, and how they are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) sort: Sort,
    pub(super) paused: bool,
    /// Why the last refresh failed.
    pub(super) trouble: Option<&'a str>,
    /// Whether there are keys to press.
    pub(super) keys: bool,
}

impl Screen<'_> {
    /// As long and as wide as need be.
    pub(super) fn unlimited() -> Self {
        let (width, height) = (usize::MAX, usize::MAX);
        Self { width, height, sort: Sort::Calls, paused: false, trouble: None, keys: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Heading,
    Alert,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) style: Style,
    pub(super) text: String,
}

impl Line {
    fn new(style: Style, text: impl Into<String>) -> Self {
        Self { style, text: text.into() }
    }
}

/// The frame, top to bottom, never longer or wider than the screen.
pub(super) fn draw(view: &View<'_>, screen: &Screen<'_>) -> Vec<Line> {
    let mut lines = head(view, screen);
    let keys = screen.keys.then(|| [Line::new(Style::Plain, ""), Line::new(Style::Plain, KEYS)]);
    let keys = keys.into_iter().flatten();
    let extra = 2 * SECTION_EXTRA_LINES + keys.clone().count();
    let left = screen.height.saturating_sub(lines.len() + extra);
    let (called, idle): (Vec<_>, Vec<_>) =
        view.functions.iter().partition(|row| row.calls > 0 || row.errors > 0);
    let functions = called.len() + usize::from(!idle.is_empty());
    let executors_max = left.min((left / 2).max(left.saturating_sub(functions)));
    let executors_max = executors_max.min(view.executors.len());
    let functions_max = left - executors_max;
    lines.extend(section(function_rows(called, screen.sort), functions_max, idle.len()));
    lines.extend(section(executor_rows(view), executors_max, 0));
    lines.extend(keys);
    lines.truncate(screen.height);
    for line in &mut lines {
        line.text = line.text.chars().take(screen.width).collect();
    }
    lines
}

const KEYS: &str = "q quit  s sort by the next column  p pause  r refresh";

/// A blank line and the titles.
const SECTION_EXTRA_LINES: usize = 2;

fn head(view: &View<'_>, screen: &Screen<'_>) -> Vec<Line> {
    let report = view.report;
    let period = if view.since_start {
        "since start".to_owned()
    } else {
        format!("last {:.1} s", view.seconds)
    };
    let paused = if screen.paused { "  PAUSED" } else { "" };
    let mut lines = vec![
        Line::new(
            Style::Heading,
            format!(
                "appserver {} at {}  pid {}  up {}  {}{paused}",
                report.version,
                view.worker,
                report.pid,
                text::long(report.uptime_ms / 1000),
                text::bytes(report.rss_bytes),
            ),
        ),
        Line::new(
            Style::Plain,
            format!(
                "calls/s {:.1}  errors/s {:.1} ({period})  executors {} of {} busy, {}  connections {} of {}{}",
                view.calls_per_second(),
                view.errors_per_second(),
                view.executors_busy(),
                view.executors.len(),
                text::bytes(view.executors_bytes()),
                report.connections.open,
                report.connections.max,
                unread(&report.connections),
            ),
        ),
    ];
    let has_jobs = !report.jobs.queues.is_empty();
    lines.extend(has_jobs.then(|| {
        let style = if report.jobs.refused.is_none() { Style::Plain } else { Style::Alert };
        let jobs = status::jobs(&report.jobs).replace('\n', " ");
        Line::new(style, format!("jobs/s {:.1}  {jobs}", view.jobs_per_second))
    }));
    lines.extend(report.apps.iter().map(|app| {
        let style = if app.state == "running" { Style::Plain } else { Style::Alert };
        let died: u64 = app.pools.iter().map(|pool| pool.died).sum();
        let state = text::printable(&app.state).replace('\n', " ");
        let mut line = format!("{} release {}  {state}  {died} died", app.app, app.release);
        let slowest = app.pools.iter().map(|pool| pool.replacements.max_us).max();
        if let Some(slowest_us) = slowest.filter(|slowest_us| *slowest_us > 0) {
            line += &format!(", replaced within {}", text::micros(slowest_us));
        }
        Line::new(style, line)
    }));
    lines.extend(screen.trouble.map(|trouble| {
        Line::new(Style::Alert, format!("not refreshed: {}", trouble.replace('\n', " ")))
    }));
    lines
}

/// Results that wait for their callers, if any do.
fn unread(connections: &ConnectionStats) -> String {
    match connections.unread {
        0 => String::new(),
        results => format!("  unread {results}, {}", text::bytes(connections.unread_bytes)),
    }
}

/// A table with its titles as heading, cut to `rows_max` rows. The last of them tells how many are
/// left out, and of how many functions, the `idle` ones, there is nothing to show.
fn section(rows: Vec<Vec<String>>, rows_max: usize, idle: usize) -> Vec<Line> {
    let table = text::table(&rows);
    let count = rows.len() - 1;
    let has_note = (count > rows_max || idle > 0) && rows_max > 0;
    let shown = rows_max.min(count).min(rows_max.saturating_sub(usize::from(has_note)));
    let mut lines = vec![Line::new(Style::Plain, "")];
    lines.extend(table.lines().take(shown + 1).enumerate().map(|(index, line)| {
        Line::new(if index == 0 { Style::Heading } else { Style::Plain }, line)
    }));
    if has_note {
        lines.push(Line::new(Style::Plain, note(count - shown, idle)));
    }
    lines
}

fn note(more: usize, idle: usize) -> String {
    match (more, idle) {
        (more, 0) => format!("… {more} more"),
        (0, 1) => "… 1 function that was never called".to_owned(),
        (0, idle) => format!("… {idle} functions that were never called"),
        (more, idle) => format!("… {more} more, and {idle} never called"),
    }
}

fn function_rows(mut functions: Vec<&FunctionRow<'_>>, sort: Sort) -> Vec<Vec<String>> {
    functions.sort_by(|a, b| {
        let by_column = match sort {
            Sort::Calls => b.calls_per_second.total_cmp(&a.calls_per_second),
            Sort::P99 => b.p99_us.cmp(&a.p99_us),
            Sort::Errors => b.errors_per_second.total_cmp(&a.errors_per_second),
            Sort::Name => std::cmp::Ordering::Equal,
        };
        by_column.then_with(|| (a.app, a.function).cmp(&(b.app, b.function)))
    });
    let marked = |column: Sort, title: &str| {
        if column == sort { format!("{title}*") } else { title.to_owned() }
    };
    let mut rows = vec![vec![
        marked(Sort::Calls, "CALLS/S"),
        "P50".to_owned(),
        "P95".to_owned(),
        marked(Sort::P99, "P99"),
        marked(Sort::Errors, "ERRORS/S"),
        "CALLS".to_owned(),
        "ERRORS".to_owned(),
        marked(Sort::Name, "FUNCTION"),
    ]];
    let time = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), text::micros);
    rows.extend(functions.into_iter().map(|row| {
        vec![
            format!("{:.1}", row.calls_per_second),
            time(row.p50_us),
            time(row.p95_us),
            time(row.p99_us),
            format!("{:.1}", row.errors_per_second),
            row.calls.to_string(),
            row.errors.to_string(),
            format!("{}:{}", row.app, row.function),
        ]
    }));
    rows
}

fn executor_rows(view: &View<'_>) -> Vec<Vec<String>> {
    let titles = ["EXECUTOR", "POOL", "STATE", "CALLS", "MEMORY", "FOR", "RUNNING"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(view.executors.iter().map(executor_row));
    rows
}

fn executor_row(row: &ExecutorRow<'_>) -> Vec<String> {
    let status = row.status;
    let (duration, function) = match &status.function {
        Some(function) => (text::micros(status.running_us), function.clone()),
        None => ("-".to_owned(), "-".to_owned()),
    };
    vec![
        status.pid.to_string(),
        format!("{}/{}", row.app, row.pool),
        status.state.clone(),
        status.calls.to_string(),
        text::bytes(status.rss_bytes),
        duration,
        function,
    ]
}

#[cfg(test)]
mod tests {
    use super::super::view::{Sample, tests::report};
    use super::*;
    use protocol::{FunctionStats, QueueStatus};
    use std::time::Instant;

    fn drawn(sample: &Sample, screen: &Screen<'_>) -> Vec<String> {
        let lines = draw(&View::new("unix:/a.sock", None, sample), screen);
        lines.into_iter().map(|line| line.text).collect()
    }

    fn many_functions() -> Sample {
        let mut report = report(100, 1);
        report.apps[0].functions = (0..50u64)
            .map(|index| FunctionStats {
                function: format!("f{index:02}"),
                calls: index,
                errors: 50 - index,
                total_us: 0,
                histogram: Vec::new(),
            })
            .collect();
        Sample { at: Instant::now(), report }
    }

    #[test]
    fn a_frame_says_who_what_and_how_fast() {
        let sample = Sample { at: Instant::now(), report: report(100, 1) };
        let text = drawn(&sample, &Screen::unlimited()).join("\n");
        for part in [
            "appserver 1.2.3 at unix:/a.sock",
            "calls/s 10.1  errors/s 0.1 (since start)",
            "executors 1 of 1 busy, 3.0 MiB",
            "connections 3 of 9  unread 2, 5.0 MiB",
            "shop:quote",
            "shop/default",
            "1.5 ms",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn a_worker_with_jobs_has_a_line_for_them() {
        let mut report = report(1, 0);
        let queue = QueueStatus {
            app: report.apps[0].app.clone(),
            queue: "mails".to_owned(),
            paused: true,
            draining: false,
            waiting: 7,
            running: 2,
        };
        report.jobs.queues.push(queue);
        report.jobs.totals.done = 20;
        report.jobs.refused = Some("the disk is full".to_owned());
        let lines = drawn(&Sample { at: Instant::now(), report }, &Screen::unlimited());
        let expected = "jobs/s 2.0  7 waiting, 2 running, 20 done, 0 dead, 1 queue paused; refused: \
                        the disk is full";
        assert!(lines.contains(&expected.to_owned()), "{lines:?}");
    }

    #[test]
    fn no_screen_is_too_small() {
        let sample = many_functions();
        for (width, height) in [(0, 0), (1, 1), (20, 5), (80, 10), (80, 24), (200, 100)] {
            let lines = drawn(&sample, &Screen { width, height, ..Screen::unlimited() });
            assert!(lines.len() <= height, "{} lines on {height}", lines.len());
            assert!(lines.iter().all(|line| line.chars().count() <= width));
        }
        let lines = drawn(&sample, &Screen { width: 80, height: 24, ..Screen::unlimited() });
        assert!(lines.iter().any(|line| line.starts_with("… ")), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("shop/default")), "{lines:?}");
    }

    #[test]
    fn functions_that_were_never_called_are_counted_instead_of_listed() {
        let mut sample = many_functions();
        for stats in &mut sample.report.apps[0].functions[3..] {
            (stats.calls, stats.errors) = (0, 0);
        }
        let lines = drawn(&sample, &Screen::unlimited());
        assert!(lines.iter().any(|line| line.ends_with("f02")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.ends_with("f03")), "{lines:?}");
        assert!(lines.contains(&"… 47 functions that were never called".to_owned()), "{lines:?}");
        let lines = drawn(&sample, &Screen { width: 80, height: 12, ..Screen::unlimited() });
        assert!(lines.iter().any(|line| line.ends_with("never called")), "{lines:?}");
    }

    #[test]
    fn the_keys_stand_last_where_there_are_keys() {
        let screen = Screen { width: 80, height: 24, keys: true, ..Screen::unlimited() };
        let lines = drawn(&many_functions(), &screen);
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (24, Some(KEYS)));
        assert!(!drawn(&many_functions(), &Screen::unlimited()).contains(&KEYS.to_owned()));
    }

    #[test]
    fn functions_are_sorted_by_the_column_that_is_marked() {
        let sample = many_functions();
        for (sort, title, first) in [
            (Sort::Calls, "CALLS/S*", "f49"),
            (Sort::Errors, "ERRORS/S*", "f00"),
            (Sort::Name, "FUNCTION*", "f00"),
        ] {
            let lines = drawn(&sample, &Screen { sort, ..Screen::unlimited() });
            let titles = lines.iter().position(|line| line.contains(title)).expect(title);
            assert!(lines[titles + 1].ends_with(first), "{}", lines[titles + 1]);
        }
    }

    #[test]
    fn trouble_and_pause_are_shown() {
        let sample = many_functions();
        let screen = Screen { paused: true, trouble: Some("gone\naway"), ..Screen::unlimited() };
        let text = drawn(&sample, &screen).join("\n");
        assert!(text.contains("PAUSED") && text.contains("not refreshed: gone away"), "{text}");
    }
}
