//! `appserver.toml`: the worker. Without the file every default below holds.

use super::Apps;
use super::control::{self, Control};
use super::key::{Key, key};
use net::Address;
use protocol::{FRAME_BYTES_MAX_DEFAULT, Member};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// Every key of `appserver.toml`.
pub(crate) const KEYS: &[Key] = &[
    key(
        "listen",
        "",
        "Addresses: unix:PATH, tls:HOST:PORT, tcp:HOST:PORT; else a socket in runtime_dir.",
    ),
    key(
        "apps",
        "[]",
        "Folders of applications, beside those of the command line; or a section [apps.NAME] for each.",
    ),
    key("apps.*.folder", "", "Folder of the application; without one it has to be deployed."),
    key(
        "apps.*.user",
        "",
        "User whose rights its code has; else the worker's. The worker must be started as root.",
    ),
    key("apps.*.group", "", "Group of its processes; else the user's own."),
    key("apps.*.umask", "\"0027\"", "Rights that files made by its code do not get, octal."),
    key(
        "apps.*.open_basedir",
        "",
        "Whether PHP opens files of the release and its temporary folder alone; or further folders. Else true if it has a user.",
    ),
    key(
        "apps.*.env_pass",
        "[]",
        "Patterns of environment variables of the worker that it sees, e.g. \"AWS_*\".",
    ),
    key(
        "apps.*.no_new_privs",
        "",
        "Whether set-user-ID programs that it starts get no rights; else true if it has a user.",
    ),
    key("apps.*.nice", "0", "How far its processes stand back behind others for the CPU, to 19."),
    key("apps.*.timeout_ms", "", "As in app.toml, and goes before it; so with the following."),
    key("apps.*.start_timeout_ms", "", "Time it has to start, in milliseconds."),
    key("apps.*.executors.min", "", "Executors kept ready in each pool."),
    key("apps.*.executors.max", "", "Most executors of a pool."),
    key("apps.*.executors.max_calls", "", "Calls after which an executor is replaced."),
    key("apps.*.executors.memory_bytes_max", "", "Memory above which an executor is replaced."),
    key("apps.*.ini.*", "", "PHP settings."),
    key("apps.*.env.*", "", "Environment variables."),
    key(
        "apps.*.limits.data_bytes_max",
        "",
        "As in app.toml, where they can be lowered but not raised.",
    ),
    key("apps.*.limits.file_bytes_max", "", "Largest file that may be written, in bytes."),
    key("apps.*.limits.core_bytes_max", "", "Largest core dump, in bytes; 0 = none."),
    key("apps.*.limits.processes_max", "", "Most processes of its user together."),
    key("apps.*.limits.cpu_s_max", "", "CPU time of a process, in seconds."),
    key(
        "apps.*.cgroup.memory_bytes_max",
        "",
        "Most memory of all its processes together, in bytes, where cgroup v2 is delegated to the worker.",
    ),
    key("apps.*.cgroup.cpu_weight", "", "Its share of the CPU, from 1 to 10000; 100 is usual."),
    key("apps.*.cgroup.processes_max", "", "Most processes and threads together."),
    key("apps.*.datasource.*.dsn", "", "As in app.toml, and goes before it."),
    key("apps.*.datasource.*.user", "", "User to connect as."),
    key("apps.*.datasource.*.persistent", "", "Whether an executor keeps the connection."),
    key("apps.*.datasource.*.password_file", "", "File with the password, read by the worker."),
    key("apps.*.datasource.*.password_env", "", "Environment variable of the worker with it."),
    key("apps.*.resource.*.values.*", "", "Values, which go before those of app.toml."),
    key("apps.*.resource.*.secret_file.*", "", "File with the value of this key."),
    key("apps.*.resource.*.secret_env.*", "", "Environment variable of the worker with it."),
    key(
        "user",
        "",
        "User to become after the sockets are bound, if started as root; a name or a number.",
    ),
    key("group", "", "Group to become; else the user's own."),
    key(
        "runtime_dir",
        "",
        "Folder of board, lock and temporary files; else below /run or XDG_RUNTIME_DIR. Relative paths start at this file's folder.",
    ),
    key(
        "state_dir",
        "",
        "Folder of generated tokens and certificate, and of archives on their way in; else runtime_dir, /var/lib/appserver, or XDG_STATE_HOME.",
    ),
    key("php_binary", "", "The executor; else appserver-php beside this program."),
    key(
        "busy_poll_us",
        "50",
        "How long an idle executor watches a connection before it sleeps, in µs.",
    ),
    key(
        "fd_base",
        "4096",
        "Connections are at this file descriptor and above; PHP code uses those below.",
    ),
    key(
        "drain_timeout_ms",
        "30000",
        "How long running calls may take when the worker stops, in ms.",
    ),
    key("socket.mode", "\"0660\"", "Mode of unix sockets, octal."),
    key("socket.group", "", "Group of unix sockets; a name or a number."),
    key(
        "allow.users",
        "[]",
        "Users who may connect to unix sockets; with both lists empty, whom the mode lets.",
    ),
    key("allow.groups", "[]", "Groups whose members may connect to unix sockets."),
    key(
        "tcp.insecure",
        "false",
        "Serve tcp: addresses in plain text and without asking who calls.",
    ),
    key(
        "tcp.token_file",
        "",
        "File of secrets, one a line, each of at least 16 characters; a caller over TCP must know one. Else one is made.",
    ),
    key(
        "tcp.token_env",
        "",
        "Environment variable with such a secret; applications do not see it.",
    ),
    key(
        "tls.certificate",
        "",
        "PEM file of the certificate chain; else one is made and signed by itself.",
    ),
    key("tls.key", "", "PEM file of the certificate's key."),
    key("tls.client_ca", "", "PEM file of the authorities whose client certificates are let in."),
    key(
        "control.listen",
        "",
        "Addresses of the control API: unix:PATH, tls:HOST:PORT; else control.sock in runtime_dir; [] = none.",
    ),
    key(
        "control.mode",
        "\"0600\"",
        "Mode of the control API's sockets, octal: whoever can write to one controls the worker.",
    ),
    key("control.group", "", "Group of the control API's sockets; a name or a number."),
    key(
        "control.token_file",
        "",
        "File of secrets, one a line, each of at least 16 characters and with a name after it; control over TLS needs one. Else one is made.",
    ),
    key(
        "control.token_env",
        "",
        "Environment variable with such a secret; applications do not see it.",
    ),
    key("control.archive_bytes_max", "536870912", "Largest archive of a release, in bytes."),
    key("limits.frame_bytes_max", "67108864", "Largest request or answer, in bytes."),
    key("limits.value_depth_max", "256", "Deepest nesting of arrays and objects in a value."),
    key("limits.connections_max", "12288", "Most connections at a time."),
    key("limits.handshakes_max", "512", "Most connections that have not yet said Hello."),
    key("limits.remote_bytes_max", "536870912", "Most bytes buffered for remote callers together."),
    key(
        "limits.hello_timeout_ms",
        "5000",
        "Time a new connection has to say Hello, in milliseconds.",
    ),
    key(
        "limits.frame_timeout_ms",
        "5000",
        "Time a begun frame has to arrive, in milliseconds; or to leave, when unread_bytes_max is used up.",
    ),
    key(
        "limits.unread_bytes_max",
        "268435456",
        "Most bytes kept of answers that their callers do not read yet; 0 = executors wait for them.",
    ),
    key(
        "limits.unread_timeout_ms",
        "300000",
        "How long a caller may leave such an answer without reading on, in milliseconds.",
    ),
    key(
        "deploy.trusted_keys",
        "[]",
        "Public keys whose releases are accepted: lines as `appserver keygen` prints them, or files of such lines. None = no deploys.",
    ),
    key(
        "deploy.max_age_ms",
        "86400000",
        "How long ago a release may have been signed when it arrives, in milliseconds.",
    ),
    key(
        "releases.warm",
        "1",
        "Releases before the current one that stay ready, so that a rollback is immediate.",
    ),
    key(
        "releases.drain_timeout_ms",
        "30000",
        "How long a release beyond those runs on, for calls in flight and pinned requests, in milliseconds.",
    ),
    key(
        "membership.epoch",
        "0",
        "Version of the list of workers; 0 = when this file was last changed.",
    ),
    key("membership.workers[].address", "", "A worker, as clients reach it."),
    key("membership.workers[].weight", "1", "Its share of the keys; 0 = takes no new ones."),
    key(
        "membership.workers[].control",
        "",
        "Its control API, unix:PATH or https://HOST:PORT: what this worker missed it takes from there when it starts.",
    ),
    key(
        "membership.control_token_file",
        "",
        "File with the control token that those workers ask for over TLS.",
    ),
    key(
        "membership.control_ca",
        "",
        "PEM file of the authority that signed their certificates; else the system's.",
    ),
    key("log.format", "\"text\"", "\"text\" or \"json\", to standard error."),
    key(
        "log.level",
        "\"info\"",
        "error, warn, info, debug or trace; or targets with levels, e.g. \"info,appserver=debug\".",
    ),
];

/// The content of `appserver.toml`, and after normalisation what holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Daemon {
    pub(crate) listen: Vec<Address>,
    pub(crate) apps: Apps,
    pub(crate) user: Option<Identity>,
    pub(crate) group: Option<Identity>,
    pub(crate) runtime_dir: Option<PathBuf>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) php_binary: Option<PathBuf>,
    pub(crate) busy_poll_us: u32,
    pub(crate) fd_base: u32,
    pub(crate) drain_timeout_ms: u64,
    pub(crate) socket: Socket,
    pub(crate) allow: Allow,
    pub(crate) tcp: Tcp,
    pub(crate) tls: Tls,
    pub(crate) control: Control,
    pub(crate) limits: Limits,
    pub(crate) deploy: Deploy,
    pub(crate) releases: Releases,
    pub(crate) membership: Workers,
    pub(crate) log: Log,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            apps: Apps::default(),
            user: None,
            group: None,
            runtime_dir: None,
            state_dir: None,
            php_binary: None,
            busy_poll_us: 50,
            fd_base: 4096,
            drain_timeout_ms: 30_000,
            socket: Socket::default(),
            allow: Allow::default(),
            tcp: Tcp::default(),
            tls: Tls::default(),
            control: Control::default(),
            limits: Limits::default(),
            deploy: Deploy::default(),
            releases: Releases::default(),
            membership: Workers::default(),
            log: Log::default(),
        }
    }
}

/// A user or group, by name or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a name or a number")]
pub(crate) enum Identity {
    Number(u32),
    Name(String),
}

/// `[socket]`: unix sockets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Socket {
    /// Octal text, because a number of TOML would be taken for decimal.
    pub(crate) mode: String,
    pub(crate) group: Option<Identity>,
}

impl Default for Socket {
    fn default() -> Self {
        Self { mode: "0660".to_owned(), group: None }
    }
}

/// `[allow]`: peers of unix sockets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Allow {
    pub(crate) users: Vec<Identity>,
    pub(crate) groups: Vec<Identity>,
}

/// `[tcp]`: remote callers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tcp {
    pub(crate) insecure: bool,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) token_env: Option<String>,
}

/// `[tls]`: PEM files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) frame_bytes_max: u32,
    pub(crate) value_depth_max: u32,
    pub(crate) connections_max: u32,
    pub(crate) handshakes_max: u32,
    pub(crate) remote_bytes_max: u32,
    pub(crate) hello_timeout_ms: u32,
    pub(crate) frame_timeout_ms: u32,
    pub(crate) unread_bytes_max: u32,
    pub(crate) unread_timeout_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX_DEFAULT,
            value_depth_max: 256,
            connections_max: 12_288,
            handshakes_max: 512,
            remote_bytes_max: 512 * 1024 * 1024,
            hello_timeout_ms: 5_000,
            frame_timeout_ms: 5_000,
            unread_bytes_max: 256 * 1024 * 1024,
            unread_timeout_ms: 300_000,
        }
    }
}

/// `[deploy]`: what comes over the control API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deploy {
    pub(crate) trusted_keys: Vec<String>,
    pub(crate) max_age_ms: u64,
}

impl Default for Deploy {
    fn default() -> Self {
        Self { trusted_keys: Vec::new(), max_age_ms: 24 * 60 * 60 * 1000 }
    }
}

/// `[releases]`: those that are not current any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Releases {
    pub(crate) warm: u16,
    pub(crate) drain_timeout_ms: u64,
}

impl Default for Releases {
    fn default() -> Self {
        Self { warm: 1, drain_timeout_ms: 30_000 }
    }
}

/// `[membership]`: the workers that clients of this one should know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Workers {
    pub(crate) epoch: u32,
    pub(crate) workers: Vec<Worker>,
    /// For their control APIs.
    pub(crate) control_token_file: Option<PathBuf>,
    pub(crate) control_ca: Option<PathBuf>,
}

/// One of `membership.workers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Worker {
    pub(crate) address: Address,
    #[serde(default = "one")]
    pub(crate) weight: u16,
    #[serde(
        default,
        deserialize_with = "control_address",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) control: Option<Address>,
}

fn control_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Address>, D::Error> {
    let text = String::deserialize(deserializer)?;
    control::remote_address(&text).map(Some).map_err(serde::de::Error::custom)
}

fn one() -> u16 {
    1
}

impl From<&Worker> for Member {
    fn from(worker: &Worker) -> Self {
        Self { address: worker.address.to_string(), weight: worker.weight }
    }
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}
