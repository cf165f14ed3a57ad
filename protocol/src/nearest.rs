//! "Did you mean": the known names closest to an unknown one.

/// Most names offered.
const OFFERED_MAX: usize = 3;

/// Up to three of `known` within a third of the length of `name` by Levenshtein distance (at least
/// two, but always less than the length: something must be left in common), nearest first; case
/// does not count.
///
/// Names of PHP may have a namespace: one that was left out, or a wrong one, is no difference in
/// spelling. So the last parts are compared as well; a match of them alone comes after one of the
/// whole at the same distance.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.trim_start_matches('\\').to_lowercase();
    let mut found: Vec<(usize, bool, &str)> = known
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let whole = slip(&wanted, &lower).map(|distance| (distance, false));
            let part = slip(last_part(&wanted), last_part(&lower)).map(|distance| (distance, true));
            let (distance, in_part) = whole.into_iter().chain(part).min()?;
            Some((distance, in_part, candidate))
        })
        .collect();
    found.sort();
    found.truncate(OFFERED_MAX);
    found.into_iter().map(|(_, _, candidate)| candidate.to_owned()).collect()
}

/// What follows the namespace.
fn last_part(name: &str) -> &str {
    name.rsplit_once('\\').map_or(name, |(_, last)| last)
}

/// The distance, if it is small enough for a slip.
fn slip(wanted: &str, candidate: &str) -> Option<usize> {
    let length = wanted.chars().count();
    let limit = (length / 3).max(2).min(length.saturating_sub(1));
    let distance = distance(wanted, candidate);
    (distance <= limit && length > 0).then_some(distance)
}

/// Levenshtein distance in characters, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
