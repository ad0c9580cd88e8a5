#include "sensor_play.h"

#include <malloc.h>

enum { MDNS = 5353 };

/* What was told, the last few of it. */
static struct heard {
	struct bh_name_seen last;
	unsigned n, closed;
	struct bh_tally tally;
} heard;

static int hear_names(void *ctx, const struct bh_fact *f)
{
	struct heard *h = ctx;

	EXPECT(bh_fact_sane(f));
	if (f->kind == BH_FACT_NAME) {
		h->last = f->name;
		h->n++;
	}
	h->closed += f->kind == BH_FACT_LEAF && f->leaf_is.closed;
	if (f->kind == BH_FACT_TALLY)
		h->tally = f->tally;
	return 0;
}

static void listen(void)
{
	memset(&heard, 0, sizeof heard);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear_names, &heard, &sensor), 0);
}

static void finish(void)
{
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
}

static void put_answer(struct bh_buf *b, const char *label, uint32_t addr)
{
	put32be(b, 0);
	b->ptr[2] = (char)0x84; /* an answer, and ours to give */
	put32be(b, 1); /* one record */
	put32be(b, 0);
	bh_buf_u8(b, (uint8_t)strlen(label));
	bh_buf_str(b, label);
	bh_buf_add(b, "\5local\0\0\1\x80\1\0\0\0\x78\0\4", 17);
	put32be(b, addr);
}

static int say_cut(uint16_t port, const struct bh_buf *p, size_t cut)
{
	BH_AUTO_BUF b = { 0 };
	const struct udp u = { CLIENT, 0xe00000fb, port, port };

	now += 1000000;
	udp_packet(&b, &u, p->ptr, p->len);
	return bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len - cut), b.len);
}

static void tell_host(const char *label, uint32_t addr)
{
	BH_AUTO_BUF b = { 0 };

	put_answer(&b, label, addr);
	EXPECT_INT(say_cut(MDNS, &b, 0), 0);
}

static void test_a_name_is_told_once_in_a_while(void)
{
	listen();
	for (unsigned i = 0; i < 100; i++)
		tell_host("fs1", SERVER);
	EXPECT_INT(heard.n, 1);
	EXPECT_STR(heard.last.name, "fs1.local");
	EXPECT_INT(heard.last.addr.num, SERVER);
	EXPECT_INT(heard.last.kind, BH_NAME_MDNS);
	EXPECT(heard.last.when > 0 && heard.last.when < now);
	tell_host("fs1", CLIENT);
	tell_host("fs2", SERVER);
	EXPECT_INT(heard.n, 3);
	now += 3600 * BH_SECOND;
	tell_host("fs1", SERVER);
	EXPECT_INT(heard.n, 4);
	EXPECT_INT(heard.last.when, now);
	finish();
	EXPECT_INT(heard.tally.evicted, 0);
}

/* A registration of NetBIOS, RFC 1002 4.2.2, of a name for something. */
static void register_name(uint8_t suffix)
{
	BH_AUTO_BUF b = { 0 };

	put32be(&b, 0x12342910);
	put32be(&b, 0x00010000);
	put32be(&b, 1);
	bh_buf_u8(&b, 32);
	for (size_t i = 0; i < 15; i++)
		bh_buf_str(&b, i < 2 ? i ? "FD" : "EG" : "CA"); /* "FS", then spaces */
	bh_buf_u8(&b, (uint8_t)('A' + (suffix >> 4)));
	bh_buf_u8(&b, (uint8_t)('A' + (suffix & 15)));
	bh_buf_u8(&b, 0);
	put32be(&b, 0x00200001);
	put16be(&b, 0xc00c);
	put32be(&b, 0x00200001);
	put32be(&b, 300000);
	put32be(&b, 0x00060000);
	put32be(&b, SERVER);
	EXPECT_INT(say_cut(137, &b, 0), 0);
}

static void test_a_name_that_says_more_is_told_at_once(void)
{
	listen();
	register_name(0x00);
	register_name(0x00);
	EXPECT_INT(heard.n, 1);
	EXPECT_STR(heard.last.name, "FS");
	register_name(0x20);
	EXPECT_INT(heard.n, 2);
	EXPECT_INT(heard.last.roles & BH_ROLE_FILE_SERVER, BH_ROLE_FILE_SERVER);
	register_name(0x00);
	register_name(0x20);
	EXPECT_INT(heard.n, 2);
	finish();
}

static void test_what_cannot_be_read_is_counted(void)
{
	BH_AUTO_BUF b = { 0 };

	put_answer(&b, "fs1", SERVER);
	listen();
	EXPECT_INT(say_cut(MDNS, &b, 1), 0);
	b.len--;
	EXPECT_INT(say_cut(MDNS, &b, 0), 0);
	finish();
	EXPECT_INT(heard.n, 0);
	EXPECT_INT(heard.tally.truncated_packets, 1);
	EXPECT_INT(heard.tally.malformed, 1);
}

static void flood(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		tell_host("flood", 0x0b000000 + i);
}

static size_t in_use(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void test_a_flood_of_names_is_bounded_and_hides_nobody_for_long(void)
{
	listen();
	flood(1);
	size_t before = in_use();
	flood(20000);
	EXPECT(in_use() < before + 4096);
	EXPECT_INT(heard.n, 1024);
	tell_host("fs1", SERVER);
	EXPECT_INT(heard.n, 1024);
	EXPECT_INT(bh_sensor_flush(sensor, now), 0);
	EXPECT_INT(heard.tally.evicted, 20000 - 1024 + 1);
	tell_host("fs1", SERVER);
	EXPECT_INT(heard.n, 1025);
	EXPECT_STR(heard.last.name, "fs1.local");
	flood(200000); /* of a file nothing is flushed: so many in so many packets */
	EXPECT(heard.n > 4 * 1000 && heard.n <= 5 * 1024);
	send(0, 0x02, 10, 0, NULL, 0); /* a row is a row, whatever else was told */
	finish();
	EXPECT_INT(heard.closed, 1);
}

int main(void)
{
	server_port = 445;
	RUN(test_a_name_is_told_once_in_a_while);
	RUN(test_a_name_that_says_more_is_told_at_once);
	RUN(test_what_cannot_be_read_is_counted);
	RUN(test_a_flood_of_names_is_bounded_and_hides_nobody_for_long);
	return tap_done();
}
