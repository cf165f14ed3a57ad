//! Tars made byte by byte.

/// One header and what follows it.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: u8,
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
    pub(crate) link: Vec<u8>,
    /// Said instead of the content's length.
    pub(crate) bytes: Option<u64>,
}

pub(crate) fn raw(kind: u8, name: impl AsRef<[u8]>, content: &[u8]) -> Raw {
    let name = name.as_ref().to_vec();
    let mode = if kind == b'5' { 0o755 } else { 0o644 };
    Raw { name, kind, mode, content: content.to_vec(), link: Vec::new(), bytes: None }
}

pub(crate) fn file(name: impl AsRef<[u8]>) -> Raw {
    raw(b'0', name, b"content")
}

pub(crate) fn folder(name: &str) -> Raw {
    raw(b'5', format!("{name}/"), b"")
}

pub(crate) fn link(name: &str, target: &str) -> Raw {
    Raw { mode: 0o777, link: target.into(), ..raw(b'2', name, b"") }
}

/// A pax header with one record.
pub(crate) fn pax(key: &str, value: &str) -> Raw {
    let mut length = key.len() + value.len() + 4;
    while format!("{length} {key}={value}\n").len() != length {
        length += 1;
    }
    raw(b'x', "long", format!("{length} {key}={value}\n").as_bytes())
}

impl Raw {
    pub(crate) fn block(&self) -> Vec<u8> {
        let mut block = vec![0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, format!("{:07o}\0", self.mode).as_bytes());
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        let bytes = self.bytes.unwrap_or(self.content.len() as u64);
        put(124, format!("{bytes:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        put(156, &[self.kind]);
        put(157, &self.link);
        put(257, b"ustar\x0000");
        sum(&mut block);
        block
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.block();
        bytes.extend_from_slice(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// Writes the right checksum into a header.
pub(crate) fn sum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) fn tar(entries: &[Raw]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(Raw::bytes).collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
