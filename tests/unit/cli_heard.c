#include "store_helper.h"

#include "cli/heard.h"

static struct bh_fact named(uint32_t addr, const char *text)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME };

	f.name.addr = bh_addr_v4(addr);
	f.name.when = 1000;
	snprintf(f.name.name, sizeof f.name.name, "%s", text);
	return f;
}

static void hear(struct bh_heard *h, struct bh_fact f)
{
	EXPECT_INT(bh_heard_fact(h, &f), 0);
}

/* So many hosts from `first` on have `each` names. */
static void flood(struct bh_heard *h, uint32_t first, uint32_t hosts, unsigned each)
{
	char text[32];

	for (uint32_t i = 0; i < hosts; i++) {
		for (unsigned k = 0; k < each; k++) {
			snprintf(text, sizeof text, "N%u-%u", first + i, k);
			hear(h, named(first + i, text));
		}
	}
}

static void talks(struct bh_heard *h, uint32_t client, uint32_t server)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };

	bh_conversation_init(&f.leaf_is.who);
	f.leaf_is.who.client = bh_addr_v4(client);
	f.leaf_is.who.server = bh_addr_v4(server);
	hear(h, f);
}

static void save(struct bh_heard *h)
{
	BH_AUTO(bh_store) s = open_store(true);
	uint32_t id = 0;

	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, "pcap:1", "label", false, &id), 0);
	EXPECT_INT(bh_heard_save(h, s, id), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	bh_heard_saved(h);
}

static size_t names(struct bh_arena *a, const struct bh_name_seen **v)
{
	BH_AUTO(bh_store) s = open_store(false);
	size_t n = 0;

	EXPECT_INT(bh_store_names(s, a, v, &n), 0);
	return n;
}

static size_t count_names(void)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_name_seen *v;

	return names(&a, &v);
}

static void test_what_is_heard_is_kept_once(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);
	BH_AUTO_ARENA a = { 0 };
	const struct bh_name_seen *v;
	struct bh_fact f = named(1, "FS1");

	with_folder();
	EXPECT(!bh_heard_news(h));
	f.name.roles = BH_ROLE_FILE_SERVER;
	hear(h, f);
	f.name.roles = BH_ROLE_PRINT_SERVER;
	f.name.when = 3000;
	hear(h, f);
	f.name.when = 2000;
	hear(h, f);
	f.name.kind = BH_NAME_MDNS;
	hear(h, f);
	EXPECT(bh_heard_news(h));
	save(h);
	EXPECT(!bh_heard_news(h));
	EXPECT_INT(names(&a, &v), 2);
	const struct bh_name_seen *n = &v[v[0].kind != BH_NAME_NETBIOS];
	EXPECT_STR(n->name, "FS1");
	EXPECT_INT(n->roles, BH_ROLE_FILE_SERVER | BH_ROLE_PRINT_SERVER);
	EXPECT_INT(n->when, 3000);
	hear(h, named(2, "WS2"));
	save(h);
	EXPECT_INT(count_names(), 3);
	EXPECT_INT(bh_heard_lost(h), 0);
	clean_up();
}

static void test_kinds_of_records_are_kept_as_told_last(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_EVENTS };

	with_folder();
	strcpy(f.events.provider, "RoCE v2");
	for (f.events.count = 1; f.events.count < 4; f.events.count++)
		hear(h, f);
	save(h);
	EXPECT_INT(asked("SELECT count(*) FROM event"), 1);
	EXPECT_INT(asked("SELECT count FROM event"), 3);
	for (f.events.id = 1; f.events.id < 600; f.events.id++)
		hear(h, f);
	save(h);
	EXPECT_INT(asked("SELECT count(*) FROM event"), 512);
	EXPECT_INT(bh_heard_lost(h), 600 - 512);
	clean_up();
}

static struct bh_fact listed(const char *server, const char *share, bh_time when)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_SHARE };

	f.share.when = when;
	snprintf(f.share.server_name, sizeof f.share.server_name, "%s", server);
	snprintf(f.share.share, sizeof f.share.share, "%s", share);
	return f;
}

static void test_shares_are_kept_by_the_latest_word(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_listed *v = NULL;
	struct bh_fact gone = listed("fs1", "old", 6);
	size_t n = 0;

	with_folder();
	gone.share.gone = 1;
	hear(h, listed("fs1", "data", 5));
	hear(h, gone);
	hear(h, listed("fs1", "old", 5)); /* the newest stood first in the log */
	hear(h, listed("fs2", "data", 7));
	EXPECT(bh_heard_news(h));
	save(h);
	EXPECT(!bh_heard_news(h));
	{
		BH_AUTO(bh_store) s = open_store(false);
		EXPECT_INT(bh_store_shares(s, &a, &v, &n), 0);
	}
	EXPECT_INT(n, 2);
	EXPECT_STR(v[0].server_name, "fs1");
	EXPECT_STR(v[0].share, "data");
	EXPECT_STR(v[1].server_name, "fs2");
	EXPECT_INT(asked("SELECT count(*) FROM listed WHERE gone"), 1);
	change("DELETE FROM listed");
	hear(h, listed("fs1", "data", 8)); /* alone is news */
	save(h);
	EXPECT_INT(asked("SELECT sum(last_seen) FROM listed"), 8);
	EXPECT_INT(bh_heard_lost(h), 0);
	clean_up();
}

static void test_shares_have_an_end(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);
	char text[32];

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "s%u", i);
		hear(h, listed("fs1", text, 5));
	}
	EXPECT_INT(bh_heard_lost(h), 10000 - 8192);
}

static void test_one_host_has_few_names(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);

	with_folder();
	flood(h, 1, 1, 100);
	hear(h, named(1, "N1-7")); /* one of those that are known */
	hear(h, named(2, "WS2"));
	EXPECT_INT(bh_heard_lost(h), 100 - 16);
	save(h);
	EXPECT_INT(count_names(), 17);
	clean_up();
}

static void test_a_flood_leaves_room_for_who_speaks(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);
	const uint32_t talker = 0x0a000001;

	with_folder();
	flood(h, 0x0b000000, 100000, 2);
	EXPECT_INT(bh_heard_lost(h), 200000 - 8192);
	hear(h, named(talker, "FS1"));
	EXPECT_INT(bh_heard_lost(h), 200000 - 8192 + 1);
	talks(h, talker, talker + 1);
	hear(h, named(talker, "FS1")); /* told again, as hosts do */
	hear(h, named(talker + 1, "WS1"));
	EXPECT_INT(bh_heard_lost(h), 200000 - 8192 + 1);
	save(h);
	EXPECT_INT(count_names(), 8192 + 2);
	clean_up();
}

static void test_who_speaks_later_takes_no_room_from_others(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);

	flood(h, 1, 8192, 1);
	EXPECT_INT(bh_heard_lost(h), 0);
	flood(h, 100000, 1, 1);
	EXPECT_INT(bh_heard_lost(h), 1);
	talks(h, 1, 2);
	flood(h, 100000, 3, 1);
	EXPECT_INT(bh_heard_lost(h), 2);
}

static void test_what_is_in_the_database_makes_room_in_time(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);
	struct bh_fact later = named(7, "LATER");

	with_folder();
	flood(h, 100, 8192, 1);
	later.name.when = 1000 + 23 * 3600 * BH_SECOND;
	hear(h, later);
	EXPECT_INT(bh_heard_lost(h), 1);
	talks(h, 7, 8); /* who speaks has room, and his clock is heard */
	hear(h, later);
	EXPECT_INT(bh_heard_lost(h), 1);
	save(h);
	flood(h, 1, 1, 1); /* it is full of what is not old */
	EXPECT_INT(bh_heard_lost(h), 2);
	later.name.when += 2 * 3600 * BH_SECOND;
	hear(h, later);
	save(h);
	flood(h, 20000, 8192, 1);
	EXPECT_INT(bh_heard_lost(h), 2);
	save(h);
	EXPECT_INT(count_names(), 1 + 8192 + 8192);
	clean_up();
}

static void test_all_of_it_has_an_end(void)
{
	BH_AUTO(bh_heard) h = bh_heard_new(1);

	for (uint32_t i = 0; i < 100000; i += 2)
		talks(h, i, i + 1);
	flood(h, 0, 100000, 16);
	EXPECT_INT(bh_heard_lost(h), 1600000 - 32768);
}

int main(void)
{
	RUN(test_what_is_heard_is_kept_once);
	RUN(test_kinds_of_records_are_kept_as_told_last);
	RUN(test_shares_are_kept_by_the_latest_word);
	RUN(test_shares_have_an_end);
	RUN(test_one_host_has_few_names);
	RUN(test_a_flood_leaves_room_for_who_speaks);
	RUN(test_who_speaks_later_takes_no_room_from_others);
	RUN(test_what_is_in_the_database_makes_room_in_time);
	RUN(test_all_of_it_has_an_end);
	return tap_done();
}
