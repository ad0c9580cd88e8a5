/*
 * show: what the `show` commands share: width, order, and one list as a table, as JSON
 * or as CSV.
 */
#pragma once

#include "cli/filter.h"

#define BH_SHOW_WIDE 120 /* columns from which things are told at length */

/* "3 minutes ago", "2024-01-31" where it is long ago, or "3m"; "-": not known.  Returns the
 * buffer's text. */
const char *bh_show_ago(bh_time t, bh_time now, bool brief, struct bh_buf *b);

/* "no hosts in the inventory match"; an exit status. */
int bh_show_nothing(const struct bh_cli *cli, const char *what);

/* An order that --sort knows. */
struct bh_show_order {
	const char *name;
	int (*compare)(const void *, const void *); /* NULL: as it comes */
};

/* One list: n elements of size at v, which may be reordered.  Sorts (the first order is
 * the default), cuts, and shows: json makes the object of one element, table prints all
 * of them; csv makes an object without objects in it, NULL: json does.  An exit status. */
struct bh_show_list {
	const char *what; /* "hosts" */
	void *v;
	size_t n, size;
	const struct bh_show_order *orders; /* ends with { 0 } */
	json_t *(*json)(const void *element, void *ctx);
	json_t *(*csv)(const void *element, void *ctx);
	int (*table)(const struct bh_cli *cli, const void *v, size_t n, void *ctx);
	void *ctx;
};
int bh_show(const struct bh_cli *cli, const struct bh_filter *f, const struct bh_show_list *list);
