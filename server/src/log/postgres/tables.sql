-- Migration 1, tables. Once released it is never edited: the next migration is added.
-- Texts compare bytewise ("C"), as everywhere else in the program.

CREATE TABLE workspaces (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, epoch UUID NOT NULL,
    seq BIGINT NOT NULL, hash BYTEA NOT NULL, at BIGINT NOT NULL,
    -- Who alone may append events, and until when.
    turn_holder UUID, turn_until BIGINT
) WITH (fillfactor = 20);

-- salt is NULL once the event is erased; body is NULL also when the skeleton says all.
CREATE TABLE events (
    workspace BIGINT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, conversation UUID,
    kind TEXT COLLATE "C" NOT NULL, actor TEXT NOT NULL, skeleton TEXT NOT NULL, salt BYTEA, body TEXT,
    digest BYTEA NOT NULL, hash BYTEA NOT NULL,
    PRIMARY KEY (workspace, seq)
);
CREATE INDEX events_by_conversation ON events (workspace, conversation, seq) WHERE conversation IS NOT NULL;
CREATE INDEX events_by_kind ON events (workspace, kind, seq) WHERE kind IN ('message_sent', 'redacted');

CREATE TABLE states (
    workspace BIGINT NOT NULL, kind BIGINT NOT NULL, id TEXT COLLATE "C" NOT NULL, version BIGINT NOT NULL,
    active BOOLEAN NOT NULL, owner TEXT COLLATE "C", body BYTEA, checksum BYTEA NOT NULL,
    PRIMARY KEY (workspace, kind, id)
) WITH (fillfactor = 80);
CREATE INDEX states_active ON states (workspace, kind, id) WHERE active;
CREATE INDEX states_by_owner ON states (workspace, kind, owner, id) WHERE owner IS NOT NULL;

-- n counts keys in the order in which they were stored.
CREATE TABLE keys (
    workspace BIGINT NOT NULL, scope TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL,
    n BIGINT GENERATED ALWAYS AS IDENTITY, fingerprint BYTEA NOT NULL, answer TEXT NOT NULL, seq BIGINT,
    at BIGINT NOT NULL, keep_until BIGINT NOT NULL, checksum BYTEA NOT NULL,
    PRIMARY KEY (workspace, scope, key)
);

-- wake is when the timer may be taken: when it is due, or later when somebody has taken it.
CREATE TABLE timers (
    workspace BIGINT NOT NULL, kind BIGINT NOT NULL, id TEXT COLLATE "C" NOT NULL, due BIGINT NOT NULL,
    wake BIGINT NOT NULL, checksum BYTEA NOT NULL,
    PRIMARY KEY (workspace, kind, id)
) WITH (fillfactor = 80);
CREATE INDEX timers_by_wake ON timers (wake);

CREATE TABLE mentions (
    workspace BIGINT NOT NULL, agent TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, conversation UUID NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (workspace, agent, seq)
);
CREATE INDEX mentions_by_seq ON mentions (workspace, seq);

CREATE TABLE marks (
    workspace BIGINT NOT NULL, agent TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (workspace, agent, name)
) WITH (fillfactor = 80);

-- at is when the agent came; left_at is NULL while the agent is there.
CREATE TABLE seats (
    workspace BIGINT NOT NULL, agent TEXT COLLATE "C" NOT NULL, instance UUID NOT NULL, generation BIGINT NOT NULL,
    at BIGINT NOT NULL, left_at BIGINT,
    PRIMARY KEY (workspace, agent, instance)
);
CREATE INDEX seats_taken ON seats (instance) WHERE left_at IS NULL;

-- Until when an instance's seats count.
CREATE TABLE leases (instance UUID PRIMARY KEY, until BIGINT NOT NULL);

CREATE TABLE commits (
    workspace BIGINT NOT NULL, id UUID NOT NULL, first_seq BIGINT NOT NULL, last_seq BIGINT NOT NULL,
    hash BYTEA NOT NULL, at BIGINT NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX commits_by_age ON commits USING brin (at);

-- What all who share the log know, and nobody else.
CREATE TABLE secrets (name TEXT COLLATE "C" PRIMARY KEY, value BYTEA NOT NULL);
