//! Case 6: text is UTF-8, whatever its fragments, and what is not fails the connection, at the first wrong fragment.

use crate::case::{Case, LAST, MORE, TEXT};

const INVALID: u16 = 1007;
const KOSME: &str = "cebae1bdb9cf83cebcceb5";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |it: &[u8]| u8::from_str_radix(std::str::from_utf8(it).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// A text in one frame: echoed, or refused.
fn whole(name: String, valid: bool, hex: &str) -> Case {
    let text = bytes(hex);
    assert_eq!(
        std::str::from_utf8(&text).is_ok(),
        valid,
        "{name} is written wrongly"
    );
    if valid {
        Case::new(name).echo(TEXT, text)
    } else {
        Case::new(name).send(TEXT, text).fails(INVALID)
    }
}

/// The same text in fragments of a single byte.
fn by_octets(name: &str, hex: &str) -> Case {
    let text = bytes(hex);
    Case::new(name).fragments(TEXT, text.chunks(1)).want(TEXT, &text)
}

/// All cases of UTF-8.
pub fn cases() -> Vec<Case> {
    let mut cases = fragments();
    for (group, valid, texts) in TABLE {
        for (at, hex) in (1..).zip(*texts) {
            cases.push(whole(format!("6.{group}.{at}"), *valid, hex));
        }
    }
    let mixed: [(u32, &[(bool, &str)]); 4] =
        [(6, PREFIXES), (7, FIRST), (9, LAST_OF_LENGTH), (11, BOUNDARIES)];
    for (group, texts) in mixed {
        for (at, (valid, hex)) in (1..).zip(texts) {
            cases.push(whole(format!("6.{group}.{at}"), *valid, hex));
        }
    }
    cases.extend(
        (1..)
            .zip(non_characters())
            .map(|(at, hex)| whole(format!("6.22.{at}"), true, &hex)),
    );
    cases
}

fn fragments() -> Vec<Case> {
    let greeting = "Hello-µ@ßöäüàá-UTF-8!!";
    let hex: String = greeting.bytes().map(|byte| format!("{byte:02x}")).collect();
    let (wrong, rest) = (bytes("f4908080"), bytes("656469746564"));
    let invalid = [bytes(KOSME), bytes("eda080"), rest.clone()].concat();
    let fail_fast = |name: &str, wrong: &[u8]| {
        // Nothing ends the message: the refusal must not wait for that.
        Case::new(name)
            .send(TEXT & MORE, bytes(KOSME))
            .send(0, wrong)
            .fails(INVALID)
    };
    let mut cases = vec![
        Case::new("6.1.1").echo(TEXT, b""),
        Case::new("6.1.2").fragments(TEXT, ["", "", ""]).want(TEXT, b""),
        Case::new("6.1.3")
            .fragments(TEXT, ["", "middle frame payload", ""])
            .want(TEXT, "middle frame payload"),
        Case::new("6.2.1").echo(TEXT, greeting),
        Case::new("6.2.2")
            .fragments(TEXT, [&greeting[..13], &greeting[13..]])
            .want(TEXT, greeting),
        by_octets("6.2.3", &hex),
        by_octets("6.2.4", KOSME),
        Case::new("6.3.1").send(TEXT, &invalid).fails(INVALID),
        Case::new("6.3.2")
            .fragments(TEXT, invalid.chunks(1))
            .fails(INVALID),
        fail_fast("6.4.1", &wrong).send(LAST, &rest),
        fail_fast("6.4.2", &wrong[..2])
            .send(0, &wrong[2..])
            .send(LAST, &rest),
        // The suite sends one frame in pieces here and is content with a refusal at the frame's end.
        whole("6.4.3".to_owned(), false, &format!("{KOSME}f4908080656469746564")).pieces(17),
        whole("6.4.4".to_owned(), false, &format!("{KOSME}f4908080656469746564")).pieces(18),
    ];
    for (at, cut) in (1..).zip([1, 2, 3, 5, 11]) {
        let text = bytes(KOSME);
        let case = Case::new(format!("6.5.{at}")).fragments(TEXT, [&text[..cut], &text[cut..]]);
        cases.push(case.want(TEXT, &text));
    }
    cases
}

/// Prefixes of a Greek word: valid where a character ends.
const PREFIXES: &[(bool, &str)] = &[
    (false, "ce"),
    (true, "ceba"),
    (false, "cebae1"),
    (false, "cebae1bd"),
    (true, "cebae1bdb9"),
    (false, "cebae1bdb9cf"),
    (true, "cebae1bdb9cf83"),
    (false, "cebae1bdb9cf83ce"),
    (true, "cebae1bdb9cf83cebc"),
    (false, "cebae1bdb9cf83cebcce"),
    (true, KOSME),
];

/// The first character of each length.
const FIRST: &[(bool, &str)] = &[(true, "00"), (true, "c280"), (true, "e0a080"), (true, "f0908080")];

/// The last character of each length; the last of four bytes is beyond Unicode.
const LAST_OF_LENGTH: &[(bool, &str)] = &[(true, "7f"), (true, "dfbf"), (true, "efbfbf"), (true, "f48fbfbf")];

/// Around the surrogates and the end of Unicode.
const BOUNDARIES: &[(bool, &str)] = &[
    (true, "ed9fbf"),
    (true, "ee8080"),
    (true, "efbfbd"),
    (true, "f48fbfbf"),
    (false, "f4908080"),
];

type Group = (u32, bool, &'static [&'static str]);

const TABLE: &[Group] = &[
    // First and last sequences of five and six bytes, which Unicode has not.
    (8, false, &["f888808080", "fc8480808080"]),
    (10, false, &["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"]),
    // Continuation bytes without a beginning.
    (
        12,
        false,
        &[
            "80",
            "bf",
            "80bf",
            "80bf80",
            "80bf80bf",
            "80bf80bf80",
            "80bf80bf80bf",
            "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbe",
        ],
    ),
    // Beginnings without a continuation.
    (
        13,
        false,
        &[
            "c020c120c220c320c420c520c620c720c820c920ca20cb20cc20cd20ce20cf20d020d120d220d320d420d520d620d720d820d920da20db20dc20dd20de20",
            "e020e120e220e320e420e520e620e720e820e920ea20eb20ec20ed20ee20",
            "f020f120f220f320f420f520f620",
            "f820f920fa20",
            "fc20",
        ],
    ),
    // The last continuation byte is missing.
    (
        14,
        false,
        &[
            "c0",
            "e080",
            "f08080",
            "f8808080",
            "fc80808080",
            "df",
            "efbf",
            "f7bfbf",
            "fbbfbfbf",
            "fdbfbfbfbf",
        ],
    ),
    (
        15,
        false,
        &["c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"],
    ),
    // Bytes that never occur.
    (16, false, &["fe", "ff", "fefeffff"]),
    // Overlong forms.
    (
        17,
        false,
        &["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"],
    ),
    (
        18,
        false,
        &["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
    ),
    (
        19,
        false,
        &["c080", "e08080", "f0808080", "f880808080", "fc8080808080"],
    ),
    // Surrogates, alone and in pairs.
    (
        20,
        false,
        &[
            "eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf",
        ],
    ),
    (
        21,
        false,
        &[
            "eda080edb080",
            "eda080edbfbf",
            "edadbfedb080",
            "edadbfedbfbf",
            "edae80edb080",
            "edae80edbfbf",
            "edafbfedb080",
            "edafbfedbfbf",
        ],
    ),
    // Replacement and other special characters, which are characters like any other.
    (
        23,
        true,
        &[
            "efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf",
        ],
    ),
];

/// U+FFFE and U+FFFF of each plane: valid, though no characters.
fn non_characters() -> impl Iterator<Item = String> {
    let code_points = (0..=16_u32).flat_map(|plane| [plane << 16 | 0xfffe, plane << 16 | 0xffff]);
    code_points.filter_map(char::from_u32).map(|it| {
        let mut space = [0; 4];
        it.encode_utf8(&mut space)
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    })
}
