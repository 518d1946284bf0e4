//! How fast messages get from one instance to another over loopback. The bounds are generous: they find a queue that
//! waits for a timer, or a connection that is opened per message, not a busy machine. `--nocapture` prints the figures.

use super::servers::Server;
use super::*;
use crate::bus::conformance::{text, workspace};
use bytes::Bytes;

/// Messages whose way is timed, one after the other.
const SINGLE: usize = 2_000;
/// Messages sent at once, in rounds that fit into a subscriber's queue.
const ROUND: usize = 2_000;
const ROUNDS: usize = 20;

/// Processor time that this process has used.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let field = |at: usize| -> u64 {
        let field = after_name.split(' ').nth(at);
        field.and_then(|it| it.parse().ok()).unwrap_or(0)
    };
    // User and system time in ticks of 10 ms.
    Duration::from_millis((field(11) + field(12)) * 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_take_milliseconds_at_most_and_go_by_the_thousand() {
    let server = Server::start(&[]).await;
    let (here, there) = (open(&server.url()), open(&server.url()));
    let mut heard = there.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    connected(&here).await;

    let message = Bytes::from(vec![b'x'; 600]);
    let mut taken = Vec::with_capacity(SINGLE);
    for _ in 0..SINGLE {
        let sent = Instant::now();
        here.publish(&workspace("a"), message.clone());
        assert!(matches!(hear(&mut heard).await, Heard::Message(_)));
        taken.push(sent.elapsed());
    }
    taken.sort();
    let (half, most) = (taken[SINGLE / 2], taken[SINGLE * 99 / 100]);

    let (began, used) = (Instant::now(), cpu());
    for _ in 0..ROUNDS {
        for _ in 0..ROUND {
            here.publish(&workspace("a"), message.clone());
        }
        here.publish(&workspace("a"), text("end"));
        while hear(&mut heard).await != Heard::Message(text("end")) {}
    }
    let (took, used) = (began.elapsed().as_secs_f64(), (cpu() - used).as_secs_f64());
    let sent = f64::from(u32::try_from(ROUNDS * ROUND).unwrap());
    println!("publish to hear: p50 {half:?}, p99 {most:?}");
    println!(
        "{:.0} messages/s, {:.2} ms of processor for 1,000 (both ends)",
        sent / took,
        used * 1e6 / sent
    );
    assert_eq!(here.traffic().dropped, 0);
    assert!(half < Duration::from_millis(50), "{half:?}");
    assert!(sent / took > 1_000.0, "{}", sent / took);
}
