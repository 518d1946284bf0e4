//! What a client must remember to resume: the cursor and what it watches, kept exactly as the contract says. Pure.

use dibs_protocol::answer::WatchAnswer;
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::{Resume, ServerFrame, SnapshotFrame, Welcome};
use dibs_protocol::ids::ConversationId;
use std::collections::BTreeMap;

/// A client's place in the feed. At most as large as the watches of one session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    epoch: Option<String>,
    seq: u64,
    /// The chain's hash and the `seq` that it belongs to.
    hash: Option<(u64, String)>,
    /// Watched conversations, each with the version that the client has of it.
    watching: BTreeMap<ConversationId, u64>,
    /// Between `resync` and the next `position` the cursor stays.
    frozen: bool,
    /// The epoch changed in this connection: nothing before the next `position` can be resumed from.
    void: bool,
}

impl Cursor {
    /// The highest `seq` that counts.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The feed's history that it belongs to, once welcomed.
    #[must_use]
    pub fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// The version that the client has of a watched conversation.
    #[must_use]
    pub fn version(&self, conversation: ConversationId) -> Option<u64> {
        self.watching.get(&conversation).copied()
    }

    /// The watched conversations.
    pub fn watching(&self) -> impl Iterator<Item = ConversationId> + '_ {
        self.watching.keys().copied()
    }

    /// What `hello` carries to resume here; nothing before the first welcome or when the epoch is void.
    #[must_use]
    pub fn resume(&self) -> Option<Resume> {
        let epoch = self.epoch.clone().filter(|_| !self.void)?;
        let hash = self
            .hash
            .as_ref()
            .filter(|(seq, _)| *seq == self.seq)
            .map(|(_, hash)| hash.clone());
        Some(Resume {
            epoch,
            seq: self.seq,
            hash,
            watching: self.watching().collect(),
        })
    }

    /// Takes note of a welcome.
    pub fn welcomed(&mut self, welcome: &Welcome) {
        self.frozen = false;
        self.void = false;
        if welcome.resumed {
            return;
        }
        self.epoch = Some(welcome.epoch.clone());
        self.seq = welcome.seq;
        self.hash = Some((welcome.seq, welcome.hash.clone()));
        self.watching.clear();
    }

    /// Takes note of the answer to `watch`, or of a snapshot.
    pub fn watched(&mut self, answer: &WatchAnswer) {
        self.watching.insert(answer.summary.id, answer.summary.version);
    }

    /// Takes note of the end of a watch, which begins when `unwatch` is sent.
    pub fn unwatched(&mut self, conversation: ConversationId) {
        self.watching.remove(&conversation);
    }

    /// Takes note of an event; false when it must be dropped, because the client has it already.
    pub fn event(&mut self, entry: &EventEntry) -> bool {
        if !self.frozen {
            self.seq = self.seq.max(entry.seq);
        }
        let Some(known) = entry.conversation.and_then(|id| self.watching.get_mut(&id)) else {
            return true;
        };
        if entry.seq <= *known {
            return false;
        }
        *known = entry.seq;
        true
    }

    /// Takes note of any push; false when it must be dropped.
    pub fn push(&mut self, frame: &ServerFrame) -> bool {
        match frame {
            ServerFrame::Event(entry) => return self.event(entry),
            ServerFrame::Position { seq, hash, .. } => {
                self.seq = if self.frozen { *seq } else { self.seq.max(*seq) };
                self.hash = Some((*seq, hash.clone()));
                self.frozen = false;
                self.void = false;
            }
            ServerFrame::Resync { epoch, .. } => {
                self.frozen = true;
                if let Some(epoch) = epoch {
                    self.void = true;
                    self.epoch = Some(epoch.clone());
                }
            }
            ServerFrame::Snapshot(snapshot) => {
                if let SnapshotFrame::Watch { content, .. } = &**snapshot {
                    self.watched(content);
                }
            }
            ServerFrame::Revoked { conversation } => self.unwatched(*conversation),
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const C: &str = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";

    fn welcome(seq: u64, resumed: bool) -> Welcome {
        let limits = dibs_protocol::limits::Limits::default();
        serde_json::from_value(json!({"id": 1, "session": C, "workspace": "w", "agent": {"id": "a", "name": "A",
            "kind": "human", "role": "agent", "teams": [], "skills": []}, "epoch": "e", "seq": seq, "hash": "h0",
            "resumed": resumed, "time": "2026-11-21T10:00:00.000Z", "heartbeat_seconds": 25, "limits": limits,
            "features": [], "unread_mentions": 0, "claims": [], "offers": []}))
        .unwrap()
    }

    fn event(seq: u64) -> ServerFrame {
        serde_json::from_value(
            json!({"type": "event", "seq": seq, "conversation": C, "at": "2026-11-21T10:00:00.000Z",
            "actor": {"kind": "system"}, "event": {"kind": "new_kind"}}),
        )
        .unwrap()
    }

    fn position(seq: u64) -> ServerFrame {
        serde_json::from_value(
            json!({"type": "position", "seq": seq, "hash": "h1", "time": "2026-11-21T10:00:00.000Z"}),
        )
        .unwrap()
    }

    fn resync(epoch: Option<&str>) -> ServerFrame {
        ServerFrame::Resync {
            reason: "slow".into(),
            epoch: epoch.map(str::to_owned),
            seq: None,
        }
    }

    fn watching(cursor: &mut Cursor, version: u64) {
        cursor.watching.insert(C.parse().unwrap(), version);
    }

    #[test]
    fn a_welcome_that_resumed_leaves_the_cursor_for_the_replay() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.resume(), None);
        cursor.welcomed(&welcome(10, false));
        assert_eq!(
            (cursor.seq(), cursor.resume().unwrap().hash.as_deref()),
            (10, Some("h0"))
        );
        cursor.welcomed(&welcome(20, true));
        assert_eq!(cursor.seq(), 10);
    }

    #[test]
    fn the_hash_is_sent_only_with_the_very_seq_that_it_belongs_to() {
        let mut cursor = Cursor::default();
        cursor.welcomed(&welcome(10, false));
        cursor.push(&event(11));
        assert_eq!(cursor.resume().unwrap().hash, None);
        cursor.push(&position(14));
        let resume = cursor.resume().unwrap();
        assert_eq!((resume.seq, resume.hash.as_deref()), (14, Some("h1")));
    }

    #[test]
    fn an_event_that_is_not_above_the_known_version_is_dropped() {
        let mut cursor = Cursor::default();
        cursor.welcomed(&welcome(10, false));
        watching(&mut cursor, 12);
        assert!(!cursor.push(&event(12)));
        assert!(cursor.push(&event(13)), "an unknown kind counts as well");
        assert!(!cursor.push(&event(13)));
        assert_eq!(cursor.version(C.parse().unwrap()), Some(13));
    }

    #[test]
    fn a_resync_holds_the_cursor_until_the_next_position() {
        let mut cursor = Cursor::default();
        cursor.welcomed(&welcome(10, false));
        cursor.push(&resync(None));
        cursor.push(&event(15));
        assert_eq!(cursor.resume().unwrap().seq, 10);
        cursor.push(&position(16));
        assert_eq!(cursor.resume().unwrap().seq, 16);
    }

    #[test]
    fn a_new_epoch_cannot_be_resumed_before_the_next_position() {
        let mut cursor = Cursor::default();
        cursor.welcomed(&welcome(100, false));
        cursor.push(&resync(Some("e2")));
        assert_eq!(cursor.resume(), None);
        cursor.push(&position(3));
        let resume = cursor.resume().unwrap();
        assert_eq!((resume.epoch.as_str(), resume.seq), ("e2", 3));
    }

    #[test]
    fn a_welcome_that_did_not_resume_watches_nothing() {
        let mut cursor = Cursor::default();
        cursor.welcomed(&welcome(10, false));
        watching(&mut cursor, 9);
        assert_eq!(cursor.resume().unwrap().watching.len(), 1);
        cursor.push(&ServerFrame::Revoked {
            conversation: C.parse().unwrap(),
        });
        assert_eq!(cursor.resume().unwrap().watching.len(), 0);
        watching(&mut cursor, 9);
        cursor.welcomed(&welcome(30, false));
        assert_eq!((cursor.seq(), cursor.watching().count()), (30, 0));
    }
}
