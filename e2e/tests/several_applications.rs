//! Several applications in one worker, and functions that call functions.

use e2e::{Sidecar, SidecarBuilder};

/// Both applications define the same names.
fn source(name: &str) -> String {
    format!(
        r#"<?php
        class Shop {{ const NAME = '{name}'; public static function name(): string {{ return self::NAME; }} }}
        function who(): string {{ return Shop::NAME . ' ' . basename(__DIR__); }}
        function relay(string $function, mixed ...$arguments): mixed {{ return appserver_call($function, ...$arguments); }}
        function hello(string $name): string {{ return "Hello $name"; }}
        "#
    )
}

fn two() -> SidecarBuilder {
    Sidecar::builder().file_of("alpha", "functions.php", &source("alpha")).file_of(
        "beta",
        "functions.php",
        &source("beta"),
    )
}

#[test]
fn applications_that_define_the_same_names_do_not_meet() {
    let sidecar = two().start();
    let out = sidecar.php(
        r#"foreach (['alpha:who', 'beta:who', 'alpha:Shop::name', 'beta:Shop::name', 'alpha:who'] as $function) {
               echo appserver_call($function), "\n";
           }"#,
    );
    assert_eq!(out.ok(), "alpha alpha\nbeta beta\nalpha\nbeta\nalpha alpha\n");
}

#[test]
fn an_application_s_files_are_preloaded_whatever_the_others_do() {
    let sidecar = two().start();
    let status = sidecar.status();
    for app in status["apps"].as_array().unwrap() {
        assert_eq!(app["warnings"].as_array().unwrap().len(), 0, "{app}");
        assert_eq!(app["functions"].as_array().unwrap().len(), 4, "{app}");
    }
}

#[test]
fn an_unknown_application_is_told_with_near_names() {
    let sidecar = two().start();
    let out = sidecar.php(
        r#"try { appserver_call('alpah:who'); }
           catch (AppServer\UnknownAppException $e) { echo implode(',', $e->getNear()), ' ', $e->getMessage(); }"#,
    );
    let text = out.ok();
    assert!(text.starts_with("alpha ") && text.contains("alpah"), "{text}");
}

#[test]
fn without_a_name_the_names_to_choose_from_are_told() {
    let sidecar = two().start();
    let out = sidecar.php(
        r#"try { appserver_call('who'); }
           catch (AppServer\UnknownAppException $e) { echo implode(',', $e->getNear()); }"#,
    );
    assert_eq!(out.ok(), "alpha,beta");
}

#[test]
fn a_function_calls_its_own_application_and_the_other() {
    let sidecar = two().start();
    let out = sidecar.php(
        r#"echo appserver_call('alpha:relay', 'who'), ',',
                appserver_call('alpha:relay', 'beta:who'), ',',
                appserver_call('beta:relay', 'alpha:relay', 'beta:relay', 'who');"#,
    );
    assert_eq!(out.ok(), "alpha alpha,beta beta,beta beta");
}

#[test]
fn what_app_toml_says_of_the_client_s_settings_holds() {
    let sidecar = two()
        .file_of("gamma", "functions.php", "<?php function set(): array { return [ini_get('appserver.workers'), ini_get('appserver.app')]; }")
        .file_of("gamma", "app.toml", "[ini]\n\"appserver.workers\" = \"unix:/elsewhere\"\n")
        .start();
    let out = sidecar.php("echo json_encode(appserver_call('gamma:set'), JSON_UNESCAPED_SLASHES);");
    assert_eq!(out.ok(), r#"["unix:/elsewhere","gamma"]"#);
}

#[test]
fn a_pool_grows_for_calls_that_its_own_functions_wait_for() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &source("app"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 3\n")
        .start();
    let out = sidecar.php("echo appserver_call('relay', 'relay', 'hello', 'Ada');");
    assert_eq!(out.ok(), "Hello Ada");
}

#[test]
fn a_pool_whose_functions_wait_for_each_other_is_freed_by_the_deadline() {
    let sidecar = Sidecar::builder()
        .file("functions.php", &source("app"))
        .file("app.toml", "[executors]\nmin = 1\nmax = 1\n")
        .start();
    let out = sidecar.php(
        r#"try { (new AppServer\Client(timeout: 0.3))->call('relay', 'hello', 'Ada'); echo 'returned'; }
           catch (AppServer\TimeoutException $e) { echo 'timed out'; }
           echo ', then ', appserver_call('hello', 'Ada');"#,
    );
    assert_eq!(out.ok(), "timed out, then Hello Ada");
}

#[test]
fn only_pools_that_have_functions_are_there() {
    let sidecar = Sidecar::builder()
        .file_of("plain", "f.php", "<?php function one(): int { return 1; }")
        .file_of(
            "kept",
            "f.php",
            "<?php #[AppServer\\Isolation('resident')] function two(): int { return 2; }",
        )
        .start();
    let status = sidecar.status();
    let pools = |app: usize| -> Vec<String> {
        let pools = status["apps"][app]["pools"].as_array().unwrap();
        pools.iter().map(|pool| pool["pool"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((pools(0), pools(1)), (vec!["resident".to_owned()], vec!["default".to_owned()]));
    let out = sidecar.php("echo appserver_call('plain:one'), appserver_call('kept:two');");
    assert_eq!(out.ok(), "12");
}
