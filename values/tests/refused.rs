//! What cannot be sent or may not be made, and how the error tells where it is.

mod php;

use ext_php_rs::types::Zval;
use php::{call, decode, encode, eval, in_request, policy};
use values::{
    AllowedClasses, Argument, DecodeError, EncodeError, Limits, decode_arguments, decode_value,
    encode_arguments, encode_value,
};

#[track_caller]
fn assert_unsendable(value: &Zval, path: &str, reason: &str) {
    let mut out = b"kept".to_vec();
    let error = encode_value(value, &mut out, Limits::default()).unwrap_err();
    let expected = EncodeError::Unsendable {
        argument: Argument::Value,
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    assert_eq!(error, expected);
    assert_eq!(out, b"kept");
}

#[test]
fn unsendable_values_are_named_with_their_path() {
    in_request(|request| {
        for (code, path, reason) in [
            ("function () {}", "", "Closure cannot be sent"),
            ("[1, 2, 3, ['cb' => fn() => 1]]", "[3][\"cb\"]", "Closure cannot be sent"),
            ("[5 => (function () { yield 1; })()]", "[5]", "Generator cannot be sent"),
            ("(object) ['file' => STDIN]", "->file", "resource (stream) cannot be sent"),
            ("[[new class {}]]", "[0][0]", "object of an anonymous class cannot be sent"),
            ("[new PDO('sqlite::memory:')]", "[0]", "PDO cannot be sent"),
            ("[new ReflectionClass('stdClass')]", "[0]", "ReflectionClass cannot be sent"),
            (
                "[['a' => 1, 'b' => 2], ['a' => 1, 'b' => fn() => 1]]",
                "[1][\"b\"]",
                "Closure cannot be sent",
            ),
            ("new ArrayObject(['k' => fn() => 1])", "[1][\"k\"]", "Closure cannot be sent"),
            ("new SplMinHeap", "", "SplMinHeap cannot be sent: it has no __serialize()"),
        ] {
            let code = code.replace("STDIN", "fopen('php://memory', 'r')");
            assert_unsendable(&eval(request, &code), path, reason);
        }
    });
}

#[test]
fn arguments_are_told_apart() {
    in_request(|request| {
        let good = eval(request, "[1]");
        let bad = eval(request, "['deep' => fn() => 1]");
        let named = eval(request, "['first' => 1, 'second' => [fn() => 1]]");
        let mut out = Vec::new();
        let error =
            encode_arguments(&[good.shallow_clone(), bad], None, &mut out, Limits::default());
        let Err(EncodeError::Unsendable { argument, path, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!((argument, path.as_str()), (Argument::Position(1), "[\"deep\"]"));
        let error = encode_arguments(&[good], named.array(), &mut out, Limits::default());
        let Err(EncodeError::Unsendable { argument, path, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!((argument, path.as_str()), (Argument::Name("second".to_owned()), "[0]"));
        assert!(out.is_empty());
    });
}

#[test]
fn arguments_share_objects_and_keep_names() {
    in_request(|request| {
        let object = eval(request, "(object) ['n' => 1]");
        let named = eval(request, "$o = 1; return ['opt' => 2, 'list' => [1]];");
        let mut out = Vec::new();
        let positional = [object.shallow_clone(), object];
        encode_arguments(&positional, named.array(), &mut out, Limits::default()).unwrap();
        let decoded = decode_arguments(&out, Limits::default(), &policy()).unwrap();
        let same = call(request, "($a, $b) { return $a === $b; }", decoded.positional);
        assert_eq!(same.bool(), Some(true));
        let named = decoded.named.unwrap();
        assert_eq!(named.get("opt").unwrap().long(), Some(2));
        assert_eq!(named.len(), 2);
    });
}

#[test]
fn limits_hold_when_encoding() {
    in_request(|request| {
        let nested =
            eval(request, "$a = 1; for ($i = 0; $i < 600; $i++) { $a = [$a]; } return $a;");
        assert!(matches!(encode(&nested), Err(EncodeError::TooDeep { depth_max: 512, .. })));
        let long = eval(request, "str_repeat('x', 1000)");
        let list = eval(request, "array_fill(0, 1000, null)");
        let small = Limits { bytes_max: 500, ..Limits::default() };
        let few = Limits { elements_max: 999, ..Limits::default() };
        let mut out = Vec::new();
        for (value, limits, expected) in
            [(&long, small, 500), (&list, small, 500), (&list, few, 999)]
        {
            match encode_value(value, &mut out, limits) {
                Err(EncodeError::TooLarge { limit, .. }) => assert_eq!(limit, expected),
                other => panic!("{other:?}"),
            }
        }
        assert!(out.is_empty());
    });
}

#[test]
fn limits_hold_when_decoding() {
    in_request(|request| {
        let nested =
            eval(request, "$a = 1; for ($i = 0; $i < 512; $i++) { $a = [$a]; } return $a;");
        let bytes = encode(&nested).unwrap();
        assert!(decode(&bytes).is_ok());
        let decode_with = |limits| decode_value(&bytes, limits, &policy()).unwrap_err();
        let shallow = Limits { depth_max: 511, ..Limits::default() };
        assert!(matches!(decode_with(shallow), DecodeError::TooDeep { .. }));
        let narrow = Limits { memory_max: 50_000, ..Limits::default() };
        assert!(matches!(decode_with(narrow), DecodeError::TooLarge { limit: 50_000, .. }));
        let few = Limits { elements_max: 100, ..Limits::default() };
        assert!(matches!(decode_with(few), DecodeError::TooLarge { limit: 100, .. }));
        let small = Limits { bytes_max: 100, ..Limits::default() };
        assert!(matches!(decode_with(small), DecodeError::TooLarge { limit: 100, .. }));
    });
}

/// The beginning of an object of `count` properties, which are named by `names`.
fn shape(count: usize, names: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = b"\xe9\x00\x88stdClass".to_vec();
    let mut rest = count;
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    names.for_each(|name| bytes.extend(name));
    bytes
}

#[test]
fn names_of_properties_count_before_they_are_read() {
    const COUNT: usize = 20_000;
    in_request(|_| {
        let names =
            || (0..COUNT).map(|number| [b"\x85", format!("{number:05}").as_bytes()].concat());
        // No values follow, so without the limits this is cut off.
        let bytes = shape(COUNT, names());
        let decode_with = |limits| decode_value(&bytes, limits, &policy()).unwrap_err();
        let cut = decode_with(Limits::default());
        assert!(matches!(cut, DecodeError::Malformed { .. }), "{cut}");
        let few = Limits { elements_max: COUNT, ..Limits::default() };
        assert!(matches!(decode_with(few), DecodeError::TooLarge { limit: COUNT, .. }));
        // The names' bytes alone would fit.
        let narrow = Limits { memory_max: COUNT * 64, ..Limits::default() };
        assert!(
            matches!(decode_with(narrow), DecodeError::TooLarge { unit, .. } if unit.starts_with("bytes"))
        );
        let again = shape(
            COUNT,
            std::iter::once(b"\x83abc".to_vec()).chain((1..COUNT).map(|_| vec![0xc1])),
        );
        match decode(&again) {
            Err(DecodeError::Malformed { offset, .. }) => assert!(offset < 40, "{offset}"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn cases_of_enums_count_as_memory() {
    const COUNT: u16 = 20_000;
    in_request(|request| {
        eval(request, "eval('enum Side { case Left; }'); return 0;");
        let mut bytes = vec![0xdf];
        bytes.extend([COUNT.to_le_bytes()[0] | 0x80, (COUNT >> 7).to_le_bytes()[0] | 0x80, 1]);
        bytes.extend(b"\xed\x00\x84Side\x84Left");
        (1..COUNT).for_each(|_| bytes.extend(b"\xed\x01\xc1"));
        assert!(decode(&bytes).is_ok());
        // Enough for the list, but not for remembering what is in it.
        let narrow = Limits { memory_max: 800_000, ..Limits::default() };
        let error = decode_value(&bytes, narrow, &policy()).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { limit: 800_000, .. }), "{error}");
    });
}

#[test]
fn exceptions_of_user_code_stay_pending() {
    in_request(|request| {
        eval(
            request,
            "eval('class ThrowsOut { function __serialize(): array { throw new LogicException(\"out\"); } }
              class ThrowsIn { public $a = 1; function __wakeup() { throw new LogicException(\"in\"); } }
              class NoArray { function __serialize() { return 1; } }
              class Missing { function __sleep() { return [\"nowhere\"]; } }'); return 0;",
        );
        for (code, message) in [
            ("[new ThrowsOut]", "out"),
            ("new NoArray", "NoArray::__serialize() must return an array"),
        ] {
            assert_eq!(encode(&eval(request, code)), Err(EncodeError::Thrown));
            assert_eq!(pending(), message);
        }
        let bytes = encode(&eval(request, "[new ThrowsIn, new ThrowsIn]")).unwrap();
        assert_eq!(decode(&bytes).unwrap_err(), DecodeError::Thrown);
        assert_eq!(pending(), "in");
        assert!(encode(&eval(request, "new Missing")).is_ok());
    });
}

/// Takes the pending exception and returns its message.
fn pending() -> String {
    let exception = ext_php_rs::zend::ExecutorGlobals::take_exception().expect("an exception");
    let message = exception.try_call_method("getMessage", vec![]).unwrap();
    message.str().unwrap().to_owned()
}

#[test]
fn a_fatal_error_in_user_code_comes_back_as_an_error() {
    in_request(|request| {
        eval(
            request,
            "eval('class Dies { public $n = 1;
                function __serialize(): array { class_alias(\"Half\", \"Whole\"); return []; } }
                spl_autoload_register(function () { eval(\"class Half implements Countable {}\"); });');
             return 0;",
        );
        let value = eval(request, "[new Dies]");
        assert_eq!(encode(&value), Err(EncodeError::Bailout));
        // The engine's memory is as the dying request left it: nothing of it is touched any more.
        std::mem::forget(value);
    });
}

#[test]
fn memory_limit_holds_in_user_code_and_after() {
    in_request(|request| {
        eval(
            request,
            "eval('class Greedy { function __serialize(): array { return [str_repeat(\"x\", 1 << 30)]; } }');
             ini_set('memory_limit', '32M'); return 0;",
        );
        // Some builds of PHP raise this by longjmp, others like exit().
        let value = eval(request, "[new Greedy]");
        let error = encode(&value).unwrap_err();
        assert!(matches!(error, EncodeError::Bailout | EncodeError::Thrown), "{error:?}");
        assert!(request.last_error().message.starts_with(b"Allowed memory size of 33554432"));
        std::mem::forget(value);
    });
}

#[test]
fn the_policy_decides_before_anything_is_made() {
    in_request(|request| {
        eval(
            request,
            "eval('namespace Allowed { class One {} } namespace App { class Two { public $made = 1; } }');
             $GLOBALS['asked'] = []; spl_autoload_register(function ($name) { $GLOBALS['asked'][] = $name; }); return 0;",
        );
        let one = encode(&eval(request, "new Allowed\\One")).unwrap();
        let two = encode(&eval(request, "['k' => new App\\Two]")).unwrap();
        let strict = Nothing;
        for bytes in [&one, &two] {
            let error = decode_value(bytes, Limits::default(), &strict).unwrap_err();
            assert!(matches!(error, DecodeError::Refused { .. }), "{error}");
        }
        let error = decode_value(&two, Limits::default(), &strict).unwrap_err();
        assert_eq!(error.to_string(), "[\"k\"]: class App\\Two is not allowed");
        let unknown = rename(&two, b"App\\Two", b"App\\Six");
        assert_eq!(
            decode(&unknown).unwrap_err().to_string(),
            "[\"k\"]: class App\\Six is not known here"
        );
        let path = rename(&two, b"App\\Two", b"\\../etc");
        assert_eq!(
            decode(&path).unwrap_err().to_string(),
            "[\"k\"]: class \\../etc is not allowed"
        );
        let rooted = rename(&two, b"App\\Two", b"\\AppTwo");
        assert!(matches!(decode(&rooted), Err(DecodeError::Refused { .. })));
        let asked = eval(request, "return implode(',', $GLOBALS['asked']);");
        assert_eq!(asked.str(), Some("App\\Six"));
    });
}

struct Nothing;

impl values::ClassPolicy for Nothing {
    fn allows(&self, _class: &ext_php_rs::zend::ClassEntry) -> bool {
        false
    }
}

fn rename(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|part| part == from).expect("the name");
    let mut renamed = bytes.to_vec();
    renamed[at..at + to.len()].copy_from_slice(to);
    renamed
}

#[test]
fn the_usual_policy_knows_classes_of_php_and_vendor_files() {
    in_request(|request| {
        let closed = AllowedClasses::default();
        for code in
            ["new DateTime", "new ArrayObject([1])", "(object) ['a' => 1]", "new LogicException"]
        {
            let bytes = encode(&eval(request, code)).unwrap();
            assert!(decode_value(&bytes, Limits::default(), &closed).is_ok(), "{code}");
        }
        let folder =
            std::env::temp_dir().join(format!("values-{}", std::process::id())).join("vendor");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("Gadget.php");
        std::fs::write(
            &file,
            "<?php namespace Lib; class Gadget { public $x = 1; } enum Mode { case On; }",
        )
        .unwrap();
        eval(request, &format!("require '{}'; return 0;", file.display()));
        let open = AllowedClasses::new(["\\lib\\*"]);
        // An application may be installed below another one's vendor.
        let application = AllowedClasses::rooted(&folder, [""; 0]);
        let around = AllowedClasses::rooted(folder.parent().unwrap(), [""; 0]);
        for code in ["new Lib\\Gadget", "Lib\\Mode::On"] {
            let bytes = encode(&eval(request, code)).unwrap();
            let decoded = |policy| decode_value(&bytes, Limits::default(), policy).map(drop);
            for refusing in [&closed, &around] {
                assert!(matches!(decoded(refusing), Err(DecodeError::Refused { .. })), "{code}");
            }
            // The setting that decides is the application's or the caller's, and takes namespaces.
            let told = |policy| decoded(policy).unwrap_err().to_string();
            let vendor = "is not allowed: it is defined in vendor/; add it to";
            assert!(told(&around).contains(vendor), "{}", told(&around));
            assert!(
                told(&around)
                    .ends_with("values.classes in the application's app.toml, as 'Lib\\*'")
            );
            assert!(told(&closed).ends_with("the caller's setting appserver.classes, as 'Lib\\*'"));
            assert_eq!(decoded(&open), Ok(()), "{code}");
            assert_eq!(decoded(&application), Ok(()), "{code}");
        }
        std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    });
}

#[test]
fn bytes_that_no_encoder_writes_are_refused() {
    in_request(|request| {
        for (bytes, what) in [
            (&b""[..], "nothing"),
            (b"\x01\x02", "bytes after the end"),
            (b"\xff", "an unknown tag"),
            (b"\x85abc", "a short string"),
            (b"\xdf\xff\xff\xff\xff\x0f\x00", "a list longer than the input"),
            (b"\xe3\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "a run longer than any input"),
            (b"\xc0", "a string that did not come before"),
            (b"\xe8\x00", "a shape that did not come before"),
            (b"\xee\x00", "an object that did not come before"),
            (b"\xb1\xf0\x00", "a reference that did not come before"),
            (b"\xef\xee\x00", "a reference as an object"),
            (b"\xef\xef\x01", "a reference to a reference"),
            (b"\xef\xf0\x00", "a reference to itself"),
            (b"\xe5\x02\x01\x01\x01\x01", "a key given twice"),
            (b"\xe5\x02\x81a\x01\x81a\x01", "a string key given twice"),
            (b"\xe5\x02\x815\x01\x05\x01", "an integer key given twice, once as text"),
            (b"\xe7\x01\x815\x01", "a numeric column"),
            (b"\xe7\x02\x81a\x81a\x01\x01", "a column given twice"),
            (b"\xe7\x00", "a row without columns"),
            (b"\xe5\x01\xd0\x01", "null as a key"),
            (b"\xe6\x01\x01", "a next index of an integer"),
            (b"\xe6\x01\xb2\x01\x02", "a next index below the count"),
            (b"\xe9\x00\x80\x00", "an empty class name"),
            (b"\xe9\x05", "a class that did not come before"),
            (b"\xe9\x00\x88stdClass\x02\x81a\x81a\x01\x01", "a property given twice"),
            (b"\xe9\x00\x88stdClass\x01\x82\x00a\x01", "no property name"),
            (b"\xeb\x00\x8bArrayObject\x01", "a state that is no array"),
            (b"\xec\x00\x88stdClass\x80", "a string form of a class without one"),
            (b"\xed\x00\x88stdClass\x81a", "a case of a class"),
        ] {
            let decoded = decode(bytes);
            assert!(decoded.is_err(), "{what}: {decoded:?}");
        }
        drop(eval(request, "0"));
    });
}
