/* show hosts, shares, conversations: the inventory, as people and as JSON. */
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/db.h"
#include "cli/filter.h"
#include "cli/said.h"
#include "inventory/inventory.h"
#include "plan/plan.h"
#include "json/json.h"

static const struct bh_option filter_options[] = { BH_FILTER_OPTIONS, { 0 } };

static int rows_of(struct bh_cli *cli, struct bh_arena *a, const struct bh_row **ret, size_t *n_ret)
{
	struct bh_filter f = { 0 };
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;)
		r = bh_filter_take(cli, &f, id);
	return r ? r : bh_filter_rows(cli, &f, a, ret, n_ret);
}

/* ---- tables ---- */

/* Columns that fit: people read on 80 columns, too.  A pipe gets everything. */
static unsigned width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return UINT_MAX;
	if (columns && atoi(columns) > 0)
		return (unsigned)atoi(columns);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col;
	return 80;
}

static int nothing(const struct bh_cli *cli, const char *what)
{
	if (!cli->quiet)
		printf("no %s in the inventory match\n", what);
	return bh_cli_flush(cli);
}

#define WIDE 120
#define GAP  2 /* between columns: cli/output.c */

static const char *ago(bh_time t, bh_time now, bool brief, struct bh_buf *b)
{
	if (!t)
		bh_buf_str(b, "-");
	else if (brief)
		bh_said_age(t, now, b);
	else
		bh_time_ago(t, now, b);
	return bh_buf_text(b);
}

enum {
	C_SEEN,
	C_CLIENT,
	C_SERVER,
	C_SHARE,
	C_USER,
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
	const struct look *k, int what, const struct bh_row *r, struct bh_buf *b)
{
	const struct bh_conversation *c = &r->who;
	char text[BH_ADDR_TEXT];

	switch (what) {
	case C_SEEN: ago(r->figures.last_seen, k->now, k->how != WHOLE, b); break;
	case C_CLIENT: bh_buf_str(b, bh_addr_format(&c->client, text)); break;
	case C_SERVER: bh_said_server(c, b); break;
	case C_SHARE: bh_said_share(c, k->how == WHOLE, b); break;
	case C_USER: bh_said_user(c, k->how != BRIEFEST, b); break;
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

static bool fits(const struct look *k, const struct bh_row *rows, size_t n)
{
	BH_AUTO_BUF b = { 0 };
	size_t all = 0;

	for (size_t i = 0; i < BH_LEN(conversation_columns); i++) {
		if (k->wide < conversation_columns[i].from)
			continue;
		size_t most = strlen(conversation_columns[i].column.title);
		for (size_t r = 0; r < n; r++) {
			b.len = 0;
			conversation_text(k, (int)i, &rows[r], &b);
			most = bh_max_size(most, length(bh_buf_text(&b)));
		}
		all += most + (all ? GAP : 0);
	}
	return all <= k->wide;
}

/* Cutting a cell takes its end, and often just what it is about: a domain's user. */
static struct look look_at(const struct bh_row *rows, size_t n)
{
	struct look k = { .wide = width(), .now = bh_said_now() };

	if (k.wide == UINT_MAX)
		return k;
	k.how = k.wide < WIDE ? BRIEF : WHOLE;
	while (k.how < BRIEFEST && !fits(&k, rows, n))
		k.how++;
	return k;
}

static int conversations_table(const struct bh_cli *cli, const struct bh_row *rows, size_t n)
{
	struct bh_column columns[BH_LEN(conversation_columns)];
	int what[BH_LEN(conversation_columns)];
	size_t shown = 0;
	const struct look k = look_at(rows, n);

	for (size_t i = 0; i < BH_LEN(conversation_columns); i++) {
		if (k.wide < conversation_columns[i].from)
			continue;
		columns[shown] = conversation_columns[i].column;
		what[shown++] = (int)i;
	}
	struct libscols_table *t = bh_cli_table(columns, shown);
	for (size_t i = 0; i < n; i++) {
		struct libscols_line *l = bh_cli_line(t);
		for (size_t at = 0; at < shown; at++) {
			BH_AUTO_BUF b = { 0 };
			conversation_text(&k, what[at], &rows[i], &b);
			bh_cli_cell(l, at, "%s", bh_buf_text(&b));
		}
	}
	return bh_cli_table_print(cli, t);
}

/* ---- conversations ---- */

/* Labels by source id; ids are few and ascending. */
static const char *label_of(const struct bh_source_row *v, size_t n, uint32_t id)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && v[lo].id == id ? v[lo].label : "?";
}

static int sources_of(
	struct bh_cli *cli, struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret)
{
	BH_AUTO(bh_store) s = NULL;
	int r = bh_cli_db_read(cli, &s, NULL);

	if (r)
		return r;
	r = bh_store_sources(s, a, ret, n_ret);
	return r ? bh_cli_fail(
			   cli, BH_EXIT_SYSTEM, "cannot read the database: %s", strerrordesc_np(-r))
		 : 0;
}

static int conversations_json(
	struct bh_cli *cli, struct bh_arena *a, const struct bh_row *rows, size_t n)
{
	const struct bh_source_row *sources;
	size_t n_sources;
	int r = sources_of(cli, a, &sources, &n_sources);
	if (r)
		return r;

	/* One object at a time: all of them at once would be gigabytes. */
	fputs(n ? "[\n" : "[", stdout);
	for (size_t i = 0; i < n; i++) {
		const char **labels = bh_arena_array(a, rows[i].n_sources + 1, sizeof *labels);
		for (size_t k = 0; labels && k < rows[i].n_sources; k++)
			labels[k] = label_of(sources, n_sources, rows[i].sources[k]);
		json_t *o =
			labels ? bh_json_conversation(&rows[i].who, &rows[i].figures,
					 bh_inventory_purpose(&rows[i]), labels, rows[i].n_sources)
			       : NULL;
		if (!o)
			return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
		json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		json_decref(o);
		puts(i + 1 < n ? "," : "");
	}
	puts("]");
	return bh_cli_flush(cli);
}

static int run_conversations(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	size_t n;
	int r = rows_of(cli, &a, &rows, &n);

	if (r)
		return r;
	if (cli->json)
		return conversations_json(cli, &a, rows, n);
	return n ? conversations_table(cli, rows, n) : nothing(cli, "conversations");
}

/* ---- hosts ---- */

static const char *role(const struct bh_host_row *h)
{
	if (h->is_server && h->is_client)
		return "both";
	if (h->is_server)
		return "server";
	return h->is_client ? "client" : "only tried";
}

static int hosts_table(const struct bh_cli *cli, const struct bh_host_row *v, size_t n)
{
	static const struct bh_column columns[] = {
		{ "ADDRESS", false, false },
		{ "NAME", false, true },
		{ "ROLE", false, false },
		{ "SERVED", true, false },
		{ "USED", true, false },
		{ "SMB", false, false },
		{ "SIGNING", false, false },
		{ "SEEN", false, false },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	bh_time now = bh_said_now();
	unsigned wide = width();

	for (size_t i = 0; i < n; i++) {
		const struct bh_host_row *h = &v[i];
		struct libscols_line *l = bh_cli_line(t);
		char text[BH_ADDR_TEXT];
		BH_AUTO_BUF name = { 0 };
		BH_AUTO_BUF seen = { 0 };
		const char *called = h->name ? h->name : h->workstation;
		bh_plan_remark(&name, called ? called : "-", 80);
		const char *signing =
			h->signing < BH_SIGNINGS ? bh_signing_names[h->signing] : NULL;
		bh_cli_cell(l, 0, "%s", bh_addr_format(&h->addr, text));
		bh_cli_cell(l, 1, "%s", bh_buf_text(&name));
		bh_cli_cell(l, 2, "%s", role(h));
		bh_cli_cell(l, 3, "%llu", (unsigned long long)h->served);
		bh_cli_cell(l, 4, "%llu", (unsigned long long)h->used);
		bh_cli_cell(l, 5, "%s%s", bh_said_dialect(h->best_dialect),
			h->smb1 && h->best_dialect > BH_DIALECT_NT_LM_012 ? " and SMB1" : "");
		bh_cli_cell(l, 6, "%s", signing ? signing : "-");
		bh_cli_cell(l, 7, "%s", ago(h->last_seen, now, wide < WIDE, &seen));
	}
	return bh_cli_table_print(cli, t);
}

static int run_hosts(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	const struct bh_host_row *v;
	size_t n, count;
	int r = rows_of(cli, &a, &rows, &n);

	if (r)
		return r;
	if (bh_inventory_hosts(rows, n, NULL, &a, &v, &count))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (!cli->json)
		return count ? hosts_table(cli, v, count) : nothing(cli, "hosts");
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, bh_json_host(&v[i]));
	return bh_cli_json(cli, list);
}

/* ---- shares ---- */

static int shares_table(const struct bh_cli *cli, const struct bh_share_row *v, size_t n)
{
	static const struct bh_column columns[] = {
		{ "SERVER", false, false },
		{ "SHARE", false, true },
		{ "TYPE", false, false },
		{ "CLIENTS", true, false },
		{ "USERS", true, false },
		{ "TIMES", true, false },
		{ "DENIED", true, false },
		{ "ENCRYPTED", false, false },
		{ "SEEN", false, false },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	bh_time now = bh_said_now();
	unsigned wide = width();

	for (size_t i = 0; i < n; i++) {
		const struct bh_share_row *s = &v[i];
		struct libscols_line *l = bh_cli_line(t);
		char text[BH_ADDR_TEXT];
		BH_AUTO_BUF share = { 0 };
		BH_AUTO_BUF seen = { 0 };
		const char *type = s->type < BH_SHARE_TYPES ? bh_share_type_names[s->type] : NULL;
		const char *last = strrchr(s->share, '\\');
		bh_plan_remark(&share, wide < WIDE && last ? last + 1 : s->share, 200);
		bh_cli_cell(l, 0, "%s", bh_addr_format(&s->server, text));
		bh_cli_cell(l, 1, "%s", bh_buf_text(&share));
		bh_cli_cell(l, 2, "%s", type ? type : "-");
		bh_cli_cell(l, 3, "%llu", (unsigned long long)s->clients);
		bh_cli_cell(l, 4, "%llu", (unsigned long long)s->users);
		bh_cli_cell(l, 5, "%llu", (unsigned long long)s->connections);
		bh_cli_cell(l, 6, "%llu", (unsigned long long)s->denied);
		bh_cli_cell(l, 7, "%s",
			s->encrypted == BH_UNKNOWN ? "-"
			: s->encrypted             ? "yes"
						   : "no");
		bh_cli_cell(l, 8, "%s", ago(s->last_seen, now, wide < WIDE, &seen));
	}
	return bh_cli_table_print(cli, t);
}

static int run_shares(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	const struct bh_share_row *v;
	size_t n, count;
	int r = rows_of(cli, &a, &rows, &n);

	if (r)
		return r;
	if (bh_inventory_shares(rows, n, &a, &v, &count))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (!cli->json)
		return count ? shares_table(cli, v, count) : nothing(cli, "shares");
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, bh_json_share(&v[i]));
	return bh_cli_json(cli, list);
}

/* clang-format off */
const struct bh_command bh_cmd_show_hosts = {
	.name = "show hosts",
	.args = "[options]",
	.summary = "every machine seen speaking SMB, and its part in it",
	.options = filter_options,
	.run = run_hosts,
};

const struct bh_command bh_cmd_show_conversations = {
	.name = "show conversations",
	.args = "[options]",
	.summary = "who spoke SMB to whom, how, and what became of it",
	.about = "One line per distinct conversation.  SAFETY says what was seen on the wire; '-' is\n"
		 "unknown, never a guess.  --json is described by doc/conversations.schema.json.",
	.options = filter_options,
	.run = run_conversations,
};

const struct bh_command bh_cmd_show_shares = {
	.name = "show shares",
	.args = "[options]",
	.summary = "every share seen in use, and by how many",
	.about = "A share is one whatever its server was called.  ENCRYPTED is yes when nobody used\n"
		 "it in the clear.",
	.options = filter_options,
	.run = run_shares,
};
