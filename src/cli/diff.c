/*
 * show diff: what came, went and changed between two databases, or two times of one.
 *
 * What is compared is who uses what: client, server, port, share and user.  How they do
 * it (dialect, logon, protection, outcome) may be told by several rows; what all of them
 * say before is held against what all say after.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/said.h"
#include "cli/show.h"
#include "plan/plan.h"
#include "json/json.h"

enum change { CAME, WENT, CHANGED };

static const char *const change_names[] = { "came", "went", "changed" };

/* One row on one side. */
struct side {
	const struct bh_row *row;
	uint8_t purpose;
	bool after;
};

enum { FIELDS = 5, TEXT = 160 };

static const char *const field_names[FIELDS] = { "dialect", "logon", "protection", "outcome",
	"server_signing" };

struct difference {
	enum change change;
	const struct bh_row *row; /* the first, of the later side that has one */
	uint8_t purpose;
	struct bh_figures figures; /* of that side */
	uint32_t fields; /* that changed: a bit for each */
	const char *before[FIELDS], *after[FIELDS];
};

/* ---- how ---- */

static void field_text(unsigned field, const struct bh_talk *c, struct bh_buf *b)
{
	switch (field) {
	case 0: bh_buf_str(b, bh_said_dialect(c->dialect)); break;
	case 1:
		bh_buf_str(b, bh_auth_names[c->auth] ? bh_auth_names[c->auth] : "-");
		if (bh_ntlm_names[c->ntlm])
			bh_buf_printf(b, " %s", bh_ntlm_names[c->ntlm]);
		if (c->guest == 1)
			bh_buf_str(b, " as guest");
		break;
	case 2: bh_buf_str(b, bh_said_safety(c)); break;
	case 3: bh_said_outcome(c, false, b); break;
	default:
		bh_buf_str(b, bh_signing_names[c->signing_server]
				      ? bh_signing_names[c->signing_server]
				      : "-");
		break;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All that v[0..n) say of one field, each once; "-" is said only when nothing else is. */
static const char *all_say(unsigned field, const struct side *v, size_t n, struct bh_arena *a)
{
	const char **said = bh_arena_array(a, n + 1, sizeof *said);
	BH_AUTO_BUF all = { 0 };
	const char *last = NULL;

	for (size_t i = 0; said && i < n; i++) {
		BH_AUTO_BUF one = { 0 };
		field_text(field, &v[i].row->who, &one);
		said[i] = bh_arena_str(a, bh_buf_text(&one));
		if (!said[i])
			return NULL;
	}
	if (!said)
		return NULL;
	qsort(said, n, sizeof *said, by_text);
	for (size_t i = 0; i < n && all.len < TEXT; i++) {
		if ((last && !strcmp(last, said[i])) || !strcmp(said[i], "-"))
			continue;
		bh_buf_printf(&all, "%s%s", all.len ? " and " : "", said[i]);
		last = said[i];
	}
	return bh_arena_str(a, all.len ? bh_buf_text(&all) : "-");
}

/* ---- who and what ---- */

static int compare_ends(const struct bh_talk *x, const struct bh_talk *y)
{
	int r = bh_addr_compare(&x->server, &y->server);

	if (!r && !x->server.family)
		r = strcasecmp(x->server_name, y->server_name);
	if (!r)
		r = bh_addr_compare(&x->client, &y->client);
	if (!r && !x->client.family)
		r = strcasecmp(x->workstation, y->workstation);
	return r;
}

static int compare_use(const struct bh_talk *x, const struct bh_talk *y)
{
	int r = compare_ends(x, y);

	if (!r)
		r = x->port - y->port;
	if (!r)
		r = strcasecmp(bh_share_name(x->share), bh_share_name(y->share));
	return r ? r : strcasecmp(x->user, y->user);
}

static int by_use(const void *a, const void *b)
{
	const struct side *x = a, *y = b;
	int r = compare_use(&x->row->who, &y->row->who);

	if (!r)
		r = x->after - y->after;
	return r ? r : bh_talk_compare(&x->row->who, &y->row->who);
}

/* v[0..n): one use, of which the first n_before are of the earlier side.  False: nothing
 * differs. */
static bool differs(
	const struct side *v, size_t n, size_t n_before, struct bh_arena *a, struct difference *ret)
{
	size_t from = n_before < n ? n_before : 0;

	*ret = (struct difference){ .change = !n_before       ? CAME
					      : n_before == n ? WENT
							      : CHANGED,
		.row = v[from].row,
		.purpose = v[from].purpose };
	for (size_t i = from; i < n; i++)
		bh_figures_add(&ret->figures, &v[i].row->figures);
	if (ret->change != CHANGED)
		return true;
	for (unsigned f = 0; f < FIELDS; f++) {
		ret->before[f] = all_say(f, v, n_before, a);
		ret->after[f] = all_say(f, v + n_before, n - n_before, a);
		if (ret->before[f] && ret->after[f] && strcmp(ret->before[f], ret->after[f]) &&
			strcmp(ret->after[f], "-"))
			ret->fields |= 1u << f;
	}
	return ret->fields;
}

static int compare(
	struct side *v, size_t n, struct bh_arena *a, struct difference **ret, size_t *n_ret)
{
	struct difference *d = bh_arena_array(a, n + 1, sizeof *d);
	size_t count = 0;

	if (!d)
		return -ENOMEM;
	if (n)
		qsort(v, n, sizeof *v, by_use);
	for (size_t i = 0, end; i < n; i = end) {
		size_t before = 0;
		for (end = i; end < n && !compare_use(&v[i].row->who, &v[end].row->who); end++)
			before += !v[end].after;
		count += differs(v + i, end - i, before, a, &d[count]);
	}
	*ret = d;
	*n_ret = count;
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}

/* ---- for people and machines ---- */

static void changes_text(const struct difference *d, struct bh_buf *b)
{
	for (unsigned f = 0; f < FIELDS; f++) {
		if (d->fields >> f & 1)
			bh_buf_printf(
				b, "%s%s → %s", b->len ? "; " : "", d->before[f], d->after[f]);
	}
	if (!b->len)
		bh_buf_str(b, "-");
}

static int table(const struct bh_cli *cli, const void *elements, size_t n, void *ctx)
{
	static const struct bh_column columns[] = {
		{ "WHAT", false, false },
		{ "CLIENT", false, false },
		{ "SERVER", false, false },
		{ "SHARE", false, false },
		{ "USER", false, false },
		{ "TIMES", true, false },
		{ "BEFORE → AFTER", false, true },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	const struct difference *v = elements;

	(void)ctx;
	for (size_t i = 0; i < n; i++) {
		const struct bh_talk *c = &v[i].row->who;
		struct libscols_line *l = bh_cli_line(t);
		BH_AUTO_BUF client = { 0 };
		BH_AUTO_BUF server = { 0 };
		BH_AUTO_BUF share = { 0 };
		BH_AUTO_BUF user = { 0 };
		BH_AUTO_BUF how = { 0 };
		bh_said_client(c, &client);
		bh_said_server(c, &server);
		bh_said_share(c, bh_cli_width() >= BH_SHOW_WIDE, &share);
		bh_said_user(c, bh_cli_width() >= BH_SHOW_WIDE, &user);
		changes_text(&v[i], &how);
		bh_cli_cell(l, 0, "%s", change_names[v[i].change]);
		bh_cli_cell(l, 1, "%s", bh_buf_text(&client));
		bh_cli_cell(l, 2, "%s", bh_buf_text(&server));
		bh_cli_cell(l, 3, "%s", bh_buf_text(&share));
		bh_cli_cell(l, 4, "%s", bh_buf_text(&user));
		bh_cli_cell(l, 5, "%llu", (unsigned long long)v[i].figures.connections);
		bh_cli_cell(l, 6, "%s", bh_buf_text(&how));
	}
	return bh_cli_table_print(cli, t);
}

/* What all rows of the use have in common, and the figures of its side. */
static json_t *use_json(const struct difference *d)
{
	static const char *const keep[] = { "client", "server", "port", "server_name", "share",
		"user", "domain", "purpose", "connections", "bytes_to_server", "bytes_to_client",
		"first_seen", "last_seen" };
	json_t *whole = bh_json_conversation(
		&d->row->who, &d->figures, (enum bh_purpose)d->purpose, NULL, 0);
	json_t *o = json_object();

	json_object_set_new(o, "change", json_string(change_names[d->change]));
	for (size_t i = 0; i < BH_LEN(keep); i++)
		json_object_set(o, keep[i], json_object_get(whole, keep[i]));
	json_decref(whole);
	return o;
}

static json_t *json(const void *element, void *ctx)
{
	const struct difference *d = element;
	json_t *o = use_json(d), *list = json_array();

	(void)ctx;
	for (unsigned f = 0; f < FIELDS; f++) {
		if (d->fields >> f & 1)
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:s}", "field", field_names[f],
					      "before", d->before[f], "after", d->after[f]));
	}
	json_object_set_new(o, "changes", list);
	return o;
}

static json_t *csv(const void *element, void *ctx)
{
	json_t *o = use_json(element);
	BH_AUTO_BUF how = { 0 };

	(void)ctx;
	changes_text(element, &how);
	json_object_set_new(o, "changes", json_string(bh_buf_text(&how)));
	return o;
}

static int by_change(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;
	int r = (int)x->change - (int)y->change;

	if (!r && x->figures.connections != y->figures.connections)
		r = x->figures.connections > y->figures.connections ? -1 : 1;
	return r ? r : bh_talk_compare(&x->row->who, &y->row->who);
}

static int by_place(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;

	return bh_talk_compare(&x->row->who, &y->row->who);
}

static int by_seen(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;

	if (x->figures.last_seen != y->figures.last_seen)
		return x->figures.last_seen > y->figures.last_seen ? -1 : 1;
	return by_place(a, b);
}

static const struct bh_show_order orders[] = {
	{ "change", by_change },
	{ "server", by_place },
	{ "seen", by_seen },
	{ 0 },
};

/* ---- the two sides ---- */

struct ask {
	struct bh_filter f;
	const char *words[2];
	unsigned n_words;
};

static void add_side(
	struct side *v, size_t *n, const struct bh_cli_inventory *inv, size_t i, bool after)
{
	v[(*n)++] = (struct side){ &inv->rows[i], inv->purposes[i], after };
}

static int two_databases(
	struct bh_cli *cli, const struct ask *q, struct bh_arena *a, struct side **ret, size_t *n)
{
	struct bh_cli_inventory inv[2];

	for (unsigned s = 0; s < 2; s++) {
		cli->db = q->words[s];
		int r = bh_filter_inventory(cli, &q->f, a, &inv[s]);
		if (!r)
			r = bh_filter_pick(cli, &q->f, a, &inv[s], &inv[s]);
		if (r)
			return r;
	}
	*ret = bh_arena_array(a, inv[0].n + inv[1].n + 1, sizeof **ret);
	if (!*ret)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (unsigned s = 0; s < 2; s++) {
		for (size_t i = 0; i < inv[s].n; i++)
			add_side(*ret, n, &inv[s], i, s == 1);
	}
	return 0;
}

/* Before: what was seen until the first time; after: since then, until the second. */
static int two_times(
	struct bh_cli *cli, const struct ask *q, struct bh_arena *a, struct side **ret, size_t *n)
{
	struct bh_cli_inventory inv;
	bh_time at[2];

	for (unsigned s = 0; s < 2; s++) {
		if (bh_time_parse(q->words[s], bh_said_now(), true, &at[s]))
			return bh_cli_usage(
				cli, "'%s' is neither a database nor a time", q->words[s]);
	}
	if (at[1] < at[0])
		return bh_cli_usage(cli, "'%s' is before '%s'", q->words[1], q->words[0]);
	int r = bh_filter_inventory(cli, &q->f, a, &inv);
	if (!r)
		r = bh_filter_pick(cli, &q->f, a, &inv, &inv);
	if (r)
		return r;
	*ret = bh_arena_array(a, 2 * inv.n + 1, sizeof **ret);
	if (!*ret)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < inv.n; i++) {
		const struct bh_figures *f = &inv.rows[i].figures;
		if (f->first_seen <= at[0])
			add_side(*ret, n, &inv, i, false);
		if (f->last_seen > at[0] && f->first_seen <= at[1])
			add_side(*ret, n, &inv, i, true);
	}
	return 0;
}

/* ---- the command ---- */

static int take(struct bh_cli *cli, struct ask *q, int id)
{
	if (id)
		return bh_filter_take(cli, &q->f, id);
	if (q->n_words == 2)
		return bh_cli_usage(cli, "two databases or two times are compared, no more");
	q->words[q->n_words++] = cli->value;
	return 0;
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct ask q = { 0 };
	struct bh_show_list list = { .what = "differences",
		.size = sizeof(struct difference),
		.orders = orders,
		.json = json,
		.csv = csv,
		.table = table };
	struct difference *d;
	struct side *v = NULL;
	size_t n = 0;
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;)
		r = take(cli, &q, id);
	if (!r && q.n_words != 2)
		r = bh_cli_usage(cli, "two databases or two times are compared");
	if (r)
		return r;
	bool files = access(q.words[0], F_OK) == 0 && access(q.words[1], F_OK) == 0;
	r = files ? two_databases(cli, &q, &a, &v, &n) : two_times(cli, &q, &a, &v, &n);
	if (r)
		return r;
	if (compare(v, n, &a, &d, &list.n))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	list.v = d;
	return bh_show(cli, &q.f, &list);
}

static const struct bh_option options[] = { BH_FILTER_OPTIONS, BH_LIST_OPTIONS, { 0 } };

/* clang-format off */
const struct bh_command bh_cmd_show_diff = {
	.name = "show diff",
	.args = "[options] BEFORE AFTER",
	.summary = "what came, went and changed between two times or databases",
	.about = "BEFORE and AFTER are two databases, or two times: what was seen until BEFORE is held\n"
		 "against what was seen since, until AFTER.  'show --diff' is the same.",
	.options = options,
	.run = run,
};
