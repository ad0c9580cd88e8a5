/* The parts of conversations, by their content while writing, by their id while reading. */
#include "store/open.h"

#include <stdlib.h>

#define MAP_BYTES (8u << 20) /* what one map remembers at most */
#define COPIES    16384u /* a power of two: parts at hand while reading */

/* ---- by content ---- */

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
	size_t len = schema_pack(which, t, packed);
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

/* ---- by id ---- */

struct part_copy {
	int64_t id; /* 0: none */
	char *packed;
};

/* By their ids: what is kept has a place for every part, and else the places are few, and
 * who comes last has his. */
struct part_copies {
	struct part_copy *v;
	size_t room, used;
};

void part_reader_free(struct part_reader *r)
{
	for (int which = 0; which < PARTS; which++) {
		struct part_copies *c = r->copies[which];
		for (size_t i = 0; c && !r->keep && i < c->room; i++)
			free(c->v[i].packed);
		if (c)
			free(c->v);
		free(c);
	}
}

/* A file that others can write is believed no more than a sensor.  The other parts of the
 * conversation are made to fit, so that this one alone is judged. */
static bool sane(enum part which, const struct bh_conversation *part)
{
	static const uint8_t any[16] = { 0xfd };
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	struct bh_conversation *c = &f.leaf_is.who;

	*c = *part;
	const struct bh_addr *end = which == PART_CALLER ? &c->client : &c->server;
	struct bh_addr fits = end->family == BH_V6 ? bh_addr_v6(any) : bh_addr_v4(1);
	if (which != PART_CALLER)
		c->client = fits;
	if (which != PART_PLACE)
		c->server = fits;
	return bh_fact_sane(&f);
}

static int load(struct part_reader *reader, enum part which, int64_t id, struct part_copy *to)
{
	struct bh_store *s = reader->s;
	struct bh_conversation c;
	char packed[SCHEMA_PACKED];
	sqlite3_stmt *st;
	int r = store_wanted(s, (enum statement)(ST_LOAD + which), &st);

	if (!r)
		r = store_errno(s->db, sqlite3_bind_int64(st, 1, id));
	if (r)
		return r;
	bh_conversation_init(&c);
	int code = sqlite3_step(st);
	r = code == SQLITE_ROW    ? schema_read(st, which, &c)
	    : code == SQLITE_DONE ? -EIO
				  : store_errno(s->db, code);
	sqlite3_reset(st);
	if (!r && !sane(which, &c))
		r = -EIO;
	if (r)
		return r;
	if (s->reveal)
		bh_pseudonyms_reveal(s->reveal, &c);
	const struct bh_talk t = bh_talk_of(&c);
	size_t len = schema_pack(which, &t, packed);
	char *copy = reader->keep ? bh_arena_strn(reader->keep, packed, len) : malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, packed, len);
	if (!reader->keep)
		free(to->packed);
	*to = (struct part_copy){ id, copy };
	return 0;
}

static size_t place_of(const struct part_copies *c, int64_t id)
{
	return (size_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 20) & (c->room - 1);
}

static int more_copies(struct part_copies *c)
{
	struct part_copies more = { .room = c->room * 2, .used = c->used };

	more.v = calloc(more.room, sizeof *more.v);
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < c->room; i++) {
		size_t k = place_of(&more, c->v[i].id);
		while (more.v[k].id)
			k = (k + 1) & (more.room - 1);
		if (c->v[i].id)
			more.v[k] = c->v[i];
	}
	free(c->v);
	*c = more;
	return 0;
}

static struct part_copies *copies_of(struct part_reader *r, enum part which)
{
	struct part_copies *c = r->copies[which];

	if (c)
		return c;
	c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->room = r->keep ? 256 : COPIES;
	c->v = calloc(c->room, sizeof *c->v);
	if (!c->v) {
		free(c);
		return NULL;
	}
	r->copies[which] = c;
	return c;
}

int part_read(struct part_reader *r, enum part which, int64_t id, struct bh_talk *t)
{
	struct part_copies *c = copies_of(r, which);

	if (!c)
		return -ENOMEM;
	if (id <= 0)
		return -EIO;
	if (r->keep && c->used * 2 >= c->room) {
		int e = more_copies(c);
		if (e)
			return e;
	}
	size_t i = place_of(c, id);
	while (r->keep && c->v[i].id && c->v[i].id != id)
		i = (i + 1) & (c->room - 1);
	struct part_copy *at = &c->v[i];
	if (at->id != id) {
		int e = load(r, which, id, at);
		if (e)
			return e;
		c->used++;
	}
	schema_unpack(which, at->packed, t);
	return 0;
}
