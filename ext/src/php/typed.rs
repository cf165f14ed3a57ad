//! Parameters of union types, and the properties that are made of them: what the engine's parser has
//! no letter for. Values are taken as they are, but ints where floats are wanted.
//!
//! Contract: as of `args`; nothing here runs user code.
#![allow(unsafe_code)]

use super::class::{Class, ty};
use super::{args, exception};
use ext_php_rs::args::Arg;
use ext_php_rs::ffi::zend_enum_get_case;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ExecuteData};
use std::ffi::CString;
use std::ptr;

/// A parameter.
#[derive(Clone, Copy)]
pub(crate) struct Typed {
    pub name: &'static str,
    /// A `ty` mask.
    pub mask: u32,
    pub class: Option<&'static Named>,
    /// `None` = it must be given.
    pub default: Option<Default>,
}

/// A class by the name that it is declared with.
pub(crate) struct Named {
    pub name: &'static str,
    pub entry: fn() -> &'static ClassEntry,
}

/// What a parameter is when it is left out.
#[derive(Clone, Copy)]
pub(crate) enum Default {
    Null,
    False,
    Float(f64),
    Text(&'static str),
    EmptyArray,
    Case(&'static Named, &'static str),
}

impl Typed {
    pub(crate) const fn required(name: &'static str, mask: u32) -> Self {
        Self { name, mask, class: None, default: None }
    }

    /// One that may be null, and is when it is left out.
    pub(crate) const fn nullable(name: &'static str, mask: u32) -> Self {
        Self { name, mask: mask | ty::NULL, class: None, default: Some(Default::Null) }
    }

    pub(crate) const fn or(self, class: &'static Named) -> Self {
        Self { class: Some(class), ..self }
    }

    pub(crate) const fn default(self, default: Default) -> Self {
        Self { default: Some(default), ..self }
    }

    /// For the builder, which knows no unions: [`super::widen`] adds the mask.
    pub(crate) fn arg(&self) -> Arg<'static> {
        let arg = Arg::new(self.name, self.builder_type());
        let arg = if self.mask & ty::NULL != 0 { arg.allow_null() } else { arg };
        match self.default {
            Some(default) => arg.default(default.source()),
            None => arg,
        }
    }

    fn builder_type(&self) -> DataType {
        if let Some(class) = self.class {
            return DataType::object(class.name);
        }
        match self.mask & !ty::NULL {
            mask if mask & ty::STRING != 0 => DataType::String,
            mask if mask & ty::ARRAY != 0 => DataType::Array,
            mask if mask & ty::FLOAT != 0 => DataType::Double,
            mask if mask & ty::INT != 0 => DataType::Long,
            _ => DataType::Bool,
        }
    }

    /// Declares a public readonly property of the same name and type.
    pub(crate) fn declare(&self, of: &'static Class) {
        match self.class {
            Some(class) => of.readonly_object(self.name, class.name, self.mask),
            None => of.readonly_property(self.name, self.mask),
        }
    }

    fn accepts(&self, value: &Zval) -> bool {
        let bits = match value.get_type() {
            DataType::False | DataType::True | DataType::Bool => ty::BOOL,
            DataType::Long => ty::INT | ty::FLOAT,
            DataType::Double => ty::FLOAT,
            DataType::String => ty::STRING,
            DataType::Array => ty::ARRAY,
            DataType::Null => ty::NULL,
            _ => 0,
        };
        self.mask & bits != 0 || self.class.is_some_and(|class| class.holds(value))
    }

    /// As PHP writes it.
    fn type_text(&self) -> String {
        let mut names: Vec<&str> = self.class.iter().map(|class| class.name).collect();
        let masks = [
            (ty::ARRAY, "array"),
            (ty::STRING, "string"),
            (ty::INT, "int"),
            (ty::FLOAT, "float"),
            (ty::BOOL, "bool"),
        ];
        names.extend(masks.iter().filter(|(mask, _)| self.mask & mask != 0).map(|(_, name)| *name));
        match (names.as_slice(), self.mask & ty::NULL != 0) {
            ([one], true) => format!("?{one}"),
            (_, true) => names.join("|") + "|null",
            (_, false) => names.join("|"),
        }
    }
}

impl Named {
    /// Whether `value` is an object of the class.
    pub(crate) fn holds(&self, value: &Zval) -> bool {
        value.object().is_some_and(|object| object.instance_of((self.entry)()))
    }
}

impl Default {
    /// PHP source, for reflection.
    fn source(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::False => "false".to_owned(),
            Self::Float(value) => format!("{value:?}"),
            Self::Text(text) => format!("'{text}'"),
            Self::EmptyArray => "[]".to_owned(),
            Self::Case(class, case) => format!("\\{}::{case}", class.name),
        }
    }

    fn value(self) -> Zval {
        let mut value = Zval::new();
        match self {
            Self::Null => {}
            Self::False => value.set_bool(false),
            Self::Float(number) => value.set_double(number),
            Self::Text(text) => value.set_zend_string(ZendStr::new(text, false)),
            Self::EmptyArray => value = super::empty_array(),
            Self::Case(class, case) => value = enum_case((class.entry)(), case),
        }
        value
    }
}

/// The case of one of our enums.
pub(crate) fn enum_case(of: &'static ClassEntry, case: &str) -> Zval {
    let name = ZendStr::new(case, false).into_raw();
    let mut value = Zval::new();
    // SAFETY: an enum of ours that has the case, an object that the class keeps.
    unsafe {
        let object = zend_enum_get_case(ptr::from_ref(of).cast_mut(), name);
        value.set_object(&mut *object);
        drop(ext_php_rs::boxed::ZBox::from_raw(name));
    }
    value
}

/// The arguments of a function, of which those from `first` on are `params`.
#[derive(Clone, Copy)]
pub(crate) struct Given<'frame> {
    all: &'frame [Zval],
    first: usize,
    params: &'static [Typed],
}

/// Checks number and types. `None` = an exception is pending.
pub(crate) fn read<'frame>(
    frame: &'frame ExecuteData,
    first: usize,
    params: &'static [Typed],
) -> Option<Given<'frame>> {
    let required = params.iter().filter(|param| param.default.is_none()).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    // What stands before is checked, and required or not, by the caller.
    let min = if required > 0 { first + required } else { 0 };
    let all = args::all(frame, count(min), count(first + params.len()))?;
    for (index, (value, param)) in all.iter().skip(first).zip(params).enumerate() {
        let value = value.dereference();
        if !param.accepts(value) {
            let expected = CString::new(param.type_text()).unwrap_or_default();
            args::type_error(count(first + index + 1), &expected, value);
            return None;
        }
    }
    Some(Given { all, first, params })
}

impl<'frame> Given<'frame> {
    /// The argument for `name`; `None` when it is null or was left out.
    pub(crate) fn get(&self, name: &str) -> Option<&'frame Zval> {
        let index = self.params.iter().position(|param| param.name == name)?;
        let value = self.all.get(self.first + index)?.dereference();
        (!value.is_null()).then_some(value)
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(number)
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.long()
    }

    /// A text; `None` = it is not UTF-8 or empty, and an exception is pending.
    pub(crate) fn text(&self, name: &str) -> Option<Option<&'frame str>> {
        let Some(bytes) = self.get(name).and_then(Zval::zend_str).map(ZendStr::as_bytes) else {
            return Some(None);
        };
        let wrong = match std::str::from_utf8(bytes) {
            Ok("") => "must not be empty",
            Ok(text) => return Some(Some(text)),
            Err(_) => "must be valid UTF-8",
        };
        self.refuse(name, wrong);
        None
    }

    /// Throws a `ValueError` about an argument.
    pub(crate) fn refuse(&self, name: &str, what: &str) {
        let index = self.params.iter().position(|param| param.name == name).unwrap_or(0);
        let number = u32::try_from(self.first + index + 1).unwrap_or(u32::MAX);
        let what = CString::new(what).unwrap_or_default();
        args::value_error(number, &what);
    }

    /// Assigns every argument, or what stands for it, to the property of its name.
    pub(crate) fn assign(&self, object: &mut ZendObject, class: &'static Class) {
        for (index, param) in self.params.iter().enumerate() {
            if let Some(value) = self.value(index) {
                super::properties::set(object, class.entry(), param.name, value);
            }
        }
    }

    /// As [`Self::assign`], one of them alone.
    pub(crate) fn assign_one(&self, name: &str, object: &mut ZendObject, class: &'static Class) {
        let index = self.params.iter().position(|param| param.name == name);
        if let Some(value) = index.and_then(|index| self.value(index)) {
            super::properties::set(object, class.entry(), name, value);
        }
    }

    /// An argument, or what stands for it, as a property of its type holds it.
    fn value(&self, index: usize) -> Option<Zval> {
        let param = &self.params[index];
        match self.all.get(self.first + index).map(Zval::dereference) {
            Some(value) => Some(as_declared(value, param.mask)),
            None => param.default.map(Default::value),
        }
    }
}

/// A number of either kind.
pub(crate) fn number(value: &Zval) -> Option<f64> {
    match value.long() {
        // PHP's own conversion: precise up to 2^53.
        Some(number) => Some(number as f64),
        None => value.double(),
    }
}

/// A property of type float holds no int.
fn as_declared(value: &Zval, mask: u32) -> Zval {
    match number(value) {
        Some(number) if value.is_long() && mask & ty::INT == 0 => {
            let mut float = Zval::new();
            float.set_double(number);
            float
        }
        _ => value.shallow_clone(),
    }
}

/// A fresh object of one of our classes, with these properties.
pub(crate) fn object<const N: usize>(class: &'static Class, properties: [(&str, Zval); N]) -> Zval {
    let mut object = exception::create(class.entry());
    for (name, value) in properties {
        if let Some(object) = object.object_mut() {
            super::properties::set(object, class.entry(), name, value);
        }
    }
    object
}
