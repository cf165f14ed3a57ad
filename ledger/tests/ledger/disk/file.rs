//! One file: what the page cache shows, and what is on the disk.

use ledger::testing::Rng;

const SECTOR_BYTES: u64 = 512;

#[derive(Debug, Default)]
pub(super) struct File {
    /// What programs see.
    pub(super) cached: Vec<u8>,
    /// What is on the disk for sure; `None` while the file's name is not.
    durable: Option<Vec<u8>>,
    /// What is in the cache only, in order.
    dirty: Vec<Dirty>,
}

#[derive(Debug)]
enum Dirty {
    Write { offset: u64, bytes: Vec<u8> },
    Truncate { length: u64 },
}

impl File {
    /// A new one, whose name may already be on the disk, for a file that was removed.
    pub(super) fn new(durable: Option<Vec<u8>>) -> Self {
        let dirty = durable.iter().map(|_| Dirty::Truncate { length: 0 }).collect();
        Self { cached: Vec::new(), durable, dirty }
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.push(Dirty::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn truncate(&mut self, length: u64) {
        self.push(Dirty::Truncate { length });
    }

    fn push(&mut self, change: Dirty) {
        change.apply(&mut self.cached);
        self.dirty.push(change);
    }

    pub(super) fn sync(&mut self) {
        let durable = self.durable.get_or_insert_default();
        self.dirty.drain(..).for_each(|change| change.apply(durable));
    }

    /// As Linux does it: what could not be written is clean from now on, and will not be tried again.
    pub(super) fn fail_to_sync(&mut self, rng: &mut Rng) {
        let mut durable = self.durable.take().unwrap_or_default();
        self.write_some(&mut durable, rng);
        self.durable = Some(durable);
    }

    /// What is on the disk after a removal that may not be.
    pub(super) fn into_durable(self) -> Option<Vec<u8>> {
        self.durable
    }

    /// What is left of the file, if anything.
    pub(super) fn lose_power(mut self, rng: &mut Rng) -> Option<Self> {
        let mut durable = match self.durable.take() {
            Some(durable) => durable,
            None if rng.once_in(2) => return None,
            None => Vec::new(),
        };
        self.write_some(&mut durable, rng);
        Some(Self { cached: durable.clone(), durable: Some(durable), dirty: Vec::new() })
    }

    /// Writes a random part of what is dirty: all, nothing, many sectors or few.
    fn write_some(&mut self, durable: &mut Vec<u8>, rng: &mut Rng) {
        let percent = *rng.pick(&[0, 5, 50, 95, 100]);
        for change in std::mem::take(&mut self.dirty) {
            for piece in change.sectors() {
                if rng.below(100) < percent {
                    piece.apply(durable);
                }
            }
        }
    }
}

impl Dirty {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let (begin, end) = (*offset as usize, *offset as usize + bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[begin..end].copy_from_slice(bytes);
            }
            Self::Truncate { length } => content.resize(*length as usize, 0),
        }
    }

    fn sectors(self) -> Vec<Self> {
        let Self::Write { mut offset, bytes } = self else { return vec![self] };
        let mut rest = bytes.as_slice();
        let mut sectors = Vec::new();
        while !rest.is_empty() {
            let length = (SECTOR_BYTES - offset % SECTOR_BYTES).min(rest.len() as u64);
            let (sector, behind) = rest.split_at(length as usize);
            sectors.push(Self::Write { offset, bytes: sector.to_vec() });
            offset += length;
            rest = behind;
        }
        sectors
    }
}
