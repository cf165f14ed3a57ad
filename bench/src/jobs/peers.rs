//! Those to whom others leave their jobs.

use super::disk::Disk;
use super::producers::Field;
use crate::gearman;
use crate::server::Server;
use crate::workspace::{Workspace, need_php_extension, need_program};
use anyhow::{Context, Result};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

/// Keeps what it is given in memory. Producers are told its port.
pub(super) fn gearman(
    workspace: &Workspace,
    name: &str,
    producers: impl FnOnce(&str) -> Result<Field>,
) -> Result<Field> {
    let (gearmand, port) = gearman::serve(workspace, name)?;
    Ok(producers(&port.to_string())?.at(gearmand))
}

/// Syncs its file at every put. Producers are told its socket.
pub(super) fn beanstalkd(
    workspace: &Workspace,
    disk: &Disk,
    name: &str,
    producers: impl FnOnce(&str) -> Result<Field>,
) -> Result<Field> {
    let program = need_program("beanstalkd", "beanstalkd")?;
    let socket = workspace.temp(&format!("{name}.sock"));
    let mut command = Command::new(program);
    command.arg("-b").arg(disk.folder(name)?).args(["-f", "0", "-l"]);
    command.arg(format!("unix:{}", socket.display()));
    at_socket(Server::start(command, workspace.temp(&format!("{name}.log")))?, socket, producers)
}

/// Syncs its file once for what it has read from all clients in one turn. Producers are told its socket.
pub(super) fn redis(
    workspace: &Workspace,
    disk: &Disk,
    name: &str,
    producers: impl FnOnce(&str) -> Result<Field>,
) -> Result<Field> {
    let program = need_program("redis-server", "redis-server")?;
    need_php_extension("redis", "php-redis")?;
    let socket = workspace.temp(&format!("{name}.sock"));
    let mut command = Command::new(program);
    command.args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    command.arg("--unixsocket").arg(&socket).arg("--dir").arg(disk.folder(name)?);
    at_socket(Server::start(command, workspace.temp(&format!("{name}.log")))?, socket, producers)
}

fn at_socket(
    mut server: Server,
    socket: PathBuf,
    producers: impl FnOnce(&str) -> Result<Field>,
) -> Result<Field> {
    server.wait_until(|| UnixStream::connect(&socket).is_ok()).context("its socket")?;
    let socket = socket.to_str().context("the temporary folder's path is not UTF-8")?;
    Ok(producers(socket)?.at(server))
}
