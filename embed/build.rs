//! Compiles the C shim against the headers of the installed PHP and links its embed library.
//!
//! Both come from `php-config`, or from the program that the environment variable `PHP_CONFIG`
//! names; ext-php-rs uses the same variable, so that types and library belong to one PHP.

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: [&str; 10] = [
    "shim/call.c",
    "shim/exception.c",
    "shim/interrupt.c",
    "shim/json.c",
    "shim/lookup.c",
    "shim/request.c",
    "shim/sapi.c",
    "shim/source.c",
    "shim/state.c",
    "shim/surroundings.c",
];

fn main() {
    println!("cargo:rerun-if-env-changed=PHP_CONFIG");
    println!("cargo:rerun-if-changed=shim");
    let php_config = PhpConfig::find();
    compile(&php_config);
    link(&php_config);
}

fn compile(php_config: &PhpConfig) {
    let mut build = cc::Build::new();
    for include in php_config.includes() {
        build.include(include);
    }
    build.files(SOURCES).warnings(true).flag_if_supported("-Wno-unused-parameter");
    build.compile("appserver_embed_shim");
}

fn link(php_config: &PhpConfig) {
    let version = php_config.ask("--version");
    let mut parts = version.split('.');
    let minor = format!("{}.{}", parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let prefix = php_config.ask("--prefix");
    // Debian names the library by version, PHP's own `make install` by major version or not at all.
    let names = [format!("php{minor}"), "php8".to_owned(), "php".to_owned()];
    let folders = [format!("{prefix}/lib"), format!("{prefix}/lib64")];
    for name in &names {
        for folder in &folders {
            if Path::new(folder).join(format!("lib{name}.so")).exists() {
                println!("cargo:rustc-link-search=native={folder}");
                println!("cargo:rustc-link-lib=dylib={name}");
                return;
            }
        }
    }
    panic!(
        "no libphp{minor}.so below {prefix}: install PHP's embed library (Debian: libphp{minor}-embed) \
         or point PHP_CONFIG at the php-config of a PHP built with --enable-embed"
    );
}

struct PhpConfig(PathBuf);

impl PhpConfig {
    fn find() -> Self {
        Self(std::env::var_os("PHP_CONFIG").unwrap_or_else(|| "php-config".into()).into())
    }

    fn ask(&self, option: &str) -> String {
        let output = Command::new(&self.0).arg(option).output().unwrap_or_else(|error| {
            panic!("{}: {error}; install PHP's headers (Debian: php-dev)", self.0.display())
        });
        assert!(output.status.success(), "{} {option} failed", self.0.display());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn includes(&self) -> Vec<PathBuf> {
        let flags = self.ask("--includes");
        flags
            .split_whitespace()
            .filter_map(|flag| flag.strip_prefix("-I"))
            .map(Into::into)
            .collect()
    }
}
