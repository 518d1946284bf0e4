//! `set_settings`: whether the workspace's settings change.

use super::check;
use dibs_protocol::answer::SettingsAnswer;
use dibs_protocol::event::Event;
use dibs_protocol::refusal::Refusal;
use dibs_protocol::settings::WorkspaceSettings;

/// What `set_settings` does.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// They are as asked already, in this version.
    Nothing(u64),
    /// This event sets them, and their next version.
    To(u64, Event),
}

/// Decides `set_settings` against the version that holds. Who may ask is a matter of permissions.
///
/// What is set already changes nothing, whatever `expect` says: so a repetition is answered as the first time.
///
/// # Errors
/// In this order: `invalid` with all `faults`; `conflict` with the settings as they are, when `expect` is another version.
pub fn change(
    current: (u64, &WorkspaceSettings),
    asked: &WorkspaceSettings,
    expect: Option<u64>,
) -> Result<Changed, Refusal> {
    let (version, set) = current;
    let faults = check(asked);
    if !faults.is_empty() {
        return Err(Refusal::faults(faults));
    }
    if set == asked {
        return Ok(Changed::Nothing(version));
    }
    if expect.is_some_and(|expect| expect != version) {
        let current = SettingsAnswer {
            version,
            settings: set.clone(),
        };
        return Err(Refusal::settings_conflict(current));
    }
    let version = version + 1;
    let changed = Event::SettingsChanged {
        version,
        settings: Box::new(asked.clone()),
    };
    Ok(Changed::To(version, changed))
}
