//! Customers who write now and then, and the adapters of their channel, which repeat what was not answered.

use super::cluster::Cluster;
use super::dice::Dice;
use super::env::Env;
use super::shared::{Phase, Shared};
use crate::hub::HttpAsk;
use dibs_client::HttpError;
use dibs_loadtest::oracle::Witness;
use dibs_protocol::http::{Ingest, IngestAnswer, Problem};
use dibs_protocol::ids::AgentId;
use dibs_protocol::refusal::Refusal;
use dibs_rules::Sender;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A customer who writes now and then, by the adapter of their channel, which repeats what was not answered.
pub(super) async fn customer(
    env: Arc<Env>,
    cluster: Arc<Cluster>,
    shared: Arc<Shared>,
    number: usize,
) -> Witness {
    let mut witness = Witness::new(&format!("m{number}"), env.detail).of(&env.workspace);
    let dice = Dice::new(env.plan.seed, 2_000_000 + number as u64);
    let adapter = Arc::new(Sender::Channel {
        id: AgentId::new("web").unwrap(),
        channels: None,
    });
    // Two adapters may serve one customer.
    let customer = number / 2;
    for message in 0..env.plan.messages {
        let text = format!(
            r#"{{"key":"m{number}-{message}","channel":"web","customer":{{"id":"c{customer}","name":"Customer {customer}"}},"text":"Question {number}.{message}"}}"#
        );
        let ingest: Ingest = serde_json::from_str(&text).unwrap();
        while shared.phase.get() == Phase::Busy {
            if let Some(answer) = write((&env, &cluster, &dice), &adapter, &ingest, &mut witness).await {
                shared.learn_conversation(answer.conversation);
                break;
            }
            sleep(dice.ms(20, 1_000)).await;
        }
        sleep(dice.ms(0, 4 * env.plan.think_ms)).await;
    }
    witness
}

async fn write(
    (env, cluster, dice): (&Env, &Cluster, &Dice),
    adapter: &Arc<Sender>,
    ingest: &Ingest,
    witness: &mut Witness,
) -> Option<IngestAnswer> {
    let to = cluster.running(dice.below(env.plan.instances))?;
    let asked = async {
        sleep(env.network.ms(0, env.faults().net_ms)).await;
        to.life.goes_on().await;
        let ask = HttpAsk::Ingest(Box::new(ingest.clone()));
        let reply = to.hub.ask(&env.workspace, adapter.clone(), ask).await;
        to.life.goes_on().await;
        sleep(env.network.ms(0, env.faults().net_ms)).await;
        reply
    };
    env.note(|| format!("channel > {} {}", to.life.place, ingest.key));
    let call = witness.ingest(env.moment(), ingest);
    let reply = timeout(Duration::from_secs(5), asked).await.ok()?;
    let answer = match reply {
        Ok((status, text)) => {
            env.trace("channel", text.as_bytes());
            Ok((status == 201, serde_json::from_str(&text).ok()?))
        }
        Err(refusal) => {
            env.note(|| format!("channel < {} {refusal}", ingest.key));
            Err(HttpError::Problem(Box::new(problem(refusal))))
        }
    };
    witness.ingested(env.moment(), call, &answer);
    answer.ok().map(|(_, answer)| answer)
}

fn problem(refusal: Refusal) -> Problem {
    Problem {
        kind: "about:blank".to_owned(),
        title: String::new(),
        status: refusal.code.http_status(),
        detail: refusal.message.clone(),
        refusal,
    }
}
