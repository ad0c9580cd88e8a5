/*
 * The interpreter.  Follows nft_do_chain() of the kernel: a load that cannot be done
 * ends the rule (NFT_BREAK), a verdict ends the chain, the end of a chain returns.
 */
#include "proof/packet.h"

#define MAX_STEPS  100000u /* expressions per packet; loops cannot be loaded, but read */
#define MAX_JUMPS  16u /* NFT_JUMP_STACK_SIZE */
#define MAX_LIMITS 6u

/* How evaluating one expression ended. */
enum step { GO_ON, BREAKS, DECIDES, IS_ODD };

struct run {
	const struct packet *p;
	uint16_t log_group;
	uint8_t reg[REG_BYTES];
	uint64_t defined; /* a bit per byte of reg */
	struct verdict verdict;
	unsigned steps;
	unsigned limits, choice; /* how many limits were met, and what each answers */
	bool logged;
	struct answer *answer;
	const char *why;
};

static uint64_t bits_of(uint32_t off, uint32_t len)
{
	uint64_t ones = len >= 64 ? UINT64_MAX : (1ull << len) - 1;
	return ones << off;
}

/* As the kernel: a value fills up its last word with zeros. */
static void put(struct run *r, uint32_t off, const uint8_t *from, uint32_t len)
{
	uint32_t whole = (len + 3) / 4 * 4;

	memset(r->reg + off, 0, bh_min_size(whole, REG_BYTES - off));
	memcpy(r->reg + off, from, len);
	r->defined |= bits_of(off, whole);
}

static const uint8_t *get(struct run *r, uint32_t off, uint32_t len)
{
	uint64_t want = bits_of(off, len);

	if ((r->defined & want) != want) {
		r->why = "it reads a register that nothing was put into";
		return NULL;
	}
	return r->reg + off;
}

static enum step odd(struct run *r, const char *why)
{
	r->why = why;
	return IS_ODD;
}

/* ---- loads ---------------------------------------------------------------- */

static uint8_t octet(bh_u128 num, unsigned bytes, unsigned i)
{
	return (uint8_t)(num >> (8 * (bytes - 1 - i)));
}

/* Byte off of the network header; -1: its content is not part of the space. */
static int network_byte(struct run *r, uint32_t off)
{
	const struct packet *p = r->p;
	bool v4 = p->family == BH_V4;
	uint32_t src = v4 ? 12 : 8, bytes = v4 ? 4 : 16;

	if (off >= src && off < src + bytes) {
		r->answer->read |= READ_SRC;
		return octet(p->src, bytes, off - src);
	}
	if (off >= src + bytes && off < src + 2 * bytes) {
		r->answer->read |= READ_DST;
		return octet(p->dst, bytes, off - src - bytes);
	}
	if (v4 && (off == 6 || off == 7))
		return p->shape->word >> (off == 6 ? 8 : 0) & 0xff;
	if (v4 && off == 9)
		return p->proto;
	if (!v4 && off == 6)
		return p->shape->next ? p->shape->next : p->proto;
	return -1;
}

static int transport_byte(struct run *r, uint32_t off)
{
	const struct packet *p = r->p;

	switch (off) {
	case 0: return p->sport >> 8;
	case 1: return p->sport & 0xff;
	case 2: return p->dport >> 8;
	case 3: return p->dport & 0xff;
	case 13: return p->proto == BH_TCP ? p->tcp_flags : -1;
	default: return -1;
	}
}

static enum step load(struct run *r, const struct expr *e)
{
	const struct shape *s = r->p->shape;
	bool network = e->base == NFT_PAYLOAD_NETWORK_HEADER;
	uint8_t value[REG_BYTES];

	if (!network) {
		if (!s->l4proto || s->later)
			return BREAKS;
		if (e->offset + e->len > s->transport && s->cut)
			return BREAKS;
	}
	for (uint32_t i = 0; i < e->len; i++) {
		int byte =
			network ? network_byte(r, e->offset + i) : transport_byte(r, e->offset + i);
		if (byte < 0)
			return odd(r, "it reads a field that is not part of the proof");
		value[i] = (uint8_t)byte;
	}
	put(r, e->dreg, value, e->len);
	return GO_ON;
}

static uint32_t index_of(const char *ifname)
{
	/* The loopback device is the first of every namespace; what number another one
	 * has a dump does not tell (study.c refuses to compare it with any but 1). */
	return !*ifname ? 0 : !strcmp(ifname, "lo") ? 1 : UINT32_MAX;
}

static enum step load_meta(struct run *r, const struct expr *e)
{
	const struct packet *p = r->p;
	uint8_t value[BH_IFNAME] = { 0 };
	uint32_t index;

	switch (e->key) {
	case NFT_META_NFPROTO: value[0] = p->family == BH_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6; break;
	case NFT_META_L4PROTO:
		if (!p->shape->l4proto)
			return BREAKS;
		value[0] = p->proto;
		break;
	case NFT_META_PROTOCOL: /* big-endian ethertype */
		value[0] = p->family == BH_V4 ? 0x08 : 0x86;
		value[1] = p->family == BH_V4 ? 0x00 : 0xdd;
		break;
	case NFT_META_IIF:
	case NFT_META_OIF:
		index = index_of(e->key == NFT_META_IIF ? p->iif : p->oif);
		memcpy(value, &index, sizeof index);
		break;
	default: memcpy(value, e->key == NFT_META_IIFNAME ? p->iif : p->oif, BH_IFNAME); break;
	}
	put(r, e->dreg, value, e->len);
	return GO_ON;
}

static enum step load_ct(struct run *r, const struct expr *e)
{
	uint8_t value[4];

	memcpy(value, &r->p->ct, sizeof value);
	put(r, e->dreg, value, sizeof value);
	return GO_ON;
}

/* nft_exthdr_ipv6_eval(); only the fragment header is ever asked for. */
static enum step load_exthdr(struct run *r, const struct expr *e)
{
	const struct shape *s = r->p->shape;
	uint8_t header[8] = { 0, 0, (uint8_t)(s->word >> 8), (uint8_t)s->word };
	uint8_t present = s->frag;

	if (r->p->family != BH_V6)
		return BREAKS;
	if (e->how & NFT_EXTHDR_F_PRESENT) {
		put(r, e->dreg, &present, 1);
		return GO_ON;
	}
	if (!s->frag)
		return BREAKS;
	if (e->offset < 2 || e->offset + e->len > 4)
		return odd(r, "it reads a field that is not part of the proof");
	put(r, e->dreg, header + e->offset, e->len);
	return GO_ON;
}

/* ---- tests ---------------------------------------------------------------- */

static enum step compare(struct run *r, const struct expr *e)
{
	const uint8_t *v = get(r, e->sreg, e->len);
	bool holds = false;

	if (!v)
		return IS_ODD;
	int d = memcmp(v, e->a.ptr, e->len);
	if (e->op == OP_RANGE) {
		bool within = d >= 0 && memcmp(v, e->b.ptr, e->len) <= 0;
		return within == (e->how == NFT_RANGE_EQ) ? GO_ON : BREAKS;
	}
	switch (e->how) {
	case NFT_CMP_EQ: holds = d == 0; break;
	case NFT_CMP_NEQ: holds = d != 0; break;
	case NFT_CMP_LT: holds = d < 0; break;
	case NFT_CMP_LTE: holds = d <= 0; break;
	case NFT_CMP_GT: holds = d > 0; break;
	default: holds = d >= 0; break;
	}
	return holds ? GO_ON : BREAKS;
}

static enum step mask(struct run *r, const struct expr *e)
{
	const uint8_t *v = get(r, e->sreg, e->len);
	uint8_t value[REG_BYTES];

	if (!v)
		return IS_ODD;
	for (uint32_t i = 0; i < e->len; i++)
		value[i] = (uint8_t)((v[i] & e->a.ptr[i]) ^ e->b.ptr[i]);
	put(r, e->dreg, value, e->len);
	return GO_ON;
}

/* A concatenation of ranges: every field between its ends. */
static bool within(const struct set *s, const struct elem *e, const uint8_t *key)
{
	size_t at = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		size_t len = s->field[i];
		if (memcmp(key + at, e->key + at, len) < 0 ||
			memcmp(key + at, (e->last ? e->last : e->key) + at, len) > 0)
			return false;
		at += (len + 3) / 4 * 4;
	}
	return true;
}

static int find_concat(const struct set *s, const uint8_t *key, const struct elem **ret)
{
	const struct elem *found = NULL;
	size_t total = 0;

	for (size_t i = 0; i < s->n_fields; i++)
		total += (s->field[i] + 3u) / 4u * 4u;
	if (!s->n_fields || total != s->klen)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (!within(s, &s->v[i], key))
			continue;
		if (found && found->data_id != s->v[i].data_id)
			return -1; /* which one wins depends on their age */
		found = &s->v[i];
	}
	*ret = found;
	return found != NULL;
}

int bh_set_find(const struct set *s, const uint8_t *key, const struct elem **ret)
{
	size_t lo = 0, hi = s->n;
	int found = 0;

	*ret = NULL;
	if (s->flags & NFT_SET_INTERVAL && s->flags & NFT_SET_CONCAT) {
		found = find_concat(s, key, ret);
	} else {
		while (lo < hi) { /* the last key that is not above */
			size_t mid = lo + (hi - lo) / 2;
			if (memcmp(s->v[mid].key, key, s->klen) <= 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo && s->flags & NFT_SET_INTERVAL)
			found = !s->v[lo - 1].ends;
		else if (lo)
			found = !memcmp(s->v[lo - 1].key, key, s->klen);
		if (found)
			*ret = &s->v[lo - 1];
	}
	if (found == 0 && s->catch_all) {
		*ret = s->catch_all;
		found = 1;
	}
	return found;
}

static enum step look_up(struct run *r, const struct expr *e)
{
	const struct set *s = e->set;
	const uint8_t *key = get(r, e->sreg, e->len);
	const struct elem *found;

	if (!key)
		return IS_ODD;
	if (s->odd)
		return odd(r, s->odd);
	if (e->inverted && s->catch_all)
		return odd(r, "kernels differ in what it means");
	int f = bh_set_find(s, key, &found);
	if (f < 0)
		return odd(r, "its ranges overlap, or its fields do not add up");
	if (found && found->timed)
		r->answer->on_trial = true;
	if ((f == 1) == e->inverted)
		return BREAKS;
	if (!e->how)
		return GO_ON;
	if (!e->to_verdict) {
		put(r, e->dreg, found->data.ptr, s->dlen);
		return GO_ON;
	}
	r->verdict = found->verdict;
	return DECIDES;
}

static enum step pass_limit(struct run *r)
{
	if (r->limits == MAX_LIMITS)
		return odd(r, "too many limits stand in a row");
	return r->choice >> r->limits++ & 1 ? BREAKS : GO_ON;
}

static enum step one(struct run *r, const struct expr *e)
{
	if (++r->steps > MAX_STEPS)
		return odd(r, "the rules go round and round");
	if (e->odd & FAMILY_BIT(r->p->family))
		return odd(r, "it tests a field in a way that is not known");
	switch (e->op) {
	case OP_NOTHING: return GO_ON;
	case OP_PAYLOAD: return load(r, e);
	case OP_META: return load_meta(r, e);
	case OP_CT: return load_ct(r, e);
	case OP_EXTHDR: return load_exthdr(r, e);
	case OP_CMP:
	case OP_RANGE: return compare(r, e);
	case OP_BITWISE: return mask(r, e);
	case OP_LOOKUP: return look_up(r, e);
	case OP_LIMIT: return pass_limit(r);
	case OP_LOG: r->logged = r->logged || e->key == r->log_group; return GO_ON;
	case OP_REJECT: r->verdict = (struct verdict){ .code = NF_DROP }; return DECIDES;
	case OP_IMMEDIATE:
		if (e->to_verdict) {
			r->verdict = e->verdict;
			return DECIDES;
		}
		put(r, e->dreg, e->a.ptr, e->len);
		return GO_ON;
	case OP_ODD: break;
	}
	return odd(r, "this expression is not understood");
}

/* True when the rule came to a verdict that leaves it. */
static bool obey(struct run *r, const struct rule *rule)
{
	r->defined = 0; /* newer kernels refuse to load what older rules left behind */
	for (size_t i = 0; i < rule->n; i++) {
		enum step s = one(r, &rule->code[i]);
		if (s == BREAKS)
			return false;
		if (s == IS_ODD) {
			r->answer->decision = UNKNOWN;
			r->answer->rule = rule;
			r->answer->expr = &rule->code[i];
			r->answer->why = r->why;
			return true;
		}
		if (s == DECIDES && r->verdict.code == NFT_BREAK)
			return false;
		if (s == DECIDES && r->verdict.code != NFT_CONTINUE)
			return true;
	}
	return false;
}

/* One base chain; false when the packet's way ends here. */
static bool walk(struct run *r, const struct chain *base)
{
	const struct rule *back[MAX_JUMPS], *at = base->first;
	unsigned depth = 0;

	for (;;) {
		while (!at && depth)
			at = back[--depth];
		if (!at) {
			if (base->policy != NF_ACCEPT)
				r->answer->decision = BLOCKED;
			return base->policy == NF_ACCEPT;
		}
		const struct rule *rule = at;
		at = rule->next;
		r->steps++;
		if (!obey(r, rule))
			continue;
		if (r->answer->decision == UNKNOWN)
			return false;
		switch (r->verdict.code) {
		case NF_ACCEPT: return true;
		case NF_DROP: r->answer->decision = BLOCKED; return false;
		case NFT_RETURN: at = NULL; break;
		case NFT_GOTO: at = r->verdict.chain->first; break;
		case NFT_JUMP:
			if (depth < MAX_JUMPS) {
				back[depth++] = at;
				at = r->verdict.chain->first;
				break;
			}
			/* fall through */
		default:
			r->answer->decision = UNKNOWN;
			r->answer->rule = rule;
			r->answer->expr = NULL;
			r->answer->why = "its verdict is not understood";
			return false;
		}
	}
}

static void ask_once(const struct path *path, struct run *r)
{
	for (size_t i = 0; i < path->n; i++)
		if (!walk(r, path->v[i]))
			return;
	r->answer->decision = r->logged ? LOGGED : ADMITTED;
}

void bh_packet_ask(
	const struct path *path, const struct packet *p, uint16_t log_group, struct answer *ret)
{
	struct answer first = { 0 };
	uint64_t steps = 0;

	/* A limit may answer either way at any moment.  That is fine as long as it only
	 * guards a log: all ways must come to the same verdict, and whoever is logged at
	 * all counts as logged. */
	for (unsigned choice = 0, met = 0;; choice++) {
		struct answer a = { .read = first.read, .on_trial = first.on_trial };
		struct run r = { .p = p, .log_group = log_group, .choice = choice, .answer = &a };
		ask_once(path, &r);
		met = r.limits > met ? r.limits : met;
		steps += r.steps;
		if (!choice) {
			first = a;
		} else {
			bool same = (a.decision == BLOCKED) == (first.decision == BLOCKED);
			first.read |= a.read;
			if (a.decision == UNKNOWN) {
				first = a;
			} else if (!same) {
				first.decision = UNKNOWN;
				first.why = "a limit decides, not only how much is logged";
			} else if (a.decision == LOGGED) {
				first.decision = LOGGED;
			}
		}
		if (first.decision == UNKNOWN || choice + 1 >= 1u << met)
			break;
	}
	first.steps = steps;
	*ret = first;
}
