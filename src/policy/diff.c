#include <stdio.h>
#include <stdlib.h>

#include "policy/diff.h"

/*
 * What a gateway does with a packet of one service depends on which of the rules' sets
 * its two ends are in, and on the interface by which it leaves.  Addresses that are in the
 * same sets of both policies form one class, and interfaces that the same `via` match; every
 * pair of classes is asked once for each, so the answer is exact.
 */

#define MAX_CLASSES 2048u /* pairs are asked: four million questions a service */

struct classes {
	struct bh_addrset *v;
	size_t n;
	bool too_many;
};

/* Splits every class by one more set. */
static void split(struct differ *d, struct classes *c, const struct bh_addrset *by)
{
	size_t n = c->n;

	for (size_t i = 0; i < n && !c->too_many; i++) {
		struct bh_addrset in = bh_addrset_intersect(d->a, c->v[i], *by);
		if (bh_addrset_empty(&in) || bh_addrset_equal(&in, &c->v[i]))
			continue;
		if (c->n == MAX_CLASSES) {
			c->too_many = true;
			return;
		}
		c->v[i] = bh_addrset_subtract(d->a, c->v[i], *by);
		c->v[c->n++] = in;
	}
}

static void split_by_rules(
	struct differ *d, struct classes *c, const struct bh_bound *b, struct bh_service s)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		if (!bh_policy_rule_names(r, s))
			continue;
		split(d, c, &r->from.addrs);
		split(d, c, &r->to.addrs);
	}
}

static struct classes classes_of(struct differ *d, uint8_t family, struct bh_service s)
{
	struct classes c = { .v = bh_arena_array(d->a, MAX_CLASSES, sizeof *c.v) };
	struct bh_addrset all = bh_addrset_full(d->a), loop = bh_set_loopback(d->a);
	struct bh_addrset multicast = bh_set_multicast(d->a);

	if (!c.v)
		return c;
	if (family == BH_V4)
		all.v6 = (struct bh_ranges){ 0 };
	else
		all.v4 = (struct bh_ranges){ 0 };
	c.v[c.n++] = bh_addrset_subtract(d->a, all, loop);
	split(d, &c, &multicast);
	split_by_rules(d, &c, d->old, s);
	split_by_rules(d, &c, d->new, s);
	return c;
}

static struct bh_addr first_of(const struct bh_addrset *s)
{
	if (s->v4.n)
		return (struct bh_addr){ .num = s->v4.v[0].lo, .family = BH_V4 };
	return (struct bh_addr){ .num = s->v6.v[0].lo, .family = BH_V6 };
}

/* ---- the interfaces that some `via` tells apart ---- */

#define MAX_LEAVING 512u

struct leaving {
	char name[BH_IFNAME]; /* one of them */
	const char *pattern; /* as people wrote it; NULL: all others */
};

struct interfaces {
	struct leaving v[MAX_LEAVING];
	size_t n;
	bool too_many;
};

static void add_leaving(struct interfaces *all, const char *pattern)
{
	struct leaving one = { .pattern = pattern };
	size_t len = strlen(pattern), room = sizeof one.name - 1;

	/* No pattern that people write ends in this, so only the prefixes match. */
	if (len && pattern[len - 1] == '*' && len <= room)
		snprintf(one.name, sizeof one.name, "%.*s\x7f", (int)(len - 1), pattern);
	else
		snprintf(one.name, sizeof one.name, "%.*s", (int)bh_min_size(len, room), pattern);
	for (size_t i = 0; i < all->n; i++) {
		if (!strcmp(all->v[i].name, one.name))
			return;
	}
	if (all->n == MAX_LEAVING)
		all->too_many = true;
	else
		all->v[all->n++] = one;
}

static void find_leaving(const struct bh_bound *b, struct bh_service s, struct interfaces *all)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		if (!r->via || !(r->hooks & BH_HOOK_BIT(BH_FWD)) || !bh_policy_rule_names(r, s))
			continue;
		for (size_t k = 0; k < r->via->n; k++)
			add_leaving(all, r->via->patterns[k]);
	}
}

/* ---- one service ---- */

struct question {
	struct bh_service s;
	bool same_port;
	const struct leaving *by, *came; /* by which it leaves, and came in */
	bool told; /* by which interfaces */
};

/* -1: blocked from now on, 1: admitted from now on, 0: as before. */
static int change(struct differ *d, const struct question *q, const struct bh_addrset *src,
	const struct bh_addrset *dst)
{
	struct bh_flow f = { .hook = BH_FWD,
		.service = q->s,
		.client = first_of(src),
		.server = first_of(dst),
		.sport = q->same_port ? q->s.port : 0 };
	struct bh_decision x, y;

	/* From its own port it is judged the other way round as well, where the interface by
	 * which it came is the one that counts. */
	memcpy(f.oif, q->by->name, sizeof f.oif);
	memcpy(f.iif, q->came->name, sizeof f.iif);
	bh_policy_decide(d->old, &d->old_view, &f, &x);
	bh_policy_decide(d->new, &d->new_view, &f, &y);
	return (int)y.admit - (int)x.admit;
}

static void say_pair(struct differ *d, const struct question *q, int what,
	const struct bh_addrset *src, const struct bh_addrset *dst)
{
	bh_buf_printf(d->ret, "gateway: %s%s", diff_port(d, q->s),
		q->same_port ? " from its own port" : "");
	if (q->told)
		bh_buf_printf(d->ret, " leaving by %s",
			q->by->pattern ? q->by->pattern : "any other interface");
	if (q->told && q->same_port)
		bh_buf_printf(d->ret, ", come in by %s,",
			q->came->pattern ? q->came->pattern : "any other");
	bh_buf_printf(d->ret, " is now %s from ", what < 0 ? "blocked" : "admitted");
	diff_ranges(d, src);
	bh_buf_str(d->ret, " to ");
	diff_ranges(d, dst);
	bh_buf_str(d->ret, "\n");
	d->n++;
}

/* Sources that change alike towards the same destinations are told in one line. */
static void say_pairs(
	struct differ *d, const struct question *q, const struct classes *c, const int8_t *changes)
{
	bool *told = bh_arena_array(d->a, c->n, sizeof *told);

	for (size_t i = 0; told && i < c->n; i++) {
		const int8_t *row = &changes[i * c->n];
		struct bh_addrset src = { 0 };
		if (told[i])
			continue;
		for (size_t k = i; k < c->n; k++) {
			if (memcmp(row, &changes[k * c->n], c->n))
				continue;
			told[k] = true;
			src = bh_addrset_union(d->a, src, c->v[k]);
		}
		for (int what = -1; what <= 1; what += 2) {
			struct bh_addrset dst = { 0 };
			for (size_t k = 0; k < c->n; k++) {
				if (row[k] == what)
					dst = bh_addrset_union(d->a, dst, c->v[k]);
			}
			if (!bh_addrset_empty(&dst))
				say_pair(d, q, what, &src, &dst);
		}
	}
}

static int8_t *ask_pairs(struct differ *d, const struct question *q, const struct classes *c)
{
	int8_t *changes = bh_arena_array(d->a, c->n * c->n, 1);

	for (size_t i = 0; changes && i < c->n; i++) {
		for (size_t k = 0; k < c->n; k++)
			changes[i * c->n + k] = (int8_t)change(d, q, &c->v[i], &c->v[k]);
	}
	return changes;
}

/* Every way through the gateway that some `via` tells from others. */
static size_t ways(const struct interfaces *all, bool same_port, struct question *ret)
{
	const struct leaving *other = &all->v[all->n - 1];
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; k < (same_port ? all->n : 1); k++)
			ret[n++] = (struct question){ .same_port = same_port,
				.by = &all->v[i],
				.came = same_port ? &all->v[k] : other };
	}
	return n;
}

static void compare_service(struct differ *d, uint8_t family, struct bh_service s, bool same_port,
	const struct interfaces *all)
{
	struct classes c = classes_of(d, family, s);
	struct question q[MAX_LEAVING];
	const int8_t *changes[MAX_LEAVING] = { 0 };
	bool alike = true;

	if (c.too_many || all->too_many || (same_port && all->n * all->n > MAX_LEAVING)) {
		bh_buf_printf(d->ret,
			"gateway: %s: too many kinds of IPv%u addresses (more than %u) or of "
			"interfaces to compare all; see the rules below\n",
			diff_port(d, s), family, MAX_CLASSES);
		d->n++;
		return;
	}
	size_t n = ways(all, same_port, q);
	for (size_t i = 0; i < n; i++) {
		q[i].s = s;
		changes[i] = ask_pairs(d, &q[i], &c);
		if (!changes[i])
			return;
		alike &= !memcmp(changes[i], changes[0], c.n * c.n);
	}
	for (size_t i = 0; i < (alike ? 1 : n); i++) {
		q[i].told = !alike;
		say_pairs(d, &q[i], &c, changes[i]);
	}
}

static void compare_port(struct differ *d, struct bh_service s)
{
	struct interfaces *all = bh_arena_alloc(d->a, sizeof *all);

	if (!all)
		return;
	find_leaving(d->new, s, all);
	find_leaving(d->old, s, all);
	if (all->n < MAX_LEAVING)
		all->n++; /* every other interface: the name "" */
	else
		all->too_many = true;
	for (unsigned family = BH_V4; family <= BH_V6; family += 2) {
		compare_service(d, (uint8_t)family, s, false, all);
		if (bh_service_symmetric(s))
			compare_service(d, (uint8_t)family, s, true, all);
	}
}

static void compare_gateway(struct differ *d)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		const struct bh_bound *b = pass ? d->old : d->new;
		for (size_t i = 0; i < b->n_services; i++) {
			struct bh_service s = b->services[i].service;
			if (!pass || !bh_policy_service(d->new, s))
				compare_port(d, s);
		}
	}
}

int bh_policy_diff(const struct bh_bound *from, const struct bh_bound *to, struct bh_arena *a,
	struct bh_buf *ret, unsigned *n_ret)
{
	BH_AUTO_BUF text = { 0 };
	struct differ d = { .old = from, .new = to, .a = a, .ret = &text };

	if (bh_policy_view_gateway(from, a, &d.old_view) < 0 ||
		bh_policy_view_gateway(to, a, &d.new_view) < 0)
		return -ENOMEM;
	compare_gateway(&d);
	diff_hosts(&d);
	if (!bh_arena_ok(a) || !bh_buf_ok(&text))
		return -ENOMEM;
	bh_buf_str(ret, bh_buf_text(&text));
	if (!bh_buf_ok(ret))
		return -ENOMEM;
	*n_ret = d.n;
	return 0;
}
