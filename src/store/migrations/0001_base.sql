-- The first schema. Never edited after a release: a change is a new file.
--
-- Times are microseconds since 1970-01-01T00:00:00Z, spans microseconds, days ISO dates.
-- Inventory entries keep three documents: what the configuration says (`declared`), what
-- people, imports and devices say (`recorded`), and the two laid over each other (`body`).
-- Columns that other columns follow from are generated, so that nothing is said twice.

-- What is known for ever by its number: anything with a state.
CREATE TABLE target (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL CHECK (kind IN ('device', 'link', 'service')),
    slug     TEXT    NOT NULL,
    added_at INTEGER NOT NULL,
    gone_at  INTEGER,
    UNIQUE (kind, slug)
) STRICT;

-- Administrative and organisational units.
CREATE TABLE unit (
    id         TEXT    NOT NULL PRIMARY KEY,
    declared   TEXT,
    recorded   TEXT,
    body       TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    gone_at    INTEGER,
    name       TEXT GENERATED ALWAYS AS (body ->> '$.name') VIRTUAL,
    kind       TEXT GENERATED ALWAYS AS (body ->> '$.kind') VIRTUAL,
    parent     TEXT GENERATED ALWAYS AS (body ->> '$.parent') VIRTUAL
               REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- Physical places.
CREATE TABLE site (
    id         TEXT    NOT NULL PRIMARY KEY,
    declared   TEXT,
    recorded   TEXT,
    body       TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    gone_at    INTEGER,
    name       TEXT GENERATED ALWAYS AS (body ->> '$.name') VIRTUAL,
    kind       TEXT GENERATED ALWAYS AS (body ->> '$.kind') VIRTUAL,
    within     TEXT GENERATED ALWAYS AS (body ->> '$.within') VIRTUAL
               REFERENCES site (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- That a site belongs to a unit, from a day (inclusive) to a day (exclusive).
CREATE TABLE membership (
    site       TEXT    NOT NULL REFERENCES site (id) DEFERRABLE INITIALLY DEFERRED,
    place      INTEGER NOT NULL,
    unit       TEXT    NOT NULL REFERENCES unit (id) DEFERRABLE INITIALLY DEFERRED,
    valid_from TEXT,
    valid_to   TEXT,
    PRIMARY KEY (site, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_by_unit ON membership (unit);

CREATE TABLE device (
    target     INTEGER NOT NULL PRIMARY KEY REFERENCES target (id),
    declared   TEXT,
    recorded   TEXT,
    body       TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    name       TEXT GENERATED ALWAYS AS (body ->> '$.name') VIRTUAL,
    class      TEXT GENERATED ALWAYS AS (body ->> '$.class') VIRTUAL,
    lifecycle  TEXT GENERATED ALWAYS AS (body ->> '$.lifecycle') VIRTUAL,
    serial     TEXT GENERATED ALWAYS AS (body ->> '$.serial') VIRTUAL,
    site       TEXT GENERATED ALWAYS AS (body ->> '$.site') VIRTUAL
               REFERENCES site (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE link (
    target     INTEGER NOT NULL PRIMARY KEY REFERENCES target (id),
    declared   TEXT,
    recorded   TEXT,
    body       TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    name       TEXT GENERATED ALWAYS AS (body ->> '$.name') VIRTUAL,
    provider   TEXT GENERATED ALWAYS AS (body ->> '$.provider') VIRTUAL,
    site       TEXT GENERATED ALWAYS AS (body ->> '$.site') VIRTUAL
               REFERENCES site (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE service (
    target     INTEGER NOT NULL PRIMARY KEY REFERENCES target (id),
    declared   TEXT,
    recorded   TEXT,
    body       TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    name       TEXT GENERATED ALWAYS AS (body ->> '$.name') VIRTUAL,
    site       TEXT GENERATED ALWAYS AS (body ->> '$.site') VIRTUAL
               REFERENCES site (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- Everything that happened. The truth; the next two tables follow from it.
CREATE TABLE event (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    target      INTEGER REFERENCES target (id),
    kind        TEXT    NOT NULL,
    body        TEXT    NOT NULL
) STRICT;
CREATE INDEX event_by_time   ON event (at);
CREATE INDEX event_by_target ON event (target, at);
CREATE INDEX event_by_kind   ON event (kind, at);

-- Changes of state, packed for availability.
CREATE TABLE transition (
    target     INTEGER NOT NULL REFERENCES target (id),
    at         INTEGER NOT NULL,
    event      INTEGER NOT NULL REFERENCES event (sequence),
    from_state INTEGER NOT NULL,
    to_state   INTEGER NOT NULL,
    reason     TEXT,
    PRIMARY KEY (target, at, event)
) STRICT, WITHOUT ROWID;

-- Outages.
CREATE TABLE incident (
    id          INTEGER NOT NULL PRIMARY KEY,
    target      INTEGER NOT NULL REFERENCES target (id),
    root        INTEGER REFERENCES target (id),
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    reason      TEXT    NOT NULL,
    class       TEXT,
    ack_author  TEXT,
    ack_comment TEXT,
    ack_at      INTEGER,
    ack_until   INTEGER
) STRICT;
CREATE INDEX incident_open      ON incident (target) WHERE ended_at IS NULL;
CREATE INDEX incident_by_start  ON incident (started_at);
CREATE INDEX incident_by_target ON incident (target, started_at);

-- What is to be told to whom. Text is rendered at sending, from the record.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    incident    INTEGER REFERENCES incident (id),
    payload     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    tried_at    INTEGER,
    next_try_at INTEGER NOT NULL,
    error       TEXT,
    sent_at     INTEGER,
    refused_at  INTEGER,
    cancelled_at INTEGER
) STRICT;
CREATE INDEX outbox_waiting     ON outbox (next_try_at)
    WHERE sent_at IS NULL AND refused_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX outbox_by_incident ON outbox (incident);

-- The outages that a row tells of, its own and those that joined it.
CREATE TABLE outbox_incident (
    outbox   INTEGER NOT NULL REFERENCES outbox (id),
    incident INTEGER NOT NULL REFERENCES incident (id),
    PRIMARY KEY (outbox, incident)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_incident_by_incident ON outbox_incident (incident);

-- Where the monitor goes on after a restart.
CREATE TABLE saved_state (
    target INTEGER NOT NULL PRIMARY KEY REFERENCES target (id),
    state  INTEGER NOT NULL,
    since  INTEGER NOT NULL,
    reason TEXT,
    body   BLOB    NOT NULL
) STRICT;

-- Running sums of a target, never decreasing.
CREATE TABLE totals (
    target        INTEGER NOT NULL PRIMARY KEY REFERENCES target (id),
    outages       INTEGER NOT NULL,
    outage        INTEGER NOT NULL,
    observed      INTEGER NOT NULL,
    reboots       INTEGER NOT NULL,
    echo_sent     INTEGER NOT NULL,
    echo_received INTEGER NOT NULL,
    rtt_sum       INTEGER NOT NULL
) STRICT;

-- What a device is, as it told.
CREATE TABLE fact (
    target  INTEGER NOT NULL REFERENCES target (id),
    key     TEXT    NOT NULL,
    value   TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (target, key)
) STRICT, WITHOUT ROWID;

-- The interfaces of a device, by their stable name. What is gone is marked, never deleted.
CREATE TABLE interface (
    target     INTEGER NOT NULL REFERENCES target (id),
    name       TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    descr      TEXT,
    alias      TEXT,
    kind       TEXT,
    mac        TEXT,
    mtu        INTEGER,
    admin_up   INTEGER,
    oper_up    INTEGER,
    speed_bps  INTEGER,
    changed_at INTEGER,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    gone_at    INTEGER,
    PRIMARY KEY (target, name)
) STRICT, WITHOUT ROWID;

-- Small values of the daemon itself, by name.
CREATE TABLE setting (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What history is kept of: one measure of one target.
CREATE TABLE series (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    target   INTEGER NOT NULL REFERENCES target (id),
    metric   TEXT    NOT NULL,
    instance TEXT    NOT NULL,
    UNIQUE (target, metric, instance)
) STRICT;

-- Compressed history. The key packs level (2 bits), window (28 bits) and series (32 bits), so
-- that neighbours on disk are written together and a level's oldest windows are deleted in one
-- range; see store/history. It holds series.id, which a foreign key can't reach.
CREATE TABLE chunk (
    id   INTEGER NOT NULL PRIMARY KEY,
    body BLOB    NOT NULL
) STRICT;

-- Samples that are in no chunk yet, one row for each commit.
CREATE TABLE journal (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB    NOT NULL
) STRICT;

-- Windows of raw history whose roll-up is due, and how far it has come.
CREATE TABLE rollup_todo (
    window INTEGER NOT NULL PRIMARY KEY,
    after_series INTEGER NOT NULL DEFAULT 0
) STRICT;
