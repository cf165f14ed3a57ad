//! The directory of a zip, held together with the headers that it tells of.

use crate::error::Error;
use crate::fault::{Fault, Refusal};
use crate::limits::Limits;
use crate::window::read_at;
use crate::zip::record::{CENTRAL_BYTES, Central, Common, END_BYTES, End, LOCAL_BYTES};
use std::fs::File;

/// An entry whose two headers agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Without a slash at its end.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) bytes: u64,
    pub(crate) packed_bytes: u64,
    pub(crate) data_at: u64,
}

/// What the directory alone tells of an entry.
struct Listed {
    central: Central,
    name: Vec<u8>,
    /// Of an extra field.
    mode: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File { executable: bool },
    Link,
}

/// Systems whose attributes are modes of Unix: itself and macOS.
const UNIX: [u8; 2] = [3, 19];
/// DOS's attribute of a folder.
const DOS_FOLDER: u32 = 0x10;
/// A second name, in an extra field of Info-ZIP.
const UNICODE_PATH: u16 = 0x7075;
/// Sizes beyond 32 bits, in an extra field.
const ZIP64: u16 = 0x0001;
/// A checksum and a mode of Unix, in an extra field ("ASi"), which PHP writes into PHARs.
const UNIX_MODE: u16 = 0x756e;

/// All entries, in the order in which they lie in the file.
pub(crate) fn read(file: &File, limits: &Limits) -> Result<Vec<Member>, Error> {
    let file_bytes = file.metadata().map_err(Error::Read)?.len();
    let (end, end_at) = find_end(file, file_bytes)?;
    let directory_at = u64::from(end.directory_at);
    if directory_at + u64::from(end.directory_bytes) != end_at {
        return Err(Fault::Overlap.overall().into());
    }
    if u64::from(end.entries) > limits.entries_max {
        return Err(Fault::TooManyEntries { max: limits.entries_max }.overall().into());
    }
    // Lies in the file, whose size is within the limits.
    let directory = read_at(file, directory_at, end.directory_bytes as usize)?;
    let mut entries = parse(&directory, end.entries)?;
    check_bomb(&entries, file_bytes, limits)?;
    entries.sort_by_key(|listed| listed.central.local_at);
    let mut members = Vec::new();
    let mut at = 0;
    for (index, listed) in entries.iter().enumerate() {
        let next = entries.get(index + 1);
        let next = next.map_or(directory_at, |next| next.central.local_at.into());
        members.push(member(file, listed, at, next)?);
        at = next;
    }
    if entries.is_empty() && directory_at != 0 {
        return Err(Fault::Overlap.overall().into());
    }
    Ok(members)
}

/// The record at the end, whose comment must reach to the end of the file.
fn find_end(file: &File, file_bytes: u64) -> Result<(End, u64), Error> {
    let tail_bytes = file_bytes.min(END_BYTES as u64 + u64::from(u16::MAX));
    let tail = read_at(file, file_bytes - tail_bytes, tail_bytes as usize)?;
    let last = tail.len().checked_sub(END_BYTES).ok_or_else(|| Fault::Truncated.overall())?;
    let mut seen = false;
    for at in (0..=last).rev() {
        if let Some(end) = End::parse(&tail[at..]).map_err(Fault::overall)? {
            seen = true;
            if at + END_BYTES + usize::from(end.comment_bytes) == tail.len() {
                return Ok((end, file_bytes - tail_bytes + at as u64));
            }
        }
    }
    let fault = if seen { Fault::TrailingBytes } else { Fault::Truncated };
    Err(fault.overall().into())
}

fn parse(directory: &[u8], entries: u16) -> Result<Vec<Listed>, Error> {
    let mut rest = directory;
    let mut found = Vec::new();
    for _ in 0..entries {
        let head = take(&mut rest, CENTRAL_BYTES)?;
        let central = Central::parse(head).map_err(Fault::overall)?;
        let name = take(&mut rest, central.common.name_bytes.into())?;
        let extra = take(&mut rest, central.common.extra_bytes.into())?;
        take(&mut rest, central.comment_bytes.into())?;
        let mode = check_extra(extra, name).map_err(|fault| fault.at_bytes(name))?;
        found.push(Listed { central, name: name.to_vec(), mode });
    }
    if rest.is_empty() { Ok(found) } else { Err(Fault::TrailingBytes.overall().into()) }
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], Refusal> {
    let (taken, after) = rest.split_at_checked(bytes).ok_or_else(|| Fault::Truncated.overall())?;
    *rest = after;
    Ok(taken)
}

/// Refuses extra fields that say something else than the headers: id u16, length u16, content.
/// Returns the mode, if one is there.
fn check_extra(extra: &[u8], name: &[u8]) -> Result<Option<u32>, Fault> {
    let mut rest = extra;
    let mut mode = None;
    // Some writers pad with fewer bytes than a field's head has.
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let id = u16::from_le_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let malformed = || Fault::Malformed("an extra field of a zip");
        let (content, next) = after.split_at_checked(length).ok_or_else(malformed)?;
        match id {
            ZIP64 => return Err(Fault::Zip64),
            // A version, a checksum of the other name, the name.
            UNICODE_PATH if content.get(5..) != Some(name) => {
                return Err(Fault::HeadersDisagree("name"));
            }
            UNIX_MODE => {
                let found = content.get(4..6).ok_or_else(malformed)?;
                mode = Some(u32::from(u16::from_le_bytes([found[0], found[1]])));
            }
            _ => {}
        }
        rest = next;
    }
    Ok(mode)
}

fn check_bomb(entries: &[Listed], file_bytes: u64, limits: &Limits) -> Result<(), Refusal> {
    let unpacked = entries.iter().map(|listed| u64::from(listed.central.common.bytes)).sum();
    if limits.is_bomb(unpacked, file_bytes) {
        return Err(Fault::Bomb { max: limits.ratio_max }.overall());
    }
    Ok(())
}

/// Reads the header before the content; the entry must fill the file from `at` to `next`.
fn member(file: &File, listed: &Listed, at: u64, next: u64) -> Result<Member, Error> {
    let Listed { central, name, .. } = listed;
    let refuse = |fault: Fault| Error::Refused(fault.at_bytes(name));
    let common = &central.common;
    if u64::from(central.local_at) != at {
        return Err(refuse(Fault::Overlap));
    }
    let head = read_at(file, at, LOCAL_BYTES)?;
    let local = Common::parse_local(&head).map_err(refuse)?;
    if let Some(difference) = common.difference(&local) {
        return Err(refuse(Fault::HeadersDisagree(difference)));
    }
    let names = usize::from(local.name_bytes) + usize::from(local.extra_bytes);
    let variable = read_at(file, at + LOCAL_BYTES as u64, names)?;
    let (local_name, extra) = variable.split_at(local.name_bytes.into());
    if local_name != &name[..] {
        return Err(refuse(Fault::HeadersDisagree("name")));
    }
    check_extra(extra, name).map_err(refuse)?;
    let data_at = at + (LOCAL_BYTES + names) as u64;
    let data_end = data_at + u64::from(common.packed_bytes);
    let gap = next.checked_sub(data_end).ok_or_else(|| refuse(Fault::Overlap))?;
    let fits = match (common.has_descriptor(), gap) {
        (false, 0) => true,
        (true, 12 | 16) => common.is_descriptor(&read_at(file, data_end, gap as usize)?),
        _ => false,
    };
    if !fits {
        return Err(refuse(Fault::Overlap));
    }
    let kind = kind(listed).map_err(refuse)?;
    Ok(Member {
        path: name.strip_suffix(b"/").unwrap_or(name).to_vec(),
        kind,
        method: common.method,
        crc: common.crc,
        bytes: common.bytes.into(),
        packed_bytes: common.packed_bytes.into(),
        data_at,
    })
}

fn kind(listed: &Listed) -> Result<Kind, Fault> {
    let Listed { central, name, mode } = listed;
    let named_as_folder = name.ends_with(b"/");
    let mode = match central.attributes >> 16 {
        attributes if attributes != 0 && UNIX.contains(&central.made_on) => attributes,
        _ => mode.unwrap_or(0),
    };
    let kind = match mode & 0o170_000 {
        0 if named_as_folder || central.attributes & DOS_FOLDER != 0 => Kind::Folder,
        0 | 0o100_000 => Kind::File { executable: mode & 0o100 != 0 },
        0o040_000 => Kind::Folder,
        0o120_000 => Kind::Link,
        0o010_000 => return Err(Fault::Fifo),
        0o020_000 | 0o060_000 => return Err(Fault::Device),
        0o140_000 => return Err(Fault::Socket),
        other => return Err(Fault::UnknownKind((other >> 12) as u8)),
    };
    if mode & 0o7000 != 0 && kind != Kind::Folder {
        return Err(Fault::SpecialBits { mode: mode & 0o7777 });
    }
    if named_as_folder != (kind == Kind::Folder) {
        return Err(Fault::HeadersDisagree("kind"));
    }
    if kind == Kind::Folder && central.common.bytes != 0 {
        return Err(Fault::Malformed("a folder with content"));
    }
    Ok(kind)
}
