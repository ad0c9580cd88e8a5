#include "evidence/kinds.h"

#include <stdlib.h>

#include "evidence/said.h"

#define BUCKETS (BH_KINDS * 2)

struct kind {
	uint64_t count, told;
	uint32_t id;
	uint8_t len;
	bool read;
	char name[BH_PROVIDER_TEXT];
};

struct bh_kinds {
	uint64_t seed;
	uint32_t n, last;
	uint64_t others, others_told;
	uint16_t bucket[BUCKETS]; /* number + 1 */
	struct kind kind[BH_KINDS];
};

int bh_kinds_new(uint64_t seed, struct bh_kinds **ret)
{
	struct bh_kinds *k = calloc(1, sizeof *k);

	if (!k)
		return -ENOMEM;
	k->seed = seed;
	*ret = k;
	return 0;
}

struct bh_kinds *bh_kinds_free(struct bh_kinds *k)
{
	free(k);
	return NULL;
}

static bool is(const struct kind *k, struct bh_span name, uint32_t id)
{
	return k->id == id && k->len == name.len &&
	       (!name.len || !memcmp(k->name, name.ptr, name.len));
}

static uint32_t hash(const struct bh_kinds *k, struct bh_span name, uint32_t id)
{
	uint64_t h = (k->seed ^ id) * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < name.len; i++) {
		h = (h ^ name.ptr[i]) * 0x100000001b3u;
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32) % BUCKETS;
}

/* NULL: it is new and there is no room. */
static struct kind *find(struct bh_kinds *k, struct bh_span name, uint32_t id)
{
	uint32_t i = hash(k, name, id);

	while (k->bucket[i] && !is(&k->kind[k->bucket[i] - 1], name, id))
		i = (i + 1) % BUCKETS;
	if (k->bucket[i])
		return &k->kind[k->bucket[i] - 1];
	if (k->n == BH_KINDS)
		return NULL;
	struct kind *new = &k->kind[k->n++];
	k->bucket[i] = (uint16_t)k->n;
	new->id = id;
	new->len = (uint8_t)name.len;
	if (name.len)
		memcpy(new->name, name.ptr, name.len);
	return new;
}

/* Cleaned before it is looked for, so that two that look alike are one. */
static struct kind *find_clean(struct bh_kinds *k, struct bh_span name, uint32_t id)
{
	char clean[BH_PROVIDER_TEXT];

	bh_said_text(name, clean, sizeof clean);
	return find(k, bh_span_of(clean, strlen(clean)), id);
}

void bh_kinds_add(struct bh_kinds *k, struct bh_span name, uint32_t id, bool read)
{
	/* Records of a kind come in runs. */
	struct kind *at = k->n && is(&k->kind[k->last], name, id) ? &k->kind[k->last]
								  : find_clean(k, name, id);
	if (!at) {
		k->others++;
		return;
	}
	k->last = (uint32_t)(at - k->kind);
	at->count++;
	at->read |= read;
}

int bh_kinds_tell(
	struct bh_kinds *k, int (*fn)(void *ctx, const struct bh_event_count *e), void *ctx)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < k->n; i++) {
		struct kind *kind = &k->kind[i];
		struct bh_event_count e = {
			.count = kind->count, .id = kind->id, .read = kind->read
		};
		if (kind->told == kind->count)
			continue;
		kind->told = kind->count;
		memcpy(e.provider, kind->name, kind->len);
		r = fn(ctx, &e);
	}
	if (r || k->others == k->others_told)
		return r;
	struct bh_event_count e = { .count = k->others, .provider = "(others)" };
	k->others_told = k->others;
	return fn(ctx, &e);
}
