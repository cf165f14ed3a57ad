//! `AppServer\config()` and `AppServer\resource()`: what a deployed application is given.

use super::throw::{self, int, text};
use crate::client::CallError;
use crate::deployed::{self, Deployment, Found, Generation, Resource};
use crate::php::args::{self, Param};
use crate::php::exception::Held;
use crate::php::{End, exception, guard, instance};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use serde_json::Value;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// `PDO::ATTR_PERSISTENT`
const ATTR_PERSISTENT: i64 = 12;

thread_local! {
    /// Settings that are being turned into PHP values, which may leave by longjmp.
    static READ: Held<Rc<Generation>> = const { RefCell::new(Vec::new()) };
    /// Objects made in this request, by name. The engine destroys them with the request, whoever
    /// still refers to them; so they are forgotten, not dropped.
    static OPEN: RefCell<Vec<(String, ManuallyDrop<Zval>)>> = const { RefCell::new(Vec::new()) };
}

/// A PHP request begins: the objects of the last one are gone.
pub(super) fn request_begins() {
    READ.with_borrow_mut(Vec::clear);
    OPEN.with_borrow_mut(Vec::clear);
}

/// What PHP is told about them.
pub(crate) fn builders() -> [FunctionBuilder<'static>; 2] {
    [
        FunctionBuilder::new("AppServer\\config", config)
            .arg(Arg::new("key", DataType::String))
            .not_required()
            .arg(Arg::new("default", DataType::Mixed).default("null"))
            .returns(DataType::Mixed, false, false),
        FunctionBuilder::new("AppServer\\resource", resource)
            .arg(Arg::new("name", DataType::String))
            .returns(DataType::Mixed, false, false),
    ]
}

extern "C" fn config(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let (mut key, mut default) = (std::ptr::null(), std::ptr::null_mut());
        let mut params = [Param::Text(&mut key), Param::Any(&mut default)];
        if args::parse(frame, c"S|z", &mut params).is_none() {
            return End::Done;
        }
        let Ok(key) = args::utf8(frame, 1, key) else {
            return End::Done;
        };
        let default = args::value(frame, default);
        match of_deployed("AppServer\\config()").and_then(|deployed| deployed.settings.current()) {
            Ok(settings) => exception::hold(&READ, settings, |settings| {
                *result = match settings.find(key.unwrap_or_default()) {
                    Found::Value(value) => php(value),
                    Found::Group(group) => array(group.into_iter()),
                    Found::Nothing => default.map_or_else(Zval::null, Zval::shallow_clone),
                };
            }),
            Err(message) => throw::raise(CallError::config(message)),
        }
        End::Done
    });
}

extern "C" fn resource(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let mut name = std::ptr::null();
        if args::parse(frame, c"S", &mut [Param::Text(&mut name)]).is_none() {
            return End::Done;
        }
        let Ok(name) = args::utf8(frame, 1, name) else {
            return End::Done;
        };
        let name = name.unwrap_or_default();
        match find(name) {
            Ok(Resource::Values(values)) => {
                *result = array(values.iter().map(|(key, value)| (key.as_str(), value)));
            }
            Ok(Resource::Pdo { dsn, user, password, persistent }) => {
                if let Some(open) = opened(name) {
                    *result = open;
                } else if let Some(made) =
                    connect(dsn, user.as_deref(), password.as_deref(), *persistent)
                {
                    *result = made.shallow_clone();
                    OPEN.with_borrow_mut(|open| {
                        open.push((name.to_owned(), ManuallyDrop::new(made)));
                    });
                }
            }
            Err(message) => throw::raise(CallError::config(message)),
        }
        End::Done
    });
}

fn of_deployed(function: &str) -> Result<&'static Deployment, String> {
    deployed::deployment().ok_or_else(|| {
        format!(
            "{function} is for the code of an application that appserver runs; this process only \
             calls such applications"
        )
    })
}

fn find(name: &str) -> Result<&'static Resource, String> {
    of_deployed("AppServer\\resource()")?.resources.find(name).map_err(|near| {
        let advice = match near.as_slice() {
            [] => format!("declare [datasource.{name}] or [resource.{name}] in app.toml"),
            near => format!("did you mean {}?", near.join(" or ")),
        };
        format!("the application has no resource \"{name}\"; {advice}")
    })
}

fn opened(name: &str) -> Option<Zval> {
    OPEN.with_borrow(|open| {
        let (_, object) = open.iter().find(|(opened, _)| opened == name)?;
        Some(object.shallow_clone())
    })
}

/// `None` = an exception is pending: PDO's own, or that there is no PDO.
fn connect(
    dsn: &str,
    user: Option<&str>,
    password: Option<&str>,
    persistent: bool,
) -> Option<Zval> {
    let options = || {
        let mut options = ZendHashTable::new();
        let mut yes = Zval::new();
        yes.set_bool(true);
        // A fresh array takes another element until memory ends, which is no error but a bailout.
        let _ = options.insert_at_index(ATTR_PERSISTENT, yes);
        let mut array = Zval::new();
        array.set_hashtable(options);
        array
    };
    let or_null = |value: Option<&str>| value.map_or_else(Zval::null, text);
    let options = if persistent { options() } else { Zval::null() };
    let mut arguments = [text(dsn), or_null(user), or_null(password), options];
    match instance::create("PDO", &mut arguments) {
        Ok(made) => made,
        Err(instance::NoSuchClass) => {
            let message = "a datasource is a PDO, which this PHP does not have; install its \
                           extension (Debian: php-mysql, php-pgsql, php-sqlite3)";
            throw::raise(CallError::config(message));
            None
        }
    }
}

/// JSON as PHP's `json_decode($text, true)` has it.
fn php(value: &Value) -> Zval {
    match value {
        Value::Null => Zval::null(),
        Value::Bool(value) => {
            let mut zval = Zval::new();
            zval.set_bool(*value);
            zval
        }
        Value::Number(number) => number.as_i64().map_or_else(
            || {
                let mut zval = Zval::new();
                zval.set_double(number.as_f64().unwrap_or(f64::NAN));
                zval
            },
            int,
        ),
        Value::String(value) => text(value),
        Value::Array(values) => {
            let mut table = ZendHashTable::new();
            for value in values {
                let _ = table.push(php(value));
            }
            let mut zval = Zval::new();
            zval.set_hashtable(table);
            zval
        }
        Value::Object(values) => array(values.iter().map(|(key, value)| (key.as_str(), value))),
    }
}

/// Keys that look like numbers become such, as in any PHP array.
fn array<'a>(values: impl Iterator<Item = (&'a str, &'a Value)>) -> Zval {
    let mut table = ZendHashTable::new();
    for (key, value) in values {
        let mut name = Zval::new();
        name.set_zend_string(ZendStr::new(key, false));
        crate::php::table::set(&mut table, &name, php(value));
    }
    let mut zval = Zval::new();
    zval.set_hashtable(table);
    zval
}
