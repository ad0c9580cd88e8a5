/*
 * What the policy tests share: a policy from text, with a resolver that knows a few
 * machines.
 */
#pragma once

#include <stdlib.h>

#include "policy/policy.h"
#include "tap.h"

#define TODAY 20834 /* 2027-01-16 */

struct known {
	const char *name, *addr;
};

static const struct known known[] = {
	{ "fs1", "10.10.1.1" },
	{ "fs1", "fd00:10::11" },
	{ "fs2.corp.example", "10.10.1.2" },
	{ "loop", "127.0.1.1" },
	{ "group-address", "224.0.0.9" },
};

static int resolve(
	void *ctx, const char *name, void (*add)(void *to, const struct bh_addr *a), void *to)
{
	int found = -ENOENT;

	(void)ctx;
	if (!strcmp(name, "no-server"))
		return -EAGAIN;
	for (size_t i = 0; i < BH_LEN(known); i++) {
		struct bh_addr a;
		if (strcmp(known[i].name, name) ||
			bh_addr_parse(known[i].addr, strlen(known[i].addr), &a) < 0)
			continue;
		add(to, &a);
		found = 0;
	}
	return found;
}

/* dcs.example has domain controllers, no-server cannot say, all others have none. */
BH_UNUSED static int domain(void *ctx, const char *name, bh_add_addr add, void *to)
{
	struct bh_addr a = bh_addr_v4(0x0a0a000a);

	(void)ctx;
	if (!strcmp(name, "no-server"))
		return -EAGAIN;
	if (strcmp(name, "dcs.example"))
		return -ENOENT;
	add(to, &a);
	return 0;
}

/* tags.json has 10.9.0.0/24 as Storage, 10.9.1.0/24 as Sql. */
BH_UNUSED static int tag(
	void *ctx, struct bh_tag_asked *t, struct bh_arena *a, bh_add_range add, void *to)
{
	static const char *const names[] = { "Storage", "Sql" };

	(void)ctx;
	(void)a;
	if (strcmp(t->path, "tags.json")) {
		t->why = "no such file";
		return -EBADMSG;
	}
	for (uint32_t i = 0; i < BH_LEN(names); i++) {
		struct bh_addr lo = bh_addr_v4(0x0a090000 | i << 8), hi = lo;
		hi.num |= 255;
		if (strcmp(t->name, names[i]))
			continue;
		add(to, &lo, &hi);
		return 0;
	}
	t->near = bh_policy_nearest(names, BH_LEN(names), t->name);
	return -ENOENT;
}

struct made {
	struct bh_arena a;
	struct bh_diags diags;
	const struct bh_policy *p;
	const struct bh_bound *b;
};

static void make_n(struct made *m, const char *text, size_t len, bool lenient)
{
	struct bh_names names = {
		.resolve = resolve, .domain = domain, .tag = tag, .lenient = lenient, .today = TODAY
	};

	*m = (struct made){ 0 };
	m->diags.arena = &m->a;
	EXPECT(bh_policy_parse("p", bh_span_of(text, len), &m->a, &m->diags, &m->p) == 0);
	EXPECT(bh_policy_bind(m->p, &names, &m->a, &m->diags, &m->b) == 0);
}

BH_UNUSED static void make(struct made *m, const char *text)
{
	make_n(m, text, strlen(text), false);
}

BH_UNUSED static void unmake(struct made *m)
{
	bh_arena_reset(&m->a);
}

BH_UNUSED static struct bh_addr addr(const char *text)
{
	struct bh_addr a = { 0 };
	EXPECT(bh_addr_parse(text, strlen(text), &a) == 0);
	return a;
}
