/*
 * A JSON record says by its fields whose it is.  Tables of Azure Monitor come as an array
 * of columns and one of rows; the journal's and Filebeat's records hold another's line.
 */
#include "evidence/log.h"

static bool is_digit(uint8_t ch)
{
	return ch >= '0' && ch <= '9';
}

/* "12.name" of a row is "name" of its 12th column's value. */
static void name_row(const struct bh_columns *columns, struct bh_fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct bh_cur c = bh_cur_of(f->v[i].name);
		size_t at = 0;
		while (bh_cur_left(&c) && is_digit(c.at[0]) && at < BH_FIELDS_MAX)
			at = at * 10 + (size_t)(bh_cur_u8(&c) - '0');
		struct bh_span below = bh_cur_take(&c, bh_cur_left(&c));
		struct bh_span column = at < columns->n ? columns->name[at] : (struct bh_span){ 0 };
		if (below.len && column.len) {
			struct bh_span front = bh_fields_keep(f, column);
			struct bh_span back = bh_fields_keep(f, below);
			column = front.ptr && back.ptr ? bh_span_of(front.ptr, front.len + back.len)
						       : (struct bh_span){ 0 };
		}
		f->v[i].name = column.ptr ? column : bh_span_of("", 0);
	}
}

static void column(struct bh_log *l, const struct bh_fields *f)
{
	struct bh_span name = bh_fields_get(f, "name");

	bh_columns_add(l->columns, name.ptr ? name : bh_fields_get(f, "ColumnName"));
}

/* ---- records that hold another's ---- */

/* systemd.journal-fields(7), as journalctl -o json writes them. */
static void journal(struct bh_log *l, const struct bh_fields *f)
{
	struct bh_span message = bh_fields_get(f, "MESSAGE");
	struct bh_span by = bh_fields_get(f, "SYSLOG_IDENTIFIER");
	struct bh_span host = bh_fields_get(f, "_HOSTNAME");
	uint64_t micros = 0;

	if (bh_event_number(bh_fields_get(f, "__REALTIME_TIMESTAMP"), &micros) ||
		micros > INT64_MAX / 1000)
		micros = 0;
	if (message.len && bh_samba_is(message))
		bh_samba_message(l, message, (bh_time)micros * 1000, host);
	else
		bh_log_count(l, "journal", by, 0, false);
}

static void dispatch(struct bh_log *l, struct bh_fields *f, bool nested);

static void other(struct bh_log *l, struct bh_fields *f, bool nested)
{
	struct bh_span message = bh_fields_get(f, "message");

	if (!nested && message.len && message.ptr[0] == '{') {
		f->n = 0;
		if (!bh_json_fields(message, "", f)) {
			dispatch(l, f, true);
			return;
		}
	} else if (!nested && message.len && bh_samba_is(message)) {
		bh_samba_record(l, message);
		return;
	}
	bh_log_count(l, "json", (struct bh_span){ 0 }, 0, false);
}

static void dispatch(struct bh_log *l, struct bh_fields *f, bool nested)
{
	if (bh_samba_json(f))
		bh_samba_auth(l, f);
	else if (bh_suricata_json(f))
		bh_suricata_fields(l, f);
	else if (bh_zeek_json(f))
		bh_zeek_fields(l, bh_fields_get(f, "_path"), f);
	else if (bh_fields_has(f, "__REALTIME_TIMESTAMP"))
		journal(l, f);
	else if (bh_exported_event(l, f))
		other(l, f, nested);
}

void bh_json_record(struct bh_log *l, const struct bh_record *r)
{
	if (r->place == BH_RECORD_COLUMNS) {
		bh_columns_reset(l->columns);
		return;
	}
	if (bh_json_fields(r->bytes, "", l->fields)) {
		l->counts.records++;
		bh_log_bad(l, "a record that is no JSON");
		return;
	}
	if (r->place == BH_RECORD_COLUMN) {
		column(l, l->fields);
		return;
	}
	if (r->place == BH_RECORD_ROW && r->bytes.ptr[0] == '[')
		name_row(l->columns, l->fields);
	dispatch(l, l->fields, false);
}
