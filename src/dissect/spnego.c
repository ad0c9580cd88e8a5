#include "dissect/ntlm.h"
#include "dissect/text.h"

/* DER (X.690): every reader below walks one fixed path, so that depth is bounded by
 * the code and no wire value can make it recurse. */
enum {
	TAG_OID = 0x06,
	TAG_OCTETS = 0x04,
	TAG_STRING = 0x1b,
	TAG_SEQUENCE = 0x30,
	TAG_INITIAL = 0x60, /* [APPLICATION 0], RFC 2743 3.1 */
	TAG_TICKET = 0x61, /* [APPLICATION 1] */
	TAG_AP_REQ = 0x6e, /* [APPLICATION 14] */
	TAG_CONTEXT = 0xa0,
};
enum { MAX_ELEMENTS = 16 };

static const uint8_t oid_spnego[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02 };
static const uint8_t oid_kerberos[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02 };
/* The same as Windows 2000 wrote it by mistake, and everybody since accepts. */
static const uint8_t oid_ms_kerberos[] = { 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02 };
static const uint8_t ap_req_id[] = { 0x01, 0x00 }; /* RFC 4121 4.1 */

/* The next element: its tag, and its contents as a cursor of their own. */
static uint8_t element(struct bh_cur *c, struct bh_cur *contents)
{
	uint8_t tag = bh_cur_u8(c);
	uint32_t len = bh_cur_u8(c);

	if (len >= 0x80) {
		unsigned n = len & 0x7f;
		if (!n || n > 3)
			bh_cur_fail(c);
		len = 0;
		for (; n && bh_cur_ok(c); n--)
			len = len << 8 | bh_cur_u8(c);
	}
	*contents = bh_cur_of(bh_cur_take(c, len));
	return bh_cur_ok(c) ? tag : 0;
}

/* Enters the next element, which must have that tag. */
static void enter(struct bh_cur *c, uint8_t tag)
{
	struct bh_cur in;

	if (element(c, &in) != tag)
		bh_cur_fail(c);
	else
		*c = in;
}

/* Enters the first element with that tag among those that follow. */
static bool find(struct bh_cur *c, uint8_t tag)
{
	for (unsigned i = 0; i < MAX_ELEMENTS && bh_cur_left(c); i++) {
		struct bh_cur in;
		uint8_t t = element(c, &in);
		if (!t)
			return false;
		if (t == tag) {
			*c = in;
			return true;
		}
	}
	return false;
}

static struct bh_span oid(struct bh_cur *c)
{
	struct bh_cur in;

	if (element(c, &in) != TAG_OID)
		bh_cur_fail(c);
	return bh_cur_ok(c) ? bh_cur_take(&in, bh_cur_left(&in)) : (struct bh_span){ 0 };
}

static bool same(struct bh_span s, const uint8_t *want, size_t len)
{
	return s.len == len && !memcmp(s.ptr, want, len);
}

static bool is_kerberos(struct bh_span s)
{
	return same(s, oid_kerberos, sizeof oid_kerberos) ||
	       same(s, oid_ms_kerberos, sizeof oid_ms_kerberos);
}

static struct bh_span rest(struct bh_cur *c)
{
	return bh_cur_take(c, bh_cur_left(c));
}

/* "cifs/fs1.corp.example" from the parts of a principal's name. */
static void principal(struct bh_cur *names, struct bh_identity *id)
{
	size_t len = 0;

	for (unsigned i = 0; i < MAX_ELEMENTS && bh_cur_left(names); i++) {
		struct bh_cur part;
		if (element(names, &part) != TAG_STRING) {
			bh_cur_fail(names);
			return;
		}
		if (i && len + 1 < sizeof id->service)
			id->service[len++] = '/';
		bh_text_oem(rest(&part), id->service + len, sizeof id->service - len);
		len += strlen(id->service + len);
	}
}

/* RFC 4120 5.5.1 and 5.3: the ticket tells realm and service in clear. */
int bh_kerberos_read(struct bh_span ap_req, struct bh_identity *ret)
{
	struct bh_identity id = { .auth = BH_AUTH_KERBEROS };
	struct bh_cur c = bh_cur_of(ap_req);

	enter(&c, TAG_AP_REQ);
	enter(&c, TAG_SEQUENCE);
	if (!find(&c, TAG_CONTEXT + 3))
		return -EBADMSG;
	enter(&c, TAG_TICKET);
	enter(&c, TAG_SEQUENCE);
	struct bh_cur name = c;
	if (!find(&c, TAG_CONTEXT + 1) || !find(&name, TAG_CONTEXT + 2))
		return -EBADMSG;
	enter(&c, TAG_STRING);
	enter(&name, TAG_SEQUENCE);
	if (!find(&name, TAG_CONTEXT + 1))
		return -EBADMSG;
	enter(&name, TAG_SEQUENCE);
	principal(&name, &id);
	if (!bh_cur_ok(&c) || !bh_cur_ok(&name))
		return -EBADMSG;
	bh_text_oem(rest(&c), id.domain, sizeof id.domain);
	id.known = BH_KNOWN_DOMAIN | BH_KNOWN_SERVICE;
	*ret = id;
	return 0;
}

/* The mechanism's own token: NTLMSSP, or Kerberos with or without its GSS header. */
static int mechanism(struct bh_span token, struct bh_identity *ret)
{
	struct bh_cur c = bh_cur_of(token);
	struct bh_identity id = { 0 };

	if (bh_ntlm_is(token))
		return bh_ntlm_read(token, ret);
	if (token.len && token.ptr[0] == TAG_AP_REQ)
		return bh_kerberos_read(token, ret);
	if (token.len && token.ptr[0] == TAG_INITIAL) {
		enter(&c, TAG_INITIAL);
		if (is_kerberos(oid(&c))) {
			struct bh_span tag = bh_cur_take(&c, sizeof ap_req_id);
			if (!bh_cur_ok(&c))
				return -EBADMSG;
			if (!memcmp(tag.ptr, ap_req_id, sizeof ap_req_id))
				return bh_kerberos_read(rest(&c), ret);
		}
		if (!bh_cur_ok(&c))
			return -EBADMSG;
	}
	*ret = id;
	return 0;
}

/* RFC 4178 4.2: NegTokenInit and NegTokenResp both carry their token as [2] OCTET
 * STRING; the lists beside it are of no use here. */
static int negotiation(struct bh_cur c, struct bh_identity *ret)
{
	struct bh_identity id = { 0 };

	enter(&c, TAG_SEQUENCE);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	if (!find(&c, TAG_CONTEXT + 2)) {
		if (!bh_cur_ok(&c))
			return -EBADMSG;
		*ret = id; /* no token, as in the last leg of a negotiation */
		return 0;
	}
	enter(&c, TAG_OCTETS);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	return mechanism(rest(&c), ret);
}

int bh_identity_read(struct bh_span token, struct bh_identity *ret)
{
	struct bh_cur c = bh_cur_of(token), in;
	uint8_t first = token.len ? token.ptr[0] : 0;

	if (first == TAG_CONTEXT + 0 || first == TAG_CONTEXT + 1) {
		if (!element(&c, &in))
			return -EBADMSG;
		return negotiation(in, ret);
	}
	if (first != TAG_INITIAL)
		return mechanism(token, ret);
	in = c;
	enter(&in, TAG_INITIAL);
	if (!same(oid(&in), oid_spnego, sizeof oid_spnego))
		return bh_cur_ok(&in) ? mechanism(token, ret) : -EBADMSG;
	enter(&in, TAG_CONTEXT + 0);
	if (!bh_cur_ok(&in))
		return -EBADMSG;
	return negotiation(in, ret);
}
