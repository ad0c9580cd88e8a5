#include "smb_make.h"

#include "dissect/dissect.h"
#include "tap.h"

/* A copy of exactly that size, so that ASan and valgrind see a read past the end. */
static struct bh_span exact(const struct bh_buf *b, size_t n, uint8_t **keep)
{
	*keep = malloc(n ? n : 1);
	memcpy(*keep, bh_buf_text(b), n);
	return bh_span_of(*keep, n);
}

typedef int (*reader_fn)(struct bh_span msg);

static int r_negotiate_request(struct bh_span m)
{
	struct bh_negotiate_request r;
	return bh_smb2_negotiate_request(m, &r);
}
static int r_negotiate_response(struct bh_span m)
{
	struct bh_negotiated r;
	return bh_smb2_negotiate_response(m, &r);
}
static int r_session_request(struct bh_span m)
{
	struct bh_session_request r;
	return bh_smb2_session_request(m, &r);
}
static int r_session_response(struct bh_span m)
{
	uint16_t r;
	return bh_smb2_session_response(m, &r);
}
static int r_tree_request(struct bh_span m)
{
	struct bh_tree_request r;
	return bh_smb2_tree_request(m, &r);
}
static int r_tree_response(struct bh_span m)
{
	struct bh_tree_response r;
	return bh_smb2_tree_response(m, &r);
}

static void header(struct bh_buf *b, uint16_t command, int response)
{
	smb2_header(b, &(struct smb2){ .command = command, .response = response });
}

static int read_cut(const struct bh_buf *b, size_t n, reader_fn read)
{
	uint8_t *keep;
	int r = read(exact(b, n, &keep));

	free(keep);
	return r;
}

static void expect_truncations_refused(const struct bh_buf *b, reader_fn read)
{
	EXPECT_INT(read_cut(b, b->len, read), 0);
	for (size_t n = 0; n < b->len; n++)
		EXPECT_INT(read_cut(b, n, read), -EBADMSG);
}

/* The 16 bits at `at` say 0xffff instead: refused, and fine again afterwards. */
static void expect_lie_refused(struct bh_buf *b, size_t at, reader_fn read)
{
	char was[2] = { b->ptr[at], b->ptr[at + 1] };

	set16(b, at, 0xffff);
	EXPECT_INT(read_cut(b, b->len, read), -EBADMSG);
	b->ptr[at] = was[0];
	b->ptr[at + 1] = was[1];
	EXPECT_INT(read_cut(b, b->len, read), 0);
}

static void test_a_negotiate_request_is_read_whole_or_refused(void)
{
	struct bh_negotiate_request r;
	BH_AUTO_BUF b = { 0 };

	header(&b, 0, 0);
	negotiate_request(&b, 0, "fs1.corp.example");
	EXPECT_INT(bh_smb2_negotiate_request(bh_span_of(b.ptr, b.len), &r), 0);
	EXPECT_STR(r.netname, "fs1.corp.example");
	EXPECT_INT(bh_signing_of(r.security_mode), BH_SIGNING_ENABLED);
	expect_truncations_refused(&b, r_negotiate_request);
	expect_lie_refused(&b, 64, r_negotiate_request); /* structure size */
	expect_lie_refused(&b, 66, r_negotiate_request); /* dialect count */
	expect_lie_refused(&b, 92, r_negotiate_request); /* context offset */
	expect_lie_refused(&b, 96, r_negotiate_request); /* context count */
	expect_lie_refused(&b, 106, r_negotiate_request); /* context length */
}

static void test_a_negotiate_response_is_read_whole_or_refused(void)
{
	struct bh_negotiated r;
	BH_AUTO_BUF b = { 0 };

	header(&b, 0, 1);
	negotiate_response(&b, 0, 0x0311);
	EXPECT_INT(bh_smb2_negotiate_response(bh_span_of(b.ptr, b.len), &r), 0);
	EXPECT_INT(r.dialect, BH_DIALECT_311);
	EXPECT_INT(r.cipher, BH_CIPHER_AES128_GCM);
	EXPECT_INT(r.signing_algorithm, BH_SIGN_AES_GMAC);
	EXPECT_INT(r.compression, BH_COMPRESSION_LZ77);
	EXPECT_INT(bh_signing_of(r.security_mode), BH_SIGNING_REQUIRED);
	expect_truncations_refused(&b, r_negotiate_response);
	expect_lie_refused(&b, 64, r_negotiate_response); /* structure size */
	expect_lie_refused(&b, 70, r_negotiate_response); /* context count */
	expect_lie_refused(&b, 120, r_negotiate_response); /* token offset */
	expect_lie_refused(&b, 122, r_negotiate_response); /* token length */
	expect_lie_refused(&b, 124, r_negotiate_response); /* context offset */
	expect_lie_refused(&b, 138, r_negotiate_response); /* a context's length */
}

/* A lie must not turn into "no cipher". */
static void test_a_cut_context_is_no_answer(void)
{
	struct bh_negotiated r;
	BH_AUTO_BUF b = { 0 };

	header(&b, 0, 1);
	negotiate_response(&b, 0, 0x0311);
	set16(&b, 138, 3); /* the encryption context ends within its cipher */
	EXPECT_INT(bh_smb2_negotiate_response(bh_span_of(b.ptr, b.len), &r), -EBADMSG);
}

static void test_dialects_have_their_names(void)
{
	static const uint16_t wire[] = { 0x0202, 0x0210, 0x0300, 0x0302, 0x0311, 0x02ff, 0x0310 };
	static const uint8_t want[] = { BH_DIALECT_202, BH_DIALECT_21, BH_DIALECT_30,
		BH_DIALECT_302, BH_DIALECT_311, BH_DIALECT_UNKNOWN, BH_DIALECT_UNKNOWN };

	for (size_t i = 0; i < BH_LEN(wire); i++) {
		struct bh_negotiated r = { 0 };
		BH_AUTO_BUF b = { 0 };
		header(&b, 0, 1);
		negotiate_response(&b, 0, wire[i]);
		EXPECT_INT(bh_smb2_negotiate_response(bh_span_of(b.ptr, b.len), &r), 0);
		EXPECT_INT(r.dialect, want[i]);
		EXPECT_INT(r.wire_dialect, wire[i]);
		EXPECT_INT(r.cipher, wire[i] == 0x0311 ? BH_CIPHER_AES128_GCM : 0);
	}
}

static void test_session_setup_is_read_whole_or_refused(void)
{
	struct bh_session_request q;
	uint16_t flags;
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF c = { 0 };

	header(&b, 1, 0);
	session_request(&b, "token", 5);
	EXPECT_INT(bh_smb2_session_request(bh_span_of(b.ptr, b.len), &q), 0);
	EXPECT(q.token.len == 5 && !memcmp(q.token.ptr, "token", 5));
	expect_truncations_refused(&b, r_session_request);
	expect_lie_refused(&b, 64, r_session_request);
	expect_lie_refused(&b, 76, r_session_request); /* offset */
	expect_lie_refused(&b, 78, r_session_request); /* length */

	header(&c, 1, 1);
	session_response(&c, BH_SESSION_GUEST | BH_SESSION_ENCRYPTED);
	EXPECT_INT(bh_smb2_session_response(bh_span_of(c.ptr, c.len), &flags), 0);
	EXPECT_INT(flags, 5);
	expect_truncations_refused(&c, r_session_response);
	expect_lie_refused(&c, 64, r_session_response);
	expect_lie_refused(&c, 68, r_session_response);
	expect_lie_refused(&c, 70, r_session_response);
}

static void test_tree_connect_is_read_whole_or_refused(void)
{
	struct bh_tree_request q;
	struct bh_tree_response a;
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF c = { 0 };

	header(&b, 3, 0);
	tree_request(&b, "\\\\fs1\\home");
	EXPECT_INT(bh_smb2_tree_request(bh_span_of(b.ptr, b.len), &q), 0);
	EXPECT_STR(q.share, "\\\\fs1\\home");
	expect_truncations_refused(&b, r_tree_request);
	expect_lie_refused(&b, 64, r_tree_request);
	expect_lie_refused(&b, 68, r_tree_request);
	expect_lie_refused(&b, 70, r_tree_request);

	header(&c, 3, 1);
	tree_response(&c, 2, 0x8030);
	EXPECT_INT(bh_smb2_tree_response(bh_span_of(c.ptr, c.len), &a), 0);
	EXPECT_INT(a.type, BH_SHARE_PIPE);
	EXPECT(a.encrypted);
	expect_truncations_refused(&c, r_tree_response);
	expect_lie_refused(&c, 64, r_tree_response);
}

static void test_names_from_the_wire_cannot_steer_a_terminal(void)
{
	/* ESC, C1 CSI, an unpaired surrogate, a pair, DEL. */
	static const uint16_t wide[] = { 'a', 0x1b, 0x9b, 0xd800, 'b', 0xd83d, 0xde00, 0x7f };
	struct bh_tree_request q;
	BH_AUTO_BUF b = { 0 };

	header(&b, 3, 0);
	bh_buf_le16(&b, 9);
	bh_buf_le16(&b, 0);
	bh_buf_le16(&b, 72);
	bh_buf_le16(&b, sizeof wide);
	for (size_t i = 0; i < BH_LEN(wide); i++)
		bh_buf_le16(&b, wide[i]);
	EXPECT_INT(bh_smb2_tree_request(bh_span_of(b.ptr, b.len), &q), 0);
	EXPECT_STR(q.share, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
			    "b\xf0\x9f\x98\x80\xef\xbf\xbd");
}

static void test_a_long_name_is_cut_at_a_character(void)
{
	struct bh_tree_request q;
	BH_AUTO_BUF b = { 0 };

	header(&b, 3, 0);
	bh_buf_le16(&b, 9);
	bh_buf_le16(&b, 0);
	bh_buf_le16(&b, 72);
	bh_buf_le16(&b, 2000);
	for (size_t i = 0; i < 1000; i++)
		bh_buf_le16(&b, 0x20ac); /* three bytes each */
	EXPECT_INT(bh_smb2_tree_request(bh_span_of(b.ptr, b.len), &q), 0);
	EXPECT_INT(strlen(q.share), (sizeof q.share - 1) / 3 * 3);
}

static void test_the_host_of_a_unc_path(void)
{
	static const struct {
		const char *unc, *host;
	} t[] = { { "\\\\fs1\\home", "fs1" }, { "\\fs1\\home", "fs1" }, { "//h/s", "h" },
		{ "\\\\", "" }, { "", "" }, { "\\\\[fe80::1]\\x", "[fe80::1]" } };
	char host[BH_NAME_TEXT];

	for (size_t i = 0; i < BH_LEN(t); i++) {
		bh_unc_host(t[i].unc, host);
		EXPECT_STR(host, t[i].host);
	}
}

/* ---- framing ---- */

struct heard {
	struct bh_message m[16];
	size_t n;
	bool lost;
};

static bool yes(void *ctx, const struct bh_message *m)
{
	(void)ctx;
	return m->act != BH_ACT_NONE;
}

static const struct bh_framer_env everything = { yes, NULL };

/* Feeds a stream as the capture room does, one ask after the other. */
static void frame(const struct bh_buf *b, struct heard *ret)
{
	struct bh_framer f = { 0 };
	size_t at = 0;
	uint32_t need = 4;

	*ret = (struct heard){ 0 };
	while (at + need <= b->len && ret->n < BH_LEN(ret->m)) {
		struct bh_message m = { 0 };
		uint64_t skip = 0;
		uint32_t was = need;
		uint8_t *keep = malloc(need);
		memcpy(keep, b->ptr + at, need);
		enum bh_framing r =
			bh_framer_step(&f, &everything, bh_span_of(keep, need), &skip, &need, &m);
		free(keep);
		if (r == BH_FRAMING_LOST) {
			ret->lost = true;
			return;
		}
		if (r == BH_FRAMING_MORE) {
			EXPECT(need > was);
			continue;
		}
		EXPECT(skip >= was);
		EXPECT(need > 0 && need <= BH_MAX_BODY);
		if (r == BH_FRAMING_TOLD)
			ret->m[ret->n++] = m;
		if (skip > b->len - at)
			return;
		at += (size_t)skip;
	}
}

static void test_a_chain_inherits_session_and_tree(void)
{
	struct heard h;
	BH_AUTO_BUF b = { 0 };
	size_t m = message_begin(&b);

	smb2_header(&b, &(struct smb2){ .command = 5, .session = 7, .tree = 9, .next = 120 });
	put_zero(&b, 56);
	smb2_header(
		&b, &(struct smb2){
			    .command = 16, .session = UINT64_MAX, .tree = UINT32_MAX, .next = 72 });
	put_zero(&b, 8);
	smb2_header(&b, &(struct smb2){ .command = 6, .session = UINT64_MAX, .tree = UINT32_MAX });
	put_zero(&b, 24);
	message_end(&b, m);
	frame(&b, &h);
	EXPECT_INT(h.n, 3);
	for (size_t i = 0; i < h.n; i++) {
		EXPECT_INT(h.m[i].session_id, 7);
		EXPECT_INT(h.m[i].tree_id, 9);
		EXPECT_INT(h.m[i].first, i == 0);
	}
	EXPECT_INT(h.m[0].length + h.m[1].length + h.m[2].length, 280);
	/* A chain that points past its message, or into its own header. */
	set32(&b, 4 + 20, 281);
	frame(&b, &h);
	EXPECT_INT(h.m[0].kind, BH_MESSAGE_MALFORMED);
	set32(&b, 4 + 20, 63);
	frame(&b, &h);
	EXPECT_INT(h.m[0].kind, BH_MESSAGE_MALFORMED);
}

static void test_what_is_in_no_message_is_told_apart(void)
{
	struct heard h;
	BH_AUTO_BUF b = { 0 };

	bh_buf_add(&b, "\x81\0\0\x02xx\x82\0\0\0\x85\0\0\0\0\0\0\0", 18);
	bh_buf_add(&b, "\0\0\0\x05hello", 9);
	size_t m = message_begin(&b);
	bh_buf_add(&b, "\xfdSMB", 4);
	put_zero(&b, 40);
	bh_buf_le64(&b, 0x1122334455667788);
	put_zero(&b, 50);
	message_end(&b, m);
	m = message_begin(&b);
	bh_buf_add(&b, "\xfcSMB\0\0\0\0\x02\0\0\0\0\0\0\0data", 20);
	message_end(&b, m);
	bh_buf_add(&b,
		"\0\0\0\x08\xff"
		"E\1\0data",
		12);
	bh_buf_str(&b, "GET / HTTP/1.1\r\n");
	frame(&b, &h);
	EXPECT_INT(h.n, 7);
	EXPECT_INT(h.m[6].kind, BH_MESSAGE_ENCRYPTED); /* SMB1, as Samba does it */
	EXPECT(h.m[6].session_id == 0);
	EXPECT_INT(h.m[0].kind, BH_MESSAGE_CONTROL);
	EXPECT_INT(h.m[3].kind, BH_MESSAGE_MALFORMED);
	EXPECT_INT(h.m[4].kind, BH_MESSAGE_ENCRYPTED);
	EXPECT(h.m[4].session_id == 0x1122334455667788);
	EXPECT_INT(h.m[5].kind, BH_MESSAGE_COMPRESSED);
	EXPECT_INT(h.m[5].algorithm, 2);
	EXPECT(h.lost);
}

static void test_a_session_request_tells_both_names(void)
{
	static const char called[] = "EOEBFDCACACACACACACACACACACACACA"; /* "NAS", service 0x20 */
	static const char calling[] = "FCEFEDEFFAFEEJEPEOCACACACACACAAA"; /* "RECEPTION", 0 */
	struct bh_nbss_request q;
	BH_AUTO_BUF b = { 0 };

	bh_buf_add(&b, "\x81\0\0\x4a\x20", 5);
	bh_buf_add(&b, called, 33); /* its NUL is the scope's end */
	bh_buf_u8(&b, 32);
	bh_buf_add(&b, calling, 32);
	bh_buf_add(&b, "\x05scope\0", 7);
	EXPECT_INT(bh_nbss_request(bh_span_of(b.ptr, b.len), &q), 0);
	EXPECT_STR(q.called, "NAS");
	EXPECT_STR(q.calling, "RECEPTION");
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *keep;
		EXPECT_INT(bh_nbss_request(exact(&b, n, &keep), &q), -EBADMSG);
		free(keep);
	}
	b.ptr[4] = 31; /* a name is 32 letters long */
	EXPECT_INT(bh_nbss_request(bh_span_of(b.ptr, b.len), &q), -EBADMSG);
	b.ptr[4] = 32;
	b.ptr[5] = 'Q'; /* from A to P */
	EXPECT_INT(bh_nbss_request(bh_span_of(b.ptr, b.len), &q), -EBADMSG);
	b.ptr[5] = 'E';
	b.ptr[b.len - 7] = (char)0xc0; /* no pointers here */
	EXPECT_INT(bh_nbss_request(bh_span_of(b.ptr, b.len), &q), -EBADMSG);
	b.ptr[b.len - 7] = 5;
	memcpy(b.ptr + 5, "CK", 2); /* "*AS": whoever is there */
	EXPECT_INT(bh_nbss_request(bh_span_of(b.ptr, b.len), &q), 0);
	EXPECT_STR(q.called, "");
}

/* Peeks are bounded, and only for what is asked. */
static void test_of_what_carries_only_the_beginning_is_shown(void)
{
	struct heard h;
	BH_AUTO_BUF b = { 0 };
	size_t m = message_begin(&b);

	header(&b, 9, 0);
	put_zero(&b, 5000);
	message_end(&b, m);
	frame(&b, &h);
	EXPECT_INT(h.n, 1);
	EXPECT_INT(h.m[0].act, BH_ACT_CARRY);
	EXPECT_INT(h.m[0].body.len, BH_MAX_PEEK);
	EXPECT_INT(h.m[0].length, 5064);
	b.ptr[m + 16] |= 1; /* an answer: there is nothing to see in it */
	frame(&b, &h);
	EXPECT_INT(h.m[0].body.len, 0);
}

static void test_a_message_begins_only_where_one_could(void)
{
	BH_AUTO_BUF b = { 0 };
	size_t m = message_begin(&b);
	bool found;

	header(&b, 8, 1);
	put_zero(&b, 20);
	message_end(&b, m);
	for (size_t n = 0; n <= b.len; n++) {
		uint8_t *keep;
		found = bh_message_begins(exact(&b, n, &keep));
		free(keep);
		EXPECT_INT(found, n >= 10);
	}
	b.ptr[3] = 10; /* shorter than a header */
	EXPECT(!bh_message_begins(bh_span_of(b.ptr, b.len)));
}

int main(void)
{
	RUN(test_a_negotiate_request_is_read_whole_or_refused);
	RUN(test_a_negotiate_response_is_read_whole_or_refused);
	RUN(test_a_cut_context_is_no_answer);
	RUN(test_dialects_have_their_names);
	RUN(test_session_setup_is_read_whole_or_refused);
	RUN(test_tree_connect_is_read_whole_or_refused);
	RUN(test_names_from_the_wire_cannot_steer_a_terminal);
	RUN(test_a_long_name_is_cut_at_a_character);
	RUN(test_the_host_of_a_unc_path);
	RUN(test_a_chain_inherits_session_and_tree);
	RUN(test_what_is_in_no_message_is_told_apart);
	RUN(test_a_session_request_tells_both_names);
	RUN(test_of_what_carries_only_the_beginning_is_shown);
	RUN(test_a_message_begins_only_where_one_could);
	return tap_done();
}
