//! Results that PHP processes keep, where other processes change what is behind them: they invalidate, die
//! and come back.

use e2e::deployer::ok;
use e2e::{Caller, Deployer, Fpm, Sidecar, eventually, process_is_gone, send_signal};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Each tells its arguments, and the run that it is from.
const FUNCTIONS: &str = r"
    use AppServer\Cacheable;
    #[Cacheable(ttl: 86400, tags: ['item:{id}'])]
    function item(int $id): string { return $id . ' ' . bin2hex(random_bytes(8)); }
    #[Cacheable(ttl: 86400)]
    function waits(string $begun, string $go): string {
        touch($begun);
        while (!file_exists($go)) { usleep(1000); clearstatcache(); }
        return bin2hex(random_bytes(8));
    }
";

/// The numbers of its sockets, which no other ever has.
fn sockets_of(caller: &Caller) -> BTreeSet<String> {
    let files = std::fs::read_dir(format!("/proc/{}/fd", caller.pid())).unwrap();
    let names = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    let names = names.map(|name| name.display().to_string());
    names.filter(|name| name.starts_with("socket:")).collect()
}

const ITEM: &str = "appserver_call('item', 7)";

/// Another PHP process invalidates; how many workers it told.
fn invalidate(worker: &Sidecar, settings: &[&str], arguments: &str) -> String {
    worker.php_with(settings, &format!("echo AppServer\\Cache::invalidate({arguments});")).ok()
}

#[test]
fn what_one_process_invalidates_another_asks_for_anew() {
    let worker = Sidecar::with_functions(FUNCTIONS);
    let mut caller = Caller::of(&worker, ITEM);
    let mut kept = caller.keeps();
    let sockets = sockets_of(&caller);
    assert!(!sockets.is_empty());
    for arguments in ["tags: 'item:7'", "'item'", "tags: ['item:8', 'item:7']", ""] {
        assert_eq!(invalidate(&worker, &[], arguments), "1");
        let fresh = caller.keeps();
        assert_ne!(fresh, kept, "invalidate({arguments})");
        kept = fresh;
    }
    assert_eq!(sockets_of(&caller), sockets, "over the connections that it had");
    caller.ends_well();
}

#[test]
fn the_command_invalidates_what_processes_keep() {
    let worker = Sidecar::with_functions(FUNCTIONS);
    let mut caller = Caller::of(&worker, ITEM);
    let mut kept = caller.keeps();
    for which in [&["--tag", "item:7"][..], &["--function", "item"], &[]] {
        let args = [&["cache", "invalidate", "--app", "app"], which].concat();
        ok(&Deployer::output(&[&worker], &args));
        let fresh = caller.keeps();
        assert_ne!(fresh, kept, "{which:?}");
        kept = fresh;
    }
    caller.ends_well();
}

#[test]
fn a_result_that_was_on_its_way_is_not_given_to_the_next_call() {
    let worker = Sidecar::with_functions(FUNCTIONS);
    let [begun, go] = ["begun", "go"].map(|name| worker.app().join(name));
    let mut caller = Caller::of(&worker, &format!("appserver_call('waits', {begun:?}, {go:?})"));
    caller.begins();
    eventually("the call has begun", || begun.exists().then_some(()));
    assert_eq!(invalidate(&worker, &[], "'waits'"), "1");
    std::fs::write(&go, "").unwrap();
    let late = caller.is_answered();
    assert_ne!(caller.keeps(), late);
    caller.ends_well();
}

#[test]
fn what_a_killed_worker_s_successor_invalidates_is_not_given() {
    let mut worker = Sidecar::with_functions(FUNCTIONS);
    // One of them looks while no worker is there.
    let [mut calm, mut curious] = [(); 2].map(|()| Caller::of(&worker, ITEM));
    let kept = [calm.keeps(), curious.keeps()];
    worker.kill();
    assert_eq!(curious.calls(), kept[1], "nobody can have invalidated it");
    worker.restart();
    assert_eq!(invalidate(&worker, &[], "tags: 'item:7'"), "1");
    let fresh = [calm.keeps(), curious.keeps()];
    assert!(fresh.iter().zip(&kept).all(|(fresh, kept)| fresh != kept), "{fresh:?} {kept:?}");
    [calm, curious].into_iter().for_each(Caller::ends_well);
}

#[test]
fn what_a_client_of_two_workers_invalidates_is_so_for_the_clients_of_either() {
    let workers = [(); 2].map(|()| Sidecar::with_functions(FUNCTIONS));
    let [first, second] = workers.each_ref().map(Sidecar::address);
    let list = |addresses: &[&str]| format!("appserver.workers={}", addresses.join(","));
    let items = "implode(' ', array_map(fn($id) => appserver_call('item', $id), range(1, 8)))";
    let both = list(&[&first, &second]);
    let lists = [list(&[&first]), list(&[&second]), both.clone(), list(&[&second, &first])];
    let mut callers = lists.map(|list| Caller::with(&workers[0], &[&list], items));
    let mut kept = callers.each_mut().map(Caller::calls);
    // Which board it goes by may change as long as it meets workers that it did not know.
    let mut settle = |callers: &mut [Caller; 4]| {
        eventually("all is kept", || {
            let before = std::mem::replace(&mut kept, callers.each_mut().map(Caller::calls));
            (before == kept).then_some(())
        });
        kept.clone()
    };
    for arguments in ["'item'", "tags: array_map(fn($id) => \"item:$id\", range(1, 8))"] {
        let kept = settle(&mut callers);
        assert_eq!(invalidate(&workers[0], &[&both], arguments), "2");
        for (kept, caller) in kept.iter().zip(&mut callers) {
            let (kept, fresh) = (kept.split(' '), caller.calls());
            // Every second word is an argument.
            let stale = kept.zip(fresh.split(' ')).skip(1).step_by(2).find(|(a, b)| a == b);
            assert_eq!(stale, None, "invalidate({arguments})");
        }
    }
    callers.into_iter().for_each(Caller::ends_well);
}

#[test]
fn nothing_is_kept_of_a_worker_that_is_not_on_this_host_s_socket() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&token, "a-long-enough-secret-for-a-test").unwrap();
    let worker = Sidecar::builder()
        .file("functions.php", &format!("<?php {FUNCTIONS}"))
        .config(&format!("[tcp]\ntoken_file = {:?}\n", token.path()))
        .listen("tls:127.0.0.1:0")
        .start();
    let (port, ca) = (worker.tls_port(), worker.certificate());
    let script = format!(
        r"$remote = (new AppServer\Client())->withWorkers('tls:127.0.0.1:{port}')
              ->withCertificate(null, null, {ca:?})->withToken('a-long-enough-secret-for-a-test');
          $results = array_map(fn() => $remote->call('item', 7), range(1, 20));
          echo count(array_unique($results)), ' ', count(preg_grep('/^7 /', $results)), ' ';
          echo AppServer\Cache::invalidate('item', client: $remote), ' ', AppServer\Cache::stats()['kept'];"
    );
    assert_eq!(worker.php(&script).ok(), "20 20 1 0");
}

/// What a caller can tell to be the right one, whoever kept it.
const CHECKED: &str = r"
    #[AppServer\Cacheable(ttl: 86400, tags: ['numbers:{id}'])]
    function numbers(int $id, int $count): array {
        return ['id' => $id, 'check' => md5(json_encode([$id, $count])), 'list' => array_fill(0, $count, $id)];
    }
";

/// Calls, invalidates, and writes to what it was given; says how many of its calls were hits.
const LOAD: &str = r#"
    for ($i = 0; $i < 50; $i++) {
        [$id, $count] = [random_int(1, 12), random_int(0, 3) * 400];
        $client = random_int(0, 9) === 0 ? (new AppServer\Client())->withFresh() : new AppServer\Client();
        $numbers = $client->call('numbers', $id, $count);
        $right = ['id' => $id, 'check' => md5(json_encode([$id, $count])), 'list' => array_fill(0, $count, $id)];
        if ($numbers !== $right) { exit("wrong: $id $count " . json_encode($numbers)); }
        $numbers['list'][] = $numbers['id'] = -1;
        random_int(0, 24) === 0 && AppServer\Cache::invalidate(tags: "numbers:$id");
    }
    echo 'right ', AppServer\Cache::stats()['hits'];
"#;

#[test]
fn children_of_fpm_that_are_killed_at_any_moment_spoil_nothing_for_others() {
    let worker = Sidecar::with_functions(CHECKED);
    let fpm = Fpm::start(&worker, 3);
    fpm.script("load.php", LOAD);
    let answered = AtomicU32::new(0);
    let right = |answer: &str| answer.strip_prefix("right ")?.parse::<u64>().ok();
    std::thread::scope(|scope| {
        // Gone when this ends, however it does.
        let killing = Arc::new(());
        for _ in 0..3 {
            let (killing, fpm, answered) = (Arc::downgrade(&killing), &fpm, &answered);
            scope.spawn(move || {
                while killing.strong_count() > 0 {
                    // No answer has the one whose child was killed.
                    let Some(answer) = fpm.try_request("load.php") else { continue };
                    assert!(right(&answer).is_some(), "{answer} {}", fpm.log());
                    answered.fetch_add(1, Relaxed);
                }
            });
        }
        for _ in 0..20 {
            let children = eventually("there are all children", || {
                Some(fpm.children()).filter(|children| children.len() == 3)
            });
            send_signal(children[0], Signal::KILL);
            eventually("it is gone", || process_is_gone(children[0]).then_some(()));
            let before = answered.load(Relaxed);
            eventually("others go on", || (answered.load(Relaxed) > before).then_some(()));
        }
    });
    let hits = (0..10).filter_map(|_| right(&fpm.request("load.php"))).collect::<Vec<_>>();
    assert!(hits.len() == 10 && hits[9] > 0, "{hits:?} {}", fpm.log());
    let log = fpm.log();
    let mut ends = log.lines().filter(|line| line.contains(" exited ")).peekable();
    assert!(ends.peek().is_some() && ends.all(|line| line.contains("SIGKILL")), "{log}");
}
