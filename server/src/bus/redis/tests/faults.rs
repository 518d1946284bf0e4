//! A server that dies, stops, pauses, forgets or cuts its clients off: messages flow again by themselves.

use super::servers::Server;
use super::*;
use crate::bus::conformance::{hears, text, workspace};

/// Two instances that hear one another, and a subscriber at each.
struct Scene {
    server: Server,
    here: Arc<RedisBus>,
    there: Arc<RedisBus>,
    heard_here: Receiver<Heard>,
    heard_there: Receiver<Heard>,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start(&[]).await;
        let (here, there) = (open(&server.url()), open(&server.url()));
        let (mut heard_here, mut heard_there) =
            (here.subscribe(&workspace("a")), there.subscribe(&workspace("a")));
        connected(&here).await;
        connected(&there).await;
        doubts(&mut heard_here).await;
        doubts(&mut heard_there).await;
        Self {
            server,
            here,
            there,
            heard_here,
            heard_there,
        }
    }

    /// Waits until both have been cut off and are back, and hear one another.
    async fn recovers(&mut self) {
        for receiver in [&mut self.heard_here, &mut self.heard_there] {
            // One when it is lost, one when it is back.
            doubts(receiver).await;
            doubts(receiver).await;
        }
        self.flows().await;
    }

    async fn flows(&mut self) {
        connected(&self.here).await;
        connected(&self.there).await;
        for (from, name) in [(&self.here, "from here"), (&self.there, "from there")] {
            from.publish(&workspace("a"), text(name));
            hears(&mut self.heard_here, &[name]).await;
            hears(&mut self.heard_there, &[name]).await;
        }
    }
}

#[tokio::test]
async fn after_a_killed_server_is_back_messages_flow_again() {
    let mut scene = Scene::new().await;
    scene.flows().await;
    scene.server.kill();
    in_trouble(&scene.here).await;
    in_trouble(&scene.there).await;
    // Whoever is in the same process hears all the same; the others do not, and that is counted.
    doubts(&mut scene.heard_here).await;
    let dropped = scene.here.traffic().dropped;
    scene.here.publish(&workspace("a"), text("meanwhile"));
    hears(&mut scene.heard_here, &["meanwhile"]).await;
    assert_eq!(scene.here.traffic().dropped, dropped + 1);
    scene.server.restart().await;
    doubts(&mut scene.heard_here).await;
    doubts(&mut scene.heard_there).await;
    doubts(&mut scene.heard_there).await;
    scene.flows().await;
    assert_eq!(scene.here.traffic().reconnects, 1);
}

#[tokio::test]
async fn a_server_that_kills_its_subscribers_gets_them_back() {
    let mut scene = Scene::new().await;
    let killed: i64 = scene.server.ask("CLIENT KILL TYPE pubsub").await;
    assert_eq!(killed, 2);
    scene.recovers().await;
}

#[tokio::test]
async fn a_stopped_server_is_noticed_and_forgiven() {
    let mut scene = Scene::new().await;
    scene.server.signal("STOP");
    let stopped = Instant::now();
    in_trouble(&scene.here).await;
    // A probe goes out, and its answer is awaited for as long; the rest is for a busy machine.
    assert!(stopped.elapsed() < PROBE * 2 + Duration::from_secs(5));
    in_trouble(&scene.there).await;
    scene.server.signal("CONT");
    scene.recovers().await;
}

#[tokio::test]
async fn a_paused_server_is_noticed_and_forgiven() {
    let mut scene = Scene::new().await;
    let paused: String = scene.server.ask("CLIENT PAUSE 2500 ALL").await;
    assert_eq!(paused, "OK");
    in_trouble(&scene.here).await;
    in_trouble(&scene.there).await;
    scene.recovers().await;
}

#[tokio::test]
async fn a_server_that_forgets_its_data_has_forgotten_nothing_of_ours() {
    let mut scene = Scene::new().await;
    let flushed: String = scene.server.ask("FLUSHALL").await;
    assert_eq!(flushed, "OK");
    scene.flows().await;
    assert_eq!(scene.here.traffic().reconnects, 0);
}

#[tokio::test]
async fn a_client_that_was_reset_by_force_subscribes_again() {
    let mut scene = Scene::new().await;
    // A user whose channels are taken away is cut off.
    let mut connection = scene.server.connect().await;
    let _: String = servers::ask(&mut connection, "ACL SETUSER default resetchannels &nothing").await;
    let trouble = in_trouble(&scene.here).await;
    assert!(
        trouble.contains("NOPERM") || trouble.contains("closed"),
        "{trouble}"
    );
    until("the reason is not told", || async {
        scene.here.trouble().is_some_and(|it| it.contains("NOPERM"))
    })
    .await;
    let _: String = servers::ask(&mut connection, "ACL SETUSER default allchannels").await;
    scene.recovers().await;
}

#[tokio::test]
async fn a_subscription_ends_with_its_subscriber_and_a_connection_with_its_bus() {
    let Scene {
        server,
        here,
        there,
        heard_here,
        heard_there,
    } = Scene::new().await;
    let mut connection = server.connect().await;
    drop(heard_there);
    drop(heard_here);
    let subscribed = |answer: (String, i64)| answer.1;
    for _ in 0..1_000 {
        if subscribed(servers::ask(&mut connection, "PUBSUB NUMSUB dibs:w:a").await) == 0 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        subscribed(servers::ask(&mut connection, "PUBSUB NUMSUB dibs:w:a").await),
        0
    );
    assert_eq!((here.trouble(), there.trouble()), (None, None));
    assert_eq!(here.traffic().reconnects, 0);
    drop(here);
    drop(there);
    for _ in 0..1_000 {
        let clients: String = servers::ask(&mut connection, "CLIENT LIST").await;
        if clients.lines().count() == 1 {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("connections outlive their bus");
}
