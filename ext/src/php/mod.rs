//! What we need of the engine beyond ext-php-rs: the only modules here with `unsafe`, beside the two
//! of `client` that say why.

use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;

pub(crate) mod args;
mod boundary;
mod class;
pub(crate) mod cursor;
pub(crate) mod exception;
mod ffi;
pub(crate) mod immutable;
pub(crate) mod info;
pub(crate) mod ini;
pub(crate) mod instance;
mod object;
pub(crate) mod output;
pub(crate) mod properties;
pub(crate) mod table;
pub(crate) mod typed;

/// A function of ours, as the engine calls it.
pub(crate) type Handler = extern "C" fn(&mut ExecuteData, &mut Zval);

pub(crate) use boundary::{
    End, guard, is_throwing, is_timed_out, run_signal_handlers, sapi_name, wants_interrupt,
};
pub(crate) use class::{
    Class, date_time_interface, empty_array, logic_exception, runtime_exception, ty, widen,
};
pub(crate) use object::{Carried, Collector, Handle, Handlers};
