/* What is kept of a file, and as what kind of evidence. */
#include "cli/read.h"

#define WRITER_WAIT 10000 /* ms: a running `watch` writes for milliseconds */

/* ---- what kind of evidence it is ---- */

/* The record kinds of each log begin with its name; Windows' are providers. */
static const char *evidence_of(const struct bh_told *t)
{
	static const struct {
		const char *begins, *evidence;
	} known[] = {
		{ "zeek", "zeek" },
		{ "suricata", "suricata" },
		{ "samba", "samba" },
		{ "full_audit", "samba" },
		{ "pfirewall", "pfirewall" },
	};
	const struct bh_event_count *most = NULL;

	for (size_t i = 0; i < t->n_kinds; i++) {
		const struct bh_event_count *e = &t->kinds[i];
		if (!most || e->read > most->read ||
			(e->read == most->read && e->count > most->count))
			most = e;
	}
	if (!t->tally.records)
		return "pcap";
	if (!most)
		return "log";
	for (size_t i = 0; i < BH_LEN(known); i++) {
		if (!strncmp(most->provider, known[i].begins, strlen(known[i].begins)))
			return known[i].evidence;
	}
	return "windows";
}

/* One of Zeek's logs without the others tells a part of each conversation. */
static bool is_one_zeek_log(const struct bh_told *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_kinds; i++)
		n += t->kinds[i].read && !strncmp(t->kinds[i].provider, "zeek", 4);
	return n == 1;
}

void bh_read_name_source(struct bh_told *t, bool alone)
{
	const char *evidence = evidence_of(t);

	if (alone && !strcmp(evidence, "zeek") && is_one_zeek_log(t))
		evidence = "zeeklog";
	snprintf(t->identity, sizeof t->identity, "%s:%.80s", evidence, t->content);
}

/* ---- into the database ---- */

struct saving {
	struct bh_store *store;
	uint32_t source;
	size_t rows;
};

static int save_row(void *ctx, const struct bh_row *row)
{
	struct saving *s = ctx;

	s->rows++;
	return bh_store_put(s->store, s->source, row, 1);
}

/* What the file was before is what it is now. */
static int source_of(const struct bh_read *q, const struct bh_told *t, uint32_t *ret)
{
	int r = t->known ? bh_store_source_rename(q->store, t->known, t->identity) : 0;

	return r && r != -EEXIST ? r : bh_store_source(q->store, t->identity, t->name, true, ret);
}

/* *together: the first of those that are read as one; NULL: it is alone. */
static int save_file(const struct bh_read *q, struct bh_told *t, const struct bh_inventory *inv,
	uint32_t number, uint32_t *together)
{
	struct saving s = { .store = q->store };
	int r = source_of(q, t, &s.source);

	if (r)
		return r;
	if (together && !*together)
		*together = s.source;
	const struct bh_source_file is = { .size = t->size,
		.how = q->how,
		.part = t->part,
		.together = together ? *together : 0 };
	r = bh_inventory_changes(inv, number, save_row, &s);
	if (!r)
		r = bh_heard_save(t->heard, q->store, s.source);
	if (!r)
		r = bh_store_tally(q->store, s.source, &t->tally);
	if (!r)
		r = bh_store_source_is(q->store, s.source, &is);
	t->conversations = s.rows;
	return r;
}

/* A file that is no capture says nothing, and nothing is kept of it. */
static bool said_something(const struct bh_told *t)
{
	return (!t->problem && !t->part) || t->record || t->tally.packets || t->tally.records;
}

static int save(const struct bh_read *q, struct bh_lot *lot, const struct bh_inventory *inv)
{
	uint32_t together = 0;
	int r = bh_store_begin(q->store, WRITER_WAIT);

	if (r)
		return r;
	for (size_t i = 0; !r && i < lot->n; i++) {
		if (said_something(&lot->v[i]))
			r = save_file(
				q, &lot->v[i], inv, (uint32_t)i, lot->n > 1 ? &together : NULL);
	}
	if (!r)
		r = bh_store_commit(q->store);
	if (r)
		bh_store_abandon(q->store);
	for (size_t i = 0; !r && i < lot->n; i++)
		lot->v[i].stored = said_something(&lot->v[i]);
	return r;
}

int bh_read_keep(const struct bh_read *q, struct bh_lot *lot, const struct bh_inventory *inv)
{
	int r = save(q, lot, inv);

	return r ? bh_cli_fail(q->cli, BH_EXIT_SYSTEM,
			   "the database cannot be written: %s; %s%s not kept", bh_cli_db_reason(r),
			   lot->v[0].name, lot->n > 1 ? " and what is read with it are" : " is")
		 : 0;
}
