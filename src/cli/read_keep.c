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
		{ "pfirewall", "pfirewall" },
	};
	const struct bh_event_count *most = NULL;

	for (size_t i = 0; i < t->n_kinds; i++) {
		const struct bh_event_count *e = &t->kinds[i];
		if (!most || e->read > most->read ||
			(e->read == most->read && e->count > most->count))
			most = e;
	}
	if (!most)
		return t->tally.records ? "log" : "pcap";
	for (size_t i = 0; i < BH_LEN(known); i++) {
		if (!strncmp(most->provider, known[i].begins, strlen(known[i].begins)))
			return known[i].evidence;
	}
	return "windows";
}

void bh_read_name_source(struct bh_told *t)
{
	char content[BH_READ_IDENTITY];

	memcpy(content, t->identity, sizeof content);
	snprintf(t->identity, sizeof t->identity, "%s:%.80s", evidence_of(t), content);
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

static int save(struct bh_store *store, struct bh_told *t, const struct bh_inventory *inv)
{
	struct saving s = { .store = store };
	int r = bh_store_begin(store, WRITER_WAIT);

	if (r)
		return r;
	r = bh_store_source(store, t->identity, t->name, true, &s.source);
	if (!r)
		r = bh_inventory_changes(inv, 0, save_row, &s);
	if (!r)
		r = bh_store_tally(store, s.source, &t->tally);
	if (!r)
		r = bh_store_commit(store);
	if (r) {
		bh_store_abandon(store);
		return r;
	}
	t->conversations = s.rows;
	t->stored = true;
	return 0;
}

int bh_read_keep(struct bh_cli *cli, struct bh_store *store, struct bh_told *t,
	const struct bh_inventory *inv)
{
	int r = save(store, t, inv);

	if (r == -EBUSY)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM,
			"%s is not kept: another process is writing to the database; try again",
			t->name);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s is not kept: %s", t->name,
			r == -EIO ? "the database is damaged or its disk failed"
				  : strerrordesc_np(-r));
	return 0;
}
