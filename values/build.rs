//! Compiles the C shim against the headers of the PHP that `php-config` (or `PHP_CONFIG`) names.
//!
//! Nothing is linked here: the engine's symbols come from the process that loads the code.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-env-changed=PHP_CONFIG");
    let php_config = std::env::var("PHP_CONFIG").unwrap_or_else(|_| "php-config".to_owned());
    let output = Command::new(&php_config)
        .arg("--includes")
        .output()
        .unwrap_or_else(|error| panic!("{php_config} --includes: {error}; install php-dev"));
    let includes = String::from_utf8(output.stdout).expect("include paths in UTF-8");
    let mut build = cc::Build::new();
    for include in includes.split_whitespace() {
        build.flag(include.replacen("-I", "-isystem", 1));
    }
    let sources = ["guard", "calls", "classes", "storage"];
    build
        .files(sources.map(|name| format!("shim/{name}.c")))
        .opt_level(2)
        .warnings(true)
        .compile("values_shim");
}
