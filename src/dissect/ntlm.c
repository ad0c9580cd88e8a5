#include "dissect/ntlm.h"

#include "dissect/text.h"

enum { NEGOTIATE = 1, AUTHENTICATE = 3 };
#define UNICODE 0x00000001u

/* An NTLMv1 response is 24 bytes, also with extended session security; an NTLMv2 one is
 * 16 and a blob ([MS-NLMP] 2.2.2.6, 2.2.2.8). */
enum { NTLMV1_RESPONSE = 24 };

bool bh_ntlm_is(struct bh_span t)
{
	return t.len >= 12 && !memcmp(t.ptr, "NTLMSSP", 8);
}

void bh_ntlm_judge(size_t nt_len, struct bh_identity *id)
{
	id->auth = BH_AUTH_NTLM;
	if (nt_len > NTLMV1_RESPONSE)
		id->ntlm = BH_NTLM_V2;
	else if (nt_len == NTLMV1_RESPONSE)
		id->ntlm = BH_NTLM_V1;
	else if (!nt_len && !id->user[0])
		id->auth = BH_AUTH_ANONYMOUS;
}

/* [MS-NLMP] 2.2.1: length, capacity, offset */
static struct bh_span field(struct bh_cur *c)
{
	uint16_t len = bh_cur_le16(c);
	bh_cur_skip(c, 2);
	uint32_t off = bh_cur_le32(c);

	return len ? bh_cur_window(c, off, len) : (struct bh_span){ 0 };
}

/* [MS-NLMP] 2.2.1.3 */
int bh_ntlm_read(struct bh_span token, struct bh_identity *ret)
{
	struct bh_cur c = bh_cur_of(token);
	struct bh_identity id = { .auth = BH_AUTH_NTLM };

	bh_cur_skip(&c, 8);
	uint32_t type = bh_cur_le32(&c);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	if (type != AUTHENTICATE) {
		if (type != NEGOTIATE)
			return -EBADMSG;
		*ret = id;
		return 0;
	}
	(void)field(&c); /* LM response */
	struct bh_span nt = field(&c);
	struct bh_span domain = field(&c);
	struct bh_span user = field(&c);
	struct bh_span workstation = field(&c);
	(void)field(&c); /* session key */
	bool unicode = bh_cur_le32(&c) & UNICODE;
	if (!bh_cur_ok(&c))
		return -EBADMSG;

	void (*text)(struct bh_span, char *, size_t) = unicode ? bh_text_utf16 : bh_text_oem;
	text(domain, id.domain, sizeof id.domain);
	text(user, id.user, sizeof id.user);
	text(workstation, id.workstation, sizeof id.workstation);
	id.known = BH_KNOWN_USER | BH_KNOWN_DOMAIN | BH_KNOWN_WORKSTATION;
	bh_ntlm_judge(nt.len, &id);
	*ret = id;
	return 0;
}
