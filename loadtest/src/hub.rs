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
    bases: Vec<String>,
    minter: Minter,
    secret: String,
    server: Option<Server>,
    pids: Vec<u32>,
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
            if !path.exists() {
                return Err(Failure::Usage(format!(
                    "there is no program {}: build it (cargo build --release -p dibs), or give another --server",
                    path.display()
                )));
            }
            let server = Server::start(Program {
                path: path.clone(),
                args: shared.server_arg.clone(),
                cores: (!shared.no_pin && can_pin()).then(|| shared.server_cores.clone()),
                secret: secret.clone(),
                data_root: data_root.clone(),
            })
            .await?;
            let mut hub = Self {
                bases: Vec::new(),
                minter,
                secret,
                server: None,
                pids: Vec::new(),
                data_root,
            };
            hub.moved(server);
            return Ok(hub);
        }
        if shared.target.is_empty() {
            return Err(Failure::Usage(
                "nothing to load: give --server PROGRAM to start a hub, or --target URL and --secret-file FILE for one that runs"
                    .to_owned(),
            ));
        }
        let Some(file) = &shared.secret_file else {
            return Err(Failure::Usage(
                "--target needs --secret-file FILE: tokens are signed with the secret of the hub (its DIBS_AUTH_SECRET)"
                    .to_owned(),
            ));
        };
        let secret = std::fs::read_to_string(file).map_err(|error| {
            Failure::Usage(format!("cannot read the secret in {}: {error}", file.display()))
        })?;
        let secret = secret.trim_end_matches(['\r', '\n']).to_owned();
        let hub = Self {
            bases: shared
                .target
                .iter()
                .map(|it| it.trim_end_matches('/').to_owned())
                .collect(),
            minter: Minter::new(&secret, &shared.workspace),
            secret,
            server: None,
            pids: shared.pid.clone(),
            data_root,
        };
        hub.reach().await?;
        Ok(hub)
    }

    /// A hub whose instances are run by whoever calls, with this workspace.
    #[must_use]
    pub fn of(bases: Vec<String>, secret: &str, workspace: &str) -> Self {
        Self {
            bases,
            minter: Minter::new(secret, workspace),
            secret: secret.to_owned(),
            server: None,
            pids: Vec::new(),
            data_root: std::env::temp_dir(),
        }
    }

    /// The `index`th of `count` workspaces, all of its sessions on one instance; the only one is this hub's own.
    #[must_use]
    pub fn workspace_of(&self, index: usize, count: usize) -> Self {
        if count == 1 {
            return Self::of(self.bases.clone(), &self.secret, self.workspace());
        }
        let base = self.bases.get(index % self.bases.len().max(1));
        let name = format!("{}-{index}", self.workspace());
        Self::of(base.cloned().into_iter().collect(), &self.secret, &name)
    }

    /// Whether each target answers.
    async fn reach(&self) -> Result<(), Failure> {
        for base in &self.bases {
            if !base.starts_with("http://") {
                return Err(Failure::Usage(format!(
                    "{base} is not a target: write it as http://127.0.0.1:7070"
                )));
            }
            let unreachable = |why: String| {
                Failure::wrong(format!(
                    "no hub answers at {base} ({why}): does it run there, and may this machine reach it?"
                ))
            };
            let answer = reqwest::get(format!("{base}/readyz")).await;
            let answer = answer.map_err(|error| unreachable(root_cause(&error)))?;
            if !answer.status().is_success() {
                return Err(unreachable(format!("/readyz says {}", answer.status())));
            }
        }
        Ok(())
    }

    /// Where hubs answer over HTTP.
    #[must_use]
    pub fn bases(&self) -> &[String] {
        &self.bases
    }

    /// What tokens are signed with. Never to be written anywhere.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &str {
        self.minter.workspace()
    }

    fn base(&self) -> &str {
        self.bases.first().map_or("", String::as_str)
    }

    fn moved(&mut self, server: Server) {
        self.bases = vec![format!("http://{}", server.address())];
        self.pids = vec![server.pid()];
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

    /// Where sockets go, the first instance.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_for(0)
    }

    /// Where the `index`th socket goes: they spread over the instances.
    #[must_use]
    pub fn url_for(&self, index: usize) -> String {
        let base = self
            .bases
            .get(index % self.bases.len().max(1))
            .map_or("", String::as_str);
        format!("ws{}/v1/ws", base.strip_prefix("http").unwrap_or(base))
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
            self.base(),
            self.minter.workspace(),
            &self.token(subject, role)?,
        ))
    }

    /// How the `index`th socket dials: sockets spread over 127.0.0.x where the hub is on loopback.
    #[must_use]
    pub fn dialling(&self, index: usize) -> Options {
        let host = u8::try_from(2 + index / PER_ADDRESS % 250).unwrap_or(2);
        let local = self.base().starts_with("http://127.");
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
        Ok(Client::connect(&self.url_for(index), &token, &self.dialling(index)).await?)
    }

    /// What its processes have used so far; nothing where they are not known.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        measure::usage_of(&self.pids)
    }

    /// A counter or gauge without labels of `/metrics`.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let answer = reqwest::get(format!("{}/metrics", self.base())).await.ok()?;
        let text = answer.text().await.ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}

/// The innermost reason of an error.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
