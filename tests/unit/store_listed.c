#include "store_helper.h"

static struct bh_share_seen seen(const char *server, const char *share, bh_time when)
{
	struct bh_share_seen s = { .when = when };

	snprintf(s.server_name, sizeof s.server_name, "%s", server);
	snprintf(s.share, sizeof s.share, "%s", share);
	return s;
}

static void list(const char *identity, bool replace, const struct bh_share_seen *v, size_t n)
{
	BH_AUTO(bh_store) s = open_store(true);
	uint32_t id = 0;

	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, identity, "label", replace, &id), 0);
	for (size_t i = 0; i < n; i++)
		EXPECT_INT(bh_store_share(s, id, &v[i]), 0);
	EXPECT_INT(bh_store_commit(s), 0);
}

static size_t shares(struct bh_arena *a, const struct bh_share_listed **v)
{
	BH_AUTO(bh_store) s = open_store(false);
	size_t n = 0;

	EXPECT_INT(bh_store_shares(s, a, v, &n), 0);
	return n;
}

static void test_the_latest_word_counts_whoever_said_it(void)
{
	struct bh_share_seen in[] = {
		seen("fs1", "\\\\*\\data", 5),
		seen("fs1", "\\\\*\\old", 5),
		seen("fs1", "\\\\*\\back", 5),
		seen("FS1", "\\\\*\\DATA", 9),
		seen("fs1", "\\\\*\\old", 9),
		seen("fs1", "\\\\*\\back", 3),
	};
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_listed *out;

	with_folder();
	strcpy(in[3].path, "D:\\data");
	strcpy(in[3].remark, "for all");
	in[4].gone = in[5].gone = 1;
	list("windows:1", true, in, 3);
	list("windows:2", true, in + 3, 3);
	EXPECT_INT(shares(&a, &out), 2);
	EXPECT_STR(out[0].share, "\\\\*\\back"); /* it was taken away before it was added */
	EXPECT(!out[0].path && !out[0].remark);
	EXPECT_STR(out[1].server_name, "FS1");
	EXPECT_STR(out[1].path, "D:\\data");
	EXPECT_STR(out[1].remark, "for all");
	EXPECT_INT(out[1].when, 9);
	EXPECT_INT(out[1].server.family, BH_NO_ADDR);
	list("windows:2", true, in, 1); /* another story from the same source */
	EXPECT_INT(shares(&a, &out), 3);
	clean_up();
}

static void test_within_a_source_an_older_word_changes_nothing(void)
{
	struct bh_share_seen in[] = { seen("fs1", "data", 9), seen("fs1", "data", 5) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_listed *out;

	with_folder();
	in[1].gone = 1;
	list("windows:1", false, in, 2);
	EXPECT_INT(shares(&a, &out), 1);
	EXPECT_INT(out[0].when, 9);
	clean_up();
}

static void test_servers_with_an_address_are_others_than_those_without(void)
{
	struct bh_share_seen in[] = { seen("", "data", 5), seen("fs1", "data", 5) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_listed *out;

	with_folder();
	in[0].server = bh_addr_v4(0x0a000001);
	list("windows:1", false, in, 2);
	EXPECT_INT(shares(&a, &out), 2);
	EXPECT(!out[1].server_name && out[1].server.family == BH_V4);
	clean_up();
}

static void test_what_is_old_is_forgotten(void)
{
	struct bh_share_seen in[] = { seen("fs1", "a", 5), seen("fs1", "b", 50) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_listed *out;
	uint64_t n = 0;

	with_folder();
	list("windows:1", false, in, 2);
	{
		BH_AUTO(bh_store) s = open_store(true);
		EXPECT_INT(bh_store_begin(s, 0), 0);
		EXPECT_INT(bh_store_retain(s, 10, &n), 0);
		EXPECT_INT(bh_store_commit(s), 0);
	}
	EXPECT_INT(shares(&a, &out), 1);
	EXPECT_STR(out[0].share, "b");
	clean_up();
}

static void test_pseudonyms_keep_no_shares_and_shares_are_names(void)
{
	struct bh_share_seen in[] = { seen("fs1", "alice", 5) };
	BH_AUTO(bh_pseudonyms) p = NULL;
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_listed *out;
	const char *why;
	char key[160];

	with_folder();
	list("windows:1", true, in, 1);
	snprintf(key, sizeof key, "%s.key", path);
	EXPECT_INT(bh_pseudonyms_make(key), 0);
	EXPECT_INT(bh_pseudonyms_open(key, &p, &why), 0);
	{
		BH_AUTO(bh_store) s = open_store(true);
		EXPECT_INT(bh_store_hide(s, p), -ENOTUNIQ);
	}
	list("windows:1", true, NULL, 0);
	{
		BH_AUTO(bh_store) s = open_store(true);
		uint32_t id = 0;
		EXPECT_INT(bh_store_hide(s, p), 0);
		EXPECT_INT(bh_store_begin(s, 0), 0);
		EXPECT_INT(bh_store_source(s, "windows:1", "label", true, &id), 0);
		EXPECT_INT(bh_store_share(s, id, in), 0);
		EXPECT_INT(bh_store_commit(s), 0);
	}
	EXPECT_INT(shares(&a, &out), 0);
	clean_up();
}

static void test_what_nobody_wrote_is_refused(void)
{
	static const char *const lies[] = {
		"UPDATE listed SET server = 'nobody'",
		"UPDATE listed SET server_name = ''",
		"UPDATE listed SET server_name = printf('%.*c', 300, 'x')",
		"UPDATE listed SET share = ''",
		"UPDATE listed SET share = char(27)",
		"UPDATE listed SET share = printf('%.*c', 600, 'x')",
		"UPDATE listed SET path = char(10)",
		"UPDATE listed SET remark = printf('%.*c', 300, 'x')",
		"UPDATE listed SET last_seen = -1",
	};
	struct bh_share_seen in = seen("fs1", "data", 5);

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_ARENA a = { 0 };
		const struct bh_share_listed *out;
		size_t n = 0;
		with_folder();
		list("windows:1", true, &in, 1);
		change(lies[i]);
		{
			BH_AUTO(bh_store) s = open_store(false);
			EXPECT_INT(bh_store_shares(s, &a, &out, &n), -EIO);
		}
		clean_up();
	}
}

int main(void)
{
	RUN(test_the_latest_word_counts_whoever_said_it);
	RUN(test_within_a_source_an_older_word_changes_nothing);
	RUN(test_servers_with_an_address_are_others_than_those_without);
	RUN(test_what_is_old_is_forgotten);
	RUN(test_pseudonyms_keep_no_shares_and_shares_are_names);
	RUN(test_what_nobody_wrote_is_refused);
	return tap_done();
}
