//! How much an archive may ask of whoever reads it.

/// Bounds of one archive. The same ones hold when it is built, so that a deployer hears of an
/// excess before a worker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files, folders and links together.
    pub entries_max: u64,
    /// Links alone: following them to see where they lead costs more than anything else.
    pub links_max: u64,
    /// Unpacked bytes of all files.
    pub bytes_max: u64,
    /// Unpacked bytes of one file.
    pub file_bytes_max: u64,
    /// Bytes of the archive itself, as it travels or lies on disk.
    pub archive_bytes_max: u64,
    /// Bytes of a path, and of a link's target.
    pub path_bytes_max: usize,
    /// Names in a path.
    pub depth_max: usize,
    /// Unpacked bytes for each byte of the archive, looked at beyond [`RATIO_FREE_BYTES`].
    pub ratio_max: u64,
}

/// Longest name of one file, in bytes: what Linux's filesystems take.
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// What may be unpacked before the ratio counts, in bytes: small files of one repeated byte harm nobody.
pub const RATIO_FREE_BYTES: u64 = 16 * 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries_max: 100_000,
            links_max: 10_000,
            bytes_max: 2 << 30,
            file_bytes_max: 512 << 20,
            archive_bytes_max: 1 << 30,
            path_bytes_max: 1024,
            depth_max: 64,
            ratio_max: 200,
        }
    }
}

impl Limits {
    /// Whether `unpacked` bytes are too many for an archive of which `packed` were read.
    pub(crate) fn is_bomb(&self, unpacked: u64, packed: u64) -> bool {
        unpacked > RATIO_FREE_BYTES && unpacked > packed.saturating_mul(self.ratio_max)
    }

    /// Most bytes of a tar with these limits: contents, their padding, headers with long names.
    pub(crate) fn tar_bytes_max(&self) -> u64 {
        let around_each = 5 * 512 + 4 * self.path_bytes_max as u64;
        self.bytes_max.saturating_add(self.entries_max.saturating_mul(around_each))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_tells_the_limits() {
        let Limits {
            entries_max: 100_000,
            links_max: 10_000,
            bytes_max: 0x8000_0000,
            file_bytes_max: 0x2000_0000,
            archive_bytes_max: 0x4000_0000,
            path_bytes_max: 1024,
            depth_max: 64,
            ratio_max: 200,
        } = Limits::default()
        else {
            panic!("docs/archives.md tells other limits");
        };
        let documentation = include_str!("../../docs/archives.md");
        let text = documentation.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(
            "100,000 entries, 10,000 of them links; 2 GiB of files, 512 MiB each; 1 GiB for the archive; \
             paths of 1,024 bytes and 64 names; 200 times the archive's size beyond 16 MiB"
        ));
        assert_eq!(RATIO_FREE_BYTES, 16 << 20);
    }
}
