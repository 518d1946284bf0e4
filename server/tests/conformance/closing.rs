//! Case 7: closing, with every code that may be sent and some that may not.

use crate::case::{CLOSE, Case, LAST, MORE, PING, TEXT};

const HELLO: &[u8] = b"Hello, world!";
const BROKEN: u16 = 1002;

fn payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

/// We close, and are answered with the same code.
fn closes(name: impl Into<String>, payload: &[u8]) -> Case {
    Case::new(name).send(CLOSE, payload).answers(payload)
}

fn refused(name: impl Into<String>, payload: &[u8]) -> Case {
    Case::new(name).send(CLOSE, payload).fails(BROKEN)
}

/// All cases of closing.
pub fn cases() -> Vec<Case> {
    let normal = payload(1_000, b"");
    let mut cases = vec![
        Case::new("7.1.1")
            .echo(TEXT, HELLO)
            .send(CLOSE, &normal)
            .answers(&normal),
        closes("7.1.2", &normal).send(CLOSE, &normal),
        closes("7.1.3", &normal).send(PING, b""),
        closes("7.1.4", &normal).send(TEXT, HELLO),
        Case::new("7.1.5")
            .send(TEXT & MORE, "fragment1")
            .send(CLOSE, &normal)
            .send(LAST, "fragment2")
            .answers(&normal),
        Case::new("7.1.6")
            .echo(TEXT, vec![b'*'; 256 << 10])
            .echo(TEXT, HELLO)
            .send(CLOSE, &normal)
            .answers(&normal),
        closes("7.3.1", b""),
        refused("7.3.2", b"a"),
        closes("7.3.3", &normal),
        closes("7.3.4", &payload(1_000, b"Hello World!")),
        closes("7.3.5", &payload(1_000, &[b'*'; 123])),
        refused("7.3.6", &payload(1_000, &[b'*'; 124])),
        Case::new("7.5.1")
            .send(
                CLOSE,
                payload(
                    1_000,
                    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
                ),
            )
            .fails(1_007),
    ];
    let valid = [
        1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011, 3_000, 3_999, 4_000, 4_999,
    ];
    cases.extend(
        (1..)
            .zip(valid)
            .map(|(at, code)| closes(format!("7.7.{at}"), &payload(code, b""))),
    );
    let invalid = [0, 999, 1_004, 1_005, 1_006, 1_016, 1_100, 2_000, 2_999];
    cases.extend(
        (1..)
            .zip(invalid)
            .map(|(at, code)| refused(format!("7.9.{at}"), &payload(code, b""))),
    );
    // Beyond what the protocol defines; the suite only looks on here.
    cases.extend(
        (1..)
            .zip([5_000, 65_535])
            .map(|(at, code)| refused(format!("7.13.{at}"), &payload(code, b""))),
    );
    cases
}
