#include "keeper/changes.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "tap.h"

/* ---- what the kernel tells ---- */

static struct bh_change heard[8];
static size_t n_heard;

static void hear(void *ctx, const struct bh_change *c)
{
	(void)ctx;
	if (n_heard < BH_LEN(heard))
		heard[n_heard] = *c;
	n_heard++;
}

static void put_be32(struct bh_buf *b, uint32_t v)
{
	for (int i = 24; i >= 0; i -= 8)
		bh_buf_u8(b, (uint8_t)(v >> i));
}

static void attr(struct bh_buf *b, uint16_t type, const void *v, size_t len)
{
	bh_buf_le16(b, (uint16_t)(4 + len));
	bh_buf_le16(b, type);
	bh_buf_add(b, v, len);
	while (len++ % 4)
		bh_buf_u8(b, 0);
}

/* A message with one name, as the kernel tells of a rule or a table. */
static void named(struct bh_buf *b, uint16_t kind, uint8_t family, const char *table)
{
	BH_AUTO_BUF body = { 0 };

	attr(&body, 1, table, strlen(table) + 1);
	bh_buf_le32(b, (uint32_t)(20 + body.len));
	bh_buf_le16(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | kind));
	bh_buf_le16(b, 0);
	bh_buf_le32(b, 0);
	bh_buf_le32(b, 0);
	bh_buf_u8(b, family);
	bh_buf_add(b, "\0\0\0", 3);
	bh_buf_add(b, body.ptr, body.len);
}

static void ended(struct bh_buf *b, uint32_t generation, uint32_t pid, const char *process)
{
	BH_AUTO_BUF body = { 0 };
	BH_AUTO_BUF v = { 0 };

	put_be32(&v, generation);
	put_be32(&v, pid);
	attr(&body, NFTA_GEN_ID, v.ptr, 4);
	attr(&body, NFTA_GEN_PROC_PID, v.ptr + 4, 4);
	attr(&body, NFTA_GEN_PROC_NAME, process, strlen(process) + 1);
	bh_buf_le32(b, (uint32_t)(20 + body.len));
	bh_buf_le16(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN);
	bh_buf_le16(b, 0);
	bh_buf_le32(b, 0);
	bh_buf_le32(b, 0);
	bh_buf_add(b, "\0\0\0\0", 4);
	bh_buf_add(b, body.ptr, body.len);
}

static void test_a_transaction_is_told_with_who_did_it_and_whose_it_was(void)
{
	struct bh_changes c = { 0 };
	BH_AUTO_BUF b = { 0 };

	n_heard = 0;
	named(&b, NFT_MSG_NEWRULE, NFPROTO_INET, "bulkhead");
	named(&b, NFT_MSG_NEWRULE, NFPROTO_IPV4, "filter");
	named(&b, NFT_MSG_DELRULE, NFPROTO_IPV4, "filter");
	/* The rest comes in another datagram. */
	bh_changes_read(&c, bh_span_of(b.ptr, b.len), hear, NULL);
	EXPECT_INT(n_heard, 0);
	b.len = 0;
	named(&b, NFT_MSG_NEWTABLE, NFPROTO_INET, "fire\nwalld");
	ended(&b, 7, 4711, "nft");
	ended(&b, 8, 0, "");
	bh_changes_read(&c, bh_span_of(b.ptr, b.len), hear, NULL);
	EXPECT_INT(n_heard, 2);
	EXPECT(heard[0].ours && heard[0].others && heard[0].generation == 7 &&
		heard[0].pid == 4711);
	EXPECT_STR(heard[0].process, "nft");
	EXPECT_STR(heard[0].tables, "ip filter, inet fire?walld");
	EXPECT(!heard[1].ours && !heard[1].others && heard[1].generation == 8);
	EXPECT_STR(heard[1].tables, "");
}

static void test_our_name_in_another_family_is_not_ours(void)
{
	struct bh_changes c = { 0 };
	BH_AUTO_BUF b = { 0 };

	n_heard = 0;
	named(&b, NFT_MSG_NEWRULE, NFPROTO_IPV4, "bulkhead");
	named(&b, NFT_MSG_NEWRULE, NFPROTO_INET, "bulkhead2");
	ended(&b, 3, 1, "x");
	bh_changes_read(&c, bh_span_of(b.ptr, b.len), hear, NULL);
	EXPECT(n_heard == 1 && !heard[0].ours && heard[0].others);
}

static void test_every_truncation_and_lie_does_no_harm(void)
{
	BH_AUTO_BUF b = { 0 };

	named(&b, NFT_MSG_NEWRULE, NFPROTO_INET, "bulkhead");
	ended(&b, 7, 4711, "nft");
	for (size_t n = 0; n < b.len; n++) {
		struct bh_changes c = { 0 };
		n_heard = 0;
		bh_changes_read(&c, bh_span_of(b.ptr, n), hear, NULL);
		EXPECT_INT(n_heard, 0);
	}
	for (size_t i = 0; i < b.len; i++) {
		for (unsigned v = 0; v < 256; v++) {
			struct bh_changes c = { 0 };
			char was = b.ptr[i];
			b.ptr[i] = (char)v;
			bh_changes_read(&c, bh_span_of(b.ptr, b.len), hear, NULL);
			b.ptr[i] = was;
		}
	}
}

/* ---- when to look ---- */

#define MS (BH_SECOND / 1000)

static struct bh_change change(uint32_t generation, bool ours, const char *process)
{
	struct bh_change c = { .generation = generation, .ours = ours, .others = !ours };

	snprintf(c.process, sizeof c.process, "%s", process);
	return c;
}

static struct bh_priv_state state(uint32_t kernel, uint32_t generation, bool changed)
{
	return (struct bh_priv_state){ .loaded = true,
		.kernel_generation = kernel,
		.generation = generation,
		.changed_outside = changed };
}

/* A watcher that has looked once, at kernel generation 10, and found all well. */
static struct bh_drift watching(bool heals)
{
	struct bh_drift d = { .heals = heals };
	struct bh_priv_state s = state(10, 1, false);

	EXPECT_INT(bh_drift_looked(&d, &s, BH_SECOND, BH_SECOND + MS), 0);
	bh_drift_done(&d);
	EXPECT_INT(bh_drift_wait(&d, 2 * BH_SECOND), -1);
	return d;
}

static void tell(struct bh_drift *d, uint32_t generation, bool ours, const char *who, bh_time now)
{
	struct bh_change c = change(generation, ours, who);

	bh_drift_told(d, &c, now);
}

static void test_a_change_is_looked_at_when_its_author_has_come_to_rest(void)
{
	struct bh_drift d = watching(false);
	bh_time t = 10 * BH_SECOND;

	tell(&d, 11, true, "nft", t);
	EXPECT(!bh_drift_ours_due(&d, t) && bh_drift_wait(&d, t) > 0);
	EXPECT(bh_drift_ours_due(&d, t + 200 * MS));
	/* Who never comes to rest is looked at all the same. */
	for (uint32_t i = 1; i < 30; i++)
		tell(&d, 11 + i, true, "nft", t + i * 100 * MS);
	EXPECT(bh_drift_ours_due(&d, t + 1000 * MS));
}

static void test_an_edit_is_drift_and_its_author_is_known(void)
{
	struct bh_drift d = watching(false);
	struct bh_priv_state s = state(12, 1, true);

	tell(&d, 11, false, "docker", 10 * BH_SECOND);
	tell(&d, 12, true, "nft", 10 * BH_SECOND);
	EXPECT_INT(bh_drift_looked(&d, &s, 11 * BH_SECOND, 11 * BH_SECOND), BH_NEWS_DRIFT);
	EXPECT(d.n_suspects == 2 && !strcmp(d.suspects[1].process, "nft"));
	bh_drift_done(&d);
	EXPECT(d.n_suspects == 1 && !strcmp(d.suspects[0].process, "docker"));
	bh_drift_looked_around(&d, 11 * BH_SECOND, 11 * BH_SECOND);
	bh_drift_done_around(&d);
	EXPECT_INT(d.n_suspects, 0);
	/* The same again is no news, a second author is. */
	EXPECT_INT(bh_drift_looked(&d, &s, 12 * BH_SECOND, 12 * BH_SECOND), 0);
	tell(&d, 13, true, "python3", 13 * BH_SECOND);
	s.kernel_generation = 13;
	EXPECT_INT(bh_drift_looked(&d, &s, 14 * BH_SECOND, 14 * BH_SECOND), BH_NEWS_AGAIN);
	bh_drift_done(&d);
	tell(&d, 14, true, "bulkhead-priv", 15 * BH_SECOND);
	s = state(14, 2, false);
	EXPECT_INT(bh_drift_looked(&d, &s, 16 * BH_SECOND, 16 * BH_SECOND),
		BH_NEWS_RIGHT | BH_NEWS_LOADED);
}

static void test_our_own_doing_is_told_as_such(void)
{
	struct bh_drift d = watching(false);
	struct bh_priv_state s = state(11, 1, false);

	tell(&d, 11, true, "bulkhead-priv", 10 * BH_SECOND);
	s.trial = 2;
	EXPECT_INT(bh_drift_looked(&d, &s, 11 * BH_SECOND, 11 * BH_SECOND), BH_NEWS_LOADED);
	bh_drift_done(&d);
	s.trial = 0;
	s.lapsed = 2;
	s.kernel_generation = 12;
	EXPECT_INT(bh_drift_looked(&d, &s, 12 * BH_SECOND, 12 * BH_SECOND), BH_NEWS_LAPSED);
	bh_drift_done(&d);
	s = state(13, 0, false);
	s.loaded = false;
	EXPECT_INT(bh_drift_looked(&d, &s, 13 * BH_SECOND, 13 * BH_SECOND), BH_NEWS_GONE);
}

static void test_what_the_look_has_seen_is_not_looked_at_again(void)
{
	struct bh_drift d = watching(false);
	struct bh_priv_state s = state(14, 1, false);

	tell(&d, 11, true, "a", 10 * BH_SECOND);
	EXPECT_INT(bh_drift_looked(&d, &s, 11 * BH_SECOND, 11 * BH_SECOND), 0);
	bh_drift_done(&d);
	/* Told late: 12 to 14 were there. */
	tell(&d, 13, true, "b", 11 * BH_SECOND);
	EXPECT_INT(bh_drift_wait(&d, 20 * BH_SECOND), -1);
	tell(&d, 15, true, "c", 12 * BH_SECOND);
	EXPECT(bh_drift_wait(&d, 12 * BH_SECOND) > 0 && !d.lost);
}

static void test_what_came_too_late_for_a_look_is_looked_at_next(void)
{
	struct bh_drift d = watching(false);
	struct bh_priv_state s = state(11, 1, false);

	tell(&d, 11, true, "a", 10 * BH_SECOND);
	tell(&d, 12, true, "b", 11 * BH_SECOND);
	EXPECT_INT(bh_drift_looked(&d, &s, 11 * BH_SECOND, 11 * BH_SECOND), 0);
	bh_drift_done(&d);
	EXPECT(d.n_suspects == 1 && d.ours.is && !strcmp(d.suspects[0].process, "b"));
	s = state(12, 1, true);
	EXPECT_INT(bh_drift_looked(&d, &s, 13 * BH_SECOND, 13 * BH_SECOND), BH_NEWS_DRIFT);
}

static void test_a_gap_in_the_numbers_is_a_loss_and_is_looked_at(void)
{
	struct bh_drift d = watching(false);
	struct bh_priv_state s = state(13, 1, false);

	tell(&d, 13, false, "a", 10 * BH_SECOND);
	EXPECT(d.lost && d.ours.is && d.others.is);
	EXPECT_INT(bh_drift_looked(&d, &s, 11 * BH_SECOND, 11 * BH_SECOND), 0);
	bh_drift_done(&d);
	EXPECT(!d.lost && d.others.is);
	bh_drift_looked_around(&d, 11 * BH_SECOND, 11 * BH_SECOND);
	EXPECT_INT(bh_drift_wait(&d, 12 * BH_SECOND), -1);
	/* Lost while looking: looked at again. */
	bh_drift_lost(&d, 14 * BH_SECOND + MS);
	EXPECT_INT(bh_drift_looked(&d, &s, 14 * BH_SECOND, 15 * BH_SECOND), 0);
	EXPECT(d.lost && d.ours.is);
	/* Numbers go round without a gap. */
	d = watching(false);
	d.told = d.looked = UINT32_MAX;
	tell(&d, 1, true, "a", 20 * BH_SECOND);
	EXPECT(!d.lost && d.ours.is);
}

static void test_looking_takes_its_share_of_the_time_and_no_more(void)
{
	struct bh_drift d = watching(false);
	struct bh_priv_state s = state(11, 1, false);

	tell(&d, 11, true, "a", 10 * BH_SECOND);
	EXPECT_INT(bh_drift_looked(&d, &s, 11 * BH_SECOND, 13 * BH_SECOND), 0);
	bh_drift_done(&d);
	tell(&d, 12, true, "a", 14 * BH_SECOND);
	EXPECT(!bh_drift_ours_due(&d, 20 * BH_SECOND) && bh_drift_ours_due(&d, 22 * BH_SECOND));
	tell(&d, 13, false, "b", 30 * BH_SECOND);
	EXPECT(bh_drift_others_due(&d, 31 * BH_SECOND));
	bh_drift_looked_around(&d, 31 * BH_SECOND, 33 * BH_SECOND);
	EXPECT(!bh_drift_others_due(&d, 100 * BH_SECOND));
	tell(&d, 14, false, "b", 34 * BH_SECOND);
	EXPECT(!bh_drift_others_due(&d, 72 * BH_SECOND) && bh_drift_others_due(&d, 74 * BH_SECOND));
}

static void test_healing_ends_when_somebody_undoes_it_and_begins_again(void)
{
	struct bh_drift d = watching(true);
	bh_time t = 100 * BH_SECOND;
	unsigned healed = 0;
	bool calm = true;

	for (uint32_t i = 0; i < 20; i++, t += 5 * BH_SECOND) {
		struct bh_priv_state bad = state(11 + 2 * i, 1 + i, true);
		tell(&d, 11 + 2 * i, true, "rival", t);
		(void)bh_drift_looked(&d, &bad, t, t);
		bh_drift_done(&d);
		EXPECT(d.heal_due);
		if (!bh_drift_heal_due(&d, t))
			continue;
		healed++;
		calm = bh_drift_healed(&d, 0, t) && calm;
		struct bh_priv_state good = state(12 + 2 * i, 2 + i, false);
		(void)bh_drift_looked(&d, &good, t + MS, t + MS);
		bh_drift_done(&d);
	}
	/* A hundred seconds: five at once, a minute's pause, some more. */
	EXPECT(!calm && healed >= 6 && healed <= 12);
}

static void test_healing_waits_for_a_trial_and_gives_up_on_what_stays(void)
{
	struct bh_drift d = watching(true);
	struct bh_priv_state s = state(11, 1, true);

	tell(&d, 11, true, "nft", 10 * BH_SECOND);
	(void)bh_drift_looked(&d, &s, 11 * BH_SECOND, 11 * BH_SECOND);
	EXPECT(bh_drift_heal_due(&d, 11 * BH_SECOND));
	EXPECT(bh_drift_healed(&d, -EBUSY, 11 * BH_SECOND));
	EXPECT(!bh_drift_heal_due(&d, 12 * BH_SECOND) && bh_drift_heal_due(&d, 17 * BH_SECOND));
	EXPECT(bh_drift_healed(&d, -ENOENT, 17 * BH_SECOND));
	EXPECT(!d.heal_due);
	/* Who was not asked does not heal. */
	d = watching(false);
	(void)bh_drift_looked(&d, &s, 11 * BH_SECOND, 11 * BH_SECOND);
	EXPECT(!d.heal_due);
}

static void test_rules_loaded_again_are_the_same_whatever_their_handles(void)
{
	static const char *const v[] = {
		"table ip filter, chain INPUT, rule handle 12 may drop tcp/445",
		"table ip x has a flowtable"
	};

	EXPECT(bh_foreign_known(
		"table ip filter, chain INPUT, rule handle 9012 may drop tcp/445", v, 2));
	EXPECT(bh_foreign_known("table ip x has a flowtable", v, 2));
	EXPECT(!bh_foreign_known(
		"table ip filter, chain INPUT, rule handle 12 may drop tcp/139", v, 2));
	EXPECT(!bh_foreign_known("table ip filter, chain INPUT, rule handle 12", v, 2));
	EXPECT(!bh_foreign_known("", v, 2));
}

int main(void)
{
	RUN(test_a_transaction_is_told_with_who_did_it_and_whose_it_was);
	RUN(test_our_name_in_another_family_is_not_ours);
	RUN(test_every_truncation_and_lie_does_no_harm);
	RUN(test_a_change_is_looked_at_when_its_author_has_come_to_rest);
	RUN(test_an_edit_is_drift_and_its_author_is_known);
	RUN(test_our_own_doing_is_told_as_such);
	RUN(test_what_the_look_has_seen_is_not_looked_at_again);
	RUN(test_what_came_too_late_for_a_look_is_looked_at_next);
	RUN(test_a_gap_in_the_numbers_is_a_loss_and_is_looked_at);
	RUN(test_looking_takes_its_share_of_the_time_and_no_more);
	RUN(test_healing_ends_when_somebody_undoes_it_and_begins_again);
	RUN(test_healing_waits_for_a_trial_and_gives_up_on_what_stays);
	RUN(test_rules_loaded_again_are_the_same_whatever_their_handles);
	return tap_done();
}
