//! Results that PHP processes keep, while releases and settings come and go.

use e2e::deployer::ok;
use e2e::{Caller, Deployer, Sidecar};
use std::collections::BTreeSet;

/// A release whose results tell that they are of it, and of which of its runs.
fn release(name: &str) -> String {
    format!(
        "#[AppServer\\Affinity('id'), AppServer\\Cacheable(ttl: 86400, tags: ['item:{{id}}'])]
         function item(int $id): string {{ return '{name} ' . bin2hex(random_bytes(8)); }}"
    )
}

const ITEM: &str = "appserver_call('item', 7)";

/// Results that were given: another run returns none of them.
#[derive(Default)]
struct Given(BTreeSet<String>);

impl Given {
    /// It is of this release, and was never given before.
    #[track_caller]
    fn anew(&mut self, result: String, release: &str) {
        assert_eq!(result.split(' ').next(), Some(release));
        assert!(self.0.insert(result), "it was asked for before what changed meanwhile");
    }
}

#[test]
fn what_a_release_returned_is_not_given_when_it_is_current_again() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let mut given = Given::default();
    ok(&deployer.deploy(&[&worker], &release("one"), &[]));
    let mut caller = Caller::of(&worker, ITEM);
    given.anew(caller.keeps(), "one");
    ok(&deployer.deploy(&[&worker], &release("two"), &[]));
    given.anew(caller.keeps(), "two");
    for (back, release) in [("1", "one"), ("2", "two"), ("1", "one")] {
        deployer.run(&[&worker], &["rollback", "--app", "shop", "--to", back]);
        given.anew(caller.keeps(), release);
    }
    caller.ends_well();
}

#[test]
fn a_pinned_request_stays_with_its_release_and_asks_it_anew() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let mut given = Given::default();
    ok(&deployer.deploy(&[&worker], &release("one"), &[]));
    let mut pinned = Caller::of(&worker, &format!("AppServer\\pin() ? {ITEM} : ''"));
    given.anew(pinned.keeps(), "one");
    ok(&deployer.deploy(&[&worker], &release("two"), &[]));
    given.anew(pinned.keeps(), "one");
    deployer.run(&[&worker], &["rollback", "--app", "shop"]);
    given.anew(pinned.keeps(), "one");
    pinned.ends_well();
}

#[test]
fn results_of_two_releases_are_kept_beside_each_other() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], &release("one"), &[]));
    let free = "(new AppServer\\Client())->withPin('off')->call('item', 7)";
    let both = format!("AppServer\\pin() ? {ITEM} . ',' . {free} : ''");
    let mut caller = Caller::of(&worker, &both);
    caller.keeps();
    ok(&deployer.deploy(&[&worker], &release("two"), &[]));
    let kept = caller.keeps();
    let releases = kept.split(',').map(|result| result.split(' ').next());
    assert_eq!(releases.collect::<Vec<_>>(), [Some("one"), Some("two")]);
    caller.ends_well();
}

#[test]
fn what_is_invalidated_is_that_of_every_release() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let mut given = Given::default();
    ok(&deployer.deploy(&[&worker], &release("one"), &[]));
    let mut pinned = Caller::of(&worker, &format!("AppServer\\pin() ? {ITEM} : ''"));
    pinned.calls();
    ok(&deployer.deploy(&[&worker], &release("two"), &[]));
    let mut free = Caller::of(&worker, ITEM);
    for _ in 0..2 {
        given.anew(pinned.keeps(), "one");
        given.anew(free.keeps(), "two");
        assert_eq!(worker.php("echo AppServer\\Cache::invalidate(tags: 'item:7');").ok(), "1");
    }
    [pinned, free].into_iter().for_each(Caller::ends_well);
}

/// Calls with many keys, each twice: which release answered, and whether the second was given the first's
/// result. `one kept,two anew,…`
const SIDES: &str = r#"implode(',', array_map(static function (int $id): string {
    [$first, $second] = [appserver_call('item', $id), appserver_call('item', $id)];
    return strtok($first, ' ') . ($first === $second ? ' kept' : ' anew');
}, range(1, 40)))"#;

fn on_trial(deployer: &Deployer, worker: &Sidecar, percent: &str) {
    let args = ["canary", "--app", "shop", "--release", "2", "--percent", percent];
    deployer.run(&[worker], &args);
}

#[test]
fn of_a_release_on_trial_nothing_is_kept_and_of_the_current_one_what_goes_to_it() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    ok(&deployer.deploy(&[&worker], &release("one"), &[]));
    ok(&deployer.deploy(&[&worker], &release("two"), &["--stage-only"]));
    let mut caller = Caller::of(&worker, SIDES);
    let sides = |line: String| line.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
    let only = |side: &str| BTreeSet::from([side.to_owned()]);
    assert_eq!(sides(caller.calls()), only("one kept"));
    on_trial(&deployer, &worker, "50");
    let both = BTreeSet::from(["one kept", "two anew"].map(str::to_owned));
    for _ in 0..2 {
        assert_eq!(sides(caller.calls()), both);
    }
    deployer.run(&[&worker], &["promote", "--app", "shop"]);
    assert_eq!(sides(caller.calls()), only("two kept"));
    caller.ends_well();
}

#[test]
fn requests_that_are_pinned_to_a_release_on_trial_keep_nothing_until_it_is_the_current_one() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let mut given = Given::default();
    ok(&deployer.deploy(&[&worker], &release("one"), &[]));
    ok(&deployer.deploy(&[&worker], &release("two"), &["--stage-only"]));
    let mut never = Caller::with(&worker, &["appserver.pin=off"], ITEM);
    given.anew(never.keeps(), "one");
    on_trial(&deployer, &worker, "100");
    // As in a web server: what it does each time is one request's.
    let pinned = format!("[AppServer\\unpin(), {ITEM}][1]");
    let mut pinned = Caller::with(&worker, &["appserver.pin=request"], &pinned);
    for _ in 0..3 {
        given.anew(pinned.calls(), "two");
    }
    given.anew(never.keeps(), "one");
    deployer.run(&[&worker], &["promote", "--app", "shop"]);
    given.anew(pinned.keeps(), "two");
    given.anew(never.keeps(), "two");
    [pinned, never].into_iter().for_each(Caller::ends_well);
}

#[test]
fn what_was_kept_before_settings_changed_is_asked_for_anew() {
    let functions = "#[AppServer\\Cacheable(ttl: 86400)]
        function limit(): string {
            return AppServer\\config('limit', 'none') . ' ' . bin2hex(random_bytes(8));
        }";
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let mut given = Given::default();
    ok(&deployer.deploy(&[&worker], functions, &[]));
    let mut caller = Caller::of(&worker, "appserver_call('limit')");
    given.anew(caller.keeps(), "none");
    for limit in ["5", "6", "5"] {
        deployer.run(&[&worker], &["config", "set", "shop", &format!("limit={limit}")]);
        given.anew(caller.keeps(), limit);
    }
    deployer.run(&[&worker], &["config", "unset", "shop", "limit"]);
    given.anew(caller.keeps(), "none");
    caller.ends_well();
}
