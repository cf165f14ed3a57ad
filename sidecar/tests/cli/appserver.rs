//! One run of `appserver`.

use std::process::{Command, Output, Stdio};

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `appserver` with `args` and nothing of the test's own environment that concerns it.
pub(crate) fn appserver(args: &[&str]) -> Ran {
    appserver_with(args, &[])
}

/// The same, with environment variables.
pub(crate) fn appserver_with(args: &[&str], env: &[(&str, &str)]) -> Ran {
    ran(command(args, env).output().expect("appserver runs"))
}

/// The same, not yet started.
pub(crate) fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appserver"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("APPSERVER_")) {
        command.env_remove(name);
    }
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null());
    command
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("appserver exits by itself"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}
