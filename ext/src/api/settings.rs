//! The ini settings: names, defaults, checks. The one list of them; `ini` gives it to PHP.

use super::refusals::{Origin, Refusals};
use crate::cache::Wish;
use crate::client::{CacheTerms, CallError, Credentials, Fleet, Options, Pin, Token};
use net::parse_list;
use protocol::{AppName, FRAME_BYTES_MAX_DEFAULT};
use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;
use std::time::Duration;

/// Longest time any setting may give: longer ones are mistakes in the unit.
const SECONDS_MAX: f64 = 86_400.0;

/// One setting. `set` checks a text and takes it over, or says what is expected instead.
pub(crate) struct Setting {
    pub name: &'static CStr,
    pub default: &'static CStr,
    set: fn(&mut Draft, &str) -> Result<(), String>,
    /// Whether the value must not be shown.
    pub secret: bool,
}

const fn setting(
    name: &'static CStr,
    default: &'static CStr,
    set: fn(&mut Draft, &str) -> Result<(), String>,
) -> Setting {
    Setting { name, default, set, secret: false }
}

/// Every setting, in the order of the documentation.
pub(crate) static SETTINGS: [Setting; 19] = [
    setting(c"appserver.workers", c"unix:/run/appserver/appserver.sock", |draft, text| {
        parse_list(text).map_err(|error| error.to_string())?;
        draft.workers = text.to_owned();
        Ok(())
    }),
    setting(c"appserver.app", c"", |draft, text| {
        draft.app = AppName::new(text).map_err(|error| error.to_string())?;
        Ok(())
    }),
    setting(c"appserver.timeout", c"30", |draft, text| {
        let limit = seconds(text)?;
        draft.timeout = (!limit.is_zero()).then_some(limit);
        Ok(())
    }),
    setting(c"appserver.connect_timeout", c"1", |draft, text| {
        draft.connect_timeout = positive(seconds(text)?)?;
        Ok(())
    }),
    setting(c"appserver.busy_poll_us", c"50", |draft, text| {
        draft.busy_poll = Duration::from_micros(number(text, 0, 10_000)?.into());
        Ok(())
    }),
    setting(c"appserver.pin", c"auto", |draft, text| {
        draft.pin = pin(text)?;
        Ok(())
    }),
    Setting {
        name: c"appserver.token",
        default: c"",
        set: |draft, text| {
            draft.token = Token::parse(text)?;
            Ok(())
        },
        secret: true,
    },
    setting(c"appserver.ca", c"", |draft, text| file(text, &mut draft.ca)),
    setting(c"appserver.certificate", c"", |draft, text| file(text, &mut draft.certificate)),
    setting(c"appserver.key", c"", |draft, text| file(text, &mut draft.key)),
    setting(c"appserver.classes", c"", |draft, text| {
        let patterns = text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        draft.classes = patterns.map(str::to_owned).collect();
        Ok(())
    }),
    setting(c"appserver.frame_bytes_max", c"67108864", |draft, text| {
        draft.frame_bytes_max = quantity(text, 4096, u32::MAX)?;
        Ok(())
    }),
    setting(c"appserver.value_depth_max", c"512", |draft, text| {
        draft.depth_max = number(text, 1, 4096)?;
        Ok(())
    }),
    setting(c"appserver.connections_max", c"64", |draft, text| {
        draft.connections_max = number(text, 1, 4096)?;
        Ok(())
    }),
    setting(c"appserver.retries", c"2", |draft, text| {
        draft.retries = number(text, 0, 16)?;
        Ok(())
    }),
    setting(c"appserver.backoff", c"0.1", |draft, text| {
        draft.backoff = positive(seconds(text)?)?;
        Ok(())
    }),
    setting(c"appserver.backoff_max", c"10", |draft, text| {
        draft.backoff_max = positive(seconds(text)?)?;
        Ok(())
    }),
    setting(c"appserver.cache_size", c"8M", |draft, text| {
        draft.cache_bytes_max = quantity(text, 0, u32::MAX)?;
        Ok(())
    }),
    setting(c"appserver.cache_values", c"auto", |draft, text| {
        draft.cache_immutable = cache_values(text)?;
        Ok(())
    }),
];

/// The settings as they stand, checked.
#[derive(Clone, Debug)]
struct Draft {
    workers: String,
    app: AppName,
    timeout: Option<Duration>,
    connect_timeout: Duration,
    busy_poll: Duration,
    pin: Pin,
    token: Option<Token>,
    ca: String,
    certificate: String,
    key: String,
    classes: Vec<String>,
    frame_bytes_max: u32,
    depth_max: u32,
    connections_max: u32,
    retries: u32,
    backoff: Duration,
    backoff_max: Duration,
    cache_bytes_max: u32,
    /// `None` = by the SAPI.
    cache_immutable: Option<bool>,
}

impl Default for Draft {
    /// What the table's defaults say; the test below holds it to that.
    fn default() -> Self {
        let mut draft = Self {
            workers: String::new(),
            app: AppName::default(),
            timeout: None,
            connect_timeout: Duration::from_secs(1),
            busy_poll: Duration::ZERO,
            pin: Pin::Auto,
            token: None,
            ca: String::new(),
            certificate: String::new(),
            key: String::new(),
            classes: Vec::new(),
            frame_bytes_max: FRAME_BYTES_MAX_DEFAULT,
            depth_max: 512,
            connections_max: 64,
            retries: 0,
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            cache_bytes_max: 0,
            cache_immutable: None,
        };
        for setting in &SETTINGS {
            let text = setting.default.to_str().unwrap_or_default();
            // Defaults are checked by a test; one that failed would leave the value above.
            let _ = (setting.set)(&mut draft, text);
        }
        draft
    }
}

thread_local! {
    static REFUSALS: RefCell<Refusals> = RefCell::default();
    static DRAFT: RefCell<Option<Draft>> = const { RefCell::new(None) };
    /// Built from the draft by the first call after a change.
    static CURRENT: RefCell<Option<Rc<Options>>> = const { RefCell::new(None) };
}

/// Takes over a new value of the setting at `index`, or says what is wrong with it, in a sentence.
pub(crate) fn change(index: usize, value: &[u8], origin: Origin) -> Result<(), String> {
    let Some(setting) = SETTINGS.get(index) else {
        return Ok(());
    };
    let taken = match std::str::from_utf8(value) {
        Ok(text) => {
            DRAFT.with_borrow_mut(|draft| (setting.set)(draft.get_or_insert_default(), text))
        }
        Err(_) => Err("expected UTF-8 text".to_owned()),
    };
    let taken = taken.map_err(|expected| setting.refusal(value, &expected));
    REFUSALS.with_borrow_mut(|refusals| refusals.note(index, origin, taken.clone().err()));
    CURRENT.with_borrow_mut(|current| *current = None);
    taken
}

impl Setting {
    fn refusal(&self, value: &[u8], expected: &str) -> String {
        let value = if self.secret { "(hidden)".into() } else { String::from_utf8_lossy(value) };
        format!("{} = \"{value}\" is refused: {expected}", self.name.to_string_lossy())
    }
}

/// As [`current`], for a call. A setting that was refused fails it: the default in its place may
/// mean another worker or application than the one that was meant.
pub(crate) fn checked() -> Result<Rc<Options>, CallError> {
    match REFUSALS.with_borrow(|refusals| refusals.first().map(CallError::config)) {
        Some(error) => Err(error),
        None => Ok(current()),
    }
}

/// The options that calls without a client of their own are made with.
pub(crate) fn current() -> Rc<Options> {
    CURRENT.with_borrow_mut(|current| {
        let build = || DRAFT.with_borrow_mut(|draft| options(draft.get_or_insert_default()));
        Rc::clone(current.get_or_insert_with(build))
    })
}

/// The options of a process without ini settings.
#[cfg(test)]
pub(crate) fn defaults() -> Options {
    (*options(&Draft::default())).clone()
}

fn options(draft: &Draft) -> Rc<Options> {
    let fleet = Fleet {
        text: draft.workers.clone(),
        // Checked when it was set.
        entries: parse_list(&draft.workers).unwrap_or_default(),
        token: draft.token.clone(),
        credentials: Credentials::new(&draft.ca, &draft.certificate, &draft.key),
    };
    Rc::new(Options {
        fleet: Rc::new(fleet),
        app: draft.app.clone(),
        timeout: draft.timeout,
        connect_timeout: draft.connect_timeout,
        busy_poll: draft.busy_poll,
        affinity: None,
        pin: resolve(draft.pin),
        pin_chosen: false,
        output: false,
        frame_bytes_max: draft.frame_bytes_max,
        depth_max: draft.depth_max,
        connections_max: draft.connections_max,
        retries: draft.retries,
        backoff: draft.backoff,
        backoff_max: draft.backoff_max,
        job: Rc::default(),
        classes: Rc::new(draft.classes.clone()),
        cache: CacheTerms {
            bytes_max: draft.cache_bytes_max,
            immutable: draft.cache_immutable.unwrap_or_else(requests_end),
            wish: Wish::default(),
        },
    })
}

/// Whether each PHP request of this process has an end, at which what it was given is let go. On the command
/// line, in an executor that keeps its state, and in FrankenPHP's worker mode one may go on for ever.
fn requests_end() -> bool {
    matches!(
        crate::php::sapi_name().as_str(),
        "fpm-fcgi" | "cgi-fcgi" | "apache2handler" | "litespeed" | "cli-server"
    )
}

fn cache_values(text: &str) -> Result<Option<bool>, String> {
    match text {
        "auto" => Ok(None),
        "immutable" => Ok(Some(true)),
        "copies" => Ok(Some(false)),
        _ => Err("expected one of auto, immutable, copies".to_owned()),
    }
}

/// What `Auto` means here. An executor may serve many callers in one PHP request (isolation
/// "resident"), so it counts with the command line.
pub(crate) fn resolve(pin: Pin) -> Pin {
    match (pin, crate::php::sapi_name().as_str()) {
        (Pin::Auto, "cli" | "phpdbg" | "embed" | "appserver") => Pin::Call,
        (Pin::Auto, _) => Pin::Request,
        (chosen, _) => chosen,
    }
}

/// A number of seconds, at most a day.
pub(crate) fn duration(seconds: f64) -> Option<Duration> {
    (0.0..=SECONDS_MAX).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// A pin mode by name.
pub(crate) fn pin(text: &str) -> Result<Pin, String> {
    Pin::parse(text).ok_or_else(|| format!("expected one of {}", Pin::NAMES.join(", ")))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.trim().parse().ok().and_then(duration);
    number.ok_or_else(|| "expected seconds from 0 to 86400, e.g. 30 or 0.5".to_owned())
}

fn positive(duration: Duration) -> Result<Duration, String> {
    if duration.is_zero() { Err("expected more than 0 seconds".to_owned()) } else { Ok(duration) }
}

fn number(text: &str, min: u32, max: u32) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("expected a whole number from {min} to {max}"))
}

/// A number as PHP's own settings of sizes take them: with K, M or G behind it, powers of 1024.
fn quantity(text: &str, min: u32, max: u32) -> Result<u32, String> {
    let text = text.trim();
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let number =
        digits.trim_end().parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
    let number = number.filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("expected bytes from {min} to {max}, e.g. 16M"))
}

fn file(text: &str, into: &mut String) -> Result<(), String> {
    if text.contains('\0') {
        return Err("a file name has no NUL byte".to_owned());
    }
    text.clone_into(into);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid() {
        for setting in &SETTINGS {
            let text = setting.default.to_str().unwrap();
            assert_eq!((setting.set)(&mut Draft::default(), text), Ok(()), "{:?}", setting.name);
        }
        assert_eq!(Draft::default().timeout, Some(Duration::from_secs(30)));
        assert_eq!(Draft::default().retries, 2);
    }

    #[test]
    fn nonsense_is_refused_and_changes_nothing() {
        let mut draft = Draft::default();
        for (name, text) in [
            (c"appserver.timeout", "soon"),
            (c"appserver.timeout", "-1"),
            (c"appserver.timeout", "NaN"),
            (c"appserver.connect_timeout", "0"),
            (c"appserver.busy_poll_us", "1.5"),
            (c"appserver.pin", "sometimes"),
            (c"appserver.app", "My App"),
            (c"appserver.workers", "localhost"),
            (c"appserver.frame_bytes_max", "1"),
        ] {
            let setting = SETTINGS.iter().find(|setting| setting.name == name).unwrap();
            assert!((setting.set)(&mut draft, text).is_err(), "{name:?} = {text}");
        }
        assert_eq!(draft.timeout, Draft::default().timeout);
    }
}
