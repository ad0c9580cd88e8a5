#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include "priv/attr.h"
#include "priv/counters.h"
#include "priv/digest.h"

struct tail {
	uint32_t generation;
	struct bh_priv_counter is;
};

/* "g7_in_tcp445_no": the tail of a gate. */
static bool read_name(struct bh_span name, struct tail *g)
{
	char text[96], hook[4], proto[4], end[4];
	unsigned generation, port;
	size_t n = bh_min_size(name.len, sizeof text - 1);
	bool found = false;

	if (!n)
		return false;
	memcpy(text, name.ptr, n);
	text[n] = '\0';
	if (sscanf(text, "g%9u_%3[a-z]_%3[a-z]%5u_%3s", &generation, hook, proto, &port, end) !=
			5 ||
		strcmp(end, "no") || port > UINT16_MAX)
		return false;
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (!strcmp(hook, bh_hook_names[h])) {
			g->is.hook = (enum bh_hook)h;
			found = true;
		}
	}
	g->generation = generation;
	g->is.service.port = (uint16_t)port;
	g->is.service.proto = strcmp(proto, "tcp") ? BH_UDP : BH_TCP;
	return found && (!strcmp(proto, "tcp") || !strcmp(proto, "udp"));
}

static bool read_counter(struct bh_span exprs, struct tail *g)
{
	struct bh_cur c = bh_cur_of(exprs);
	struct bh_nl_attr e;

	while (bh_nl_attr_next(&c, &e)) {
		struct bh_span data = attr_find(e.is, NFTA_EXPR_DATA);
		if (!attr_is(attr_find(e.is, NFTA_EXPR_NAME), "counter"))
			continue;
		g->is.packets = attr_be64(attr_find(data, NFTA_COUNTER_PACKETS));
		g->is.bytes = attr_be64(attr_find(data, NFTA_COUNTER_BYTES));
		return true;
	}
	return false;
}

/* A tail's counter, or not. */
static bool read_gate(const struct bh_nl_message *m, struct tail *ret)
{
	struct bh_span attrs = bh_nl_attrs(m);
	struct tail g = { 0 };

	if (!message_is_ours(m) || (m->type & 0xff) != NFT_MSG_NEWRULE ||
		!read_name(attr_find(attrs, NFTA_RULE_CHAIN), &g) ||
		!read_counter(attr_find(attrs, NFTA_RULE_EXPRESSIONS), &g))
		return false;
	*ret = g;
	return true;
}

static int order(const void *x, const void *y)
{
	const struct bh_priv_counter *a = x, *b = y;

	if (a->hook != b->hook)
		return a->hook < b->hook ? -1 : 1;
	if (a->service.proto != b->service.proto)
		return a->service.proto < b->service.proto ? -1 : 1;
	return (a->service.port > b->service.port) - (a->service.port < b->service.port);
}

size_t counters_read(
	struct bh_span dump, uint32_t generation, struct bh_priv_counter ret[BH_MAX_GATES])
{
	struct bh_cur c = bh_cur_of(dump);
	struct bh_nl_message m;
	struct tail t;
	size_t n = 0;

	while (n < BH_MAX_GATES && bh_nl_message_next(&c, &m)) {
		if (read_gate(&m, &t) && t.generation == generation)
			ret[n++] = t.is;
	}
	qsort(ret, n, sizeof *ret, order);
	return n;
}
