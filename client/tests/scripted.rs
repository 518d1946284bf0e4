//! The client against a server that follows a script: answers out of order, repeated events, cuts and close codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use dibs_client::{CallError, Client, ConnectError, Options, Session, SessionEvent};
use dibs_protocol::command::{Command, Ping, Watch};
use dibs_protocol::frame::ServerFrame;
use dibs_protocol::refusal::Code;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const C: &str = "0190c2c4-7f3e-7d5a-9a51-0f3c2b1a4d5e";

struct Server(TcpListener);
struct Line(WebSocketStream<TcpStream>);

impl Server {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/v1/ws", listener.local_addr().unwrap());
        (Self(listener), url)
    }

    async fn accept(&self) -> Line {
        let (stream, _) = self.0.accept().await.unwrap();
        #[allow(clippy::result_large_err, reason = "the callback's type is given")]
        let agree = |_: &_, mut answer: tokio_tungstenite::tungstenite::handshake::server::Response| {
            answer
                .headers_mut()
                .insert("sec-websocket-protocol", "dibs.v1".parse().unwrap());
            Ok(answer)
        };
        Line(tokio_tungstenite::accept_hdr_async(stream, agree).await.unwrap())
    }

    /// Accepts, reads the hello and welcomes.
    async fn welcome(&self, seq: u64, resumed: bool) -> (Line, Value) {
        let mut line = self.accept().await;
        let hello = line.read().await;
        let golden = include_str!("../../protocol/golden/server.welcome.json");
        let mut welcome: Value = serde_json::from_str(golden).unwrap();
        welcome["seq"] = json!(seq);
        welcome["resumed"] = json!(resumed);
        line.send(welcome).await;
        (line, hello)
    }
}

impl Line {
    async fn read(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "because".into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

fn event(seq: u64) -> Value {
    json!({ "type": "event", "seq": seq, "conversation": C, "at": "2026-11-21T10:00:00.000Z",
        "actor": { "kind": "system" }, "event": { "kind": "of_the_future" } })
}

fn watch() -> Command {
    Watch {
        conversation: C.parse().unwrap(),
        limit: None,
        silent: None,
    }
    .into()
}

fn watch_answer(id: &Value, version: u64) -> Value {
    let mut answer: Value =
        serde_json::from_str(include_str!("../../protocol/golden/ok.watch.json")).unwrap();
    answer["id"] = id.clone();
    answer["summary"]["version"] = json!(version);
    answer
}

#[tokio::test]
async fn answers_find_their_calls_in_any_order_and_pushes_wait() {
    let (server, url) = Server::start().await;
    let script = async {
        let (mut line, hello) = server.welcome(10, false).await;
        assert_eq!((&hello["type"], hello.get("resume")), (&json!("hello"), None));
        let (a, b) = (line.read().await, line.read().await);
        assert_eq!((&a["type"], &b["type"]), (&json!("ping"), &json!("ping")));
        line.send(json!({ "type": "of_the_future" })).await;
        line.send(json!({ "type": "token_expiring" })).await;
        line.send(json!({ "type": "error", "id": b["id"], "code": "rate_limited", "message": "m", "retry_after_ms": 5 })).await;
        line.send(json!({ "type": "ok", "id": a["id"], "time": "2026-11-21T10:00:00.000Z" }))
            .await;
        line.send(json!({ "type": "reconnect", "after_ms": 1, "reason": "r" }))
            .await;
        line.close(1001).await;
    };
    let work = async {
        let client = Client::connect(&url, "t", &Options::default()).await.unwrap();
        let first = client.send(Ping {}).await.unwrap();
        let second = client.send(Ping {}).await.unwrap();
        assert!(first.answer().await.unwrap().contains_key("time"));
        assert_eq!(second.answer().await.unwrap_err().code(), Some(Code::RateLimited));
        let after = client.wait_for(|push| match push {
            ServerFrame::Reconnect { after_ms, .. } => Some(*after_ms),
            _ => None,
        });
        assert_eq!(after.await.unwrap(), 1);
        assert_eq!(client.next_push().await.unwrap(), ServerFrame::TokenExpiring {});
        assert_eq!(client.closed().await.code, 1001);
        assert!(matches!(client.call(Ping {}).await, Err(CallError::Closed(closed)) if closed.code == 1001));
        assert_eq!(client.cursor().await.seq(), 10);
    };
    tokio::join!(script, work);
}

#[tokio::test]
async fn a_refused_hello_carries_its_error_and_close_code() {
    let (server, url) = Server::start().await;
    let script = async {
        let mut line = server.accept().await;
        let hello = line.read().await;
        line.send(json!({ "type": "error", "id": hello["id"], "code": "unauthenticated", "message": "m" }))
            .await;
        line.close(4001).await;
    };
    let work = async {
        let error = Client::connect(&url, "t", &Options::default()).await.unwrap_err();
        let ConnectError::Closed(closed) = error else {
            panic!("{error}")
        };
        assert_eq!(
            (closed.code, closed.refusal.unwrap().code),
            (4001, Code::Unauthenticated)
        );
    };
    tokio::join!(script, work);
}

#[tokio::test]
async fn a_session_comes_back_resumes_and_drops_what_it_has() {
    let (server, url) = Server::start().await;
    let script = async {
        let (mut line, _) = server.welcome(10, false).await;
        let asked = line.read().await;
        line.send(watch_answer(&asked["id"], 12)).await;
        line.send(event(12)).await;
        line.send(event(13)).await;
        drop(line);
        let (mut line, hello) = server.welcome(20, true).await;
        assert_eq!(hello["resume"]["watching"], json!([C]));
        assert_eq!(
            (&hello["resume"]["seq"], hello["resume"].get("hash")),
            (&json!(13), None)
        );
        line.send(event(13)).await;
        line.send(event(14)).await;
        line.send(json!({ "type": "position", "seq": 20, "hash": "h", "time": "2026-11-21T10:00:00.000Z" }))
            .await;
        line.close(4010).await;
    };
    let work = async {
        let mut session = Session::new(&url, Options::default(), || Some("t".to_owned()));
        assert!(matches!(session.call(Ping {}).await, Err(CallError::Offline)));
        let Ok(SessionEvent::Up(_)) = session.next().await else {
            panic!("not up")
        };
        session.call(watch()).await.unwrap();
        let mut seqs = Vec::new();
        let end = loop {
            match session.next().await {
                Ok(SessionEvent::Push(ServerFrame::Event(entry))) => seqs.push(entry.seq),
                Ok(SessionEvent::Down { again_in, .. }) => assert!(again_in <= Duration::from_millis(500)),
                Ok(_) => {}
                Err(end) => break end,
            }
        };
        assert_eq!(seqs, [13, 14], "each once");
        assert_eq!(end.close_code(), Some(4010), "and stays away when told to");
        assert!(session.next().await.is_err());
    };
    tokio::join!(script, work);
}

#[tokio::test]
async fn a_full_inbox_stops_the_reading_and_loses_nothing() {
    let (server, url) = Server::start().await;
    let script = async {
        let (mut line, _) = server.welcome(10, false).await;
        for seq in 11..=60 {
            line.send(event(seq)).await;
        }
        line.close(1001).await;
    };
    let work = async {
        let client = Client::connect(
            &url,
            "t",
            &Options {
                inbox: 4,
                ..Options::default()
            },
        )
        .await
        .unwrap();
        for expected in 11..=60 {
            let ServerFrame::Event(entry) = client.next_push().await.unwrap() else {
                panic!("no event")
            };
            assert_eq!(entry.seq, expected);
        }
        assert_eq!(client.next_push().await.unwrap_err().code, 1001);
    };
    tokio::join!(script, work);
}
