#include "plan/places.h"

#include <stdlib.h>

enum {
	TWINS = 4, /* addresses of one family that one machine may have */
	TIED = 16, /* a name of more addresses tells nothing of places */
};

static unsigned family_of(const struct bh_addr *a)
{
	return a->family == BH_V6;
}

static uint32_t link_of(const struct bh_told *told, const struct bh_addr *a)
{
	for (size_t i = 0; told && !known_link_local(a) && i < told->n_ifaces; i++) {
		if (bh_addrset_contains(&told->ifaces[i].onlink, a))
			return (uint32_t)i + 1;
	}
	return 0;
}

static bool one_prefix(const struct bh_addr *x, const struct bh_addr *y)
{
	unsigned rest = x->family == BH_V4 ? 8 : 64;

	return x->family == y->family && x->num >> rest == y->num >> rest;
}

/* Hosts are sorted: those of one prefix that are on no known link follow each other, but
 * for the ones that are. */
static void number(struct places *p, const struct bh_told *told)
{
	const struct bh_addr *last = NULL;

	p->n = p->n_links = told ? told->n_ifaces : 0;
	for (size_t i = 0; i < p->known->n; i++) {
		const struct bh_addr *at = &p->known->v[i].addr;
		p->of[i] = link_of(told, at);
		if (p->of[i] || known_link_local(at))
			continue;
		p->n += !last || !one_prefix(last, at);
		p->of[i] = (uint32_t)p->n;
		last = at;
	}
}

/* A link that has prefixes of both families is where both addresses of its machines are. */
static void tie_links(struct places *p, const struct bh_told *told)
{
	for (size_t i = 0; told && i < told->n_ifaces; i++) {
		const struct bh_addrset *on = &told->ifaces[i].onlink;
		if (on->v4.n && on->v6.n)
			p->ties[p->n_ties++] = (struct tie){ (uint32_t)i + 1, (uint32_t)i + 1 };
	}
}

int places_from(
	const struct known *k, const struct bh_told *told, struct bh_arena *a, struct places *ret)
{
	struct places p = { .known = k, .of = bh_arena_array(a, k->n + 1, sizeof *p.of) };

	if (!p.of)
		return -ENOMEM;
	number(&p, told);
	/* Every name ties at most TIED² / 2 places, and has as many addresses. */
	p.cap_ties = p.n_links + TIED * k->n;
	p.ties = bh_arena_array(a, p.cap_ties + 1, sizeof *p.ties);
	p.named = bh_arena_array(a, k->n + 1, sizeof *p.named);
	for (unsigned f = 0; f < 2; f++) {
		p.tied[f] = bh_arena_array(a, p.n + 1, sizeof *p.tied[f]);
		p.twin[f] = bh_arena_array(a, k->n + 1, sizeof *p.twin[f]);
		p.clients[f] = bh_arena_array(a, p.n + 1, sizeof *p.clients[f]);
	}
	if (!bh_arena_ok(a))
		return -ENOMEM;
	tie_links(&p, told);
	*ret = p;
	return 0;
}

bool places_is_link(const struct places *p, uint32_t place)
{
	return place && place <= p->n_links;
}

static void tie(struct places *p, uint32_t x, uint32_t y)
{
	uint32_t from = p->of[x], to = p->of[y];

	if (!from || !to || p->n_ties == p->cap_ties)
		return;
	p->ties[p->n_ties++] = (struct tie){ from, to };
}

void places_of_name(struct places *p, const uint32_t *hosts, size_t n)
{
	size_t count[2] = { 0 };

	for (size_t i = 0; i < n; i++) {
		p->named[hosts[i]] = true;
		count[family_of(&p->known->v[hosts[i]].addr)]++;
	}
	for (size_t i = 0; i < n; i++) {
		for (unsigned f = 0; f < 2; f++)
			p->twin[f][hosts[i]] |= count[f] && count[f] <= TWINS;
	}
	if (n > TIED)
		return;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (p->known->v[hosts[i]].addr.family != p->known->v[hosts[k]].addr.family)
				tie(p, hosts[i], hosts[k]);
		}
	}
}

static int by_place(const void *x, const void *y)
{
	const struct tie *a = x, *b = y;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->other != b->other ? (a->other < b->other ? -1 : 1) : 0;
}

int places_ready(struct places *p, struct bh_arena *a)
{
	size_t n = 0;

	if (p->n_ties)
		qsort(p->ties, p->n_ties, sizeof *p->ties, by_place);
	for (size_t i = 0; i < p->n_ties; i++) {
		if (!n || by_place(&p->ties[n - 1], &p->ties[i]))
			p->ties[n++] = p->ties[i];
	}
	p->n_ties = n;
	/* The family of a place that is a prefix is that of any host in it. */
	uint8_t *family = bh_arena_array(a, p->n + 1, sizeof *family);
	if (!family)
		return -ENOMEM;
	for (size_t i = 0; i < p->known->n; i++)
		family[p->of[i]] |= (uint8_t)(1u << family_of(&p->known->v[i].addr));
	for (size_t i = 0; i < n; i++) {
		const struct tie *t = &p->ties[i];
		for (unsigned f = 0; f < 2; f++)
			p->tied[f][t->place] |= t->place == t->other || family[t->other] >> f & 1;
	}
	return 0;
}

/* A client of one family whose machine has no address of the other, as far as known. */
static bool open_client(const struct places *p, uint32_t host, const struct bh_told *told)
{
	const struct known_host *h = &p->known->v[host];

	return h->client && !known_strong(h) && !(h->shares & SHARES_DOMAIN) &&
	       !p->twin[!family_of(&h->addr)][host] &&
	       bh_plan_inside(&h->addr, told ? told->own : NULL);
}

static void add(struct place_clients *to, bool named)
{
	if (named)
		to->named++;
	else
		to->nameless++;
}

void places_clients(struct places *p, const struct bh_told *told)
{
	for (uint32_t i = 0; i < p->known->n; i++) {
		unsigned f = family_of(&p->known->v[i].addr);
		if (!open_client(p, i, told))
			continue;
		add(&p->clients[f][p->of[i]], p->named[i]);
		if (!p->tied[!f][p->of[i]])
			add(&p->loose[f], p->named[i]);
	}
}

/* Two names that differ are two machines: a host of one name would be the other too. */
static bool some(const struct place_clients *c, bool named)
{
	return c->nameless || (!named && c->named);
}

bool places_other_client(const struct places *p, uint32_t host)
{
	unsigned other = !family_of(&p->known->v[host].addr);
	uint32_t place = p->of[host];
	bool named = p->named[host];
	size_t lo = 0, hi = p->n_ties;

	if (!p->tied[other][place])
		return some(&p->loose[other], named);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->ties[mid].place < place)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < p->n_ties && p->ties[lo].place == place; lo++) {
		if (some(&p->clients[other][p->ties[lo].other], named))
			return true;
	}
	return false;
}
