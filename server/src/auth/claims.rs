//! From the claims of a verified token to an [`Identity`]. Signatures and keys are not its business.

use super::{AuthError, Identity, Kind, Role};
use dibs_protocol::ids::{AgentId, ChannelId, NAME_MAX, TeamId, WorkspaceId, is_name_char};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::str::FromStr;

/// How far ahead `nbf` and `iat` may be, for clocks that differ. `exp` has no leeway.
const LEEWAY_MS: i64 = 30_000;
/// Longest name, in characters.
pub(super) const NAME_CHARS_MAX: usize = 500;
/// Most teams, skills or channels of one token.
pub(super) const LIST_MAX: usize = 50;
/// Longest `jti`, in bytes.
const TOKEN_ID_MAX: usize = 256;

/// The claims of a token whose signature was verified.
pub(super) type Claims = Map<String, Value>;

const ID: &str = "1 to 64 of a-z, 0-9, '.', '_' and '-'";
const IDS: &str = "a list of at most 50 ids, each 1 to 64 of a-z, 0-9, '.', '_' and '-'";
const DATE: &str = "a number of seconds since 1970";
const REQUIRED_DATE: &str = "there, and a number of seconds since 1970";
const NAME: &str = "a text of at most 500 characters without control characters";

fn claim(name: &'static str, rule: &'static str) -> AuthError {
    AuthError::Claim { name, rule }
}

/// Checks the dates: `exp` without leeway, `nbf` and `iat` with 30 s.
pub(super) fn check_dates(claims: &Claims, now_ms: i64) -> Result<i64, AuthError> {
    let expires_at_ms = date(claims, "exp", REQUIRED_DATE)?.ok_or(claim("exp", REQUIRED_DATE))?;
    if now_ms >= expires_at_ms {
        return Err(AuthError::Expired);
    }
    for name in ["nbf", "iat"] {
        if date(claims, name, DATE)?.is_some_and(|from_ms| from_ms > now_ms.saturating_add(LEEWAY_MS)) {
            return Err(AuthError::NotYetValid);
        }
    }
    Ok(expires_at_ms)
}

/// A NumericDate (RFC 7519, section 2) in milliseconds, rounded down; fractions are allowed there.
fn date(claims: &Claims, name: &'static str, rule: &'static str) -> Result<Option<i64>, AuthError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let Value::Number(number) = value else {
        return Err(claim(name, rule));
    };
    if let Some(seconds) = number.as_i64() {
        return seconds.checked_mul(1_000).map(Some).ok_or(claim(name, rule));
    }
    let ms = number.as_f64().unwrap_or(f64::NAN) * 1_000.0;
    // Beyond this, milliseconds no longer fit 53 bits; no clock gets there.
    if !(0.0..9e15).contains(&ms) {
        return Err(claim(name, rule));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked above; the fraction is to go"
    )]
    let ms = ms.floor() as i64;
    Ok(Some(ms))
}

/// Checks `iss` and `aud` where the key demands them.
pub(super) fn check_party(
    claims: &Claims,
    issuer: Option<&str>,
    audience: Option<&str>,
) -> Result<(), AuthError> {
    if issuer.is_some_and(|wanted| claims.get("iss").and_then(Value::as_str) != Some(wanted)) {
        return Err(AuthError::WrongIssuer);
    }
    let named = |wanted: &str| match claims.get("aud") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    };
    if audience.is_some_and(|wanted| !named(wanted)) {
        return Err(AuthError::WrongAudience);
    }
    Ok(())
}

/// The workspace that the claims name.
pub(super) fn workspace(claims: &Claims) -> Result<WorkspaceId, AuthError> {
    text(claims, "workspace")
        .and_then(|text| WorkspaceId::new(text).ok())
        .ok_or(claim("workspace", ID))
}

/// Reads everything but `exp` and `nbf`. `signed` is the part of the token that was signed.
pub(super) fn identity(claims: &Claims, signed: &str, expires_at_ms: i64) -> Result<Identity, AuthError> {
    let id = text(claims, "sub")
        .and_then(|text| AgentId::new(text).ok())
        .ok_or(claim("sub", ID))?;
    let role = text(claims, "role").and_then(|text| Role::from_str(text).ok());
    let role = role.ok_or(claim("role", "agent, supervisor, admin or channel"))?;
    let kind = match claims.get("kind") {
        None => Kind::Human,
        Some(_) => text(claims, "kind")
            .and_then(|text| Kind::from_str(text).ok())
            .ok_or(claim("kind", "human or bot"))?,
    };
    let name = match claims.get("name") {
        None => id.to_string(),
        Some(_) => text(claims, "name")
            .filter(|name| name_ok(name))
            .ok_or(claim("name", NAME))?
            .to_owned(),
    };
    let token_id = match claims.get("jti") {
        None => None,
        Some(_) => {
            let id = text(claims, "jti").filter(|id| id.len() <= TOKEN_ID_MAX);
            Some(id.ok_or(claim("jti", "a text of at most 256 bytes"))?.to_owned())
        }
    };
    Ok(Identity {
        workspace: workspace(claims)?,
        role,
        kind,
        name: if name.is_empty() { id.to_string() } else { name },
        id,
        teams: list(claims, "teams", |text| TeamId::new(text).ok())?.unwrap_or_default(),
        skills: list(claims, "skills", skill)?.unwrap_or_default(),
        channels: list(claims, "channels", |text| ChannelId::new(text).ok())?,
        expires_at_ms,
        issued_s: date(claims, "iat", DATE)?.map(|at_ms| at_ms.div_euclid(1_000)),
        token_digest: digest(token_id.as_deref(), signed),
        token_id,
    })
}

/// A digest of the token's own id, or of what was signed.
fn digest(id: Option<&str>, signed: &str) -> [u8; 16] {
    let mut digest = Sha256::new();
    let (kind, text) = id.map_or(("token", signed), |id| ("jti", id));
    digest.update(kind);
    digest.update([0]);
    digest.update(text);
    let mut first = [0; 16];
    first.copy_from_slice(&digest.finalize()[..16]);
    first
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

pub(super) fn name_ok(name: &str) -> bool {
    name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control)
}

pub(super) fn skill(text: &str) -> Option<String> {
    let ok = (1..=NAME_MAX).contains(&text.len()) && text.chars().all(is_name_char);
    ok.then(|| text.to_owned())
}

fn list<T: PartialEq>(
    claims: &Claims,
    name: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, AuthError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let all = value
        .as_array()
        .filter(|all| all.len() <= LIST_MAX)
        .ok_or(claim(name, IDS))?;
    let mut ids = Vec::with_capacity(all.len());
    for one in all {
        let id = one.as_str().and_then(&read).ok_or(claim(name, IDS))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(Some(ids))
}
