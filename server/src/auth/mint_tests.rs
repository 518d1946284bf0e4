//! What minting promises, and what the data folder's secret and everything shown are good for.

use super::testing::*;
use super::*;
use crate::config::{KeyConfig, KeySource, Secret};
use std::time::Duration;

fn ring(keys: Vec<KeyConfig>) -> Keyring {
    Keyring::read(&auth(keys)).unwrap()
}

fn verify(ring: &Keyring, token: &str) -> Result<Identity, AuthError> {
    ring.verify(token, NOW_S * 1_000)
}

fn new_token(workspace: &str) -> NewToken {
    NewToken {
        workspace: workspace.parse().unwrap(),
        id: "a1".parse().unwrap(),
        role: Role::Agent,
        kind: Kind::Bot,
        name: Some("Ada".to_owned()),
        teams: vec!["billing".parse().unwrap()],
        skills: vec!["french".to_owned()],
        channels: None,
        ttl: Duration::from_secs(60),
    }
}

#[test]
fn a_minted_token_verifies_and_is_signed_by_the_narrowest_secret() {
    let other = "another secret, long enough to do it";
    let own = KeyConfig {
        kid: Some("k1".to_owned()),
        issuer: Some("me".to_owned()),
        audience: Some("dibs".to_owned()),
        ..key(secret(other), &["acme"])
    };
    let shared = key(secret(SECRET), &["acme", "globex"]);
    let both = ring(vec![shared.clone(), own.clone()]);
    let token = both.mint(&new_token("acme"), NOW_S * 1_000).unwrap();
    let identity = verify(&ring(vec![own]), &token).unwrap();
    assert_eq!((identity.name.as_str(), identity.kind), ("Ada", Kind::Bot));
    assert_eq!(identity.expires_at_ms, (NOW_S + 61) * 1_000);
    let token = both.mint(&new_token("globex"), NOW_S * 1_000).unwrap();
    assert!(verify(&ring(vec![shared]), &token).is_ok());
    assert!(matches!(
        both.mint(&new_token("initech"), 0),
        Err(MintError::NoSecret(_))
    ));
}

#[test]
fn what_would_be_refused_is_not_minted() {
    let ring = ring(vec![key(secret(SECRET), &[])]);
    let tokens = [
        NewToken {
            ttl: Duration::from_millis(999),
            ..new_token("acme")
        },
        NewToken {
            ttl: Duration::MAX,
            ..new_token("acme")
        },
        NewToken {
            name: Some("a".repeat(501)),
            ..new_token("acme")
        },
        NewToken {
            skills: vec!["A".to_owned()],
            ..new_token("acme")
        },
        NewToken {
            skills: vec!["a".to_owned(); 51],
            ..new_token("acme")
        },
        NewToken {
            channels: Some(vec![]),
            ..new_token("acme")
        },
    ];
    for token in tokens {
        assert!(
            matches!(ring.mint(&token, 0), Err(MintError::Refused(_))),
            "{token:?}"
        );
    }
}

#[test]
fn without_a_key_the_data_folder_has_one() {
    let files = Files::new();
    let data = files.path("data");
    assert!(Keyring::open_existing(&auth(vec![]), &data).is_err());
    let (ring, path) = Keyring::open(&auth(vec![]), &data).unwrap();
    assert_eq!(path, Some(data.join(SECRET_FILE)));
    let token = Keyring::open_existing(&auth(vec![]), &data)
        .unwrap()
        .mint(&new_token("any"), NOW_S * 1_000)
        .unwrap();
    assert!(verify(&ring, &token).is_ok());
}

#[test]
fn nothing_shown_contains_a_secret_or_a_token() {
    let config = key(KeySource::Secret(Secret::new(SECRET)), &[]);
    assert!(!format!("{config:?} {:?}", ring(vec![config.clone()])).contains(SECRET));
    let short = Keyring::read(&auth(vec![key(secret("hunter2"), &[])])).unwrap_err();
    assert!(!format!("{short} {short:?}").contains("hunter2"));
}
