//! The example of docs/jobs.md: thumbnails of real images are jobs of a batch, and the page that shows
//! them is what follows it.

use e2e::{PhpOutput, Sidecar, eventually};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const IMAGES: usize = 8;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/thumbnails").join(name)
}

fn source(name: &str) -> String {
    fs::read_to_string(example(name)).expect("part of the example")
}

fn worker() -> Sidecar {
    Sidecar::builder()
        .file("app.toml", &source("app.toml"))
        .file("functions.php", &source("functions.php"))
        .start()
}

/// Folders of images and of what is made of them.
struct Folders {
    images: TempDir,
    gallery: TempDir,
}

impl Folders {
    fn new() -> Self {
        let images = tempfile::tempdir().expect("a temp folder");
        let mut paint = Command::new("php");
        paint.arg(example("paint.php")).arg(images.path()).arg(IMAGES.to_string());
        let painted = paint.output().expect("php runs");
        assert!(painted.status.success(), "is php8.2-gd installed? {painted:?}");
        Self { images, gallery: tempfile::tempdir().expect("a temp folder") }
    }

    fn make(&self, worker: &Sidecar) -> PhpOutput {
        let (make, images) = (example("make.php"), self.images.path().display());
        let gallery = self.gallery.path().display();
        let make = make.display();
        worker.php(&format!("$argv = ['make.php', '{images}', '{gallery}']; require '{make}';"))
    }

    /// The page, when it is there.
    fn page(&self) -> String {
        let path = self.gallery.path().join("index.html");
        eventually("the page is written", || fs::read_to_string(&path).ok())
    }

    /// Width and height of each thumbnail, as GD reads them.
    fn sizes(&self) -> String {
        let folder = self.gallery.path().display();
        let script = format!(
            "foreach (glob('{folder}/*.webp') as $f) {{ [$w, $h] = getimagesize($f); echo \"{{$w}}x$h \"; }}"
        );
        let output = Command::new("php").args(["-r", &script]).output().expect("php runs");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

#[test]
fn every_image_has_a_thumbnail_and_the_page_shows_them() {
    let (worker, folders) = (worker(), Folders::new());
    let said = folders.make(&worker).ok();
    assert!(said.contains("8 of 8") && said.contains("8 made, 0 failed"), "{said}");
    let page = folders.page();
    assert!(page.contains("<h1>8 of 8 images</h1>"), "{page}");
    assert_eq!(page.matches("<figure>").count(), IMAGES, "{page}");
    assert_eq!(folders.sizes(), ["160x120", "96x160"].repeat(IMAGES / 2).join(" "));
}

#[test]
fn an_image_that_cannot_be_read_leaves_the_others_alone() {
    let (worker, folders) = (worker(), Folders::new());
    fs::write(folders.images.path().join("broken.jpg"), "no image").expect("the folder is ours");
    let made = folders.make(&worker);
    assert!(!made.success && made.stdout.contains("8 made, 1 failed"), "{made:?}");
    assert!(folders.page().contains("<h1>8 of 9 images</h1>"));
}
