//! Reading to the end in pieces.

use std::io::{self, Read};

/// Size of a piece, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Shows `take` everything that `input` has; `failed` makes an error of one of reading.
pub(crate) fn each<E>(
    input: &mut dyn Read,
    failed: impl Fn(io::Error) -> E,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&chunk[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}
