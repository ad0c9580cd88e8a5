/* A file that was read before, also when it was smaller: then it replaces what it said. */
#include <stdlib.h>

#include "cli/read.h"

#define GROWN_MOST 16 /* earlier files of a name that are held against it */

static int unread(const struct bh_read *q, int r)
{
	return bh_cli_fail(
		q->cli, BH_EXIT_SYSTEM, "the database cannot be read: %s", bh_cli_db_reason(r));
}

static void is_known(struct bh_told *t, const struct bh_source_row *s)
{
	t->known = s->id;
	t->together = s->file.together;
}

static bool same_content(const struct bh_source_row *s, const char *content)
{
	const char *colon = strchr(s->identity, ':');

	return colon && !strcmp(colon + 1, content);
}

static int by_size(const void *a, const void *b)
{
	const struct bh_source_row *x = a, *y = b;

	return (x->file.size < y->file.size) - (x->file.size > y->file.size);
}

/* Was the file one of these?  The longest counts: a new log may begin like an old one. */
static int was_one(const struct bh_read *q, struct bh_told *t, struct bh_source_row *v, size_t n)
{
	char content[BH_READ_IDENTITY];

	qsort(v, n, sizeof *v, by_size);
	for (size_t i = 0, tried = 0; i < n && tried < GROWN_MOST; i++) {
		if (!v[i].file.size || v[i].file.size >= t->size)
			continue;
		tried++;
		int r = bh_read_identify(q->cli, t, v[i].file.size, content);
		if (r)
			return r;
		if (same_content(&v[i], content)) {
			is_known(t, &v[i]);
			t->grown = true;
			break;
		}
	}
	return 0;
}

static int was_called(const struct bh_read *q, struct bh_told *t, const char *name)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_source_row *v;
	size_t n;
	int r = bh_store_sources_called(q->store, name, &a, &v, &n);

	if (r)
		return unread(q, r);
	struct bh_source_row *own = bh_arena_array(&a, n + 1, sizeof *own);
	if (!own)
		return unread(q, -ENOMEM);
	for (size_t i = 0; i < n; i++)
		own[i] = v[i];
	return was_one(q, t, own, n);
}

/* A log that is written on, or that was rotated since: by its name, whatever folder it is in
 * now, and by what of its name was there before ".1" or "-20260131". */
static int was_smaller(const struct bh_read *q, struct bh_told *t)
{
	const char *slash = strrchr(t->name, '/'), *name = slash ? slash + 1 : t->name;
	const char *ends[] = { name + strlen(name), strrchr(name, '.'), strrchr(name, '-') };
	int r = 0;

	for (size_t i = 0; !r && !t->known && i < BH_LEN(ends); i++) {
		BH_AUTO_BUF part = { 0 };
		if (!ends[i] || ends[i] == name)
			continue;
		bh_buf_add(&part, name, (size_t)(ends[i] - name));
		r = bh_buf_ok(&part) ? was_called(q, t, bh_buf_text(&part)) : unread(q, -ENOMEM);
	}
	return r;
}

int bh_read_known(const struct bh_read *q, struct bh_told *t)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_source_row *v;
	size_t n;
	int r = bh_store_sources_of(q->store, t->content, &a, &v, &n);

	if (r)
		return unread(q, r);
	if (!n)
		return was_smaller(q, t);
	is_known(t, &v[0]);
	t->already = !q->again && !v[0].file.part && !strcmp(v[0].file.how, q->how);
	if (!t->already)
		return 0;
	t->tally = v[0].tally;
	t->as = strdup(v[0].label);
	snprintf(t->identity, sizeof t->identity, "%s", v[0].identity);
	return t->as ? 0 : bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "out of memory");
}
