#include "plan/pairs.h"

#include <stdlib.h>

/* A row without what takes room: a million of these sort without a cache miss each. */
struct key {
	bh_u128 server, client;
	const struct bh_row *row;
	uint16_t port;
	uint8_t proto, server_family, client_family;
};

struct bh_service pair_service(const struct bh_talk *c)
{
	bool quic = c->transport == BH_TRANSPORT_QUIC443;

	return (struct bh_service){ .port = c->port, .proto = quic ? BH_UDP : BH_TCP };
}

static struct key key_of(const struct bh_row *row)
{
	const struct bh_talk *c = &row->who;
	struct bh_service at = pair_service(c);

	return (struct key){ .server = c->server.num,
		.client = c->client.num,
		.row = row,
		.port = at.port,
		.proto = at.proto,
		.server_family = c->server.family,
		.client_family = c->client.family };
}

#define ORDER(a, b, field)                                                                         \
	do {                                                                                       \
		if ((a)->field != (b)->field)                                                      \
			return (a)->field < (b)->field ? -1 : 1;                                   \
	} while (0)

static int by_pair(const void *x, const void *y)
{
	const struct key *a = x, *b = y;

	ORDER(a, b, server_family);
	ORDER(a, b, server);
	ORDER(a, b, port);
	ORDER(a, b, proto);
	ORDER(a, b, client_family);
	ORDER(a, b, client);
	return 0;
}

static int by_conversation(const void *x, const void *y)
{
	const struct bh_row *const *a = x, *const *b = y;

	return bh_talk_compare(&(*a)->who, &(*b)->who);
}

static bool loopback(const struct bh_talk *c)
{
	const struct bh_addr *ends[] = { &c->client, &c->server };

	for (size_t i = 0; i < BH_LEN(ends); i++) {
		if (ends[i]->family == BH_V4 ? ends[i]->num >> 24 == 127 : ends[i]->num == 1)
			return true;
	}
	return bh_addr_equal(&c->client, &c->server);
}

/* The store gives rows nearly in this order: looking costs less than sorting. */
static bool in_order(const struct key *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (by_pair(&v[i - 1], &v[i]) > 0)
			return false;
	}
	return true;
}

static void one_pair(const struct bh_row **rows, size_t n, struct pair *ret)
{
	if (n > 1)
		qsort(rows, n, sizeof *rows, by_conversation);
	*ret = (struct pair){ .rows = rows,
		.who = &rows[0]->who,
		.n = (uint32_t)n,
		.client = NOBODY,
		.server = NOBODY,
		.at = pair_service(&rows[0]->who),
		.loopback = loopback(&rows[0]->who) };
}

int pairs_sort(const struct bh_row **rows, size_t n, struct bh_arena *a, struct pairs *ret)
{
	BH_AUTO_ARENA own = { 0 };
	struct key *keys = bh_arena_array(&own, n + 1, sizeof *keys);
	struct pairs p = { 0 };
	size_t count = 0;

	if (!keys || n >= UINT32_MAX)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keys[i] = key_of(rows[i]);
	if (!in_order(keys, n))
		qsort(keys, n, sizeof *keys, by_pair);
	for (size_t i = 0; i < n; i++) {
		rows[i] = keys[i].row;
		count += !i || by_pair(&keys[i - 1], &keys[i]);
	}
	p.v = bh_arena_array(a, count + 1, sizeof *p.v);
	if (!p.v)
		return -ENOMEM;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !by_pair(&keys[i], &keys[end]);)
			end++;
		one_pair(rows + i, end - i, &p.v[p.n++]);
	}
	*ret = p;
	return 0;
}

int pairs_of_rows(const struct bh_row *rows, size_t n, struct bh_arena *a, struct pairs *ret)
{
	const struct bh_row **v = bh_arena_array(a, n + 1, sizeof *v);

	for (size_t i = 0; v && i < n; i++)
		v[i] = &rows[i];
	return v ? pairs_sort(v, n, a, ret) : -ENOMEM;
}
