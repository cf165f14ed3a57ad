//! libphp behind a C shim: start-up, request contexts, and calls that cannot longjmp across Rust.
//!
//! Contract of the whole crate, which every `unsafe` in it relies on: PHP is started at most once in
//! a process and used from the thread that started it, alone. [`Php`] is the proof: it is neither
//! `Send` nor `Sync`, and everything that enters the engine is reached through it.
//!
//! A PHP fatal error, even an out-of-memory inside an allocation, is a longjmp to the nearest
//! `zend_try`; Rust frames in between are skipped and their destructors do not run. Therefore code
//! given to [`Request::guard`] must hold no value with a destructor, no lock and no `RefCell` borrow
//! while it calls what may allocate from PHP's memory or run PHP code.
mod callbacks;
mod engine;
mod error;
mod exception;
mod ffi;
mod function;
mod ini;
mod json;
mod php;
mod request;
mod start_log;

pub use callbacks::{LogLine, keep_output, take_log, take_output};
pub use engine::{interrupt, interrupt_clear, opcache_enabled, php_version};
pub use error::{Bailout, PhpError, StartError};
pub use exception::ExceptionObject;
pub use ffi::Interrupt;
pub use function::Function;
pub use ini::ini_line;
pub use json::{EncodeError as JsonEncodeError, decode as json_decode, encode as json_encode};
pub use php::{Extension, Php, StartOptions, Starting};
pub use request::{Outcome, Request, Statement};
