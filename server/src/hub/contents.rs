//! Reading which messages a conversation has, for those commands that name some. What that means is decided in the rules.

use super::codec;
use super::execute::log_refusal;
use super::state::{Internal, Job, Lane};
use super::workspace::Workspace;
use crate::log::{Log, LogError, Range};
use dibs_protocol::ids::{ConversationId, WorkspaceId};
use dibs_protocol::time::Time;
use dibs_rules::contents::{Contents, Library};
use dibs_rules::{Action, Fact};
use std::collections::BTreeSet;

impl Workspace {
    /// Reads the messages that a conversation has at this version, its newest.
    pub(crate) fn read_contents(&mut self, job: Job, id: ConversationId, version: u64) {
        if self.conversations.get(&id).is_some_and(|it| it.flights > 0) {
            return self.park_until_settled(job, id);
        }
        let lane = job.lane.clone();
        self.park(job);
        let (log, workspace) = (self.deps.log.clone(), self.id.clone());
        self.spawn(async move {
            let contents = contents(&*log, &workspace, id, version).await;
            Internal::Contents(lane, version, contents.map(Box::new))
        });
    }

    /// They have been read.
    pub(crate) fn contents_read(
        &mut self,
        lane: &Lane,
        version: u64,
        contents: Result<Box<Contents>, LogError>,
    ) {
        match contents {
            Ok(contents) => {
                if let Some(Action::Split(it)) = self.lanes.parked(lane).map(|job| &mut job.action) {
                    it.contents = Some((version, *contents));
                }
                self.unpark(lane);
            }
            Err(error) => self.refuse_lane(lane, &log_refusal(&error)),
        }
    }
}

/// The messages that a conversation has at a version: its events, and those of all from which messages came.
async fn contents(
    log: &dyn Log,
    workspace: &WorkspaceId,
    id: ConversationId,
    version: u64,
) -> Result<Contents, LogError> {
    let (mut found, mut wanted) = (BTreeSet::from([id]), vec![id]);
    let mut events = Vec::new();
    while let Some(next) = wanted.pop() {
        let range = Range {
            after: 0,
            up_to: version,
            limit: usize::MAX >> 1,
            newest: false,
        };
        for stored in log.read(workspace, Some(next), range).await? {
            let (actor, event) = codec::decode(&stored)?;
            wanted.extend(
                Library::sources(&event)
                    .into_iter()
                    .filter(|id| found.insert(*id)),
            );
            events.push((stored.seq, stored.at_ms, next, actor, event));
        }
    }
    events.sort_unstable_by_key(|it| it.0);
    let mut library = Library::default();
    for (seq, at_ms, conversation, actor, event) in &events {
        library.fold(&Fact {
            seq: *seq,
            at: Time(*at_ms),
            conversation: *conversation,
            actor,
            event,
        });
    }
    Ok(library.take(id))
}
