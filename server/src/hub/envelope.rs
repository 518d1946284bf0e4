//! What instances tell one another over the bus: who stored what, in bytes that need no JSON to be routed.
//!
//! `version u8 ‖ instance 16 ‖ epoch 16 ‖ last seq u64 ‖ last at_ms i64 ‖ hash 32 ‖ count u32 ‖ events`, each event
//! `at_ms i64 ‖ conversation 16 (zeros: none) ‖ redacted u8 ‖ kind ‖ actor ‖ event`, texts with a length of four bytes
//! ahead, all integers big-endian; the events end at the last `seq` and have no gaps. Without events it only wakes.
//! Deliberately absent: whom to believe (a bus that leaves the process signs what it carries).

use crate::log::{Head, StoredEvent};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use dibs_protocol::ids::ConversationId;
use uuid::Uuid;

/// The form of an envelope. An older instance ignores newer ones, and reads the log instead.
const VERSION: u8 = 1;
/// Above so many bytes of events an envelope only wakes: they are read from the log.
const EVENTS_BYTES: usize = 256 * 1024;
/// Bytes before the events.
const HEADER: usize = 1 + 16 + 16 + 8 + 8 + 32 + 4;
/// Bytes of an event before its texts.
const EVENT_HEADER: usize = 8 + 16 + 1;

/// Something was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who stored it.
    pub instance: Uuid,
    /// The head it left.
    pub head: Head,
    /// The events that end at the head, or none.
    pub events: Vec<StoredEvent>,
}

impl Envelope {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let texts = |it: &StoredEvent| it.kind.len() + it.actor.len() + it.event.len() + 12 + EVENT_HEADER;
        let bytes: usize = self.events.iter().map(texts).sum();
        let events = if bytes > EVENTS_BYTES {
            &[][..]
        } else {
            &self.events
        };
        let mut out = BytesMut::with_capacity(HEADER + bytes.min(EVENTS_BYTES));
        out.put_u8(VERSION);
        out.put_slice(self.instance.as_bytes());
        out.put_slice(self.head.epoch.as_bytes());
        out.put_u64(self.head.seq);
        out.put_i64(self.head.at_ms);
        out.put_slice(&self.head.hash);
        out.put_u32(u32::try_from(events.len()).unwrap_or(0));
        for event in events {
            out.put_i64(event.at_ms);
            out.put_slice(event.conversation.map_or(Uuid::nil(), |id| id.0).as_bytes());
            out.put_u8(u8::from(event.redacted));
            for text in [&event.kind, &event.actor, &event.event] {
                out.put_u32(u32::try_from(text.len()).unwrap_or(0));
                out.put_slice(text.as_bytes());
            }
        }
        out.freeze()
    }

    /// Reads an envelope; `None` when the bytes are none that this program knows.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let (instance, epoch) = (uuid(&mut bytes)?, uuid(&mut bytes)?);
        let (seq, at_ms) = (bytes.try_get_u64().ok()?, bytes.try_get_i64().ok()?);
        let mut hash = [0; 32];
        bytes.try_copy_to_slice(&mut hash).ok()?;
        let count = u64::from(bytes.try_get_u32().ok()?);
        let first = (seq + 1).checked_sub(count)?;
        let mut events = Vec::new();
        for seq in first..=seq {
            events.push(event(&mut bytes, seq)?);
        }
        let head = Head {
            epoch,
            seq,
            hash,
            at_ms,
        };
        bytes.is_empty().then_some(Self {
            instance,
            head,
            events,
        })
    }
}

fn event(bytes: &mut &[u8], seq: u64) -> Option<StoredEvent> {
    let at_ms = bytes.try_get_i64().ok()?;
    let conversation = Some(ConversationId(uuid(bytes)?)).filter(|id| !id.0.is_nil());
    let redacted = bytes.try_get_u8().ok()? != 0;
    let (kind, actor, event) = (text(bytes)?, text(bytes)?, text(bytes)?);
    Some(StoredEvent {
        seq,
        at_ms,
        conversation,
        kind,
        actor,
        event,
        redacted,
    })
}

fn uuid(bytes: &mut &[u8]) -> Option<Uuid> {
    let mut id = [0; 16];
    bytes.try_copy_to_slice(&mut id).ok()?;
    Some(Uuid::from_bytes(id))
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    let text = std::str::from_utf8(text).ok()?.to_owned();
    *bytes = rest;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(seq: u64, conversation: u128, text: &str) -> StoredEvent {
        StoredEvent {
            seq,
            at_ms: 1_795_255_200_123,
            conversation: Some(ConversationId(Uuid::from_u128(conversation))).filter(|id| !id.0.is_nil()),
            kind: "note_added".to_owned(),
            actor: r#"{"kind":"agent","id":"priya"}"#.to_owned(),
            event: text.to_owned(),
            redacted: seq.is_multiple_of(2),
        }
    }

    fn envelope(events: Vec<StoredEvent>) -> Envelope {
        let head = Head {
            epoch: Uuid::from_u128(7),
            seq: 4_711,
            hash: [9; 32],
            at_ms: 1_795_255_200_123,
        };
        let instance = Uuid::from_u128(3);
        Envelope {
            instance,
            head,
            events,
        }
    }

    proptest! {
        #[test]
        fn what_was_sent_is_what_arrives(texts in prop::collection::vec(("\\PC{0,40}", 0u128..3), 0..5)) {
            let first = 4_712 - texts.len() as u64;
            let events = texts.iter().zip(first..).map(|((text, id), seq)| stored(seq, *id, text)).collect();
            let sent = envelope(events);
            prop_assert_eq!(Envelope::decode(&sent.encode()), Some(sent));
        }

        #[test]
        fn what_is_cut_or_foreign_is_no_envelope(cut in 0usize..200, noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let whole = envelope(vec![stored(4_711, 1, "x")]).encode();
            prop_assert_eq!(Envelope::decode(&whole[..cut.min(whole.len() - 1)]), None);
            // Whatever it is, it does not panic.
            drop(Envelope::decode(&noise));
        }
    }

    #[test]
    fn too_many_bytes_of_events_only_wake() {
        let sent = envelope(vec![stored(4_711, 1, &"x".repeat(EVENTS_BYTES))]);
        let heard = Envelope::decode(&sent.encode()).unwrap();
        assert_eq!((heard.head, heard.events), (sent.head, Vec::new()));
    }
}
