use super::Immutable;
use embed::{Outcome, Php, Request, StartOptions};
use ext_php_rs::types::Zval;

const ANY_SIZE: usize = usize::MAX;

/// Runs `body` in a request context; nextest gives each test its own process.
fn in_request(body: impl FnOnce(&Request<'_>)) {
    let ini = [("error_reporting", "-1"), ("display_errors", "0"), ("zend.assertions", "1")];
    let ini = ini.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut php = Php::start(&StartOptions { ini, extension: None }).unwrap();
    let request = php.request().unwrap();
    body(&request);
}

fn returned(outcome: Outcome, code: &str) -> Zval {
    match outcome {
        Outcome::Returned(value) => value,
        Outcome::Threw(mut thrown) => {
            let text = thrown.object_mut().unwrap().try_call_method("__toString", vec![]);
            panic!("{code}\n{:?}", text.unwrap().string())
        }
        other => panic!("{code}\n{other:?}"),
    }
}

/// The value of an expression.
fn eval(request: &Request<'_>, code: &str) -> Zval {
    let code = format!("return (function () {{ return {code}; }})();");
    returned(request.eval(&code), &code)
}

/// What PHP's function of this name says to the value.
fn ask(request: &Request<'_>, function: &str, arguments: &mut [Zval]) -> Zval {
    let found = request.function(function).unwrap_or_else(|| panic!("{function}"));
    returned(request.call(found, arguments, None), function)
}

fn handed_out(immutable: &Immutable) -> Zval {
    let mut value = Zval::new();
    // SAFETY: each test drops it at its end, when no PHP code runs any more.
    unsafe { immutable.hand_out(&mut value) };
    value
}

/// Serialized, and with the key that the next element would get.
fn described(request: &Request<'_>, value: Zval) -> String {
    ask(request, "described", &mut [value]).string().unwrap()
}

fn declare(request: &Request<'_>) {
    let code = "function described(mixed $value): string {
        $text = bin2hex(serialize($value));
        if (is_array($value)) { $value[] = null; $text .= ' ' . array_key_last($value); }
        return $text;
    }";
    returned(request.eval(code), code);
}

#[test]
fn it_is_the_value_that_it_was_made_of() {
    in_request(|request| {
        declare(request);
        for code in [
            "null",
            "true",
            "false",
            "0",
            "PHP_INT_MIN",
            "-0.0",
            "NAN",
            "''",
            "'a'",
            "\"\\0\\xff binary\"",
            "str_repeat('long', 100000)",
            "[]",
            "[1, 2, 3]",
            "range(1, 1000)",
            "['z' => 1, 'a' => [2, ['b' => []]], 5 => 'five', -7 => null, '' => '']",
            "['08' => 1, '1.5' => 2, \"\\0\" => 3]",
            "array_filter(range(0, 20), fn ($i) => $i % 3)",
            "[9 => 'after a gap', 3 => 'before it']",
            "(function () { $a = [1, 2, 3]; array_pop($a); return $a; })()",
            "(function () { $a = [1, 2, 3]; unset($a[0], $a[2]); return $a; })()",
            "(function () { $a = ['x' => 1, 7 => 2]; unset($a[7]); return $a; })()",
            "(function () { $a = [7 => 2]; unset($a[7]); return $a; })()",
            "array_fill(0, 100, ['same' => 'row', 'and' => ['more']])",
            "[PHP_INT_MIN => 1, PHP_INT_MAX - 1 => 2]",
        ] {
            let value = eval(request, code);
            let immutable = Immutable::new(&value, ANY_SIZE).unwrap_or_else(|| panic!("{code}"));
            let expected = described(request, value);
            assert_eq!(described(request, handed_out(&immutable)), expected, "{code}");
            assert_eq!(described(request, handed_out(&immutable)), expected, "{code}, again");
        }
    });
}

#[test]
fn what_is_counted_or_can_change_has_no_immutable_form() {
    in_request(|request| {
        for code in [
            "new stdClass",
            "[1, [new stdClass]]",
            "fopen('php://memory', 'r')",
            "(function () { $a = [1]; $r = &$a[0]; return [$a, $r]; })()[0]",
        ] {
            assert!(Immutable::new(&eval(request, code), ANY_SIZE).is_none(), "{code}");
        }
    });
}

#[test]
fn nesting_has_the_limit_of_the_codec() {
    in_request(|request| {
        let nested = |times: u32| {
            let code =
                "(function () { $a = []; for ($i = 1; $i < TIMES; $i++) $a = [$a]; return $a; })()";
            eval(request, &code.replace("TIMES", &times.to_string()))
        };
        assert!(Immutable::new(&nested(512), ANY_SIZE).is_some());
        assert!(Immutable::new(&nested(513), ANY_SIZE).is_none());
    });
}

#[test]
fn bytes_are_bounded_and_told() {
    in_request(|request| {
        let value = eval(request, "array_map(fn ($i) => \"string number $i\", range(1, 1000))");
        let bytes = Immutable::new(&value, ANY_SIZE).unwrap().bytes();
        assert!((64_000..100_000).contains(&bytes), "{bytes}");
        assert!(Immutable::new(&value, bytes).is_some());
        assert!(Immutable::new(&value, bytes - 1).is_none());
        assert!(Immutable::new(&Zval::null(), 0).is_none());
    });
}

#[test]
fn what_occurs_in_many_places_is_kept_once() {
    in_request(|request| {
        let value = eval(request, "array_fill(0, 1000, [str_repeat('x', 1000)])");
        assert!(Immutable::new(&value, ANY_SIZE).unwrap().bytes() < 30_000);
        let doubled = "(function () { $a = ['x']; for ($i = 0; $i < 100; $i++) $a = [$a, $a]; return $a; })()";
        assert!(Immutable::new(&eval(request, doubled), 100_000).is_some());
    });
}
