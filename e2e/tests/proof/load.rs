//! Clients that call without a pause, and what is wrong with what they saw.

use e2e::{RunningPhp, Sidecar, eventually};
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};

/// Clients that call without a pause.
pub(crate) const CLIENTS: usize = 8;
/// Calls of a request.
pub(crate) const CALLS: usize = 5;

/// `release()` says which release it is in, and `nap()` takes two seconds for it.
pub(crate) fn functions(number: u64) -> String {
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
pub(crate) type Request = (u8, u64, Vec<(u64, serde_json::Value)>);

pub(crate) struct Load {
    stop: PathBuf,
    clients: Vec<(RunningPhp, PathBuf)>,
}

impl Load {
    /// Clients of the workers at these addresses; `host` is any worker.
    pub(crate) fn start(host: &Sidecar, addresses: &[String], folder: &Path) -> Self {
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
    pub(crate) fn goes_on(&self) {
        let written = |out: &PathBuf| std::fs::metadata(out).map_or(0, |file| file.len());
        for (_, out) in &self.clients[..CLIENTS] {
            let before = written(out);
            let more = before + 2_000;
            eventually("the client goes on", || (written(out) > more).then_some(()));
        }
    }

    pub(crate) fn finish(self) -> Vec<Request> {
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
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// When which release had been activated: each deploy's end, oldest first.
pub(crate) type Activations = Vec<(u64, u64)>;

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

/// Panics with what is wrong, if anything is.
pub(crate) fn check(requests: &[Request], activations: &Activations) {
    let faults: Vec<String> = requests.iter().filter_map(|r| fault(r, activations)).collect();
    assert!(
        faults.is_empty(),
        "{} of {}: {:#?}\nactivated {activations:?}",
        faults.len(),
        requests.len(),
        &faults[..faults.len().min(5)],
    );
    let Some((_, last)) = activations.last().copied() else {
        return;
    };
    let seen = |number| requests.iter().any(|r| r.2.iter().any(|call| call.1 == number));
    assert!(seen(last) && seen(last - 1), "the load saw none of the last releases");
}
