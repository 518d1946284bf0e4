//! Preconditions: the summary's fields as the sender saw them.

use crate::conversation::Conversation;
use dibs_protocol::command::Expect;
use dibs_protocol::refusal::Refusal;

/// Compares what the sender expects with the conversation as it is.
///
/// # Errors
/// In this order: `invalid` naming `expect.<name>` when the summary has no such field; `conflict` with the current
/// summary when a value differs.
pub fn check_expect(state: &Conversation, expect: &Expect) -> Result<(), Refusal> {
    let current = state.summary();
    let shown = serde_json::to_value(&current).map_err(|_| Refusal::internal())?;
    for name in expect.keys() {
        if shown.get(name).is_none() {
            return Err(Refusal::invalid(
                &format!("expect.{name}"),
                &format!("a summary has no field {name}"),
            ));
        }
    }
    if expect.iter().any(|(name, value)| shown.get(name) != Some(value)) {
        return Err(Refusal::conflict(
            "The conversation is not as you saw it: look at it and try again.",
            current,
        ));
    }
    Ok(())
}
