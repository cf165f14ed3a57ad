//! Every kind of source with the same files is the same release.

use crate::support::{Place, envelope, identify_of, listing};
use archive::{Error, Fault, Source};
use std::path::Path;
use std::process::Command;

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
}

fn php(code: &str, folder: &Path) {
    run("php", &["-d", "display_errors=stderr", "-d", "phar.readonly=0", "-r", code], folder);
}

fn git(arguments: &[&str], folder: &Path) {
    let who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
    run("git", &[&who[..], arguments].concat(), folder);
}

/// Builds the file, and sees that it is the release in `app`, down to what is unpacked.
fn is_the_app(place: &Place, file: &str) {
    let built = place.build_file(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(built.content(), identify_of(&place.path("app")), "{file}");
    place.receive(&envelope(&built)).unwrap();
    assert_eq!(listing(&place.path("out")), listing(&place.path("app")), "{file}");
    std::fs::remove_dir_all(place.path("out")).unwrap();
}

#[test]
fn tars_of_all_formats_and_compressions() {
    let place = Place::new();
    place.shop();
    let root = place.path("");
    for format in ["ustar", "gnu", "posix", "oldgnu"] {
        let option = format!("--format={format}");
        run("tar", &["-C", "app", &option, "-cf", "dot.tar", "."], &root);
        is_the_app(&place, "dot.tar");
    }
    run("tar", &["-C", "app", "-czf", "app.tgz", "."], &root);
    is_the_app(&place, "app.tgz");
    let plain = std::fs::read(place.path("dot.tar")).unwrap();
    place.write("app.tar.zst", zstd::encode_all(&plain[..], 3).unwrap());
    is_the_app(&place, "app.tar.zst");
    // The bytes of a file say what it is, whatever it is called.
    std::fs::rename(place.path("app.tar.zst"), place.path("release")).unwrap();
    is_the_app(&place, "release");
}

#[test]
fn tars_and_zips_of_python() {
    let place = Place::new();
    place.shop();
    let code = r#"
import os, stat, tarfile, zipfile
with tarfile.open('py.tar.bz2', 'w:bz2') as tar:
    tar.add('app', '.')
for name, method in ('stored.zip', 0), ('deflated.zip', 8), ('bzipped.zip', 12):
    with zipfile.ZipFile(name, 'w', method) as archive:
        for folder, folders, files in os.walk('app'):
            for name in folders + files:
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    info = zipfile.ZipInfo(os.path.relpath(path, 'app'))
                    info.external_attr = (stat.S_IFLNK | 0o777) << 16
                    archive.writestr(info, os.readlink(path))
                else:
                    archive.write(path, os.path.relpath(path, 'app'))
# Written to a pipe: sizes follow the contents.
class Pipe:
    def __init__(self, file): self.file = file
    def write(self, data): return self.file.write(data)
    def flush(self): pass
with zipfile.ZipFile('deflated.zip') as source, open('piped.zip', 'wb') as file:
    with zipfile.ZipFile(Pipe(file), 'w', 8) as archive:
        for info in source.infolist():
            archive.writestr(info, source.read(info))
"#;
    run("python3", &["-c", code], &place.path(""));
    for name in ["py.tar.bz2", "stored.zip", "deflated.zip", "bzipped.zip", "piped.zip"] {
        is_the_app(&place, name);
    }
}

/// PHARs have no links.
fn shop_without_links(place: &Place) {
    place.shop();
    std::fs::remove_file(place.path("app/bin/cart")).unwrap();
    std::fs::remove_file(place.path("app/current")).unwrap();
}

#[test]
fn phars_of_php() {
    let place = Place::new();
    shop_without_links(&place);
    let code = r"
        function fill(Phar $phar): void {
            $phar->buildFromDirectory('app');
            $phar->setStub('<?php Phar::mapPhar(); echo 1; __HALT_COMPILER(); ?>');
        }
        fill(new Phar('plain.phar'));
        foreach (['md5' => Phar::MD5, 'sha1' => Phar::SHA1, 'sha512' => Phar::SHA512] as $name => $kind) {
            fill($phar = new Phar($name . '.phar'));
            $phar->setSignatureAlgorithm($kind);
        }
        fill($phar = new Phar('deflated.phar'));
        $phar->compressFiles(Phar::GZ);
        $whole = $phar->compress(Phar::GZ);
        (new Phar('plain.phar'))->convertToExecutable(Phar::TAR, Phar::NONE, '.tar.phar');
        (new Phar('plain.phar'))->convertToExecutable(Phar::ZIP, Phar::NONE, '.zip.phar');
        (new Phar('plain.phar'))->convertToData(Phar::TAR, Phar::GZ, '.tar.gz');
    ";
    php(code, &place.path(""));
    let names = [
        "plain.phar",
        "md5.phar",
        "sha1.phar",
        "sha512.phar",
        "deflated.phar",
        "deflated.phar.gz",
        "plain.tar.phar",
        "plain.zip.phar",
        "plain.tar.gz",
    ];
    for name in names {
        is_the_app(&place, name);
    }
}

#[test]
fn metadata_of_a_phar_goes_nowhere() {
    let place = Place::new();
    shop_without_links(&place);
    let code = r"
        class Gadget { public string $command = 'touch gadget-ran'; function __wakeup() { exit(1); } }
        foreach ([Phar::PHAR => 'a.phar', Phar::TAR => 'b.phar.tar', Phar::ZIP => 'c.phar.zip'] as $format => $name) {
            $phar = new Phar($name, 0, $name);
            if (!$phar->isFileFormat($format)) { exit(2); }
            $phar->buildFromDirectory('app');
            $phar->setMetadata(new Gadget);
            $phar['shop.php']->setMetadata(new Gadget);
        }
    ";
    php(code, &place.path(""));
    for name in ["a.phar", "b.phar.tar", "c.phar.zip"] {
        let bytes = std::fs::read(place.path(name)).unwrap();
        assert!(bytes.windows(15).any(|part| part == b"O:6:\"Gadget\":1:"), "{name}");
        is_the_app(&place, name);
        let built = place.build_file(name).unwrap();
        let packed = envelope(&built);
        let payload = &packed[packed.len() - built.payload_bytes() as usize..];
        let tar = zstd::decode_all(payload).unwrap();
        assert!(!tar.windows(6).any(|part| part == b"Gadget"), "{name}");
    }
}

#[test]
fn a_damaged_phar_is_found_by_its_own_hash() {
    let place = Place::new();
    shop_without_links(&place);
    let code = "(new Phar('a.phar'))->buildFromDirectory('app');
        (new Phar('a.phar'))->convertToExecutable(Phar::TAR, Phar::NONE, '.tar.phar');";
    php(code, &place.path(""));
    for name in ["a.phar", "a.tar.phar"] {
        assert!(place.build_file(name).is_ok());
        let mut bytes = std::fs::read(place.path(name)).unwrap();
        let at = bytes.windows(5).position(|part| part == b"class").unwrap();
        bytes[at] ^= 1;
        place.write(name, &bytes);
        match place.build_file(name) {
            Err(Error::Refused(refusal)) => assert_eq!(refusal.fault, Fault::Checksum("the PHAR")),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn commits() {
    let place = Place::new();
    let root = place.shop();
    git(&["init", "-q"], &root);
    git(&["add", "."], &root);
    git(&["commit", "-qm", "one"], &root);
    git(&["tag", "v1"], &root);
    let first = identify_of(&root);
    place.write("app/later.php", "<?php");
    git(&["add", "."], &root);
    git(&["commit", "-qm", "two"], &root);
    place.write("app/untracked.php", "<?php");
    let build = |revision: &str| {
        let text = format!("{}@{revision}", root.display());
        place.build(&Source::parse(&text).unwrap())
    };
    assert_eq!(build("v1").unwrap().content(), first);
    assert_eq!(build("HEAD~1").unwrap().content(), first);
    std::fs::remove_file(place.path("app/untracked.php")).unwrap();
    assert_eq!(build("main").unwrap().content(), identify_of(&root));
    for revision in ["v2", "--output=/tmp/x", "-h", "v1:shop.php", ""] {
        let error = build(revision).unwrap_err();
        assert!(matches!(error, Error::NoCommit { .. }), "{revision}: {error}");
    }
}

#[test]
fn what_a_deployer_names_is_recognised() {
    let place = Place::new();
    let folder = place.shop();
    let file = place.write("a@b.tar", "");
    let parse = |path: &str| Source::parse(path);
    assert_eq!(parse(folder.to_str().unwrap()).unwrap(), Source::Folder(folder.clone()));
    assert_eq!(parse(file.to_str().unwrap()).unwrap(), Source::File(file.clone()));
    let commit = Source::Commit { repository: folder.clone(), revision: "v1".into() };
    assert_eq!(parse(&format!("{}@v1", folder.display())).unwrap(), commit);
    assert!(matches!(parse("/nowhere"), Err(Error::NoSource(_))));
    assert!(matches!(place.build_file("a@b.tar"), Err(Error::UnknownFormat(_))));
    place.write("text.tar", "not an archive at all");
    assert!(matches!(place.build_file("text.tar"), Err(Error::UnknownFormat(_))));
}
