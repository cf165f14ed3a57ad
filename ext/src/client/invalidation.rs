//! Telling the workers that results are to be used no more. Each tells the callers of its own host, so
//! all are told, not the first one that answers.

use super::Client;
use super::call::Context;
use super::cluster::Cluster;
use super::connection::OpenError;
use super::error::{CallError, ErrorKind};
use super::options::Options;
use super::prepare::{check_name, shorter};
use crate::deployed;
use protocol::{
    AppName, BadFrame, ControlReply, ControlRequest, Lacking, Refused, RefusedCode, split_target,
};
use std::borrow::Cow;
use std::rc::Rc;
use std::time::Instant;

/// Most workers that are told. A list is far shorter; workers that hand out ever other lists must not
/// keep the caller for good.
const TOLD_MAX: usize = 4096;

/// A tag as workers know it. PHP's strings need not be UTF-8: what is not becomes U+FFFD, here and where
/// results are kept alike, so that two tags may be one, and none is missed.
pub(crate) fn tag_text(tag: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(tag)
}

/// What came of telling the workers.
#[derive(Debug, Default)]
struct Outcome {
    /// How many have done it, and whether one of them has what was named.
    done: usize,
    is_known: bool,
    /// What one of them lacked.
    lacking: Option<(Lacking, Vec<String>)>,
    /// What those said that have not, and what the first of it means.
    failures: Vec<String>,
    first_failure: Option<CallError>,
}

impl Client {
    /// See [`super::invalidate`].
    pub(super) fn invalidate(
        &mut self,
        options: &Rc<Options>,
        target: Option<&str>,
        tags: &[&[u8]],
    ) -> Result<usize, CallError> {
        let (app, function) = match target.map(split_target).transpose() {
            Ok(target) => target.map_or((None, None), |(app, function)| (app, Some(function))),
            Err(error) => return Err(CallError::config(error.to_string())),
        };
        function.map_or(Ok(()), check_name)?;
        let tags = tags.iter().map(|tag| checked(tag)).collect::<Result<Vec<String>, _>>()?;
        let limit = shorter(options.timeout, deployed::time_left());
        let deadline = limit.map(|limit| Instant::now() + limit);
        let index = self.cluster(&options.fleet)?;
        self.clusters[index].look_at_boards();
        let app = self.clusters[index].app(app.as_ref().unwrap_or(&options.app));
        let app = self.name_of(&Context::new(Rc::clone(options), index, app), deadline)?;
        let cluster = &mut self.clusters[index];
        let outcome = cluster.tell_all(options, deadline, &questions(&app, function, &tags));
        outcome.into_result(&app, function, &cluster.fleet.text)
    }

    /// The application's own name: to workers that serve others beside it, or not it, "the only one" is
    /// another one or none.
    fn name_of(
        &mut self,
        context: &Context,
        deadline: Option<Instant>,
    ) -> Result<AppName, CallError> {
        if self.clusters[context.cluster].apps[context.app].real_name().is_any() {
            self.acquaint(context, deadline)?;
        }
        Ok(self.clusters[context.cluster].apps[context.app].real_name().clone())
    }
}

impl Cluster {
    /// Tells every worker of the list, and of the newer one that a worker may turn out to have. One that
    /// fails does not keep the others from it.
    fn tell_all(
        &mut self,
        options: &Options,
        deadline: Option<Instant>,
        questions: &[ControlRequest],
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut told: Vec<Rc<str>> = Vec::new();
        while let Some(worker) = self.next_to_tell(&told).filter(|_| told.len() < TOLD_MAX) {
            let label = Rc::clone(&self.workers[worker].label);
            told.push(Rc::clone(&label));
            match self.tell(&label, options, deadline, questions, &mut outcome) {
                Ok(()) => outcome.done += 1,
                Err(error) => {
                    let reason = match &error {
                        OpenError::Unreachable(reason) => reason.clone(),
                        OpenError::Refused(refused) => refused.message.clone(),
                        OpenError::Foreign(error) | OpenError::Fatal(error) => {
                            error.message.clone()
                        }
                    };
                    if let (OpenError::Unreachable(_), Some(worker)) = (&error, self.named(&label))
                    {
                        self.failed(worker, options, &reason);
                    }
                    outcome.failures.push(format!("{label}: {reason}"));
                    outcome.first_failure.get_or_insert_with(|| error_of(error).at(&*label));
                }
            }
        }
        outcome
    }

    /// A listed worker that was not told yet: this host's before others, those that rest last.
    fn next_to_tell(&mut self, told: &[Rc<str>]) -> Option<usize> {
        let mut order = Vec::new();
        self.order(&[], Instant::now(), &mut order);
        order.into_iter().find(|&worker| !told.contains(&self.workers[worker].label))
    }

    /// Its index may be another's when the list has changed.
    fn named(&self, label: &str) -> Option<usize> {
        self.workers.iter().position(|worker| worker.is_listed() && *worker.label == *label)
    }

    fn tell(
        &mut self,
        label: &str,
        options: &Options,
        deadline: Option<Instant>,
        questions: &[ControlRequest],
        outcome: &mut Outcome,
    ) -> Result<(), OpenError> {
        for question in questions {
            // Its welcome may have said that it is not one of them any more.
            let Some(worker) = self.named(label) else {
                return Ok(());
            };
            match self.ask(worker, options, deadline, question)? {
                ControlReply::Invalidated { lacking, near, epoch } => {
                    outcome.heard(lacking, near);
                    self.ask_for_list(label, options, deadline, epoch)?;
                }
                ControlReply::Refused { message, near } => {
                    // Nothing else is left that it could refuse.
                    let code = RefusedCode::UnknownApp;
                    return Err(OpenError::Refused(Refused { code, message, near }));
                }
                _ => {
                    let what = BadFrame::Malformed { what: "answer" };
                    return Err(OpenError::Foreign(CallError::protocol(what)));
                }
            }
        }
        Ok(())
    }

    /// Takes over the list of a worker that has a newer one.
    fn ask_for_list(
        &mut self,
        label: &str,
        options: &Options,
        deadline: Option<Instant>,
        epoch: u32,
    ) -> Result<(), OpenError> {
        let Some(worker) = self.named(label).filter(|_| epoch > self.epoch) else {
            return Ok(());
        };
        let reply = self.ask(worker, options, deadline, &ControlRequest::Membership)?;
        if let ControlReply::Membership(membership) = reply {
            self.adopt(membership);
        }
        Ok(())
    }
}

impl Outcome {
    fn heard(&mut self, lacking: Lacking, near: Vec<String>) {
        match lacking {
            Lacking::Nothing => self.is_known = true,
            // Who has the application knows better what it lacks.
            Lacking::Function => self.lacking = Some((lacking, near)),
            Lacking::App => drop(self.lacking.get_or_insert((lacking, near))),
        }
    }

    fn into_result(
        self,
        app: &AppName,
        function: Option<&str>,
        workers: &str,
    ) -> Result<usize, CallError> {
        if let Some(first) = self.first_failure {
            return Err(not_all_told(first, &self.failures));
        }
        match (self.lacking.filter(|_| !self.is_known), function) {
            (None, _) if self.done == 0 => Err(CallError::unreachable(workers, &[])),
            (None | Some((Lacking::Nothing, _)), _) => Ok(self.done),
            (Some((Lacking::Function, near)), Some(function)) => {
                Err(CallError::unknown_function(function, app.as_str(), near))
            }
            (Some((_, near)), _) => {
                let message = format!("no worker has an application \"{app}\"");
                let code = RefusedCode::UnknownApp;
                Err(CallError::refused(Refused { code, message, near }))
            }
        }
    }
}

/// One question, or as many as the tags need.
fn questions(app: &AppName, function: Option<&str>, tags: &[String]) -> Vec<ControlRequest> {
    let question = |function: Option<&str>, tags: &[String]| ControlRequest::Invalidate {
        app: app.clone(),
        function: function.map(str::to_owned),
        tags: tags.to_vec(),
    };
    let mut chunks = tags.chunks(ControlRequest::TAGS_MAX);
    let first = question(function, chunks.next().unwrap_or_default());
    std::iter::once(first).chain(chunks.map(|tags| question(None, tags))).collect()
}

fn checked(tag: &[u8]) -> Result<String, CallError> {
    let (text, longest) = (tag_text(tag), ControlRequest::TAG_BYTES_MAX);
    if (1..=longest).contains(&text.len()) {
        return Ok(text.into_owned());
    }
    let length = text.len();
    Err(CallError::config(format!(
        "a tag has 1 to {longest} bytes, not {length}; nothing was done"
    )))
}

fn error_of(error: OpenError) -> CallError {
    match error {
        OpenError::Unreachable(reason) => CallError::new(ErrorKind::Connect, reason),
        OpenError::Refused(refused) => CallError::refused(refused),
        OpenError::Foreign(error) | OpenError::Fatal(error) => error,
    }
}

fn not_all_told(first: CallError, failures: &[String]) -> CallError {
    let message = format!(
        "not every worker has invalidated it: {}; what callers on those hosts keep they use until \
         its time to live is over, unless it is invalidated again",
        failures.join("; ")
    );
    CallError { message, ..first }
}
