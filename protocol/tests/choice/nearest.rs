use proptest::prelude::*;
use protocol::nearest;

const KNOWN: [&str; 6] = ["count_words", "count_lines", "greet", "Cart::total", "send", "id"];

#[test]
fn a_slip_of_the_finger_finds_the_name() {
    assert_eq!(nearest("count_word", KNOWN), ["count_words"]);
    assert_eq!(nearest("gret", KNOWN), ["greet"]);
    assert_eq!(nearest("cart::totl", KNOWN), ["Cart::total"]);
    assert_eq!(nearest("COUNT_WORDS", KNOWN)[0], "count_words");
}

#[test]
fn nothing_is_offered_that_shares_nothing() {
    assert!(nearest("render_invoice", KNOWN).is_empty());
    assert!(nearest("xy", KNOWN).is_empty());
    assert!(nearest("", KNOWN).is_empty());
}

#[test]
fn a_namespace_left_out_added_or_mistaken_hides_no_name() {
    let known = ["Shop\\quote", "Shop\\Cart::total", "greet", "Blog\\quota"];
    assert_eq!(nearest("quote", known), ["Shop\\quote", "Blog\\quota"]);
    assert_eq!(nearest("Cart::total", known), ["Shop\\Cart::total"]);
    assert_eq!(nearest("Web\\Shop\\quote", known)[0], "Shop\\quote");
    assert_eq!(nearest("\\App\\greet", known), ["greet"]);
    assert_eq!(nearest("Blog\\quote", known), ["Shop\\quote", "Blog\\quota"]);
}

#[test]
fn at_most_three_are_offered_nearest_first() {
    let known = ["quote", "quote1", "quote12", "quota", "quoted"];
    assert_eq!(nearest("quote", known), ["quote", "quota", "quote1"]);
}

proptest! {
    #[test]
    fn what_is_offered_is_known(name in ".{0,30}", known in prop::collection::vec(".{0,12}", 0..12)) {
        let offered = nearest(&name, known.iter().map(String::as_str));
        prop_assert!(offered.len() <= 3);
        prop_assert!(offered.iter().all(|offer| known.contains(offer)));
    }

    #[test]
    fn a_known_name_is_its_own_nearest(known in prop::collection::btree_set("[a-z]{1,12}", 1..12)) {
        let name = known.iter().next().unwrap();
        let offered = nearest(name, known.iter().map(String::as_str));
        prop_assert_eq!(offered.first(), Some(name));
    }
}
