/* show namespaces: where the parts of DFS namespaces are. */
#include <stdlib.h>

#include "cli/said.h"
#include "cli/show.h"
#include "plan/plan.h"
#include "json/json.h"

/* ---- for people ---- */

static void add_line(struct libscols_table *t, const struct bh_referral *r, bool brief)
{
	struct libscols_line *l = bh_cli_line(t);
	char text[BH_ADDR_TEXT];
	BH_AUTO_BUF path = { 0 };
	BH_AUTO_BUF target = { 0 };
	BH_AUTO_BUF seen = { 0 };

	bh_plan_remark(&path, r->path[0] ? r->path : "-", 200);
	bh_plan_remark(&target, r->target, 200);
	bh_cli_cell(l, 0, "%s", bh_buf_text(&path));
	bh_cli_cell(l, 1, "%s", bh_buf_text(&target));
	bh_cli_cell(l, 2, "%s", bh_addr_format(&r->server, text));
	bh_cli_cell(l, 3, "%s", bh_show_ago(r->when, bh_said_now(), brief, &seen));
}

static int table(const struct bh_cli *cli, const void *elements, size_t n, void *ctx BH_UNUSED)
{
	static const struct bh_column columns[] = {
		{ "PATH", false, true },
		{ "IS ON", false, true },
		{ "TOLD BY", .from = 90 },
		{ "SEEN", false, false },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	const struct bh_referral *v = elements;

	for (size_t i = 0; i < n; i++)
		add_line(t, &v[i], bh_cli_width() < BH_SHOW_WIDE);
	return bh_cli_table_print(cli, t);
}

static json_t *json(const void *element, void *ctx BH_UNUSED)
{
	return bh_json_referral(element);
}

/* ---- in which order ---- */

static int by_target(const void *a, const void *b)
{
	const struct bh_referral *x = a, *y = b;
	int r = strcasecmp(x->target, y->target);

	return r ? r : strcasecmp(x->path, y->path);
}

static int by_seen(const void *a, const void *b)
{
	const struct bh_referral *x = a, *y = b;

	if (x->when != y->when)
		return x->when > y->when ? -1 : 1;
	return by_target(a, b);
}

static const struct bh_show_order orders[] = {
	{ "path", NULL },
	{ "target", by_target },
	{ "seen", by_seen },
	{ 0 },
};

/* ---- the command ---- */

static bool within(const struct bh_filter *f, const struct bh_referral *r)
{
	return (!f->since || r->when >= f->since) && (!f->until || r->when <= f->until);
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF path = { 0 };
	BH_AUTO(bh_store) s = NULL;
	struct bh_filter f = { 0 };
	const struct bh_referral *found;
	size_t n = 0;
	bool missing = false;
	struct bh_show_list list = { .what = "parts of namespaces",
		.size = sizeof(struct bh_referral),
		.orders = orders,
		.json = json,
		.table = table };
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;)
		r = bh_filter_take(cli, &f, id);
	if (!r)
		r = bh_cli_db_read(cli, &s, &missing, &path);
	if (r)
		return r;
	if (!missing && (r = bh_store_referrals(s, &a, &found, &n)))
		return bh_cli_db_unread(cli, r, bh_buf_text(&path));
	struct bh_referral *v = bh_arena_array(&a, n ? n : 1, sizeof *v);
	if (!v)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		if (within(&f, &found[i]))
			v[list.n++] = found[i];
	}
	list.v = v;
	return bh_show(cli, &f, &list);
}

static const struct bh_option options[] = { BH_WINDOW_OPTIONS, BH_LIST_OPTIONS, { 0 } };

/* clang-format off */
const struct bh_command bh_cmd_show_namespaces = {
	.name = "show namespaces",
	.args = "[options]",
	.summary = "where servers say that parts of DFS namespaces are",
	.about = "Who is allowed to a namespace needs its targets, too.  They are what servers answered\n"
		 "to clients in clear: claims, and only those that were asked for.",
	.options = options,
	.run = run,
};
