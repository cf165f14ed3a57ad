//! The module: what PHP is told when it loads the extension.
//!
//! Contract: PHP calls `get_module` once, from the main thread, and keeps the entry until the process
//! ends; the other functions run on the thread of PHP.
#![allow(unsafe_code)]

use crate::{api, client, php};
use ext_php_rs::builders::{ModuleBuilder, ModuleStartup};
use ext_php_rs::zend::ModuleEntry;
use std::sync::OnceLock;

const SUCCESS: i32 = 0;
const FAILURE: i32 = -1;

struct Startup(ModuleStartup);

// SAFETY: lists of functions and constants, used on the main thread alone.
unsafe impl Send for Startup {}
// SAFETY: as above.
unsafe impl Sync for Startup {}

static STARTUP: OnceLock<Startup> = OnceLock::new();

/// The entry point of every PHP extension.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn get_module() -> *mut ModuleEntry {
    let mut module = ModuleBuilder::new("appserver", env!("CARGO_PKG_VERSION"))
        .startup_function(start_up)
        .shutdown_function(shut_down)
        .info_function(php::info::print)
        .request_startup_function(request_initializes)
        .post_deactivate_function(request_ends)
        // RINIT does not run for each request everywhere (FrankenPHP's worker mode); this does.
        .sapi_activate_function(|_| {
            client::request_begins();
            api::request_begins();
        });
    for function in api::functions::builders().chain(api::deployed::builders()) {
        module = module.function(function);
    }
    match module.try_into() {
        Ok((entry, startup, allocations)) => {
            let entry: ModuleEntry = entry;
            let _ = STARTUP.set(Startup(startup));
            // Both live until the process ends.
            std::mem::forget::<ext_php_rs::zend::ModuleAllocations>(allocations);
            Box::into_raw(Box::new(entry))
        }
        // PHP reports that the library is no extension, and goes on without it.
        Err(_) => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn start_up(kind: i32, module_number: i32) -> i32 {
    php::ini::register(module_number);
    let classes = api::register_classes();
    let rest = STARTUP.get().map(|startup| startup.0.startup(kind, module_number));
    match (classes, rest) {
        (Ok(()), Some(Ok(()))) => SUCCESS,
        _ => FAILURE,
    }
}

unsafe extern "C" fn request_initializes(_kind: i32, _module_number: i32) -> i32 {
    api::request_initializes();
    SUCCESS
}

unsafe extern "C" fn request_ends() -> i32 {
    client::request_ends();
    SUCCESS
}

unsafe extern "C" fn shut_down(_kind: i32, module_number: i32) -> i32 {
    client::shut_down();
    api::shut_down();
    php::ini::unregister(module_number);
    SUCCESS
}
