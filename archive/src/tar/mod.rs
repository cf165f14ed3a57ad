//! Tar: read as others write it, or strictly as this program does; written in one spelling.

mod extension;
mod header;
mod reader;
mod writer;

pub(crate) use header::{BLOCK_BYTES, Block, Header};
pub(crate) use reader::{Style, read};
pub(crate) use writer::Writer;
