/* The parts of conversations by their content, for whoever writes rows. */
#include "store/open.h"

#include <stdlib.h>

#define MAP_BYTES (8u << 20) /* what one map remembers at most */

/* Keyed, so that chosen texts do not meet; no signature. */
static uint64_t hash(uint64_t seed, const char *p, size_t len)
{
	uint64_t h = seed ^ len * 0x9e3779b97f4a7c15u, v;

	for (; len >= sizeof v; p += sizeof v, len -= sizeof v) {
		memcpy(&v, p, sizeof v);
		h = (h ^ v) * 0xd6e8feb86659fd93u;
		h ^= h >> 32;
	}
	v = 0;
	memcpy(&v, p, len);
	h = (h ^ v ^ seed >> 7) * 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static void map_clear(struct part_map *m)
{
	for (size_t i = 0; i < m->room; i++)
		free(m->slots[i].packed);
	free(m->slots);
	*m = (struct part_map){ 0 };
}

void parts_forget(struct bh_store *s)
{
	for (int i = 0; i < PARTS; i++)
		map_clear(&s->maps[i]);
}

static struct part_slot *map_find(const struct part_map *m, uint64_t h, const char *p, size_t len)
{
	for (size_t i = h & (m->room - 1); m->room; i = (i + 1) & (m->room - 1)) {
		struct part_slot *at = &m->slots[i];
		if (!at->packed || (at->hash == h && at->len == len && !memcmp(at->packed, p, len)))
			return at;
	}
	return NULL;
}

static int map_grow(struct part_map *m)
{
	size_t room = m->room ? m->room * 2 : 256;
	struct part_slot *v = calloc(room, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < m->room; i++) {
		if (!m->slots[i].packed)
			continue;
		size_t k = m->slots[i].hash & (room - 1);
		while (v[k].packed)
			k = (k + 1) & (room - 1);
		v[k] = m->slots[i];
	}
	free(m->slots);
	m->slots = v;
	m->room = room;
	return 0;
}

static int map_add(struct part_map *m, uint64_t h, const char *p, size_t len, uint32_t id)
{
	/* Everything at once: what is still used comes back from the database. */
	if (m->bytes > MAP_BYTES)
		map_clear(m);
	int r = m->used >= m->room / 2 ? map_grow(m) : 0;
	if (r)
		return r;
	struct part_slot *at = map_find(m, h, p, len);
	at->packed = malloc(len);
	if (!at->packed)
		return -ENOMEM;
	memcpy(at->packed, p, len);
	at->hash = h;
	at->len = (uint32_t)len;
	at->id = id;
	m->used++;
	m->bytes += len + sizeof *at;
	return 0;
}

static int find_stored(struct bh_store *s, enum part which, const struct bh_talk *t, int64_t *ret)
{
	sqlite3_stmt *st;
	int r = store_wanted(s, (enum statement)(ST_FIND + which), &st);

	if (!r)
		r = schema_bind(st, which, t);
	if (r)
		return r;
	int code = sqlite3_step(st);
	int64_t id = sqlite3_column_int64(st, 0);
	r = code == SQLITE_ROW ? 0 : code == SQLITE_DONE ? -ENOENT : store_errno(s->db, code);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (!r)
		*ret = id;
	return r;
}

static int add_stored(struct bh_store *s, enum part which, const struct bh_talk *t, int64_t *ret)
{
	sqlite3_stmt *st;
	int r = store_wanted(s, (enum statement)(ST_ADD + which), &st);

	if (!r)
		r = schema_bind(st, which, t);
	if (!r)
		r = store_run(s, st);
	if (!r)
		*ret = sqlite3_last_insert_rowid(s->db);
	return r;
}

int part_id(struct bh_store *s, enum part which, const struct bh_talk *t, bool add, uint32_t *ret)
{
	char packed[SCHEMA_PACKED];
	size_t len = schema_pack(which, t, PACK_TEXTS, packed);
	uint64_t h = hash(s->seed, packed, len);
	const struct part_slot *at = map_find(&s->maps[which], h, packed, len);
	int64_t id;

	if (at && at->packed) {
		*ret = at->id;
		return 0;
	}
	int r = find_stored(s, which, t, &id);
	if (r == -ENOENT && add)
		r = add_stored(s, which, t, &id);
	if (r)
		return r;
	if (id <= 0 || id > UINT32_MAX)
		return -EOVERFLOW;
	r = map_add(&s->maps[which], h, packed, len, (uint32_t)id);
	if (!r)
		*ret = (uint32_t)id;
	return r;
}
