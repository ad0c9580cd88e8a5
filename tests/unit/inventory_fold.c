#include "inventory/inventory.h"
#include "tap.h"

#define SEED 0x1234

static struct bh_fact leaf(uint64_t id, uint64_t revision, unsigned who, uint64_t n)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	struct bh_conversation *c = &f.leaf_is.who;

	f.leaf = id;
	f.revision = revision;
	bh_conversation_init(c);
	c->client = bh_addr_v4(0x0a000000 + who);
	c->server = bh_addr_v4(0x0a0000fe);
	c->port = 445;
	c->outcome = BH_ANSWERED;
	if (who % 3) {
		c->known = BH_KNOWN_SHARE | BH_KNOWN_USER;
		strcpy(c->share, "\\\\fs1\\finance");
		snprintf(c->user, sizeof c->user, "user%u", who % 4);
	}
	f.leaf_is.figures = (struct bh_figures){
		.connections = 1,
		.bytes_to_server = n,
		.bytes_to_client = 2 * n,
		.first_seen = (bh_time)(1000 + id % 1000),
		.last_seen = (bh_time)(2000 + n),
	};
	return f;
}

static struct bh_fact gone(uint64_t id, uint64_t revision)
{
	return (struct bh_fact){
		.magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF_GONE, .leaf = id, .revision = revision
	};
}

static void fold(struct bh_inventory *inv, uint32_t source, struct bh_fact f)
{
	EXPECT_INT(bh_inventory_fold(inv, source, &f), 0);
}

/* The whole inventory as text, so that two can be compared. */
static void describe(const struct bh_inventory *inv, struct bh_buf *b)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	size_t n;

	EXPECT_INT(bh_inventory_rows(inv, &a, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		const struct bh_figures *f = &rows[i].figures;
		char text[BH_ADDR_TEXT];
		bh_buf_printf(b, "%s %s %s: %llu %llu %llu %lld-%lld from",
			bh_addr_format(&rows[i].who.client, text), rows[i].who.user,
			rows[i].who.share, (unsigned long long)f->connections,
			(unsigned long long)f->bytes_to_server,
			(unsigned long long)f->bytes_to_client, (long long)f->first_seen,
			(long long)f->last_seen);
		for (size_t k = 0; k < rows[i].n_sources; k++)
			bh_buf_printf(b, " %u", rows[i].sources[k]);
		bh_buf_str(b, "\n");
	}
}

static void test_leaves_of_one_identity_become_one_row(void)
{
	BH_AUTO(bh_inventory) inv = bh_inventory_new(SEED);
	BH_AUTO_BUF b = { 0 };

	fold(inv, 1, leaf(1, 1, 1, 10));
	fold(inv, 1, leaf(2, 1, 1, 20));
	fold(inv, 1, leaf(3, 1, 2, 5));
	describe(inv, &b);
	EXPECT_STR(bh_buf_text(&b), "10.0.0.1 user1 \\\\fs1\\finance: 2 30 60 1001-2020 from 1\n"
				    "10.0.0.2 user2 \\\\fs1\\finance: 1 5 10 1003-2005 from 1\n");
}

static void test_a_later_revision_replaces_an_earlier_one(void)
{
	BH_AUTO(bh_inventory) inv = bh_inventory_new(SEED);
	BH_AUTO_BUF b = { 0 };

	fold(inv, 1, leaf(1, 1, 1, 10));
	fold(inv, 1, leaf(1, 2, 1, 50));
	fold(inv, 1, leaf(1, 1, 1, 10)); /* an old story */
	fold(inv, 1, leaf(1, 3, 2, 70)); /* the leaf became something else */
	describe(inv, &b);
	EXPECT_STR(bh_buf_text(&b), "10.0.0.2 user2 \\\\fs1\\finance: 1 70 140 1001-2070 from 1\n");
}

static void test_a_leaf_that_is_gone_counts_no_more(void)
{
	BH_AUTO(bh_inventory) inv = bh_inventory_new(SEED);
	BH_AUTO_BUF b = { 0 };

	fold(inv, 1, leaf(1, 1, 1, 10));
	fold(inv, 1, gone(1, 2));
	fold(inv, 1, gone(2, 5));
	fold(inv, 1, leaf(2, 4, 1, 10)); /* told late */
	describe(inv, &b);
	EXPECT_STR(bh_buf_text(&b), "");
}

static void test_sources_are_kept_apart_and_listed(void)
{
	BH_AUTO(bh_inventory) inv = bh_inventory_new(SEED);
	BH_AUTO_BUF b = { 0 };

	fold(inv, 7, leaf(1, 1, 1, 10));
	fold(inv, 3, leaf(1, 1, 1, 30));
	describe(inv, &b);
	EXPECT_STR(
		bh_buf_text(&b), "10.0.0.1 user1 \\\\fs1\\finance: 2 40 80 1001-2030 from 3 7\n");
}

static void test_an_insane_fact_changes_nothing(void)
{
	BH_AUTO(bh_inventory) inv = bh_inventory_new(SEED);
	BH_AUTO_BUF b = { 0 };
	struct bh_fact f = leaf(1, 1, 1, 10);

	memset(f.leaf_is.who.user, 'x', sizeof f.leaf_is.who.user);
	EXPECT_INT(bh_inventory_fold(inv, 1, &f), -EBADMSG);
	describe(inv, &b);
	EXPECT_STR(bh_buf_text(&b), "");
}

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

enum { FACTS = 300 };

/* A story of leaves: revised, moved to another identity, gone; two of one revision too. */
static void story(struct bh_fact *v)
{
	for (size_t i = 0; i < FACTS; i++) {
		uint64_t id = draw(40);
		uint64_t revision = draw(8);
		v[i] = draw(6) ? leaf(id, revision, draw(12), draw(5000)) : gone(id, revision);
		v[i].leaf_is.closed = v[i].kind == BH_FACT_LEAF && draw(4) == 0;
	}
}

static void test_any_order_of_the_same_facts_gives_the_same_rows(void)
{
	struct bh_fact *v = calloc(FACTS, sizeof *v);

	for (random_state = 1; v && random_state < 40 && !tap_bad;) {
		uint64_t round = random_state;
		BH_AUTO_BUF want = { 0 };
		story(v);
		for (unsigned shuffle = 0; shuffle < 8; shuffle++) {
			BH_AUTO(bh_inventory) inv = bh_inventory_new(draw(1000));
			BH_AUTO_BUF got = { 0 };
			for (uint32_t i = 0; i < FACTS; i++)
				fold(inv, (uint32_t)v[i].leaf % 3, v[i]);
			for (uint32_t i = 0; i < FACTS / 4; i++) { /* telling twice does no harm */
				struct bh_fact *f = &v[draw(FACTS)];
				fold(inv, (uint32_t)f->leaf % 3, *f);
			}
			describe(inv, shuffle ? &got : &want);
			if (shuffle)
				EXPECT_STR(bh_buf_text(&got), bh_buf_text(&want));
			for (uint32_t i = FACTS - 1; i > 0; i--) {
				uint32_t k = draw(i + 1);
				struct bh_fact swap = v[i];
				v[i] = v[k];
				v[k] = swap;
			}
		}
		EXPECT(want.len > 200);
		random_state = round + 1;
	}
	free(v);
}

/* However figures grow, shrink and move, a row's are the sum of what its leaves told last. */
static void test_a_row_is_the_sum_of_what_its_leaves_told_last(void)
{
	enum { LEAVES = 40, WHO = 12, ROUNDS = 4000 };
	BH_AUTO(bh_inventory) inv = bh_inventory_new(SEED);
	struct bh_fact *last = calloc(LEAVES, sizeof *last);

	random_state = 5;
	for (uint64_t round = 1; last && round <= ROUNDS; round++) {
		uint32_t id = draw(LEAVES);
		last[id] = draw(8) ? leaf(id, round, draw(3) ? id % WHO : draw(WHO),
					     draw(3) ? round : draw(5000))
				   : gone(id, round);
		last[id].leaf_is.figures.pipes = 1u << draw(4);
		fold(inv, 1, last[id]);
		if (!draw(50))
			bh_inventory_saved(inv, 1);
		if (draw(20))
			continue;
		BH_AUTO_ARENA a = { 0 };
		const struct bh_row *rows;
		size_t n, told = 0;
		EXPECT_INT(bh_inventory_rows(inv, &a, &rows, &n), 0);
		for (size_t i = 0; i < n; i++) {
			struct bh_figures want = { 0 };
			for (uint32_t k = 0; k < LEAVES; k++) {
				struct bh_talk who = bh_talk_of(&last[k].leaf_is.who);
				if (last[k].kind != BH_FACT_LEAF ||
					!bh_talk_equal(&who, &rows[i].who))
					continue;
				bh_figures_add(&want, &last[k].leaf_is.figures);
				told++;
			}
			EXPECT(!memcmp(&want, &rows[i].figures, sizeof want));
		}
		size_t alive = 0;
		for (uint32_t k = 0; k < LEAVES; k++)
			alive += last[k].kind == BH_FACT_LEAF;
		EXPECT_INT(told, alive);
	}
	free(last);
}

struct told {
	struct bh_buf text;
	size_t rows;
};

static int tell(void *ctx, const struct bh_row *row)
{
	struct told *t = ctx;
	char text[BH_ADDR_TEXT];

	bh_buf_printf(&t->text, "%s %llu;", bh_addr_format(&row->who.client, text),
		(unsigned long long)row->figures.bytes_to_server);
	t->rows++;
	return 0;
}

static const char *changes(struct bh_inventory *inv, uint32_t source, struct told *t)
{
	bh_buf_reset(&t->text);
	t->rows = 0;
	EXPECT_INT(bh_inventory_changes(inv, source, tell, t), 0);
	return bh_buf_text(&t->text);
}

static void test_changes_tell_what_is_new_changed_or_no_more(void)
{
	BH_AUTO(bh_inventory) inv = bh_inventory_new(SEED);
	struct told t = { 0 };

	fold(inv, 1, leaf(1, 1, 1, 10));
	fold(inv, 1, leaf(2, 1, 2, 20));
	fold(inv, 2, leaf(1, 1, 1, 99));
	EXPECT_STR(changes(inv, 1, &t), "10.0.0.1 10;10.0.0.2 20;");
	EXPECT_STR(changes(inv, 1, &t), "10.0.0.1 10;10.0.0.2 20;"); /* not saved yet */
	bh_inventory_saved(inv, 1);
	EXPECT_STR(changes(inv, 1, &t), "");
	EXPECT_STR(changes(inv, 2, &t), "10.0.0.1 99;");

	fold(inv, 1, leaf(1, 2, 4, 11)); /* moves from one row to another */
	EXPECT_STR(changes(inv, 1, &t), "10.0.0.1 0;10.0.0.4 11;");
	bh_inventory_saved(inv, 1);
	EXPECT_STR(changes(inv, 1, &t), "");

	fold(inv, 1, leaf(1, 3, 1, 12)); /* and back */
	EXPECT_STR(changes(inv, 1, &t), "10.0.0.4 0;10.0.0.1 12;");
	bh_buf_reset(&t.text);
}

static void test_too_many_leaves_settle_the_oldest_and_say_so(void)
{
	const struct bh_inventory_limits few = { .leaves = 10 };
	BH_AUTO(bh_inventory) inv = bh_inventory_new_limited(SEED, &few);
	BH_AUTO_BUF b = { 0 };

	for (uint64_t i = 0; i < 1000; i++) {
		struct bh_fact f = leaf(i, 1, 1, 10);
		f.leaf_is.closed = 1;
		fold(inv, 1, f);
	}
	EXPECT_INT(bh_inventory_lost(inv).leaves, 0); /* closed: nothing was lost */
	describe(inv, &b);
	EXPECT_STR(bh_buf_text(&b),
		"10.0.0.1 user1 \\\\fs1\\finance: 1000 10000 20000 1000-2010 from 1\n");

	for (uint64_t i = 2000; i < 2030; i++)
		fold(inv, 1, leaf(i, 1, 1, 10));
	EXPECT_INT(bh_inventory_lost(inv).leaves, 20);
}

static void test_too_many_conversations_forget_the_oldest_and_say_so(void)
{
	const struct bh_inventory_limits few = { .rows = 10 };
	BH_AUTO(bh_inventory) inv = bh_inventory_new_limited(SEED, &few);
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	size_t n;

	for (uint32_t i = 0; i < 1000; i++)
		fold(inv, 1, leaf(i, 1, i, 10));
	EXPECT_INT(bh_inventory_lost(inv).rows, 990);
	EXPECT_INT(bh_inventory_rows(inv, &a, &rows, &n), 0);
	EXPECT_INT(n, 10);
	/* A leaf whose row was forgotten may speak again. */
	fold(inv, 1, leaf(0, 2, 1, 77));
	EXPECT_INT(bh_inventory_lost(inv).rows, 991);
}

static struct bh_fact stranger(uint64_t id, unsigned who)
{
	struct bh_fact f = leaf(id, 1, who * 3, 1); /* neither user nor share */

	f.leaf_is.closed = 1;
	return f;
}

static uint64_t connections_of_known(const struct bh_inventory *inv, size_t *n_ret)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	uint64_t sum = 0;
	size_t n;

	*n_ret = 0;
	EXPECT_INT(bh_inventory_rows(inv, &a, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		*n_ret += rows[i].who.known != 0;
		sum += rows[i].who.known ? rows[i].figures.connections : 0;
	}
	return sum;
}

static void test_a_flood_of_strangers_washes_nobody_else_away(void)
{
	const struct bh_inventory_limits few = { .rows = 40, .leaves = 60 };
	BH_AUTO(bh_inventory) inv = bh_inventory_new_limited(SEED, &few);
	size_t n;

	for (uint32_t i = 0; i < 20; i++)
		fold(inv, 1, leaf(i, 1, 3 * i + 1, 10));
	for (uint32_t i = 0; i < 20000; i++)
		fold(inv, 1, stranger(1000 + i, 100 + i));
	EXPECT_INT(connections_of_known(inv, &n), 20);
	EXPECT_INT(n, 20);
	EXPECT_INT(bh_inventory_lost(inv).leaves, 0);
	EXPECT_INT(bh_inventory_lost(inv).rows, 19980);
	/* What they tell later replaces what they told, and is not added to it. */
	for (uint32_t i = 0; i < 20; i++)
		fold(inv, 1, leaf(i, 2, 3 * i + 1, 10));
	EXPECT_INT(connections_of_known(inv, &n), 20);
}

static void test_strangers_have_their_room_among_many_who_are_known(void)
{
	const struct bh_inventory_limits few = { .rows = 40 };
	BH_AUTO(bh_inventory) inv = bh_inventory_new_limited(SEED, &few);
	size_t n;

	for (uint32_t i = 0; i < 10; i++)
		fold(inv, 1, stranger(1000 + i, 100 + i));
	for (uint32_t i = 0; i < 200; i++)
		fold(inv, 1, leaf(i, 1, 3 * i + 1, 10));
	for (uint32_t i = 10; i < 20; i++)
		fold(inv, 1, stranger(1000 + i, 100 + i));
	connections_of_known(inv, &n);
	EXPECT_INT(n, 30);
}

/* Small limits and wild stories: for ASan, and for figures that never grow by magic. */
static void test_limits_hold_under_any_story(void)
{
	const struct bh_inventory_limits few = { .leaves = 7, .rows = 5 };
	struct bh_fact *v = calloc(FACTS, sizeof *v);

	for (uint64_t round = 1; v && round < 60; round++) {
		BH_AUTO(bh_inventory) inv = bh_inventory_new_limited(round, &few);
		BH_AUTO_ARENA a = { 0 };
		const struct bh_row *rows;
		size_t n;
		random_state = round;
		story(v);
		for (uint32_t i = 0; i < FACTS; i++) {
			if (draw(10) == 0)
				v[i].leaf_is.figures = (struct bh_figures){ 0 };
			fold(inv, draw(2), v[i]);
			if (draw(20) == 0)
				bh_inventory_saved(inv, draw(2));
		}
		EXPECT_INT(bh_inventory_rows(inv, &a, &rows, &n), 0);
		EXPECT(n <= 5);
	}
	free(v);
}

int main(void)
{
	RUN(test_leaves_of_one_identity_become_one_row);
	RUN(test_a_later_revision_replaces_an_earlier_one);
	RUN(test_a_leaf_that_is_gone_counts_no_more);
	RUN(test_sources_are_kept_apart_and_listed);
	RUN(test_an_insane_fact_changes_nothing);
	RUN(test_any_order_of_the_same_facts_gives_the_same_rows);
	RUN(test_a_row_is_the_sum_of_what_its_leaves_told_last);
	RUN(test_changes_tell_what_is_new_changed_or_no_more);
	RUN(test_too_many_leaves_settle_the_oldest_and_say_so);
	RUN(test_too_many_conversations_forget_the_oldest_and_say_so);
	RUN(test_a_flood_of_strangers_washes_nobody_else_away);
	RUN(test_strangers_have_their_room_among_many_who_are_known);
	RUN(test_limits_hold_under_any_story);
	return tap_done();
}
