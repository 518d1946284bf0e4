//! Who may speak, and what is believed: users, passwords, TLS, signatures.

use super::servers::{Server, ask};
use super::*;
use crate::bus::conformance::{hears, text, workspace};
use crate::bus::redis::Signer;
use redis::cmd;
use std::process::Command;
use uuid::Uuid;

#[tokio::test]
async fn what_is_forged_torn_or_too_large_is_not_told_and_counted() {
    let server = Server::start(&[]).await;
    let bus = open(&server.url());
    let mut heard = bus.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    let mut connection = server.connect().await;
    let genuine = |channel: &str, key: [u8; 32]| {
        let signer = Signer::new(&key, Uuid::from_u128(1));
        signer.seal(channel, b"genuine").unwrap()
    };
    let sent = genuine("dibs:w:a", KEY);
    let messages = [
        Vec::new(),
        b"{\"type\":\"nonsense\"}".to_vec(),
        sent[..sent.len() - 1].to_vec(),
        genuine("dibs:w:a", [8; 32]),
        // A message of another workspace, played back into this one.
        genuine("dibs:w:b", KEY),
        vec![0; 2 * 1024 * 1024],
        sent,
    ];
    for message in &messages {
        let mut publish = cmd("PUBLISH");
        publish.arg("dibs:w:a").arg(message);
        let receivers: i64 = publish.query_async(&mut connection).await.unwrap();
        assert_eq!(receivers, 1);
    }
    hears(&mut heard, &["genuine"]).await;
    assert_eq!(bus.traffic().rejected, 6);
    assert_eq!(bus.traffic().delivered, 1);
    assert_eq!(bus.trouble(), None);
}

#[tokio::test]
async fn instances_with_different_keys_or_prefixes_do_not_hear_one_another() {
    let server = Server::start(&[]).await;
    let here = open(&server.url());
    let stranger = RedisBus::open(options(&server.url()), &[8; 32]);
    let elsewhere = options(&server.url()).with_prefix("other:").unwrap();
    let elsewhere = RedisBus::open(elsewhere, &KEY);
    let mut heard = here.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    for bus in [&stranger, &elsewhere] {
        connected(bus).await;
        bus.publish(&workspace("a"), text("who am I"));
        until("it was not sent", || async { bus.traffic().published == 1 }).await;
    }
    let friend = open(&server.url());
    connected(&friend).await;
    friend.publish(&workspace("a"), text("hello"));
    hears(&mut heard, &["hello"]).await;
    assert_eq!(here.traffic().rejected, 1);
}

#[tokio::test]
async fn a_user_needs_few_rights_and_what_is_missing_is_said_without_the_password() {
    let server = Server::start(&[]).await;
    let mut connection = server.connect().await;
    let rights = "ACL SETUSER dibs on >hunter2 resetchannels -@all +@connection +@pubsub";
    let _: String = ask(&mut connection, rights).await;
    let at = format!("@127.0.0.1:{}", server.port);

    let wrong = open(&format!("redis://dibs:hunter3{at}"));
    until("the wrong password is not told", || async {
        wrong.trouble().is_some_and(|it| it.contains("WRONGPASS"))
    })
    .await;
    let bus = open(&format!("redis://dibs:hunter2{at}"));
    until("the missing right is not told", || async {
        bus.trouble().is_some_and(|it| it.contains("NOPERM"))
    })
    .await;
    for bus in [&wrong, &bus] {
        let trouble = bus.trouble().unwrap();
        assert!(!trouble.contains("hunter"), "{trouble}");
        assert!(!format!("{bus:?}").contains("hunter"));
    }
    let _: String = ask(&mut connection, "ACL SETUSER dibs &dibs:*").await;
    let mut heard = bus.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    connected(&bus).await;
    let friend = open(&server.url());
    connected(&friend).await;
    friend.publish(&workspace("a"), text("hello"));
    hears(&mut heard, &["hello"]).await;
}

#[tokio::test]
async fn with_tls_only_a_server_with_the_right_certificate_is_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .current_dir(folder.path())
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
            "-subj",
            "/CN=dibs test",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .output()
        .expect("openssl is missing: install Debian's package openssl");
    assert!(made.status.success());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let port = servers::free_port().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let server = Server::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ])
    .await;
    let url = format!("rediss://127.0.0.1:{port}");
    let ca = std::fs::read(&certificate).unwrap();
    let known = RedisBus::open(options(&url).with_ca(ca), &KEY);
    let mut heard = known.subscribe(&workspace("a"));
    doubts(&mut heard).await;
    connected(&known).await;
    let friend = open(&server.url());
    connected(&friend).await;
    friend.publish(&workspace("a"), text("hello"));
    hears(&mut heard, &["hello"]).await;
    // Nobody whom the system trusts has signed this certificate.
    let unknown = open(&url);
    until("the certificate is not refused", || async {
        unknown.trouble().is_some_and(|it| it.contains("certificate"))
    })
    .await;
}
