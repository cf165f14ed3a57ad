//! What is needed of the figures of jobs, and what is aimed at.

use super::{Backlog, BesideDisk, Jobs, Producer};
use crate::check::{difference, float, ratio};
use crate::statistics::Latency;
use crate::verdict::Line;

pub(crate) fn compare(jobs: &Jobs) -> Vec<Line> {
    let mut lines = latencies(jobs);
    lines.extend(producers(jobs));
    lines.extend(backlog(jobs.backlog));
    lines
}

fn latencies(jobs: &Jobs) -> Vec<Line> {
    let p50 = |figure: Option<BesideDisk>, of: fn(BesideDisk) -> Latency| {
        figure.map(|figure| float(of(figure).p50_ns))
    };
    let stored = |figure| ratio(p50(figure, |it| it.job), p50(figure, |it| it.write));
    let begun = difference(p50(jobs.start, |it| it.job), p50(jobs.start, |it| it.write));
    let p99 = jobs.start.map(|figure| float(figure.job.p99_ns));
    let ms = |ns: Option<f64>| ns.map(|ns| ns / 1_000_000.0);
    vec![
        Line::at_most("jobs: stored p50 / fdatasync p50", stored(jobs.enqueue)).needed(1.5),
        Line::at_most("jobs: the same without PHP", stored(jobs.enqueue_plain)).aim(1.5),
        Line::at_most("jobs: begun p50 - fdatasync p50, ms", ms(begun)).needed(1.0),
        Line::at_most("jobs: begun p99, ms", ms(p99)).needed(5.0),
    ]
}

fn producers(jobs: &Jobs) -> Vec<Line> {
    let rate = |producer| jobs.producers.get(&producer).copied().map(float);
    let times = |ours, peer| ratio(rate(ours), rate(peer));
    let (php, native) = (Producer::Php, Producer::Native);
    vec![
        Line::at_least("64 PHP producers: jobs/s", rate(php)).needed(40_000.0).aim(100_000.0),
        Line::at_least("64 PHP producers: ours / Gearman", times(php, Producer::GearmanPhp))
            .needed(2.0),
        Line::at_least("64 PHP producers: ours / beanstalkd", times(php, Producer::BeanstalkdPhp))
            .needed(10.0),
        Line::at_least("64 cheap producers: jobs/s", rate(native)).aim(100_000.0),
        Line::at_least(
            "64 cheap producers: ours / Gearman",
            times(native, Producer::GearmanNative),
        )
        .aim(2.0),
        Line::at_least(
            "64 cheap producers: ours / beanstalkd",
            times(native, Producer::BeanstalkdNative),
        )
        .aim(10.0),
    ]
}

fn backlog(backlog: Option<Backlog>) -> Vec<Line> {
    let of = |figure: fn(&Backlog) -> u64| backlog.as_ref().map(|it| float(figure(it)));
    let (alone, beside) = (of(|it| it.drain_alone), of(|it| it.drain_beside));
    let each = ratio(of(|it| it.grown_bytes), of(|it| it.waiting));
    let seconds = |ms: Option<f64>| ms.map(|ms| ms / 1000.0);
    vec![
        Line::at_least("drain of 100,000 jobs, jobs/s", alone).needed(15_000.0),
        Line::at_least("drain beside 1,000,000 jobs / drain alone", ratio(beside, alone))
            .needed(0.8),
        Line::at_most("1,000,000 waiting jobs: memory of each, bytes", each).needed(200.0),
        Line::at_most(
            "1,000,000 waiting jobs: start after kill -9, s",
            seconds(of(|it| it.recovery_ms)),
        )
        .needed(3.0),
        // To the nearest tenth of a second this is nought.
        Line::at_most(
            "1,000,000 waiting jobs: processor time in 5 s, s",
            seconds(of(|it| it.idle_ms)),
        )
        .needed(0.049),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::verdict::Verdict;

    /// Figures that just reach what is needed.
    fn good() -> Jobs {
        let report: Report = serde_json::from_str(include_str!("../../fixtures/good-report.json"))
            .expect("a report");
        report.jobs
    }

    fn verdict(jobs: &Jobs, figure: &str) -> Verdict {
        let lines = compare(jobs);
        let line = lines.iter().find(|line| line.figure().contains(figure));
        line.unwrap_or_else(|| panic!("no line {figure}")).verdict()
    }

    #[test]
    fn the_disk_beside_it_decides_what_storing_may_take() {
        let mut jobs = good();
        assert_eq!(verdict(&jobs, "stored p50"), Verdict::Enough);
        jobs.enqueue.as_mut().expect("measured").write.p50_ns -= 1;
        assert_eq!(verdict(&jobs, "stored p50"), Verdict::BelowNeeded);
    }

    #[test]
    fn a_peer_that_was_not_there_proves_nothing() {
        let mut jobs = good();
        assert_eq!(verdict(&jobs, "ours / beanstalkd"), Verdict::Enough);
        jobs.producers.remove(&Producer::BeanstalkdPhp);
        assert_eq!(verdict(&jobs, "ours / beanstalkd"), Verdict::NotMeasured);
    }

    #[test]
    fn a_drain_may_lose_a_fifth_to_those_that_wait() {
        let mut jobs = good();
        assert_eq!(verdict(&jobs, "drain beside"), Verdict::Enough);
        jobs.backlog.as_mut().expect("measured").drain_beside -= 1;
        assert_eq!(verdict(&jobs, "drain beside"), Verdict::BelowNeeded);
    }

    #[test]
    fn a_report_without_jobs_has_measured_none() {
        let lines = compare(&Jobs::default());
        assert!(lines.iter().all(|line| line.verdict() == Verdict::NotMeasured));
    }
}
