//! Rebuilding what a function threw: its own class where that is known and allowed here, else
//! `RemoteException`; with the remote file, line and trace in front of the local trace.

use super::exceptions::REMOTE;
use super::throw::{self, int, text};
use crate::client::{CallError, ErrorKind};
use crate::php::{End, exception, is_throwing};
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ce};
use protocol::{Thrown, TraceFrame};
use values::{AllowedClasses, ClassPolicy, DecodeError, Limits, Stopped};

/// Longest class name that is looked up, in bytes.
const CLASS_NAME_BYTES_MAX: usize = 1024;

/// The exception at the head of `chain`, with the others as its previous ones. Runs user code
/// (autoload, `__unserialize`); an `Err` when that ends the request.
pub(super) fn rebuild(chain: &[Thrown], error: &CallError) -> Result<Zval, End> {
    let mut previous: Option<Zval> = None;
    for thrown in chain.iter().rev() {
        let mut object = match one(thrown, error) {
            Ok(object) => object,
            Err(end) => return Err(leave(previous, end)),
        };
        if let Some(previous) = previous.take() {
            exception::set(&mut object, "previous", previous);
        }
        previous = Some(object);
    }
    match previous {
        Some(object) => Ok(object),
        None => {
            let message = "the worker reported an exception without saying which";
            throw::make(CallError::new(ErrorKind::Protocol, message))
        }
    }
}

fn one(thrown: &Thrown, error: &CallError) -> Result<Zval, End> {
    let mut object = match of_its_own_class(thrown)? {
        Some(mut object) => {
            if let Err(end) = set_properties(&mut object, thrown) {
                return Err(leave(object, end));
            }
            exception::set(&mut object, "message", text(&thrown.message));
            object
        }
        None => foreign(thrown, error),
    };
    exception::set(&mut object, "code", int(thrown.code));
    exception::set(&mut object, "file", text(&thrown.file));
    exception::set(&mut object, "line", int(thrown.line.into()));
    let local = exception::get(&mut object, "trace");
    exception::set(&mut object, "trace", joined_trace(&thrown.trace, error, &local));
    Ok(object)
}

/// Drops what is not needed any more; after a bailout PHP does that itself.
fn leave(values: impl Sized, end: End) -> End {
    if end == End::Bailout {
        std::mem::forget(values);
    }
    end
}

/// What user code came to. An exception of its own leaves nothing behind: what the function threw is
/// worth more.
fn unless_ending<T>(outcome: Result<Option<T>, Stopped>) -> Result<Option<T>, End> {
    match outcome {
        Ok(made) => Ok(made),
        Err(Stopped::Bailout) => Err(End::Bailout),
        Err(Stopped::Thrown) => {
            exception::clear();
            // `exit()` cannot be cleared.
            if is_throwing() { Err(End::Done) } else { Ok(None) }
        }
    }
}

/// An object of the class, if that exists here (autoloading it), can be thrown, and may be made.
fn of_its_own_class(thrown: &Thrown) -> Result<Option<Zval>, End> {
    match known_class(&thrown.class)? {
        Some(class) => unless_ending(values::new_object(class)),
        None => Ok(None),
    }
}

fn known_class(name: &str) -> Result<Option<&'static ClassEntry>, End> {
    if !is_class_name(name.as_bytes()) || !policy().may_load(name.as_bytes()) {
        return Ok(None);
    }
    let php_name = ZendStr::new(name, false);
    let class = match unless_ending(values::find_class(&php_name, false))? {
        Some(class) => class,
        None => match unless_ending(values::find_class(&php_name, true))? {
            Some(class) => class,
            None => return Ok(None),
        },
    };
    let made = class.instance_of(ce::throwable())
        && !class.is_interface()
        && !class.flags().contains(ext_php_rs::flags::ClassFlags::Abstract);
    Ok((made && policy().allows(class)).then_some(class))
}

/// Whether PHP code could declare a class of this name: autoloaders make file names of it.
fn is_class_name(name: &[u8]) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii();
    name.len() <= CLASS_NAME_BYTES_MAX
        && name.split(|byte| *byte == b'\\').all(|part| match part.split_first() {
            Some((first, rest)) => {
                is_start(*first) && rest.iter().all(|b| is_start(*b) || b.is_ascii_digit())
            }
            None => false,
        })
}

fn policy() -> AllowedClasses {
    AllowedClasses::new(super::settings::current().classes.iter())
}

/// Stands for an exception of a class that is not known here. Its message begins with that class:
/// PHP's report of an uncaught exception, and most logs, show nothing else of it.
fn foreign(thrown: &Thrown, error: &CallError) -> Zval {
    let mut object = throw::begin(&REMOTE, error);
    exception::set(&mut object, "message", text(foreign_message(thrown)));
    exception::set(&mut object, "remoteMessage", text(&thrown.message));
    exception::set(&mut object, "remoteClass", text(&thrown.class));
    exception::set(&mut object, "remoteTrace", text(trace_text(&thrown.trace)));
    object
}

/// As PHP writes class and message of an uncaught exception; without a message the class alone.
fn foreign_message(thrown: &Thrown) -> Vec<u8> {
    match thrown.message.as_slice() {
        [] => thrown.class.clone().into_bytes(),
        message => [thrown.class.as_bytes(), b": ", message].concat(),
    }
}

/// The properties that the class declares beyond those of every exception. What cannot be made here
/// stays at its default: the exception itself is worth more than its details.
fn set_properties(object: &mut Zval, thrown: &Thrown) -> Result<(), End> {
    if thrown.properties.is_empty() {
        return Ok(());
    }
    let decoded = match values::decode_value(&thrown.properties, Limits::default(), &policy()) {
        Ok(properties) => Ok(Some(properties)),
        Err(DecodeError::Thrown) => Err(Stopped::Thrown),
        Err(DecodeError::Bailout) => Err(Stopped::Bailout),
        Err(_) => Ok(None),
    };
    if let Some(properties) = unless_ending(decoded)? {
        exception::set_mangled(object, &properties);
    }
    Ok(())
}

/// Remote frames, a marker, local frames.
fn joined_trace(remote: &[TraceFrame], error: &CallError, local: &Zval) -> Zval {
    let mut trace = ZendHashTable::new();
    // Adding to fresh arrays fails for want of memory only, which PHP does not report this way.
    for frame in remote {
        let _ = trace.push(frame_array(frame));
    }
    let worker = error.worker.as_deref().unwrap_or("another process");
    let mut marker = ZendHashTable::new();
    let _ = marker.insert("function", text(format!("{{remote call to {worker}}}")));
    let mut zval = Zval::new();
    zval.set_hashtable(marker);
    let _ = trace.push(zval);
    for (_, frame) in local.array().into_iter().flat_map(ZendHashTable::iter) {
        let _ = trace.push(frame.shallow_clone());
    }
    let mut zval = Zval::new();
    zval.set_hashtable(trace);
    zval
}

fn frame_array(frame: &TraceFrame) -> Zval {
    let mut table = ZendHashTable::new();
    if let Some(file) = &frame.file {
        let _ = table.insert("file", text(file));
    }
    if let Some(line) = frame.line {
        let _ = table.insert("line", int(line.into()));
    }
    let _ = table.insert("function", text(&frame.function));
    if let Some(class) = &frame.class {
        let _ = table.insert("class", text(class));
        let _ = table.insert("type", text(frame.arrow.as_deref().unwrap_or("::")));
    }
    let mut zval = Zval::new();
    zval.set_hashtable(table);
    zval
}

/// As `getTraceAsString()` writes it.
fn trace_text(trace: &[TraceFrame]) -> String {
    let mut text = String::new();
    for (number, frame) in trace.iter().enumerate() {
        let place = match (&frame.file, frame.line) {
            (Some(file), Some(line)) => format!("{file}({line})"),
            _ => "[internal function]".to_owned(),
        };
        let class = frame.class.as_deref().unwrap_or_default();
        let arrow = frame.arrow.as_deref().unwrap_or_default();
        text.push_str(&format!("#{number} {place}: {class}{arrow}{}()\n", frame.function));
    }
    text.push_str(&format!("#{} {{main}}", trace.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_declared_is_a_class_name() {
        for name in ["A", "_a1", "Shop\\Späte", "A\\B\\C9"] {
            assert!(is_class_name(name.as_bytes()), "{name}");
        }
        for name in ["", "\\A", "A\\", "A\\\\B", "1a", "../a", "a/b", "a b", "a\0", "a\\1"] {
            assert!(!is_class_name(name.as_bytes()), "{name}");
        }
        assert!(!is_class_name(&[b'a'; CLASS_NAME_BYTES_MAX + 1]));
    }

    #[test]
    fn a_trace_reads_as_phps_own() {
        let frame = TraceFrame {
            file: Some("/app/a.php".into()),
            line: Some(3),
            class: Some("Shop".into()),
            arrow: Some("::".into()),
            function: "quote".into(),
        };
        let internal =
            TraceFrame { file: None, line: None, class: None, arrow: None, ..frame.clone() };
        let expected =
            "#0 /app/a.php(3): Shop::quote()\n#1 [internal function]: quote()\n#2 {main}";
        assert_eq!(trace_text(&[frame, internal]), expected);
    }
}
