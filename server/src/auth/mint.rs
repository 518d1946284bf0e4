//! Making tokens, for `dibs token`, demos and tests. Only keys that are secrets can: of public ones we have half.

use super::claims::{LIST_MAX, name_ok, skill};
use super::keyring::Keyring;
use super::{Kind, Role};
use dibs_protocol::ids::{AgentId, ChannelId, TeamId, WorkspaceId};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::time::Duration;

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The agent, or a channel adapter's name.
    pub id: AgentId,
    /// The role.
    pub role: Role,
    /// Person or program.
    pub kind: Kind,
    /// The name that colleagues see; the id where there is none.
    pub name: Option<String>,
    /// The agent's teams.
    pub teams: Vec<TeamId>,
    /// The agent's skills.
    pub skills: Vec<String>,
    /// The channels that a channel's token may speak for; `None` is any.
    pub channels: Option<Vec<ChannelId>>,
    /// How long it is good for.
    pub ttl: Duration,
}

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// No key that is a secret signs for the workspace.
    #[error("no secret of this configuration signs for the workspace {0}")]
    NoSecret(WorkspaceId),
    /// What the token is to say would be refused.
    #[error("{0}")]
    Refused(&'static str),
    /// The signature could not be made.
    #[error("the token could not be signed")]
    Sign,
}

#[derive(Serialize)]
struct Body<'a> {
    sub: &'a AgentId,
    workspace: &'a WorkspaceId,
    role: Role,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    teams: &'a [TeamId],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skills: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<&'a [ChannelId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Keyring {
    /// Makes a token at `now_ms` (milliseconds since the Unix epoch), signed by the narrowest secret that signs for its
    /// workspace.
    ///
    /// # Errors
    /// [`MintError`] when there is no such secret, or [`Keyring::verify`] would refuse the token.
    pub fn mint(&self, token: &NewToken, now_ms: i64) -> Result<String, MintError> {
        check(token)?;
        let able = self.keys.iter().filter(|key| key.signs_for(&token.workspace));
        let able = able.filter_map(|key| key.secret.as_ref().map(|secret| (key, secret)));
        let narrowest =
            able.min_by_key(|(key, _)| key.workspaces.as_ref().map_or(usize::MAX, |all| all.len()));
        let (key, secret) = narrowest.ok_or_else(|| MintError::NoSecret(token.workspace.clone()))?;
        let iat = now_ms.div_euclid(1_000);
        let ttl = i64::try_from(token.ttl.as_secs()).unwrap_or(i64::MAX);
        let body = Body {
            sub: &token.id,
            workspace: &token.workspace,
            role: token.role,
            kind: token.kind,
            name: token.name.as_deref(),
            teams: &token.teams,
            skills: &token.skills,
            channels: token.channels.as_deref(),
            iss: key.issuer.as_deref(),
            aud: key.audience.as_deref(),
            iat,
            // Whole seconds, rounded up, so that a token never lasts shorter than was asked.
            exp: iat.saturating_add(ttl).saturating_add(1),
            jti: uuid::Uuid::new_v4().to_string(),
        };
        let header = Header {
            kid: key.kid.clone(),
            ..Header::new(Algorithm::HS256)
        };
        let signer = EncodingKey::from_secret(secret.expose().as_bytes());
        jsonwebtoken::encode(&header, &body, &signer).map_err(|_| MintError::Sign)
    }
}

fn check(token: &NewToken) -> Result<(), MintError> {
    if token.ttl < Duration::from_secs(1) {
        return Err(MintError::Refused("a token must be good for a second or more"));
    }
    // A hundred years: beyond it, dates no longer fit what some readers of tokens keep them in.
    if token.ttl > Duration::from_secs(100 * 366 * 86_400) {
        return Err(MintError::Refused(
            "a token cannot be good for more than a hundred years",
        ));
    }
    if !token.name.as_deref().is_none_or(name_ok) {
        return Err(MintError::Refused(
            "a name has at most 500 characters and no control characters",
        ));
    }
    let lengths = [
        token.teams.len(),
        token.skills.len(),
        token.channels.as_ref().map_or(0, Vec::len),
    ];
    if lengths.iter().any(|length| *length > LIST_MAX) {
        return Err(MintError::Refused(
            "a token has at most 50 teams, skills and channels each",
        ));
    }
    if token.skills.iter().any(|text| skill(text).is_none()) {
        return Err(MintError::Refused(
            "a skill is 1 to 64 of a-z, 0-9, '.', '_' and '-'",
        ));
    }
    if token.channels.is_some() && token.role != Role::Channel {
        return Err(MintError::Refused("channels are for the role channel only"));
    }
    Ok(())
}
