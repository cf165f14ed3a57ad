//! Jobs are pinned to releases that can run them.

use crate::worker::{Release, Worker, function, job};
use protocol::{Function, JobRefusal, NewBatch, NewJob, Param, Property};

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

/// A class of jobs with these properties, of which those with a `?` have a default.
fn class(properties: &[&str]) -> Function {
    let property = |text: &&str| Property {
        name: text.trim_start_matches('?').to_owned(),
        ty: Some("int".to_owned()),
        optional: text.starts_with('?'),
    };
    let properties = properties.iter().map(property).collect();
    Function { job_class: true, properties, ..function("Resize::run", &[]) }
}

/// An object, as far as anybody but PHP can tell.
fn object() -> NewJob {
    NewJob { arguments: vec![1, 0xe9, 0, 0x86], ..job("Resize::run") }
}

#[test]
fn a_stored_object_runs_where_its_class_can_be_made_of_it() {
    for (newer, why) in [
        (&["file", "width"][..], None),
        (&["width", "file"], None),
        (&["file", "width", "?format"], None),
        (&["file"], None),
        (&["file", "width", "format"], Some("$format is new and has no default")),
        (&["path", "width"], Some("$path is new and $file is gone")),
        (&["?path", "width"], Some("$path is new and $file is gone")),
    ] {
        let mut worker = Worker::new();
        worker.deploy(Some(Release::default().with(class(&["file", "width"]))));
        let id = worker.put(object());
        worker.deploy(Some(Release::default().with(class(newer))));
        worker.restart();
        match why {
            None => assert_eq!(worker.step(), [id], "{newer:?}"),
            Some(why) => {
                assert!(worker.step().is_empty(), "{newer:?}");
                let said = worker.why(id);
                assert!(said.contains(why) && said.contains("its object does not fit"), "{said}");
                worker.deploy(Some(Release::default().with(class(&["file", "width"]))));
                assert_eq!(worker.step(), [id], "it fits again");
            }
        }
    }
}

#[test]
fn a_stored_object_of_another_type_waits() {
    let mut worker = Worker::new().release(Release::default().with(class(&["width"])));
    let id = worker.put(object());
    let mut narrower = class(&["width"]);
    narrower.properties[0].ty = Some("bool".to_owned());
    worker.deploy(Some(Release::default().with(narrower)));
    assert!(worker.step().is_empty());
    assert!(worker.why(id).contains("$width takes bool instead of int"), "{}", worker.why(id));
    let mut wider = class(&["width"]);
    wider.properties[0].ty = Some("?int".to_owned());
    worker.deploy(Some(Release::default().with(wider)));
    assert_eq!(worker.step(), [id]);
}

#[test]
fn a_class_of_jobs_takes_its_object_alone() {
    let mut worker =
        Worker::new().release(Release::of(&["work"]).with(class(&[])).with(function("all", &[])));
    let no_objects: [&[u8]; 5] =
        [&[0, 0], &[1, 0x81, b'x', 0], &[2, 0xe9, 0, 0x81], &[], &[1, 0xed, 0, 0x81]];
    for arguments in no_objects {
        let wrong = NewJob { arguments: arguments.to_vec(), ..job("resize::RUN") };
        let step = NewJob { then: vec![wrong.clone()], ..job("work") };
        let batch = NewBatch { then: Some(wrong.clone()), ..NewBatch::default() };
        for refused in [
            worker.try_put_all(vec![wrong], None),
            worker.try_put_all(vec![step], None),
            worker.try_put_all(vec![job("work")], Some(batch)),
        ] {
            let Err(JobRefusal::NotCallable { function, reason }) = refused else {
                panic!("{arguments:?}: {refused:?}")
            };
            assert_eq!(function, "Resize::run");
            assert!(reason.contains("new Resize(...)"), "{reason}");
        }
    }
    worker.put(object());
}
