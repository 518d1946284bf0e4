//! Looking at the heads of all running workspaces, with one question a second: what the bus did not bring, and what was
//! its last message for a while, is found here. Deliberately absent: what a workspace makes of its head.

use super::{Hub, Input};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// Between two looks. While the bus is away, other instances' events are this late at most.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn run(hub: &Hub) {
    if !hub.deps.log.is_shared() {
        return;
    }
    loop {
        sleep(LOOK).await;
        // In the order of their names, so that a schedule of the simulator can be repeated.
        let running: BTreeMap<_, _> = hub
            .workspaces
            .iter()
            .map(|it| (it.key().clone(), it.value().clone()))
            .collect();
        if running.is_empty() {
            continue;
        }
        match hub.deps.log.heads(running.keys().cloned().collect()).await {
            Ok(heads) => {
                for (workspace, head) in heads {
                    if let Some(handle) = running.get(&workspace) {
                        // A workspace that has stopped follows nothing.
                        handle.send(Input::Stored(head)).ok();
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "the heads could not be read"),
        }
    }
}
