//! What a deployed release says of keeping results: in the catalog, to whoever asks, and from one release
//! to the next.

use e2e::{Deployer, Sidecar, deployer};
use serde_json::{Value, json};

const FUNCTIONS: &str = r"namespace Shop;
use AppServer\Cacheable;
#[Cacheable(60, negative: 5, tags: ['quote:{sku}'])]
function quote(string $sku, bool $fresh = false): ?float { return 1.5; }
function rates(): array { return []; }
final class Prices { #[Cacheable(ttl: 0.25)] static function total(int ...$all): int { return 0; } }
#[Cacheable(30)]
function stock(string $sku): int { return 3; }
";

const APP: &str = r#"[functions.'Shop\quote'.cache]
ttl = 90
vary = ["sku"]
[functions."shop\\rates".cache]
ttl = 1.5
negative = 0
"#;

fn deploy(deployer: &Deployer, worker: &Sidecar, app: &str, functions: &str) -> String {
    std::fs::write(deployer.path("app/app.toml"), app).unwrap();
    let deployed = deployer.deploy(&[worker], functions, &[]);
    deployer::ok(&deployed);
    String::from_utf8(deployed.stdout).unwrap() + &String::from_utf8_lossy(&deployed.stderr)
}

/// What a deploy that is refused says.
fn refused(deployer: &Deployer, worker: &Sidecar, app: &str, functions: &str) -> String {
    std::fs::write(deployer.path("app/app.toml"), app).unwrap();
    let deployed = deployer.deploy(&[worker], functions, &[]);
    assert!(!deployed.status.success());
    String::from_utf8_lossy(&deployed.stderr).into_owned()
}

#[test]
fn the_catalog_of_a_release_has_what_attribute_and_app_toml_say() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, APP, FUNCTIONS);
    let socket = worker.address();
    let listed = deployer.run(&[], &["functions", "shop", "--json", "--workers", &socket]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let functions = listed[0]["functions"].as_array().unwrap();
    let cache = |name: &str| {
        let function = functions.iter().find(|function| function["name"] == name);
        function.unwrap_or_else(|| panic!("{name}"))["cache"].clone()
    };
    let policy = |ttl_ms: u64, negative_ms: u64, tags: &[&str], vary: Value| json!({ "ttl_ms": ttl_ms, "negative_ms": negative_ms, "tags": tags, "vary": vary });
    assert_eq!(cache("Shop\\quote"), policy(90_000, 5_000, &["quote:{sku}"], json!([0])));
    assert_eq!(cache("Shop\\rates"), policy(1_500, 0, &[], Value::Null));
    assert_eq!(cache("Shop\\Prices::total"), policy(250, 250, &[], Value::Null));
    let told = deployer.run(&[], &["functions", "shop", "--workers", &socket]);
    assert!(told.contains("kept for 90 s, null for 5 s, tags \"quote:{sku}\", by $sku"), "{told}");
}

#[test]
fn who_says_for_how_long_is_explained_key_by_key() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, APP, FUNCTIONS);
    let explained = |function: &str| {
        let told = deployer.run(&[&worker], &["config", "explain", "shop", function, "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        let rows = told[0]["result"].as_array().unwrap().clone();
        let rows = rows.into_iter().filter(|row| {
            let key = row["key"].as_str().unwrap();
            key.starts_with("cache.") || key.starts_with("functions.")
        });
        let row = |row: Value| {
            let place = row["place"].as_str().unwrap_or_default().rsplit('/').next();
            let layer = row["layer"].as_str().unwrap();
            let text = format!("{} {} {layer} {}", row["key"], row["value"], place.unwrap());
            text.replace('"', "").trim_end().to_owned()
        };
        rows.map(row).collect::<Vec<_>>()
    };
    let attribute = "function #[Cacheable] at functions.php:5";
    assert_eq!(
        explained("Shop\\quote"),
        [
            "cache.ttl 90 application app.toml:2",
            &format!("cache.negative 5 {attribute}"),
            &format!("cache.tags [quote:{{sku}}] {attribute}"),
            "cache.vary [sku] application app.toml:3",
        ]
    );
    assert_eq!(
        explained("Shop\\rates"),
        [
            "cache.ttl 1.5 application app.toml:5",
            "cache.negative 0 application app.toml:6",
            "cache.tags [] default",
            "cache.vary null default",
        ]
    );
    assert_eq!(
        explained("Shop\\Prices::total")[0],
        "cache.ttl 0.25 function #[Cacheable] at functions.php:7"
    );
}

#[test]
fn a_release_that_keeps_results_otherwise_says_so_and_breaks_nobody() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    deploy(&deployer, &worker, APP, FUNCTIONS);
    let functions = FUNCTIONS.replace("#[Cacheable(30)]\n", "");
    let told = deploy(&deployer, &worker, &APP.replace("ttl = 1.5", "ttl = 2"), &functions);
    for text in [
        "Shop\\rates(): callers keep its results for 2 s, null not at all instead of for 1.5 s, null not at all",
        "Shop\\stock(): its results are no longer kept by callers",
    ] {
        assert!(told.contains(text), "{told}");
    }
    assert!(!told.contains("quote()"), "{told}");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let deployer = Deployer::with_new_key();
    let worker = deployer.worker();
    let said = refused(&deployer, &worker, "", "#[AppServer\\Cacheable(60)] function f(): void {}");
    assert!(
        said.contains("functions.php:2: f: #[AppServer\\Cacheable]: it returns void"),
        "{said}"
    );
    let app = "[functions.f.cache]\nttl = 60\nvary = [\"ids\"]\n";
    let said = refused(&deployer, &worker, app, "function f(int $id): int { return 1; }");
    let expected = "app.toml, [functions.'f'.cache]: vary must name parameters of the function, not \
                    \"ids\"; did you mean \"id\"?";
    assert!(said.contains(expected), "{said}");
    let app = "[functions.g.cache]\nttl = 60\n";
    let said = refused(&deployer, &worker, app, "function f(int $id): int { return 1; }");
    assert!(said.contains("[functions.'g'.cache]: no function \"g\" is exported"), "{said}");
    // What needs no function is seen without starting anything.
    std::fs::write(deployer.path("app/app.toml"), "[functions.f.cache]\nttl = 0\n").unwrap();
    let checked = Deployer::output(&[], &["config", "check", "--app", &deployer.path("app")]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success());
    assert!(said.contains("app.toml:2: functions.f.cache.ttl: must be more than 0"), "{said}");
}
