//! PHP-FPM, on a socket of our own, with OPcache on and as production would have it.

use crate::contestant::{CLIENTS, Contestant};
use crate::server::Server;
use crate::workspace::{Workspace, need_program};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

pub(crate) fn start(workspace: &Workspace) -> Result<Contestant> {
    let program = need_program("php-fpm8.2", "php8.2-fpm")?;
    let (config, socket) = (workspace.temp("fpm.conf"), workspace.temp("fpm.sock"));
    fs::write(&config, configuration(&socket))?;
    let mut command = Command::new(program);
    command.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"]).arg(&config);
    let mut server = Server::start(command, workspace.temp("fpm.log"))?;
    server.wait_until(|| UnixStream::connect(&socket).is_ok()).context("PHP-FPM")?;
    Contestant::new(vec![server], || {
        let mut client = workspace.php("fpm.php");
        client.arg(&socket);
        Ok(client)
    })
}

/// A kept connection keeps its child, so there is a child for each client. The user is named in case
/// that root starts it, and ignored otherwise.
fn configuration(socket: &Path) -> String {
    format!(
        "[global]\n\
         error_log = /dev/stderr\n\
         log_level = warning\n\
         [bench]\n\
         user = root\n\
         listen = {socket}\n\
         pm = static\n\
         pm.max_children = {CLIENTS}\n\
         php_admin_value[opcache.enable] = 1\n\
         php_admin_value[opcache.validate_timestamps] = 0\n",
        socket = socket.display(),
    )
}
