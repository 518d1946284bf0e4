//! Client frames that are not as the contract says: each is refused with the right code, and names the field.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test that cannot go on panics; tables are long"
)]

use dibs_protocol::frame::ClientFrame;
use dibs_protocol::parse::{self, BadFrame};
use dibs_protocol::refusal::{Code, Refusal};

const C: &str = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";

fn read(text: &str) -> Result<ClientFrame, BadFrame> {
    parse::client_frame(&text.replace("<C>", C))
}

/// The refusal of a frame that has an `id`.
fn refused(text: &str) -> Refusal {
    match read(text) {
        Err(BadFrame::Refused(7, refusal)) => refusal,
        other => panic!("{text} gave {other:?}"),
    }
}

fn unanswerable(text: &str) -> Refusal {
    match read(text) {
        Err(BadFrame::Unanswerable(refusal)) => refusal,
        other => panic!("{} gave {other:?}", text.chars().take(80).collect::<String>()),
    }
}

/// Frames, all with id 7, and the field that the refusal must name.
const INVALID: &[(&str, &str)] = &[
    // Unknown fields, on every level.
    (r#"{"type":"ping","id":7,"extra":1}"#, "extra"),
    (
        r#"{"type":"claim","id":7,"conversation":"<C>","expect":{"version":1}}"#,
        "expect",
    ),
    (
        r#"{"type":"open_view","id":7,"view":"v","filter":{"colour":"red"},"sort":"newest"}"#,
        "filter.colour",
    ),
    (
        r#"{"type":"open_view","id":7,"view":"v","filter":{"filter":1},"sort":"newest"}"#,
        "filter.filter",
    ),
    (
        r#"{"type":"open_view","id":7,"view":"v","filter":{"tags":{"some":[]}},"sort":"newest"}"#,
        "filter.tags.some",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":{"id":"a","name":"A","age":3}}"#,
        "customer.age",
    ),
    (
        r#"{"type":"hello","id":7,"token":"t","resume":{"epoch":"e","seq":1,"watching":[],"x":1}}"#,
        "resume.x",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"claim","x":1}}"#,
        "action.x",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"claim","status":"open"}}"#,
        "action.status",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"update","token":1}}"#,
        "action.token",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"update","conversation":"<C>"}}"#,
        "action.conversation",
    ),
    // Missing ones.
    (r#"{"id":7}"#, "type"),
    (r#"{"type":"watch","id":7}"#, "conversation"),
    (r#"{"type":"hello","id":7}"#, "token"),
    (
        r#"{"type":"hello","id":7,"token":"t","resume":{"epoch":"e","seq":1}}"#,
        "resume.watching",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":{"id":"a"}}"#,
        "customer.name",
    ),
    (
        r#"{"type":"reply","id":7,"conversation":"<C>","token":1,"key":"k","seen":1}"#,
        "text",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{}}"#,
        "action.type",
    ),
    (
        r#"{"type":"reply","id":7,"conversation":"<C>","token":1,"key":"k","seen":1,"text":"a","attachments":[{"name":"n","media_type":"m","size":1}]}"#,
        "attachments[0].url",
    ),
    // Wrong types.
    (r#"{"type":7,"id":7}"#, "type"),
    (r#"{"type":null,"id":7}"#, "type"),
    (r#"{"type":"watch","id":7,"conversation":7}"#, "conversation"),
    (r#"{"type":"watch","id":7,"conversation":"none"}"#, "conversation"),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","limit":"10"}"#,
        "limit",
    ),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","limit":-1}"#,
        "limit",
    ),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","limit":1.5}"#,
        "limit",
    ),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","limit":201}"#,
        "limit",
    ),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","silent":"yes"}"#,
        "silent",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":{"id":"","name":"A"}}"#,
        "customer.id",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":{"id":"a\nb","name":"A"}}"#,
        "customer.id",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":"me"}"#,
        "customer",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"C","customer":{"id":"a","name":"A"}}"#,
        "channel",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"status":["nwe"]},"sort":"newest"}"#,
        "filter.status[0]",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"status":["new",3]},"sort":"newest"}"#,
        "filter.status[1]",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"tags":{"any":[1]}},"sort":"newest"}"#,
        "filter.tags.any[0]",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"team":["Bad Team"]},"sort":"newest"}"#,
        "filter.team[0]",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"claimed":1},"sort":"newest"}"#,
        "filter.claimed",
    ),
    (r#"{"type":"list","id":7,"filter":[],"sort":"newest"}"#, "filter"),
    (
        r#"{"type":"list","id":7,"filter":{"tags":[["a"]]},"sort":"newest"}"#,
        "filter.tags",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":["a","A"]}"#,
        "customer",
    ),
    (
        r#"{"type":"hello","id":7,"token":"t","resume":["e",1,[]]}"#,
        "resume",
    ),
    (
        r#"{"type":"reply","id":7,"conversation":"<C>","token":1,"key":"k","seen":1,"text":"a","attachments":[["n","m",1,"https://a"]]}"#,
        "attachments[0]",
    ),
    (r#"{"type":"list","id":7,"filter":{},"sort":"best"}"#, "sort"),
    (
        r#"{"type":"list","id":7,"filter":{},"sort":"newest","limit":0}"#,
        "limit",
    ),
    (
        r#"{"type":"open_view","id":7,"view":"","filter":{},"sort":"newest"}"#,
        "view",
    ),
    (
        r#"{"type":"open_view","id":7,"view":"v","filter":{},"sort":"newest","offset":3,"limit":2}"#,
        "offset",
    ),
    (
        r#"{"type":"transfer","id":7,"conversation":"<C>","token":1,"to":{"agent":"No One"}}"#,
        "to.agent",
    ),
    (
        r#"{"type":"transfer","id":7,"conversation":"<C>","token":1,"to":{"queue":"q"}}"#,
        "to",
    ),
    (
        r#"{"type":"transfer","id":7,"conversation":"<C>","token":1,"to":{}}"#,
        "to",
    ),
    (
        r#"{"type":"transfer","id":7,"conversation":"<C>","token":1,"to":{"agent":"a","team":"b"}}"#,
        "to",
    ),
    (
        r#"{"type":"transfer","id":7,"conversation":"<C>","token":1,"to":"sam"}"#,
        "to",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":["<C>","x"],"action":{"type":"claim"}}"#,
        "conversations[1]",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"explode"}}"#,
        "action.type",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":1}}"#,
        "action.type",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"update","status":"odd"}}"#,
        "action.status",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"update","add_tags":["a",2]}}"#,
        "action.add_tags[1]",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"release","token":"1"}}"#,
        "action.token",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":[]}"#,
        "action",
    ),
    (
        r#"{"type":"update","id":7,"conversation":"<C>","add_tags":[""]}"#,
        "add_tags[0]",
    ),
    (
        r#"{"type":"update","id":7,"conversation":"<C>","snoozed_until":"soon"}"#,
        "snoozed_until",
    ),
    (
        r#"{"type":"update","id":7,"conversation":"<C>","expect":[]}"#,
        "expect",
    ),
    (
        r#"{"type":"answer_transfer","id":7,"conversation":"<C>","accept":"no"}"#,
        "accept",
    ),
    (r#"{"type":"claim","id":7,"conversation":"<C>","key":""}"#, "key"),
    (r#"{"type":"claim","id":7,"conversation":"<C>","key":"é"}"#, "key"),
    (
        r#"{"type":"hello","id":7,"token":"t","resume":{"epoch":"e","seq":-1,"watching":[]}}"#,
        "resume.seq",
    ),
    (
        r#"{"type":"hello","id":7,"token":"t","resume":{"epoch":"e","seq":1,"watching":["x"]}}"#,
        "resume.watching[0]",
    ),
    // Null stands for nothing but in `update`.
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","limit":null}"#,
        "limit",
    ),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","silent":null}"#,
        "silent",
    ),
    (
        r#"{"type":"claim","id":7,"conversation":"<C>","key":null}"#,
        "key",
    ),
    (r#"{"type":"hello","id":7,"token":"t","resume":null}"#, "resume"),
    (
        r#"{"type":"update","id":7,"conversation":"<C>","status":null}"#,
        "status",
    ),
    (
        r#"{"type":"update","id":7,"conversation":"<C>","expect":null}"#,
        "expect",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"status":null},"sort":"newest"}"#,
        "filter.status",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"queue":[null]},"sort":"newest"}"#,
        "filter.queue[0]",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":{"id":"a","name":"A","tier":null}}"#,
        "customer.tier",
    ),
    // Doubled fields.
    (r#"{"type":"ping","type":"ping","id":7}"#, "type"),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","conversation":"<C>"}"#,
        "conversation",
    ),
    (
        r#"{"type":"watch","id":7,"conversation":"<C>","convers\u0061tion":"<C>"}"#,
        "conversation",
    ),
    (
        r#"{"type":"open","id":7,"key":"k","channel":"c","customer":{"id":"a","id":"b","name":"A"}}"#,
        "customer.id",
    ),
    (
        r#"{"type":"list","id":7,"filter":{"claimed":true,"claimed":false},"sort":"newest"}"#,
        "filter.claimed",
    ),
    (
        r#"{"type":"update","id":7,"conversation":"<C>","expect":{"version":1,"version":2}}"#,
        "expect.version",
    ),
    (
        r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"claim","type":"release"}}"#,
        "action.type",
    ),
    // Numbers that nobody can keep.
    (
        r#"{"type":"release","id":7,"conversation":"<C>","token":9007199254740992}"#,
        "token",
    ),
    (
        r#"{"type":"release","id":7,"conversation":"<C>","token":18446744073709551616}"#,
        "token",
    ),
    (
        r#"{"type":"release","id":7,"conversation":"<C>","token":1e3}"#,
        "token",
    ),
    (
        r#"{"type":"release","id":7,"conversation":"<C>","token":1e999}"#,
        "token",
    ),
    (
        r#"{"type":"history","id":7,"conversation":"<C>","before":9007199254740992}"#,
        "before",
    ),
    (
        r#"{"type":"hello","id":7,"token":"t","resume":{"epoch":"e","seq":9007199254740992,"watching":[]}}"#,
        "resume.seq",
    ),
    // Text that is none.
    (
        r#"{"type":"note","id":7,"conversation":"<C>","key":"k","text":"\ud800"}"#,
        "text",
    ),
    (
        r#"{"type":"note","id":7,"conversation":"<C>","key":"k","text":"\udc00\ud800"}"#,
        "text",
    ),
    (r#"{"type":"\ud800","id":7}"#, "type"),
    (
        r#"{"type":"note","id":7,"conversation":"<C>","key":"k","text":"a\u0000b"}"#,
        "text",
    ),
    (
        r#"{"type":"note","id":7,"conversation":"<C>","key":"k\u0000","text":"a"}"#,
        "key",
    ),
    (
        r#"{"type":"note","id":7,"conversation":"<C>","key":"k","text":""}"#,
        "text",
    ),
    (
        r#"{"type":"take_over","id":7,"conversation":"<C>","reason":"a\u0000"}"#,
        "reason",
    ),
];

#[test]
fn a_wrong_field_is_refused_by_its_path() {
    let mut wrong = Vec::new();
    for (text, field) in INVALID {
        match read(text) {
            Err(BadFrame::Refused(7, it))
                if it.code == Code::Invalid && it.details.field.as_deref() == Some(field) => {}
            other => wrong.push(format!("{text}\n  wants {field}, got {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_message_is_a_sentence_that_shows_no_rust() {
    for (text, _) in INVALID {
        let message = refused(text).message;
        for leak in [
            " at line ",
            "u64",
            "struct ",
            "i64",
            "enum ",
            "variant",
            "sequence",
            "a map",
            "Option",
            "BulkFields",
        ] {
            assert!(!message.contains(leak), "{text}: {message}");
        }
    }
}

#[test]
fn a_frame_without_a_usable_id_is_answered_without_one() {
    for id in [
        "-9007199254740992",
        "9007199254740992",
        "1.0",
        "1.5",
        "1e2",
        "\"7\"",
        "null",
        "true",
        "[7]",
        "99999999999999999999",
    ] {
        let refusal = unanswerable(&format!(r#"{{"type":"ping","id":{id}}}"#));
        assert_eq!(refusal.code, Code::Invalid, "{id}");
        assert_eq!(refusal.details.field.as_deref(), Some("id"), "{id}");
    }
    assert_eq!(
        unanswerable(r#"{"type":"ping"}"#).details.field.as_deref(),
        Some("id")
    );
    assert_eq!(
        unanswerable(r#"{"type":"ping","id":7,"id":7}"#)
            .details
            .field
            .as_deref(),
        Some("id")
    );
    for id in ["-1", "0", "9007199254740991", "-9007199254740991"] {
        assert!(read(&format!(r#"{{"type":"ping","id":{id}}}"#)).is_ok(), "{id}");
    }
}

#[test]
fn what_is_not_a_json_object_is_refused_without_a_field() {
    let bomb = "[".repeat(60_000);
    let objects = r#"{"a":"#.repeat(12_000);
    for text in [
        "",
        " ",
        "null",
        "7",
        "\"ping\"",
        "[]",
        "{",
        "{\"type\":\"ping\",\"id\":7",
        "{} {}",
        "{'type':1}",
        "\u{feff}{}",
        &bomb,
        &objects,
    ] {
        let refusal = unanswerable(text);
        assert_eq!(
            (refusal.code, &refusal.details.field),
            (Code::Invalid, &None),
            "{}",
            text.len()
        );
        assert!(refusal.message.len() < 200, "{}", refusal.message.len());
    }
    assert_eq!(
        unanswerable("{\"type\":\"ping\",\"id\":7,\"\\ud800\":1}").code,
        Code::Invalid
    );
    assert_eq!(
        unanswerable("{\"type\":\"ping\",\"id\":7,\"a\":\"\u{0}\"}").code,
        Code::Invalid
    );
}

#[test]
fn a_depth_bomb_inside_a_field_is_refused_without_harm() {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for (field, text) in [
        ("extra", r#"{"type":"ping","id":7,"extra":@}"#),
        ("conversation", r#"{"type":"watch","id":7,"conversation":@}"#),
        ("filter", r#"{"type":"list","id":7,"filter":@,"sort":"newest"}"#),
        (
            "filter.status[0]",
            r#"{"type":"list","id":7,"filter":{"status":@},"sort":"newest"}"#,
        ),
        (
            "expect.version",
            r#"{"type":"update","id":7,"conversation":"<C>","expect":{"version":@}}"#,
        ),
    ] {
        let refusal = refused(&text.replace('@', &deep));
        assert_eq!(refusal.code, Code::Invalid);
        let named = refusal.details.field.as_deref().unwrap_or("");
        assert!(
            named.starts_with(field) && named.len() <= 100,
            "wants {field}, got {named}: {}",
            refusal.message
        );
        assert!(refusal.message.len() < 400, "{}", refusal.message.len());
    }
    assert_eq!(
        unanswerable(&format!(r#"{{"type":"ping","id":{deep}}}"#))
            .details
            .field
            .as_deref(),
        Some("id")
    );
}

#[test]
fn a_refusal_does_not_send_a_large_frame_back() {
    let long = "x".repeat(50_000);
    for text in [
        r#"{"type":"ping","id":7,"@":1}"#,
        r#"{"type":"list","id":7,"filter":{},"sort":"@"}"#,
        r#"{"type":"update","id":7,"conversation":"<C>","expect":{"@":1,"@":2}}"#,
        r#"{"type":"watch","id":7,"conversation":"<C>","limit":"@"}"#,
    ] {
        let refusal = refused(&text.replace('@', &long));
        assert!(serde_json::to_string(&refusal).unwrap().len() < 600);
    }
}

#[test]
fn an_unknown_command_has_a_code_of_its_own() {
    for name in ["fly", "", "Ping", "ok", "welcome", "event"] {
        let refusal = refused(&format!(r#"{{"type":"{name}","id":7,"anything":[]}}"#));
        assert_eq!(refusal.code, Code::UnknownCommand, "{name}");
    }
    assert!(
        refused(&format!(r#"{{"type":"{}","id":7}}"#, "x".repeat(50_000)))
            .message
            .len()
            < 200
    );
}

#[test]
fn typing_has_no_id_and_is_refused_without_one() {
    assert!(matches!(
        read(r#"{"type":"typing","conversation":"<C>","in":"reply","on":true}"#),
        Ok(ClientFrame::Typing(_))
    ));
    assert!(matches!(
        read(r#"{"type":"typ\u0069ng","conversation":"<C>","in":"note","on":false}"#),
        Ok(ClientFrame::Typing(_))
    ));
    for (text, field) in [
        (
            r#"{"type":"typing","id":7,"conversation":"<C>","in":"reply","on":true}"#,
            "id",
        ),
        (r#"{"type":"typing","conversation":"<C>","in":"reply"}"#, "on"),
        (
            r#"{"type":"typing","conversation":"<C>","in":"secret","on":true}"#,
            "in",
        ),
        (
            r#"{"type":"typing","conversation":"x","in":"reply","on":true}"#,
            "conversation",
        ),
    ] {
        assert_eq!(unanswerable(text).details.field.as_deref(), Some(field), "{text}");
    }
}

#[test]
fn too_long_a_text_is_too_large_and_the_longest_is_not() {
    let note =
        |text: &str| format!(r#"{{"type":"note","id":7,"conversation":"<C>","key":"k","text":"{text}"}}"#);
    assert!(read(&note(&"a".repeat(32_768))).is_ok());
    let refusal = refused(&note(&"a".repeat(32_769)));
    assert_eq!(
        (refusal.code, refusal.details.field.as_deref()),
        (Code::TooLarge, Some("text"))
    );
    assert_eq!(
        refused(&note(&"é".repeat(16_385))).code,
        Code::TooLarge,
        "bytes count, not characters"
    );
}

#[test]
fn escaped_names_and_values_mean_the_same() {
    let text = r#"{"typ\u0065":"p\u0069ng","\u0069d":7}"#;
    assert!(matches!(read(text), Ok(ClientFrame::Command(7, _))));
}

#[test]
fn only_update_clears_with_null() {
    let text = r#"{"type":"update","id":7,"conversation":"<C>","assignee":null,"team":null,"subject":null,"snoozed_until":null}"#;
    assert!(read(text).is_ok());
}

#[test]
fn http_bodies_are_read_as_strictly() {
    use dibs_protocol::http::{Ingest, RatingBody};
    let ingest = |text: &str| parse::http_body::<Ingest>(text.as_bytes()).unwrap_err();
    for (text, field) in [
        (
            r#"{"key":"k","channel":"c","customer":{"id":"a","name":"A"}}"#,
            "text",
        ),
        (
            r#"{"key":"k","channel":"c","customer":{"id":"a","name":"A"},"text":"t","x":1}"#,
            "x",
        ),
        (
            r#"{"key":"k","channel":"c","customer":{"id":1,"name":"A"},"text":"t"}"#,
            "customer.id",
        ),
        (
            r#"{"key":"k","channel":"c","customer":{"id":"a","name":"A"},"text":"t","thread":null}"#,
            "thread",
        ),
        (
            r#"{"key":"k","channel":"c","customer":{"id":"a","name":"A"},"text":"t","tags":[{}]}"#,
            "tags[0]",
        ),
        (
            r#"{"key":"k","key":"k","channel":"c","customer":{"id":"a","name":"A"},"text":"t"}"#,
            "key",
        ),
    ] {
        assert_eq!(ingest(text).details.field.as_deref(), Some(field), "{text}");
    }
    let rating = format!(r#"{{"conversation":"{C}","score":256}}"#);
    assert_eq!(
        parse::http_body::<RatingBody>(rating.as_bytes())
            .unwrap_err()
            .details
            .field
            .as_deref(),
        Some("score")
    );
    assert_eq!(
        parse::http_body::<RatingBody>(b"\xff").unwrap_err().code,
        Code::Invalid
    );
}
