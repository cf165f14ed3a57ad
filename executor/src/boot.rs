//! What the supervisor hands over at start: the Boot message on fd 3, the control socket on fd 4.

use crate::control::Channel;
use crate::descriptors;
use anyhow::{Context, Result, bail};
use protocol::{Boot, body_from_slice};
use std::io::Read;
use std::os::fd::RawFd;

const BOOT_FD: RawFd = 3;
const CONTROL_FD: RawFd = 4;
/// Settings of an application are a few KiB; this is a bound, not a size.
const BOOT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Takes the descriptors over, with the one that says that this process runs.
pub(crate) fn receive() -> Result<(Boot, Channel)> {
    descriptors::keep_life();
    let (Some(boot), Some(control)) = (descriptors::take(BOOT_FD), descriptors::take(CONTROL_FD))
    else {
        bail!("descriptors {BOOT_FD} and {CONTROL_FD} are not open");
    };
    let mut file = std::fs::File::from(boot);
    std::io::Seek::rewind(&mut file).context("descriptor 3 is no file")?;
    let mut bytes = Vec::new();
    file.take(BOOT_BYTES_MAX).read_to_end(&mut bytes).context("reading descriptor 3")?;
    let boot = body_from_slice("boot message", &bytes)?;
    Ok((boot, Channel::new(control)))
}
