//! What every bus promises, whatever carries it: one suite, run against each with a fresh bus per promise.
//!
//! Deliberately absent: what happens when something breaks, which each bus tests for itself.

use super::{Bus, Heard, SUBSCRIBER_BOUND};
use bytes::Bytes;
use dibs_protocol::ids::WorkspaceId;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// No promise may take longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Two ends of a bus; one within a process is its own other end.
pub(crate) struct Buses {
    /// One end.
    pub(crate) here: Arc<dyn Bus>,
    /// The other end.
    pub(crate) there: Arc<dyn Bus>,
    /// Whether a subscriber first hears a doubt, as soon as everything arrives.
    pub(crate) announced: bool,
    /// What must live as long as the bus.
    #[expect(dead_code, reason = "it is only kept, and dropped")]
    pub(crate) behind: Box<dyn Any + Send>,
}

impl Buses {
    /// Subscribes, and waits until everything arrives.
    pub(crate) async fn subscribe(&self, bus: &Arc<dyn Bus>, workspace: &WorkspaceId) -> Receiver<Heard> {
        let mut receiver = bus.subscribe(workspace);
        if self.announced {
            assert_eq!(hear(&mut receiver).await, Heard::Doubt);
        }
        receiver
    }
}

/// A workspace.
pub(crate) fn workspace(name: &str) -> WorkspaceId {
    WorkspaceId::new(name).unwrap()
}

/// A message.
pub(crate) fn text(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

/// The next thing to be heard.
pub(crate) async fn hear(receiver: &mut Receiver<Heard>) -> Heard {
    let heard = timeout(DEADLINE, receiver.recv()).await;
    heard.expect("nothing was heard").expect("the bus is gone")
}

/// Hears exactly these messages next.
pub(crate) async fn hears(receiver: &mut Receiver<Heard>, messages: &[&str]) {
    for message in messages {
        assert_eq!(hear(receiver).await, Heard::Message(text(*message)));
    }
}

pub(crate) async fn a_workspaces_subscribers_hear_its_messages_in_order(buses: Buses) {
    let (a, b) = (workspace("a"), workspace("b"));
    let mut subscribers = vec![
        buses.subscribe(&buses.here, &a).await,
        buses.subscribe(&buses.there, &a).await,
    ];
    let mut other = buses.subscribe(&buses.there, &b).await;
    for message in ["x", "y", "z"] {
        buses.here.publish(&a, text(message));
    }
    for subscriber in &mut subscribers {
        hears(subscriber, &["x", "y", "z"]).await;
    }
    buses.here.publish(&b, text("for b"));
    hears(&mut other, &["for b"]).await;
    for subscriber in &mut subscribers {
        assert!(subscriber.try_recv().is_err());
    }
}

pub(crate) async fn what_either_end_says_is_heard_once_at_both(buses: Buses) {
    let a = workspace("a");
    let mut here = buses.subscribe(&buses.here, &a).await;
    let mut there = buses.subscribe(&buses.there, &a).await;
    for round in 0..20 {
        let (mine, theirs) = (format!("mine {round}"), format!("theirs {round}"));
        buses.here.publish(&a, text(&mine));
        hears(&mut here, &[&mine]).await;
        hears(&mut there, &[&mine]).await;
        buses.there.publish(&a, text(&theirs));
        hears(&mut here, &[&theirs]).await;
        hears(&mut there, &[&theirs]).await;
    }
}

pub(crate) async fn a_full_queue_ends_with_a_doubt_and_then_goes_on(buses: Buses) {
    let (a, end) = (workspace("a"), workspace("end"));
    let mut slow = buses.subscribe(&buses.there, &a).await;
    let mut ended = buses.subscribe(&buses.there, &end).await;
    for number in 0..SUBSCRIBER_BOUND + 10 {
        buses.here.publish(&a, text(number.to_string()));
    }
    buses.here.publish(&end, text("end"));
    hears(&mut ended, &["end"]).await;
    for number in 0..SUBSCRIBER_BOUND {
        hears(&mut slow, &[&number.to_string()]).await;
    }
    assert_eq!(hear(&mut slow).await, Heard::Doubt);
    assert!(slow.try_recv().is_err());
    buses.here.publish(&a, text("on"));
    hears(&mut slow, &["on"]).await;
}

pub(crate) async fn bytes_arrive_as_they_are(buses: Buses) {
    let a = workspace("a");
    let mut there = buses.subscribe(&buses.there, &a).await;
    let all: Vec<u8> = (0..=255).collect();
    for message in [
        Bytes::new(),
        Bytes::from(all.clone()),
        Bytes::from(all.repeat(1_200)),
    ] {
        buses.here.publish(&a, message.clone());
        assert_eq!(hear(&mut there).await, Heard::Message(message));
    }
}

pub(crate) async fn who_leaves_and_comes_back_hears_again(buses: Buses) {
    let a = workspace("a");
    for round in ["once", "again", "and again"] {
        let mut there = buses.subscribe(&buses.there, &a).await;
        buses.here.publish(&a, text(round));
        hears(&mut there, &[round]).await;
    }
}

/// On a runtime of one thread nothing else runs meanwhile, so that whoever waited would wait for ever.
pub(crate) async fn publishing_waits_for_nobody(buses: Buses) {
    let (a, b) = (workspace("a"), workspace("b"));
    let mut there = buses.subscribe(&buses.there, &a).await;
    for _ in 0..50_000 {
        buses.here.publish(&b, text("nobody hears this"));
    }
    buses.here.publish(&a, text("x"));
    hears(&mut there, &["x"]).await;
}

pub(crate) async fn many_workspaces_hear_only_their_own(buses: Buses) {
    let names: Vec<_> = (0..200).map(|number| workspace(&format!("w-{number}"))).collect();
    let mut subscribers = Vec::new();
    for name in &names {
        subscribers.push(buses.there.subscribe(name));
    }
    for subscriber in &mut subscribers {
        if buses.announced {
            assert_eq!(hear(subscriber).await, Heard::Doubt);
        }
    }
    for name in &names {
        buses.here.publish(name, text(name.to_string()));
    }
    for (name, subscriber) in names.iter().zip(&mut subscribers) {
        hears(subscriber, &[name.as_str()]).await;
        assert!(subscriber.try_recv().is_err());
    }
}

/// Tests each promise with buses that an async function makes.
macro_rules! promises {
    ($open:path) => {
        $crate::bus::conformance::promises!($open:
            a_workspaces_subscribers_hear_its_messages_in_order,
            what_either_end_says_is_heard_once_at_both,
            a_full_queue_ends_with_a_doubt_and_then_goes_on,
            bytes_arrive_as_they_are,
            who_leaves_and_comes_back_hears_again,
            publishing_waits_for_nobody,
            many_workspaces_hear_only_their_own,
        );
    };
    ($open:path: $($promise:ident,)+) => {
        $(#[tokio::test]
        async fn $promise() {
            $crate::bus::conformance::$promise($open().await).await;
        })+
    };
}
pub(crate) use promises;
