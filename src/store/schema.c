#include "store/schema.h"

/* Names, not numbers, so that sqlite3 on the command line reads like `show`. */
const char *const schema_steps[SCHEMA_VERSION] = {
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
	"CREATE INDEX figures_source ON figures (source);\n",
};

#define AT(field) offsetof(struct bh_conversation, field)
#define NAMED(column, field, table, count)                                                         \
	{                                                                                          \
		column, COLUMN_NAME, AT(field), 1, table, count, 0                                 \
	}
#define FLAG(column, field)                                                                        \
	{                                                                                          \
		column, COLUMN_FLAG, AT(field), 1, NULL, 0, 0                                      \
	}
#define TEXT(field, bit)                                                                           \
	{                                                                                          \
#field, COLUMN_TEXT, AT(field), sizeof(((struct bh_conversation *)NULL)->field),   \
			NULL, 0, bit                                                               \
	}

const struct column schema_columns[SCHEMA_COLUMNS] = {
	{ "client", COLUMN_ADDR, AT(client), 0, NULL, 0, 0 },
	{ "server", COLUMN_ADDR, AT(server), 0, NULL, 0, 0 },
	{ "port", COLUMN_PORT, AT(port), 0, NULL, 0, 0 },
	NAMED("transport", transport, bh_transport_names, BH_TRANSPORTS),
	NAMED("outcome", outcome, bh_outcome_names, BH_OUTCOMES),
	NAMED("auth", auth, bh_auth_names, BH_AUTHS),
	NAMED("ntlm", ntlm, bh_ntlm_names, BH_NTLMS),
	NAMED("dialect", dialect, bh_dialect_names, BH_DIALECTS),
	NAMED("signing_server", signing_server, bh_signing_names, BH_SIGNINGS),
	NAMED("signing_client", signing_client, bh_signing_names, BH_SIGNINGS),
	NAMED("signing_algorithm", signing_algorithm, bh_signing_algorithm_names, BH_SIGN_ALGS),
	NAMED("cipher", cipher, bh_cipher_names, BH_CIPHERS),
	NAMED("compression", compression, bh_compression_names, BH_COMPRESSIONS),
	NAMED("share_type", share_type, bh_share_type_names, BH_SHARE_TYPES),
	FLAG("smb1_offered", smb1_offered),
	FLAG("signed", is_signed),
	FLAG("encrypted", encrypted),
	FLAG("guest", guest),
	FLAG("complete", complete),
	{ "auth_status", COLUMN_STATUS, AT(auth_status), 0, NULL, 0, BH_KNOWN_AUTH_STATUS },
	{ "share_status", COLUMN_STATUS, AT(share_status), 0, NULL, 0, BH_KNOWN_SHARE_STATUS },
	TEXT(server_name, BH_KNOWN_SERVER_NAME),
	TEXT(share, BH_KNOWN_SHARE),
	TEXT(user, BH_KNOWN_USER),
	TEXT(domain, BH_KNOWN_DOMAIN),
	TEXT(workstation, BH_KNOWN_WORKSTATION),
	TEXT(service, BH_KNOWN_SERVICE),
};

void schema_column_list(struct bh_buf *b)
{
	for (size_t i = 0; i < SCHEMA_COLUMNS; i++)
		bh_buf_printf(b, "%sc.%s", i ? ", " : "", schema_columns[i].name);
}

static int bind_one(
	sqlite3_stmt *st, int at, const struct column *k, const struct bh_conversation *c)
{
	const char *field = (const char *)c + k->offset;
	char text[BH_ADDR_TEXT];
	uint32_t status;
	uint16_t port;

	if (k->known && !(c->known & k->known))
		return sqlite3_bind_null(st, at);
	switch (k->kind) {
	case COLUMN_ADDR:
		bh_addr_format((const struct bh_addr *)(const void *)field, text);
		return sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT);
	case COLUMN_PORT: memcpy(&port, field, sizeof port); return sqlite3_bind_int(st, at, port);
	case COLUMN_NAME: {
		const char *name = k->names[(uint8_t)*field];
		return name ? sqlite3_bind_text(st, at, name, -1, SQLITE_STATIC)
			    : sqlite3_bind_null(st, at);
	}
	case COLUMN_FLAG:
		return *(const int8_t *)(const void *)field == BH_UNKNOWN
			       ? sqlite3_bind_null(st, at)
			       : sqlite3_bind_int(st, at, *field);
	case COLUMN_STATUS:
		memcpy(&status, field, sizeof status);
		return sqlite3_bind_int64(st, at, status);
	case COLUMN_TEXT:
	default: return sqlite3_bind_text(st, at, field, -1, SQLITE_STATIC);
	}
}

int schema_bind(sqlite3_stmt *st, const struct bh_conversation *c)
{
	for (int i = 0; i < SCHEMA_COLUMNS; i++) {
		if (bind_one(st, i + 1, &schema_columns[i], c) != SQLITE_OK)
			return -EIO;
	}
	return 0;
}

static int name_of(const struct column *k, const char *text)
{
	for (unsigned i = 0; i < k->n_names; i++) {
		if (k->names[i] && !strcmp(k->names[i], text))
			return (int)i;
	}
	return -1;
}

static bool read_text(const struct column *k, const char *text, char *field)
{
	size_t n = strlen(text);

	if (n >= k->size)
		return false;
	memcpy(field, text, n + 1);
	return true;
}

static bool read_addr(const char *text, char *field)
{
	struct bh_addr a = { 0 };

	if (strcmp(text, "-") && bh_addr_parse(text, strlen(text), &a))
		return false;
	memcpy(field, &a, sizeof a);
	return true;
}

static bool read_number(sqlite3_stmt *st, int at, int64_t most, int64_t *ret)
{
	*ret = sqlite3_column_int64(st, at);
	return sqlite3_column_type(st, at) == SQLITE_INTEGER && *ret >= 0 && *ret <= most;
}

static bool read_one(sqlite3_stmt *st, int at, const struct column *k, struct bh_conversation *c)
{
	char *field = (char *)c + k->offset;
	bool null = sqlite3_column_type(st, at) == SQLITE_NULL;
	int64_t number = 0;

	if (null)
		return k->kind == COLUMN_FLAG || k->known ||
		       (k->kind == COLUMN_NAME && !k->names[0]);
	c->known |= k->known;
	if (k->kind == COLUMN_PORT || k->kind == COLUMN_FLAG || k->kind == COLUMN_STATUS) {
		int64_t most = k->kind == COLUMN_PORT   ? UINT16_MAX
			       : k->kind == COLUMN_FLAG ? 1
							: UINT32_MAX;
		if (!read_number(st, at, most, &number))
			return false;
	}
	const char *text = (const char *)sqlite3_column_text(st, at);
	if (!text)
		return false;
	switch (k->kind) {
	case COLUMN_ADDR: return read_addr(text, field);
	case COLUMN_PORT:
		memcpy(field, &(uint16_t){ (uint16_t)number }, sizeof(uint16_t));
		return true;
	case COLUMN_FLAG: *field = (char)number; return true;
	case COLUMN_STATUS:
		memcpy(field, &(uint32_t){ (uint32_t)number }, sizeof(uint32_t));
		return true;
	case COLUMN_NAME:
		number = name_of(k, text);
		*field = (char)number;
		return number >= 0;
	case COLUMN_TEXT:
	default: return read_text(k, text, field);
	}
}

int schema_read(sqlite3_stmt *st, struct bh_conversation *ret)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };

	bh_conversation_init(&f.leaf_is.who);
	for (int i = 0; i < SCHEMA_COLUMNS; i++) {
		if (!read_one(st, i, &schema_columns[i], &f.leaf_is.who))
			return -EIO;
	}
	/* A file that others can write is believed no more than a sensor. */
	if (!bh_fact_sane(&f))
		return -EIO;
	*ret = f.leaf_is.who;
	return 0;
}
