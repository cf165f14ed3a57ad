//! What every test needs: folders with files, a key, a worker that trusts it.

use archive::{
    Built, ContentId, DeployKey, Error, Fault, Header, Label, Limits, Policy, Rejected, Source,
    Totals, TrustedKeys, Unpacking, build, verify,
};
use protocol::AppName;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
pub(crate) const PLAIN: Unpacking = Unpacking { durable: false, read_only: false };

pub(crate) fn app(name: &str) -> AppName {
    AppName::new(name).unwrap()
}

pub(crate) fn key() -> DeployKey {
    DeployKey::from_seed(&[7; 32])
}

pub(crate) fn trusted() -> &'static TrustedKeys {
    static TRUSTED: LazyLock<TrustedKeys> =
        LazyLock::new(|| TrustedKeys::new(vec![key().public("alice")]));
    &TRUSTED
}

pub(crate) fn policy() -> Policy {
    Policy {
        app: app("shop"),
        highest: None,
        max_age_ms: 60_000,
        skew_ms: 5_000,
        payload_bytes_max: 1 << 30,
    }
}

pub(crate) fn label(number: u64) -> Label {
    Label {
        app: app("shop"),
        number,
        signed_at_ms: NOW_MS,
        deployer: "alice@desk".into(),
        note: "first".into(),
    }
}

/// A folder of a test, with a place for what is unpacked.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn executable(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.write(name, content);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn link(&self, name: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }

    /// An application with a bit of everything, in `app`.
    pub(crate) fn shop(&self) -> PathBuf {
        self.write("app/shop.php", "<?php function quote() { return 1; }");
        self.write("app/src/Cart.php", "<?php class Cart {}");
        self.write("app/src-old/Cart.php", "<?php // not before src/");
        self.write("app/src/Caf\u{e9}/\u{4f60}\u{597d}.php", "<?php");
        self.write("app/empty.txt", "");
        self.write(
            &format!("app/{}/{}/deep.php", "long-name".repeat(10), "name".repeat(15)),
            "deep",
        );
        self.write(
            "app/data.bin",
            (0..100_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>(),
        );
        self.executable("app/bin/console", "#!/usr/bin/env php");
        self.link("app/bin/cart", "../src/Cart.php");
        self.link("app/current", "src");
        self.path("app")
    }

    pub(crate) fn build(&self, source: &Source) -> Result<Built, Error> {
        self.build_within(source, &Limits::default())
    }

    /// Builds, and sees that no temporary file is left.
    pub(crate) fn build_within(&self, source: &Source, limits: &Limits) -> Result<Built, Error> {
        let scratch = self.path("scratch");
        std::fs::create_dir_all(&scratch).unwrap();
        let built = build(source, limits, &scratch);
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "something is left in scratch");
        built
    }

    pub(crate) fn build_file(&self, name: &str) -> Result<Built, Error> {
        self.build(&Source::File(self.path(name)))
    }

    /// Verifies and unpacks into `out`; sees that nothing is there after an error.
    pub(crate) fn receive(&self, envelope: &[u8]) -> Result<Totals, Refused> {
        self.receive_within(envelope, &Limits::default())
    }

    pub(crate) fn receive_within(
        &self,
        envelope: &[u8],
        limits: &Limits,
    ) -> Result<Totals, Refused> {
        let out = self.path("out");
        let verified = verify(envelope, trusted(), &policy(), NOW_MS).map_err(Refused::Before)?;
        let result = verified.unpack(&out, limits, PLAIN);
        assert_eq!(out.exists(), result.is_ok(), "a refused archive leaves something: {result:?}");
        result.map_err(Refused::Within)
    }

    /// What a worker says of a payload made by hand, signed by a trusted key.
    pub(crate) fn refusal_of(&self, payload: &[u8]) -> Fault {
        match self.receive(&sealed(payload)) {
            Err(Refused::Within(Error::Refused(refusal))) => refusal.fault,
            other => panic!("expected a fault of the archive: {other:?}"),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Refused {
    Before(Rejected),
    Within(Error),
}

pub(crate) fn envelope(built: &Built) -> Vec<u8> {
    let mut bytes = Vec::new();
    built.seal(label(1), &key(), &mut bytes).unwrap();
    bytes
}

/// An envelope around any payload.
pub(crate) fn sealed(payload: &[u8]) -> Vec<u8> {
    let header = Header {
        app: app("shop"),
        number: 1,
        content: ContentId::from_bytes([0; 32]),
        payload_bytes: payload.len() as u64,
        payload_hash: *blake3::hash(payload).as_bytes(),
        signed_at_ms: NOW_MS,
        deployer: String::new(),
        note: String::new(),
    };
    [header.seal(&key()).unwrap(), payload.to_vec()].concat()
}

/// Names, kinds, modes and contents of everything in a folder.
pub(crate) fn listing(root: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    list(root, root, &mut found);
    found.sort();
    found
}

pub(crate) fn identify_of(root: &Path) -> ContentId {
    archive::identify(root).unwrap()
}

fn list(root: &Path, folder: &Path, found: &mut Vec<(String, u32, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_symlink() {
            std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else if metadata.is_file() {
            std::fs::read(&path).unwrap()
        } else {
            list(root, &path, found);
            Vec::new()
        };
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        found.push((name, metadata.permissions().mode(), content));
    }
}
