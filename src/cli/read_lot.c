/*
 * What is read as one.  Zeek writes what it knows of a connection into several logs: those
 * of one folder that one call names are read in an order in which they can be joined.  Each
 * stays a source of its own, which says with which others it was read: if one of them were
 * read again without these, a connection would count twice.
 */
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/read.h"

#define CANDIDATES 64 /* looked at together */

/* ---- which ---- */

/* Gzipped, or text as Zeek begins it; the sensor looks closer. */
static bool may_be_zeek(int fd)
{
	unsigned char c = 0;

	return pread(fd, &c, 1, 0) == 1 && (c == '#' || c == '{' || c == 0x1f);
}

static int folder_of(const char *name, struct stat *ret)
{
	char *copy = strdup(name);
	int r = copy ? stat(dirname(copy), ret) : -1;

	free(copy);
	return r;
}

static bool same_folder(const char *x, const char *y)
{
	struct stat a, b;

	return !folder_of(x, &a) && !folder_of(y, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool may_belong(const struct bh_read *q, size_t i, size_t k)
{
	struct stat st;

	return !q->taken[k] && !stat(q->names[k], &st) && S_ISREG(st.st_mode) &&
	       !access(q->names[k], R_OK) && same_folder(q->names[i], q->names[k]);
}

/* Files that were opened to be looked at, and which of the call's names they have. */
struct candidates {
	struct bh_told v[CANDIDATES];
	size_t at[CANDIDATES], n;
};

/* The Zeek logs among them belong to the lot; the rest is closed until its turn comes. */
static int take_zeek(struct bh_read *q, struct candidates *c, struct bh_lot *lot)
{
	uint8_t order[CANDIDATES] = { 0 };
	int fds[CANDIDATES], r = 0;

	for (size_t i = 0; i < c->n; i++)
		fds[i] = c->v[i].fd;
	if (bh_sensor_zeek_order(fds, c->n, order))
		memset(order, 0, sizeof order); /* read alone, they say what is wrong */
	for (size_t i = 0; i < c->n; i++) {
		if (!order[i] || r) {
			close(c->v[i].fd);
		} else if (lot->n == BH_SENSOR_FILES) {
			close(c->v[i].fd);
			r = bh_cli_usage(q->cli,
				"more than %u Zeek logs of one folder cannot be read as one: name "
				"those of a day or less at a time",
				BH_SENSOR_FILES);
		} else {
			c->v[i].order = order[i];
			lot->v[lot->n++] = c->v[i];
			q->taken[c->at[i]] = true;
		}
	}
	c->n = 0;
	return r;
}

static int take_others(struct bh_read *q, size_t i, struct bh_lot *lot)
{
	struct candidates *c = calloc(1, sizeof *c);
	int r = c ? 0 : bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "out of memory");

	for (size_t k = i + 1; !r && k < q->n_names; k++) {
		struct bh_told t = { .name = q->names[k] };
		if (!may_belong(q, i, k) || bh_read_open(q->cli, &t))
			continue;
		if (!may_be_zeek(t.fd)) {
			close(t.fd);
			continue;
		}
		c->at[c->n] = k;
		c->v[c->n++] = t;
		if (c->n == CANDIDATES)
			r = take_zeek(q, c, lot);
	}
	if (!r && c->n)
		r = take_zeek(q, c, lot);
	free(c);
	return r;
}

static int by_order(const void *a, const void *b)
{
	const struct bh_told *x = a, *y = b;

	return x->order != y->order ? x->order - y->order : strcmp(x->name, y->name);
}

int bh_read_lot(struct bh_read *q, size_t i, struct bh_lot *ret)
{
	struct bh_lot lot = { .v = calloc(BH_SENSOR_FILES, sizeof *lot.v), .n = 1 };
	int r = lot.v ? 0 : bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "out of memory");

	if (r)
		return r;
	lot.v[0] = (struct bh_told){ .name = q->names[i], .fd = -1 };
	r = bh_read_open(q->cli, &lot.v[0]);
	/* A last file, and one that is no Zeek log, stands alone. */
	if (!r && i + 1 < q->n_names && strcmp(q->names[i], "-") && may_be_zeek(lot.v[0].fd) &&
		!bh_sensor_zeek_order(&lot.v[0].fd, 1, &lot.v[0].order) && lot.v[0].order)
		r = take_others(q, i, &lot);
	qsort(lot.v, lot.n, sizeof *lot.v, by_order);
	*ret = lot;
	return r;
}

void bh_read_lot_free(struct bh_lot *lot)
{
	for (size_t i = 0; i < lot->n; i++) {
		if (lot->v[i].fd >= 0)
			close(lot->v[i].fd);
		bh_heard_free(lot->v[i].heard);
		free(lot->v[i].kinds);
		free(lot->v[i].as);
	}
	free(lot->v);
	*lot = (struct bh_lot){ 0 };
}

/* ---- what is known of them ---- */

static bool stands_in(const struct bh_lot *lot, uint32_t source)
{
	for (size_t i = 0; i < lot->n; i++) {
		if (lot->v[i].known == source)
			return true;
	}
	return false;
}

/* Those that were read as one with it must be here, too: what they told together cannot be
 * taken back in part. */
static int has_its_company(
	const struct bh_read *q, const struct bh_lot *lot, const struct bh_told *t)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF names = { 0 };
	const struct bh_source_row *v;
	size_t n, missing = 0;
	int r = bh_store_sources_together(q->store, t->together, &a, &v, &n);

	if (r)
		return bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "the database cannot be read: %s",
			bh_cli_db_reason(r));
	for (size_t i = 0; i < n; i++) {
		if (!stands_in(lot, v[i].id) && missing++ < 5)
			bh_buf_printf(&names, "%s%s", missing > 1 ? ", " : "", v[i].label);
	}
	if (!missing)
		return 0;
	return bh_cli_fail(q->cli, BH_EXIT_INPUT,
		"%s was read as one with %s%s: name all of them again, or it would count twice",
		t->name, bh_buf_text(&names), missing > 5 ? ", …" : "");
}

static void drop(struct bh_lot *lot, size_t i)
{
	close(lot->v[i].fd);
	lot->n--;
	memmove(&lot->v[i], &lot->v[i + 1], (lot->n - i) * sizeof *lot->v);
}

/* The same content under two names is one file. */
static void drop_twins(struct bh_lot *lot)
{
	for (size_t i = 0; i < lot->n; i++) {
		for (size_t k = lot->n - 1; k > i; k--) {
			if (!strcmp(lot->v[i].content, lot->v[k].content))
				drop(lot, k);
		}
	}
}

/* All of it was read as one; or a part of what was. */
static bool is_all_known(const struct bh_lot *lot)
{
	for (size_t i = 0; i < lot->n; i++) {
		if (!lot->v[i].already || lot->v[i].together != lot->v[0].together)
			return false;
	}
	return lot->n == 1 || lot->v[0].together;
}

int bh_read_lot_known(struct bh_read *q, struct bh_lot *lot)
{
	int r = 0;

	for (size_t i = 0; !r && i < lot->n; i++)
		r = bh_read_identify(q->cli, &lot->v[i], lot->v[i].size, lot->v[i].content);
	if (r)
		return r;
	drop_twins(lot);
	for (size_t i = 0; !r && i < lot->n; i++) {
		r = bh_read_known(q, &lot->v[i]);
		for (size_t k = 0; !r && k < i; k++) { /* of one file two may have grown */
			if (lot->v[k].known == lot->v[i].known)
				lot->v[i].known = lot->v[i].together = 0;
		}
	}
	if (r || is_all_known(lot))
		return r;
	for (size_t i = 0; !r && i < lot->n; i++) {
		lot->v[i].already = false;
		lot->v[i].tally = (struct bh_tally){ 0 };
		if (lot->v[i].together)
			r = has_its_company(q, lot, &lot->v[i]);
	}
	return r;
}
