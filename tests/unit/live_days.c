/*
 * live_days: what `watch` does with days of traffic, without a network and on a clock of its
 * own: packets into the sensor's core, its facts into the inventory, a flush and a save every
 * two seconds.
 *
 * usage: test-live_days [PACKETS [DAYS]]
 *
 * By default a million packets of fifteen hours, with small limits, so that every one of them
 * is reached early.  `make soak` takes a thousand million of thirty days with the limits that
 * `watch` has.  200 honest clients work with four servers: they connect, use, close, fall
 * silent for hours and go on, or vanish.  In between there are floods of what anybody can make
 * up who can send packets.  Asserted is memory, never time: once everything that has a limit
 * has reached it, nothing grows; and all that the honest clients did is there, exactly, at any
 * time.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "inventory/inventory.h"
#include "sensor/sensor.h"
#include "smb_talk.h"
#include "tap.h"

/* A sanitizer keeps what is freed, on purpose: memory is no measure there. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define START ((bh_time)1700000000 * BH_SECOND)

enum { CLIENTS = 200, SERVERS = 4, LOOKS = 100, CHECKS = 20 };

struct client {
	struct talk_on on;
	bool open;
	uint64_t connections;
};

enum mood { PEACE, HALF_OPEN, MADE_UP, MANY_SESSIONS, HOLES, SCANS, MOODS };

struct world {
	struct bh_sensor *sensor;
	struct bh_inventory *inv;
	struct smb_talk talk;
	struct client client[CLIENTS];
	struct bh_tally tally;
	uint64_t packets, most; /* sent, and to be sent */
	uint64_t dice, made_up;
	uint64_t saved; /* rows that changed, in all rounds */
	uint64_t floods[MOODS]; /* packets of each */
	uint32_t abandons; /* one step in so many */
	enum mood mood;
	uint64_t mood_ends;
	bh_time span, now, flushed;
};

static struct world w;

static uint32_t dice(uint32_t n)
{
	w.dice = w.dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((w.dice >> 33) % n);
}

/* ---- what watch does ---- */

static int hear(void *ctx BH_UNUSED, const struct bh_fact *f)
{
	if (f->kind == BH_FACT_TALLY)
		w.tally = f->tally;
	return bh_inventory_fold(w.inv, 0, f);
}

static int save_row(void *ctx, const struct bh_row *row BH_UNUSED)
{
	++*(uint64_t *)ctx;
	return 0;
}

static void flush(void)
{
	EXPECT_INT(bh_sensor_flush(w.sensor, w.now), 0);
	EXPECT_INT(bh_inventory_changes(w.inv, 0, save_row, &w.saved), 0);
	bh_inventory_saved(w.inv, 0);
	w.flushed = w.now;
}

static void packet(const uint8_t *frame, size_t n)
{
	w.now = START + (bh_time)((double)w.packets / (double)w.most * (double)w.span);
	EXPECT_INT(bh_sensor_packet(w.sensor, 1, w.now, bh_span_of(frame, n), n), 0);
	w.packets++;
	w.floods[w.mood]++;
	if (w.now - w.flushed >= 2 * BH_SECOND)
		flush();
}

/* ---- honest work ---- */

static void speak(struct client *c, unsigned n)
{
	uint8_t frame[TALK_MOST];

	while (n--)
		packet(frame, talk_next(&w.talk, &c->on, frame));
}

static void open_one(struct client *c)
{
	unsigned i = (unsigned)(c - w.client);
	uint16_t port = c->on.port < 40000 || c->on.port == UINT16_MAX ? 40000 : c->on.port + 1;

	c->on = (struct talk_on){ .client = 0x0a010001 + i,
		.server = 0x0a020001 + i % SERVERS,
		.port = port,
		.next = { dice(UINT32_MAX), dice(UINT32_MAX) },
		.session = 1 + w.packets };
	c->open = true;
	c->connections++;
	speak(c, w.talk.set_up);
}

static void close_one(struct client *c)
{
	uint8_t frame[TALK_HEADERS];

	packet(frame, talk_bare(&c->on, false, TALK_FIN | TALK_ACK, frame));
	packet(frame, talk_bare(&c->on, true, TALK_FIN | TALK_ACK, frame));
	c->open = false;
}

static void work(void)
{
	struct client *c = &w.client[dice(CLIENTS)];

	if (!c->open)
		open_one(c);
	else if (!dice(200))
		close_one(c);
	else if (!dice(w.abandons))
		c->open = false; /* and nobody ever hears of this connection again */
	else
		speak(c, 2);
}

/* ---- floods ---- */

/* Nobody's address, and never the same. */
static struct talk_on somebody(void)
{
	w.made_up++;
	return (struct talk_on){ .client = 0x20000000 + (uint32_t)(w.made_up * 2654435761u >> 4),
		.server = 0x0a020001 + dice(SERVERS),
		.port = (uint16_t)(1024 + dice(60000)),
		.next = { dice(UINT32_MAX), dice(UINT32_MAX) },
		.session = w.made_up };
}

/* The server answers a SYN that nobody sent. */
static void half_open(void)
{
	const struct talk_on c = somebody();
	uint8_t frame[TALK_HEADERS];

	packet(frame, talk_bare(&c, false, TALK_SYN, frame));
	packet(frame, talk_bare(&c, true, TALK_SYN | TALK_ACK, frame));
}

/* A message out of the blue, of a session that is none. */
static void made_up(void)
{
	struct talk_on c = somebody();
	uint8_t frame[TALK_MOST];

	c.at = (uint16_t)w.talk.set_up;
	packet(frame, talk_next(&w.talk, &c, frame));
}

/* One connection with as many sessions as it likes. */
static void many_sessions(void)
{
	static struct talk_on c;
	uint8_t frame[TALK_MOST];

	if (!c.client || !dice(5000)) {
		c = somebody();
		c.at = (uint16_t)w.talk.set_up;
	}
	c.session++;
	packet(frame, talk_next(&w.talk, &c, frame));
}

/* Segments of which the one before never comes. */
static void holes(void)
{
	static struct talk_on c;
	uint8_t frame[TALK_MOST];

	if (!c.client || !dice(64)) {
		c = somebody();
		packet(frame, talk_bare(&c, false, TALK_SYN, frame));
		c.next[0] += 1000;
		c.at = (uint16_t)w.talk.set_up;
	}
	size_t n = talk_next(&w.talk, &c, frame);
	c.next[0] += 77;
	packet(frame, n);
}

/* Somebody looks for servers: most of whom he asks are silent or refuse. */
static void scans(void)
{
	struct talk_on c = somebody();
	uint8_t frame[TALK_HEADERS];

	c.server = 0x0a030000 + dice(65536);
	c.client = 0x0a010900 + dice(4);
	packet(frame, talk_bare(&c, false, TALK_SYN, frame));
	if (dice(2))
		packet(frame, talk_bare(&c, true, TALK_RST | TALK_ACK, frame));
}

static void step(void)
{
	static void (*const flood[MOODS])(
		void) = { work, half_open, made_up, many_sessions, holes, scans };

	if (w.packets >= w.mood_ends) {
		w.mood = w.mood == PEACE ? 1 + dice(MOODS - 1) : PEACE;
		w.mood_ends = w.packets + w.most / 200 + dice((uint32_t)(w.most / 200));
	}
	if (dice(16))
		flood[w.mood]();
	else
		work(); /* whatever else is going on */
}

/* ---- what must hold ---- */

static size_t resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	EXPECT(f && fscanf(f, "%lu %lu", &size, &pages) == 2);
	if (f)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* One row for each honest client, and in it every connection. */
static void check_honest(void)
{
	static uint64_t found[CLIENTS];
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	size_t n, honest = 0;

	flush();
	memset(found, 0, sizeof found);
	EXPECT_INT(bh_inventory_rows(w.inv, &a, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		uint32_t client = (uint32_t)rows[i].who.client.num - 0x0a010001;
		if (client >= CLIENTS)
			continue;
		honest++;
		found[client] += rows[i].figures.connections;
		EXPECT_STR(rows[i].who.user, "alice");
		EXPECT_STR(rows[i].who.share, "\\\\fs1.corp.example\\home");
		EXPECT_INT(rows[i].who.complete, 1);
	}
	EXPECT(honest <= CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++)
		EXPECT_INT(found[i], w.client[i].connections);
}

/* The most of the first two fifths, and of the rest. */
struct memory {
	size_t early, late;
};

static void look(struct memory *m, size_t now, unsigned at)
{
	size_t *most = at < LOOKS * 2 / 5 ? &m->early : &m->late;

	if (now > *most)
		*most = now;
}

static void live(struct memory *rss, struct memory *heap)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		while (w.packets < w.most / LOOKS * (i + 1))
			step();
		look(rss, resident(), i);
		look(heap, in_use(), i);
		if (i % (LOOKS / CHECKS) == 0 || w.mood != PEACE)
			check_honest();
	}
}

static void begin(uint64_t packets, bh_time span, bool small)
{
	const struct bh_sensor_limits few = { .flows = 4096, .held_bytes = 1024 * 1024 };
	const struct bh_inventory_limits little = { .leaves = 16384, .rows = 4096 };

	w = (struct world){ .dice = 1,
		.most = packets,
		.span = span,
		.now = START,
		.flushed = START,
		.abandons = small ? 25 : 400 };
	w.inv = bh_inventory_new_limited(7, small ? &little : NULL);
	EXPECT(w.inv != NULL);
	EXPECT_INT(bh_sensor_new(small ? &few : NULL, hear, NULL, &w.sensor), 0);
	talk_small(&w.talk, 200, 8);
	flush(); /* live from the first packet on */
}

static uint64_t wanted_packets = SANITIZED ? 200000 : 1000000, wanted_days;

static void test_days_of_traffic_and_floods_leave_memory_flat_and_hide_nobody(void)
{
	bool small = !wanted_days;
	struct memory rss = { 0 }, heap = { 0 };

	begin(wanted_packets, (small ? 15 * 3600 : (bh_time)wanted_days * 86400) * BH_SECOND,
		small);
	live(&rss, &heap);
	check_honest();
	printf("# %llu packets of %llu hours; %llu rows changed, %llu given up; %llu flows and the like given up\n",
		(unsigned long long)w.packets, (unsigned long long)(w.span / BH_SECOND / 3600),
		(unsigned long long)w.saved, (unsigned long long)bh_inventory_lost(w.inv).rows,
		(unsigned long long)w.tally.evicted);
	printf("# peace %llu, half open %llu, made up %llu, many sessions %llu, holes %llu, scans %llu\n",
		(unsigned long long)w.floods[PEACE], (unsigned long long)w.floods[HALF_OPEN],
		(unsigned long long)w.floods[MADE_UP], (unsigned long long)w.floods[MANY_SESSIONS],
		(unsigned long long)w.floods[HOLES], (unsigned long long)w.floods[SCANS]);
	printf("# at most in the first two fifths, and later: heap %.2f and %.2f MB, resident %.2f and %.2f MB\n",
		(double)heap.early / 1e6, (double)heap.late / 1e6, (double)rss.early / 1e6,
		(double)rss.late / 1e6);
	EXPECT(SANITIZED || heap.late <= heap.early + heap.early / 20);
	EXPECT(SANITIZED || rss.late <= rss.early + rss.early / 20);
	for (unsigned i = 0; i < MOODS; i++)
		EXPECT(w.floods[i] > w.most / 100);
	EXPECT_INT(bh_sensor_finish(w.sensor), 0);
	bh_sensor_free(w.sensor);
	bh_inventory_free(w.inv);
	talk_free(&w.talk);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		wanted_packets = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		wanted_days = strtoull(argv[2], NULL, 10);
	RUN(test_days_of_traffic_and_floods_leave_memory_flat_and_hide_nobody);
	return tap_done();
}
