//! Cases 1 to 5: lengths, pings, reserved bits, opcodes, fragmentation.

use crate::case::{BINARY, CLOSE, Case, LAST, MORE, PING, PONG, TEXT};

const HELLO: &[u8] = b"Hello, world!";
const BROKEN: u16 = 1002;

/// Case 1: text and binary messages, empty ones, and those at which the length is written otherwise.
pub fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, first, fill) in [(1, TEXT, b'*'), (2, BINARY, 0xfe)] {
        let sizes = [0, 125, 126, 127, 128, 65_535, 65_536];
        for (at, size) in sizes.into_iter().enumerate() {
            cases.push(Case::new(format!("1.{kind}.{}", at + 1)).echo(first, vec![fill; size]));
        }
        cases.push(
            Case::new(format!("1.{kind}.8"))
                .echo(first, vec![fill; 65_536])
                .pieces(997),
        );
    }
    cases
}

/// Case 2: every ping has its pong, and pongs that nobody asked for have none.
pub fn pings() -> Vec<Case> {
    let ping = |name: &str, payload: &[u8]| Case::new(name).send(PING, payload).want(PONG, payload);
    let ten = |name: &str| {
        (0..10).fold(Case::new(name), |case, at| {
            let payload = format!("payload-{at}");
            case.send(PING, &payload).want(PONG, &payload)
        })
    };
    vec![
        ping("2.1", b""),
        ping("2.2", HELLO),
        ping("2.3", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        ping("2.4", &[0xfe; 125]),
        Case::new("2.5").send(PING, [0xfe; 126]).fails(BROKEN),
        ping("2.6", &[0xfe; 125]).pieces(1),
        Case::new("2.7").send(PONG, b""),
        Case::new("2.8").send(PONG, b"unsolicited pong payload"),
        Case::new("2.9")
            .send(PONG, b"unsolicited pong payload")
            .send(PING, b"ping payload")
            .want(PONG, b"ping payload"),
        ten("2.10"),
        ten("2.11").pieces(1),
    ]
}

/// Case 3: a reserved bit fails the connection; what came before is answered, what comes after is not.
pub fn reserved_bits() -> Vec<Case> {
    let after = |name: &str, bits: u8| {
        Case::new(name)
            .echo(TEXT, HELLO)
            .send(TEXT | bits << 4, HELLO)
            .send(PING, b"")
            .fails(BROKEN)
    };
    vec![
        Case::new("3.1").send(TEXT | 1 << 4, HELLO).fails(BROKEN),
        after("3.2", 2),
        after("3.3", 3).pieces(19),
        after("3.4", 4).pieces(1),
        Case::new("3.5").send(BINARY | 5 << 4, HELLO).fails(BROKEN),
        Case::new("3.6").send(PING | 6 << 4, HELLO).fails(BROKEN),
        Case::new("3.7").send(CLOSE | 7 << 4, b"").fails(BROKEN),
    ]
}

/// Case 4: opcodes that mean nothing.
pub fn opcodes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, base) in [(1, 0x83), (2, 0x8b)] {
        let after = |at: u8, payload: &[u8]| {
            let case = Case::new(format!("4.{kind}.{}", at + 1)).echo(TEXT, HELLO);
            case.send(base + at, payload).send(PING, b"").fails(BROKEN)
        };
        cases.push(Case::new(format!("4.{kind}.1")).send(base, b"").fails(BROKEN));
        cases.push(
            Case::new(format!("4.{kind}.2"))
                .send(base + 1, b"reserved opcode payload")
                .fails(BROKEN),
        );
        cases.push(after(2, b""));
        cases.push(after(3, HELLO));
        cases.push(after(4, HELLO).pieces(1));
    }
    cases
}

/// Case 5: messages in fragments, control frames between them, and fragments that fit nowhere.
pub fn fragments() -> Vec<Case> {
    let two = |name: &str| {
        Case::new(name)
            .fragments(TEXT, ["fragment1", "fragment2"])
            .want(TEXT, "fragment1fragment2")
    };
    let ping_between = |name: &str| {
        let case = Case::new(name)
            .send(TEXT & MORE, "fragment1")
            .send(PING, b"ping payload");
        case.send(LAST, "fragment2")
            .want(PONG, b"ping payload")
            .want(TEXT, "fragment1fragment2")
    };
    let nothing_to_continue = |name: &str, first: u8| {
        Case::new(name)
            .send(first, "non-continuation payload")
            .send(TEXT, HELLO)
            .fails(BROKEN)
    };
    let again_and_again = |name: &str, first: u8| {
        Case::new(name)
            .send(first, "fragment1")
            .send(TEXT & MORE, "fragment2")
            .send(LAST, "fragment3")
            .fails(BROKEN)
    };
    vec![
        Case::new("5.1")
            .fragments(PING, ["fragment1", "fragment2"])
            .fails(BROKEN),
        Case::new("5.2")
            .fragments(PONG, ["fragment1", "fragment2"])
            .fails(BROKEN),
        two("5.3"),
        two("5.4").pieces(15),
        two("5.5").pieces(1),
        ping_between("5.6"),
        ping_between("5.7").pieces(15),
        ping_between("5.8").pieces(1),
        nothing_to_continue("5.9", LAST),
        nothing_to_continue("5.10", LAST).pieces(30),
        nothing_to_continue("5.11", LAST).pieces(1),
        nothing_to_continue("5.12", 0),
        nothing_to_continue("5.13", 0).pieces(30),
        nothing_to_continue("5.14", 0).pieces(1),
        two("5.15")
            .send(0, "fragment3")
            .send(TEXT, "fragment4")
            .fails(BROKEN),
        again_and_again("5.16", 0),
        again_and_again("5.17", LAST),
        Case::new("5.18")
            .send(TEXT & MORE, "fragment1")
            .send(TEXT, "fragment2")
            .fails(BROKEN),
        pings_between("5.19"),
        pings_between("5.20").pieces(15),
    ]
}

/// Five fragments, and pings after the second and the fourth.
fn pings_between(name: &str) -> Case {
    let case = Case::new(name)
        .send(TEXT & MORE, "fragment1")
        .send(0, "fragment2")
        .send(PING, b"pongme 1!");
    let case = case
        .send(0, "fragment3")
        .send(0, "fragment4")
        .send(PING, b"pongme 2!")
        .send(LAST, "fragment5");
    case.want(PONG, b"pongme 1!")
        .want(PONG, b"pongme 2!")
        .want(TEXT, "fragment1fragment2fragment3fragment4fragment5")
}
