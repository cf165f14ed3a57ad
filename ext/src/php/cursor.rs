//! Going over an `iterable` step by step, from function call to function call.
//!
//! Contract: an array is held by a reference of our own and read by position, so changes that user
//! code makes go to a copy. An iterator is held likewise and released once; every step of it may run
//! user code, which may throw or leave by longjmp: what a cursor holds is on PHP's request heap, which
//! PHP reclaims then.
#![allow(unsafe_code)]

use super::boundary::is_throwing;
use super::object::Collector;
use ext_php_rs::ffi::{
    IS_OBJECT_EX, ext_php_rs_zend_object_release, zend_hash_get_current_data_ex,
    zend_hash_get_current_key_zval_ex, zend_hash_move_forward_ex,
};
use ext_php_rs::types::{ZendIterator, Zval};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// A position in an iterable.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The array, or the object that the iterator belongs to.
    source: Zval,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Array { position: u32 },
    Iterator { iterator: NonNull<ZendIterator>, started: bool, count: i64 },
}

/// One step.
#[derive(Debug)]
pub(crate) enum Step {
    Item {
        key: Zval,
        value: Zval,
    },
    End,
    /// An exception is pending.
    Thrown,
}

impl Cursor {
    /// Begins before the first item of `source`; `None` when that cannot be iterated, or threw.
    pub(crate) fn new(source: &Zval) -> Option<Self> {
        let source = source.dereference().shallow_clone();
        if source.is_array() {
            return Some(Self { source, kind: Kind::Array { position: 0 } });
        }
        let class = source.object()?.get_class_entry();
        let get = class.get_iterator?;
        // SAFETY: the class's own function for an object of the class; the iterator is ours.
        let iterator = unsafe {
            get(std::ptr::from_ref(class).cast_mut(), std::ptr::from_ref(&source).cast_mut(), 0)
        };
        let iterator = NonNull::new(iterator)?;
        Some(Self { source, kind: Kind::Iterator { iterator, started: false, count: 0 } })
    }

    /// Shows what is held to the collector of cycles.
    pub(crate) fn trace(&self, collector: &mut Collector) {
        collector.show(&self.source);
        if let Kind::Iterator { iterator, .. } = &self.kind {
            // An iterator begins with its object. The value has no reference of its own, so it must
            // not release one either.
            let mut value = ManuallyDrop::new(Zval::new());
            value.value.obj = iterator.as_ptr().cast();
            value.u1.type_info = IS_OBJECT_EX;
            collector.show(&value);
        }
    }

    /// The next item.
    pub(crate) fn next(&mut self) -> Step {
        match &mut self.kind {
            Kind::Array { position } => next_of_array(&self.source, position),
            Kind::Iterator { iterator, started, count } => {
                // SAFETY: ours and alive; the engine's iterators are used by one caller at a time,
                // which the busy flag of the map sees to.
                let iterator = unsafe { iterator.as_mut() };
                let moved = if *started { iterator.move_forward() } else { iterator.rewind() };
                *started = true;
                if !moved || is_throwing() {
                    return Step::Thrown;
                }
                next_of_iterator(iterator, count)
            }
        }
    }
}

fn next_of_array(array: &Zval, position: &mut u32) -> Step {
    let Some(table) = array.array() else {
        return Step::End;
    };
    let table = std::ptr::from_ref(table).cast_mut();
    // SAFETY: the table is alive and not changed: we hold a reference, so writers separate.
    unsafe {
        let Some(value) = zend_hash_get_current_data_ex(table, position).as_ref() else {
            return Step::End;
        };
        let mut key = Zval::new();
        zend_hash_get_current_key_zval_ex(table, &raw mut key, position);
        let value = value.dereference().shallow_clone();
        zend_hash_move_forward_ex(table, position);
        Step::Item { key, value }
    }
}

fn next_of_iterator(iterator: &mut ZendIterator, count: &mut i64) -> Step {
    let valid = iterator.valid();
    if is_throwing() {
        return Step::Thrown;
    }
    if !valid {
        return Step::End;
    }
    let value = iterator.get_current_data().map(|value| value.dereference().shallow_clone());
    let Some(value) = value.filter(|_| !is_throwing()) else {
        return Step::Thrown;
    };
    let key = iterator.get_current_key().unwrap_or_else(|| {
        let mut key = Zval::new();
        key.set_long(*count);
        key
    });
    *count += 1;
    if is_throwing() { Step::Thrown } else { Step::Item { key, value } }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        if let Kind::Iterator { iterator, .. } = &self.kind {
            // SAFETY: iterators are objects of the engine's; this is our one reference.
            unsafe { ext_php_rs_zend_object_release(iterator.as_ptr().cast()) };
        }
    }
}
