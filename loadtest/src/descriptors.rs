//! How many descriptors a run needs, worked out before it begins, and what to do when there are not enough.

use crate::engine::settings::Settings;
use crate::failure::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Besides the sessions: files, pipes, HTTP.
const BESIDES: u64 = 400;

/// Raises this process's limit as far as it goes, for itself and all that it starts, and gives it.
#[must_use]
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.is_some_and(|it| it < most) {
        // Where it may not be raised, what there is counts.
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            },
        )
        .ok();
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Whether the load and, where it is started here, the hub can have so many sessions.
///
/// # Errors
/// [`Failure::Usage`], with what to do.
pub fn check(settings: &Settings, own_hub: bool, limit: u64) -> Result<(), Failure> {
    let sessions = u64::from(settings.agents) + u64::from(settings.writers());
    let processes = u64::from(settings.processes);
    let room = limit.saturating_sub(BESIDES).max(1);
    let needed = sessions.div_ceil(processes) + BESIDES;
    if own_hub && sessions > room {
        return Err(Failure::Usage(format!(
            "{sessions} sessions need {} descriptors in the hub's process, and a process may have {limit} here: \
             give at most --agents {}, raise the limit (ulimit -n), or give several hubs by --target",
            sessions + BESIDES,
            room.saturating_sub(settings.writers().into())
        )));
    }
    if needed > limit {
        return Err(Failure::Usage(format!(
            "{sessions} sessions over {processes} process(es) need {needed} descriptors in each, and a process may have \
             {limit} here: give --processes {}",
            sessions.div_ceil(room)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios;

    #[test]
    fn too_many_sessions_are_refused_with_what_to_do() {
        let settings = scenarios::settings("hot-conversation", &["--agents", "49000"]).unwrap();
        let said = check(&settings, false, 20_000).unwrap_err().to_string();
        assert!(
            said.contains("need 49401 descriptors") && said.ends_with("give --processes 3"),
            "{said}"
        );
        let said = check(&settings, true, 20_000).unwrap_err().to_string();
        assert!(
            said.contains("in the hub's process") && said.contains("--agents 19599"),
            "{said}"
        );
        let three = Settings {
            processes: 3,
            ..settings
        };
        check(&three, false, 20_000).unwrap();
        assert!(raise() >= 256);
    }
}
