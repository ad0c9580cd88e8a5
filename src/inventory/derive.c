/*
 * Hosts and shares, from rows.  Both sort small views of the rows and walk the runs,
 * so that equal rows in any order give equal answers.
 */
#include <stdlib.h>

#include "inventory/inventory.h"

/* A wire text for a name that people use: an address in its place is none. */
static bool is_name(const char *text)
{
	struct bh_addr a;

	return text[0] && bh_addr_parse(text, strlen(text), &a) != 0;
}

static int compare_case(const char *a, const char *b)
{
	int r = strcasecmp(a, b);

	return r ? r : strcmp(a, b);
}

struct vote {
	const char *text;
	uint64_t weight;
};

static int by_text(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	return compare_case(x->text, y->text);
}

/* The text with the most weight, the first in order among equals; case counts as
 * spelling, not as difference.  NULL: no votes. */
static const char *elect(struct vote *v, size_t n)
{
	const char *best = NULL;
	uint64_t most = 0;

	qsort(v, n, sizeof *v, by_text);
	for (size_t i = 0, after; i < n; i = after) {
		uint64_t weight = 0;
		for (after = i; after < n && !strcasecmp(v[i].text, v[after].text); after++)
			weight += v[after].weight;
		if (!best || weight > most) {
			best = v[i].text;
			most = weight;
		}
	}
	return best;
}

/* ---- hosts ---- */

struct part {
	const struct bh_row *row;
	bool served;
};

static const struct bh_addr *part_addr(const struct part *p)
{
	return p->served ? &p->row->who.server : &p->row->who.client;
}

static int by_host(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return bh_addr_compare(part_addr(x), part_addr(y));
}

static bool answered(const struct bh_row *r)
{
	return r->who.outcome == BH_ANSWERED;
}

static void add_served(struct bh_host_row *h, const struct bh_row *r, bh_time *signing_at)
{
	const struct bh_conversation *c = &r->who;

	if (!answered(r))
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

static void make_host(const struct part *p, size_t n, struct vote *votes, struct bh_host_row *ret)
{
	size_t names = 0, stations = 0;
	bh_time signing_at = 0;
	struct vote *station = votes + n;

	*ret = (struct bh_host_row){ .addr = *part_addr(p) };
	for (size_t i = 0; i < n; i++) {
		const struct bh_row *r = p[i].row;
		uint64_t weight = r->figures.connections;
		add_times(ret, &r->figures, i == 0);
		if (p[i].served) {
			add_served(ret, r, &signing_at);
			if (is_name(r->who.server_name))
				votes[names++] = (struct vote){ r->who.server_name, weight };
		} else {
			ret->is_client = true;
			ret->used += weight;
			if (is_name(r->who.workstation))
				station[stations++] = (struct vote){ r->who.workstation, weight };
		}
	}
	ret->name = elect(votes, names);
	ret->workstation = elect(station, stations);
}

int bh_inventory_hosts(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_host_row **ret, size_t *n_ret)
{
	struct part *parts = bh_arena_array(a, 2 * n + 1, sizeof *parts);
	struct vote *votes = bh_arena_array(a, 4 * n + 1, sizeof *votes);
	struct bh_host_row *hosts = bh_arena_array(a, 2 * n + 1, sizeof *hosts);
	size_t count = 0;

	if (!bh_arena_ok(a))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		parts[2 * i] = (struct part){ &rows[i], true };
		parts[2 * i + 1] = (struct part){ &rows[i], false };
	}
	qsort(parts, 2 * n, sizeof *parts, by_host);
	for (size_t i = 0, after; i < 2 * n; i = after) {
		for (after = i + 1; after < 2 * n; after++) {
			if (by_host(&parts[i], &parts[after]))
				break;
		}
		make_host(&parts[i], after - i, votes, &hosts[count++]);
	}
	*ret = hosts;
	*n_ret = count;
	return 0;
}

/* ---- shares ---- */

/* The part after the last backslash: the same share whatever the server was called. */
static const char *short_name(const char *unc)
{
	const char *last = strrchr(unc, '\\');

	return last ? last + 1 : unc;
}

static int by_share(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;
	int r = bh_addr_compare(&x->who.server, &y->who.server);

	return r ? r : strcasecmp(short_name(x->who.share), short_name(y->who.share));
}

static int by_client(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;

	return bh_addr_compare(&x->who.client, &y->who.client);
}

/* Rows without a known user sort first and count as nobody. */
static int by_user(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;
	int r = strcasecmp(x->who.user, y->who.user);

	return r ? r : strcasecmp(x->who.domain, y->who.domain);
}

static uint64_t distinct(
	const struct bh_row **rows, size_t n, int (*by)(const void *, const void *))
{
	uint64_t count = 0;

	qsort(rows, n, sizeof *rows, by);
	for (size_t i = 0; i < n; i++) {
		if (by == by_user && !rows[i]->who.user[0])
			continue;
		count += i == 0 || by(&rows[i - 1], &rows[i]) != 0;
	}
	return count;
}

/* A share is encrypted when nobody used it in the clear. */
static int8_t both(int8_t a, int8_t b)
{
	if (a == 0 || b == 0)
		return 0;
	return a == BH_UNKNOWN ? b : a;
}

static void make_share(
	const struct bh_row **rows, size_t n, struct vote *votes, struct bh_share_row *ret)
{
	bh_time type_at = -1;

	*ret = (struct bh_share_row){ .server = rows[0]->who.server, .encrypted = BH_UNKNOWN };
	for (size_t i = 0; i < n; i++) {
		const struct bh_conversation *c = &rows[i]->who;
		const struct bh_figures *f = &rows[i]->figures;
		bool denied = c->known & BH_KNOWN_SHARE_STATUS && c->share_status;
		votes[i] = (struct vote){ c->share, f->connections };
		ret->connections += f->connections;
		ret->bytes_to_server += f->bytes_to_server;
		ret->bytes_to_client += f->bytes_to_client;
		if (denied)
			ret->denied += f->connections;
		else
			ret->encrypted = both(ret->encrypted, c->encrypted);
		if (c->share_type &&
			(f->last_seen > type_at ||
				(f->last_seen == type_at && c->share_type < ret->type))) {
			ret->type = c->share_type;
			type_at = f->last_seen;
		}
		if (f->last_seen > ret->last_seen)
			ret->last_seen = f->last_seen;
	}
	ret->share = elect(votes, n);
	ret->clients = distinct(rows, n, by_client);
	ret->users = distinct(rows, n, by_user);
}

int bh_inventory_shares(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_share_row **ret, size_t *n_ret)
{
	const struct bh_row **v = bh_arena_array(a, n + 1, sizeof *v);
	struct vote *votes = bh_arena_array(a, n + 1, sizeof *votes);
	struct bh_share_row *shares = bh_arena_array(a, n + 1, sizeof *shares);
	size_t used = 0, count = 0;

	if (!bh_arena_ok(a))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].who.share[0])
			v[used++] = &rows[i];
	}
	qsort(v, used, sizeof *v, by_share);
	for (size_t i = 0, after; i < used; i = after) {
		for (after = i + 1; after < used; after++) {
			if (by_share(&v[i], &v[after]))
				break;
		}
		make_share(&v[i], after - i, votes, &shares[count++]);
	}
	*ret = shares;
	*n_ret = count;
	return 0;
}
