//! The Rust client of the Dibs protocol, for consoles, bots, tests and load generators.
//!
//! | file | job |
//! |---|---|
//! | `options` | how to dial |
//! | `error` | what may go wrong |
//! | `dial` | TCP, upgrade, bounded buffers |
//! | `line` | bytes in the clear or through TLS |
//! | `cursor` | what a client must remember to resume; pure |
//! | `connection` | one socket without a task of its own, for fleets |
//! | `client`, `driver` | one socket with a task: calls in parallel, pushes in an inbox |
//! | `session` | redials for ever, with backoff and resume |
//! | `backoff` | how long to wait before redialling; pure |
//! | `view` | a live list, kept by `view_changed`; pure |
//! | `http` | channels' and agents' HTTP |
//!
//! Deliberately absent: rendering, and any rule of Dibs.

pub mod backoff;
pub mod client;
pub mod connection;
pub mod cursor;
pub mod dial;
mod driver;
pub mod error;
pub mod http;
pub mod line;
pub mod options;
pub mod session;
pub mod view;

pub use client::{Client, Pending};
pub use connection::{Connection, Incoming};
pub use cursor::Cursor;
pub use error::{CallError, Closed, ConnectError};
pub use http::{Http, HttpError};
pub use line::{Line, Tls};
pub use options::Options;
pub use session::{Session, SessionEvent};
pub use view::View;

/// What `ok` carries, by field.
pub type Fields = std::collections::BTreeMap<String, serde_json::Value>;
