/* show shares: what was used, and by how many. */
#include <stdlib.h>

#include "cli/said.h"
#include "cli/show.h"
#include "plan/plan.h"
#include "json/json.h"

/* ---- for people ---- */

static void add_line(struct libscols_table *t, const struct bh_share_row *s, bool brief)
{
	struct libscols_line *l = bh_cli_line(t);
	char text[BH_ADDR_TEXT];
	BH_AUTO_BUF server = { 0 };
	BH_AUTO_BUF share = { 0 };
	BH_AUTO_BUF seen = { 0 };
	const char *type = s->type < BH_SHARE_TYPES ? bh_share_type_names[s->type] : NULL;

	if (s->server.family || !s->server_name)
		bh_buf_str(&server, bh_addr_format(&s->server, text));
	else
		bh_plan_remark(&server, s->server_name, 80);
	bh_plan_remark(&share, brief ? bh_share_name(s->share) : s->share, 200);
	bh_cli_cell(l, 0, "%s", bh_buf_text(&server));
	bh_cli_cell(l, 1, "%s", bh_buf_text(&share));
	bh_cli_cell(l, 2, "%s", type ? type : "-");
	bh_cli_cell(l, 3, "%llu", (unsigned long long)s->clients);
	bh_cli_cell(l, 4, "%llu", (unsigned long long)s->users);
	bh_cli_cell(l, 5, "%llu", (unsigned long long)s->connections);
	bh_cli_cell(l, 6, "%llu", (unsigned long long)s->denied);
	bh_cli_cell(l, 7, "%s", s->encrypted == BH_UNKNOWN ? "-" : s->encrypted ? "yes" : "no");
	bh_cli_cell(l, 8, "%s", bh_show_ago(s->last_seen, bh_said_now(), brief, &seen));
}

static int table(const struct bh_cli *cli, const void *elements, size_t n, void *ctx)
{
	static const struct bh_column columns[] = {
		{ "SERVER", false, false },
		{ "SHARE", false, true },
		{ "TYPE", .from = 90 },
		{ "CLIENTS", true, false },
		{ "USERS", true, false },
		{ "TIMES", true, false },
		{ "DENIED", true, false },
		{ "ENCRYPTED", .from = 100 },
		{ "SEEN", false, false },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	const struct bh_share_row *v = elements;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		add_line(t, &v[i], bh_cli_width() < BH_SHOW_WIDE);
	return bh_cli_table_print(cli, t);
}

static json_t *json(const void *element, void *ctx)
{
	(void)ctx;
	return bh_json_share(element);
}

/* ---- in which order ---- */

static int by_server(const void *a, const void *b)
{
	const struct bh_share_row *x = a, *y = b;
	int r = bh_addr_compare(&x->server, &y->server);

	return r ? r : strcasecmp(x->share, y->share);
}

static int by_share(const void *a, const void *b)
{
	const struct bh_share_row *x = a, *y = b;
	int r = strcasecmp(bh_share_name(x->share), bh_share_name(y->share));

	return r ? r : by_server(a, b);
}

#define BY_MOST(field)                                                                             \
	static int by_##field(const void *a, const void *b)                                        \
	{                                                                                          \
		const struct bh_share_row *x = a, *y = b;                                          \
                                                                                                   \
		if (x->field != y->field)                                                          \
			return x->field > y->field ? -1 : 1;                                       \
		return by_server(a, b);                                                            \
	}

BY_MOST(clients)
BY_MOST(users)
BY_MOST(connections)
BY_MOST(denied)
BY_MOST(last_seen)

static const struct bh_show_order orders[] = {
	{ "server", by_server },
	{ "share", by_share },
	{ "clients", by_clients },
	{ "users", by_users },
	{ "times", by_connections },
	{ "denied", by_denied },
	{ "seen", by_last_seen },
	{ 0 },
};

/* ---- the command ---- */

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_filter f = { .rows_alone = true };
	struct bh_cli_inventory inv;
	const struct bh_share_row *found;
	struct bh_show_list list = { .what = "shares",
		.size = sizeof(struct bh_share_row),
		.orders = orders,
		.json = json,
		.table = table };
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;)
		r = bh_filter_take(cli, &f, id);
	if (!r)
		r = bh_filter_inventory(cli, &f, &a, &inv);
	if (!r)
		r = bh_filter_pick(cli, &f, &a, &inv, &inv);
	if (r)
		return r;
	if (bh_inventory_shares(inv.rows, inv.n, &a, &found, &list.n))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	list.v = bh_arena_copy(&a, found, list.n * sizeof *found);
	if (!bh_arena_ok(&a))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	return bh_show(cli, &f, &list);
}

static const struct bh_option options[] = { BH_FILTER_OPTIONS, BH_LIST_OPTIONS, { 0 } };

/* clang-format off */
const struct bh_command bh_cmd_show_shares = {
	.name = "show shares",
	.args = "[options]",
	.summary = "every share seen in use, and by how many",
	.about = "A share is one whatever its server was called.  ENCRYPTED is yes when nobody used\n"
		 "it in the clear.",
	.options = options,
	.run = run,
};
