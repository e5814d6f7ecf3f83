CREATE TABLE daemon (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	owner TEXT NOT NULL,
	host TEXT NOT NULL,
	pid INTEGER NOT NULL,
	version TEXT NOT NULL,
	lanes TEXT NOT NULL,
	object_type TEXT,
	started_at TEXT NOT NULL,
	heartbeat_at TEXT NOT NULL,
	stopped_at TEXT,
	running TEXT NOT NULL,
	counters TEXT NOT NULL
)
 STRICT;

CREATE TABLE hook_delivery (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	hook TEXT NOT NULL,
	segment_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	next_attempt_at TEXT,
	delivered_at TEXT,
	dead_at TEXT,
	last_error TEXT,
	FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE
)
 STRICT;

CREATE INDEX hook_delivery_next ON hook_delivery (next_attempt_at);

CREATE INDEX ix_hook_delivery_segment_id ON hook_delivery (segment_id);

CREATE TABLE segment_schedule (
	segment_id INTEGER NOT NULL,
	due_at TEXT,
	attempted_at TEXT,
	retry_at TEXT,
	parked_at TEXT,
	failures INTEGER NOT NULL,
	error_class TEXT,
	error TEXT,
	definition_hash TEXT,
	catalog_version INTEGER,
	held_at TEXT,
	PRIMARY KEY (segment_id),
	FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE
)
 STRICT;

CREATE TABLE cancel_request (
	token TEXT NOT NULL,
	segment_id INTEGER NOT NULL,
	requested_by TEXT NOT NULL,
	PRIMARY KEY (token, segment_id)
)
 STRICT;

CREATE TABLE change_horizon (
	segment_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	started_at TEXT NOT NULL,
	PRIMARY KEY (segment_id),
	FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE
)
 STRICT;

