//! What `dibs tail`, `dibs call` and `dibs disconnect` share: the flags that name a running server, and what its refusals mean to a person.
//!
//! Deliberately absent: what is asked of the server.

use super::Failure;
use clap::Args;
use dibs_client::error::CUT;
use dibs_client::{ConnectError, Options, Tls};
use dibs_protocol::close::CloseCode;
use std::path::PathBuf;

/// Whom to talk to, and as whom.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// The server's WebSocket.
    #[arg(
        long,
        value_name = "URL",
        env = "DIBS_URL",
        default_value = "ws://127.0.0.1:7070/v1/ws"
    )]
    pub url: String,
    /// The agent's token; `dibs token` makes one. On a command line others can see it: prefer DIBS_TOKEN.
    #[arg(long, value_name = "TOKEN", env = "DIBS_TOKEN", hide_env_values = true)]
    pub token: String,
    /// For wss: a PEM file of who may sign the server's certificate, instead of those whom the system trusts.
    #[arg(long = "ca", value_name = "FILE")]
    pub authority: Option<PathBuf>,
}

impl Remote {
    /// How to dial, under this name.
    ///
    /// # Errors
    /// When the certificates to trust cannot be read.
    pub(super) fn options(&self, name: &str) -> Result<Options, Failure> {
        let tls = self.authority.as_deref().map(Tls::of_file).transpose()?;
        Ok(Options {
            name: Some(format!("{name}/{}", env!("CARGO_PKG_VERSION"))),
            tls,
            ..Options::default()
        })
    }

    /// Why there is no connection, as a person wants to hear it.
    pub(super) fn failure(&self, error: &ConnectError) -> Failure {
        match error {
            ConnectError::Url(url) => Failure::new(format!(
                "{url} is not the address of a server; it looks like ws://127.0.0.1:7070/v1/ws"
            )),
            error => Failure::new(format!("{}: {}", self.url, reason(error))),
        }
    }

    /// What all commands that dial run on.
    pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
        Ok(tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?)
    }
}

/// Why a connection failed or ended, in a few words.
pub(super) fn reason(error: &ConnectError) -> String {
    match error {
        ConnectError::Io(error) => format!("nobody answers there ({error})"),
        ConnectError::Upgrade(_) => match error.status() {
            Some(status) => format!("that is no Dibs server's WebSocket (HTTP {status})"),
            None => error.to_string(),
        },
        ConnectError::Closed(closed) if closed.code == CUT => "the line was cut".to_owned(),
        ConnectError::Closed(closed) => closed
            .refusal
            .as_ref()
            .map_or_else(|| closed.reason.clone(), |refusal| refusal.message.clone()),
        ConnectError::Url(_) | ConnectError::Json(_) | ConnectError::Timeout => error.to_string(),
    }
}

/// Whether the token is what stands in the way, so that trying again with the same one is vain.
pub(super) fn token_refused(error: &ConnectError) -> bool {
    let codes = [CloseCode::TokenRefused, CloseCode::TokenExpired];
    error
        .close_code()
        .is_some_and(|code| codes.iter().any(|it| it.code() == code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dibs_client::Closed;
    use dibs_protocol::refusal::{Code, Refusal};

    fn closed(code: u16) -> ConnectError {
        ConnectError::Closed(Closed {
            code,
            reason: "the token was refused".to_owned(),
            refusal: Some(Refusal::new(Code::Unauthenticated, "The token has expired.")),
        })
    }

    #[test]
    fn the_servers_own_sentence_is_told() {
        assert_eq!(reason(&closed(4001)), "The token has expired.");
        assert!(token_refused(&closed(4001)) && token_refused(&closed(4002)));
        assert!(!token_refused(&closed(1001)));
    }

    #[test]
    fn a_wrong_address_shows_what_a_right_one_looks_like() {
        let remote = Remote {
            url: "https://dibs".to_owned(),
            token: String::new(),
            authority: None,
        };
        let said = remote
            .failure(&ConnectError::Url("https://dibs".to_owned()))
            .to_string();
        assert!(said.contains("ws://127.0.0.1:7070/v1/ws"), "{said}");
    }
}
