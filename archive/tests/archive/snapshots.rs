//! Snapshots of folders that are being edited.

use crate::support::{Place, listing};
use archive::{Error, each_folder, identify, remove_release, snapshot};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

#[test]
fn a_snapshot_is_a_copy_with_the_same_id_and_stays_as_it_is() {
    let place = Place::new();
    let (root, copy) = (place.shop(), place.path("copy"));
    let taken = snapshot(&root, &copy).unwrap();
    assert_eq!(taken.content, identify(&root).unwrap());
    assert_eq!(taken.content, identify(&copy).unwrap());
    let (inode, before) = (|file: PathBuf| file.metadata().unwrap().ino(), listing(&copy));
    assert_ne!(inode(root.join("shop.php")), inode(copy.join("shop.php")));
    fs::write(root.join("shop.php"), "<?php // edited in place").unwrap();
    assert!(listing(&copy) == before);
    assert_ne!(snapshot(&root, &place.path("next")).unwrap().content, taken.content);
    remove_release(&copy).unwrap();
}

#[test]
fn what_is_ignored_is_in_no_snapshot_and_in_no_list_of_folders() {
    let place = Place::new();
    for folder in ["app/.git/objects", "app/cache/deep", "app/src/deep"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    fs::write(place.path("app/.appserverignore"), "cache\n*.log\n").unwrap();
    fs::write(place.path("app/src/debug.log"), "").unwrap();
    let (root, mut folders) = (place.path("app"), Vec::new());
    each_folder(&root, &mut |folder| {
        folders.push(folder.to_owned());
        Ok(())
    })
    .unwrap();
    assert_eq!(folders, ["", "src", "src/deep"].map(PathBuf::from));
    snapshot(&root, &place.path("copy")).unwrap();
    assert!(place.path("copy/src/deep").is_dir());
    for left_out in ["copy/.git", "copy/cache", "copy/src/debug.log"] {
        assert!(!place.path(left_out).exists(), "{left_out}");
    }
}

#[test]
fn links_lead_from_the_copy_to_where_they_led() {
    let place = Place::new();
    fs::create_dir_all(place.path("app/vendor/acme")).unwrap();
    fs::create_dir_all(place.path("shared")).unwrap();
    fs::write(place.path("shared/lib.php"), "shared").unwrap();
    fs::write(place.path("app/own.php"), "own").unwrap();
    symlink("../../../shared", place.path("app/vendor/acme/lib")).unwrap();
    symlink("../own.php", place.path("app/vendor/own.php")).unwrap();
    snapshot(&place.path("app"), &place.path("far/../copy")).unwrap_err();
    fs::create_dir_all(place.path("far/away/from/it")).unwrap();
    let copy = place.path("far/away/from/it/copy");
    snapshot(&place.path("app"), &copy).unwrap();
    assert_eq!(fs::read(copy.join("vendor/acme/lib/lib.php")).unwrap(), b"shared");
    assert_eq!(fs::read_link(copy.join("vendor/own.php")).unwrap(), PathBuf::from("../own.php"));
}

#[test]
fn nothing_is_overwritten_or_left_behind() {
    let place = Place::new();
    let (root, copy) = (place.shop(), place.path("copy"));
    fs::create_dir(&copy).unwrap();
    assert!(matches!(snapshot(&root, &copy), Err(Error::FolderExists(_))));
    fs::write(root.join(".appserverignore"), "[z-a]\n").unwrap();
    assert!(matches!(snapshot(&root, &place.path("next")), Err(Error::IgnoreFile { .. })));
    assert!(!place.path("next").exists());
}
