#include "quic_make.h"

#include <fcntl.h>
#include <unistd.h>

#include "capture/capture.h"
#include "dissect/dissect.h"
#include "tap.h"

/* A datagram in memory of its own size. */
static enum bh_quic_said show(struct bh_quic_hello *h, const struct bh_buf *b, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	memcpy(exact, bh_buf_text(b), n);
	enum bh_quic_said said = bh_quic_datagram(h, bh_span_of(exact, n));
	free(exact);
	return said;
}

static enum bh_quic_said show_sealed(
	struct bh_quic_hello *h, const struct initial *i, const struct bh_buf *frames)
{
	struct initial padded = *i;
	BH_AUTO_BUF b = { 0 };

	padded.pad_to = 1200;
	put_initial(&b, &padded, bh_buf_text(frames), frames->len);
	return show(h, &b, b.len);
}

static struct bh_quic_hello hello;

static void fresh(void)
{
	memset(&hello, 0, sizeof hello);
}

static void from_hex(struct bh_buf *b, const char *hex)
{
	for (; hex[0] && hex[1]; hex += 2) {
		char two[3] = { hex[0], hex[1], 0 };
		bh_buf_u8(b, (uint8_t)strtoul(two, NULL, 16));
	}
}

static void expect_hex(const void *got, const char *hex)
{
	BH_AUTO_BUF want = { 0 };

	from_hex(&want, hex);
	EXPECT(!memcmp(got, want.ptr, want.len));
}

/* RFC 9001 A.2; RFC 9369 A.2 has the same. */
static const char published[] = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
				"04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
				"616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
				"04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
				"baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
				"0d0010000e0403050306030203080408050806002d00020101001c0002400100"
				"3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
				"75300901100f088394c8f03e51570806048000ffff";

static void test_the_published_packets_are_opened(void)
{
	static const struct {
		uint32_t version;
		const char *begins, *ends, *key, *iv, *hp;
	} t[] = {
		{ 1,
			"c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11"
			"d242b123dc9bd8bab936b47d92ec356c0bab7df5976d27cd449f63300099f399",
			"e221af44860018ab0856972e194cd934", "1f369613dd76d5467730efcbe3b1a22d",
			"fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2" },
		{ 0x6b3343cf,
			"d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485"
			"dd04de806071bf03dceebfa162e75d6c96058bdbfb127cdfcbf903388e99ad04",
			"a18b2faa745b6fe189cf772a9f84cbfc", "8b1a0bc121284290a29e0971b5cd045d",
			"91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9" },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		struct initial what = { .version = t[i].version,
			.dcid = "\x83\x94\xc8\xf0\x3e\x51\x57\x08",
			.number = 2,
			.pad_to = 1200 };
		BH_AUTO_BUF frames = { 0 };
		BH_AUTO_BUF b = { 0 };
		from_hex(&frames, published);
		put_initial(&b, &what, frames.ptr, frames.len);
		/* The tag at the end stands for all that was left out here. */
		EXPECT_INT(b.len, 1200);
		expect_hex(b.ptr, t[i].begins);
		expect_hex(b.ptr + 1184, t[i].ends);
		fresh();
		EXPECT_INT(show(&hello, &b, b.len), BH_QUIC_HELLO);
		EXPECT_STR(hello.hello.sni, "example.com");
		EXPECT(!hello.hello.alpn_smb);
		EXPECT_INT(hello.version, t[i].version);
		expect_hex(hello.keys.key, t[i].key);
		expect_hex(hello.keys.iv, t[i].iv);
		expect_hex(hello.keys.hp, t[i].hp);
	}
}

/* A ClientHello in one frame. */
static void plain_frames(struct bh_buf *frames, const char *sni, const char *alpn)
{
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, sni, alpn, NULL, 32);
	put_crypto_frame(frames, 0, m.ptr, m.len);
}

static void test_only_the_protocol_smb_is_smb(void)
{
	static const struct {
		const char *first, *second;
		bool smb;
	} t[] = {
		{ "smb", NULL, true },
		{ "h3", "smb", true },
		{ "smb", "h3", true },
		{ "h3", NULL, false },
		{ "SMB", NULL, false },
		{ "smb2", "sm", false },
		{ NULL, NULL, false },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF m = { 0 };
		BH_AUTO_BUF frames = { 0 };
		put_client_hello(
			&m, i % 2 ? "fs1.corp.example" : NULL, t[i].first, t[i].second, 32);
		put_crypto_frame(&frames, 0, m.ptr, m.len);
		fresh();
		EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &frames), BH_QUIC_HELLO);
		EXPECT_INT(hello.hello.alpn_smb, t[i].smb);
		EXPECT_STR(hello.hello.sni, i % 2 ? "fs1.corp.example" : "");
	}
}

static void test_a_name_cannot_steer_a_terminal(void)
{
	BH_AUTO_BUF frames = { 0 };

	plain_frames(&frames, "fs1\x1b[2J\x7f\xff", "smb");
	fresh();
	EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &frames), BH_QUIC_HELLO);
	EXPECT_STR(hello.hello.sni, "fs1\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd");
}

/* ---- any order, any cut ---- */

static uint32_t state;

static uint32_t chance(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * below >> 32);
}

/* Frames that mean nothing to us. */
static void put_other_frame(struct bh_buf *b)
{
	switch (chance(4)) {
	case 0: bh_buf_u8(b, 1); break;
	case 1: bh_buf_add(b, "\x02\x40\x07\x00\x02\x01\x01\x00\x00\x01", 10); break;
	case 2: bh_buf_add(b, "\x03\x07\x00\x00\x01\x80\x00\x00\x01\x02\x03", 11); break;
	default: bh_buf_add(b, "\0\0\0", 3); break;
	}
}

#define PIECES 200

/* Cuts [0, len) at random, adds pieces that overlap, and shuffles. */
static size_t cut_up(size_t len, size_t from[PIECES], size_t until[PIECES])
{
	size_t n = 0, most = 2 + chance((uint32_t)len / 4);

	for (size_t at = 0; at < len && n < PIECES / 2; n++) {
		from[n] = at;
		at += 1 + chance((uint32_t)most);
		until[n] = at = at > len || n == PIECES / 2 - 1 ? len : at;
	}
	for (size_t extra = chance(10); extra; extra--, n++) {
		from[n] = chance((uint32_t)len);
		until[n] = from[n] + chance((uint32_t)(len - from[n]) + 1);
	}
	for (size_t i = n; i > 1; i--) {
		size_t k = chance((uint32_t)i), f = from[k], u = until[k];
		from[k] = from[i - 1];
		until[k] = until[i - 1];
		from[i - 1] = f;
		until[i - 1] = u;
	}
	return n;
}

/* Whether the pieces shown so far are all of it. */
static bool complete(size_t len, const size_t *from, const size_t *until, size_t n)
{
	size_t at = 0;

	for (bool moved = true; moved && at < len;) {
		moved = false;
		for (size_t i = 0; i < n; i++) {
			if (from[i] <= at && until[i] > at) {
				at = until[i];
				moved = true;
			}
		}
	}
	return at == len;
}

static void spread(const struct bh_buf *m, uint32_t version)
{
	static size_t from[PIECES], until[PIECES];
	size_t n = cut_up(m->len, from, until), i = 0;
	uint32_t number = chance(3);
	unsigned datagrams = 0;
	enum bh_quic_said said = BH_QUIC_NOTHING;

	fresh();
	while (i < n && said != BH_QUIC_HELLO && datagrams++ < BH_QUIC_DATAGRAMS) {
		BH_AUTO_BUF b = { 0 };
		size_t packets = 1 + chance(3);
		for (size_t k = 0; k < packets; k++) {
			BH_AUTO_BUF frames = { 0 };
			struct initial what = { .version = version,
				.number = number++,
				.number_len = (uint8_t)(1 + chance(4)),
				.pad_to = k + 1 == packets ? 1200 : 0 };
			size_t take = n - i < PIECES / 12 ? n - i : PIECES / 12;
			for (; take && frames.len < 900; take--, i++) {
				if (!chance(3))
					put_other_frame(&frames);
				put_crypto_frame(
					&frames, from[i], m->ptr + from[i], until[i] - from[i]);
			}
			bh_buf_u8(&frames, 1);
			put_initial(&b, &what, frames.ptr, frames.len);
		}
		said = show(&hello, &b, b.len);
		EXPECT_INT(said, complete(m->len, from, until, i) ? BH_QUIC_HELLO : BH_QUIC_MORE);
	}
	EXPECT_INT(said, BH_QUIC_HELLO);
	EXPECT(hello.hello.alpn_smb);
	EXPECT_STR(hello.hello.sni, "fs1.corp.example");
}

static void test_any_cut_and_any_order_gives_the_same_hello(void)
{
	for (state = 1; state < 2000000000; state += 1000003) {
		uint32_t seed = state;
		BH_AUTO_BUF m = { 0 };
		put_client_hello(&m, "fs1.corp.example", "smb", "h3", 32 + chance(4000));
		int before = tap_bad;
		spread(&m, chance(2) ? 1 : 0x6b3343cf);
		if (tap_bad > before) {
			printf("# with the seed %u\n", seed);
			return;
		}
		state = seed;
	}
}

/* ---- connections ---- */

static void halves(struct bh_buf ret[2], const char *sni)
{
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, sni, "smb", NULL, 1216);
	put_crypto_frame(&ret[0], 0, m.ptr, 700);
	put_crypto_frame(&ret[1], 700, m.ptr + 700, m.len - 700);
}

static void drop(struct bh_buf b[2])
{
	bh_buf_reset(&b[0]);
	bh_buf_reset(&b[1]);
}

static void test_a_retry_begins_anew(void)
{
	struct bh_buf old[2] = { 0 }, new[2] = { 0 };
	struct initial again = { .dcid = "chosen by server", .token = "the token of the Retry" };

	halves(old, "old.example");
	halves(new, "new.example");
	fresh();
	EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &old[0]), BH_QUIC_MORE);
	again.number = 1;
	EXPECT_INT(show_sealed(&hello, &again, &new[1]), BH_QUIC_MORE);
	again.number = 2;
	EXPECT_INT(show_sealed(&hello, &again, &new[0]), BH_QUIC_HELLO);
	EXPECT_STR(hello.hello.sni, "new.example");
	EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &old[1]), BH_QUIC_HELLO);
	EXPECT_STR(hello.hello.sni, "new.example");
	drop(old);
	drop(new);
}

static void test_an_answer_changes_the_id_but_not_the_keys(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct bh_buf b[2] = { 0 };
		struct initial later = { .version = i ? 0x6b3343cf : 1,
			.dcid = "server's",
			.keys_of = "\1\2\3\4\5\6\7\10",
			.number = 1 };
		halves(b, "fs1.example");
		fresh();
		EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &b[0]), BH_QUIC_MORE);
		EXPECT_INT(show_sealed(&hello, &later, &b[1]), BH_QUIC_HELLO);
		EXPECT_STR(hello.hello.sni, "fs1.example");
		drop(b);
	}
}

static void test_a_number_is_read_by_what_came_before(void)
{
	struct bh_buf b[2] = { 0 };

	halves(b, "fs1.example");
	fresh();
	EXPECT_INT(show_sealed(&hello, &(struct initial){ .number = 70000 }, &b[0]), BH_QUIC_MORE);
	EXPECT_INT(hello.expected, 70001);
	/* 70300 in one byte is more than half a window ahead; 70100 is not, and 69990 behind. */
	EXPECT_INT(
		show_sealed(&hello, &(struct initial){ .number = 70300, .number_len = 1 }, &b[1]),
		BH_QUIC_NOTHING);
	EXPECT_INT(
		show_sealed(&hello, &(struct initial){ .number = 69990, .number_len = 1 }, &b[0]),
		BH_QUIC_MORE);
	EXPECT_INT(
		show_sealed(&hello, &(struct initial){ .number = 70100, .number_len = 1 }, &b[1]),
		BH_QUIC_HELLO);
	drop(b);
}

static void test_what_the_server_says_is_nothing(void)
{
	BH_AUTO_BUF frames = { 0 };

	plain_frames(&frames, "fs1.example", "smb");
	fresh();
	EXPECT_INT(
		show_sealed(&hello, &(struct initial){ .server = true }, &frames), BH_QUIC_NOTHING);
	EXPECT_INT(hello.version, 0);
}

static void test_other_packets_may_stand_before_and_behind(void)
{
	BH_AUTO_BUF frames = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct initial what = { 0 };

	/* An Initial that says nothing, 0-RTT, the one with the ClientHello, one byte of 1-RTT. */
	put_initial(&b, &what, "\1", 1);
	bh_buf_add(&b, "\xd0\0\0\0\1\4dcid\0\x05", 12);
	bh_buf_str(&b, "early");
	plain_frames(&frames, "fs1.example", "smb");
	what.number = 1;
	what.pad_to = 1180;
	put_initial(&b, &what, frames.ptr, frames.len);
	bh_buf_u8(&b, 0x40);
	fresh();
	EXPECT_INT(show(&hello, &b, b.len), BH_QUIC_HELLO);
}

/* ---- what is refused ---- */

static void test_one_look_is_enough_for_everything_else(void)
{
	static const struct {
		const char *head;
		bool initial;
	} t[] = {
		{ "\xc0\0\0\0\1", true },
		{ "\xcf\0\0\0\1", true }, /* the low bits are masked */
		{ "\xd0\0\0\0\1", false }, /* 0-RTT */
		{ "\xe0\0\0\0\1", false }, /* Handshake */
		{ "\xf0\0\0\0\1", false }, /* Retry */
		{ "\x40\0\0\0\1", false }, /* short */
		{ "\x80\0\0\0\1", false }, /* not the fixed bit */
		{ "\xc0\0\0\0\0", false }, /* version negotiation */
		{ "\xc0\xff\0\0\x1d", false }, /* a draft */
		{ "\xd3\x6b\x33\x43\xcf", true }, /* version 2 */
		{ "\xc3\x6b\x33\x43\xcf", false }, /* its Retry */
		{ "\xe3\x6b\x33\x43\xcf", false },
		{ "\xf3\x6b\x33\x43\xcf", false },
	};
	uint8_t d[1200] = { 0 };

	for (size_t i = 0; i < BH_LEN(t); i++) {
		memcpy(d, t[i].head, 5);
		EXPECT_INT(bh_quic_may_be_initial(bh_span_of(d, 1200)), t[i].initial);
		EXPECT(!bh_quic_may_be_initial(bh_span_of(d, 1199)));
	}
	EXPECT(!bh_quic_may_be_initial(bh_span_of(d, 0)));
}

static void test_five_bytes_tell_what_a_datagram_begins_with(void)
{
	static const struct {
		const char *bytes;
		enum bh_quic_form form;
	} t[] = {
		{ "\xc3\0\0\0\1", BH_QUIC_INITIAL },
		{ "\xd3\0\0\0\1", BH_QUIC_EARLY },
		{ "\xe3\0\0\0\1", BH_QUIC_HANDSHAKE },
		{ "\xf3\0\0\0\1", BH_QUIC_RETRY },
		{ "\xc3\x6b\x33\x43\xcf", BH_QUIC_RETRY },
		{ "\xd3\x6b\x33\x43\xcf", BH_QUIC_INITIAL },
		{ "\xe3\x6b\x33\x43\xcf", BH_QUIC_EARLY },
		{ "\xf3\x6b\x33\x43\xcf", BH_QUIC_HANDSHAKE },
		{ "\x83\0\0\0\1", BH_QUIC_OTHER }, /* the fixed bit is not */
		{ "\xc3\0\0\0\2", BH_QUIC_OTHER },
		{ "\x80\0\0\0\0", BH_QUIC_VERSIONS },
		{ "\x40....", BH_QUIC_SHORT },
		{ "\x00....", BH_QUIC_SHORT },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		EXPECT_INT(bh_quic_form_of(bh_span_of(t[i].bytes, 5)), t[i].form);
		EXPECT_INT(bh_quic_form_of(bh_span_of(t[i].bytes, 4)), BH_QUIC_OTHER);
	}
}

static void test_every_truncation_and_every_flipped_bit_is_nothing(void)
{
	BH_AUTO_BUF frames = { 0 };
	BH_AUTO_BUF b = { 0 };

	plain_frames(&frames, "fs1.example", "smb");
	put_initial(&b, &(struct initial){ .pad_to = 1400, .token = "token", .scid = "scid" },
		frames.ptr, frames.len);
	for (size_t n = 0; n < b.len; n++) {
		fresh();
		EXPECT_INT(show(&hello, &b, n), BH_QUIC_NOTHING);
	}
	for (size_t i = 0; i < b.len; i++) {
		fresh();
		b.ptr[i] ^= (char)(1 << i % 8);
		EXPECT_INT(show(&hello, &b, b.len), BH_QUIC_NOTHING);
		b.ptr[i] ^= (char)(1 << i % 8);
	}
	fresh();
	EXPECT_INT(show(&hello, &b, b.len), BH_QUIC_HELLO);
}

static void test_each_lying_length_of_a_packet_is_refused(void)
{
	static const struct {
		size_t at; /* ID, ID, token, length */
		uint8_t less, more;
	} t[] = { { 5, 7, 21 }, { 14, 3, 21 }, { 19, 4, 0x7f }, { 25, 0x44, 0x7f } };
	BH_AUTO_BUF frames = { 0 };
	BH_AUTO_BUF b = { 0 };

	plain_frames(&frames, "fs1.example", "smb");
	put_initial(&b, &(struct initial){ .pad_to = 1400, .token = "token", .scid = "scid" },
		frames.ptr, frames.len);
	for (size_t i = 0; i < BH_LEN(t); i++) {
		char was = b.ptr[t[i].at];
		for (unsigned k = 0; k < 2; k++) {
			b.ptr[t[i].at] = (char)(k ? t[i].more : t[i].less);
			fresh();
			EXPECT_INT(show(&hello, &b, b.len), BH_QUIC_NOTHING);
		}
		b.ptr[t[i].at] = was;
	}
	fresh();
	EXPECT_INT(show(&hello, &b, b.len), BH_QUIC_HELLO);
}

/* A packet is told whole or not at all, even when its ClientHello came first. */
static void test_each_lying_length_of_a_frame_is_refused(void)
{
	static const struct {
		const char *bytes;
		size_t n;
	} t[] = {
		{ "\x06\x00\x7f\xff", 4 }, /* CRYPTO longer than its packet */
		{ "\x06\x00\xff\xff\xff\xff\xff\xff\xff\xff", 10 },
		{ "\x02\x05\x00\x7f\xff\x00", 6 }, /* more ranges than bytes */
		{ "\x02\x05\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00", 12 },
		{ "\x1c\x00\x00\x7f\xff", 5 }, /* the reason for closing */
		{ "\x08\x00", 2 }, /* STREAM, which an Initial may not have */
		{ "\x1d\x00\x00", 3 },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF frames = { 0 };
		plain_frames(&frames, "fs1.example", "smb");
		bh_buf_add(&frames, t[i].bytes, t[i].n);
		fresh();
		EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &frames), BH_QUIC_NOTHING);
	}
	/* These do not lie. */
	BH_AUTO_BUF frames = { 0 };
	bh_buf_add(&frames,
		"\x1c\x01\x06\x04"
		"over",
		8);
	plain_frames(&frames, "fs1.example", "smb");
	fresh();
	EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &frames), BH_QUIC_HELLO);
}

static void test_what_leads_nowhere_is_given_up(void)
{
	static const struct {
		const char *bytes;
		size_t n;
	} t[] = {
		{ "\x06\x00\x04\x02\x00\x00\x10", 7 }, /* a ServerHello */
		{ "\x06\x00\x04\x01\x00\x3f\xfd", 7 }, /* one byte longer than there is room */
		{ "\x06\x00\x05\x01\x00\x00\x01\x03", 8 }, /* a ClientHello of one byte */
	};
	BH_AUTO_BUF part = { 0 };
	BH_AUTO_BUF far = { 0 };

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF frames = { 0 };
		bh_buf_add(&frames, t[i].bytes, t[i].n);
		fresh();
		EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &frames), BH_QUIC_GIVEN_UP);
	}
	bh_buf_add(&part, "\x06\x00\x04\x01\x00\x3f\xfc", 7); /* as long as there is room */
	fresh();
	for (uint32_t i = 0; i < BH_QUIC_DATAGRAMS; i++)
		EXPECT_INT(
			show_sealed(&hello, &(struct initial){ .number = i }, &part), BH_QUIC_MORE);
	EXPECT_INT(show_sealed(&hello, &(struct initial){ .number = 99 }, &part), BH_QUIC_GIVEN_UP);
	/* Offsets beyond all reason change nothing. */
	bh_buf_add(&far,
		"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x03"
		"abc",
		13);
	plain_frames(&far, "fs1.example", "smb");
	fresh();
	EXPECT_INT(show_sealed(&hello, &(struct initial){ 0 }, &far), BH_QUIC_HELLO);
}

/* ---- ClientHello ---- */

static int read_hello(const struct bh_buf *b, size_t n, struct bh_client_hello *ret)
{
	uint8_t *exact = malloc(n ? n : 1);

	memcpy(exact, bh_buf_text(b), n);
	int r = bh_client_hello_read(bh_span_of(exact, n), ret);
	free(exact);
	return r;
}

static void test_every_truncation_of_a_client_hello_is_refused(void)
{
	struct bh_client_hello h;
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, "fs1.example", "smb", "h3", 32);
	EXPECT_INT(read_hello(&m, m.len, &h), 0);
	for (size_t n = 0; n < m.len; n++) {
		EXPECT_INT(read_hello(&m, n, &h), -EBADMSG);
		/* Nor does it help to say so. */
		BH_AUTO_BUF cut = { 0 };
		bh_buf_add(&cut, m.ptr, n);
		if (n >= 4) {
			cut.ptr[2] = (char)((n - 4) >> 8);
			cut.ptr[3] = (char)((n - 4) & 0xff);
			EXPECT(read_hello(&cut, n, &h) == -EBADMSG || n == 4 + 34 + 9 + 6 + 2);
		}
	}
}

static void test_each_lying_length_of_a_client_hello_is_refused(void)
{
	/* Where the low byte of each length is. */
	static const size_t at[] = {
		3, /* message */
		38, /* session */
		48, /* ciphers */
		53, /* compression */
		56, /* extensions */
		60, /* key share */
		102, /* server_name: the extension, */
		104, /* its list, */
		107, /* the name */
		122, /* ALPN: the extension, */
		124, /* its list, */
		125, /* the first, */
		129, /* the second */
	};
	struct bh_client_hello h;
	BH_AUTO_BUF m = { 0 };

	put_client_hello(&m, "fs1.example", "smb", "h3", 32);
	EXPECT_INT(m.len, 132);
	EXPECT_INT(read_hello(&m, m.len, &h), 0);
	EXPECT_STR(h.sni, "fs1.example");
	EXPECT(h.alpn_smb);
	for (size_t i = 0; i < BH_LEN(at); i++) {
		for (int by = -1; by <= 1; by += 2) {
			m.ptr[at[i]] = (char)(m.ptr[at[i]] + by);
			EXPECT_INT(read_hello(&m, m.len, &h), -EBADMSG);
			m.ptr[at[i]] = (char)(m.ptr[at[i]] - by);
		}
	}
	EXPECT_INT(read_hello(&m, m.len, &h), 0);
}

/* ---- a real one ---- */

static char capture_path[4096];

static void test_a_real_client_is_read(void)
{
	struct bh_capture *c = NULL;
	struct bh_packet p;
	struct bh_segment g;
	unsigned told = 0, others = 0;
	int fd = open(capture_path, O_RDONLY | O_CLOEXEC);

	EXPECT_INT(bh_capture_open(fd, &c), 0);
	fresh();
	while (c && bh_capture_next(c, &p) == 1) {
		if (bh_frame_read(p.link, p.bytes, &g) != BH_FRAME_UDP || g.dport != 443)
			continue;
		if (!bh_quic_may_be_initial(g.payload))
			others++;
		else if (!told)
			told = bh_quic_datagram(&hello, g.payload) == BH_QUIC_HELLO;
	}
	EXPECT_INT(told, 1);
	EXPECT_INT(hello.version, 1);
	EXPECT(hello.hello.alpn_smb);
	EXPECT_STR(hello.hello.sni, "files.example.test");
	EXPECT(others > 0);
	bh_capture_free(c);
	close(fd);
}

int main(void)
{
	const char *corpus = getenv("BULKHEAD_CORPUS"), *source = getenv("BULKHEAD_SOURCE");

	RUN(test_the_published_packets_are_opened);
	RUN(test_only_the_protocol_smb_is_smb);
	RUN(test_a_name_cannot_steer_a_terminal);
	RUN(test_any_cut_and_any_order_gives_the_same_hello);
	RUN(test_a_retry_begins_anew);
	RUN(test_an_answer_changes_the_id_but_not_the_keys);
	RUN(test_a_number_is_read_by_what_came_before);
	RUN(test_what_the_server_says_is_nothing);
	RUN(test_other_packets_may_stand_before_and_behind);
	RUN(test_one_look_is_enough_for_everything_else);
	RUN(test_five_bytes_tell_what_a_datagram_begins_with);
	RUN(test_every_truncation_and_every_flipped_bit_is_nothing);
	RUN(test_each_lying_length_of_a_packet_is_refused);
	RUN(test_each_lying_length_of_a_frame_is_refused);
	RUN(test_what_leads_nowhere_is_given_up);
	RUN(test_every_truncation_of_a_client_hello_is_refused);
	RUN(test_each_lying_length_of_a_client_hello_is_refused);
	if (corpus)
		snprintf(capture_path, sizeof capture_path, "%s", corpus);
	else
		snprintf(capture_path, sizeof capture_path, "%s/../shared/corpus",
			source ? source : ".");
	size_t n = strlen(capture_path);
	snprintf(capture_path + n, sizeof capture_path - n, "/pcap/samba425-smb-over-quic.pcap");
	if (access(capture_path, R_OK) == 0)
		RUN(test_a_real_client_is_read);
	else
		SKIP(test_a_real_client_is_read, "no capture of SMB over QUIC in the corpus");
	return tap_done();
}
