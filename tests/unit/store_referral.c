#include "store_helper.h"

static struct bh_referral told(const char *part, const char *target, unsigned host, bh_time when)
{
	struct bh_referral r = { .server = bh_addr_v4(host), .when = when, .ttl = 600 };

	snprintf(r.path, sizeof r.path, "%s", part);
	snprintf(r.target, sizeof r.target, "%s", target);
	return r;
}

static void put(const char *identity, bool replace, const struct bh_referral *v, size_t n)
{
	BH_AUTO(bh_store) s = open_store(true);
	uint32_t id = 0;

	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, identity, "label", replace, &id), 0);
	for (size_t i = 0; i < n; i++)
		EXPECT_INT(bh_store_referral(s, id, &v[i]), 0);
	EXPECT_INT(bh_store_commit(s), 0);
}

static size_t referrals(struct bh_arena *a, const struct bh_referral **v)
{
	BH_AUTO(bh_store) s = open_store(false);
	size_t n = 0;

	EXPECT_INT(bh_store_referrals(s, a, v, &n), 0);
	return n;
}

static void test_the_latest_word_of_each_server_is_kept(void)
{
	struct bh_referral in[] = {
		told("\\\\c\\dfs\\x", "\\\\fs2\\x", 1, 5),
		told("\\\\c\\dfs\\x", "\\\\fs1\\x", 1, 5),
		told("\\\\C\\DFS\\x", "\\\\FS1\\x", 1, 9),
		told("\\\\c\\dfs\\x", "\\\\fs1\\x", 2, 7),
	};
	BH_AUTO_ARENA a = { 0 };
	const struct bh_referral *out;

	with_folder();
	in[2].ttl = 30;
	put("pcap:1", true, in, 2);
	put("pcap:2", true, in + 2, 2);
	EXPECT_INT(referrals(&a, &out), 3);
	EXPECT_STR(out[0].target, "\\\\FS1\\x");
	EXPECT_INT(out[0].ttl, 30);
	EXPECT_INT(out[1].when, 7);
	EXPECT_STR(out[2].target, "\\\\fs2\\x");
	put("pcap:2", true, in, 1); /* another story from the same source */
	EXPECT_INT(referrals(&a, &out), 2);
	EXPECT_INT(out[0].when, 5);
	clean_up();
}

static void test_what_is_old_is_forgotten(void)
{
	struct bh_referral in[] = { told("\\\\c\\d", "\\\\a\\b", 1, 5),
		told("\\\\c\\e", "\\\\a\\b", 1, 9) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_referral *out;
	uint64_t gone;

	with_folder();
	put("pcap:1", true, in, 2);
	{
		BH_AUTO(bh_store) s = open_store(true);
		EXPECT_INT(bh_store_begin(s, 0), 0);
		EXPECT_INT(bh_store_retain(s, 7, &gone), 0);
		EXPECT_INT(bh_store_commit(s), 0);
	}
	EXPECT_INT(referrals(&a, &out), 1);
	EXPECT_STR(out[0].path, "\\\\c\\e");
	clean_up();
}

static void test_what_nobody_wrote_is_refused(void)
{
	static const char *const lies[] = {
		"UPDATE referral SET server = 'nobody'",
		"UPDATE referral SET target = ''",
		"UPDATE referral SET path = char(27)",
		"UPDATE referral SET target = printf('%.*c', 600, 'x')",
		"UPDATE referral SET ttl = -1",
		"UPDATE referral SET whole = 2",
		"UPDATE referral SET last_seen = -1",
	};
	struct bh_referral in = told("\\\\c\\d", "\\\\a\\b", 1, 5);

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_ARENA a = { 0 };
		const struct bh_referral *out;
		size_t n = 0;
		with_folder();
		put("pcap:1", true, &in, 1);
		change(lies[i]);
		{
			BH_AUTO(bh_store) s = open_store(false);
			EXPECT_INT(bh_store_referrals(s, &a, &out, &n), -EIO);
		}
		clean_up();
	}
}

int main(void)
{
	RUN(test_the_latest_word_of_each_server_is_kept);
	RUN(test_what_is_old_is_forgotten);
	RUN(test_what_nobody_wrote_is_refused);
	return tap_done();
}
