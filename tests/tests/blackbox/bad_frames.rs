//! Frames that are not as the contract says: each has its answer or its close code, and none does harm.

use crate::desk::conversation;
use crate::hub::Hub;
use crate::raw::Raw;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

#[tokio::test]
async fn each_wrong_frame_is_refused_by_code_and_field_and_the_session_goes_on() {
    let hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await.to_string();
    let mut raw = Raw::welcomed(&hub, "priya").await;
    let table: &[(&str, &str, Option<&str>)] = &[
        (r#"{"type":"fly","id":7}"#, "unknown_command", None),
        (r#"{"type":"welcome","id":7}"#, "unknown_command", None),
        (r#"{"id":7}"#, "invalid", Some("type")),
        (r#"{"type":"ping","id":7,"extra":1}"#, "invalid", Some("extra")),
        (r#"{"type":"watch","id":7}"#, "invalid", Some("conversation")),
        (
            r#"{"type":"watch","id":7,"conversation":"x"}"#,
            "invalid",
            Some("conversation"),
        ),
        (
            r#"{"type":"watch","id":7,"conversation":"<C>","limit":null}"#,
            "invalid",
            Some("limit"),
        ),
        (
            r#"{"type":"watch","id":7,"conversation":"<C>","limit":201}"#,
            "invalid",
            Some("limit"),
        ),
        (
            r#"{"type":"claim","id":7,"conversation":"<C>","conversation":"<C>"}"#,
            "invalid",
            Some("conversation"),
        ),
        (
            r#"{"type":"claim","id":7,"conversation":"<C>","expect":{}}"#,
            "invalid",
            Some("expect"),
        ),
        (
            r#"{"type":"list","id":7,"filter":{"status":["nwe"]},"sort":"newest"}"#,
            "invalid",
            Some("filter.status[0]"),
        ),
        (
            r#"{"type":"list","id":7,"filter":{"colour":1},"sort":"newest"}"#,
            "invalid",
            Some("filter.colour"),
        ),
        (
            r#"{"type":"list","id":7,"filter":[],"sort":"newest"}"#,
            "invalid",
            Some("filter"),
        ),
        (
            r#"{"type":"open_view","id":7,"view":"v","filter":{},"sort":"newest","offset":3}"#,
            "invalid",
            Some("offset"),
        ),
        (
            r#"{"type":"bulk","id":7,"conversations":[],"action":{"type":"x"}}"#,
            "invalid",
            Some("action.type"),
        ),
        (
            r#"{"type":"bulk","id":7,"conversations":["x"],"action":{"type":"claim"}}"#,
            "invalid",
            Some("conversations[0]"),
        ),
        (
            r#"{"type":"open","id":7,"key":"k","channel":"c","customer":{"id":"","name":"n"}}"#,
            "invalid",
            Some("customer.id"),
        ),
        (
            r#"{"type":"note","id":7,"conversation":"<C>","key":"k","text":""}"#,
            "invalid",
            Some("text"),
        ),
        (
            r#"{"type":"note","id":7,"conversation":"<C>","key":"k","text":"a\u0000"}"#,
            "invalid",
            Some("text"),
        ),
        (
            r#"{"type":"note","id":7,"conversation":"<C>","key":"k","text":"\ud800"}"#,
            "invalid",
            Some("text"),
        ),
        (
            r#"{"type":"note","id":7,"conversation":"<C>","key":"","text":"a"}"#,
            "invalid",
            Some("key"),
        ),
        (
            r#"{"type":"release","id":7,"conversation":"<C>","token":1e30}"#,
            "invalid",
            Some("token"),
        ),
        (
            r#"{"type":"release","id":7,"conversation":"<C>","token":9007199254740992}"#,
            "invalid",
            Some("token"),
        ),
        (
            r#"{"type":"update","id":7,"conversation":"<C>","status":null}"#,
            "invalid",
            Some("status"),
        ),
        (
            r#"{"type":"refresh","id":7,"token":"x"}"#,
            "unauthenticated",
            None,
        ),
    ];
    for (text, code, field) in table {
        raw.text(&text.replace("<C>", &c)).await;
        let answer = raw.answer().await;
        assert_eq!(
            (&answer["id"], &answer["code"]),
            (&json!(7), &json!(code)),
            "{text}"
        );
        assert_eq!(answer["field"].as_str(), *field, "{text}");
        assert!(
            answer["message"].as_str().is_some_and(|it| it.len() > 5),
            "{text}"
        );
    }
    let long = "a".repeat(32_769);
    raw.text(&json!({ "type": "note", "id": 7, "conversation": c, "key": "k", "text": long }).to_string())
        .await;
    let answer = raw.answer().await;
    assert_eq!(
        (&answer["code"], &answer["field"]),
        (&json!("too_large"), &json!("text"))
    );
    raw.text(r#"{"type":"ping","id":8}"#).await;
    assert_eq!(raw.answer().await["id"], 8, "the session goes on");
}

#[tokio::test]
async fn the_tenth_frame_without_an_id_closes_with_4000() {
    let hub = Hub::start(&[]);
    let mut raw = Raw::welcomed(&hub, "priya").await;
    let bad = [
        "",
        "nonsense",
        "[]",
        "null",
        r#"{"type":"ping"}"#,
        r#"{"type":"ping","id":1.5}"#,
        r#"{"type":"ping","id":"1"}"#,
        r#"{"type":"ping","id":null}"#,
        r#"{"type":"ping","id":9007199254740992}"#,
    ];
    for text in bad {
        raw.text(text).await;
        let answer = raw.answer().await;
        assert_eq!(
            (&answer["id"], &answer["code"]),
            (&Value::Null, &json!("invalid")),
            "{text}"
        );
    }
    raw.text(&"[".repeat(60_000)).await;
    assert_eq!(raw.answer().await["id"], Value::Null);
    assert_eq!(raw.close_code().await, 4000);
}

#[tokio::test]
async fn frames_that_are_no_text_close_with_their_code() {
    let hub = Hub::start(&[]);
    let invalid = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    let table = [
        (Message::binary(vec![1, 2, 3]), 1003),
        (Message::Frame(invalid), 1007),
        (Message::text("x".repeat(65_537)), 1009),
    ];
    for (message, code) in table {
        let mut raw = Raw::welcomed(&hub, "priya").await;
        raw.message(message).await;
        assert_eq!(raw.close_code().await, code);
    }
}

#[tokio::test]
async fn a_message_in_parts_counts_as_a_whole() {
    let hub = Hub::start(&[]);
    let mut raw = Raw::welcomed(&hub, "priya").await;
    let part = |text: &str, data: Data, last: bool| {
        Message::Frame(Frame::message(text.as_bytes().to_vec(), OpCode::Data(data), last))
    };
    raw.message(part(r#"{"type":"pi"#, Data::Text, false)).await;
    raw.message(part(r#"ng","id":3}"#, Data::Continue, true)).await;
    assert_eq!(raw.answer().await["id"], 3);
    let half = "x".repeat(40_000);
    raw.message(part(&half, Data::Text, false)).await;
    raw.message(part(&half, Data::Continue, true)).await;
    assert_eq!(raw.close_code().await, 1009);
}

#[tokio::test]
async fn the_largest_frame_is_taken() {
    let hub = Hub::start(&[]);
    let mut raw = Raw::welcomed(&hub, "priya").await;
    let mut frame = String::from(r#"{"type":"ping","id":4}"#);
    frame.push_str(&" ".repeat(65_536 - frame.len()));
    raw.text(&frame).await;
    assert_eq!(raw.answer().await["id"], 4);
}

#[tokio::test]
async fn a_wrong_typing_signal_does_no_harm() {
    let hub = Hub::start(&[]);
    let mut raw = Raw::welcomed(&hub, "priya").await;
    let ghost = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";
    raw.text(&json!({ "type": "typing", "conversation": ghost, "in": "reply", "on": true }).to_string())
        .await;
    raw.text(r#"{"type":"ping","id":4}"#).await;
    assert_eq!(raw.answer().await["id"], 4, "a signal has no answer");
}
