//! `dibs tail`: follows a conversation or a live list, one line for each thing that happens, until Ctrl-C.
//!
//! It comes back by itself when the server goes away, and says what came of it. What lines say is `telling`'s, what is
//! shown after a reconnection is `following`'s.

use super::following::{Follower, Target};
use super::remote::{self, Remote};
use super::{Failure, Outcome};
use clap::{Args, ValueEnum};
use dibs_client::{Session, SessionEvent};
use dibs_protocol::filter::Filter;
use dibs_protocol::ids::{AgentId, ConversationId};
use dibs_protocol::terms::{Sort, Status};
use std::io;

/// The flags of `dibs tail`.
#[derive(Debug, Args)]
pub(super) struct Tail {
    /// The conversation to follow; without it, a list is.
    #[arg(long, value_name = "ID", conflicts_with = "view")]
    conversation: Option<ConversationId>,
    /// The list to follow.
    #[arg(long, value_enum, default_value_t = List::All)]
    view: List,
    /// Print frames as JSON, one a line, instead of sentences.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// A list that a person may want to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum List {
    /// Everything that is not closed, changed last first.
    All,
    /// What nobody holds and nobody has settled, longest unanswered first.
    Unclaimed,
    /// What I hold.
    Mine,
    /// What waits for an answer, held or not.
    Waiting,
    /// Where notes mention me that I have not read.
    Mentions,
}

impl List {
    fn filter(self) -> Result<Filter, Failure> {
        let unsettled = Some(vec![Status::New, Status::Open]);
        let any = Filter::default();
        Ok(match self {
            Self::All => any,
            Self::Unclaimed => Filter {
                claimed: Some(false),
                status: unsettled,
                ..any
            },
            Self::Mine => Filter {
                claimed_by: Some(AgentId::new("me")?),
                ..any
            },
            Self::Waiting => Filter {
                waiting_longer_than_s: Some(0),
                ..any
            },
            Self::Mentions => Filter {
                mentions_me: Some(true),
                ..any
            },
        })
    }

    fn sort(self) -> Sort {
        match self {
            Self::Unclaimed | Self::Waiting => Sort::Waiting,
            Self::All | Self::Mine | Self::Mentions => Sort::LastActivity,
        }
    }
}

/// Why following ends.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody reads what is printed any more.
    Unread,
    /// It cannot go on.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Failed(error.into()),
        }
    }
}

impl Tail {
    pub(super) fn run(self) -> Outcome {
        let target = match self.conversation {
            Some(conversation) => Target::Conversation(conversation),
            None => Target::List(Box::new(self.view.filter()?), self.view.sort()),
        };
        let follow = follow(&self.remote, Follower::new(target, self.json));
        match Remote::runtime()?.block_on(follow) {
            Ok(()) | Err(Stop::Unread) => Ok(()),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }
}

async fn follow(remote: &Remote, mut follower: Follower) -> Result<(), Stop> {
    let token = remote.token.clone();
    let options = remote.options("dibs-tail")?;
    let mut session = Session::new(&remote.url, options, move || Some(token.clone()));
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let event = tokio::select! {
            heard = &mut interrupted => {
                heard?;
                session.end().await;
                return Ok(());
            }
            event = session.next() => event.map_err(|error| remote.failure(&error))?,
        };
        if let SessionEvent::Down { why, .. } = &event
            && (!follower.has_begun() || remote::token_refused(why))
        {
            return Err(remote.failure(why).into());
        }
        follower.take(&mut session, event).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_a_filter_that_the_contract_allows() {
        for list in List::value_variants() {
            list.filter().unwrap().check().unwrap();
        }
        assert_eq!(List::Unclaimed.filter().unwrap().claimed, Some(false));
    }
}
