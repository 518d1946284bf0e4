//! A log that lost its end, under instances that have told of it: a failover or an old backup. Nobody keeps seeing what
//! no longer exists.

use super::site::{Site, THROUGH, log};
use crate::desk::{claim, conversation, count, watch, write};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::ids::ConversationId;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_old_backup_is_restored_everybody_starts_anew_from_what_is_true() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    watch(&priya, c).await;
    watch(&sam, c).await;
    let epoch = priya.welcome().epoch.clone();
    let backup = site.postgres().dump(site.database());
    let lost = write(&here.channel(), "lost", "c", "This will be forgotten.")
        .await
        .seq;
    for agent in [&priya, &sam] {
        super::site::told(agent, c, lost).await;
    }
    claim(&priya, c).await;
    tokio::task::block_in_place(|| site.postgres().restore(site.database(), &backup));
    let now = everybody_starts_anew(vec![(priya, "priya", &here), (sam, "sam", &there)], c, lost).await;
    assert_ne!(now, epoch);
    // Its number is given to another event, and the key is unknown again.
    let again = write(&there.channel(), "lost", "c", "This will be forgotten.").await;
    assert!(!again.opened);
    assert_eq!(count(&log(&here, c).await, "message_received"), 2);
}

/// Everybody who saw `lost` in this conversation is told of one new epoch, and shown what there is. Gives the epoch.
pub async fn everybody_starts_anew(
    members: Vec<(Client, &str, &Hub)>,
    c: ConversationId,
    lost: u64,
) -> String {
    let mut epochs = Vec::new();
    for (agent, name, hub) in members {
        let told = agent.wait_within(THROUGH, |push| match push {
            ServerFrame::Resync {
                epoch: Some(epoch), ..
            } => Some(epoch.clone()),
            _ => None,
        });
        let epoch = told
            .await
            .unwrap_or_else(|error| panic!("{name} is not told: {error}"));
        let back = hub.resume(json!({ "sub": name }), agent.cursor().await).await;
        assert!(!back.welcome().resumed, "there is nothing to go on from");
        assert_eq!(back.welcome().epoch, epoch);
        let now = watch(&back, c).await;
        assert!(
            now.version < lost && now.claim.is_none(),
            "what was lost is not shown: {now:?}"
        );
        epochs.push(epoch);
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 1, "all follow the same history");
    epochs.remove(0)
}
