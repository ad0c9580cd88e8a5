/*
 * Rows of a table of Windows events: RFC 4180, with the separator that its head has.
 */
#include "evidence/log.h"

static struct bh_span quoted(struct bh_cur *c, struct bh_fields *f)
{
	struct bh_cur look = *c;
	size_t start = f->used, at = bh_cur_offset(c), doubled = 0;

	/* Behind the first quote, up to one that is not doubled. */
	for (;;) {
		if (bh_cur_u8(&look) != '"' && bh_cur_ok(&look))
			continue;
		if (!bh_cur_ok(&look)) /* nobody closed it */
			return bh_cur_take(c, bh_cur_left(c));
		if (!bh_cur_left(&look) || look.at[0] != '"')
			break;
		bh_cur_skip(&look, 1);
		doubled++;
	}
	struct bh_span raw = bh_cur_window(&look, at, bh_cur_offset(&look) - at - 1);
	*c = look;
	if (!doubled)
		return raw;
	if (raw.len > sizeof f->scratch - start)
		return (struct bh_span){ 0 };
	for (struct bh_cur in = bh_cur_of(raw); bh_cur_left(&in);) {
		uint8_t ch = bh_cur_u8(&in);
		if (ch == '"')
			bh_cur_skip(&in, 1);
		f->scratch[f->used++] = (char)ch;
	}
	return bh_span_of(f->scratch + start, f->used - start);
}

struct bh_span bh_csv_next(struct bh_cur *c, uint8_t by, struct bh_fields *f)
{
	struct bh_span s;
	size_t n = 0;

	if (bh_cur_left(c) && c->at[0] == '"') {
		bh_cur_skip(c, 1);
		s = quoted(c, f);
		while (n < bh_cur_left(c) && c->at[n] != by) /* nothing may stand here */
			n++;
		bh_cur_skip(c, n);
	} else {
		while (n < bh_cur_left(c) && c->at[n] != by)
			n++;
		s = bh_cur_take(c, n);
	}
	if (bh_cur_left(c))
		bh_cur_skip(c, 1);
	return s;
}

/* ---- the head ---- */

static bool is_head(struct bh_span row, uint8_t by)
{
	struct bh_cur c = bh_cur_of(row);
	bool found = false;
	size_t n = 0;

	for (; bh_cur_left(&c) && n < BH_FIELDS_MAX; n++) {
		struct bh_span name;
		if (c.at[0] == '"')
			bh_cur_skip(&c, 1);
		size_t len = 0;
		while (len < bh_cur_left(&c) && c.at[len] != by && c.at[len] != '"')
			len++;
		name = bh_cur_take(&c, len);
		while (bh_cur_left(&c) && bh_cur_u8(&c) != by)
			;
		found |= bh_exported_id(name);
	}
	return found && n > 2;
}

uint8_t bh_csv_head(struct bh_span row)
{
	static const uint8_t separators[] = { ',', ';', '\t', '|' };

	for (size_t i = 0; i < sizeof separators; i++) {
		if (is_head(row, separators[i]))
			return separators[i];
	}
	return 0;
}

static void read_head(struct bh_log *l, struct bh_span row)
{
	struct bh_cur c = bh_cur_of(row);

	bh_columns_reset(l->columns);
	while (bh_cur_left(&c))
		bh_columns_add(l->columns, bh_csv_next(&c, l->csv_by, l->fields));
}

/* A head in the middle: tables that were put one behind the other. */
static bool head_again(const struct bh_log *l, struct bh_span row)
{
	struct bh_cur c = bh_cur_of(row);
	struct bh_span first = bh_csv_next(&c, l->csv_by, l->fields);
	struct bh_span name = l->columns->name[0];

	return first.len == name.len && name.len && !memcmp(first.ptr, name.ptr, name.len) &&
	       is_head(row, l->csv_by);
}

void bh_csv_record(struct bh_log *l, struct bh_span row)
{
	struct bh_cur c = bh_cur_of(row);
	size_t i = 0;

	if (!l->csv_by || head_again(l, row)) {
		l->csv_by = bh_csv_head(row);
		if (l->csv_by) /* else "#TYPE …", "sep=;" */
			read_head(l, row);
		return;
	}
	for (; bh_cur_left(&c) && i < l->columns->n; i++) {
		struct bh_span text = bh_csv_next(&c, l->csv_by, l->fields);
		bh_columns_field(l->columns, i, text, l->fields);
	}
	if (bh_exported_event(l, l->fields)) {
		bh_log_count(l, "(table)", (struct bh_span){ 0 }, 0, false);
		bh_log_bad(l, "a row without an event's number");
	}
}
