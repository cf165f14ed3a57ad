use super::{Immutable, Memory, PACKED};
use embed::{Outcome, Php, Request, StartOptions};
use ext_php_rs::ffi::{_Bucket, IS_LONG, zend_refcounted_h};
use ext_php_rs::types::{ZendStr, Zval};

const ANY_SIZE: usize = usize::MAX;

/// Starts PHP; nextest gives each test its own process.
fn start(ini: &[(&str, &str)]) -> Php {
    // Valgrind, which these tests can run under, takes what PCRE's compiler makes for errors.
    let always = [("error_reporting", "-1"), ("display_errors", "0"), ("pcre.jit", "0")];
    let ini = always.iter().chain(ini).map(|(name, value)| ((*name).into(), (*value).into()));
    Php::start(&StartOptions { ini: ini.collect(), extension: None }).unwrap()
}

/// Runs `body` in a request context.
fn in_request(body: impl FnOnce(&Request<'_>)) {
    body(&start(&[]).request().unwrap());
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
    // Each test drops it at its end, when no PHP code runs any more.
    immutable.hand_out(&mut value);
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

/// Header and contents of all that it owns.
fn memory(immutable: &Immutable) -> Vec<String> {
    let Memory { strings, tables, .. } = &immutable.memory;
    // SAFETY: alive, and laid out as the engine's headers say.
    let tables = tables.iter().map(|&table| unsafe {
        let table = &*table;
        let slots = if table.u.flags & PACKED == 0 {
            let buckets =
                std::slice::from_raw_parts(table.__bindgen_anon_1.arData, table.nNumUsed as usize);
            let slot = |bucket: &_Bucket| (slot(&bucket.val), bucket.h, bucket.key);
            format!("{:?}", buckets.iter().map(slot).collect::<Vec<_>>())
        } else {
            let slots = std::slice::from_raw_parts(
                table.__bindgen_anon_1.arPacked,
                table.nNumUsed as usize,
            );
            format!("{:?}", slots.iter().map(slot).collect::<Vec<_>>())
        };
        format!(
            "{:?} {} {} {} {} {} {slots}",
            header(&table.gc),
            table.u.flags,
            table.nNumUsed,
            table.nNumOfElements,
            table.nInternalPointer,
            table.nNextFreeElement,
        )
    });
    // SAFETY: as above.
    let strings = strings.iter().map(|&string| unsafe {
        let text = string.cast::<ZendStr>().as_ref().unwrap();
        format!("{:?} {} {:?}", header(&(*string).gc), (*string).h, text.as_bytes())
    });
    tables.chain(strings).collect()
}

/// Types below have nothing but their type.
fn slot(value: &Zval) -> (i64, u32) {
    // SAFETY: whatever it is, it is so many bits.
    let (bits, info) = unsafe { (&value.value.lval, value.u1.type_info) };
    (if info < IS_LONG { 0 } else { *bits }, info)
}

fn header(header: &zend_refcounted_h) -> (u32, u32) {
    // SAFETY: the only field of the union.
    (header.refcount, unsafe { header.u.type_info })
}

/// Loads a file of the .phpt suite.
fn require(request: &Request<'_>, path: &str) {
    let path = format!("{}/../php-tests/{path}", env!("CARGO_MANIFEST_DIR"));
    let path = std::fs::canonicalize(path).unwrap();
    returned(request.require_once(path.to_str().unwrap()), "require_once");
}

fn change_in_every_way(request: &Request<'_>, immutable: &Immutable) {
    let before = memory(immutable);
    let expected = described(request, handed_out(immutable));
    let ways = eval(request, "array_keys(changes())");
    for way in ways.array().unwrap().values() {
        let name = way.string().unwrap();
        // More than once: for the tracing compiler, and for what is left by the first time.
        for _ in 0..5 {
            ask(request, "change", &mut [way.shallow_clone(), handed_out(immutable)]);
        }
        assert_eq!(memory(immutable), before, "{name}");
        assert_eq!(described(request, handed_out(immutable)), expected, "{name}");
    }
}

fn no_way_of_changing_reaches_it(ini: &[(&str, &str)], check: &str) {
    let mut php = start(ini);
    let request = php.request().unwrap();
    declare(&request);
    require(&request, "app/cache.php");
    require(&request, "cache/changes.inc");
    let immutable = Immutable::new(&eval(&request, "places()"), ANY_SIZE).unwrap();
    change_in_every_way(&request, &immutable);
    assert_eq!(eval(&request, check).bool(), Some(true), "{check}");
    // What PHP left of it may still be looked at while the request ends.
    assert!(request.close());
    let request = php.request().unwrap();
    drop(immutable);
    // What outlived the request has nothing of it.
    let again = "preg_match('/some (\\w+)/u', 'some text') === 1";
    assert_eq!(eval(&request, again).bool(), Some(true), "{again}");
}

#[test]
fn no_change_reaches_it() {
    no_way_of_changing_reaches_it(&[], "true");
}

#[test]
fn no_change_reaches_it_with_opcache() {
    let ini = [("opcache.enable", "1"), ("opcache.enable_cli", "1"), ("opcache.jit", "disable")];
    no_way_of_changing_reaches_it(&ini, "count(opcache_get_status()['scripts']) > 5");
}

#[test]
fn no_change_reaches_it_with_the_tracing_compiler() {
    let ini = [
        ("opcache.enable", "1"),
        ("opcache.enable_cli", "1"),
        ("opcache.jit", "tracing"),
        ("opcache.jit_buffer_size", "32M"),
        ("opcache.jit_hot_func", "1"),
        ("opcache.jit_hot_loop", "1"),
        ("opcache.jit_hot_return", "1"),
        ("opcache.jit_hot_side_exit", "1"),
    ];
    no_way_of_changing_reaches_it(
        &ini,
        "opcache_get_status()['jit']['on'] && count(opcache_get_status()['scripts']) > 5",
    );
}
