/* The parts of conversations by their ids, for whoever reads rows. */
#include "store/open.h"

#include <stdlib.h>

#define COPIES 16384u /* a power of two: parts at hand when none are kept */

struct part_copy {
	int64_t id; /* 0: none */
	char *packed; /* in malloc'ed memory, or kept in the arena */
};

/* What is kept has a place for every part; else the places are few, and who comes last has
 * his. */
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
	texts_free(&r->texts);
}

/* ---- one part ---- */

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

static int fetch(struct bh_store *s, enum part which, int64_t id, struct bh_conversation *ret)
{
	sqlite3_stmt *st;
	int r = store_wanted(s, (enum statement)(ST_LOAD + which), &st);

	if (!r)
		r = store_errno(s->db, sqlite3_bind_int64(st, 1, id));
	if (r)
		return r;
	bh_conversation_init(ret);
	int code = sqlite3_step(st);
	r = code == SQLITE_ROW    ? schema_read(st, which, ret)
	    : code == SQLITE_DONE ? -EIO
				  : store_errno(s->db, code);
	sqlite3_reset(st);
	if (!r && !sane(which, ret))
		r = -EIO;
	if (!r && s->reveal)
		bh_pseudonyms_reveal(s->reveal, ret);
	return r;
}

static int keep(struct part_reader *r, enum part which, struct bh_talk *t, char **ret)
{
	const char **const texts[] = { &t->server_name, &t->share, &t->user, &t->domain,
		&t->workstation, &t->service };
	char packed[SCHEMA_PACKED];

	for (size_t i = 0; i < BH_LEN(texts); i++) {
		*texts[i] = texts_one(&r->texts, r->s->seed, r->keep, *texts[i]);
		if (!*texts[i])
			return -ENOMEM;
	}
	size_t len = schema_pack(which, t, PACK_REFERENCES, packed);
	*ret = bh_arena_copy(r->keep, packed, len);
	return *ret ? 0 : -ENOMEM;
}

static int load(struct part_reader *r, enum part which, int64_t id, struct part_copy *to)
{
	struct bh_conversation c;
	char packed[SCHEMA_PACKED], *copy = NULL;
	int e = fetch(r->s, which, id, &c);

	if (e)
		return e;
	struct bh_talk t = bh_talk_of(&c);
	if (r->keep) {
		e = keep(r, which, &t, &copy);
		if (e)
			return e;
	} else {
		size_t len = schema_pack(which, &t, PACK_TEXTS, packed);
		copy = malloc(len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, packed, len);
		free(to->packed);
	}
	*to = (struct part_copy){ id, copy };
	return 0;
}

/* ---- all of them ---- */

static size_t place_of(const struct part_reader *r, const struct part_copies *c, int64_t id)
{
	return (size_t)(((uint64_t)id ^ r->s->seed) * 0x9e3779b97f4a7c15u >> 20) & (c->room - 1);
}

static int more_copies(const struct part_reader *r, struct part_copies *c)
{
	struct part_copies more = { .room = c->room * 2, .used = c->used };

	more.v = calloc(more.room, sizeof *more.v);
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < c->room; i++) {
		size_t k = place_of(r, &more, c->v[i].id);
		while (c->v[i].id && more.v[k].id)
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
	if (r->keep && c->used * 2 >= c->room && more_copies(r, c))
		return -ENOMEM;
	size_t i = place_of(r, c, id);
	while (r->keep && c->v[i].id && c->v[i].id != id)
		i = (i + 1) & (c->room - 1);
	struct part_copy *at = &c->v[i];
	if (at->id != id) {
		int e = load(r, which, id, at);
		if (e)
			return e;
		c->used++;
	}
	schema_unpack(which, at->packed, r->keep ? PACK_REFERENCES : PACK_TEXTS, t);
	return 0;
}
