//! Whoever sets what a schedule's workspace has set: with it, the log says at each event what held then, which the oracle
//! reads there.

use super::cluster::Cluster;
use super::dice::Dice;
use super::env::Env;
use crate::hub::HttpAsk;
use dibs_protocol::http::PutSettings;
use dibs_protocol::ids::AgentId;
use dibs_protocol::terms::{AgentKind, Role};
use dibs_rules::Sender;
use dibs_rules::context::Agent;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// After so long without an answer it is tried again, perhaps with another instance.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sets how the workspace is routed, if it is, and tries until that is answered.
pub(super) async fn administer(env: Arc<Env>, cluster: Arc<Cluster>) {
    let Some(routed) = env.plan.routing else { return };
    let dice = Dice::new(env.plan.seed, 3_000_000);
    let admin = Arc::new(Sender::Agent(Arc::new(Agent {
        id: AgentId::new("ada").unwrap(),
        name: "Ada".to_owned(),
        kind: AgentKind::Human,
        role: Role::Admin,
        teams: Vec::new(),
        skills: Vec::new(),
    })));
    loop {
        sleep(dice.ms(1, 50)).await;
        let Some(to) = cluster.running(dice.below(env.plan.instances)) else {
            continue;
        };
        let put = HttpAsk::SetSettings(Box::new(PutSettings {
            settings: Box::new(routed.settings()),
            expect: None,
        }));
        let asked = async {
            to.life.goes_on().await;
            to.hub.ask(&env.workspace, admin.clone(), put).await
        };
        if timeout(PATIENCE, asked).await.is_ok_and(|it| it.is_ok()) {
            return env.note(|| "settings are set".to_owned());
        }
    }
}
