//! Redis dies, stops, forgets, cuts off: things get slower, nothing is lost, and all is whole again by itself.

use super::site::{Site, THROUGH, log, told};
use super::worker::{all_is_right, crew, through};
use crate::desk::{conversation, watch, write};
use crate::hub::Hub;
use dibs_client::Client;
use dibs_protocol::frame::{ServerFrame, TypingSignal};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Typing;
use std::time::{Duration, Instant};

/// After Redis is back, presence is whole within this time.
const WHOLE: Duration = Duration::from_secs(5);

/// Two who look at one conversation from two instances.
struct Lookers {
    ann: Client,
    bob: Client,
    c: ConversationId,
}

impl Lookers {
    async fn new(here: &Hub, there: &Hub) -> Self {
        let c = conversation(here, "looked-at").await;
        let (ann, bob) = (here.agent("ann").await, there.agent("bob").await);
        watch(&ann, c).await;
        watch(&bob, c).await;
        let it = Self { ann, bob, c };
        it.see(THROUGH).await;
        it
    }

    /// Each begins to type a note and then a reply, and the other sees it: a change also where the typing of before is over.
    async fn see(&self, within: Duration) {
        for into in [Typing::Note, Typing::Reply] {
            for (writer, name, reader) in [(&self.ann, "ann", &self.bob), (&self.bob, "bob", &self.ann)] {
                let signal = TypingSignal {
                    conversation: self.c,
                    into,
                    on: true,
                };
                writer.typing(signal).await.unwrap();
                let seen = reader.wait_within(within, |push| match push {
                    ServerFrame::Viewers { viewers, .. } => {
                        let theirs = viewers.iter().find(|it| it.agent.as_str() == name)?;
                        (viewers.len() == 2 && theirs.typing == Some(into)).then_some(())
                    }
                    _ => None,
                });
                seen.await
                    .unwrap_or_else(|error| panic!("it is not seen that {name} types a {into:?}: {error}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_loses_nothing_and_presence_is_whole_soon_after() {
    let mut site = Site::new();
    let (here, there) = site.two();
    let lookers = Lookers::new(&here, &there).await;
    let workers = crew(4, &[&here, &there]).await;
    let (workers, ()) = through(workers, async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        site.redis.kill();
        // Without Redis, what happens elsewhere is seen later, but is seen.
        let answer = write(&here.channel(), "meanwhile", "looked-at", "Hello?").await;
        told(&lookers.bob, lookers.c, answer.seq).await;
        site.redis.start_again();
        let back = Instant::now();
        lookers.see(WHOLE).await;
        assert!(back.elapsed() < WHOLE + WHOLE, "{:?}", back.elapsed());
    })
    .await;
    assert!(
        workers.iter().all(|it| it.unavailable + it.cuts == 0),
        "nobody notices"
    );
    assert!(workers.iter().all(|it| it.done() > 5));
    all_is_right(workers, &there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_stopped_everything_is_stored_and_seen() {
    let site = Site::new();
    let (here, there) = site.two();
    let lookers = Lookers::new(&here, &there).await;
    let workers = crew(4, &[&here, &there]).await;
    let (workers, ()) = through(workers, async {
        site.redis.signal("STOP");
        for n in 0..3 {
            let answer = write(&here.channel(), &format!("m{n}"), "looked-at", "Hello?").await;
            told(&lookers.bob, lookers.c, answer.seq).await;
        }
        site.redis.signal("CONT");
        lookers.see(THROUGH).await;
    })
    .await;
    assert!(
        workers.iter().all(|it| it.unavailable + it.cuts == 0),
        "nobody notices"
    );
    all_is_right(workers, &here).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_and_cuts_subscribers_off_is_not_noticed() {
    let site = Site::new();
    let (here, there) = site.two();
    let lookers = Lookers::new(&here, &there).await;
    let workers = crew(4, &[&here, &there]).await;
    let (workers, cut) = through(workers, async {
        let mut cut = 0;
        for n in 0..3 {
            assert_eq!(site.redis.ask(&["FLUSHALL"]), "OK");
            cut += site
                .redis
                .ask(&["CLIENT", "KILL", "TYPE", "pubsub"])
                .parse::<u32>()
                .unwrap();
            let answer = write(&here.channel(), &format!("m{n}"), "looked-at", "Hello?").await;
            told(&lookers.bob, lookers.c, answer.seq).await;
            lookers.see(THROUGH).await;
        }
        cut
    })
    .await;
    assert!(cut >= 4, "subscribers were cut off: {cut}");
    assert!(
        workers.iter().all(|it| it.unavailable + it.cuts == 0),
        "nobody notices"
    );
    all_is_right(workers, &there).await;
    let all = log(&there, lookers.c).await;
    assert_eq!(crate::desk::count(&all, "message_received"), 4);
}
