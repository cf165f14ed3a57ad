//! What a release says of keeping results: in attributes, in its `app.toml`, and in both.

use crate::support::{FakeSupervisor, boot_at};
use protocol::{CacheOptions, CachePolicy};

/// The policies of a release of one file, in the order of the functions' names; or why it does not start.
fn start(
    code: &str,
    given: &[(&str, CacheOptions)],
) -> Result<Vec<(String, Option<CachePolicy>)>, String> {
    let folder = tempfile::tempdir().unwrap();
    let code = format!("<?php\nuse AppServer\\Cacheable;\n{code}\n");
    std::fs::write(folder.path().join("a.php"), code).unwrap();
    let mut boot = boot_at(folder.path());
    boot.cache = given.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect();
    let supervisor = FakeSupervisor::start_with_extension(boot)?;
    let functions = supervisor.catalog.functions.iter();
    Ok(functions.map(|function| (function.name.clone(), function.cache.clone())).collect())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn attributes_say_for_how_long_results_are_kept() {
    let found = start(
        "#[Cacheable(60)] function all(int $id) { return $id; }
         #[Cacheable(ttl: 1.5, negative: 0, tags: ['p:{id}', 'p'], vary: ['language', 'id'])]
         function chosen(int $id, $any, string $language = 'en'): ?array { return null; }
         final class Rates { #[Cacheable(0.0001, 5, vary: ['day'])] static function of(string $day) {} }
         function never() { return 1; }",
        &[],
    );
    let all = CachePolicy { ttl_ms: 60_000, negative_ms: 60_000, tags: vec![], vary: None };
    let chosen = CachePolicy {
        ttl_ms: 1500,
        negative_ms: 0,
        tags: texts(&["p:{id}", "p"]),
        vary: Some(vec![0, 2]),
    };
    let of = CachePolicy { ttl_ms: 1, negative_ms: 5000, tags: vec![], vary: Some(vec![0]) };
    let expected =
        [("all", Some(all)), ("chosen", Some(chosen)), ("never", None), ("Rates::of", Some(of))];
    assert_eq!(found, Ok(expected.map(|(name, policy)| (name.to_owned(), policy)).to_vec()));
}

#[test]
fn app_toml_goes_before_an_attribute_option_by_option() {
    let ttl = |ttl_ms| CacheOptions { ttl_ms: Some(ttl_ms), ..CacheOptions::default() };
    let over = CacheOptions { vary: Some(texts(&["id"])), ..ttl(9000) };
    let found = start(
        "#[Cacheable(60, negative: 5, tags: ['p:{id}'])] function both(int $id, $any) { return $id; }
         function alone(int $id) { return $id; }",
        // Names of functions have no case.
        &[("BOTH", over), ("alone", ttl(10))],
    );
    let alone = CachePolicy { ttl_ms: 10, negative_ms: 10, tags: vec![], vary: None };
    let both = CachePolicy {
        ttl_ms: 9000,
        negative_ms: 5000,
        tags: texts(&["p:{id}"]),
        vary: Some(vec![0]),
    };
    let expected = [("alone", alone), ("both", both)];
    let expected = expected.map(|(name, policy)| (name.to_owned(), Some(policy)));
    assert_eq!(found, Ok(expected.to_vec()));
}

#[test]
fn attributes_that_make_no_sense_fail_the_start_with_their_place() {
    for (code, says) in [
        ("#[Cacheable] function a() {}", "expects at least 1 argument, 0 given"),
        ("#[Cacheable(0)] function a() {}", "($ttl) must be more than 0 and at most 315360000"),
        ("#[Cacheable('60')] function a() {}", "($ttl) must be of type float, string given"),
        ("#[Cacheable(60, -1)] function a() {}", "($negative) must be 0 (not kept) or more"),
        ("#[Cacheable(60, tags: [1])] function a() {}", "($tags) must be strings of valid UTF-8"),
        ("#[Cacheable(60, tags: [''])] function a() {}", "($tags) must be of 1 to 200 bytes each"),
        ("#[Cacheable(60, tags: ['{a'])] function a($a) {}", "($tags) must close every {"),
        ("#[Cacheable(60, vary: [])] function a() {}", "($vary) must name at least one parameter"),
        ("#[Cacheable(60, stale: 300)] function a() {}", "$stale"),
        (
            "#[Cacheable(60, tags: ['p:{ids}'])] function a(int $id) {}",
            "#[AppServer\\Cacheable]: tags must name parameters of the function, not {ids}; did you \
             mean \"id\"?",
        ),
        (
            "#[Cacheable(60, tags: ['p:{rows}'])] function a(array $rows) {}",
            "and $rows is of type array",
        ),
        (
            "#[Cacheable(60, vary: ['ids'])] function a(int $id) {}",
            "vary must name parameters of the function, not \"ids\"; did you mean \"id\"?",
        ),
        ("#[Cacheable(60)] function a(&$b) {}", "#[AppServer\\Cacheable]: $b is by reference"),
        ("#[Cacheable(60)] function a(): void {}", "it returns void"),
        ("#[Cacheable(60)] function a(): never { exit; }", "it returns never"),
        ("#[Cacheable(60)] function a() { yield 1; }", "it is a generator"),
        (
            "class A extends AppServer\\Job { #[Cacheable(60)] function run() {} }",
            "only jobs run it",
        ),
    ] {
        let message = start(code, &[]).expect_err(code);
        assert!(message.contains("a.php:3: ") && message.contains(says), "{code}: {message}");
    }
}

#[test]
fn what_app_toml_says_wrongly_is_told_as_its_own() {
    let code = "#[Cacheable(60, tags: ['p:{id}'])] function quote(int $id) { return 1; }
                function plain(): void {}";
    let vary = CacheOptions { vary: Some(texts(&["ids"])), ..CacheOptions::default() };
    let ttl = CacheOptions { ttl_ms: Some(5), ..CacheOptions::default() };
    let quotes = "app.toml, [functions.'quote'.cache]";
    for (name, given, says) in [
        ("quote", vary, format!("a.php:3: quote: {quotes}: vary must name parameters")),
        ("plain", ttl.clone(), "[functions.'plain'.cache]: it returns void".to_owned()),
        (
            "qoute",
            ttl,
            "app.toml, [functions.'qoute'.cache]: no function \"qoute\" is exported; did you mean \
             \"quote\"?"
                .to_owned(),
        ),
    ] {
        let message = start(code, &[(name, given)]).expect_err(name);
        assert!(message.contains(&says), "{message}");
    }
    let code = "function bare(int $id) { return 1; }";
    let message = start(code, &[("bare", CacheOptions::default())]).unwrap_err();
    assert!(message.contains("[functions.'bare'.cache]: ttl must be given"), "{message}");
}
