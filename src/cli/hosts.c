/* show hosts: the machines, and the part each plays. */
#include <stdlib.h>

#include "cli/said.h"
#include "cli/show.h"
#include "plan/plan.h"
#include "json/json.h"

/* ---- for people ---- */

static void roles(const struct bh_host_row *h, struct bh_buf *b)
{
	for (unsigned i = 0; i < BH_HOST_ROLES; i++) {
		if (h->roles >> i & 1)
			bh_buf_printf(b, "%s%s", b->len ? ", " : "", bh_host_role_names[i]);
	}
	if (b->len)
		return;
	if (h->is_server)
		bh_buf_str(b, h->is_client ? "answered, and asked" : "answered");
	else
		bh_buf_str(b, h->is_client ? "asked" : "only tried");
}

static void add_line(struct libscols_table *t, const struct bh_host_row *h, bool brief)
{
	struct libscols_line *l = bh_cli_line(t);
	char text[BH_ADDR_TEXT];
	BH_AUTO_BUF name = { 0 };
	BH_AUTO_BUF part = { 0 };
	BH_AUTO_BUF seen = { 0 };
	const char *called = h->name ? h->name : h->workstation;
	const char *signing = h->signing < BH_SIGNINGS ? bh_signing_names[h->signing] : NULL;

	bh_plan_remark(&name, called ? called : "-", 80);
	roles(h, &part);
	bh_cli_cell(l, 0, "%s", bh_addr_format(&h->addr, text));
	bh_cli_cell(l, 1, "%s", bh_buf_text(&name));
	bh_cli_cell(l, 2, "%s", bh_buf_text(&part));
	bh_cli_cell(l, 3, "%llu", (unsigned long long)h->served);
	bh_cli_cell(l, 4, "%llu", (unsigned long long)h->used);
	bh_cli_cell(l, 5, "%s%s", bh_said_dialect(h->best_dialect),
		h->smb1 && !bh_dialect_smb1(h->best_dialect) ? " and SMB1" : "");
	bh_cli_cell(l, 6, "%s", signing ? signing : "-");
	bh_cli_cell(l, 7, "%s", bh_show_ago(h->last_seen, bh_said_now(), brief, &seen));
}

static int table(const struct bh_cli *cli, const void *elements, size_t n, void *ctx)
{
	static const struct bh_column columns[] = {
		{ "ADDRESS", false, false },
		{ "NAME", .may_shrink = true },
		{ "ROLE", false, false },
		{ "SERVED", true, false },
		{ "USED", true, false },
		{ "SMB", .from = 96 },
		{ "SIGNING", .from = 110 },
		{ "SEEN", false, false },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	const struct bh_host_row *v = elements;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		add_line(t, &v[i], bh_cli_width() < BH_SHOW_WIDE);
	return bh_cli_table_print(cli, t);
}

static json_t *json(const void *element, void *ctx)
{
	(void)ctx;
	return bh_json_host(element);
}

/* ---- in which order ---- */

static int by_address(const void *a, const void *b)
{
	const struct bh_host_row *x = a, *y = b;
	int r = bh_addr_compare(&x->addr, &y->addr);

	/* Those without one stand last. */
	if (r && (!x->addr.family || !y->addr.family))
		r = -r;
	return r ? r : strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static int most(uint64_t x, uint64_t y, const void *a, const void *b)
{
	return x != y ? (x > y ? -1 : 1) : by_address(a, b);
}

#define BY_MOST(field)                                                                             \
	static int by_##field(const void *a, const void *b)                                        \
	{                                                                                          \
		const struct bh_host_row *x = a, *y = b;                                           \
                                                                                                   \
		return most((uint64_t)x->field, (uint64_t)y->field, a, b);                         \
	}

BY_MOST(served)
BY_MOST(used)
BY_MOST(clients)
BY_MOST(servers)
BY_MOST(last_seen)

static const char *called(const struct bh_host_row *h)
{
	return h->name ? h->name : h->workstation ? h->workstation : "";
}

static int by_name(const void *a, const void *b)
{
	int r = strcasecmp(called(a), called(b));

	return r ? r : by_address(a, b);
}

static int by_role(const void *a, const void *b)
{
	const struct bh_host_row *x = a, *y = b;
	int m = x->roles ? __builtin_ctz(x->roles) : BH_HOST_ROLES;
	int n = y->roles ? __builtin_ctz(y->roles) : BH_HOST_ROLES;

	return m != n ? m - n : by_address(a, b);
}

static const struct bh_show_order orders[] = {
	{ "address", by_address },
	{ "name", by_name },
	{ "role", by_role },
	{ "served", by_served },
	{ "used", by_used },
	{ "clients", by_clients },
	{ "servers", by_servers },
	{ "seen", by_last_seen },
	{ 0 },
};

/* ---- the command ---- */

/* The hosts of the rows asked for, with the roles that all rows of the window show. */
static int hosts_of(const struct bh_cli *cli, const struct bh_filter *f,
	const struct bh_cli_inventory *inv, struct bh_arena *a, struct bh_host_row **ret, size_t *n)
{
	struct bh_cli_inventory picked;
	const struct bh_host_row *all, *some;
	size_t n_all;
	int r = bh_filter_pick(cli, f, a, inv, &picked);

	if (r)
		return r;
	if (bh_inventory_hosts(inv->rows, inv->n, &inv->w, a, &all, &n_all) ||
		bh_inventory_hosts(picked.rows, picked.n, &inv->w, a, &some, n))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	struct bh_host_row *v = bh_arena_array(a, *n + 1, sizeof *v);
	if (!v)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < *n; i++) {
		struct bh_talk c;
		bh_talk_init(&c);
		c.server = some[i].addr;
		v[i] = some[i];
		c.server_name = called(&v[i]);
		const struct bh_host_row *h = bh_inventory_host(all, n_all, &c, true);
		if (!h)
			continue;
		v[i].roles = h->roles;
		v[i].evidence = h->evidence;
		v[i].n_evidence = h->n_evidence;
		if (!v[i].name)
			v[i].name = h->name;
		if (!v[i].workstation)
			v[i].workstation = h->workstation;
	}
	*ret = v;
	return 0;
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_filter f = { 0 };
	struct bh_cli_inventory inv;
	struct bh_show_list list = { .what = "hosts",
		.size = sizeof(struct bh_host_row),
		.orders = orders,
		.json = json,
		.table = table };
	struct bh_host_row *v;
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;)
		r = bh_filter_take(cli, &f, id);
	if (!r)
		r = bh_filter_inventory(cli, &f, &a, &inv);
	if (!r)
		r = hosts_of(cli, &f, &inv, &a, &v, &list.n);
	if (r)
		return r;
	list.v = v;
	return bh_show(cli, &f, &list);
}

static const struct bh_option options[] = { BH_FILTER_OPTIONS, BH_LIST_OPTIONS, { 0 } };

/* clang-format off */
const struct bh_command bh_cmd_show_hosts = {
	.name = "show hosts",
	.args = "[options]",
	.summary = "every machine seen speaking SMB, and its part in it",
	.about = "ROLE is what evidence says a machine is; --json has the evidence for each, and is\n"
		 "described by doc/hosts.schema.json.",
	.options = options,
	.run = run,
};
