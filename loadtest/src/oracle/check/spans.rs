//! Promise 3: every watcher was told each event exactly once and in order, or was given a snapshot that contains it.

use super::Court;
use crate::oracle::span::{Span, Tail};
use crate::oracle::timeline::Timeline;
use crate::oracle::verdict::Promise;
use crate::oracle::witness::Witness;

pub(super) fn check(court: &mut Court<'_>) {
    for witness in court.all() {
        for span in witness.spans.iter().chain(witness.active.values()) {
            if !court.same_epoch(span.epoch.as_deref()) {
                court.verdict.unchecked("watches of another epoch", 1);
                continue;
            }
            court.verdict.checked("watches");
            let said = match court.lines.all.get(&span.conversation) {
                Some(timeline) => compare(span, timeline),
                None => {
                    let said =
                        "the log of its workspace has no such conversation, but it was watched".to_owned();
                    court.blame(Promise::Walls, witness, span.begun, span.conversation, said);
                    continue;
                }
            };
            if let Some(said) = said {
                court.blame(Promise::SeenOnce, witness, span.begun, span.conversation, said);
            }
        }
        if !court.one_epoch(witness) {
            court
                .verdict
                .unchecked("timelines of another epoch", witness.tails.len() as u64);
            continue;
        }
        for tail in &witness.tails {
            court.verdict.checked("timelines shown");
            check_tail(court, witness, tail);
        }
    }
}

/// What is wrong with a span, if anything is.
fn compare(span: &Span, timeline: &Timeline) -> Option<String> {
    let (from, to) = (timeline.up_to(span.from), timeline.up_to(span.last));
    let expected = (to - from) as u64;
    let since = format!("since version {}", span.from);
    if expected != span.count || timeline.numbers.stretch(from, to) != span.numbers {
        let which = difference(span, &timeline.seqs[from..to]);
        return Some(format!(
            "{since} it has {expected} events up to {}, and the watcher was told {}{which}",
            span.last, span.count
        ));
    }
    let through = timeline.up_to(span.through);
    if through > to {
        let missed: Vec<u64> = timeline.seqs[to..through].iter().copied().take(10).collect();
        return Some(format!(
            "{since} the watcher was told events up to {}, and heard that up to {} there were no others; \
             but there are {}: {missed:?}",
            span.last,
            span.through,
            through - to
        ));
    }
    let whole = span.contents.filter(|_| !timeline.erased_between(from, to));
    if whole.is_some_and(|contents| contents != timeline.contents.stretch(from, to)) {
        return Some(format!(
            "{since} the watcher was told the right {} events up to {}, but not with the contents that are stored",
            span.count, span.last
        ));
    }
    None
}

fn difference(span: &Span, expected: &[u64]) -> String {
    let Some(told) = &span.list else {
        return String::new();
    };
    let missing: Vec<&u64> = expected.iter().filter(|it| !told.contains(it)).take(10).collect();
    let foreign: Vec<&u64> = told.iter().filter(|it| !expected.contains(it)).take(10).collect();
    format!(": missing are {missing:?}, and not in the log are {foreign:?}")
}

fn check_tail(court: &mut Court<'_>, witness: &Witness, tail: &Tail) {
    let Some(timeline) = court.lines.all.get(&tail.conversation) else {
        let said = "the log of its workspace has no such conversation, but its timeline was shown".to_owned();
        return court.blame(Promise::Walls, witness, tail.moment, tail.conversation, said);
    };
    if let Some(said) = wrong_tail(tail, timeline) {
        court.blame(Promise::SameState, witness, tail.moment, tail.conversation, said);
    }
}

fn wrong_tail(tail: &Tail, timeline: &Timeline) -> Option<String> {
    let end = match (tail.version, tail.before) {
        (Some(version), _) => timeline.up_to(version),
        // Below a number that is already taken nothing changes any more; above, only what is shown can be compared.
        (None, Some(before)) if before <= tail.last || tail.count == 0 => {
            timeline.up_to(before.saturating_sub(1))
        }
        (None, _) => timeline.up_to(tail.last),
    };
    let count = usize::try_from(tail.count).unwrap_or(usize::MAX);
    let Some(begin) = end.checked_sub(count) else {
        return Some(format!("{count} entries are shown of {end} that there were"));
    };
    if timeline.numbers.stretch(begin, end) != tail.numbers {
        return Some(format!(
            "the {count} entries shown are not its latest up to {}",
            tail.version.unwrap_or(tail.last)
        ));
    }
    if !timeline.erased_between(begin, end) && timeline.contents.stretch(begin, end) != tail.contents {
        return Some(format!("the {count} entries shown are not as they are stored"));
    }
    if tail.more != (begin > 0) {
        return Some(format!(
            "{begin} older entries exist, but `more` says {}",
            tail.more
        ));
    }
    let least = tail.limit.map_or(0, |limit| limit.min(end as u64));
    (tail.count < least && !tail.more)
        .then(|| format!("{count} entries are shown of {end}, and no more are promised"))
}
