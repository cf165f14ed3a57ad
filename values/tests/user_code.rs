//! What user code can do in the middle of an encoding or a decoding: start another one, change the
//! values that are being sent, throw, die.
#![allow(unsafe_code, reason = "a PHP function in Rust that encodes inside an encoding")]

mod php;

use embed::{Php, Request, StartOptions};
use ext_php_rs::ffi::{zend_execute_data, zend_fetch_function_str, zval};
use ext_php_rs::types::Zval;
use php::{assert_checked, call, decode, encode, eval, in_request, round_trip, serialized};
use values::{DecodeError, EncodeError};

const CLASSES: &str = "eval('
    class Nests { public $n; function __construct($n = null) { $this->n = $n; }
        function __serialize(): array { return [\"n\" => soundex($this->n), \"again\" => soundex($this->n)]; }
        function __unserialize(array $s): void { $this->n = soundex([$s[\"n\"], $s[\"again\"]]); } }
    class Mutates { public $what; function __construct($what) { $this->what = $what; }
        function __serialize(): array { $what = $this->what; $this->what = null; $what(); gc_collect_cycles();
            str_repeat(\"over\", 4); return []; } }
    class Owner { public $a; public $b; public ?Owner $c = null; public $z = \"last\"; }
    class Counts { static $destroyed = 0; public $x = [1]; function __destruct() { self::$destroyed++; } }
    class CountsWoken extends Counts { static $woken = 0;
        function __wakeup() { if (++self::$woken === 2) throw new LogicException(\"second\"); } }
    class ThrowsLate { function __destruct() { throw new LogicException(\"late\"); } }
    class GivesLate { public $late; function __serialize(): array { return [new ThrowsLate]; } }
    class Dies { public $x = 1; function __wakeup() { class_alias(\"Half\", \"Whole\"); } }
    class Finds { private $weak; public $found; function __construct($object = null) { $this->weak = $object ? WeakReference::create($object) : null; }
        function __serialize(): array { return [$this->weak ? $this->weak->get() : $this]; }
        function __unserialize(array $s): void { $this->found = $s[0]; } }
    class ThrowsIn { public $big; function __construct($big) { $this->big = $big; }
        function __serialize(): array { return [$this->big]; }
        function __unserialize(array $s): void { throw new LogicException; } }
    class NoArray { function __serialize() { return str_repeat(\"no\", 5000); } }
    class NoProperty { public array $unset; function __sleep() { return [\"unset\"]; } }
    class DiesOut { function __serialize(): array { class_alias(\"Half\", \"Whole\"); return []; } }
    class DiesState { public $x = 1; function __serialize(): array { return [1, [2]]; }
        function __unserialize(array $s): void { class_alias(\"Half\", \"Whole\"); } }
    spl_autoload_register(function ($name) { if ($name === \"Half\") eval(\"class Half implements Countable {}\"); });
    '); return 0;";

fn in_app(body: impl FnOnce(&Request<'_>)) {
    in_request(|request| {
        eval(request, CLASSES);
        body(request);
    });
}

/// In place of soundex(): its argument, encoded and decoded.
unsafe extern "C" fn copy(call: *mut zend_execute_data, result: *mut zval) {
    const FRAME_SLOTS: usize = size_of::<zend_execute_data>().div_ceil(size_of::<zval>());
    // SAFETY: the engine calls with one argument, and `result` holds null.
    unsafe {
        let argument: &Zval = &*call.cast::<zval>().add(FRAME_SLOTS);
        let value = decode(&encode(argument).unwrap()).unwrap();
        result.write(value);
    }
}

fn replace_soundex() {
    const NAME: &str = "soundex";
    // SAFETY: the function is an internal one, and the process is this test's alone.
    unsafe {
        let function = zend_fetch_function_str(NAME.as_ptr().cast(), NAME.len());
        (*function).internal_function.handler = Some(copy);
    }
}

#[test]
fn a_codec_inside_a_codec_has_memory_of_its_own() {
    in_app(|request| {
        replace_soundex();
        let rows = "[['id' => 1, 'text' => 'one'], ['id' => 2, 'text' => 'two']]";
        let code = format!(
            "$o = (object) ['shared' => {rows}];
             return [{rows}, $o, new Nests([{rows}, $o, $o]), new Nests(new Nests('inner')), 'text', $o];"
        );
        let value = eval(request, &code);
        let copy = round_trip(&value);
        let check = "($in, $out) {
            [$a, $b] = $out[2]->n;
            return $out[0] === $in[0] && $out[4] === 'text' && $out[1] === $out[5] && $out[1] == $in[1]
                && $a[0] === $in[0] && $a[1] === $a[2] && $a[1] == $in[1] && $a == $b; }";
        assert_eq!(call(request, check, vec![value, copy]).bool(), Some(true));
    });
}

#[test]
fn values_may_change_while_they_are_sent() {
    in_app(|request| {
        for (code, change) in [
            ("[1, new Mutates($f), str_repeat('x', 9), [2]]", "$v = null"),
            (
                "['a' => [new Mutates($f), [3]], 'b' => [4]]",
                "$v['a'][1] = null; $v['b'] = null; $v['c'] = 1",
            ),
            (
                "(object) ['a' => new Mutates($f), 'b' => [str_repeat('y', 9)], 'c' => 1]",
                "$v->b = null; unset($v->c); $v->d = 2; $v = null",
            ),
            (
                "$o = new Owner; $o->a = new Mutates($f); $o->b = [str_repeat('z', 9)]; return $o;",
                "$v->b = null; unset($v->z); $v->dynamic = [1]; (array) $v; $v = null",
            ),
            (
                "$o = new Owner; $o->dynamic = 1; $o->a = new Mutates($f); $o->b = str_repeat('z', 9); return $o;",
                "$v->b = null; unset($v->z, $v->dynamic); $v->more = [1]; $v = null",
            ),
            (
                "$x = [new Mutates($f), str_repeat('r', 9)]; return ['r' => &$x, 's' => &$x];",
                "$v['r'] = 1; unset($v['s']); $v = null",
            ),
            (
                "$x = str_repeat('k', 9); return [[$x => new Mutates($f), $x . 2 => $x], [$x => 1, $x . 2 => 2]];",
                "$v = null",
            ),
            ("new ArrayObject([new Mutates($f), [str_repeat('s', 9)]])", "$v[1] = null; $v = null"),
            (
                "$e = new LogicException('m', 1, new ErrorException(str_repeat('e', 9)));
              $e->dynamic = new Mutates($f); return $e;",
                "$v->dynamic = null; $v = null",
            ),
        ] {
            let make =
                if code.ends_with(';') { code.to_owned() } else { format!("return {code};") };
            let hold = "$GLOBALS['v'] = (function ($f) { MAKE })(function () { $v = &$GLOBALS['v']; CHANGE; });
                        return $GLOBALS['v'];";
            let value = eval(request, &hold.replace("MAKE", &make).replace("CHANGE", change));
            let bytes = encode(&value).unwrap_or_else(|error| panic!("{code}: {error}"));
            drop(value);
            drop(decode(&bytes).unwrap_or_else(|error| panic!("{code}: {error}")));
        }
    });
}

#[test]
fn what_user_code_finds_by_a_weak_reference_is_the_object_that_was_sent() {
    in_app(|request| {
        for (code, check) in [
            (
                "$o = (object) ['child' => null]; $o->child = new Finds($o); return $o;",
                "return $out->child->found === $out;",
            ),
            (
                "$o = new Owner; $o->c = new Owner; $o->c->a = new Finds($o->c); return $o;",
                "return $out->c->a->found === $out->c;",
            ),
            (
                "$o = (object) ['k' => 1]; return [$o, new Finds($o)];",
                "return $out[0] === $out[1]->found;",
            ),
            (
                "$o = (object) ['k' => 1]; return [new Finds(new stdClass), $o, new Finds($o)];",
                "return $out[1] === $out[2]->found;",
            ),
            ("new Finds", "return $out->found === $out;"),
        ] {
            assert_checked(request, code, check);
        }
    });
}

#[test]
fn nothing_is_left_of_what_failed() {
    const ROUNDS: usize = 200;
    const LEFT_BYTES_MAX: i64 = 200_000;
    in_app(|request| {
        let thrown = || assert!(request.take_exception().is_some());
        let used = || eval(request, "memory_get_usage()").long().unwrap();
        let value = eval(
            request,
            "array_map(fn($n) => new ThrowsIn(str_repeat(\"$n\", 2000)), range(1, 9))",
        );
        let bytes = encode(&value).unwrap();
        let failing = ["new NoArray", "new NoProperty"].map(|code| eval(request, code));
        let before = used();
        for _ in 0..ROUNDS {
            assert_eq!(decode(&bytes).unwrap_err(), DecodeError::Thrown);
            thrown();
        }
        let left = used() - before;
        assert!(left < LEFT_BYTES_MAX, "{left} bytes left of decodings");
        for value in &failing {
            let before = used();
            for _ in 0..ROUNDS * 10 {
                assert_eq!(encode(value), Err(EncodeError::Thrown));
                thrown();
            }
            let left = used() - before;
            assert!(left < LEFT_BYTES_MAX, "{left} bytes left of encodings");
        }
    });
}

#[test]
fn destructors_never_see_what_was_not_complete() {
    in_app(|request| {
        let destroyed = || eval(request, "Counts::$destroyed").long();
        let value = eval(request, "[new Counts, [new Counts, (object) ['c' => new Counts]], 7]");
        let bytes = encode(&value).unwrap();
        std::mem::forget(value);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err());
        }
        assert_eq!(destroyed(), Some(0));
        drop(decode(&bytes).unwrap());
        assert_eq!(destroyed(), Some(3));
    });
}

#[test]
fn destructors_run_for_objects_woken_before_one_that_throws() {
    in_app(|request| {
        let value = eval(request, "[new CountsWoken, new CountsWoken, new CountsWoken]");
        let bytes = encode(&value).unwrap();
        std::mem::forget(value);
        assert_eq!(decode(&bytes).unwrap_err(), DecodeError::Thrown);
        assert!(request.take_exception().is_some());
        assert_eq!(eval(request, "Counts::$destroyed").long(), Some(1));
    });
}

#[test]
fn an_exception_of_a_destructor_is_told_of() {
    in_app(|request| {
        let value = eval(request, "[new GivesLate]");
        // What __serialize() returned dies with the encoding.
        assert_eq!(encode(&value), Err(EncodeError::Thrown));
        assert!(request.take_exception().is_some());
        assert!(encode(&eval(request, "['still' => 'works']")).is_ok());
    });
}

#[test]
fn the_codec_works_after_requests_that_died_in_it() {
    let ini = vec![("display_errors".to_owned(), "0".to_owned())];
    let mut php = Php::start(&StartOptions { ini, extension: None }).unwrap();
    for _ in 0..3 {
        for (code, dies_out) in [
            ("[['k' => 1, 'long key' => new Dies], new Counts, new Dies]", false),
            ("[new Counts, ['k' => 1, 'long key' => new DiesState]]", false),
            ("[['k' => 1, 'long key' => [new Counts, new DiesOut]]]", true),
        ] {
            let request = php.request().unwrap();
            eval(&request, CLASSES);
            let value = eval(&request, code);
            let encoded = encode(&value);
            match encoded {
                Ok(bytes) => assert_eq!(decode(&bytes).unwrap_err(), DecodeError::Bailout),
                Err(error) => assert!(dies_out && error == EncodeError::Bailout, "{error}"),
            }
            std::mem::forget(value);
            drop(request);
            let request = php.request().unwrap();
            let value =
                eval(&request, "[['k' => 1, 'long key' => [2, 3]], ['k' => 2, 'long key' => []]]");
            let copy = round_trip(&value);
            assert_eq!(serialized(&request, value), serialized(&request, copy));
        }
    }
}
