//! Settings: all that is wrong is said at once, they hold at once and after a crash, and nobody overwrites what they have
//! not seen.

use crate::desk::{conversation, put};
use crate::hub::{Hub, PATIENCE, program};
use crate::token::mint;
use dibs_client::HttpError;
use dibs_protocol::refusal::{Code, Current};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn admin() -> Value {
    json!({ "sub": "ada", "role": "admin" })
}

fn dibs(args: &[&str], file: &Path, hub: &Hub) -> Output {
    let mut command = Command::new(program());
    command
        .args(args)
        .arg(file)
        .env("DIBS_URL", hub.url())
        .env("DIBS_TOKEN", mint(admin()));
    command.stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn an_import_lists_every_fault_and_sets_nothing() {
    let hub = Hub::start(&[]);
    let file = hub.data().join("settings.toml");
    let text = r#"
        [[queues]]
        id = "inbox"
        teams = ["nobody"]
        [[service_levels]]
        name = "all"
        first_response_s = 0
        warn_at = 1.5
        hours = "never"
        [hours.office]
        zone = "Europe/Berlln"
        weekly = [{ days = ["mon"], from = "17:00", to = "09:00" }]
    "#;
    std::fs::write(&file, text).unwrap();
    let refused = dibs(&["settings", "import"], &file, &hub);
    assert_eq!(refused.status.code(), Some(1));
    for field in [
        "queues[0].teams[0]",
        "service_levels[0].first_response_s",
        "service_levels[0].warn_at",
        "service_levels[0].hours",
        "hours.office.zone",
        "hours.office.weekly[0].to",
    ] {
        assert!(
            stderr(&refused).contains(field),
            "{field} in {}",
            stderr(&refused)
        );
    }
    let checked = dibs(&["settings", "check"], &file, &hub);
    assert_eq!(stderr(&checked), stderr(&refused), "the same without a server");
    let kept = hub.http(admin()).settings().await.unwrap();
    assert_eq!((kept.version, kept.settings), (0, Default::default()));
}

#[tokio::test]
async fn what_is_exported_can_be_imported_as_toml_and_as_json() {
    let hub = Hub::start(&[]);
    let set = put(
        json!({ "teams": [{ "id": "night", "members": ["priya"] }],
            "canned": [{ "name": "hi", "text": "Hello\nthere" }], "away_after_s": 60 }),
        None,
    );
    let http = hub.http(admin());
    assert_eq!(http.set_settings(&set).await.unwrap().version, 1);
    for (name, other) in [("s.toml", json!({})), ("s.json", json!({ "away_after_s": 5 }))] {
        let file = hub.data().join(name);
        let exported = dibs(&["settings", "export"], &file, &hub);
        assert!(exported.status.success(), "{}", stderr(&exported));
        http.set_settings(&put(other, None)).await.unwrap();
        let imported = dibs(&["settings", "import"], &file, &hub);
        assert!(imported.status.success(), "{}", stderr(&imported));
        assert_eq!(http.settings().await.unwrap().settings, *set.settings, "{name}");
    }
}

#[tokio::test]
async fn settings_hold_at_once_and_after_a_crash() {
    let mut hub = Hub::start(&[]);
    let c = conversation(&hub, "c").await;
    let (priya, sam) = (hub.agent("priya").await, hub.agent("sam").await);
    crate::desk::claim(&priya, c).await;
    let take = || cmd!("take_over", "conversation": c, "reason": "mine");
    assert_eq!(sam.refused(take()).await.unwrap().code, Code::Forbidden);
    let ada = hub.connect(admin()).await.unwrap();
    let set = json!({ "claims": { "agents_take_over": true } });
    let answer = ada.call(cmd!("set_settings", "settings": set)).await.unwrap();
    assert_eq!(answer["version"], 1);
    sam.call(take()).await.unwrap();
    hub.kill9();
    hub.restart();
    let priya = hub.agent("priya").await;
    let shown = priya.call(cmd!("settings")).await.unwrap();
    assert_eq!(shown["version"], 1);
    assert_eq!(shown["settings"]["claims"]["agents_take_over"], true);
    priya.call(take()).await.unwrap();
    drop(priya);
    hub.term();
    assert!(hub.exited(PATIENCE).await.unwrap().success());
    assert!(hub.run(&["verify"]).status.success());
}

#[tokio::test]
async fn only_admins_set_and_only_what_they_have_seen() {
    let hub = Hub::start(&[]);
    let agent = hub.http(json!({ "sub": "priya" }));
    let refused = agent.set_settings(&put(json!({}), None)).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::Forbidden));
    let http = hub.http(admin());
    let (one, two) = (json!({ "away_after_s": 1 }), json!({ "away_after_s": 2 }));
    assert_eq!(
        http.set_settings(&put(one.clone(), Some(0)))
            .await
            .unwrap()
            .version,
        1
    );
    assert_eq!(
        http.set_settings(&put(one, Some(0))).await.unwrap().version,
        1,
        "a repetition"
    );
    let HttpError::Problem(conflict) = http.set_settings(&put(two.clone(), Some(0))).await.unwrap_err()
    else {
        panic!("a refusal")
    };
    assert_eq!(conflict.refusal.code, Code::Conflict);
    let Some(Current::Settings(current)) = conflict.refusal.details.current else {
        panic!("the settings as they are")
    };
    assert_eq!((current.version, current.settings.away_after_s), (1, Some(1)));
    assert_eq!(http.set_settings(&put(two, Some(1))).await.unwrap().version, 2);
}
