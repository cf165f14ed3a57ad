//! The steps of `[[provision]]`: run once for a release, as the application's user, after its files are
//! unpacked and before it starts. What is done is noted step by step, so that a worker that ended in
//! between goes on where it was.

use super::command::{self, Ran};
use super::confinement::Confinement;
use super::directories;
use super::event::Event;
use super::key::ReleaseKey;
use super::memory_file::memory_file;
use super::settings::Settings;
use super::staging::Staging;
use super::supervisor::Supervisor;
use crate::config::{self, Deployment, Provision};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// The note, in a folder for each release, which applications cannot write.
const NOTE: &str = "provisioned";

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("provision step {step} ({what}): {reason}{output}{undone}")]
pub(super) struct ProvisionError {
    /// From 1.
    step: usize,
    what: String,
    reason: String,
    output: String,
    undone: String,
}

/// Runs the steps that have not been run, and says what each did, a line each. After a failure those
/// before it are undone, last first, where they say how.
pub(super) async fn provision(
    key: &ReleaseKey,
    deployment: &Deployment,
    settings: &Settings,
) -> Result<Vec<String>, ProvisionError> {
    let steps = &deployment.config.provision;
    let runner = Runner { key, deployment, settings };
    // By its content: the same files under another number are the same release.
    let state = settings.state_dir.join("provisioned").join(key.app.as_str());
    let state = &state.join(key.release.to_string());
    let mut done = read_note(state);
    for (step, number) in steps.iter().zip(1..) {
        if done.contains_key(&number) {
            continue;
        }
        let what = describe(step);
        let ran = match runner.step(step).await {
            Ok(ran) => ran.failure().map_or(Ok(ran), Err),
            Err(reason) => Err((reason, String::new())),
        };
        let noted = ran.and_then(|ran| {
            done.insert(number, format!("{what}: done in {} ms", ran.took.as_millis()));
            write_note(state, &done).map_err(|error| (format!("{NOTE}: {error}"), String::new()))
        });
        if let Err((reason, output)) = noted {
            let undone = runner.undo(&steps[..number - 1], state, &mut done).await;
            return Err(ProvisionError { step: number, what, reason, output, undone });
        }
    }
    Ok(done.into_values().collect())
}

/// What was done, by the number of the step, from 1.
type Done = BTreeMap<usize, String>;

impl Supervisor {
    /// Prepares the ground for a release, beside all else, and comes back with [`Event::Provisioned`].
    pub(super) fn provision(&mut self, key: ReleaseKey, deployment: Deployment, staging: Staging) {
        self.staging.insert(key.app.clone());
        let (settings, events) = (Arc::clone(&self.settings), self.events.clone());
        tokio::spawn(async move {
            let result = provision(&key, &deployment, &settings).await;
            let result = result.map_err(|error| error.to_string());
            let deployment = Box::new(deployment);
            // The supervisor is gone only when the worker ends.
            let _ = events.send(Event::Provisioned { key, deployment, staging, result }).await;
        });
    }

    pub(super) fn on_provisioned(
        &mut self,
        key: ReleaseKey,
        deployment: Deployment,
        mut staging: Staging,
        result: Result<Vec<String>, String>,
    ) {
        self.staging.remove(&key.app);
        match result {
            Ok(done) => {
                staging.provisioned = done;
                self.start_provisioned(key, deployment, staging);
            }
            Err(reason) => self.refuse_staging(&key, staging, &reason),
        }
    }
}

fn describe(step: &Provision) -> String {
    match (&step.sql, &step.into) {
        (Some(sql), Some(into)) => format!("{sql} into {into}"),
        _ => step.run.join(" "),
    }
}

/// What every step needs.
struct Runner<'a> {
    key: &'a ReleaseKey,
    deployment: &'a Deployment,
    settings: &'a Settings,
}

impl Runner<'_> {
    async fn step(&self, step: &Provision) -> Result<Ran, String> {
        match (&step.sql, &step.into) {
            (Some(sql), Some(into)) => {
                let program = std::env::current_exe().map_err(|error| error.to_string())?;
                let database = self.database(into)?.display().to_string();
                let program = program.display().to_string();
                let words = [program, "provision-sql".to_owned(), sql.clone(), database];
                self.run(&words, step.timeout_ms).await
            }
            _ => self.run(&step.run, step.timeout_ms).await,
        }
    }

    /// A datasource of SQLite, or a path.
    fn database(&self, into: &str) -> Result<PathBuf, String> {
        let Deployment { config, policy, .. } = self.deployment;
        let given = policy.datasource.get(into).and_then(|given| given.dsn.as_ref());
        let declared = config.datasource.get(into).and_then(|declared| declared.dsn.as_ref());
        let path = match given.or(declared) {
            None => into,
            Some(dsn) => dsn.strip_prefix("sqlite:").ok_or_else(|| {
                format!(
                    "datasource \"{into}\" is no SQLite database; run a program of yours instead, \
                     run = [\"php\", …]"
                )
            })?,
        };
        match Path::new(path).is_absolute() {
            true => Ok(PathBuf::from(path)),
            false => Err(format!(
                "into = \"{into}\" is neither a datasource nor an absolute path; a release's own \
                 folder does not outlive it"
            )),
        }
    }

    async fn run(&self, words: &[String], timeout_ms: u64) -> Result<Ran, String> {
        let Deployment { root, config, policy, .. } = self.deployment;
        let (program, arguments) = words.split_first().ok_or("the command is empty")?;
        let temp = self.settings.temp_dir.join(self.key.to_string()).join("provision");
        let owner = self.settings.users.get(&config.name).map(|user| (user.uid, user.gid));
        directories::make_temp(&temp, owner)
            .map_err(|error| format!("{}: {error}", temp.display()))?;
        let resources = config::assemble_resources(config, policy);
        let resources = resources.map_err(|error| error.to_string())?;
        let resources = memory_file("appserver-resources", resources.as_bytes())
            .map_err(|error| format!("its resources: {error}"))?;
        let mut command = Command::new(program);
        let mut confinement = Confinement::of(self.deployment, self.settings);
        let resources = confinement.hand_on(resources);
        confinement.confine(&mut command);
        command.args(arguments).current_dir(root).env("TMPDIR", &temp).envs(&config.env);
        // By it AppServer\resource() works in a program of PHP that loads the extension. The file's name,
        // not what is in it: programs print their environment where something goes wrong.
        command.env("APPSERVER_RESOURCES", resources);
        let ran = command::run(command, Duration::from_millis(timeout_ms)).await;
        let removed = directories::remove_temp(&temp);
        let ran = ran.map_err(|error| format!("{program} cannot be started: {error}"))?;
        removed.map_err(|error| format!("{}: {error}", temp.display()))?;
        Ok(ran)
    }

    /// Says, for people, what became of the steps before the one that failed.
    async fn undo(&self, steps: &[Provision], state: &Path, done: &mut Done) -> String {
        let mut lines = String::new();
        for (at, step) in steps.iter().enumerate().rev() {
            let number = at + 1;
            let outcome = if step.undo.is_empty() {
                "stays, and is not run again: it declares no undo".to_owned()
            } else {
                match self.run(&step.undo, step.timeout_ms).await.map(|ran| ran.failure()) {
                    Ok(None) => {
                        done.remove(&number);
                        "undone".to_owned()
                    }
                    Ok(Some((reason, output))) => format!("could not be undone: {reason}{output}"),
                    Err(reason) => format!("could not be undone: {reason}"),
                }
            };
            lines += &format!("; step {number} ({}) {outcome}", describe(step));
        }
        if let Err(error) = write_note(state, done) {
            lines += &format!("; {}: {error}", state.join(NOTE).display());
        }
        lines
    }
}

/// A line for each step that is done: its number, and what it did.
fn read_note(state: &Path) -> Done {
    let text = std::fs::read_to_string(state.join(NOTE)).unwrap_or_default();
    let step = |line: &str| {
        let (number, what) = line.split_once(' ')?;
        Some((number.parse().ok()?, what.to_owned()))
    };
    text.lines().filter_map(step).collect()
}

fn write_note(state: &Path, done: &Done) -> io::Result<()> {
    directories::make_passage(state)?;
    let begun = state.join(format!(".{NOTE}"));
    let lines = done.iter().map(|(number, what)| format!("{number} {}\n", what.replace('\n', " ")));
    std::fs::write(&begun, lines.collect::<String>())?;
    std::fs::File::open(&begun)?.sync_all()?;
    std::fs::rename(&begun, state.join(NOTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_note(folder.path()).is_empty());
        let done = Done::from([(1, "a b".to_owned()), (3, "x".to_owned())]);
        write_note(folder.path(), &done).unwrap();
        assert_eq!(read_note(folder.path()), done);
    }
}
