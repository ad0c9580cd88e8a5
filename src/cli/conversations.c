/* show conversations: who spoke SMB to whom. */
#include <limits.h>
#include <stdlib.h>

#include "cli/said.h"
#include "cli/show.h"
#include "json/json.h"

/* Rows are large: what is sorted points to them. */
struct seen {
	const struct bh_row *row;
	uint8_t purpose;
};

/* ---- for people ---- */

#define GAP 2 /* between columns: cli/output.c */

enum {
	C_SEEN,
	C_CLIENT,
	C_SERVER,
	C_SHARE,
	C_USER,
	C_PURPOSE,
	C_DIALECT,
	C_SAFETY,
	C_OUTCOME,
	C_CONNS,
	C_BYTES
};

/* The narrowest terminal on which a column is shown. */
static const struct {
	struct bh_column column;
	unsigned from;
} conversation_columns[] = {
	[C_SEEN] = { { "SEEN", false, false }, 90 },
	[C_CLIENT] = { { "CLIENT", false, false }, 0 },
	[C_SERVER] = { { "SERVER", false, false }, 0 },
	[C_SHARE] = { { "SHARE", false, true }, 0 },
	[C_USER] = { { "USER", false, true }, 0 },
	[C_PURPOSE] = { { "PURPOSE", false, false }, 102 },
	[C_DIALECT] = { { "SMB", false, false }, 96 },
	[C_SAFETY] = { { "SAFETY", false, false }, 108 },
	[C_OUTCOME] = { { "OUTCOME", false, false }, 0 },
	[C_CONNS] = { { "TIMES", true, false }, 66 },
	[C_BYTES] = { { "BYTES", true, false }, 130 },
};

/* What is left out so that a row fits; each says less than the one before. */
enum brevity {
	WHOLE,
	BRIEF, /* a share without its server, ages and outcomes in a word */
	BRIEFEST, /* users without their domain */
};

struct look {
	unsigned wide;
	enum brevity how;
	bh_time now;
};

static void conversation_text(
	const struct look *k, int what, const struct seen *s, struct bh_buf *b)
{
	const struct bh_row *r = s->row;
	const struct bh_talk *c = &r->who;

	switch (what) {
	case C_SEEN: bh_show_ago(r->figures.last_seen, k->now, k->how != WHOLE, b); break;
	case C_CLIENT: bh_said_client(c, b); break;
	case C_SERVER: bh_said_server(c, b); break;
	case C_SHARE: bh_said_share(c, k->how == WHOLE, b); break;
	case C_USER: bh_said_user(c, k->how != BRIEFEST, b); break;
	case C_PURPOSE: bh_buf_str(b, s->purpose ? bh_purpose_names[s->purpose] : "-"); break;
	case C_DIALECT: bh_buf_str(b, bh_said_dialect(c->dialect)); break;
	case C_SAFETY: bh_buf_str(b, bh_said_safety(c)); break;
	case C_OUTCOME: bh_said_outcome(c, k->how != WHOLE, b); break;
	case C_CONNS: bh_buf_printf(b, "%llu", (unsigned long long)r->figures.connections); break;
	default: bh_said_bytes(r->figures.bytes_to_server + r->figures.bytes_to_client, b); break;
	}
}

/* Characters, of UTF-8 that was made safe. */
static size_t length(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static bool fits(const struct look *k, const struct seen *v, size_t n)
{
	BH_AUTO_BUF b = { 0 };
	size_t all = 0;

	for (size_t i = 0; i < BH_LEN(conversation_columns); i++) {
		if (k->wide < conversation_columns[i].from)
			continue;
		size_t most = strlen(conversation_columns[i].column.title);
		for (size_t r = 0; r < n; r++) {
			b.len = 0;
			conversation_text(k, (int)i, &v[r], &b);
			most = bh_max_size(most, length(bh_buf_text(&b)));
		}
		all += most + (all ? GAP : 0);
	}
	return all <= k->wide;
}

/* Cutting a cell takes its end, and often just what it is about: a domain's user. */
static struct look look_at(const struct seen *v, size_t n)
{
	struct look k = { .wide = bh_cli_width(), .now = bh_said_now() };

	if (k.wide == UINT_MAX)
		return k;
	k.how = k.wide < BH_SHOW_WIDE ? BRIEF : WHOLE;
	while (k.how < BRIEFEST && !fits(&k, v, n))
		k.how++;
	return k;
}

struct shown {
	struct look look;
	const struct seen *v;
	int what[BH_LEN(conversation_columns)];
};

static void cell(void *ctx, size_t row, size_t column, struct bh_buf *b)
{
	const struct shown *s = ctx;

	conversation_text(&s->look, s->what[column], &s->v[row], b);
}

static int table(const struct bh_cli *cli, const void *elements, size_t n, void *ctx)
{
	struct bh_column columns[BH_LEN(conversation_columns)];
	struct shown s = { .look = look_at(elements, n), .v = elements };
	size_t shown = 0;

	(void)ctx;
	for (size_t i = 0; i < BH_LEN(conversation_columns); i++) {
		if (s.look.wide < conversation_columns[i].from)
			continue;
		columns[shown] = conversation_columns[i].column;
		s.what[shown++] = (int)i;
	}
	return bh_cli_rows(cli, columns, shown, n, cell, &s);
}

/* ---- for machines ---- */

static json_t *json(const void *element, void *ctx)
{
	const struct seen *s = element;
	const struct bh_cli_inventory *inv = ctx;
	const char **labels = calloc(s->row->n_sources + 1, sizeof *labels);

	for (size_t i = 0; labels && i < s->row->n_sources; i++)
		labels[i] = bh_cli_inventory_label(inv, s->row->sources[i]);
	json_t *o = labels ? bh_json_conversation(&s->row->who, &s->row->figures,
				     (enum bh_purpose)s->purpose, labels, s->row->n_sources)
			   : NULL;
	free(labels);
	return o;
}

/* ---- in which order ---- */

static const struct bh_talk *who(const void *p)
{
	return &((const struct seen *)p)->row->who;
}

static const struct bh_figures *figures(const void *p)
{
	return &((const struct seen *)p)->row->figures;
}

/* What is alike stays as it would be without being asked. */
static int otherwise(int r, const void *a, const void *b)
{
	return r ? r : bh_talk_compare(who(a), who(b));
}

static int most(uint64_t x, uint64_t y, const void *a, const void *b)
{
	return otherwise(x > y ? -1 : x < y, a, b);
}

static int by_times(const void *a, const void *b)
{
	return most(figures(a)->connections, figures(b)->connections, a, b);
}

static int by_bytes(const void *a, const void *b)
{
	return most(figures(a)->bytes_to_server + figures(a)->bytes_to_client,
		figures(b)->bytes_to_server + figures(b)->bytes_to_client, a, b);
}

static int by_seen(const void *a, const void *b)
{
	return most((uint64_t)figures(a)->last_seen, (uint64_t)figures(b)->last_seen, a, b);
}

static int by_first(const void *a, const void *b)
{
	return most((uint64_t)figures(a)->first_seen, (uint64_t)figures(b)->first_seen, a, b);
}

static int by_client(const void *a, const void *b)
{
	return otherwise(bh_addr_compare(&who(a)->client, &who(b)->client), a, b);
}

static int by_share(const void *a, const void *b)
{
	return otherwise(
		strcasecmp(bh_share_name(who(a)->share), bh_share_name(who(b)->share)), a, b);
}

static int by_user(const void *a, const void *b)
{
	return otherwise(strcasecmp(who(a)->user, who(b)->user), a, b);
}

static int by_purpose(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return otherwise(x->purpose - y->purpose, a, b);
}

static const struct bh_show_order orders[] = {
	{ "server", NULL },
	{ "client", by_client },
	{ "share", by_share },
	{ "user", by_user },
	{ "purpose", by_purpose },
	{ "times", by_times },
	{ "bytes", by_bytes },
	{ "seen", by_seen },
	{ "first", by_first },
	{ 0 },
};

/* ---- the command ---- */

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_filter f = { .rows_alone = true };
	struct bh_cli_inventory inv;
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;)
		r = bh_filter_take(cli, &f, id);
	if (!r)
		r = bh_filter_inventory(cli, &f, &a, &inv);
	if (!r)
		r = bh_filter_pick(cli, &f, &a, &inv, &inv);
	if (r)
		return r;
	struct seen *v = bh_arena_array(&a, inv.n + 1, sizeof *v);
	if (!v)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < inv.n; i++)
		v[i] = (struct seen){ &inv.rows[i], inv.purposes[i] };
	const struct bh_show_list list = { .what = "conversations",
		.v = v,
		.n = inv.n,
		.size = sizeof *v,
		.orders = orders,
		.json = json,
		.table = table,
		.ctx = &inv };
	return bh_show(cli, &f, &list);
}

static const struct bh_option options[] = { BH_FILTER_OPTIONS, BH_LIST_OPTIONS, { 0 } };

/* clang-format off */
const struct bh_command bh_cmd_show_conversations = {
	.name = "show conversations",
	.args = "[options]",
	.summary = "who spoke SMB to whom, how, and what became of it",
	.about = "One line per distinct conversation, whatever saw it.  SAFETY says what was seen on the\n"
		 "wire, PURPOSE what it is for; '-' is unknown, never a guess.  --json is described by\n"
		 "doc/conversations.schema.json.",
	.options = options,
	.run = run,
};
