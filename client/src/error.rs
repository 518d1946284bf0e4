//! What may go wrong: a connection that ends, a dial that fails, a call that is not done.

use dibs_protocol::close::{ComeBack, come_back};
use dibs_protocol::refusal::{Code, Refusal};
use tokio_tungstenite::tungstenite;

/// The code that stands for a connection that was cut without a close frame.
pub const CUT: u16 = 1006;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the connection ended with {code}: {reason}")]
pub struct Closed {
    /// The close code; 1006 without a close frame.
    pub code: u16,
    /// The close frame's reason, or what happened to the socket.
    pub reason: String,
    /// The last refusal without an `id`, or of the hello, that came before it.
    pub refusal: Option<Refusal>,
}

impl Closed {
    /// An end without a close frame.
    #[must_use]
    pub fn cut(reason: &str) -> Self {
        Self {
            code: CUT,
            reason: reason.to_owned(),
            refusal: None,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn then(&self) -> ComeBack {
        come_back(self.code)
    }
}

impl From<tungstenite::Error> for Closed {
    fn from(error: tungstenite::Error) -> Self {
        Self::cut(&error.to_string())
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be understood.
    #[error("{0} is not an address such as ws://127.0.0.1:4040/v1/ws")]
    Url(String),
    /// The socket could not be opened.
    #[error("cannot connect: {0}")]
    Io(#[from] std::io::Error),
    /// The server did not upgrade.
    #[error("the upgrade was refused: {0}")]
    Upgrade(#[source] Box<tungstenite::Error>),
    /// The server ended the connection instead of a welcome.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The hello or the welcome cannot be written or read.
    #[error("the hello failed: {0}")]
    Json(#[from] serde_json::Error),
    /// Nothing happened in time.
    #[error("no connection in time")]
    Timeout,
}

impl ConnectError {
    /// The HTTP status of a refused upgrade.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Upgrade(error) => match &**error {
                tungstenite::Error::Http(response) => Some(response.status().as_u16()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The close code of a connection that was ended instead of welcomed.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Self::Closed(closed) => Some(closed.code),
            _ => None,
        }
    }
}

/// Why a call was not done, or is not known to be done.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The connection ended first: it may or may not have been done; a retry with the same `key` is safe.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// No answer in time: it may or may not have been done.
    #[error("no answer in time")]
    Timeout,
    /// There is no connection at present: it was not sent.
    #[error("not connected")]
    Offline,
    /// The command or its answer cannot be written or read.
    #[error("cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl CallError {
    /// The refusal, if that is what it is.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The refusal's code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.refusal().map(|refusal| refusal.code)
    }
}
