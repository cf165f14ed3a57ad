//! Jobs are pinned to releases that can run them.

use crate::worker::{Release, Worker, function, job};
use protocol::{JobRefusal, Param};

#[test]
fn an_unknown_function_is_refused_with_what_is_near() {
    let mut worker = Worker::new();
    let refused = worker.try_put(job("wrok")).unwrap_err();
    assert!(matches!(refused, JobRefusal::UnknownFunction { near, .. } if near == ["work"]));
    worker.deploy(None);
    assert!(matches!(worker.try_put(job("work")), Err(JobRefusal::Unavailable { .. })));
}

#[test]
fn what_cannot_be_called_from_afar_is_refused() {
    let mut by_ref = function("fill", &[]);
    by_ref.params.push(Param { name: "out".to_owned(), by_ref: true, ..Param::default() });
    let mut generator = function("rows", &[]);
    generator.generator = true;
    let mut worker = Worker::new().release(Release::default().with(by_ref).with(generator));
    for name in ["fill", "rows"] {
        assert!(matches!(worker.try_put(job(name)), Err(JobRefusal::NotCallable { .. })));
    }
}

#[test]
fn a_job_of_an_older_release_runs_where_it_fits() {
    let mut worker = Worker::new().release(Release::default().with(function("work", &["to"])));
    let id = worker.put(job("work"));
    let mut wider = function("work", &["to"]);
    wider.params.push(Param { name: "cc".to_owned(), optional: true, ..Param::default() });
    worker.deploy(Some(Release::default().with(wider)));
    worker.restart();
    assert_eq!(worker.step(), [id]);
}

#[test]
fn a_job_that_fits_no_more_waits_and_says_why() {
    let mut worker = Worker::new().slots(3);
    let id = worker.put(job("work"));
    worker.deploy(Some(Release::of(&["other"]).with(function("work", &["required"]))));
    let other = worker.put(job("other"));
    assert_eq!(worker.step(), [other]);
    assert!(worker.why(id).contains("$required"), "{}", worker.why(id));
    worker.deploy(Some(Release::of(&["other"])));
    assert!(worker.why(id).contains("no release that is current has work()"), "{}", worker.why(id));
    worker.deploy(None);
    worker.restart();
    assert!(worker.why(id).contains("no release of shop runs"), "{}", worker.why(id));
    worker.deploy(Some(Release::of(&["work"])));
    assert_eq!(worker.step(), [id]);
}

#[test]
fn names_of_functions_are_those_of_php() {
    let mut worker = Worker::new();
    let id = worker.put(job("WORK"));
    assert_eq!(worker.report(id).function, "work");
    assert_eq!(worker.step(), [id]);
}

#[test]
fn what_the_attribute_says_holds_where_the_caller_does_not() {
    let mut work = function("work", &[]);
    work.job.queue = Some("mail".to_owned());
    work.job.delay_ms = Some(1000);
    let mut worker = Worker::new().release(Release::default().with(work));
    let by_attribute = worker.put(job("work"));
    let mut now = job("work");
    now.options.run_at_ms = Some(0);
    let now = worker.put(now);
    assert_eq!(worker.report(by_attribute).queue, "mail");
    assert_eq!(worker.step(), [now], "a caller that says when has said all about when");
}
