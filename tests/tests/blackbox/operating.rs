//! Operating: metrics on an address of their own, keys that change while people work, and a service manager that is told
//! how things stand.

use crate::hub::{Hub, PATIENCE};
use crate::token::{SECRET, mint_with};
use dibs_client::{Client, ConnectError, Options};
use jsonwebtoken::Algorithm;
use serde_json::json;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

async fn status(address: &str, path: &str) -> u16 {
    let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn metrics_move_to_an_address_of_their_own_and_health_is_on_both() {
    let hub = Hub::start(&["--admin-listen", "127.0.0.1:0"]);
    let line = hub.says("metrics and health", 1);
    let admin = line.split("address=").nth(1).unwrap().trim().to_owned();
    let public = hub.address().to_string();
    assert_eq!(status(&public, "/metrics").await, 404);
    assert_eq!(status(&admin, "/metrics").await, 200);
    for address in [&public, &admin] {
        assert_eq!(status(address, "/livez").await, 200);
        assert_eq!(status(address, "/readyz").await, 200);
    }
    for path in ["/", "/v1/ws", "/v1/workspaces/acme/conversations"] {
        assert_eq!(status(&admin, path).await, 404, "{path}");
    }
    let health = ["healthcheck", "--admin-listen", &admin, "--listen", "127.0.0.1:1"];
    assert!(hub.run(&health).status.success(), "it asks where health is");
}

#[tokio::test]
async fn metrics_are_on_the_one_address_where_there_is_no_other() {
    let hub = Hub::start(&[]);
    assert_eq!(status(&hub.address().to_string(), "/metrics").await, 200);
}

#[tokio::test]
async fn what_is_served_in_the_clear_beyond_this_machine_is_doubted() {
    let warned = |hub: &Hub| hub.logs().iter().any(|line| line.contains("in the clear"));
    assert!(!warned(&Hub::start(&[])));
    let open = ["--listen", "0.0.0.0:0"];
    let hub = Hub::start_anywhere(&open);
    assert!(warned(&hub));
    let behind_proxy = [&open[..], &["--trusted-proxy", "10.0.0.0/8"]].concat();
    assert!(!warned(&Hub::start_anywhere(&behind_proxy)));
}

async fn connect(hub: &Hub, agent: &str, secret: &str) -> Result<Client, ConnectError> {
    let token = mint_with(secret, Algorithm::HS256, json!({ "sub": agent }));
    Client::connect(&hub.url(), &token, &Options::default()).await
}

#[tokio::test]
async fn keys_are_read_anew_on_sighup_sessions_stay_and_a_broken_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let next = "another-secret-of-tests-with-more-than-32-bytes";
    std::fs::write(&file, SECRET).unwrap();
    let hub = Hub::start(&["--auth-secret-file", file.to_str().unwrap()]);
    let priya = connect(&hub, "priya", SECRET).await.unwrap();
    std::fs::write(&file, next).unwrap();
    hub.signal("-HUP");
    hub.says("keys that sign tokens were read anew", 1);
    let gone = connect(&hub, "sam", SECRET).await.unwrap_err();
    assert_eq!(gone.close_code(), Some(4001));
    connect(&hub, "sam", next).await.unwrap();
    priya.call(cmd!("ping")).await.unwrap();
    for (n, broken) in [(1, Some("short")), (2, None)] {
        match broken {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        hub.signal("-HUP");
        hub.says("the keys cannot be read: those in force stay", n);
        connect(&hub, "kim", next).await.unwrap();
    }
    priya.call(cmd!("ping")).await.unwrap();
    assert!(hub.logs().iter().all(|line| !line.contains(next)));
}

#[tokio::test]
async fn a_workspace_that_the_file_gains_can_be_used_after_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dibs.toml");
    let workspace = |id: &str| format!("[[workspace]]\nid = \"{id}\"\n");
    std::fs::write(&file, workspace("initech")).unwrap();
    let hub = Hub::start(&["--config", file.to_str().unwrap()]);
    assert_eq!(
        connect(&hub, "priya", SECRET).await.unwrap_err().close_code(),
        Some(4001)
    );
    std::fs::write(&file, workspace("initech") + &workspace("acme")).unwrap();
    hub.signal("-HUP");
    hub.says("keys that sign tokens were read anew", 1);
    connect(&hub, "priya", SECRET).await.unwrap();
    std::fs::write(&file, "nonsense = 1").unwrap();
    hub.signal("-HUP");
    hub.says("the configuration cannot be read", 1);
    connect(&hub, "sam", SECRET).await.unwrap();
}

/// The next message of the hub to its service manager.
fn told(socket: &UnixDatagram) -> String {
    let mut space = [0; 512];
    let length = socket.recv(&mut space).unwrap();
    String::from_utf8_lossy(&space[..length]).into_owned()
}

/// Waits for a message with this line.
fn until_told(socket: &UnixDatagram, wanted: &str) -> String {
    loop {
        let message = told(socket);
        if message.lines().any(|line| line == wanted) {
            return message;
        }
    }
}

#[tokio::test]
async fn a_service_manager_is_told_when_it_is_ready_alive_reloading_and_leaving() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "200000"),
    ];
    let mut hub = Hub::start_in(&[], &variables);
    until_told(&socket, "READY=1");
    assert_eq!(status(&hub.address().to_string(), "/readyz").await, 200);
    for _ in 0..3 {
        until_told(&socket, "WATCHDOG=1");
    }
    hub.signal("-HUP");
    assert!(until_told(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    until_told(&socket, "READY=1");
    hub.term();
    until_told(&socket, "STOPPING=1");
    assert!(hub.exited(Duration::from_secs(10)).await.unwrap().success());
}
