//! Jobs as their users see them: queued, run, asked for, awaited, cancelled; their order, limits and keys;
//! batches and chains.

use e2e::{Sidecar, SidecarBuilder, eventually, settles};
use std::path::PathBuf;

const FUNCTIONS: &str = r#"<?php
use AppServer\{Job, Queued};
function add(int $a, int $b): int { return $a + $b; }
function hello(): string { return 'hello'; }
/** Adds a line to a file. */
function note(string $file, string $line): string {
    file_put_contents($file, "$line\n", FILE_APPEND | LOCK_EX);
    return $line;
}
/** Notes that it has begun, and goes on when the other file is there. */
function waits(string $begun, string $go): string {
    note($begun, (string) getmypid());
    while (!file_exists($go)) { usleep(1000); clearstatcache(); }
    return 'went';
}
/** How many of its kind run at a time, at most, is left in the folder. */
#[Queued(concurrency: 2)]
function counted(string $folder): void {
    touch($mine = "$folder/" . getmypid());
    // Once two run at a time: until then each waits for the other.
    while (!file_exists("$folder.two") && count(glob("$folder/*")) < 2) { usleep(500); clearstatcache(); }
    touch("$folder.two");
    note("$folder.seen", (string) count(glob("$folder/*")));
    usleep(2000);
    unlink($mine);
}
function says_how_far(string $go): void {
    for ($done = 1; !file_exists($go); $done++) {
        AppServer\progress($done, 1000, 'counting');
        usleep(1000);
        clearstatcache();
    }
}
function fails(): never { throw new LogicException('it fails'); }
function twice(int $n): int { return 2 * $n; }
function notes_after(mixed $before, string $file, string $event): void {
    note($file, "$event " . (is_string($before) ? 'id' : $before));
}
"#;

fn builder(executors: u32) -> SidecarBuilder {
    let app = format!("[pools.jobs]\nexecutors.max = {executors}\n");
    Sidecar::builder().file("functions.php", FUNCTIONS).file("app.toml", &app)
}

fn worker(executors: u32) -> Sidecar {
    builder(executors).start()
}

fn file(worker: &Sidecar, name: &str) -> PathBuf {
    worker.app().join(name)
}

fn lines(worker: &Sidecar, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file(worker, name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Takes the only executor: whatever else is queued waits until the test creates `go`.
fn occupy(worker: &Sidecar) {
    let [begun, go] = ["begun", "go"].map(|name| file(worker, name));
    worker.php(&format!("appserver_queue('waits', {begun:?}, {go:?});")).ok();
    eventually("the executor is taken", || begun.exists().then_some(()));
}

fn let_go(worker: &Sidecar) {
    std::fs::write(file(worker, "go"), "").unwrap();
}

/// Processor time of the worker's supervisor, in clock ticks.
fn cpu_ticks(worker: &Sidecar) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", worker.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How often the threads of a process were given a processor.
fn switches(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: std::fs::DirEntry| {
        // A thread that had nothing to do for long may end meanwhile.
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
        counts
            .map(|line| line.split_whitespace().last().unwrap().parse::<u64>().unwrap())
            .sum::<u64>()
    };
    tasks.map(|task| of(task.unwrap())).sum()
}

#[test]
fn a_job_runs_once_and_its_result_is_there_for_whoever_has_its_id() {
    let worker = worker(2);
    let out = worker.php(
        r#"$id = appserver_queue('add', 19, 23);
           echo AppServer\Job::find($id)->await(20), ' ';
           $job = AppServer\Job::find($id);
           echo $job->state->value, ' ', $job->result(), ' ', count($job->attempts), ' ', $id;"#,
    );
    let out = out.ok();
    let (told, id) = out.rsplit_once(' ').unwrap();
    assert_eq!(told, "42 done 42 1");
    let other = worker.php(&format!("echo AppServer\\Job::find('{id}')->result();"));
    assert_eq!(other.ok(), "42", "another process");
}

#[test]
fn whoever_awaits_a_job_is_told_and_costs_nothing_meanwhile() {
    let worker = worker(1);
    let go = file(&worker, "go");
    occupy(&worker);
    let mut waiting = worker.spawn_php(
        r#"$job = AppServer\Job::find(appserver_queue('add', 1, 2));
           echo "queued\n";
           echo $job->await();"#,
    );
    assert_eq!(waiting.line(), "queued");
    // A client that waits sleeps in the kernel; the worker's thread for jobs does as well.
    let thread = eventually("the thread for jobs", || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", worker.pid())).unwrap();
        let name = |task: &std::path::Path| std::fs::read_to_string(task.join("comm"));
        let is_it = |task: &PathBuf| name(task).is_ok_and(|name| name.trim() == "jobs");
        tasks.map(|task| task.unwrap().path()).find(is_it)
    });
    let counted = || {
        let status = std::fs::read_to_string(thread.join("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
        line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    let client = waiting.pid();
    eventually("it awaits", || (worker.status()["jobs"]["awaiting"] == 1).then_some(()));
    let asleep = settles("the client and the thread sleep", || (switches(client), counted()));
    // A hundred calls later neither was woken once.
    worker.php("for ($i = 0; $i < 100; $i++) { appserver_call('hello'); }").ok();
    assert_eq!((switches(client), counted()), asleep);
    std::fs::write(go, "").unwrap();
    assert_eq!(waiting.finish().ok(), "3");
}

#[test]
fn an_idle_worker_with_jobs_sleeps() {
    let worker = worker(1);
    worker
        .php(
            r#"for ($i = 0; $i < 50; $i++) { AppServer\queue('add', [1, 2], delay: 86400); }
               AppServer\Job::find(appserver_queue('add', 1, 2))->await();"#,
        )
        .ok();
    settles("nothing of the worker runs", || (switches(worker.pid()), cpu_ticks(&worker)));
}

#[test]
fn a_job_says_how_far_it_has_come() {
    let worker = worker(1);
    let go = file(&worker, "go");
    let out = worker.php(&format!(
        r#"$job = AppServer\Job::find(appserver_queue('says_how_far', {go:?}));
           $until = microtime(true) + 20;
           while (($job = $job->refresh())->progress?->done <= 1 && microtime(true) < $until) {{ usleep(1000); }}
           echo $job->state->value, ' ', $job->progress->total, ' ', $job->progress->message;
           touch({go:?});
           $job->await();"#
    ));
    assert_eq!(out.ok(), "running 1000 counting");
}

#[test]
fn a_waiting_job_that_is_cancelled_never_runs_and_a_running_one_is_interrupted() {
    let worker = worker(1);
    let [begun, go] = ["begun", "go"].map(|name| file(&worker, name));
    let notes = file(&worker, "notes");
    let out = worker.php(&format!(
        r#"$running = AppServer\Job::find(appserver_queue('waits', {begun:?}, {go:?}));
           while (!file_exists({begun:?})) {{ usleep(1000); clearstatcache(); }}
           $waiting = AppServer\Job::find(appserver_queue('note', {notes:?}, 'ran'));
           var_dump($waiting->cancel(), $waiting->refresh()->state->value, $waiting->cancel());
           try {{ $waiting->await(); }} catch (AppServer\CancelledException) {{ echo "cancelled\n"; }}
           var_dump($running->cancel());
           try {{ $running->await(); }} catch (AppServer\CancelledException) {{ echo "cancelled\n"; }}
           $running = $running->refresh();
           echo $running->state->value, ' ', count($running->attempts), ' ', $running->failures, "\n";
           echo AppServer\Job::find(appserver_queue('add', 1, 2))->await();"#
    ));
    let expected = "bool(true)\nstring(9) \"cancelled\"\nbool(false)\ncancelled\nbool(true)\ncancelled\n\
                    cancelled 1 0\n3";
    assert_eq!(out.ok(), expected);
    assert_eq!(lines(&worker, "notes"), Vec::<String>::new());
}

#[test]
fn whoever_awaits_a_job_learns_of_its_cancellation_and_of_one_that_is_not_kept() {
    let worker = worker(1);
    occupy(&worker);
    let mut cancelled = worker.spawn_php(
        r#"$job = AppServer\Job::find(appserver_queue('add', 1, 2));
           echo $job->id, "\n";
           try { $job->await(); } catch (AppServer\CancelledException) { echo 'cancelled'; }"#,
    );
    let mut unkept = worker.spawn_php(
        r#"$job = AppServer\Job::find(AppServer\queue('add', [3, 4], keep: 0));
           echo $job->id, "\n";
           echo $job->await();"#,
    );
    let unkept_id = unkept.line();
    // It may not await yet, and is told at once in that case.
    worker.php(&format!("AppServer\\Job::find('{}')->cancel();", cancelled.line())).ok();
    assert_eq!(cancelled.finish().ok(), "cancelled");
    eventually("it waits for the answer", || {
        let stack = std::fs::read_to_string(format!("/proc/{}/wchan", unkept.pid())).unwrap();
        stack.contains("poll").then_some(())
    });
    let_go(&worker);
    assert_eq!(unkept.finish().ok(), "7");
    eventually("it is not kept", || {
        let found = worker.php(&format!("var_dump(AppServer\\Job::find('{unkept_id}'));")).ok();
        (found == "NULL\n").then_some(())
    });
}

#[test]
fn delayed_jobs_run_later_and_higher_priorities_first() {
    let worker = worker(1);
    occupy(&worker);
    let notes = file(&worker, "notes");
    let out = worker.php(&format!(
        r#"$note = fn(string $line, mixed ...$options) =>
               AppServer\queue('note', [{notes:?}, $line], ...$options);
           $late = $note('late', delay: 0.3, priority: 100);
           $note('low', priority: -5);
           $note('usual');
           $last = $note('at', runAt: new DateTimeImmutable('+1 second'), priority: 100);
           $note('high', priority: 5);
           touch('{go}');
           AppServer\Job::find($last)->await(20);
           $late = AppServer\Job::find($late);
           var_dump($late->attempts[0]->beganAt - $late->madeAt > 0.29);"#,
        go = file(&worker, "go").display()
    ));
    assert_eq!(out.ok(), "bool(true)\n", "it began when its time had come");
    // Whose time comes while the others are queued is before them, by its priority.
    let (later, at_once): (Vec<String>, Vec<String>) =
        lines(&worker, "notes").into_iter().partition(|line| line == "late" || line == "at");
    assert_eq!(at_once, ["high", "usual", "low"]);
    assert_eq!(later, ["late", "at"]);
}

#[test]
fn jobs_of_a_group_run_one_at_a_time_in_their_order() {
    let worker = worker(4);
    let notes = file(&worker, "notes");
    worker
        .php(&format!(
            r#"$ids = [];
               for ($i = 0; $i < 100; $i++) {{
                   $ids[] = AppServer\queue('note', [{notes:?}, (string) $i], group: 'one', priority: $i);
               }}
               AppServer\Job::find(end($ids))->await(20);"#
        ))
        .ok();
    let expected: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(lines(&worker, "notes"), expected);
}

#[test]
fn no_more_than_its_limit_of_a_function_run_at_a_time() {
    let worker = worker(6);
    let folder = file(&worker, "running");
    std::fs::create_dir(&folder).unwrap();
    let out = worker.php(&format!(
        r#"$batch = new AppServer\Batch();
           for ($i = 0; $i < 60; $i++) {{ $batch->add('counted', {folder:?}); }}
           $status = AppServer\Batch::find($batch->queue())->await(20);
           echo $status->done;"#
    ));
    assert_eq!(out.ok(), "60");
    let most = lines(&worker, "running.seen").iter().map(|n| n.parse::<u32>().unwrap()).max();
    assert_eq!(most, Some(2));
}

#[test]
fn a_second_job_of_a_unique_key_is_refused_until_the_first_is_over() {
    let worker = worker(1);
    let [begun, go] = ["begun", "go"].map(|name| file(&worker, name));
    let out = worker.php(&format!(
        r#"$first = AppServer\queue('waits', [{begun:?}, {go:?}], unique: 'key');
           try {{ AppServer\queue('add', [1, 2], unique: 'key'); }}
           catch (AppServer\DuplicateJobException $e) {{ var_dump($e->getId() === $first); }}
           $same = new AppServer\Unique('key', AppServer\UniqueMode::Existing);
           var_dump(AppServer\queue('add', [1, 2], unique: $same) === $first);
           var_dump(AppServer\queue('add', [1, 2], idempotencyKey: 'k')
                === AppServer\queue('add', [1, 2], idempotencyKey: 'k'));
           touch({go:?});
           AppServer\Job::find($first)->await(20);
           echo AppServer\Job::find(AppServer\queue('add', [1, 2], unique: 'key'))->await(20);"#
    ));
    assert_eq!(out.ok(), "bool(true)\nbool(true)\nbool(true)\n3");
}

#[test]
fn a_batch_tells_when_all_of_it_is_over_and_a_chain_hands_results_on() {
    let worker = worker(3);
    let notes = file(&worker, "notes");
    let out = worker.php(&format!(
        r#"$batch = new AppServer\Batch('sums', (new AppServer\Client())->withJob(attempts: 1));
           for ($i = 0; $i < 30; $i++) {{ $batch->add('add', $i, 1); }}
           $batch->add('fails');
           $batch->allowFailures();
           $batch->then('notes_after', {notes:?}, 'then');
           $batch->catch('notes_after', {notes:?}, 'catch');
           $batch->finally('notes_after', {notes:?}, 'finally');
           $status = AppServer\Batch::find($batch->queue())->await(20);
           echo "$status->name $status->done of $status->total, $status->failed failed";
           $chain = new AppServer\Chain();
           $chain->add('add', 1, 2)->add('twice')->add('twice')->add('notes_after', {notes:?}, 'chain')->queue();"#
    ));
    assert_eq!(out.ok(), "sums 30 of 31, 1 failed");
    // Not all of it is done, so then() is not.
    let noted = eventually("all is noted", || {
        let mut noted = lines(&worker, "notes");
        noted.sort();
        (noted.len() == 3).then_some(noted)
    });
    assert_eq!(noted, ["catch id", "chain 12", "finally id"]);
}

#[test]
fn the_time_that_calls_may_take_is_none_of_jobs() {
    let app = "timeout_ms = 50\n[pools.jobs]\nexecutors.max = 1\n";
    let worker = Sidecar::builder()
        .file("functions.php", "<?php function naps(): string { usleep(300_000); return 'slept'; }")
        .file("app.toml", app)
        .start();
    let out = worker.php(
        r#"try { appserver_call('naps'); } catch (AppServer\TimeoutException) { echo 'late '; }
           echo AppServer\Job::find(appserver_queue('naps'))->await(20), ' ';
           $short = AppServer\Job::find(AppServer\queue('naps', timeout: 0.05, attempts: 1));
           try { $short->await(20); } catch (AppServer\JobFailedException) { echo $short->refresh()->attempts[0]->outcome; }"#,
    );
    assert_eq!(out.ok(), "late slept timed-out");
}

#[test]
fn calls_are_served_while_every_executor_for_jobs_is_busy() {
    let worker = worker(1);
    occupy(&worker);
    worker.php("for ($i = 0; $i < 500; $i++) { appserver_queue('add', 1, 2); }").ok();
    assert_eq!(worker.php("echo appserver_call('hello');").ok(), "hello");
    let_go(&worker);
}
