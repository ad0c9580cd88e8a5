/*
 * What lies outside our table, and what it may do to SMB.
 *
 * Other people's rules are read for the few things that matter: can this rule drop a
 * packet of ours, or send it past us?  What is not understood counts as "it may".
 */
#include <stdarg.h>
#include <stdio.h>

#include <linux/netfilter/nf_tables_compat.h>

#include "proof/check.h"

#define MAX_SENTENCES 64u

struct outside {
	struct check *c;
	const char **v;
	size_t n, left_out;
};

static void say(struct outside *o, const char *fmt, ...) BH_PRINTF(2, 3);

static void say(struct outside *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (o->n >= MAX_SENTENCES) {
		o->left_out++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	o->v[o->n++] = bh_arena_str(o->c->a, text);
}

/* ---- does a rule concern our ports? --------------------------------------- */

/* Bounds on what a rule matches, as far as its plain tests tell. */
struct reach {
	bool proto[256];
	uint8_t port[65536 / 8]; /* 1: destination port possible */
	bool lo_only;
};

static void keep_ports(struct reach *r, unsigned lo, unsigned hi, bool inside)
{
	for (unsigned p = 0; p < 65536; p++)
		if ((p >= lo && p <= hi) != inside)
			r->port[p / 8] &= (uint8_t) ~(1u << p % 8);
}

static unsigned be16(const uint8_t *v)
{
	return (unsigned)(v[0] << 8 | v[1]);
}

enum holds { H_OTHER, H_PROTO, H_DPORT, H_BOTH_PORTS, H_IIFNAME };

static enum holds holds_of(const struct expr *e)
{
	if (e->op == OP_META && e->key == NFT_META_L4PROTO)
		return H_PROTO;
	if (e->op == OP_META && e->key == NFT_META_IIFNAME)
		return H_IIFNAME;
	if (e->op != OP_PAYLOAD || e->base != NFT_PAYLOAD_TRANSPORT_HEADER)
		return H_OTHER;
	if (e->offset == 2 && e->len == 2)
		return H_DPORT;
	return e->offset == 0 && e->len == 4 ? H_BOTH_PORTS : H_OTHER;
}

static void narrow_cmp(struct reach *r, const struct expr *e, enum holds h)
{
	const uint8_t *v = e->a.ptr;

	if (h == H_PROTO && e->len == 1 && e->how == NFT_CMP_EQ)
		for (unsigned p = 0; p < 256; p++)
			r->proto[p] = r->proto[p] && p == v[0];
	if (h == H_IIFNAME && e->how == NFT_CMP_EQ && e->len >= 3 && !memcmp(v, "lo", 3))
		r->lo_only = true;
	if (h == H_BOTH_PORTS && e->len == 4 && e->how == NFT_CMP_EQ)
		keep_ports(r, be16(v + 2), be16(v + 2), true);
	if (h != H_DPORT || e->len != 2)
		return;
	unsigned p = be16(v);
	switch (e->how) {
	case NFT_CMP_EQ: keep_ports(r, p, p, true); break;
	case NFT_CMP_NEQ: keep_ports(r, p, p, false); break;
	case NFT_CMP_LT: keep_ports(r, p, 65535, false); break;
	case NFT_CMP_LTE: keep_ports(r, 0, p, true); break;
	case NFT_CMP_GT: keep_ports(r, 0, p, false); break;
	default: keep_ports(r, p, 65535, true); break;
	}
}

static void narrow_lookup(struct reach *r, const struct expr *e, enum holds h)
{
	uint8_t may[65536 / 8] = { 0 };
	const struct elem *found;

	if (e->set->odd || e->set->catch_all || e->set->flags & NFT_SET_CONCAT)
		return;
	if (h == H_PROTO && e->len == 1) {
		for (unsigned p = 0; p < 256; p++) {
			uint8_t key = (uint8_t)p;
			bool in = bh_set_find(e->set, &key, &found) == 1;
			r->proto[p] = r->proto[p] && in != e->inverted;
		}
	} else if (h == H_DPORT && e->len == 2) {
		for (unsigned p = 0; p < 65536; p++) {
			uint8_t key[2] = { (uint8_t)(p >> 8), (uint8_t)p };
			if ((bh_set_find(e->set, key, &found) == 1) != e->inverted)
				may[p / 8] |= (uint8_t)(1u << p % 8);
		}
		for (size_t i = 0; i < sizeof may; i++)
			r->port[i] &= may[i];
	}
}

/* iptables' own "tcp" and "udp" matches: struct xt_tcp and xt_udp, whose first members
 * are the source and destination port ranges in the machine's byte order. */
static void narrow_match(struct reach *r, const struct expr *e)
{
	struct attrs at;
	uint16_t v[4];

	if (bh_attrs_read(e->data, &at) < 0)
		return;
	struct bh_span name = at.v[NFTA_MATCH_NAME], info = at.v[NFTA_MATCH_INFO];
	bool tcp = name.len >= 4 && !memcmp(name.ptr, "tcp", 4);
	bool udp = name.len >= 4 && !memcmp(name.ptr, "udp", 4);
	if ((!tcp && !udp) || info.len < 12)
		return;
	memcpy(v, info.ptr, sizeof v);
	uint8_t inverted = info.ptr[tcp ? 11 : 8];
	if (v[2] <= v[3])
		keep_ports(r, v[2], v[3], !(inverted & 2));
	for (unsigned p = 0; p < 256; p++)
		r->proto[p] = r->proto[p] && p == (tcp ? BH_TCP : BH_UDP);
}

static void narrow(struct reach *r, const struct rule *rule)
{
	enum holds reg[REG_BYTES] = { H_OTHER };

	memset(r, 0xff, sizeof *r);
	for (unsigned p = 0; p < 256; p++)
		r->proto[p] = true;
	r->lo_only = false;
	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *e = &rule->code[i];
		switch (e->op) {
		case OP_META:
		case OP_PAYLOAD: reg[e->dreg] = holds_of(e); break;
		case OP_BITWISE:
		case OP_CT:
		case OP_EXTHDR: reg[e->dreg] = H_OTHER; break;
		case OP_CMP: narrow_cmp(r, e, reg[e->sreg]); break;
		case OP_RANGE:
			if (reg[e->sreg] == H_DPORT && e->len == 2)
				keep_ports(
					r, be16(e->a.ptr), be16(e->b.ptr), e->how == NFT_RANGE_EQ);
			break;
		case OP_LOOKUP: narrow_lookup(r, e, reg[e->sreg]); break;
		case OP_ODD:
			if (!strcmp(e->name, "match"))
				narrow_match(r, e);
			/* A load of a kind we do not know may lie over any register. */
			else if (strcmp(e->name, "target") != 0)
				memset(reg, 0, sizeof reg);
			break;
		default: break;
		}
	}
}

/* The first service that the rule may meet; NULL: none. */
static const struct bh_service *meets(const struct outside *o, const struct reach *r)
{
	const struct bh_judge *j = o->c->j;

	for (size_t i = 0; !r->lo_only && i < j->n_services; i++) {
		unsigned p = j->services[i].port;
		if (r->proto[j->services[i].proto] && r->port[p / 8] >> p % 8 & 1)
			return &j->services[i];
	}
	return NULL;
}

/* ---- what a rule does ----------------------------------------------------- */

static bool target_is(const struct expr *e, const char *name)
{
	struct attrs at;

	if (strcmp(e->name, "target") != 0 || bh_attrs_read(e->data, &at) < 0)
		return false;
	struct bh_span s = at.v[NFTA_TARGET_NAME];
	return s.len && s.len <= MAX_NAME && !strncmp((const char *)s.ptr, name, s.len);
}

static bool drops(const struct rule *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *e = &rule->code[i];
		if (e->op == OP_REJECT || target_is(e, "REJECT") || target_is(e, "DROP"))
			return true;
		if (e->op == OP_ODD && (!strcmp(e->name, "queue") || !strcmp(e->name, "synproxy")))
			return true;
		if (e->op == OP_IMMEDIATE && e->to_verdict &&
			(e->verdict.code == NF_DROP || (e->verdict.code & 0xff) == NF_QUEUE))
			return true;
		if (e->op != OP_LOOKUP || !e->to_verdict)
			continue;
		for (size_t k = 0; k < e->set->n; k++)
			if (!e->set->v[k].ends && e->set->v[k].verdict.code == NF_DROP)
				return true;
	}
	return false;
}

/* Where a register's bytes are; REG_BYTES: there is no such one. */
static uint32_t register_offset(uint32_t r)
{
	return r >= NFT_REG32_00 && r <= NFT_REG32_15 ? (r - NFT_REG32_00) * 4
	       : r >= NFT_REG_1 && r <= NFT_REG_4     ? (r - NFT_REG_1) * 16
						      : REG_BYTES;
}

/* "tcp dport set": writes into the transport header, from register *off. */
static bool sets_port(const struct expr *e, uint32_t *off)
{
	struct attrs at;
	bool bad = false;

	if (strcmp(e->name, "payload") != 0 || bh_attrs_read(e->data, &at) < 0 ||
		!at.v[NFTA_PAYLOAD_SREG].ptr || e->base != NFT_PAYLOAD_TRANSPORT_HEADER ||
		e->offset >= 4 || e->offset + e->len <= 2)
		return false;
	*off = register_offset(bh_attr_be32(&at, NFTA_PAYLOAD_SREG, &bad));
	if (*off >= REG_BYTES || e->offset != 2 || e->len != 2)
		*off = 1; /* never known: immediates begin at words */
	return true;
}

/* Where a nat or redir expression leads: 0 the port stays, -1 not told. */
static int nat_port(const struct attrs *at, unsigned type, const uint8_t *reg, const bool *known)
{
	bool bad = false;

	if (!at->v[type].ptr)
		return 0;
	uint32_t off = register_offset(bh_attr_be32(at, type, &bad));
	return off < REG_BYTES && known[off] ? (int)be16(reg + off) : -1;
}

/* Does the rule send packets elsewhere?  port: to this one; 0: as it was; -1: not told. */
static bool rewrites(const struct rule *rule, int *port)
{
	uint8_t reg[REG_BYTES] = { 0 };
	bool known[REG_BYTES] = { false };

	*port = -1;
	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *e = &rule->code[i];
		struct attrs at = { 0 };
		bool bad = false;
		uint32_t off;
		if (e->op == OP_IMMEDIATE && !e->to_verdict && e->len >= 2) {
			memcpy(reg + e->dreg, e->a.ptr, e->len);
			known[e->dreg] = e->len == 2;
			continue;
		}
		if (target_is(e, "DNAT") || target_is(e, "REDIRECT") || target_is(e, "TPROXY") ||
			!strcmp(e->name, "tproxy"))
			return true;
		if (sets_port(e, &off)) {
			*port = known[off] ? (int)be16(reg + off) : -1;
			return true;
		}
		bool nat = !strcmp(e->name, "nat"), redir = !strcmp(e->name, "redir");
		if ((!nat && !redir) || bh_attrs_read(e->data, &at) < 0)
			continue;
		if (nat && bh_attr_be32(&at, NFTA_NAT_TYPE, &bad) != NFT_NAT_DNAT)
			continue;
		*port = nat_port(
			&at, nat ? NFTA_NAT_REG_PROTO_MIN : NFTA_REDIR_REG_PROTO_MIN, reg, known);
		return true;
	}
	return false;
}

/* Every port that the rule may take from us is one of ours afterwards too. */
static bool stays_ours(const struct outside *o, const struct bh_service *svc, int port)
{
	if (port == 0)
		return true;
	for (size_t i = 0; i < o->c->j->n_services; i++)
		if (o->c->j->services[i].proto == svc->proto &&
			port == (int)o->c->j->services[i].port)
			return true;
	return false;
}

static const char *proto_name(uint8_t proto)
{
	return proto == BH_TCP ? "tcp" : "udp";
}

/* The names that programs give to what they load, so that people know whom to ask. */
static const char *whose(const struct chain *ch)
{
	static const struct {
		const char *begins, *whose;
	} tables[] = { { "firewalld", " (firewalld)" }, { "fail2ban", " (fail2ban)" },
		{ "f2b-", " (fail2ban)" }, { "libvirt_", " (libvirt)" },
		{ "kube-", " (Kubernetes)" }, { "docker-", " (Docker)" } },
	  chains[] = { { "ufw-", " (ufw)" }, { "ufw6-", " (ufw)" }, { "DOCKER", " (Docker)" },
		  { "KUBE-", " (Kubernetes)" }, { "cali-", " (Calico)" },
		  { "CILIUM_", " (Cilium)" }, { "f2b-", " (fail2ban)" },
		  { "LIBVIRT_", " (libvirt)" }, { "nixos-fw", " (NixOS)" } };

	for (size_t i = 0; i < BH_LEN(tables); i++)
		if (!strncmp(ch->table->name, tables[i].begins, strlen(tables[i].begins)))
			return tables[i].whose;
	for (size_t i = 0; i < BH_LEN(chains); i++)
		if (!strncmp(ch->name, chains[i].begins, strlen(chains[i].begins)))
			return chains[i].whose;
	return "";
}

static void judge_rule(struct outside *o, const struct rule *rule)
{
	const struct chain *ch = rule->chain;
	struct bh_arena *a = o->c->a;
	struct reach *r = bh_arena_alloc(a, sizeof *r);
	int port;
	bool drop = drops(rule), nat = rewrites(rule, &port);

	if (!r || (!drop && !nat))
		return;
	narrow(r, rule);
	const struct bh_service *svc = meets(o, r);
	if (!svc)
		return;
	const char *family = bh_rules_family(ch->table->family);
	const char *table = bh_rules_clean(a, ch->table->name);
	const char *chain = bh_rules_clean(a, ch->name);
	unsigned long long handle = rule->handle;
	if (drop)
		say(o,
			"table %s %s, chain %s%s, rule handle %llu may drop %s/%u: blocks can be "
			"promised, allows cannot",
			family, table, chain, whose(ch), handle, proto_name(svc->proto), svc->port);
	if (nat && stays_ours(o, svc, port)) {
		say(o,
			"table %s %s, chain %s%s, rule handle %llu sends %s/%u to another address: "
			"the policy sees the address behind it",
			family, table, chain, whose(ch), handle, proto_name(svc->proto), svc->port);
	} else if (nat) {
		o->c->proof->foreign_nat = true;
		say(o,
			"table %s %s, chain %s%s, rule handle %llu may send %s/%u to another port, "
			"past this table: take that rule away, or declare the port it leads to "
			"with a 'service' sentence",
			family, table, chain, whose(ch), handle, proto_name(svc->proto), svc->port);
	}
}

/* ---- whole chains and tables ---------------------------------------------- */

/* Does any packet that we judge pass this base chain? */
static bool on_our_way(const struct check *c, const struct chain *ch)
{
	unsigned in = BH_HOOK_BIT(BH_IN), out = BH_HOOK_BIT(BH_OUT), fwd = BH_HOOK_BIT(BH_FWD);

	if (ch->table->family != NFPROTO_INET && ch->table->family != NFPROTO_IPV4 &&
		ch->table->family != NFPROTO_IPV6)
		return false;
	if (ch->hook == NF_INET_PRE_ROUTING)
		return c->j->hooks & (in | fwd);
	if (ch->hook == NF_INET_LOCAL_IN)
		return c->j->hooks & in;
	if (ch->hook == NF_INET_FORWARD)
		return c->j->hooks & fwd;
	if (ch->hook == NF_INET_LOCAL_OUT)
		return c->j->hooks & out;
	return ch->hook == NF_INET_POST_ROUTING && c->j->hooks & (out | fwd);
}

static void judge_chain(struct outside *o, const struct chain *ch)
{
	struct bh_arena *a = o->c->a;

	if (!ch->base)
		return;
	if (ch->table->family == NFPROTO_NETDEV ||
		(ch->table->family == NFPROTO_INET && ch->hook > NF_INET_POST_ROUTING))
		say(o, "table %s %s, chain %s%s stands at a device, before or behind every other rule: what it does is not seen",
			bh_rules_family(ch->table->family), bh_rules_clean(a, ch->table->name),
			bh_rules_clean(a, ch->name), whose(ch));
	else if (ch->table->family == NFPROTO_BRIDGE)
		say(o, "table bridge %s, chain %s%s decides about bridged packets: what it does is not seen",
			bh_rules_clean(a, ch->table->name), bh_rules_clean(a, ch->name), whose(ch));
	else if (on_our_way(o->c, ch) && ch->policy != NF_ACCEPT)
		say(o,
			"table %s %s, chain %s%s drops what it does not accept: blocks can be "
			"promised, allows cannot",
			bh_rules_family(ch->table->family), bh_rules_clean(a, ch->table->name),
			bh_rules_clean(a, ch->name), whose(ch));
}

static bool foreign(const struct table *t)
{
	bool ours = t->family == OUR_FAMILY && !strcmp(t->name, OUR_TABLE);

	return !ours && !(t->flags & NFT_TABLE_F_DORMANT);
}

/* Chains that our packets may come to: base chains on their way, and what those lead to. */
static void follow(const struct check *c, const struct verdict *v, bool *met, bool *more)
{
	if (v->code != NFT_JUMP && v->code != NFT_GOTO)
		return;
	size_t i = (size_t)(v->chain - c->rules->chains);
	*more = *more || !met[i];
	met[i] = true;
}

static void follow_rule(const struct check *c, const struct rule *rule, bool *met, bool *more)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *e = &rule->code[i];
		if (e->op == OP_IMMEDIATE && e->to_verdict)
			follow(c, &e->verdict, met, more);
		if (e->op != OP_LOOKUP || !e->to_verdict)
			continue;
		for (size_t k = 0; k < e->set->n; k++)
			follow(c, &e->set->v[k].verdict, met, more);
		if (e->set->catch_all)
			follow(c, &e->set->catch_all->verdict, met, more);
	}
}

static bool *chains_met(const struct check *c)
{
	bool *met = bh_arena_array(c->a, c->rules->n_chains + 1, sizeof *met);
	bool more = met != NULL;

	for (size_t i = 0; more && i < c->rules->n_chains; i++)
		met[i] = c->rules->chains[i].base && on_our_way(c, &c->rules->chains[i]);
	while (more) {
		more = false;
		for (size_t i = 0; i < c->rules->n_chains; i++)
			for (const struct rule *r = c->rules->chains[i].first; met[i] && r;
				r = r->next)
				follow_rule(c, r, met, &more);
	}
	return met;
}

void bh_check_outside(struct check *c)
{
	struct outside o = { .c = c };
	const bool *met = chains_met(c);

	o.v = bh_arena_array(c->a, MAX_SENTENCES + 1, sizeof *o.v);
	if (!o.v || !met)
		return;
	for (size_t t = 0; t < c->rules->n_tables; t++) {
		const struct table *table = &c->rules->tables[t];
		if (table->flowtables && !(table->flags & NFT_TABLE_F_DORMANT))
			say(&o,
				"table %s %s has a flowtable: packets it carries are forwarded "
				"past every rule",
				bh_rules_family(table->family), bh_rules_clean(c->a, table->name));
	}
	for (size_t i = 0; i < c->rules->n_chains; i++) {
		const struct chain *ch = &c->rules->chains[i];
		if (!foreign(ch->table))
			continue;
		judge_chain(&o, ch);
		for (const struct rule *r = ch->first; met[i] && r; r = r->next)
			judge_rule(&o, r);
	}
	if (o.left_out)
		o.v[o.n++] = bh_arena_printf(
			c->a, "and %zu more foreign rules that may matter", o.left_out);
	c->proof->outside = o.v;
	c->proof->n_outside = o.n;
}
