//! Failures that are too large to be sent: what tells least goes first, and what is cut says so.

use protocol::{Failure, Thrown, TraceFrame, body_to_vec};

/// Most of what a PHP message takes of an answer.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Most of what the name of a class, function or file takes of it.
pub(super) const NAME_BYTES_MAX: usize = 4 * 1024;
/// Largest failure, where frames may be larger.
const FAILURE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How the marker of a cut begins.
const MARK: &str = "… (cut, ";
/// Its length with the largest number.
const MARKER_BYTES_MAX: usize = 40;
/// Frames of a trace that are kept longer than previous exceptions are.
const FRAMES_KEPT: usize = 8;

/// The failure as the body of a frame of at most `bytes_max` bytes.
pub(super) fn body(failure: &Failure, bytes_max: u32) -> Vec<u8> {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(FAILURE_BYTES_MAX);
    let mut body = body_to_vec(failure);
    if body.len() <= bytes_max {
        return body;
    }
    let mut failure = failure.clone();
    // Encoding takes long for what is this large: it is done again only when enough is gone.
    let mut excess = body.len() - bytes_max;
    if let Failure::Thrown(chain) | Failure::JobThrown { chain, .. } = &mut failure {
        while excess > 0
            && let Some(gone) = shed(chain)
        {
            excess = excess.saturating_sub(gone);
        }
    }
    body = body_to_vec(&failure);
    let mut text_max = MESSAGE_BYTES_MAX;
    while body.len() > bytes_max && text_max > 0 {
        text_max /= 2;
        shorten(&mut failure, text_max);
        body = body_to_vec(&failure);
    }
    body
}

/// The first `max` bytes, and then how many there were; of UTF-8 only whole characters.
pub(super) fn bytes(whole: &[u8], max: usize) -> Vec<u8> {
    if whole.len() <= max {
        return whole.to_vec();
    }
    let is_inside = |at: &usize| whole[*at] & 0b1100_0000 == 0b1000_0000;
    // A character has at most three bytes after its first; more of them are no UTF-8.
    let end = (max.saturating_sub(3)..=max).rev().find(|at| !is_inside(at)).unwrap_or(max);
    let marker = match marker(whole) {
        Some(marker) => marker.to_vec(),
        None => format!("{MARK}{} bytes)", whole.len()).into_bytes(),
    };
    [&whole[..end], &marker].concat()
}

/// What an earlier cut put at the end: it has the length that was.
fn marker(text: &[u8]) -> Option<&[u8]> {
    let tail = &text[text.len().saturating_sub(MARKER_BYTES_MAX)..];
    let at = tail.windows(MARK.len()).position(|window| window == MARK.as_bytes())?;
    tail.ends_with(b" bytes)").then_some(&tail[at..])
}

/// The same for text; what is no UTF-8 is replaced.
pub(super) fn text(whole: &[u8], max: usize) -> String {
    String::from_utf8_lossy(&bytes(whole, max)).into_owned()
}

/// Drops one thing of a chain of exceptions, the last one's first, and says how many bytes that was at
/// least; `None` when only words are left.
fn shed(chain: &mut Vec<Thrown>) -> Option<usize> {
    if let Some(thrown) = chain.iter_mut().rev().find(|thrown| !thrown.properties.is_empty()) {
        return Some(std::mem::take(&mut thrown.properties).len());
    }
    if let Some(thrown) = chain.iter_mut().rev().find(|t| t.trace.len() > FRAMES_KEPT) {
        return Some(thrown.trace.drain(FRAMES_KEPT..).map(|frame| length(&frame)).sum());
    }
    if chain.len() > 1 {
        return chain.pop().map(|thrown| thrown.message.len());
    }
    let thrown = chain.first_mut().filter(|thrown| !thrown.trace.is_empty())?;
    Some(thrown.trace.drain(..).map(|frame| length(&frame)).sum())
}

fn length(frame: &TraceFrame) -> usize {
    frame.function.len() + frame.file.as_deref().map_or(0, str::len)
}

/// Cuts every text that PHP code could have made long.
fn shorten(failure: &mut Failure, max: usize) {
    let cut = |words: &mut String| *words = text(words.as_bytes(), max);
    match failure {
        Failure::Thrown(chain) | Failure::JobThrown { chain, .. } => {
            for thrown in chain {
                thrown.message = bytes(&thrown.message, max);
                cut(&mut thrown.class);
                cut(&mut thrown.file);
            }
        }
        Failure::Fatal { message, file, .. } => {
            *message = bytes(message, max);
            cut(file);
        }
        Failure::BadArguments { path, reason } | Failure::BadResult { path, reason } => {
            cut(path);
            cut(reason);
        }
        Failure::NotCallable { reason, .. }
        | Failure::Unavailable { reason, .. }
        | Failure::Protocol { reason } => cut(reason),
        Failure::UnknownFunction { near, .. } => near.clear(),
        // Numbers, and names that a frame had room for.
        Failure::Died { .. }
        | Failure::TimedOut { .. }
        | Failure::Cancelled
        | Failure::Moved
        | Failure::WrongPool { .. }
        | Failure::WrongRelease { .. }
        | Failure::ReleaseGone { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{FatalKind, body_from_slice};

    const LEAST: u32 = 4096;

    fn cut_to(failure: &Failure, bytes_max: u32) -> Failure {
        let body = body(failure, bytes_max);
        assert!(body.len() <= bytes_max as usize, "{} bytes", body.len());
        body_from_slice("failure", &body).unwrap()
    }

    fn thrown(message: &str) -> Thrown {
        let frame = TraceFrame {
            file: Some("f".repeat(NAME_BYTES_MAX)),
            line: Some(1),
            class: None,
            arrow: None,
            function: "f".repeat(NAME_BYTES_MAX),
        };
        Thrown {
            class: "Shop\\Failure".to_owned(),
            message: message.as_bytes().to_vec(),
            code: 7,
            file: "/app/shop.php".to_owned(),
            line: 3,
            trace: vec![frame; 128],
            properties: vec![1; 1024 * 1024],
        }
    }

    #[test]
    fn what_fits_is_left_alone() {
        let failure = Failure::Thrown(vec![thrown("why")]);
        assert_eq!(cut_to(&failure, u32::MAX), failure);
    }

    #[test]
    fn an_exception_keeps_class_message_and_place_however_small_the_frame() {
        let whole = Failure::Thrown(vec![thrown("why"); 16]);
        let Failure::Thrown(chain) = cut_to(&whole, LEAST) else { panic!("another failure") };
        let first = &chain[0];
        assert_eq!((chain.len(), first.class.as_str(), first.line), (1, "Shop\\Failure", 3));
        assert_eq!(first.message, b"why");
        let Failure::Thrown(chain) = cut_to(&whole, u32::MAX) else { panic!("another failure") };
        let frames = |at: usize| chain[at].trace.len();
        assert_eq!((chain.len(), frames(0), frames(15)), (16, 128, FRAMES_KEPT));
    }

    #[test]
    fn a_long_message_is_cut_to_the_frame() {
        let message = "ä".repeat(1_000_000).into_bytes();
        let whole = Failure::Fatal {
            kind: FatalKind::Error,
            message,
            file: "/".repeat(LEAST as usize),
            line: 3,
        };
        let Failure::Fatal { message, line, .. } = cut_to(&whole, LEAST) else {
            panic!("another failure")
        };
        let message = String::from_utf8(message).unwrap();
        assert!(message.starts_with("ää") && message.contains("… (cut, "), "{message}");
        assert_eq!(line, 3);
    }

    #[test]
    fn a_cut_leaves_whole_characters_and_says_how_long_it_was() {
        assert_eq!(bytes("aä".as_bytes(), 3), "aä".as_bytes());
        assert_eq!(bytes("aäb".as_bytes(), 2), "a… (cut, 4 bytes)".as_bytes());
        assert_eq!(bytes(&[0x80; 9], 5)[..5], [0x80; 5]);
        assert_eq!(bytes(b"abc", 0), "… (cut, 3 bytes)".as_bytes());
        let once = bytes(&[b'x'; 1_000_000], 100);
        assert_eq!(bytes(&once, 3), "xxx… (cut, 1000000 bytes)".as_bytes());
    }
}
