//! Sending one reply once: under one key, through refusals and cut lines, until it is stored or no longer ours.

use super::choices::{self, AfterReply};
use super::desk::Desk;
use super::pace::Pace;
use dibs_client::{CallError, ConnectError};
use dibs_protocol::command::Reply;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::Then;
use rand::rngs::StdRng;
use std::time::Duration;
use uuid::Uuid;

/// A reply as it was typed.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    /// In which conversation.
    pub conversation: ConversationId,
    /// The claim's token.
    pub token: u64,
    /// The highest `seq` that was shown when typing began.
    pub seen: u64,
    /// What was typed.
    pub text: &'a str,
    /// Where it leaves the conversation.
    pub then: Option<Then>,
}

/// Sends it. Where something was said meanwhile, that is read first.
///
/// # Errors
/// Why the session is over for good.
pub(super) async fn send(
    desk: &mut Desk,
    draft: &Draft<'_>,
    pace: Pace,
    dice: &mut StdRng,
) -> Result<(), ConnectError> {
    let mut reply = Reply {
        conversation: draft.conversation,
        token: draft.token,
        key: Uuid::new_v4().to_string(),
        seen: draft.seen,
        text: draft.text.to_owned(),
        attachments: None,
        then: draft.then,
    };
    for _ in 0..choices::ATTEMPTS {
        match desk.call(reply.clone()).await {
            Ok(_) => return Ok(()),
            Err(CallError::Refused(refusal)) => match choices::after_reply(&refusal, reply.seen) {
                AfterReply::Resend { seen } => {
                    reply.seen = seen;
                    desk.wait(pace.span(dice, 1.0, 3.0)).await?;
                }
                AfterReply::Later(span) => desk.wait(span).await?,
                AfterReply::Drop => {
                    tracing::debug!(%refusal, "a reply is dropped");
                    return Ok(());
                }
            },
            Err(error) => {
                tracing::debug!(%error, "a reply is sent again");
                desk.wait(Duration::from_secs(1)).await?;
            }
        }
    }
    Ok(())
}
