/*
 * dissect: every parser of SMB messages and tokens, one input for all of them.  Byte 0
 * chooses; what is read must keep its promises (texts terminated, enums in range).
 */
#include <stdlib.h>

#include "dissect/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_text(const char *s, size_t size)
{
	assert(memchr(s, 0, size));
	for (; *s; s++)
		assert((uint8_t)*s >= 0x20 && *s != 0x7f);
}

static void identity(int r, const struct bh_identity *id)
{
	assert(r == 0 || r == -EBADMSG);
	if (r)
		return;
	assert(id->auth < BH_AUTHS && id->ntlm < BH_NTLMS);
	expect_text(id->user, sizeof id->user);
	expect_text(id->domain, sizeof id->domain);
	expect_text(id->workstation, sizeof id->workstation);
	expect_text(id->service, sizeof id->service);
	assert(id->known & BH_KNOWN_USER || !id->user[0]);
	assert(id->known & BH_KNOWN_SERVICE || !id->service[0]);
}

static void negotiate(struct bh_span m)
{
	struct bh_negotiate_request q;
	struct bh_negotiated a;

	if (!bh_smb2_negotiate_request(m, &q))
		expect_text(q.netname, sizeof q.netname);
	if (!bh_smb2_negotiate_response(m, &a))
		assert(a.dialect < BH_DIALECTS && a.cipher < BH_CIPHERS &&
			a.signing_algorithm < BH_SIGN_ALGS && a.compression < BH_COMPRESSIONS);
}

static void session(struct bh_span m)
{
	struct bh_session_request q;
	struct bh_identity id = { 0 };
	uint16_t flags;
	bool guest;

	if (!bh_smb2_session_request(m, &q))
		identity(bh_identity_read(q.token, &id), &id);
	(void)!bh_smb2_session_response(m, &flags);
	identity(bh_smb1_session_request(m, &id), &id);
	(void)!bh_smb1_session_response(m, &guest);
}

static void tree(struct bh_span m)
{
	struct bh_tree_request q;
	struct bh_tree_response a;
	char host[BH_NAME_TEXT];

	if (!bh_smb2_tree_request(m, &q)) {
		expect_text(q.share, sizeof q.share);
		bh_unc_host(q.share, host);
		expect_text(host, sizeof host);
	}
	if (!bh_smb1_tree_request(m, &q))
		expect_text(q.share, sizeof q.share);
	if (!bh_smb2_tree_response(m, &a))
		assert(a.type < BH_SHARE_TYPES);
	if (!bh_smb1_tree_response(m, &a))
		assert(a.type < BH_SHARE_TYPES);
}

static void smb1(struct bh_span m)
{
	struct bh_smb1_offer o;
	struct bh_smb1_choice c;

	if (!bh_smb1_negotiate_request(m, &o))
		assert(o.count);
	if (!bh_smb1_negotiate_response(m, &c))
		assert(c.signing < BH_SIGNINGS);
}

/* A whole stream through the framer, each ask a buffer of exactly its size. */
static void frame(struct bh_span s)
{
	struct bh_framer f = { 0 };
	uint32_t need = 4;
	size_t at = 0;

	while (need <= s.len - at) {
		struct bh_message m = { 0 };
		uint64_t skip = 0;
		uint32_t was = need;
		uint8_t *exact = malloc(need);
		if (!exact)
			return;
		memcpy(exact, s.ptr + at, need);
		enum bh_framing r =
			bh_framer_step(&f, NULL, bh_span_of(exact, need), &skip, &need, &m);
		if (m.body.len)
			assert(m.body.ptr == exact && m.body.len <= was);
		free(exact);
		if (r == BH_FRAMING_LOST)
			return;
		assert(need > 0 && need <= BH_MAX_BODY);
		if (r == BH_FRAMING_MORE) {
			assert(need > was);
			continue;
		}
		assert(skip >= was);
		if (skip > s.len - at)
			return;
		at += (size_t)skip;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_identity id = { 0 };

	if (!size)
		return 0;
	struct bh_span m = bh_span_of(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0: frame(m); break;
	case 1: negotiate(m); break;
	case 2: session(m); break;
	case 3: tree(m); break;
	case 4: smb1(m); break;
	case 5: identity(bh_identity_read(m, &id), &id); break;
	}
	return 0;
}
