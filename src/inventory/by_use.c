#include "inventory/by_use.h"

#include <stdlib.h>

#include "inventory/agree.h"
#include "inventory/key.h"
#include "inventory/unify.h"

/* Rows of one client and share that are looked at for one row. */
enum { MAX_LOOK = 256 };

/* Whose name it is: a log's that names no server counts for itself alone. */
static uint32_t source_of(const struct bh_row *row)
{
	bool said = naming_is_name(row->who.server_name);

	return said || !row->n_sources ? 0 : row->sources[0];
}

static int compare_entries(const struct by_use_entry *x, const struct by_use_entry *y)
{
	int r = x->name == y->name ? 0 : key_compare(naming_key(x->name), naming_key(y->name));

	if (!r && x->source != y->source)
		r = x->source < y->source ? -1 : 1;
	return r;
}

static int by_name(const void *a, const void *b)
{
	return compare_entries(a, b);
}

static int compare_use(const struct bh_talk *x, const struct bh_talk *y)
{
	int r = bh_addr_compare(&x->client, &y->client);

	return r ? r : strcasecmp(bh_share_name(x->share), bh_share_name(y->share));
}

static int by_client_and_share(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;
	int r = compare_use(&x->who, &y->who);

	return r ? r : bh_talk_compare(&x->who, &y->who);
}

/* Is it about a share that says something, by a client that is known? */
static bool tells(const struct bh_row *row)
{
	return row->who.client.family && bh_share_class(&row->who) > BH_CLASS_IPC;
}

static bool nameless(const struct bh_row *row, const struct naming *names)
{
	const struct bh_talk *c = &row->who;
	struct bh_addr addr;

	return !c->server.family && c->known & BH_KNOWN_SERVER_NAME && c->server_name[0] &&
	       bh_addr_parse(c->server_name, strlen(c->server_name), &addr) &&
	       naming_one(names, c->server_name, BH_NO_ADDR, &addr) == 0;
}

static bool same_use(const struct bh_row *x, const struct bh_row *y)
{
	return join_near(&x->figures, &y->figures) &&
	       agree_on(&x->who, &y->who, agree_known(&x->who) & agree_known(&y->who));
}

static void note(struct by_use_entry *e, const struct bh_addr *addr)
{
	if (!e->addr.family)
		e->addr = *addr;
	else if (!bh_addr_equal(&e->addr, addr))
		e->several = true;
}

/* known[0..n): rows that know their server, by client and share. */
static void look(const struct bh_row *row, const struct bh_row *const *known, size_t n,
	struct by_use_entry *e)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (compare_use(&known[mid]->who, &row->who) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i < n && !compare_use(&known[i]->who, &row->who); i++) {
		if (i - lo == MAX_LOOK)
			e->several = true;
		if (e->several)
			return;
		if (same_use(row, known[i]))
			note(e, &known[i]->who.server);
	}
}

/* What several rows say of one name. */
static size_t join(struct by_use_entry *v, size_t n)
{
	size_t m = 0;

	if (n)
		qsort(v, n, sizeof *v, by_name);
	for (size_t i = 0; i < n; i++) {
		if (!m || compare_entries(&v[m - 1], &v[i])) {
			v[m++] = v[i];
			continue;
		}
		v[m - 1].several |= v[i].several;
		if (v[i].addr.family)
			note(&v[m - 1], &v[i].addr);
	}
	return m;
}

int by_use_from(const struct bh_row *rows, size_t n, const struct naming *names, struct bh_arena *a,
	struct by_use *ret)
{
	const struct bh_row **known = bh_arena_array(a, n + 1, sizeof *known);
	struct by_use_entry *v;
	size_t n_known = 0, m = 0, count = 0;

	for (size_t i = 0; known && i < n; i++) {
		if (rows[i].who.server.family && tells(&rows[i]))
			known[n_known++] = &rows[i];
		count += nameless(&rows[i], names);
	}
	v = bh_arena_array(a, count + 1, sizeof *v);
	if (!known || !v)
		return -ENOMEM;
	if (count)
		qsort(known, n_known, sizeof *known, by_client_and_share);
	for (size_t i = 0; count && i < n; i++) {
		if (!nameless(&rows[i], names))
			continue;
		v[m] = (struct by_use_entry){ .name = rows[i].who.server_name,
			.source = source_of(&rows[i]) };
		if (tells(&rows[i]))
			look(&rows[i], known, n_known, &v[m]);
		m++;
	}
	ret->v = v;
	ret->n = join(v, m);
	return 0;
}

bool by_use_find(const struct by_use *t, const struct bh_row *row, struct bh_addr *ret)
{
	const struct by_use_entry key = { .name = row->who.server_name, .source = source_of(row) };
	const struct by_use_entry *e =
		t->n ? bsearch(&key, t->v, t->n, sizeof *t->v, by_name) : NULL;

	if (!e || e->several || !e->addr.family)
		return false;
	*ret = e->addr;
	return true;
}
