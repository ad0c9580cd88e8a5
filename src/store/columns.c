/* The columns of a conversation's parts, bound, read and packed by one table. */
#include "store/schema.h"

#define AT(field) offsetof(struct bh_conversation, field)
#define NAMED(column, field, table, count)                                                         \
	{                                                                                          \
		column, COLUMN_NAME, AT(field), 0, 1, table, count, 0                              \
	}
#define FLAG(column, field)                                                                        \
	{                                                                                          \
		column, COLUMN_FLAG, AT(field), 0, 1, NULL, 0, 0                                   \
	}
#define TEXT(field, bit)                                                                           \
	{                                                                                          \
#field, COLUMN_TEXT, AT(field), offsetof(struct bh_talk, field),                   \
			sizeof(((struct bh_conversation *)NULL)->field), NULL, 0, bit              \
	}

static const struct column place_columns[] = {
	{ "server", COLUMN_ADDR, AT(server), 0, sizeof(struct bh_addr), NULL, 0, 0 },
	TEXT(share, BH_KNOWN_SHARE),
	{ "port", COLUMN_PORT, AT(port), 0, sizeof(uint16_t), NULL, 0, 0 },
	NAMED("transport", transport, bh_transport_names, BH_TRANSPORTS),
	TEXT(server_name, BH_KNOWN_SERVER_NAME),
	NAMED("share_type", share_type, bh_share_type_names, BH_SHARE_TYPES),
	TEXT(service, BH_KNOWN_SERVICE),
};

static const struct column caller_columns[] = {
	{ "client", COLUMN_ADDR, AT(client), 0, sizeof(struct bh_addr), NULL, 0, 0 },
	TEXT(user, BH_KNOWN_USER),
	TEXT(workstation, BH_KNOWN_WORKSTATION),
	TEXT(domain, BH_KNOWN_DOMAIN),
};

static const struct column manner_columns[] = {
	{ "auth_status", COLUMN_STATUS, AT(auth_status), 0, sizeof(uint32_t), NULL, 0,
		BH_KNOWN_AUTH_STATUS },
	{ "share_status", COLUMN_STATUS, AT(share_status), 0, sizeof(uint32_t), NULL, 0,
		BH_KNOWN_SHARE_STATUS },
	NAMED("dialect", dialect, bh_dialect_names, BH_DIALECTS),
	NAMED("outcome", outcome, bh_outcome_names, BH_OUTCOMES),
	NAMED("auth", auth, bh_auth_names, BH_AUTHS),
	NAMED("ntlm", ntlm, bh_ntlm_names, BH_NTLMS),
	NAMED("signing_server", signing_server, bh_signing_names, BH_SIGNINGS),
	NAMED("signing_client", signing_client, bh_signing_names, BH_SIGNINGS),
	NAMED("signing_algorithm", signing_algorithm, bh_signing_algorithm_names, BH_SIGN_ALGS),
	NAMED("cipher", cipher, bh_cipher_names, BH_CIPHERS),
	NAMED("compression", compression, bh_compression_names, BH_COMPRESSIONS),
	FLAG("smb1_offered", smb1_offered),
	FLAG("signed", is_signed),
	FLAG("encrypted", encrypted),
	FLAG("guest", guest),
	FLAG("complete", complete),
};

const struct schema_part schema_parts[PARTS] = {
	[PART_PLACE] = { "place", place_columns, BH_LEN(place_columns) },
	[PART_CALLER] = { "caller", caller_columns, BH_LEN(caller_columns) },
	[PART_MANNER] = { "manner", manner_columns, BH_LEN(manner_columns) },
};

/* ---- a statement's parameters ---- */

static const char *text_of(const struct column *k, const struct bh_talk *t)
{
	const char *text;

	memcpy(&text, (const char *)t + k->text_at, sizeof text);
	return text;
}

static int bind_one(sqlite3_stmt *st, int at, const struct column *k, const struct bh_talk *t)
{
	const char *field = (const char *)t + k->offset;
	char text[BH_ADDR_TEXT];
	uint32_t status;
	uint16_t port;

	if (k->known && !(t->known & k->known))
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
	default: return sqlite3_bind_text(st, at, text_of(k, t), -1, SQLITE_STATIC);
	}
}

int schema_bind(sqlite3_stmt *st, enum part which, const struct bh_talk *t)
{
	const struct schema_part *p = &schema_parts[which];

	for (int i = 0; i < p->n; i++) {
		int code = bind_one(st, i + 1, &p->columns[i], t);
		if (code != SQLITE_OK)
			return code == SQLITE_NOMEM ? -ENOMEM : -EIO;
	}
	return 0;
}

/* ---- a statement's columns ---- */

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

int schema_read_addr(const char *text, struct bh_addr *ret)
{
	struct bh_addr a = { 0 };

	if (strcmp(text, "-") && bh_addr_parse(text, strlen(text), &a))
		return -EIO;
	*ret = a;
	return 0;
}

static bool read_number(sqlite3_stmt *st, int at, int64_t most, int64_t *ret)
{
	*ret = sqlite3_column_int64(st, at);
	return sqlite3_column_type(st, at) == SQLITE_INTEGER && *ret >= 0 && *ret <= most;
}

/* NULL: what the column says when nothing is known. */
static bool read_nothing(const struct column *k, char *field)
{
	if (k->kind == COLUMN_FLAG)
		*field = BH_UNKNOWN;
	return k->kind == COLUMN_FLAG || k->known || (k->kind == COLUMN_NAME && !k->names[0]);
}

static bool read_one(sqlite3_stmt *st, int at, const struct column *k, struct bh_conversation *c)
{
	char *field = (char *)c + k->offset;
	int64_t number = 0;

	memset(field, 0, k->size);
	c->known &= (uint8_t)~k->known;
	if (sqlite3_column_type(st, at) == SQLITE_NULL)
		return read_nothing(k, field);
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
	case COLUMN_ADDR: return schema_read_addr(text, (struct bh_addr *)(void *)field) == 0;
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

int schema_read(sqlite3_stmt *st, enum part which, struct bh_conversation *c)
{
	const struct schema_part *p = &schema_parts[which];

	for (int i = 0; i < p->n; i++) {
		if (!read_one(st, i, &p->columns[i], c))
			return -EIO;
	}
	return 0;
}

/* ---- in memory ---- */

static_assert(sizeof(struct bh_conversation) + BH_LEN(place_columns) <= SCHEMA_PACKED, "room");

/* A text's own bytes, or those of its reference. */
static size_t text_len(const char *text, enum packing how)
{
	return how == PACK_TEXTS ? strlen(text) + 1 : sizeof text;
}

size_t schema_pack(
	enum part which, const struct bh_talk *t, enum packing how, char ret[SCHEMA_PACKED])
{
	const struct schema_part *p = &schema_parts[which];
	char *at = ret;

	for (int i = 0; i < p->n; i++) {
		const struct column *k = &p->columns[i];
		const char *from = (const char *)t + k->offset;
		size_t n = k->size;
		if (k->kind == COLUMN_TEXT) {
			from = (const char *)t + k->text_at;
			n = text_len(text_of(k, t), how);
			if (how == PACK_TEXTS)
				from = text_of(k, t);
		}
		if (k->known)
			*at++ = (t->known & k->known) != 0;
		memcpy(at, from, n);
		at += n;
	}
	return (size_t)(at - ret);
}

void schema_unpack(enum part which, const char *packed, enum packing how, struct bh_talk *t)
{
	const struct schema_part *p = &schema_parts[which];

	for (int i = 0; i < p->n; i++) {
		const struct column *k = &p->columns[i];
		if (k->known) {
			t->known &= (uint8_t)~k->known;
			if (*packed++)
				t->known |= k->known;
		}
		if (k->kind != COLUMN_TEXT) {
			memcpy((char *)t + k->offset, packed, k->size);
			packed += k->size;
			continue;
		}
		const void *from = how == PACK_TEXTS ? (const void *)&packed : packed;
		memcpy((char *)t + k->text_at, from, sizeof packed);
		packed += text_len(packed, how);
	}
}
