//! The database goes away and comes back: what cannot be stored is answered so, what is in memory is still shown, and
//! all goes on by itself.

use super::site::{Site, THROUGH};
use super::worker::{all_is_right, crew, through};
use crate::desk::{claim, conversation, event, message, watch, write};
use dibs_protocol::answer::OpenViewAnswer;
use dibs_protocol::refusal::Code;
use dibs_tests::cut::Line;
use std::time::{Duration, Instant};

/// What cannot be stored is answered within this time.
const AT_ONCE: Duration = Duration::from_secs(3);
/// Where the database says nothing at all, within this time.
const IN_THE_END: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_writes_say_so_reading_goes_on_and_all_recovers() {
    let site = Site::of_its_own();
    let (here, there) = site.two();
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    watch(&sam, c).await;
    let token = claim(&priya, c).await;
    assert_eq!(event(&sam, c, "claim_granted").await.seq, token);
    site.postgres().stop();
    let reply =
        || cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "once");
    for _ in 0..3 {
        let asked = Instant::now();
        let refusal = priya.refused(reply()).await.unwrap();
        assert_eq!(refusal.code, Code::Unavailable);
        assert!(refusal.details.retry_after_ms.is_some());
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    }
    let asked = Instant::now();
    let refused = here
        .channel()
        .ingest(&message("m", "c", "Hello?"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some(Code::Unavailable));
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    // What is in memory is shown, to those who are here.
    for agent in [&priya, &sam] {
        let list: OpenViewAnswer = agent
            .call_as(cmd!("open_view", "view": "v", "filter": {}, "sort": "newest"))
            .await
            .unwrap();
        assert_eq!(list.conversations[0].claim.as_ref().unwrap().token, token);
    }
    site.postgres().start_again();
    let answer = tokio::time::timeout(THROUGH, async {
        loop {
            match priya.call(reply()).await {
                Ok(fields) => return fields,
                Err(error) => assert_eq!(error.code(), Some(Code::Unavailable), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let seq = crate::desk::number(&answer.await.unwrap(), "seq");
    assert_eq!(*super::site::told(&sam, c, seq).await.last().unwrap(), seq);
    let all = super::site::log(&there, c).await;
    assert_eq!(crate::desk::count(&all, "message_sent"), 1, "once");
    assert_eq!(
        crate::desk::count(&all, "claim_expired"),
        0,
        "who was there all the time keeps the claim"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_database_under_load_loses_nothing() {
    let site = Site::of_its_own();
    let (here, there) = site.two();
    let workers = crew(4, &[&here, &there]).await;
    let (workers, ()) = through(workers, async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::block_in_place(|| {
            site.postgres().stop();
            site.postgres().start_again();
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
    })
    .await;
    assert!(workers.iter().any(|it| it.unavailable > 0), "it was noticed");
    assert!(workers.iter().all(|it| it.cuts == 0), "sessions stay");
    all_is_right(workers, &there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_the_database_that_are_ended_are_made_again() {
    let site = Site::of_its_own();
    let (here, there) = site.two();
    let workers = crew(4, &[&here, &there]).await;
    let (workers, ended) = through(workers, async {
        let mut ended = 0;
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            ended += tokio::task::block_in_place(|| site.postgres().terminate(site.database()));
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
        ended
    })
    .await;
    assert!(ended >= 8, "connections were ended: {ended}");
    assert!(
        workers.iter().all(|it| it.done() > 5 && it.cuts == 0),
        "all of them went on"
    );
    all_is_right(workers, &here).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_cut_off_from_the_database_says_so_and_the_other_goes_on() {
    let site = Site::new();
    let line = Line::to(site.postgres().port());
    let (here, there) = (site.hub_at(line.port(), &site.redis.url(), &[]), site.hub());
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    let since = watch(&priya, c).await.version;
    line.hold();
    let asked = Instant::now();
    let refusal = priya.refused(cmd!("claim", "conversation": c)).await.unwrap();
    assert_eq!(refusal.code, Code::Unavailable);
    assert!(asked.elapsed() < IN_THE_END, "{:?}", asked.elapsed());
    let token = claim(&sam, c).await;
    let reply = cmd!("reply", "conversation": c, "token": token, "key": "k", "seen": token, "text": "I am.");
    sam.call(reply).await.unwrap();
    let last = write(&there.channel(), "m", "c", "Thank you").await.seq;
    line.mend();
    // She is told what happened meanwhile, once and in order, whether her claim was lost on its way or came too late.
    let all = super::site::log(&there, c).await;
    assert_eq!(
        super::site::told(&priya, c, last).await,
        super::site::above(&all, since)
    );
    let holder = tokio::time::timeout(THROUGH, async {
        loop {
            let refusal = priya.refused(cmd!("claim", "conversation": c)).await.unwrap();
            match refusal.code {
                // The line was mended a moment ago.
                Code::Unavailable => tokio::time::sleep(Duration::from_millis(50)).await,
                Code::AlreadyClaimed => return refusal.details.holder.unwrap(),
                code => panic!("{code:?}: {refusal}"),
            }
        }
    });
    assert_eq!(holder.await.unwrap().as_str(), "sam");
}
