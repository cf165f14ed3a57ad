//! What can be told of arguments in the value codec, and said in it, without decoding: the codec itself needs
//! PHP's engine. Tags are those of `values/src/tag.rs`.

/// Arguments of a call that has none: none by position, none by name.
pub(crate) const NO_ARGUMENTS: [u8; 2] = [0, 0];
/// A string of up to 47 bytes, less its length.
const SHORT_STRING: u8 = 0x80;
/// Its properties, what `__serialize()` gave, and what `Serializable::serialize()` gave.
const OBJECT_SHAPE: u8 = 0xe9;
const OBJECT_STATE: u8 = 0xeb;
const OBJECT_OPAQUE: u8 = 0xec;

/// Whether they begin with an object, and have nothing else by position.
pub(crate) fn is_one_object(arguments: &[u8]) -> bool {
    matches!(arguments, [1, OBJECT_SHAPE | OBJECT_STATE | OBJECT_OPAQUE, ..])
}

/// An id as a value.
pub(crate) fn id(id: protocol::JobId) -> Vec<u8> {
    let text = id.to_string();
    let length = u8::try_from(text.len()).expect("a UUID has 36 characters");
    [&[SHORT_STRING + length], text.as_bytes()].concat()
}
