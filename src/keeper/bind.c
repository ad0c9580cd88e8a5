#include <nettle/sha2.h>
#include <stdlib.h>

#include "keeper/files.h"

static int by_place(const void *x, const void *y, void *main_file)
{
	const struct bh_diag *const *a = x, *const *b = y;

	/* The policy itself first, then what it includes. */
	if ((*a)->file != (*b)->file) {
		int r = strcmp((*a)->file, (*b)->file);
		if (r)
			return !strcmp((*a)->file, main_file)   ? -1
			       : !strcmp((*b)->file, main_file) ? 1
								: r;
	}
	if ((*a)->line != (*b)->line)
		return (*a)->line < (*b)->line ? -1 : 1;
	return (*a)->column < (*b)->column ? -1 : (*a)->column > (*b)->column;
}

/* Text, names and addresses are looked at one after the other; people read from the top.
 * What has no place (the whole file, "and more") stays behind the rest. */
static void sort_diags(struct bh_diags *d, const char *main_file)
{
	struct bh_diag **v, **to = &d->first, *rest = NULL, **end = &rest;
	size_t n = 0, i = 0;

	for (struct bh_diag *one = d->first; one; one = one->next)
		n += one->line != 0;
	v = n ? calloc(n, sizeof *v) : NULL;
	if (!v)
		return; /* in the order they were found, then */
	for (struct bh_diag *one = d->first, *next; one; one = next) {
		next = one->next;
		one->next = NULL;
		if (one->line) {
			v[i++] = one;
		} else {
			*end = d->last = one;
			end = &one->next;
		}
	}
	qsort_r(v, n, sizeof *v, by_place, (void *)(uintptr_t)main_file);
	for (i = 0; i < n; i++) {
		*to = v[i];
		to = &v[i]->next;
	}
	*to = rest;
	if (!rest)
		d->last = v[n - 1];
	free(v);
}

int bh_keeper_bind(const char *name, struct bh_span text, const struct bh_names *names,
	struct bh_arena *a, struct bh_diags *diags, struct bh_ready *ret)
{
	struct bh_ready r = { .name = name, .text = text };
	struct sha256_ctx sha;

	if (names)
		r.names = *names;
	else
		bh_keeper_names_system(&r.names);
	int err = r.names.tag ? 0 : bh_keeper_tags(a, &r.names);
	if (!err)
		err = bh_policy_read(name, text, &bh_keeper_files, a, diags, &r.policy);
	if (err < 0)
		return err;
	err = bh_policy_bind(r.policy, &r.names, a, diags, &r.bound);
	if (err < 0)
		return err;

	sort_diags(diags, name);
	bh_keeper_tags_stale(&r.names, diags);
	sha256_init(&sha);
	sha256_update(&sha, strlen(r.bound->canonical), (const uint8_t *)r.bound->canonical);
	sha256_digest(&sha, sizeof r.hash, r.hash);
	*ret = r;
	return 0;
}
