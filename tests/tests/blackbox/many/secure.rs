//! The ways to PostgreSQL and Redis, over TLS and with passwords: who cannot prove who they are is not spoken to, what is
//! refused says which setting is for it, and no password stands in any log.

use super::site::{THROUGH, log};
use crate::desk::{claim, conversation, event, watch, write};
use crate::hub::{Hub, program};
use dibs_tests::postgres::Postgres;
use dibs_tests::process::free_port;
use dibs_tests::redis::Redis;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Stands in every URL here, and must stand nowhere else.
const PASSWORD: &str = "hunter2";

/// Somebody who signs certificates, and one for `localhost` that they signed.
struct Authority {
    folder: TempDir,
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = server.signed_by(&key, &issuer).unwrap().pem();
        let (folder, key) = (tempfile::tempdir().unwrap(), key.serialize_pem());
        for (name, text) in [
            ("ca.pem", own.pem()),
            ("cert.pem", certificate.clone()),
            ("key.pem", key.clone()),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self {
            folder,
            certificate,
            key,
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

/// Opens the database as an instance does, and checks it: what it said, where it could not.
fn opens(url: &str, ca: Option<&Authority>) -> Result<(), String> {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command
        .args(["verify", "--postgres", url, "--data"])
        .arg(data.path());
    if let Some(ca) = ca {
        command.args(["--postgres-ca", &ca.file("ca.pem")]);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains(PASSWORD), "{said}");
    if output.status.success() {
        Ok(())
    } else {
        Err(said)
    }
}

fn refused(url: &str, ca: Option<&Authority>, words: &[&str]) {
    let said = opens(url, ca).expect_err(url);
    for word in words {
        assert!(said.contains(word), "{url}: not {word:?}, but {said}");
    }
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
}

#[test]
fn only_a_database_that_proves_who_it_is_is_spoken_to() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = Postgres::start_with_tls(&ours.certificate, &ours.key);
    let url = |host: &str, mode: &str| {
        format!(
            "postgres://dibs:{PASSWORD}@{host}:{}/postgres{mode}",
            server.port()
        )
    };
    for mode in [
        "",
        "?sslmode=prefer",
        "?sslmode=require",
        "?sslmode=verify-ca",
        "?sslmode=verify-full",
    ] {
        opens(&url("localhost", mode), Some(&ours)).unwrap_or_else(|said| panic!("{mode}: {said}"));
        refused(
            &url("localhost", mode),
            Some(&theirs),
            &["UnknownIssuer", "postgres_ca"],
        );
    }
    refused(
        &url("localhost", "?sslmode=require"),
        None,
        &["UnknownIssuer", "postgres_ca"],
    );
    // The certificate does not name this address.
    for mode in ["", "?sslmode=require", "?sslmode=verify-full"] {
        refused(&url("127.0.0.1", mode), Some(&ours), &["verify-ca"]);
    }
    opens(&url("127.0.0.1", "?sslmode=verify-ca"), Some(&ours)).unwrap();
    opens(&url("127.0.0.1", "?sslmode=disable"), None).unwrap();
    refused(&url("localhost", "?sslmode=allow"), None, &["verify-full"]);
    refused(&url("localhost", "?sslrootcert=/ca.pem"), None, &["postgres_ca"]);
}

#[test]
fn a_database_without_tls_is_refused_where_tls_is_asked_for() {
    let server = Postgres::shared();
    let authority = Authority::new("ours");
    let url = |mode: &str| {
        format!(
            "postgres://dibs:{PASSWORD}@localhost:{}/postgres{mode}",
            server.port()
        )
    };
    for mode in ["?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
        refused(&url(mode), Some(&authority), &["does not support TLS", "sslmode"]);
    }
    // Who names whom to trust is not talked out of it.
    refused(&url(""), Some(&authority), &["does not support TLS"]);
    opens(&url(""), None).unwrap();
}

#[test]
fn a_wrong_password_for_the_database_is_said_without_it() {
    let server = Postgres::start();
    server.sql("postgres", "CREATE ROLE clerk LOGIN PASSWORD 'hunter3'");
    server.require_passwords();
    let url = |password: &str| format!("postgres://clerk:{password}@localhost:{}/postgres", server.port());
    refused(&url(PASSWORD), None, &["password authentication failed", "clerk"]);
    server.sql("postgres", "GRANT CREATE ON DATABASE postgres TO clerk");
    opens(&url("hunter3"), None).unwrap();
}

/// A Redis that speaks TLS at one port and in the clear at another, with a user `dibs`.
fn redis(authority: &Authority) -> (Redis, u16) {
    let port = free_port();
    let number = port.to_string();
    let (certificate, key, ca) = (
        authority.file("cert.pem"),
        authority.file("key.pem"),
        authority.file("ca.pem"),
    );
    let files = [
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
    ];
    let args = [&["--tls-port", &number, "--tls-auth-clients", "no"], &files[..]].concat();
    let redis = Redis::start(&args);
    let user = format!(">{PASSWORD}");
    let rights = ["+subscribe", "+unsubscribe", "+publish", "+ping"];
    let words = [
        &[
            "ACL",
            "SETUSER",
            "dibs",
            "on",
            &user,
            "resetchannels",
            "&dibs:*",
            "-@all",
            "+@connection",
        ],
        &rights[..],
    ];
    assert_eq!(redis.ask(&words.concat()), "OK");
    (redis, port)
}

/// What an instance says of its ways, once that contains these words.
async fn ready(hub: &Hub, words: &[&str]) -> String {
    let url = format!("{}/readyz", hub.base());
    let end = Instant::now() + THROUGH;
    loop {
        let said = reqwest::get(&url).await.unwrap().text().await.unwrap();
        if words.iter().all(|word| said.contains(word)) {
            return said;
        }
        assert!(Instant::now() < end, "not {words:?}, but {said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn silent_about_passwords(hub: &Hub) {
    let told = hub.logs().into_iter().find(|line| line.contains("hunter"));
    assert_eq!(told, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_speak_tls_and_have_a_password_are_as_others() {
    let authority = Authority::new("ours");
    let postgres = Postgres::start_with_tls(&authority.certificate, &authority.key);
    let (_redis, port) = redis(&authority);
    let database = postgres.database();
    let url = format!(
        "postgres://dibs:{PASSWORD}@localhost:{}/{database}?sslmode=verify-full",
        postgres.port()
    );
    let meeting = format!("rediss://dibs:{PASSWORD}@localhost:{port}");
    let ca = authority.file("ca.pem");
    let flags = [
        "--postgres",
        &url,
        "--redis",
        &meeting,
        "--postgres-ca",
        &ca,
        "--redis-ca",
        &ca,
    ];
    let (here, there) = (Hub::start(&flags), Hub::start(&flags));
    for hub in [&here, &there] {
        ready(hub, &["log: ok", "bus: ok"]).await;
    }
    let c = conversation(&here, "c").await;
    let (priya, sam) = (here.agent("priya").await, there.agent("sam").await);
    watch(&sam, c).await;
    let token = claim(&priya, c).await;
    assert_eq!(event(&sam, c, "claim_granted").await.seq, token);
    write(&there.channel(), "m", "c", "Hello?").await;
    assert_eq!(log(&here, c).await.len(), log(&there, c).await.len());
    let clear =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE NOT ssl AND datname = ";
    let secure =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND datname = ";
    let counted = |sql: &str| postgres.sql("postgres", &format!("{sql}'{database}'"));
    assert_eq!(counted(clear), "0");
    assert_ne!(counted(secure), "0");
    silent_about_passwords(&here);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_cannot_be_trusted_or_does_not_trust_is_named_and_work_goes_on() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (redis, port) = redis(&ours);
    let database = Postgres::shared().database();
    let postgres = Postgres::shared().url(&database, Postgres::shared().port());
    let start = |meeting: &str, more: &[&str]| {
        Hub::start(&[&["--postgres", &postgres, "--redis", meeting], more].concat())
    };
    let secure = format!("rediss://dibs:{PASSWORD}@localhost:{port}");
    let wrong = format!("rediss://dibs:hunter3@localhost:{port}");
    let nobody = format!("rediss://localhost:{port}");
    let clear = format!("redis://dibs:hunter3@localhost:{}", redis.port());
    assert_eq!(redis.ask(&["ACL", "SETUSER", "default", "off"]), "OK");
    let (known, unknown) = (ours.file("ca.pem"), theirs.file("ca.pem"));
    for (meeting, more, words) in [
        (
            &secure,
            &["--redis-ca", &unknown][..],
            &["UnknownIssuer", "redis_ca"][..],
        ),
        (&secure, &[], &["UnknownIssuer", "redis_ca"]),
        (&wrong, &["--redis-ca", &known], &["WRONGPASS", "redis_file"]),
        (&nobody, &["--redis-ca", &known], &["NO", "redis_file"]),
        (&clear, &[], &["WRONGPASS", "redis_file"]),
    ] {
        let hub = start(meeting, more);
        let said = ready(&hub, &[&["bus: down"], words].concat()).await;
        assert!(!said.contains("hunter"), "{said}");
        hub.says("redis does not carry messages", 1);
        silent_about_passwords(&hub);
    }
    let hub = start(&wrong, &["--redis-ca", &known]);
    let c = conversation(&hub, "c").await;
    claim(&hub.agent("priya").await, c).await;
}
