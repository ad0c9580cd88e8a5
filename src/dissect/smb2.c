#include "dissect/dissect.h"
#include "dissect/text.h"

enum { HEADER = 64, GUID = 16, FLAG_BINDING = 0x01 };
enum { MAX_DIALECTS = 64, MAX_CONTEXTS = 32 };

/* [MS-SMB2] 2.2.3.1 */
enum {
	CONTEXT_ENCRYPTION = 2,
	CONTEXT_COMPRESSION = 3,
	CONTEXT_NETNAME = 5,
	CONTEXT_SIGNING = 8,
};

static const struct {
	uint16_t wire;
	uint8_t dialect;
} dialects[] = {
	{ 0x0202, BH_DIALECT_202 },
	{ 0x0210, BH_DIALECT_21 },
	{ 0x0300, BH_DIALECT_30 },
	{ 0x0302, BH_DIALECT_302 },
	{ 0x0311, BH_DIALECT_311 },
};

uint8_t bh_signing_of(uint16_t mode)
{
	return mode & 2 ? BH_SIGNING_REQUIRED : mode & 1 ? BH_SIGNING_ENABLED : BH_SIGNING_OFF;
}

static uint8_t dialect_of(uint16_t wire)
{
	for (size_t i = 0; i < BH_LEN(dialects); i++) {
		if (dialects[i].wire == wire)
			return dialects[i].dialect;
	}
	return BH_DIALECT_UNKNOWN;
}

/* One context of a response: the one value that the server chose. */
static void chosen(uint16_t type, struct bh_cur *d, struct bh_negotiated *n)
{
	if (type != CONTEXT_ENCRYPTION && type != CONTEXT_COMPRESSION && type != CONTEXT_SIGNING)
		return;
	uint16_t count = bh_cur_le16(d);
	if (type == CONTEXT_COMPRESSION)
		bh_cur_skip(d, 6); /* padding, flags */
	uint16_t first = count ? bh_cur_le16(d) : UINT16_MAX;
	if (type == CONTEXT_ENCRYPTION && first < BH_CIPHERS)
		n->cipher = (uint8_t)first;
	if (type == CONTEXT_COMPRESSION && first + 1 < BH_COMPRESSIONS)
		n->compression = (uint8_t)(first + 1);
	if (type == CONTEXT_SIGNING && first + 1 < BH_SIGN_ALGS)
		n->signing_algorithm = (uint8_t)(first + 1);
}

/* Contexts are aligned to 8 bytes from the header's start; either n or r is asked for. */
static void read_contexts(struct bh_cur *c, uint32_t off, uint16_t count, struct bh_negotiated *n,
	struct bh_negotiate_request *r)
{
	size_t whole = (size_t)(c->end - c->start);

	if (count > MAX_CONTEXTS || off > whole) {
		bh_cur_fail(c);
		return;
	}
	struct bh_cur x = bh_cur_of(bh_cur_window(c, off, whole - off));
	for (uint16_t i = 0; i < count && bh_cur_ok(&x); i++) {
		if (i)
			bh_cur_skip(&x, -bh_cur_offset(&x) & 7);
		uint16_t type = bh_cur_le16(&x);
		uint16_t len = bh_cur_le16(&x);
		bh_cur_skip(&x, 4);
		struct bh_span data = bh_cur_take(&x, len);
		struct bh_cur d = bh_cur_of(data);
		if (n)
			chosen(type, &d, n);
		else if (type == CONTEXT_NETNAME)
			bh_text_utf16(data, r->netname, sizeof r->netname);
		if (!bh_cur_ok(&d))
			bh_cur_fail(&x);
	}
	if (!bh_cur_ok(&x))
		bh_cur_fail(c);
}

/* [MS-SMB2] 2.2.3 */
int bh_smb2_negotiate_request(struct bh_span msg, struct bh_negotiate_request *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	struct bh_negotiate_request n = { 0 };
	bool contexts = false;

	bh_cur_skip(&c, HEADER);
	bh_cur_want_le16(&c, 36);
	uint16_t count = bh_cur_le16(&c);
	n.security_mode = bh_cur_le16(&c);
	bh_cur_skip(&c, 2 + 4 + GUID); /* reserved, capabilities, client */
	uint32_t ctx_off = bh_cur_le32(&c);
	uint16_t ctx_count = bh_cur_le16(&c);
	bh_cur_skip(&c, 2);
	if (!count || count > MAX_DIALECTS)
		bh_cur_fail(&c);
	for (uint16_t i = 0; i < count && bh_cur_ok(&c); i++)
		contexts |= bh_cur_le16(&c) == 0x0311;
	if (contexts)
		read_contexts(&c, ctx_off, ctx_count, NULL, &n);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	*ret = n;
	return 0;
}

/* [MS-SMB2] 2.2.4 */
int bh_smb2_negotiate_response(struct bh_span msg, struct bh_negotiated *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	struct bh_negotiated n = { 0 };

	bh_cur_skip(&c, HEADER);
	bh_cur_want_le16(&c, 65);
	n.security_mode = bh_cur_le16(&c);
	n.wire_dialect = bh_cur_le16(&c);
	uint16_t ctx_count = bh_cur_le16(&c);
	struct bh_span server = bh_cur_take(&c, GUID);
	bh_cur_skip(&c, 4); /* capabilities */
	bh_cur_skip(&c, 12); /* largest transact, read, write */
	bh_cur_skip(&c, 16); /* system time, start time */
	uint16_t blob_off = bh_cur_le16(&c);
	uint16_t blob_len = bh_cur_le16(&c);
	uint32_t ctx_off = bh_cur_le32(&c);
	if (blob_len)
		(void)bh_cur_window(&c, blob_off, blob_len);
	n.dialect = dialect_of(n.wire_dialect);
	if (n.dialect == BH_DIALECT_311)
		read_contexts(&c, ctx_off, ctx_count, &n, NULL);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	memcpy(n.server, server.ptr, sizeof n.server);
	*ret = n;
	return 0;
}

/* [MS-SMB2] 2.2.5 */
int bh_smb2_session_request(struct bh_span msg, struct bh_session_request *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	struct bh_session_request s = { 0 };

	bh_cur_skip(&c, HEADER);
	bh_cur_want_le16(&c, 25);
	s.binding = bh_cur_u8(&c) & FLAG_BINDING;
	/* A security mode that Windows fills in otherwise than in NEGOTIATE, which is the one
	 * that counts; capabilities, channel. */
	bh_cur_skip(&c, 1 + 4 + 4);
	uint16_t off = bh_cur_le16(&c);
	uint16_t len = bh_cur_le16(&c);
	bh_cur_skip(&c, 8); /* the session that this one takes the place of, if any */
	if (len)
		s.token = bh_cur_window(&c, off, len);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	*ret = s;
	return 0;
}

/* [MS-SMB2] 2.2.6 */
int bh_smb2_session_response(struct bh_span msg, uint16_t *ret_flags)
{
	struct bh_cur c = bh_cur_of(msg);

	bh_cur_skip(&c, HEADER);
	bh_cur_want_le16(&c, 9);
	uint16_t flags = bh_cur_le16(&c);
	uint16_t off = bh_cur_le16(&c);
	uint16_t len = bh_cur_le16(&c);
	if (len)
		(void)bh_cur_window(&c, off, len);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	*ret_flags = flags;
	return 0;
}

/* [MS-SMB2] 2.2.9: with the extension of 3.1.1 too, PathOffset counts from the header. */
int bh_smb2_tree_request(struct bh_span msg, struct bh_tree_request *ret)
{
	struct bh_cur c = bh_cur_of(msg);

	bh_cur_skip(&c, HEADER);
	bh_cur_want_le16(&c, 9);
	bh_cur_skip(&c, 2); /* flags */
	uint16_t off = bh_cur_le16(&c);
	uint16_t len = bh_cur_le16(&c);
	struct bh_span path = bh_cur_window(&c, off, len);
	if (!bh_cur_ok(&c) || !len || len % 2)
		return -EBADMSG;
	ret->type = BH_SHARE_UNKNOWN;
	bh_text_utf16(path, ret->share, sizeof ret->share);
	return 0;
}

/* [MS-SMB2] 2.2.10 */
int bh_smb2_tree_response(struct bh_span msg, struct bh_tree_response *ret)
{
	static const uint8_t types[] = { BH_SHARE_UNKNOWN, BH_SHARE_DISK, BH_SHARE_PIPE,
		BH_SHARE_PRINT };
	struct bh_cur c = bh_cur_of(msg);

	bh_cur_skip(&c, HEADER);
	bh_cur_want_le16(&c, 16);
	uint8_t type = bh_cur_u8(&c);
	bh_cur_skip(&c, 1);
	uint32_t flags = bh_cur_le32(&c);
	bh_cur_skip(&c, 8); /* capabilities, access */
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	ret->tree_id = 0;
	ret->type = type < BH_LEN(types) ? types[type] : BH_SHARE_UNKNOWN;
	ret->encrypted = flags & 0x00008000;
	return 0;
}

void bh_unc_host(const char *unc, char ret[BH_NAME_TEXT])
{
	size_t n;

	unc += strspn(unc, "\\/");
	n = strcspn(unc, "\\/");
	if (n >= BH_NAME_TEXT) { /* no host name is that long; cut at a character */
		n = BH_NAME_TEXT - 1;
		while (n && ((uint8_t)unc[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(ret, unc, n);
	ret[n] = 0;
}
