//! The one table of settings: name, type, default and documentation of each, written once.
//!
//! The table makes the fields of [`Settings`], the flags, the variables of the environment, `--help` and
//! `dibs config default`. A new setting is one entry here and one line in `check`.

use super::token_url::TokenUrl;
use super::values::{Days, LogFormat, LogLevel, Origin, Period, Secret};
use clap::builder::styling::Style;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use dibs_protocol::ids::WorkspaceId;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How a value is written in TOML and on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// A quoted text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`; a flag may stand without a value.
    Switch,
    /// A list of texts; the flag is repeated, the variable has commas.
    List,
}

/// The type of a setting.
pub(super) trait Value: Sized {
    /// How it is written.
    const SHAPE: Shape;
    /// Reads it from flags, a variable or a default; only lists look beyond the last text.
    fn read(texts: &[&str]) -> Result<Self, String>;
}

macro_rules! values {
    ($($shape:ident: $($ty:ty),+;)+) => {$($(
        impl Value for $ty {
            const SHAPE: Shape = Shape::$shape;
            fn read(texts: &[&str]) -> Result<Self, String> {
                let text = texts.last().copied().unwrap_or_default();
                text.parse().map_err(|error| format!("{error}"))
            }
        }
    )+)+};
}

values! {
    Text: SocketAddr, PathBuf, Period, Days, Secret, String, LogLevel, LogFormat, Origin, IpNet, TokenUrl;
    Number: u32, usize;
    Switch: bool;
}

impl<T: Value> Value for Vec<T> {
    const SHAPE: Shape = Shape::List;
    fn read(texts: &[&str]) -> Result<Self, String> {
        texts.iter().map(|text| T::read(&[text])).collect()
    }
}

/// One line of the table.
pub(super) struct Entry {
    /// The name in the file; flags have `-` for `_`, variables are in capitals.
    pub name: &'static str,
    /// What it means, one line of text or more.
    pub doc: &'static str,
    /// The default as text; none where there is none.
    pub default: Option<&'static str>,
    /// What the value is, for `--help`.
    pub value: &'static str,
    /// How it is written.
    pub shape: Shape,
    /// Stores the value of these texts in a layer.
    pub set: fn(&mut Settings, &[&str]) -> Result<(), String>,
}

macro_rules! first {
    () => {
        None
    };
    ($default:literal) => {
        Some($default)
    };
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $ty:ty, $value:literal $(= $default:literal)?;)+) => {
        /// What one layer says about each setting; nothing where it is silent.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: Option<$ty>,)+
            /// The workspaces that exist, when not all do. Only the file has these.
            pub workspace: Option<Vec<WorkspaceSettings>>,
        }

        pub(super) const TABLE: &[Entry] = &[$(Entry {
            name: stringify!($name),
            doc: concat!($($doc, "\n"),+),
            default: first!($($default)?),
            value: $value,
            shape: <$ty as Value>::SHAPE,
            set: |settings, texts| {
                settings.$name = Some(<$ty as Value>::read(texts)?);
                Ok(())
            },
        },)+];

        impl Settings {
            /// This layer on top of `below`: what it says wins, lists as a whole.
            #[must_use]
            pub fn over(self, below: Self) -> Self {
                // A secret and the file of a secret are one setting said in two ways.
                let below = if self.auth_secret.is_some() || self.auth_secret_file.is_some() {
                    Self { auth_secret: None, auth_secret_file: None, ..below }
                } else {
                    below
                };
                let below = if self.postgres.is_some() || self.postgres_file.is_some() {
                    Self { postgres: None, postgres_file: None, ..below }
                } else {
                    below
                };
                let below = if self.redis.is_some() || self.redis_file.is_some() {
                    Self { redis: None, redis_file: None, ..below }
                } else {
                    below
                };
                Self {
                    $($name: self.$name.or(below.$name),)+
                    workspace: self.workspace.or(below.workspace),
                }
            }
        }
    };
}

settings! {
    /// Where to listen: an IP address and a port; port 0 takes a free one and logs it.
    listen: SocketAddr, "ADDRESS" = "127.0.0.1:7070";
    /// Where metrics and health are asked for, apart from listen, such as 127.0.0.1:7071; then /metrics is there only.
    /// It has no tokens and no TLS: keep it on loopback or on an inner network.
    admin_listen: SocketAddr, "ADDRESS";
    /// A PEM file of the certificate to show on listen, with the chain behind it: then only https and wss are spoken
    /// there. Read anew on SIGHUP.
    tls_cert: PathBuf, "FILE";
    /// A PEM file of the key of tls_cert.
    tls_key: PathBuf, "FILE";
    /// The folder that holds everything this server stores.
    data: PathBuf, "FOLDER" = "./dibs-data";
    /// The database that several servers share, instead of the folder: postgres://user:password@host/database, with
    /// ?sslmode=verify-full where the network is not trusted; several hosts, with commas between them, are one primary and
    /// its standbys, of which the one that takes writes is used. On a command line others can see it: prefer postgres_file.
    postgres: Secret, "URL";
    /// A file that holds postgres; line ends after it are ignored.
    postgres_file: PathBuf, "FILE";
    /// A PEM file of the certificates that the database's certificate must come from, instead of the system's. TLS is
    /// required then, unless the URL names another sslmode.
    postgres_ca: PathBuf, "FILE";
    /// How many connections to the database read at a time; three more write.
    postgres_readers: usize, "NUMBER" = "8";
    /// The secret (32 bytes or more) that signs tokens with HS256. On a command line others can see it:
    /// prefer auth_secret_file. With no key at all the server makes a secret in its data folder.
    auth_secret: Secret, "SECRET";
    /// A file that holds auth_secret; line ends after it are ignored.
    auth_secret_file: PathBuf, "FILE";
    /// Files of public keys that sign tokens: PEM (RS256, ES256 or EdDSA, by the kind of key) or a JWKS.
    auth_public_keys: Vec<PathBuf>, "FILE";
    /// The only accepted issuer (iss) of tokens signed by the keys above.
    auth_issuer: String, "NAME";
    /// The audience (aud) that tokens signed by the keys above must name.
    auth_audience: String, "NAME";
    /// Origins, exactly as browsers send them, whose pages may connect besides the server's own.
    allow_origin: Vec<Origin>, "ORIGIN";
    /// Where the console fetches tokens, with the browser's cookies: a path on its own host, or an https address that
    /// allows it (CORS with credentials). The answer is a token, or {"token": "…"}. Without it people bring tokens.
    console_token_url: TokenUrl, "URL";
    /// How long a claim waits for its holder after the holder's last connection went.
    claim_grace: Period, "DURATION" = "30s";
    /// After how long a claim ends whose connected holder does nothing in the conversation.
    claim_idle: Period, "DURATION" = "off";
    /// How long an offered transfer stays open.
    offer_ttl: Period, "DURATION" = "60s";
    /// For how long a client that was away can catch up from where it was.
    resume_window: Period, "DURATION" = "24h";
    /// Commands a second of one session, in bursts of up to four times as many; 0 is no limit.
    commands_per_second: u32, "NUMBER" = "50";
    /// HTTP messages a second of one channel's token; 0 is no limit.
    ingest_per_second: u32, "NUMBER" = "50";
    /// Commands a second of all sessions of one workspace, in bursts of up to four times as many; a bulk counts as many as
    /// it names conversations. 0 is no limit. The settings that begin with workspace hold for each workspace
    /// on each server; a [[workspace]] of the file may have its own, without that prefix.
    workspace_commands_per_second: u32, "NUMBER" = "0";
    /// HTTP requests a second that bring something into one workspace; 0 is no limit.
    workspace_ingest_per_second: u32, "NUMBER" = "0";
    /// Sessions of one workspace at a time; 0 is no limit.
    workspace_sessions: u32, "NUMBER" = "0";
    /// Unclosed conversations of one workspace: they are kept in memory; 0 is no limit.
    workspace_conversations: u32, "NUMBER" = "0";
    /// Conversations of one workspace that are watched at a time; 0 is no limit.
    workspace_watched: u32, "NUMBER" = "0";
    /// Distinct live views of one workspace at a time.
    workspace_views: usize, "NUMBER" = "10000";
    /// Connections at a time from one address (for IPv6 from one /64 network); 0 is no limit.
    connections_per_address: u32, "NUMBER" = "1000";
    /// Networks whose PROXY protocol and X-Forwarded-For are believed, such as 10.0.0.0/8.
    trusted_proxy: Vec<IpNet>, "NETWORK";
    /// How long a fresh socket may take to say hello.
    hello_timeout: Period, "DURATION" = "5s";
    /// How long a connection may take to send a request's head, or idle between two requests.
    header_timeout: Period, "DURATION" = "5s";
    /// How often the server pings and tells each client its position.
    heartbeat: Period, "DURATION" = "25s";
    /// After how long without a byte from the client its connection is closed; more than heartbeat.
    silence_timeout: Period, "DURATION" = "60s";
    /// How long a write may make no progress before its connection is closed.
    write_timeout: Period, "DURATION" = "30s";
    /// Bytes that may wait for a slow reader before it is resynchronised; at least 65536.
    outbox_bytes: usize, "BYTES" = "1048576";
    /// How long a stopping server waits for its connections to end.
    drain_timeout: Period, "DURATION" = "8s";
    /// Whether agents, and not only supervisors, may take over a colleague's claim.
    agents_take_over: bool, "BOOL" = "false";
    /// After how many days what is personal in a closed conversation is erased: texts, notes, names, attachments. Without
    /// it, or with 0, never. A duration, such as 36h, will do as well.
    retain_closed_days: Days, "DAYS";
    /// Where instances meet: redis://host:6379, several of them for a Cluster, or redis+sentinel://host:26379/primary;
    /// rediss for TLS. A URL may hold user:password: prefer redis_file then. Without it, this is the only instance.
    redis: Vec<Secret>, "URL";
    /// A file that holds what redis says, one URL a line or with commas between them.
    redis_file: PathBuf, "FILE";
    /// The beginning of every channel's name in Redis; instances that share it, and their database, are one.
    redis_prefix: String, "TEXT" = "dibs:";
    /// A PEM file of who may sign Redis' certificates, instead of those whom the system trusts.
    redis_ca: PathBuf, "FILE";
    /// From which severity on to log: error, warn, info, debug or trace.
    log_level: LogLevel, "LEVEL" = "info";
    /// How to write log lines: text or json.
    log_format: LogFormat, "FORMAT" = "text";
}

/// A `[[workspace]]` of the file. Where there is one, no other workspaces exist.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceSettings {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// The keys that sign for this workspace, besides those of the top level.
    #[serde(default)]
    pub key: Vec<KeySettings>,
    /// Its own `workspace_commands_per_second`.
    pub commands_per_second: Option<u32>,
    /// Its own `workspace_ingest_per_second`.
    pub ingest_per_second: Option<u32>,
    /// Its own `workspace_sessions`.
    pub sessions: Option<u32>,
    /// Its own `workspace_conversations`.
    pub conversations: Option<u32>,
    /// Its own `workspace_watched`.
    pub watched: Option<u32>,
    /// Its own `workspace_views`.
    pub views: Option<usize>,
}

/// A `[[workspace.key]]` of the file: exactly one of the four sources.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The key's name in a token's header; picks one key of a JWKS.
    pub kid: Option<String>,
    /// A secret for HS256, 32 bytes or more.
    pub secret: Option<Secret>,
    /// A file that holds the secret.
    pub secret_file: Option<PathBuf>,
    /// A PEM file of a public key.
    pub public_key_file: Option<PathBuf>,
    /// A JWKS file of public keys.
    pub jwks_file: Option<PathBuf>,
    /// The only accepted issuer.
    pub issuer: Option<String>,
    /// The audience that tokens must name.
    pub audience: Option<String>,
}

impl Settings {
    /// The lowest layer.
    ///
    /// # Errors
    /// The name of a default that is not of its setting's type; a test shows that there is none.
    pub(super) fn defaults() -> Result<Self, String> {
        let mut settings = Self::default();
        for entry in TABLE {
            match (entry.default, entry.shape) {
                (Some(text), _) => (entry.set)(&mut settings, &[text])?,
                (None, Shape::List) => (entry.set)(&mut settings, &[])?,
                (None, _) => {}
            }
        }
        Ok(settings)
    }
}

/// The flags of every command that needs the configuration: one per setting, and `--config`.
#[derive(Clone, Debug, Default)]
pub struct SettingsArgs {
    /// The file, if one was named.
    pub config: Option<PathBuf>,
    /// What the flags say.
    pub flags: Box<Settings>,
}

fn flag(entry: &Entry) -> Arg {
    let text = entry.doc.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let dim = Style::new().dimmed();
    let help = match entry.default {
        Some(default) => format!("{text} {dim}[default: {default}]{dim:#}"),
        None => text,
    };
    let arg = Arg::new(entry.name)
        .long(entry.name.replace('_', "-"))
        .value_name(entry.value)
        .help(help)
        .help_heading("Settings");
    match entry.shape {
        Shape::List => arg.action(ArgAction::Append),
        Shape::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Shape::Text | Shape::Number => arg,
    }
}

impl Args for SettingsArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("A TOML file of settings; `dibs config default` prints one");
        command
            .arg(config)
            .args(TABLE.iter().map(flag))
            .after_help("Each setting is also a variable, such as DIBS_CLAIM_GRACE=5m. Flags win over variables, variables over the file.")
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self {
            config: matches.get_one::<PathBuf>("config").cloned(),
            ..Self::default()
        };
        for entry in TABLE {
            let Some(values) = matches.get_many::<String>(entry.name) else {
                continue;
            };
            let texts: Vec<&str> = values.map(String::as_str).collect();
            (entry.set)(&mut args.flags, &texts).map_err(|message| {
                let name = entry.name.replace('_', "-");
                clap::Error::raw(ErrorKind::ValueValidation, format!("--{name}: {message}\n"))
            })?;
        }
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
