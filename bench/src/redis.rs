//! Redis, on a socket of our own and without a disk: the round trip to a server that runs no PHP.

use crate::contestant::Contestant;
use crate::server::Server;
use crate::workspace::{Workspace, need_php_extension, need_program};
use anyhow::{Context, Result};
use std::os::unix::net::UnixStream;
use std::process::Command;

pub(crate) fn start(workspace: &Workspace) -> Result<Contestant> {
    let program = need_program("redis-server", "redis-server")?;
    need_php_extension("redis", "php-redis")?;
    let socket = workspace.temp("redis.sock");
    let mut command = Command::new(program);
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
    command.arg("--dir").arg(workspace.temp(""));
    let mut server = Server::start(command, workspace.temp("redis.log"))?;
    server.wait_until(|| UnixStream::connect(&socket).is_ok()).context("Redis")?;
    Contestant::new(vec![server], || {
        let mut client = workspace.php("redis.php");
        client.arg(&socket);
        Ok(client)
    })
}
