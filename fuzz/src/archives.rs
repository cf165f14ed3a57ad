//! Release archives: as an envelope from anybody, as a payload by a deployer who can sign, and as a
//! file that a deployer was given. The first byte of an input chooses which.

use crate::target::Verdict;
use archive::{
    Built, ContentId, DeployKey, Error, Header, Label, Limits, Policy, Source, TrustedKeys,
    Unpacking, build, identify, verify,
};
use protocol::AppName;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NOW_MS: u64 = 1_800_000_000_000;

/// Everything that outlives an input.
struct Bench {
    folder: TempDir,
    key: DeployKey,
    trusted: TrustedKeys,
    policy: Policy,
    limits: Limits,
}

thread_local! {
    static BENCH: Bench = Bench::new();
}

fn app() -> AppName {
    AppName::new("shop").expect("a valid name")
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    BENCH.with(seeds_of)
}

fn seeds_of(bench: &Bench) -> Vec<Vec<u8>> {
    let built = bench.build(&tar()).expect("the tar is valid");
    let envelope = bench.envelope(&built);
    let payload = &envelope[envelope.len() - built.payload_bytes() as usize..];
    let canonical = zstd::decode_all(payload).expect("the payload is zstd");
    let seed = |choice: u8, bytes: &[u8]| [&[choice][..], bytes].concat();
    vec![
        seed(0, &envelope),
        seed(1, &canonical),
        seed(2, payload),
        seed(3, &tar()),
        seed(3, &zip()),
        seed(3, &phar()),
    ]
}

pub(crate) fn run(input: &[u8]) -> Verdict {
    let Some((choice, bytes)) = input.split_first() else {
        return Verdict::Refused;
    };
    BENCH.with(|bench| match choice % 4 {
        0 => Verdict::of(&bench.receive(bytes, None)),
        1 => bench.receive_payload(&zstd::encode_all(bytes, 1).expect("memory can be written")),
        2 => bench.receive_payload(bytes),
        _ => bench.deploy(bytes),
    })
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        std::fs::create_dir(folder.path().join("scratch")).expect("a folder can be made");
        let key = DeployKey::from_seed(&[7; 32]);
        let trusted = TrustedKeys::new(vec![key.public("")]);
        let policy = Policy {
            app: app(),
            highest: None,
            max_age_ms: 0,
            skew_ms: 0,
            payload_bytes_max: 1 << 20,
        };
        // Small enough that inputs meet them.
        let limits = Limits {
            entries_max: 40,
            links_max: 8,
            bytes_max: 1 << 20,
            file_bytes_max: 1 << 18,
            path_bytes_max: 300,
            depth_max: 6,
            ..Limits::default()
        };
        Self { folder, key, trusted, policy, limits }
    }

    /// As a worker.
    fn receive(&self, envelope: &[u8], content: Option<ContentId>) -> Result<(), Option<Error>> {
        let out = self.path("out");
        let verified = verify(envelope, &self.trusted, &self.policy, NOW_MS).map_err(|_| None)?;
        let unpacked =
            verified.unpack(&out, &self.limits, Unpacking { durable: false, read_only: false });
        assert_eq!(out.exists(), unpacked.is_ok(), "a refused archive leaves something");
        unpacked.map_err(Some)?;
        let found = identify(&out).expect("what was unpacked can be read");
        assert!(content.is_none_or(|content| content == found), "other files than were packed");
        std::fs::remove_dir_all(&out).expect("what was unpacked can be removed");
        self.check_nothing_is_left();
        Ok(())
    }

    /// Signed by a trusted key: nothing but the id of its content, which nobody knows before, is to be
    /// wrong with a good one.
    fn receive_payload(&self, payload: &[u8]) -> Verdict {
        let header = Header {
            app: app(),
            number: 1,
            content: ContentId::from_bytes([0; 32]),
            payload_bytes: payload.len() as u64,
            payload_hash: *blake3::hash(payload).as_bytes(),
            signed_at_ms: NOW_MS,
            deployer: String::new(),
            note: String::new(),
        };
        let sealed = header.seal(&self.key).expect("the header is valid");
        let received = self.receive(&[&sealed, payload].concat(), None);
        self.check_nothing_is_left();
        match received {
            Err(Some(Error::OtherContent)) => Verdict::Taken,
            Err(Some(Error::PayloadAltered) | None) => panic!("a signature does not hold"),
            Err(Some(_)) => Verdict::Refused,
            Ok(()) => panic!("a hash of zeros was found"),
        }
    }

    /// From the file of a deployer to a worker, who takes whatever could be built.
    fn deploy(&self, file: &[u8]) -> Verdict {
        let Some(built) = self.build(file) else {
            return Verdict::Refused;
        };
        let received = self.receive(&self.envelope(&built), Some(built.content()));
        assert!(received.is_ok(), "a worker refuses what was built: {received:?}");
        Verdict::Taken
    }

    fn build(&self, file: &[u8]) -> Option<Built> {
        let path = self.path("file");
        std::fs::write(&path, file).expect("a file can be written");
        let built = build(&Source::File(path.clone()), &self.limits, &self.path("scratch"));
        std::fs::remove_file(path).expect("the file is still there");
        self.check_nothing_is_left();
        built.ok()
    }

    fn envelope(&self, built: &Built) -> Vec<u8> {
        let mut bytes = Vec::new();
        let label = Label {
            app: app(),
            number: 1,
            signed_at_ms: NOW_MS,
            deployer: "a@b".into(),
            note: "n".into(),
        };
        built.seal(label, &self.key, &mut bytes).expect("memory can be written");
        bytes
    }

    fn check_nothing_is_left(&self) {
        let names = |path: &Path| std::fs::read_dir(path).expect("the folder is there").count();
        assert_eq!(names(self.folder.path()), 1, "something was written outside");
        assert_eq!(names(&self.path("scratch")), 0, "something is left in scratch");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A tar as tools write it: a folder, a file with a long name, a link.
fn tar() -> Vec<u8> {
    let long = format!("src/{}.php", "n".repeat(110));
    let record = format!("{} path={long}\n", long.len() + 10);
    let mut bytes = tar_entry("src/", b'5', "", b"");
    bytes.extend(tar_entry("long", b'x', "", record.as_bytes()));
    bytes.extend(tar_entry("short", b'0', "", b"<?php"));
    bytes.extend(tar_entry("link", b'2', "src/x", b""));
    bytes.extend([0; 1024]);
    bytes
}

fn tar_entry(name: &str, kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000755\0");
    put(124, format!("{:011o}", content.len()).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend(content);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

/// CRC-32 of "abc".
const CRC_OF_ABC: u32 = 0x3524_41c2;

/// A zip of one stored file.
fn zip() -> Vec<u8> {
    let numbers = [CRC_OF_ABC, 3, 3].map(u32::to_le_bytes).concat();
    let common = [&[0; 8][..], &numbers, b"\x05\0\0\0"].concat();
    let local = [&b"PK\x03\x04\x14\0"[..], &common, b"a.phpabc"].concat();
    let attributes = [&[0; 6][..], &0x81ed_0000_u32.to_le_bytes(), &[0; 4]].concat();
    let central = [&b"PK\x01\x02\x14\x03\x14\0"[..], &common, &attributes, b"a.php"].concat();
    let places = [central.len() as u32, local.len() as u32].map(u32::to_le_bytes).concat();
    [&local[..], &central, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &places, b"\0\0"].concat()
}

/// A PHAR of one file, without signature.
fn phar() -> Vec<u8> {
    let counted = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    let numbers = [3, 0, 3, CRC_OF_ABC, 0o755].map(u32::to_le_bytes).concat();
    let entry = [&counted(b"a.php")[..], &numbers, &counted(b"O:1:\"A\":0:{}")].concat();
    let manifest = [&b"\x01\0\0\0\x11\x10\0\0\0\0\0\0\0\0\0\0\0\0"[..], &entry].concat();
    [&b"<?php __HALT_COMPILER();"[..], &counted(&manifest), b"abc"].concat()
}
