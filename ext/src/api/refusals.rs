//! Settings that were refused and have not been put right.
//!
//! Where settings are read, often nobody sees a warning: a pool's process of PHP-FPM has no log of its
//! own. So what was refused is kept, and the first call says it again.

use super::settings::SETTINGS;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// php.ini or the command line; after a refusal the engine sets the default.
    Start,
    /// A pool of PHP-FPM, for all requests of the process.
    Process,
    /// The web server, `.htaccess` or `.user.ini`, for one request.
    Request,
    /// `ini_set()`, whose caller has seen the refusal.
    Script,
    /// The end of what one of the last two changed.
    Restored,
}

/// What is wrong with each setting, as a sentence.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    process: [Option<String>; SETTINGS.len()],
    request: [ForNow; SETTINGS.len()],
}

/// What a request has instead of the process's own.
#[derive(Debug, Default)]
enum ForNow {
    #[default]
    Nothing,
    Good,
    Refused(String),
}

impl Refusals {
    /// A value of the setting at `index` was taken (`None`) or refused.
    pub(crate) fn note(&mut self, index: usize, origin: Origin, refused: Option<String>) {
        match (origin, refused) {
            (Origin::Start, None) | (Origin::Script, Some(_)) => {}
            (Origin::Start | Origin::Process, refused) => self.process[index] = refused,
            (Origin::Request, Some(refused)) => self.request[index] = ForNow::Refused(refused),
            (Origin::Request | Origin::Script, None) => self.request[index] = ForNow::Good,
            (Origin::Restored, _) => self.request[index] = ForNow::Nothing,
        }
    }

    /// The first setting that stands refused.
    pub(crate) fn first(&self) -> Option<&str> {
        self.process.iter().zip(&self.request).find_map(|(process, request)| match request {
            ForNow::Nothing => process.as_deref(),
            ForNow::Good => None,
            ForNow::Refused(refused) => Some(refused),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad() -> Option<String> {
        Some("bad".to_owned())
    }

    #[test]
    fn a_refusal_at_the_start_stands_until_a_pool_says_better() {
        let mut refusals = Refusals::default();
        refusals.note(1, Origin::Start, bad());
        refusals.note(1, Origin::Start, None);
        assert_eq!(refusals.first(), Some("bad"));
        refusals.note(1, Origin::Process, None);
        assert_eq!(refusals.first(), None);
    }

    #[test]
    fn what_a_script_puts_right_is_right_until_its_request_ends() {
        let mut refusals = Refusals::default();
        refusals.note(1, Origin::Process, bad());
        refusals.note(1, Origin::Script, None);
        assert_eq!(refusals.first(), None);
        refusals.note(1, Origin::Restored, None);
        assert_eq!(refusals.first(), Some("bad"));
    }

    #[test]
    fn a_request_with_a_bad_setting_is_the_only_one_that_has_it() {
        let mut refusals = Refusals::default();
        refusals.note(1, Origin::Request, bad());
        assert_eq!(refusals.first(), Some("bad"));
        refusals.note(1, Origin::Restored, None);
        assert_eq!(refusals.first(), None);
    }

    #[test]
    fn a_script_whose_change_was_refused_has_the_old_value() {
        let mut refusals = Refusals::default();
        refusals.note(1, Origin::Script, bad());
        assert_eq!(refusals.first(), None);
    }
}
