/* Texts of rows, each once: rows that say the same point to one place. */
#include "store/open.h"

#include <stdlib.h>

struct text_slot {
	uint64_t hash;
	const char *text; /* NULL: a free place */
};

void texts_free(struct texts *t)
{
	free(t->slots);
	*t = (struct texts){ 0 };
}

/* Keyed, as are all tables of what peers chose. */
static uint64_t hash(uint64_t seed, const char *s)
{
	uint64_t h = seed ^ 0x9e3779b97f4a7c15u;

	for (; *s; s++) {
		h = (h ^ (uint8_t)*s) * 0xd6e8feb86659fd93u;
		h ^= h >> 32;
	}
	return h;
}

static struct text_slot *find(const struct texts *t, uint64_t h, const char *text)
{
	size_t i = h & (t->room - 1);

	while (t->slots[i].text && (t->slots[i].hash != h || strcmp(t->slots[i].text, text)))
		i = (i + 1) & (t->room - 1);
	return &t->slots[i];
}

static int grow(struct texts *t)
{
	struct texts more = { .room = t->room ? t->room * 2 : 256, .used = t->used };

	more.slots = calloc(more.room, sizeof *more.slots);
	if (!more.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->room; i++) {
		size_t k = t->slots[i].hash & (more.room - 1);
		while (t->slots[i].text && more.slots[k].text)
			k = (k + 1) & (more.room - 1);
		if (t->slots[i].text)
			more.slots[k] = t->slots[i];
	}
	free(t->slots);
	*t = more;
	return 0;
}

const char *texts_one(struct texts *t, uint64_t seed, struct bh_arena *a, const char *text)
{
	if (!*text)
		return "";
	if (t->used * 2 >= t->room && grow(t))
		return NULL;
	uint64_t h = hash(seed, text);
	struct text_slot *at = find(t, h, text);
	if (!at->text) {
		const char *own = bh_arena_str(a, text);
		if (!own)
			return NULL;
		*at = (struct text_slot){ h, own };
		t->used++;
	}
	return at->text;
}
