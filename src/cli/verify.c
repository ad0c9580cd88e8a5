/*
 * verify: are the rules in the kernel the policy, and what lies outside that answer?
 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/privileged.h"
#include "cli/ready.h"

#define SHOWN_RANGES      8u
#define SHOWN_DIFFERENCES 20u

enum { OPT_POLICY = 1, OPT_GATEWAY, OPT_NAMES };

static const struct bh_option options[] = {
	{ "policy", 'p', "FILE",
		"the policy to hold the kernel against; without it, the one kept at 'apply'",
		OPT_POLICY },
	{ "gateway", 0, NULL,
		"judge what this machine forwards; needless where a gateway's table is loaded",
		OPT_GATEWAY },
	{ "names", 0, "FILE", "a hosts file that answers instead of the resolver", OPT_NAMES },
	{ 0 },
};

/* ---- words ---------------------------------------------------------------- */

static const char *proto_name(uint8_t proto, char text[16])
{
	if (proto == BH_TCP)
		return "tcp";
	if (proto == BH_UDP)
		return "udp";
	snprintf(text, 16, "protocol %u", proto);
	return text;
}

static void add_ports(const struct bh_difference *d, struct bh_buf *b)
{
	char text[16];

	if (!d->ports.n && !d->service.proto)
		bh_buf_str(b, "fragments");
	else
		bh_buf_str(b, proto_name(d->service.proto, text));
	for (size_t i = 0; i < d->ports.n; i++) {
		const struct bh_range *r = &d->ports.v[i];
		bh_buf_printf(b, "%s%u", i ? "," : "/", (unsigned)r->lo);
		if (r->hi != r->lo)
			bh_buf_printf(b, "-%u", (unsigned)r->hi);
	}
}

/* Full but for loopback, which no rule governs: nothing worth a word. */
static bool anybody(const struct bh_addrset *s, struct bh_arena *a)
{
	uint8_t family = s->v4.n ? BH_V4 : BH_V6;
	struct bh_ranges rest =
		bh_ranges_complement(a, bh_addrset_of(s, family), bh_addr_max(family));
	bh_u128 lo = family == BH_V4 ? 0x7f000000 : 1, hi = family == BH_V4 ? 0x7fffffff : 1;

	return !rest.n || (rest.n == 1 && rest.v[0].lo == lo && rest.v[0].hi == hi);
}

static void add_set(const struct bh_addrset *s, struct bh_arena *a, struct bh_buf *b)
{
	struct bh_addrset few = *s;
	size_t n = s->v4.n + s->v6.n;

	if (anybody(s, a)) {
		bh_buf_str(b, s->v4.n ? "any IPv4 address" : "any IPv6 address");
		return;
	}
	few.v4.n = bh_min_size(few.v4.n, SHOWN_RANGES);
	few.v6.n = bh_min_size(few.v6.n, SHOWN_RANGES);
	bh_addrset_format(&few, ", ", b);
	if (n > few.v4.n + few.v6.n)
		bh_buf_printf(b, " and %zu more ranges", n - few.v4.n - few.v6.n);
}

static void add_difference(
	const struct bh_difference *d, bool audit, struct bh_arena *a, struct bh_buf *b)
{
	bool in = d->hook == BH_IN, out = d->hook == BH_OUT;

	bh_buf_printf(b, "%s ", bh_hook_names[d->hook]);
	add_ports(d, b);
	if (!out || !anybody(&d->src, a)) {
		bh_buf_str(b, " from ");
		add_set(&d->src, a, b);
	}
	if (!in || !anybody(&d->dst, a)) {
		bh_buf_str(b, " to ");
		add_set(&d->dst, a, b);
	}
	if (!strcmp(d->ifname, "*"))
		bh_buf_str(b, " on an interface that nobody names");
	else if (d->ifname[0])
		bh_buf_printf(b, " on %s", d->ifname);
	if (d->what && d->what[0])
		bh_buf_printf(b, " (%s)", d->what);
	if (d->dropped)
		bh_buf_str(b, ": dropped, though the table only watches");
	else if (d->kernel_admits)
		bh_buf_str(b, audit ? ": not told, though the policy would block it"
				    : ": passes, though the policy blocks it");
	else
		bh_buf_str(b, audit ? ": told as blocked, though the policy admits it"
				    : ": is blocked, though the policy admits it");
}

/* ---- the answer ----------------------------------------------------------- */

static void print_differences(const struct bh_verified *v, struct bh_arena *a)
{
	const struct bh_proof *p = &v->proof;
	size_t shown = 0;

	printf("our table: packets decided differently (%llu classes asked)\n",
		(unsigned long long)p->classes);
	for (const struct bh_difference *d = p->differences; d && shown < SHOWN_DIFFERENCES;
		d = d->next, shown++) {
		BH_AUTO_BUF b = { 0 };
		add_difference(d, v->audit, a, &b);
		printf("  %s\n", bh_buf_text(&b));
	}
	if (p->n_differences > shown)
		printf("  and %zu more (--json has them)\n", p->n_differences - shown);
	if (!p->differences)
		printf("  too many to say which\n");
}

static void print_state(const struct bh_verified *v, const struct bh_ready *r)
{
	const struct bh_priv_state *s = &v->state;

	if (!s->loaded)
		printf("nothing is loaded here: every packet passes this table\n");
	else if (s->trial && s->lease_left)
		printf("generation %u is on trial for %u more seconds; then generation %u decides: "
		       "'bulkhead confirm' keeps it\n",
			s->trial, s->lease_left, s->generation);
	else if (s->trial)
		printf("the trial of generation %u has lapsed: generation %u decides\n", s->trial,
			s->generation);
	if (v->other_policy) {
		const uint8_t *h = s->trial && s->lease_left ? s->trial_hash : s->hash;
		printf("the loaded table was made from another policy (%02x%02x%02x%02x, this one "
		       "is %02x%02x%02x%02x): 'bulkhead apply' loads this one\n",
			h[0], h[1], h[2], h[3], r->hash[0], r->hash[1], r->hash[2], r->hash[3]);
	}
	if (s->changed_outside)
		printf("the table was changed from outside since it was loaded%s%s: 'bulkhead "
		       "apply' puts it right\n",
			s->changed[0] ? ": " : "", s->changed);
}

static int print_text(const struct bh_cli *cli, const struct bh_verified *v,
	const struct bh_ready *r, struct bh_arena *a)
{
	const struct bh_proof *p = &v->proof;

	if (p->answer == BH_DIFFERS)
		print_differences(v, a);
	else if (p->answer == BH_PROVEN)
		printf("our table: 0 packets decided differently (%llu classes asked%s)\n",
			(unsigned long long)p->classes,
			v->audit   ? "; it only watches, and tells of just what the policy blocks"
			: v->keeps ? "; connections that stand go on, whatever the policy says"
				   : "");
	if (p->why_not)
		printf("not proven: %s\n", p->why_not);
	print_state(v, r);
	if (p->foreign_nat)
		printf("another table's NAT sends SMB past ours: see below\n");
	printf("outside of this proof:\n");
	for (size_t i = 0; i < v->n_outside; i++)
		printf("  %s\n", v->outside[i]);
	int flushed = bh_cli_flush(cli);
	return flushed ? flushed : v->holds ? BH_EXIT_OK : BH_EXIT_NO;
}

static json_t *set_json(const struct bh_addrset *s)
{
	json_t *list = json_array();

	for (int f = 0; f < 2; f++) {
		struct bh_ranges r = f ? s->v6 : s->v4;
		for (size_t i = 0; i < r.n; i++) {
			BH_AUTO_BUF b = { 0 };
			bh_range_format(f ? BH_V6 : BH_V4, &r.v[i], &b);
			json_array_append_new(list, json_string(bh_buf_text(&b)));
		}
	}
	return list;
}

static json_t *difference_json(const struct bh_difference *d)
{
	json_t *ports = json_array();
	char text[16];

	for (size_t i = 0; i < d->ports.n; i++)
		json_array_append_new(
			ports, json_pack("[i,i]", (int)d->ports.v[i].lo, (int)d->ports.v[i].hi));
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:s?,s:s?,s:s}", "hook", bh_hook_names[d->hook],
		"transport", proto_name(d->service.proto, text), "ports", ports, "from",
		set_json(&d->src), "to", set_json(&d->dst), "interface",
		d->ifname[0] ? d->ifname : NULL, "packets", d->what, "kernel",
		d->dropped         ? "drops"
		: d->kernel_admits ? "admits"
				   : "blocks");
}

static int print_json(
	const struct bh_cli *cli, const struct bh_verified *v, const struct bh_ready *r)
{
	static const char *const answers[] = { "proven", "differs", "not-proven" };
	json_t *differences = json_array(), *outside = json_array();
	const struct bh_priv_state *s = &v->state;
	char hash[2 * BH_HASH + 1];

	for (const struct bh_difference *d = v->proof.differences; d; d = d->next)
		json_array_append_new(differences, difference_json(d));
	for (size_t i = 0; i < v->n_outside; i++)
		json_array_append_new(outside, json_string(v->outside[i]));
	for (size_t i = 0; i < BH_HASH; i++)
		snprintf(hash + 2 * i, 3, "%02x", r->hash[i]);
	json_t *doc = json_pack(
		"{s:b,s:s,s:I,s:I,s:o,s:s?,s:b,s:s,s:I,s:b,s:b,s:b,s:s?,s:b,s:s,s:o}", "holds",
		v->holds, "answer", answers[v->proof.answer], "classes",
		(json_int_t)v->proof.classes, "different", (json_int_t)v->proof.n_differences,
		"differences", differences, "why_not", v->proof.why_not, "loaded", s->loaded,
		"mode",
		v->audit   ? "audit"
		: v->keeps ? "keep"
			   : "enforce",
		"generation", (json_int_t)(s->trial && s->lease_left ? s->trial : s->generation),
		"trial", s->trial && s->lease_left, "other_policy", v->other_policy,
		"changed_outside", s->changed_outside, "changed", s->changed[0] ? s->changed : NULL,
		"foreign_nat", v->proof.foreign_nat, "policy", hash, "outside", outside);
	int e = bh_cli_json(cli, doc);
	return e ? e : v->holds ? BH_EXIT_OK : BH_EXIT_NO;
}

/* ---- the command ---------------------------------------------------------- */

/* The policy that was kept beside the loaded table, planned for this place. */
static int ready_from_kept(const struct bh_cli *cli, const struct bh_where *w, struct bh_priv *p,
	struct bh_arena *a, struct bh_ready *ret)
{
	BH_AUTO_BUF kept = { 0 };
	struct bh_where from = *w;
	const char *why = "";
	int r = bh_priv_policy(p, &kept, &why);

	if (r == -ENOENT)
		return bh_cli_fail(cli, BH_EXIT_NO,
			"nothing is loaded here; name a policy with -p FILE to see what would differ");
	if (r < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	from.policy = "the kept policy";
	from.text = bh_span_of(bh_buf_text(&kept), kept.len);
	return bh_cli_ready(cli, &from, a, ret);
}

static int run(struct bh_cli *cli)
{
	struct bh_where where = { 0 };
	BH_AUTO_ARENA arena = { 0 };
	BH_AUTO(bh_priv) priv = NULL;
	struct bh_ready ready;
	struct bh_verified v;
	const char *why = "";
	int id;

	while ((id = bh_cli_next(cli)) >= 0) {
		switch (id) {
		case OPT_POLICY: where.policy = cli->value; break;
		case OPT_GATEWAY: where.gateway = true; break;
		case OPT_NAMES: where.names = cli->value; break;
		default: return bh_cli_usage(cli, "'%s' is one word too many", cli->value);
		}
	}
	int r = bh_cli_priv(cli, &priv);
	if (r)
		return r;
	/* A gateway's table is judged as one, asked for or not. */
	struct bh_priv_state state;
	r = bh_priv_state(priv, &state, &why);
	if (r < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	where.gateway = where.gateway || (state.loaded && state.gateway);
	r = where.policy ? bh_cli_ready(cli, &where, &arena, &ready)
			 : ready_from_kept(cli, &where, priv, &arena, &ready);
	if (r)
		return r;
	r = bh_keeper_verify(priv, &ready, &arena, &v, &why);
	if (r < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	return cli->json ? print_json(cli, &v, &ready) : print_text(cli, &v, &ready, &arena);
}

const struct bh_command bh_cmd_verify = {
	.name = "verify",
	.args = "[-p FILE] [--gateway] [--names FILE]",
	.summary = "prove that the rules in the kernel decide what the policy decides",
	.about =
		"Reads the raw rules from the kernel and asks them and the policy once for every\n"
		"class of packets that either can tell apart.  Exit 0: no packet is decided\n"
		"differently.  Exit 1: some are, or something stands there that is not understood,\n"
		"or the table was edited from outside, or NAT leads past it.  What lies outside\n"
		"of the proof is always said.",
	.options = options,
	.run = run,
};
