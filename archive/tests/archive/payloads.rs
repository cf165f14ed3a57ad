//! Payloads by a deployer who can sign, and means harm.

use crate::support::Place;
use archive::Fault;

#[test]
fn what_is_no_zstd_is_refused() {
    let place = Place::new();
    assert_eq!(place.refusal_of(b"no zstd at all"), Fault::Compression("zstd"));
    assert_eq!(place.refusal_of(b""), Fault::Truncated);
}
