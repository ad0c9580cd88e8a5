#include "rdma_make.h"
#include "smb_make.h"

#include "dissect/dissect.h"
#include "tap.h"

static struct bh_name_seen seen[BH_NAMES];
static size_t n_seen;

/* From 10.0.0.9, in memory of its own size. */
static int read_n(const struct bh_buf *b, size_t n, uint16_t port)
{
	const struct bh_addr src = bh_addr_v4(0x0a000009);
	uint8_t *exact = malloc(n ? n : 1);

	memcpy(exact, bh_buf_text(b), n);
	n_seen = 0;
	int r = bh_names_read(bh_span_of(exact, n), &src, port, port, seen, &n_seen);
	free(exact);
	return r;
}

static int read_all(const struct bh_buf *b, uint16_t port)
{
	return read_n(b, b->len, port);
}

static void expect_seen(
	size_t i, const char *addr, const char *name, unsigned roles, unsigned group)
{
	char text[BH_ADDR_TEXT];

	EXPECT(i < n_seen);
	if (i >= n_seen)
		return;
	EXPECT_STR(bh_addr_format(&seen[i].addr, text), addr);
	EXPECT_STR(seen[i].name, name);
	EXPECT_INT(seen[i].roles, roles);
	EXPECT_INT(seen[i].group, group);
}

/* Each truncation is refused, or tells no name at all. */
static void expect_truncations_refused(const struct bh_buf *b, uint16_t port)
{
	for (size_t n = 0; n < b->len; n++) {
		EXPECT(read_n(b, n, port) == -EBADMSG);
		EXPECT_INT(n_seen, 0);
	}
}

/* One more and one less in the byte at each of these places is refused. */
static void expect_lies_refused(struct bh_buf *b, uint16_t port, const size_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int by = -1; by <= 1; by += 2) {
			b->ptr[at[i]] = (char)(b->ptr[at[i]] + by);
			int r = read_all(b, port);
			if (r != -EBADMSG)
				printf("# %+d at %zu\n", by, at[i]);
			EXPECT_INT(r, -EBADMSG);
			b->ptr[at[i]] = (char)(b->ptr[at[i]] - by);
		}
	}
}

/* ---- NetBIOS ---- */

enum { NBNS = 137, DGM = 138, MDNS = 5353, LLMNR = 5355 };

static void put_header(
	struct bh_buf *b, unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar)
{
	put16be(b, 0x1234);
	put16be(b, flags);
	put16be(b, qd);
	put16be(b, an);
	put16be(b, ns);
	put16be(b, ar);
}

static void put_plain16(struct bh_buf *b, const char *name, uint8_t suffix)
{
	for (size_t i = 0; i < 15; i++)
		bh_buf_u8(b, (uint8_t)(i < strlen(name) ? name[i] : ' '));
	bh_buf_u8(b, suffix);
}

static void put_encoded(struct bh_buf *b, const char *name, uint8_t suffix)
{
	BH_AUTO_BUF plain = { 0 };

	put_plain16(&plain, name, suffix);
	bh_buf_u8(b, 32);
	for (size_t i = 0; i < 16; i++) {
		bh_buf_u8(b, (uint8_t)('A' + ((uint8_t)plain.ptr[i] >> 4)));
		bh_buf_u8(b, (uint8_t)('A' + (plain.ptr[i] & 15)));
	}
	bh_buf_u8(b, 0);
}

static void put_record(struct bh_buf *b, unsigned type, unsigned class, uint32_t ttl, unsigned len)
{
	put16be(b, type);
	put16be(b, class);
	put32be(b, ttl);
	put16be(b, len);
}

static void put_registration(struct bh_buf *b, unsigned flags, const char *name, uint8_t suffix,
	unsigned nb_flags, uint32_t addr)
{
	put_header(b, flags, 1, 0, 0, 1);
	put_encoded(b, name, suffix);
	put16be(b, 0x20);
	put16be(b, 1);
	put16be(b, 0xc00c);
	put_record(b, 0x20, 1, 300000, 6);
	put16be(b, nb_flags);
	put32be(b, addr);
}

static void test_a_registration_tells_who_is_what(void)
{
	static const struct {
		const char *name;
		uint8_t suffix;
		bool group;
		int roles, is_group; /* roles -1: nothing is told */
	} t[] = {
		{ "FS1", 0x00, false, BH_ROLE_WORKSTATION, 0 },
		{ "FS1", 0x20, false, BH_ROLE_FILE_SERVER, 0 },
		{ "FS1", 0x03, false, -1, 0 },
		{ "ANN", 0x03, false, -1, 0 }, /* a user's, for messages */
		{ "CORP", 0x00, true, 0, 1 },
		{ "CORP", 0x1b, false, BH_ROLE_BROWSER, 1 },
		{ "CORP", 0x1c, true, BH_ROLE_DOMAIN_CONTROLLER, 1 },
		{ "CORP", 0x1c, false, -1, 0 },
		{ "CORP", 0x1d, false, BH_ROLE_BROWSER, 1 },
		{ "CORP", 0x1e, true, BH_ROLE_BROWSER, 1 },
		{ "INet~Services", 0x1c, true, -1, 0 }, /* a web server's */
		{ "\1\2__MSBROWSE__\2", 0x01, true, -1, 0 },
		{ "*", 0x00, false, -1, 0 },
		{ "", 0x00, false, -1, 0 },
	};
	static const unsigned opcodes[] = { 0x2910, 0x4010, 0x4810, 0x7900, 0xad80 };

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF b = { 0 };
		put_registration(&b, opcodes[i % BH_LEN(opcodes)], t[i].name, t[i].suffix,
			t[i].group ? 0xe000 : 0x6000, 0x0a000005);
		EXPECT_INT(read_all(&b, NBNS), 0);
		EXPECT_INT(n_seen, t[i].roles >= 0);
		if (t[i].roles >= 0)
			expect_seen(0, "10.0.0.5", t[i].name, (unsigned)t[i].roles,
				(unsigned)t[i].is_group);
	}
}

static void test_what_registers_nothing_tells_nothing(void)
{
	static const unsigned flags[] = {
		0x0110, /* a question */
		0x3010, /* a release */
		0xbc07, /* somebody waits */
		0xad86, /* refused */
		0x8583, /* no such name */
	};
	static const uint32_t nobody[] = { 0, 0xffffffff, 0xe0000001, 0x7f000001 };

	for (size_t i = 0; i < BH_LEN(flags); i++) {
		BH_AUTO_BUF b = { 0 };
		put_registration(&b, flags[i], "FS1", 0x20, 0x6000, 0x0a000005);
		EXPECT_INT(read_all(&b, NBNS), 0);
		EXPECT_INT(n_seen, 0);
	}
	for (size_t i = 0; i < BH_LEN(nobody); i++) {
		BH_AUTO_BUF b = { 0 };
		put_registration(&b, 0x2910, "FS1", 0x20, 0x6000, nobody[i]);
		EXPECT_INT(read_all(&b, NBNS), 0);
		EXPECT_INT(n_seen, 0);
	}
	EXPECT_INT(bh_names_read(bh_span_of("", 0), &seen[0].addr, 53, 53, seen, &n_seen), -ENOMSG);
}

static void put_found(struct bh_buf *b)
{
	put_header(b, 0x8580, 0, 1, 0, 0);
	put_encoded(b, "CORP", 0x1c);
	b->len--; /* and with a scope */
	bh_buf_add(b, "\5scope", 7);
	put_record(b, 0x20, 1, 300000, 12);
	put16be(b, 0xe000);
	put32be(b, 0x0a000005);
	put16be(b, 0xe000);
	put32be(b, 0x0a000006);
}

static void test_a_found_name_tells_all_its_addresses(void)
{
	static const size_t lies[] = { 61 };
	BH_AUTO_BUF b = { 0 };

	put_found(&b);
	EXPECT_INT(read_all(&b, NBNS), 0);
	EXPECT_INT(n_seen, 2);
	expect_seen(0, "10.0.0.5", "CORP", BH_ROLE_DOMAIN_CONTROLLER, 1);
	expect_seen(1, "10.0.0.6", "CORP", BH_ROLE_DOMAIN_CONTROLLER, 1);
	expect_truncations_refused(&b, NBNS);
	expect_lies_refused(&b, NBNS, lies, BH_LEN(lies));
}

static void put_status(struct bh_buf *b)
{
	static const struct {
		const char *name;
		uint8_t suffix;
		unsigned flags;
	} t[] = {
		{ "FS1", 0x00, 0x0400 },
		{ "CORP", 0x00, 0x8400 },
		{ "FS1", 0x20, 0x0400 },
		{ "GONE", 0x20, 0x1400 },
		{ "OTHERS", 0x20, 0x0c00 },
		{ "LATER", 0x20, 0x0000 },
		{ "CORP", 0x1c, 0x8400 },
	};

	put_header(b, 0x8400, 0, 1, 0, 0);
	put_encoded(b, "*", 0);
	put_record(b, 0x21, 1, 0, 1 + BH_LEN(t) * 18 + 46);
	bh_buf_u8(b, BH_LEN(t));
	for (size_t i = 0; i < BH_LEN(t); i++) {
		put_plain16(b, t[i].name, t[i].suffix);
		put16be(b, t[i].flags);
	}
	put_zero(b, 46); /* statistics */
}

static void test_a_status_tells_what_the_host_is(void)
{
	BH_AUTO_BUF b = { 0 };

	put_status(&b);
	EXPECT_INT(read_all(&b, NBNS), 0);
	EXPECT_INT(n_seen, 2);
	expect_seen(0, "10.0.0.9", "FS1", BH_ROLE_WORKSTATION | BH_ROLE_FILE_SERVER, 0);
	expect_seen(1, "10.0.0.9", "CORP", BH_ROLE_DOMAIN_CONTROLLER, 1);
	expect_truncations_refused(&b, NBNS);
	b.ptr[56] = 10; /* as many names as are there, statistics and all, but one */
	EXPECT_INT(read_all(&b, NBNS), -EBADMSG);
	b.ptr[56] = (char)255;
	EXPECT_INT(read_all(&b, NBNS), -EBADMSG);
	b.ptr[55]++; /* more data than there is */
	b.ptr[56] = 7;
	EXPECT_INT(read_all(&b, NBNS), -EBADMSG);
}

static void test_a_registration_is_whole_or_refused(void)
{
	static const size_t lies[] = {
		7, /* answers */
		11, /* additional records */
		12, /* the label */
		61, /* the record's data */
	};
	BH_AUTO_BUF b = { 0 };

	put_registration(&b, 0x2910, "FS1", 0x20, 0x6000, 0x0a000005);
	expect_truncations_refused(&b, NBNS);
	b.ptr[11] = 1;
	for (size_t i = 0; i < BH_LEN(lies); i++) {
		b.ptr[lies[i]]++;
		EXPECT_INT(read_all(&b, NBNS), -EBADMSG);
		b.ptr[lies[i]]--;
	}
	b.ptr[5]++; /* a question more swallows the record's head: the rest looks like another */
	EXPECT_INT(read_all(&b, NBNS), 0);
	EXPECT_INT(n_seen, 0);
	b.ptr[5]--;
	b.ptr[51] = 0x50; /* a pointer to itself and onwards */
	EXPECT_INT(read_all(&b, NBNS), -EBADMSG);
	b.ptr[51] = 0x0c;
	b.ptr[20] = 'Q'; /* no half of a byte */
	EXPECT_INT(read_all(&b, NBNS), 0);
	EXPECT_INT(n_seen, 0);
}

/* ---- browsers ---- */

static void put_announcement(struct bh_buf *b, uint8_t opcode, const char *name, uint32_t type)
{
	static const char mailslot[] = "\\MAILSLOT\\BROWSE";
	BH_AUTO_BUF body = { 0 };

	put_encoded(&body, "FS1", 0);
	put_encoded(&body, "CORP", 0x1d);
	size_t smb = body.len, data = 32 + 1 + 34 + 2 + sizeof mailslot;
	bh_buf_add(&body, "\xffSMB\x25", 5);
	put_zero(&body, 27);
	bh_buf_u8(&body, 17);
	put_zero(&body, 2);
	bh_buf_le16(&body, 33); /* in all */
	put_zero(&body, 18);
	bh_buf_le16(&body, 33);
	bh_buf_le16(&body, (uint16_t)data);
	bh_buf_u8(&body, 3);
	bh_buf_u8(&body, 0);
	bh_buf_le16(&body, 1);
	bh_buf_le16(&body, 1);
	bh_buf_le16(&body, 2);
	bh_buf_le16(&body, (uint16_t)(sizeof mailslot + 33));
	bh_buf_add(&body, mailslot, sizeof mailslot);
	EXPECT_INT(body.len - smb, data);
	bh_buf_u8(&body, opcode);
	bh_buf_u8(&body, 0);
	bh_buf_le32(&body, 720000);
	bh_buf_str(&body, name);
	put_zero(&body, 16 - strlen(name));
	bh_buf_add(&body, "\6\1", 2);
	bh_buf_le32(&body, type);
	bh_buf_add(&body, "\x0f\1\x55\xaa", 4);
	bh_buf_u8(&body, 0);

	bh_buf_add(b, "\x11\x02\0\x07", 4);
	put32be(b, 0x0a000005);
	put16be(b, 138);
	put16be(b, (unsigned)body.len);
	put16be(b, 0);
	bh_buf_add(b, body.ptr, body.len);
}

static void test_an_announcement_tells_what_the_host_is(void)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF dc = { 0 };
	BH_AUTO_BUF other = { 0 };

	put_announcement(&b, 1, "FS1", 0x00009203);
	EXPECT_INT(read_all(&b, DGM), 0);
	EXPECT_INT(n_seen, 1);
	expect_seen(0, "10.0.0.5", "FS1",
		BH_ROLE_WORKSTATION | BH_ROLE_FILE_SERVER | BH_ROLE_PRINT_SERVER, 0);
	expect_truncations_refused(&b, DGM);

	put_announcement(&dc, 15, "DC1", 0x0005000b);
	EXPECT_INT(read_all(&dc, DGM), 0);
	EXPECT_INT(n_seen, 3);
	expect_seen(0, "10.0.0.5", "DC1",
		BH_ROLE_WORKSTATION | BH_ROLE_FILE_SERVER | BH_ROLE_BROWSER, 0);
	expect_seen(1, "10.0.0.5", "CORP", BH_ROLE_DOMAIN_CONTROLLER, 1);
	expect_seen(2, "10.0.0.5", "FS1", BH_ROLE_WORKSTATION, 0); /* the datagram's sender */

	put_announcement(&other, 12, "OTHERS", 0x0005000b); /* of a domain, not a host */
	EXPECT_INT(read_all(&other, DGM), 0);
	EXPECT_INT(n_seen, 1);
	expect_seen(0, "10.0.0.5", "FS1", BH_ROLE_WORKSTATION, 0);
}

static void test_each_lying_length_of_an_announcement_is_refused(void)
{
	static const size_t smb = 14 + 34 + 34;
	const size_t lies[] = {
		11, /* the datagram's */
		14, 14 + 34, /* labels */
		smb + 32, /* words */
		smb + 32 + 27, /* setup */
	};
	BH_AUTO_BUF b = { 0 };

	put_announcement(&b, 1, "FS1", 3);
	expect_lies_refused(&b, DGM, lies, BH_LEN(lies));
	set16(&b, smb + 33 + 22, 28); /* less data than an announcement has */
	EXPECT_INT(read_all(&b, DGM), -EBADMSG);
	set16(&b, smb + 33 + 22, 500);
	EXPECT_INT(read_all(&b, DGM), -EBADMSG);
	set16(&b, smb + 33 + 22, 33);
	set16(&b, smb + 33 + 24, 500); /* where it is */
	EXPECT_INT(read_all(&b, DGM), -EBADMSG);
	set16(&b, smb + 33 + 24, 86);
	EXPECT_INT(read_all(&b, DGM), 0);
	set16(&b, smb + 33 + 34, 500); /* the mailslot and the data */
	EXPECT_INT(read_all(&b, DGM), -EBADMSG);
	b.ptr[1] = 3; /* a piece: not followed */
	EXPECT_INT(read_all(&b, DGM), 0);
	EXPECT_INT(n_seen, 0);
	b.ptr[0] = 0x13; /* an error */
	EXPECT_INT(read_all(&b, DGM), 0);
	EXPECT_INT(n_seen, 0);
}

/* ---- LLMNR and mDNS ---- */

/* "fs1.local": labels and the end. */
static void put_labels(struct bh_buf *b, const char *dotted)
{
	while (*dotted) {
		size_t n = strcspn(dotted, ".");
		bh_buf_u8(b, (uint8_t)n);
		bh_buf_add(b, dotted, n);
		dotted += n + (dotted[n] == '.');
	}
	bh_buf_u8(b, 0);
}

static void put_v6(struct bh_buf *b, uint8_t last)
{
	put32be(b, 0xfd000000);
	put_zero(b, 11);
	bh_buf_u8(b, last);
}

static void test_llmnr_tells_addresses(void)
{
	static const size_t lies[] = { 5, 12, 32 };
	BH_AUTO_BUF b = { 0 };

	put_header(&b, 0x8000, 1, 2, 0, 0);
	put_labels(&b, "pc7");
	put16be(&b, 255);
	put16be(&b, 1);
	put16be(&b, 0xc00c);
	put_record(&b, 1, 1, 30, 4);
	put32be(&b, 0x0a000007);
	put16be(&b, 0xc00c);
	put_record(&b, 28, 1, 30, 16);
	put_v6(&b, 7);
	EXPECT_INT(read_all(&b, LLMNR), 0);
	EXPECT_INT(n_seen, 2);
	expect_seen(0, "10.0.0.7", "pc7", 0, 0);
	expect_seen(1, "fd00::7", "pc7", 0, 0);
	EXPECT_INT(seen[0].kind, BH_NAME_LLMNR);
	expect_truncations_refused(&b, LLMNR);
	expect_lies_refused(&b, LLMNR, lies, BH_LEN(lies));
	static const unsigned flags[] = { 0x0000, 0x8100, 0x8003 }; /* asks; not sure; no */
	for (size_t i = 0; i < BH_LEN(flags); i++) {
		b.ptr[2] = (char)(flags[i] >> 8);
		b.ptr[3] = (char)(flags[i] & 0xff);
		EXPECT_INT(read_all(&b, LLMNR), 0);
		EXPECT_INT(n_seen, 0);
	}
}

/* A NAS as it announces itself: pointers to names before them, the cache to be flushed. */
static void put_nas(struct bh_buf *b, uint32_t ttl, bool with_addresses)
{
	put_header(b, 0x8400, 0, 3, 0, with_addresses ? 2 : 0);
	size_t type = b->len; /* 12 */
	put_labels(b, "_smb._tcp.local");
	size_t local = type + 10;
	put_record(b, 12, 1, ttl, 9);
	size_t instance = b->len;
	bh_buf_add(b, "\6My NAS\xc0", 8);
	bh_buf_u8(b, (uint8_t)type);
	put16be(b, 0xc000 | (unsigned)instance);
	put_record(b, 33, 0x8001, ttl, 6 + 6);
	put_zero(b, 4);
	put16be(b, 445);
	size_t host = b->len;
	bh_buf_add(b, "\3nas\xc0", 5);
	bh_buf_u8(b, (uint8_t)local);
	put16be(b, 0xc000 | (unsigned)instance);
	put_record(b, 16, 0x8001, ttl, 1);
	bh_buf_u8(b, 0);
	if (!with_addresses)
		return;
	put16be(b, 0xc000 | (unsigned)host);
	put_record(b, 1, 0x8001, ttl, 4);
	put32be(b, 0x0a000008);
	put16be(b, 0xc000 | (unsigned)host);
	put_record(b, 28, 0x8001, ttl, 16);
	put_v6(b, 8);
}

static void test_mdns_tells_who_offers_smb(void)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF bare = { 0 };
	BH_AUTO_BUF gone = { 0 };

	put_nas(&b, 120, true);
	EXPECT_INT(read_all(&b, MDNS), 0);
	EXPECT_INT(n_seen, 2);
	expect_seen(0, "10.0.0.8", "nas.local", BH_ROLE_FILE_SERVER, 0);
	expect_seen(1, "fd00::8", "nas.local", BH_ROLE_FILE_SERVER, 0);
	EXPECT_INT(seen[0].kind, BH_NAME_MDNS);
	expect_truncations_refused(&b, MDNS);
	put_nas(&bare, 120, false);
	EXPECT_INT(read_all(&bare, MDNS), 0);
	EXPECT_INT(n_seen, 1);
	expect_seen(0, "10.0.0.9", "nas.local", BH_ROLE_FILE_SERVER, 0);
	put_nas(&gone, 0, true);
	EXPECT_INT(read_all(&gone, MDNS), 0);
	EXPECT_INT(n_seen, 0);
}

static void test_each_lying_length_of_mdns_is_refused(void)
{
	static const size_t lies[] = {
		7, /* answers */
		11, /* additional records */
		12, 17, 22, /* labels */
		38, /* data: of PTR, */
		59, /* of SRV, */
		82 + 1, /* of TXT, */
		84 + 12, /* of A, */
		100 + 12, /* of AAAA */
	};
	BH_AUTO_BUF b = { 0 };

	put_nas(&b, 120, true);
	for (size_t i = 0; i < BH_LEN(lies); i++) {
		b.ptr[lies[i]]++;
		int r = read_all(&b, MDNS);
		if (r != -EBADMSG)
			printf("# one more at %zu\n", lies[i]);
		EXPECT_INT(r, -EBADMSG);
		b.ptr[lies[i]]--;
	}
}

static void test_a_name_cannot_go_in_circles(void)
{
	BH_AUTO_BUF loop = { 0 };
	BH_AUTO_BUF chain = { 0 };
	BH_AUTO_BUF far = { 0 };

	put_header(&loop, 0x8400, 0, 1, 0, 0);
	put16be(&loop, 0xc00c);
	put_record(&loop, 1, 1, 120, 4);
	put32be(&loop, 0x0a000008);
	EXPECT_INT(read_all(&loop, MDNS), -EBADMSG);
	loop.ptr[13] = 0x0e; /* forwards */
	EXPECT_INT(read_all(&loop, MDNS), -EBADMSG);

	/* Each name points to the one before, more often than anybody does. */
	for (unsigned jumps = 15; jumps < 18; jumps++) {
		bh_buf_reset(&chain);
		put_header(&chain, 0x8400, 0, 2, 0, 0);
		put_labels(&chain, "a");
		put_record(&chain, 16, 1, 120, 2 * jumps);
		size_t last = 12;
		for (unsigned i = 0; i < jumps; i++) {
			put16be(&chain, 0xc000 | (unsigned)last);
			last = chain.len - 2;
		}
		chain.len -= 2;
		chain.ptr[24] = (char)(2 * jumps - 2);
		put16be(&chain, 0xc000 | (unsigned)(jumps > 1 ? last - 2 : 12));
		put_record(&chain, 1, 1, 120, 4);
		put32be(&chain, 0x0a000008);
		EXPECT_INT(read_all(&chain, MDNS), jumps <= 16 ? 0 : -EBADMSG);
		EXPECT_INT(n_seen, jumps <= 16);
	}

	/* Names are of 255 bytes at most. */
	for (unsigned n = 126; n <= 128; n++) {
		bh_buf_reset(&far);
		put_header(&far, 0x8400, 0, 1, 0, 0);
		for (unsigned i = 0; i < n; i++)
			bh_buf_add(&far, "\1a", 2);
		bh_buf_u8(&far, 0);
		put_record(&far, 1, 1, 120, 4);
		put32be(&far, 0x0a000008);
		EXPECT_INT(read_all(&far, MDNS), n <= 127 ? 0 : -EBADMSG);
		EXPECT_INT(n_seen, n <= 127);
	}
}

static void test_names_are_shown_safely(void)
{
	static const struct {
		const char *label, *told;
	} t[] = {
		{ "m\xc3\xbcller", "m\xc3\xbcller" }, { "m\xc3", "m\xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* too long a form */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* half a pair */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf0\x9f\x92\xbe", "\xf0\x9f\x92\xbe" }, { "\x1b[2J", "\xef\xbf\xbd[2J" },
		{ "\xc2\x9b", "\xef\xbf\xbd" },
		{ "fs1.corp", NULL }, /* a dot within a label would read as another name */
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF b = { 0 };
		put_header(&b, 0x8400, 0, 1, 0, 0);
		bh_buf_u8(&b, (uint8_t)strlen(t[i].label));
		bh_buf_str(&b, t[i].label);
		bh_buf_u8(&b, 0);
		put_record(&b, 1, 1, 120, 4);
		put32be(&b, 0x0a000008);
		EXPECT_INT(read_all(&b, MDNS), 0);
		EXPECT_INT(n_seen, t[i].told != NULL);
		if (t[i].told)
			expect_seen(0, "10.0.0.8", t[i].told, 0, 0);
	}
}

static void test_more_names_than_there_is_room_for_are_left_out(void)
{
	BH_AUTO_BUF b = { 0 };

	put_header(&b, 0x8400, 0, 100, 0, 0);
	for (unsigned i = 0; i < 100; i++) {
		put_labels(&b, "pc");
		put_record(&b, 1, 1, 120, 4);
		put32be(&b, 0x0a000008 + i);
	}
	EXPECT_INT(read_all(&b, MDNS), 0);
	EXPECT_INT(n_seen, BH_NAMES);
	b.ptr[6] = 1; /* 356 */
	EXPECT_INT(read_all(&b, MDNS), -EBADMSG);
}

/* ---- RDMA ---- */

static void test_a_connection_for_remote_memory_is_known_by_its_first_bytes(void)
{
	static const struct {
		const char *bytes;
		bool known;
	} t[] = {
		{ "MPA ID Req Frame\x40\x01\0\0", true },
		{ "MPA ID Rep Frame\x40\x02\0\x04priv", true },
		{ "MPA ID Rep Frame\x40\x03\0\0", false },
		{ "MPA ID Rep Frame\x40\x01\x02\x01", false },
		{ "MPA ID Foo Frame\x40\x01\0\0", false },
		{ "\0\0\0\x44\xfeSMB@\0\1\0\0\0\0\0\0\0\0\0", false },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		EXPECT_INT(bh_smbd_mpa(bh_span_of(t[i].bytes, 20)), t[i].known);
		EXPECT(!bh_smbd_mpa(bh_span_of(t[i].bytes, 19)));
	}
}

static void test_roce_is_told_from_other_datagrams(void)
{
	static const struct {
		const char *bytes;
		bool known;
	} t[] = {
		{ "\x04\x40\xff\xff\0\0\0\x11\x80\0\0\1....", true }, /* RC SEND only */
		{ "\x64\x00\xff\xff\0\0\0\x01\0\0\0\1....", true }, /* UD */
		{ "\x81\x00\xff\xff\x40\0\0\x11\0\0\0\0....", true }, /* congestion */
		{ "\x04\x41\xff\xff\0\0\0\x11\x80\0\0\1....", false }, /* another version */
		{ "\x04\x40\x80\0\0\0\0\x11\x80\0\0\1....", false }, /* no partition */
		{ "\x1f\x40\xff\xff\0\0\0\x11\x80\0\0\1....", false },
		{ "\xc4\x40\xff\xff\0\0\0\x11\x80\0\0\1....", false }, /* a maker's own */
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		EXPECT_INT(bh_roce(bh_span_of(t[i].bytes, 16)), t[i].known);
		EXPECT(!bh_roce(bh_span_of(t[i].bytes, 15)));
	}
}

/* A datagram in memory of its own size. */
static bool read_connect(const struct bh_buf *b, size_t n, struct bh_roce_connect *ret)
{
	uint8_t *exact = malloc(n ? n : 1);

	memcpy(exact, bh_buf_text(b), n);
	bool r = bh_roce_connect_read(bh_span_of(exact, n), ret);
	free(exact);
	return r;
}

static void test_roce_tells_which_port_is_asked_for(void)
{
	static const struct {
		struct roce is;
		bool known;
		struct bh_roce_connect told;
	} t[] = {
		{ { .attribute = 0x10, .local = 77, .service = ROCE_TCP(445) }, true,
			{ 77, 445, BH_ROCE_ASKS } },
		{ { .attribute = 0x10, .local = 78, .service = ROCE_TCP(4420) }, true,
			{ 78, 4420, BH_ROCE_ASKS } },
		{ { .attribute = 0x13, .local = 5, .remote = 77 }, true,
			{ 77, 0, BH_ROCE_ACCEPTS } },
		{ { .attribute = 0x12, .remote = 77 }, true, { 77, 0, BH_ROCE_REJECTS } },
		{ { .attribute = 0x14, .local = 77, .remote = 5 }, false, { 0 } }, /* ready */
		{ { .attribute = 0x10, .service = ROCE_TCP(0) }, false, { 0 } },
		{ { .attribute = 0x10, .service = 0x01110000 | 445 }, false, { 0 } }, /* UDP */
		{ { .attribute = 0x10, .service = (uint64_t)1 << 63 | ROCE_TCP(445) }, false,
			{ 0 } },
		{ { .attribute = 0x10, .service = ROCE_TCP(445), .opcode = 0x04 }, false, { 0 } },
		{ { .attribute = 0x10, .service = ROCE_TCP(445), .pair = 17 }, false, { 0 } },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF b = { 0 };
		struct bh_roce_connect c = { 0 };
		put_roce(&b, &t[i].is);
		EXPECT(bh_roce(bh_span_of(b.ptr, b.len)));
		EXPECT_INT(read_connect(&b, b.len, &c), t[i].known);
		EXPECT_INT(c.id, t[i].told.id);
		EXPECT_INT(c.port, t[i].told.port);
		EXPECT_INT(c.said, t[i].told.said);
	}
}

static void test_every_truncation_and_every_other_class_of_roce_is_no_connection(void)
{
	enum { READ = 12 + 8 + 24 + 16 }; /* up to the service */
	const struct roce r = { .attribute = 0x10, .local = 77, .service = ROCE_TCP(445) };
	BH_AUTO_BUF b = { 0 };
	struct bh_roce_connect c;

	put_roce(&b, &r);
	for (size_t n = 0; n < READ; n++)
		EXPECT(!read_connect(&b, n, &c));
	EXPECT(read_connect(&b, READ, &c));
	for (size_t at = 20; at < 24; at++) { /* versions, class, method */
		b.ptr[at] ^= 1;
		EXPECT(!read_connect(&b, b.len, &c));
		b.ptr[at] ^= 1;
	}
	EXPECT(read_connect(&b, b.len, &c));
}

int main(void)
{
	RUN(test_a_registration_tells_who_is_what);
	RUN(test_what_registers_nothing_tells_nothing);
	RUN(test_a_found_name_tells_all_its_addresses);
	RUN(test_a_status_tells_what_the_host_is);
	RUN(test_a_registration_is_whole_or_refused);
	RUN(test_an_announcement_tells_what_the_host_is);
	RUN(test_each_lying_length_of_an_announcement_is_refused);
	RUN(test_llmnr_tells_addresses);
	RUN(test_mdns_tells_who_offers_smb);
	RUN(test_each_lying_length_of_mdns_is_refused);
	RUN(test_a_name_cannot_go_in_circles);
	RUN(test_names_are_shown_safely);
	RUN(test_more_names_than_there_is_room_for_are_left_out);
	RUN(test_a_connection_for_remote_memory_is_known_by_its_first_bytes);
	RUN(test_roce_is_told_from_other_datagrams);
	RUN(test_roce_tells_which_port_is_asked_for);
	RUN(test_every_truncation_and_every_other_class_of_roce_is_no_connection);
	return tap_done();
}
