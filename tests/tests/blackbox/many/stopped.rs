//! An instance that is not scheduled for longer than its lease, and wakes with claims that others hold by now.

use super::site::{Site, THROUGH, log};
use crate::desk::{claim, conversation, count, push, watch};
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::refusal::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_wakes_with_old_claims_lets_nobody_answer_with_them() {
    let site = Site::new();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    watch(&priya, c).await;
    watch(&sam, c).await;
    let old = claim(&priya, c).await;
    here.signal("-STOP");
    let expired = sam.wait_within(THROUGH, |push| match push {
        ServerFrame::Event(it) if it.kind() == "claim_expired" => Some(it.event["token"].clone()),
        _ => None,
    });
    assert_eq!(expired.await.unwrap(), old);
    let new = claim(&sam, c).await;
    let reply = |token: u64, key: &str| cmd!("reply", "conversation": c, "token": token, "key": key, "seen": new, "text": "Here I am.");
    // She answers while her instance sleeps: it is the first thing that it hears.
    let early = priya.send(reply(old, "early")).await.unwrap();
    sam.call(reply(new, "sam")).await.unwrap();
    here.signal("-CONT");
    let refused = early.answer().await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::ClaimLost), "{refused}");
    let lost = push(&priya, "claim_lost").await;
    assert_eq!(
        (&lost["token"], &lost["reason"]),
        (&old.into(), &"holder_gone".into())
    );
    let late = priya.refused(reply(old, "late")).await.unwrap();
    assert_eq!(late.code, Code::ClaimLost);
    let all = log(&here, c).await;
    assert_eq!(
        (count(&all, "message_sent"), count(&all, "claim_expired")),
        (1, 1)
    );
    // Its sessions were never closed, and work as before.
    sam.call(cmd!("release", "conversation": c, "token": new))
        .await
        .unwrap();
    claim(&priya, c).await;
}
