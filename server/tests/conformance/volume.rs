//! Cases 9 and 10: large messages, many fragments, small pieces, many messages.

use crate::case::{BINARY, Case, TEXT};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn long() -> bool {
    std::env::var("DIBS_LONG").is_ok_and(|it| it == "1")
}

/// Case 9, and how many cases it has: fifty-four in the long form; without the two largest messages of each kind else.
pub fn cases() -> (Vec<Case>, usize) {
    let mut cases = Vec::new();
    for (kind, first) in [(0, TEXT), (1, BINARY)] {
        let body = |size: usize| -> Vec<u8> { (b'!'..=b'~').cycle().take(size).collect() };
        let largest = if long() { 6 } else { 4 };
        let sizes = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
        for (at, size) in (1..).zip(sizes).take(largest) {
            cases.push(Case::new(format!("9.{}.{at}", 1 + kind)).echo(first, body(size)));
        }
        let sizes = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
        for (at, size) in (1..).zip(sizes) {
            let body = body(4 * MIB);
            let case = Case::new(format!("9.{}.{at}", 3 + kind));
            cases.push(case.fragments(first, body.chunks(size)).want(first, &body));
        }
        for (at, size) in (1..).zip([64, 128, 256, 512, KIB, 2 * KIB]) {
            cases.push(
                Case::new(format!("9.{}.{at}", 5 + kind))
                    .echo(first, body(MIB))
                    .pieces(size),
            );
        }
        for (at, size) in (1..).zip([0, 16, 64, 256, KIB, 4 * KIB]) {
            let case = Case::new(format!("9.{}.{at}", 7 + kind));
            cases.push((0..1_000).fold(case, |case, _| case.echo(first, body(size))));
        }
    }
    (cases, if long() { 54 } else { 50 })
}

/// Case 10: a message of 64 KiB in fragments of 1,300 bytes.
pub fn auto_fragmentation() -> Case {
    let body = vec![b'*'; 64 * KIB];
    Case::new("10.1.1")
        .fragments(TEXT, body.chunks(1_300))
        .want(TEXT, &body)
}
