//! Key files, and what is said about wrong ones.

use crate::support::{Place, key};
use archive::{DeployKey, KeyError, PublicKey, TrustedKeys};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_key_survives_its_file_which_only_its_owner_can_read() {
    let place = Place::new();
    let path = place.path("deploy.key");
    let made = DeployKey::generate().unwrap();
    made.save(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("appserver-deploy-key-1:") && text.lines().count() == 1, "{text}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(DeployKey::load(&path).unwrap().public("a"), made.public("a"));
    assert!(matches!(made.save(&path), Err(KeyError::Exists(_))));
    assert_ne!(DeployKey::generate().unwrap().public(""), made.public(""));
    let shown = format!("{made:?}");
    assert!(!text.contains(&shown) && shown.contains(&made.public("").id().to_string()));
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let place = Place::new();
    let path = place.path("deploy.key");
    key().save(&path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let error = DeployKey::load(&path).unwrap_err();
    assert!(matches!(error, KeyError::Exposed { mode: 0o640, .. }));
    assert!(error.to_string().contains("chmod 600"));
}

#[test]
fn what_is_wrong_with_a_key_file_is_said() {
    let place = Place::new();
    let load = |text: &str| {
        let path = place.write("key", text);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        DeployKey::load(&path).unwrap_err()
    };
    assert!(matches!(load("hello"), KeyError::NotPrivate(_)));
    assert!(matches!(load(&key().public("").to_string()), KeyError::PublicInstead(_)));
    assert!(matches!(load("appserver-deploy-key-1:abc"), KeyError::NotBase64 { .. }));
    assert!(matches!(load(&"x".repeat(2000)), KeyError::TooLarge { .. }));
    assert!(matches!(DeployKey::load(&place.path("none")), Err(KeyError::Io { .. })));
}

#[test]
fn trusted_keys_are_lines_with_comments() {
    let other = DeployKey::from_seed(&[9; 32]);
    let text = format!("# team\n\n  {}\n{}\n", key().public("alice at desk"), other.public(""));
    let trusted = TrustedKeys::parse(&text).unwrap();
    assert_eq!(trusted.keys().len(), 2);
    let found = trusted.find(key().public("").id()).unwrap();
    assert_eq!(found.comment(), "alice at desk");
    assert_eq!(PublicKey::parse(&found.to_string()).unwrap(), *found);
    assert!(trusted.find(DeployKey::from_seed(&[1; 32]).public("").id()).is_none());
    let place = Place::new();
    let path = place.write("trusted", &text);
    assert_eq!(TrustedKeys::load(&path).unwrap(), trusted);
}

#[test]
fn a_wrong_line_among_trusted_keys_is_named() {
    let parse = |line: &str| match TrustedKeys::parse(&format!("# one\n{line}\n")) {
        Err(KeyError::Line { line: 2, error }) => *error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(parse("ssh-ed25519 AAAA"), KeyError::NotPublic));
    assert!(matches!(parse("appserver-deploy-key-1:AAAA"), KeyError::PrivateInstead));
    assert!(matches!(parse("appserver-deploy-pub-1:AAAA x"), KeyError::NotBase64 { .. }));
    // y = 2 is on no point of the curve; y = 1 is the neutral one, which verifies anything.
    let line = |byte: char| format!("appserver-deploy-pub-1:{byte}{}=", "A".repeat(42));
    let of_two = parse(&line('A').replacen("1:AA", "1:Ag", 1));
    assert!(matches!(of_two, KeyError::NotAPoint), "{of_two}");
    let of_one = parse(&line('A').replacen("1:AA", "1:AQ", 1));
    assert!(matches!(of_one, KeyError::Weak), "{of_one}");
}
