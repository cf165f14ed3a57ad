//! "Did you mean": the known names closest to an unknown one.

/// Most names offered.
const OFFERED_MAX: usize = 3;

/// Up to three of `known` within a third of the length of `name` by Levenshtein distance (at least
/// two, but always less than the length: something must be left in common), nearest first; case
/// does not count.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let length = wanted.chars().count();
    let limit = (length / 3).max(2).min(length.saturating_sub(1));
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit && length > 0)
        .collect();
    found.sort();
    found.truncate(OFFERED_MAX);
    found.into_iter().map(|(_, candidate)| candidate.to_owned()).collect()
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
