//! ini entries as text that PHP's ini scanner reads back unchanged.

use crate::StartError;

/// One line `name=value` for the engine.
///
/// A value that is a plain word or an expression of them (`On`, `128M`, `E_ALL & ~E_NOTICE`) stays
/// bare and means what it means in php.ini; any other is quoted and taken literally.
pub fn ini_line(name: &str, value: &str) -> Result<String, StartError> {
    let refuse = |reason| Err(StartError::Ini { name: name.to_owned(), reason });
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if name.is_empty() || !name.bytes().all(valid) {
        return refuse("the name may contain only letters, digits, '_', '.' and '-'");
    }
    if value.contains('\0') {
        return refuse("the value contains a zero byte");
    }
    if value.is_empty() {
        return Ok(format!("{name}=\"\"\n"));
    }
    if value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_. |&~-/".contains(&b)) {
        return Ok(format!("{name}={value}\n"));
    }
    if !value.contains('\'') {
        return Ok(format!("{name}='{value}'\n"));
    }
    if value.contains("${") || value.contains('\\') || value.contains('"') {
        return refuse("the value mixes ' with \" or \\ or ${, which no ini syntax can express");
    }
    Ok(format!("{name}=\"{value}\"\n"))
}
