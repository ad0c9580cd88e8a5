#include <stdlib.h>
#include <time.h>

#include "cli/bound.h"
#include "cli/cli.h"
#include "cli/effects.h"
#include "cli/inventory.h"
#include "keeper/keeper.h"
#include "plan/plan.h"

enum { OPT_SINCE = 1, OPT_INSIDE, OPT_SERVER, OPT_MANY, OPT_BY_NAME, OPT_NAMES };

static const struct bh_option options[] = {
	{ "since", 0, "DURATION", "leave aside what was last seen longer ago", OPT_SINCE },
	{ "inside", 0, "PREFIX", "these addresses are your own, not the Internet (repeatable)",
		OPT_INSIDE },
	{ "server", 0, "PREFIX", "these hosts are servers, whatever was seen (repeatable)",
		OPT_SERVER },
	{ "many", 0, "NUMBER", "so many clients become their /24 or /64 (default 8)", OPT_MANY },
	{ "by-name", 0, NULL, "write a server's name where it resolves to that server",
		OPT_BY_NAME },
	{ "names", 0, "FILE", "resolve names from this hosts file alone", OPT_NAMES },
	{ 0 },
};

struct ask {
	struct bh_arena a;
	struct bh_addrset inside, servers;
	int64_t since; /* seconds; 0: none */
	unsigned many;
	bool by_name;
	const char *names;
};

/* ADDRESS or ADDRESS/BITS. */
static int parse_prefix(const char *text, struct bh_arena *a, struct bh_addrset *ret)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct bh_addr lo, hi;

	if (bh_addr_parse(text, len, &lo))
		return -EINVAL;
	unsigned width = bh_addr_bits(lo.family), bits = width;
	if (slash) {
		char *end;
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		unsigned long n = strtoul(slash + 1, &end, 10);
		if (*end || n > width)
			return -EINVAL;
		bits = (unsigned)n;
	}
	bh_u128 host = bits == 0      ? bh_addr_max(lo.family)
		       : bits < width ? ((bh_u128)1 << (width - bits)) - 1
				      : 0;
	if (lo.num & host)
		return -ERANGE;
	hi = lo;
	hi.num |= host;
	*ret = bh_addrset_range(a, &lo, &hi);
	return 0;
}

static int add_prefix(struct bh_cli *cli, struct bh_arena *a, struct bh_addrset *to)
{
	struct bh_addrset one;
	int r = parse_prefix(cli->value, a, &one);

	if (r == -ERANGE)
		return bh_cli_usage(cli, "'%s' has bits set behind its prefix", cli->value);
	if (r)
		return bh_cli_usage(cli, "'%s' is neither an address nor a prefix", cli->value);
	*to = bh_addrset_union(a, *to, one);
	return 0;
}

static int take_option(struct bh_cli *cli, struct ask *q, int id)
{
	char *end;

	switch (id) {
	case OPT_SINCE:
		if (bh_duration_parse(cli->value, &q->since) || !q->since)
			return bh_cli_usage(cli,
				"'%s' is no duration (say 30d, 12h or \"2 weeks\")", cli->value);
		return 0;
	case OPT_INSIDE: return add_prefix(cli, &q->a, &q->inside);
	case OPT_SERVER: return add_prefix(cli, &q->a, &q->servers);
	case OPT_MANY:
		q->many = (unsigned)strtoul(cli->value, &end, 10);
		if (*end || !*cli->value || q->many < 1 || q->many > 1000000 ||
			strspn(cli->value, "0123456789") != strlen(cli->value))
			return bh_cli_usage(cli, "--many is a number from 1, not '%s'", cli->value);
		return 0;
	case OPT_BY_NAME: q->by_name = true; return 0;
	case OPT_NAMES:
		q->names = cli->value;
		q->by_name = true;
		return 0;
	default: return bh_cli_usage(cli, "suggest takes no word ('%s')", cli->value);
	}
}

/* ---- JSON --------------------------------------------------------------------------- */

static json_t *text_or_null(const struct bh_buf *b)
{
	return b->len ? json_string(b->ptr) : json_null();
}

static json_t *time_json(bh_time t)
{
	BH_AUTO_BUF b = { 0 };

	if (t)
		bh_time_format(t, &b);
	return text_or_null(&b);
}

static void add_range(void *ctx, const char *text)
{
	json_array_append_new(ctx, json_string(text));
}

static json_t *addrs_json(const struct bh_addrset *set)
{
	json_t *v = json_array();

	for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4) {
		struct bh_ranges r = bh_addrset_of(set, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			BH_AUTO_BUF b = { 0 };
			bh_range_format((uint8_t)family, &r.v[i], &b);
			add_range(v, bh_buf_text(&b));
		}
	}
	return v;
}

static json_t *texts_json(const char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(v[i]));
	return list;
}

static json_t *services_json(unsigned services)
{
	static const char *const names[] = { "smb", "netbios", "smbdirect" };
	json_t *v = json_array();

	for (size_t i = 0; i < BH_LEN(names); i++) {
		if (services >> i & 1)
			json_array_append_new(v, json_string(names[i]));
	}
	return v;
}

static void add_seen(json_t *o, const struct bh_seen *s)
{
	json_t *dialects = json_array();

	for (unsigned i = 1; i < BH_DIALECTS; i++) {
		if (s->dialects >> i & 1 && bh_dialect_names[i])
			json_array_append_new(dialects, json_string(bh_dialect_names[i]));
	}
	json_object_set_new(o, "clients", json_integer((json_int_t)s->clients));
	json_object_set_new(o, "users", json_integer((json_int_t)s->users));
	json_object_set_new(o, "connections", json_integer((json_int_t)s->connections));
	json_object_set_new(o, "last_seen", time_json(s->last_seen));
	json_object_set_new(o, "shares", texts_json(s->shares, s->n_shares));
	json_object_set_new(o, "dialects", dialects);
}

static json_t *sets_json(const struct bh_suggestion *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->n_sets; i++) {
		const struct bh_suggested_set *set = s->sets[i];
		json_t *o = json_object();
		json_object_set_new(o, "name", json_string(set->name));
		json_object_set_new(o, "kind", json_string(set->network ? "network" : "hosts"));
		json_object_set_new(o, "machines", texts_json(set->machines, set->n_machines));
		json_object_set_new(o, "addresses", addrs_json(&set->addrs));
		json_object_set_new(o, "except", addrs_json(&set->except));
		json_object_set_new(o, "called", texts_json(set->called, set->n_called));
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *rules_json(const struct bh_suggestion *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->n_rules; i++) {
		const struct bh_suggested_rule *r = &s->rules[i];
		json_t *o = json_object(), *seen = json_object();
		json_object_set_new(o, "services", services_json(r->services));
		json_object_set_new(o, "from", json_string(r->from->name));
		json_object_set_new(o, "to", json_string(r->to->name));
		add_seen(seen, &r->seen);
		json_object_set_new(o, "seen", seen);
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *left_json(const struct bh_suggestion *s)
{
	json_t *v = json_array();

	for (size_t i = 0; i < s->n_left; i++) {
		const struct bh_left *l = &s->left[i];
		json_t *o = json_object(), *seen = json_object();
		char server[BH_ADDR_TEXT];
		json_object_set_new(o, "why", json_string(bh_left_names[l->why]));
		json_object_set_new(o, "server", json_string(bh_addr_format(&l->server, server)));
		json_object_set_new(o, "proto", json_string(l->at.proto == BH_TCP ? "tcp" : "udp"));
		json_object_set_new(o, "port", json_integer(l->at.port));
		json_object_set_new(o, "clients", addrs_json(&l->clients));
		add_seen(seen, &l->seen);
		json_object_set_new(o, "seen", seen);
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *suggestion_json(const struct bh_suggestion *s, const char *policy)
{
	json_t *o = json_object();

	json_object_set_new(o, "policy", json_string(policy));
	json_object_set_new(o, "suggested_at", time_json(s->now));
	json_object_set_new(o, "since", time_json(s->since));
	json_object_set_new(o, "first_seen", time_json(s->first_seen));
	json_object_set_new(o, "last_seen", time_json(s->last_seen));
	json_object_set_new(o, "conversations", json_integer((json_int_t)s->conversations));
	json_object_set_new(o, "connections", json_integer((json_int_t)s->connections));
	json_object_set_new(o, "too_old", json_integer((json_int_t)s->too_old));
	json_object_set_new(o, "loopback", json_integer((json_int_t)s->loopback));
	json_object_set_new(o, "pairs", json_integer((json_int_t)s->pairs));
	json_object_set_new(o, "inside", addrs_json(&s->inside));
	json_object_set_new(o, "sets", sets_json(s));
	json_object_set_new(o, "rules", rules_json(s));
	json_object_set_new(o, "left_out", left_json(s));
	return o;
}

/* ---- the command ---------------------------------------------------------------------- */

static int print(struct bh_cli *cli, const struct bh_suggestion *s)
{
	BH_AUTO_BUF b = { 0 };

	bh_plan_suggest_print(s, &b);
	if (!bh_buf_ok(&b))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (cli->json)
		return bh_cli_json(cli, suggestion_json(s, bh_buf_text(&b)));
	fwrite(b.ptr, 1, b.len, stdout);
	int r = bh_cli_flush(cli);
	if (r || cli->quiet)
		return r;
	fprintf(stderr, "bulkhead suggest: %zu rule%s for %llu pairs of client and server",
		s->n_rules, s->n_rules == 1 ? "" : "s", (unsigned long long)s->pairs);
	if (s->n_left)
		fprintf(stderr, "; %zu left out, with their reasons, at the end", s->n_left);
	fputs("\n", stderr);
	return BH_EXIT_OK;
}

static int read_names(struct bh_cli *cli, struct ask *q, struct bh_names *ret)
{
	struct bh_span text;

	if (!q->names) {
		bh_keeper_names_system(ret);
		return 0;
	}
	int r = bh_cli_text(cli, q->names, &q->a, &text);
	if (r)
		return r;
	r = bh_keeper_names_file((const char *)text.ptr, &q->a, ret);
	if (r == -ENOMEM)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (r)
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"%s is no hosts file: each line is an address and its names", q->names);
	return 0;
}

static int suggest(struct bh_cli *cli, struct ask *q)
{
	struct bh_cli_inventory inv;
	struct timespec ts;
	struct bh_names names = { 0 };
	struct bh_suggestion s;

	clock_gettime(CLOCK_REALTIME, &ts);
	bh_time now = (bh_time)ts.tv_sec * BH_SECOND + ts.tv_nsec;
	int r = bh_cli_inventory(cli, NULL, &q->a, &inv, NULL, NULL);
	if (!r)
		r = bh_cli_inventory_addressed(cli, &q->a, &inv);
	if (!r && q->by_name)
		r = read_names(cli, q, &names);
	if (r)
		return r;
	struct bh_suggest_options o = {
		.told = { .own = &q->inside, .servers = &q->servers },
		.now = now,
		.since = q->since ? now - q->since * BH_SECOND : 0,
		.many = q->many,
		.names = q->by_name ? &names : NULL,
	};
	bh_cli_links(&q->a, &o.told);
	if (bh_plan_suggest(inv.rows, inv.n, &o, &q->a, &s))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	return print(cli, &s);
}

static int run(struct bh_cli *cli)
{
	struct ask q = { 0 };
	int id, r = 0;

	while (!r && (id = bh_cli_next(cli)) >= 0)
		r = take_option(cli, &q, id);
	if (!r)
		r = suggest(cli, &q);
	bh_arena_reset(&q.a);
	return r;
}

const struct bh_command bh_cmd_suggest = {
	.name = "suggest",
	.args = "[options] > corp.policy",
	.summary = "write a policy from what was seen",
	.about = "Reads the inventory and writes a policy that allows what was seen at work and\n"
		 "blocks the rest: servers and their clients as named sets, one rule for each\n"
		 "group, above each rule a remark that says what was seen.  What it does not\n"
		 "allow by itself (SMB with the Internet, towards workstations, by SMB1, without\n"
		 "a user, refused or unanswered) stands at the end as remarks with the reason;\n"
		 "take the # away to allow one.",
	.options = options,
	.run = run,
};
