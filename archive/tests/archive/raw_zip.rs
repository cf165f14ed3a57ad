//! Zips made byte by byte.

#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) local: Head,
    pub(crate) central: Head,
    pub(crate) data: Vec<u8>,
    pub(crate) made_on: u8,
    pub(crate) attributes: u32,
    /// Said instead of where the member lies.
    pub(crate) local_at: Option<u32>,
    /// Bytes after the data.
    pub(crate) descriptor: Vec<u8>,
}

/// What both headers of a member have.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) packed_bytes: u32,
    pub(crate) bytes: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) extra: Vec<u8>,
}

/// A stored file.
pub(crate) fn stored(name: impl AsRef<[u8]>, data: &[u8]) -> Member {
    member(name, 0, data, data)
}

pub(crate) fn deflated(name: &str, content: &[u8]) -> Member {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    std::io::Write::write_all(&mut encoder, content).unwrap();
    member(name, 8, &encoder.finish().unwrap(), content)
}

/// A member of Unix with that mode.
pub(crate) fn of_mode(name: &str, mode: u32, data: &[u8]) -> Member {
    Member { made_on: 3, attributes: mode << 16, ..stored(name, data) }
}

fn member(name: impl AsRef<[u8]>, method: u16, data: &[u8], content: &[u8]) -> Member {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let head = Head {
        flags: 0,
        method,
        crc: crc.sum(),
        packed_bytes: data.len() as u32,
        bytes: content.len() as u32,
        name: name.as_ref().to_vec(),
        extra: Vec::new(),
    };
    Member {
        local: head.clone(),
        central: head,
        data: data.to_vec(),
        made_on: 0,
        attributes: 0,
        local_at: None,
        descriptor: Vec::new(),
    }
}

impl Member {
    /// Changes both headers in the same way.
    pub(crate) fn both(mut self, change: impl Fn(&mut Head)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    pub(crate) fn local(mut self, change: impl FnOnce(&mut Head)) -> Self {
        change(&mut self.local);
        self
    }
}

impl Head {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        bytes.extend([0; 4]);
        for number in [self.crc, self.packed_bytes, self.bytes] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes.extend((self.extra.len() as u16).to_le_bytes());
    }
}

pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    zip_after(b"", members, b"")
}

/// With bytes before the first member, and before the directory.
pub(crate) fn zip_after(first: &[u8], members: &[Member], before_directory: &[u8]) -> Vec<u8> {
    let mut bytes = first.to_vec();
    let mut directory = Vec::new();
    for member in members {
        let at = member.local_at.unwrap_or(bytes.len() as u32);
        bytes.extend(b"PK\x03\x04\x14\x00");
        member.local.put(&mut bytes);
        bytes.extend(&member.local.name);
        bytes.extend(&member.local.extra);
        bytes.extend(&member.data);
        bytes.extend(&member.descriptor);
        directory.extend(b"PK\x01\x02\x14");
        directory.push(member.made_on);
        directory.extend(b"\x14\x00");
        member.central.put(&mut directory);
        directory.extend([0; 6]);
        directory.extend(member.attributes.to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(&member.central.name);
        directory.extend(&member.central.extra);
    }
    bytes.extend(before_directory);
    let directory_at = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(directory_at.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}
