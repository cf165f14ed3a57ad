//! What we need of the engine beyond ext-php-rs: the only modules here with `unsafe`, beside the two
//! of `client` that say why.

use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;

pub mod args;
mod boundary;
mod class;
pub mod cursor;
pub mod exception;
mod ffi;
pub mod info;
pub mod ini;
mod object;
pub mod output;
pub mod properties;

/// A function of ours, as the engine calls it.
pub type Handler = extern "C" fn(&mut ExecuteData, &mut Zval);

pub use boundary::{
    End, guard, is_throwing, is_timed_out, run_signal_handlers, sapi_name, wants_interrupt,
};
pub use class::{Class, empty_array, runtime_exception, ty};
pub use object::{Carried, Handle, Handlers};
