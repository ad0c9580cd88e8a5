#include <stdlib.h>

#include "plan/spans.h"
#include "plan/suggest.h"
#include "plan/warn.h"

/* What the sentences forget: to allow anything, one domain controller of several, the
 * second family of the machines they mean. */

static const struct bh_service smb = { .port = 445, .proto = BH_TCP };

/* ---- nothing is allowed ------------------------------------------------------------------ */

static bool closed(const struct bh_bound *b)
{
	for (size_t i = 0; i < b->n_defaults; i++) {
		if (b->defaults[i].block && bh_service_equal(b->defaults[i].service, smb))
			return true;
	}
	return false;
}

static bool any_allow(const struct bh_bound *b)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		if (warn_allows(&b->rules[i], smb))
			return true;
	}
	return false;
}

static void warn_nothing(struct warner *w)
{
	const struct bh_bound *b = w->s->of.bound;

	if (!closed(b) || any_allow(b))
		return;
	struct bh_warning one = { .kind = BH_WARN_NOTHING,
		.line = b->defaults[0].line,
		.file = b->defaults[0].file,
		.text = "no sentence allows any SMB: members of a domain lose their controllers, "
			"and with SYSVOL the way by which this would be mended",
		.evidence = "the policy has a default that blocks and no allow for smb",
		.advice = "'bulkhead suggest' writes sentences for what was seen" };
	warn_add(w, &one);
}

/* ---- domain controllers ------------------------------------------------------------------ */

/* By what it serves, or by what it says of itself. */
static bool *controllers(struct warner *w, struct bh_arena *own)
{
	const struct known *k = &w->s->known;
	bool *v = bh_arena_array(own, k->n + 1, sizeof *v);

	for (size_t i = 0; v && i < k->n; i++)
		v[i] = k->v[i].shares & SHARES_DOMAIN;
	for (size_t i = 0; v && i < w->s->told.n_names; i++) {
		const struct bh_name_seen *s = &w->s->told.names[i];
		const struct known_host *h = known_find(k, &s->addr);
		if (h && s->roles & BH_ROLE_DOMAIN_CONTROLLER)
			v[h - k->v] = true;
	}
	/* And over every other address of its name. */
	for (size_t i = 0, n; v && i < k->n_aliases; i += n) {
		bool one = false;
		n = known_machine(k, i);
		for (size_t m = 0; m < n; m++)
			one |= v[k->aliases[i + m].host];
		for (size_t m = 0; m < n; m++)
			v[k->aliases[i + m].host] |= one;
	}
	return v;
}

static bool means(const struct bh_bound_rule *r, const struct bh_addr *server)
{
	return warn_allows(r, smb) && (r->to.any || bh_addrset_contains(&r->to.addrs, server));
}

static const struct bh_bound_rule *rule_for(const struct bh_bound *b, const struct bh_addr *server)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		if (means(&b->rules[i], server))
			return &b->rules[i];
	}
	return NULL;
}

/* Who uses some controller: they may be sent to any. */
static struct bh_addrset members(struct warner *w, const bool *dc, uint8_t family)
{
	const struct pairs *p = &w->s->pairs;
	BH_AUTO_ARENA own = { 0 };
	uint32_t *v = bh_arena_array(&own, p->n + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; v && i < p->n; i++) {
		if (!p->v[i].loopback && dc[p->v[i].server] && p->v[i].who->client.family == family)
			v[n++] = p->v[i].client;
	}
	return v ? warn_addrs(w, v, n) : (struct bh_addrset){ 0 };
}

static void warn_controller(struct warner *w, const bool *dc, uint32_t host, uint32_t beside)
{
	const struct bh_bound_rule *r = rule_for(w->s->of.bound, &w->s->known.v[beside].addr);
	const struct known_host *h = &w->s->known.v[host];
	struct bh_addrset clients = members(w, dc, h->addr.family);
	BH_AUTO_BUF text = { 0 }, fix = { 0 };
	struct warn_parts parts;
	char addr[BH_ADDR_TEXT];

	bh_buf_str(&text, "domain controller ");
	warn_host(w, host, &text);
	bh_buf_printf(&text, " is in no sentence that allows SMB, though %s:%u allows ", r->file,
		r->line);
	warn_host(w, beside, &text);
	bh_buf_str(&text, ": members are sent to any of them");
	bh_addr_format(&h->addr, addr);
	if (h->addr.family == w->s->known.v[beside].addr.family && warn_parts_of(r, &parts)) {
		bh_buf_printf(&fix, "%.*s from %.*s to %s", (int)parts.head.len,
			(const char *)parts.head.ptr, (int)parts.from.len,
			(const char *)parts.from.ptr, addr);
	} else if (!bh_addrset_empty(&clients)) {
		bh_buf_str(&fix, "allow smb from ");
		bh_addrset_format(&clients, ", ", &fix);
		bh_buf_printf(&fix, " to %s", addr);
	}
	struct bh_warning one = { .kind = BH_WARN_CONTROLLER,
		.host = h->addr,
		.name = w->names[host],
		.peers = clients,
		.line = r->line,
		.file = r->file,
		.text = warn_keep(w, &text),
		.evidence =
			h->shares & SHARES_DOMAIN
				? "SYSVOL or NETLOGON was used there"
				: "it says so of itself, or goes by the name of one that serves "
				  "SYSVOL",
		.fix = fix.len ? warn_keep(w, &fix) : NULL };
	warn_add(w, &one);
}

static void warn_controllers(struct warner *w)
{
	BH_AUTO_ARENA own = { 0 };
	const struct known *k = &w->s->known;
	const bool *dc = controllers(w, &own);
	uint32_t beside = NOBODY;

	if (!dc) {
		w->a->failed = true;
		return;
	}
	if (!closed(w->s->of.bound))
		return;
	for (uint32_t h = 0; h < k->n && beside == NOBODY; h++) {
		if (dc[h] && rule_for(w->s->of.bound, &k->v[h].addr))
			beside = h;
	}
	for (uint32_t h = 0; beside != NOBODY && h < k->n; h++) {
		if (dc[h] && !rule_for(w->s->of.bound, &k->v[h].addr))
			warn_controller(w, dc, h, beside);
	}
}

/* ---- the other family ----------------------------------------------------------------------- */

enum { BEARERS = 16 }; /* a name of more addresses is no machine's */

/* Machines that one side of a rule means over one family alone. */
struct half {
	uint32_t *missing; /* their addresses of the other family, which no allow means */
	size_t n;
	uint32_t meant; /* one that is meant, and its address that is not */
	uint32_t forgotten;
};

static const struct bh_bound_list *side(const struct bh_bound_rule *r, unsigned to)
{
	return to ? &r->to : &r->from;
}

struct families {
	struct warner *w;
	struct bh_arena own; /* for the while */
	bool *meant[2]; /* by host: some allow means it, in `from`, in `to` */
	/* Names of both families some address of which no allow means: where they begin among
	 * the aliases, and how many they have. */
	struct group {
		size_t from, n;
	} * groups;
	size_t n_groups;
};

static void mark(struct families *f, unsigned to, const struct bh_bound_list *l)
{
	const struct known *k = &f->w->s->known;
	struct spans hosts = { 0 };

	for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4)
		spans_push_ranges(&hosts, &f->own, k, (uint8_t)family,
			bh_addrset_of(&l->addrs, (uint8_t)family));
	for (size_t i = 0; i < hosts.n; i++) {
		for (uint32_t h = hosts.v[i].lo; h < hosts.v[i].hi; h++)
			f->meant[to][h] = true;
	}
	for (uint32_t h = 0; l->any && h < k->n; h++)
		f->meant[to][h] = true;
}

static bool incomplete(const struct families *f, size_t from, size_t n)
{
	const struct known *k = &f->w->s->known;
	bool family[2] = { false, false }, some = false;

	for (size_t m = from; m < from + n; m++) {
		uint32_t h = k->aliases[m].host;
		family[h >= k->split] = true;
		some |= !f->meant[0][h] || !f->meant[1][h];
	}
	return family[0] && family[1] && some;
}

static int look(struct families *f)
{
	const struct known *k = &f->w->s->known;
	const struct bh_bound *b = f->w->s->of.bound;

	f->meant[0] = bh_arena_array(&f->own, k->n + 1, sizeof **f->meant);
	f->meant[1] = bh_arena_array(&f->own, k->n + 1, sizeof **f->meant);
	f->groups = bh_arena_array(&f->own, k->n_aliases + 1, sizeof *f->groups);
	if (!bh_arena_ok(&f->own))
		return -ENOMEM;
	for (size_t i = 0; i < b->n_rules; i++) {
		for (unsigned to = 0; warn_allows(&b->rules[i], smb) && to < 2; to++)
			mark(f, to, side(&b->rules[i], to));
	}
	for (size_t i = 0, n; i < k->n_aliases; i += n) {
		n = known_machine(k, i);
		if (n > 1 && n <= BEARERS && incomplete(f, i, n))
			f->groups[f->n_groups++] = (struct group){ i, n };
	}
	return bh_arena_ok(&f->own) ? 0 : -ENOMEM;
}

static void find_machine(struct families *f, const struct bh_bound_rule *r, unsigned to,
	const struct group *g, struct half *ret)
{
	const struct known *k = &f->w->s->known;
	uint32_t meant[2] = { NOBODY, NOBODY };

	for (size_t m = g->from; m < g->from + g->n; m++) {
		uint32_t h = k->aliases[m].host;
		if (bh_addrset_contains(&side(r, to)->addrs, &k->v[h].addr))
			meant[h >= k->split] = h;
	}
	for (size_t m = g->from; m < g->from + g->n; m++) {
		uint32_t h = k->aliases[m].host;
		const struct bh_addr *a = &k->v[h].addr;
		unsigned v6 = h >= k->split;
		if (meant[v6] != NOBODY || meant[!v6] == NOBODY || f->meant[to][h] ||
			known_link_local(a) || !bh_plan_inside(a, f->w->s->told.own))
			continue;
		if (!ret->n) {
			ret->meant = meant[!v6];
			ret->forgotten = h;
		}
		ret->missing[ret->n++] = h;
	}
}

static void find_half(
	struct families *f, const struct bh_bound_rule *r, unsigned to, struct half *ret)
{
	ret->n = 0;
	for (size_t i = 0; !side(r, to)->any && i < f->n_groups; i++)
		find_machine(f, r, to, &f->groups[i], ret);
	ret->n = suggest_hosts_distinct(ret->missing, ret->n);
}

/* Does the rule, with what is missing, let some pair of that family? */
static bool worth(const struct bh_bound_rule *r, const struct bh_addrset add[2], uint8_t family)
{
	bool added = false, whole = true;

	for (unsigned to = 0; to < 2; to++) {
		const struct bh_bound_list *l = side(r, to);
		bool more = bh_addrset_of(&add[to], family).n;
		added |= more;
		whole &= more || l->any || bh_addrset_of(&l->addrs, family).n;
	}
	return added && whole;
}

static void add_list(struct bh_span words, const struct bh_addrset *more, struct bh_buf *b)
{
	bh_buf_add(b, words.ptr, words.len);
	if (bh_addrset_empty(more))
		return;
	bh_buf_str(b, ", ");
	bh_addrset_format(more, ", ", b);
}

static void warn_rule(struct warner *w, const struct bh_bound_rule *r, const struct half half[2])
{
	struct bh_addrset add[2] = { warn_addrs(w, half[0].missing, half[0].n),
		warn_addrs(w, half[1].missing, half[1].n) };
	const struct half *first = half[1].n ? &half[1] : &half[0];
	BH_AUTO_BUF text = { 0 }, seen = { 0 }, fix = { 0 };
	struct warn_parts parts;
	char addr[BH_ADDR_TEXT];

	if ((!worth(r, add, BH_V4) && !worth(r, add, BH_V6)) || !warn_parts_of(r, &parts))
		return;
	bh_buf_printf(&text, "%s:%u means ", r->file, r->line);
	warn_count(&text, half[0].n + half[1].n, "machine");
	bh_buf_printf(&text, " by one family of addresses alone, such as ");
	warn_host(w, first->meant, &text);
	bh_buf_printf(&text, ", which is %s as well",
		bh_addr_format(&w->s->known.v[first->forgotten].addr, addr));
	bh_buf_str(&seen, "both addresses bear one name");
	bh_buf_add(&fix, parts.head.ptr, parts.head.len);
	bh_buf_str(&fix, " from ");
	add_list(parts.from, &add[0], &fix);
	bh_buf_str(&fix, " to ");
	add_list(parts.to, &add[1], &fix);
	struct bh_warning one = { .kind = BH_WARN_FAMILY,
		.peers = bh_addrset_union(w->a, add[0], add[1]),
		.n_peers = half[0].n + half[1].n,
		.line = r->line,
		.file = r->file,
		.text = warn_keep(w, &text),
		.evidence = warn_keep(w, &seen),
		.fix = warn_keep(w, &fix),
		.advice = "or add these addresses, or their networks, to its sets" };
	warn_add(w, &one);
}

static void warn_families(struct warner *w)
{
	const struct bh_bound *b = w->s->of.bound;
	struct families f = { .w = w };
	struct half half[2] = { 0 }; /* from, to */

	if (look(&f)) {
		w->a->failed = true;
	} else if (closed(b) && f.n_groups) {
		half[0].missing = bh_arena_array(&f.own, w->s->known.n_aliases, sizeof(uint32_t));
		half[1].missing = bh_arena_array(&f.own, w->s->known.n_aliases, sizeof(uint32_t));
		w->a->failed |= !bh_arena_ok(&f.own);
		for (size_t i = 0; bh_arena_ok(&f.own) && i < b->n_rules; i++) {
			if (!warn_allows(&b->rules[i], smb))
				continue;
			find_half(&f, &b->rules[i], 0, &half[0]);
			find_half(&f, &b->rules[i], 1, &half[1]);
			warn_rule(w, &b->rules[i], half);
		}
	}
	bh_arena_reset(&f.own);
}

void warn_sentences(struct warner *w)
{
	warn_nothing(w);
	warn_controllers(w);
	warn_families(w);
}
