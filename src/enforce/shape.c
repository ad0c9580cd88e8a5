#include "enforce/shape.h"

#include <stdio.h>
#include <stdlib.h>

#include "enforce/walk.h"

const char *const base_chain_names[BH_HOOKS] = { "input", "output", "forward" };

static const uint8_t families[] = { BH_V4, BH_V6 };

void walk_chain(struct walk *k, const char *name, const char *comment)
{
	if (!k->err)
		k->err = k->w->chain(k->w->ctx, name, comment);
}

void walk_set(struct walk *k, const struct set_def *s)
{
	if (!k->err)
		k->err = k->w->set(k->w->ctx, s);
}

void walk_rule(struct walk *k, const char *chain, const struct stmt *v, size_t n)
{
	if (!k->err)
		k->err = k->w->rule(k->w->ctx, chain, v, n);
}

/* "g7_in_tcp445", and what hangs on it: "g7_in_tcp445_on1". */
static void name_gate(char ret[NAME_LEN], uint32_t generation, const struct bh_gate *g)
{
	snprintf(ret, NAME_LEN, "g%u_%s_%s%u", generation, bh_hook_names[g->hook],
		g->service.proto == BH_TCP ? "tcp" : "udp", g->service.port);
}

static void name_part(char ret[NAME_LEN], const char *whole, const char *part, size_t n)
{
	snprintf(ret, NAME_LEN, "%.70s_%s%zu", whole, part, n);
}

const char *walk_number(struct walk *k, const char *what, size_t n, uint8_t family)
{
	const char *name =
		bh_arena_printf(&k->a, "g%u_%s%zu_v%u", k->l->generation, what, n, family);

	if (!name && !k->err)
		k->err = -ENOMEM;
	return name ? name : "";
}

const char *walk_set_of(struct walk *k, uint8_t family, struct bh_ranges r)
{
	if (is_full(r, family))
		return NULL;
	struct known_thing *t = known_set(&k->known, &k->a, family, r);
	if (!t) {
		k->err = k->err ? k->err : -ENOMEM;
		return "";
	}
	if (!t->name) {
		t->name = walk_number(k, "set", k->known.n_sets, family);
		walk_set(k, &(struct set_def){ .name = t->name,
				    .kind = SET_ADDRS,
				    .family = family,
				    .ranges = r });
	}
	return t->name;
}

/* One product in one family: sources and destinations, each a set or everything. */
static void admit_product(struct walk *k, const char *chain, uint8_t family, struct bh_ranges src,
	struct bh_ranges dst, const char *to)
{
	const char *s = walk_set_of(k, family, src), *d = walk_set_of(k, family, dst);
	struct stmt v[MAX_STMTS];
	size_t n = 0;

	if (s)
		v[n++] = (struct stmt){ .kind = S_SRC_SET, .family = family, .name = s };
	if (d)
		v[n++] = (struct stmt){ .kind = S_DST_SET, .family = family, .name = d };
	if (!n)
		v[n++] = (struct stmt){ .kind = S_FAMILY, .family = family };
	v[n++] = (struct stmt){ .kind = to ? S_GOTO : S_ACCEPT, .name = to };
	walk_rule(k, chain, v, n);
}

static int compare_ways(const void *x, const void *y)
{
	const struct way *a = x, *b = y;

	return a->range.lo < b->range.lo ? -1 : a->range.lo > b->range.lo;
}

/* The chain that admits one class of sources to its destinations, made when new. */
static const char *class_of(struct walk *k, uint8_t family, struct bh_ranges dst, const char *to)
{
	struct known_thing *t = known_class(&k->known, &k->a, family, dst, to);

	if (!t) {
		k->err = k->err ? k->err : -ENOMEM;
		return "";
	}
	if (!t->name) {
		const struct bh_range full = { 0, bh_addr_max(family) };
		t->name = walk_number(k, "class", k->known.n_classes, family);
		walk_chain(k, t->name, NULL);
		admit_product(
			k, t->name, family, (struct bh_ranges){ .v = &full, .n = 1 }, dst, to);
	}
	return t->name;
}

/* Makes the map from sources to their class. */
static void make_map(struct walk *k, const char *name, uint8_t family, const struct bh_products *p,
	const char *to)
{
	BH_AUTO_ARENA a = { 0 };
	size_t ranges = 0, n = 0;

	for (size_t i = 0; i < p->n; i++)
		ranges += bh_addrset_of(&p->v[i].src, family).n;
	struct way *ways = bh_arena_array(&a, ranges, sizeof *ways);
	if (!ways) {
		k->err = k->err ? k->err : -ENOMEM;
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct bh_ranges src = bh_addrset_of(&p->v[i].src, family);
		struct bh_ranges dst = bh_addrset_of(&p->v[i].dst, family);
		if (!src.n || !dst.n)
			continue;
		const char *class = class_of(k, family, dst, to);
		for (size_t j = 0; j < src.n; j++)
			ways[n++] = (struct way){ .range = src.v[j], .chain = class };
	}
	qsort(ways, n, sizeof *ways, compare_ways);
	walk_set(k, &(struct set_def){ .name = name,
			    .kind = SET_ADDR_VMAP,
			    .family = family,
			    .ways = ways,
			    .n_ways = n });
}

/* Several products: one lookup finds the class of the source, one more the destination. */
static void admit_classes(struct walk *k, const char *chain, uint8_t family,
	const struct bh_products *p, const char *to)
{
	struct known_thing *t = known_map(&k->known, &k->a, family, p, to);

	if (!t) {
		k->err = k->err ? k->err : -ENOMEM;
		return;
	}
	if (!t->name) {
		t->name = walk_number(k, "map", k->known.n_maps, family);
		make_map(k, t->name, family, p, to);
	}
	RULE(k, chain, { .kind = S_SRC_VMAP, .family = family, .name = t->name });
}

/* Several products, or one that looks at both sides, count in a second step; a host's, of
 * which one side is itself, in the same. */
static void admit(
	struct walk *k, const char *chain, const struct bh_products *p, const struct counting *c)
{
	for (size_t f = 0; f < BH_LEN(families); f++) {
		uint8_t family = families[f];
		size_t live = 0, last = 0;

		for (size_t i = 0; i < p->n; i++) {
			if (bh_addrset_of(&p->v[i].src, family).n &&
				bh_addrset_of(&p->v[i].dst, family).n) {
				live++;
				last = i;
			}
		}
		if (!live)
			continue;
		struct bh_ranges src = bh_addrset_of(&p->v[last].src, family);
		struct bh_ranges dst = bh_addrset_of(&p->v[last].dst, family);
		bool by_src = is_full(dst, family), by_dst = is_full(src, family) && !by_src;
		if (live > 1)
			admit_classes(k, chain, family, p, count_admitted(k, c));
		else if ((by_src || by_dst) && count_by_one_side(c, family, by_dst))
			count_product(k, c, chain, family, src, dst);
		else
			admit_product(k, chain, family, src, dst, count_admitted(k, c));
	}
}

/* What becomes of a packet that no product admitted. */
static void tail(
	struct walk *k, const struct bh_gate *g, const char *no, const char *const declared[2])
{
	char prefix[64];

	walk_chain(k, no, NULL);
	RULE(k, no, { .kind = S_COUNTER });
	if (k->l->mode == BH_AUDIT) {
		snprintf(prefix, sizeof prefix, "bh %s %s/%u", bh_hook_names[g->hook],
			g->service.proto == BH_TCP ? "tcp" : "udp", g->service.port);
		RULE(k, no, { .kind = S_LIMIT }, { .kind = S_LOG, .name = prefix });
		RULE(k, no, { .kind = S_ACCEPT });
		return;
	}
	if (g->service.proto == BH_TCP && g->hook == BH_OUT) {
		/* The reset goes to this machine itself: the program learns at once. */
		RULE(k, no, { .kind = S_TCP }, { .kind = S_RESET });
	} else if (g->service.proto == BH_TCP) {
		for (size_t f = 0; f < BH_LEN(families); f++) {
			if (declared[f])
				RULE(k, no, { .kind = S_TCP },
					{ .kind = S_SRC_SET,
						.family = families[f],
						.name = declared[f] },
					{ .kind = S_RESET });
		}
	}
	RULE(k, no, { .kind = S_DROP });
}

static void admit_case(struct walk *k, const char *chain, const char *no, const struct bh_gate *g,
	const struct bh_gate_case *c)
{
	struct counting allowed = { .hook = g->hook, .list = &c->allowed };
	struct counting blocked = { .hook = g->hook, .list = &c->blocked, .gate = chain, .no = no };

	if (bh_service_symmetric(g->service)) {
		struct counting back = { .hook = g->hook, .list = &c->allowed_same_port };
		char same[NAME_LEN];
		name_part(same, chain, "from", g->service.port);
		walk_chain(k, same, NULL);
		struct counting silent = {
			.hook = g->hook, .list = &c->blocked, .gate = same, .no = no
		};
		admit(k, same, &c->admit_same_port, &back);
		count_blocked(k, &silent, same);
		RULE(k, chain, { .kind = S_SPORT, .port = g->service.port },
			{ .kind = S_GOTO, .name = same });
	}
	admit(k, chain, &c->admit, &allowed);
	count_blocked(k, &blocked, chain);
}

static void loopback(struct walk *k, const char *chain, enum bh_hook hook)
{
	if (hook != BH_OUT)
		RULE(k, chain, { .kind = S_IIFNAME, .name = "lo" }, { .kind = S_ACCEPT });
	if (hook != BH_IN)
		RULE(k, chain, { .kind = S_OIFNAME, .name = "lo" }, { .kind = S_ACCEPT });
	for (size_t f = 0; f < BH_LEN(families); f++) {
		RULE(k, chain, { .kind = S_SRC_LOOPBACK, .family = families[f] },
			{ .kind = S_ACCEPT });
		RULE(k, chain, { .kind = S_DST_LOOPBACK, .family = families[f] },
			{ .kind = S_ACCEPT });
	}
}

static void gate(struct walk *k, const struct bh_gate *g, const char *const declared[2])
{
	char chain[NAME_LEN], no[NAME_LEN], stem[NAME_LEN];

	name_gate(chain, k->l->generation, g);
	snprintf(no, sizeof no, "%.80s_no", chain);
	tail(k, g, no, declared);
	walk_chain(k, chain, NULL);
	loopback(k, chain, g->hook);
	if (k->l->mode == BH_KEEP && g->service.proto == BH_TCP)
		RULE(k, chain, { .kind = S_ESTABLISHED }, { .kind = S_ACCEPT });
	/* From 1024 up the port can be somebody's ephemeral one: only openings are judged.
	 * What cannot be shown to be no opening (flags cut off by a fragment) is judged. */
	if (g->service.proto == BH_TCP && g->service.port >= 1024)
		RULE(k, chain, { .kind = S_NOT_SYN }, { .kind = S_ACCEPT });
	for (size_t i = 0; i < g->n_cases; i++) {
		const struct bh_gate_case *c = &g->cases[i];
		if (c->ifname[0]) {
			name_part(stem, chain, "on", i + 1);
			walk_chain(k, stem, NULL);
			admit_case(k, stem, no, g, c);
			RULE(k, chain,
				{ .kind = g->hook == BH_OUT ? S_OIFNAME : S_IIFNAME,
					.name = c->ifname },
				{ .kind = S_GOTO, .name = stem });
		} else {
			admit_case(k, chain, no, g, c);
		}
	}
}

/* A first fragment that ends before its upper header hides its port: later fragments
 * would carry it past us.  RFC 7112 §5 lets a filter drop it. */
static void fragments(struct walk *k, const char *chain)
{
	walk_chain(k, chain, NULL);
	RULE(k, chain, { .kind = S_FRAG_LATER }, { .kind = S_RETURN });
	RULE(k, chain, { .kind = S_PORT_READABLE }, { .kind = S_RETURN });
	RULE(k, chain, { .kind = S_DROP });
}

static const char *const mode_names[] = {
	[BH_AUDIT] = "audit", [BH_ENFORCE] = "enforce", [BH_KEEP] = "keep"
};

static void entry(struct walk *k, enum bh_hook hook, const char *frag)
{
	const struct bh_table *t = k->l->table;
	char chain[NAME_LEN], ports[NAME_LEN], comment[160];
	struct way ways[BH_MAX_GATES];
	char names[BH_MAX_GATES][NAME_LEN];
	size_t n = 0;

	snprintf(chain, sizeof chain, "g%u_%s", k->l->generation, bh_hook_names[hook]);
	snprintf(ports, sizeof ports, "%.80s_ports", chain);
	int len = snprintf(comment, sizeof comment, "bulkhead generation %u %s policy ",
		k->l->generation, mode_names[k->l->mode]);
	for (size_t i = 0; i < BH_HASH; i++)
		len += snprintf(
			comment + len, sizeof comment - (size_t)len, "%02x", t->policy_hash[i]);

	for (size_t i = 0; i < t->n_gates && n < BH_LEN(ways); i++) {
		if (t->gates[i].hook != hook)
			continue;
		name_gate(names[n], k->l->generation, &t->gates[i]);
		ways[n] = (struct way){ .service = t->gates[i].service, .chain = names[n] };
		n++;
	}
	walk_set(k,
		&(struct set_def){ .name = ports, .kind = SET_PORTS, .ways = ways, .n_ways = n });
	walk_chain(k, chain, comment);
	RULE(k, chain, { .kind = S_DISPATCH, .name = ports });
	if (k->l->mode != BH_AUDIT)
		RULE(k, chain, { .kind = S_FRAG }, { .kind = S_JUMP, .name = frag });
}

int shape_generation(const struct bh_load *l, const struct writer *w, unsigned *hooks)
{
	const struct bh_table *t = l->table;
	struct walk k = { .l = l, .w = w };
	k.cited = walk_alloc(&k, BH_HOOKS * t->n_sentences, sizeof *k.cited);
	const char *declared[2] = { NULL, NULL };
	char frag[NAME_LEN], names[2][NAME_LEN];

	*hooks = 0;
	for (size_t f = 0; f < BH_LEN(families); f++) {
		struct bh_ranges r = bh_addrset_of(&t->declared, families[f]);
		if (!r.n || l->mode == BH_AUDIT)
			continue;
		snprintf(names[f], NAME_LEN, "g%u_declared_v%u", l->generation, families[f]);
		declared[f] = names[f];
		walk_set(&k, &(struct set_def){ .name = names[f],
				     .kind = SET_ADDRS,
				     .family = families[f],
				     .ranges = r });
	}
	snprintf(frag, sizeof frag, "g%u_frag", l->generation);
	if (l->mode != BH_AUDIT)
		fragments(&k, frag);
	for (size_t i = 0; i < t->n_gates; i++) {
		gate(&k, &t->gates[i], declared);
		*hooks |= BH_HOOK_BIT(t->gates[i].hook);
	}
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (*hooks & BH_HOOK_BIT(h))
			entry(&k, (enum bh_hook)h, frag);
	}
	known_free(&k.known);
	bh_arena_reset(&k.a);
	return k.err;
}

int shape_base_rules(uint32_t trial, unsigned trial_hooks, uint32_t settled, unsigned settled_hooks,
	const struct writer *w)
{
	struct walk k = { .w = w };
	char name[NAME_LEN];

	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (trial && trial_hooks & BH_HOOK_BIT(h)) {
			snprintf(name, sizeof name, "g%u_%s", trial, bh_hook_names[h]);
			RULE(&k, base_chain_names[h], { .kind = S_LEASE },
				{ .kind = S_GOTO, .name = name });
		} else if (trial && settled_hooks & BH_HOOK_BIT(h)) {
			/* The trial has nothing to say here; neither must the former. */
			RULE(&k, base_chain_names[h], { .kind = S_LEASE }, { .kind = S_ACCEPT });
		}
		if (settled && settled_hooks & BH_HOOK_BIT(h)) {
			snprintf(name, sizeof name, "g%u_%s", settled, bh_hook_names[h]);
			RULE(&k, base_chain_names[h], { .kind = S_GOTO, .name = name });
		}
	}
	return k.err;
}
