//! Known bugs that the simulator can switch on, to show that the oracle finds them. No build of the program has them:
//! outside tests every question is answered `false` at compile time.

/// A bug that somebody could have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(test), allow(dead_code, reason = "only the simulator names them all"))]
pub(crate) enum Bug {
    /// A reply is taken from whoever sends it, with whatever token.
    NoFencing,
    /// A command is answered, and its events are told, before the log has them.
    AnswerBeforeCommit,
    /// A repeated key is carried out again.
    NoDeduplication,
    /// What the bus did not bring is skipped instead of read.
    GapNotFilled,
    /// A refusal, or a yes that stores nothing, is answered from memory while other instances write.
    StaleCache,
    /// Whoever is not heard of counts as gone: the log is not asked.
    ExpiryOnMissingKnowledge,
    /// Opening a conversation does not name the customer on the channel.
    IngestWithoutCustomer,
    /// An instance that was stopped fires timers before it has renewed its lease and heard its sockets.
    TimersBeforeRenewal,
    /// What was decided upon a commit that failed is committed all the same.
    DependentsOfConflict,
    /// What routing found is granted without asking again whether the agent still has room.
    RouteWithoutRoom,
    /// A reply that comes late, but before the timer did, counts as one in time: nothing says that it was late.
    LateReplyInTime,
}

#[cfg(not(test))]
pub(crate) const fn seeded(_: Bug) -> bool {
    false
}

#[cfg(test)]
#[allow(unused_imports, reason = "only the simulator switches one on")]
pub(crate) use switch::{seeded, with_bug};

#[cfg(test)]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static BUG: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    pub(crate) fn seeded(bug: Bug) -> bool {
        BUG.get() == Some(bug)
    }

    /// Runs something on this thread with a bug switched on, if one is named.
    pub(crate) fn with_bug<T>(bug: Option<Bug>, run: impl FnOnce() -> T) -> T {
        BUG.set(bug);
        let result = run();
        BUG.set(None);
        result
    }
}
