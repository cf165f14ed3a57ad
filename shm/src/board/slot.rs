//! Which counter stands for what may be invalidated in clients' caches.

/// How many counters there are. Two names that share one are only invalidated together, which costs
/// calls, not correctness.
pub const SLOTS: usize = 4096;

const _: () = assert!(SLOTS.is_power_of_two() && SLOTS <= 1 << 16);

/// What of an application is invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All of it.
    App,
    /// A function by its name, whose ASCII letters are the same in either case, as they are in PHP.
    Function(&'a str),
    /// A tag with its parameters filled in. Case matters.
    Tag(&'a str),
}

/// The counter of a scope. Clients and supervisors compute it apart, maybe of different builds, so that
/// it must not change: FNV-1a 64 (draft-eastlake-fnv), folded to 32 bits as that recommends, the lowest
/// of which are taken.
pub fn slot(app: &str, scope: Scope<'_>) -> u16 {
    let (kind, name, fold) = match scope {
        Scope::App => (b'a', "", false),
        Scope::Function(name) => (b'f', name, true),
        Scope::Tag(tag) => (b't', tag, false),
    };
    let name = name.bytes().map(|byte| if fold { byte.to_ascii_lowercase() } else { byte });
    // No name of an application has a zero in it, so no two scopes are spelled alike.
    let hash = fnv1a(app.bytes().chain([0, kind]).chain(name));
    ((hash >> 32) ^ hash) as u16 & (SLOTS - 1) as u16
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a("".bytes()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a".bytes()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a("foobar".bytes()), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn slots_never_change() {
        let slots = [
            slot("", Scope::App),
            slot("shop", Scope::App),
            slot("shop", Scope::Function("quote")),
            slot("shop", Scope::Function("Shop\\Prices::of")),
            slot("shop", Scope::Tag("quote")),
            slot("shop", Scope::Tag("product:17")),
            slot("shop", Scope::Tag("Straße")),
        ];
        assert_eq!(slots, [221, 1186, 416, 480, 1217, 1571, 2081]);
    }

    #[test]
    fn a_function_has_one_slot_however_it_is_spelled_and_a_tag_each_its_own() {
        let function = |name| slot("shop", Scope::Function(name));
        assert_eq!(function("Shop\\Prices::OF"), function("shop\\prices::of"));
        let tag = |name| slot("shop", Scope::Tag(name));
        assert_ne!(tag("Red"), tag("red"));
    }

    #[test]
    fn names_spread_over_the_slots() {
        let tags: Vec<String> = (0..SLOTS).map(|id| format!("product:{id}")).collect();
        let mut hits = vec![0_u32; SLOTS];
        for tag in &tags {
            hits[usize::from(slot("shop", Scope::Tag(tag)))] += 1;
        }
        // Of so many thrown at random 1 - 1/e of the slots are hit, none of them often.
        let used = hits.iter().filter(|&&hits| hits > 0).count();
        assert!((2400..2800).contains(&used), "{used} slots are used");
        assert!(hits.iter().all(|&hits| hits < 12), "{:?}", hits.iter().max());
    }
}
