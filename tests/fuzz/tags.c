/*
 * Any bytes as a file of tags: told whole or refused with a place that exists.  What is
 * told is sorted, distinct, findable, and of the Internet only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "json/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "tags: %s\n", what);
	abort();
}

static void sane(const struct bh_tags *t)
{
	const struct bh_addr ours[] = { bh_addr_v4(0x0a000001), bh_addr_v4(0x7f000001),
		bh_addr_v4(0xc0a80101), bh_addr_v4(0xffffffff) };

	must(!t->cloud == (t->kind == BH_TAGS_OFFICE365), "a cloud where there is none");
	for (size_t i = 0; i < t->n; i++) {
		must(!i || strcasecmp(t->v[i - 1].name, t->v[i].name) < 0, "disorder");
		must(bh_tags_find(t, t->v[i].name) == &t->v[i], "a tag that is not found");
		for (size_t k = 0; k < BH_LEN(ours); k++)
			must(!bh_addrset_contains(&t->v[i].addrs, &ours[k]), "one's own network");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	struct bh_diags d = { .arena = &a };
	const struct bh_tags *t = NULL;
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	must(!bh_tags_parse("tags", bh_span_of(data, size), &a, &d, &t), "parse fails");
	must(!t == (d.errors > 0), "told and refused at once, or neither");
	if (t)
		sane(t);
	for (const struct bh_diag *one = d.first; one; one = one->next) {
		must(one->line <= lines, "a line that is not there");
		bh_diag_render(one, false, &text);
	}
	return 0;
}
