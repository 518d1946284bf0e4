//! What lasts through merges: what was said to a conversation before it was absorbed is not said again to its survivor under
//! the same key, and is kept for as long as the survivor is. What "the same" means, and how long that is, the rules say.

use super::execute::log_refusal;
use super::item::parse_key;
use super::state::{Entry, Internal, Job, Lane};
use super::workspace::Workspace;
use crate::log::{LogError, StoredKey};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::time::Time;
use dibs_rules::deadlines::{is_to_be_forgotten, next_deadline};
use dibs_rules::decision::{KeyRecord, KeyRef};
use dibs_rules::{Conversation, keys};
use futures_util::future::try_join_all;

/// So many keys are read at a time.
const READING: usize = 16;
/// While its survivor goes on, an absorbed conversation is looked at again after so long, in milliseconds: a day.
const LOOK_AGAIN_MS: i64 = 86_400_000;

impl Workspace {
    /// Where the job's key would be if it had been sent to what its conversation absorbed, with the digest it would have.
    /// `None` when that is nowhere.
    pub(crate) fn merged_keys(&self, job: &Job, id: ConversationId) -> Option<Vec<(KeyRef, [u8; 32])>> {
        let state = self.conversations.get(&id).and_then(Entry::newest)?;
        let before = |id: &ConversationId| keys::before_merge(&job.action, &job.sender, *id);
        let places: Vec<_> = state.absorbed.iter().filter_map(before).collect();
        Some(places).filter(|it| !it.is_empty())
    }

    /// What was answered then, as if it had been asked here.
    pub(crate) fn said_before_merge(&self, job: &Job, places: &[(KeyRef, [u8; 32])]) -> Option<KeyRecord> {
        let known = |(at, digest): &(KeyRef, [u8; 32])| Some((self.keys.get(at)?, *digest));
        let (record, digest) = places.iter().find_map(known)?;
        let mut record = record.clone();
        if record.fingerprint == digest {
            record.fingerprint = keys::fingerprint(&job.action);
        }
        Some(record)
    }

    /// Until when an absorbed conversation is kept because its survivor is, although its own time is over.
    pub(crate) fn kept_with_survivor(&self, state: &Conversation, now: Time) -> Option<Time> {
        let mut survivor = self.conversations.get(&state.merged_into?)?.committed.as_ref()?;
        while let Some(into) = survivor.merged_into {
            survivor = self.conversations.get(&into)?.committed.as_ref()?;
        }
        let settings = &self.settings.rules;
        if is_to_be_forgotten(survivor, settings, now) {
            return None;
        }
        if survivor.is_closed() {
            // Without a deadline it has forgotten what is personal already.
            return next_deadline(survivor, settings).filter(|due| *due > now);
        }
        Some(now.plus_ms(LOOK_AGAIN_MS))
    }

    pub(crate) fn read_merged_keys(&mut self, job: Job, places: Vec<KeyRef>) {
        let lane = job.lane.clone();
        self.park(job);
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move {
            let mut found = Vec::new();
            for some in places.chunks(READING) {
                let reads = some.iter().map(|at| log.key(&workspace, &at.scope, &at.key));
                match try_join_all(reads).await {
                    Ok(keys) => found.extend(keys.into_iter().flatten()),
                    Err(error) => return Internal::Keys(lane, Err(error)),
                }
            }
            Internal::Keys(lane, Ok(found))
        });
    }

    /// The log has said which of them it knows.
    pub(crate) fn merged_keys_read(&mut self, lane: &Lane, keys: Result<Vec<StoredKey>, LogError>) {
        let parsed = keys.and_then(|found| {
            let parsed = found.into_iter().map(|key| {
                let record = parse_key(&key)?;
                let (scope, key) = (key.scope, key.key);
                Ok((KeyRef { scope, key }, record))
            });
            parsed.collect::<Result<Vec<_>, LogError>>()
        });
        match parsed {
            Ok(found) => {
                for (at, record) in found {
                    self.remember_key(at, record);
                }
                if let Some(job) = self.lanes.parked(lane) {
                    job.merged_keys_read = true;
                }
                self.unpark(lane);
            }
            Err(error) => self.refuse_lane(lane, &log_refusal(&error)),
        }
    }
}
