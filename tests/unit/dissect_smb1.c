#include "smb_make.h"

#include "dissect/dissect.h"
#include "tap.h"

static void header(struct bh_buf *b, uint8_t command, bool response, bool wide)
{
	bh_buf_add(b, "\xffSMB", 4);
	bh_buf_u8(b, command);
	bh_buf_le32(b, 0);
	bh_buf_u8(b, response ? 0x80 : 0);
	bh_buf_le16(b, wide ? 0xc000 : 0x4000);
	put_zero(b, 12);
	bh_buf_le16(b, 3); /* TID */
	bh_buf_le16(b, 0x1234);
	bh_buf_le16(b, 100); /* UID */
	bh_buf_le16(b, 7); /* MID */
}

/* A copy of exactly that size, so that ASan and valgrind see a read past the end. */
static struct bh_span exact(const struct bh_buf *b, size_t n, uint8_t **keep)
{
	*keep = malloc(n ? n : 1);
	memcpy(*keep, bh_buf_text(b), n);
	return bh_span_of(*keep, n);
}

#define REFUSES_EVERY_TRUNCATION(b, call)                                                          \
	do {                                                                                       \
		for (size_t n_ = 0; n_ < (b)->len; n_++) {                                         \
			uint8_t *keep_;                                                            \
			struct bh_span msg = exact((b), n_, &keep_);                               \
			EXPECT_INT(call, -EBADMSG);                                                \
			free(keep_);                                                               \
		}                                                                                  \
	} while (0)

static void dialects(struct bh_buf *b, const char *const *names)
{
	header(b, 0x72, false, false);
	bh_buf_u8(b, 0);
	size_t at = b->len;
	bh_buf_le16(b, 0);
	for (; *names; names++) {
		bh_buf_u8(b, 2);
		bh_buf_str(b, *names);
		bh_buf_u8(b, 0);
	}
	set16(b, at, (unsigned)(b->len - at - 2));
}

static void test_an_offer_tells_smb2_from_smb1(void)
{
	static const char *const multi[] = { "PC NETWORK PROGRAM 1.0", "NT LM 0.12", "SMB 2.002",
		"SMB 2.???", NULL };
	static const char *const old[] = { "PC NETWORK PROGRAM 1.0", "LANMAN1.0", NULL };
	struct bh_smb1_offer o;
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF c = { 0 };

	dialects(&b, multi);
	EXPECT_INT(bh_smb1_negotiate_request(bh_span_of(b.ptr, b.len), &o), 0);
	EXPECT_INT(o.count, 4);
	EXPECT_INT(o.dialect[1], BH_DIALECT_NT_LM_012);
	EXPECT(o.smb2);
	REFUSES_EVERY_TRUNCATION(&b, bh_smb1_negotiate_request(msg, &o));
	dialects(&c, old);
	EXPECT_INT(bh_smb1_negotiate_request(bh_span_of(c.ptr, c.len), &o), 0);
	EXPECT_INT(o.dialect[1], BH_DIALECT_LANMAN_10);
	EXPECT(!o.smb2);
	set16(&c, 33, 0xffff); /* byte count */
	EXPECT_INT(bh_smb1_negotiate_request(bh_span_of(c.ptr, c.len), &o), -EBADMSG);
}

static void test_a_choice_tells_signing(void)
{
	struct bh_smb1_choice ch;
	BH_AUTO_BUF b = { 0 };

	header(&b, 0x72, true, true);
	bh_buf_u8(&b, 17);
	bh_buf_le16(&b, 5);
	bh_buf_u8(&b, 0x0f);
	put_zero(&b, 31);
	bh_buf_le16(&b, 0);
	EXPECT_INT(bh_smb1_negotiate_response(bh_span_of(b.ptr, b.len), &ch), 0);
	EXPECT_INT(ch.index, 5);
	EXPECT(ch.nt);
	EXPECT_INT(ch.signing, BH_SIGNING_REQUIRED);
	REFUSES_EVERY_TRUNCATION(&b, bh_smb1_negotiate_response(msg, &ch));
}

/* A session set-up with plain NTLM and a tree connect that rides behind it. */
static void basic(struct bh_buf *b, uint16_t nt)
{
	header(b, 0x73, false, true);
	bh_buf_u8(b, 13);
	bh_buf_u8(b, 0x75);
	bh_buf_u8(b, 0);
	size_t next = b->len;
	bh_buf_le16(b, 0);
	put_zero(b, 10);
	bh_buf_le16(b, 0);
	bh_buf_le16(b, nt);
	put_zero(b, 8);
	size_t count = b->len;
	bh_buf_le16(b, 0);
	for (unsigned i = 0; i < nt; i++)
		bh_buf_u8(b, 0x77);
	if (b->len % 2)
		bh_buf_u8(b, 0);
	put_wide(b, "bob");
	bh_buf_le16(b, 0);
	put_wide(b, "CORP");
	bh_buf_le16(b, 0);
	set16(b, count, (unsigned)(b->len - count - 2));
	set16(b, next, (unsigned)b->len);
	bh_buf_u8(b, 4);
	bh_buf_u8(b, 0xff);
	put_zero(b, 5);
	bh_buf_u8(b, 0);
	bh_buf_u8(b, 0); /* flags, password length */
	b->ptr[b->len - 2] = 1;
	count = b->len;
	bh_buf_le16(b, 0);
	bh_buf_u8(b, 0); /* the password */
	if (b->len % 2)
		bh_buf_u8(b, 0);
	put_wide(b, "\\\\nas\\pub");
	bh_buf_le16(b, 0);
	bh_buf_str(b, "?????");
	bh_buf_u8(b, 0);
	set16(b, count, (unsigned)(b->len - count - 2));
}

static void test_a_plain_session_and_the_tree_behind_it(void)
{
	struct bh_identity id = { 0 };
	struct bh_tree_request t = { 0 };
	BH_AUTO_BUF b = { 0 };

	basic(&b, 24);
	EXPECT_INT(bh_smb1_session_request(bh_span_of(b.ptr, b.len), &id), 0);
	EXPECT_STR(id.user, "bob");
	EXPECT_STR(id.domain, "CORP");
	EXPECT_INT(id.ntlm, BH_NTLM_V1);
	EXPECT_INT(bh_smb1_tree_request(bh_span_of(b.ptr, b.len), &t), 0);
	EXPECT_STR(t.share, "\\\\nas\\pub");
	REFUSES_EVERY_TRUNCATION(&b, bh_smb1_tree_request(msg, &t));
	set16(&b, 35, 32); /* a chain that runs in a circle */
	EXPECT_INT(bh_smb1_tree_request(bh_span_of(b.ptr, b.len), &t), -EBADMSG);
	set16(&b, 35, 0xffff);
	EXPECT_INT(bh_smb1_tree_request(bh_span_of(b.ptr, b.len), &t), -EBADMSG);
	set16(&b, 49, 0xffff); /* the response's length */
	EXPECT_INT(bh_smb1_session_request(bh_span_of(b.ptr, b.len), &id), -EBADMSG);
}

static void test_a_tree_response_tells_its_service(void)
{
	static const struct {
		const char *service;
		uint8_t type;
	} t[] = { { "A:", BH_SHARE_DISK }, { "IPC", BH_SHARE_PIPE }, { "LPT1:", BH_SHARE_PRINT },
		{ "COMM", BH_SHARE_UNKNOWN } };

	for (size_t i = 0; i < BH_LEN(t); i++) {
		struct bh_tree_response a;
		BH_AUTO_BUF b = { 0 };
		header(&b, 0x75, true, true);
		bh_buf_u8(&b, 3);
		bh_buf_u8(&b, 0xff);
		put_zero(&b, 5);
		bh_buf_le16(&b, (uint16_t)(strlen(t[i].service) + 1));
		bh_buf_str(&b, t[i].service);
		bh_buf_u8(&b, 0);
		EXPECT_INT(bh_smb1_tree_response(bh_span_of(b.ptr, b.len), &a), 0);
		EXPECT_INT(a.type, t[i].type);
		REFUSES_EVERY_TRUNCATION(&b, bh_smb1_tree_response(msg, &a));
	}
}

/* ---- what is older than NT ---- */

static void test_dialects_older_than_nt_have_their_names(void)
{
	static const char *const names[] = { "PC NETWORK PROGRAM 1.0", "LM1.2X002", "LANMAN2.1",
		"Windows for Workgroups 3.1a", "Samba", "Klingon 1.0", NULL };
	static const uint8_t want[] = { BH_DIALECT_PC_NETWORK_10, BH_DIALECT_LM_12,
		BH_DIALECT_LANMAN_21, BH_DIALECT_WORKGROUPS_31A, BH_DIALECT_SAMBA,
		BH_DIALECT_SMB1_OTHER };
	struct bh_smb1_offer o;
	BH_AUTO_BUF b = { 0 };

	dialects(&b, names);
	EXPECT_INT(bh_smb1_negotiate_request(bh_span_of(b.ptr, b.len), &o), 0);
	EXPECT_INT(o.count, BH_LEN(want));
	for (size_t i = 0; i < BH_LEN(want); i++)
		EXPECT_INT(o.dialect[i], want[i]);
}

static void test_an_answer_older_than_nt_is_a_choice_without_signing(void)
{
	static const uint8_t n_words[] = { 1, 13 };

	for (size_t i = 0; i < BH_LEN(n_words); i++) {
		struct bh_smb1_choice ch;
		BH_AUTO_BUF b = { 0 };
		header(&b, 0x72, true, false);
		bh_buf_u8(&b, n_words[i]);
		bh_buf_le16(&b, 3);
		put_zero(&b, 2u * n_words[i] - 2);
		bh_buf_le16(&b, 0);
		EXPECT_INT(bh_smb1_negotiate_response(bh_span_of(b.ptr, b.len), &ch), 0);
		EXPECT_INT(ch.index, 3);
		EXPECT(!ch.nt);
		EXPECT_INT(ch.signing, BH_SIGNING_UNKNOWN);
		REFUSES_EVERY_TRUNCATION(&b, bh_smb1_negotiate_response(msg, &ch));
	}
}

/* Ten words: one password. */
static void lanman(struct bh_buf *b, uint16_t password, const char *user)
{
	header(b, 0x73, false, false);
	bh_buf_u8(b, 10);
	bh_buf_u8(b, 0xff);
	put_zero(b, 13);
	bh_buf_le16(b, password);
	put_zero(b, 4);
	size_t count = bytes_begin(b);
	for (unsigned i = 0; i < password; i++)
		bh_buf_u8(b, 0x77);
	put_text(b, user);
	put_text(b, "OFFICE");
	put_text(b, "DOS");
	bytes_end(b, count);
}

static void test_a_lanman_session_names_its_user(void)
{
	static const struct {
		uint16_t password;
		const char *user;
		uint8_t auth;
	} t[] = { { 24, "JANE", BH_AUTH_NTLM }, { 8, "JANE", BH_AUTH_UNKNOWN }, /* in clear */
		{ 0, "", BH_AUTH_ANONYMOUS } };

	for (size_t i = 0; i < BH_LEN(t); i++) {
		struct bh_identity id = { 0 };
		BH_AUTO_BUF b = { 0 };
		lanman(&b, t[i].password, t[i].user);
		EXPECT_INT(bh_smb1_session_request(bh_span_of(b.ptr, b.len), &id), 0);
		EXPECT_STR(id.user, t[i].user);
		EXPECT_STR(id.domain, "OFFICE");
		EXPECT_INT(id.auth, t[i].auth);
		EXPECT_INT(id.ntlm, BH_NTLM_UNKNOWN);
		REFUSES_EVERY_TRUNCATION(&b, bh_smb1_session_request(msg, &id));
		set16(&b, 33 + 14, 0xffff);
		EXPECT_INT(bh_smb1_session_request(bh_span_of(b.ptr, b.len), &id), -EBADMSG);
	}
	BH_AUTO_BUF b = { 0 };
	struct bh_identity id = { 0 };
	header(&b, 0x73, false, false);
	bh_buf_u8(&b, 11); /* a form there is none of */
	put_zero(&b, 24);
	EXPECT_INT(bh_smb1_session_request(bh_span_of(b.ptr, b.len), &id), -EBADMSG);
}

static void test_the_first_form_of_a_tree_connect(void)
{
	struct bh_tree_request q = { 0 };
	struct bh_tree_response a = { 0 };
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF c = { 0 };

	header(&b, 0x70, false, false);
	bh_buf_u8(&b, 0);
	size_t count = bytes_begin(&b);
	put_text(&b, "\x04\\\\NAS\\C");
	put_text(&b, "\x04secret");
	put_text(&b, "\x04"
		     "A:");
	bytes_end(&b, count);
	EXPECT_INT(bh_smb1_tree_request(bh_span_of(b.ptr, b.len), &q), 0);
	EXPECT_STR(q.share, "\\\\NAS\\C");
	EXPECT_INT(q.type, BH_SHARE_DISK);
	REFUSES_EVERY_TRUNCATION(&b, bh_smb1_tree_request(msg, &q));
	for (size_t i = count; i < b.len; i++) {
		if (b.ptr[i] != 4)
			continue;
		b.ptr[i] = 5;
		EXPECT_INT(bh_smb1_tree_request(bh_span_of(b.ptr, b.len), &q), -EBADMSG);
		b.ptr[i] = 4;
	}
	header(&c, 0x70, true, false);
	bh_buf_u8(&c, 2);
	bh_buf_le16(&c, 4096);
	bh_buf_le16(&c, 7);
	bh_buf_le16(&c, 0);
	EXPECT_INT(bh_smb1_tree_response(bh_span_of(c.ptr, c.len), &a), 0);
	EXPECT_INT(a.tree_id, 7);
	EXPECT_INT(a.type, BH_SHARE_UNKNOWN);
	REFUSES_EVERY_TRUNCATION(&c, bh_smb1_tree_response(msg, &a));
}

static uint32_t status_of(uint32_t wire, uint16_t flags2)
{
	struct bh_framer f = { 0 };
	struct bh_message m = { 0 };
	uint64_t skip;
	uint32_t need;
	BH_AUTO_BUF b = { 0 };
	size_t begin = message_begin(&b);

	smb1_header(&b,
		&(struct smb1){ .command = 0x2b, .status = wire, .flags2 = flags2, .response = 1 });
	bh_buf_add(&b, "\0\0\0", 3);
	message_end(&b, begin);
	EXPECT_INT(
		bh_framer_step(&f, NULL, bh_span_of(b.ptr, 4), &skip, &need, &m), BH_FRAMING_DONE);
	EXPECT_INT(bh_framer_step(&f, NULL, bh_span_of(b.ptr + 4, b.len - 4), &skip, &need, &m),
		BH_FRAMING_TOLD);
	return m.status;
}

static void test_old_status_codes_become_nt_statuses(void)
{
	EXPECT_INT(status_of(0, 1), 0);
	EXPECT_INT(status_of(0x00050001, 1), 0xc0000022); /* ERRDOS, no access */
	EXPECT_INT(status_of(0x00020002, 1), 0xc000006a); /* ERRSRV, bad password */
	EXPECT_INT(status_of(0x12340002, 1), 0xc0000001); /* one that we do not know */
	EXPECT_INT(status_of(0xc0000022, 0x4000), 0xc0000022);
	EXPECT_INT(status_of(0x00000103, 0x4000), 0x103);
	EXPECT_INT(status_of(0x005b0002, 0x4000), 0xc0000203); /* the same code, said to be NT's */
}

int main(void)
{
	RUN(test_an_offer_tells_smb2_from_smb1);
	RUN(test_a_choice_tells_signing);
	RUN(test_a_plain_session_and_the_tree_behind_it);
	RUN(test_a_tree_response_tells_its_service);
	RUN(test_dialects_older_than_nt_have_their_names);
	RUN(test_an_answer_older_than_nt_is_a_choice_without_signing);
	RUN(test_a_lanman_session_names_its_user);
	RUN(test_the_first_form_of_a_tree_connect);
	RUN(test_old_status_codes_become_nt_statuses);
	return tap_done();
}
