//! Plans as the arguments of `dibs_commit`: one array per column, all workspaces together.
//!
//! Deliberately absent: what the rows mean (`plan`), and what the function does with them (`functions.sql`).

use super::facts::Facts;
use super::plan::{Plan, PlannedEvent};
use super::rows::{int, key_checksum, kind_code, state_checksum, timer_checksum};
use crate::log::NewState;
use dibs_protocol::ids::WorkspaceId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

macro_rules! columns {
    ($($name:ident: $ty:ty,)+) => {
        /// The arguments of `dibs_commit` after the clock, in its order; the letters are explained there.
        #[derive(Default)]
        pub(super) struct Columns<'a> {
            $($name: Vec<$ty>,)+
        }

        impl Columns<'_> {
            /// All of them, after the clock.
            pub(super) fn params<'p>(&'p self, now_ms: &'p Option<i64>) -> Vec<&'p (dyn ToSql + Sync)> {
                vec![now_ms, $(&self.$name,)+]
            }
        }
    };
}

columns! {
    g_ws: i64,
    g_name: &'a str,
    g_seq: Option<i64>,
    g_hash: Option<&'a [u8]>,
    g_free: Option<bool>,
    g_holder: Option<Uuid>,
    g_ask: Option<Uuid>,
    g_ask_ms: Option<i64>,
    g_new_seq: Option<i64>,
    g_new_hash: Option<&'a [u8]>,
    g_new_at: Option<i64>,
    c_ws: i64,
    c_id: Uuid,
    c_first: Option<i64>,
    c_last: Option<i64>,
    c_hash: Option<&'a [u8]>,
    v_ws: i64,
    v_kind: i64,
    v_id: &'a str,
    v_min: i64,
    v_max: i64,
    k_ws: i64,
    k_scope: &'a str,
    k_key: &'a str,
    k_fingerprint: &'a [u8],
    k_answer: &'a str,
    k_seq: Option<i64>,
    k_at: i64,
    k_keep: i64,
    k_sum: Vec<u8>,
    u_ws: i64,
    u_agent: &'a str,
    u_grace: i64,
    e_ws: i64,
    e_seq: i64,
    e_at: i64,
    e_conversation: Option<Uuid>,
    e_kind: &'a str,
    e_actor: &'a str,
    e_skeleton: &'a str,
    e_salt: Option<&'a [u8]>,
    e_body: Option<&'a str>,
    e_digest: &'a [u8],
    e_hash: &'a [u8],
    s_ws: i64,
    s_kind: i64,
    s_id: &'a str,
    s_version: i64,
    s_active: bool,
    s_owner: Option<&'a str>,
    s_body: Option<Vec<u8>>,
    s_sum: Vec<u8>,
    t_ws: i64,
    t_kind: i64,
    t_id: &'a str,
    t_due: Option<i64>,
    t_sum: Vec<u8>,
    m_ws: i64,
    m_agent: &'a str,
    m_seq: i64,
    m_conversation: Uuid,
    m_body: &'a str,
    r_ws: i64,
    r_agent: &'a str,
    r_name: &'a str,
    r_value: Option<&'a str>,
    a_ws: i64,
    a_agent: &'a str,
    a_instance: Uuid,
    a_generation: i64,
    a_present: bool,
    x_ws: i64,
    x_seq: i64,
}

impl<'a> Columns<'a> {
    /// Adds a workspace's plan.
    pub(super) fn add(&mut self, workspace: &'a WorkspaceId, facts: &'a Facts, plan: &'a Plan) {
        let id = facts.id;
        self.group(workspace, facts, plan);
        self.conditions(id, plan);
        let writes = &plan.writes;
        writes.events.iter().for_each(|event| self.event(id, event));
        for (key, keep_until_ms) in &writes.keys {
            self.k_ws.push(id);
            self.k_scope.push(&key.scope);
            self.k_key.push(&key.key);
            self.k_fingerprint.push(&key.fingerprint);
            self.k_answer.push(&key.answer);
            self.k_seq.push(key.seq.map(int));
            self.k_at.push(key.at_ms);
            self.k_keep.push(*keep_until_ms);
            self.k_sum.push(key_checksum(id, key, *keep_until_ms).to_vec());
        }
        writes
            .states
            .iter()
            .for_each(|(version, state)| self.state(id, *version, state));
        self.beside(id, plan);
    }

    fn group(&mut self, workspace: &'a WorkspaceId, facts: &'a Facts, plan: &'a Plan) {
        self.g_ws.push(facts.id);
        self.g_name.push(workspace.as_str());
        self.g_seq.push(plan.on_head.then_some(int(facts.head.seq)));
        self.g_hash.push(plan.on_head.then_some(&facts.head.hash));
        // Who appends may have the turn itself, unless there are several of them.
        let appends = !plan.appending.is_empty();
        let alone = plan.appending.iter().next().filter(|_| plan.appending.len() == 1);
        self.g_free.push(appends.then_some(true));
        self.g_holder.push(alone.copied());
        let asks = plan.turn.filter(|_| !appends);
        self.g_ask.push(asks.map(|(instance, _)| instance));
        self.g_ask_ms.push(asks.map(|(_, turn_ms)| turn_ms));
        let head = plan.writes.head.as_ref();
        self.g_new_seq.push(head.map(|head| int(head.seq)));
        self.g_new_hash.push(head.map(|head| head.hash.as_slice()));
        self.g_new_at.push(head.map(|head| head.at_ms));
    }

    fn conditions(&mut self, id: i64, plan: &'a Plan) {
        for (commit, past) in &plan.writes.commits {
            self.c_ws.push(id);
            self.c_id.push(*commit);
            self.c_first
                .push(plan.on_head.then_some(int(past.committed.first_seq)));
            self.c_last.push(plan.on_head.then_some(int(past.last_seq)));
            self.c_hash.push(plan.on_head.then_some(&past.committed.hash));
        }
        for bounds in &plan.bounds {
            self.v_ws.push(id);
            self.v_kind.push(kind_code(bounds.aggregate.kind));
            self.v_id.push(&bounds.aggregate.id);
            self.v_min.push(int(bounds.least));
            self.v_max.push(int(bounds.most));
        }
        for (agent, grace_ms) in &plan.absent {
            self.u_ws.push(id);
            self.u_agent.push(agent.as_str());
            self.u_grace.push(*grace_ms);
        }
    }

    fn event(&mut self, id: i64, planned: &'a PlannedEvent) {
        let event = &planned.event;
        self.e_ws.push(id);
        self.e_seq.push(int(planned.seq));
        self.e_at.push(event.at_ms);
        self.e_conversation
            .push(event.conversation.map(|conversation| conversation.0));
        self.e_kind.push(event.kind);
        self.e_actor.push(&event.actor);
        self.e_skeleton.push(&event.skeleton);
        self.e_salt.push((!planned.erased).then_some(&event.salt));
        self.e_body
            .push(event.body.as_deref().filter(|_| !planned.erased));
        self.e_digest.push(&planned.digest);
        self.e_hash.push(&planned.hash);
    }

    fn state(&mut self, id: i64, version: u64, state: &'a NewState) {
        let (aggregate, owner) = (&state.aggregate, state.owner.as_deref());
        let body = state.body.as_ref().map(|body| body.encode());
        let checksum = state_checksum((id, aggregate), version, state.active, owner, body.as_deref());
        self.s_ws.push(id);
        self.s_kind.push(kind_code(aggregate.kind));
        self.s_id.push(&aggregate.id);
        self.s_version.push(int(version));
        self.s_active.push(state.active);
        self.s_owner.push(owner);
        self.s_body.push(body);
        self.s_sum.push(checksum.to_vec());
    }

    /// What stands beside the feed.
    fn beside(&mut self, id: i64, plan: &'a Plan) {
        let writes = &plan.writes;
        for timer in &writes.timers {
            self.t_ws.push(id);
            self.t_kind.push(kind_code(timer.aggregate.kind));
            self.t_id.push(&timer.aggregate.id);
            self.t_due.push(timer.due_ms);
            let checksum = timer_checksum(id, &timer.aggregate, timer.due_ms.unwrap_or_default());
            self.t_sum.push(checksum.to_vec());
        }
        for ((agent, seq), (conversation, body)) in &writes.mentions {
            self.m_ws.push(id);
            self.m_agent.push(agent.as_str());
            self.m_seq.push(int(*seq));
            self.m_conversation.push(conversation.0);
            self.m_body.push(body);
        }
        for mark in &writes.marks {
            self.r_ws.push(id);
            self.r_agent.push(mark.agent.as_str());
            self.r_name.push(&mark.name);
            self.r_value.push(mark.value.as_deref());
        }
        for seat in writes.seats.values() {
            self.a_ws.push(id);
            self.a_agent.push(seat.agent.as_str());
            self.a_instance.push(seat.instance);
            self.a_generation.push(int(seat.generation));
            self.a_present.push(seat.present);
        }
        for seq in &writes.erased {
            self.x_ws.push(id);
            self.x_seq.push(int(*seq));
        }
    }
}
