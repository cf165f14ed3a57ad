//! What goes in comes out: PHP's own serialize() tells the same of both.

mod php;

use php::{assert_checked, assert_same, in_request};

#[test]
fn scalars() {
    in_request(|request| {
        for code in [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "127",
            "128",
            "383",
            "384",
            "65535",
            "65536",
            "-128",
            "-129",
            "-32768",
            "-32769",
            "4294967295",
            "4294967296",
            "-2147483648",
            "-2147483649",
            "PHP_INT_MAX",
            "PHP_INT_MIN",
            "1.5",
            "-0.0",
            "INF",
            "-INF",
            "1e308",
            "PHP_FLOAT_EPSILON",
            "''",
            "'a'",
            "'ab'",
            "'abc'",
            "\"\\0\\xff binary\"",
            "str_repeat('x', 47)",
            "str_repeat('x', 48)",
            "str_repeat('x', 127)",
            "str_repeat('x', 128)",
            "str_repeat('xyz', 100000)",
        ] {
            assert_same(request, code);
        }
    });
}

#[test]
fn floats_keep_every_bit() {
    in_request(|request| {
        for bits in ["7ff8000000000001", "fff0000000000001", "8000000000000000", "0000000000000001"]
        {
            let code = format!("unpack('E', hex2bin('{bits}'))[1]");
            let check = format!("return bin2hex(pack('E', $out)) === '{bits}';");
            assert_checked(request, &code, &check);
        }
    });
}

#[test]
fn lists_and_runs() {
    in_request(|request| {
        for code in [
            "[]",
            "[1]",
            "[1, 'a', null, 2.5, [], [[]]]",
            "range(0, 14)",
            "range(0, 15)",
            "range(0, 300)",
            "range(1000000, 1000300)",
            "range(-70000, 70000, 7)",
            "[PHP_INT_MIN, PHP_INT_MAX, 0, 1, 2, 3, 4, 5]",
            "range(0.0, 10.0, 0.25)",
            "array_fill(0, 100, 7)",
            "[1, 2, 3, 4, 5, 6, 7, 8, 'x']",
            "[1.5, 2.5, 3.5, 4]",
            "[1, 2, 3, 4, 'x', 6, 7, 8, 9]",
        ] {
            assert_same(request, code);
        }
    });
}

#[test]
fn keys_keep_kind_and_order() {
    in_request(|request| {
        for code in [
            "['b' => 1, 'a' => 2]",
            "[3 => 'c', 1 => 'a']",
            "['x', 'k' => 'y', 'z']",
            "['5' => 'int', '05' => 'string', '-5' => 'negative', '-0' => 'string']",
            "[PHP_INT_MAX => 1, PHP_INT_MIN => 2]",
            "['' => 1, \"\\0\" => 2]",
            "array_combine(range(1, 200), range(1, 200))",
            "array_flip(array_map(fn($n) => \"key $n\", range(1, 200)))",
        ] {
            assert_same(request, code);
        }
    });
}

#[test]
fn appending_goes_on_where_it_would_have() {
    in_request(|request| {
        let check = "$in[] = 'new'; $out[] = 'new'; return $in === $out;";
        for code in [
            "[]",
            "[1, 2, 3]",
            "['a' => 1]",
            "[5 => 1]",
            "[-5 => 1]",
            "$a = [1, 2, 3]; array_pop($a); unset($a[1]); return $a;",
            "$a = [1, 2, 3]; unset($a[2]); return $a;",
            "$a = [1, 2, 3]; unset($a[1]); return $a;",
            "$a = ['k' => 1, 7 => 2]; unset($a[7]); return $a;",
            "$a = [1]; unset($a[0]); return $a;",
            "$a = range(1, 20); unset($a[19]); return $a;",
        ] {
            assert_checked(request, code, check);
        }
    });
}

#[test]
fn a_row_does_not_go_on_where_another_would() {
    in_request(|request| {
        let check = "foreach ([0, 1] as $at) { $in[$at][] = 'new'; $out[$at][] = 'new'; } return $in === $out;";
        for code in [
            "$a = ['x' => 1, 'y' => 2]; $a[] = 1; unset($a[0]); return [$a, ['x' => 3, 'y' => 4]];",
            "$a = ['x' => 1, 'y' => 2]; $a[] = 1; unset($a[0]); return [['x' => 3, 'y' => 4], $a];",
            "$a = ['x' => 1, 'y' => 2]; $a[8] = 1; unset($a[8]); return [$a, $a + ['x' => 0]];",
        ] {
            assert_checked(request, code, check);
        }
    });
}

#[test]
fn rows_of_the_same_columns() {
    in_request(|request| {
        assert_same(
            request,
            "array_map(fn($n) => ['id' => $n, 'name' => \"user $n\", 'tags' => ['a', $n],
                'sub' => ['id' => $n, 'name' => 'x']], range(1, 100))",
        );
        // The same columns as its own row, and in another order.
        assert_same(request, "[['a' => ['a' => 1, 'b' => 2], 'b' => 3], ['b' => 1, 'a' => 2]]");
        assert_checked(
            request,
            "[['a' => 1, 'b' => 2], ['a' => 3, 'b' => 4]]",
            "$out[0]['c'] = 9; $out[1]['a'] = 7;
             return $out === [['a' => 1, 'b' => 2, 'c' => 9], ['a' => 7, 'b' => 4]];",
        );
    });
}

#[test]
fn references_stay_references() {
    in_request(|request| {
        assert_same(request, "$v = 1; $a = [&$v, &$v, 2]; return $a;");
        assert_checked(
            request,
            "$a = [1]; $a['self'] = &$a; return [&$a];",
            "$out[0]['new'] = 2; return $out[0]['self']['self']['new'] === 2;",
        );
        assert_same(request, "$v = ['x' => 1]; $a = ['p' => &$v, 'q' => ['r' => &$v]]; return $a;");
        assert_checked(
            request,
            "$v = 1; $a = [&$v, &$v, 2]; return $a;",
            "$out[0] = 'changed'; return $out[1] === 'changed' && $out[2] === 2;",
        );
        assert_checked(
            request,
            "$v = 1; $a = [&$v]; unset($v); return $a;",
            "$copy = $out; $copy[0] = 2; return $out[0] === 1;",
        );
    });
}

#[test]
fn columns_met_before_are_the_same_columns() {
    let ini = vec![("display_errors".to_owned(), "0".to_owned())];
    let mut php = embed::Php::start(&embed::StartOptions { ini, extension: None }).unwrap();
    let code = "[['id' => 1, 'name' => 'column', 'column' => 'name', '' => ''],
        ['id' => 2, 'name' => 'id', 'column' => ['id' => 'column', 'n' => 'name'], '' => null]]";
    let first = {
        let request = php.request().unwrap();
        php::encode(&php::eval(&request, code)).unwrap()
    };
    for _ in 0..4 {
        let request = php.request().unwrap();
        let value = php::eval(&request, code);
        assert_eq!(php::encode(&value).unwrap(), first);
        let check = "($in, $out) { $same = $in === $out;
            $out[0]['new'] = 1; unset($out[1]['id']); ksort($out[1]); $key = array_key_first($in[0]);
            return $same && $in[0][$key] === 1 && isset($in[1]['column'][$key]); }";
        for _ in 0..2 {
            let copy = php::decode(&first).unwrap();
            let same = php::call(&request, check, vec![value.shallow_clone(), copy]);
            assert_eq!(same.bool(), Some(true));
        }
    }
}
