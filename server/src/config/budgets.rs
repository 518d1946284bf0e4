//! The budgets of workspaces, checked: the common one, and those that a `[[workspace]]` has of its own.
//!
//! Deliberately absent: what a budget means (`hub`).

use super::ConfigError;
use super::settings::{Settings, WorkspaceSettings};
use crate::hub::{Budget, Budgets};
use std::num::NonZeroU32;

/// What the settings say about budgets; 0 is no limit.
///
/// # Errors
/// [`ConfigError::Setting`] for what cannot work.
pub(super) fn check(settings: &Settings) -> Result<Budgets, ConfigError> {
    let limit = |value: Option<u32>| value.and_then(NonZeroU32::new);
    let common = Budget {
        commands_per_second: limit(settings.workspace_commands_per_second),
        ingest_per_second: limit(settings.workspace_ingest_per_second),
        sessions: limit(settings.workspace_sessions),
        conversations: limit(settings.workspace_conversations),
        watched: limit(settings.workspace_watched),
        views: views("workspace_views", settings.workspace_views)?.unwrap_or(Budget::default().views),
    };
    let mut budgets = Budgets {
        common,
        ..Budgets::default()
    };
    for workspace in settings.workspace.iter().flatten() {
        let own = of(workspace, &budgets.common)?;
        if own != budgets.common {
            budgets.own.insert(workspace.id.clone(), own);
        }
    }
    Ok(budgets)
}

fn of(workspace: &WorkspaceSettings, common: &Budget) -> Result<Budget, ConfigError> {
    let limit = |own: Option<u32>, common| own.map_or(common, NonZeroU32::new);
    let place = format!("workspace {}, views", workspace.id);
    Ok(Budget {
        commands_per_second: limit(workspace.commands_per_second, common.commands_per_second),
        ingest_per_second: limit(workspace.ingest_per_second, common.ingest_per_second),
        sessions: limit(workspace.sessions, common.sessions),
        conversations: limit(workspace.conversations, common.conversations),
        watched: limit(workspace.watched, common.watched),
        views: views(&place, workspace.views)?.unwrap_or(common.views),
    })
}

fn views(place: &str, value: Option<usize>) -> Result<Option<usize>, ConfigError> {
    match value {
        Some(0) => Err(ConfigError::setting(place, "it must be at least 1")),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Budgets, ConfigError> {
        check(&toml::from_str(text).unwrap())
    }

    #[test]
    fn a_workspace_has_the_common_budget_but_for_what_it_says_itself() {
        let text = "workspace_sessions = 10\nworkspace_watched = 5\n
            [[workspace]]\nid = 'big'\nsessions = 100\nwatched = 0\n[[workspace]]\nid = 'usual'";
        let budgets = checked(text).unwrap();
        let big = budgets.of(&"big".parse().unwrap());
        assert_eq!((big.sessions, big.watched), (NonZeroU32::new(100), None));
        let usual = budgets.of(&"usual".parse().unwrap());
        assert_eq!(
            (usual.sessions, usual.watched),
            (NonZeroU32::new(10), NonZeroU32::new(5))
        );
        assert_eq!(budgets.own.len(), 1);
    }

    #[test]
    fn no_views_at_all_cannot_be_meant() {
        let message = |text| checked(text).unwrap_err().to_string();
        assert!(message("workspace_views = 0").contains("workspace_views"));
        assert!(message("[[workspace]]\nid = 'a'\nviews = 0").contains("workspace a, views"));
    }
}
