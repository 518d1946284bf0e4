//! An instance that is killed: its sessions go on at another one, and nothing that was acknowledged is lost.

use super::site::{Site, THROUGH, stored};
use super::worker::{Worker, all_is_right, crew, through};
use crate::desk::{claim, conversation, watch};
use dibs_protocol::frame::ServerFrame;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_a_storm_loses_nothing_and_sessions_go_on_elsewhere() {
    let site = Site::new();
    let (mut here, there) = site.two();
    let workers = crew(6, &[&here, &there]).await;
    let (workers, ()) = through(workers, async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        here.kill9();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    })
    .await;
    let moved = workers.iter().filter(|it| it.cuts > 0).count();
    assert_eq!(moved, 3, "who was at the dead one came back");
    assert!(workers.iter().all(|it| it.anew == 0), "from where they were");
    assert!(workers.iter().all(|it| it.done() > 5), "all of them went on");
    all_is_right(workers, &there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_keeps_the_claim_and_who_does_not_loses_it() {
    let site = Site::new();
    let (mut here, there) = site.two();
    let (kept, left) = (
        conversation(&here, "kept").await,
        conversation(&here, "left").await,
    );
    let mut priya = Worker::new("priya", kept, &[&here, &there]).await;
    let ann = here.agent("ann").await;
    let sam = there.agent("sam").await;
    watch(&sam, left).await;
    let token = claim(&ann, left).await;
    here.kill9();
    // She is back at once, with the token that she had.
    priya.reply().await;
    let gone = sam
        .wait_within(THROUGH, |push| match push {
            ServerFrame::Event(it) if it.kind() == "claim_expired" => Some(it.clone()),
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(
        (&gone.event["reason"], &gone.event["token"]),
        (&"holder_gone".into(), &token.into())
    );
    claim(&sam, left).await;
    priya.holds().await;
    let all = stored(&there, kept, "message_sent", 2).await;
    assert_eq!(crate::desk::count(&all, "claim_expired"), 0);
    priya.must_be_right(&all).await;
}
