#include "cli/referred.h"

#include <stdlib.h>

#define MOST 4096u /* 5 MB; a power of two */

struct referred {
	struct referred *next; /* in the bucket */
	bool news;
	struct bh_referral is;
};

struct bh_referred {
	struct referred *buckets[MOST];
	uint64_t seed;
	size_t n;
};

struct bh_referred *bh_referred_new(uint64_t seed)
{
	struct bh_referred *all = calloc(1, sizeof *all);

	if (all)
		all->seed = seed;
	return all;
}

struct bh_referred *bh_referred_free(struct bh_referred *all)
{
	for (size_t i = 0; all && i < MOST; i++) {
		for (struct referred *r = all->buckets[i], *next; r; r = next) {
			next = r->next;
			free(r);
		}
	}
	free(all);
	return NULL;
}

static struct referred **bucket(struct bh_referred *all, const struct bh_referral *r)
{
	uint64_t v = all->seed ^ (uint64_t)r->server.num;

	for (const char *p = r->path; *p; p++)
		v = (v ^ (uint8_t)*p) * 0x9e3779b97f4a7c15u;
	for (const char *p = r->target; *p; p++)
		v = (v ^ (uint8_t)*p) * 0xd6e8feb86659fd93u;
	return &all->buckets[(v ^ v >> 32) & (MOST - 1)];
}

static bool same(const struct bh_referral *x, const struct bh_referral *y)
{
	return bh_addr_equal(&x->server, &y->server) && !strcmp(x->path, y->path) &&
	       !strcmp(x->target, y->target);
}

int bh_referred_add(struct bh_referred *all, const struct bh_referral *is)
{
	struct referred **at = bucket(all, is), *r = *at;

	while (r && !same(&r->is, is))
		r = r->next;
	if (r && is->when < r->is.when)
		return 0;
	if (!r && all->n == MOST)
		return -ENOSPC;
	if (!r) {
		r = calloc(1, sizeof *r);
		if (!r)
			return -ENOMEM;
		r->next = *at;
		*at = r;
		all->n++;
	}
	r->is = *is;
	r->news = true;
	return 1;
}

int bh_referred_save(const struct bh_referred *all, struct bh_store *store, uint32_t source)
{
	int r = 0;

	for (size_t i = 0; !r && all->n && i < MOST; i++) {
		for (const struct referred *x = all->buckets[i]; !r && x; x = x->next)
			r = x->news ? bh_store_referral(store, source, &x->is) : 0;
	}
	return r;
}

void bh_referred_saved(struct bh_referred *all)
{
	for (size_t i = 0; all->n && i < MOST; i++) {
		for (struct referred *x = all->buckets[i]; x; x = x->next)
			x->news = false;
	}
}
