//! Permissions: deny by default, every command covered, and the published table up to date.

use crate::script::play;
use crate::world::{agent, settings};
use dibs_protocol::command::Command;
use dibs_protocol::terms::Role;
use dibs_rules::permissions::{TABLE, allowed, may_change_held, may_take_over};
use serde_json::json;

#[test]
fn every_command_stands_in_the_table_once() {
    for name in Command::NAMES {
        assert_eq!(
            TABLE.iter().filter(|row| row.action == *name).count(),
            1,
            "{name}"
        );
        let agents = !matches!(*name, "set_settings" | "watch_stats" | "unwatch_stats");
        assert_eq!(allowed(Role::Agent, name), agents, "{name}");
        assert!(
            allowed(Role::Admin, name) && !allowed(Role::Channel, name),
            "{name}"
        );
    }
}

#[test]
fn roles_contain_one_another_and_channels_are_apart() {
    for row in TABLE {
        assert!(
            !allowed(Role::Agent, row.action) || allowed(Role::Supervisor, row.action),
            "{}",
            row.action
        );
        assert!(
            !allowed(Role::Supervisor, row.action) || allowed(Role::Admin, row.action),
            "{}",
            row.action
        );
        assert_ne!(
            allowed(Role::Channel, row.action),
            allowed(Role::Admin, row.action),
            "{}",
            row.action
        );
    }
}

#[test]
fn what_is_not_in_the_table_nobody_may_do() {
    for role in Role::ALL {
        for action in ["", "Claim", "delete_everything", "deadline", "holder_gone"] {
            assert!(!allowed(*role, action), "{role} {action}");
        }
    }
    assert!(!allowed(Role::Agent, "watch_silently") && allowed(Role::Supervisor, "watch_silently"));
    assert!(!allowed(Role::Supervisor, "redact") && allowed(Role::Admin, "redact"));
}

#[test]
fn taking_over_is_for_supervisors_unless_settings_say_otherwise() {
    let mut settings = settings();
    assert!(!may_take_over(&agent("ben"), &settings));
    assert!(may_take_over(&agent("zoe"), &settings) && may_take_over(&agent("ada"), &settings));
    settings.agents_take_over = true;
    assert!(may_take_over(&agent("ben"), &settings) && may_take_over(&agent("robo"), &settings));
}

#[test]
fn what_is_held_is_for_the_holder_and_supervisors() {
    let free = play("customer writes Hello");
    let held = play("customer writes Hello\n priya claim");
    for (who, may) in [("priya", true), ("ben", false), ("zoe", true), ("ada", true)] {
        assert!(may_change_held(&agent(who), free.state()));
        assert_eq!(may_change_held(&agent(who), held.state()), may, "{who}");
    }
}

#[test]
fn the_published_table_is_up_to_date() {
    let rows: Vec<_> = TABLE
        .iter()
        .map(|row| match row.condition {
            Some(condition) => json!({"action": row.action, "roles": row.roles, "condition": condition}),
            None => json!({"action": row.action, "roles": row.roles}),
        })
        .collect();
    let table = json!({"default": "deny", "permissions": rows});
    let text = serde_json::to_string_pretty(&table).unwrap() + "\n";
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../protocol/generated/permissions.json"
    );
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/generated")).unwrap();
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, text, "run the tests once with UPDATE_GENERATED=1");
}

#[test]
fn a_session_with_a_channels_role_may_do_nothing() {
    let mut world = play("customer writes Hello");
    let mut me = agent("ben");
    me.role = Role::Channel;
    let who = dibs_rules::Sender::Agent(std::sync::Arc::new(me));
    let rating = dibs_protocol::http::RatingBody {
        conversation: world.state().id,
        score: 5,
        comment: None,
    };
    for action in [dibs_rules::Action::Rate(rating), dibs_rules::Action::ReleaseHeld] {
        let refusal = world.act(&who, &action).unwrap_err();
        assert_eq!(refusal.code, dibs_protocol::refusal::Code::Forbidden);
    }
}
