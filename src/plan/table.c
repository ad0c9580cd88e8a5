#include "plan/plan.h"

#include <stdlib.h>

#include "plan/classes.h"

/* What one gate is planned from. */
struct planner {
	const struct bh_bound *b;
	const struct bh_view *v;
	struct bh_arena *a;
	struct bh_addrset full;
	struct bh_addrset special; /* multicast and 255.255.255.255: in no set but `any` */
};

/* Where on the gate: its hook, its service, and the on-link prefixes of its interface. */
struct spot {
	enum bh_hook hook;
	struct bh_service service;
	const struct bh_addrset *onlink; /* NULL: none */
};

/* The addresses that a list means as a peer at that spot. */
static struct bh_addrset peers(
	const struct planner *p, const struct spot *at, const struct bh_bound_list *l)
{
	struct bh_addrset s = l->addrs;

	if (l->any)
		return p->full;
	if (at->hook == BH_FWD)
		return s; /* a gateway is in no set but any, and has no own subnet */
	if (l->self)
		s = bh_addrset_union(p->a, s, p->v->self);
	if (l->localsubnet && at->onlink)
		s = bh_addrset_union(p->a, s, *at->onlink);
	if (l->self || l->localsubnet) /* a prefix as short as /0 would have them */
		s = bh_addrset_subtract(p->a, s, p->special);
	return s;
}

/* A rule that can hold at that spot for this machine. */
static bool applies(const struct planner *p, const struct spot *at, size_t rule)
{
	const struct bh_bound_rule *r = &p->b->rules[rule];

	if (r->expired || !(r->hooks & BH_HOOK_BIT(at->hook)) ||
		!bh_policy_rule_names(r, at->service))
		return false;
	if (at->hook == BH_FWD)
		return true;
	/* Who does not roam is on domain everywhere. */
	return r->on & BH_PROFILE_BIT(BH_DOMAIN) &&
	       (at->hook == BH_IN ? p->v->to_me[rule] : p->v->from_me[rule]);
}

/* The side of a rule that is not this machine. */
static struct bh_addrset far_side(const struct planner *p, const struct spot *at, size_t rule)
{
	const struct bh_bound_rule *r = &p->b->rules[rule];

	return peers(p, at, at->hook == BH_IN ? &r->from : &r->to);
}

/* Blocked unless a rule allows it? */
static bool closed_by_default(const struct planner *p, const struct spot *at)
{
	for (size_t i = 0; i < p->b->n_defaults; i++) {
		const struct bh_bound_default *d = &p->b->defaults[i];
		if (d->hooks & BH_HOOK_BIT(at->hook) && bh_service_equal(d->service, at->service))
			return d->block;
	}
	return false; /* no default: what no rule speaks of passes */
}

static bool is_quic(const struct planner *p, struct bh_service s)
{
	const struct bh_bound_service *d = bh_policy_service(p->b, s);

	return d && d->quic;
}

/* Where a port is our business at all: everywhere, but for quic only towards servers that
 * some quic rule names. */
static struct bh_addrset governed(const struct planner *p, const struct spot *at)
{
	struct bh_addrset s = { 0 };

	if (!is_quic(p, at->service))
		return p->full;
	for (size_t i = 0; i < p->b->n_rules; i++) {
		if (!bh_policy_rule_names(&p->b->rules[i], at->service))
			continue;
		if (at->hook == BH_IN && p->v->to_me[i])
			return p->full;
		if (at->hook != BH_IN)
			s = bh_addrset_union(p->a, s, peers(p, at, &p->b->rules[i].to));
	}
	return s;
}

/* Peers that a host admits at that spot. */
static struct bh_addrset admitted(const struct planner *p, const struct spot *at)
{
	struct bh_addrset allow = { 0 }, block = { 0 };

	for (size_t i = 0; i < p->b->n_rules; i++) {
		if (!applies(p, at, i))
			continue;
		struct bh_addrset *to = p->b->rules[i].block ? &block : &allow;
		*to = bh_addrset_union(p->a, *to, far_side(p, at, i));
	}
	if (!closed_by_default(p, at))
		allow = p->full;
	struct bh_addrset s = bh_addrset_subtract(p->a, allow, block);
	return bh_addrset_union(p->a, s, bh_addrset_complement(p->a, governed(p, at)));
}

static struct bh_products host_product(
	const struct planner *p, enum bh_hook hook, struct bh_addrset far)
{
	struct bh_product *one = bh_arena_alloc(p->a, sizeof *one);

	if (!one || bh_addrset_empty(&far))
		return (struct bh_products){ 0 };
	one->src = hook == BH_IN ? far : p->full;
	one->dst = hook == BH_IN ? p->full : far;
	return (struct bh_products){ .v = one, .n = 1 };
}

/* ---- who is counted for which sentence ---- */

/* The peers of a list on that side of the spot, or everything: the side that is this
 * machine. */
static struct bh_addrset side(const struct planner *p, const struct spot *at,
	const struct bh_bound_list *l, enum bh_hook own)
{
	return at->hook == own ? p->full : peers(p, at, l);
}

/* A default speaks of several ports; its sentence is one. */
static size_t default_sentence(const struct bh_bound *b, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (b->defaults[k].line == b->defaults[i].line &&
			!strcmp(b->defaults[k].file, b->defaults[i].file))
			return b->n_rules + k;
	}
	return b->n_rules + i;
}

/* The rules that allow, or block, at that spot, in the order of their lines, then the
 * default that does; `more` comes before the default. */
static struct bh_counts sentences(
	const struct planner *p, const struct spot *at, bool block, const struct bh_counts *more)
{
	const struct bh_bound *b = p->b;
	size_t room = b->n_rules + b->n_defaults + (more ? more->n : 0), n = 0;
	struct bh_count *v = bh_arena_array(p->a, room, sizeof *v);

	if (!v || room > BH_MAX_SENTENCES)
		return (struct bh_counts){ 0 }; /* so many are told by no one */
	for (size_t i = 0; i < b->n_rules; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		if (r->block != block || !applies(p, at, i))
			continue;
		v[n++] = (struct bh_count){ .sentence = (uint32_t)i,
			.src = side(p, at, &r->from, BH_OUT),
			.dst = side(p, at, &r->to, BH_IN) };
	}
	if (more && more->n)
		memcpy(v + n, more->v, more->n * sizeof *v);
	n += more ? more->n : 0;
	for (size_t i = 0; i < b->n_defaults; i++) {
		const struct bh_bound_default *d = &b->defaults[i];
		if (d->block == block && d->hooks & BH_HOOK_BIT(at->hook) &&
			bh_service_equal(d->service, at->service))
			v[n++] = (struct bh_count){ .sentence = (uint32_t)default_sentence(b, i),
				.src = p->full,
				.dst = governed(p, at) };
	}
	return (struct bh_counts){ .v = v, .n = n };
}

/* A list that was made for the other direction, seen from here: of a host's only those whom
 * this direction does not admit by itself. */
static struct bh_counts turned(const struct planner *p, const struct spot *at,
	const struct bh_addrset *here, const struct bh_counts *c)
{
	struct bh_count *v = bh_arena_array(p->a, c->n, sizeof *v);

	for (size_t i = 0; v && i < c->n; i++) {
		v[i] = (struct bh_count){
			.sentence = c->v[i].sentence, .src = c->v[i].dst, .dst = c->v[i].src
		};
		if (at->hook == BH_IN)
			v[i].src = bh_addrset_subtract(p->a, v[i].src, *here);
		if (at->hook == BH_OUT)
			v[i].dst = bh_addrset_subtract(p->a, v[i].dst, *here);
	}
	return (struct bh_counts){ .v = v, .n = v ? c->n : 0 };
}

static void cite(const struct planner *p, const struct spot *at, const struct bh_addrset *here,
	struct bh_gate_case *c)
{
	struct spot back = *at;
	struct bh_counts other = { 0 };

	c->allowed = sentences(p, at, false, NULL);
	c->blocked = sentences(p, at, true, NULL);
	if (!bh_service_symmetric(at->service))
		return;
	if (at->hook != BH_FWD)
		back.hook = at->hook == BH_IN ? BH_OUT : BH_IN;
	if (at->hook != BH_FWD || closed_by_default(p, at))
		other = sentences(p, &back, false, NULL);
	other = turned(p, at, here, &other);
	c->allowed_same_port = sentences(p, at, false, &other);
}

static void name_sentence(struct bh_arena *a, const char *file, unsigned line, const char *text,
	bool block, struct bh_table_sentence *ret)
{
	char fit[BH_MAX_SENTENCE_TEXT + 1];
	const char *slash = strrchr(file, '/');
	char *whole = bh_arena_printf(a, "%s:%u: %s", slash ? slash + 1 : file, line, text);

	bh_table_sentence_text(whole ? whole : "", fit);
	*ret = (struct bh_table_sentence){ .block = block, .text = bh_arena_str(a, fit) };
}

static void name_sentences(const struct planner *p, struct bh_table *t)
{
	const struct bh_bound *b = p->b;
	size_t n = b->n_rules + b->n_defaults;
	struct bh_table_sentence *v = bh_arena_array(p->a, n, sizeof *v);

	if (!v || n > BH_MAX_SENTENCES)
		return;
	for (size_t i = 0; i < b->n_rules; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		name_sentence(p->a, r->file, r->line, r->text, r->block, &v[i]);
	}
	for (size_t i = 0; i < b->n_defaults; i++) {
		const struct bh_bound_default *d = &b->defaults[i];
		name_sentence(p->a, d->file, d->line, d->text, d->block, &v[b->n_rules + i]);
	}
	t->sentences = v;
	t->n_sentences = n;
}

static struct bh_gate_case host_case(const struct planner *p, const struct spot *at)
{
	struct bh_addrset here = admitted(p, at);
	struct bh_gate_case c = { .admit = host_product(p, at->hook, here) };

	cite(p, at, &here, &c);

	if (bh_service_symmetric(at->service)) {
		struct spot back = *at;
		back.hook = at->hook == BH_IN ? BH_OUT : BH_IN;
		struct bh_addrset both = bh_addrset_union(p->a, here, admitted(p, &back));
		c.admit_same_port = host_product(p, at->hook, both);
	}
	return c;
}

/* ---- forwarding ---- */

static int forwarded(const struct planner *p, const struct spot *at, struct bh_products *ret)
{
	struct rectangle *rects = bh_arena_array(p->a, p->b->n_rules, sizeof *rects);
	struct bh_addrset always = bh_addrset_complement(p->a, governed(p, at));
	size_t n = 0;

	if (!rects)
		return -ENOMEM;
	for (size_t i = 0; i < p->b->n_rules; i++) {
		const struct bh_bound_rule *r = &p->b->rules[i];
		if (applies(p, at, i))
			rects[n++] = (struct rectangle){ .src = peers(p, at, &r->from),
				.dst = peers(p, at, &r->to),
				.block = r->block };
	}
	return classes_of(rects, n, !closed_by_default(p, at), always, p->a, ret);
}

/* What is admitted one way or the other: a product and its mirror image. */
static int either_way(
	const struct planner *p, const struct bh_products *one, struct bh_products *ret)
{
	struct rectangle *rects = bh_arena_array(p->a, 2 * one->n, sizeof *rects);

	if (!rects)
		return -ENOMEM;
	for (size_t i = 0; i < one->n; i++) {
		const struct bh_product *v = &one->v[i];
		rects[2 * i] = (struct rectangle){ .src = v->src, .dst = v->dst };
		rects[2 * i + 1] = (struct rectangle){ .src = v->dst, .dst = v->src };
	}
	return classes_of(rects, 2 * one->n, false, (struct bh_addrset){ 0 }, p->a, ret);
}

static int forward_case(const struct planner *p, const struct spot *at, struct bh_gate_case *ret)
{
	struct bh_gate_case c = { .ifname = "" };
	int r = forwarded(p, at, &c.admit);

	if (!r && bh_service_symmetric(at->service))
		r = either_way(p, &c.admit, &c.admit_same_port);
	cite(p, at, NULL, &c);
	if (!r)
		*ret = c;
	return r;
}

/* ---- gates ---- */

/* Sources and destinations are everything, in both families. */
static bool admits_all(const struct planner *p, const struct bh_products *v)
{
	struct bh_addrset all = { 0 };

	for (size_t i = 0; i < v->n; i++) {
		for (unsigned f = BH_V4; f <= BH_V6; f += 2) {
			struct bh_ranges dst = bh_addrset_of(&v->v[i].dst, (uint8_t)f);
			struct bh_ranges full = bh_addrset_of(&p->full, (uint8_t)f);
			if (!bh_ranges_equal(dst, full))
				continue;
			struct bh_addrset src = v->v[i].src;
			if (f == BH_V4)
				src.v6 = (struct bh_ranges){ 0 };
			else
				src.v4 = (struct bh_ranges){ 0 };
			all = bh_addrset_union(p->a, all, src);
		}
	}
	return bh_addrset_equal(&all, &p->full);
}

static bool speaks_of_localsubnet(const struct planner *p, const struct spot *at)
{
	/* The way back of a symmetric service counts too: look at both sides of all. */
	for (size_t i = 0; i < p->b->n_rules; i++) {
		const struct bh_bound_rule *r = &p->b->rules[i];
		if (bh_policy_rule_names(r, at->service) &&
			(r->from.localsubnet || r->to.localsubnet))
			return true;
	}
	return false;
}

static int by_ifname(const void *x, const void *y)
{
	const struct bh_gate_case *a = x, *b = y;

	return strcmp(a->ifname, b->ifname);
}

static bool same_products(const struct bh_products *x, const struct bh_products *y)
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

static int host_gate(const struct planner *p, struct spot at, const struct bh_interface *ifaces,
	size_t n_ifaces, struct bh_gate *ret)
{
	size_t named = speaks_of_localsubnet(p, &at) ? n_ifaces : 0;
	struct bh_gate_case *cases = bh_arena_array(p->a, named + 1, sizeof *cases);
	size_t n = 0;

	if (!cases)
		return -ENOMEM;
	at.onlink = NULL;
	struct bh_gate_case rest = host_case(p, &at);
	for (size_t i = 0; i < named; i++) {
		at.onlink = &ifaces[i].onlink;
		struct bh_gate_case c = host_case(p, &at);
		if (same_products(&c.admit, &rest.admit) &&
			same_products(&c.admit_same_port, &rest.admit_same_port))
			continue; /* the case for all others says it already */
		memcpy(c.ifname, ifaces[i].name, BH_IFNAME);
		cases[n++] = c;
	}
	if (n + 1 > BH_MAX_CASES)
		return -E2BIG;
	qsort(cases, n, sizeof *cases, by_ifname);
	cases[n++] = rest;
	*ret = (struct bh_gate){
		.hook = at.hook, .service = at.service, .cases = cases, .n_cases = n
	};
	return 0;
}

static int forward_gate(const struct planner *p, const struct spot *at, struct bh_gate *ret)
{
	struct bh_gate_case *one = bh_arena_alloc(p->a, sizeof *one);
	int r = one ? forward_case(p, at, one) : -ENOMEM;

	if (!r)
		*ret = (struct bh_gate){
			.hook = at->hook, .service = at->service, .cases = one, .n_cases = 1
		};
	return r;
}

static bool needed(const struct planner *p, const struct bh_gate *g)
{
	for (size_t i = 0; i < g->n_cases; i++) {
		if (!admits_all(p, &g->cases[i].admit))
			return true;
		if (bh_service_symmetric(g->service) &&
			!admits_all(p, &g->cases[i].admit_same_port))
			return true;
	}
	return false;
}

static int gate_order(const void *x, const void *y)
{
	const struct bh_gate *a = x, *b = y;

	if (a->hook != b->hook)
		return a->hook < b->hook ? -1 : 1;
	if (a->service.proto != b->service.proto)
		return a->service.proto < b->service.proto ? -1 : 1;
	return a->service.port < b->service.port ? -1 : a->service.port > b->service.port;
}

static struct bh_addrset special(struct bh_arena *a)
{
	struct bh_ranges multicast = bh_ranges_one(a, 0xe0000000, 0xefffffff);
	struct bh_ranges broadcast = bh_ranges_one(a, 0xffffffff, 0xffffffff);

	return (struct bh_addrset){
		.v4 = bh_ranges_union(a, multicast, broadcast),
		.v6 = bh_ranges_one(a, (bh_u128)0xff << 120, bh_addr_max(BH_V6)),
	};
}

int bh_plan_table(const struct bh_bound *b, const struct bh_view *v,
	const struct bh_interface *ifaces, size_t n_ifaces, bool forwards,
	const uint8_t policy_hash[BH_HASH], struct bh_arena *a, struct bh_table *ret)
{
	struct planner p = {
		.b = b, .v = v, .a = a, .full = bh_addrset_full(a), .special = special(a)
	};
	struct bh_gate *gates = bh_arena_array(a, BH_HOOKS * b->n_services, sizeof *gates);
	struct bh_table t = { .gateway = v->gateway, .declared = b->declared };
	size_t n = 0;

	if (bh_plan_unsaid(b, v, forwards, NULL))
		return -EOPNOTSUPP;
	if (!gates)
		return -ENOMEM;
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (h == BH_FWD ? !v->gateway && !forwards : v->gateway)
			continue;
		for (size_t i = 0; i < b->n_services; i++) {
			struct spot at = { .hook = (enum bh_hook)h,
				.service = b->services[i].service };
			int r = h == BH_FWD ? forward_gate(&p, &at, &gates[n])
					    : host_gate(&p, at, ifaces, n_ifaces, &gates[n]);
			if (r)
				return r;
			n += needed(&p, &gates[n]);
		}
	}
	if (!bh_arena_ok(a))
		return -ENOMEM;
	if (n > BH_MAX_GATES)
		return -E2BIG;
	qsort(gates, n, sizeof *gates, gate_order);
	name_sentences(&p, &t);
	if (!bh_arena_ok(a))
		return -ENOMEM;
	memcpy(t.policy_hash, policy_hash, BH_HASH);
	t.gates = gates;
	t.n_gates = n;
	*ret = t;
	return 0;
}
