//! docs/protocol.md tells people what the code tells the compiler.

use protocol::{BadFrame, HEADER_BYTES, Header};

const DOCUMENT: &str = include_str!("../../docs/protocol.md");
const FRAMES: &str = include_str!("../src/frame.rs");

fn has_row(row: &str) -> bool {
    DOCUMENT.lines().any(|line| line == row)
}

#[test]
fn the_header_is_documented_as_the_code_has_it() {
    let rows: Vec<&str> = FRAMES.lines().filter_map(|line| line.strip_prefix("//! |")).collect();
    assert!(rows.len() > 10, "the table in frame.rs is gone");
    for row in rows {
        assert!(has_row(&format!("|{row}")), "docs/protocol.md lacks |{row}");
    }
}

#[test]
fn every_kind_of_frame_is_documented() {
    for byte in 0..=u8::MAX {
        let mut bytes = [0; HEADER_BYTES];
        bytes[4] = byte;
        let prefix = match Header::parse(&bytes, 0) {
            Ok(header) => format!("| {byte} | {:?} |", header.expect("complete").kind),
            Err(error) => {
                assert_eq!(error, BadFrame::UnknownKind(byte));
                continue;
            }
        };
        let found = DOCUMENT.lines().any(|line| line.starts_with(&prefix));
        assert!(found, "docs/protocol.md lacks {prefix}");
    }
}
