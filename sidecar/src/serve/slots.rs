//! A small file that is replaced in place: two slots, of which the newer whole one holds.
//!
//! ```text
//! slot 0: hash (32 bytes) | sequence (8) | length (4) | content | … to half of the file
//! slot 1: the same
//! ```
//!
//! A file that is written beside another and renamed needs a commit of the file system's journal, which
//! waits for what everybody else has written. Here blocks that are on disk already are written over, so
//! only their content has to get there. The slot that holds is never touched: a write that was cut
//! short is told by its hash, and the other slot holds.

use super::fault;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Least size of a slot, in bytes; it grows with what it has to hold. A multiple of any disk's sector.
const SLOT_BYTES_MIN: usize = 16 * 1024;
/// Largest slot that is read, in bytes.
const SLOT_BYTES_MAX: usize = 16 * 1024 * 1024;
const HASH_BYTES: usize = 32;
const HEADER_BYTES: usize = HASH_BYTES + 8 + 4;

/// The file, open, and what holds in it.
#[derive(Debug)]
pub(super) struct Slots {
    file: File,
    slot_bytes: usize,
    /// Which slot holds, and what: none in a file that was damaged.
    holds: Option<(usize, Record)>,
}

#[derive(Debug, PartialEq)]
struct Record {
    sequence: u64,
    content: Vec<u8>,
}

impl Slots {
    /// Opens the file; one that is not there is none.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            file => File::from(file?),
        };
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let slot_bytes = length / 2;
        if slot_bytes * 2 != length || !(SLOT_BYTES_MIN..=SLOT_BYTES_MAX).contains(&slot_bytes) {
            return Err(damaged(path));
        }
        let mut holds: Option<(usize, Record)> = None;
        for slot in 0..2 {
            let mut bytes = vec![0; slot_bytes];
            file.read_exact_at(&mut bytes, offset(slot, slot_bytes))?;
            let newer = |record: &Record| {
                holds.as_ref().is_none_or(|(_, before)| before.sequence < record.sequence)
            };
            if let Some(record) = parse(&bytes).filter(newer) {
                holds = Some((slot, record));
            }
        }
        match holds {
            Some(_) => Ok(Some(Self { file, slot_bytes, holds })),
            None => Err(damaged(path)),
        }
    }

    /// What holds.
    pub(super) fn content(&self) -> &[u8] {
        self.holds.as_ref().map_or(&[], |(_, record)| &record.content)
    }

    /// What was read holds after a loss of power, too: whoever wrote it may have died before it was on
    /// disk.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Makes this the content, on disk, of the file at `path`.
    pub(super) fn save(path: &Path, content: &[u8]) -> io::Result<()> {
        match Self::open(path)? {
            Some(slots) if HEADER_BYTES + content.len() <= slots.slot_bytes => slots.write(content),
            Some(slots) => Self::create(path, slots.sequence() + 1, content),
            None => Self::create(path, 1, content),
        }
    }

    fn sequence(&self) -> u64 {
        self.holds.as_ref().map_or(0, |(_, record)| record.sequence)
    }

    /// Writes over the slot that does not hold.
    fn write(&self, content: &[u8]) -> io::Result<()> {
        let slot = self.holds.as_ref().map_or(0, |(slot, _)| 1 - slot);
        let bytes = compose(self.sequence() + 1, content);
        let at = offset(slot, self.slot_bytes);
        if fault::is_here("slot.torn") {
            self.file.write_all_at(&bytes[..bytes.len() / 2], at)?;
            fault::die();
        }
        self.file.write_all_at(&bytes, at)?;
        fault::point("slot.written");
        self.file.sync_data()
    }

    /// Makes the file anew, with room to grow. All of it is written, so that later writes need no new
    /// blocks.
    fn create(path: &Path, sequence: u64, content: &[u8]) -> io::Result<()> {
        let mut bytes = compose(sequence, content);
        let slot_bytes = (bytes.len() * 2).next_power_of_two().max(SLOT_BYTES_MIN);
        if slot_bytes > SLOT_BYTES_MAX {
            let message = format!("{}: larger than {SLOT_BYTES_MAX} bytes", path.display());
            return Err(io::Error::new(ErrorKind::FileTooLarge, message));
        }
        bytes.resize(slot_bytes * 2, 0);
        super::store::replace(path, &bytes)
    }
}

fn offset(slot: usize, slot_bytes: usize) -> u64 {
    (slot * slot_bytes) as u64
}

fn compose(sequence: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HASH_BYTES];
    bytes.extend(sequence.to_le_bytes());
    // Longer content is refused before it gets to a disk.
    bytes.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(content);
    let hash = blake3::hash(&bytes[HASH_BYTES..]);
    bytes[..HASH_BYTES].copy_from_slice(hash.as_bytes());
    bytes
}

/// `None` where nothing was written, or not all of it.
fn parse(bytes: &[u8]) -> Option<Record> {
    let (hash, rest) = bytes.split_at_checked(HASH_BYTES)?;
    let sequence = u64::from_le_bytes(rest.get(..8)?.try_into().ok()?);
    let length = u32::from_le_bytes(rest.get(8..12)?.try_into().ok()?) as usize;
    let content = rest.get(12..)?.get(..length)?;
    let whole = blake3::hash(&rest[..12 + length]).as_bytes() == hash;
    whole.then(|| Record { sequence, content: content.to_vec() })
}

fn damaged(path: &Path) -> io::Error {
    let message = format!("{}: damaged; restore it from a backup, or remove it", path.display());
    io::Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(path: &Path) -> Vec<u8> {
        Slots::open(path).unwrap().unwrap().content().to_vec()
    }

    #[test]
    fn what_was_saved_last_holds_and_the_file_stays_the_same_one() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert!(Slots::open(&path).unwrap().is_none());
        Slots::save(&path, b"0").unwrap();
        let file =
            |path: &Path| fs::metadata(path).map(|file| (file.ino(), file.blocks())).unwrap();
        let before = file(&path);
        for number in 1..=5 {
            Slots::save(&path, format!("{number}").as_bytes()).unwrap();
            assert_eq!(read(&path), format!("{number}").as_bytes());
        }
        assert_eq!(file(&path), before);
    }

    #[test]
    fn a_write_that_was_cut_short_anywhere_leaves_what_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        Slots::save(&path, b"the first").unwrap();
        Slots::save(&path, b"the one before").unwrap();
        let before = fs::read(&path).unwrap();
        Slots::save(&path, b"what follows").unwrap();
        let after = fs::read(&path).unwrap();
        // Slot 0 is the one that was written over last.
        for written in 0..HEADER_BYTES + b"what follows".len() {
            let torn = [&after[..written], &before[written..]].concat();
            fs::write(&path, torn).unwrap();
            assert_eq!(read(&path), b"the one before", "after {written} bytes");
        }
        Slots::save(&path, b"and on").unwrap();
        assert_eq!(read(&path), b"and on");
    }

    #[test]
    fn content_that_outgrows_its_slot_gets_larger_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        Slots::save(&path, b"small").unwrap();
        let large = vec![b'x'; 3 * SLOT_BYTES_MIN];
        Slots::save(&path, &large).unwrap();
        assert_eq!(read(&path), large);
        Slots::save(&path, b"small again").unwrap();
        assert_eq!(read(&path), b"small again");
        let error = Slots::save(&path, &vec![0; SLOT_BYTES_MAX]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(read(&path), b"small again");
    }

    #[test]
    fn a_file_without_a_whole_slot_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, vec![0; 2 * SLOT_BYTES_MIN]).unwrap();
        assert_eq!(Slots::open(&path).unwrap_err().kind(), ErrorKind::InvalidData);
        fs::write(&path, b"short").unwrap();
        assert_eq!(Slots::open(&path).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
