//! Sets of keys written before: rows of the same columns, objects of the same properties.

use crate::engine::Text;
use crate::engine::table::{Key, Table};

/// Recent shapes that are found again; an older one is written anew.
const RECENT: usize = 256;
const NONE: u32 = u32::MAX;

struct Shape {
    /// Number of the class, or [`Shapes::ROW`].
    class: u32,
    /// Number on the wire, where rows and objects are counted apart.
    number: u32,
    /// Where `recent` has or had it.
    recent: usize,
    start: usize,
    count: usize,
}

/// Keys are held from the moment a shape is added until [`Shapes::clear`].
pub(super) struct Shapes {
    recent: [u32; RECENT],
    shapes: Vec<Shape>,
    rows: u32,
    objects: u32,
    keys: Vec<(u64, Text)>,
}

impl Default for Shapes {
    fn default() -> Self {
        Self { recent: [NONE; RECENT], shapes: Vec::new(), rows: 0, objects: 0, keys: Vec::new() }
    }
}

impl Shapes {
    /// The `class` of arrays.
    pub(super) const ROW: u32 = u32::MAX;

    /// Forgets all shapes and lets go of their keys.
    pub(super) fn clear(&mut self) {
        for shape in self.shapes.drain(..) {
            self.recent[shape.recent] = NONE;
        }
        self.rows = 0;
        self.objects = 0;
        for (_, key) in self.keys.drain(..) {
            key.release();
        }
    }

    /// Memory kept for the next encoding, in keys.
    pub(super) fn capacity(&self) -> usize {
        self.keys.capacity()
    }

    /// The number of the shape that `table`, dense and with string keys, has.
    #[inline]
    pub(super) fn find_row(&self, table: Table, count: usize) -> Option<u32> {
        let recent = recent_slot(Self::ROW, table.key_hash(0), table.key_hash(count - 1), count);
        let shape = self.shapes.get(self.recent[recent] as usize)?;
        if shape.class != Self::ROW || shape.count != count {
            return None;
        }
        let keys = &self.keys[shape.start..shape.start + count];
        let same = keys.iter().enumerate().all(|(position, (hash, key))| {
            table.key_pointer(position) == key.as_ptr()
                || (table.key_hash(position) == *hash && same_key(table.key(position), *key))
        });
        same.then_some(shape.number)
    }

    /// Adds the shape of `table`, of which [`Self::find_row`] knew nothing.
    pub(super) fn add_row(&mut self, table: Table, count: usize) {
        let start = self.keys.len();
        for position in 0..count {
            if let Key::String(key) = table.key(position) {
                key.hold();
                self.keys.push((table.key_hash(position), key));
            }
        }
        self.add(Self::ROW, start);
    }

    /// The number of the shape with these properties; adds it if there is none.
    pub(super) fn find_or_add_object(
        &mut self,
        class: u32,
        names: impl ExactSizeIterator<Item = Text> + Clone,
    ) -> Found {
        let count = names.len();
        let hash = |name: Option<Text>| name.map_or(0, |name| name.as_ptr().addr() as u64);
        let recent =
            recent_slot(class, hash(names.clone().next()), hash(names.clone().last()), count);
        if let Some(shape) = self.shapes.get(self.recent[recent] as usize)
            && shape.class == class
            && shape.count == count
        {
            let keys = &self.keys[shape.start..shape.start + count];
            if keys.iter().zip(names.clone()).all(|((_, key), name)| *key == name) {
                return Found::Old(shape.number);
            }
        }
        let start = self.keys.len();
        for name in names {
            name.hold();
            self.keys.push((name.as_ptr().addr() as u64, name));
        }
        Found::New(self.add(class, start))
    }

    fn add(&mut self, class: u32, start: usize) -> u32 {
        let keys = &self.keys[start..];
        let (first, last) =
            (keys.first().map_or(0, |key| key.0), keys.last().map_or(0, |key| key.0));
        let recent = recent_slot(class, first, last, keys.len());
        self.recent[recent] = u32::try_from(self.shapes.len()).unwrap_or(NONE);
        let next = if class == Self::ROW { &mut self.rows } else { &mut self.objects };
        let number = *next;
        *next += 1;
        self.shapes.push(Shape { class, number, recent, start, count: keys.len() });
        number
    }
}

pub(super) enum Found {
    Old(u32),
    New(u32),
}

fn same_key(key: Key, expected: Text) -> bool {
    matches!(key, Key::String(key) if key.bytes() == expected.bytes())
}

#[inline]
fn recent_slot(class: u32, first: u64, last: u64, count: usize) -> usize {
    let mixed = (first ^ last.rotate_left(17) ^ u64::from(class) ^ (count as u64) << 7)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize & (RECENT - 1)
}
