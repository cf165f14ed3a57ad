//! The head of a call's body: which function. The arguments follow in the value codec.

use crate::{BadFrame, FUNCTION_NAME_BYTES_MAX};

/// `u16` length, then that many bytes of name, as the caller wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallHead<'a> {
    pub function: &'a str,
}

impl<'a> CallHead<'a> {
    /// Appends the head to `out`. The caller has checked the name's length.
    pub fn put(&self, out: &mut Vec<u8>) {
        let length = u16::try_from(self.function.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.function.as_bytes()[..usize::from(length)]);
    }

    /// Splits `body` into the head and the encoded arguments.
    pub fn parse(body: &'a [u8]) -> Result<(Self, &'a [u8]), BadFrame> {
        let malformed = BadFrame::Malformed { what: "function name of a call" };
        let Some((length, rest)) = body.split_first_chunk::<2>() else {
            return Err(malformed);
        };
        let length = usize::from(u16::from_le_bytes(*length));
        if length == 0 || length > FUNCTION_NAME_BYTES_MAX || length > rest.len() {
            return Err(malformed);
        }
        let (name, arguments) = rest.split_at(length);
        let function = std::str::from_utf8(name).map_err(|_| malformed)?;
        Ok((Self { function }, arguments))
    }
}
