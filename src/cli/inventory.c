#include "cli/inventory.h"
#include "cli/key.h"
#include "cli/narrow.h"

#include <sys/random.h>

/* Sources that are told apart by their kind. */
#define MAX_SOURCES (1u << 22)

static int kinds_of(struct bh_cli_inventory *inv, struct bh_arena *a)
{
	uint32_t last = inv->n_sources ? inv->sources[inv->n_sources - 1].id : 0;
	size_t n = bh_min_size(last, MAX_SOURCES) + 1;
	uint8_t *kinds = bh_arena_array(a, n, sizeof *kinds);

	if (!kinds)
		return -ENOMEM;
	memset(kinds, BH_KIND_OTHER, n);
	for (size_t i = 0; i < inv->n_sources; i++) {
		const struct bh_source_row *s = &inv->sources[i];
		if (s->id < n)
			kinds[s->id] = (uint8_t)bh_kind_of(s->identity);
	}
	inv->w.kinds = kinds;
	inv->w.n_kinds = n;
	return 0;
}

/* Whoever reads on sees that there is more. */
static int mark_parts(struct bh_arena *a, struct bh_cli_inventory *inv)
{
	struct bh_source_row *v = bh_arena_array(a, inv->n_sources + 1, sizeof *v);

	for (size_t i = 0; v && i < inv->n_sources; i++) {
		BH_AUTO_BUF b = { 0 };
		v[i] = inv->sources[i];
		if (!v[i].file.part)
			continue;
		bh_buf_printf(&b, "%s (a part)", v[i].label);
		v[i].label = bh_arena_str(a, bh_buf_text(&b));
	}
	inv->sources = v;
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}

static int read_all(struct bh_store *s, const struct bh_store_filter *filter, struct bh_arena *a,
	struct bh_cli_inventory *inv)
{
	int r = bh_store_hold(s);

	if (!r)
		r = bh_store_sources(s, a, &inv->sources, &inv->n_sources);
	if (!r)
		r = mark_parts(a, inv);
	if (!r)
		r = bh_store_names(s, a, &inv->w.names, &inv->w.n_names);
	if (!r)
		r = bh_store_shares(s, a, &inv->w.listed, &inv->w.n_listed);
	if (r)
		return r;
	return filter ? bh_cli_narrow(s, filter, a, inv)
		      : bh_store_rows(s, NULL, a, &inv->rows, &inv->n);
}

static int derive(const struct bh_cli *cli, struct bh_arena *a, struct bh_cli_inventory *inv)
{
	if (getrandom(&inv->w.seed, sizeof inv->w.seed, 0) < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "no random numbers: %s", strerror(errno));
	if (kinds_of(inv, a) ||
		bh_inventory_unify(inv->rows, inv->n, &inv->w, a, &inv->rows, &inv->n) ||
		bh_inventory_purposes(inv->rows, inv->n, a, &inv->purposes))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	return 0;
}

int bh_cli_inventory(struct bh_cli *cli, const struct bh_store_filter *filter, struct bh_arena *a,
	struct bh_cli_inventory *ret, bool *missing, struct bh_buf *path)
{
	BH_AUTO(bh_pseudonyms) names = NULL; /* outlives the store */
	BH_AUTO(bh_store) s = NULL;
	BH_AUTO_BUF own = { 0 };
	struct bh_buf *p = path ? path : &own;
	struct bh_cli_inventory inv = { 0 };
	int r = bh_cli_db_read(cli, &s, missing, p);

	if (!r && s)
		r = bh_cli_reveal(cli, s, &names, &inv.hidden);
	if (r)
		return r;
	r = s ? read_all(s, filter, a, &inv) : 0;
	if (r)
		return bh_cli_db_unread(cli, r, bh_buf_text(p));
	s = bh_store_free(s);
	r = derive(cli, a, &inv);
	if (!r)
		*ret = inv;
	return r;
}

int bh_cli_inventory_addressed(
	const struct bh_cli *cli, struct bh_arena *a, struct bh_cli_inventory *inv)
{
	size_t n = 0, bare = 0;

	for (size_t i = 0; i < inv->n; i++)
		bare += !inv->rows[i].who.client.family || !inv->rows[i].who.server.family;
	if (!bare)
		return 0;
	struct bh_row *rows = bh_arena_array(a, inv->n - bare + 1, sizeof *rows);
	uint8_t *purposes = bh_arena_array(a, inv->n - bare + 1, sizeof *purposes);
	if (!rows || !purposes)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < inv->n; i++) {
		if (!inv->rows[i].who.client.family || !inv->rows[i].who.server.family)
			continue;
		rows[n] = inv->rows[i];
		purposes[n++] = inv->purposes[i];
	}
	inv->rows = rows;
	inv->purposes = purposes;
	inv->n = n;
	if (!cli->quiet)
		fprintf(stderr,
			"bulkhead %s: %zu conversation%s that logs tell by name alone, without an "
			"address, left aside\n",
			cli->command->name, bare, bare == 1 ? "" : "s");
	return 0;
}

const char *bh_cli_inventory_label(const struct bh_cli_inventory *inv, uint32_t source)
{
	size_t lo = 0, hi = inv->n_sources;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (inv->sources[mid].id < source)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < inv->n_sources && inv->sources[lo].id == source ? inv->sources[lo].label : "?";
}
