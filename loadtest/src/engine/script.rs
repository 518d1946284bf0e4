//! Who does what and when: the plan of each member, from the seed alone. The same seed makes the same plan, whatever the
//! hub does. Nothing is done here.

use crate::engine::clock::micros;
use crate::engine::settings::{Settings, Work};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Follows a conversation.
    Watch,
    /// Follows it no longer.
    Unwatch,
    /// Calls dibs.
    Claim,
    /// Lets go, if it is held.
    Release,
    /// Answers the customer, if it is held.
    Reply {
        /// And leaves the conversation resolved.
        resolve: bool,
    },
    /// Writes to colleagues.
    Note,
    /// Changes the subject.
    Update,
    /// Begins or ends typing.
    Typing(bool),
    /// Loses the connection.
    Drop,
}

/// One step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action {
    /// When, in microseconds after the beginning.
    pub at_us: u64,
    /// What.
    pub deed: Deed,
    /// In which conversation, by its place.
    pub conversation: usize,
}

/// A member's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The so-manieth agent.
    Agent(u32),
    /// The so-manieth writer.
    Writer(u32),
}

/// A member's actions in the order of their times.
#[derive(Debug, Clone)]
pub struct Script {
    rng: ChaCha8Rng,
    settings: Settings,
    part: Part,
    end_us: u64,
    round: u64,
    waiting: VecDeque<Action>,
    next_drop: Option<u64>,
}

/// The conversations that an agent watches all the time, by place: neighbours share some.
pub fn watched(settings: &Settings, agent: u32) -> impl Iterator<Item = usize> + use<> {
    let (count, watches) = (settings.conversations as usize, settings.watches as usize);
    let first = agent as usize * watches % count.max(1);
    (0..watches).map(move |index| (first + index) % count.max(1))
}

impl Script {
    /// The plan of `part`.
    #[must_use]
    pub fn new(settings: &Settings, part: Part) -> Self {
        let stream = match part {
            Part::Agent(index) => u64::from(index),
            Part::Writer(index) => (1 << 40) + u64::from(index),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        rng.set_stream(stream);
        let end_us = micros(settings.duration.0.as_secs_f64());
        let every = micros(settings.drop_every.0.as_secs_f64());
        let next_drop = (every > 0 && matches!(part, Part::Agent(_))).then(|| {
            if settings.herd {
                every
            } else {
                rng.random_range(0..every)
            }
        });
        Self {
            rng,
            settings: settings.clone(),
            part,
            end_us,
            round: 0,
            waiting: VecDeque::new(),
            next_drop,
        }
    }

    /// The work's next steps; nothing when there are no more.
    fn more(&mut self) {
        match (self.part, self.settings.work) {
            (Part::Agent(index), Work::Cases) => self.case(index),
            (Part::Agent(_), Work::Races) => self.race(),
            (Part::Agent(index), Work::Typing) => self.typing(index),
            (Part::Writer(index), work) => self.write(index, work),
            (Part::Agent(_), Work::None | Work::Notes | Work::Updates) => {}
        }
        self.round += 1;
    }

    fn push(&mut self, at: f64, deed: Deed, conversation: usize) {
        self.waiting.push_back(Action {
            at_us: micros(at),
            deed,
            conversation,
        });
    }

    fn any(&mut self) -> usize {
        self.rng.random_range(0..self.settings.conversations as usize)
    }

    /// A person's work on one conversation, once in the agent's interval.
    fn case(&mut self, index: u32) {
        let every = f64::from(self.settings.agents) / self.settings.rate;
        let think = self.settings.think.0.as_secs_f64().min(every / 8.0);
        let phase = f64::from(index) / f64::from(self.settings.agents);
        let mut at = (self.round as f64 + phase) * every;
        // The lower of two draws: people prefer what stands higher in the list, and meet there.
        let conversation = self.any().min(self.any());
        let resolve = self.rng.random_bool(0.2);
        let note = self.rng.random_bool(0.3);
        let mut step = |script: &mut Self, deed, parts: f64| {
            at += think * parts * script.rng.random_range(0.5..1.5);
            script.push(at, deed, conversation);
        };
        step(self, Deed::Watch, 0.0);
        step(self, Deed::Claim, 1.0);
        step(self, Deed::Typing(true), 1.0);
        if note {
            step(self, Deed::Note, 0.5);
        }
        step(self, Deed::Typing(false), 1.0);
        step(self, Deed::Reply { resolve }, 0.0);
        step(self, Deed::Release, 0.5);
        step(self, Deed::Unwatch, 0.0);
    }

    /// Everybody at the same moment, and a release half-way to the next.
    fn race(&mut self) {
        let every = 1.0 / self.settings.rate;
        let conversation =
            usize::try_from(self.round).unwrap_or_default() % self.settings.conversations as usize;
        let at = (self.round + 1) as f64 * every;
        self.push(at, Deed::Claim, conversation);
        self.push(at + every / 2.0, Deed::Release, conversation);
    }

    fn typing(&mut self, index: u32) {
        let every = f64::from(self.settings.agents) / self.settings.rate;
        let phase = f64::from(index) / f64::from(self.settings.agents);
        let watched: Vec<usize> = watched(&self.settings, index).collect();
        let conversation = watched[self.rng.random_range(0..watched.len())];
        let on = self.rng.random_bool(0.7);
        self.push(
            (self.round as f64 + phase) * every,
            Deed::Typing(on),
            conversation,
        );
    }

    /// Notes and updates, evenly shared among the writers; without a rate all of them are due at once.
    fn write(&mut self, index: u32, work: Work) {
        let working = matches!(work, Work::Notes | Work::Updates);
        let rate = if working { self.settings.rate } else { 0.0 };
        let all = rate + self.settings.notes;
        let extra = self.settings.notes > 0.0 && self.rng.random_bool(self.settings.notes / all);
        let deed = if work == Work::Updates && !extra {
            Deed::Update
        } else {
            Deed::Note
        };
        let conversation = self.any();
        let place = self.round as f64 + f64::from(index) / f64::from(self.settings.writers().max(1));
        let closed = working && self.settings.rate <= 0.0;
        let at = if closed {
            0.0
        } else {
            place * f64::from(self.settings.writers()) / all
        };
        self.push(at, deed, conversation);
    }
}

impl Iterator for Script {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        if self.waiting.is_empty() {
            self.more();
        }
        let due = self.waiting.front().map_or(u64::MAX, |it| it.at_us);
        if let Some(drop) = self.next_drop.filter(|drop| *drop <= due && *drop < self.end_us) {
            self.next_drop = Some(drop + micros(self.settings.drop_every.0.as_secs_f64()));
            return Some(Action {
                at_us: drop,
                deed: Deed::Drop,
                conversation: 0,
            });
        }
        self.waiting.pop_front().filter(|it| it.at_us < self.end_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios;

    fn plan(settings: &Settings) -> Vec<Action> {
        let agents = (0..settings.agents).map(Part::Agent);
        let writers = (0..settings.writers()).map(Part::Writer);
        let parts = agents.chain(writers);
        parts
            .flat_map(|part| Script::new(settings, part).take(500))
            .collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        for name in scenarios::NAMES {
            let mut settings =
                scenarios::settings(name, &["--agents", "20", "--conversations", "30"]).unwrap();
            let first = plan(&settings);
            assert_eq!(plan(&settings), first, "{name}");
            settings.seed += 1;
            let races = matches!(settings.work, Work::Races | Work::None);
            assert!(
                races || plan(&settings) != first,
                "{name}: another seed, another plan"
            );
        }
    }

    #[test]
    fn a_plan_is_in_order_and_ends_with_the_duration() {
        for name in scenarios::NAMES {
            let settings = scenarios::settings(name, &["--agents", "20", "--duration", "20s"]).unwrap();
            for part in [Part::Agent(3), Part::Writer(0)] {
                if matches!(part, Part::Writer(_)) && settings.writers() == 0 {
                    continue;
                }
                let plan: Vec<Action> = Script::new(&settings, part).take(2_000).collect();
                assert!(plan.is_sorted_by_key(|it| it.at_us), "{name}");
                assert!(plan.iter().all(|it| it.at_us < 20_000_000), "{name}");
            }
        }
    }

    #[test]
    fn the_rate_is_what_all_do_together() {
        let flags = ["--rate", "50", "--notes", "0", "--duration", "10s"];
        let settings = scenarios::settings("hot-conversation", &flags).unwrap();
        let writers = settings.writers();
        let notes = (0..writers)
            .flat_map(|it| Script::new(&settings, Part::Writer(it)))
            .count();
        assert!((495..=505).contains(&notes), "{notes}");
    }
}
