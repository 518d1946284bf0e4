//! Close codes: they tell a client whether to come back, and how.

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The server leaves; come back with `resume`.
    GoingAway,
    /// A binary frame, which the protocol does not have.
    Unsupported,
    /// A text frame that is not UTF-8.
    InvalidUtf8,
    /// A frame or message over 64 KiB.
    TooBig,
    /// A fault of the server; come back with backoff.
    Internal,
    /// The tenth unanswerable frame, or a frame out of turn.
    Protocol,
    /// The token was refused; come back with another.
    TokenRefused,
    /// The token is over; come back with another.
    TokenExpired,
    /// This origin or role may not come in.
    NotAllowed,
    /// No hello in time; come back with backoff.
    NoHello,
    /// Too slow or silent; come back with `resume`.
    Slow,
    /// Ended by an admin; stay away.
    Ended,
    /// Too many frames; come back after at least 10 s.
    Flooding,
}

impl CloseCode {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::GoingAway,
        Self::Unsupported,
        Self::InvalidUtf8,
        Self::TooBig,
        Self::Internal,
        Self::Protocol,
        Self::TokenRefused,
        Self::TokenExpired,
        Self::NotAllowed,
        Self::NoHello,
        Self::Slow,
        Self::Ended,
        Self::Flooding,
    ];

    /// The number in the close frame.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Unsupported => 1003,
            Self::InvalidUtf8 => 1007,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::Protocol => 4000,
            Self::TokenRefused => 4001,
            Self::TokenExpired => 4002,
            Self::NotAllowed => 4003,
            Self::NoHello => 4008,
            Self::Slow => 4009,
            Self::Ended => 4010,
            Self::Flooding => 4029,
        }
    }

    /// The reason in the close frame: a few words for a person.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the server is leaving",
            Self::Unsupported => "binary frames are not part of the protocol",
            Self::InvalidUtf8 => "text must be UTF-8",
            Self::TooBig => "frames may have at most 64 KiB",
            Self::Internal => "the server made a mistake",
            Self::Protocol => "frames that cannot be read",
            Self::TokenRefused => "the token was refused",
            Self::TokenExpired => "the token has expired",
            Self::NotAllowed => "this origin or role may not come in",
            Self::NoHello => "no hello in time",
            Self::Slow => "too slow or silent",
            Self::Ended => "ended by an admin",
            Self::Flooding => "too many frames",
        }
    }

    /// What a client does next.
    #[must_use]
    pub fn then(self) -> ComeBack {
        match self {
            Self::GoingAway | Self::Internal | Self::NoHello | Self::Slow => ComeBack::WithBackoff,
            Self::Flooding => ComeBack::After10s,
            Self::TokenRefused | Self::TokenExpired => ComeBack::WithNewToken,
            Self::Unsupported
            | Self::InvalidUtf8
            | Self::TooBig
            | Self::Protocol
            | Self::NotAllowed
            | Self::Ended => ComeBack::StayAway,
        }
    }
}

/// What a client does after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComeBack {
    /// Redial with backoff, and resume.
    WithBackoff,
    /// Redial after at least 10 s.
    After10s,
    /// Redial with a new token.
    WithNewToken,
    /// Stay away and tell the person.
    StayAway,
}

/// What to do after a close with this number, also one that the server itself never sends.
#[must_use]
pub fn come_back(code: u16) -> ComeBack {
    let ours = CloseCode::ALL.iter().find(|it| it.code() == code);
    ours.map_or(ComeBack::WithBackoff, |it| it.then())
}
