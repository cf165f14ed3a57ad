//! What is needed of the figures of a report, and what is aimed at.

use crate::cache;
use crate::codec::{Figures, Shape};
use crate::contestant::Name::{Floor, Fpm, Gearman, Resident, Stateless};
use crate::growth::Resident as Kib;
use crate::jobs;
use crate::report::Report;
use crate::verdict::Line;

/// Resident memory that may come and go between two looks without being growth: a leak of one byte in
/// three calls would be more.
const GROWTH_KIB_MAX: f64 = 256.0;
/// Shapes that are written as runs of numbers.
const PACKED_SHAPES: [&str; 2] = ["10,000 ints", "10,000 floats"];

/// Every figure that has a limit.
pub(crate) fn compare(report: &Report) -> Vec<Line> {
    let mut lines = hot(report);
    lines.extend(apart(report));
    lines.extend(many_clients(report));
    lines.extend(codec(report));
    lines.extend(idle(report));
    lines.extend(growth(report));
    lines.extend(cache::compare(report));
    lines.extend(jobs::compare(&report.jobs));
    lines
}

fn hot(report: &Report) -> Vec<Line> {
    let p50 = |name| report.hot_p50(name).map(float);
    let micros = |ns: Option<f64>| ns.map(|ns| ns / 1000.0);
    let context = report.request_context_ns.map(float);
    let above_floor = difference(difference(p50(Stateless), p50(Floor)), context);
    vec![
        Line::at_least("hot p50: Gearman / stateless", ratio(p50(Gearman), p50(Stateless)))
            .needed(12.0),
        Line::at_least("hot p50: PHP-FPM / stateless", ratio(p50(Fpm), p50(Stateless))).needed(4.0),
        Line::at_most("hot p50: stateless, µs", micros(p50(Stateless))).aim(8.0),
        Line::at_most("hot p50: stateless - floor - request context, µs", micros(above_floor))
            .aim(1.0),
        // Not a share of the request context: most of that is opened before a call comes and closed
        // after its answer, so that a stateless caller does not wait for it either.
        Line::at_least("hot p50: stateless / resident", ratio(p50(Stateless), p50(Resident)))
            .needed(1.0),
        Line::at_most("hot p50: resident, µs", micros(p50(Resident))).aim(4.5),
    ]
}

fn apart(report: &Report) -> Vec<Line> {
    let p50 = |name| report.apart_p50(name).map(float);
    vec![
        Line::at_least("1 ms apart p50: Gearman / stateless", ratio(p50(Gearman), p50(Stateless)))
            .needed(3.0),
        Line::at_most("1 ms apart p50: stateless / floor", ratio(p50(Stateless), p50(Floor)))
            .aim(1.25),
    ]
}

fn many_clients(report: &Report) -> Vec<Line> {
    let rate = |name| report.calls_per_second(name).map(float);
    vec![
        Line::at_least("8 clients: stateless / Gearman", ratio(rate(Stateless), rate(Gearman)))
            .needed(4.0),
        Line::at_least("8 clients: stateless / PHP-FPM", ratio(rate(Stateless), rate(Fpm)))
            .needed(1.4),
        Line::at_least("8 clients: stateless, calls/s", rate(Stateless)).aim(85_000.0),
    ]
}

fn codec(report: &Report) -> Vec<Line> {
    if report.codec.is_empty() {
        return vec![Line::at_least("codec: igbinary's time / ours", None).needed(1.0)];
    }
    report.codec.iter().flat_map(shape).collect()
}

fn shape(shape: &Shape) -> Vec<Line> {
    let name = &shape.name;
    let figure_of = |codec, figure: fn(&Figures) -> f64| shape.codecs.get(codec).map(figure);
    let times_faster =
        |figure| ratio(figure_of("igbinary", figure), figure_of("appserver", figure));
    let aim = if PACKED_SHAPES.contains(&name.as_str()) { 5.0 } else { 1.5 };
    let bytes: fn(&Figures) -> f64 = |figures| float(figures.bytes);
    let size = ratio(figure_of("appserver", bytes), figure_of("igbinary", bytes));
    vec![
        Line::at_least(format!("{name}: encode, igbinary / ours"), times_faster(|f| f.encode_ns))
            .needed(1.0)
            .aim(aim),
        Line::at_least(format!("{name}: decode, igbinary / ours"), times_faster(|f| f.decode_ns))
            .needed(1.0)
            .aim(aim),
        Line::at_most(format!("{name}: size, ours / igbinary"), size).needed(1.1),
    ]
}

fn idle(report: &Report) -> Vec<Line> {
    let private = report.idle.map(|idle| float(idle.executor_private_kib) / 1024.0);
    let processor = report.idle.map(|idle| float(idle.processor_ms) / 1000.0);
    vec![
        Line::at_most("idle executor: private memory, MiB", private).needed(4.0),
        // To the nearest tenth of a second this is nought.
        Line::at_most("idle sidecar: processor time in 10 s, s", processor).needed(0.049),
    ]
}

fn growth(report: &Report) -> Vec<Line> {
    let line = |who: &str, kib: fn(&Kib) -> u64| {
        let grown = report.growth.map(|it| float(kib(&it.late)) - float(kib(&it.early)));
        Line::at_most(format!("growth of the {who} after 100,000 calls, KiB"), grown)
            .needed(GROWTH_KIB_MAX)
    };
    vec![
        line("client", |resident| resident.client_kib),
        line("executor", |resident| resident.executor_kib),
        line("supervisor", |resident| resident.supervisor_kib),
    ]
}

pub(crate) fn ratio(over: Option<f64>, under: Option<f64>) -> Option<f64> {
    Some(over? / under?)
}

pub(crate) fn difference(from: Option<f64>, what: Option<f64>) -> Option<f64> {
    Some(from? - what?)
}

#[allow(clippy::cast_precision_loss, reason = "nanoseconds, bytes and rates are far below 2^53")]
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    /// A report as it is written, with figures that reach all that is needed.
    fn good_report() -> Report {
        serde_json::from_str(include_str!("../fixtures/good-report.json")).expect("a report")
    }

    fn verdict(report: &Report, figure: &str) -> Verdict {
        let lines = compare(report);
        let line = lines.iter().find(|line| line.figure().contains(figure));
        line.unwrap_or_else(|| panic!("no line {figure}")).verdict()
    }

    #[test]
    fn a_good_report_passes() {
        for line in compare(&good_report()) {
            assert!(line.is_good_enough(), "{line:?}");
        }
    }

    #[test]
    fn the_ratio_of_medians_decides() {
        let mut report = good_report();
        let gearman = report.contestants.get_mut(&Gearman).expect("it competes");
        let hot = gearman.hot.as_mut().expect("it was measured");
        hot.p50_ns = 12 * 8_000;
        assert_eq!(verdict(&report, "hot p50: Gearman"), Verdict::Enough);
        report.contestants.get_mut(&Gearman).unwrap().hot.as_mut().unwrap().p50_ns -= 1;
        assert_eq!(verdict(&report, "hot p50: Gearman"), Verdict::BelowNeeded);
    }

    #[test]
    fn a_missing_peer_is_not_measured() {
        let mut report = good_report();
        report.contestants.remove(&Fpm);
        assert_eq!(verdict(&report, "8 clients: stateless / PHP-FPM"), Verdict::NotMeasured);
        assert!(!compare(&report).iter().all(Line::is_good_enough));
    }

    #[test]
    fn resident_must_not_be_slower_than_stateless() {
        let mut report = good_report();
        let resident = report.contestants.get_mut(&Resident).expect("it competes");
        resident.hot.as_mut().expect("it was measured").p50_ns = 8_001;
        assert_eq!(verdict(&report, "hot p50: stateless / resident"), Verdict::BelowNeeded);
    }

    #[test]
    fn growth_beyond_the_tolerance_fails() {
        let mut report = good_report();
        let growth = report.growth.as_mut().expect("measured");
        growth.late.executor_kib = growth.early.executor_kib + 257;
        assert_eq!(verdict(&report, "growth of the executor"), Verdict::BelowNeeded);
        assert_eq!(verdict(&report, "growth of the client"), Verdict::Enough);
    }

    #[test]
    fn a_kept_result_that_costs_more_than_apcu_fails() {
        let mut report = good_report();
        report.cache.as_mut().expect("measured").shapes[0].ours_ns = 411.0;
        assert_eq!(verdict(&report, "kept, small array"), Verdict::BelowNeeded);
        assert_eq!(verdict(&report, "kept, 10,000 rows: apcu"), Verdict::Enough);
        assert_eq!(verdict(&report, "kept, small array: symfony/cache"), Verdict::AimReached);
        report.cache.as_mut().unwrap().shapes[0].symfony_ns = None;
        let missing = compare(&report);
        let missing = missing.iter().find(|line| line.figure().contains("symfony/cache")).unwrap();
        assert!(missing.is_good_enough(), "not every system has it");
        report.cache = None;
        assert_eq!(verdict(&report, "a miss beyond"), Verdict::NotMeasured);
    }

    #[test]
    fn packed_numbers_have_a_higher_aim() {
        let mut report = good_report();
        for shape in &mut report.codec {
            shape.codecs.get_mut("igbinary").unwrap().encode_ns = 300.0;
            shape.codecs.get_mut("appserver").unwrap().encode_ns = 100.0;
        }
        assert_eq!(verdict(&report, "10,000 ints: encode"), Verdict::Enough);
        assert_eq!(verdict(&report, "small array: encode"), Verdict::AimReached);
    }

    #[test]
    fn a_larger_encoding_fails() {
        let mut report = good_report();
        let shape = &mut report.codec[0];
        shape.codecs.get_mut("appserver").unwrap().bytes = shape.codecs["igbinary"].bytes * 12 / 10;
        assert_eq!(verdict(&report, "small array: size"), Verdict::BelowNeeded);
    }
}
