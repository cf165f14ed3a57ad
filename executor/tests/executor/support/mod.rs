//! A supervisor of a few lines: enough to start `appserver-php`, fork executors, and call functions
//! over adopted connections.
#![allow(dead_code, unsafe_code, unreachable_pub)]

mod channel;
mod client;
mod executor;

pub use channel::Channel;
pub use client::{Answer, Client};
pub use executor::FakeExecutor;

use protocol::{
    AppName, Boot, Catalog, FromPrototype, Isolation, PoolBoot, ReleaseId, Report, ToPrototype,
    body_from_slice, body_to_vec,
};
use rustix::event::epoll;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shm::Scoreboard;
use std::io::{Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicI32, Ordering};

/// How long anything may take before a test fails.
pub const DEADLINE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };
pub const RELEASE: ReleaseId = ReleaseId(0x5e1e_a5e0_0000_0001);
pub const FRAME_TIMEOUT_MS: u32 = 300;
const CONNECTIONS_MAX: u32 = 64;
const CELLS: u16 = 4;
/// Each supervisor of a test process has a range of its own.
static NEXT_FD_BASE: AtomicI32 = AtomicI32::new(2000);

pub struct FakeSupervisor {
    child: Child,
    pub control: Rc<Channel>,
    pub fd_base: RawFd,
    pub report: Report,
    pub catalog: Catalog,
    pools: Vec<Pool>,
    next_slot: u32,
    temp: tempfile::TempDir,
}

struct Pool {
    epoll: OwnedFd,
    scoreboard: Rc<Scoreboard>,
    scoreboard_fd: OwnedFd,
    wake: OwnedFd,
}

/// A Boot for an application below `tests/apps`.
pub fn boot(app: &str) -> Boot {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(app);
    boot_at(&root)
}

/// A Boot for the folder `root`, every `*.php` in it an entry file.
pub fn boot_at(root: &Path) -> Boot {
    let root = root.canonicalize().unwrap();
    let mut entry: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".php") && name != "bootstrap.php")
        .collect();
    entry.sort();
    let pool = |name: &str, isolation| PoolBoot {
        name: name.into(),
        isolation,
        max_calls: 0,
        timeout_ms: 0,
    };
    Boot {
        app: AppName::new("test").unwrap(),
        release: RELEASE,
        root: root.to_str().unwrap().to_owned(),
        entry,
        bootstrap: None,
        export: Vec::new(),
        classes: Vec::new(),
        isolation: Isolation::Stateless,
        ini: Vec::new(),
        env: Vec::new(),
        temp_dir: String::new(),
        umask: 0o027,
        open_basedir: None,
        settings_dir: String::new(),
        resources: protocol::Confidential("{}".to_owned()),
        cache: Vec::new(),
        pools: vec![pool("default", Isolation::Stateless), pool("resident", Isolation::Resident)],
        frame_bytes_max: 1 << 20,
        value_depth_max: 64,
        frame_timeout_ms: FRAME_TIMEOUT_MS,
        busy_poll_us: 50,
        fd_base: 0,
        connections_max: CONNECTIONS_MAX,
    }
}

impl FakeSupervisor {
    /// Starts a release; panics when it fails.
    pub fn start(boot: Boot) -> Self {
        Self::try_start(boot).unwrap_or_else(|message| panic!("did not start: {message}"))
    }

    /// Starts a release, or says what the prototype answered.
    pub fn try_start(boot: Boot) -> Result<Self, String> {
        Self::start_beside(boot, None)
    }

    /// As [`Self::try_start`], with `appserver.so` as it was built.
    pub fn start_with_extension(boot: Boot) -> Result<Self, String> {
        let folder = std::env::var_os("APPSERVER_BIN_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release"),
            PathBuf::from,
        );
        let extension = folder.join("appserver.so");
        assert!(extension.exists(), "{} is missing: run `make build` first", extension.display());
        Self::start_beside(boot, Some(&extension))
    }

    fn start_beside(mut boot: Boot, extension: Option<&Path>) -> Result<Self, String> {
        raise_descriptor_limit();
        let temp = tempfile::tempdir().unwrap();
        boot.temp_dir = temp.path().to_str().unwrap().to_owned();
        let fd_base = NEXT_FD_BASE.fetch_add(100, Ordering::Relaxed);
        boot.fd_base = u32::try_from(fd_base).unwrap();
        let (control, theirs) = Channel::pair();
        let mut child = spawn(&boot, &theirs, extension);
        drop(theirs);
        let (message, fds) = control.receive::<FromPrototype>();
        let report = match message {
            FromPrototype::Ready(report) => report,
            FromPrototype::Failed { message } => {
                child.wait().unwrap();
                return Err(message);
            }
            other => panic!("unexpected {other:?}"),
        };
        let catalog = read_catalog(fds);
        let pools = boot.pools.iter().map(|_| Pool::new(catalog.functions.len())).collect();
        let control = Rc::new(control);
        Ok(Self { child, control, fd_base, report, catalog, pools, next_slot: 0, temp })
    }

    /// Forks an executor of a pool into a cell.
    pub fn fork(&self, pool: u16, index: u16) -> FakeExecutor {
        let place = &self.pools[usize::from(pool)];
        let (ours, theirs) = Channel::pair();
        place.scoreboard.cell(usize::from(index)).assign();
        let fds =
            [theirs.as_fd(), place.epoll.as_fd(), place.scoreboard_fd.as_fd(), place.wake.as_fd()];
        self.control.send(&ToPrototype::Fork { pool, index, cells: CELLS }, &fds);
        drop(theirs);
        let (message, mut fds) = self.control.receive::<FromPrototype>();
        let FromPrototype::Forked { pid, .. } = message else { panic!("unexpected {message:?}") };
        FakeExecutor::new(
            place.scoreboard.clone(),
            self.control.clone(),
            index,
            pid,
            fds.pop().unwrap(),
            ours,
        )
    }

    /// A client of a pool, adopted but not yet offered to any executor.
    pub fn connect(&mut self, pool: u16) -> Client {
        let slot = self.next_slot;
        self.next_slot += 1;
        self.connect_at(pool, slot, 1)
    }

    /// The same in a slot and with a generation of the caller's choice.
    pub fn connect_at(&self, pool: u16, slot: u32, generation: u32) -> Client {
        let number = self.fd_base + RawFd::try_from(slot).unwrap();
        let client = Client::new(number, slot, generation);
        let data = epoll::EventData::new_u64(u64::from(generation) << 32 | u64::from(slot));
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
        epoll::add(self.epoll(pool), client.server_fd(), data, flags).unwrap();
        client
    }

    pub fn epoll(&self, pool: u16) -> &OwnedFd {
        &self.pools[usize::from(pool)].epoll
    }

    pub fn scoreboard(&self, pool: u16) -> &Scoreboard {
        &self.pools[usize::from(pool)].scoreboard
    }

    pub fn wake(&self, pool: u16) -> &OwnedFd {
        &self.pools[usize::from(pool)].wake
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn temp_dir(&self) -> &Path {
        self.temp.path()
    }

    /// Closes the control socket, as a supervisor that ended.
    pub fn hang_up(&mut self) {
        self.control = Rc::new(Channel::pair().0);
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the prototype's end.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for FakeSupervisor {
    fn drop(&mut self) {
        // Ends its executors with it, by PDEATHSIG.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pool {
    fn new(functions: usize) -> Self {
        let (scoreboard_fd, scoreboard) =
            Scoreboard::create(usize::from(CELLS), functions).unwrap();
        scoreboard.stop_watching();
        Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(),
            scoreboard: Rc::new(scoreboard),
            scoreboard_fd,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap(),
        }
    }
}

fn spawn(boot: &Boot, control: &Channel, extension: Option<&Path>) -> Child {
    let memfd = memfd_create("boot", MemfdFlags::CLOEXEC).unwrap();
    let mut file = std::fs::File::from(memfd);
    file.write_all(&body_to_vec(boot)).unwrap();
    let (boot_fd, control_fd) = (file.as_raw_fd(), control.as_fd().as_raw_fd());
    let mut command = Command::new(env!("CARGO_BIN_EXE_appserver-php"));
    command.stdin(Stdio::null());
    // Without one not even that which may lie beside the program: a test is the same everywhere.
    command.env("APPSERVER_EXTENSION", extension.unwrap_or(Path::new("/nonexistent")));
    let place = move || {
        // Through high numbers, because 3 and 4 may be in use on either side.
        // SAFETY: plain system calls between fork and exec.
        let placed = unsafe {
            let boot = libc::fcntl(boot_fd, libc::F_DUPFD_CLOEXEC, 100);
            let control = libc::fcntl(control_fd, libc::F_DUPFD_CLOEXEC, 100);
            libc::dup2(boot, 3) != -1 && libc::dup2(control, 4) != -1
        };
        if placed { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: as above.
    unsafe { command.pre_exec(place) };
    command.spawn().unwrap()
}

fn read_catalog(fds: Vec<OwnedFd>) -> Catalog {
    let mut file = std::fs::File::from(fds.into_iter().next().unwrap());
    file.rewind().unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    body_from_slice("catalog", &bytes).unwrap()
}

/// Waits for the process behind a pidfd to end.
pub fn wait_for(pidfd: &OwnedFd) {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    assert_ne!(poll(&mut fds, Some(&DEADLINE)).unwrap(), 0, "still alive");
}

fn raise_descriptor_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
