//! The one start of PHP in this process.
#![allow(unsafe_code)]

use crate::callbacks::{HOOKS, log_across_processes, log_here, take_log};
use crate::error::StartError;
use crate::request::{self, Request};
use crate::{ffi, ini_line};
use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
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
        Self::start_prepared(options, |_| Ok(()))
    }

    /// As above. When PHP's modules are started, which takes most of the time, and nothing is
    /// preloaded yet, `prepare` may change settings. It may also fork, and return in both processes:
    /// PHP then starts in both. Its error is that of the start.
    pub fn start_prepared<E: From<StartError>>(
        options: &StartOptions,
        prepare: impl FnOnce(&Starting) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut preparation = Preparation { prepare: Some(prepare), result: None };
        let started = Self::start_with(options, &preparation.for_shim());
        match preparation.result {
            Some(Err(panic)) => resume_unwind(panic),
            Some(Ok(Err(error))) => Err(error),
            Some(Ok(Ok(()))) => Ok(started?),
            None => Err(started.err().unwrap_or_else(unprepared).into()),
        }
    }

    fn start_with(
        options: &StartOptions,
        preparation: &ffi::Preparation,
    ) -> Result<Self, StartError> {
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
        // SAFETY: the first and only start in this process (STARTED); all pointers live for ever, but
        // `preparation`, which is not used after the start.
        let started = unsafe { ffi::appserver_start(&HOOKS, entries, extension, preparation) };
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

/// PHP whose modules are started, and nothing else.
#[derive(Debug)]
pub struct Starting {
    one_thread: PhantomData<*mut ()>,
}

impl Starting {
    /// Changes an ini entry; false when no module has it, or it does not take the value.
    pub fn set(&self, name: &str, value: &str) -> bool {
        // SAFETY: pointers and lengths of live strings; the entries are there, because PHP starts.
        unsafe {
            let (at, value_at) = (name.as_ptr().cast(), value.as_ptr().cast());
            ffi::appserver_set_at_start(at, name.len(), value_at, value.len())
        }
    }

    /// After a fork, in the child: what PHP says from now on is for this process.
    pub fn log_apart(&self) {
        log_across_processes();
    }
}

struct Preparation<F, E> {
    prepare: Option<F>,
    result: Option<std::thread::Result<Result<(), E>>>,
}

impl<E, F: FnOnce(&Starting) -> Result<(), E>> Preparation<F, E> {
    fn for_shim(&mut self) -> ffi::Preparation {
        ffi::Preparation { prepare: prepare::<E, F>, context: (&raw mut *self).cast() }
    }
}

/// A panic must not unwind through C: it is carried around it.
unsafe extern "C" fn prepare<E, F: FnOnce(&Starting) -> Result<(), E>>(
    context: *mut c_void,
) -> bool {
    // SAFETY: made by `for_shim` of exactly this `Preparation`, which outlives the start.
    let preparation = unsafe { &mut *context.cast::<Preparation<F, E>>() };
    let Some(prepare) = preparation.prepare.take() else {
        return true;
    };
    let starting = Starting { one_thread: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| prepare(&starting)));
    let goes_on = matches!(result, Ok(Ok(())));
    preparation.result = Some(result);
    goes_on
}

fn unprepared() -> StartError {
    let reason = "one of its extensions keeps others from taking part in the start";
    StartError::Failed(reason.to_owned())
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
