#include <stdlib.h>

#include "cli/cli.h"
#include "cli/effects.h"
#include "cli/ready.h"
#include "cli/tighten.h"
#include "enforce/enforce.h"
#include "policy/policy.h"

enum { OPT_POLICY = 1, OPT_HOST, OPT_GATEWAY, OPT_NAMES, OPT_NFT, OPT_AUDIT, OPT_TIGHTEN };

static const struct bh_option options[] = {
	{ "policy", 'p', "FILE", "the policy; - reads standard input", OPT_POLICY },
	{ "host", 0, "HOST", "plan for that machine, not for this one", OPT_HOST },
	{ "gateway", 0, NULL, "plan for a gateway: what it forwards", OPT_GATEWAY },
	{ "names", 0, "FILE", "resolve names from this hosts file alone", OPT_NAMES },
	{ "nft", 0, NULL, "print what would be loaded, as nft text", OPT_NFT },
	{ "audit", 0, NULL, "with --nft: count and log instead of blocking", OPT_AUDIT },
	{ "tighten", 0, "[DAYS]", "only propose what nothing used for so many days (90)",
		OPT_TIGHTEN },
	{ 0 },
};

struct ask {
	struct bh_arena a;
	struct bh_where where;
	bool nft;
	int64_t tighten; /* days; 0: not asked for */
	enum bh_mode mode;
};

#define SHOWN 8u /* ranges or products shown without -v */

/* ---- what is said of one gate ------------------------------------------------------ */

static bool rule_speaks(const struct bh_ready *r, size_t rule, const struct bh_gate *g)
{
	const struct bh_bound_rule *b = &r->bound->rules[rule];

	if (b->expired || !(b->hooks & BH_HOOK_BIT(g->hook)))
		return false;
	if (g->hook != BH_FWD && !(b->on & BH_PROFILE_BIT(BH_DOMAIN)))
		return false; /* who plans does not roam */
	if (g->hook == BH_IN ? !r->view.to_me[rule] : g->hook == BH_OUT && !r->view.from_me[rule])
		return false;
	return bh_policy_rule_names(b, g->service);
}

static const struct bh_bound_default *default_of(const struct bh_bound *b, const struct bh_gate *g)
{
	for (size_t i = 0; i < b->n_defaults; i++) {
		const struct bh_bound_default *d = &b->defaults[i];
		if (d->hooks & BH_HOOK_BIT(g->hook) && bh_service_equal(d->service, g->service))
			return d;
	}
	return NULL;
}

static bool products_equal(const struct bh_products *x, const struct bh_products *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		if (!bh_addrset_equal(&x->v[i].src, &y->v[i].src) ||
			!bh_addrset_equal(&x->v[i].dst, &y->v[i].dst))
			return false;
	}
	return true;
}

/* Two gates of which the same can be said: told together. */
static bool alike(const struct bh_ready *r, const struct bh_gate *x, const struct bh_gate *y)
{
	if (x->hook != y->hook || x->service.proto != y->service.proto || x->n_cases != y->n_cases)
		return false;
	for (size_t i = 0; i < x->n_cases; i++) {
		const struct bh_gate_case *c = &x->cases[i], *d = &y->cases[i];
		if (strcmp(c->ifname, d->ifname) || !products_equal(&c->admit, &d->admit))
			return false;
	}
	for (size_t i = 0; i < r->bound->n_rules; i++) {
		if (rule_speaks(r, i, x) != rule_speaks(r, i, y))
			return false;
	}
	const struct bh_bound_default *d = default_of(r->bound, x), *e = default_of(r->bound, y);
	return (!d && !e) || (d && e && d->line == e->line && !strcmp(d->file, e->file));
}

/* ---- text -------------------------------------------------------------------------- */

static bool everything(const struct bh_addrset *s)
{
	return s->v4.n == 1 && s->v6.n == 1 && s->v4.v[0].lo == 0 &&
	       s->v4.v[0].hi == bh_addr_max(BH_V4) && s->v6.v[0].lo == 0 &&
	       s->v6.v[0].hi == bh_addr_max(BH_V6);
}

static void add_set(const struct bh_cli *cli, const struct bh_addrset *s, struct bh_buf *b)
{
	size_t all = s->v4.n + s->v6.n, n = 0;

	if (everything(s)) {
		bh_buf_str(b, "any");
		return;
	}
	for (unsigned f = BH_V4; f <= BH_V6; f += 2) {
		struct bh_ranges r = bh_addrset_of(s, (uint8_t)f);
		for (size_t i = 0; i < r.n && (cli->verbose || n < SHOWN); i++) {
			bh_buf_str(b, n++ ? ", " : "");
			bh_range_format((uint8_t)f, &r.v[i], b);
		}
	}
	if (n < all)
		bh_buf_printf(b, " … %zu more", all - n);
}

static size_t ranges_of(const struct bh_products *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].src.v4.n + p->v[i].src.v6.n + p->v[i].dst.v4.n + p->v[i].dst.v6.n;
	return n;
}

static void print_products(
	const struct bh_cli *cli, const char *label, enum bh_hook hook, const struct bh_products *p)
{
	size_t shown = cli->verbose || p->n < SHOWN ? p->n : SHOWN;

	if (!p->n)
		printf("    %-9s nobody\n", label);
	for (size_t i = 0; i < shown; i++) {
		BH_AUTO_BUF b = { 0 };
		if (hook != BH_OUT) {
			bh_buf_str(&b, "from ");
			add_set(cli, &p->v[i].src, &b);
		}
		if (hook == BH_FWD)
			bh_buf_str(&b, " ");
		if (hook != BH_IN) {
			bh_buf_str(&b, "to ");
			add_set(cli, &p->v[i].dst, &b);
		}
		printf("    %-9s %s\n", i ? "" : label, bh_buf_text(&b));
	}
	if (shown < p->n)
		printf("    %-9s … and %zu more classes of sources (-v shows all)\n", "",
			p->n - shown);
}

static void print_case(
	const struct bh_cli *cli, const struct bh_gate *g, const struct bh_gate_case *c)
{
	if (g->n_cases > 1)
		printf("    on %s\n", c->ifname[0] ? c->ifname : "every other interface");
	print_products(cli, "admitted", g->hook, &c->admit);
	if (bh_service_symmetric(g->service) && !products_equal(&c->admit, &c->admit_same_port))
		print_products(cli, "and back", g->hook, &c->admit_same_port);
}

static void print_reasons(const struct bh_ready *r, const struct bh_gate *g)
{
	const struct bh_bound_default *d = default_of(r->bound, g);
	const char *label = "because";

	for (size_t i = 0; i < r->bound->n_rules; i++) {
		const struct bh_bound_rule *b = &r->bound->rules[i];
		if (!rule_speaks(r, i, g))
			continue;
		printf("    %-9s %s:%u  %s", label, b->file, b->line, b->text);
		if (b->reason)
			printf("  \"%s\"", b->reason);
		putchar('\n');
		label = "";
	}
	if (d)
		printf("    %-9s %s:%u  default %s\n", label, d->file, d->line,
			d->block ? "block" : "allow");
}

static void service_format(const struct bh_bound *b, struct bh_service service, struct bh_buf *ret)
{
	const struct bh_bound_service *s = bh_policy_service(b, service);

	bh_buf_printf(ret, "%s/%u", service.proto == BH_TCP ? "tcp" : "udp", service.port);
	if (s && !strchr(s->name, '/'))
		bh_buf_printf(ret, " %s", s->name);
}

/* Says it of the gates first … last - 1, which are alike; returns last. */
static size_t print_gates(const struct bh_cli *cli, const struct bh_ready *r, size_t first)
{
	static const char *const ways[BH_HOOKS] = { "in", "out", "forwarded" };
	const struct bh_table *t = &r->table;
	const struct bh_gate *g = &t->gates[first];
	BH_AUTO_BUF names = { 0 };
	size_t last = first;

	for (; last < t->n_gates && alike(r, g, &t->gates[last]); last++) {
		bh_buf_str(&names, last > first ? ", " : "");
		service_format(r->bound, t->gates[last].service, &names);
	}
	printf("\n%s: %s\n", ways[g->hook], bh_buf_text(&names));
	for (size_t i = 0; i < g->n_cases; i++)
		print_case(cli, g, &g->cases[i]);
	printf("    %-9s everything else%s\n", "blocked",
		g->service.proto != BH_TCP ? ", in silence"
		: g->hook == BH_OUT        ? ", with a reset"
		: bh_addrset_empty(&t->declared)
			? ", in silence"
			: ", with a reset to declared networks, in silence to the rest");
	print_reasons(r, g);
	return last;
}

static bool has_gate(const struct bh_table *t, struct bh_service s)
{
	for (size_t i = 0; i < t->n_gates; i++) {
		if (bh_service_equal(t->gates[i].service, s))
			return true;
	}
	return false;
}

/* What is left alone is said too: silence would look like a block. */
static void print_open(const struct bh_ready *r)
{
	BH_AUTO_BUF b = { 0 };

	for (size_t i = 0; i < r->bound->n_services; i++) {
		struct bh_service s = r->bound->services[i].service;
		if (has_gate(&r->table, s))
			continue;
		bh_buf_str(&b, b.len ? ", " : "");
		service_format(r->bound, s, &b);
	}
	if (b.len)
		printf("\nleft open: %s\n    nothing here blocks them\n", bh_buf_text(&b));
}

static void hash_text(const uint8_t hash[BH_HASH], char ret[2 * BH_HASH + 1])
{
	for (size_t i = 0; i < BH_HASH; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

static int print_text(struct bh_cli *cli, struct ask *q, const struct bh_ready *r)
{
	char hash[2 * BH_HASH + 1];
	BH_AUTO_BUF place = { 0 };
	size_t ranges = 0;

	hash_text(r->hash, hash);
	bh_cli_place_format(&r->place, &place);
	for (size_t i = 0; i < r->table.n_gates; i++) {
		for (size_t k = 0; k < r->table.gates[i].n_cases; k++)
			ranges += ranges_of(&r->table.gates[i].cases[k].admit);
	}
	printf("%s (%.12s) for %s: %zu gates, %zu address ranges\n", q->where.policy, hash,
		bh_buf_text(&place), r->table.n_gates, ranges);
	for (size_t i = 0; i < r->table.n_gates;)
		i = print_gates(cli, r, i);
	print_open(r);
	int status = bh_cli_effects(cli, r, &q->a, NULL), flushed = bh_cli_flush(cli);
	return flushed ? flushed : status;
}

/* ---- JSON -------------------------------------------------------------------------- */

static json_t *set_json(const struct bh_addrset *s)
{
	json_t *v = json_array();

	for (unsigned f = BH_V4; f <= BH_V6; f += 2) {
		struct bh_ranges r = bh_addrset_of(s, (uint8_t)f);
		for (size_t i = 0; i < r.n; i++) {
			BH_AUTO_BUF b = { 0 };
			bh_range_format((uint8_t)f, &r.v[i], &b);
			json_array_append_new(v, json_string(bh_buf_text(&b)));
		}
	}
	return v;
}

static json_t *products_json(const struct bh_products *p)
{
	json_t *v = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(v, json_pack("{s:o, s:o}", "from", set_json(&p->v[i].src),
						 "to", set_json(&p->v[i].dst)));
	return v;
}

static json_t *sentences_json(const struct bh_ready *r, const struct bh_gate *g)
{
	const struct bh_bound_default *d = default_of(r->bound, g);
	json_t *v = json_array();

	for (size_t i = 0; i < r->bound->n_rules; i++) {
		const struct bh_bound_rule *b = &r->bound->rules[i];
		if (rule_speaks(r, i, g))
			json_array_append_new(
				v, json_pack("{s:s, s:i, s:s, s:s, s:s?}", "file", b->file, "line",
					   (int)b->line, "verdict", b->block ? "block" : "allow",
					   "text", b->text, "reason", b->reason));
	}
	if (d)
		json_array_append_new(v, json_pack("{s:s, s:i, s:s, s:n, s:n}", "file", d->file,
						 "line", (int)d->line, "verdict",
						 d->block ? "block" : "allow", "text", "reason"));
	return v;
}

static json_t *gate_json(const struct bh_ready *r, const struct bh_gate *g)
{
	const struct bh_bound_service *s = bh_policy_service(r->bound, g->service);
	json_t *cases = json_array();

	for (size_t i = 0; i < g->n_cases; i++) {
		const struct bh_gate_case *c = &g->cases[i];
		json_t *one = json_pack("{s:s?, s:o}", "interface", c->ifname[0] ? c->ifname : NULL,
			"admit", products_json(&c->admit));
		if (bh_service_symmetric(g->service))
			json_object_set_new(
				one, "admit_same_port", products_json(&c->admit_same_port));
		json_array_append_new(cases, one);
	}
	return json_pack("{s:s, s:s?, s:s, s:i, s:o, s:o}", "hook", bh_hook_names[g->hook],
		"service", s ? s->name : NULL, "proto", g->service.proto == BH_TCP ? "tcp" : "udp",
		"port", (int)g->service.port, "cases", cases, "sentences", sentences_json(r, g));
}

static json_t *place_json(const struct bh_place *p)
{
	json_t *names = json_array(), *addrs = json_array();
	char text[BH_ADDR_TEXT];

	for (size_t i = 0; i < p->n_names; i++)
		json_array_append_new(names, json_string(p->names[i]));
	for (size_t i = 0; i < p->n_addrs; i++)
		json_array_append_new(addrs, json_string(bh_addr_format(&p->addrs[i], text)));
	return json_pack("{s:b, s:o, s:o, s:b}", "gateway", p->gateway, "names", names, "addresses",
		addrs, "forwards", p->forwards);
}

static int print_json(struct bh_cli *cli, struct ask *q, const struct bh_ready *r)
{
	char hash[2 * BH_HASH + 1];
	json_t *gates = json_array(), *open = json_array();

	hash_text(r->hash, hash);
	for (size_t i = 0; i < r->table.n_gates; i++)
		json_array_append_new(gates, gate_json(r, &r->table.gates[i]));
	for (size_t i = 0; i < r->bound->n_services; i++) {
		if (!has_gate(&r->table, r->bound->services[i].service))
			json_array_append_new(open, json_string(r->bound->services[i].name));
	}
	json_t *doc = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "policy", q->where.policy, "hash",
		hash, "place", place_json(&r->place), "declared", set_json(&r->table.declared),
		"gates", gates, "open", open);
	int status = bh_cli_effects(cli, r, &q->a, doc), written = bh_cli_json(cli, doc);
	return written ? written : status;
}

static int print_nft(const struct bh_cli *cli, const struct ask *q, const struct bh_ready *r)
{
	struct bh_load l = { .table = &r->table, .mode = q->mode, .generation = 1 };
	BH_AUTO_BUF b = { 0 };

	bh_enforce_text(&l, &b);
	if (!bh_buf_ok(&b))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (cli->json)
		return bh_cli_json(cli, json_pack("{s:s}", "nft", bh_buf_text(&b)));
	fputs(bh_buf_text(&b), stdout);
	return bh_cli_flush(cli);
}

/* ---- the command ------------------------------------------------------------------- */

static int take_days(struct bh_cli *cli, int64_t *ret)
{
	char *end = NULL;
	long n = cli->value ? strtol(cli->value, &end, 10) : BH_TIGHTEN_DAYS;

	if (end && (*end || end == cli->value || n < 1 || n > 3650))
		return bh_cli_usage(cli,
			"--tighten takes a number of days from 1 to 3650, not '%s'", cli->value);
	*ret = n;
	return 0;
}

static int take_option(struct bh_cli *cli, struct ask *q, int id)
{
	switch (id) {
	case OPT_POLICY: q->where.policy = cli->value; return 0;
	case OPT_HOST: q->where.host = cli->value; return 0;
	case OPT_GATEWAY: q->where.gateway = true; return 0;
	case OPT_NAMES: q->where.names = cli->value; return 0;
	case OPT_NFT: q->nft = true; return 0;
	case OPT_AUDIT: q->mode = BH_AUDIT; return 0;
	case OPT_TIGHTEN: return take_days(cli, &q->tighten);
	default:
		return bh_cli_usage(
			cli, "plan takes no word ('%s'); the policy is -p FILE", cli->value);
	}
}

static int plan(struct bh_cli *cli, struct ask *q)
{
	struct bh_ready ready;

	for (int id; (id = bh_cli_next(cli)) >= 0;) {
		int r = take_option(cli, q, id);
		if (r)
			return r;
	}
	if (!q->where.policy)
		return bh_cli_usage(cli, "which policy? say -p FILE");
	if (q->where.gateway && q->where.host)
		return bh_cli_usage(cli, "--host and --gateway exclude each other");
	if (q->mode == BH_AUDIT && !q->nft)
		return bh_cli_usage(cli, "--audit goes with --nft: a plan is the same either way");
	if (q->tighten && (q->nft || q->where.host || q->where.gateway))
		return bh_cli_usage(cli, "--tighten asks about the whole policy: it goes with -p, "
					 "--names and --db alone");
	if (q->tighten)
		return bh_cli_tighten(cli, &q->where, q->tighten, &q->a);
	int r = bh_cli_ready(cli, &q->where, &q->a, &ready);
	if (r)
		return r;
	if (q->nft)
		return print_nft(cli, q, &ready);
	return cli->json ? print_json(cli, q, &ready) : print_text(cli, q, &ready);
}

static int run(struct bh_cli *cli)
{
	struct ask q = { .mode = BH_ENFORCE, .where.advise = true };
	int r = plan(cli, &q);

	bh_arena_reset(&q.a);
	return r;
}

const struct bh_command bh_cmd_plan = {
	.name = "plan",
	.args = "-p FILE [--host HOST | --gateway] [options]",
	.summary = "what a policy means at one machine, and what it would break",
	.about =
		"Shows for every service and direction who stays admitted, who is blocked and which\n"
		"sentences decide it; then what of the SMB seen so far would break, and how many\n"
		"pairs of hosts could still speak it.  Changes nothing.\n\n"
		"Exit status 1: something that works today would break.",
	.options = options,
	.run = run,
};
