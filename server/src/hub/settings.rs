//! The workspace's settings on this instance: which hold, and how they change. One change is on its way at a time; the
//! others wait behind it. What may be set is decided in the rules.

use super::codec;
use super::fresh::Waiting;
use super::retention::retimed;
use super::state::{Caller, Entry, What};
use super::workspace::Workspace;
use crate::log::{
    Aggregate, AggregateKind, Committed, Expected, Item, LogError, NewState, Snapshot, StoredState, Timer,
};
use dibs_protocol::event::Event;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::settings::WorkspaceSettings;
use dibs_rules::deadlines::next_deadline;
use dibs_rules::settings::{Changed, change};
use dibs_rules::{Conversation, Sender, Settings};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// After losing so often against somebody faster a change is refused.
const CONFLICTS: u32 = 100;

/// What the log keeps of the settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) version: u64,
    pub(crate) settings: WorkspaceSettings,
}

impl Snapshot for Kept {
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The settings that hold on this instance.
#[derive(Debug)]
pub(crate) struct InForce {
    /// As decisions read them.
    pub(crate) rules: Arc<Settings>,
    /// One more with every change; 0 while nothing was set.
    pub(crate) version: u64,
    /// The `seq` of the event that set them.
    stored: u64,
    /// Whether a change is on its way.
    flying: bool,
    waiting: VecDeque<SetJob>,
}

impl InForce {
    /// Nothing is set: the configuration holds.
    pub(crate) fn new(configured: &Settings) -> Self {
        Self {
            rules: Arc::new(configured.clone()),
            version: 0,
            stored: 0,
            flying: false,
            waiting: VecDeque::new(),
        }
    }
}

/// Somebody who sets the settings.
#[derive(Debug)]
pub(crate) struct SetJob {
    pub(crate) caller: Caller,
    pub(crate) sender: Arc<Sender>,
    pub(crate) asked: Box<WorkspaceSettings>,
    pub(crate) expect: Option<u64>,
    conflicts: u32,
    /// Whether what this instance knows was read after it was asked.
    fresh: bool,
}

/// A change on its way to the log.
#[derive(Debug)]
pub(crate) struct SetFlight {
    pub(crate) job: SetJob,
    version: u64,
}

/// The settings' aggregate.
pub(crate) fn settings_aggregate() -> Aggregate {
    Aggregate {
        kind: AggregateKind::Settings,
        id: "workspace".to_owned(),
    }
}

impl Workspace {
    /// Takes over what the log keeps.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be read.
    pub(crate) fn load_settings(&mut self, stored: &StoredState) -> Result<(), LogError> {
        let Some(body) = &stored.body else { return Ok(()) };
        let kept: Kept = serde_json::from_slice(body)
            .map_err(|_| LogError::Corrupt("the workspace's settings cannot be read".to_owned()))?;
        self.settings_hold(kept, stored.version);
        Ok(())
    }

    /// From now on these hold, unless newer ones do.
    pub(crate) fn settings_hold(&mut self, kept: Kept, seq: u64) {
        if seq <= self.settings.stored {
            return;
        }
        self.people.set_teams(&kept.settings.teams);
        self.settings.version = kept.version;
        self.settings.stored = seq;
        self.settings.rules = Arc::new(self.deps.options.settings.with(kept.settings));
        self.set_out_board();
        tracing::info!(workspace = %self.id, version = kept.version, "settings");
    }

    /// Answers with the settings.
    pub(crate) fn show_settings(&mut self, caller: Caller) {
        let set = serde_json::to_string(&*self.settings.rules.workspace).unwrap_or_default();
        let fields = format!("\"version\":{},\"settings\":{set}", self.settings.version);
        self.ok(caller, &fields);
    }

    /// Somebody sets the settings.
    pub(crate) fn set_settings(
        &mut self,
        caller: Caller,
        sender: Arc<Sender>,
        asked: Box<WorkspaceSettings>,
        expect: Option<u64>,
    ) {
        self.decide_settings(SetJob {
            caller,
            sender,
            asked,
            expect,
            conflicts: 0,
            fresh: false,
        });
    }

    /// Decides a change, or puts it behind the one that is on its way.
    pub(crate) fn decide_settings(&mut self, mut job: SetJob) {
        if self.settings.flying {
            return self.settings.waiting.push_back(job);
        }
        let current = (self.settings.version, &*self.settings.rules.workspace);
        let changed = change(current, &job.asked, job.expect);
        let stores_nothing = !matches!(changed, Ok(Changed::To(..)));
        if stores_nothing && !job.fresh && self.must_ask() {
            job.fresh = true;
            return self.when_fresh(Waiting::Settings(Box::new(job)));
        }
        match changed {
            Ok(Changed::To(version, event)) => self.send_settings(job, version, event),
            Ok(Changed::Nothing(version)) => self.ok(job.caller, &format!("\"version\":{version}")),
            Err(refusal) => self.refuse(job.caller, refusal),
        }
    }

    fn send_settings(&mut self, job: SetJob, version: u64, event: Event) {
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        let actor = job.sender.actor();
        item.events
            .push(codec::encode(None, now, &actor, &event, self.deps.entropy.salt()));
        let expected = Expected::Stored(self.settings.stored);
        item.expected.push((settings_aggregate(), expected));
        item.states.push(NewState {
            aggregate: settings_aggregate(),
            body: Some(Arc::new(Kept {
                version,
                settings: (*job.asked).clone(),
            })),
            active: true,
            owner: None,
            last_event: None,
        });
        // Some deadlines depend on the settings: whichever instance takes this timer sets them anew.
        item.timers.push(Timer {
            aggregate: settings_aggregate(),
            due_ms: Some(now.0),
        });
        self.settings.flying = true;
        self.enqueue(item, What::Settings(Box::new(SetFlight { job, version })));
    }

    /// The log has a change.
    pub(crate) fn settings_stored(&mut self, flight: SetFlight, at: Committed) {
        let SetFlight { job, version } = flight;
        let seq = at.first_seq;
        self.recent.pass(seq);
        self.advance(seq, at);
        self.deps.timers.expect(self.last_at_ms);
        let settings = *job.asked;
        self.settings_hold(Kept { version, settings }, seq);
        self.ok(job.caller, &format!("\"version\":{version}"));
        self.settings_landed();
    }

    /// A change was not stored, for somebody was faster: it is decided again.
    pub(crate) fn settings_lost(&mut self, flight: SetFlight, outrun: bool) {
        let mut job = flight.job;
        job.conflicts += u32::from(outrun);
        job.fresh = false;
        self.settings.flying = false;
        if job.conflicts > CONFLICTS {
            let refusal = Refusal::unavailable("too many changes at once", 1_000);
            self.refuse(job.caller, refusal);
            return self.settings_landed();
        }
        self.decide_settings(job);
    }

    /// A change was not stored, for the log could not.
    pub(crate) fn settings_failed(&mut self, flight: SetFlight, refusal: &Refusal) {
        self.refuse(flight.job.caller, refusal.clone());
        self.settings_landed();
    }

    /// Nothing is on its way any more: whoever waited goes on.
    fn settings_landed(&mut self) {
        self.settings.flying = false;
        while let Some(job) = self.settings.waiting.pop_front() {
            self.decide_settings(job);
            if self.settings.flying {
                return;
            }
        }
    }

    /// The settings have changed: the deadlines that depend on them are set anew, conversation by conversation; whoever is
    /// outrun there leaves it to the other. The timer goes when all is done, so that a crash leaves it to others.
    pub(crate) fn reset_timers(&mut self) {
        if self.settings.flying {
            // Newer ones are on their way, perhaps those that set this timer: it comes again.
            return;
        }
        let depends = |it: &&Arc<Conversation>| {
            it.claim.is_some() || it.resolved_at.is_some() || it.waiting_since.is_some()
        };
        let unclosed = self.conversations.values().filter_map(Entry::unclosed);
        let ids: Vec<ConversationId> = unclosed.filter(depends).map(|it| it.id).collect();
        for id in ids {
            self.reset_timer(id);
        }
        let now = self.now();
        let mut item = Item::new(self.id.clone(), self.deps.entropy.uuid(now.0));
        item.timers.push(Timer {
            aggregate: settings_aggregate(),
            due_ms: None,
        });
        self.enqueue(item, What::Nothing);
    }

    /// Sets a conversation's timer to what its state and the settings say.
    pub(crate) fn reset_timer(&mut self, id: ConversationId) {
        let entry = self.conversations.get(&id).filter(|it| it.flights == 0);
        let Some(state) = entry.and_then(|it| it.committed.clone()) else {
            return;
        };
        let due = next_deadline(&state, &self.settings.rules);
        let item = retimed(&self.deps, &self.id, &state, due);
        self.enqueue(item, What::Nothing);
    }

    /// Another instance has changed the settings.
    pub(crate) fn settings_followed(&mut self, event: Event, seq: u64) {
        if let Event::SettingsChanged { version, settings } = event {
            let settings = *settings;
            self.settings_hold(Kept { version, settings }, seq);
        }
    }
}
