//! A file as the body of a request or response, read piece by piece.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

/// Most bytes read at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The rest of an open file, as long as it was when it was opened.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: File,
    left: u64,
    /// Counts what was handed on, for whoever shows progress.
    sent: Arc<AtomicU64>,
}

impl FileBody {
    pub(crate) fn new(file: File, bytes: u64) -> Self {
        Self { file, left: bytes, sent: Arc::default() }
    }

    /// The bytes handed on are added to `sent`.
    pub(crate) fn counting(self, sent: Arc<AtomicU64>) -> Self {
        Self { sent, ..self }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let most = PIECE_BYTES.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let mut piece = vec![0; most];
        let mut buffer = ReadBuf::new(&mut piece);
        if let Err(error) = ready!(Pin::new(&mut self.file).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        piece.truncate(read);
        self.left -= read as u64;
        self.sent.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
