/*
 * What the rules of our table can tell apart.
 *
 * Registers do not survive a rule, so each rule is read once from left to right and
 * every register byte remembers which byte of which field stands in it, and under which
 * mask.  A test then cuts that field's numbers where its outcome changes.  A test whose
 * cuts cannot be told is marked odd: whoever evaluates it learns that nothing is proven.
 */
#include "proof/space.h"

enum field {
	F_NONE, /* nothing was put there */
	F_FIXED, /* the same for all packets of a class */
	F_SRC,
	F_DST,
	F_SPORT,
	F_DPORT,
	F_PROTO,
	F_FLAGS,
	F_FRAG,
	F_IFINDEX,
	F_IFNAME,
};

struct mark {
	uint8_t field, index, mask, xor;
};

struct reading {
	struct study *s;
	struct mark reg[REG_BYTES];
};

/* A run of bytes of one field within a test. */
struct part {
	enum field field;
	uint32_t at, len; /* within the test's value */
	unsigned bits; /* how many of the highest bits are looked at */
	struct atoms *atoms; /* of a field of numbers */
	unsigned width; /* its bits */
	const struct mark *mark;
};

#define MAX_PARTS 16u

static struct atoms *atoms_of(struct study *s, enum field f, unsigned *width)
{
	switch (f) {
	case F_SRC: *width = bh_addr_bits(s->family); return &s->src;
	case F_DST: *width = bh_addr_bits(s->family); return &s->dst;
	case F_SPORT: *width = 16; return &s->sport;
	case F_DPORT: *width = 16; return &s->dport;
	case F_PROTO: *width = 8; return &s->proto;
	default: return NULL;
	}
}

/* ---- loads ---------------------------------------------------------------- */

static void note(struct reading *r, uint32_t off, enum field f, uint32_t index, uint32_t len)
{
	uint32_t whole = (len + 3) / 4 * 4;

	for (uint32_t i = 0; i < whole && off + i < REG_BYTES; i++)
		r->reg[off + i] = (struct mark){
			.field = (uint8_t)(i < len ? f : F_FIXED),
			.index = (uint8_t)(index + i),
			.mask = 0xff,
		};
}

static struct mark network_mark(const struct study *s, uint32_t off)
{
	bool v4 = s->family == BH_V4;
	uint32_t src = v4 ? 12 : 8, bytes = v4 ? 4 : 16;
	struct mark m = { .mask = 0xff };

	if (off >= src && off < src + bytes) {
		m.field = F_SRC;
		m.index = (uint8_t)(off - src);
	} else if (off >= src + bytes && off < src + 2 * bytes) {
		m.field = F_DST;
		m.index = (uint8_t)(off - src - bytes);
	} else if (v4 && (off == 6 || off == 7)) {
		m.field = F_FRAG;
		m.index = (uint8_t)(off - 6);
	} else if (off == (v4 ? 9u : 6u)) {
		m.field = F_PROTO;
	}
	return m;
}

static struct mark transport_mark(uint32_t off)
{
	struct mark m = { .mask = 0xff };

	if (off < 4) {
		m.field = off < 2 ? F_SPORT : F_DPORT;
		m.index = off % 2;
	} else if (off == 13) {
		m.field = F_FLAGS;
	}
	return m;
}

static void study_payload(struct reading *r, const struct expr *e)
{
	note(r, e->dreg, F_FIXED, 0, e->len);
	for (uint32_t i = 0; i < e->len; i++)
		r->reg[e->dreg + i] = e->base == NFT_PAYLOAD_NETWORK_HEADER
					      ? network_mark(r->s, e->offset + i)
					      : transport_mark(e->offset + i);
}

static void study_meta(struct reading *r, const struct expr *e)
{
	switch (e->key) {
	case NFT_META_L4PROTO: note(r, e->dreg, F_PROTO, 0, e->len); break;
	case NFT_META_IIF:
	case NFT_META_OIF: note(r, e->dreg, F_IFINDEX, 0, e->len); break;
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME: note(r, e->dreg, F_IFNAME, 0, e->len); break;
	default: note(r, e->dreg, F_FIXED, 0, e->len); break;
	}
}

static void study_exthdr(struct reading *r, const struct expr *e)
{
	note(r, e->dreg, F_FIXED, 0, e->len);
	if (e->how & NFT_EXTHDR_F_PRESENT)
		return;
	for (uint32_t i = 0; i < e->len; i++)
		if (e->offset + i == 2 || e->offset + i == 3)
			r->reg[e->dreg + i] = (struct mark){
				.field = F_FRAG, .index = (uint8_t)(e->offset + i - 2), .mask = 0xff
			};
}

static void study_bitwise(struct reading *r, const struct expr *e)
{
	struct mark m[REG_BYTES];

	memcpy(m, r->reg + e->sreg, e->len * sizeof *m);
	note(r, e->dreg, F_FIXED, 0, e->len);
	for (uint32_t i = 0; i < e->len; i++) {
		m[i].xor = (uint8_t)((m[i].xor &e->a.ptr[i]) ^ e->b.ptr[i]);
		m[i].mask &= e->a.ptr[i];
		r->reg[e->dreg + i] = m[i];
	}
}

/* ---- tests ---------------------------------------------------------------- */

/* How many leading bits the marks' masks keep; false when they are no prefix, or the
 * value is turned over. */
static bool prefix_bits(const struct mark *m, uint32_t len, unsigned *ret)
{
	unsigned bits = 0;
	bool ended = false;

	for (uint32_t i = 0; i < len; i++) {
		if (m[i].xor)
			return false;
		for (int b = 7; b >= 0; b--) {
			bool set = m[i].mask >> b & 1;
			if (set && ended)
				return false;
			ended = ended || !set;
			bits += set;
		}
	}
	*ret = bits;
	return true;
}

/* The value's bytes by field; 0 parts: nothing but what is fixed; -1: odd. */
static int split(struct reading *r, const struct expr *e, struct part parts[MAX_PARTS])
{
	int n = 0;

	for (uint32_t i = 0; i < e->len;) {
		const struct mark *m = &r->reg[e->sreg + i];
		uint32_t len = 1;

		if (m->field == F_NONE)
			return -1;
		if (m->field == F_FIXED) {
			i++;
			continue;
		}
		while (i + len < e->len && m[len].field == m->field &&
			m[len].index == m->index + len)
			len++;
		if (m->index || n == MAX_PARTS)
			return -1;
		struct part *p = &parts[n++];
		*p = (struct part){ .field = m->field, .at = i, .len = len, .mark = m };
		p->atoms = atoms_of(r->s, p->field, &p->width);
		if (p->atoms && (!prefix_bits(m, len, &p->bits) || len * 8 > p->width))
			return -1;
		i += len;
	}
	return n;
}

static bh_u128 number(const uint8_t *v, uint32_t len)
{
	bh_u128 n = 0;

	for (uint32_t i = 0; i < len; i++)
		n = n << 8 | v[i];
	return n;
}

static bh_u128 max_of(unsigned width)
{
	return width == 128 ? ~(bh_u128)0 : ((bh_u128)1 << width) - 1;
}

/* The lowest number of the whole field whose looked-at part is >= v (or > v, above);
 * false when there is none. */
static bool threshold(const struct part *p, const uint8_t *v, bool above, bh_u128 *ret)
{
	unsigned bits = p->len * 8, low = bits - p->bits;
	bh_u128 n = number(v + p->at, p->len), floor = n >> (low < 128 ? low : 127);

	if (low >= 128)
		floor = 0;
	bool exact = low >= 128 ? n == 0 : floor << low == n;
	bh_u128 step = floor + (above || !exact ? 1 : 0);
	if (step > max_of(p->bits) || (p->bits == 128 && step < floor))
		return false;
	unsigned shift = p->width - p->bits;
	*ret = shift >= 128 ? 0 : step << shift;
	return true;
}

/* Where the comparison with v changes: numbers from >= v on, and from > v on. */
static void cut(const struct part *p, const uint8_t *v)
{
	bh_u128 at;

	if (threshold(p, v, false, &at))
		bh_atoms_add_one(p->atoms, at, max_of(p->width));
	if (threshold(p, v, true, &at))
		bh_atoms_add_one(p->atoms, at, max_of(p->width));
}

/* The numbers between from and to; {.n = 0}: none. */
static struct bh_range between(
	const struct part *p, const uint8_t *from, const uint8_t *to, bool *any)
{
	struct bh_range r = { 0 };
	bh_u128 end;

	*any = threshold(p, from, false, &r.lo);
	r.hi = max_of(p->width);
	if (*any && to && threshold(p, to, true, &end)) {
		if (end <= r.lo)
			*any = false;
		else
			r.hi = end - 1;
	}
	return r;
}

static void cut_range(const struct part *p, const uint8_t *from, const uint8_t *to)
{
	bool any;
	struct bh_range r = between(p, from, to, &any);

	if (any)
		bh_atoms_add_one(p->atoms, r.lo, r.hi);
}

/* Splits the classes of TCP flags by the outcome of a test. */
void bh_study_flags(struct study *s, const uint16_t outcome[256])
{
	uint8_t class[256];
	unsigned n = 0;

	for (unsigned f = 0; f < 256; f++) {
		unsigned g = 0;
		while (g < f &&
			(s->flags_class[g] != s->flags_class[f] || outcome[g] != outcome[f]))
			g++;
		class[f] = (uint8_t)(g < f ? class[g] : n++);
	}
	memcpy(s->flags_class, class, sizeof class);
	s->n_flags = n;
}

/* how: the comparison, or -1 when the value itself matters. */
static void cut_flags(struct reading *r, const struct part *p, const uint8_t *v, int how)
{
	uint16_t outcome[256];

	for (unsigned f = 0; f < 256; f++) {
		uint8_t seen = (uint8_t)((f & p->mark->mask) ^ p->mark->xor);
		if (how < 0)
			outcome[f] = seen;
		else if (how <= NFT_CMP_NEQ)
			outcome[f] = seen == v[p->at];
		else
			outcome[f] = (uint16_t)(1 + (seen > v[p->at]) - (seen < v[p->at]));
	}
	bh_study_flags(r->s, outcome);
}

/* The offset of a fragment is one of many; only "none" and "some" are told apart, and
 * the flag that more follow. */
static bool fragment_known(const struct study *s, const struct expr *e, const struct part *p)
{
	uint16_t offset = s->family == BH_V4 ? 0x1fff : 0xfff8;
	uint16_t more = s->family == BH_V4 ? 0x2000 : 0x0001;

	if (p->len != 2 || e->len != 2 || e->op != OP_CMP || e->how > NFT_CMP_NEQ)
		return false;
	uint16_t mask = (uint16_t)(p->mark[0].mask << 8 | p->mark[1].mask);
	bool plain = !p->mark[0].xor &&!p->mark[1].xor ;
	uint16_t v = (uint16_t)(e->a.ptr[0] << 8 | e->a.ptr[1]);
	return plain && ((v == 0 && (mask == offset || mask == (offset | more))) || mask == more);
}

void bh_study_ifname(struct study *s, const char *name)
{
	for (size_t i = 0; i < s->n_ifnames; i++)
		if (!strcmp(s->ifname[i], name))
			return;
	if (!*name)
		return;
	if (s->n_ifnames == MAX_IFNAMES) {
		s->too_many = true;
		return;
	}
	strncpy(s->ifname[s->n_ifnames++], name, sizeof s->ifname[0] - 1);
}

/* A whole name, or the beginning of names: "eth" stands for itself and for one name
 * that goes on like no other. */
static void name_seen(struct study *s, const uint8_t *v, uint32_t len)
{
	char name[18] = { 0 };

	memcpy(name, v, bh_min_size(len, 15));
	bh_study_ifname(s, name);
	size_t n = strlen(name);
	if (n >= len && n < 15) {
		name[n] = BH_OTHER_NAME;
		bh_study_ifname(s, name);
	}
}

static bool name_known(struct study *s, const struct expr *e, const struct part *p)
{
	for (uint32_t i = 0; i < p->len; i++)
		if (p->mark[i].mask != 0xff || p->mark[i].xor)
			return false;
	if (e->op == OP_CMP && e->how <= NFT_CMP_NEQ) {
		name_seen(s, e->a.ptr + p->at, p->len);
		return true;
	}
	if (e->op != OP_LOOKUP || e->set->flags & NFT_SET_INTERVAL ||
		p->len != BH_LEN(s->ifname[0]))
		return false;
	for (size_t i = 0; i < e->set->n; i++)
		name_seen(s, e->set->v[i].key + p->at, p->len);
	return true;
}

static bool index_known(const struct expr *e, const struct part *p)
{
	uint32_t index = 0;

	if (e->op != OP_CMP || e->how > NFT_CMP_NEQ || p->len != 4)
		return false;
	for (uint32_t i = 0; i < 4; i++)
		if (p->mark[i].mask != 0xff || p->mark[i].xor)
			return false;
	memcpy(&index, e->a.ptr + p->at, 4);
	return index == 1 || index == 0;
}

/* The numbers that make lookups find element i of an interval set or a plain one. */
static struct bh_range reach(const struct set *set, size_t i, const struct part *p, bool *any)
{
	const struct elem *e = &set->v[i];
	bh_u128 next;

	if (!(set->flags & NFT_SET_INTERVAL))
		return between(p, e->key, e->key, any);
	struct bh_range r = between(p, e->key, NULL, any);
	if (*any && i + 1 < set->n && threshold(p, set->v[i + 1].key, false, &next)) {
		*any = next > r.lo;
		r.hi = next - 1;
	}
	return r;
}

/* A set of single numbers or of intervals: per value of a map one atom. */
static void cut_plain_set(struct study *s, const struct set *set, const struct part *p)
{
	uint32_t ids = 1;

	for (size_t i = 0; i < set->n; i++)
		ids = set->v[i].data_id >= ids ? set->v[i].data_id + 1 : ids;
	struct bh_range *all = bh_arena_array(s->a, set->n + 1, sizeof *all);
	size_t *from = bh_arena_array(s->a, ids + 1u, sizeof *from);
	size_t *to = bh_arena_array(s->a, ids + 1u, sizeof *to);
	if (!all || !from || !to)
		return; /* the arena tells */
	for (size_t i = 0; i < set->n; i++)
		from[set->v[i].data_id + 1]++;
	for (uint32_t id = 0; id < ids; id++) {
		from[id + 1] += from[id];
		to[id] = from[id];
	}
	for (size_t i = 0; i < set->n; i++) {
		bool any;
		if (set->v[i].ends)
			continue;
		struct bh_range r = reach(set, i, p, &any);
		if (any)
			all[to[set->v[i].data_id]++] = r;
	}
	for (uint32_t id = 0; id < ids; id++)
		bh_atoms_add(p->atoms, bh_ranges_from(s->a, all + from[id], to[id] - from[id]));
}

/* A range of a concatenation is told field by field: a part must be one of them. */
static bool is_field(const struct set *set, const struct part *p)
{
	uint32_t at = 0;

	for (size_t i = 0; i < set->n_fields; i++) {
		if (at == p->at)
			return set->field[i] == p->len;
		at += (set->field[i] + 3u) / 4u * 4u;
	}
	return false;
}

static bool study_lookup(struct reading *r, const struct expr *e, const struct part *p, int n)
{
	const struct set *set = e->set;
	bool concat = set->flags & NFT_SET_CONCAT, interval = set->flags & NFT_SET_INTERVAL;

	if (n == 1 && p->atoms && !concat && p->len == e->len) {
		cut_plain_set(r->s, set, p);
		return true;
	}
	for (int k = 0; k < n; k++, p++) {
		if (concat && interval && !is_field(set, p))
			return false;
		if (p->field == F_FLAGS)
			cut_flags(r, p, NULL, -1);
		else if (p->field == F_IFNAME ? !name_known(r->s, e, p) : !p->atoms)
			return false;
		for (size_t i = 0; p->atoms && i < set->n; i++) {
			const struct elem *el = &set->v[i];
			if (!interval || concat)
				cut_range(p, el->key, el->last ? el->last : el->key);
			else
				cut(p, el->key);
		}
	}
	return true;
}

static bool study_compare(struct reading *r, const struct expr *e, const struct part *p, int n)
{
	bool equality = e->op == OP_CMP && e->how <= NFT_CMP_NEQ;

	for (int k = 0; k < n; k++, p++) {
		bool ok = true;
		switch (p->field) {
		case F_FLAGS:
			cut_flags(r, p, e->a.ptr, equality ? NFT_CMP_EQ : NFT_CMP_LT);
			if (e->op == OP_RANGE)
				cut_flags(r, p, e->b.ptr, NFT_CMP_LT);
			break;
		case F_FRAG: ok = fragment_known(r->s, e, p); break;
		case F_IFNAME: ok = name_known(r->s, e, p); break;
		case F_IFINDEX: ok = index_known(e, p); break;
		default:
			if (equality) {
				cut_range(p, e->a.ptr, e->a.ptr);
			} else if (e->op == OP_RANGE && n == 1 && p->len == e->len) {
				cut_range(p, e->a.ptr, e->b.ptr);
			} else {
				cut(p, e->a.ptr);
				if (e->op == OP_RANGE)
					cut(p, e->b.ptr);
			}
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

static void study_test(struct reading *r, struct expr *e)
{
	struct part parts[MAX_PARTS];
	int n = split(r, e, parts);
	bool ok = n >= 0;

	if (ok && e->op == OP_LOOKUP)
		ok = study_lookup(r, e, parts, n);
	else if (ok)
		ok = study_compare(r, e, parts, n);
	if (!ok)
		e->odd |= FAMILY_BIT(r->s->family);
	if (e->op == OP_LOOKUP && e->how && !e->to_verdict)
		note(r, e->dreg, F_FIXED, 0, e->set->dlen);
}

static void study_rule(struct study *s, const struct rule *rule)
{
	struct reading r = { .s = s };

	for (size_t i = 0; i < rule->n; i++) {
		struct expr *e = &rule->code[i];
		switch (e->op) {
		case OP_PAYLOAD: study_payload(&r, e); break;
		case OP_META: study_meta(&r, e); break;
		case OP_CT:
			s->tracks = true;
			note(&r, e->dreg, F_FIXED, 0, e->len);
			break;
		case OP_EXTHDR: study_exthdr(&r, e); break;
		case OP_BITWISE: study_bitwise(&r, e); break;
		case OP_IMMEDIATE:
			if (!e->to_verdict)
				note(&r, e->dreg, F_FIXED, 0, e->len);
			break;
		case OP_CMP:
		case OP_RANGE:
		case OP_LOOKUP: study_test(&r, e); break;
		case OP_ODD: /* whatever it is, nobody gets past it */
		case OP_NOTHING:
		case OP_LOG:
		case OP_LIMIT:
		case OP_REJECT: break;
		}
	}
}

void bh_study_rules(struct study *s, const struct rules *r, const struct table *t)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (r->chains[i].table == t)
			for (const struct rule *rule = r->chains[i].first; rule; rule = rule->next)
				study_rule(s, rule);
}
