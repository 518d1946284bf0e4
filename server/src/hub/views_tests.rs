//! A live view, kept by its deltas, equals the same filter read afresh: whatever changes, and whenever one joins.

use super::outbox::Frame;
use super::views::{Asked, GATHER_MS, Rows, SessionKey, Views, WindowId};
use bytes::Bytes;
use dibs_protocol::event::{Actor, Event};
use dibs_protocol::filter::Filter;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::{AgentKind, Priority, Role, Sort, Status};
use dibs_protocol::time::Time;
use dibs_rules::Conversation;
use dibs_rules::context::Agent;
use dibs_rules::fact::Fact;
use dibs_rules::filter::ViewFilter;
use dibs_rules::order::order_key;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Default)]
struct Store {
    all: BTreeMap<ConversationId, Arc<Conversation>>,
    seq: u64,
}

impl Rows for Store {
    fn conversation(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.all.get(&id).filter(|it| it.status != Status::Closed)
    }
    fn summary(&mut self, id: ConversationId) -> Option<Bytes> {
        self.all
            .get(&id)
            .map(|it| serde_json::to_vec(&it.summary()).unwrap().into())
    }
    fn unread(&self, _: &AgentId, _: ConversationId) -> bool {
        false
    }
    fn mentioned(&self, _: ConversationId) -> Vec<AgentId> {
        Vec::new()
    }
    fn all(&self) -> Box<dyn Iterator<Item = &Arc<Conversation>> + '_> {
        Box::new(self.all.values().filter(|it| it.status != Status::Closed))
    }
}

fn id(n: u8) -> ConversationId {
    ConversationId(Uuid::from_u128(u128::from(n) + 1))
}

fn me() -> Agent {
    Agent {
        id: AgentId::new("me-1").unwrap(),
        name: "Me".into(),
        kind: AgentKind::Human,
        role: Role::Agent,
        teams: vec![],
        skills: vec![],
    }
}

impl Store {
    fn step(&mut self, n: u8, what: u8, views: &mut Views) {
        self.seq += 1;
        let at = Time(1_000_000 + i64::try_from(self.seq).unwrap() * 7);
        let conversation = id(n);
        let before = self.all.get(&conversation).cloned();
        let events: Vec<Value> = match (&before, what % 6) {
            (None, _) => vec![serde_json::json!({"kind":"conversation_opened","channel":"chat",
                "customer":{"id":format!("c{n}"),"name":"C"},"queue":"q","priority":"normal","tags":[]})],
            (_, 0) => vec![
                serde_json::json!({"kind":"message_received","message":{"id":Uuid::nil(),"text":"hi","attachments":[]}}),
            ],
            (Some(it), 1) => {
                let to = [Priority::Low, Priority::High, Priority::Urgent][usize::from(what / 6) % 3];
                vec![serde_json::json!({"kind":"priority_changed","from":it.priority,"to":to})]
            }
            (Some(it), 2) if it.claim.is_none() => {
                vec![serde_json::json!({"kind":"claim_granted","agent":"me-1","via":"claim"})]
            }
            (Some(it), 3) if it.claim.is_some() => {
                vec![serde_json::json!({"kind":"claim_released","agent":"me-1","token":1,"via":"release"})]
            }
            (Some(it), 4) => {
                let to = if it.status == Status::Closed {
                    Status::Open
                } else {
                    Status::Closed
                };
                vec![serde_json::json!({"kind":"status_changed","from":it.status,"to":to})]
            }
            _ => vec![serde_json::json!({"kind":"tagged","added":["vip"],"removed":[]})],
        };
        let mut state = before.as_deref().cloned();
        for event in events {
            let event: Event = serde_json::from_value(event).unwrap();
            let fact = Fact {
                seq: self.seq,
                at,
                conversation,
                actor: &Actor::System,
                event: &event,
            };
            match &mut state {
                Some(state) => state.apply(&fact),
                None => state = Conversation::opened(&fact),
            }
        }
        let after = Arc::new(state.unwrap());
        self.all.insert(conversation, after.clone());
        let open = |it: &&Conversation| it.status != Status::Closed;
        views.changed(
            before.as_deref().filter(open),
            Some(&*after).filter(open),
            at,
            self,
        );
    }

    fn fresh(&self, filter: &ViewFilter, sort: Sort, offset: usize, limit: usize) -> (usize, Vec<Summary>) {
        let mut all: Vec<_> = self
            .all()
            .filter(|it| filter.matches(it, Time(2_000_000), &|_, _| false))
            .collect();
        all.sort_by_key(|it| order_key(sort, it));
        (
            all.len(),
            all.into_iter()
                .skip(offset)
                .take(limit)
                .map(|it| it.summary())
                .collect(),
        )
    }
}

/// What a client has of a window.
#[derive(Default)]
struct Client {
    rows: HashMap<ConversationId, Summary>,
    order: Vec<ConversationId>,
    total: usize,
    seq: u64,
}

impl Client {
    fn open(body: &str) -> Self {
        let answer: Value = serde_json::from_str(&format!("{{{body}}}")).unwrap();
        let rows: Vec<Summary> = serde_json::from_value(answer["conversations"].clone()).unwrap();
        Self {
            order: rows.iter().map(|it| it.id).collect(),
            rows: rows.into_iter().map(|it| (it.id, it)).collect(),
            total: serde_json::from_value(answer["total"].clone()).unwrap(),
            seq: answer["seq"].as_u64().unwrap(),
        }
    }

    fn apply(&mut self, frame: Frame) {
        let bytes = frame.into_bytes();
        let start = bytes.windows(2).position(|it| it == b"{\"").unwrap();
        let change: Value = serde_json::from_slice(&bytes[start..]).unwrap();
        let seq = change["seq"].as_u64().unwrap();
        assert!(seq > self.seq, "a change comes after the answer");
        self.total = serde_json::from_value(change["total"].clone()).unwrap();
        let upserts: Vec<Summary> = serde_json::from_value(change["upserts"].clone()).unwrap();
        self.rows.extend(upserts.into_iter().map(|it| (it.id, it)));
        let removes: Vec<ConversationId> = serde_json::from_value(change["removes"].clone()).unwrap();
        for id in removes {
            assert!(
                self.rows.remove(&id).is_some(),
                "only rows that were there are removed"
            );
        }
        if let Some(order) = change.get("order") {
            self.order = serde_json::from_value(order.clone()).unwrap();
        }
    }

    fn list(&self) -> (usize, Vec<Summary>) {
        (
            self.total,
            self.order.iter().map(|id| self.rows[id].clone()).collect(),
        )
    }
}

fn filters() -> Vec<Filter> {
    let texts = [
        "{}",
        r#"{"claimed":false}"#,
        r#"{"claimed_by":"me"}"#,
        r#"{"assignee":"me","status":["new","open"]}"#,
        r#"{"priority":["high","urgent"]}"#,
        r#"{"tags":{"any":["vip"]}}"#,
        r#"{"text":"HI"}"#,
    ];
    texts.iter().map(|it| serde_json::from_str(it).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_view_kept_by_its_deltas_equals_a_fresh_read(
        before in prop::collection::vec((0u8..30, any::<u8>()), 0..60),
        after in prop::collection::vec((0u8..30, any::<u8>(), any::<bool>()), 1..150),
        windows in prop::collection::vec((0usize..7, 0usize..5, 0usize..3, 0usize..150), 1..8),
    ) {
        let mut views = Views::default();
        let mut store = Store::default();
        for (n, what) in before {
            store.step(n, what, &mut views);
        }
        let mut open: Vec<(WindowId, SessionKey, Filter, Sort, usize, usize, Client)> = Vec::new();
        let mut now_ms = 1;
        let steps = after.len();
        for (i, (n, what, flush)) in after.into_iter().enumerate() {
            store.step(n, what, &mut views);
            for (session, (filter, sort, offset, joins_at)) in windows.iter().enumerate() {
                if joins_at % steps == i {
                    let (filter, sort) = (filters()[*filter].clone(), Sort::ALL[*sort]);
                    let (limit, offset) = ([0, 3, 10][*offset % 3], offset * [0, 3, 10][*offset % 3]);
                    let asked = Asked { filter: ViewFilter::resolve(&filter, &me()), sort, offset, limit };
                    let seq = store.seq;
                    let opened = views.open(session, "v", asked, Time(2_000_000), seq, &mut store);
                    let (window, body) = opened.unwrap();
                    open.push((window, session, filter, sort, offset, limit, Client::open(&body)));
                }
            }
            if flush {
                now_ms += GATHER_MS;
                deliver(&mut views, &mut store, now_ms, &mut open);
            }
        }
        deliver(&mut views, &mut store, now_ms + GATHER_MS, &mut open);
        for (_, _, filter, sort, offset, limit, client) in &open {
            let fresh = store.fresh(&ViewFilter::resolve(filter, &me()), *sort, *offset, *limit);
            prop_assert_eq!(client.list(), fresh);
        }
        for (window, session, ..) in &open {
            views.close(*window, *session, "v");
        }
        prop_assert_eq!(views.len(), 0);
    }
}

#[test]
fn time_that_changes_nothing_is_not_waited_for() {
    let (mut views, mut store) = (Views::default(), Store::default());
    for n in 0..30 {
        store.step(n, n, &mut views);
    }
    let filter = Filter {
        waiting_longer_than_s: Some(1),
        status: Some(vec![Status::Resolved]),
        ..Filter::default()
    };
    let asked = Asked {
        filter: ViewFilter::resolve(&filter, &me()),
        sort: Sort::Waiting,
        offset: 0,
        limit: 10,
    };
    let seq = store.seq;
    assert!(views.open(0, "v", asked, Time(0), seq, &mut store).is_some());
    // By then all have waited for long enough, and status keeps them out: looking again at once would never end.
    assert_eq!(views.cross(Time(i64::MAX >> 1), &store), None);
}

fn deliver(
    views: &mut Views,
    store: &mut Store,
    now_ms: u64,
    open: &mut [(WindowId, SessionKey, Filter, Sort, usize, usize, Client)],
) {
    let mut out = Vec::new();
    let seq = store.seq;
    assert_eq!(views.flush(now_ms, seq, store, &mut out), None);
    for (session, frame) in out {
        for (_, it, .., client) in open.iter_mut() {
            if *it == session {
                client.apply(frame.clone());
            }
        }
    }
}
