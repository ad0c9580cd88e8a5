#include <stdlib.h>

#include "cli/bound.h"
#include "cli/cli.h"
#include "cli/effects.h"
#include "cli/inventory.h"
#include "cli/said.h"
#include "cli/suggest.h"
#include "keeper/keeper.h"
#include "plan/plan.h"

enum {
	OPT_BUDGET = 1,
	OPT_WITHOUT,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_INSIDE,
	OPT_SERVER,
	OPT_MANY,
	OPT_BY_NAME,
	OPT_NAMES
};

static const struct bh_option options[] = {
	{ "budget", 0, "NUMBER", "so many rules at most, and of these the smallest surface",
		OPT_BUDGET },
	{ "without", 0, "PURPOSE", "what is for nothing else is not needed (repeatable)",
		OPT_WITHOUT },
	{ "since", 0, "WHEN", "leave aside what was last seen before 2026-01-31, 30d …",
		OPT_SINCE },
	{ "until", 0, "WHEN", "leave aside what was first seen later", OPT_UNTIL },
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
	bh_time now, since, until; /* 0: not given */
	unsigned budget, many; /* 0: not given */
	uint32_t without;
	bool by_name;
	const char *names;
};

static int add_prefix(struct bh_cli *cli, struct bh_arena *a, struct bh_addrset *to)
{
	struct bh_addr lo, hi;
	unsigned bits;

	if (bh_prefix_parse(cli->value, strlen(cli->value), &lo, &bits))
		return bh_cli_usage(cli, "'%s' is neither an address nor a prefix", cli->value);
	bh_u128 host = bits ? bh_addr_max(lo.family) >> bits : bh_addr_max(lo.family);
	if (lo.num & host)
		return bh_cli_usage(cli, "'%s' has bits set behind its prefix", cli->value);
	hi = lo;
	hi.num |= host;
	*to = bh_addrset_union(a, *to, bh_addrset_range(a, &lo, &hi));
	return 0;
}

static int take_when(struct bh_cli *cli, bool end, bh_time now, bh_time *ret)
{
	if (bh_time_parse(cli->value, now, end, ret) || !*ret)
		return bh_cli_usage(cli,
			"'%s' is no time (say 30d, \"2 weeks ago\", yesterday or 2026-01-31)",
			cli->value);
	return 0;
}

static int take_number(struct bh_cli *cli, const char *option, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(cli->value, &end, 10);

	if (*end || !*cli->value || n < 1 || n > 1000000 ||
		strspn(cli->value, "0123456789") != strlen(cli->value))
		return bh_cli_usage(cli, "%s is a number from 1, not '%s'", option, cli->value);
	*ret = (unsigned)n;
	return 0;
}

static int take_purpose(struct bh_cli *cli, uint32_t *ret)
{
	unsigned purpose = BH_PURPOSE_UNKNOWN;

	while (strcmp(cli->value, "unknown") && ++purpose < BH_PURPOSES) {
		if (!strcmp(cli->value, bh_purpose_names[purpose]))
			break;
	}
	if (purpose == BH_PURPOSES)
		return bh_cli_usage(cli,
			"'%s' is no purpose: gpo, file, print, admin, cluster, backup, discovery "
			"or unknown",
			cli->value);
	*ret |= 1u << purpose;
	return 0;
}

static int take_option(struct bh_cli *cli, struct ask *q, int id)
{
	switch (id) {
	case OPT_BUDGET: return take_number(cli, "--budget", &q->budget);
	case OPT_WITHOUT: return take_purpose(cli, &q->without);
	case OPT_SINCE: return take_when(cli, false, q->now, &q->since);
	case OPT_UNTIL: return take_when(cli, true, q->now, &q->until);
	case OPT_INSIDE: return add_prefix(cli, &q->a, &q->inside);
	case OPT_SERVER: return add_prefix(cli, &q->a, &q->servers);
	case OPT_MANY: return take_number(cli, "--many", &q->many);
	case OPT_BY_NAME: q->by_name = true; return 0;
	case OPT_NAMES:
		q->names = cli->value;
		q->by_name = true;
		return 0;
	default: return bh_cli_usage(cli, "suggest takes no word ('%s')", cli->value);
	}
}

/* ---- the command ---------------------------------------------------------------------- */

static int print(struct bh_cli *cli, const struct bh_suggestion *s)
{
	BH_AUTO_BUF b = { 0 };

	bh_plan_suggest_print(s, &b);
	if (!bh_buf_ok(&b))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (cli->json)
		return bh_cli_json(cli, bh_cli_suggestion_json(s, bh_buf_text(&b)));
	fwrite(b.ptr, 1, b.len, stdout);
	int r = bh_cli_flush(cli);
	if (r || cli->quiet)
		return r;
	fprintf(stderr,
		"bulkhead suggest: %zu rule%s for %llu pairs of client and server, surface %llu",
		s->n_rules, s->n_rules == 1 ? "" : "s", (unsigned long long)s->needed,
		(unsigned long long)s->surface);
	if (s->budget && s->one_more < s->surface)
		fprintf(stderr, " (one rule more: %llu)", (unsigned long long)s->one_more);
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
	struct bh_names names = { 0 };
	struct bh_suggestion s;
	int r = bh_cli_inventory(cli, NULL, &q->a, &inv, NULL, NULL);

	if (!r)
		r = bh_cli_inventory_addressed(cli, &q->a, &inv);
	if (!r && q->by_name)
		r = read_names(cli, q, &names);
	if (r)
		return r;
	struct bh_suggest_options o = {
		.told = { .own = &q->inside,
			.servers = &q->servers,
			.names = inv.w.names,
			.n_names = inv.w.n_names },
		.now = q->now,
		.since = q->since,
		.until = q->until,
		.purposes = inv.purposes,
		.without = q->without,
		.budget = q->budget,
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
	struct ask q = { .now = bh_said_now() };
	int id, r = 0;

	while (!r && (id = bh_cli_next(cli)) >= 0)
		r = take_option(cli, &q, id);
	if (!r && q.since && q.until && q.until < q.since)
		r = bh_cli_usage(cli, "--until is before --since");
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
		 "take the # away to allow one.\n\n"
		 "With --budget N it is the policy of at most N rules that admits the same and\n"
		 "whose surface, the pairs of known hosts that can speak SMB under it, is the\n"
		 "smallest.",
	.options = options,
	.run = run,
};
