/*
 * Shares, from rows.  Sorts a small view of the rows and walks the runs, so that equal
 * rows in any order give equal answers.
 */
#include <stdlib.h>

#include "inventory/hosts.h"
#include "inventory/naming.h"

static int compare_case(const char *a, const char *b)
{
	int r = strcasecmp(a, b);

	return r ? r : strcmp(a, b);
}

static int by_text(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	return compare_case(x->text, y->text);
}

const char *vote_elect(struct vote *v, size_t n)
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

/* The same share whatever the server was called. */
static int by_share(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;
	int r = end_compare(&x->who, true, &y->who, true);

	return r ? r : strcasecmp(bh_share_name(x->who.share), bh_share_name(y->who.share));
}

static int by_client(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;

	return end_compare(&x->who, false, &y->who, false);
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

/* The user, or whoever the client is when he is not known. */
static const char *used_by(const struct bh_talk *c, struct bh_arena *a)
{
	char text[BH_ADDR_TEXT];

	if (c->auth == BH_AUTH_ANONYMOUS)
		return "anonymous";
	if (c->user[0])
		return c->domain[0] ? bh_arena_printf(a, "%s\\%s", c->domain, c->user) : c->user;
	if (c->client.family)
		return bh_arena_str(a, bh_addr_format(&c->client, text));
	return c->workstation[0] ? c->workstation : "?";
}

static int by_weight(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return compare_case(x->text, y->text);
}

/* Who used it, with votes to spare for all rows. */
static int list_users(const struct bh_row *const *rows, size_t n, struct vote *votes,
	struct bh_arena *a, struct bh_share_row *s)
{
	size_t m = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		const char *text = used_by(&rows[i]->who, a);
		if (!text)
			return -ENOMEM;
		if (bh_row_use(rows[i]) <= BH_USE_SMB1)
			votes[m++] = (struct vote){ text, rows[i]->figures.connections };
	}
	qsort(votes, m, sizeof *votes, by_text);
	for (size_t i = 0; i < m; i++) {
		if (kept && !strcasecmp(votes[kept - 1].text, votes[i].text))
			votes[kept - 1].weight += votes[i].weight;
		else
			votes[kept++] = votes[i];
	}
	qsort(votes, kept, sizeof *votes, by_weight);
	s->n_by = bh_min_size(kept, BH_SHARE_BY);
	const char **by = bh_arena_array(a, s->n_by + 1, sizeof *by);
	if (!by)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_by; i++)
		by[i] = votes[i].text;
	s->by = by;
	return 0;
}

static int make_share(const struct bh_row **rows, size_t n, struct vote *votes, struct bh_arena *a,
	struct bh_share_row *ret)
{
	bh_time type_at = -1;
	struct vote *names = votes + n;
	size_t named = 0;

	*ret = (struct bh_share_row){ .server = rows[0]->who.server, .encrypted = BH_UNKNOWN };
	for (size_t i = 0; i < n; i++) {
		const struct bh_talk *c = &rows[i]->who;
		const struct bh_figures *f = &rows[i]->figures;
		bool denied = c->known & BH_KNOWN_SHARE_STATUS && c->share_status;
		votes[i] = (struct vote){ c->share, f->connections };
		if (naming_is_name(c->server_name))
			names[named++] = (struct vote){ c->server_name, f->connections };
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
	ret->share = vote_elect(votes, n);
	ret->server_name = vote_elect(names, named);
	ret->clients = distinct(rows, n, by_client);
	ret->users = distinct(rows, n, by_user);
	return list_users(rows, n, votes, a, ret);
}

int bh_inventory_shares(const struct bh_row *rows, size_t n, struct bh_arena *a,
	const struct bh_share_row **ret, size_t *n_ret)
{
	BH_AUTO_ARENA work = { 0 };
	const struct bh_row **v = bh_arena_array(&work, n + 1, sizeof *v);
	struct vote *votes = bh_arena_array(&work, 2 * n + 1, sizeof *votes);
	size_t used = 0, count = 0;

	if (!v || !votes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].who.share[0])
			v[used++] = &rows[i];
	}
	qsort(v, used, sizeof *v, by_share);
	for (size_t i = 0; i < used; i++)
		count += !i || by_share(&v[i - 1], &v[i]) != 0;
	struct bh_share_row *shares = bh_arena_array(a, count + 1, sizeof *shares);
	if (!shares)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0, after; i < used; i = after) {
		for (after = i + 1; after < used; after++) {
			if (by_share(&v[i], &v[after]))
				break;
		}
		if (make_share(&v[i], after - i, votes, a, &shares[count++]))
			return -ENOMEM;
	}
	*ret = shares;
	*n_ret = count;
	return 0;
}
