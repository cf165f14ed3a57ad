//! A release arrives, is checked and unpacked; nothing changes for callers.

use super::app::{App, unknown_release};
use super::asked::Asked;
use super::commit::After;
use super::event::Event;
use super::fault;
use super::settings::Settings;
use super::staging::{LOOK_AGAIN, Then};
use super::store::{AppState, Incoming, Kept, Store};
use super::supervisor::Supervisor;
use crate::admin::{AdminError, Code};
use crate::config;
use archive::{Accepted, Limits, Policy, Rejected, TrustedKeys, Unpacking};
use protocol::AppName;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How far a deployer's clock may be ahead of ours, in milliseconds.
const SKEW_MS: u64 = 5 * 60 * 1000;

/// What a thread needs to check and unpack an archive.
#[derive(Debug)]
struct Job {
    app: AppName,
    number: u64,
    archive: PathBuf,
    store: Store,
    settings: Arc<Settings>,
    highest: Option<Accepted>,
    max_age_ms: u64,
    now_ms: u64,
}

impl Supervisor {
    /// Takes an archive that has arrived; `then` says what for.
    pub(super) fn stage(
        &mut self,
        app: &AppName,
        number: u64,
        archive: PathBuf,
        then: Then,
        asked: Asked,
    ) {
        match self.may_stage(app, number, &then) {
            Err(error) => {
                let _ = std::fs::remove_file(&archive);
                asked.answer(self, Err(error));
            }
            Ok(job) => {
                let job = Job { archive, ..job };
                self.staging.insert(app.clone());
                let (events, app) = (self.events.clone(), app.clone());
                // A thread of its own: what others run on must not keep its low priority.
                std::thread::spawn(move || {
                    super::background::lower_priority();
                    let result = job.run();
                    let _ = std::fs::remove_file(&job.archive);
                    let unpacked = Event::Unpacked { app, result, then, asked };
                    // The supervisor is gone only when the worker ends.
                    let _ = events.blocking_send(unpacked);
                });
            }
        }
    }

    fn may_stage(&mut self, app: &AppName, number: u64, then: &Then) -> Result<Job, AdminError> {
        if self.is_stopping() {
            return Err(AdminError::new(Code::Unavailable, "the worker is stopping"));
        }
        if self.settings.trusted.keys().is_empty() {
            let message = "this worker accepts no deploys: add the deployer's public key to \
                deploy.trusted_keys in appserver.toml and restart it";
            return Err(AdminError::new(Code::Denied, message));
        }
        if self.dev.as_ref().is_some_and(|dev| dev.is_of(app)) {
            let message = format!("\"{app}\" is served from a folder in development");
            return Err(AdminError::new(Code::Conflict, message));
        }
        if self.staging.contains(app) {
            let message =
                format!("another release of \"{app}\" is being staged; try again after it");
            return Err(AdminError::new(Code::Conflict, message));
        }
        let state_dir = self.settings.state_dir.clone();
        if !self.apps.contains_key(app) {
            let loaded = App::load(Store::new(&state_dir, app)).map_err(unavailable)?;
            self.apps.insert(app.clone(), loaded);
        }
        let known = self.app_or_remains(app)?;
        Ok(Job {
            app: app.clone(),
            number,
            archive: PathBuf::new(),
            store: known.store.clone(),
            settings: Arc::clone(&self.settings),
            highest: known.state.accepted(),
            max_age_ms: match then {
                Then::Report => self.settings.daemon.deploy.max_age_ms,
                // Another worker runs it: it says that it is no old one sent again.
                Then::Prepare(_) | Then::Activate(_) | Then::Try { .. } => u64::MAX,
            },
            now_ms: super::audit::now_ms(),
        })
    }

    /// The archive is in the store, or was refused.
    pub(super) fn on_unpacked(
        &mut self,
        app: &AppName,
        result: Result<Kept, AdminError>,
        then: Then,
        asked: Asked,
    ) {
        if self.committing.contains(app) {
            // Its state is to follow from the one that is being written.
            let app = app.clone();
            return self.send_after(LOOK_AGAIN, Event::Unpacked { app, result, then, asked });
        }
        self.staging.remove(app);
        let result = match result {
            Ok(kept) if then == Then::Report && asked.is_abandoned() => {
                if let Some(known) = self.apps.get(app) {
                    remove_in_background(known.store.clone(), vec![kept.number]);
                }
                Err(abandoned())
            }
            result => result,
        };
        let kept = match result {
            Ok(kept) => kept,
            Err(error) => {
                self.forget_unknown(app);
                return asked.answer(self, Err(error));
            }
        };
        match self.accepted_state(app, kept) {
            Err(error) => asked.answer(self, Err(error)),
            Ok((state, number)) => self.commit(state, asked, After::Accepted { number, then }),
        }
    }

    /// An application of which there is nothing, because its first release was refused.
    fn forget_unknown(&mut self, app: &AppName) {
        let unknown = |known: &mut App| {
            let empty = known.kept.is_empty() && known.folder.is_none();
            empty && known.behind.is_none() && !known.is_gone()
        };
        if self.apps.get_mut(app).is_some_and(unknown) {
            self.apps.remove(app);
        }
    }

    /// From now on no release with a lower number is accepted, whatever becomes of this one.
    fn accepted_state(&mut self, app: &AppName, kept: Kept) -> Result<(AppState, u64), AdminError> {
        let known = self.apps.get_mut(app).ok_or_else(|| unknown_release(app, kept.number))?;
        let mut state = known.state.clone();
        let number = kept.number;
        if number >= state.highest {
            state.highest = number;
            state.highest_content = Some(kept.content.clone());
        }
        known.failed.remove(&number);
        known.kept.insert(number, kept);
        Ok((state, number))
    }
}

impl Job {
    /// Checks, unpacks and keeps the archive, which is on disk when this returns.
    fn run(&self) -> Result<Kept, AdminError> {
        let mut policy = Policy {
            app: self.app.clone(),
            highest: self.highest,
            max_age_ms: self.max_age_ms,
            skew_ms: SKEW_MS,
            payload_bytes_max: Limits::default().archive_bytes_max,
        };
        let mut verified = self.verify(&policy);
        if matches!(verified, Err(Rejected::AlreadyHere { .. })) {
            // The very same one again: its first stage failed, or the answer was lost.
            policy.highest = None;
            verified = self.verify(&policy);
        }
        let verified = verified.map_err(|error| bad_archive(&error))?;
        let header = verified.header().clone();
        if header.number != self.number {
            let message = format!(
                "the archive is signed as release {}, and was sent as release {}",
                header.number, self.number
            );
            return Err(AdminError::new(Code::BadArchive, message));
        }
        let incoming = self.store.begin(self.number).map_err(unavailable)?;
        // Its archive alone has to be on disk, see `integrity`.
        let how = Unpacking { durable: false, read_only: true };
        fault::point("stage.unpack");
        let totals = verified
            .unpack(&incoming.root(), &Limits::default(), how)
            .map_err(|error| bad_archive(&error))?;
        let kept = Kept {
            number: self.number,
            content: header.content.to_string(),
            release: header.content.release(),
            signed_at_ms: header.signed_at_ms,
            deployer: header.deployer,
            note: header.note,
            files: totals.entries,
            bytes: totals.bytes,
        };
        self.keep(incoming, kept)
    }

    fn verify(&self, policy: &Policy) -> Result<archive::Verified<BufReader<File>>, Rejected> {
        let file = File::open(&self.archive).map_err(Rejected::Read)?;
        archive::verify(BufReader::new(file), &self.settings.trusted, policy, self.now_ms)
    }

    fn keep(&self, incoming: Incoming, kept: Kept) -> Result<Kept, AdminError> {
        // Before it is kept: a release that cannot be served is none.
        config::load_release(&incoming.root(), &self.app, &self.settings.daemon.apps)
            .map_err(|error| AdminError::new(Code::NotStaged, error.to_string()))?;
        std::fs::rename(&self.archive, incoming.archive()).map_err(unavailable)?;
        let archive = File::open(incoming.archive()).map_err(unavailable)?;
        archive.sync_all().map_err(unavailable)?;
        fault::point("stage.unpacked");
        incoming.keep(&kept).map_err(unavailable)?;
        fault::point("stage.kept");
        Ok(kept)
    }
}

pub(super) fn abandoned() -> AdminError {
    AdminError::new(Code::Unavailable, "whoever sent it did not wait for it")
}

/// Removes releases' files without a turn of the supervisor's loop, when there is nothing else to do.
pub(super) fn remove_in_background(store: Store, numbers: Vec<u64>) {
    std::thread::spawn(move || {
        super::background::lower_priority();
        for number in numbers {
            if let Err(error) = store.forget(number) {
                tracing::warn!(number, %error, "a release's files cannot be removed");
            }
        }
    });
}

pub(super) fn unavailable(error: std::io::Error) -> AdminError {
    let hint = match error.kind() {
        std::io::ErrorKind::StorageFull => "; free some, e.g. with `appserver prune`",
        _ => "",
    };
    AdminError::new(
        Code::Unavailable,
        format!("the worker's state cannot be written: {error}{hint}"),
    )
}

fn bad_archive(error: &dyn std::error::Error) -> AdminError {
    AdminError::new(Code::BadArchive, error.to_string())
}

/// Keys as the configuration has them: lines, or files of lines.
pub(super) fn trusted_keys(
    given: &[String],
    config_file: Option<&Path>,
) -> Result<TrustedKeys, archive::KeyError> {
    let base = config_file.and_then(Path::parent).unwrap_or(Path::new("."));
    let mut keys = Vec::new();
    for entry in given {
        if entry.starts_with("appserver-deploy-pub-") {
            keys.push(archive::PublicKey::parse(entry)?);
        } else {
            keys.extend(TrustedKeys::load(&base.join(entry))?.keys().iter().cloned());
        }
    }
    Ok(TrustedKeys::new(keys))
}
