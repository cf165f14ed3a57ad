//! One PHP for a whole campaign: started by the first input, with one request context for all.

use embed::{Outcome, Php, Request, StartOptions};
use ext_php_rs::types::Zval;
use std::cell::OnceCell;

/// Inputs between two looks at what the engine still holds.
const INPUTS_PER_LEAK_CHECK: u64 = 4096;
/// Growth that is no leak: the engine's own tables, classes' caches, a fuller heap page.
const GROWTH_BYTES_MAX: i64 = 4 << 20;

thread_local! {
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
}

pub(crate) struct Engine {
    request: Request<'static>,
    inputs: std::cell::Cell<u64>,
    held_at_first: std::cell::Cell<Option<i64>>,
}

/// Lends the engine; `classes` is PHP source that is run once, when it starts.
pub(crate) fn with<R>(classes: &str, body: impl FnOnce(&Engine) -> R) -> R {
    ENGINE.with(|engine| body(engine.get_or_init(|| Engine::start(classes))))
}

impl Engine {
    fn start(classes: &str) -> Self {
        let ini = [("memory_limit", "512M"), ("display_errors", "0"), ("log_errors", "0")];
        let ini = ini.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let php = Php::start(&StartOptions { ini, extension: None }).expect("PHP starts");
        // Both live to the end of the process, which is the end of the campaign.
        let php: &'static mut Php = Box::leak(Box::new(php));
        let request = php.request().expect("a request context opens");
        let engine = Self { request, inputs: 0.into(), held_at_first: None.into() };
        engine.eval(classes);
        engine
    }

    /// What a PHP expression gives.
    pub(crate) fn value(&self, expression: &str) -> Zval {
        self.eval(&format!("return {expression};"))
    }

    fn eval(&self, code: &str) -> Zval {
        match self.request.eval(code) {
            Outcome::Returned(value) => value,
            other => panic!("{code}: {other:?}"),
        }
    }

    fn number(&self, expression: &str) -> i64 {
        self.value(expression).long().expect("a number")
    }

    /// Runs `body`, which must not make the engine hold more than `bytes_max` beyond what it holds
    /// now, nor give the request up, nor leave anything behind in the long run.
    pub(crate) fn bounded<R>(&self, bytes_max: i64, body: impl FnOnce() -> R) -> R {
        let before = self.number("(memory_reset_peak_usage() ?? memory_get_usage())");
        let result = self.request.guard(body).expect("decoding does not bail out");
        // A class that refuses its data does so by an exception.
        self.request.discard_exception();
        let peak = self.number("memory_get_peak_usage()");
        assert!(peak - before <= bytes_max, "one input held {} bytes", peak - before);
        self.inputs.set(self.inputs.get() + 1);
        if self.inputs.get().is_multiple_of(INPUTS_PER_LEAK_CHECK) {
            self.check_for_leaks();
        }
        result
    }

    fn check_for_leaks(&self) {
        // Decoded cycles are garbage until they are collected.
        let held = self.number("(gc_collect_cycles() >= 0 ? memory_get_usage() : 0)");
        let first = self.held_at_first.get().unwrap_or(held);
        self.held_at_first.set(Some(first));
        assert!(held - first <= GROWTH_BYTES_MAX, "{} bytes were left behind", held - first);
    }
}
