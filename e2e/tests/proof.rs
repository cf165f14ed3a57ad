//! Deploys that nobody notices: calls go on at full speed while releases follow one another. No call
//! fails, no request sees two releases, and none that begins after a deploy has returned sees the one
//! before.
//!
//! `APPSERVER_PROOF_DEPLOYS` says how many (else 10), `APPSERVER_PROOF_REPORT` names a file for the
//! figures; `make proof-deploy` sets both.

use e2e::{Deployer, RunningPhp, Sidecar, controls, eventually};
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Clients that call without a pause.
const CLIENTS: usize = 8;
/// Calls of a request.
const CALLS: usize = 5;

/// `release()` says which release it is in, and `nap()` takes two seconds for it.
fn functions(number: u64) -> String {
    format!(
        "#[AppServer\\Idempotent] function release(): int {{ return {number}; }}
         #[AppServer\\Idempotent] function nap(): int {{ $until = hrtime(true) + 2_000_000_000;
             while (hrtime(true) < $until) {{ usleep(10_000); }} return {number}; }}"
    )
}

/// Requests of five calls each, pinned as those of a web server are; every other one without a pin.
/// Writes for each when it began, by CLOCK_MONOTONIC, whether it was pinned, how long its slowest call
/// took in µs, and what the calls returned.
const REQUESTS: &str = r#"
    echo "on\n";
    $out = fopen(getenv('OUT'), 'w');
    for ($i = 0; !file_exists(getenv('STOP')); $i++) {
        clearstatcache();
        $pinned = $i % 2;
        if ($pinned) { AppServer\pin(); }
        for ($seen = [], $slowest = 0, $n = 0; $n < 5; $n++) {
            $began = hrtime(true);
            try { $seen[] = [$began, appserver_call('release')]; }
            catch (Throwable $e) { $seen[] = [$began, get_class($e) . ': ' . strtok($e->getMessage(), "\n")]; }
            $slowest = max($slowest, intdiv(hrtime(true) - $began, 1000));
        }
        if ($pinned) { AppServer\unpin(); }
        fwrite($out, json_encode([$pinned, $slowest, $seen]) . "\n");
    }"#;

/// The same with the slow function, one call a request.
const NAPS: &str = r#"
    echo "on\n";
    $out = fopen(getenv('OUT'), 'w');
    for (; !file_exists(getenv('STOP')); clearstatcache()) {
        $began = hrtime(true);
        try { $seen = appserver_call('nap'); }
        catch (Throwable $e) { $seen = get_class($e) . ': ' . strtok($e->getMessage(), "\n"); }
        fwrite($out, json_encode([0, 0, [[$began, $seen]]]) . "\n");
    }"#;

/// A request of a client: its calls with their beginnings.
type Request = (u8, u64, Vec<(u64, serde_json::Value)>);

struct Load {
    stop: PathBuf,
    clients: Vec<(RunningPhp, PathBuf)>,
}

impl Load {
    /// Clients of the workers at these addresses; `host` is any worker.
    fn start(host: &Sidecar, addresses: &[String], folder: &Path) -> Self {
        let stop = folder.join("stop");
        let setting = format!("appserver.workers={}", addresses.join(","));
        let settings = [setting.as_str(), "appserver.timeout=30"];
        let start = |(number, body): (usize, &str)| {
            let out = folder.join(format!("client-{number}"));
            let told =
                format!("putenv('STOP={}'); putenv('OUT={}');", stop.display(), out.display());
            (host.spawn_php_with(&settings, &format!("{told} {body}")), out)
        };
        let bodies = std::iter::repeat_n(REQUESTS, CLIENTS).chain([NAPS]);
        let mut clients: Vec<_> = bodies.enumerate().map(|(n, body)| start((n, body))).collect();
        for (client, _) in &mut clients {
            assert_eq!(client.line(), "on");
        }
        Self { stop, clients }
    }

    /// Ends when every client without a pause has made requests since then.
    fn goes_on(&self) {
        let written = |out: &PathBuf| std::fs::metadata(out).map_or(0, |file| file.len());
        for (_, out) in &self.clients[..CLIENTS] {
            let before = written(out);
            let more = before + 2_000;
            eventually("the client goes on", || (written(out) > more).then_some(()));
        }
    }

    fn finish(self) -> Vec<Request> {
        std::fs::write(&self.stop, "").unwrap();
        let read = |(client, out): (RunningPhp, PathBuf)| {
            client.finish().ok();
            std::fs::read_to_string(out).unwrap()
        };
        let written: Vec<String> = self.clients.into_iter().map(read).collect();
        let lines = written.iter().flat_map(|text| text.lines());
        lines.map(|line| serde_json::from_str(line).expect("a request")).collect()
    }
}

/// CLOCK_MONOTONIC, as PHP's hrtime() has it.
fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// When which release had been activated: each deploy's end, oldest first.
type Activations = Vec<(u64, u64)>;

/// Microseconds that the workers took for each activation, as they say.
type Took = Vec<u64>;

/// The least release that a call may see which begins then.
fn least(activations: &Activations, began_ns: u64) -> u64 {
    let before = activations.iter().take_while(|(at, _)| *at <= began_ns);
    before.last().map_or(0, |(_, number)| *number)
}

/// What is wrong with a request, if anything is.
fn fault(request: &Request, activations: &Activations) -> Option<String> {
    let (pinned, _, calls) = request;
    let mut seen = Vec::new();
    for (began, result) in calls {
        let Some(release) = result.as_u64() else {
            return Some(format!("a call failed: {result}"));
        };
        let since = if *pinned == 1 { calls[0].0 } else { *began };
        let least = least(activations, since);
        if release < least {
            return Some(format!(
                "a call that began in release {least} ran in {release}: {request:?}"
            ));
        }
        seen.push(release);
    }
    let mixed = *pinned == 1 && seen.iter().any(|release| *release != seen[0]);
    mixed.then(|| format!("a pinned request saw releases {seen:?}"))
}

fn deploys() -> u64 {
    let given = std::env::var("APPSERVER_PROOF_DEPLOYS").ok();
    given.map_or(10, |given| given.parse().expect("a number"))
}

/// Deploys release after release, and notes when each command had returned.
fn deploy_all(deployer: &Deployer, workers: &[&Sidecar], from: u64) -> (Activations, Took) {
    let (mut activations, mut took) = (Vec::new(), Vec::new());
    for number in from..from + deploys() {
        let deployed = deployer.deploy(workers, &functions(number), &["--json"]);
        assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
        activations.push((now_ns(), number));
        let said: serde_json::Value = serde_json::from_slice(&deployed.stdout).expect("JSON");
        took.push(said["workers"][0]["activated"]["took_us"].as_u64().expect("a time"));
    }
    (activations, took)
}

fn check(requests: &[Request], activations: &Activations) {
    let faults: Vec<String> = requests.iter().filter_map(|r| fault(r, activations)).collect();
    assert!(
        faults.is_empty(),
        "{} of {}: {:#?}\nactivated {activations:?}",
        faults.len(),
        requests.len(),
        &faults[..faults.len().min(5)],
    );
    let last = activations.last().expect("there were deploys").1;
    let seen = |number| requests.iter().any(|r| r.2.iter().any(|call| call.1 == number));
    assert!(seen(last) && seen(last - 1), "the load saw none of the last releases");
}

/// The value below which that share of the values is.
fn at(values: &mut [u64], share: f64) -> u64 {
    values.sort_unstable();
    values[((values.len() - 1) as f64 * share) as usize]
}

/// Writes the figures; the load went on without deploys until `began_ns`.
fn report(requests: &[Request], began_ns: u64, activations: &Activations, mut took: Took) {
    let Ok(path) = std::env::var("APPSERVER_PROOF_REPORT") else {
        return;
    };
    let ended_ns = activations.last().expect("there were deploys").0;
    let of = |within: &dyn Fn(u64) -> bool| -> Vec<u64> {
        let full = requests.iter().filter(|request| request.2.len() == CALLS);
        full.filter(|request| within(request.2[0].0)).map(|request| request.1).collect()
    };
    let mut before = of(&|ns| ns < began_ns);
    let mut during = of(&|ns| (began_ns..ended_ns).contains(&ns));
    let calls: usize = requests.iter().map(|request| request.2.len()).sum();
    let mut text = "| figure | value |\n|---|---|\n".to_owned();
    let mut line = |name: &str, value: String| writeln!(text, "| {name} | {value} |").unwrap();
    line("deploys", activations.len().to_string());
    line("clients without a pause", format!("{CLIENTS}, and one of calls of 2 s"));
    line("requests of five calls", requests.len().to_string());
    line("calls", calls.to_string());
    line("failed calls", "0".to_owned());
    line("pinned requests that saw two releases", "0".to_owned());
    line("calls of an old release begun after a deploy had returned", "0".to_owned());
    for share in [0.5, 0.99] {
        line(&format!("activation, p{}", share * 100.0), format!("{} µs", at(&mut took, share)));
        let (before, during) = (at(&mut before, share), at(&mut during, share));
        line(
            &format!("slowest call of a request, p{}, without and with deploys", share * 100.0),
            format!("{before} µs, {during} µs"),
        );
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn releases_follow_one_another_and_nobody_notices() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.builder().config("[releases]\ndrain_timeout_ms = 3000\n").start();
    let first = deployer.deploy(&[&worker], &functions(1), &[]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let folder = tempfile::tempdir().unwrap();
    let load = Load::start(&worker, &[worker.address()], folder.path());
    load.goes_on();
    let began_ns = now_ns();
    let (activations, took) = deploy_all(&deployer, &[&worker], 2);
    load.goes_on();
    let requests = load.finish();
    check(&requests, &activations);
    report(&requests, began_ns, &activations, took);
}

/// A port of this host that is free now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Deploys a version until every worker has it; the workers may be killed meanwhile.
fn deploy_until_done(deployer: &Deployer, controls: &str, version: u64) {
    eventually("every worker has it", || {
        let deployed = deployer.deploy_at(controls, &functions(version), &[]);
        deployed.status.success().then_some(())
    });
}

#[test]
fn three_workers_of_which_one_dies_again_and_again_stay_of_one_mind() {
    let deployer = Deployer::with_new_key();
    let addresses: Vec<String> = (0..3).map(|_| format!("tcp:127.0.0.1:{}", free_port())).collect();
    let settings = "[releases]\ndrain_timeout_ms = 3000\n[tcp]\ninsecure = true\n";
    let start = |address: &String| deployer.builder().config(settings).listen(address).start();
    let mut workers: Vec<Sidecar> = addresses.iter().map(start).collect();
    let mut mortal = workers.pop().expect("three");
    let controls = controls(&[&workers[0], &workers[1], &mortal]);
    deploy_until_done(&deployer, &controls, 1);
    let folder = tempfile::tempdir().unwrap();
    let load = Load::start(&workers[0], &addresses, folder.path());
    let mut activations = Vec::new();
    for version in 2..2 + deploys() {
        std::thread::scope(|scope| {
            scope.spawn(|| deploy_until_done(&deployer, &controls, version));
            if version % 3 == 0 {
                load.goes_on();
                mortal.kill();
                mortal.restart();
            }
        });
        activations.push((now_ns(), version));
    }
    load.goes_on();
    let requests = load.finish();
    check(&requests, &activations);
}
