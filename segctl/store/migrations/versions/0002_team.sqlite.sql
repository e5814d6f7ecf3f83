CREATE INDEX audit_entry_subject ON audit_entry (subject_type, subject);

CREATE TABLE default_segment (
	object_type TEXT NOT NULL,
	segment_id INTEGER NOT NULL,
	PRIMARY KEY (object_type),
	FOREIGN KEY(segment_id) REFERENCES segment (id)
)
 STRICT;

CREATE INDEX ix_default_segment_segment_id ON default_segment (segment_id);

CREATE TABLE pin (
	member_id INTEGER NOT NULL,
	object_type TEXT NOT NULL,
	segment_id INTEGER NOT NULL,
	PRIMARY KEY (member_id, object_type),
	FOREIGN KEY(member_id) REFERENCES team_member (id),
	FOREIGN KEY(segment_id) REFERENCES segment (id)
)
 STRICT;

CREATE INDEX ix_pin_segment_id ON pin (segment_id);

CREATE TABLE assignment_rule (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	position INTEGER NOT NULL,
	segment_id INTEGER NOT NULL,
	member_id INTEGER,
	group_id INTEGER,
	enabled INTEGER NOT NULL,
	description TEXT NOT NULL,
	created_at TEXT NOT NULL,
	modified_at TEXT NOT NULL,
	CONSTRAINT assigned_to_one CHECK ((member_id IS NULL) <> (group_id IS NULL)),
	UNIQUE (segment_id),
	FOREIGN KEY(segment_id) REFERENCES segment (id),
	FOREIGN KEY(member_id) REFERENCES team_member (id),
	FOREIGN KEY(group_id) REFERENCES team_group (id)
)
 STRICT;

CREATE INDEX ix_assignment_rule_group_id ON assignment_rule (group_id);

CREATE INDEX ix_assignment_rule_member_id ON assignment_rule (member_id);

CREATE TABLE conversation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	contact_id INTEGER NOT NULL,
	channel TEXT NOT NULL,
	external_id TEXT,
	opened_at TEXT NOT NULL,
	closed_at TEXT,
	assigned_at TEXT,
	assigned_by TEXT,
	rule_id INTEGER,
	segment_id INTEGER,
	member_id INTEGER,
	group_id INTEGER,
	source TEXT NOT NULL,
	trace TEXT NOT NULL,
	UNIQUE (external_id),
	FOREIGN KEY(member_id) REFERENCES team_member (id),
	FOREIGN KEY(group_id) REFERENCES team_group (id)
)
 STRICT;

CREATE INDEX conversation_open ON conversation (member_id, closed_at);

CREATE INDEX ix_conversation_contact_id ON conversation (contact_id);

CREATE INDEX ix_conversation_group_id ON conversation (group_id);

CREATE INDEX ix_conversation_opened_at ON conversation (opened_at);

CREATE TABLE hidden_segment (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	segment_id INTEGER NOT NULL,
	member_id INTEGER,
	group_id INTEGER,
	CONSTRAINT hidden_from_one CHECK ((member_id IS NULL) <> (group_id IS NULL)),
	FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE,
	FOREIGN KEY(member_id) REFERENCES team_member (id) ON DELETE CASCADE,
	FOREIGN KEY(group_id) REFERENCES team_group (id) ON DELETE CASCADE
)
 STRICT;

CREATE UNIQUE INDEX hidden_segment_group ON hidden_segment (group_id, segment_id);

CREATE UNIQUE INDEX hidden_segment_member ON hidden_segment (member_id, segment_id);

CREATE INDEX ix_hidden_segment_segment_id ON hidden_segment (segment_id);

CREATE TABLE team_group_turn (
	group_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	turn INTEGER NOT NULL,
	PRIMARY KEY (group_id, member_id),
	FOREIGN KEY(group_id) REFERENCES team_group (id) ON DELETE CASCADE,
	FOREIGN KEY(member_id) REFERENCES team_member (id) ON DELETE CASCADE
)
 STRICT;

