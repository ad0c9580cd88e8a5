#include "smb_make.h"

#include "dissect/dissect.h"
#include "tap.h"

static int read_exact(const struct bh_buf *b, size_t n, struct bh_identity *ret)
{
	uint8_t *keep = malloc(n ? n : 1);

	memcpy(keep, bh_buf_text(b), n);
	int r = bh_identity_read(bh_span_of(keep, n), ret);
	free(keep);
	return r;
}

static void test_ntlm_versions_are_told_by_their_response(void)
{
	static const struct {
		const char *user;
		size_t nt;
		uint8_t auth, ntlm;
	} t[] = {
		{ "alice", 24, BH_AUTH_NTLM, BH_NTLM_V1 },
		{ "alice", 25, BH_AUTH_NTLM, BH_NTLM_V2 },
		{ "alice", 300, BH_AUTH_NTLM, BH_NTLM_V2 },
		{ "alice", 0, BH_AUTH_NTLM, BH_NTLM_UNKNOWN },
		{ "", 0, BH_AUTH_ANONYMOUS, BH_NTLM_UNKNOWN },
		{ "", 300, BH_AUTH_NTLM, BH_NTLM_V2 },
	};

	for (size_t i = 0; i < BH_LEN(t); i++) {
		struct bh_identity id = { 0 };
		BH_AUTO_BUF b = { 0 };
		ntlm_authenticate(&b, "CORP", t[i].user, "WS7", t[i].nt);
		EXPECT_INT(read_exact(&b, b.len, &id), 0);
		EXPECT_INT(id.auth, t[i].auth);
		EXPECT_INT(id.ntlm, t[i].ntlm);
		EXPECT_STR(id.user, t[i].user);
		EXPECT_STR(id.domain, "CORP");
		EXPECT_STR(id.workstation, "WS7");
		EXPECT_INT(id.known, BH_KNOWN_USER | BH_KNOWN_DOMAIN | BH_KNOWN_WORKSTATION);
	}
}

/* Whatever is cut off, nobody becomes somebody else: the whole, or nothing at all. */
static void expect_truncations_refused(const struct bh_buf *b)
{
	struct bh_identity id = { 0 };

	EXPECT_INT(read_exact(b, b->len, &id), 0);
	EXPECT(id.auth != BH_AUTH_UNKNOWN);
	for (size_t n = 0; n < b->len; n++) {
		struct bh_identity part = { 0 };
		int r = read_exact(b, n, &part);
		EXPECT(r == -EBADMSG || (!r && !part.auth));
	}
}

static void test_every_truncation_of_a_token_is_refused(void)
{
	BH_AUTO_BUF raw = { 0 };
	BH_AUTO_BUF init = { 0 };
	BH_AUTO_BUF resp = { 0 };
	BH_AUTO_BUF krb = { 0 };
	BH_AUTO_BUF bare = { 0 };

	ntlm_authenticate(&raw, "CORP", "alice", "WS7", 40);
	expect_truncations_refused(&raw);
	ntlm_negotiate(&init);
	spnego_init(&init);
	expect_truncations_refused(&init);
	ntlm_authenticate(&resp, "CORP", "alice", "WS7", 300);
	spnego_response(&resp);
	expect_truncations_refused(&resp);
	kerberos_token(&krb, "CORP.EXAMPLE", "fs1.corp.example");
	expect_truncations_refused(&krb);
	kerberos_token(&bare, "CORP.EXAMPLE", "fs1.corp.example");
	spnego_init(&bare);
	expect_truncations_refused(&bare);
}

static void test_each_lying_length_of_ntlm_is_refused(void)
{
	BH_AUTO_BUF b = { 0 };

	ntlm_authenticate(&b, "CORP", "alice", "WS7", 40);
	/* Length and offset of NT response, domain, user, workstation. */
	for (size_t field = 20; field <= 44; field += 8) {
		for (size_t at = field; at <= field + 4; at += 4) {
			struct bh_identity id;
			BH_AUTO_BUF lie = { 0 };
			bh_buf_add(&lie, b.ptr, b.len);
			set16(&lie, at, 0xffff);
			EXPECT_INT(read_exact(&lie, lie.len, &id), -EBADMSG);
		}
	}
	struct bh_identity id;
	set32(&b, 8, 2); /* a challenge is no request */
	EXPECT_INT(read_exact(&b, b.len, &id), -EBADMSG);
}

static void test_kerberos_tells_realm_and_service(void)
{
	for (int variant = 0; variant < 4; variant++) {
		struct bh_identity id = { 0 };
		BH_AUTO_BUF b = { 0 };
		kerberos_token(&b, "CORP.EXAMPLE", "fs1.corp.example");
		if (variant & 2) /* Windows 2000's spelling of the same mechanism */
			b.ptr[9] = (char)0x82;
		if (variant & 1)
			spnego_init(&b);
		EXPECT_INT(read_exact(&b, b.len, &id), 0);
		EXPECT_INT(id.auth, BH_AUTH_KERBEROS);
		EXPECT_STR(id.service, "cifs/fs1.corp.example");
		EXPECT_STR(id.domain, "CORP.EXAMPLE");
		EXPECT_INT(id.known, BH_KNOWN_DOMAIN | BH_KNOWN_SERVICE);
	}
}

/* Each byte of a token in turn says something else: no crash, no endless walk, and no
 * text that breaks its promise. */
static void test_no_changed_byte_does_harm(void)
{
	struct bh_buf tokens[3] = { 0 };

	ntlm_authenticate(&tokens[0], "CORP", "alice", "WS7", 40);
	spnego_response(&tokens[0]);
	kerberos_token(&tokens[1], "CORP.EXAMPLE", "fs1.corp.example");
	spnego_init(&tokens[1]);
	ntlm_negotiate(&tokens[2]);
	spnego_init(&tokens[2]);
	for (size_t t = 0; t < BH_LEN(tokens); t++) {
		struct bh_buf *b = &tokens[t];
		for (size_t i = 0; i < b->len; i++) {
			char was = b->ptr[i];
			for (unsigned v = 0; v < 256; v += 5) {
				struct bh_identity id = { 0 };
				b->ptr[i] = (char)v;
				int r = read_exact(b, b->len, &id);
				EXPECT(r == 0 || r == -EBADMSG);
				EXPECT(memchr(id.user, 0, sizeof id.user) != NULL);
				EXPECT(memchr(id.service, 0, sizeof id.service) != NULL);
			}
			b->ptr[i] = was;
		}
		bh_buf_reset(b);
	}
}

static void test_another_mechanism_is_unknown_and_no_error(void)
{
	struct bh_identity id = { .auth = BH_AUTH_NTLM };
	BH_AUTO_BUF b = { 0 };

	bh_buf_str(&b, "NEGOEXTS and more");
	spnego_init(&b);
	EXPECT_INT(read_exact(&b, b.len, &id), 0);
	EXPECT_INT(id.auth, BH_AUTH_UNKNOWN);
	EXPECT_INT(id.known, 0);
}

static void test_names_in_an_8_bit_code_page_stay_text(void)
{
	struct bh_identity id = { 0 };
	BH_AUTO_BUF b = { 0 };

	ntlm_authenticate(&b, "AB", "xy", "WS", 24);
	set32(&b, 60, 2); /* OEM */
	EXPECT_INT(read_exact(&b, b.len, &id), 0);
	EXPECT_STR(id.user, "x\xef\xbf\xbdy\xef\xbf\xbd");
}

int main(void)
{
	RUN(test_ntlm_versions_are_told_by_their_response);
	RUN(test_every_truncation_of_a_token_is_refused);
	RUN(test_each_lying_length_of_ntlm_is_refused);
	RUN(test_kerberos_tells_realm_and_service);
	RUN(test_no_changed_byte_does_harm);
	RUN(test_another_mechanism_is_unknown_and_no_error);
	RUN(test_names_in_an_8_bit_code_page_stay_text);
	return tap_done();
}
