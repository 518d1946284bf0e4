//! What a witness makes of pushes: spans grow, end and begin; what is wrong without the log is noted at once.

use super::record::{Push, Slip};
use super::span::{Span, Tail};
use super::verdict::Promise;
use super::witness::Witness;
use super::{digest, feed};
use dibs_protocol::answer::WatchAnswer;
use dibs_protocol::event::EventEntry;
use dibs_protocol::frame::{Resume, ServerFrame, SnapshotFrame, Welcome};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::summary::Summary;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A connection of a witness.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The place of each unanswered command in the witness's calls, by `id`.
    pub(crate) asked: BTreeMap<i64, usize>,
    /// From where it resumed.
    pub(crate) resume: Option<Resume>,
    /// No event may have a number up to this.
    pub(crate) above: u64,
    /// The highest number that says how much was heard: of an event or a position.
    pub(crate) heard: u64,
    /// Watches whose answer has not come, with what came before it.
    pub(crate) watching: BTreeMap<ConversationId, Vec<(u64, Option<u64>)>>,
    /// Conversations whose snapshot must come before the next position.
    pub(crate) owed: BTreeSet<ConversationId>,
}

impl Witness {
    /// Takes note of a welcome: what was watched goes on, or not.
    pub(crate) fn welcomed(&mut self, moment: u64, welcome: &Welcome) {
        if self.workspace.as_ref().is_some_and(|it| *it != welcome.workspace) {
            let said = format!("a welcome to the workspace {}", welcome.workspace);
            self.slip(Promise::Walls, moment, None, said);
        }
        self.workspace.get_or_insert_with(|| welcome.workspace.clone());
        self.agent = Some(welcome.agent.clone());
        let profile = (
            welcome.agent.name.clone(),
            welcome.agent.role,
            welcome.agent.teams.clone(),
        );
        self.profiles.insert(digest::typed(&profile));
        self.answered_hello(moment, welcome.id);
        self.tell(moment, welcome.seq);
        let resume = self.line.resume.take();
        if welcome.resumed {
            let seq = resume.as_ref().map_or(0, |it| it.seq);
            let kept = resume.map(|it| it.watching).unwrap_or_default();
            self.end_all_but(&kept);
            self.line.above = seq;
            for span in self.active.values_mut() {
                span.had = span.last;
                span.ending = false;
                // Who resumes from there says that nothing up to there is missing.
                span.heard(seq);
            }
        } else {
            self.end_all_but(&[]);
        }
        self.epoch = Some(welcome.epoch.clone());
        for claim in &welcome.claims {
            self.pushes
                .push((moment, Push::Gained(claim.conversation, claim.token)));
        }
        for offer in &welcome.offers {
            self.glimpse(moment, &offer.summary);
        }
        self.positions
            .push((welcome.epoch.clone(), welcome.seq, welcome.hash.clone()));
    }

    /// Takes note of a push.
    pub(crate) fn pushed(&mut self, moment: u64, frame: &ServerFrame) {
        match frame {
            ServerFrame::Event(entry) => self.entry(moment, entry),
            ServerFrame::Position { seq, hash, .. } => self.position(moment, *seq, Some(hash)),
            ServerFrame::ViewChanged { seq, upserts, .. } => {
                self.tell(moment, *seq);
                upserts.iter().for_each(|row| self.glimpse(moment, row));
            }
            ServerFrame::Summary { summary } => self.glimpse(moment, summary),
            ServerFrame::Offer(offer) => self.glimpse(moment, &offer.summary),
            ServerFrame::ClaimLost {
                conversation, token, ..
            } => self.pushes.push((moment, Push::Lost(*conversation, *token))),
            ServerFrame::ClaimGained {
                conversation, token, ..
            } => {
                self.tell(moment, *token);
                self.pushes.push((moment, Push::Gained(*conversation, *token)));
            }
            ServerFrame::Mention {
                seq,
                conversation,
                note,
                by,
                excerpt,
                ..
            } => {
                self.tell(moment, *seq);
                let excerpt = digest::text(excerpt);
                let mention = Push::Mention(*conversation, *seq, *note, by.clone(), excerpt);
                self.pushes.push((moment, mention));
            }
            ServerFrame::Revoked { conversation } => self.end(*conversation),
            ServerFrame::Resync { epoch, .. } => self.resync(epoch.as_deref()),
            ServerFrame::Snapshot(snapshot) => self.snapshot(moment, snapshot),
            ServerFrame::Welcome(_)
            | ServerFrame::Ok(_)
            | ServerFrame::Error(_)
            | ServerFrame::Viewers { .. }
            | ServerFrame::Activity { .. }
            | ServerFrame::Presence { .. }
            | ServerFrame::Stats(_)
            | ServerFrame::OfferGone { .. }
            | ServerFrame::MentionsRead { .. }
            | ServerFrame::ReadMarks { .. }
            | ServerFrame::TokenExpiring {}
            | ServerFrame::Reconnect { .. } => {}
        }
    }

    fn entry(&mut self, moment: u64, entry: &EventEntry) {
        self.tell(moment, entry.seq);
        match entry.conversation {
            Some(conversation) => {
                self.heard_event(moment, conversation, entry.seq, Some(feed::content(entry)))
            }
            None => {
                let said = format!(
                    "event {} of kind {} belongs to no conversation",
                    entry.seq,
                    entry.kind()
                );
                self.slip(Promise::Walls, moment, None, said);
            }
        }
    }

    pub(crate) fn heard_event(
        &mut self,
        moment: u64,
        conversation: ConversationId,
        seq: u64,
        content: Option<u64>,
    ) {
        self.events += 1;
        let late = seq <= self.line.above;
        if late {
            let above = self.line.above;
            let said = format!("event {seq} came although everything up to {above} had been sent");
            self.slip(Promise::SeenOnce, moment, conversation, said);
        }
        self.line.above = self.line.above.max(seq);
        self.line.heard = self.line.heard.max(seq);
        let waiting = self.line.watching.get_mut(&conversation);
        let early = waiting.is_some();
        if let Some(waiting) = waiting {
            waiting.push((seq, content));
        }
        if self.line.owed.contains(&conversation) {
            // The snapshot that is owed replaces it.
            return;
        }
        match self.active.get_mut(&conversation) {
            Some(span) if seq > span.last => span.push(seq, content),
            Some(span) if late || seq <= span.had => {}
            Some(span) => {
                let last = span.last;
                let said = format!("event {seq} came again, or after event {last}, which is later");
                self.slip(Promise::SeenOnce, moment, conversation, said);
            }
            None if early && self.ordered => {
                let said = format!("event {seq} came before the answer to the watch that it follows from");
                self.slip(Promise::SeenOnce, moment, conversation, said);
            }
            None if early => {}
            None => {
                let said = format!("event {seq} of a conversation that this session does not watch");
                self.slip(Promise::Walls, moment, conversation, said);
            }
        }
    }

    pub(crate) fn position(&mut self, moment: u64, seq: u64, hash: Option<&str>) {
        self.tell(moment, seq);
        self.line.above = self.line.above.max(seq);
        self.line.heard = self.line.heard.max(seq);
        for conversation in std::mem::take(&mut self.line.owed) {
            let said = format!("position {seq} ends a resync without this conversation's snapshot");
            self.slip(Promise::SeenOnce, moment, conversation, said);
        }
        if let (Some(hash), Some(epoch)) = (hash, &self.epoch)
            && self.positions.last().is_none_or(|last| last.1 != seq)
        {
            self.positions.push((epoch.clone(), seq, hash.to_owned()));
        }
    }

    fn resync(&mut self, epoch: Option<&str>) {
        self.line.owed.extend(self.active.keys().copied());
        for span in self.active.values_mut() {
            span.heard(self.line.heard);
            span.ending = true;
        }
        if let Some(epoch) = epoch {
            let watched = std::mem::take(&mut self.line.owed);
            self.end_all_but(&[]);
            self.line.owed = watched;
            self.epoch = Some(epoch.to_owned());
            self.line.above = 0;
            self.line.heard = 0;
            self.known = 0;
        }
    }

    fn snapshot(&mut self, moment: u64, snapshot: &SnapshotFrame) {
        match snapshot {
            SnapshotFrame::Watch {
                conversation,
                content,
            } => {
                if content.summary.id != *conversation {
                    let said = format!("the snapshot shows {}", content.summary.id);
                    self.slip(Promise::SameState, moment, *conversation, said);
                }
                self.line.owed.remove(conversation);
                self.glimpse(moment, &content.summary);
                self.tail(moment, content, None);
                self.begin(moment, *conversation, content.summary.version, Vec::new());
            }
            SnapshotFrame::View { content, .. } => {
                content
                    .conversations
                    .iter()
                    .for_each(|row| self.glimpse(moment, row));
            }
        }
    }

    /// A watch is answered: a span begins.
    pub(crate) fn watched(&mut self, moment: u64, answer: &WatchAnswer, limit: Option<u64>) {
        let conversation = answer.summary.id;
        let early = self.line.watching.remove(&conversation).unwrap_or_default();
        self.glimpse(moment, &answer.summary);
        self.tail(moment, answer, limit);
        self.line.owed.remove(&conversation);
        let early = if self.ordered { Vec::new() } else { early };
        self.begin(moment, conversation, answer.summary.version, early);
    }

    pub(crate) fn begin(
        &mut self,
        moment: u64,
        conversation: ConversationId,
        version: u64,
        early: Vec<(u64, Option<u64>)>,
    ) {
        let told = self.active.get(&conversation).map_or(0, |span| span.last);
        if self.ordered && told > version {
            let said = format!("a snapshot of version {version} came after event {told}");
            self.slip(Promise::SeenOnce, moment, conversation, said);
        }
        self.end(conversation);
        let mut span = Span::new(conversation, version, moment, self.keeps_all());
        span.epoch.clone_from(&self.epoch);
        for (seq, content) in early {
            if seq > span.last {
                span.push(seq, content);
            } else {
                let said = format!("event {seq} came, and version {version} of the answer contains it");
                self.slip(Promise::SeenOnce, moment, conversation, said);
            }
        }
        self.active.insert(conversation, span);
    }

    fn tail(&mut self, moment: u64, answer: &WatchAnswer, limit: Option<u64>) {
        let conversation = answer.summary.id;
        self.keep_tail(
            moment,
            conversation,
            &answer.entries,
            answer.more,
            (Some(answer.summary.version), None, limit),
        );
    }

    /// Keeps what a timeline's end looked like: `(version, before, limit)`.
    pub(crate) fn keep_tail(
        &mut self,
        moment: u64,
        conversation: ConversationId,
        entries: &[EventEntry],
        more: bool,
        (version, before, limit): (Option<u64>, Option<u64>, Option<u64>),
    ) {
        let foreign = entries
            .iter()
            .find(|it| it.conversation.is_some_and(|id| id != conversation));
        if let Some(entry) = foreign {
            let said = format!(
                "its timeline shows event {} of {:?}",
                entry.seq, entry.conversation
            );
            self.slip(Promise::Walls, moment, conversation, said);
        }
        self.tails.push(Tail {
            conversation,
            moment,
            version,
            before,
            limit,
            count: entries.len() as u64,
            last: entries.last().map_or(0, |it| it.seq),
            numbers: digest::Roll::of(entries.iter().map(|it| it.seq)),
            contents: digest::Roll::of(entries.iter().map(feed::content)),
            more,
        });
    }

    /// Takes note of a summary, wherever it stood.
    pub(crate) fn glimpse(&mut self, moment: u64, summary: &Summary) {
        self.tell(moment, summary.version);
        let digest = digest::typed(summary);
        if !self
            .glimpses
            .note(summary.id, summary.version, digest, self.detail)
        {
            let said = format!("two different summaries have the version {}", summary.version);
            self.slip(Promise::SameState, moment, summary.id, said);
        }
    }

    /// The watch of a conversation ends.
    pub(crate) fn end(&mut self, conversation: ConversationId) {
        self.line.owed.remove(&conversation);
        if let Some(mut span) = self.active.remove(&conversation) {
            span.heard(self.line.heard);
            self.spans.push(span);
        }
    }

    fn end_all_but(&mut self, kept: &[ConversationId]) {
        let gone: Vec<ConversationId> = self
            .active
            .keys()
            .copied()
            .filter(|it| !kept.contains(it))
            .collect();
        for conversation in gone {
            self.end(conversation);
        }
    }

    pub(crate) fn slip(
        &mut self,
        promise: Promise,
        moment: u64,
        conversation: impl Into<Option<ConversationId>>,
        said: String,
    ) {
        self.slips.note(Slip {
            promise,
            moment,
            conversation: conversation.into(),
            said,
        });
    }
}
