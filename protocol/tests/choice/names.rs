use proptest::prelude::*;
use protocol::{AppName, split_target};

fn app(name: &str) -> Option<AppName> {
    Some(AppName::new(name).unwrap())
}

#[test]
fn targets_split_as_php_names_are_written() {
    let cases = [
        ("greet", (None, "greet")),
        ("shop:greet", (app("shop"), "greet")),
        ("Cart::total", (None, "Cart::total")),
        ("shop:Cart::total", (app("shop"), "Cart::total")),
        ("\\Shop\\greet", (None, "Shop\\greet")),
        ("shop:\\Shop\\Cart::total", (app("shop"), "Shop\\Cart::total")),
        ("my-shop_2:greet", (app("my-shop_2"), "greet")),
    ];
    for (target, expected) in cases {
        assert_eq!(split_target(target), Ok(expected), "{target}");
    }
}

#[test]
fn a_target_with_an_invalid_application_is_refused_by_name() {
    for (target, name) in [
        (":greet", ""),
        ("Shop:greet", "Shop"),
        ("2shop:greet", "2shop"),
        ("my shop:greet", "my shop"),
        ("\\shop:greet", "\\shop"),
    ] {
        let error = split_target(target).unwrap_err();
        assert_eq!(error.0, name, "{target}");
        assert!(error.to_string().contains("use 1 to 64 of a-z"), "{error}");
    }
}

#[test]
fn application_names_are_bounded() {
    assert!(AppName::new(&"a".repeat(64)).is_ok());
    assert!(AppName::new(&"a".repeat(65)).is_err());
    assert!(AppName::new("").unwrap().is_any());
    for wrong in ["-a", "_a", "9", "A", "a.b", "a/b", "ä", "a\0"] {
        assert!(AppName::new(wrong).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn any_string_splits_or_is_refused(target in ".{0,40}") {
        if let Ok((app, function)) = split_target(&target) {
            prop_assert!(target.ends_with(function));
            prop_assert!(app.is_none_or(|app| !app.is_any() && target.starts_with(app.as_str())));
        }
    }
}
