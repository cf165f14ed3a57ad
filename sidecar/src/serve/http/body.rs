//! Bodies of requests, within their limits.

use super::answer::refuse;
use crate::admin::{AdminError, Code};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::timeout;

/// Largest body that is no archive, in bytes.
pub(super) const BODY_BYTES_MAX: u64 = 1024 * 1024;

/// A body, piece by piece; `stalled_after` is the longest pause between two of them.
pub(super) struct Pieces {
    body: Body,
    bytes: u64,
    bytes_max: u64,
    stalled_after: Duration,
}

impl Pieces {
    /// One whose announced length is too much is refused before a byte of it is read.
    pub(super) fn new(
        body: Body,
        announced: Option<u64>,
        bytes_max: u64,
        stalled_after: Duration,
    ) -> Result<Self, Fault> {
        if announced.is_some_and(|bytes| bytes > bytes_max) {
            return Err(Fault::TooLarge { bytes_max });
        }
        Ok(Self { body, bytes: 0, bytes_max, stalled_after })
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = timeout(self.stalled_after, self.body.frame()).await;
            let frame = match frame.map_err(|_| Fault::Stalled(self.stalled_after))? {
                None => return Ok(None),
                Some(frame) => frame.map_err(|error| Fault::Broken(error.to_string()))?,
            };
            // Trailers say nothing here.
            let Ok(piece) = frame.into_data() else { continue };
            self.bytes += piece.len() as u64;
            if self.bytes > self.bytes_max {
                return Err(Fault::TooLarge { bytes_max: self.bytes_max });
            }
            return Ok(Some(piece));
        }
    }

    /// All of it, in memory.
    pub(super) async fn whole(mut self) -> Result<Vec<u8>, Fault> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

/// Why a body was not taken.
#[derive(Debug)]
pub(super) enum Fault {
    TooLarge {
        bytes_max: u64,
    },
    Stalled(Duration),
    Broken(String),
    /// It cannot be kept, which is the worker's fault.
    Unkept(String),
}

impl Fault {
    pub(super) fn response(&self) -> Response {
        let (status, code, message) = match self {
            Self::TooLarge { bytes_max } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Code::BadRequest,
                format!(
                    "the body has more than {bytes_max} bytes (control.archive_bytes_max for archives)"
                ),
            ),
            Self::Stalled(limit) => (
                StatusCode::REQUEST_TIMEOUT,
                Code::BadRequest,
                format!("nothing came for {} s; send it again", limit.as_secs_f64()),
            ),
            Self::Broken(error) => (
                StatusCode::BAD_REQUEST,
                Code::BadRequest,
                format!("the body did not arrive whole: {error}"),
            ),
            Self::Unkept(error) => {
                (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, error.clone())
            }
        };
        refuse(status, &AdminError::new(code, message))
    }
}
