//! `dibs disconnect`: an admin sends an agent away from a running server.

use super::remote::Remote;
use super::{Failure, Outcome, say};
use bytes::Bytes;
use clap::Args;
use dibs_client::{ConnectError, dial};
use dibs_protocol::http::{Disconnect as Body, Problem};
use dibs_protocol::ids::{AgentId, WorkspaceId};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any answer has, in bytes.
const ANSWER_MAX: usize = 64 * 1024;

/// Ends all sessions of an agent, on every instance, and refuses the tokens that they had. A token that is made afterwards
/// is good again: to keep somebody out, first see to it that they get none. Needs an admin's token.
#[derive(Debug, Args)]
pub(super) struct Disconnect {
    /// Whom to send away.
    #[arg(long, value_name = "ID")]
    agent: AgentId,
    /// In which workspace.
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// Why, for those who read the feed.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Disconnect {
    pub(super) fn run(self) -> Outcome {
        Remote::runtime()?.block_on(self.send())
    }

    async fn send(self) -> Outcome {
        let answer = timeout(PATIENCE, self.ask()).await;
        let in_time = answer.map_err(|_| Failure::new("no answer in time: it may or may not have been done"));
        let (is_done, body) = in_time??;
        if !is_done {
            let problem = serde_json::from_slice::<Problem>(&body);
            let said = problem.map_or_else(|_| "that is no Dibs server".to_owned(), |it| it.detail);
            return Err(Failure::new(said));
        }
        let answer: Value = serde_json::from_slice(&body)?;
        say(&format!(
            "{} was sent away (event {})\n",
            self.agent, answer["seq"]
        ))
    }

    /// Asks the server: whether it did it, and what it answered.
    async fn ask(&self) -> Result<(bool, Bytes), Failure> {
        let options = self.remote.options("dibs-disconnect")?;
        let url = &self.remote.url;
        let host: Uri = url
            .parse()
            .map_err(|_| self.remote.failure(&ConnectError::Url(url.clone())))?;
        let host = host.authority().map_or("", |it| it.as_str());
        let line = dial::line(url, &options)
            .await
            .map_err(|error| self.remote.failure(&error))?;
        let (mut sender, connection) = handshake(TokioIo::new(line)).await?;
        tokio::spawn(connection);
        let reason = self.reason.clone();
        let request = Request::post(format!(
            "/v1/workspaces/{}/agents/{}/disconnect",
            self.workspace, self.agent
        ))
        .header(header::HOST, host)
        .header(header::AUTHORIZATION, format!("Bearer {}", self.remote.token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(serde_json::to_vec(&Body { reason })?)))?;
        let answer = sender.send_request(request).await?;
        let is_done = answer.status().is_success();
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|error| Failure::new(error.to_string()))?;
        Ok((is_done, body.to_bytes()))
    }
}
