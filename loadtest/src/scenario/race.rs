//! Everybody claims the same conversation at once: exactly one wins, and all the others are told who.

use crate::failure::Failure;
use crate::fleet::{self, figure};
use crate::hub::Hub;
use crate::measure::{Latencies, Stretch};
use crate::report::Report;
use clap::Args;
use dibs_client::{CallError, Client};
use dibs_protocol::answer::ClaimAnswer;
use dibs_protocol::command::{Claim, Release};
use dibs_protocol::ids::ConversationId;
use dibs_protocol::refusal::Code;
use dibs_protocol::terms::Role;
use futures_util::future::join_all;
use std::time::{Duration, Instant};

/// The flags.
#[derive(Debug, Clone, Args)]
pub struct Race {
    /// Agents, each with one session.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(2..=10_000))]
    agents: u16,
    /// How many conversations they race for, one after another.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
}

impl Race {
    /// Measures; the hub is fresh.
    ///
    /// # Errors
    /// [`Failure`], also where there was not exactly one winner.
    pub async fn run(&self, hub: &Hub, report: &mut Report) -> Result<(), Failure> {
        let conversations = fleet::conversations(hub, self.rounds as usize).await?;
        let agents = fleet::agents(hub, usize::from(self.agents)).await?;
        let reader = hub.http("a0", Role::Agent)?;
        let (mut won, mut lost) = (Latencies::new()?, Latencies::new()?);
        let mut all = Latencies::new()?;
        let stretch = Stretch::begin(hub.usage());
        for conversation in conversations {
            let begun = Instant::now();
            let answers = join_all(
                agents
                    .iter()
                    .map(|agent| async { (claim(agent, conversation).await, begun.elapsed()) }),
            );
            let answers = answers.await;
            all.note(begun.elapsed());
            let (winner, token) = one_winner(answers, &mut won, &mut lost)?;
            let holder = reader.conversation(conversation).await?.claim;
            if holder
                .as_ref()
                .is_none_or(|it| it.agent.as_str() != format!("a{winner}") || it.token != token)
            {
                return Err(Failure::wrong(format!(
                    "a{winner} won with {token}, but {holder:?} is shown"
                )));
            }
            agents[winner]
                .call(Release {
                    conversation,
                    token,
                    key: None,
                })
                .await
                .map(drop)?;
        }
        let used = stretch.end(hub.usage());
        let claims = f64::from(self.rounds) * f64::from(self.agents);
        report.figure("races with exactly one winner", figure(won.count()), "");
        report.figure("claims refused", figure(lost.count()), "");
        won.report("the winner's claim", report);
        lost.report("a refused claim", report);
        all.report("until everybody knows", report);
        report.figure_if(
            "hub CPU per 1,000 claims",
            used.hub_cpu_s.map(|s| s * 1e6 / claims),
            "ms",
        );
        used.report("racing,", report);
        Ok(())
    }
}

async fn claim(agent: &Client, conversation: ConversationId) -> Result<u64, CallError> {
    let answer: ClaimAnswer = agent
        .call_as(Claim {
            conversation,
            key: None,
        })
        .await?;
    Ok(answer.token)
}

/// The winner's place and token, when there is exactly one and every other was refused as they must be.
fn one_winner(
    answers: Vec<(Result<u64, CallError>, Duration)>,
    won: &mut Latencies,
    lost: &mut Latencies,
) -> Result<(usize, u64), Failure> {
    let mut winner = None;
    let mut holders = Vec::new();
    for (place, (answer, took)) in answers.into_iter().enumerate() {
        match answer {
            Ok(token) => {
                won.note(took);
                if let Some((other, _)) = winner.replace((place, token)) {
                    return Err(Failure::wrong(format!("both a{other} and a{place} won")));
                }
            }
            Err(CallError::Refused(refusal)) if refusal.code == Code::AlreadyClaimed => {
                lost.note(took);
                holders.push(refusal);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let winner = winner.ok_or_else(|| Failure::wrong("nobody won"))?;
    let name = format!("a{}", winner.0);
    for refusal in holders {
        let holder = serde_json::to_value(&refusal)
            .ok()
            .and_then(|it| Some(it.get("holder")?.as_str()?.to_owned()));
        if holder.as_deref() != Some(&name) {
            return Err(Failure::wrong(format!(
                "{name} won, but a refusal names {holder:?}"
            )));
        }
    }
    Ok(winner)
}
