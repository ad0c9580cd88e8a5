#include "cli/heard.h"
#include "cli/referred.h"

#include <stdlib.h>

#define BUCKETS   16384u /* of hosts by their address; a power of two */
#define HOSTS     65536u /* that speak SMB or have a name: 5 MB */
#define NAMES     32768u /* in all: 10 MB when all of them are long */
#define OF_OTHERS 8192u /* of hosts that were not seen speaking SMB */
#define OF_ONE    16u /* of one host */
#define DAY       (24 * 3600 * BH_SECOND)
#define KINDS     512u /* of records; the sensor tells no more */
#define SHARES    8192u /* 13 MB */

struct name {
	struct name *next;
	bh_time when;
	uint8_t kind, roles, group;
	bool news;
	char text[];
};

struct host {
	struct host *next; /* in the bucket */
	struct name *names;
	struct bh_addr addr;
	uint8_t n_names;
	bool speaks; /* an end of some conversation */
};

struct listed {
	struct listed *next;
	bool news;
	struct bh_share_seen is;
};

struct bh_heard {
	struct host *buckets[BUCKETS];
	uint64_t seed, lost;
	size_t n_hosts, n_names, of_others, n_kinds, n_shares;
	bh_time latest; /* of all names */
	struct listed *shares[SHARES];
	struct bh_referred *referred;
	bool news;
	struct bh_event_count kinds[KINDS];
	bool kind_news[KINDS];
};

struct bh_heard *bh_heard_new(uint64_t seed)
{
	struct bh_heard *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->seed = seed;
	h->referred = bh_referred_new(seed);
	return h->referred ? h : bh_heard_free(h);
}

static struct name *free_name(struct name *n)
{
	struct name *next = n->next;

	free(n);
	return next;
}

struct bh_heard *bh_heard_free(struct bh_heard *h)
{
	for (size_t i = 0; h && i < BUCKETS; i++) {
		for (struct host *o = h->buckets[i], *next; o; o = next) {
			next = o->next;
			while (o->names)
				o->names = free_name(o->names);
			free(o);
		}
	}
	for (size_t i = 0; h && i < SHARES; i++) {
		for (struct listed *l = h->shares[i], *next; l; l = next) {
			next = l->next;
			free(l);
		}
	}
	if (h)
		bh_referred_free(h->referred);
	free(h);
	return NULL;
}

bool bh_heard_news(const struct bh_heard *h)
{
	return h->news;
}

uint64_t bh_heard_lost(const struct bh_heard *h)
{
	return h->lost;
}

/* ---- hosts ---- */

static size_t bucket_of(const struct bh_heard *h, const struct bh_addr *a)
{
	uint64_t v = ((uint64_t)a->num ^ h->seed) * 0x9e3779b97f4a7c15u;

	v = (v ^ v >> 32 ^ (uint64_t)(a->num >> 64) ^ a->family) * 0xd6e8feb86659fd93u;
	return (size_t)(v >> 32) & (BUCKETS - 1);
}

static struct host *host_find(const struct bh_heard *h, const struct bh_addr *a)
{
	struct host *o = h->buckets[bucket_of(h, a)];

	while (o && !bh_addr_equal(&o->addr, a))
		o = o->next;
	return o;
}

static int host_new(struct bh_heard *h, const struct bh_addr *a, struct host **ret)
{
	struct host **at = &h->buckets[bucket_of(h, a)];
	struct host *o = calloc(1, sizeof *o);

	if (!o)
		return -ENOMEM;
	o->addr = *a;
	o->next = *at;
	*at = o;
	h->n_hosts++;
	*ret = o;
	return 0;
}

static int speaks(struct bh_heard *h, const struct bh_addr *a)
{
	struct host *o = host_find(h, a);
	int r = 0;

	if (!o && a->family && h->n_hosts < HOSTS)
		r = host_new(h, a, &o);
	if (o && !o->speaks) {
		o->speaks = true;
		h->of_others -= o->n_names;
	}
	return r;
}

/* ---- names ---- */

/* o: NULL for a host that is not known at all. */
static bool has_room(const struct bh_heard *h, const struct host *o)
{
	if (h->n_names == NAMES || (!o && h->n_hosts == HOSTS) || (o && o->n_names == OF_ONE))
		return false;
	return (o && o->speaks) || h->of_others < OF_OTHERS;
}

static struct name *name_of(const struct host *o, const struct bh_name_seen *seen)
{
	struct name *n = o ? o->names : NULL;

	while (n && (n->kind != seen->kind || strcmp(n->text, seen->name) != 0))
		n = n->next;
	return n;
}

static int name_new(
	struct bh_heard *h, struct host *o, const struct bh_name_seen *seen, struct name **ret)
{
	size_t len = strlen(seen->name) + 1;
	struct name *n = malloc(sizeof *n + len);

	if (!n)
		return -ENOMEM;
	*n = (struct name){ .next = o->names, .kind = seen->kind };
	memcpy(n->text, seen->name, len);
	o->names = n;
	o->n_names++;
	h->n_names++;
	h->of_others += !o->speaks;
	*ret = n;
	return 0;
}

static int heard_name(struct bh_heard *h, const struct bh_name_seen *seen)
{
	struct host *o = host_find(h, &seen->addr);
	struct name *n = name_of(o, seen);
	int r = 0;

	if (!n && !has_room(h, o)) {
		h->lost++;
		return 0;
	}
	if (!o)
		r = host_new(h, &seen->addr, &o);
	if (!r && !n)
		r = name_new(h, o, seen, &n);
	if (r)
		return r;
	n->roles |= seen->roles;
	n->group |= seen->group;
	if (seen->when > n->when)
		n->when = seen->when;
	if (seen->when > h->latest)
		h->latest = seen->when;
	n->news = h->news = true;
	return 0;
}

/* ---- kinds of records ---- */

/* Told again, a count replaces. */
static void heard_events(struct bh_heard *h, const struct bh_event_count *e)
{
	size_t i = 0;

	while (i < h->n_kinds && (h->kinds[i].id != e->id || h->kinds[i].read != e->read ||
					 strcmp(h->kinds[i].provider, e->provider) != 0))
		i++;
	if (i == KINDS) {
		h->lost++;
		return;
	}
	if (i == h->n_kinds)
		h->n_kinds++;
	h->kinds[i] = *e;
	h->kind_news[i] = h->news = true;
}

const struct bh_event_count *bh_heard_kinds(const struct bh_heard *h, size_t *ret_n)
{
	*ret_n = h->n_kinds;
	return h->kinds;
}

/* ---- shares ---- */

static bool same_share(const struct bh_share_seen *x, const struct bh_share_seen *y)
{
	return bh_addr_equal(&x->server, &y->server) && !strcmp(x->share, y->share) &&
	       !strcmp(x->server_name, y->server_name);
}

static struct listed **share_bucket(struct bh_heard *h, const struct bh_share_seen *s)
{
	uint64_t v = h->seed ^ (uint64_t)s->server.num;

	for (const char *p = s->share; *p; p++)
		v = (v ^ (uint8_t)*p) * 0x9e3779b97f4a7c15u;
	for (const char *p = s->server_name; *p; p++)
		v = (v ^ (uint8_t)*p) * 0xd6e8feb86659fd93u;
	return &h->shares[(v ^ v >> 32) & (SHARES - 1)];
}

static int heard_share(struct bh_heard *h, const struct bh_share_seen *s)
{
	struct listed **at = share_bucket(h, s), *l = *at;

	while (l && !same_share(&l->is, s))
		l = l->next;
	if (!l && h->n_shares == SHARES) {
		h->lost++;
		return 0;
	}
	if (!l) {
		l = calloc(1, sizeof *l);
		if (!l)
			return -ENOMEM;
		l->next = *at;
		*at = l;
		h->n_shares++;
	} else if (s->when < l->is.when) {
		return 0;
	}
	l->is = *s;
	l->news = h->news = true;
	return 0;
}

static int save_shares(const struct bh_heard *h, struct bh_store *store, uint32_t source)
{
	int r = 0;

	for (size_t i = 0; !r && i < SHARES; i++) {
		for (const struct listed *l = h->shares[i]; !r && l; l = l->next)
			r = l->news ? bh_store_share(store, source, &l->is) : 0;
	}
	return r;
}

/* ---- namespaces ---- */

static int heard_referral(struct bh_heard *h, const struct bh_referral *is)
{
	int r = bh_referred_add(h->referred, is);

	if (r == -ENOSPC) {
		h->lost++;
		return 0;
	}
	h->news |= r > 0;
	return r < 0 ? r : 0;
}

/* ---- in and out ---- */

int bh_heard_fact(struct bh_heard *h, const struct bh_fact *f)
{
	int r;

	switch (f->kind) {
	case BH_FACT_LEAF:
		r = speaks(h, &f->leaf_is.who.client);
		return r ? r : speaks(h, &f->leaf_is.who.server);
	case BH_FACT_NAME: return heard_name(h, &f->name);
	case BH_FACT_EVENTS: heard_events(h, &f->events); return 0;
	case BH_FACT_SHARE: return heard_share(h, &f->share);
	case BH_FACT_REFERRAL: return heard_referral(h, &f->referral);
	default: return 0;
	}
}

static int save_host(const struct host *o, struct bh_store *store, uint32_t source)
{
	int r = 0;

	for (const struct name *n = o->names; !r && n; n = n->next) {
		struct bh_name_seen seen = { .addr = o->addr,
			.when = n->when,
			.kind = n->kind,
			.roles = n->roles,
			.group = n->group };
		if (!n->news)
			continue;
		memcpy(seen.name, n->text, strlen(n->text) + 1);
		r = bh_store_name(store, source, &seen);
	}
	return r;
}

int bh_heard_save(const struct bh_heard *h, struct bh_store *store, uint32_t source)
{
	int r = 0;

	for (size_t i = 0; !r && h->news && i < BUCKETS; i++) {
		for (const struct host *o = h->buckets[i]; !r && o; o = o->next)
			r = save_host(o, store, source);
	}
	for (size_t i = 0; !r && i < h->n_kinds; i++) {
		if (h->kind_news[i])
			r = bh_store_events(store, source, &h->kinds[i]);
	}
	if (!r && h->news)
		r = save_shares(h, store, source);
	return r ? r : bh_referred_save(h->referred, store, source);
}

static void forget_names(struct bh_heard *h, struct host *o)
{
	for (struct name **at = &o->names; *at;) {
		if ((*at)->when > h->latest - DAY) {
			at = &(*at)->next;
			continue;
		}
		*at = free_name(*at);
		o->n_names--;
		h->n_names--;
		h->of_others -= !o->speaks;
	}
}

/* Hosts go with their names: who speaks is known to speak when he speaks again. */
static void forget_old(struct bh_heard *h)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct host **at = &h->buckets[i]; *at;) {
			struct host *o = *at;
			forget_names(h, o);
			if (o->names || (o->speaks && h->n_hosts < HOSTS / 2)) {
				at = &o->next;
				continue;
			}
			*at = o->next;
			free(o);
			h->n_hosts--;
		}
	}
}

static void no_news(struct bh_heard *h)
{
	for (size_t i = 0; h->news && i < BUCKETS; i++) {
		for (struct host *o = h->buckets[i]; o; o = o->next) {
			for (struct name *n = o->names; n; n = n->next)
				n->news = false;
		}
	}
	for (size_t i = 0; h->news && i < SHARES; i++) {
		for (struct listed *l = h->shares[i]; l; l = l->next)
			l->news = false;
	}
	bh_referred_saved(h->referred);
	memset(h->kind_news, 0, sizeof h->kind_news);
	h->news = false;
}

void bh_heard_saved(struct bh_heard *h)
{
	no_news(h);
	if (h->of_others > OF_OTHERS / 2 || h->n_names > NAMES / 2 || h->n_hosts > HOSTS / 2)
		forget_old(h);
}
