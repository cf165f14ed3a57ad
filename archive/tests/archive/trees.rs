//! Any tree: what is built, verified and unpacked is the same tree, with the same id.

use crate::support::{Place, envelope, identify_of, listing};
use archive::Source;
use proptest::prelude::*;
use std::path::Path;

#[derive(Clone, Debug)]
enum Node {
    File {
        executable: bool,
        content: Vec<u8>,
    },
    Folder(Vec<(String, Node)>),
    /// To a sibling, or to nothing.
    Link(String),
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9_.-]{0,12}",
        "[a-z]{90,120}",
        "[\u{e0}-\u{f6}\u{3b1}-\u{3c1}\u{4e00}-\u{4e20}]{1,6}",
    ]
}

fn tree() -> impl Strategy<Value = Vec<(String, Node)>> {
    let content = prop::collection::vec(any::<u8>(), 0..2000);
    let leaf = prop_oneof![
        4 => (any::<bool>(), content)
            .prop_map(|(executable, content)| Node::File { executable, content }),
        1 => name().prop_map(Node::Link),
    ];
    let node = leaf.prop_recursive(4, 40, 6, |inner| {
        prop::collection::vec((name(), inner), 0..6).prop_map(Node::Folder)
    });
    prop::collection::vec((name(), node), 0..8)
}

/// Writes what has no name yet: names may differ by case alone, or be the same.
fn write(place: &Place, folder: &str, nodes: &[(String, Node)]) {
    std::fs::create_dir_all(place.path(folder)).unwrap();
    for (name, node) in nodes {
        let path = format!("{folder}/{name}");
        if place.path(&path).symlink_metadata().is_ok() {
            continue;
        }
        match node {
            Node::File { executable: true, content } => place.executable(&path, content),
            Node::File { content, .. } => drop(place.write(&path, content)),
            Node::Folder(nodes) => write(place, &path, nodes),
            Node::Link(target) if target != name => place.link(&path, target),
            Node::Link(_) => {}
        }
    }
}

fn has_loop(root: &Path) -> bool {
    listing(root).iter().any(|(name, ..)| {
        // ELOOP.
        std::fs::metadata(root.join(name)).is_err_and(|error| error.raw_os_error() == Some(40))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_arrives_as_it_left(tree in tree()) {
        let place = Place::new();
        write(&place, "app", &tree);
        prop_assume!(!has_loop(&place.path("app")));
        let built = place.build(&Source::Folder(place.path("app"))).unwrap();
        let totals = place.receive(&envelope(&built)).unwrap();
        prop_assert_eq!(totals, built.totals());
        prop_assert_eq!(totals.entries, listing(&place.path("app")).len() as u64);
        prop_assert_eq!(listing(&place.path("out")), listing(&place.path("app")));
        prop_assert_eq!(identify_of(&place.path("out")), built.content());
        let again = place.build(&Source::Folder(place.path("out"))).unwrap();
        prop_assert!(envelope(&again) == envelope(&built));
    }
}
