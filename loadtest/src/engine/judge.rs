//! The end of a run: fresh reads of everything, what everybody should have by then, and the oracle's verdict.

use crate::detail::{Calls, Judgement};
use crate::engine::stage::Targets;
use crate::engine::tally::TOLD;
use crate::engine::wire;
use crate::failure::Failure;
use crate::hub::Hub;
use crate::oracle;
use crate::oracle::call::Outcome;
use crate::oracle::feed::Feed;
use crate::oracle::witness::Witness;
use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::filter::Filter;
use dibs_protocol::terms::{Role, Sort};
use std::collections::BTreeMap;

/// How many conversations a page has.
const PAGE: u64 = 200;

/// What everybody should have: each conversation's version, and the list where it is open.
///
/// # Errors
/// [`Failure`].
pub async fn targets(hub: &Hub, list: bool) -> Result<Targets, Failure> {
    let http = hub.http("observer", Role::Agent)?;
    let mut targets = Targets::default();
    let mut after = None;
    loop {
        let page = http
            .conversations(&Filter::default(), Sort::Oldest, after.as_deref(), PAGE)
            .await?;
        targets
            .versions
            .extend(page.conversations.iter().map(|it| (it.id, it.version)));
        after = page.cursor;
        if after.is_none() {
            break;
        }
    }
    let observer = hub.agent("observer", 0).await?;
    targets.head = observer.welcome().seq;
    if list {
        let answer: OpenViewAnswer = observer.call_as(wire::open_list()).await?;
        targets.list = Some(
            answer
                .conversations
                .iter()
                .map(|it| (it.id, it.version))
                .collect(),
        );
    }
    Ok(targets)
}

/// What became of all that was asked and changes something.
#[must_use]
pub fn calls(witnesses: &[Witness]) -> Calls {
    let mut calls = Calls::default();
    for call in witnesses
        .iter()
        .flat_map(|it| &it.calls)
        .filter(|it| it.ask.changes())
    {
        calls.sent += 1;
        match call.outcome {
            Outcome::Yes(_) => calls.acknowledged += 1,
            Outcome::No(_) => calls.refused += 1,
            Outcome::Unknown => calls.unknown += 1,
        }
    }
    calls
}

/// The oracle's verdict upon everything that was seen, held against the log as a fresh read shows it.
///
/// # Errors
/// [`Failure`].
pub async fn verdict(hub: &Hub, witnesses: Vec<Witness>, alone: bool) -> Result<Judgement, Failure> {
    let http = hub.http("observer", Role::Agent)?;
    let mut feed = Feed::read(&http).await?;
    // Where the hub was started here, nobody else can have changed anything.
    feed.everybody = alone;
    let checking = tokio::task::spawn_blocking(move || oracle::check(&feed, &witnesses));
    let verdict = checking
        .await
        .map_err(|error| Failure::wrong(error.to_string()))?;
    let counts = |map: &BTreeMap<&'static str, u64>| {
        map.iter()
            .map(|(what, count)| ((*what).to_owned(), *count))
            .collect()
    };
    Ok(Judgement {
        checked: counts(&verdict.checked),
        unchecked: counts(&verdict.unchecked),
        fault_count: verdict.count(),
        broken: verdict.broken.clone(),
        faults: verdict
            .faults
            .iter()
            .take(TOLD)
            .map(ToString::to_string)
            .collect(),
    })
}
