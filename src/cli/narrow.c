/*
 * Evidence is joined by its two machines.  Where every row has the addresses of both, those
 * of one client, or of one server, have nothing to do with others, and the database finds
 * them through its indexes.  A user or a share is asked for by way of the clients that have
 * to do with them.  Where a log names a machine without its address, any row may say which
 * one that is, and all are read.
 */
#include <stdlib.h>

#include "cli/narrow.h"

#define MOST_CLIENTS 32 /* one by one; of more everything is read */

struct clients {
	struct bh_addr v[MOST_CLIENTS];
	size_t n;
	bool glue_alone; /* the others need no company */
	bool many;
};

/* IPC$ that nothing was opened in is for what else its two machines do. */
static bool needs_company(const struct bh_row *row)
{
	return bh_share_class(&row->who) == BH_CLASS_IPC && !row->figures.pipes;
}

static int note_client(void *ctx, const struct bh_row *row)
{
	struct clients *c = ctx;

	if (c->glue_alone && !needs_company(row))
		return 0;
	for (size_t i = 0; i < c->n; i++) {
		if (bh_addr_equal(&c->v[i], &row->who.client))
			return 0;
	}
	if (c->n == MOST_CLIENTS) {
		c->many = true;
		return 1;
	}
	c->v[c->n++] = row->who.client;
	return 0;
}

static bool captures_alone(const struct bh_cli_inventory *inv)
{
	for (size_t i = 0; i < inv->n_sources; i++) {
		if (bh_kind_of(inv->sources[i].identity) != BH_KIND_CAPTURE)
			return false;
	}
	return true;
}

static bool is_client(const struct clients *c, const struct bh_addr *a)
{
	for (size_t i = 0; i < c->n; i++) {
		if (bh_addr_equal(&c->v[i], a))
			return true;
	}
	return false;
}

static int by_talk(const void *a, const void *b)
{
	const struct bh_row *x = a, *y = b;

	return bh_talk_compare(&x->who, &y->who);
}

/* Several answers as one: parts[0] without rows of these clients, who are in the others. */
static int put_together(const struct clients *c, const struct bh_cli_inventory *parts, size_t n,
	struct bh_arena *a, struct bh_cli_inventory *inv)
{
	size_t room = 1, count = 0;

	for (size_t i = 0; i < n; i++)
		room += parts[i].n;
	struct bh_row *rows = bh_arena_array(a, room, sizeof *rows);
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < parts[i].n; k++) {
			if (i || !is_client(c, &parts[i].rows[k].who.client))
				rows[count++] = parts[i].rows[k];
		}
	}
	qsort(rows, count, sizeof *rows, by_talk);
	inv->rows = rows;
	inv->n = count;
	return 0;
}

/* All that these clients do; and, where the others stand for themselves, what f leaves. */
static int read_clients(struct bh_store *s, const struct clients *c,
	const struct bh_store_filter *f, struct bh_arena *a, struct bh_cli_inventory *inv)
{
	struct bh_cli_inventory parts[MOST_CLIENTS + 1] = { 0 };
	struct bh_store_filter one = { .since = f->since, .until = f->until };
	int r = 0;

	if (c->glue_alone)
		r = bh_store_rows(s, f, a, &parts[0].rows, &parts[0].n);
	for (size_t i = 0; !r && i < c->n; i++) {
		one.client = c->v[i];
		r = bh_store_rows(s, &one, a, &parts[i + 1].rows, &parts[i + 1].n);
	}
	return r ? r : put_together(c, parts, c->n + 1, a, inv);
}

/* Evidence of other kinds may spell it otherwise: with its domain, with its server. */
static void loosen(struct bh_store_filter *f)
{
	const char *slash = f->user ? strchr(f->user, '\\') : NULL;

	if (slash)
		f->user = slash + 1;
	if (f->share)
		f->share = bh_share_name(f->share);
}

int bh_cli_narrow(struct bh_store *s, const struct bh_store_filter *f, struct bh_arena *a,
	struct bh_cli_inventory *inv)
{
	struct bh_store_filter ask = *f, all = { .since = f->since, .until = f->until };
	struct clients c = { .glue_alone = captures_alone(inv) };
	bool addressed = false;
	int r = bh_store_addressed(s, &addressed);

	if (r)
		return r;
	if (!addressed)
		return bh_store_rows(s, &all, a, &inv->rows, &inv->n);
	all.client = ask.client;
	all.server = ask.server;
	if (ask.client.family || ask.server.family || (!ask.user && !ask.share))
		return bh_store_rows(s, &all, a, &inv->rows, &inv->n);
	loosen(&ask);
	r = bh_store_each(s, &ask, note_client, &c);
	if (r < 0)
		return r;
	return c.many ? bh_store_rows(s, &all, a, &inv->rows, &inv->n)
		      : read_clients(s, &c, &ask, a, inv);
}
