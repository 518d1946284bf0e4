//! What makes a message believable: who sent it and a signature over the channel and all that follows.
//!
//! `tag 16 ‖ sender 16 ‖ payload`; the tag is the first half of HMAC-SHA256 over `"dibs bus 1" ‖ length of the channel
//! u32 ‖ channel ‖ sender ‖ payload`. So a message of one workspace cannot be told to another. Deliberately absent:
//! freshness. A message that is played back is one that was stored, and whoever hears it knows its `seq` already.

use aws_lc_rs::hmac;
use bytes::Bytes;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Bytes of the signature, and of the sender.
const TAG: usize = 16;
/// Bytes ahead of the payload.
const HEADER: usize = TAG + 16;
/// What is signed with this key can be nothing else than a message in this form.
const DOMAIN: &[u8] = b"dibs bus 1";
/// Longest message, in bytes, with what is ahead of it. Longer ones are not sent, and not believed.
pub(super) const MESSAGE_MAX: usize = 1024 * 1024;

/// Signs what leaves, and verifies what arrives.
pub(super) struct Signer {
    key: hmac::Key,
    sender: Uuid,
}

impl Signer {
    /// A signer with the key that all instances share. `sender` tells this bus from all others.
    pub(super) fn new(key: &[u8; 32], sender: Uuid) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            sender,
        }
    }

    /// Who this is.
    pub(super) fn sender(&self) -> Uuid {
        self.sender
    }

    /// The message as it leaves; nothing when it would be too long.
    pub(super) fn seal(&self, channel: &str, payload: &[u8]) -> Option<Vec<u8>> {
        if payload.len() > MESSAGE_MAX - HEADER {
            return None;
        }
        let mut message = Vec::with_capacity(HEADER + payload.len());
        message.extend_from_slice(&self.tag(channel.as_bytes(), self.sender.as_bytes(), payload));
        message.extend_from_slice(self.sender.as_bytes());
        message.extend_from_slice(payload);
        Some(message)
    }

    /// Whether a message says that it comes from here. That is not verified: what is its own, a bus ignores.
    pub(super) fn is_own(&self, message: &[u8]) -> bool {
        message.get(TAG..HEADER) == Some(self.sender.as_bytes())
    }

    /// The payload; nothing when the message is torn, too long, or not signed for this channel.
    pub(super) fn open(&self, channel: &[u8], message: Vec<u8>) -> Option<Bytes> {
        if message.len() > MESSAGE_MAX {
            return None;
        }
        let (tag, rest) = message.split_at_checked(TAG)?;
        let (sender, payload) = rest.split_at_checked(HEADER - TAG)?;
        let signed: bool = self.tag(channel, sender, payload).ct_eq(tag).into();
        signed.then(|| Bytes::from(message).slice(HEADER..))
    }

    fn tag(&self, channel: &[u8], sender: &[u8], payload: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(DOMAIN);
        context.update(&u32::try_from(channel.len()).unwrap_or(u32::MAX).to_be_bytes());
        for part in [channel, sender, payload] {
            context.update(part);
        }
        let mut tag = [0; TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(key: u8, sender: u128) -> Signer {
        Signer::new(&[key; 32], Uuid::from_u128(sender))
    }

    #[test]
    fn what_was_signed_is_believed_on_its_channel_only() {
        let (one, other) = (signer(7, 1), signer(7, 2));
        let message = one.seal("dibs:w:acme", b"x").unwrap();
        assert!(one.is_own(&message) && !other.is_own(&message));
        assert_eq!(
            other.open(b"dibs:w:acme", message.clone()),
            Some(Bytes::from_static(b"x"))
        );
        assert_eq!(other.open(b"dibs:w:acm", message.clone()), None);
        assert_eq!(signer(8, 2).open(b"dibs:w:acme", message), None);
    }

    #[test]
    fn a_changed_torn_or_empty_message_is_not_believed() {
        let one = signer(7, 1);
        let message = one.seal("c", b"payload").unwrap();
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert_eq!(one.open(b"c", changed), None, "byte {at}");
            assert_eq!(one.open(b"c", message[..at].to_vec()), None, "cut at {at}");
        }
        // What is moved from the channel to the sender, or from one to the other end, is another message.
        assert_eq!(one.open(b"", [&b"c"[..], &message].concat()), None);
    }

    #[test]
    fn what_is_too_long_is_neither_sent_nor_believed() {
        let one = signer(7, 1);
        let longest = one.seal("c", &vec![0; MESSAGE_MAX - HEADER]).unwrap();
        assert_eq!(
            one.open(b"c", longest).map(|it| it.len()),
            Some(MESSAGE_MAX - HEADER)
        );
        assert_eq!(one.seal("c", &vec![0; MESSAGE_MAX - HEADER + 1]), None);
        assert_eq!(one.open(b"c", vec![0; MESSAGE_MAX + 1]), None);
    }
}
