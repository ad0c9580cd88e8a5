#include "sensor/sensor.h"
#include "smb_talk.h"
#include "tap.h"

#define START  ((bh_time)1700000000 * BH_SECOND)
#define SERVER 0x0a020001u

struct heard {
	uint64_t strangers, known; /* leaves told, and told again */
	uint64_t user_and_share; /* of the latter, with both */
	struct bh_tally tally;
};

static int hear(void *ctx, const struct bh_fact *f)
{
	struct heard *h = ctx;
	const struct bh_conversation *who = &f->leaf_is.who;

	EXPECT(bh_fact_sane(f));
	if (f->kind == BH_FACT_TALLY)
		h->tally = f->tally;
	if (f->kind != BH_FACT_LEAF)
		return 0;
	h->known += who->dialect != 0;
	h->strangers += !who->dialect;
	h->user_and_share += !strcmp(who->user, "alice") && strstr(who->share, "home");
	return 0;
}

static void packet(struct bh_sensor *s, bh_time when, const uint8_t *frame, size_t n)
{
	EXPECT_INT(bh_sensor_packet(s, 1, when, bh_span_of(frame, n), n), 0);
}

/* A client that was made up asks, and a real server answers to nobody. */
static void half_open(struct bh_sensor *s, bh_time when, uint32_t client)
{
	const struct talk_on c = {
		.client = client, .server = SERVER, .port = 40000, .next = { 7, 9 }
	};
	uint8_t frame[TALK_HEADERS];

	packet(s, when, frame, talk_bare(&c, false, TALK_SYN, frame));
	packet(s, when, frame, talk_bare(&c, true, TALK_SYN | TALK_ACK, frame));
}

static void speak(
	struct bh_sensor *s, bh_time when, const struct smb_talk *t, struct talk_on *c, unsigned n)
{
	uint8_t frame[TALK_MOST];

	while (n--)
		packet(s, when, frame, talk_next(t, c, frame));
}

static void test_a_flood_of_half_open_connections_drives_out_nobody_who_is_known(void)
{
	const struct bh_sensor_limits few = { .flows = 64 };
	struct talk_on honest[20];
	struct smb_talk t = { 0 };
	struct heard h = { 0 };
	struct bh_sensor *s;

	talk_small(&t, 200, 4);
	EXPECT_INT(bh_sensor_new(&few, hear, &h, &s), 0);
	for (unsigned i = 0; i < BH_LEN(honest); i++) {
		honest[i] = (struct talk_on){
			.client = 0x0a010001 + i, .server = SERVER, .port = 50000, .session = 5
		};
		speak(s, START, &t, &honest[i], t.set_up);
	}
	for (uint32_t i = 0; i < 20000; i++)
		half_open(s, START, 0x0b000000 + i);
	for (unsigned i = 0; i < BH_LEN(honest); i++)
		speak(s, START, &t, &honest[i], 4);
	EXPECT_INT(bh_sensor_finish(s), 0);
	EXPECT_INT(h.known, BH_LEN(honest));
	EXPECT_INT(h.user_and_share, BH_LEN(honest));
	EXPECT_INT(h.tally.evicted, 20000 - (64 - BH_LEN(honest)));
	bh_sensor_free(s);
	talk_free(&t);
}

/* Who is about to be known needs room, too. */
static void test_whoever_is_known_leaves_room_for_others_to_become_so(void)
{
	const struct bh_sensor_limits few = { .flows = 64 };
	struct talk_on c[200];
	struct smb_talk t = { 0 };
	struct heard h = { 0 };
	struct bh_sensor *s;

	talk_small(&t, 200, 4);
	EXPECT_INT(bh_sensor_new(&few, hear, &h, &s), 0);
	for (unsigned i = 0; i < BH_LEN(c); i++)
		c[i] = (struct talk_on){
			.client = 0x0a010001 + i, .server = SERVER, .port = 50000, .session = 5
		};
	/* Sixteen at a time, all of whom begin before one of them goes on. */
	for (unsigned from = 0; from + 16 <= BH_LEN(c); from += 16) {
		for (unsigned at = 0; at < t.set_up; at++) {
			for (unsigned i = 0; i < 16; i++)
				speak(s, START, &t, &c[from + i], 1);
		}
	}
	EXPECT_INT(bh_sensor_finish(s), 0);
	EXPECT_INT(h.user_and_share, BH_LEN(c) / 16 * 16);
	bh_sensor_free(s);
	talk_free(&t);
}

static void test_live_so_many_strangers_are_told_a_minute_and_the_others_counted(void)
{
	enum { FLOOD = 5000, A_MINUTE = 1024 };
	struct heard h = { 0 };
	struct bh_sensor *s;
	bh_time now = START;

	EXPECT_INT(bh_sensor_new(NULL, hear, &h, &s), 0);
	EXPECT_INT(bh_sensor_flush(s, now), 0);
	for (uint32_t i = 0; i < FLOOD; i++)
		half_open(s, now, 0x0b000000 + i);
	for (; now < START + 50 * BH_SECOND; now += 2 * BH_SECOND)
		EXPECT_INT(bh_sensor_flush(s, now), 0);
	EXPECT_INT(h.strangers, A_MINUTE);
	/* One of those who were told tries again: that is no other row. */
	half_open(s, now, 0x0b000000);
	uint64_t before = h.strangers;
	EXPECT_INT(bh_sensor_flush(s, now), 0);
	EXPECT(h.strangers >= before && h.strangers <= before + 1);
	/* A minute later, as many again. */
	EXPECT_INT(bh_sensor_flush(s, START + 61 * BH_SECOND), 0);
	EXPECT(h.strangers > A_MINUTE && h.strangers <= 2 * A_MINUTE + 1);
	EXPECT_INT(bh_sensor_finish(s), 0);
	EXPECT(h.tally.evicted >= FLOOD - 2 * A_MINUTE - 1);
	bh_sensor_free(s);
}

static int count_bytes(void *ctx, const struct bh_fact *f)
{
	if (f->kind == BH_FACT_LEAF && f->leaf_is.who.client.num == 0x0a010001)
		*(uint64_t *)ctx = f->leaf_is.figures.bytes_to_server;
	return 0;
}

/* A flush looks at a few connections only, and misses none that has something to tell: the one
 * that spoke alone for hours, and just before another took its turn, is the hard case. */
static void test_each_flush_tells_all_that_was_said_before_it(void)
{
	struct talk_on c = { .client = 0x0a010001, .server = SERVER, .port = 50000, .session = 5 };
	struct smb_talk t = { 0 };
	uint64_t told = 0, messages = 0;
	struct bh_sensor *s;
	bh_time now = START;

	talk_small(&t, 200, 4);
	EXPECT_INT(bh_sensor_new(NULL, count_bytes, &told, &s), 0);
	speak(s, now, &t, &c, t.set_up);
	EXPECT_INT(bh_sensor_flush(s, now), 0);
	uint64_t before = told;
	for (unsigned i = 0; i < 300; i++, now += 2 * BH_SECOND) {
		if (i == 100 || i == 200) {
			struct talk_on other = c;
			other.client += 1 + i;
			other.at = 0;
			speak(s, now, &t, &c, 2);
			messages++;
			speak(s, now, &t, &other, t.set_up);
		} else {
			speak(s, now, &t, &c, 400);
			messages += 200;
		}
		told = 0;
		EXPECT_INT(bh_sensor_flush(s, now), 0);
		EXPECT_INT(told, before + messages * 142);
	}
	bh_sensor_free(s);
	talk_free(&t);
}

/* A file is no flood that goes on for ever: it tells all that is in it. */
static void test_of_a_file_every_stranger_is_told(void)
{
	enum { FLOOD = 5000 };
	struct heard h = { 0 };
	struct bh_sensor *s;

	EXPECT_INT(bh_sensor_new(NULL, hear, &h, &s), 0);
	for (uint32_t i = 0; i < FLOOD; i++)
		half_open(s, START, 0x0b000000 + i);
	EXPECT_INT(bh_sensor_finish(s), 0);
	EXPECT_INT(h.strangers, FLOOD);
	EXPECT_INT(h.tally.evicted, 0);
	bh_sensor_free(s);
}

int main(void)
{
	RUN(test_a_flood_of_half_open_connections_drives_out_nobody_who_is_known);
	RUN(test_whoever_is_known_leaves_room_for_others_to_become_so);
	RUN(test_live_so_many_strangers_are_told_a_minute_and_the_others_counted);
	RUN(test_each_flush_tells_all_that_was_said_before_it);
	RUN(test_of_a_file_every_stranger_is_told);
	return tap_done();
}
