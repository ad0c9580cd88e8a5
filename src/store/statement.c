/* The statements that are run for every row, each prepared once. */
#include "store/open.h"

static void columns(struct bh_buf *b, const struct schema_part *p, const char *each)
{
	for (int i = 0; i < p->n; i++) {
		if (*each == '?')
			bh_buf_printf(b, "%s?%d", i ? ", " : "", i + 1);
		else
			bh_buf_printf(b, "%s%s", i ? ", " : "", p->columns[i].name);
	}
}

static void find(struct bh_buf *b, const struct schema_part *p)
{
	bh_buf_printf(b, "SELECT id FROM %s WHERE ", p->table);
	for (int i = 0; i < p->n; i++)
		bh_buf_printf(b, "%s%s IS ?%d", i ? " AND " : "", p->columns[i].name, i + 1);
}

static void add(struct bh_buf *b, const struct schema_part *p)
{
	bh_buf_printf(b, "INSERT INTO %s (", p->table);
	columns(b, p, "name");
	bh_buf_str(b, ") VALUES (");
	columns(b, p, "?");
	bh_buf_str(b, ")");
}

static void load(struct bh_buf *b, const struct schema_part *p)
{
	bh_buf_str(b, "SELECT ");
	columns(b, p, "name");
	bh_buf_printf(b, " FROM %s WHERE id = ?", p->table);
}

static void text_of(struct bh_buf *b, enum statement which)
{
	switch (which) {
	case ST_FIND:
	case ST_FIND_CALLER:
	case ST_FIND_MANNER: find(b, &schema_parts[which - ST_FIND]); break;
	case ST_ADD:
	case ST_ADD_CALLER:
	case ST_ADD_MANNER: add(b, &schema_parts[which - ST_ADD]); break;
	case ST_LOAD:
	case ST_LOAD_CALLER:
	case ST_LOAD_MANNER: load(b, &schema_parts[which - ST_LOAD]); break;
	case ST_PUT:
		bh_buf_str(b, "INSERT INTO conversation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
			      "ON CONFLICT DO UPDATE SET connections = excluded.connections, "
			      "bytes_to_server = excluded.bytes_to_server, "
			      "bytes_to_client = excluded.bytes_to_client, "
			      "first_seen = excluded.first_seen, last_seen = excluded.last_seen, "
			      "opens = excluded.opens, pipes = excluded.pipes");
		break;
	case ST_TAKE:
		bh_buf_str(b, "DELETE FROM conversation WHERE place = ? AND caller = ? "
			      "AND manner = ? AND source = ?");
		break;
	case ST_SPAN:
		bh_buf_str(b, "UPDATE source SET "
			      "first_seen = iif(first_seen AND (first_seen < ?2 OR NOT ?2), "
			      "first_seen, ?2), last_seen = max(last_seen, ?3) WHERE id = ?1");
		break;
	case ST_NAME:
		bh_buf_str(b, "INSERT INTO name (address, name, kind, source, roles, \"group\", "
			      "last_seen) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
			      "roles = roles | excluded.roles, "
			      "\"group\" = \"group\" | excluded.\"group\", "
			      "last_seen = max(last_seen, excluded.last_seen)");
		break;
	case ST_EVENT:
		bh_buf_str(b, "INSERT OR REPLACE INTO event (provider, source, id, count, read) "
			      "VALUES (?, ?, ?, ?, ?)");
		break;
	case ST_SHARE:
		bh_buf_str(b, "INSERT INTO listed (server, server_name, share, path, remark, "
			      "source, gone, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
			      "ON CONFLICT DO UPDATE SET path = excluded.path, "
			      "remark = excluded.remark, gone = excluded.gone, "
			      "last_seen = excluded.last_seen "
			      "WHERE excluded.last_seen >= last_seen");
		break;
	case ST_REFERRAL:
		bh_buf_str(b,
			"INSERT INTO referral (path, target, server, source, ttl, whole, "
			"last_seen) VALUES (?, ?, ?, ?, ?, ?, ?) "
			"ON CONFLICT DO UPDATE SET ttl = excluded.ttl, whole = excluded.whole, "
			"last_seen = excluded.last_seen "
			"WHERE excluded.last_seen >= last_seen");
		break;
	case ST_CHANGED:
	default: bh_buf_str(b, "PRAGMA data_version"); break;
	}
}

int store_wanted(struct bh_store *s, enum statement which, sqlite3_stmt **ret)
{
	BH_AUTO_BUF sql = { 0 };

	if (s->st[which]) {
		*ret = s->st[which];
		return 0;
	}
	text_of(&sql, which);
	if (!bh_buf_ok(&sql))
		return -ENOMEM;
	int r = store_prepare(s, bh_buf_text(&sql), &s->st[which]);
	if (!r)
		*ret = s->st[which];
	return r;
}
