/*
 * Asks the kernel's rules and the judge the same question for every class of packets of
 * one family at one hook.
 */
#include "proof/check.h"

#include <stdlib.h>

#define EPHEMERAL 50000 /* a client's port, when no rule tells client ports apart */
#define MAX_PAIRS (16u << 20)

enum want { WANT_BLOCK, WANT_ADMIT, WANT_EITHER };

/* The words of the fragment field: IPv4 has flags above, IPv6 below the offset. */
static const struct shape shapes4[] = {
	{ NULL, .l4proto = true },
	{ "first fragment", .l4proto = true, .word = 0x2000 },
	{ "header cut before the flags", .l4proto = true, .word = 0x2000, .transport = 8,
		.cut = true },
	{ "later fragment", .l4proto = true, .later = true, .word = 0x2001 },
	{ "last fragment", .l4proto = true, .later = true, .word = 0x0001 },
};

static const struct shape shapes6[] = {
	{ NULL, .l4proto = true },
	{ "behind destination options", .l4proto = true, .next = 60 },
	{ "lone fragment", .l4proto = true, .frag = true, .next = 44 },
	{ "first fragment", .l4proto = true, .frag = true, .next = 44, .word = 0x0001 },
	{ "header cut before the flags", .l4proto = true, .frag = true, .next = 44, .word = 0x0001,
		.transport = 8, .cut = true },
	{ "first fragment without its header", .l4proto = true, .frag = true, .next = 44,
		.word = 0x0001, .cut = true },
	{ "first fragment without its header, protocol unknown", .frag = true, .next = 44,
		.word = 0x0001, .cut = true },
	{ "later fragment", .l4proto = true, .later = true, .frag = true, .next = 44,
		.word = 0x0009 },
	{ "last fragment", .l4proto = true, .later = true, .frag = true, .next = 44,
		.word = 0x0008 },
	{ "later fragment, protocol unknown", .later = true, .frag = true, .next = 44,
		.word = 0x0009 },
};

/* One family at one hook: the classes, and where the walk stands. */
struct walk {
	struct check *c;
	struct study *s;
	enum bh_hook hook;
	struct classes src, dst, sport, dport, proto;
	const struct shape *shapes;
	size_t n_shapes;
	char ifname[MAX_IFNAMES + 1][BH_IFNAME];
	size_t n_ifnames;
	uint8_t *want, *want_same, *any_blocked; /* src × dst */
	size_t pairs;
	/* Where it stands. */
	struct packet p;
	unsigned iface, n_ifaces;
	const struct klass *port; /* NULL: fragments that show none */
	const char *flags_name, *sport_name; /* of the situation; NULL: in question for none */
	unsigned n_flags, n_shapes_asked,
		n_sports; /* situations that are asked of this one's kind */
};

static bool has_ports(const struct shape *s)
{
	return s->l4proto && !s->later && (!s->cut || s->transport >= 4);
}

static const struct bh_service *declared(const struct bh_judge *j, struct bh_service s)
{
	for (size_t i = 0; i < j->n_services; i++)
		if (bh_service_equal(j->services[i], s))
			return &j->services[i];
	return NULL;
}

/* ---- the judge ------------------------------------------------------------ */

static struct bh_addr address(uint8_t family, bh_u128 num)
{
	struct bh_addr a = { .num = num, .family = family };
	return a;
}

static const struct bh_addrset *onlink_of(const struct bh_judge *j, const char *ifname)
{
	for (size_t i = 0; i < j->n_ifnames; i++)
		if (!strcmp(j->ifnames[i], ifname))
			return &j->onlink[i];
	return NULL;
}

static void judge_all(struct walk *w, struct bh_service svc, uint16_t sport, uint8_t *ret)
{
	const struct bh_judge *j = w->c->j;
	struct bh_flow f = { .hook = w->hook, .service = svc, .sport = sport };

	memcpy(f.iif, w->p.iif, sizeof f.iif);
	memcpy(f.oif, w->p.oif, sizeof f.oif);
	if (w->hook != BH_FWD)
		f.localsubnet = onlink_of(j, w->hook == BH_IN ? f.iif : f.oif);
	for (size_t s = 0; s < w->src.n; s++)
		for (size_t d = 0; d < w->dst.n; d++) {
			f.client = address(w->p.family, w->src.v[s].rep);
			f.server = address(w->p.family, w->dst.v[d].rep);
			ret[s * w->dst.n + d] = j->admit(j->ctx, &f) ? WANT_ADMIT : WANT_BLOCK;
		}
}

/* ---- one question --------------------------------------------------------- */

static void not_understood(struct check *c, const struct answer *a)
{
	struct bh_proof *p = c->proof;

	if (p->why_not)
		return;
	const struct chain *ch = a->rule ? a->rule->chain : NULL;
	p->why_not =
		ch ? bh_arena_printf(c->a,
			     "table inet " OUR_TABLE ", chain %s, rule handle %llu, '%s'%s%s: %s",
			     bh_rules_clean(c->a, ch->name), (unsigned long long)a->rule->handle,
			     a->expr ? bh_rules_clean(c->a, a->expr->name) : "verdict",
			     a->expr && a->expr->set ? " in set " : "",
			     a->expr && a->expr->set ? bh_rules_clean(c->a, a->expr->set->name)
						     : "",
			     a->why)
		   : bh_arena_str(c->a, a->why);
}

static int fault_of(const struct check *c, enum decision d, enum want want, bool headless)
{
	if (c->j->audit) {
		if (d == BLOCKED)
			return DROPS;
		if (headless || want == WANT_EITHER)
			return -1;
		return (d == LOGGED) == (want == WANT_BLOCK) ? -1 : d == LOGGED ? BLOCKS : ADMITS;
	}
	if (want == WANT_EITHER)
		return -1;
	return (d == BLOCKED) == (want == WANT_BLOCK) ? -1 : d == BLOCKED ? BLOCKS : ADMITS;
}

static void keep(struct walk *w, enum fault fault, const uint8_t *map)
{
	struct check *c = w->c;
	struct sheet *s = bh_arena_alloc(c->a, sizeof *s);

	c->proof->answer = BH_DIFFERS;
	c->sheet_bytes += w->pairs;
	if (!s || c->sheet_bytes > MAX_SHEETS_BYTES)
		return; /* the first 64 MiB of differences are enough to say no */
	*s = (struct sheet){ .hook = w->hook,
		.family = w->p.family,
		.proto = w->p.proto,
		.ports = w->port ? w->port->all : (struct bh_ranges){ 0 },
		.port = w->port ? (uint16_t)w->port->rep : 0,
		.iface = w->iface,
		.n_ifaces = w->n_ifaces,
		.flags = w->flags_name,
		.shape = w->p.shape->what,
		.sport = w->sport_name,
		.n_flags = w->n_flags,
		.n_shapes = w->n_shapes_asked,
		.n_sports = w->n_sports,
		.fault = fault,
		.src = &w->src,
		.dst = &w->dst };
	s->ifname = bh_arena_printf(c->a, "%s", w->hook == BH_OUT ? w->p.oif : w->p.iif);
	s->map = bh_arena_copy(c->a, map, w->pairs);
	if (c->last)
		c->last->next = s;
	else
		c->first = s;
	c->last = s;
}

/* Asks the rules for every source and destination and holds the answers against want.
 * What the rules did not look at is not asked again. */
static int compare(struct walk *w, const uint8_t *want)
{
	struct check *c = w->c;
	uint8_t *map[FAULTS] = { 0 };
	bool headless = !has_ports(w->p.shape) && !w->p.shape->later;
	struct answer a = { 0 };
	size_t asked = SIZE_MAX;
	int err = -ENOMEM;

	for (size_t s = 0; s < w->src.n; s++)
		for (size_t d = 0; d < w->dst.n; d++) {
			bool same = asked != SIZE_MAX && !(a.read & READ_DST) &&
				    (asked == s || !(a.read & READ_SRC));
			if (!same) {
				w->p.src = w->src.v[s].rep;
				w->p.dst = w->dst.v[d].rep;
				bh_packet_ask(&c->path[w->hook], &w->p, c->j->log_group, &a);
				asked = s;
				c->steps += a.steps + 1;
				if (c->steps > MAX_ALL_STEPS) {
					err = -E2BIG;
					goto out;
				}
			}
			c->proof->classes++;
			c->proof->on_trial = c->proof->on_trial || a.on_trial;
			if (a.decision == UNKNOWN) {
				not_understood(c, &a);
				continue;
			}
			int f = fault_of(c, a.decision, want ? want[s * w->dst.n + d] : WANT_ADMIT,
				headless);
			if (f < 0)
				continue;
			if (!map[f]) {
				map[f] = calloc(w->pairs, 1);
				if (!map[f])
					goto out;
			}
			map[f][s * w->dst.n + d] = 1;
		}
	for (int f = 0; f < FAULTS; f++)
		if (map[f])
			keep(w, (enum fault)f, map[f]);
	err = bh_arena_ok(c->a) ? 0 : -ENOMEM;
out:
	for (int f = 0; f < FAULTS; f++)
		free(map[f]);
	return err;
}

/* ---- situations ----------------------------------------------------------- */

static const char *describe_sport(const struct walk *w, const struct klass *k)
{
	const struct bh_range *r = &k->all.v[0];

	if (k->all.n == 1 && r->lo == r->hi)
		return bh_arena_printf(w->c->a, "from port %u", (unsigned)r->lo);
	return "from another port";
}

/* One shape, one set of TCP flags, every client port. */
static int compare_ports(struct walk *w, const uint8_t *want)
{
	struct bh_service svc = { .port = w->p.dport, .proto = w->p.proto };

	for (size_t i = 0; i < w->sport.n; i++) {
		const struct klass *k = &w->sport.v[i];
		w->p.sport = bh_ranges_contain(k->all, EPHEMERAL) ? EPHEMERAL : (uint16_t)k->rep;
		const uint8_t *mine = want;
		if (want == w->want && bh_service_symmetric(svc) && w->p.sport == w->p.dport)
			mine = w->want_same;
		w->sport_name = describe_sport(w, k);
		int r = compare(w, mine);
		if (r < 0)
			return r;
	}
	return 0;
}

static unsigned shapes_asked(const struct walk *w, bool cut_too)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n_shapes; i++) {
		const struct shape *s = &w->shapes[i];
		n += has_ports(s) && (!s->cut || (cut_too && w->p.proto == BH_TCP));
	}
	return n;
}

/* What connection tracking may say of a packet; that it is new when nobody asks. */
static const struct {
	uint32_t bit;
	const char *name;
} states[] = { { CT_NEW, "new" }, { CT_ESTABLISHED, "of a connection that stands" },
	{ CT_RELATED, "related to a connection" }, { CT_INVALID, "invalid" },
	{ CT_UNTRACKED, "untracked" } };

/* Asked by the kernel, or by the judge: a table that forgets who stands must be found. */
static bool tracks(const struct walk *w)
{
	return w->s->tracks || w->c->j->keeps;
}

static unsigned n_states(const struct walk *w)
{
	return tracks(w) ? BH_LEN(states) : 1;
}

/* One shape and set of flags, in every state of its connection. */
static int compare_states(struct walk *w, const uint8_t *want)
{
	const char *flags = w->flags_name;

	for (unsigned i = 0; i < n_states(w); i++) {
		bool stands = states[i].bit == CT_ESTABLISHED && w->p.proto == BH_TCP;
		w->p.ct = states[i].bit;
		if (tracks(w))
			w->flags_name =
				!flags ? states[i].name
				       : bh_arena_printf(w->c->a, "%s, %s", flags, states[i].name);
		int r = compare_ports(w, stands && w->c->j->keeps ? NULL : want);
		if (r < 0)
			return r;
	}
	w->flags_name = flags;
	return 0;
}

static int compare_shape(struct walk *w, bool governed)
{
	bool tcp = w->p.proto == BH_TCP, two = w->s->n_flags == 2;

	w->p.tcp_flags = FLAG_SYN;
	/* Whoever cannot show that he is no SYN is taken for one. */
	w->flags_name = tcp && two ? "SYN" : NULL;
	w->n_shapes_asked = shapes_asked(w, true);
	if (!tcp || w->p.shape->cut)
		return compare_states(w, governed ? w->want : NULL);
	for (unsigned k = 0; k < w->s->n_flags; k++) {
		unsigned f = 0;
		while (w->s->flags_class[f] != k)
			f++;
		w->p.tcp_flags = (uint8_t)f;
		bool free_pass = w->p.dport >= 1024 && !bh_check_syn(w->p.tcp_flags);
		w->flags_name = !two ? bh_arena_printf(w->c->a, "flags 0x%02x", f)
				: bh_check_syn(w->p.tcp_flags) ? "SYN"
							       : "not SYN";
		w->n_shapes_asked = shapes_asked(w, two && bh_check_syn(w->p.tcp_flags));
		int r = compare_states(w, governed && !free_pass ? w->want : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_service(struct walk *w)
{
	struct bh_service svc = { .port = w->p.dport, .proto = w->p.proto };
	bool governed = declared(w->c->j, svc);

	if (governed) {
		judge_all(w, svc, EPHEMERAL, w->want);
		if (bh_service_symmetric(svc))
			judge_all(w, svc, svc.port, w->want_same);
		for (size_t i = 0; i < w->pairs; i++)
			if (w->want[i] == WANT_BLOCK)
				w->any_blocked[i] = WANT_BLOCK;
	}
	w->n_flags = (w->p.proto == BH_TCP ? w->s->n_flags : 1) * n_states(w);
	w->n_sports = (unsigned)w->sport.n;
	for (size_t i = 0; i < w->n_shapes; i++) {
		w->p.shape = &w->shapes[i];
		if (!has_ports(w->p.shape) || (w->p.shape->cut && w->p.proto != BH_TCP))
			continue;
		int r = compare_shape(w, governed);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Fragments that show no port: the first ones, without their header, must not pass
 * where anything at all is blocked; the later ones are harmless without the first. */
static int compare_portless(struct walk *w)
{
	w->port = NULL;
	w->flags_name = w->sport_name = NULL;
	w->n_sports = 1;
	w->n_flags = n_states(w);
	w->n_shapes_asked = 0;
	w->p.sport = w->p.dport = 0;
	for (size_t i = 0; i < w->n_shapes; i++)
		w->n_shapes_asked += !has_ports(&w->shapes[i]);
	for (size_t i = 0; i < w->n_shapes; i++) {
		w->p.shape = &w->shapes[i];
		for (unsigned k = 0; k < n_states(w) && !has_ports(w->p.shape); k++) {
			w->p.ct = states[k].bit;
			w->flags_name = tracks(w) ? states[k].name : NULL;
			int r = compare(w, w->p.shape->later ? NULL : w->any_blocked);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int compare_interface(struct walk *w)
{
	memset(w->any_blocked, WANT_EITHER, w->pairs);
	for (size_t p = 0; p < w->proto.n; p++) {
		w->p.proto = (uint8_t)w->proto.v[p].rep;
		for (size_t i = 0; i < w->dport.n; i++) {
			w->port = &w->dport.v[i];
			w->p.dport = (uint16_t)w->port->rep;
			int r = compare_service(w);
			if (r < 0)
				return r;
		}
	}
	for (size_t p = 0; p < w->proto.n; p++) {
		w->p.proto = (uint8_t)w->proto.v[p].rep;
		int r = compare_portless(w);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_interfaces(struct walk *w)
{
	bool fwd = w->hook == BH_FWD;
	size_t n = w->n_ifnames;

	w->n_ifaces = (unsigned)(fwd ? n * n : n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < (fwd ? n : 1); k++) {
			memset(w->p.iif, 0, sizeof w->p.iif);
			memset(w->p.oif, 0, sizeof w->p.oif);
			if (w->hook != BH_OUT)
				memcpy(w->p.iif, w->ifname[i], BH_IFNAME);
			if (w->hook != BH_IN)
				memcpy(w->p.oif, w->ifname[fwd ? k : i], BH_IFNAME);
			w->iface = (unsigned)(fwd ? i * n + k : i);
			int r = compare_interface(w);
			if (r < 0)
				return r;
		}
	return 0;
}

/* ---- the space ------------------------------------------------------------ */

static void add_set(struct atoms *to, const struct bh_addrset *s, uint8_t family)
{
	bh_atoms_add(to, bh_addrset_of(s, family));
}

static void add_loopback(struct atoms *to, uint8_t family)
{
	if (family == BH_V4)
		bh_atoms_add_one(to, 0x7f000000, 0x7fffffff);
	else
		bh_atoms_add_one(to, 1, 1);
}

/* On hooks in and out the judge looks at the peer's side only. */
static int divide_addresses(struct walk *w)
{
	const struct bh_judge *j = w->c->j;
	struct atoms src = w->s->src, dst = w->s->dst;
	uint8_t family = w->p.family;

	for (size_t i = 0; i < j->n_sets + j->n_ifnames; i++) {
		const struct bh_addrset *s =
			i < j->n_sets ? &j->sets[i] : &j->onlink[i - j->n_sets];
		if (w->hook != BH_OUT)
			add_set(&src, s, family);
		if (w->hook != BH_IN)
			add_set(&dst, s, family);
	}
	add_loopback(&src, family);
	add_loopback(&dst, family);
	int r = bh_space_divide(&src, bh_addr_max(family), &w->src);
	return r < 0 ? r : bh_space_divide(&dst, bh_addr_max(family), &w->dst);
}

static int divide_ports(struct walk *w)
{
	const struct bh_judge *j = w->c->j;
	struct atoms sport = w->s->sport, dport = w->s->dport, proto = w->s->proto;

	for (size_t i = 0; i < j->n_services; i++) {
		uint16_t port = j->services[i].port;
		bh_atoms_add_one(&dport, port, port);
		if (bh_service_symmetric(j->services[i]))
			bh_atoms_add_one(&sport, port, port);
	}
	bh_atoms_add_one(&dport, 1024, 65535);
	bh_atoms_add_one(&proto, BH_TCP, BH_TCP);
	bh_atoms_add_one(&proto, BH_UDP, BH_UDP);
	int r = bh_space_divide(&sport, 65535, &w->sport);
	if (r == 0)
		r = bh_space_divide(&dport, 65535, &w->dport);
	return r < 0 ? r : bh_space_divide(&proto, 255, &w->proto);
}

/* Nothing that is forwarded comes from lo or goes there. */
static void name_interfaces(struct walk *w)
{
	for (size_t i = 0; i < w->s->n_ifnames; i++)
		if (w->hook != BH_FWD || strcmp(w->s->ifname[i], "lo") != 0)
			memcpy(w->ifname[w->n_ifnames++], w->s->ifname[i], BH_IFNAME);
	w->ifname[w->n_ifnames++][0] = BH_OTHER_NAME;
}

int bh_check_walk(struct check *c, enum bh_hook hook, uint8_t family)
{
	struct walk *w = bh_arena_alloc(c->a, sizeof *w);

	if (!w)
		return -ENOMEM;
	w->c = c;
	w->hook = hook;
	w->s = &c->study[family == BH_V6];
	w->p.hook = hook;
	w->p.family = family;
	w->shapes = family == BH_V4 ? shapes4 : shapes6;
	w->n_shapes = family == BH_V4 ? BH_LEN(shapes4) : BH_LEN(shapes6);
	int r = divide_addresses(w);
	if (r == 0)
		r = divide_ports(w);
	if (r < 0)
		return r;
	name_interfaces(w);
	w->pairs = w->src.n * w->dst.n;
	if (w->pairs > MAX_PAIRS)
		return -E2BIG;
	w->want = bh_arena_alloc(c->a, w->pairs);
	w->want_same = bh_arena_alloc(c->a, w->pairs);
	w->any_blocked = bh_arena_alloc(c->a, w->pairs);
	if (!w->want || !w->want_same || !w->any_blocked)
		return -ENOMEM;
	return compare_interfaces(w);
}
