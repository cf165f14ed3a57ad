//! Staging: a release arrives, is checked, unpacked and started; nothing changes for callers.

use super::app::{App, unknown_release};
use super::asked::Asked;
use super::commit::After;
use super::deployed::{Deployed, ReleaseState};
use super::event::{Event, Retry};
use super::fault;
use super::key::ReleaseKey;
use super::settings::Settings;
use super::store::{AppState, Incoming, Kept, Share, Store};
use super::supervisor::Supervisor;
use crate::admin::{
    Activate, AdminError, Answer, Change, Code, Reply, Settings as Generation, Staged,
};
use crate::config::{self, Deployment};
use archive::{Accepted, Limits, Policy, Rejected, TrustedKeys, Unpacking};
use protocol::{AppName, Catalog, diff};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How far a deployer's clock may be ahead of ours, in milliseconds.
const SKEW_MS: u64 = 5 * 60 * 1000;
/// From one look whether its executors are ready to the next.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A release that is being staged: who waits for it, and what is to follow.
#[derive(Debug)]
pub(super) struct Staging {
    pub(super) asked: Asked,
    pub(super) number: u64,
    pub(super) then: Then,
    pub(super) provisioned: Vec<String>,
}

/// What follows when a release is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Its report.
    Report,
    /// The first of two phases in which it becomes current.
    Prepare(Activate),
    /// It becomes current.
    Activate(Activate),
    /// It gets its share of the requests, as on the worker that has these settings.
    Try { settings: Generation, share: Share },
}

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
            let loaded = App::load(&state_dir, app).map_err(unavailable)?;
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

    /// An accepted release is started.
    pub(super) fn start_accepted(&mut self, number: u64, then: Then, asked: Asked) {
        let app = asked.app.clone();
        match self.deployment_of(&app, number) {
            Err(error) => asked.answer(self, Err(error)),
            Ok(deployment) => {
                let staging = Staging { asked, number, then, provisioned: Vec::new() };
                self.start_release(&app, number, deployment, staging);
            }
        }
    }

    /// What is to run for a release that is here.
    pub(super) fn deployment_of(
        &self,
        app: &AppName,
        number: u64,
    ) -> Result<Deployment, AdminError> {
        let known = self.app(app)?;
        if number == 0 {
            let folder = self.folders.get(app).cloned();
            return folder.ok_or_else(|| unknown_release(app, number));
        }
        if !known.kept.contains_key(&number) {
            return Err(unknown_release(app, number));
        }
        config::load_release(&known.store.root(number), app, &self.settings.daemon.apps)
            .map_err(|error| AdminError::new(Code::NotStaged, error.to_string()))
    }

    /// Starts a release that does not run yet; `staging` says what follows.
    pub(super) fn start_release(
        &mut self,
        app: &AppName,
        number: u64,
        deployment: Deployment,
        staging: Staging,
    ) {
        let Some(release) = self.apps.get(app).and_then(|known| known.release(number)) else {
            return staging.asked.answer(self, Err(unknown_release(app, number)));
        };
        let key = ReleaseKey { app: app.clone(), release };
        if let Some(running) = self.releases.get_mut(&key) {
            if running.stopping {
                // It has only so long to end.
                let (app, deployment) = (app.clone(), Box::new(deployment));
                let retry = Retry::Start { app, number, deployment, staging };
                return self.retry_after(LOOK_AGAIN, retry);
            }
            if running.staging.is_some() {
                let message = format!("release {number} is starting already; try again");
                let busy = AdminError::new(Code::Conflict, message);
                return staging.asked.answer(self, Err(busy));
            }
            running.drains_until = None;
            running.asked_to_drain = false;
            running.staging = Some(staging);
            return self.check_staged(&key);
        }
        if deployment.config.provision.is_empty() {
            return self.start_provisioned(key, deployment, staging);
        }
        if self.staging.contains(app) {
            let message =
                format!("another release of \"{app}\" is being staged; try again after it");
            return staging.asked.answer(self, Err(AdminError::new(Code::Conflict, message)));
        }
        self.provision(key, deployment, staging);
    }

    /// As above; the ground is prepared.
    pub(super) fn start_provisioned(
        &mut self,
        key: ReleaseKey,
        deployment: Deployment,
        staging: Staging,
    ) {
        let mut deployed = Deployed::new(key.clone(), deployment, &self.settings);
        deployed.staging = Some(staging);
        self.releases.insert(key.clone(), deployed);
        fault::point("stage.start");
        self.start_prototype(&key);
    }

    /// Whether a release that is being staged can take calls now; looked at again until it can.
    pub(super) fn check_staged(&mut self, key: &ReleaseKey) {
        let Some(deployed) = self.releases.get_mut(key) else {
            return;
        };
        let Some(staging) = &deployed.staging else {
            return;
        };
        if deployed.state != ReleaseState::Running {
            return;
        }
        if staging.then == Then::Report && staging.asked.is_abandoned() {
            return self.give_up_staging(key, &abandoned().message);
        }
        let ready = deployed.pools.values().all(super::pool::Pool::is_ready);
        // What follows is to follow from the state that is being written, if one is.
        if !ready || self.committing.contains(&key.app) {
            return self.retry_after(LOOK_AGAIN, Retry::Staged(key.clone()));
        }
        let staging = self.releases.get_mut(key).and_then(|deployed| deployed.staging.take());
        let Some(Staging { asked, number, then, provisioned }) = staging else {
            return;
        };
        fault::point("stage.ready");
        match then {
            Then::Report => {
                self.keep_staged(key);
                let report = self.staged_report(key, number, provisioned, &asked);
                asked.answer(self, report);
            }
            Then::Prepare(body) => {
                let state = self.prepare(&key.app, &body);
                self.commit_if(state, asked, After::Prepared);
            }
            Then::Activate(body) => self.activate_release(&key.app, body, asked),
            Then::Try { settings, share } => {
                let state = self.adopted_state(&key.app, &settings, Some(share));
                self.commit_if(state, asked, After::Shared);
            }
        }
    }

    /// A release that was being staged does not start: nothing of it stays.
    pub(super) fn give_up_staging(&mut self, key: &ReleaseKey, reason: &str) {
        let Some(mut deployed) = self.releases.remove(key) else {
            return;
        };
        if let Some(prototype) = &deployed.prototype {
            prototype.kill();
        }
        let _ = super::directories::remove_temp(deployed.temp_dir());
        if let Some(staging) = deployed.staging.take() {
            self.refuse_staging(key, staging, reason);
        }
    }

    /// Says why a release does not start; one that has just arrived is removed.
    pub(super) fn refuse_staging(&mut self, key: &ReleaseKey, staging: Staging, reason: &str) {
        let number = staging.number;
        if let Some(known) = self.apps.get_mut(&key.app) {
            known.failed.insert(number, reason.to_owned());
            if staging.then == Then::Report && number != 0 {
                known.kept.remove(&number);
                remove_in_background(known.store.clone(), vec![number]);
            }
        }
        let message = format!("release {number} of \"{}\" did not start: {reason}", key.app);
        staging.asked.answer(self, Err(AdminError::new(Code::NotStaged, message)));
        self.leave_start_phase();
    }

    fn staged_report(
        &self,
        key: &ReleaseKey,
        number: u64,
        provisioned: Vec<String>,
        asked: &Asked,
    ) -> Reply {
        let known = self.app(&key.app)?;
        let kept = known.kept.get(&number);
        let deployed = self.releases.get(key);
        let empty = Catalog::default();
        let catalog = deployed.and_then(|d| d.published.as_ref()).map_or(&empty, |p| &p.catalog);
        let report = deployed.map(|deployed| deployed.report.clone()).unwrap_or_default();
        Ok(Answer::Staged(Staged {
            number,
            id: key.release.to_string(),
            functions: catalog.functions.iter().map(protocol::Function::signature).collect(),
            files: kept.map_or(0, |kept| kept.files),
            bytes: kept.map_or(0, |kept| kept.bytes),
            preloaded_files: report.preloaded_files,
            warnings: report.warnings,
            provisioned,
            changes: self.changes_to(&key.app, catalog),
            took_ms: u64::try_from(asked.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        }))
    }

    /// What callers of the current release would see of another one.
    pub(super) fn changes_to(&self, app: &AppName, next: &Catalog) -> Vec<Change> {
        let key = ReleaseKey { app: app.clone(), release: self.route_of(app).current };
        let current = self.releases.get(&key).and_then(|deployed| deployed.published.as_ref());
        let changes = current.map(|current| diff(&current.catalog, next)).unwrap_or_default();
        let told = changes.into_iter().map(|change| Change {
            breaking: change.breaks_callers(),
            function: change.function,
            text: change.text,
        });
        told.collect()
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

fn abandoned() -> AdminError {
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
