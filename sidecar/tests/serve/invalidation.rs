//! What callers of this host see of an invalidation.

use crate::wire::Wire;
use crate::worker::{Setting, Worker};
use protocol::{AppName, ControlReply, ControlRequest, Lacking, Purpose};
use rustix::process::Signal;
use shm::{BoardReader, SLOTS, Scope, slot};
use std::os::unix::net::UnixStream;

/// The worker's board, as a caller of its host has it mapped, and a way to ask.
struct Caller {
    board: BoardReader,
    control: Wire<UnixStream>,
}

impl Caller {
    fn of(worker: &Worker) -> Self {
        let mut control = Wire::connect(&worker.socket());
        let welcome = control.hello(Purpose::Control, None).expect("a Welcome");
        let at = welcome.board.expect("a worker has a board");
        Self { board: BoardReader::open(at.path.as_ref()).expect("it can be read"), control }
    }

    fn slots(&self) -> Vec<u64> {
        (0..SLOTS as u16).map(|slot| self.board.invalidations(slot)).collect()
    }

    fn ask(&mut self, app: &str, function: Option<&str>, tags: &[&str]) -> ControlReply {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let (app, function) = (AppName::new(app).unwrap(), function.map(str::to_owned));
        self.control.ask(&ControlRequest::Invalidate { app, function, tags })
    }

    /// The same, and which slots have moved when the answer is there.
    fn moved(
        &mut self,
        app: &str,
        function: Option<&str>,
        tags: &[&str],
    ) -> (ControlReply, Vec<u16>) {
        let before = self.slots();
        let reply = self.ask(app, function, tags);
        let after = self.slots();
        let moved = (0..SLOTS).filter(|&slot| before[slot] != after[slot]);
        (reply, moved.map(|slot| slot as u16).collect())
    }

    fn refused(
        &mut self,
        app: &str,
        function: Option<&str>,
        tags: &[&str],
    ) -> (String, Vec<String>) {
        match self.moved(app, function, tags) {
            (ControlReply::Refused { message, near }, moved) if moved.is_empty() => (message, near),
            (reply, moved) => panic!("{reply:?}, and {moved:?} have moved"),
        }
    }
}

const KNOWN: ControlReply =
    ControlReply::Invalidated { lacking: Lacking::Nothing, near: Vec::new(), epoch: 0 };

fn lacking(lacking: Lacking, near: &[&str]) -> ControlReply {
    let near = near.iter().map(|name| (*name).to_owned()).collect();
    ControlReply::Invalidated { lacking, near, epoch: 0 }
}

fn slots(scopes: &[Scope<'_>]) -> Vec<u16> {
    let mut slots: Vec<u16> = scopes.iter().map(|&scope| slot("app", scope)).collect();
    slots.sort_unstable();
    slots
}

#[test]
fn exactly_what_was_named_is_invalidated_when_the_answer_comes() {
    let worker = Setting::new().start();
    let mut caller = Caller::of(&worker);
    assert_eq!(caller.moved("app", None, &[]), (KNOWN, slots(&[Scope::App])));
    // The empty name is the only application, and the counter that of its real one.
    assert_eq!(caller.moved("", None, &[]), (KNOWN, slots(&[Scope::App])));
    let function = slots(&[Scope::Function("hello")]);
    assert_eq!(caller.moved("app", Some("Hello"), &[]), (KNOWN, function));
    let tags = slots(&[Scope::Tag("product:1"), Scope::Tag("Straße")]);
    assert_eq!(caller.moved("app", None, &["product:1", "Straße"]), (KNOWN, tags));
    let both = slots(&[Scope::Function("pid"), Scope::Tag("all")]);
    assert_eq!(caller.moved("app", Some("pid"), &["all"]), (KNOWN, both));
}

#[test]
fn what_only_another_worker_has_is_invalidated_too() {
    let worker = Setting::new().start();
    let mut caller = Caller::of(&worker);
    let moved = caller.moved("app", Some("helo"), &[]);
    let function = slots(&[Scope::Function("helo")]);
    assert_eq!(moved, (lacking(Lacking::Function, &["hello"]), function));
    let moved = caller.moved("apps", None, &[]);
    assert_eq!(moved, (lacking(Lacking::App, &["app"]), vec![slot("apps", Scope::App)]));
}

#[test]
fn the_list_of_workers_that_are_all_to_be_told_has_its_epoch_in_the_answer() {
    let list = "[membership]\nepoch = 3\nworkers = [{ address = \"unix:/a\" }]\n";
    let worker = Setting::new().config(list).start();
    match Caller::of(&worker).ask("app", None, &[]) {
        ControlReply::Invalidated { epoch, .. } => assert_eq!(epoch, 3),
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn what_cannot_be_meant_is_refused_and_nothing_is_invalidated() {
    let worker = Setting::new().start();
    let mut caller = Caller::of(&worker);
    let (most, longest) = (ControlRequest::TAGS_MAX, ControlRequest::TAG_BYTES_MAX);
    let (message, _) = caller.refused("app", None, &vec!["t"; most + 1]);
    assert!(message.contains("65 tags are too many"), "{message}");
    let too_long = "t".repeat(longest + 1);
    for tags in [["fits", too_long.as_str()], ["fits", ""]] {
        let (message, _) = caller.refused("app", None, &tags);
        assert!(message.contains("a tag has 1 to 512 bytes"), "{message}");
    }
    let (message, _) = caller.refused("app", Some(""), &[]);
    assert!(message.contains("a function's name has"), "{message}");
    // As much as may be asked for at once fits into one question.
    let longest = "t".repeat(longest);
    let reply = caller.ask("app", Some(&"f".repeat(1024)), &vec![&*longest; most]);
    assert_eq!(reply, lacking(Lacking::Function, &[]));
}

#[test]
fn an_application_without_a_name_has_to_be_there() {
    let worker = Setting::without_applications().start();
    let (message, _) = Caller::of(&worker).refused("", None, &[]);
    assert!(message.contains("no application yet"), "{message}");
}

#[test]
fn a_worker_that_ends_invalidates_everything() {
    let mut worker = Setting::new().start();
    let caller = Caller::of(&worker);
    let before = caller.slots();
    worker.signal(Signal::TERM);
    assert_eq!(worker.ended(), 0);
    assert!(before.iter().zip(caller.slots()).all(|(before, after)| *before < after));
}
