//! What an application's code is given: `AppServer\config()` and `AppServer\resource()`.

use e2e::Sidecar;

const FUNCTIONS: &str = r#"<?php
    function config(string $key, mixed ...$default): mixed { return AppServer\config($key, ...$default); }
    function resource(string $name): mixed { return AppServer\resource($name); }
    function fails(string $name): string {
        try { AppServer\resource($name); return 'no'; } catch (Throwable $e) { return get_class($e) . ': ' . $e->getMessage(); }
    }
    function counts(): int {
        $db = AppServer\resource('main');
        $db->exec('create table if not exists calls (n integer)');
        $db->exec('insert into calls values (1)');
        return (int) $db->query('select count(*) from calls')->fetchColumn();
    }
    function same(): bool { return AppServer\resource('main') === AppServer\resource('main'); }
    function information(): string { ob_start(); phpinfo(); return ob_get_clean() . json_encode(appserver_status()) . json_encode(getenv()); }
"#;

fn json(sidecar: &Sidecar, call: &str) -> String {
    sidecar.php(&format!("echo json_encode(appserver_call({call}));")).ok()
}

#[test]
fn settings_are_read_by_key_by_group_and_by_default() {
    let sidecar = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", "[settings]\nname = \"shop\"\nlist = [1, 2.5, \"x\", true]\nfeature.checkout = 0.25\n\"feature.cart.size\" = 3\n")
        .start();
    for (call, expected) in [
        ("'config', 'name'", r#""shop""#),
        ("'config', 'list'", r#"[1,2.5,"x",true]"#),
        ("'config', 'feature.checkout'", "0.25"),
        ("'config', 'feature'", r#"{"cart.size":3,"checkout":0.25}"#),
        ("'config', 'feature.cart'", r#"{"size":3}"#),
        ("'config', 'missing'", "null"),
        ("'config', 'missing', [1]", "[1]"),
        ("'config', 'name', 'other'", r#""shop""#),
    ] {
        assert_eq!(json(&sidecar, call), expected, "{call}");
    }
}

#[test]
fn a_bootstrap_file_reads_settings_before_there_is_a_call() {
    let sidecar = Sidecar::builder()
        .file("boot.php", "<?php define('NAME', AppServer\\config('name'));")
        .file("f.php", "<?php function name(): string { return NAME; }")
        .file(
            "app.toml",
            "bootstrap = \"boot.php\"\nentry = [\"f.php\"]\n[settings]\nname = \"shop\"\n",
        )
        .start();
    assert_eq!(json(&sidecar, "'name'"), r#""shop""#);
}

#[test]
fn a_datasource_is_one_pdo_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let dsn = format!("sqlite:{}/calls.sqlite", folder.path().display());
    let sidecar = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file("app.toml", &format!("[datasource.main]\ndsn = \"{dsn}\"\n[datasource.broken]\ndsn = \"sqlite:/nowhere/x\"\n"))
        .start();
    assert_eq!(json(&sidecar, "'counts'"), "1");
    assert_eq!(json(&sidecar, "'counts'"), "2");
    assert_eq!(json(&sidecar, "'same'"), "true");
    let out = sidecar
        .php("echo appserver_call('fails', 'broken'), '|', appserver_call('fails', 'mian');")
        .ok();
    assert!(out.starts_with("PDOException: "), "{out}");
    assert!(out.ends_with("|AppServer\\ConfigException: the application has no resource \"mian\"; did you mean main?"), "{out}");
}

#[test]
fn secrets_come_from_the_administrator_and_show_up_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "from-a-file\n").unwrap();
    let config = format!(
        "[apps.app]\nfolder = \"apps/app\"\n[apps.app.resource.cache]\nvalues = {{ port = 6380 }}\n\
         secret_file = {{ password = {:?} }}\nsecret_env = {{ token = \"CACHE_TOKEN\" }}\n",
        file.display().to_string()
    );
    let sidecar = Sidecar::builder()
        .file("functions.php", FUNCTIONS)
        .file(
            "app.toml",
            "[resource.cache]\ntype = \"redis\"\nport = 6379\nneeds = [\"password\"]\n",
        )
        .config(&config)
        .folders_in_config()
        .env("CACHE_TOKEN", "from-a-variable")
        .start();
    let expected =
        r#"{"port":6380,"type":"redis","password":"from-a-file","token":"from-a-variable"}"#;
    let given: serde_json::Value =
        serde_json::from_str(&json(&sidecar, "'resource', 'cache'")).unwrap();
    assert_eq!(given, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    let shown = json(&sidecar, "'information'") + &sidecar.status().to_string() + &sidecar.log();
    assert!(!shown.contains("from-a-file") && !shown.contains("from-a-variable"));
}

#[test]
fn a_resource_without_what_it_needs_does_not_start_and_says_who_gives_it() {
    for (toml, expected) in [
        (
            "[datasource.main]\ndsn = \"mysql:host=db\"\nneeds = [\"password\"]\n",
            "datasource \"main\" of app: its password is missing; the administrator gives it in \
             appserver.toml, [apps.app.datasource.main], as password_file or password_env",
        ),
        ("[datasource.main]\nuser = \"shop\"\n", "datasource \"main\" of app: its dsn is missing"),
        (
            "[resource.cache]\nneeds = [\"token\"]\n",
            "resource \"cache\" of app: its token is missing",
        ),
    ] {
        let (code, error) =
            Sidecar::builder().file("f.php", FUNCTIONS).file("app.toml", toml).fails_to_start();
        assert_eq!(code, Some(78), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
