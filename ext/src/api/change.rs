//! A change to a client's options, checked as the ini settings are.

use super::settings;
use crate::client::{CallError, Credentials, Fleet, Options, Pin, Token};
use net::parse_list;
use protocol::AppName;
use std::rc::Rc;

/// What to change; `None` leaves an option as it is.
#[derive(Default)]
pub(super) struct Change<'a> {
    pub(super) workers: Option<&'a str>,
    pub(super) app: Option<&'a str>,
    pub(super) timeout: Option<f64>,
    pub(super) affinity: Option<Option<&'a [u8]>>,
    pub(super) pin: Option<&'a str>,
    pub(super) token: Option<Option<&'a str>>,
    pub(super) ca: Option<&'a str>,
    pub(super) certificate: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) output: Option<bool>,
    pub(super) fresh: Option<bool>,
    /// `None` within = any age will do.
    pub(super) max_age: Option<Option<f64>>,
}

fn max_age(seconds: f64) -> Result<u64, CallError> {
    // A century is as good as any age.
    if (0.0..=3.2e9).contains(&seconds) {
        return Ok((seconds * 1000.0) as u64);
    }
    Err(CallError::config(format!("maxAge {seconds} is refused: expected seconds, 0 or more")))
}

impl Change<'_> {
    /// A copy of `from` with the change, or what is wrong with it.
    pub(super) fn apply_to(&self, from: &Options) -> Result<Options, CallError> {
        let wrong = |option: &str, text: &str, expected: String| {
            CallError::config(format!("{option} \"{text}\" is refused: {expected}"))
        };
        let mut options = from.clone();
        if let Some(app) = self.app {
            options.app =
                AppName::new(app).map_err(|error| CallError::config(error.to_string()))?;
        }
        if let Some(seconds) = self.timeout {
            let limit = settings::duration(seconds).ok_or_else(|| {
                wrong(
                    "timeout",
                    &seconds.to_string(),
                    "expected seconds from 0 to 86400".to_owned(),
                )
            })?;
            options.timeout = (!limit.is_zero()).then_some(limit);
        }
        if let Some(affinity) = self.affinity {
            options.affinity = affinity.map(<[u8]>::to_vec);
        }
        if let Some(pin) = self.pin {
            let chosen = settings::pin(pin).map_err(|expected| wrong("pin", pin, expected))?;
            options.pin = settings::resolve(chosen);
            options.pin_chosen = chosen != Pin::Auto;
        }
        if let Some(output) = self.output {
            options.output = output;
        }
        if let Some(fresh) = self.fresh {
            options.cache.wish.fresh = fresh;
        }
        if let Some(seconds) = self.max_age {
            options.cache.wish.max_age_ms = seconds.map(max_age).transpose()?;
        }
        options.fleet = self.fleet(&from.fleet)?;
        Ok(options)
    }

    /// The same fleet when nothing of it changes, so that connections are shared.
    fn fleet(&self, from: &Rc<Fleet>) -> Result<Rc<Fleet>, CallError> {
        let keeps = self.workers.is_none()
            && self.token.is_none()
            && [self.ca, self.certificate, self.key].iter().all(Option::is_none);
        if keeps {
            return Ok(Rc::clone(from));
        }
        let text = self.workers.unwrap_or(&from.text).to_owned();
        let entries = parse_list(&text)
            .map_err(|error| CallError::config(format!("workers \"{text}\": {error}")))?;
        let token = match self.token {
            None => from.token.clone(),
            Some(token) => Token::parse(token.unwrap_or_default())
                .map_err(|expected| CallError::config(format!("token: {expected}")))?,
        };
        let old = &from.credentials;
        let credentials = Credentials::new(
            self.ca.unwrap_or(&old.ca),
            self.certificate.unwrap_or(&old.certificate),
            self.key.unwrap_or(&old.key),
        );
        Ok(Rc::new(Fleet { text, entries, token, credentials }))
    }
}
