//! Patterns over names.

use proptest::prelude::*;
use protocol::Patterns;

fn matches(pattern: &str, name: &str) -> bool {
    Patterns::new([pattern]).matches(name)
}

#[test]
fn patterns_match_whole_names_without_regard_to_case() {
    assert!(matches("shop_*", "Shop_Quote"));
    assert!(matches("\\Shop\\*", "Shop\\quote"));
    assert!(matches("*::create", "Order::create"));
    assert!(matches("quote?", "quote1"));
    assert!(matches("*", ""));
    assert!(matches("a*b*c", "a-b-b-c"));
    assert!(!matches("a*b*c", "a-b-b"));
    assert!(!matches("quote", "quotes"));
    assert!(!matches("shop_*", "workshop_x"));
    assert!(!matches("money\\*", "monetary"));
}

#[test]
fn patterns_that_match_nothing_are_told_as_they_were_written() {
    let patterns = Patterns::new(["shop_*", "\\Blog\\*", "Order::*"]);
    assert_eq!(patterns.idle(["shop_quote", "order::create"]), ["\\Blog\\*"]);
    assert_eq!(patterns.idle([]).len(), 3);
}

/// What the patterns mean, in the fewest words: slow, and obviously right.
fn reference(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => reference(rest, name),
        (Some((b'*', rest)), Some((_, after))) => {
            reference(rest, name) || reference(pattern, after)
        }
        (Some((wanted, rest)), Some((byte, after))) => {
            (*wanted == b'?' || wanted == byte) && reference(rest, after)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_pattern_means_what_its_characters_mean(
        pattern in "[ab*?]{0,8}",
        name in "[ab]{0,10}",
    ) {
        prop_assert_eq!(
            matches(&pattern, &name),
            reference(pattern.as_bytes(), name.as_bytes()),
        );
    }

    #[test]
    fn a_name_that_filled_a_pattern_matches_it(parts in prop::collection::vec("[a-c]{0,4}", 1..6)) {
        prop_assert!(matches(&parts.join("*"), &parts.join("xyz")));
    }
}
