//! The contract's HTTP requests: who may ask, how much, and what to ask the hub.

use super::problem::Refused;
use crate::auth::Identity;
use crate::hub::{HttpAsk, HttpReply, entry_json};
use crate::log::StoredEvent;
use crate::shared::{Shared, agent_of};
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dibs_protocol::command::List;
use dibs_protocol::filter::Filter;
use dibs_protocol::http::{Delivery, Ingest, RatingBody};
use dibs_protocol::ids::{ChannelId, ConversationId, WorkspaceId};
use dibs_protocol::limits;
use dibs_protocol::parse;
use dibs_protocol::refusal::{Code, Refusal};
use dibs_protocol::terms::{Role, Sort};
use dibs_rules::permissions::allowed;
use dibs_rules::{Conversation, Sender};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use tokio::time::{Duration, Instant, timeout, timeout_at};

/// A request's body must be there within this time.
const BODY_WAIT: Duration = Duration::from_secs(10);
/// Longest wait of a long poll, in seconds.
const LONGEST_POLL_S: u64 = 60;
/// Replies read from the log at once while looking for those of one channel.
const OUTBOX_PAGE: usize = 500;

pub(super) type Answer = Result<Response, Refused>;

/// A verified bearer of a token.
pub(super) struct Bearer {
    pub(super) workspace: WorkspaceId,
    identity: Identity,
}

impl Bearer {
    pub(super) fn new(
        shared: &Shared,
        workspace: &str,
        headers: &HeaderMap,
        action: &str,
    ) -> Result<Self, Refusal> {
        let token = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token = token.and_then(|it| it.strip_prefix("Bearer ").or_else(|| it.strip_prefix("bearer ")));
        let missing = || {
            Refusal::new(
                Code::Unauthenticated,
                "Send your token as Authorization: Bearer …",
            )
        };
        let token = token.ok_or_else(missing)?;
        let now_ms = shared.hub.deps().clock.now_ms();
        let identity = shared
            .keys
            .verify(token, now_ms)
            .map_err(|error| Refusal::new(Code::Unauthenticated, &error.to_string()))?;
        if identity.workspace.as_str() != workspace {
            return Err(Refusal::not_found("workspace"));
        }
        if !allowed(identity.role, action) {
            return Err(Refusal::forbidden(&format!(
                "This is not for the role {}.",
                identity.role
            )));
        }
        Ok(Self {
            workspace: identity.workspace.clone(),
            identity,
        })
    }

    pub(super) fn sender(&self) -> Arc<Sender> {
        let it = self.identity.clone();
        Arc::new(match it.role {
            Role::Channel => Sender::Channel {
                id: it.id,
                channels: it.channels,
            },
            Role::Agent | Role::Supervisor | Role::Admin => Sender::Agent(Arc::new(agent_of(it))),
        })
    }
}

pub(super) async fn body(request: Request) -> Result<Vec<u8>, Refusal> {
    let limited = Limited::new(request.into_body(), limits::HTTP_BODY_BYTES);
    let read = timeout(BODY_WAIT, limited.collect()).await;
    match read {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(
            "body",
            &format!("A body may have at most {} bytes.", limits::HTTP_BODY_BYTES),
        )),
        Ok(Err(_)) => Err(Refusal::new(Code::Invalid, "The body could not be read.")),
        Err(_) => Err(Refusal::new(Code::Invalid, "The body did not arrive in time.")),
    }
}

pub(super) fn json(reply: HttpReply) -> Answer {
    let (status, text) = reply?;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Ok((
        status,
        [(header::CONTENT_TYPE, "application/json")],
        Body::from(text),
    )
        .into_response())
}

/// `POST /messages`.
pub(super) async fn messages(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    request: Request,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, request.headers(), "ingest")?;
    shared.ingest_limit.check(&bearer.identity)?;
    let body = body(request).await?;
    let ingest: Ingest = parse::http_body(&body)?;
    ingest.check()?;
    let reply = shared
        .hub
        .ask(
            &bearer.workspace,
            bearer.sender(),
            HttpAsk::Ingest(Box::new(ingest)),
        )
        .await;
    if reply.is_ok() {
        shared.hub.deps().metrics.ingested();
    }
    json(reply)
}

/// `POST /deliveries`.
pub(super) async fn deliveries(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    request: Request,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, request.headers(), "deliveries")?;
    let body = body(request).await?;
    let delivery: Delivery = parse::http_body(&body)?;
    delivery.check()?;
    let conversation = shared
        .hub
        .conversation_of(&bearer.workspace, delivery.message)
        .await?;
    let ask = HttpAsk::Delivery(conversation, delivery);
    json(shared.hub.ask(&bearer.workspace, bearer.sender(), ask).await)
}

/// `POST /ratings`.
pub(super) async fn ratings(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    request: Request,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, request.headers(), "ratings")?;
    let body = body(request).await?;
    let rating: RatingBody = parse::http_body(&body)?;
    rating.check()?;
    json(
        shared
            .hub
            .ask(&bearer.workspace, bearer.sender(), HttpAsk::Rate(rating))
            .await,
    )
}

type Parameters = Query<HashMap<String, String>>;

fn only(parameters: &HashMap<String, String>, known: &[&str]) -> Result<(), Refusal> {
    match parameters.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Refusal::invalid(
            name,
            &format!("There is no parameter {name:?} here."),
        )),
        None => Ok(()),
    }
}

fn parameter<T: FromStr>(parameters: &HashMap<String, String>, name: &str) -> Result<Option<T>, Refusal> {
    let wrong = |_| Refusal::invalid(name, &format!("The parameter {name} is not of its form."));
    parameters
        .get(name)
        .map(|it| it.parse().map_err(wrong))
        .transpose()
}

/// `GET /conversations`.
pub(super) async fn conversations(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, &headers, "get_conversations")?;
    only(&parameters, &["filter", "sort", "after", "limit"])?;
    let filter: Filter = match parameters.get("filter") {
        Some(text) => parse::json(text).map_err(|refusal| {
            let field = refusal
                .details
                .field
                .as_deref()
                .map_or_else(String::new, |it| format!(".{it}"));
            Refusal::invalid(&format!("filter{field}"), &refusal.message)
        })?,
        None => Filter::default(),
    };
    filter.check()?;
    let sort = parameter(&parameters, "sort")?.unwrap_or(Sort::Waiting);
    let limit = parameter(&parameters, "limit")?;
    limits::list(limit, false)?;
    let list = List {
        filter,
        sort,
        after: parameters.get("after").cloned(),
        limit,
    };
    json(
        shared
            .hub
            .ask(&bearer.workspace, bearer.sender(), HttpAsk::List(Box::new(list)))
            .await,
    )
}

fn conversation_id(text: &str) -> Result<ConversationId, Refusal> {
    text.parse()
        .map_err(|error| Refusal::invalid("conversation", &format!("{error}.")))
}

/// `GET /conversations/{id}`.
pub(super) async fn conversation(
    State(shared): State<Arc<Shared>>,
    Path((workspace, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, &headers, "get_conversation")?;
    let ask = HttpAsk::Conversation(conversation_id(&id)?);
    json(shared.hub.ask(&bearer.workspace, bearer.sender(), ask).await)
}

/// `GET /conversations/{id}/events`.
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    Path((workspace, id)): Path<(String, String)>,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, &headers, "get_events")?;
    only(&parameters, &["after", "limit"])?;
    let conversation = conversation_id(&id)?;
    let after = parameter(&parameters, "after")?.unwrap_or(0);
    limits::integer("after", after)?;
    let limit = limits::list(parameter(&parameters, "limit")?, false)?;
    let ask = HttpAsk::Events {
        conversation,
        after,
        limit,
    };
    json(shared.hub.ask(&bearer.workspace, bearer.sender(), ask).await)
}

/// `GET /outbox`.
pub(super) async fn outbox(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    Query(parameters): Parameters,
    headers: HeaderMap,
) -> Answer {
    let bearer = Bearer::new(&shared, &workspace, &headers, "outbox")?;
    only(&parameters, &["channel", "after", "limit", "wait_s"])?;
    let channel = parameters
        .get("channel")
        .ok_or_else(|| Refusal::invalid("channel", "channel is missing."))?;
    let channel =
        ChannelId::new(channel).map_err(|error| Refusal::invalid("channel", &format!("{error}.")))?;
    if !bearer.identity.speaks_for(&channel) {
        return Err(Refusal::forbidden("The token does not speak for this channel.").into());
    }
    let mut after: u64 = parameter(&parameters, "after")?.unwrap_or(0);
    limits::integer("after", after)?;
    let limit = limits::list(parameter(&parameters, "limit")?, false)?;
    let wait_s: u64 = parameter(&parameters, "wait_s")?.unwrap_or(0);
    if wait_s > LONGEST_POLL_S {
        let message = format!("wait_s may be at most {LONGEST_POLL_S}.");
        return Err(Refusal::invalid("wait_s", &message).into());
    }
    let until = Instant::now() + Duration::from_secs(wait_s);
    let handle = shared.hub.workspace(&bearer.workspace).await;
    let mut replies = handle.map_err(|error| unavailable(&error))?.replies();
    loop {
        replies.borrow_and_update();
        let (events, next) = replies_of(&shared, &bearer.workspace, &channel, after, limit).await?;
        let drained = events.is_empty() && !shared.hub.is_draining();
        if !drained
            || timeout_at(until, wait_for_reply(&shared, &mut replies))
                .await
                .is_err()
        {
            let entries: Vec<String> = events.iter().map(entry_json).collect();
            let text = format!("{{\"events\":[{}],\"next\":{next}}}", entries.join(","));
            return json(Ok((200, text)));
        }
        after = next;
    }
}

/// Waits for a reply, or for the end: a drain lets nobody wait.
async fn wait_for_reply(shared: &Shared, replies: &mut tokio::sync::watch::Receiver<u64>) {
    loop {
        match timeout(Duration::from_secs(1), replies.changed()).await {
            Ok(_) => return,
            Err(_) if shared.hub.is_draining() => return,
            Err(_) => {}
        }
    }
}

fn unavailable(error: &crate::log::LogError) -> Refusal {
    tracing::warn!(%error, "a request could not be served");
    Refusal::unavailable("the log cannot be read", 1_000)
}

/// The channel's replies above `after`, and where to go on.
async fn replies_of(
    shared: &Shared,
    workspace: &WorkspaceId,
    channel: &ChannelId,
    mut after: u64,
    limit: usize,
) -> Result<(Vec<StoredEvent>, u64), Refusal> {
    let log = &shared.hub.deps().log;
    let mut channels: HashMap<ConversationId, bool> = HashMap::new();
    let mut found = Vec::new();
    let mut bytes = 0;
    loop {
        let page = log.read_kind(workspace, "message_sent", after, OUTBOX_PAGE).await;
        let page = page.map_err(|error| unavailable(&error))?;
        let full = page.len() == OUTBOX_PAGE;
        for event in page {
            let Some(id) = event.conversation else { continue };
            let seq = event.seq;
            let ours = match channels.get(&id) {
                Some(ours) => *ours,
                None => {
                    let ours = channel_of(shared, workspace, id).await? == Some(channel.clone());
                    channels.insert(id, ours);
                    ours
                }
            };
            if ours {
                bytes += event.event.len();
                if bytes > limits::ENTRIES_BYTES && !found.is_empty() {
                    return Ok((found, after));
                }
                found.push(event);
            }
            after = seq;
            if found.len() == limit {
                return Ok((found, after));
            }
        }
        if !full {
            return Ok((found, after));
        }
    }
}

async fn channel_of(
    shared: &Shared,
    workspace: &WorkspaceId,
    id: ConversationId,
) -> Result<Option<ChannelId>, Refusal> {
    #[derive(Deserialize)]
    struct OnlyChannel {
        channel: ChannelId,
    }
    let aggregate = crate::log::Aggregate {
        kind: crate::log::AggregateKind::Conversation,
        id: id.to_string(),
    };
    let state = shared
        .hub
        .deps()
        .log
        .state(workspace, &aggregate)
        .await
        .map_err(|error| unavailable(&error))?;
    let parsed = state.body.as_deref().map(serde_json::from_slice::<OnlyChannel>);
    Ok(parsed.and_then(Result::ok).map(|it| it.channel))
}

/// The state that `channel_of` reads is a conversation's.
const _: fn(&Conversation) -> &ChannelId = |state| &state.channel;
