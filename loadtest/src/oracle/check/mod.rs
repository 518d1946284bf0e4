//! The judgement: every history is held against the log. One file a promise; here is only what they share.

mod answers;
mod calls;
mod capacity;
mod deadlines;
mod keys;
mod log;
mod merges;
mod reach;
mod spans;
mod updates;
mod views;

use super::feed::Feed;
use super::record::Push;
use super::timeline::{Timelines, Wanted};
use super::verdict::{Fault, Promise, Verdict};
use super::when::When;
use super::witness::Witness;
use dibs_protocol::ids::ConversationId;

/// How many lines of a journal a fault shows.
const JOURNAL_LINES: usize = 12;

/// Holds the histories of clients against the log of their workspace. Nothing may be under way: the log is the whole one.
#[must_use]
pub fn check(feed: &Feed, witnesses: &[Witness]) -> Verdict {
    let ours = |it: &&Witness| {
        let both = feed.workspace.as_ref().zip(it.workspace.as_ref());
        both.is_none_or(|(a, b)| a == b)
    };
    let witnesses: Vec<&Witness> = witnesses.iter().filter(ours).collect();
    let mut wanted = Wanted::new();
    let seen = witnesses.iter().flat_map(|it| it.glimpses.iter());
    let fresh = feed.fresh.iter().copied();
    for (id, version, _) in seen.chain(fresh) {
        wanted.entry(id).or_default().insert(version);
    }
    let mut court = Court {
        feed,
        lines: Timelines::of(feed, &wanted),
        when: When::of(&witnesses),
        witnesses,
        verdict: Verdict::default(),
    };
    log::check(&mut court);
    merges::check(&mut court);
    capacity::check(&mut court);
    slips(&mut court);
    deadlines::check(&mut court);
    spans::check(&mut court);
    calls::check(&mut court);
    updates::check(&mut court);
    keys::check(&mut court);
    answers::check(&mut court);
    views::check(&mut court);
    reach::check(&mut court);
    court.verdict
}

/// Everything that a judgement needs.
struct Court<'a> {
    feed: &'a Feed,
    lines: Timelines<'a>,
    when: When,
    witnesses: Vec<&'a Witness>,
    verdict: Verdict,
}

impl<'a> Court<'a> {
    fn blame(
        &mut self,
        promise: Promise,
        witness: &Witness,
        moment: impl Into<Option<u64>>,
        conversation: impl Into<Option<ConversationId>>,
        said: String,
    ) {
        let who = match witness.who() {
            Some(agent) if agent.as_str() != witness.name => format!("{} ({agent})", witness.name),
            _ => witness.name.clone(),
        };
        let journal = witness.journal.as_ref();
        let moment = moment.into();
        self.verdict.fault(Fault {
            promise,
            who,
            moment,
            conversation: conversation.into(),
            said,
            journal: journal
                .map(|it| it.before(moment.unwrap_or(u64::MAX), JOURNAL_LINES))
                .unwrap_or_default(),
        });
    }

    /// The witnesses, apart from the borrow of the court.
    fn all(&self) -> Vec<&'a Witness> {
        self.witnesses.clone()
    }

    /// Whether what was seen in this history of the log can be compared with the one given.
    fn same_epoch(&self, epoch: Option<&str>) -> bool {
        let both = self.feed.epoch.as_deref().zip(epoch);
        both.is_none_or(|(a, b)| a == b)
    }

    /// Whether a witness saw one history of the log only, and that is the one given.
    fn one_epoch(&self, witness: &Witness) -> bool {
        witness
            .positions
            .iter()
            .all(|(epoch, ..)| self.same_epoch(Some(epoch)))
    }
}

/// What the witnesses noticed by themselves.
fn slips(court: &mut Court<'_>) {
    for witness in court.all() {
        court.verdict.checked_many("frames", witness.frames);
        court.verdict.checked_many("deliveries", witness.events);
        for slip in &witness.slips.kept {
            court.blame(
                slip.promise,
                witness,
                slip.moment,
                slip.conversation,
                slip.said.clone(),
            );
        }
        for (promise, number) in &witness.slips.others {
            *court.verdict.broken.entry(*promise).or_default() += number;
        }
    }
}

/// A push in words, and what it names.
fn named(push: &Push) -> (&'static str, ConversationId, u64) {
    match push {
        Push::Gained(id, seq) => ("claim_gained", *id, *seq),
        Push::Lost(id, seq) => ("claim_lost", *id, *seq),
        Push::Mention(id, seq, ..) => ("mention", *id, *seq),
    }
}
