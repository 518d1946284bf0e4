//! What the layers promise: their order, a strict file, a lenient environment, and errors that lead to the mistake.

use super::*;
use crate::config::{KeySource, Origin, UrlSource};
use clap::{Args, Command, FromArgMatches};
use rstest::rstest;
use std::io::Write;
use std::time::Duration;

fn flags(line: &[&str]) -> Result<SettingsArgs, clap::Error> {
    let command = SettingsArgs::augment_args(Command::new("dibs"));
    SettingsArgs::from_arg_matches(&command.try_get_matches_from([&["dibs"], line].concat())?)
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn from_file(text: &str) -> Result<Loaded, ConfigError> {
    let file = file(text);
    load(flags(&["--config", file.path().to_str().unwrap()]).unwrap(), [])
}

fn message(text: &str) -> String {
    from_file(text).unwrap_err().to_string()
}

#[test]
fn with_nothing_said_the_defaults_hold() {
    let config = load(SettingsArgs::default(), []).unwrap().config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(config.claim_grace, Duration::from_secs(30));
    assert_eq!(config.claim_idle, None);
    assert_eq!(config.connections_per_address.unwrap().get(), 1000);
    assert!(config.auth.keys.is_empty() && config.auth.workspaces.is_none());
    assert!(!config.agents_take_over);
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let file = file(
        "claim_grace = '1s'\noffer_ttl = '1s'\nhello_timeout = '1s'\nallow_origin = ['https://file.example']\n",
    );
    let path = file.path().to_str().unwrap();
    let variables = variables(&[
        ("DIBS_CONFIG", path),
        ("DIBS_CLAIM_GRACE", "2s"),
        ("DIBS_OFFER_TTL", "2s"),
    ]);
    let args = flags(&[
        "--claim-grace",
        "3s",
        "--allow-origin",
        "https://a.example",
        "--allow-origin",
        "https://b.example",
    ]);
    let config = load(args.unwrap(), variables).unwrap().config;
    assert_eq!(config.claim_grace, Duration::from_secs(3));
    assert_eq!(config.offer_ttl, Duration::from_secs(2));
    assert_eq!(config.hello_timeout, Duration::from_secs(1));
    assert_eq!(config.header_timeout, Duration::from_secs(5));
    let origins: Vec<_> = config.allow_origin.iter().map(Origin::to_string).collect();
    assert_eq!(origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn unknown_variables_only_warn_and_empty_ones_say_nothing() {
    let variables = variables(&[
        ("DIBS_PORT", "tcp://10.0.0.7:7070"),
        ("DIBS_SERVICE_HOST", "10.0.0.7"),
        ("DIBS_CLAIM_GRACE", ""),
        ("PATH", "/bin"),
    ]);
    let loaded = load(SettingsArgs::default(), variables).unwrap();
    assert_eq!(loaded.warnings.len(), 2);
    assert!(loaded.warnings[0].contains("DIBS_PORT"));
    assert_eq!(loaded.config.claim_grace, Duration::from_secs(30));
}

#[test]
fn lists_have_commas_in_a_variable() {
    let variables = variables(&[
        ("DIBS_TRUSTED_PROXY", "10.0.0.0/8, fd00::/8"),
        ("DIBS_AGENTS_TAKE_OVER", "true"),
    ]);
    let config = load(SettingsArgs::default(), variables).unwrap().config;
    assert_eq!(config.trusted_proxy.len(), 2);
    assert!(config.agents_take_over);
}

#[rstest]
#[case(
    "listen = '127.0.0.1:0'\n\n  claim_grase = '3s'\n",
    ":3:3: unknown field `claim_grase`"
)]
#[case(
    "claim_grace = 30\n",
    ":1:15: invalid type: integer `30`, expected a duration"
)]
#[case("claim_grace = '30'\n", ":1:15: \"30\" is not a duration")]
#[case("a = 1\na = 2\n", ":2:1: duplicate key")]
#[case("log_level = 'loud'\n", ":1:13: \"loud\" is none of error, warn")]
#[case("[[workspace]]\nid = 'Acme'\n", ":2:6: a workspace id must be 1 to 64 of")]
#[case(
    "[[workspace]]\nid = 'acme'\nkeys = []\n",
    ":3:1: unknown field `keys`, expected one of `id`, `key`, "
)]
#[case("trusted_proxy = ['10.0.0.0']\n", ":1:18: ")]
fn a_mistake_in_the_file_is_named_with_line_and_column(#[case] text: &str, #[case] expected: &str) {
    let message = message(text);
    assert!(message.contains(expected), "{message:?} has {expected:?}");
    assert_eq!(message.lines().count(), 1);
}

#[rstest]
#[case("silence_timeout = '25s'", "longer than heartbeat")]
#[case("outbox_bytes = 1", "at least 65536")]
#[case("header_timeout = 'off'", "at least 1ms")]
#[case("data = ''", "names no folder")]
#[case("auth_issuer = 'me'", "needs auth_secret")]
#[case("auth_secret = 'a'\nauth_secret_file = 'b'", "one must go")]
#[case("postgres = 'a'\npostgres_file = 'b'", "one must go")]
#[case("postgres = 'a'\npostgres_readers = 0", "at least 1")]
#[case("postgres_ca = 'a'", "needs postgres")]
#[case("[[workspace]]\nid = 'acme'", "acme has no key")]
#[case(
    "[[workspace]]\nid = 'acme'\n[[workspace.key]]\nkid = 'a'",
    "workspace acme, key 1"
)]
#[case(
    "auth_secret = 'a'\n[[workspace]]\nid = 'a'\n[[workspace]]\nid = 'a'",
    "a is there twice"
)]
fn what_cannot_work_is_refused(#[case] text: &str, #[case] expected: &str) {
    let message = message(text);
    assert!(message.contains(expected), "{message:?} has {expected:?}");
}

#[rstest]
#[case("auth_secret = 31415926535\n")]
#[case("postgres = 31415926535\n")]
#[case("auth_secret = ['31415926535']\n")]
#[case("auth_secret = '31415926535\n")]
#[case("[[workspace]]\nid = 'acme'\n[[workspace.key]]\nsecret = 31415926535\n")]
fn an_error_never_repeats_a_secret(#[case] text: &str) {
    assert!(!message(text).contains("31415926535"), "{}", message(text));
}

#[test]
fn a_bad_variable_or_flag_is_named() {
    let error = load(
        SettingsArgs::default(),
        variables(&[("DIBS_LISTEN", "tcp://10.0.0.7")]),
    )
    .unwrap_err();
    assert!(error.to_string().contains("DIBS_LISTEN"));
    assert!(
        flags(&["--claim-grace", "3"])
            .unwrap_err()
            .to_string()
            .contains("--claim-grace")
    );
}

#[test]
fn a_secret_on_a_higher_layer_replaces_the_file_of_one_below() {
    let file = file("auth_secret_file = '/below'\n");
    let args = flags(&["--config", file.path().to_str().unwrap()]).unwrap();
    let config = load(args, variables(&[("DIBS_AUTH_SECRET", "above")]))
        .unwrap()
        .config;
    assert!(
        matches!(&config.auth.keys[..], [key] if matches!(&key.source, KeySource::Secret(s) if s.expose() == "above"))
    );
    assert!(!format!("{config:?}").contains("above"));
}

#[test]
fn the_url_of_the_database_is_a_secret_and_may_be_in_a_file() {
    let file = file("postgres_file = '/below'\n");
    let path = file.path().to_str().unwrap();
    let below = load(flags(&["--config", path]).unwrap(), []).unwrap().config;
    assert!(matches!(below.postgres.unwrap().url, UrlSource::File(path) if path == Path::new("/below")));
    let args = flags(&["--config", path, "--postgres", "postgres://u:hunter2@h/d"]);
    let config = load(args.unwrap(), []).unwrap().config;
    assert!(!format!("{config:?}").contains("hunter2"));
    let url = config.postgres.unwrap().url;
    assert!(matches!(url, UrlSource::Given(url) if url.expose() == "postgres://u:hunter2@h/d"));
}

#[test]
fn where_workspaces_are_named_no_other_exists_and_shared_keys_sign_for_them() {
    let text = "auth_secret = 'a'\n[[workspace]]\nid = 'acme'\n[[workspace.key]]\nkid = '1'\nsecret = 'b'\n\
                [[workspace]]\nid = 'globex'\n";
    let config = from_file(text).unwrap().config;
    assert!(config.knows_workspace(&"acme".parse().unwrap()));
    assert!(!config.knows_workspace(&"initech".parse().unwrap()));
    let reach: Vec<_> = config
        .auth
        .keys
        .iter()
        .map(|key| key.workspaces.as_ref().unwrap().len())
        .collect();
    assert_eq!(reach, [2, 1]);
}
