/* What bulkhead-priv keeps in files, what it lets through, and the digest under both. */
#include "priv/check.h"
#include "priv/files.h"
#include "priv/sha256.h"
#include "tap.h"

static const char *hash_of(const char *text, size_t times)
{
	static char hex[65];
	struct sha256 s;
	uint8_t h[32];

	sha256_init(&s);
	for (size_t i = 0; i < times; i++)
		sha256_add(&s, text, strlen(text));
	sha256_end(&s, h);
	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", h[i]);
	return hex;
}

/* FIPS 180-4's own examples (NIST CAVP). */
static void test_sha256_gives_the_published_values(void)
{
	EXPECT_STR(
		hash_of("", 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	EXPECT_STR(hash_of("abc", 1),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	EXPECT_STR(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1),
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	EXPECT_STR(hash_of("aaaaaaaaaa", 100000),
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void sample(struct bh_buf *b)
{
	const struct bundle one = { .mode = BH_ENFORCE,
		.gateway = true,
		.generation = 41,
		.table = bh_span_of("not really a table", 18),
		.text = bh_span_of("default block smb\n", 18) };

	bundle_write(&one, b);
}

static void test_a_stored_table_comes_back(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bundle back;

	sample(&b);
	EXPECT_INT(bundle_read(bh_span_of(b.ptr, b.len), &back), 0);
	EXPECT_INT(back.generation, 41);
	EXPECT(back.gateway && back.mode == BH_ENFORCE && back.table.len == 18);
	EXPECT(!memcmp(back.text.ptr, "default block smb\n", 18));
}

static void test_a_torn_file_is_refused(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bundle back;

	sample(&b);
	for (size_t n = 0; n < b.len; n++)
		EXPECT_INT(bundle_read(bh_span_of(b.ptr, n), &back), -EBADMSG);
	bh_buf_u8(&b, 0);
	EXPECT_INT(bundle_read(bh_span_of(b.ptr, b.len), &back), -EBADMSG);
}

static void test_any_changed_bit_of_a_file_is_seen(void)
{
	BH_AUTO_BUF b = { 0 };
	struct bundle back;

	sample(&b);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.ptr[i / 8] = (char)(b.ptr[i / 8] ^ 1 << i % 8);
		EXPECT_INT(bundle_read(bh_span_of(b.ptr, b.len), &back), -EBADMSG);
		b.ptr[i / 8] = (char)(b.ptr[i / 8] ^ 1 << i % 8);
	}
}

/* One gate with one product. */
static const char *check(
	bool gateway, enum bh_hook hook, struct bh_service service, bool src_any, bool dst_any)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_addr one = bh_addr_v4(0x0a000001);
	struct bh_addrset full = bh_addrset_full(&a), some = bh_addrset_one(&a, &one);
	const struct bh_product p = { src_any ? full : some, dst_any ? full : some };
	const struct bh_gate_case c = { .admit = { &p, 1 } };
	const struct bh_gate g = { .hook = hook, .service = service, .cases = &c, .n_cases = 1 };

	return bh_check_table(&(struct bh_table){ .gateway = gateway, .gates = &g, .n_gates = 1 });
}

static void test_only_our_ports_may_be_named(void)
{
	static const struct bh_service ours[] = { { 445, BH_TCP }, { 139, BH_TCP },
		{ 5445, BH_TCP }, { 137, BH_UDP }, { 138, BH_UDP }, { 443, BH_UDP },
		{ 1024, BH_TCP }, { 65535, BH_UDP } };
	static const struct bh_service not_ours[] = { { 22, BH_TCP }, { 443, BH_TCP },
		{ 445, BH_UDP }, { 139, BH_UDP }, { 137, BH_TCP }, { 53, BH_UDP }, { 1023, BH_TCP },
		{ 1, BH_UDP } };

	for (size_t i = 0; i < BH_LEN(ours); i++)
		EXPECT(!check(false, BH_IN, ours[i], false, true));
	for (size_t i = 0; i < BH_LEN(not_ours); i++)
		EXPECT(check(false, BH_IN, not_ours[i], false, true));
}

static void test_only_our_shapes_may_be_named(void)
{
	const struct bh_service smb = { 445, BH_TCP };

	EXPECT(!check(false, BH_OUT, smb, true, false));
	EXPECT(!check(false, BH_FWD, smb, false, false));
	EXPECT(!check(true, BH_FWD, smb, false, false));
	EXPECT(check(true, BH_IN, smb, false, true));
	EXPECT(check(false, BH_IN, smb, false, false));
	EXPECT(check(false, BH_OUT, smb, false, false));
	EXPECT(bh_check_table(&(struct bh_table){ 0 }));
}

int main(void)
{
	RUN(test_sha256_gives_the_published_values);
	RUN(test_a_stored_table_comes_back);
	RUN(test_a_torn_file_is_refused);
	RUN(test_any_changed_bit_of_a_file_is_seen);
	RUN(test_only_our_ports_may_be_named);
	RUN(test_only_our_shapes_may_be_named);
	return tap_done();
}
