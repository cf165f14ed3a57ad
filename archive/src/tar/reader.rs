//! Reads the entries of a tar.

use crate::chunks;
use crate::entry::{Entry, EntryKind, Receive};
use crate::error::Error;
use crate::fault::{Fault, Refusal};
use crate::limits::Limits;
use crate::path;
use crate::tar::extension::{EXTENSION_BYTES_MAX, Extension, check_global};
use crate::tar::header::{BLOCK_BYTES, Block, Header, padding};
use crate::tar::writer;
use std::io::Read;

/// How much freedom a tar has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Whatever tools write: in any order, by GNU, POSIX or older rules, with "./" before names.
    Foreign,
    /// Only what [`writer::Writer`] writes, byte for byte.
    Canonical,
}

/// Gives all entries to `sink`, and sees that nothing follows them.
pub(crate) fn read(
    input: &mut dyn Read,
    style: Style,
    sink: &mut dyn Receive,
) -> Result<(), Error> {
    let mut previous: Option<Entry> = None;
    while let Some(member) = next(input, style)? {
        if style == Style::Canonical {
            check_canonical(&member, previous.as_ref())?;
        }
        let bytes = match member.entry.kind {
            EntryKind::File { bytes, .. } => bytes,
            _ => 0,
        };
        if !member.entry.path.is_empty() {
            let mut content = (&mut *input).take(bytes);
            sink.receive(&member.entry, &mut content)?;
        }
        skip_padding(input, bytes)?;
        previous = Some(member.entry);
    }
    Ok(())
}

struct Member {
    entry: Entry,
    /// All header blocks, as they were read.
    spelling: Vec<u8>,
}

/// The next entry; none at the end of the archive, which has been read to its last byte then.
fn next(input: &mut dyn Read, style: Style) -> Result<Option<Member>, Error> {
    let mut extension = Extension::default();
    let mut spelling = Vec::new();
    loop {
        let block = block(input)?;
        if block == [0; BLOCK_BYTES] {
            if !spelling.is_empty() {
                return Err(Fault::Truncated.overall().into());
            }
            check_end(input, style)?;
            return Ok(None);
        }
        spelling.extend_from_slice(&block);
        let header = Header::parse(&block).map_err(Fault::overall)?;
        if !b"xgLK".contains(&header.kind) {
            let entry = entry(header, extension, style)?;
            return Ok(Some(Member { entry, spelling }));
        }
        let content = extension_content(input, &header)?;
        let known = match header.kind {
            b'x' => extension.add_records(&content),
            b'L' => extension.set_path(until_nul(&content)),
            b'K' => extension.set_link(until_nul(&content)),
            _ if extension.is_empty() => check_global(&content),
            _ => Err(Fault::Malformed("a global header between an entry's headers")),
        };
        known.map_err(|fault| fault.at_bytes(&header.name))?;
        spelling.extend_from_slice(&content);
        spelling.resize(spelling.len().next_multiple_of(BLOCK_BYTES), 0);
        if spelling.len() as u64 > 4 * EXTENSION_BYTES_MAX {
            return Err(Fault::Malformed("too many extended headers").overall().into());
        }
    }
}

fn block(input: &mut dyn Read) -> Result<Block, Error> {
    let mut block = [0; BLOCK_BYTES];
    input.read_exact(&mut block).map_err(Error::read)?;
    Ok(block)
}

fn extension_content(input: &mut dyn Read, header: &Header) -> Result<Vec<u8>, Error> {
    if header.bytes > EXTENSION_BYTES_MAX {
        let fault = Fault::Malformed("an extended header that is too long");
        return Err(fault.at_bytes(&header.name).into());
    }
    // Fits: it is at most EXTENSION_BYTES_MAX.
    let mut content = vec![0; header.bytes as usize];
    input.read_exact(&mut content).map_err(Error::read)?;
    skip_padding(input, header.bytes)?;
    Ok(content)
}

fn skip_padding(input: &mut dyn Read, bytes: u64) -> Result<(), Error> {
    let mut rest = [0; BLOCK_BYTES];
    let rest = &mut rest[..padding(bytes)];
    input.read_exact(rest).map_err(Error::read)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Fault::Malformed("a tar's padding is not empty").overall().into());
    }
    Ok(())
}

fn until_nul(content: &[u8]) -> Vec<u8> {
    content.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

fn entry(header: Header, extension: Extension, style: Style) -> Result<Entry, Refusal> {
    let mut path = extension.path.unwrap_or(header.name);
    let link = extension.link.unwrap_or(header.link);
    let shown = path.clone();
    let refuse = |fault: Fault| fault.at_bytes(&shown);
    let is_folder = match header.kind {
        b'0' | 0 => path.ends_with(b"/"),
        b'5' => true,
        b'2' => false,
        b'1' => return Err(refuse(Fault::HardLink)),
        b'3' | b'4' => return Err(refuse(Fault::Device)),
        b'6' => return Err(refuse(Fault::Fifo)),
        b'S' => return Err(refuse(Fault::Sparse)),
        other => return Err(refuse(Fault::UnknownKind(other))),
    };
    // Folders that a group shares have setgid where they come from: it is dropped like the rest.
    if header.mode & 0o7000 != 0 && (style == Style::Canonical || !is_folder) {
        return Err(refuse(Fault::SpecialBits { mode: header.mode }));
    }
    if is_folder && path.ends_with(b"/") {
        path.pop();
    }
    if style == Style::Foreign {
        path = without_here(path, is_folder);
    }
    let kind = match header.kind {
        _ if is_folder => EntryKind::Folder,
        b'2' => EntryKind::Link { target: link },
        _ => EntryKind::File { executable: header.mode & 0o100 != 0, bytes: header.bytes },
    };
    if header.bytes != 0 && !matches!(kind, EntryKind::File { .. }) {
        return Err(refuse(Fault::Malformed("a folder or link with content")));
    }
    if path.is_empty() && !(style == Style::Foreign && is_folder) {
        return Err(refuse(Fault::Empty));
    }
    Ok(Entry { path, kind })
}

/// `tar -C folder .` writes "./" before every name, and the folder itself as "./".
fn without_here(path: Vec<u8>, is_folder: bool) -> Vec<u8> {
    match path.strip_prefix(b"./") {
        Some(rest) => rest.to_vec(),
        None if is_folder && path == b"." => Vec::new(),
        None => path,
    }
}

/// Spelled as it would be written, in order, right after its folder or what else lies there.
fn check_canonical(member: &Member, previous: Option<&Entry>) -> Result<(), Refusal> {
    let path = &member.entry.path;
    // What is wrong with a name tells more than that it is in the wrong place. The limits come later.
    let limits = Limits { path_bytes_max: usize::MAX, depth_max: usize::MAX, ..Limits::default() };
    let name = path::check(path, &limits)?;
    let parent = path::parent(name).as_bytes();
    let follows = match previous {
        None => parent.is_empty(),
        Some(previous) if previous.path == *path => return Err(Fault::Duplicate.at(name)),
        Some(previous) => {
            let rest = previous.path.strip_prefix(parent);
            let beside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
            (parent.is_empty() || beside) && parts(&previous.path).lt(parts(path))
        }
    };
    if follows && writer::spelling(&member.entry) == member.spelling {
        Ok(())
    } else {
        Err(Fault::NotCanonical.at(name))
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
}

/// After the first empty block: one more, and, as tools fill up their records, perhaps others.
fn check_end(input: &mut dyn Read, style: Style) -> Result<(), Error> {
    if style == Style::Canonical && block(input)? != [0; BLOCK_BYTES] {
        return Err(Fault::TrailingBytes.overall().into());
    }
    chunks::each(input, Error::read, |chunk| match style {
        Style::Foreign if chunk.iter().all(|byte| *byte == 0) => Ok(()),
        _ => Err(Fault::TrailingBytes.overall().into()),
    })
}
