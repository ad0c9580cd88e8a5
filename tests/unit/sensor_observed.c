#include <stdlib.h>

#include "sensor/observed.h"
#include "tap.h"

struct told {
	struct bh_fact last;
	uint64_t leaves, events, names, closed;
	uint64_t connections; /* of closed leaves */
};

static int take(void *ctx, const struct bh_fact *f)
{
	struct told *t = ctx;

	EXPECT(bh_fact_sane(f));
	t->last = *f;
	t->leaves += f->kind == BH_FACT_LEAF;
	t->events += f->kind == BH_FACT_EVENTS;
	t->names += f->kind == BH_FACT_NAME;
	if (f->kind == BH_FACT_LEAF && f->leaf_is.closed) {
		t->closed++;
		t->connections += f->leaf_is.figures.connections;
	}
	return 0;
}

static struct bh_observation seen(uint32_t client, bh_time when)
{
	struct bh_observation o = { .when = when, .connections = 1, .pipes = 2 };

	bh_conversation_init(&o.who);
	o.who.client = bh_addr_v4(client);
	o.who.server = bh_addr_v4(1);
	o.who.port = 445;
	return o;
}

static struct bh_span text(const char *s)
{
	return bh_span_of((const uint8_t *)s, strlen(s));
}

static void test_many_records_of_one_conversation_are_one_leaf(void)
{
	struct told t = { 0 };
	struct observed *o = NULL;

	EXPECT(!observed_new(take, &t, &o));
	for (bh_time i = 1; i <= 100; i++) {
		struct bh_observation s = seen(7, i * BH_SECOND);
		s.opens = 1;
		EXPECT(!observed_add(o, &s));
	}
	EXPECT(!observed_tell(o, false));
	EXPECT_INT(t.leaves, 1);
	EXPECT_INT(t.last.leaf_is.figures.connections, 100);
	EXPECT_INT(t.last.leaf_is.figures.opens, 100);
	EXPECT(t.last.leaf_is.figures.first_seen == BH_SECOND);
	EXPECT(t.last.leaf_is.figures.last_seen == 100 * BH_SECOND);
	uint64_t leaf = t.last.leaf, revision = t.last.revision;

	/* Told again only when it changed, under the same number. */
	EXPECT(!observed_tell(o, false));
	EXPECT_INT(t.leaves, 1);
	struct bh_observation s = seen(7, BH_SECOND);
	EXPECT(!observed_add(o, &s));
	EXPECT(!observed_tell(o, false));
	EXPECT(t.last.leaf == leaf && t.last.revision > revision);
	EXPECT_INT(t.last.leaf_is.figures.connections, 101);
	observed_free(o);
}

static void test_a_full_table_loses_nothing(void)
{
	enum { MANY = 40000 };
	struct told t = { 0 };
	struct observed *o = NULL;

	EXPECT(!observed_new(take, &t, &o));
	for (uint32_t i = 0; i < MANY; i++) {
		struct bh_observation s = seen(100 + i, BH_SECOND);
		EXPECT(!observed_add(o, &s));
	}
	EXPECT(!observed_tell(o, true));
	EXPECT_INT(t.connections, MANY);
	EXPECT_INT(t.closed, MANY);
	observed_free(o);
}

static void test_kinds_are_counted_and_bounded(void)
{
	struct told t = { 0 };
	struct observed *o = NULL;

	EXPECT(!observed_new(take, &t, &o));
	for (int i = 0; i < 3; i++)
		observed_count(o, text("Security"), 5140, true);
	observed_count(o, text("Security"), 4688, false);
	observed_count(
		o, text("\xc3\xbc\x1b["), 1, false); /* told without what steers a terminal */
	observed_count(o, text("\xc3\xbc\x1b["), 1, false);
	observed_count(o, text(""), 1, false);
	EXPECT(!observed_tell(o, false));
	EXPECT_INT(t.events, 4);
	EXPECT_STR(t.last.events.provider, "-");
	for (uint32_t i = 0; i < 5000; i++)
		observed_count(o, text("flood"), i, false);
	t.events = 0;
	EXPECT(!observed_tell(o, false));
	EXPECT(t.events <= 512);
	EXPECT_STR(t.last.events.provider, "other");
	EXPECT(t.last.events.count > 4000);
	observed_free(o);
}

static void test_a_name_is_told_once(void)
{
	struct told t = { 0 };
	struct observed *o = NULL;
	struct bh_name_seen n = { .addr = bh_addr_v4(9), .name = "FS1" };

	EXPECT(!observed_new(take, &t, &o));
	for (int i = 0; i < 5; i++)
		EXPECT(!observed_name(o, &n));
	n.roles = BH_ROLE_FILE_SERVER;
	EXPECT(!observed_name(o, &n));
	EXPECT_INT(t.names, 2);
	observed_free(o);
}

int main(void)
{
	RUN(test_many_records_of_one_conversation_are_one_leaf);
	RUN(test_a_full_table_loses_nothing);
	RUN(test_kinds_are_counted_and_bounded);
	RUN(test_a_name_is_told_once);
	return tap_done();
}
