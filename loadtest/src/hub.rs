//! The hub under load: one's own process, or somebody else's by URL.

use crate::failure::Failure;
use crate::measure::{self, Usage};
use crate::options::Shared;
use crate::process::{Program, Server, can_pin};
use crate::token::{Minter, fresh_secret};
use dibs_client::{Client, Http, Options};
use dibs_protocol::terms::Role;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many sockets dial from one address.
const PER_ADDRESS: usize = 500;
/// How long any one thing may take: loading a large workspace is among them.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The hub under load.
pub struct Hub {
    base: String,
    minter: Minter,
    server: Option<Server>,
    pid: Option<u32>,
    data_root: PathBuf,
}

impl Hub {
    /// Starts the program, or takes the target as it is.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open(shared: &Shared) -> Result<Self, Failure> {
        let data_root = shared.data_root.clone().unwrap_or_else(std::env::temp_dir);
        if let Some(path) = &shared.server {
            let secret = fresh_secret();
            let minter = Minter::new(&secret, &shared.workspace);
            let server = Server::start(Program {
                path: path.clone(),
                args: shared.server_arg.clone(),
                cores: (!shared.no_pin && can_pin()).then(|| shared.server_cores.clone()),
                secret,
                data_root: data_root.clone(),
            })
            .await?;
            let mut hub = Self {
                base: String::new(),
                minter,
                server: None,
                pid: None,
                data_root,
            };
            hub.moved(server);
            return Ok(hub);
        }
        let (Some(target), Some(file)) = (&shared.target, &shared.secret_file) else {
            return Err(Failure::wrong(
                "--server, or --target with --secret-file, is needed",
            ));
        };
        let secret = std::fs::read_to_string(file).map_err(Failure::io("cannot read the secret"))?;
        Ok(Self {
            base: target.trim_end_matches('/').to_owned(),
            minter: Minter::new(secret.trim_end_matches(['\r', '\n']), &shared.workspace),
            server: None,
            pid: shared.pid,
            data_root,
        })
    }

    fn moved(&mut self, server: Server) {
        self.base = format!("http://{}", server.address());
        self.pid = Some(server.pid());
        self.server = Some(server);
    }

    /// The process, where it was started here.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// Stops the process gracefully and starts it again over the same data.
    ///
    /// # Errors
    /// [`Failure`]; there must be a process of one's own.
    pub async fn restart(&mut self) -> Result<(), Failure> {
        let mut server = self
            .server
            .take()
            .ok_or_else(|| Failure::wrong("--server is needed"))?;
        server.stop().await?;
        server.restart().await?;
        self.moved(server);
        Ok(())
    }

    /// Where sockets go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws{}/v1/ws", self.base.strip_prefix("http").unwrap_or(&self.base))
    }

    /// The folder on whose disk it stores, as far as known.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.server.as_ref().map_or(&self.data_root, Server::data)
    }

    /// A token.
    ///
    /// # Errors
    /// [`Failure::Token`].
    pub fn token(&self, subject: &str, role: Role) -> Result<String, Failure> {
        self.minter.mint(subject, role)
    }

    /// HTTP as `subject` with `role`.
    ///
    /// # Errors
    /// [`Failure::Token`].
    pub fn http(&self, subject: &str, role: Role) -> Result<Http, Failure> {
        Ok(Http::new(
            &self.base,
            self.minter.workspace(),
            &self.token(subject, role)?,
        ))
    }

    /// How the `index`th socket dials: sockets spread over 127.0.0.x where the hub is on loopback.
    #[must_use]
    pub fn dialling(&self, index: usize) -> Options {
        let host = u8::try_from(2 + index / PER_ADDRESS % 250).unwrap_or(2);
        let local = self.base.starts_with("http://127.");
        Options {
            source: local.then_some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host))),
            name: Some("loadtest".to_owned()),
            connect_timeout: PATIENCE,
            patience: PATIENCE,
            silent_heartbeats: 4,
            ..Options::default()
        }
    }

    /// An agent's connection; it is the `index`th socket.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn agent(&self, id: &str, index: usize) -> Result<Client, Failure> {
        let token = self.token(id, Role::Agent)?;
        Ok(Client::connect(&self.url(), &token, &self.dialling(index)).await?)
    }

    /// What the process has used so far; nothing where the process is not known.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.pid.and_then(measure::usage)
    }

    /// A counter or gauge without labels of `/metrics`.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let answer = reqwest::get(format!("{}/metrics", self.base)).await.ok()?;
        let text = answer.text().await.ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}
