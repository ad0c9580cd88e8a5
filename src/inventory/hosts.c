/*
 * Machines, from both ends of rows.  As with shares: sorted views and their runs.
 */
#include "inventory/hosts.h"

#include <stdlib.h>

#include "inventory/key.h"
#include "inventory/naming.h"

static const char *end_name(const struct bh_talk *c, bool server)
{
	return server ? c->server_name : c->workstation;
}

int end_compare(const struct bh_talk *x, bool x_server, const struct bh_talk *y, bool y_server)
{
	const struct bh_addr *a = x_server ? &x->server : &x->client;
	const struct bh_addr *b = y_server ? &y->server : &y->client;

	/* Those without an address stand last. */
	if (a->family && b->family)
		return bh_addr_compare(a, b);
	if (a->family || b->family)
		return a->family ? -1 : 1;
	const char *p = end_name(x, x_server), *q = end_name(y, y_server);
	return p == q ? 0 : key_compare(naming_key(p), naming_key(q));
}

static int by_host(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return end_compare(&x->row->who, x->served, &y->row->who, y->served);
}

static int by_peer(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->served != y->served)
		return x->served ? -1 : 1;
	int r = end_compare(&x->row->who, !x->served, &y->row->who, !y->served);
	return r ? r : bh_talk_compare(&x->row->who, &y->row->who);
}

/* ---- figures ---- */

static void add_served(struct bh_host_row *h, const struct bh_row *r, bh_time *signing_at)
{
	const struct bh_talk *c = &r->who;

	if (c->outcome != BH_ANSWERED)
		return;
	h->is_server = true;
	h->served += r->figures.connections;
	if (c->dialect > h->best_dialect)
		h->best_dialect = c->dialect;
	h->smb1 |= bh_dialect_smb1(c->dialect);
	/* The latest word counts, and of two at one time the weaker. */
	if (c->signing_server &&
		(r->figures.last_seen > *signing_at || !h->signing ||
			(r->figures.last_seen == *signing_at && c->signing_server < h->signing))) {
		h->signing = c->signing_server;
		*signing_at = r->figures.last_seen;
	}
}

static void add_times(struct bh_host_row *h, const struct bh_figures *f, bool first)
{
	if (first || f->first_seen < h->first_seen)
		h->first_seen = f->first_seen;
	if (f->last_seen > h->last_seen)
		h->last_seen = f->last_seen;
}

/* What it was heard to call itself: the latest name that is its own. */
static const char *heard_name(const struct deeds *d)
{
	const struct bh_name_seen *best = NULL;

	for (size_t i = 0; i < d->n_heard; i++) {
		const struct bh_name_seen *n = d->heard[i];
		if (!n->group && naming_is_name(n->name) &&
			(!best || n->when > best->when ||
				(n->when == best->when && strcmp(n->name, best->name) < 0)))
			best = n;
	}
	return best ? best->name : NULL;
}

static void make_figures(const struct part *p, size_t n, struct vote *votes, const struct deeds *d,
	struct bh_host_row *ret)
{
	size_t names = 0, stations = 0;
	bh_time signing_at = 0;
	struct vote *station = votes + n;

	for (size_t i = 0; i < n; i++) {
		const struct bh_row *r = p[i].row;
		uint64_t weight = r->figures.connections;
		add_times(ret, &r->figures, i == 0);
		if (p[i].served) {
			add_served(ret, r, &signing_at);
			if (naming_is_name(r->who.server_name))
				votes[names++] = (struct vote){ r->who.server_name, weight };
		} else {
			ret->is_client = true;
			ret->used += weight;
			if (naming_is_name(r->who.workstation))
				station[stations++] = (struct vote){ r->who.workstation, weight };
		}
	}
	ret->name = vote_elect(votes, names);
	ret->workstation = vote_elect(station, stations);
	if (!ret->name)
		ret->name = heard_name(d);
	/* One without an address is known by what it is called, whatever that is. */
	const char *called = end_name(&p->row->who, p->served);
	if (!ret->name && !ret->workstation && !ret->addr.family && called[0])
		ret->name = called;
}

/* ---- deeds ---- */

/* p[0..n): one host and one peer. */
static void add_peer(struct deeds *d, struct bh_host_row *h, const struct part *p, size_t n)
{
	uint32_t classes = 0;
	bool worked = false;

	for (size_t i = 0; i < n; i++) {
		const struct bh_row *r = p[i].row;
		enum bh_share_class class = bh_share_class(&r->who);
		if (bh_row_use(r) > BH_USE_SMB1)
			continue;
		worked = true;
		classes |= 1u << class;
		if (p->served) {
			d->pipes_served |= r->figures.pipes;
			d->took_kerberos |= r->who.auth == BH_AUTH_KERBEROS;
			d->took_others |= r->who.auth == BH_AUTH_NTLM;
		} else {
			d->pipes_used |= r->figures.pipes;
			d->written += class == BH_CLASS_DISK ? r->figures.bytes_to_server : 0;
			d->read += class == BH_CLASS_DISK ? r->figures.bytes_to_client : 0;
		}
	}
	if (!p->served) {
		d->used |= classes;
		d->worked |= worked;
		h->servers += worked;
		return;
	}
	h->clients += worked;
	for (unsigned class = 0; class < BH_CLASSES; class ++)
		d->clients[class] += classes >> class & 1;
}

static int by_share_name(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return strcasecmp(bh_share_name(x->row->who.share), bh_share_name(y->row->who.share));
}

/* Sorts p. */
static uint64_t count_shares(struct part *p, size_t n)
{
	const struct part *last = NULL;
	uint64_t count = 0;
	size_t served = 0;

	while (served < n && p[served].served)
		served++;
	qsort(p, served, sizeof *p, by_share_name);
	for (size_t i = 0; i < served; i++) {
		if (bh_share_class(&p[i].row->who) != BH_CLASS_DISK ||
			bh_row_use(p[i].row) > BH_USE_SMB1)
			continue;
		count += !last || by_share_name(last, &p[i]) != 0;
		last = &p[i];
	}
	return count;
}

static void make_deeds(struct part *p, size_t n, struct bh_host_row *h, struct deeds *d)
{
	qsort(p, n, sizeof *p, by_peer);
	for (size_t i = 0, after; i < n; i = after) {
		for (after = i + 1; after < n; after++) {
			if (p[i].served != p[after].served ||
				end_compare(&p[i].row->who, !p[i].served, &p[after].row->who,
					!p[after].served))
				break;
		}
		add_peer(d, h, p + i, after - i);
	}
	d->servers = h->servers;
	d->shares = count_shares(p, n);
}

/* ---- all of them ---- */

static int by_addr(const void *a, const void *b)
{
	const struct bh_name_seen *x = *(const struct bh_name_seen *const *)a;
	const struct bh_name_seen *y = *(const struct bh_name_seen *const *)b;

	return bh_addr_compare(&x->addr, &y->addr);
}

/* The names that were heard, by address.  NULL when memory ran out. */
static const struct bh_name_seen **sort_names(const struct bh_witnesses *w, struct bh_arena *a)
{
	const struct bh_name_seen **v = bh_arena_array(a, w->n_names + 1, sizeof *v);

	for (size_t i = 0; v && i < w->n_names; i++)
		v[i] = &w->names[i];
	if (v && w->n_names)
		qsort(v, w->n_names, sizeof *v, by_addr);
	return v;
}

static void find_heard(
	const struct bh_name_seen *const *v, size_t n, const struct bh_addr *addr, struct deeds *d)
{
	size_t lo = 0, hi = n;

	while (addr->family && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (bh_addr_compare(&v[mid]->addr, addr) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	d->heard = v + lo;
	while (addr->family && lo + d->n_heard < n &&
		bh_addr_equal(&v[lo + d->n_heard]->addr, addr))
		d->n_heard++;
}

static bool most_take_kerberos(const struct bh_row *rows, size_t n)
{
	uint64_t by_it = 0, otherwise = 0;

	for (size_t i = 0; i < n; i++) {
		if (bh_row_use(&rows[i]) > BH_USE_SMB1)
			continue;
		by_it += rows[i].who.auth == BH_AUTH_KERBEROS ? rows[i].figures.connections : 0;
		otherwise += rows[i].who.auth == BH_AUTH_NTLM ? rows[i].figures.connections : 0;
	}
	return by_it > otherwise;
}

/* Both ends of all rows, by host. */
static struct part *parts_of(const struct bh_row *rows, size_t n, struct bh_arena *a)
{
	struct part *v = bh_arena_array(a, 2 * n + 1, sizeof *v);

	for (size_t i = 0; v && i < n; i++) {
		v[2 * i] = (struct part){ &rows[i], true };
		v[2 * i + 1] = (struct part){ &rows[i], false };
	}
	if (v)
		qsort(v, 2 * n, sizeof *v, by_host);
	return v;
}

static size_t count_hosts(const struct part *v, size_t n)
{
	size_t count = n != 0;

	for (size_t i = 1; i < n; i++)
		count += by_host(&v[i - 1], &v[i]) != 0;
	return count;
}

int bh_inventory_hosts(const struct bh_row *rows, size_t n, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_host_row **ret, size_t *n_ret)
{
	static const struct bh_witnesses nothing;
	BH_AUTO_ARENA work = { 0 };
	struct part *parts = parts_of(rows, n, &work);
	struct vote *votes = bh_arena_array(&work, 4 * n + 1, sizeof *votes);
	struct network net = { .kerberos = most_take_kerberos(rows, n) };
	size_t count = 0;

	w = w ? w : &nothing;
	net.inside = w->inside;
	const struct bh_name_seen **names = sort_names(w, &work);
	struct bh_host_row *hosts =
		parts ? bh_arena_array(a, count_hosts(parts, 2 * n) + 1, sizeof *hosts) : NULL;
	if (!votes || !names || !hosts)
		return -ENOMEM;
	for (size_t i = 0, after; i < 2 * n; i = after) {
		struct bh_host_row *h = &hosts[count++];
		const struct bh_talk *c = &parts[i].row->who;
		struct deeds d = { 0 };
		for (after = i + 1; after < 2 * n && !by_host(&parts[i], &parts[after]);)
			after++;
		h->addr = parts[i].served ? c->server : c->client;
		find_heard(names, w->n_names, &h->addr, &d);
		make_figures(&parts[i], after - i, votes, &d, h);
		make_deeds(&parts[i], after - i, h, &d);
		if (roles_of(&d, &net, a, h))
			return -ENOMEM;
	}
	*ret = hosts;
	*n_ret = count;
	return 0;
}

/* A host without an address is known by whichever name it has. */
static int compare_host(const struct bh_host_row *h, const struct bh_talk *c, bool server)
{
	const struct bh_addr *addr = server ? &c->server : &c->client;
	const char *name = h->name ? h->name : h->workstation ? h->workstation : "";

	if (h->addr.family && addr->family)
		return bh_addr_compare(&h->addr, addr);
	if (h->addr.family || addr->family)
		return h->addr.family ? -1 : 1;
	return key_compare(naming_key(name), naming_key(end_name(c, server)));
}

const struct bh_host_row *bh_inventory_host(
	const struct bh_host_row *hosts, size_t n, const struct bh_talk *c, bool server)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = compare_host(&hosts[mid], c, server);
		if (!r)
			return &hosts[mid];
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
