//! The one start of PHP in this process.
#![allow(unsafe_code)]

use crate::callbacks::{HOOKS, log_across_processes, log_here, take_log};
use crate::error::StartError;
use crate::request::{self, Request};
use crate::{ffi, ini_line};
use std::ffi::CString;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to start PHP.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Name and value, in order; they override php.ini.
    pub ini: Vec<(String, String)>,
    /// A module to load unless php.ini loads one of that name.
    pub extension: Option<Extension>,
}

/// A PHP module in a shared library.
#[derive(Clone, Debug)]
pub struct Extension {
    pub name: String,
    pub path: PathBuf,
}

/// The started engine. Neither `Send` nor `Sync`: PHP belongs to one thread.
#[derive(Debug)]
pub struct Php {
    one_thread: PhantomData<*mut ()>,
}

static STARTED: AtomicBool = AtomicBool::new(false);

impl Php {
    /// Starts PHP; with `opcache.preload` among the entries, preloads too.
    ///
    /// Fails when it was started before, or with what PHP logged. A fatal error while preloading
    /// ends the process: that is the engine's own decision.
    pub fn start(options: &StartOptions) -> Result<Self, StartError> {
        let mut text = String::new();
        for (name, value) in &options.ini {
            text += &ini_line(name, value)?;
        }
        if STARTED.swap(true, Ordering::SeqCst) {
            return Err(StartError::Twice);
        }
        // The engine reads the entries again whenever it rereads php.ini: they live for ever.
        let entries = leak(text)?;
        let extension = options.extension.as_ref().map(extension_for_shim).transpose()?;
        let extension = extension.map_or(std::ptr::null(), |e| Box::leak(Box::new(e)) as *const _);
        log_across_processes();
        // SAFETY: the first and only start in this process (STARTED); all pointers live for ever.
        let started = unsafe { ffi::appserver_start(&HOOKS, entries, extension) };
        log_here();
        if started { Ok(Self { one_thread: PhantomData }) } else { Err(failure()) }
    }

    /// Opens a request context. One at a time: the previous one is closed when dropped.
    pub fn request(&mut self) -> Result<Request<'_>, StartError> {
        request::open(self)
    }

    /// Stops PHP. Children leave by `_exit` instead: the engine's state is the prototype's.
    pub fn stop(self) {
        // SAFETY: started, and no request is open, because that would borrow `self`.
        unsafe { ffi::appserver_stop() };
    }
}

fn extension_for_shim(extension: &Extension) -> Result<ffi::Extension, StartError> {
    let path = extension.path.to_string_lossy().into_owned();
    Ok(ffi::Extension { name: leak(extension.name.clone())?, path: leak(path)? })
}

fn leak(text: String) -> Result<*const std::ffi::c_char, StartError> {
    let text = CString::new(text)
        .map_err(|_| StartError::Failed("a setting contains a zero byte".to_owned()))?;
    Ok(text.into_raw())
}

pub(crate) fn failure() -> StartError {
    let lines: Vec<String> = take_log().into_iter().map(|line| line.text).collect();
    StartError::Failed(lines.join("; "))
}
