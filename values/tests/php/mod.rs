//! PHP in this process, with one request context for each test: nextest gives each its own process.
#![allow(dead_code, reason = "each test file uses a part of it")]

use embed::{Outcome, Php, Request, StartOptions};
use ext_php_rs::types::Zval;
use values::{AllowedClasses, DecodeError, EncodeError, Limits, decode_value, encode_value};

/// Runs `body` in a request context.
pub(crate) fn in_request(body: impl FnOnce(&Request<'_>)) {
    let ini = [("error_reporting", "-1"), ("display_errors", "0"), ("memory_limit", "512M")];
    let ini = ini.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut php = Php::start(&StartOptions { ini, extension: None }).unwrap();
    let request = php.request().unwrap();
    body(&request);
}

/// The value of a PHP expression, or of the `return` in code. In a function of its own: variables at
/// the top level of an eval() have nowhere to live without a script.
pub(crate) fn eval(request: &Request<'_>, code: &str) -> Zval {
    let body = if code.ends_with(';') { code.to_owned() } else { format!("return {code};") };
    let code = format!("return (function () {{ {body} }})();");
    match request.eval(&code) {
        Outcome::Returned(value) => value,
        other => panic!("{code}\n{other:?}"),
    }
}

pub(crate) fn policy() -> AllowedClasses {
    AllowedClasses::new(["Allowed\\*"])
}

pub(crate) fn encode(value: &Zval) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode_value(value, &mut out, Limits::default())?;
    Ok(out)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Zval, DecodeError> {
    decode_value(bytes, Limits::default(), &policy())
}

pub(crate) fn round_trip(value: &Zval) -> Zval {
    let bytes = encode(value).unwrap();
    decode(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:02x?}"))
}

/// Asserts that PHP sees the same in the value of `code` before and after, by serialize().
pub(crate) fn assert_same(request: &Request<'_>, code: &str) {
    let before = eval(request, code);
    let after = round_trip(&before);
    let expected = serialized(request, before);
    let actual = serialized(request, after);
    assert_eq!(expected, actual, "{code}");
}

/// Asserts that `check`, the body of a PHP function of `$in` and `$out`, returns true for the value
/// of `code` before and after.
pub(crate) fn assert_checked(request: &Request<'_>, code: &str, check: &str) {
    let before = eval(request, code);
    let after = round_trip(&before);
    let checked = call(request, &format!("($in, $out) {{ {check} }}"), vec![before, after]);
    assert_eq!(checked.bool(), Some(true), "{code}\n{check}");
}

pub(crate) fn serialized(request: &Request<'_>, value: Zval) -> String {
    let text = call(request, "($value) { return serialize($value); }", vec![value]);
    String::from_utf8_lossy(text.zend_str().unwrap().as_bytes()).into_owned()
}

/// Calls a function of this signature and body.
pub(crate) fn call(request: &Request<'_>, code: &str, mut arguments: Vec<Zval>) -> Zval {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("checked_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    eval(request, &format!("function {name}{code} return 0;"));
    match request.call(request.function(&name).unwrap(), &mut arguments, None) {
        Outcome::Returned(value) => value,
        other => panic!("{code}\n{other:?}"),
    }
}
