#include <stdlib.h>
#include <sys/random.h>

#include "sensor/observed.h"

#define ROWS  16384u /* conversations; half of their table's slots at most */
#define SLOTS (2 * ROWS)
#define NAMES 8192u /* names told, so that each is told once; a power of two */
#define KINDS 512u /* of records: what is beyond counts as "other" */

/* Ids of ours never meet those of the core, which counts from below. */
#define LEAF_BIT ((uint64_t)1 << 62)

struct row {
	char *packed; /* NULL: free */
	uint64_t hash, leaf, revision;
	struct bh_figures figures;
	bool dirty;
};

struct kind {
	struct bh_event_count count;
	bool dirty;
};

struct observed {
	bh_fact_fn sink;
	void *ctx;
	uint64_t seed, leaves, revision;
	size_t n_rows, n_kinds;
	size_t last_kind; /* logs repeat themselves */
	struct row rows[SLOTS];
	uint64_t names[NAMES]; /* hashes; 0: free */
	struct kind kinds[KINDS];
};

int observed_new(bh_fact_fn sink, void *ctx, struct observed **ret)
{
	struct observed *o = calloc(1, sizeof *o);

	if (!o)
		return -ENOMEM;
	o->sink = sink;
	o->ctx = ctx;
	if (getrandom(&o->seed, sizeof o->seed, GRND_NONBLOCK) != sizeof o->seed)
		o->seed = (uintptr_t)o;
	*ret = o;
	return 0;
}

struct observed *observed_free(struct observed *o)
{
	if (!o)
		return NULL;
	for (size_t i = 0; i < SLOTS; i++)
		free(o->rows[i].packed);
	free(o);
	return NULL;
}

/* ---- conversations ---- */

/* Where a conversation is, or its free slot. */
static struct row *slot_of(struct observed *o, const struct bh_conversation *who, uint64_t hash)
{
	for (size_t i = hash & (SLOTS - 1);; i = (i + 1) & (SLOTS - 1)) {
		struct row *r = &o->rows[i];
		struct bh_conversation c;
		if (!r->packed)
			return r;
		if (r->hash != hash)
			continue;
		bh_conversation_unpack(r->packed, &c);
		if (bh_conversation_equal(&c, who))
			return r;
	}
}

static int start_again(struct observed *o)
{
	int r = observed_tell(o, true);

	for (size_t i = 0; i < SLOTS; i++)
		free(o->rows[i].packed);
	memset(o->rows, 0, sizeof o->rows);
	o->n_rows = 0;
	return r;
}

int observed_add(struct observed *o, const struct bh_observation *seen)
{
	uint64_t hash = bh_conversation_hash(&seen->who, o->seed);
	struct row *row = slot_of(o, &seen->who, hash);

	if (!row->packed && o->n_rows == ROWS) {
		int r = start_again(o);
		if (r)
			return r;
		row = slot_of(o, &seen->who, hash);
	}
	if (!row->packed) {
		char *packed = bh_conversation_pack(&seen->who);
		if (!packed)
			return -ENOMEM;
		*row = (struct row){
			.packed = packed, .hash = hash, .leaf = LEAF_BIT | ++o->leaves
		};
		o->n_rows++;
	}
	const struct bh_figures more = {
		.connections = seen->connections,
		.opens = seen->opens,
		.pipes = seen->pipes,
		.first_seen = seen->when,
		.last_seen = seen->when,
	};
	bh_figures_add(&row->figures, &more);
	row->dirty = true;
	return 0;
}

static int tell_row(struct observed *o, struct row *row, bool closed)
{
	struct bh_fact f = {
		.magic = BH_FACT_MAGIC,
		.kind = BH_FACT_LEAF,
		.leaf = row->leaf,
		.revision = ++row->revision,
		.leaf_is = { .figures = row->figures, .closed = closed },
	};

	bh_conversation_unpack(row->packed, &f.leaf_is.who);
	row->dirty = false;
	return o->sink(o->ctx, &f);
}

/* ---- names ---- */

static uint64_t name_hash(const struct observed *o, const struct bh_name_seen *n)
{
	uint64_t h = o->seed ^ (uint64_t)n->addr.num ^ (uint64_t)(n->addr.num >> 64);

	h = (h ^ n->kind ^ (uint64_t)n->roles << 8 ^ (uint64_t)n->group << 16) *
	    0x9e3779b97f4a7c15u;
	for (const char *p = n->name; *p; p++)
		h = (h ^ (uint8_t)*p) * 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h ? h : 1;
}

/* One slot for each hash: a name that lost its place is told again, which does no harm. */
int observed_name(struct observed *o, const struct bh_name_seen *name)
{
	uint64_t h = name_hash(o, name);
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME, .name = *name };

	if (o->names[h & (NAMES - 1)] == h)
		return 0;
	o->names[h & (NAMES - 1)] = h;
	return o->sink(o->ctx, &f);
}

/* ---- kinds of records ---- */

/* A provider's name is text from outside; what is no plain ASCII is not shown. */
static void provider_text(struct bh_span provider, char ret[BH_PROVIDER_TEXT])
{
	size_t n = bh_min_size(provider.len, BH_PROVIDER_TEXT - 1);

	for (size_t i = 0; i < n; i++)
		ret[i] = provider.ptr[i] >= 0x20 && provider.ptr[i] < 0x7f ? (char)provider.ptr[i]
									   : '?';
	if (!n)
		ret[n++] = '-';
	ret[n] = 0;
}

static bool is_kind(const struct kind *k, const char *provider, uint32_t id, bool read)
{
	return k->count.id == id && k->count.read == read && !strcmp(k->count.provider, provider);
}

static struct kind *kind_of(struct observed *o, const char *provider, uint32_t id, bool read)
{
	size_t i = o->last_kind;

	if (i < o->n_kinds && is_kind(&o->kinds[i], provider, id, read))
		return &o->kinds[i];
	for (i = 0; i < o->n_kinds && !is_kind(&o->kinds[i], provider, id, read);)
		i++;
	if (i >= KINDS - 1) {
		i = KINDS - 1;
		id = 0;
		read = false;
		provider = "other";
	}
	struct kind *k = &o->kinds[i];
	if (i >= o->n_kinds) {
		k->count.id = id;
		k->count.read = read;
		memcpy(k->count.provider, provider, strlen(provider) + 1);
		o->n_kinds = i + 1;
	}
	o->last_kind = i;
	return k;
}

void observed_count(struct observed *o, struct bh_span provider, uint32_t id, bool read)
{
	char text[BH_PROVIDER_TEXT];

	provider_text(provider, text);
	struct kind *k = kind_of(o, text, id, read);
	k->count.count++;
	k->dirty = true;
}

/* ---- telling ---- */

int observed_tell(struct observed *o, bool closed)
{
	int r = 0;

	for (size_t i = 0; !r && i < SLOTS; i++) {
		struct row *row = &o->rows[i];
		if (row->packed && (row->dirty || closed))
			r = tell_row(o, row, closed);
	}
	for (size_t i = 0; !r && i < o->n_kinds; i++) {
		struct bh_fact f = {
			.magic = BH_FACT_MAGIC,
			.kind = BH_FACT_EVENTS,
			.revision = ++o->revision,
			.events = o->kinds[i].count,
		};
		if (!o->kinds[i].dirty)
			continue;
		o->kinds[i].dirty = false;
		r = o->sink(o->ctx, &f);
	}
	return r;
}
