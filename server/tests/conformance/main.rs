//! The WebSocket protocol (RFC 6455), case by case as the Autobahn suite numbers them: 1 to 7, 9 and 10, over bare TCP
//! against this server's own accept loop, upgrade and socket, with an echo hung on them.
//!
//! Left out are 8 (which does not exist) and 12 and 13 (compression, which is not offered).
//! `DIBS_LONG=1` runs the largest messages as well.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod case;
mod closing;
mod echo;
mod frames;
mod peer;
mod utf8;
mod volume;

use case::Case;

/// Runs the cases one after the other; all that fail are named at the end.
async fn run(expected: usize, cases: Vec<Case>) {
    let address = echo::start().await;
    let count = cases.len();
    let mut failed = Vec::new();
    for case in cases {
        if let Err(fault) = case.run(address).await {
            failed.push(format!("{}: {fault}", case.name));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert_eq!(count, expected, "a case got lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_1_frames_of_all_lengths() {
    run(16, frames::lengths()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_2_pings_and_pongs() {
    run(11, frames::pings()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_3_reserved_bits() {
    run(7, frames::reserved_bits()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_4_opcodes() {
    run(10, frames::opcodes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_5_fragmentation() {
    run(20, frames::fragments()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_6_utf8() {
    run(145, utf8::cases()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_7_closing() {
    run(37, closing::cases()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_9_volume() {
    let (cases, expected) = volume::cases();
    run(expected, cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_10_many_small_fragments_of_one_message() {
    run(1, vec![volume::auto_fragmentation()]).await;
}
