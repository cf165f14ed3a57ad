//! Where symbolic links lead.

use crate::fault::Fault;
use crate::inventory::Node;
use crate::limits::Limits;
use crate::path;
use std::collections::HashMap;

/// Most links that lead on to one another, as in Linux (path_resolution(7)).
const HOPS_MAX: usize = 40;
/// Most names on the whole way of one link.
const STEPS_MAX: usize = 512;

/// Checks the target of a link as an archive spells it.
pub(crate) fn check<'a>(raw: &'a [u8], limits: &Limits) -> Result<&'a str, Fault> {
    if raw.len() > limits.path_bytes_max {
        return Err(Fault::PathTooLong { bytes: raw.len(), max: limits.path_bytes_max });
    }
    let target = str::from_utf8(raw).map_err(|_| Fault::NotUtf8)?;
    if target.is_empty() {
        return Err(Fault::Empty);
    }
    if target.starts_with('/') {
        return Err(Fault::LinkAbsolute { target: target.escape_debug().to_string() });
    }
    target.chars().try_for_each(path::check_char)?;
    Ok(target)
}

/// Follows the link at `from`, through other links too, and refuses it when it leaves the tree on its
/// way, even if it comes back. What does not exist is taken for a folder: it might become one.
pub(crate) fn follow(nodes: &HashMap<String, Node>, from: &str, target: &str) -> Result<(), Fault> {
    let shown = || target.escape_debug().to_string();
    let mut place = path::parent(from).to_owned();
    let mut ahead: Vec<&str> = target.rsplit('/').collect();
    let (mut hops, mut steps) = (1, 0);
    while let Some(name) = ahead.pop() {
        steps += 1;
        if steps > STEPS_MAX || hops > HOPS_MAX {
            return Err(Fault::LinkLoops { target: shown() });
        }
        match name {
            "" | "." => {}
            ".." if place.is_empty() => return Err(Fault::LinkLeaves { target: shown() }),
            ".." => place.truncate(path::parent(&place).len()),
            name => {
                let before = place.len();
                if !place.is_empty() {
                    place.push('/');
                }
                place.push_str(name);
                if let Some(Node::Link { target: next }) = nodes.get(&place) {
                    hops += 1;
                    place.truncate(before);
                    ahead.extend(next.rsplit('/'));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(links: &[(&str, &str)]) -> HashMap<String, Node> {
        let node = |target: &str| Node::Link { target: target.to_owned() };
        links.iter().map(|(path, target)| ((*path).to_owned(), node(target))).collect()
    }

    #[test]
    fn a_link_may_lead_anywhere_within_the_tree() {
        let nodes = links(&[("a/b/up", ".."), ("a/top", "b/up/../x"), ("self", ".")]);
        for (from, target) in [("a/b/c", "../../d"), ("a/l", "b/up"), ("l", "self/self/a")] {
            assert_eq!(follow(&nodes, from, target), Ok(()), "{from} -> {target}");
        }
    }

    #[test]
    fn a_link_that_leaves_the_tree_is_refused_whatever_it_passes() {
        let nodes =
            links(&[("a/b/up", "../.."), ("deep", "x/y/z"), ("loop", "pool"), ("pool", "loop")]);
        for (from, target) in [
            ("l", ".."),
            ("a/l", "../../etc"),
            ("l", "../app/x"),
            ("l", "a/b/up/.."),
            ("l", "nowhere/../.."),
            ("l", "deep/../../../.."),
        ] {
            let refused = follow(&nodes, from, target);
            assert_eq!(refused, Err(Fault::LinkLeaves { target: target.to_owned() }), "{target}");
        }
        assert!(matches!(follow(&nodes, "loop", "pool"), Err(Fault::LinkLoops { .. })));
        let long = "a/".repeat(600);
        assert!(matches!(follow(&nodes, "l", &long), Err(Fault::LinkLoops { .. })));
    }
}
