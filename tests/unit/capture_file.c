#include "smb_make.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "capture/capture.h"
#include "tap.h"

/* ---- files made by hand ---- */

struct maker {
	struct bh_buf b;
	bool big;
};

static void p16(struct maker *m, unsigned v)
{
	if (m->big)
		put16be(&m->b, v);
	else
		bh_buf_le16(&m->b, (uint16_t)v);
}

static void p32(struct maker *m, uint32_t v)
{
	if (m->big)
		put32be(&m->b, v);
	else
		bh_buf_le32(&m->b, v);
}

static void pcap_begin(struct maker *m, bool ns)
{
	p32(m, ns ? 0xa1b23c4d : 0xa1b2c3d4);
	p16(m, 2);
	p16(m, 4);
	p32(m, 0);
	p32(m, 0);
	p32(m, 65535);
	p32(m, 101);
}

static void pcap_packet(struct maker *m, uint32_t s, uint32_t f, const char *bytes, uint32_t orig)
{
	p32(m, s);
	p32(m, f);
	p32(m, (uint32_t)strlen(bytes));
	p32(m, orig);
	bh_buf_str(&m->b, bytes);
}

static void section(struct maker *m)
{
	p32(m, 0x0a0d0d0a);
	p32(m, 28);
	p32(m, 0x1a2b3c4d);
	p16(m, 1);
	p16(m, 0);
	p32(m, 0xffffffff);
	p32(m, 0xffffffff);
	p32(m, 28);
}

static void option(struct maker *m, unsigned code, const void *value, unsigned n)
{
	p16(m, code);
	p16(m, n);
	bh_buf_add(&m->b, value, n);
	put_zero(&m->b, -n & 3);
}

/* With if_tsresol and if_tsoffset, and the names of what nobody reads. */
static void interface(
	struct maker *m, unsigned link, uint32_t snaplen, uint8_t resolution, int64_t offset)
{
	uint32_t len = 20 + 12 + 8 + 12 + 4;
	uint8_t wire[8];

	for (unsigned i = 0; i < 8; i++)
		wire[m->big ? 7 - i : i] = (uint8_t)((uint64_t)offset >> 8 * i);
	p32(m, 1);
	p32(m, len);
	p16(m, link);
	p16(m, 0);
	p32(m, snaplen);
	option(m, 2, "eth0\0", 6); /* not padded */
	option(m, 9, &resolution, 1);
	option(m, 14, wire, 8);
	option(m, 0, "", 0);
	p32(m, len);
}

static void pad(struct maker *m, size_t n)
{
	put_zero(&m->b, -n & 3);
}

static void enhanced(struct maker *m, uint32_t id, uint64_t ticks, const char *bytes)
{
	uint32_t n = (uint32_t)strlen(bytes), len = 32 + ((n + 3) & ~3u);

	p32(m, 6);
	p32(m, len);
	p32(m, id);
	p32(m, (uint32_t)(ticks >> 32));
	p32(m, (uint32_t)ticks);
	p32(m, n);
	p32(m, n + 5);
	bh_buf_str(&m->b, bytes);
	pad(m, n);
	p32(m, len);
}

static void simple(struct maker *m, const char *bytes, uint32_t orig)
{
	uint32_t n = (uint32_t)strlen(bytes), len = 16 + ((n + 3) & ~3u);

	p32(m, 3);
	p32(m, len);
	p32(m, orig);
	bh_buf_str(&m->b, bytes);
	pad(m, n);
	p32(m, len);
}

static void zip(struct bh_buf *b)
{
	struct bh_buf out = { 0 };
	z_stream z = { 0 };
	uint8_t room[4096];

	if (deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_in = (Bytef *)b->ptr;
	z.avail_in = (uInt)b->len;
	int r;
	do {
		z.next_out = room;
		z.avail_out = sizeof room;
		r = deflate(&z, Z_FINISH);
		bh_buf_add(&out, room, sizeof room - z.avail_out);
	} while (r == Z_OK);
	deflateEnd(&z);
	bh_buf_reset(b);
	*b = out;
}

/* ---- reading them ---- */

struct got {
	char text[16][32];
	bh_time when[16];
	size_t original[16];
	uint32_t link[16];
	unsigned n;
	int end; /* what the last call said */
	char problem[200];
	uint64_t offset;
};

static void read_fd(int fd, struct got *g)
{
	struct bh_capture *c = NULL;
	struct bh_packet p = { 0 };

	memset(g, 0, sizeof *g);
	g->end = bh_capture_open(fd, &c);
	if (g->end)
		return;
	while ((g->end = bh_capture_next(c, &p)) == 1 && g->n < 16) {
		snprintf(g->text[g->n], sizeof g->text[0], "%.*s", (int)p.bytes.len,
			(const char *)p.bytes.ptr);
		g->when[g->n] = p.when;
		g->original[g->n] = p.original;
		g->link[g->n++] = p.link;
	}
	if (g->end == -EBADMSG)
		snprintf(g->problem, sizeof g->problem, "%s", bh_capture_problem(c, &g->offset));
	bh_capture_free(c);
}

static void read_file(const struct bh_buf *b, size_t n, struct got *g)
{
	int fd = memfd_create("capture", 0);

	if (fd < 0 || write(fd, bh_buf_text(b), n) != (ssize_t)n)
		abort();
	read_fd(fd, g);
	close(fd);
}

/* At most a pipe's buffer. */
static void read_pipe(const struct bh_buf *b, size_t n, struct got *g)
{
	int fd[2];

	if (pipe(fd) || write(fd[1], bh_buf_text(b), n) != (ssize_t)n)
		abort();
	close(fd[1]);
	read_fd(fd[0], g);
	close(fd[0]);
}

static struct got got, part;

static void test_pcap_in_both_orders_and_resolutions(void)
{
	for (unsigned i = 0; i < 16; i++) {
		struct maker m = { .big = i & 1 };
		bool ns = i & 2;
		pcap_begin(&m, ns);
		pcap_packet(&m, 1700000000, 123456, "first", 5);
		pcap_packet(&m, 1700000001, 7, "second", 1000);
		if (i & 4)
			zip(&m.b);
		(i & 8 ? read_pipe : read_file)(&m.b, m.b.len, &got);
		EXPECT_INT(got.end, 0);
		EXPECT_INT(got.n, 2);
		EXPECT_STR(got.text[0], "first");
		EXPECT_STR(got.text[1], "second");
		EXPECT_INT(got.when[0], 1700000000 * BH_SECOND + (ns ? 123456 : 123456000));
		EXPECT_INT(got.original[0], 5);
		EXPECT_INT(got.original[1], 1000);
		EXPECT_INT(got.link[0], 101);
		bh_buf_reset(&m.b);
	}
}

static void make_ng(struct maker *m)
{
	section(m);
	interface(m, 1, 0, 6, 0);
	interface(m, 101, 4, 9, 1000);
	p32(m, 0x0bad); /* a block nobody knows */
	p32(m, 16);
	p32(m, 0xdeadbeef);
	p32(m, 16);
	enhanced(m, 0, 1700000000123456, "ethernet");
	enhanced(m, 1, 1700000000123456789, "raw");
	simple(m, "no time", 7);
	m->big = !m->big;
	section(m); /* another order, other interfaces */
	interface(m, 113, 3, 0x80 | 10, 0);
	enhanced(m, 0, (1700000000ull << 10) + 512, "binary");
	simple(m, "cut", 99);
}

static void test_pcapng_with_several_interfaces_and_sections(void)
{
	for (unsigned i = 0; i < 8; i++) {
		struct maker m = { .big = i & 1 };
		make_ng(&m);
		if (i & 2)
			zip(&m.b);
		(i & 4 ? read_pipe : read_file)(&m.b, m.b.len, &got);
		EXPECT_INT(got.end, 0);
		EXPECT_INT(got.n, 5);
		EXPECT_STR(got.text[0], "ethernet");
		EXPECT_INT(got.when[0], 1700000000123456000);
		EXPECT_INT(got.original[0], 13);
		EXPECT_INT(got.link[0], 1);
		EXPECT_STR(got.text[1], "raw");
		EXPECT_INT(got.when[1], 1700001000123456789);
		EXPECT_INT(got.link[1], 101);
		EXPECT_STR(got.text[2], "no time");
		EXPECT_INT(got.when[2], 0);
		EXPECT_INT(got.when[3], 1700000000500000000);
		EXPECT_INT(got.link[3], 113);
		EXPECT_STR(got.text[4], "cut");
		EXPECT_INT(got.original[4], 99);
		bh_buf_reset(&m.b);
	}
}

/* Of a file that breaks off, everything before the break is read, and the break told;
 * between two records nobody can tell. */
static void expect_truncations_honest(const struct bh_buf *b, const struct got *whole, bool packed)
{
	unsigned clean = 0;

	for (size_t n = 0; n < b->len; n++) {
		for (int pipe = 0; pipe < 2; pipe++) {
			(pipe ? read_pipe : read_file)(b, n, &part);
			EXPECT(part.end == -EBADMSG || part.end == 0);
			clean += part.end == 0;
			EXPECT(part.n <= whole->n);
			for (unsigned i = 0; i < part.n; i++)
				EXPECT_STR(part.text[i], whole->text[i]);
			if (part.end)
				EXPECT(part.problem[0] && (packed || part.offset <= n));
		}
	}
	EXPECT(clean <= (packed ? 2 : 22));
}

static void test_every_truncation_keeps_what_came_before(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct maker m = { 0 };
		if (i & 1) {
			make_ng(&m);
		} else {
			pcap_begin(&m, false);
			pcap_packet(&m, 1, 0, "first", 5);
			pcap_packet(&m, 2, 0, "second", 6);
		}
		if (i & 2)
			zip(&m.b);
		read_file(&m.b, m.b.len, &got);
		expect_truncations_honest(&m.b, &got, i & 2);
		bh_buf_reset(&m.b);
	}
}

static void test_what_is_no_capture_gets_a_sentence(void)
{
	static const char *const junk[] = { "", "x", "hello, world, this is no capture at all",
		"\x1f\x8b and then no gzip at all", "\xd4\xc3\xb2\xa1" };

	for (size_t i = 0; i < BH_LEN(junk); i++) {
		struct bh_buf b = { 0 };
		bh_buf_str(&b, junk[i]);
		for (int pipe = 0; pipe < 2; pipe++) {
			(pipe ? read_pipe : read_file)(&b, b.len, &got);
			EXPECT_INT(got.end, -EBADMSG);
			EXPECT_INT(got.n, 0);
			EXPECT(strlen(got.problem) > 10);
		}
		bh_buf_reset(&b);
	}
}

/* Sets the 32 bits at `at` of a little-endian file and expects a refusal there. */
static void expect_lie(struct maker *m, size_t at, uint32_t v, unsigned before)
{
	char was[4];

	memcpy(was, m->b.ptr + at, 4);
	set32(&m->b, at, v);
	read_file(&m->b, m->b.len, &part);
	EXPECT_INT(part.end, -EBADMSG);
	EXPECT_INT(part.n, before);
	memcpy(m->b.ptr + at, was, 4);
}

static void test_each_lying_length_is_refused(void)
{
	struct maker m = { 0 }, ng = { 0 };

	pcap_begin(&m, false);
	pcap_packet(&m, 1, 0, "first", 5);
	pcap_packet(&m, 2, 0, "second", 6);
	expect_lie(&m, 24 + 8, 0xffffffff, 0);
	expect_lie(&m, 24 + 8, BH_MAX_PACKET + 1, 0);
	expect_lie(&m, 24 + 16 + 5 + 8, 7, 1);

	make_ng(&ng);
	size_t first = 28, packet = 28 + 56 + 56 + 16;
	expect_lie(&ng, 4, 27, 0); /* section's length */
	expect_lie(&ng, 8, 0x11223344, 0); /* its byte order */
	expect_lie(&ng, first + 4, 8, 0); /* interface's length */
	expect_lie(&ng, first + 4, 0xfffffffc, 0);
	expect_lie(&ng, first + 52, 60, 0); /* and again at its end */
	expect_lie(&ng, packet + 8, 2, 0); /* an interface that is not there */
	expect_lie(&ng, packet + 20, 9, 0); /* captured */
	expect_lie(&ng, packet + 20, 0xffffffff, 0);
	expect_lie(&ng, packet + 4, 0x7ffffffc, 0);
	bh_buf_reset(&m.b);
	bh_buf_reset(&ng.b);
}

static void test_hostile_times_become_unknown(void)
{
	struct maker m = { 0 };

	section(&m);
	interface(&m, 1, 0, 0, 0); /* seconds */
	interface(&m, 1, 0, 127, 0);
	interface(&m, 1, 0, 0xff, 0);
	enhanced(&m, 0, UINT64_MAX, "a");
	enhanced(&m, 1, UINT64_MAX, "b");
	enhanced(&m, 2, UINT64_MAX, "c");
	enhanced(&m, 0, 1700000000, "d");
	read_file(&m.b, m.b.len, &got);
	EXPECT_INT(got.n, 4);
	EXPECT_INT(got.when[0], 0);
	EXPECT_INT(got.when[1], 0);
	EXPECT_INT(got.when[2], 0);
	EXPECT_INT(got.when[3], 1700000000 * BH_SECOND);
	bh_buf_reset(&m.b);
}

/* Every resolution tells the same moment, each interface in its own. */
static void test_each_interface_counts_time_its_own_way(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct maker m = { .big = i & 1 };
		int64_t offset = i & 2 ? -5000000000 : 250; /* before 1970, or into it */
		uint64_t seconds = (uint64_t)(1700000000 - offset), power = 1;

		section(&m);
		for (uint8_t n = 0; n <= 9; n++)
			interface(&m, 1, 0, n, offset);
		interface(&m, 1, 0, 18, 1699999999);
		interface(&m, 1, 0, 0x80, offset);
		interface(&m, 1, 0, 0x80 | 1, offset);
		interface(&m, 1, 0, 0x80 | 30, offset);
		interface(&m, 1, 0, 0x80 | 63, 1699999999);
		for (uint8_t n = 0; n <= 9; n++, power *= 10)
			enhanced(&m, n, seconds * power + power / 2, "a");
		enhanced(&m, 10, 1500000000000000000, "b");
		enhanced(&m, 11, seconds, "c");
		enhanced(&m, 12, seconds * 2 + 1, "d");
		enhanced(&m, 13, (seconds << 30) + (1 << 29), "e");
		enhanced(&m, 14, 3ull << 62, "f");
		read_file(&m.b, m.b.len, &got);
		EXPECT_INT(got.end, 0);
		EXPECT_INT(got.n, 15);
		for (unsigned k = 0; k < got.n; k++)
			EXPECT_INT(got.when[k],
				1700000000500000000 - (k == 0 || k == 11 ? 500000000 : 0));
		bh_buf_reset(&m.b);
	}
}

static void test_gzip_members_follow_one_another(void)
{
	struct maker a = { 0 }, b = { 0 };

	pcap_begin(&a, false);
	pcap_packet(&a, 1, 0, "first", 5);
	zip(&a.b);
	pcap_packet(&b, 2, 0, "second", 6);
	zip(&b.b);
	bh_buf_add(&a.b, b.b.ptr, b.b.len);
	read_file(&a.b, a.b.len, &got);
	EXPECT_INT(got.end, 0);
	EXPECT_INT(got.n, 2);
	bh_buf_reset(&a.b);
	bh_buf_reset(&b.b);
}

static void test_a_large_gzip_needs_only_its_window(void)
{
	struct maker m = { 0 };
	char big[2001];
	unsigned n = 0;

	memset(big, 'x', 2000);
	big[2000] = 0;
	pcap_begin(&m, false);
	for (unsigned i = 0; i < 4000; i++)
		pcap_packet(&m, 1, 0, big, 2000);
	zip(&m.b);
	int fd = memfd_create("capture", 0);
	if (fd < 0 || write(fd, m.b.ptr, m.b.len) != (ssize_t)m.b.len)
		abort();
	struct bh_capture *c = NULL;
	struct bh_packet p;
	EXPECT_INT(bh_capture_open(fd, &c), 0);
	while (c && bh_capture_next(c, &p) == 1)
		n += p.bytes.len == 2000;
	EXPECT_INT(n, 4000);
	bh_capture_free(c);
	close(fd);
	bh_buf_reset(&m.b);
}

int main(void)
{
	RUN(test_pcap_in_both_orders_and_resolutions);
	RUN(test_pcapng_with_several_interfaces_and_sections);
	RUN(test_every_truncation_keeps_what_came_before);
	RUN(test_what_is_no_capture_gets_a_sentence);
	RUN(test_each_lying_length_is_refused);
	RUN(test_hostile_times_become_unknown);
	RUN(test_each_interface_counts_time_its_own_way);
	RUN(test_gzip_members_follow_one_another);
	RUN(test_a_large_gzip_needs_only_its_window);
	return tap_done();
}
