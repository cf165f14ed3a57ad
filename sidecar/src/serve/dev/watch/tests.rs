//! What counts as a change, and when it is all of it.

use super::*;
use std::fs;
use std::io::Write;

const LONG: Duration = Duration::from_secs(30);
const PAUSES: Pauses = Pauses {
    ended: Duration::from_secs(1),
    unclear: Duration::from_secs(2),
    longest: Duration::from_secs(3),
};

fn watched() -> (tempfile::TempDir, Watch) {
    let folder = tempfile::tempdir().unwrap();
    let mut watch = Watch::new(folder.path()).unwrap();
    watch.renew().unwrap();
    (folder, watch)
}

/// How long it waits after the last change that there is now; `None` = as long as it may at all.
fn pause(watch: &mut Watch) -> Option<Duration> {
    let seen = watch.drain(None).unwrap().expect("a change");
    let until = watch.until(seen, &PAUSES);
    (until != seen.first + PAUSES.longest).then(|| until - seen.last)
}

/// Whether `change` wakes a watch of a folder that has `kept/` and ignores `*.log` and `cache/`.
fn wakes(change: impl FnOnce(&Path)) -> bool {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(archive::IGNORE_FILE), "*.log\ncache/\n").unwrap();
    fs::create_dir(folder.path().join("cache")).unwrap();
    fs::create_dir(folder.path().join("kept")).unwrap();
    fs::write(folder.path().join("kept/a.php"), "one").unwrap();
    let mut watch = Watch::new(folder.path()).unwrap();
    watch.renew().unwrap();
    change(folder.path());
    // Events are there when the call that makes them returns: nothing is waited for.
    let (stop, hung_up) = rustix::pipe::pipe().unwrap();
    drop(hung_up);
    let seen = watch.drain(None).unwrap();
    assert_eq!(watch.wait(stop.as_fd(), &PAUSES).unwrap(), Woken::Stopped);
    seen.is_some()
}

#[test]
fn what_becomes_of_files_is_seen() {
    assert!(wakes(|root| fs::write(root.join("kept/a.php"), "two").unwrap()));
    assert!(wakes(|root| fs::write(root.join("new.php"), "").unwrap()));
    assert!(wakes(|root| fs::remove_file(root.join("kept/a.php")).unwrap()));
    assert!(wakes(|root| fs::rename(root.join("kept/a.php"), root.join("b.php")).unwrap()));
    assert!(wakes(|root| fs::create_dir(root.join("kept/more")).unwrap()));
}

#[test]
fn what_is_ignored_or_only_read_is_not() {
    assert!(!wakes(|root| fs::write(root.join("kept/debug.log"), "").unwrap()));
    assert!(!wakes(|root| fs::write(root.join("cache/a.php"), "").unwrap()));
    assert!(!wakes(|root| drop(fs::read(root.join("kept/a.php")).unwrap())));
}

#[test]
fn a_folder_made_later_is_watched_after_the_next_look() {
    let (folder, mut watch) = watched();
    fs::create_dir(folder.path().join("late")).unwrap();
    let (stop, _open) = rustix::pipe::pipe().unwrap();
    let pauses = Pauses { ended: LONG, unclear: Duration::ZERO, longest: LONG };
    let woken = watch.wait(stop.as_fd(), &pauses).unwrap();
    assert!(matches!(woken, Woken::Changed(_)));
    watch.renew().unwrap();
    assert_eq!(watch.drain(None).unwrap(), None);
    fs::write(folder.path().join("late/a.php"), "").unwrap();
    assert!(watch.drain(None).unwrap().is_some());
}

#[test]
fn whoever_writes_a_file_is_waited_for_until_it_is_closed() {
    let (folder, mut watch) = watched();
    let place = |name: &str| folder.path().join(name);
    let mut new = fs::File::create(place("new.php")).unwrap();
    assert_eq!(pause(&mut watch), None);
    new.write_all(b"<?php").unwrap();
    fs::write(place("other.php"), "").unwrap();
    assert_eq!(pause(&mut watch), None, "the other one is there, this one is not");
    drop(new);
    assert_eq!(pause(&mut watch), Some(PAUSES.ended));
    // Once more, in place.
    let mut again = fs::File::create(place("new.php")).unwrap();
    again.write_all(b"<?php").unwrap();
    assert_eq!(watch.drain(None).unwrap(), None, "it is no change before it is whole");
    fs::remove_file(place("other.php")).unwrap();
    assert_eq!(pause(&mut watch), None);
    fs::remove_file(place("new.php")).unwrap();
    assert_eq!(pause(&mut watch), Some(PAUSES.ended), "it is gone");
}

#[test]
fn what_is_whole_at_once_is_not_waited_for() {
    let (folder, mut watch) = watched();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("a.php"), "").unwrap();
    assert_eq!(pause(&mut watch), Some(PAUSES.ended));
    std::os::unix::fs::symlink("a.php", place("symbolic.php")).unwrap();
    assert_eq!(pause(&mut watch), Some(PAUSES.ended));
    fs::hard_link(place("a.php"), place("hard.php")).unwrap();
    assert_eq!(pause(&mut watch), Some(PAUSES.ended));
    fs::rename(place("a.php"), place("b.php")).unwrap();
    assert_eq!(pause(&mut watch), Some(PAUSES.ended));
    fs::create_dir(place("folder")).unwrap();
    assert_eq!(pause(&mut watch), Some(PAUSES.unclear), "there may be more in it");
}

#[test]
fn a_file_that_stays_open_is_waited_for_once() {
    let (folder, mut watch) = watched();
    let mut log = fs::File::create(folder.path().join("log.txt")).unwrap();
    let (stop, _open) = rustix::pipe::pipe().unwrap();
    let pauses = Pauses { ended: LONG, unclear: LONG, longest: Duration::ZERO };
    let woken = watch.wait(stop.as_fd(), &pauses).unwrap();
    assert!(matches!(woken, Woken::Changed(_)));
    log.write_all(b"line").unwrap();
    fs::write(folder.path().join("a.php"), "").unwrap();
    assert_eq!(pause(&mut watch), Some(PAUSES.ended));
    drop(log);
    assert_eq!(pause(&mut watch), Some(PAUSES.ended), "now it is whole");
}
