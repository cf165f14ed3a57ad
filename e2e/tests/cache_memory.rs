//! A process that has kept, given and let go of results in many PHP requests takes no more memory than one
//! that has done so in a few.

use e2e::{Fpm, Sidecar, eventually};
use serde_json::Value;

const ROUNDS: u32 = 10_000;
/// After so many, malloc has what it needs for results of all sizes.
const WARM_ROUNDS: u32 = 2_000;
/// Pages that malloc may take after that, for other sizes beside each other than before: a result that is
/// lost in one of a hundred rounds would be more.
const GROWTH_KIB_MAX: u64 = 256;

/// Of all sizes from some bytes to more than is kept, most of them immutable ones; together several times as
/// much as may be kept. Whoever has one can tell whether it is as it was returned.
const FUNCTIONS: &str = r"
    #[AppServer\Cacheable(ttl: 86400, tags: ['words:{id}'])]
    function words(int $id): array { return made_of($id); }
";

const MADE_OF: &str = r"
    function made_of(int $id): array {
        $words = array_fill(0, $id % 7 * 20, 'word of ' . $id);
        $object = $id % 11 ? null : new ArrayObject([$id]);
        $length = $id % 40 ? $id * 20 : 70_000;
        return ['id' => $id, 'words' => $words, 'object' => $object, 'text' => str_repeat('x', $length)];
    }
";

/// What one request does. All that it was given it holds to its end, and looks at once more when it has been
/// invalidated, taken the place of, or let go.
const ROUND: &str = r#"
    $before = AppServer\Cache::stats();
    $id = random_int(1, 400);
    $given = [appserver_call('words', $id), appserver_call('words', $id)];
    $changed = $given[1];
    $changed['text'][0] = $changed['words'][] = '-';
    if (random_int(0, 7) === 0) {
        AppServer\Cache::invalidate(tags: "words:$id");
        $given[] = appserver_call('words', $id);
    }
    if (random_int(0, 15) === 0) {
        $given[] = (new AppServer\Client())->withFresh()->call('words', $id);
    }
    if (random_int(0, 399) === 0) {
        AppServer\Cache::clear();
    }
    $wrong = array_filter($given, static fn (array $words): bool => $words != made_of($id));
    echo json_encode([
        'pid' => getmypid(),
        'wrong' => count($wrong),
        'held_before' => $before['bytes_held_by_request'],
        'stats' => AppServer\Cache::stats(),
    ]);
"#;

/// An FPM of one child.
struct Child {
    fpm: Fpm,
    pid: u32,
}

impl Child {
    fn of(worker: &Sidecar) -> Self {
        let settings = ["appserver.cache_size=512K", "appserver.cache_values=immutable"];
        let fpm = Fpm::start_with(worker, 1, &settings);
        fpm.script("round.php", &format!("{MADE_OF}{ROUND}"));
        fpm.script("clear.php", "AppServer\\Cache::clear();");
        fpm.script("stats.php", "echo json_encode(AppServer\\Cache::stats());");
        // It listens before it has forked any.
        let pid = eventually("there is a child", || fpm.children().first().copied());
        Self { fpm, pid }
    }

    fn told(&self, script: &str) -> Value {
        let answer = self.fpm.request(script);
        serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{error}: {answer} {}", self.fpm.log()))
    }

    /// One request, in which everything is as it should be; the counters at its end.
    fn round(&self) -> Value {
        let mut told = self.told("round.php");
        assert_eq!(told["pid"], self.pid, "{}", self.fpm.log());
        assert_eq!(told["wrong"], 0, "{told}");
        assert_eq!(told["held_before"], 0, "what the last request was given is let go: {told}");
        let stats = told["stats"].take();
        assert!(stats["bytes"].as_u64() <= stats["bytes_max"].as_u64(), "{stats}");
        stats
    }

    /// Its memory that is no file's.
    fn memory_kib(&self) -> u64 {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
        line.trim_end_matches(" kB").trim().parse().unwrap()
    }
}

#[test]
fn ten_thousand_requests_leave_nothing_behind() {
    let worker = Sidecar::with_functions(&format!("{FUNCTIONS}{MADE_OF}"));
    let child = Child::of(&worker);
    (0..WARM_ROUNDS).for_each(|_| drop(child.round()));
    let warm_kib = child.memory_kib();
    (WARM_ROUNDS..ROUNDS - 1).for_each(|_| drop(child.round()));
    let stats = child.round();
    let grown_kib = child.memory_kib().saturating_sub(warm_kib);
    assert!(grown_kib <= GROWTH_KIB_MAX, "{grown_kib} KiB more than {warm_kib} KiB: {stats}");
    // Nothing of this was left out.
    let counters = ["hits", "kept", "refused", "evicted"].map(|name| &stats[name]);
    let misses = ["absent", "invalidated", "fresh_wanted"].map(|name| &stats["misses"][name]);
    for count in counters.into_iter().chain(misses) {
        assert!(count.as_u64() > Some(u64::from(ROUNDS) / 50), "{stats}");
    }
    assert_eq!(child.fpm.request("clear.php"), "");
    let left = child.told("stats.php");
    let left = ["entries", "bytes", "bytes_held_by_request"].map(|name| &left[name]);
    assert_eq!(left, [0, 0, 0]);
}
