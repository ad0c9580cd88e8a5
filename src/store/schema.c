#include "store/schema.h"

/* Names, not numbers, so that sqlite3 on the command line reads like `show`. */
static const char version_1[] =
	"CREATE TABLE source (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  identity TEXT NOT NULL UNIQUE,\n"
	"  label TEXT NOT NULL,\n"
	"  packets INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,\n"
	"  messages INTEGER NOT NULL DEFAULT 0, kernel_drops INTEGER NOT NULL DEFAULT 0,\n"
	"  truncated_packets INTEGER NOT NULL DEFAULT 0, fragments INTEGER NOT NULL DEFAULT 0,\n"
	"  gaps INTEGER NOT NULL DEFAULT 0, gap_bytes INTEGER NOT NULL DEFAULT 0,\n"
	"  malformed INTEGER NOT NULL DEFAULT 0, evicted INTEGER NOT NULL DEFAULT 0,\n"
	"  unknown_frames INTEGER NOT NULL DEFAULT 0, flows INTEGER NOT NULL DEFAULT 0,\n"
	"  log_events INTEGER NOT NULL DEFAULT 0, log_lost INTEGER NOT NULL DEFAULT 0\n"
	");\n"
	"CREATE TABLE conversation (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  client TEXT NOT NULL, server TEXT NOT NULL, port INTEGER NOT NULL,\n"
	"  transport TEXT NOT NULL, outcome TEXT, auth TEXT, ntlm TEXT, dialect TEXT,\n"
	"  signing_server TEXT, signing_client TEXT, signing_algorithm TEXT, cipher TEXT,\n"
	"  compression TEXT, share_type TEXT, smb1_offered INTEGER, signed INTEGER,\n"
	"  encrypted INTEGER, guest INTEGER, complete INTEGER, auth_status INTEGER,\n"
	"  share_status INTEGER, server_name TEXT, share TEXT, user TEXT, domain TEXT,\n"
	"  workstation TEXT, service TEXT\n"
	");\n"
	/* All that a hostile peer can vary freely: finding a row never walks many. */
	"CREATE INDEX conversation_who ON conversation (server, client, port, share, user,\n"
	"  domain, workstation, service, server_name, auth_status, share_status);\n"
	"CREATE TABLE figures (\n"
	"  conversation INTEGER NOT NULL REFERENCES conversation (id),\n"
	"  source INTEGER NOT NULL REFERENCES source (id),\n"
	"  connections INTEGER NOT NULL, bytes_to_server INTEGER NOT NULL,\n"
	"  bytes_to_client INTEGER NOT NULL, first_seen INTEGER NOT NULL,\n"
	"  last_seen INTEGER NOT NULL,\n"
	"  PRIMARY KEY (conversation, source)\n"
	") WITHOUT ROWID;\n"
	"CREATE INDEX figures_source ON figures (source);\n";

/* The three parts, and a row of numbers for each (conversation, source).  A share's last
 * component is what people call it by. */
static const char version_2_tables[] =
	"ALTER TABLE conversation RENAME TO conversation_1;\n"
	"ALTER TABLE figures RENAME TO figures_1;\n"
	"ALTER TABLE source ADD COLUMN records INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE source ADD COLUMN unreadable INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE source ADD COLUMN first_seen INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE source ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE source ADD COLUMN kind TEXT\n"
	"  AS (substr(identity, 1, instr(identity, ':') - 1)) VIRTUAL;\n"
	"CREATE TABLE place (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  server TEXT NOT NULL, port INTEGER NOT NULL, transport TEXT NOT NULL,\n"
	"  server_name TEXT, share TEXT, share_type TEXT, service TEXT,\n"
	"  share_name TEXT COLLATE NOCASE AS\n"
	"    (substr(share, length(rtrim(share, replace(share, '\\', ''))) + 1)) VIRTUAL\n"
	");\n"
	"CREATE INDEX place_all ON place (server, share, port, transport, server_name,\n"
	"  share_type, service);\n"
	"CREATE INDEX place_share ON place (share_name);\n"
	"CREATE TABLE caller (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  client TEXT NOT NULL, user TEXT, domain TEXT, workstation TEXT\n"
	");\n"
	"CREATE INDEX caller_all ON caller (client, user, workstation, domain);\n"
	"CREATE INDEX caller_user ON caller (user COLLATE NOCASE);\n"
	"CREATE TABLE manner (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  outcome TEXT, auth TEXT, ntlm TEXT, dialect TEXT, signing_server TEXT,\n"
	"  signing_client TEXT, signing_algorithm TEXT, cipher TEXT, compression TEXT,\n"
	"  smb1_offered INTEGER, signed INTEGER, encrypted INTEGER, guest INTEGER,\n"
	"  complete INTEGER, auth_status INTEGER, share_status INTEGER\n"
	");\n"
	"CREATE INDEX manner_all ON manner (auth_status, share_status, dialect, outcome,\n"
	"  auth, ntlm, signing_server, signing_client, signing_algorithm, cipher,\n"
	"  compression, smb1_offered, signed, encrypted, guest, complete);\n"
	"CREATE TABLE conversation (\n"
	"  place INTEGER NOT NULL, caller INTEGER NOT NULL, manner INTEGER NOT NULL,\n"
	"  source INTEGER NOT NULL,\n"
	"  connections INTEGER NOT NULL, bytes_to_server INTEGER NOT NULL,\n"
	"  bytes_to_client INTEGER NOT NULL, first_seen INTEGER NOT NULL,\n"
	"  last_seen INTEGER NOT NULL, opens INTEGER NOT NULL, pipes INTEGER NOT NULL,\n"
	"  PRIMARY KEY (place, caller, manner, source)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE name (\n"
	"  address TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,\n"
	"  source INTEGER NOT NULL, roles INTEGER NOT NULL, \"group\" INTEGER NOT NULL,\n"
	"  last_seen INTEGER NOT NULL,\n"
	"  PRIMARY KEY (address, name, kind, source)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE event (\n"
	"  source INTEGER NOT NULL, provider TEXT NOT NULL, id INTEGER NOT NULL,\n"
	"  count INTEGER NOT NULL, read INTEGER NOT NULL,\n"
	"  PRIMARY KEY (source, provider, id)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE pipe (bit INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;\n";

/* What version 1 held, then the indexes: made of all rows at once they are dense. */
static const char version_2_rows[] =
	"INSERT INTO place (server, port, transport, server_name, share, share_type, service)\n"
	"  SELECT DISTINCT server, port, transport, server_name, share, share_type, service\n"
	"  FROM conversation_1;\n"
	"INSERT INTO caller (client, user, domain, workstation)\n"
	"  SELECT DISTINCT client, user, domain, workstation FROM conversation_1;\n"
	"INSERT INTO manner (outcome, auth, ntlm, dialect, signing_server, signing_client,\n"
	"    signing_algorithm, cipher, compression, smb1_offered, signed, encrypted, guest,\n"
	"    complete, auth_status, share_status)\n"
	"  SELECT DISTINCT outcome, auth, ntlm, dialect, signing_server, signing_client,\n"
	"    signing_algorithm, cipher, compression, smb1_offered, signed, encrypted, guest,\n"
	"    complete, auth_status, share_status FROM conversation_1;\n"
	"INSERT INTO conversation\n"
	"  SELECT p.id, w.id, m.id, f.source, f.connections, f.bytes_to_server,\n"
	"    f.bytes_to_client, f.first_seen, f.last_seen, 0, 0\n"
	"  FROM conversation_1 o JOIN figures_1 f ON f.conversation = o.id\n"
	"  JOIN place p ON p.server = o.server AND p.share IS o.share AND p.port = o.port\n"
	"    AND p.transport = o.transport AND p.server_name IS o.server_name\n"
	"    AND p.share_type IS o.share_type AND p.service IS o.service\n"
	"  JOIN caller w ON w.client = o.client AND w.user IS o.user\n"
	"    AND w.workstation IS o.workstation AND w.domain IS o.domain\n"
	"  JOIN manner m ON m.auth_status IS o.auth_status\n"
	"    AND m.share_status IS o.share_status AND m.dialect IS o.dialect\n"
	"    AND m.outcome IS o.outcome AND m.auth IS o.auth AND m.ntlm IS o.ntlm\n"
	"    AND m.signing_server IS o.signing_server\n"
	"    AND m.signing_client IS o.signing_client\n"
	"    AND m.signing_algorithm IS o.signing_algorithm AND m.cipher IS o.cipher\n"
	"    AND m.compression IS o.compression AND m.smb1_offered IS o.smb1_offered\n"
	"    AND m.signed IS o.signed AND m.encrypted IS o.encrypted AND m.guest IS o.guest\n"
	"    AND m.complete IS o.complete;\n"
	"UPDATE source SET\n"
	"  first_seen = coalesce((SELECT min(nullif(first_seen, 0)) FROM figures_1\n"
	"    WHERE source = source.id), 0),\n"
	"  last_seen = coalesce((SELECT max(last_seen) FROM figures_1\n"
	"    WHERE source = source.id), 0);\n"
	"DROP TABLE figures_1;\n"
	"DROP TABLE conversation_1;\n"
	"CREATE INDEX conversation_caller ON conversation (caller);\n"
	"CREATE INDEX conversation_seen ON conversation (last_seen);\n";

const char schema_no_indexes[] = "DROP INDEX conversation_caller; DROP INDEX conversation_seen;";
const char schema_indexes[] = "CREATE INDEX conversation_caller ON conversation (caller);"
			      "CREATE INDEX conversation_seen ON conversation (last_seen);";

/* For people with sqlite3 in hand: a line for each conversation and source. */
static const char version_2_view[] =
	"CREATE VIEW conversations AS SELECT\n"
	"  w.client, p.server, p.port, p.transport, p.server_name, p.share, p.share_type,\n"
	"  iif(m.share_status IS NULL, NULL, printf('0x%08x', m.share_status)) AS share_status,\n"
	"  w.user, w.domain, w.workstation, m.auth, m.ntlm, p.service,\n"
	"  iif(m.auth_status IS NULL, NULL, printf('0x%08x', m.auth_status)) AS auth_status,\n"
	"  m.dialect, m.smb1_offered, m.signing_server, m.signing_client, m.signed,\n"
	"  m.signing_algorithm, m.cipher, m.encrypted, m.compression, m.guest,\n"
	"  m.outcome AS verdict, m.complete,\n"
	"  c.connections, c.bytes_to_server, c.bytes_to_client, c.opens,\n"
	"  (SELECT group_concat(name, ' ') FROM pipe WHERE c.pipes & pipe.bit) AS pipes,\n"
	"  strftime('%Y-%m-%dT%H:%M:%SZ', nullif(c.first_seen, 0) / 1000000000, 'unixepoch')\n"
	"    AS first_seen,\n"
	"  strftime('%Y-%m-%dT%H:%M:%SZ', nullif(c.last_seen, 0) / 1000000000, 'unixepoch')\n"
	"    AS last_seen,\n"
	"  s.label AS source\n"
	"  FROM conversation c JOIN place p ON p.id = c.place JOIN caller w ON w.id = c.caller\n"
	"  JOIN manner m ON m.id = c.manner JOIN source s ON s.id = c.source;\n";

/* What a file was that was read, so that it is known again. */
static const char version_3[] =
	"ALTER TABLE source ADD COLUMN size INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE source ADD COLUMN how TEXT NOT NULL DEFAULT '';\n"
	"ALTER TABLE source ADD COLUMN part INTEGER NOT NULL DEFAULT 0;\n"
	"ALTER TABLE source ADD COLUMN together INTEGER NOT NULL DEFAULT 0;\n"
	"CREATE INDEX source_content ON source (" SCHEMA_CONTENT ");\n"
	"CREATE INDEX source_file ON source (" SCHEMA_FILE ");\n";

/* Shares that are there, used or not, or that are there no more. */
static const char version_4[] =
	"CREATE TABLE listed (\n"
	"  server TEXT NOT NULL, server_name TEXT NOT NULL COLLATE NOCASE,\n"
	"  share TEXT NOT NULL COLLATE NOCASE, source INTEGER NOT NULL,\n"
	"  path TEXT NOT NULL, remark TEXT NOT NULL, gone INTEGER NOT NULL,\n"
	"  last_seen INTEGER NOT NULL,\n"
	"  PRIMARY KEY (server, server_name, share, source)\n"
	") WITHOUT ROWID;\n";

/* Where the parts of DFS namespaces are. */
static const char version_5[] =
	"CREATE TABLE referral (\n"
	"  path TEXT NOT NULL COLLATE NOCASE, target TEXT NOT NULL COLLATE NOCASE,\n"
	"  server TEXT NOT NULL, source INTEGER NOT NULL, ttl INTEGER NOT NULL,\n"
	"  whole INTEGER NOT NULL, last_seen INTEGER NOT NULL,\n"
	"  PRIMARY KEY (path, target, server, source)\n"
	") WITHOUT ROWID;\n";

const struct schema_step schema_steps[SCHEMA_VERSION] = {
	{ { version_1 } },
	{ { version_2_tables, version_2_rows, version_2_view } },
	{ { version_3 } },
	{ { version_4 } },
	{ { version_5 } },
};
