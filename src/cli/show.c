#include "cli/show.h"

#include <stdlib.h>

#include "cli/csv.h"
#include "cli/said.h"

#define LONG_AGO (100 * 86400 * BH_SECOND) /* nobody counts in days any more */

const char *bh_show_ago(bh_time t, bh_time now, bool brief, struct bh_buf *b)
{
	BH_AUTO_BUF day = { 0 };

	if (!t) {
		bh_buf_str(b, "-");
	} else if (!brief && now - t > LONG_AGO) {
		bh_time_format(t, &day);
		bh_buf_printf(b, "%.10s", bh_buf_text(&day));
	} else if (brief)
		bh_said_age(t, now, b);
	else
		bh_time_ago(t, now, b);
	return bh_buf_text(b);
}

int bh_show_nothing(const struct bh_cli *cli, const char *what)
{
	if (!cli->quiet)
		printf("no %s in the inventory match\n", what);
	return bh_cli_flush(cli);
}

/* ---- order ---- */

static int order_of(const struct bh_cli *cli, const struct bh_filter *f,
	const struct bh_show_list *list, const struct bh_show_order **ret)
{
	BH_AUTO_BUF names = { 0 };

	*ret = list->orders;
	if (!f->sort)
		return 0;
	for (const struct bh_show_order *o = list->orders; o->name; o++) {
		if (!strcmp(o->name, f->sort)) {
			*ret = o;
			return 0;
		}
		bh_buf_printf(&names, "%s%s", names.len ? ", " : "", o->name);
	}
	return bh_cli_usage(cli, "%s sorts by one of: %s", cli->command->name, bh_buf_text(&names));
}

/* ---- machines ---- */

/* One element at a time: all of them at once would be gigabytes. */
static int show_json(const struct bh_cli *cli, const struct bh_show_list *list, size_t n)
{
	fputs(n ? "[\n" : "[", stdout);
	for (size_t i = 0; i < n; i++) {
		json_t *o = list->json((const char *)list->v + i * list->size, list->ctx);
		if (!o)
			return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
		json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		json_decref(o);
		puts(i + 1 < n ? "," : "");
	}
	puts("]");
	return bh_cli_flush(cli);
}

static int show_csv(const struct bh_cli *cli, const struct bh_show_list *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const void *element = (const char *)list->v + i * list->size;
		json_t *o =
			list->csv ? list->csv(element, list->ctx) : list->json(element, list->ctx);
		BH_AUTO_BUF b = { 0 };
		if (!o)
			return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
		if (i == 0)
			bh_cli_csv(o, true, &b);
		bh_cli_csv(o, false, &b);
		json_decref(o);
		if (!bh_buf_ok(&b))
			return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
		fputs(bh_buf_text(&b), stdout);
	}
	return bh_cli_flush(cli);
}

int bh_show(const struct bh_cli *cli, const struct bh_filter *f, const struct bh_show_list *list)
{
	size_t n = f->limit ? bh_min_size(f->limit, list->n) : list->n;
	const struct bh_show_order *order;
	int r = order_of(cli, f, list, &order);

	if (r)
		return r;
	if (f->csv && cli->json)
		return bh_cli_usage(cli, "--csv and --json exclude each other");
	if (order->compare && list->n)
		qsort(list->v, list->n, list->size, order->compare);
	if (f->csv)
		r = show_csv(cli, list, n);
	else if (cli->json)
		r = show_json(cli, list, n);
	else if (!list->n)
		r = bh_show_nothing(cli, list->what);
	else
		r = list->table(cli, list->v, n, list->ctx);
	if (!r && n < list->n && !cli->quiet)
		fprintf(stderr, "bulkhead %s: %zu of %zu shown (--limit)\n", cli->command->name, n,
			list->n);
	return r;
}
