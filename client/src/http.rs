//! HTTP for channels (ingest, outbox, deliveries, ratings) and agents (lists). One method a route, no retries.

use dibs_protocol::answer::{EntriesAnswer, ListAnswer, SetSettingsAnswer, SettingsAnswer};
use dibs_protocol::filter::Filter;
use dibs_protocol::http::{Delivery, Ingest, IngestAnswer, OutboxAnswer, Problem, PutSettings, RatingBody};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::Sort;
use reqwest::{Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;

/// Why a request was not done, or is not known to be done.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The server refused it, with problem details.
    #[error("{}: {}", .0.status, .0.detail)]
    Problem(Box<Problem>),
    /// The answer is not what the contract says.
    #[error("an answer with status {status} that cannot be read: {body}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// The body's beginning.
        body: String,
    },
    /// The request or its answer was lost.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
}

impl HttpError {
    /// The refusal's code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Problem(problem) => Some(problem.refusal.code),
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Unreadable { status, .. } => Some(*status),
            Self::Transport(_) => None,
        }
    }
}

/// One workspace's HTTP with one token.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    root: String,
    token: String,
}

impl Http {
    /// A client of `workspace` at `base`, such as `http://127.0.0.1:4040`.
    #[must_use]
    pub fn new(base: &str, workspace: &str, token: &str) -> Self {
        let root = format!("{}/v1/workspaces/{workspace}", base.trim_end_matches('/'));
        Self {
            client: reqwest::Client::new(),
            root,
            token: token.to_owned(),
        }
    }

    /// The customer wrote. The flag says whether this was new (201) or known by its key (200).
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn ingest(&self, message: &Ingest) -> Result<(bool, IngestAnswer), HttpError> {
        let (status, answer) = self
            .ask(self.request(Method::POST, "/messages", &[]).json(message))
            .await?;
        Ok((status == 201, answer))
    }

    /// The channel's replies after `after`, waiting up to `wait_s` seconds for the first.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn outbox(
        &self,
        channel: &str,
        after: u64,
        limit: u64,
        wait_s: u64,
    ) -> Result<OutboxAnswer, HttpError> {
        let numbers = [after.to_string(), limit.to_string(), wait_s.to_string()];
        let query = [
            ("channel", channel),
            ("after", &numbers[0]),
            ("limit", &numbers[1]),
            ("wait_s", &numbers[2]),
        ];
        Ok(self.ask(self.request(Method::GET, "/outbox", &query)).await?.1)
    }

    /// What became of a message.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn deliver(&self, delivery: &Delivery) -> Result<u16, HttpError> {
        self.done(self.request(Method::POST, "/deliveries", &[]).json(delivery))
            .await
    }

    /// What the customer thinks of it.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn rate(&self, rating: &RatingBody) -> Result<u16, HttpError> {
        self.done(self.request(Method::POST, "/ratings", &[]).json(rating))
            .await
    }

    /// Conversations once, closed ones included.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn conversations(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&str>,
        limit: u64,
    ) -> Result<ListAnswer, HttpError> {
        let filter = serde_json::to_string(filter).unwrap_or_default();
        let limit = limit.to_string();
        let mut query = vec![
            ("filter", filter.as_str()),
            ("sort", sort.as_str()),
            ("limit", &limit),
        ];
        query.extend(after.map(|after| ("after", after)));
        Ok(self
            .ask(self.request(Method::GET, "/conversations", &query))
            .await?
            .1)
    }

    /// One conversation.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn conversation(&self, id: ConversationId) -> Result<Summary, HttpError> {
        Ok(self
            .ask(self.request(Method::GET, &format!("/conversations/{id}"), &[]))
            .await?
            .1)
    }

    /// One conversation's events after `after`, ascending.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn events(
        &self,
        id: ConversationId,
        after: u64,
        limit: u64,
    ) -> Result<EntriesAnswer, HttpError> {
        let numbers = [after.to_string(), limit.to_string()];
        let query = [("after", numbers[0].as_str()), ("limit", numbers[1].as_str())];
        Ok(self
            .ask(self.request(Method::GET, &format!("/conversations/{id}/events"), &query))
            .await?
            .1)
    }

    /// What the workspace has set.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn settings(&self) -> Result<SettingsAnswer, HttpError> {
        Ok(self.ask(self.request(Method::GET, "/settings", &[])).await?.1)
    }

    /// Sets what the workspace can set.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn set_settings(&self, settings: &PutSettings) -> Result<SetSettingsAnswer, HttpError> {
        Ok(self
            .ask(self.request(Method::PUT, "/settings", &[]).json(settings))
            .await?
            .1)
    }

    /// A request to a route below the workspace, with the token, for what has no method here.
    pub fn request(&self, method: Method, route: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let whole = format!("{}{route}", self.root);
        let url = Url::parse(&whole).map(|mut url| {
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            url
        });
        let request = match url {
            Ok(url) => self.client.request(method, url),
            Err(_) => self.client.request(method, whole),
        };
        request.bearer_auth(&self.token)
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<(u16, T), HttpError> {
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if status.is_success()
            && let Ok(read) = serde_json::from_slice(&body)
        {
            return Ok((status.as_u16(), read));
        }
        match serde_json::from_slice(&body) {
            Ok(problem) if !status.is_success() => Err(HttpError::Problem(Box::new(problem))),
            _ => Err(HttpError::Unreadable {
                status: status.as_u16(),
                body: String::from_utf8_lossy(&body).chars().take(200).collect(),
            }),
        }
    }

    async fn done(&self, request: RequestBuilder) -> Result<u16, HttpError> {
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(status.as_u16());
        }
        let body = answer.bytes().await?;
        match serde_json::from_slice(&body) {
            Ok(problem) => Err(HttpError::Problem(Box::new(problem))),
            Err(_) => Err(HttpError::Unreadable {
                status: status.as_u16(),
                body: String::from_utf8_lossy(&body).chars().take(200).collect(),
            }),
        }
    }
}
