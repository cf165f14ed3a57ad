//! A report for people.

use crate::contestant::Name;
use crate::jobs::{Jobs, Producer};
use crate::report::Report;
use crate::statistics::Latency;
use std::fmt::Write;

pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_heading(&mut text, report);
    let _ = write_contest(&mut text, report);
    let _ = write_context(&mut text, report);
    let _ = write_codec(&mut text, report);
    let _ = write_sidecar(&mut text, report);
    let _ = write_cache(&mut text, report);
    let _ = write_jobs(&mut text, &report.jobs);
    for (what, why) in &report.skipped {
        let _ = writeln!(text, "skipped {what}: {why}");
    }
    text
}

fn write_heading(text: &mut String, report: &Report) -> std::fmt::Result {
    let machine = &report.machine;
    writeln!(
        text,
        "\n{} x {}, {}, {}, load {:.1}; commit {}; medians of {} rounds{}\n",
        machine.processors,
        machine.processor,
        machine.system,
        machine.kernel,
        machine.load_average,
        report.commit,
        report.rounds,
        if report.quick { ", quick" } else { "" },
    )
}

fn write_contest(text: &mut String, report: &Report) -> std::fmt::Result {
    if report.contestants.is_empty() {
        return Ok(());
    }
    writeln!(text, "{:36} {:^31} {:^31} {:>10}", "µs", "hot", "1 ms apart", "8 clients")?;
    let columns = format!("{:>7} {:>7} {:>7} {:>7}", "min", "p50", "p90", "p99");
    writeln!(text, "{:36} {columns} {columns} {:>10}", "", "calls/s")?;
    for name in Name::ALL {
        let Some(entry) = report.contestants.get(&name) else { continue };
        let rate = entry.calls_per_second.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
        let (hot, apart) = (four(entry.hot), four(entry.apart));
        writeln!(text, "{:36} {hot} {apart} {rate:>10}", name.label())?;
    }
    writeln!(text)
}

fn four(latency: Option<Latency>) -> String {
    let Some(latency) = latency else { return format!("{:>31}", "-") };
    [latency.min_ns, latency.p50_ns, latency.p90_ns, latency.p99_ns]
        .map(|ns| format!("{:>7}", microseconds(ns)))
        .join(" ")
}

/// Nanoseconds as microseconds with two digits after the point.
fn microseconds(ns: u64) -> String {
    let hundredths = (ns + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn write_context(text: &mut String, report: &Report) -> std::fmt::Result {
    let Some(cost) = report.request_context_ns else { return Ok(()) };
    writeln!(text, "request context, opened and closed: {} µs\n", microseconds(cost))
}

fn write_codec(text: &mut String, report: &Report) -> std::fmt::Result {
    for shape in &report.codec {
        writeln!(
            text,
            "{:36} {:>12} {:>12} {:>12}",
            shape.name, "bytes", "encode µs", "decode µs"
        )?;
        for (codec, figures) in &shape.codecs {
            let (encode, decode) = (figures.encode_ns / 1000.0, figures.decode_ns / 1000.0);
            writeln!(text, "  {codec:34} {:>12} {encode:>12.2} {decode:>12.2}", figures.bytes)?;
        }
    }
    if report.codec.is_empty() { Ok(()) } else { writeln!(text) }
}

fn write_cache(text: &mut String, report: &Report) -> std::fmt::Result {
    let Some(cache) = &report.cache else { return Ok(()) };
    let (what, symfony) = ("kept results, µs", "symfony/cache");
    writeln!(text, "{what:36} {:>12} {:>12} {symfony:>14}", "appserver", "apcu_fetch")?;
    for kept in &cache.shapes {
        let (ours, apcu) = (kept.ours_ns / 1000.0, kept.apcu_ns / 1000.0);
        let symfony = kept.symfony_ns.map(|ns| format!("{:.3}", ns / 1000.0));
        let symfony = symfony.as_deref().unwrap_or("-");
        writeln!(text, "  {:34} {ours:>12.3} {apcu:>12.3} {symfony:>14}", kept.name)?;
    }
    let (plain, miss) = (cache.plain_ns / 1000.0, cache.miss_ns / 1000.0);
    writeln!(text, "plain call {plain:.2} µs, miss of one whose result is kept {miss:.2} µs\n")
}

fn write_sidecar(text: &mut String, report: &Report) -> std::fmt::Result {
    if let Some(idle) = &report.idle {
        writeln!(
            text,
            "idle executor ({} of them): private {} KiB, PSS {} KiB; supervisor RSS {} KiB; \
             processor time of all in {} s: {} ms",
            idle.executors,
            idle.executor_private_kib,
            idle.executor_pss_kib,
            idle.supervisor_rss_kib,
            idle.length_ms / 1000,
            idle.processor_ms,
        )?;
    }
    if let Some(growth) = &report.growth {
        writeln!(
            text,
            "{} mixed calls, RSS early and late: client {} and {} KiB, executor {} and {} KiB, \
             supervisor {} and {} KiB",
            growth.calls,
            growth.early.client_kib,
            growth.late.client_kib,
            growth.early.executor_kib,
            growth.late.executor_kib,
            growth.early.supervisor_kib,
            growth.late.supervisor_kib,
        )?;
    }
    Ok(())
}

fn write_jobs(text: &mut String, jobs: &Jobs) -> std::fmt::Result {
    if jobs.enqueue.is_some() || jobs.start.is_some() {
        let columns = format!("{:>8} {:>8} {:>8} {:>8}", "min", "p50", "p90", "p99");
        writeln!(text, "\n{:50} {columns}", "jobs, µs")?;
    }
    let figures = [
        ("stored", jobs.enqueue),
        ("stored, without PHP", jobs.enqueue_plain),
        ("stored and begun", jobs.start),
    ];
    for (what, figure) in figures {
        let Some(figure) = figure else { continue };
        writeln!(text, "{what:50} {}", wide(figure.job))?;
        writeln!(text, "  beside it: a block written, fdatasync {:11} {}", "", wide(figure.write))?;
    }
    if !jobs.producers.is_empty() {
        writeln!(text, "\n{:50} {:>8}", "jobs stored a second", "jobs/s")?;
    }
    for producer in Producer::ALL {
        let Some(rate) = jobs.producers.get(&producer) else { continue };
        writeln!(text, "{:50} {rate:>8}", producer.label())?;
    }
    let Some(backlog) = &jobs.backlog else { return Ok(()) };
    writeln!(
        text,
        "\n{} jobs run: {} a second; with {} others that wait: {} a second\n\
         they take {} KiB of memory, and {} ms of processor time in {} ms\n\
         start after kill -9: {} ms; of an empty worker: {} ms\n",
        backlog.drained,
        backlog.drain_alone,
        backlog.waiting,
        backlog.drain_beside,
        backlog.grown_bytes / 1024,
        backlog.idle_ms,
        backlog.idle_length_ms,
        backlog.recovery_ms,
        backlog.start_ms,
    )
}

fn wide(latency: Latency) -> String {
    [latency.min_ns, latency.p50_ns, latency.p90_ns, latency.p99_ns]
        .map(|ns| format!("{:>8}", microseconds(ns)))
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::microseconds;

    #[test]
    fn microseconds_have_two_rounded_digits() {
        assert_eq!(microseconds(47), "0.05");
        assert_eq!(microseconds(7_095), "7.10");
        assert_eq!(microseconds(184_999), "185.00");
    }
}
