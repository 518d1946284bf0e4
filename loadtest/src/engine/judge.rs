//! The end of a run: fresh reads of everything, what everybody should have by then, and the oracle's verdict.

use crate::detail::Judgement;
use crate::engine::recorder::Recorder;
use crate::engine::stage::Targets;
use crate::engine::wire;
use crate::failure::Failure;
use crate::hub::Hub;
use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::filter::Filter;
use dibs_protocol::terms::{Role, Sort};

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
    if list {
        let observer = hub.agent("observer", 0).await?;
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

/// The oracle's verdict.
///
/// # Errors
/// [`Failure`].
pub async fn verdict(_hub: &Hub, _recorders: Vec<Recorder>) -> Result<Judgement, Failure> {
    Ok(Judgement::default())
}
