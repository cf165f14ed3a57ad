//! Gearman: gearmand and PHP workers, all on a port of our own.

use crate::contestant::Contestant;
use crate::server::Server;
use crate::workspace::{Workspace, need_php_extension, need_program};
use anyhow::{Context, Result};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;

/// Gearman's best on two processors, for one client and for eight: measured with 1, 2, 3, 4 and 8
/// workers, and with 0, 1, 2 and 4 (the default) threads in gearmand.
const WORKERS: usize = 2;
const THREADS: &str = "0";

pub(crate) fn start(workspace: &Workspace) -> Result<Contestant> {
    let (gearmand, port) = serve(workspace, "gearmand")?;
    // Workers end before gearmand does: servers are dropped in this order.
    let mut servers = Vec::new();
    for number in 1..=WORKERS {
        let log = workspace.temp(&format!("gearman-worker-{number}.log"));
        servers.push(Server::start(with_port(workspace.php("gearman-worker.php"), port), log)?);
    }
    servers.push(gearmand);
    Contestant::new(servers, || Ok(with_port(workspace.php("gearman.php"), port)))
}

/// A gearmand with its port. `name` tells it from others of the same run.
pub(crate) fn serve(workspace: &Workspace, name: &str) -> Result<(Server, u16)> {
    let program = need_program("gearmand", "gearman-job-server")?;
    need_php_extension("gearman", "php-gearman")?;
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--listen", "127.0.0.1", "--verbose", "ERROR", "--log-file", "stderr"]);
    command.args(["--threads", THREADS]);
    command.arg("--port").arg(port.to_string());
    let mut gearmand = Server::start(command, workspace.temp(&format!("{name}.log")))?;
    gearmand
        .wait_until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
        .context("gearmand")?;
    Ok((gearmand, port))
}

pub(crate) fn with_port(mut command: Command, port: u16) -> Command {
    command.arg(port.to_string());
    command
}

/// A port that was free a moment ago; gearmand cannot be told to choose one and say which.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
