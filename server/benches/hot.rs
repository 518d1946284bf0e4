//! The hub's hot paths without sockets: an event's frame, one frame to a thousand outboxes, a list that changes.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]
#![allow(missing_docs, reason = "what criterion_group makes has none")]

use criterion::{Criterion, criterion_group, criterion_main};
use dibs_server::hub::hot::{ListUnderLoad, NoteToTell};
use dibs_server::hub::outbox::{Class, Frame, Outbox};
use std::collections::VecDeque;
use std::hint::black_box;

/// Bytes of an outbox's bound.
const BOUND: usize = 1 << 20;
/// Outboxes that receive a frame.
const WATCHERS: usize = 1_000;
/// Conversations in a list.
const ROWS: u128 = 10_000;
/// Sessions that have the list open.
const SUBSCRIBERS: usize = 1_000;

fn encode(c: &mut Criterion) {
    let note = NoteToTell::new(&"the parcel left on Monday ".repeat(8));
    c.bench_function("encode an event and its frame", |b| {
        b.iter(|| black_box(&note).frame(4_711))
    });
}

fn fan_out(c: &mut Criterion) {
    let outboxes: Vec<_> = (0..WATCHERS).map(|_| Outbox::new(BOUND, 0)).collect();
    let frame = Frame::text(&"x".repeat(500));
    let mut taken = VecDeque::new();
    c.bench_function("one frame to 1,000 outboxes, and out again", |b| {
        b.iter(|| {
            for outbox in &outboxes {
                outbox.push(frame.clone(), Class::Durable);
            }
            for outbox in &outboxes {
                outbox.take(&mut taken, BOUND);
                taken.clear();
            }
        });
    });
}

fn list(c: &mut Criterion) {
    let mut list = ListUnderLoad::new(ROWS, SUBSCRIBERS);
    c.bench_function("a change in a list of 10,000, told to 1,000 sessions", |b| {
        b.iter(|| list.change_and_flush());
    });
}

criterion_group!(benches, encode, fan_out, list);
criterion_main!(benches);
