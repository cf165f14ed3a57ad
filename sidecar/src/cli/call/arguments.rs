//! Words of the command line to a call's arguments in JSON.

use crate::cli::{Exit, Stop};
use serde_json::{Map, Value};
use std::io::Read;

/// Most that is read from stdin, in bytes: what a frame can carry.
const STDIN_BYTES_MAX: u64 = protocol::FRAME_BYTES_MAX_DEFAULT as u64;

/// Where the arguments stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    /// Each word is a JSON value, or else a bare string.
    Positional(&'a [String]),
    /// Each word is `name=` and such a value.
    Named(&'a [String]),
    /// A JSON array or object.
    Json(&'a str),
    /// The same, from stdin.
    Stdin,
}

impl Source<'_> {
    /// The arguments as JSON text: an array, or an object for named ones.
    pub(super) fn read(&self) -> Result<String, Stop> {
        match self {
            Self::Positional(words) => {
                Ok(Value::Array(words.iter().map(|word| value(word)).collect()).to_string())
            }
            Self::Named(words) => named(words),
            Self::Json(text) => collection((*text).to_owned(), "--args-json"),
            Self::Stdin => collection(stdin()?, "stdin"),
        }
    }
}

/// A JSON value, or the word itself as a string.
fn value(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned()))
}

fn named(words: &[String]) -> Result<String, Stop> {
    let mut arguments = Map::new();
    for word in words {
        let Some((name, text)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            let message = format!("\"{word}\" is no named argument: write name=VALUE");
            return Err(Stop::new(Exit::Usage, message));
        };
        let name = name.strip_prefix('$').unwrap_or(name);
        if arguments.insert(name.to_owned(), value(text)).is_some() {
            return Err(Stop::new(Exit::Usage, format!("argument \"{name}\" is given twice")));
        }
    }
    Ok(Value::Object(arguments).to_string())
}

/// The text itself, once it is known to be an array or an object: numbers stay as they are written.
fn collection(text: String, origin: &str) -> Result<String, Stop> {
    match serde_json::from_str(&text) {
        Ok(Value::Array(_) | Value::Object(_)) => Ok(text),
        Ok(_) => Err(Stop::new(
            Exit::Data,
            format!("{origin} must be a JSON array (positional) or object (named)"),
        )),
        Err(error) => Err(Stop::new(Exit::Data, format!("{origin} is not valid JSON: {error}"))),
    }
}

fn stdin() -> Result<String, Stop> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(STDIN_BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(_) if text.len() as u64 > STDIN_BYTES_MAX => Err(Stop::new(
            Exit::Data,
            format!("stdin holds more than the {STDIN_BYTES_MAX} bytes a call can carry"),
        )),
        Ok(_) => Ok(text),
        Err(error) => Err(Stop::new(Exit::Data, format!("cannot read stdin: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_word_is_json_if_it_can_be_and_a_string_otherwise() {
        let words =
            words(&["1", "2.50", "true", "null", "[1,2]", "\"3\"", "World", "a b", "", "{x"]);
        assert_eq!(
            Source::Positional(&words).read().unwrap(),
            r#"[1,2.5,true,null,[1,2],"3","World","a b","","{x"]"#
        );
    }

    #[test]
    fn named_arguments_keep_their_order() {
        let words = words(&["$b=1", "a=x=y", "c={\"z\":1,\"y\":2}"]);
        assert_eq!(Source::Named(&words).read().unwrap(), r#"{"b":1,"a":"x=y","c":{"z":1,"y":2}}"#);
    }

    #[test]
    fn a_word_without_a_name_and_a_name_given_twice_are_refused() {
        for wrong in [&["a"][..], &["=1"], &["a=1", "a=2"]] {
            assert_eq!(Source::Named(&words(wrong)).read().unwrap_err().exit, Exit::Usage);
        }
    }

    #[test]
    fn json_must_be_a_collection_and_is_passed_on_as_written() {
        assert_eq!(Source::Json("[1.0, 1e2]").read().unwrap(), "[1.0, 1e2]");
        for wrong in ["1", "\"a\"", "[1", ""] {
            assert_eq!(Source::Json(wrong).read().unwrap_err().exit, Exit::Data);
        }
    }
}
