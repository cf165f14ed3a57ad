//! Questions of the control API about jobs: handed to threads that may wait. What changes something goes to
//! the audit log before its answer.

use super::super::asked::Asked;
use super::super::commit::Waiting;
use super::super::event::Event;
use super::super::supervisor::Supervisor;
use super::Jobs;
use crate::admin::{AdminError, Answer, Code, JobFilter, JobQuestion, Reply};
use crate::config::queues;
use protocol::AppName;
use tokio::sync::Semaphore;

/// Most questions at a time that threads are busy with; further ones wait their turn.
const AT_ONCE_MAX: usize = 4;

static THREADS: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

impl Supervisor {
    /// Has a question about jobs answered.
    pub(in crate::serve) fn ask_jobs(&self, question: JobQuestion, waiting: Waiting) {
        let Waiting { by, since, reply, .. } = waiting;
        let jobs = self.jobs.clone();
        let Some((app, action, detail)) = described(&question) else {
            let limits = self.queue_limits();
            tokio::spawn(async move {
                let answer = answer(jobs, question).await.map(|answer| with(answer, &limits));
                // Whoever asked may be gone by now.
                let _ = reply.send(answer);
            });
            return;
        };
        if let JobQuestion::Mode { app, .. } = &question
            && let Err(error) = self.app(app)
        {
            return drop(reply.send(Err(error)));
        }
        let (release, on_record, reply) = (None, true, Some(reply));
        let mut asked = Asked { by, app, action, release, detail, since, on_record, reply };
        let events = self.events.clone();
        tokio::spawn(async move {
            let answer = answer(jobs, question).await;
            if let Ok(Answer::ChangedAll(changed)) = &answer {
                asked.add_detail(&format!("{} jobs", changed.jobs));
            }
            let _ = events.send(Event::JobsChanged { asked: Box::new(asked), answer }).await;
        });
    }

    /// Limits of the queues of each application, by its current release.
    fn queue_limits(&self) -> Vec<(AppName, queues::Queues)> {
        let limits = |app: &AppName| Some((app.clone(), self.queues_of(app)?));
        self.apps.keys().filter_map(limits).collect()
    }
}

async fn answer(jobs: Jobs, question: JobQuestion) -> Reply {
    let stopping = || AdminError::new(Code::Unavailable, "the worker is stopping");
    // It is in memory, and whoever follows is not to wait behind who changes many.
    if matches!(question, JobQuestion::Events { .. }) {
        return jobs.answer(question);
    }
    let _permit = THREADS.acquire().await.map_err(|_| stopping())?;
    let answered = tokio::task::spawn_blocking(move || jobs.answer(question)).await;
    answered.map_err(|_| stopping())?
}

/// What the configuration says of queues belongs to how they stand.
fn with(mut answer: Answer, limits: &[(AppName, queues::Queues)]) -> Answer {
    if let Answer::Queues(all) = &mut answer {
        for queue in &mut all.queues {
            let of_app = limits.iter().find(|(app, _)| app.as_str() == queue.app);
            if let Some(limits) = of_app.and_then(|(_, queues)| queues.get(&queue.queue)) {
                queue.concurrency = limits.concurrency;
                queue.rate = limits.rate.map(|rate| rate.to_string());
            }
        }
    }
    answer
}

/// For the audit log: of which application what is done, and to what. Nothing for questions that change
/// nothing.
fn described(question: &JobQuestion) -> Option<(AppName, &'static str, String)> {
    match question {
        JobQuestion::Queues
        | JobQuestion::List { .. }
        | JobQuestion::Job(_)
        | JobQuestion::Events { .. } => None,
        JobQuestion::ChangeAll { body, .. } if body.dry_run => None,
        JobQuestion::Change { change, id } => {
            Some((AppName::default(), change.audited(), format!("job {id}")))
        }
        JobQuestion::ChangeAll { change, body } => {
            let app = body.filter.app.clone().unwrap_or_default();
            Some((app, change.audited(), in_words(&body.filter)))
        }
        JobQuestion::Mode { app, queue, mode } => {
            Some((app.clone(), mode.audited(), format!("queue {queue}")))
        }
    }
}

/// Which jobs a filter means, e.g. `state=dead, queue=mails`.
fn in_words(filter: &JobFilter) -> String {
    let state = filter.state.map(|state| state.as_str().to_owned());
    let older = filter.older_than_ms.map(|ms| ms.to_string());
    let JobFilter { queue, function, tag, group, .. } = filter.clone();
    let given = [
        ("state", state),
        ("queue", queue),
        ("function", function),
        ("tag", tag),
        ("group", group),
        ("older_than_ms", older),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    given.collect::<Vec<_>>().join(", ")
}
