//! Starting a release: what is preloaded, what is listed, and what fails.

use crate::support::{Answer, FakeSupervisor, boot, boot_at};
use protocol::{Boot, Catalog, Isolation, PoolBoot};
use serde_json::json;
use std::path::Path;

fn app(files: &[(&str, &str)]) -> (tempfile::TempDir, Boot) {
    let folder = tempfile::tempdir().unwrap();
    for (name, code) in files {
        std::fs::write(folder.path().join(name), code).unwrap();
    }
    let boot = boot_at(folder.path());
    (folder, boot)
}

fn failure(files: &[(&str, &str)]) -> String {
    let (_folder, boot) = app(files);
    match FakeSupervisor::try_start(boot) {
        Ok(_) => panic!("it started"),
        Err(message) => message,
    }
}

fn names(catalog: &Catalog) -> Vec<&str> {
    catalog.functions.iter().map(|function| function.name.as_str()).collect()
}

#[test]
fn a_file_that_only_declares_is_preloaded() {
    let supervisor = FakeSupervisor::start(boot("basic"));
    assert!(supervisor.report.opcache);
    assert_eq!(supervisor.report.preloaded_files, 1);
    assert!(supervisor.report.php_version.starts_with("8."));
    assert!(!supervisor.report.warnings.iter().any(|w| w.contains("preloaded")));
}

#[test]
fn an_export_pattern_that_matches_nothing_is_reported() {
    let code = "<?php\nnamespace Shop;\nfunction quote() { return 1; }\n";
    let (_folder, mut boot) = app(&[("a.php", code)]);
    boot.export = vec!["shop\\*".to_owned(), "quote".to_owned()];
    let supervisor = FakeSupervisor::start(boot);
    assert_eq!(names(&supervisor.catalog), ["Shop\\quote"]);
    let warnings = supervisor.report.warnings.join("\n");
    assert!(warnings.contains("export \"quote\" matches no function"), "{warnings}");
    assert!(!warnings.contains("shop\\*"), "{warnings}");
}

#[test]
fn functions_that_nobody_can_name_are_left_out_and_reported() {
    let long = "x".repeat(protocol::FUNCTION_NAME_BYTES_MAX + 1);
    let code = format!("<?php\nfunction a() {{}}\nfunction {long}() {{}}\nfunction b() {{}}\n");
    let (folder, boot) = app(&[("a.php", &code)]);
    // As an editor writes it that knows no UTF-8.
    let latin_1 = b"<?php\nfunction gr\xf6\xdfe() {}\n";
    std::fs::write(folder.path().join("b.php"), latin_1).unwrap();
    let supervisor =
        FakeSupervisor::start(Boot { entry: vec!["a.php".into(), "b.php".into()], ..boot });
    assert_eq!(names(&supervisor.catalog), ["a", "b"]);
    let warnings = supervisor.report.warnings.join("\n");
    for expected in [
        "a.php: a function is left out, its name has more than 1024 bytes (line 3)",
        "b.php: a function is left out, its name is not UTF-8 (line 2)",
    ] {
        assert!(warnings.contains(expected), "{warnings}");
    }
}

#[test]
fn a_file_that_runs_code_is_required_at_each_request_and_reported() {
    let (_folder, boot) = app(&[
        ("a.php", "<?php\nfunction a() { return LIMIT . SUFFIX; }\n"),
        (
            "b.php",
            "<?php\ndefine('LIMIT', 7);\nconst SUFFIX = '!';\nfunction b() { return a(); }\n",
        ),
        ("c.php", "<?php\nif (!function_exists('c')) {\n    function c() { return 'c'; }\n}\n"),
    ]);
    let mut supervisor = FakeSupervisor::start(boot);
    assert_eq!(supervisor.report.preloaded_files, 1);
    let warnings = supervisor.report.warnings.join("\n");
    assert!(
        warnings.contains("b.php: not preloaded, it runs code at its top level (line 2)"),
        "{warnings}"
    );
    assert!(
        warnings.contains("c.php: not preloaded, it runs code at its top level (line 2)"),
        "{warnings}"
    );
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for _ in 0..3 {
        assert_eq!(client.call("b", json!([])), Answer::Value(json!("7!")));
        assert_eq!(client.call("c", json!([])), Answer::Value(json!("c")));
    }
}

#[test]
fn a_call_does_not_wait_for_the_bootstrap_of_the_executor_that_served_the_last_one() {
    let (_folder, mut boot) = app(&[
        ("a.php", "<?php\nfunction a() { touch(__DIR__ . '/hold'); return getmypid(); }\n"),
        (
            "bootstrap.php",
            "<?php\nwhile (file_exists(__DIR__ . '/hold')) {\n    clearstatcache();\n    usleep(1000);\n}\n",
        ),
    ]);
    boot.bootstrap = Some("bootstrap.php".to_owned());
    let mut supervisor = FakeSupervisor::start(boot);
    let mut client = supervisor.connect(0);
    let executors = [supervisor.fork(0, 0), supervisor.fork(0, 1)];
    for executor in &executors {
        executor.until(|cell| cell.state() == shm::State::Idle);
        executor.offer(&client);
    }
    // From the first call on, whoever opens a request is held up.
    let mut served = [client.call("a", json!([])), client.call("a", json!([]))];
    let mut both = executors.each_ref().map(|executor| Answer::Value(json!(executor.pid)));
    served.sort_by_key(|answer| format!("{answer:?}"));
    both.sort_by_key(|answer| format!("{answer:?}"));
    assert_eq!(served, both);
}

#[test]
fn variables_at_the_top_level_are_global_in_each_request() {
    let (_folder, mut boot) = app(&[
        (
            "a.php",
            "<?php\n$config = ['x' => 1];\nrequire __DIR__ . '/lib/more.inc';\nfunction a() { global $more; return [++$GLOBALS['config']['x'], $more]; }\n",
        ),
        (
            "bootstrap.php",
            "<?php\n$booted = 'yes';\nif (!isset($argv_seen)) { $argv_seen = true; }\n",
        ),
        ("b.php", "<?php\nfunction b() { return $GLOBALS['booted'] ?? 'no'; }\n"),
    ]);
    let lib = Path::new(&boot.root).join("lib");
    std::fs::create_dir(&lib).unwrap();
    std::fs::write(lib.join("more.inc"), "<?php\n$more = $config['x'] + 40;\n").unwrap();
    boot.bootstrap = Some("bootstrap.php".to_owned());
    let mut supervisor = FakeSupervisor::start(boot);
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for _ in 0..3 {
        assert_eq!(client.call("a", json!([])), Answer::Value(json!([2, 41])));
        assert_eq!(client.call("b", json!([])), Answer::Value(json!("yes")));
    }
}

#[test]
fn a_class_whose_parent_is_autoloaded_falls_back_to_require() {
    let (folder, mut boot) = app(&[
        (
            "bootstrap.php",
            "<?php\nspl_autoload_register(fn ($c) => require __DIR__ . \"/lib/$c.php\");\n",
        ),
        (
            "order.php",
            "<?php\nclass Order extends Base { public static function make(): string { return self::kind(); } }\n",
        ),
    ]);
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    std::fs::write(
        folder.path().join("lib/Base.php"),
        "<?php\nabstract class Base { public static function kind(): string { return static::class; } }\n",
    )
    .unwrap();
    boot.bootstrap = Some("bootstrap.php".to_owned());
    let mut supervisor = FakeSupervisor::start(boot);
    let warnings = supervisor.report.warnings.join("\n");
    assert!(
        warnings.contains("order.php: not preloaded") && warnings.contains("Base"),
        "{warnings}"
    );
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    for _ in 0..3 {
        assert_eq!(client.call("Order::make", json!([])), Answer::Value(json!("Order")));
    }
}

#[test]
fn classes_that_find_each_other_are_preloaded_in_whatever_order() {
    let (_folder, boot) = app(&[
        ("a.php", "<?php\nfinal class Last extends First implements Countable { use Counts; }\n"),
        (
            "b.php",
            "<?php\nabstract class First { public static function of() { return new static; } }\n",
        ),
        ("c.php", "<?php\ntrait Counts { public function count(): int { return 3; } }\n"),
        ("d.php", "<?php\nenum Size { case Small; }\nfunction d() { return count(Last::of()); }\n"),
    ]);
    let mut supervisor = FakeSupervisor::start(boot);
    let warnings = supervisor.report.warnings.join("\n");
    assert_eq!(supervisor.report.preloaded_files, 4, "{warnings}");
    assert!(!warnings.contains("preload"), "{warnings}");
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    assert_eq!(client.call("d", json!([])), Answer::Value(json!(3)));
}

#[test]
fn the_catalog_says_what_the_code_says() {
    let supervisor = FakeSupervisor::start(boot("catalog"));
    let catalog = &supervisor.catalog;
    assert!(catalog.functions.is_sorted_by_key(|f| f.name.to_ascii_lowercase()));
    let (_, quote) = catalog.find("Shop\\quote").unwrap();
    assert_eq!(
        quote.signature(),
        "Shop\\quote(string $sku, int|float $amount = 1.5, ?array $options = [1, 'a' => null], \
         Shop\\Size $size = \\Shop\\Size::Small, string ...$more): ?float"
    );
    assert_eq!(quote.affinity.as_deref(), Some("sku"));
    assert_eq!(quote.timeout_ms, Some(1500));
    assert!(quote.idempotent);
    assert_eq!(quote.isolation, Isolation::Stateless);
    assert_eq!(quote.doc.as_deref(), Some("/** The price of an article. */"));
    assert_eq!((quote.file.as_str(), quote.line), ("shop.php", 17));
    let remember = catalog.find("Shop\\Store::remember").unwrap().1;
    assert_eq!((remember.pool.as_str(), remember.isolation), ("resident", Isolation::Resident));
    assert!(catalog.find("Shop\\hidden").is_none());
    assert!(catalog.find("Shop\\Store::secret").is_none());
    assert!(catalog.find("Shop\\Store::instance_method").is_none());
}

#[test]
fn a_function_names_its_pool_and_has_its_isolation() {
    let start = |attributes: &str| {
        let code =
            format!("<?php\nuse AppServer\\{{Isolation, Pool}};\n{attributes} function f() {{}}");
        let (folder, mut boot) = app(&[("a.php", &code)]);
        boot.pools.push(PoolBoot { name: "reports".into(), ..boot.pools[1].clone() });
        let started = FakeSupervisor::try_start(boot);
        let entry = started.map(|supervisor| supervisor.catalog.functions[0].clone());
        drop(folder);
        entry.map(|function| (function.pool, function.isolation))
    };
    let resident = Isolation::Resident;
    assert_eq!(start("#[Pool('reports')]"), Ok(("reports".to_owned(), resident)));
    let both = "#[Pool(name: 'reports'), Isolation('resident')]";
    assert_eq!(start(both), Ok(("reports".to_owned(), resident)));
    let error = start("#[Pool('reports'), Isolation('stateless')]").unwrap_err();
    assert!(error.contains("a.php:3: f: ") && error.contains("contradict"), "{error}");
    let error = start("#[Pool('report')]").unwrap_err();
    assert!(
        error.contains("no section [pools.report]; there are default, resident, reports"),
        "{error}"
    );
}

#[test]
fn the_catalog_says_what_a_proxy_needs() {
    let (_folder, mut boot) = app(&[
        (
            "a.php",
            r#"<?php
namespace Shop;
use Elsewhere\{Size, Colour as Paint};
use Elsewhere\Unused, DateTimeImmutable;
use function strlen;
const LIMIT = 12;
final class Rates
{
    /** Percent. */
    public const VAT = 19;
    public const UNDOCUMENTED = [true];
    private const SECRET = [1, 'a' => "\xff'"];
    private static array $seen = [];
    private function __construct() {}
    public static function of(#[\SensitiveParameter] int $a = self::VAT, array $b = self::SECRET): self {}
}
class Money { public int $cents; public static function parse(string $s): static {} }
/** @param list<Size> $s @return Paint */
function f(\DateTimeInterface|Money $at, $s, int $l = LIMIT, int $max = PHP_INT_MAX, object $o = new \ArrayObject([1]), $m = new Money()) {}
#[Nowhere(Missing::X)]
function &g(?int $x = null) { $a = static function () use ($x) { return "{$x}"; }; yield 1; }
"#,
        ),
        (
            "b.php",
            "<?php\nnamespace B { use X\\Y; /** @var Y */ function b() {} }\nnamespace { use X\\Z; /** Z, not Y */ function c() {} }\n",
        ),
    ]);
    boot.export = vec!["*".to_owned()];
    let supervisor = FakeSupervisor::start(boot);
    let catalog = &supervisor.catalog;
    let function = |name: &str| catalog.find(name).unwrap_or_else(|| panic!("{name}")).1;
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };

    let f = function("Shop\\f");
    assert_eq!(f.imports, pairs(&[("Paint", "Elsewhere\\Colour"), ("Size", "Elsewhere\\Size")]));
    assert_eq!(f.classes, ["Shop\\Money"]);
    let defaults: Vec<_> =
        f.params.iter().map(|p| (p.default.as_deref(), p.value.as_deref())).collect();
    assert_eq!(
        defaults[2..],
        [
            (Some("\\Shop\\LIMIT"), Some("12")),
            (Some("\\PHP_INT_MAX"), None),
            (Some("new \\ArrayObject([0 => 1])"), None),
            (Some("new \\Shop\\Money()"), None),
        ]
    );
    let g = function("Shop\\g");
    assert!(g.generator && g.returns_by_ref);
    assert_eq!(g.attributes[0].arguments, [(None, "...".to_owned())]);
    assert_eq!(function("B\\b").imports, pairs(&[("Y", "X\\Y")]));
    assert_eq!(function("c").imports, pairs(&[("Z", "X\\Z")]));

    let of = function("Shop\\Rates::of");
    assert_eq!(of.params[0].attributes[0].name, "SensitiveParameter");
    assert_eq!(of.params[0].value.as_deref(), Some("19"));
    assert_eq!(of.params[1].value.as_deref(), Some("[1, 'a' => \"\\xff'\"]"));
    let [money, rates] = &catalog.classes[..] else { panic!("{:?}", catalog.classes) };
    assert_eq!(money.instances.as_deref(), Some("its objects have a property $cents"));
    assert_eq!((rates.is_final, rates.instances.as_deref()), (true, None));
    assert_eq!(rates.constructor.as_deref(), Some("private"));
    let [vat, undocumented] = &rates.constants[..] else { panic!("{:?}", rates.constants) };
    assert_eq!((vat.name.as_str(), vat.value.as_str()), ("VAT", "19"));
    assert_eq!(vat.doc.as_deref(), Some("/** Percent. */"));
    assert_eq!((undocumented.value.as_str(), &undocumented.doc), ("[true]", &None));
}

#[test]
fn patterns_choose_what_is_exported_and_attributes_override_them() {
    let mut boot = boot("catalog");
    boot.export = vec!["shop\\store::*".to_owned()];
    let supervisor = FakeSupervisor::start(boot);
    assert_eq!(names(&supervisor.catalog), ["Shop\\always", "Shop\\Store::remember"]);
}

#[test]
fn code_that_does_not_start_says_where_and_why() {
    let parse = failure(&[("a.php", "<?php\nfunction a( {\n")]);
    assert!(parse.contains("syntax error") && parse.contains("a.php"), "{parse}");
    let twice =
        failure(&[("a.php", "<?php\nfunction a() {}\n"), ("b.php", "<?php\n\nfunction a() {}\n")]);
    assert!(twice.contains("Cannot redeclare a()") && twice.contains("b.php"), "{twice}");
    let throws =
        failure(&[("a.php", "<?php\nfunction a() {}\nthrow new LogicException('not today');\n")]);
    assert!(throws.contains("LogicException: not today") && throws.contains("a.php:3"), "{throws}");
    let exits = failure(&[("a.php", "<?php\nfunction a() {}\nexit(3);\n")]);
    assert!(exits.contains("exit() with status 3"), "{exits}");
    let parent = failure(&[("a.php", "<?php\nclass A extends Nowhere {}\n")]);
    assert!(parent.contains("Nowhere") && parent.contains("a.php"), "{parent}");
}

#[test]
fn attributes_that_make_no_sense_fail_the_start() {
    let fails = |attribute: &str| {
        failure(&[(
            "a.php",
            &format!("<?php\n\n#[AppServer\\{attribute}]\nfunction a(int $id) {{}}\n"),
        )])
    };
    let affinity = fails("Affinity('ids')");
    assert!(affinity.starts_with("a.php:4: a: "), "{affinity}");
    assert!(affinity.contains("no parameter $ids; did you mean \"id\"?"), "{affinity}");
    assert!(fails("Timeout(-1.0)").contains("seconds must be above 0"));
    assert!(fails("Timeout('soon')").contains("takes a number of seconds"));
    assert!(fails("Isolation('eternal')").contains("'stateless' or 'resident'"));
}

#[test]
fn a_bootstrap_that_fails_later_is_the_answer_to_the_call() {
    let (folder, mut boot) = app(&[
        (
            "bootstrap.php",
            "<?php\nif (file_exists(__DIR__ . '/down')) {\n    throw new RuntimeException('no database');\n}\n",
        ),
        ("a.php", "<?php\nfunction a() { return 'up'; }\n"),
    ]);
    boot.bootstrap = Some("bootstrap.php".to_owned());
    let mut supervisor = FakeSupervisor::start(boot);
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    assert_eq!(client.call("a", json!([])), Answer::Value(json!("up")));
    std::fs::write(folder.path().join("down"), "").unwrap();
    // The context of the next call may have been opened before the file appeared.
    client.call("a", json!([]));
    let Answer::Failure(protocol::Failure::Thrown(chain)) = client.call("a", json!([])) else {
        panic!("the failed bootstrap was ignored")
    };
    assert_eq!(chain[0].message, b"no database");
    std::fs::remove_file(folder.path().join("down")).unwrap();
    client.call("a", json!([]));
    assert_eq!(client.call("a", json!([])), Answer::Value(json!("up")));
}

#[test]
fn settings_and_surroundings_are_the_releases() {
    let (folder, mut boot) = app(&[(
        "a.php",
        "<?php\nfunction a() { return [getcwd(), ini_get('precision'), getenv('COLOUR'), umask(), \
         sys_get_temp_dir(), ini_get('date.timezone'), ini_get('display_errors')]; }\n",
    )]);
    boot.ini = vec![
        ("precision".to_owned(), "9".to_owned()),
        ("date.timezone".to_owned(), "Europe/Berlin".to_owned()),
    ];
    boot.env = vec![("COLOUR".to_owned(), "it's \"blue\"".to_owned())];
    let mut supervisor = FakeSupervisor::start(boot);
    let mut client = supervisor.connect(0);
    let executor = supervisor.fork(0, 0);
    executor.offer(&client);
    let Answer::Value(value) = client.call("a", json!([])) else { panic!("no answer") };
    let root: &Path = &folder.path().canonicalize().unwrap();
    assert_eq!(value[0], json!(root));
    assert_eq!(value[1], json!("9"));
    assert_eq!(value[2], json!("it's \"blue\""));
    assert_eq!(value[3], json!(0o027));
    assert_eq!(value[4], json!(supervisor.temp_dir()));
    assert_eq!(value[5], json!("Europe/Berlin"));
}
