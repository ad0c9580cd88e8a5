/* show surface: the pairs of machines that can speak SMB, those that do, and what a
 * policy leaves of them. */
#include <stdlib.h>

#include "cli/effects.h"
#include "cli/filter.h"
#include "cli/ready.h"
#include "cli/said.h"
#include "inventory/inventory.h"
#include "plan/plan.h"
#include "json/json.h"

enum { OPT_POLICY = BH_FILTER_IDS, OPT_NAMES, OPT_HOST, OPT_GATEWAY };

static const struct bh_option options[] = {
	BH_FILTER_OPTIONS,
	{ "policy", 'p', "FILE", "count what remains under this policy", OPT_POLICY },
	{ "names", 0, "FILE", "resolve the policy's names from this hosts file alone", OPT_NAMES },
	{ "host", 0, "WHO", "with -p: as this host sees it (default: this machine)", OPT_HOST },
	{ "gateway", 0, NULL, "with -p: as this machine sees it as a gateway", OPT_GATEWAY },
	{ 0 },
};

static int take_options(struct bh_cli *cli, struct bh_filter *f, struct bh_where *w)
{
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;) {
		switch (id) {
		case OPT_POLICY: w->policy = cli->value; break;
		case OPT_NAMES: w->names = cli->value; break;
		case OPT_HOST: w->host = cli->value; break;
		case OPT_GATEWAY: w->gateway = true; break;
		default: r = bh_filter_take(cli, f, id); break;
		}
	}
	if (r)
		return r;
	if (!w->policy && (w->names || w->host || w->gateway))
		return bh_cli_usage(cli, "--gateway, --host and --names go with -p FILE");
	if (w->host && w->gateway)
		return bh_cli_usage(cli, "--host and --gateway exclude each other");
	return 0;
}

/* ---- who speaks to each server ---- */

/* A server that answered, and the clients it answered. */
struct used {
	const struct bh_row *first; /* of its rows */
	uint64_t clients, connections;
};

/* Rows are in conversation order: server, port, client. */
static size_t servers_of(const struct bh_row *rows, size_t n, struct used *v)
{
	const struct bh_addr *client = NULL;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bh_talk *c = &rows[i].who;
		struct used *u = count ? &v[count - 1] : NULL;
		if (c->outcome != BH_ANSWERED)
			continue;
		if (!u || !bh_addr_equal(&u->first->who.server, &c->server) ||
			u->first->who.port != c->port) {
			u = &v[count++];
			*u = (struct used){ .first = &rows[i] };
			client = NULL;
		}
		u->clients += !client || !bh_addr_equal(client, &c->client);
		u->connections += rows[i].figures.connections;
		client = &c->client;
	}
	return count;
}

static json_t *servers_json(const struct used *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		char text[BH_ADDR_TEXT];
		const struct bh_talk *c = &v[i].first->who;
		json_t *o = json_object();
		json_object_set_new(o, "server", json_string(bh_addr_format(&c->server, text)));
		json_object_set_new(o, "port", json_integer(c->port));
		json_object_set_new(o, "clients", json_integer((json_int_t)v[i].clients));
		json_object_set_new(o, "connections", json_integer((json_int_t)v[i].connections));
		json_array_append_new(list, o);
	}
	return list;
}

static int servers_table(const struct bh_cli *cli, const struct used *v, size_t n)
{
	static const struct bh_column columns[] = {
		{ "SERVER", false, false },
		{ "CLIENTS", true, false },
		{ "TIMES", true, false },
	};

	if (!n)
		return BH_EXIT_OK;
	putchar('\n');
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	for (size_t i = 0; i < n; i++) {
		struct libscols_line *l = bh_cli_line(t);
		BH_AUTO_BUF server = { 0 };
		bh_said_server(&v[i].first->who, &server);
		bh_cli_cell(l, 0, "%s", bh_buf_text(&server));
		bh_cli_cell(l, 1, "%llu", (unsigned long long)v[i].clients);
		bh_cli_cell(l, 2, "%llu", (unsigned long long)v[i].connections);
	}
	fflush(stdout);
	return bh_cli_table_print(cli, t);
}

/* ---- the command ---- */

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_filter f = { 0 };
	struct bh_where where = { 0 };
	struct bh_ready ready = { 0 };
	struct bh_surface s;
	struct bh_told told = { 0 };
	struct bh_cli_inventory inv;
	int r = take_options(cli, &f, &where);

	if (!r)
		r = bh_filter_inventory(cli, &f, &a, &inv);
	if (!r)
		r = bh_filter_pick(cli, &f, &a, &inv, &inv);
	if (!r)
		r = bh_cli_inventory_addressed(cli, &a, &inv);
	if (!r && where.policy)
		r = bh_cli_ready(cli, &where, &a, &ready);
	if (r)
		return r;
	const bool policy = where.policy;
	const struct bh_point point = { .view = &ready.view,
		.ifaces = ready.place.ifaces,
		.n_ifaces = ready.place.n_ifaces,
		.forwards = ready.place.forwards };
	told = (struct bh_told){ .names = inv.w.names, .n_names = inv.w.n_names };
	bh_cli_links(&a, &told);
	struct used *servers = bh_arena_array(&a, inv.n + 1, sizeof *servers);
	const struct bh_scene_of of = { .bound = policy ? ready.bound : NULL,
		.points = &point,
		.n_points = policy,
		.told = &told,
		.rows = inv.rows,
		.n = inv.n };
	struct bh_scene *scene;
	if (!servers || bh_plan_scene(&of, &a, &scene) ||
		bh_plan_surface(scene, policy ? &ready.table : NULL, &a, &s))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	size_t n_servers = servers_of(inv.rows, inv.n, servers);
	if (cli->json) {
		json_t *doc = bh_cli_surface_json(&s, policy);
		json_object_set_new(doc, "servers", servers_json(servers, n_servers));
		return bh_cli_json(cli, doc);
	}
	bh_cli_surface_print(&s, policy ? &point : NULL);
	r = policy ? BH_EXIT_OK : servers_table(cli, servers, n_servers);
	return r ? r : bh_cli_flush(cli);
}

/* clang-format off */
const struct bh_command bh_cmd_show_surface = {
	.name = "show surface",
	.args = "[-p FILE [--gateway | --host WHO]] [options]",
	.summary = "the pairs of machines that can speak SMB, and those that do",
	.about = "With a policy: how many of them remain where this machine (or WHO) enforces it.",
	.options = options,
	.run = run,
};
