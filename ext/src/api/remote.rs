//! Rebuilding what a function threw: its own class where that is known and allowed here, else
//! `RemoteException`; with the remote file, line and trace in front of the local trace.

use super::exceptions::REMOTE;
use super::throw::{self, int, text};
use crate::client::{CallError, ErrorKind};
use crate::php::exception;
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::{ClassEntry, ce};
use protocol::{Thrown, TraceFrame};
use values::{AllowedClasses, ClassPolicy, Limits};

/// The exception at the head of `chain`, with the others as its previous ones.
pub(super) fn rebuild(chain: &[Thrown], error: &CallError) -> Zval {
    let mut previous: Option<Zval> = None;
    for thrown in chain.iter().rev() {
        let mut object = one(thrown, error);
        if let Some(previous) = previous.take() {
            exception::set(&mut object, "previous", previous);
        }
        previous = Some(object);
    }
    previous.unwrap_or_else(|| {
        let message = "the worker reported an exception without saying which";
        throw::make(CallError::new(ErrorKind::Protocol, message))
    })
}

fn one(thrown: &Thrown, error: &CallError) -> Zval {
    let policy = AllowedClasses::new(super::settings::current().classes.iter());
    let mut object = match known_class(thrown, &policy) {
        Some(class) => exception::create(class),
        None => foreign(thrown, error),
    };
    set_properties(&mut object, thrown, &policy);
    exception::set(&mut object, "message", text(&thrown.message));
    exception::set(&mut object, "code", int(thrown.code));
    exception::set(&mut object, "file", text(&thrown.file));
    exception::set(&mut object, "line", int(thrown.line.into()));
    let local = exception::get(&mut object, "trace");
    exception::set(&mut object, "trace", joined_trace(&thrown.trace, error, &local));
    object
}

/// The class, if it exists here (autoloading it), can be thrown, and may be made.
fn known_class(thrown: &Thrown, policy: &AllowedClasses) -> Option<&'static ClassEntry> {
    let name = thrown.class.as_bytes();
    if name.contains(&0) || !policy.may_load(name) {
        return None;
    }
    let class = ClassEntry::try_find(&thrown.class)?;
    let made = class.instance_of(ce::throwable())
        && !class.is_interface()
        && !class.flags().contains(ext_php_rs::flags::ClassFlags::Abstract);
    (made && policy.allows(class)).then_some(class)
}

/// Stands for an exception of a class that is not known here.
fn foreign(thrown: &Thrown, error: &CallError) -> Zval {
    let mut object = throw::begin(&REMOTE, error);
    exception::set(&mut object, "remoteClass", text(&thrown.class));
    exception::set(&mut object, "remoteTrace", text(trace_text(&thrown.trace)));
    object
}

/// The properties that the class declares beyond those of every exception. What cannot be made here
/// stays at its default: the exception itself is worth more than its details.
fn set_properties(object: &mut Zval, thrown: &Thrown, policy: &AllowedClasses) {
    if thrown.properties.is_empty() || object.object().is_none_or(|o| o.instance_of(REMOTE.entry()))
    {
        return;
    }
    let Ok(properties) = values::decode_value(&thrown.properties, Limits::default(), policy) else {
        exception::clear();
        return;
    };
    exception::set_mangled(object, &properties);
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
