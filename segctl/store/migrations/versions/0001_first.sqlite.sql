CREATE TABLE attribute (
	object_type TEXT NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	choices TEXT NOT NULL,
	description TEXT NOT NULL,
	created_at TEXT NOT NULL,
	PRIMARY KEY (object_type, name)
)
 STRICT;

CREATE TABLE audit_entry (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	at TEXT NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	subject_type TEXT NOT NULL,
	subject TEXT NOT NULL,
	"before" TEXT NOT NULL,
	"after" TEXT NOT NULL
)
 STRICT;

CREATE TABLE member_change (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	segment_id INTEGER NOT NULL,
	record_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	entered INTEGER NOT NULL,
	since_id INTEGER
)
 STRICT;

CREATE INDEX member_change_run ON member_change (segment_id, recalculation_id);

CREATE TABLE recalculation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	segment_id INTEGER NOT NULL,
	"trigger" TEXT NOT NULL,
	mode TEXT NOT NULL,
	why TEXT NOT NULL,
	baseline INTEGER NOT NULL,
	started_at TEXT NOT NULL,
	duration REAL,
	now TEXT NOT NULL,
	count_before INTEGER,
	count_after INTEGER,
	entered INTEGER,
	"left" INTEGER,
	skips INTEGER NOT NULL,
	error TEXT,
	definition_hash TEXT NOT NULL,
	owner TEXT NOT NULL
)
 STRICT;

CREATE INDEX recalculation_segment ON recalculation (segment_id, id);

CREATE TABLE segment (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	object_type TEXT NOT NULL,
	name TEXT NOT NULL,
	folded_name TEXT NOT NULL,
	description TEXT NOT NULL,
	condition TEXT NOT NULL,
	definition_hash TEXT NOT NULL,
	interval INTEGER NOT NULL,
	max_change TEXT,
	modified_at TEXT NOT NULL,
	created_at TEXT NOT NULL
)
 STRICT;

CREATE UNIQUE INDEX segment_name ON segment (object_type, folded_name);

CREATE TABLE team_member (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	active INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	UNIQUE (email)
)
 STRICT;

CREATE TABLE trace_mark (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	at TEXT NOT NULL,
	position INTEGER NOT NULL,
	pruned INTEGER NOT NULL
)
 STRICT;

CREATE TABLE workspace (
	id INTEGER NOT NULL,
	store_id TEXT NOT NULL,
	timezone TEXT NOT NULL,
	catalog_version INTEGER NOT NULL,
	min_interval INTEGER NOT NULL,
	heavy_seconds REAL NOT NULL,
	heavy_share REAL NOT NULL,
	trace_keep_days REAL NOT NULL,
	trace_keep_rows INTEGER NOT NULL,
	full_every_days REAL NOT NULL,
	change_keep_days REAL NOT NULL,
	change_keep_rows INTEGER NOT NULL,
	run_keep_days REAL NOT NULL,
	max_change TEXT,
	assignment_source TEXT NOT NULL,
	group_strategy TEXT,
	created_at TEXT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT one_workspace CHECK (id = 1)
)
 STRICT;

CREATE TABLE lease (
	segment_id INTEGER NOT NULL,
	token TEXT NOT NULL,
	owner TEXT NOT NULL,
	host TEXT NOT NULL,
	pid INTEGER NOT NULL,
	started_at TEXT NOT NULL,
	expires_at TEXT NOT NULL,
	PRIMARY KEY (segment_id),
	FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE
)
 STRICT;

CREATE TABLE segment_reference (
	segment_id INTEGER NOT NULL,
	referenced_id INTEGER NOT NULL,
	PRIMARY KEY (segment_id, referenced_id),
	FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE,
	FOREIGN KEY(referenced_id) REFERENCES segment (id)
)
 STRICT;

CREATE INDEX ix_segment_reference_referenced_id ON segment_reference (referenced_id);

CREATE TABLE segment_state (
	segment_id INTEGER NOT NULL,
	count INTEGER,
	last_counted_at TEXT,
	last_duration REAL,
	last_error TEXT,
	failures INTEGER NOT NULL,
	too_heavy INTEGER NOT NULL,
	heavy_reasons TEXT NOT NULL,
	definition_hash TEXT,
	evaluated_at TEXT,
	watermark TEXT,
	full_at TEXT,
	PRIMARY KEY (segment_id),
	FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE
)
 STRICT;

CREATE TABLE team_group (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL,
	folded_name TEXT NOT NULL,
	description TEXT NOT NULL,
	manager_id INTEGER,
	strategy TEXT,
	created_at TEXT NOT NULL,
	UNIQUE (folded_name),
	FOREIGN KEY(manager_id) REFERENCES team_member (id)
)
 STRICT;

CREATE TABLE team_group_member (
	group_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	PRIMARY KEY (group_id, member_id),
	FOREIGN KEY(group_id) REFERENCES team_group (id) ON DELETE CASCADE,
	FOREIGN KEY(member_id) REFERENCES team_member (id)
)
 STRICT;

CREATE INDEX ix_team_group_member_member_id ON team_group_member (member_id);

CREATE TABLE company (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	external_id TEXT CONSTRAINT company_external_id_check CHECK ("external_id" <> '' AND length("external_id") <= 500),
	name TEXT CONSTRAINT company_name_check CHECK ("name" <> ''),
	industry TEXT CONSTRAINT company_industry_check CHECK ("industry" <> ''),
	size INTEGER CONSTRAINT company_size_check CHECK ("size" BETWEEN -9007199254740992 AND 9007199254740992),
	revenue REAL CONSTRAINT company_revenue_check CHECK ("revenue" BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308),
	country TEXT CONSTRAINT company_country_check CHECK ("country" <> ''),
	city TEXT CONSTRAINT company_city_check CHECK ("city" <> ''),
	website TEXT CONSTRAINT company_website_check CHECK ("website" <> ''),
	description TEXT CONSTRAINT company_description_check CHECK ("description" <> ''),
	assignee TEXT CONSTRAINT company_assignee_check CHECK ("assignee" <> ''),
	created_at TEXT CONSTRAINT company_created_at_check CHECK ("created_at" IS NULL OR "created_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "created_at" >= '0001' AND substr("created_at", 12, 2) <> '24' AND julianday(substr("created_at", 1, 19)) IS NOT NULL AND (substr("created_at", 9, 2) <= '28' OR date(substr("created_at", 1, 10), '+0 days') IS substr("created_at", 1, 10))),
	updated_at TEXT CONSTRAINT company_updated_at_check CHECK ("updated_at" IS NULL OR "updated_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "updated_at" >= '0001' AND substr("updated_at", 12, 2) <> '24' AND julianday(substr("updated_at", 1, 19)) IS NOT NULL AND (substr("updated_at", 9, 2) <= '28' OR date(substr("updated_at", 1, 10), '+0 days') IS substr("updated_at", 1, 10))),
	UNIQUE (external_id)
)
 STRICT;

CREATE TABLE company_member (
	segment_id INTEGER NOT NULL,
	record_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	PRIMARY KEY (segment_id, record_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE contact_member (
	segment_id INTEGER NOT NULL,
	record_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	PRIMARY KEY (segment_id, record_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE deal_member (
	segment_id INTEGER NOT NULL,
	record_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	PRIMARY KEY (segment_id, record_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE product (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	external_id TEXT CONSTRAINT product_external_id_check CHECK ("external_id" <> '' AND length("external_id") <= 500),
	name TEXT CONSTRAINT product_name_check CHECK ("name" <> ''),
	category TEXT CONSTRAINT product_category_check CHECK ("category" <> ''),
	price REAL CONSTRAINT product_price_check CHECK ("price" BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308),
	quantity INTEGER CONSTRAINT product_quantity_check CHECK ("quantity" BETWEEN -9007199254740992 AND 9007199254740992),
	url TEXT CONSTRAINT product_url_check CHECK ("url" <> ''),
	description TEXT CONSTRAINT product_description_check CHECK ("description" <> ''),
	created_at TEXT CONSTRAINT product_created_at_check CHECK ("created_at" IS NULL OR "created_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "created_at" >= '0001' AND substr("created_at", 12, 2) <> '24' AND julianday(substr("created_at", 1, 19)) IS NOT NULL AND (substr("created_at", 9, 2) <= '28' OR date(substr("created_at", 1, 10), '+0 days') IS substr("created_at", 1, 10))),
	updated_at TEXT CONSTRAINT product_updated_at_check CHECK ("updated_at" IS NULL OR "updated_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "updated_at" >= '0001' AND substr("updated_at", 12, 2) <> '24' AND julianday(substr("updated_at", 1, 19)) IS NOT NULL AND (substr("updated_at", 9, 2) <= '28' OR date(substr("updated_at", 1, 10), '+0 days') IS substr("updated_at", 1, 10))),
	UNIQUE (external_id)
)
 STRICT;

CREATE TABLE product_member (
	segment_id INTEGER NOT NULL,
	record_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	PRIMARY KEY (segment_id, record_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE task_member (
	segment_id INTEGER NOT NULL,
	record_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	PRIMARY KEY (segment_id, record_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE ticket_member (
	segment_id INTEGER NOT NULL,
	record_id INTEGER NOT NULL,
	recalculation_id INTEGER NOT NULL,
	PRIMARY KEY (segment_id, record_id)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE trace (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	object_type TEXT NOT NULL,
	record_id INTEGER,
	relation TEXT,
	old_id INTEGER,
	new_id INTEGER
)
 STRICT;

CREATE TABLE company_item (
	attribute TEXT NOT NULL CONSTRAINT company_item_attribute_check CHECK (attribute <> ''),
	item TEXT NOT NULL CONSTRAINT company_item_item_check CHECK (item <> '' AND length(item) <= 500),
	record_id INTEGER NOT NULL,
	PRIMARY KEY (attribute, item, record_id),
	FOREIGN KEY(record_id) REFERENCES company (id) ON DELETE CASCADE
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX company_item_record_id ON company_item (record_id, attribute);

CREATE TABLE contact (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	external_id TEXT CONSTRAINT contact_external_id_check CHECK ("external_id" <> '' AND length("external_id") <= 500),
	name TEXT CONSTRAINT contact_name_check CHECK ("name" <> ''),
	first_name TEXT CONSTRAINT contact_first_name_check CHECK ("first_name" <> ''),
	last_name TEXT CONSTRAINT contact_last_name_check CHECK ("last_name" <> ''),
	email TEXT CONSTRAINT contact_email_check CHECK ("email" <> ''),
	phone TEXT CONSTRAINT contact_phone_check CHECK ("phone" <> ''),
	gender TEXT CONSTRAINT contact_gender_check CHECK ("gender" <> ''),
	status TEXT CONSTRAINT contact_status_check CHECK ("status" IN ('visitor', 'user')),
	score INTEGER CONSTRAINT contact_score_check CHECK ("score" BETWEEN -9007199254740992 AND 9007199254740992),
	city TEXT CONSTRAINT contact_city_check CHECK ("city" <> ''),
	region TEXT CONSTRAINT contact_region_check CHECK ("region" <> ''),
	country TEXT CONSTRAINT contact_country_check CHECK ("country" <> ''),
	timezone TEXT CONSTRAINT contact_timezone_check CHECK ("timezone" <> ''),
	first_seen_at TEXT CONSTRAINT contact_first_seen_at_check CHECK ("first_seen_at" IS NULL OR "first_seen_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "first_seen_at" >= '0001' AND substr("first_seen_at", 12, 2) <> '24' AND julianday(substr("first_seen_at", 1, 19)) IS NOT NULL AND (substr("first_seen_at", 9, 2) <= '28' OR date(substr("first_seen_at", 1, 10), '+0 days') IS substr("first_seen_at", 1, 10))),
	last_seen_at TEXT CONSTRAINT contact_last_seen_at_check CHECK ("last_seen_at" IS NULL OR "last_seen_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "last_seen_at" >= '0001' AND substr("last_seen_at", 12, 2) <> '24' AND julianday(substr("last_seen_at", 1, 19)) IS NOT NULL AND (substr("last_seen_at", 9, 2) <= '28' OR date(substr("last_seen_at", 1, 10), '+0 days') IS substr("last_seen_at", 1, 10))),
	last_contacted_at TEXT CONSTRAINT contact_last_contacted_at_check CHECK ("last_contacted_at" IS NULL OR "last_contacted_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "last_contacted_at" >= '0001' AND substr("last_contacted_at", 12, 2) <> '24' AND julianday(substr("last_contacted_at", 1, 19)) IS NOT NULL AND (substr("last_contacted_at", 9, 2) <= '28' OR date(substr("last_contacted_at", 1, 10), '+0 days') IS substr("last_contacted_at", 1, 10))),
	page_views INTEGER CONSTRAINT contact_page_views_check CHECK ("page_views" BETWEEN -9007199254740992 AND 9007199254740992),
	unsubscribed INTEGER CONSTRAINT contact_unsubscribed_check CHECK ("unsubscribed" IN (0, 1)),
	assignee TEXT CONSTRAINT contact_assignee_check CHECK ("assignee" <> ''),
	created_at TEXT CONSTRAINT contact_created_at_check CHECK ("created_at" IS NULL OR "created_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "created_at" >= '0001' AND substr("created_at", 12, 2) <> '24' AND julianday(substr("created_at", 1, 19)) IS NOT NULL AND (substr("created_at", 9, 2) <= '28' OR date(substr("created_at", 1, 10), '+0 days') IS substr("created_at", 1, 10))),
	updated_at TEXT CONSTRAINT contact_updated_at_check CHECK ("updated_at" IS NULL OR "updated_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "updated_at" >= '0001' AND substr("updated_at", 12, 2) <> '24' AND julianday(substr("updated_at", 1, 19)) IS NOT NULL AND (substr("updated_at", 9, 2) <= '28' OR date(substr("updated_at", 1, 10), '+0 days') IS substr("updated_at", 1, 10))),
	company_id INTEGER,
	UNIQUE (external_id),
	FOREIGN KEY(company_id) REFERENCES company (id) ON DELETE SET NULL
)
 STRICT;

CREATE INDEX contact_company_id ON contact (company_id);

CREATE TABLE product_item (
	attribute TEXT NOT NULL CONSTRAINT product_item_attribute_check CHECK (attribute <> ''),
	item TEXT NOT NULL CONSTRAINT product_item_item_check CHECK (item <> '' AND length(item) <= 500),
	record_id INTEGER NOT NULL,
	PRIMARY KEY (attribute, item, record_id),
	FOREIGN KEY(record_id) REFERENCES product (id) ON DELETE CASCADE
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX product_item_record_id ON product_item (record_id, attribute);

CREATE TABLE contact_item (
	attribute TEXT NOT NULL CONSTRAINT contact_item_attribute_check CHECK (attribute <> ''),
	item TEXT NOT NULL CONSTRAINT contact_item_item_check CHECK (item <> '' AND length(item) <= 500),
	record_id INTEGER NOT NULL,
	PRIMARY KEY (attribute, item, record_id),
	FOREIGN KEY(record_id) REFERENCES contact (id) ON DELETE CASCADE
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX contact_item_record_id ON contact_item (record_id, attribute);

CREATE TABLE deal (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	external_id TEXT CONSTRAINT deal_external_id_check CHECK ("external_id" <> '' AND length("external_id") <= 500),
	name TEXT CONSTRAINT deal_name_check CHECK ("name" <> ''),
	pipeline TEXT CONSTRAINT deal_pipeline_check CHECK ("pipeline" <> ''),
	stage TEXT CONSTRAINT deal_stage_check CHECK ("stage" <> ''),
	status TEXT CONSTRAINT deal_status_check CHECK ("status" IN ('abandoned', 'in_progress', 'won', 'lost', 'archived')),
	value REAL CONSTRAINT deal_value_check CHECK ("value" BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308),
	currency TEXT CONSTRAINT deal_currency_check CHECK ("currency" <> ''),
	probability REAL CONSTRAINT deal_probability_check CHECK ("probability" BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308),
	expected_close_date TEXT CONSTRAINT deal_expected_close_date_check CHECK (date("expected_close_date", '+0 days') IS "expected_close_date" AND "expected_close_date" >= '0001-01-01'),
	won_at TEXT CONSTRAINT deal_won_at_check CHECK ("won_at" IS NULL OR "won_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "won_at" >= '0001' AND substr("won_at", 12, 2) <> '24' AND julianday(substr("won_at", 1, 19)) IS NOT NULL AND (substr("won_at", 9, 2) <= '28' OR date(substr("won_at", 1, 10), '+0 days') IS substr("won_at", 1, 10))),
	lost_at TEXT CONSTRAINT deal_lost_at_check CHECK ("lost_at" IS NULL OR "lost_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "lost_at" >= '0001' AND substr("lost_at", 12, 2) <> '24' AND julianday(substr("lost_at", 1, 19)) IS NOT NULL AND (substr("lost_at", 9, 2) <= '28' OR date(substr("lost_at", 1, 10), '+0 days') IS substr("lost_at", 1, 10))),
	loss_reason TEXT CONSTRAINT deal_loss_reason_check CHECK ("loss_reason" <> ''),
	assignee TEXT CONSTRAINT deal_assignee_check CHECK ("assignee" <> ''),
	created_at TEXT CONSTRAINT deal_created_at_check CHECK ("created_at" IS NULL OR "created_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "created_at" >= '0001' AND substr("created_at", 12, 2) <> '24' AND julianday(substr("created_at", 1, 19)) IS NOT NULL AND (substr("created_at", 9, 2) <= '28' OR date(substr("created_at", 1, 10), '+0 days') IS substr("created_at", 1, 10))),
	updated_at TEXT CONSTRAINT deal_updated_at_check CHECK ("updated_at" IS NULL OR "updated_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "updated_at" >= '0001' AND substr("updated_at", 12, 2) <> '24' AND julianday(substr("updated_at", 1, 19)) IS NOT NULL AND (substr("updated_at", 9, 2) <= '28' OR date(substr("updated_at", 1, 10), '+0 days') IS substr("updated_at", 1, 10))),
	contact_id INTEGER,
	company_id INTEGER,
	UNIQUE (external_id),
	FOREIGN KEY(contact_id) REFERENCES contact (id) ON DELETE SET NULL,
	FOREIGN KEY(company_id) REFERENCES company (id) ON DELETE SET NULL
)
 STRICT;

CREATE INDEX deal_company_id ON deal (company_id);

CREATE INDEX deal_contact_id ON deal (contact_id);

CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	external_id TEXT CONSTRAINT event_external_id_check CHECK ("external_id" <> '' AND length("external_id") <= 500),
	name TEXT NOT NULL CONSTRAINT event_name_check CHECK ("name" <> '' AND length("name") <= 500),
	occurred_at TEXT NOT NULL CONSTRAINT event_occurred_at_check CHECK ("occurred_at" IS NULL OR "occurred_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "occurred_at" >= '0001' AND substr("occurred_at", 12, 2) <> '24' AND julianday(substr("occurred_at", 1, 19)) IS NOT NULL AND (substr("occurred_at", 9, 2) <= '28' OR date(substr("occurred_at", 1, 10), '+0 days') IS substr("occurred_at", 1, 10))),
	contact_id INTEGER NOT NULL,
	product_id INTEGER,
	attributes TEXT DEFAULT '{}' NOT NULL CONSTRAINT event_attributes_check CHECK (json_valid(attributes) AND json_type(attributes) = 'object'),
	UNIQUE (external_id),
	FOREIGN KEY(contact_id) REFERENCES contact (id) ON DELETE CASCADE,
	FOREIGN KEY(product_id) REFERENCES product (id) ON DELETE SET NULL
)
 STRICT;

CREATE INDEX event_contact_id ON event (contact_id, name, occurred_at);

CREATE INDEX event_name ON event (name, occurred_at, contact_id);

CREATE INDEX event_product_id ON event (product_id);

CREATE TABLE ticket (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	external_id TEXT CONSTRAINT ticket_external_id_check CHECK ("external_id" <> '' AND length("external_id") <= 500),
	name TEXT CONSTRAINT ticket_name_check CHECK ("name" <> ''),
	description TEXT CONSTRAINT ticket_description_check CHECK ("description" <> ''),
	status TEXT CONSTRAINT ticket_status_check CHECK ("status" IN ('draft', 'active', 'closed', 'archived')),
	priority TEXT CONSTRAINT ticket_priority_check CHECK ("priority" <> ''),
	channel TEXT CONSTRAINT ticket_channel_check CHECK ("channel" <> ''),
	due_at TEXT CONSTRAINT ticket_due_at_check CHECK ("due_at" IS NULL OR "due_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "due_at" >= '0001' AND substr("due_at", 12, 2) <> '24' AND julianday(substr("due_at", 1, 19)) IS NOT NULL AND (substr("due_at", 9, 2) <= '28' OR date(substr("due_at", 1, 10), '+0 days') IS substr("due_at", 1, 10))),
	assignee TEXT CONSTRAINT ticket_assignee_check CHECK ("assignee" <> ''),
	satisfaction REAL CONSTRAINT ticket_satisfaction_check CHECK ("satisfaction" BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308),
	created_at TEXT CONSTRAINT ticket_created_at_check CHECK ("created_at" IS NULL OR "created_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "created_at" >= '0001' AND substr("created_at", 12, 2) <> '24' AND julianday(substr("created_at", 1, 19)) IS NOT NULL AND (substr("created_at", 9, 2) <= '28' OR date(substr("created_at", 1, 10), '+0 days') IS substr("created_at", 1, 10))),
	updated_at TEXT CONSTRAINT ticket_updated_at_check CHECK ("updated_at" IS NULL OR "updated_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "updated_at" >= '0001' AND substr("updated_at", 12, 2) <> '24' AND julianday(substr("updated_at", 1, 19)) IS NOT NULL AND (substr("updated_at", 9, 2) <= '28' OR date(substr("updated_at", 1, 10), '+0 days') IS substr("updated_at", 1, 10))),
	closed_at TEXT CONSTRAINT ticket_closed_at_check CHECK ("closed_at" IS NULL OR "closed_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "closed_at" >= '0001' AND substr("closed_at", 12, 2) <> '24' AND julianday(substr("closed_at", 1, 19)) IS NOT NULL AND (substr("closed_at", 9, 2) <= '28' OR date(substr("closed_at", 1, 10), '+0 days') IS substr("closed_at", 1, 10))),
	contact_id INTEGER,
	company_id INTEGER,
	product_id INTEGER,
	UNIQUE (external_id),
	FOREIGN KEY(contact_id) REFERENCES contact (id) ON DELETE SET NULL,
	FOREIGN KEY(company_id) REFERENCES company (id) ON DELETE SET NULL,
	FOREIGN KEY(product_id) REFERENCES product (id) ON DELETE SET NULL
)
 STRICT;

CREATE INDEX ticket_company_id ON ticket (company_id);

CREATE INDEX ticket_contact_id ON ticket (contact_id);

CREATE INDEX ticket_product_id ON ticket (product_id);

CREATE TABLE deal_item (
	attribute TEXT NOT NULL CONSTRAINT deal_item_attribute_check CHECK (attribute <> ''),
	item TEXT NOT NULL CONSTRAINT deal_item_item_check CHECK (item <> '' AND length(item) <= 500),
	record_id INTEGER NOT NULL,
	PRIMARY KEY (attribute, item, record_id),
	FOREIGN KEY(record_id) REFERENCES deal (id) ON DELETE CASCADE
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX deal_item_record_id ON deal_item (record_id, attribute);

CREATE TABLE deal_product (
	deal_id INTEGER NOT NULL,
	product_id INTEGER NOT NULL,
	PRIMARY KEY (deal_id, product_id),
	FOREIGN KEY(deal_id) REFERENCES deal (id) ON DELETE CASCADE,
	FOREIGN KEY(product_id) REFERENCES product (id) ON DELETE CASCADE
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX deal_product_product_id ON deal_product (product_id, deal_id);

CREATE TABLE task (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	external_id TEXT CONSTRAINT task_external_id_check CHECK ("external_id" <> '' AND length("external_id") <= 500),
	name TEXT CONSTRAINT task_name_check CHECK ("name" <> ''),
	kind TEXT CONSTRAINT task_kind_check CHECK ("kind" <> ''),
	description TEXT CONSTRAINT task_description_check CHECK ("description" <> ''),
	due_at TEXT CONSTRAINT task_due_at_check CHECK ("due_at" IS NULL OR "due_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "due_at" >= '0001' AND substr("due_at", 12, 2) <> '24' AND julianday(substr("due_at", 1, 19)) IS NOT NULL AND (substr("due_at", 9, 2) <= '28' OR date(substr("due_at", 1, 10), '+0 days') IS substr("due_at", 1, 10))),
	duration_minutes INTEGER CONSTRAINT task_duration_minutes_check CHECK ("duration_minutes" BETWEEN -9007199254740992 AND 9007199254740992),
	done INTEGER CONSTRAINT task_done_check CHECK ("done" IN (0, 1)),
	done_at TEXT CONSTRAINT task_done_at_check CHECK ("done_at" IS NULL OR "done_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "done_at" >= '0001' AND substr("done_at", 12, 2) <> '24' AND julianday(substr("done_at", 1, 19)) IS NOT NULL AND (substr("done_at", 9, 2) <= '28' OR date(substr("done_at", 1, 10), '+0 days') IS substr("done_at", 1, 10))),
	assignee TEXT CONSTRAINT task_assignee_check CHECK ("assignee" <> ''),
	created_at TEXT CONSTRAINT task_created_at_check CHECK ("created_at" IS NULL OR "created_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "created_at" >= '0001' AND substr("created_at", 12, 2) <> '24' AND julianday(substr("created_at", 1, 19)) IS NOT NULL AND (substr("created_at", 9, 2) <= '28' OR date(substr("created_at", 1, 10), '+0 days') IS substr("created_at", 1, 10))),
	updated_at TEXT CONSTRAINT task_updated_at_check CHECK ("updated_at" IS NULL OR "updated_at" GLOB '????-??-??T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND "updated_at" >= '0001' AND substr("updated_at", 12, 2) <> '24' AND julianday(substr("updated_at", 1, 19)) IS NOT NULL AND (substr("updated_at", 9, 2) <= '28' OR date(substr("updated_at", 1, 10), '+0 days') IS substr("updated_at", 1, 10))),
	contact_id INTEGER,
	company_id INTEGER,
	deal_id INTEGER,
	UNIQUE (external_id),
	FOREIGN KEY(contact_id) REFERENCES contact (id) ON DELETE SET NULL,
	FOREIGN KEY(company_id) REFERENCES company (id) ON DELETE SET NULL,
	FOREIGN KEY(deal_id) REFERENCES deal (id) ON DELETE SET NULL
)
 STRICT;

CREATE INDEX task_company_id ON task (company_id);

CREATE INDEX task_contact_id ON task (contact_id);

CREATE INDEX task_deal_id ON task (deal_id);

CREATE TABLE ticket_item (
	attribute TEXT NOT NULL CONSTRAINT ticket_item_attribute_check CHECK (attribute <> ''),
	item TEXT NOT NULL CONSTRAINT ticket_item_item_check CHECK (item <> '' AND length(item) <= 500),
	record_id INTEGER NOT NULL,
	PRIMARY KEY (attribute, item, record_id),
	FOREIGN KEY(record_id) REFERENCES ticket (id) ON DELETE CASCADE
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX ticket_item_record_id ON ticket_item (record_id, attribute);

CREATE TABLE task_item (
	attribute TEXT NOT NULL CONSTRAINT task_item_attribute_check CHECK (attribute <> ''),
	item TEXT NOT NULL CONSTRAINT task_item_item_check CHECK (item <> '' AND length(item) <= 500),
	record_id INTEGER NOT NULL,
	PRIMARY KEY (attribute, item, record_id),
	FOREIGN KEY(record_id) REFERENCES task (id) ON DELETE CASCADE
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX task_item_record_id ON task_item (record_id, attribute);

