//! TLS: clients that check the certificate come in, everything else stays out, and a certificate changes without anybody
//! being sent away.

use crate::desk::write;
use crate::hub::{Hub, PATIENCE};
use crate::token::mint;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A certificate that its own holder signed.
struct Certificate {
    certificate: String,
    key: String,
}

impl Certificate {
    fn new() -> Self {
        let made =
            rcgen::generate_simple_self_signed(vec!["hub.test".to_owned(), "localhost".to_owned()]).unwrap();
        Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn write(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), &self.certificate).unwrap();
        std::fs::write(folder.join("key.pem"), &self.key).unwrap();
    }

    /// A client that trusts this certificate and no other.
    fn client(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.certificate.as_bytes()) {
            roots.add(root.unwrap()).unwrap();
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

fn start(certificate: &Certificate) -> (Hub, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    certificate.write(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let hub = Hub::start(&["--tls-cert", &file("cert.pem"), "--tls-key", &file("key.pem")]);
    (hub, folder)
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn handshake(hub: &Hub, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("hub.test").unwrap();
    client
        .connect(name, TcpStream::connect(hub.address()).await?)
        .await
}

/// Says hello over TLS.
async fn welcome(hub: &Hub, client: &TlsConnector, agent: &str) -> Socket {
    let stream = handshake(hub, client).await.unwrap();
    let (mut socket, _) = client_async("wss://hub.test/v1/ws", stream).await.unwrap();
    say(
        &mut socket,
        json!({ "type": "hello", "id": 1, "token": mint(json!({ "sub": agent })) }),
    )
    .await;
    assert_eq!(hear(&mut socket, |it| it["id"] == 1).await["type"], "welcome");
    socket
}

async fn say(socket: &mut Socket, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    let heard = async {
        loop {
            let message = socket.next().await.unwrap().unwrap();
            let frame = serde_json::from_str(message.to_text().unwrap()).unwrap_or(Value::Null);
            if wanted(&frame) {
                return frame;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.unwrap()
}

/// One HTTPS request, without anything but its status.
async fn post(hub: &Hub, client: &TlsConnector, body: &Value) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let token = mint(json!({ "sub": "adapter", "role": "channel" }));
    let body = body.to_string();
    let mut stream = handshake(hub, client).await.unwrap();
    let request = format!(
        "POST /v1/workspaces/acme/messages HTTP/1.1\r\nhost: hub.test\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn who_checks_the_certificate_comes_in_and_hears_everything() {
    let certificate = Certificate::new();
    let (hub, _folder) = start(&certificate);
    let client = certificate.client();
    let mut conversation = Value::Null;
    for n in 0..8 {
        let message = json!({
            "key": format!("m{n}"), "channel": "email", "customer": { "id": "c", "name": "C" },
            "text": format!("{n}{}", "x".repeat(30_000)),
        });
        let answer = post(&hub, &client, &message).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        conversation = body["conversation"].clone();
    }
    let mut priya = welcome(&hub, &client, "priya").await;
    // More than TLS or the kernel take at once, asked for several times before anything is read.
    for id in 2..6 {
        say(
            &mut priya,
            json!({ "type": "watch", "id": id, "conversation": conversation }),
        )
        .await;
    }
    for _ in 2..6 {
        let watched = hear(&mut priya, |it| it["id"].is_u64()).await;
        let text = watched["entries"].as_array().unwrap().last().unwrap()["event"]["message"]["text"].clone();
        assert_eq!(text.as_str().unwrap().len(), 30_001, "{}", watched["type"]);
    }
    let mut sam = welcome(&hub, &client, "sam").await;
    say(
        &mut sam,
        json!({ "type": "note", "id": 2, "conversation": conversation, "key": "k", "text": "seen" }),
    )
    .await;
    let event = hear(&mut priya, |it| it["event"]["kind"] == "note_added").await;
    assert_eq!(event["event"]["note"]["text"], "seen");
    priya.close(None).await.unwrap();
}

/// The program's own commands, over wss, as an admin: they check the certificate as well.
#[tokio::test]
async fn the_programs_own_commands_speak_tls() {
    let certificate = Certificate::new();
    let (hub, folder) = start(&certificate);
    let mut priya = welcome(&hub, &certificate.client(), "priya").await;
    let port = hub.address().port();
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(crate::hub::program());
        command
            .args(args)
            .args(["--url", &format!("wss://localhost:{port}/v1/ws")]);
        command.env("DIBS_TOKEN", mint(json!({ "sub": "ada", "role": "admin" })));
        command.output().unwrap()
    };
    let ca = folder.path().join("cert.pem");
    let ca = ca.to_str().unwrap();
    let ping = run(&["call", "--ca", ca, r#"{"type":"ping"}"#]);
    assert!(ping.status.success(), "{}", String::from_utf8_lossy(&ping.stderr));
    let away = ["disconnect", "--agent", "priya", "--workspace", "acme"];
    assert_eq!(
        run(&away).status.code(),
        Some(1),
        "nobody knows who signed that certificate"
    );
    let away = run(&[&away[..], &["--ca", ca]].concat());
    assert!(away.status.success(), "{}", String::from_utf8_lossy(&away.stderr));
    let ended = async {
        while priya
            .next()
            .await
            .is_some_and(|it| it.is_ok_and(|it| !it.is_close()))
        {}
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}

#[tokio::test]
async fn who_trusts_another_or_speaks_in_the_clear_stays_out() {
    let certificate = Certificate::new();
    let (hub, _folder) = start(&certificate);
    assert!(handshake(&hub, &Certificate::new().client()).await.is_err());
    assert!(hub.connect(json!({ "sub": "priya" })).await.is_err());
    let url = format!("https://{}", hub.address());
    assert!(hub.run(&["healthcheck", "--url", &url]).status.success());
    welcome(&hub, &certificate.client(), "priya").await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_after_sighup_and_a_broken_one_never() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let (hub, folder) = start(&old);
    let mut priya = welcome(&hub, &old.client(), "priya").await;
    new.write(folder.path());
    hub.signal("-HUP");
    hub.says("the certificate was read anew", 1);
    assert!(handshake(&hub, &old.client()).await.is_err());
    welcome(&hub, &new.client(), "sam").await;
    // The key of another certificate, and no key at all.
    for (n, key) in [(1, old.key.as_str()), (2, "nothing")] {
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
        hub.signal("-HUP");
        hub.says("the certificate cannot be read: the one in force stays", n);
        welcome(&hub, &new.client(), "kim").await;
    }
    say(&mut priya, json!({ "type": "ping", "id": 2 })).await;
    assert_eq!(hear(&mut priya, |it| it["id"] == 2).await["type"], "ok");
    assert!(hub.logs().iter().all(|line| !line.contains("PRIVATE KEY")));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let hub = Hub::start(&[]);
    let refused = hub.run(&[
        "serve",
        "--tls-cert",
        "/nowhere/cert",
        "--tls-key",
        "/nowhere/key",
    ]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("/nowhere/cert"));
    let half = hub.run(&["serve", "--tls-cert", "/nowhere/cert"]);
    assert!(String::from_utf8_lossy(&half.stderr).contains("it needs tls_key"));
    write(&hub.channel(), "m", "c", "still here").await;
}
