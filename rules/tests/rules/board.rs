//! The board of routing: a whole workspace of many conversations and agents, told of what changes, gives nobody too much and
//! leaves nobody waiting whom somebody could take.

use crate::routing::waiting;
use crate::world::{START, agent_id};
use dibs_protocol::ids::{ConversationId, QueueId};
use dibs_protocol::settings::WorkspaceSettings;
use dibs_protocol::terms::Status;
use dibs_protocol::time::Time;
use dibs_rules::routing::{Board, Candidate, Limits, Load, Standing, pick, routable};
use dibs_rules::{Conversation, Settings};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

fn settings() -> Settings {
    let set: WorkspaceSettings = serde_json::from_value(json!({
        "queues": [
            {"id": "inbox", "routing": "least_loaded"},
            {"id": "vip", "routing": "longest_idle", "teams": ["night"]},
            {"id": "tax", "routing": "round_robin", "skills": ["tax"], "relax_skills_after_s": 50},
            {"id": "hand"},
        ],
        "capacity": {"default": 3, "by_channel": {"chat": 1}},
    }))
    .unwrap();
    Settings::default().with(set)
}

fn agents(settings: &Settings, standing: impl Fn(usize) -> Standing) -> Vec<Candidate> {
    (0..5)
        .map(|i| {
            let mut it = Candidate::new(agent_id(&format!("a{i}")));
            it.standing = standing(i);
            it.limits = Limits::of(&it.id, settings);
            it.teams = if i < 2 {
                vec!["night".parse().unwrap()]
            } else {
                Vec::new()
            };
            it.skills = if i == 4 {
                vec!["tax".to_owned()]
            } else {
                Vec::new()
            };
            it
        })
        .collect()
}

/// A workspace under routing: states as they are stored, and a board.
struct Desk {
    settings: Settings,
    board: Board,
    states: BTreeMap<ConversationId, Conversation>,
    now: Time,
}

impl Desk {
    fn change(&mut self, id: ConversationId, how: impl FnOnce(&mut Conversation)) {
        if let Some(state) = self.states.get_mut(&id) {
            how(state);
            self.board.set_conversation(id, Some(state), self.now);
        }
    }

    /// Does everything that there is to do; what was granted.
    fn route(&mut self) -> Vec<(ConversationId, String)> {
        let mut granted = Vec::new();
        while let Some(found) = self.board.next(self.now, |id| self.states.get(&id)) {
            let id = found.conversation;
            assert!(routable(&self.states[&id]), "nobody holds it");
            let agent = self.board.agent(&found.pick.agent).unwrap();
            assert!(
                agent.is_free() && agent.has_room(&self.states[&id].channel),
                "they have room"
            );
            self.board.begin(&found, self.states.get(&id), self.now);
            let now = self.now;
            self.change(id, |it| hold(it, found.pick.agent.as_str(), now));
            self.board.done(id, self.states.get(&id), true, now);
            granted.push((id, found.pick.agent.to_string()));
        }
        granted
    }

    fn loads(&self) -> BTreeMap<String, Load> {
        let mut loads: BTreeMap<String, Load> = BTreeMap::new();
        for state in self.states.values() {
            if let Some(holder) = state.holder() {
                let load = loads.entry(holder.to_string()).or_default();
                load.total += 1;
                *load.by_channel.entry(state.channel.clone()).or_default() += 1;
            }
        }
        loads
    }

    /// Whether some waiting conversation could be given to somebody, by looking at all of them.
    fn is_idle(&self) -> bool {
        self.states.values().filter(|it| routable(it)).all(|state| {
            let Some(queue) = self.settings.queue(&state.queue) else {
                return true;
            };
            let working = self.board.agents().filter(|it| it.serves(&queue.teams));
            pick(state, queue, working, None, self.now).is_err()
        })
    }
}

fn hold(state: &mut Conversation, agent: &str, now: Time) {
    state.claim = Some(dibs_rules::conversation::Held {
        agent: agent_id(agent),
        token: 1,
        since: now,
        active_at: now,
    });
}

#[test]
fn a_queue_for_which_nobody_is_found_says_why_until_somebody_is() {
    let settings = settings();
    let mut board = Board::default();
    board.configure(&settings);
    let now = START;
    let mut desk = Desk {
        settings,
        board,
        states: BTreeMap::new(),
        now,
    };
    let vip: QueueId = "vip".parse().unwrap();
    let at = |desk: &mut Desk, standings: [Standing; 5]| {
        for agent in agents(&desk.settings, |i| standings[i]) {
            desk.board.set_agent(agent);
        }
    };
    let mut state = waiting("");
    (state.id, state.queue) = (ConversationId(Uuid::from_u128(1)), vip.clone());
    desk.board.set_conversation(state.id, Some(&state), now);
    desk.states.insert(state.id, state);
    assert_eq!(desk.route(), []);
    let serving = desk.board.serving(&vip).unwrap();
    assert_eq!((serving.agents, serving.free), (0, 0));
    assert_eq!(serving.nobody.unwrap().to_string(), "nobody works this queue");
    // Two of the five are of its team.
    let mut standings = [Standing::Online; 5];
    (standings[0], standings[1]) = (Standing::Away, Standing::Busy);
    at(&mut desk, standings);
    assert_eq!(desk.board.tick(now), []);
    assert_eq!(desk.route(), [], "the others do not work it");
    let serving = desk.board.serving(&vip).unwrap();
    assert_eq!((serving.agents, serving.free), (2, 0));
    assert_eq!(serving.nobody.unwrap().to_string(), "1 away, 1 busy");
    standings[1] = Standing::Online;
    at(&mut desk, standings);
    assert_eq!(desk.route().len(), 1);
    let serving = desk.board.serving(&vip).unwrap();
    assert_eq!((serving.agents, serving.nobody), (2, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_too_much_and_nobody_waits_whom_somebody_could_take(
        steps in proptest::collection::vec((0..9_u8, any::<u8>(), any::<u8>()), 1..120),
    ) {
        let settings = settings();
        let mut board = Board::default();
        board.configure(&settings);
        let mut desk = Desk { settings, board, states: BTreeMap::new(), now: START };
        let mut standings = [Standing::Online; 5];
        let all = |desk: &mut Desk, standings: [Standing; 5]| {
            for agent in agents(&desk.settings, |i| standings[i]) {
                desk.board.set_agent(agent);
            }
        };
        all(&mut desk, standings);
        let blank = waiting("");
        for (what, a, b) in steps {
            desk.now = desk.now.plus_ms(i64::from(b) * 40);
            let id = ConversationId(Uuid::from_u128(u128::from(a % 24)));
            let now = desk.now;
            match what {
                0..=3 => {
                    let mut state = blank.clone();
                    (state.id, state.waiting_since) = (id, Some(now));
                    state.queue = ["inbox", "vip", "tax", "hand"][usize::from(b % 4)].parse().unwrap();
                    state.channel = ["mail", "chat"][usize::from(b / 4 % 2)].parse().unwrap();
                    if desk.states.get(&id).is_none_or(|it| it.is_closed()) {
                        desk.board.set_conversation(id, Some(&state), now);
                        desk.states.insert(id, state);
                    }
                }
                4 => desk.change(id, |it| it.claim = None),
                // By hand, one may hold more than one is given.
                5 => desk.change(id, |it| hold(it, &format!("a{}", b % 5), now)),
                6 => desk.change(id, |it| {
                    it.claim = None;
                    it.status = Status::Closed;
                }),
                7 => {
                    let all_standings = [Standing::Online, Standing::Away, Standing::Busy, Standing::Gone];
                    standings[usize::from(a % 5)] = all_standings[usize::from(b % 4)];
                    all(&mut desk, standings);
                }
                _ => desk.change(id, |it| it.declined.push(agent_id(&format!("a{}", b % 5)))),
            }
            for due in desk.board.tick(now) {
                let state = desk.states.get(&due);
                desk.board.set_conversation(due, state, now);
            }
            desk.route();
            let loads = desk.loads();
            for agent in desk.board.agents() {
                let load = loads.get(agent.id.as_str()).cloned().unwrap_or_default();
                prop_assert_eq!(&agent.load, &load, "the board's load is a recount's");
            }
            prop_assert!(desk.is_idle(), "whoever could be given somebody was");
        }
    }

    #[test]
    fn a_board_set_out_anew_is_the_one_that_was_kept(routed in 1..30_u128) {
        let settings = settings();
        let mut board = Board::default();
        board.configure(&settings);
        let mut desk = Desk { settings, board, states: BTreeMap::new(), now: START };
        for agent in agents(&desk.settings, |_| Standing::Online) {
            desk.board.set_agent(agent);
        }
        for id in 0..routed {
            let mut state = waiting("");
            state.id = ConversationId(Uuid::from_u128(id));
            desk.board.set_conversation(state.id, Some(&state), desk.now);
            desk.states.insert(state.id, state);
        }
        let granted = desk.route();
        prop_assert_eq!(granted.len(), usize::try_from(routed).unwrap().min(15), "five agents, three each");
        desk.board.configure(&desk.settings);
        for agent in agents(&desk.settings, |_| Standing::Online) {
            desk.board.set_agent(agent);
        }
        for (id, state) in &desk.states {
            desk.board.set_conversation(*id, Some(state), desk.now);
        }
        prop_assert_eq!(desk.route().len(), 0);
        let inbox: QueueId = "inbox".parse().unwrap();
        let serving = desk.board.serving(&inbox).unwrap();
        prop_assert_eq!(serving.agents, 5);
        prop_assert_eq!(serving.free, if routed >= 15 { 0 } else { serving.free });
    }
}
