//! What verification promises, as tables: which tokens are refused and why, for secrets, public keys and key sets.

use super::testing::*;
use super::*;
use crate::config::KeyConfig;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rstest::rstest;
use serde_json::{Value, json};

fn ring(keys: Vec<KeyConfig>) -> Keyring {
    Keyring::read(&auth(keys)).unwrap()
}

fn verify(ring: &Keyring, token: &str) -> Result<Identity, AuthError> {
    ring.verify(token, NOW_S * 1_000)
}

fn with(change: Value) -> Value {
    let mut claims = claims();
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn refused(claims: &Value) -> AuthError {
    verify(&ring(vec![key(secret(SECRET), &[])]), &hs256(claims)).unwrap_err()
}

#[test]
fn a_good_token_proves_an_identity() {
    let claims = with(json!({
        "role": "channel", "kind": "bot", "name": "Mail", "teams": ["a", "b", "a"], "skills": ["french"],
        "channels": ["mail"], "jti": "t1", "nbf": NOW_S, "iat": NOW_S, "email": "ignored",
    }));
    let identity = verify(&ring(vec![key(secret(SECRET), &[])]), &hs256(&claims)).unwrap();
    assert_eq!(identity.workspace.as_str(), "acme");
    assert_eq!(identity.id.as_str(), "priya");
    assert_eq!((identity.role, identity.kind), (Role::Channel, Kind::Bot));
    assert_eq!(identity.name, "Mail");
    assert_eq!(identity.teams.len(), 2);
    assert_eq!(identity.expires_at_ms, (NOW_S + 3600) * 1_000);
    assert_eq!(identity.token_id.as_deref(), Some("t1"));
    assert!(identity.speaks_for(&"mail".parse().unwrap()));
    assert!(!identity.speaks_for(&"chat".parse().unwrap()));
}

#[test]
fn what_a_token_leaves_out_has_defaults() {
    let identity = verify(&ring(vec![key(secret(SECRET), &[])]), &hs256(&claims())).unwrap();
    assert_eq!((identity.kind, identity.name.as_str()), (Kind::Human, "priya"));
    assert!(identity.teams.is_empty() && identity.channels.is_none() && identity.token_id.is_none());
}

#[rstest]
#[case::over(json!({"exp": NOW_S}), AuthError::Expired)]
#[case::long_over(json!({"exp": NOW_S - 1}), AuthError::Expired)]
#[case::over_by_a_fraction(json!({"exp": NOW_S as f64 - 0.5}), AuthError::Expired)]
#[case::nbf_ahead(json!({"nbf": NOW_S + 31}), AuthError::NotYetValid)]
#[case::iat_ahead(json!({"iat": NOW_S + 31}), AuthError::NotYetValid)]
fn dates_are_checked(#[case] change: Value, #[case] expected: AuthError) {
    assert_eq!(refused(&with(change)), expected);
}

#[rstest]
#[case(json!({"exp": NOW_S + 1}))]
#[case(json!({"exp": NOW_S as f64 + 0.5}))]
#[case(json!({"nbf": NOW_S + 30, "iat": NOW_S + 30}))]
fn only_nbf_and_iat_have_leeway(#[case] change: Value) {
    assert!(verify(&ring(vec![key(secret(SECRET), &[])]), &hs256(&with(change))).is_ok());
}

#[rstest]
#[case("exp", without("exp"))]
#[case("exp", with(json!({"exp": "1795003600"})))]
#[case("exp", with(json!({"exp": -1.5})))]
#[case("exp", with(json!({"exp": 1e300})))]
#[case("exp", with(json!({"exp": i64::MAX})))]
#[case("nbf", with(json!({"nbf": "now"})))]
#[case("sub", without("sub"))]
#[case("sub", with(json!({"sub": "Priya"})))]
#[case("sub", with(json!({"sub": "a b"})))]
#[case("sub", with(json!({"sub": "a".repeat(65)})))]
#[case("workspace", without("workspace"))]
#[case("workspace", with(json!({"workspace": ["acme"]})))]
#[case("role", without("role"))]
#[case("role", with(json!({"role": "owner"})))]
#[case("kind", with(json!({"kind": "dog"})))]
#[case("name", with(json!({"name": "é".repeat(501)})))]
#[case("name", with(json!({"name": "a\nb"})))]
#[case("teams", with(json!({"teams": "billing"})))]
#[case("teams", with(json!({"teams": ["Billing"]})))]
#[case("teams", with(json!({"teams": vec!["a"; 51]})))]
#[case("skills", with(json!({"skills": [1]})))]
#[case("channels", with(json!({"channels": [""]})))]
#[case("jti", with(json!({"jti": 7})))]
fn claims_must_be_what_they_should_be(#[case] name: &str, #[case] claims: Value) {
    assert!(
        matches!(refused(&claims), AuthError::Claim { name: claim, .. } if claim == name),
        "{claims}"
    );
}

#[test]
fn tokens_of_every_algorithm_verify_with_their_public_key() {
    let files = Files::new();
    for pair in [rsa(), ec(), ed()] {
        let ring = ring(vec![key(files.public("key.pem", &pair.pem), &[])]);
        let good = token(Header::new(pair.algorithm), &claims(), &pair.private);
        assert!(verify(&ring, &good).is_ok(), "{:?}", pair.algorithm);
        let cut = good.len() - 8;
        let forged = format!("{}AAAAAAAA", &good[..cut]);
        assert_eq!(
            verify(&ring, &forged),
            Err(AuthError::BadSignature),
            "{:?}",
            pair.algorithm
        );
    }
}

#[test]
fn a_file_may_hold_several_public_keys() {
    let files = Files::new();
    let ring = ring(vec![key(
        files.public("keys.pem", &(rsa().pem.clone() + &ec().pem + &ed().pem)),
        &[],
    )]);
    for pair in [rsa(), ec(), ed()] {
        assert!(
            verify(
                &ring,
                &token(Header::new(pair.algorithm), &claims(), &pair.private)
            )
            .is_ok()
        );
    }
}

#[test]
fn the_algorithm_is_the_keys_never_the_headers() {
    let files = Files::new();
    let ring = ring(vec![key(files.public("key.pem", &rsa().pem), &[])]);
    // The public key is no secret: whoever signs with its text as an HMAC secret proves nothing.
    let confused = token(
        Header::new(Algorithm::HS256),
        &claims(),
        &EncodingKey::from_secret(rsa().pem.as_bytes()),
    );
    assert_eq!(verify(&ring, &confused), Err(AuthError::WrongAlgorithm));
    let other = token(Header::new(Algorithm::RS512), &claims(), &rsa().private);
    assert_eq!(verify(&ring, &other), Err(AuthError::WrongAlgorithm));
    for alg in ["none", "None", "NONE", "", "HS256"] {
        let unsigned = raw(&json!({"alg": alg, "typ": "JWT"}), &claims(), b"");
        assert_eq!(
            verify(&ring, &unsigned),
            Err(AuthError::WrongAlgorithm),
            "{alg:?}"
        );
    }
}

#[test]
fn a_public_key_given_as_a_secret_is_refused_at_start() {
    assert!(Keyring::read(&auth(vec![key(secret(&rsa().pem), &[])])).is_err());
}

#[rstest]
#[case("HS384")]
#[case("none")]
fn a_secret_verifies_hs256_only(#[case] alg: &str) {
    let ring = ring(vec![key(secret(SECRET), &[])]);
    assert_eq!(
        verify(&ring, &raw(&json!({"alg": alg}), &claims(), b"")),
        Err(AuthError::WrongAlgorithm)
    );
}

#[test]
fn another_secret_or_changed_claims_do_not_verify() {
    let ring = ring(vec![key(secret(SECRET), &[])]);
    let other = EncodingKey::from_secret(b"another secret, long enough to do");
    assert_eq!(
        verify(&ring, &token(Header::default(), &claims(), &other)),
        Err(AuthError::BadSignature)
    );
    let good = hs256(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let body = raw(&json!({}), &with(json!({"role": "admin"})), b"");
    let body = body.split('.').nth(1).unwrap();
    let raised = format!("{}.{body}.{}", parts[0], parts[2]);
    assert_eq!(verify(&ring, &raised), Err(AuthError::BadSignature));
}

#[rstest]
#[case("")]
#[case("a.b")]
#[case("a.b.c")]
#[case("a.b.c.d")]
#[case("..")]
fn what_is_no_jwt_is_refused(#[case] text: &str) {
    assert_eq!(
        verify(&ring(vec![key(secret(SECRET), &[])]), text),
        Err(AuthError::Malformed)
    );
}

#[test]
fn long_tokens_and_critical_extensions_are_refused() {
    let ring = ring(vec![key(secret(SECRET), &[])]);
    assert_eq!(verify(&ring, &"a".repeat(TOKEN_MAX + 1)), Err(AuthError::TooLong));
    let header = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..Header::default()
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    assert_eq!(
        verify(&ring, &token(header, &claims(), &key)),
        Err(AuthError::Critical)
    );
}

#[test]
fn a_key_signs_for_its_own_workspaces_only() {
    let other = "another secret, long enough to do it";
    let ring = ring(vec![
        key(secret(SECRET), &["acme"]),
        key(secret(other), &["globex"]),
    ]);
    assert!(verify(&ring, &hs256(&claims())).is_ok());
    assert_eq!(
        verify(&ring, &hs256(&with(json!({"workspace": "globex"})))),
        Err(AuthError::BadSignature)
    );
    assert_eq!(
        verify(&ring, &hs256(&with(json!({"workspace": "initech"})))),
        Err(AuthError::WrongWorkspace)
    );
}

#[test]
fn keys_are_chosen_by_kid() {
    let files = Files::new();
    let jwks = json!({"keys": [rsa().jwk("old"), ec().jwk("new"), {"kty": "EC", "crv": "secp256k1", "x": "", "y": ""}]});
    let source = files.public("keys.json", &jwks.to_string());
    let all = ring(vec![key(source.clone(), &[])]);
    let signed = |pair: &Pair, kid: Option<&str>| {
        token(
            Header {
                kid: kid.map(str::to_owned),
                ..Header::new(pair.algorithm)
            },
            &claims(),
            &pair.private,
        )
    };
    assert!(verify(&all, &signed(rsa(), Some("old"))).is_ok());
    assert!(verify(&all, &signed(ec(), Some("new"))).is_ok());
    assert!(verify(&all, &signed(ec(), None)).is_ok());
    assert_eq!(
        verify(&all, &signed(ec(), Some("old"))),
        Err(AuthError::WrongAlgorithm)
    );
    assert_eq!(
        verify(&all, &signed(ec(), Some("lost"))),
        Err(AuthError::UnknownKey)
    );
    let one = ring(vec![KeyConfig {
        kid: Some("new".to_owned()),
        ..key(source, &[])
    }]);
    assert_eq!(
        verify(&one, &signed(rsa(), Some("old"))),
        Err(AuthError::UnknownKey)
    );
    assert!(verify(&one, &signed(ec(), Some("new"))).is_ok());
}

#[test]
fn a_jwks_of_edwards_keys_verifies() {
    let files = Files::new();
    let source = files.public("keys.json", &json!({"keys": [ed().jwk("ed")]}).to_string());
    let good = token(Header::new(Algorithm::EdDSA), &claims(), &ed().private);
    assert!(verify(&ring(vec![key(source, &[])]), &good).is_ok());
}

#[rstest]
#[case("{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}", "symmetric")]
#[case("{\"keys\":[]}", "no RS256, ES256 or EdDSA key")]
#[case("{\"keys\":", "not a JWKS")]
#[case("hello", "no PEM block")]
#[case("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "private key")]
#[case(
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    "must be a PUBLIC KEY"
)]
#[case(
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    "not an RSA, EC or Ed25519"
)]
fn what_is_no_public_key_is_refused_at_start(#[case] text: &str, #[case] expected: &str) {
    let files = Files::new();
    let error = Keyring::read(&auth(vec![key(files.public("key", text), &[])]))
        .unwrap_err()
        .to_string();
    assert!(error.contains(expected), "{error:?} has {expected:?}");
}

#[test]
fn issuer_and_audience_are_checked_where_configured() {
    let strict = KeyConfig {
        issuer: Some("https://login.example".to_owned()),
        audience: Some("dibs".to_owned()),
        ..key(secret(SECRET), &[])
    };
    let ring = ring(vec![strict]);
    let check = |change: Value| verify(&ring, &hs256(&with(change))).map(|_| ());
    let iss = "https://login.example";
    assert_eq!(check(json!({"iss": iss, "aud": "dibs"})), Ok(()));
    assert_eq!(check(json!({"iss": iss, "aud": ["other", "dibs"]})), Ok(()));
    assert_eq!(
        check(json!({"iss": iss, "aud": "other"})),
        Err(AuthError::WrongAudience)
    );
    assert_eq!(check(json!({"iss": iss})), Err(AuthError::WrongAudience));
    assert_eq!(
        check(json!({"iss": "https://evil.example", "aud": "dibs"})),
        Err(AuthError::WrongIssuer)
    );
    assert_eq!(check(json!({"aud": "dibs"})), Err(AuthError::WrongIssuer));
}
