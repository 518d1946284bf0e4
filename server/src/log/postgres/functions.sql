-- Migration 1, functions. Once released they are never edited: a later migration replaces them.
-- They compare and write what they are told. What a batch means stands in batch.rs alone.

CREATE FUNCTION dibs_now() RETURNS BIGINT LANGUAGE sql VOLATILE AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- One length-prefixed field of a checksum.
CREATE FUNCTION dibs_field(bytes BYTEA) RETURNS BYTEA LANGUAGE sql IMMUTABLE AS
$$ SELECT int4send(octet_length(bytes)) || bytes $$;

CREATE FUNCTION dibs_timer_checksum(workspace BIGINT, kind BIGINT, id TEXT, due BIGINT) RETURNS BYTEA
LANGUAGE sql IMMUTABLE AS $$
    SELECT substring(sha256(dibs_field(int8send(workspace)) || dibs_field(int8send(kind))
        || dibs_field(convert_to(id, 'UTF8')) || dibs_field(int8send(due))) FROM 1 FOR 16)
$$;

-- Writes what was planned for some workspaces, each of them wholly or, where something is no longer as the plan
-- assumed, not at all (o_stale). Several statements, so that each sees what was stored before the lock was got.
--   g_ the workspaces: the head they must have (NULL: any); who may have the turn (g_holder) and whether nobody may
--      (g_free; NULL: whoever); who asks for the turn; the new head (NULL: as it is)
--   c_ commit ids that must be new (numbers NULL: the head's)      v_ versions that must be within bounds
--   k_ keys that must be unused                                    u_ agents that must have been absent
--   e_ events  s_ states  t_ timers (due NULL: none)  m_ mentions  r_ marks (value NULL: none)  a_ seats  x_ erasures
CREATE FUNCTION dibs_commit(
    p_now BIGINT,
    g_ws BIGINT[], g_name TEXT[], g_seq BIGINT[], g_hash BYTEA[], g_free BOOLEAN[], g_holder UUID[],
    g_ask UUID[], g_ask_ms BIGINT[], g_new_seq BIGINT[], g_new_hash BYTEA[], g_new_at BIGINT[],
    c_ws BIGINT[], c_id UUID[], c_first BIGINT[], c_last BIGINT[], c_hash BYTEA[],
    v_ws BIGINT[], v_kind BIGINT[], v_id TEXT[], v_min BIGINT[], v_max BIGINT[],
    k_ws BIGINT[], k_scope TEXT[], k_key TEXT[], k_fingerprint BYTEA[], k_answer TEXT[], k_seq BIGINT[],
    k_at BIGINT[], k_keep BIGINT[], k_sum BYTEA[],
    u_ws BIGINT[], u_agent TEXT[], u_grace BIGINT[],
    e_ws BIGINT[], e_seq BIGINT[], e_at BIGINT[], e_conversation UUID[], e_kind TEXT[], e_actor TEXT[],
    e_skeleton TEXT[], e_salt BYTEA[], e_body TEXT[], e_digest BYTEA[], e_hash BYTEA[],
    s_ws BIGINT[], s_kind BIGINT[], s_id TEXT[], s_version BIGINT[], s_active BOOLEAN[], s_owner TEXT[],
    s_body BYTEA[], s_sum BYTEA[],
    t_ws BIGINT[], t_kind BIGINT[], t_id TEXT[], t_due BIGINT[], t_sum BYTEA[],
    m_ws BIGINT[], m_agent TEXT[], m_seq BIGINT[], m_conversation UUID[], m_body TEXT[],
    r_ws BIGINT[], r_agent TEXT[], r_name TEXT[], r_value TEXT[],
    a_ws BIGINT[], a_agent TEXT[], a_instance UUID[], a_generation BIGINT[], a_present BOOLEAN[],
    x_ws BIGINT[], x_seq BIGINT[]
) RETURNS TABLE (o_ws BIGINT, o_stale BOOLEAN, o_seq BIGINT, o_hash BYTEA) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    v_now BIGINT;
    v_stale BIGINT[];
    v_more BIGINT[];
BEGIN
    -- In the order of their ids, so that two batches never wait for each other.
    PERFORM 1 FROM workspaces w WHERE w.id = ANY (g_ws) ORDER BY w.id FOR NO KEY UPDATE;
    v_now := coalesce(p_now, dibs_now());

    SELECT coalesce(array_agg(g.ws), '{}') INTO v_stale
    FROM unnest(g_ws, g_name, g_seq, g_hash, g_free, g_holder) AS g (ws, name, seq, hash, free, holder)
    LEFT JOIN workspaces w ON w.id = g.ws AND w.name = g.name COLLATE "C"
    WHERE w.id IS NULL OR (g.seq IS NOT NULL AND (w.seq <> g.seq OR w.hash <> g.hash))
        OR (g.free IS NOT NULL AND NOT CASE WHEN w.turn_until > v_now THEN coalesce(w.turn_holder = g.holder, false)
            ELSE g.free END);
    IF cardinality(c_ws) > 0 THEN
        SELECT array_agg(DISTINCT c.workspace) INTO v_more
        FROM unnest(c_ws, c_id) AS n (ws, id) JOIN commits c ON c.workspace = n.ws AND c.id = n.id;
        v_stale := v_stale || coalesce(v_more, '{}');
    END IF;
    IF cardinality(v_ws) > 0 THEN
        SELECT array_agg(DISTINCT n.ws) INTO v_more
        FROM unnest(v_ws, v_kind, v_id, v_min, v_max) AS n (ws, kind, id, min, max)
        LEFT JOIN states s ON s.workspace = n.ws AND s.kind = n.kind AND s.id = n.id COLLATE "C"
        WHERE coalesce(s.version, 0) NOT BETWEEN n.min AND n.max;
        v_stale := v_stale || coalesce(v_more, '{}');
    END IF;
    IF cardinality(k_ws) > 0 THEN
        SELECT array_agg(DISTINCT n.ws) INTO v_more
        FROM unnest(k_ws, k_scope, k_key) AS n (ws, scope, key)
        JOIN keys k ON k.workspace = n.ws AND k.scope = n.scope COLLATE "C" AND k.key = n.key COLLATE "C";
        v_stale := v_stale || coalesce(v_more, '{}');
    END IF;
    IF cardinality(u_ws) > 0 THEN
        -- A seat under a lapsed lease was left when that lapsed; one without a lease never counted.
        SELECT array_agg(DISTINCT n.ws) INTO v_more
        FROM unnest(u_ws, u_agent, u_grace) AS n (ws, agent, grace)
        JOIN seats a ON a.workspace = n.ws AND a.agent = n.agent COLLATE "C"
        LEFT JOIN leases l ON l.instance = a.instance
        WHERE coalesce(a.left_at, l.until, a.at) > v_now - n.grace;
        v_stale := v_stale || coalesce(v_more, '{}');
    END IF;

    IF cardinality(array_remove(g_ask, NULL)) > 0 THEN
        UPDATE workspaces w SET turn_holder = g.ask, turn_until = v_now + g.ask_ms
        FROM unnest(g_ws, g_ask, g_ask_ms) AS g (ws, ask, ask_ms)
        WHERE w.id = g.ws AND g.ask IS NOT NULL
            AND (w.turn_until IS NULL OR w.turn_until <= v_now OR w.turn_holder = g.ask);
    END IF;
    IF cardinality(e_ws) > 0 THEN
        INSERT INTO events (workspace, seq, at, conversation, kind, actor, skeleton, salt, body, digest, hash)
        SELECT * FROM unnest(e_ws, e_seq, e_at, e_conversation, e_kind, e_actor, e_skeleton, e_salt, e_body,
            e_digest, e_hash) AS n (ws) WHERE n.ws <> ALL (v_stale);
    END IF;
    IF cardinality(x_ws) > 0 THEN
        UPDATE events e SET salt = NULL, body = NULL FROM unnest(x_ws, x_seq) AS n (ws, seq)
        WHERE e.workspace = n.ws AND e.seq = n.seq AND n.ws <> ALL (v_stale);
    END IF;
    IF cardinality(k_ws) > 0 THEN
        INSERT INTO keys (workspace, scope, key, fingerprint, answer, seq, at, keep_until, checksum)
        SELECT * FROM unnest(k_ws, k_scope, k_key, k_fingerprint, k_answer, k_seq, k_at, k_keep, k_sum) AS n (ws)
        WHERE n.ws <> ALL (v_stale);
    END IF;
    IF cardinality(m_ws) > 0 THEN
        INSERT INTO mentions (workspace, agent, seq, conversation, body)
        SELECT * FROM unnest(m_ws, m_agent, m_seq, m_conversation, m_body) AS n (ws) WHERE n.ws <> ALL (v_stale)
        ON CONFLICT (workspace, agent, seq) DO UPDATE SET conversation = excluded.conversation, body = excluded.body;
    END IF;
    IF cardinality(a_ws) > 0 THEN
        INSERT INTO seats AS a (workspace, agent, instance, generation, at, left_at)
        SELECT n.ws, n.agent, n.instance, n.generation, v_now, CASE WHEN n.present THEN NULL ELSE v_now END
        FROM unnest(a_ws, a_agent, a_instance, a_generation, a_present) AS n (ws, agent, instance, generation, present)
        WHERE n.ws <> ALL (v_stale)
        ON CONFLICT (workspace, agent, instance) DO UPDATE
        SET generation = excluded.generation, at = excluded.at, left_at = excluded.left_at
        WHERE excluded.generation > a.generation;
    END IF;
    IF cardinality(c_ws) > 0 THEN
        INSERT INTO commits (workspace, id, first_seq, last_seq, hash, at)
        SELECT n.ws, n.id, coalesce(n.first, w.seq), coalesce(n.last, w.seq), coalesce(n.hash, w.hash), v_now
        FROM unnest(c_ws, c_id, c_first, c_last, c_hash) AS n (ws, id, first, last, hash)
        JOIN workspaces w ON w.id = n.ws WHERE n.ws <> ALL (v_stale);
    END IF;
    IF cardinality(s_ws) > 0 THEN
        INSERT INTO states (workspace, kind, id, version, active, owner, body, checksum)
        SELECT * FROM unnest(s_ws, s_kind, s_id, s_version, s_active, s_owner, s_body, s_sum) AS n (ws)
        WHERE n.ws <> ALL (v_stale)
        ON CONFLICT (workspace, kind, id) DO UPDATE SET version = excluded.version, active = excluded.active,
            owner = excluded.owner, body = excluded.body, checksum = excluded.checksum;
    END IF;
    IF cardinality(t_ws) > 0 THEN
        INSERT INTO timers (workspace, kind, id, due, wake, checksum)
        SELECT n.ws, n.kind, n.id, n.due, n.due, n.sum
        FROM unnest(t_ws, t_kind, t_id, t_due, t_sum) AS n (ws, kind, id, due, sum)
        WHERE n.due IS NOT NULL AND n.ws <> ALL (v_stale)
        ON CONFLICT (workspace, kind, id) DO UPDATE
        SET due = excluded.due, wake = excluded.wake, checksum = excluded.checksum;
        IF array_position(t_due, NULL) IS NOT NULL THEN
            DELETE FROM timers t USING unnest(t_ws, t_kind, t_id, t_due) AS n (ws, kind, id, due)
            WHERE n.due IS NULL AND n.ws <> ALL (v_stale)
                AND t.workspace = n.ws AND t.kind = n.kind AND t.id = n.id COLLATE "C";
        END IF;
    END IF;
    IF cardinality(r_ws) > 0 THEN
        INSERT INTO marks (workspace, agent, name, value)
        SELECT * FROM unnest(r_ws, r_agent, r_name, r_value) AS n (ws, agent, name, value)
        WHERE n.value IS NOT NULL AND n.ws <> ALL (v_stale)
        ON CONFLICT (workspace, agent, name) DO UPDATE SET value = excluded.value;
        DELETE FROM marks r USING unnest(r_ws, r_agent, r_name, r_value) AS n (ws, agent, name, value)
        WHERE n.value IS NULL AND n.ws <> ALL (v_stale)
            AND r.workspace = n.ws AND r.agent = n.agent COLLATE "C" AND r.name = n.name COLLATE "C";
    END IF;
    IF cardinality(e_ws) > 0 THEN
        -- Only who has the turn can have appended: it has had it.
        UPDATE workspaces w SET seq = g.seq, hash = g.hash, at = g.at, turn_holder = NULL, turn_until = NULL
        FROM unnest(g_ws, g_new_seq, g_new_hash, g_new_at) AS g (ws, seq, hash, at)
        WHERE w.id = g.ws AND g.seq IS NOT NULL AND g.ws <> ALL (v_stale);
    END IF;
    RETURN QUERY SELECT w.id, w.id = ANY (v_stale), w.seq, w.hash FROM workspaces w WHERE w.id = ANY (g_ws);
END
$$;

-- Renews an instance's lease and gives up the seats under all lapsed ones. Whether its own had been given up.
CREATE FUNCTION dibs_renew(p_now BIGINT, p_instance UUID, p_lease BIGINT, p_grace BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    v_now BIGINT := coalesce(p_now, dibs_now());
    v_late BOOLEAN := EXISTS (SELECT FROM leases WHERE instance = p_instance AND until <= v_now);
    v_lapsed BOOLEAN;
BEGIN
    UPDATE leases SET until = v_now + p_lease WHERE instance = p_instance;
    v_lapsed := NOT FOUND;
    IF v_lapsed THEN
        INSERT INTO leases (instance, until) VALUES (p_instance, v_now + p_lease)
        ON CONFLICT (instance) DO UPDATE SET until = excluded.until;
    END IF;
    -- A lease that somebody renews or gives up at this moment is left to them.
    IF v_late THEN
        UPDATE leases SET until = v_now + p_lease WHERE instance IN (
            SELECT instance FROM leases WHERE until <= v_now FOR UPDATE SKIP LOCKED);
        RETURN FALSE;
    END IF;
    PERFORM 1 FROM leases WHERE until <= v_now FOR UPDATE SKIP LOCKED;
    IF FOUND OR EXISTS (SELECT FROM seats a WHERE a.left_at IS NULL
        AND NOT EXISTS (SELECT FROM leases l WHERE l.instance = a.instance)) THEN
        PERFORM dibs_reap(v_now, p_grace);
    END IF;
    RETURN v_lapsed;
END
$$;

-- Gives up the seats of the instances without a live lease, and sets their agents' timers.
CREATE FUNCTION dibs_reap(p_now BIGINT, p_grace BIGINT) RETURNS VOID LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    v_dead UUID[];
BEGIN
    SELECT coalesce(array_agg(instance), '{}') INTO v_dead FROM (
        SELECT instance FROM leases WHERE until <= p_now FOR UPDATE SKIP LOCKED) AS lapsed;
    -- The same order as in a commit: the workspaces first.
    PERFORM 1 FROM workspaces w WHERE w.id IN (
        SELECT a.workspace FROM seats a WHERE a.left_at IS NULL AND (a.instance = ANY (v_dead)
            OR NOT EXISTS (SELECT FROM leases l WHERE l.instance = a.instance)))
    ORDER BY w.id FOR NO KEY UPDATE;
    WITH gone AS (
        UPDATE seats a SET left_at = coalesce((SELECT l.until FROM leases l WHERE l.instance = a.instance), a.at)
        WHERE a.left_at IS NULL AND (a.instance = ANY (v_dead)
            OR NOT EXISTS (SELECT FROM leases l WHERE l.instance = a.instance))
        RETURNING a.workspace, a.agent, a.left_at
    ), due AS (
        SELECT workspace, agent, max(left_at) + p_grace AS due FROM gone GROUP BY workspace, agent
    )
    INSERT INTO timers (workspace, kind, id, due, wake, checksum)
    SELECT workspace, 3, agent, due, due, dibs_timer_checksum(workspace, 3, agent, due) FROM due
    ORDER BY workspace, agent
    ON CONFLICT (workspace, kind, id) DO UPDATE
    SET due = excluded.due, wake = excluded.wake, checksum = excluded.checksum;
    DELETE FROM leases WHERE instance = ANY (v_dead);
END
$$;
