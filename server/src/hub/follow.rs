//! Following the log: what was stored without this instance knowing is read, folded and told. The bus only wakes.

use super::codec;
use super::envelope::Envelope;
use super::item::{agent_aggregate, conversation_aggregate, parse_state};
use super::outbox::Class;
use super::people::Known;
use super::state::{Followed, Internal};
use super::workspace::{Workspace, server_frame};
use crate::bus::Heard;
use crate::log::chain::{GENESIS, Hash};
use crate::log::{Aggregate, AggregateKind, Head, Log, LogError, Range, StoredEvent, StoredState};
use crate::seeded::{Bug, seeded};
use dibs_protocol::close::CloseCode;
use dibs_protocol::event::Event;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::{ConversationId, WorkspaceId};
use dibs_protocol::time::Time;
use dibs_rules::fact::Fact;
use dibs_rules::{Conversation, mention};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Events taken over at once.
const EVENTS: usize = 5_000;

impl Workspace {
    /// The bus says that something was stored, or that it may have lost something. What continues the feed is taken
    /// over as it came; anything else is read from the log.
    pub(crate) fn heard(&mut self, message: &Heard) {
        let Heard::Message(bytes) = message else {
            self.ask_around();
            return self.follow();
        };
        if self.heard_presence(bytes) {
            return;
        }
        let Some(Envelope {
            instance,
            head,
            events,
        }) = Envelope::decode(bytes)
        else {
            return self.follow();
        };
        if instance == self.deps.instance || head.seq <= self.head && head.epoch == self.epoch {
            return;
        }
        let continues = events.first().is_some_and(|it| it.seq == self.head + 1) || seeded(Bug::GapNotFilled);
        if self.following || events.is_empty() || !continues || head.epoch != self.epoch {
            return self.follow();
        }
        let states = Vec::new();
        self.followed(Ok(Followed { head, events, states }));
    }

    /// The log's head was looked at: what is there and was not told is followed. A head that is behind may have been read
    /// before the latest commit; one that stays behind has lost what was told.
    pub(crate) fn look_at(&mut self, head: &Head) {
        let same = head.epoch == self.epoch;
        let behind = same && head.seq < self.head;
        let stays = behind && self.short == Some(head.seq);
        self.short = behind.then_some(head.seq);
        let ahead = !same || head.seq > self.head || (head.seq == self.head && head.hash != self.hash);
        if ahead || stays {
            self.follow();
        }
    }

    /// Reads what the log has above the head; once more when that is being done already.
    pub(crate) fn follow(&mut self) {
        if self.following {
            self.behind = true;
            return;
        }
        self.following = true;
        self.fetched.clear();
        let told = self.told();
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move { Internal::Followed(read_above(&*log, &workspace, &told).await) });
    }

    /// The feed's end as far as it was told.
    fn told(&self) -> Head {
        Head {
            epoch: self.epoch,
            seq: self.head,
            hash: self.hash,
            at_ms: self.last_at_ms,
        }
    }

    /// While the workspace is loaded: takes over the feed up to what the states that were read contain already, so that
    /// nobody is shown a state that is ahead of the head.
    pub(crate) async fn follow_up_to(&mut self, seq: u64) -> Result<(), LogError> {
        let log = self.deps.log.clone();
        while self.head < seq {
            let found = read_above(&*log, &self.id, &self.told()).await?;
            if found.head.epoch != self.epoch || found.events.is_empty() {
                let why = "the feed has changed while it was loaded";
                return Err(LogError::Unavailable(why.to_owned()));
            }
            for aggregate in self.unknown(&found.events) {
                let state = log.state(&self.id, &aggregate).await?;
                self.adopt_read(&state);
            }
            self.take_over(found.events);
            self.advance_to(&found.head);
            self.next_seq = self.head + 1;
        }
        Ok(())
    }

    /// Reads what the log has above the head, and submits nothing before that has been taken over.
    pub(crate) fn catch_up(&mut self) {
        self.catching_up = true;
        self.follow();
    }

    /// Takes over what was read, unless something of this instance's own is on its way: then it is read again later.
    pub(crate) fn followed(&mut self, found: Result<Followed, LogError>) {
        self.following = false;
        let Followed { head, events, states } = match found {
            Ok(found) => found,
            Err(error) => return self.give_up_waiting(&error),
        };
        if head.epoch != self.epoch {
            return self.forked(&head);
        }
        if self.is_submitted() {
            self.behind = true;
            return;
        }
        let (mut taken, read) = (false, events.len());
        if events
            .first()
            .is_some_and(|it| it.seq == self.head + 1 || seeded(Bug::GapNotFilled))
        {
            if !self.unknown(&events).is_empty() {
                return self.read_unknown(Followed { head, events, states });
            }
            // Together with the events up to which they are: nobody is shown a state that is ahead of the head for long.
            for state in states {
                self.adopt_read(&state);
            }
            self.take_over(events);
            // Whoever had the turn has used it.
            self.not_before_ms = None;
            taken = true;
        }
        self.advance_to(&head);
        let full = head.seq > self.head || read == EVENTS;
        if full || std::mem::take(&mut self.behind) {
            self.follow();
        } else {
            self.catching_up = false;
        }
        if taken {
            // What waits was decided before this was known.
            self.decide_again(Vec::new(), false);
        }
    }

    /// What was taken over ends where the log's feed does, with that hash and at that time; unless it ends before.
    fn advance_to(&mut self, head: &Head) {
        if head.seq != self.head {
            return;
        }
        self.hash = head.hash;
        self.recent.head(head.seq, head.hash);
        self.last_at_ms = self.last_at_ms.max(head.at_ms);
    }

    /// The feed has another history than the one that was told: everybody starts anew, from what is true now.
    fn forked(&mut self, head: &Head) {
        tracing::error!(
            workspace = %self.id, told = self.head, stored = head.seq,
            "the log has another history than was told: all sessions start anew"
        );
        self.ended = true;
        for (_, session) in &self.sessions {
            let frame = ServerFrame::Resync {
                reason: "what was stored has changed: the log lost something, or was restored".to_owned(),
                epoch: Some(head.epoch.to_string()),
                seq: Some(head.seq),
            };
            session.link.outbox.push(server_frame(&frame), Class::Kept);
            session.link.outbox.close(CloseCode::Internal);
        }
        for join in std::mem::take(&mut self.joining).into_values().flatten() {
            join.link.outbox.close(CloseCode::Internal);
        }
    }

    /// What these events change and memory does not have: it must be read as it is.
    fn unknown(&self, events: &[StoredEvent]) -> BTreeSet<Aggregate> {
        let mut opened = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        for stored in events {
            let decoded = codec::decode(stored).ok().map(|(_, event)| event);
            match (stored.conversation, decoded) {
                (_, Some(Event::AgentSeen { agent, .. })) => {
                    if !self.fetched.contains(&agent_aggregate(&agent)) {
                        unknown.insert(agent_aggregate(&agent));
                    }
                }
                (Some(id), Some(Event::ConversationOpened { .. })) => {
                    opened.insert(id);
                }
                (Some(id), event) => {
                    let known = self
                        .conversations
                        .get(&id)
                        .is_some_and(|it| it.committed.is_some());
                    // What was erased cannot be folded: its events are no longer what they were.
                    let erased = stored.redacted || event.is_none();
                    let place = conversation_aggregate(id);
                    if (erased || !(known || opened.contains(&id))) && !self.fetched.contains(&place) {
                        unknown.insert(place);
                    }
                }
                (None, _) => {}
            }
        }
        unknown
    }

    fn read_unknown(&mut self, found: Followed) {
        self.following = true;
        let unknown = self.unknown(&found.events);
        self.fetched.extend(unknown.iter().cloned());
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move {
            let mut found = found;
            for aggregate in unknown {
                match log.state(&workspace, &aggregate).await {
                    Ok(state) => found.states.push(state),
                    Err(error) => return Internal::Followed(Err(error)),
                }
            }
            Internal::Followed(Ok(found))
        });
    }

    /// Takes over a state as it was read: it may already contain events that are still to be told.
    fn adopt_read(&mut self, stored: &StoredState) {
        if stored.aggregate.kind == AggregateKind::Agent {
            let known = stored
                .body
                .as_deref()
                .and_then(|body| serde_json::from_slice::<Known>(body).ok());
            if let Some(known) = known {
                self.people.learn(known);
            }
            return;
        }
        let Ok(Some(state)) = parse_state(stored) else {
            return;
        };
        self.take_state(Arc::new(state), &[]);
    }

    /// Makes a state that was stored elsewhere the committed one, and tells what follows from it.
    fn take_state(&mut self, state: Arc<Conversation>, facts: &[Fact<'_>]) {
        let entry = self.conversations.entry(state.id).or_default();
        let before = entry.committed.replace(state.clone());
        entry.summary = None;
        self.index_customer(&state);
        if state.status == dibs_protocol::terms::Status::Closed {
            self.remember_closed(state.id);
        }
        self.tell_consequences(before.as_deref(), &state, facts);
    }

    fn take_over(&mut self, events: Vec<StoredEvent>) {
        self.fetched.clear();
        // The events of one command follow one another, and are told as one.
        let of_one = |a: &StoredEvent, b: &StoredEvent| {
            (a.conversation, a.at_ms, &a.actor) == (b.conversation, b.at_ms, &b.actor)
        };
        for group in events.chunk_by(of_one) {
            let frames: Vec<_> = group.iter().map(codec::stored_frame).collect();
            self.head = group.last().map_or(self.head, |it| it.seq);
            match group.first().and_then(|it| it.conversation) {
                Some(id) => {
                    self.tell_events(id, group[0].seq, &frames);
                    self.fold(group, id);
                }
                None => {
                    for stored in group {
                        self.recent.pass(stored.seq);
                        self.heard_of_agent(stored);
                        if let Ok((_, event)) = codec::decode(stored) {
                            self.settings_followed(event, stored.seq);
                        }
                    }
                }
            }
        }
    }

    /// Folds events that were stored elsewhere into their conversation, but for those that what was read contains.
    fn fold(&mut self, events: &[StoredEvent], id: ConversationId) {
        let mut decoded = Vec::with_capacity(events.len());
        for stored in events {
            match codec::decode(stored) {
                Ok((actor, event)) => decoded.push((stored, actor, event)),
                Err(error) => tracing::error!(%error, "an event of the log cannot be read"),
            }
        }
        let facts: Vec<_> = decoded
            .iter()
            .map(|(stored, actor, event)| Fact {
                seq: stored.seq,
                at: Time(stored.at_ms),
                conversation: id,
                actor,
                event,
            })
            .collect();
        let mut state = self.conversations.get(&id).and_then(|it| it.committed.clone());
        for fact in &facts {
            match &mut state {
                Some(state) if state.version >= fact.seq => {}
                Some(state) => Arc::make_mut(state).apply(fact),
                None => state = Conversation::opened(fact).map(Arc::new),
            }
        }
        let Some(state) = state else { return };
        self.take_state(state, &facts);
        for fact in &facts {
            if let Event::NoteAdded { mentions, agent, .. } = fact.event {
                for mentioned in mention::notified(mentions, agent, &self.people) {
                    self.mention(&mentioned, fact);
                }
            }
        }
    }
}

/// What the log has above what was told, or its head with another epoch when it no longer has what was told.
async fn read_above(log: &dyn Log, workspace: &WorkspaceId, told: &Head) -> Result<Followed, LogError> {
    let nothing = |head| Followed {
        head,
        events: Vec::new(),
        states: Vec::new(),
    };
    let mut head = log.head(workspace).await?;
    if head.epoch != told.epoch || (head.seq == told.seq && head.hash == told.hash) {
        return Ok(nothing(head));
    }
    if head.seq <= told.seq || hash_at(log, workspace, told.seq).await? != told.hash {
        return Ok(nothing(log.fork(workspace, told.epoch).await?));
    }
    let range = Range {
        after: told.seq,
        up_to: head.seq,
        limit: EVENTS,
        newest: false,
    };
    let events = log.read(workspace, None, range).await?;
    if let Some(last) = events.last().filter(|it| it.seq < head.seq) {
        // There is more than is read at once: it is followed so far.
        (head.seq, head.at_ms) = (last.seq, last.at_ms);
        head.hash = hash_at(log, workspace, last.seq).await?;
    }
    let states = Vec::new();
    Ok(Followed { head, events, states })
}

async fn hash_at(log: &dyn Log, workspace: &WorkspaceId, seq: u64) -> Result<Hash, LogError> {
    match seq {
        0 => Ok(GENESIS),
        _ => Ok(log.hash_at(workspace, seq).await?.unwrap_or(GENESIS)),
    }
}
