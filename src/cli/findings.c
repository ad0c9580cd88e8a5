/* show findings: what an administrator should know of. */
#include <limits.h>
#include <stdlib.h>

#include "cli/said.h"
#include "cli/show.h"
#include "plan/plan.h"
#include "json/json.h"

enum { OPT_FINDING = BH_FILTER_IDS, OPT_SEVERITY };

struct ask {
	struct bh_filter f;
	bool one; /* kind alone */
	uint8_t kind;
	uint8_t grade; /* at least */
};

/* ---- for people ---- */

/* Sentences are broken to what the other columns leave; at least so much. */
#define SENTENCE 24
#define GAP      2 /* between columns: cli/output.c */
#define WIDE     100 /* from here on there is room for all */

static unsigned room_for_sentences(const struct bh_finding *v, size_t n)
{
	unsigned width = bh_cli_width(), used = (unsigned)strlen("SEVERITY") + GAP;
	size_t kind = 0;

	if (width == UINT_MAX)
		return width;
	for (size_t i = 0; i < n; i++)
		kind = bh_max_size(kind, strlen(bh_finding_names[v[i].kind]));
	used += (unsigned)kind + GAP;
	if (width >= WIDE)
		used += (unsigned)strlen("TIMES  2026-01-31") + 2 * GAP;
	return width > used + SENTENCE ? width - used : SENTENCE;
}

static int table(const struct bh_cli *cli, const void *elements, size_t n, void *ctx)
{
	static const struct bh_column columns[] = {
		{ "SEVERITY", false, false },
		{ "FINDING", false, false },
		{ "TIMES", .right = true, .from = WIDE },
		{ "SEEN", .from = WIDE },
		{ "EVIDENCE", .lines = true },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	const struct bh_finding *v = elements;
	unsigned room = room_for_sentences(v, n);
	bool brief = bh_cli_width() < BH_SHOW_WIDE;

	(void)ctx;
	for (size_t i = 0; i < n; i++) {
		struct libscols_line *l = bh_cli_line(t);
		BH_AUTO_BUF text = { 0 };
		BH_AUTO_BUF broken = { 0 };
		BH_AUTO_BUF seen = { 0 };
		bh_plan_remark(&text, v[i].text, 400);
		bh_said_broken(bh_buf_text(&text), room, &broken);
		bh_cli_cell(l, 0, "%s", bh_grade_names[v[i].grade]);
		bh_cli_cell(l, 1, "%s", bh_finding_names[v[i].kind]);
		bh_cli_cell(l, 2, "%llu", (unsigned long long)v[i].connections);
		bh_cli_cell(l, 3, "%s", bh_show_ago(v[i].last_seen, bh_said_now(), brief, &seen));
		bh_cli_cell(l, 4, "%s", bh_buf_text(&broken));
	}
	return bh_cli_table_print(cli, t);
}

/* ---- for machines ---- */

static json_t *json(const void *element, void *ctx)
{
	(void)ctx;
	return bh_json_finding(element);
}

/* {"client": {"address": …, "name": …}} → "client", "client_name". */
static void flatten(json_t *to, const char *key, const json_t *end)
{
	char name[32];

	snprintf(name, sizeof name, "%s_name", key);
	json_object_set(to, key, json_object_get(end, "address"));
	json_object_set(to, name, json_object_get(end, "name"));
	if (json_is_null(end)) {
		json_object_set_new(to, key, json_null());
		json_object_set_new(to, name, json_null());
	}
}

static json_t *csv(const void *element, void *ctx)
{
	json_t *o = bh_json_finding(element), *flat = json_object();
	const char *key;
	json_t *value;

	(void)ctx;
	json_object_foreach(o, key, value)
	{
		if (!strcmp(key, "client") || !strcmp(key, "server"))
			flatten(flat, key, value);
		else
			json_object_set(flat, key, value);
	}
	json_decref(o);
	return flat;
}

/* ---- in which order ---- */

static const struct bh_finding *finding(const void *p)
{
	return p;
}

static int most(uint64_t x, uint64_t y, const void *a, const void *b)
{
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(finding(a)->text, finding(b)->text);
}

static int by_times(const void *a, const void *b)
{
	return most(finding(a)->connections, finding(b)->connections, a, b);
}

static int by_clients(const void *a, const void *b)
{
	return most(finding(a)->clients, finding(b)->clients, a, b);
}

static int by_seen(const void *a, const void *b)
{
	return most((uint64_t)finding(a)->last_seen, (uint64_t)finding(b)->last_seen, a, b);
}

static int by_kind(const void *a, const void *b)
{
	int r = finding(a)->kind - finding(b)->kind;

	return r ? r : by_times(a, b);
}

static int by_server(const void *a, const void *b)
{
	int r = bh_addr_compare(&finding(a)->server, &finding(b)->server);

	return r ? r : by_times(a, b);
}

static int by_client(const void *a, const void *b)
{
	int r = bh_addr_compare(&finding(a)->client, &finding(b)->client);

	return r ? r : by_times(a, b);
}

static const struct bh_show_order orders[] = {
	{ "severity", NULL },
	{ "finding", by_kind },
	{ "server", by_server },
	{ "client", by_client },
	{ "times", by_times },
	{ "clients", by_clients },
	{ "seen", by_seen },
	{ 0 },
};

/* ---- the command ---- */

static int word(const struct bh_cli *cli, const char *const *names, size_t n, const char *what,
	uint8_t *ret)
{
	BH_AUTO_BUF b = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(cli->value, names[i])) {
			*ret = (uint8_t)i;
			return 0;
		}
		bh_buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
	}
	return bh_cli_usage(cli, "'%s' is no %s: %s", cli->value, what, bh_buf_text(&b));
}

static int take(struct bh_cli *cli, struct ask *q, int id)
{
	switch (id) {
	case OPT_FINDING:
		q->one = true;
		return word(cli, bh_finding_names, BH_FINDINGS, "finding", &q->kind);
	case OPT_SEVERITY: return word(cli, bh_grade_names, BH_GRADES, "severity", &q->grade);
	default: return bh_filter_take(cli, &q->f, id);
	}
}

/* What no row shows is there only when nothing but a server or a share was asked for, and
 * a share from the time on that one hears of it. */
static bool leaves(const struct ask *q, const struct bh_finding *x)
{
	const struct bh_filter *f = &q->f;
	bool share = x->kind == BH_FOUND_SHARE_UNUSED;

	if ((q->one && x->kind != q->kind) || x->grade < q->grade)
		return false;
	if (x->kind != BH_FOUND_SERVER_UNUSED && !share)
		return true;
	if (share ? f->until && x->last_seen > f->until : f->share != NULL)
		return false;
	if (f->share && strcasecmp(f->share, x->share) &&
		strcasecmp(f->share, bh_share_name(x->share)))
		return false;
	return !f->client.name && !f->user && !f->by_purpose &&
	       bh_filter_is(&f->server, &x->server, x->server_name);
}

static int find(const struct bh_cli *cli, const struct ask *q, const struct bh_cli_inventory *inv,
	struct bh_arena *a, struct bh_finding **ret, size_t *n)
{
	struct bh_cli_inventory picked;
	const struct bh_host_row *hosts;
	const struct bh_finding *all;
	size_t n_hosts, n_all;
	int r = bh_filter_pick(cli, &q->f, a, inv, &picked);

	if (r)
		return r;
	if (bh_inventory_hosts(inv->rows, inv->n, &inv->w, a, &hosts, &n_hosts) ||
		bh_inventory_findings(
			picked.rows, picked.n, hosts, n_hosts, &inv->w, a, &all, &n_all))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	struct bh_finding *v = bh_arena_array(a, n_all + 1, sizeof *v);
	if (!v)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	*n = 0;
	for (size_t i = 0; i < n_all; i++) {
		if (leaves(q, &all[i]))
			v[(*n)++] = all[i];
	}
	*ret = v;
	return 0;
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct ask q = { 0 };
	struct bh_cli_inventory inv;
	struct bh_show_list list = { .what = "findings",
		.size = sizeof(struct bh_finding),
		.orders = orders,
		.json = json,
		.csv = csv,
		.table = table };
	struct bh_finding *v;
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;)
		r = take(cli, &q, id);
	if (!r)
		r = bh_filter_inventory(cli, &q.f, &a, &inv);
	if (!r)
		r = find(cli, &q, &inv, &a, &v, &list.n);
	if (r)
		return r;
	list.v = v;
	return bh_show(cli, &q.f, &list);
}

static const struct bh_option options[] = {
	BH_FILTER_OPTIONS,
	BH_LIST_OPTIONS,
	{ "finding", 0, "KIND", "only these: smb1-used, guest, internet …", OPT_FINDING },
	{ "severity", 0, "LEAST", "info, low, medium, high or critical, and what is worse",
		OPT_SEVERITY },
	{ 0 },
};

/* clang-format off */
const struct bh_command bh_cmd_show_findings = {
	.name = "show findings",
	.args = "[options]",
	.summary = "what is unsafe or not needed, the gravest first",
	.about = "SMB1, guests, null sessions, NTLM, missing signing and encryption, SMB between\n"
		 "workstations and with the Internet, shares open to everyone, servers and shares that\n"
		 "nobody uses.  Of equal severity the heaviest stand first.  --json is described by\n"
		 "doc/findings.schema.json.",
	.options = options,
	.run = run,
};
