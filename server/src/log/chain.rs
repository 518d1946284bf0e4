//! The hash chain of a feed and the checksums of what stands beside it, shared by all logs.
//!
//! `hash = SHA-256(previous hash ‖ header ‖ digest)` with `digest = SHA-256(salt ‖ body)` and a header of
//! length-prefixed fields, so that salt and body can be erased and the chain still be checked. All integers are
//! big-endian. Deliberately absent: storage.

use super::NewEvent;
use dibs_protocol::ids::ConversationId;
use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash before a feed's first event.
pub const GENESIS: Hash = [0; 32];

/// How many bytes of a SHA-256 serve as a checksum against accidents.
pub const CHECKSUM_BYTES: usize = 16;

/// The part of an event that is in the chain as it is.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// The event's number.
    pub seq: u64,
    /// When it happened, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Its conversation, if any.
    pub conversation: Option<ConversationId>,
    /// Its kind.
    pub kind: &'a str,
    /// Who caused it, as JSON.
    pub actor: &'a str,
    /// What remains of it after an erasure, as JSON.
    pub skeleton: &'a str,
}

impl<'a> Header<'a> {
    /// The header of a new event that gets the number `seq`.
    #[must_use]
    pub fn of(seq: u64, event: &'a NewEvent) -> Self {
        Self {
            seq,
            at_ms: event.at_ms,
            conversation: event.conversation,
            kind: event.kind,
            actor: &event.actor,
            skeleton: &event.skeleton,
        }
    }
}

/// The digest of what may be erased. An event without a body has the digest of its salt alone.
#[must_use]
pub fn digest(salt: &[u8], body: Option<&str>) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(body.unwrap_or_default().as_bytes());
    hasher.finalize().into()
}

/// The chain's hash at an event, from the hash before it.
#[must_use]
pub fn link(previous: &Hash, header: &Header<'_>, digest: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    field(&mut hasher, &header.seq.to_be_bytes());
    field(&mut hasher, &header.at_ms.to_be_bytes());
    match &header.conversation {
        Some(id) => field(&mut hasher, id.0.as_bytes()),
        None => field(&mut hasher, &[]),
    }
    field(&mut hasher, header.kind.as_bytes());
    field(&mut hasher, header.actor.as_bytes());
    field(&mut hasher, header.skeleton.as_bytes());
    hasher.update(digest);
    hasher.finalize().into()
}

/// The checksum of a row: the first [`CHECKSUM_BYTES`] of the SHA-256 of its length-prefixed fields.
#[must_use]
pub fn checksum(fields: &[&[u8]]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = Sha256::new();
    for bytes in fields {
        field(&mut hasher, bytes);
    }
    let whole: Hash = hasher.finalize().into();
    let mut first = [0; CHECKSUM_BYTES];
    first.copy_from_slice(&whole[..CHECKSUM_BYTES]);
    first
}

/// Four bytes of length, then the bytes, so that no two lists of fields look alike.
fn field(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(skeleton: &str) -> Header<'_> {
        Header {
            seq: 1,
            at_ms: 5,
            conversation: None,
            kind: "k",
            actor: "a",
            skeleton,
        }
    }

    #[test]
    fn every_part_is_in_the_hash() {
        let digest_a = digest(&[1; 16], Some("body"));
        let hash = link(&GENESIS, &header("s"), &digest_a);
        assert_ne!(hash, link(&hash, &header("s"), &digest_a));
        assert_ne!(hash, link(&GENESIS, &header("t"), &digest_a));
        assert_ne!(hash, link(&GENESIS, &header("s"), &digest(&[1; 16], None)));
        let moved = Header {
            kind: "ka",
            actor: "",
            ..header("s")
        };
        assert_ne!(hash, link(&GENESIS, &moved, &digest_a));
    }

    #[test]
    fn fields_of_a_checksum_do_not_run_together() {
        assert_ne!(checksum(&[b"ab", b"c"]), checksum(&[b"a", b"bc"]));
    }
}
