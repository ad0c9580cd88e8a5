#include "dissect/dissect.h"

enum { NBSS_HEADER = 4, SMB1_HEADER = 32, SMB2_HEADER = 64 };
enum { TRANSFORM_HEADER = 52, COMPRESSION_HEADER = 16 };

/* RFC 1002 4.3.1; direct TCP ([MS-SMB2] 2.1) has type 0 only. */
enum { NBSS_MESSAGE = 0x00, NBSS_FIRST_CONTROL = 0x81, NBSS_LAST_CONTROL = 0x85 };
enum { MAX_CONTROL = 1024 };

#define FLAG2_RESPONSE 0x00000001u
#define FLAG2_ASYNC    0x00000002u
#define FLAG2_SIGNED   0x00000008u

enum { FLAG1_RESPONSE = 0x80, FLAGS1_SIGNED = 0x0004, FLAGS1_NT = 0xc000 };

/* The first byte of a message that ends in "SMB"; 0 for anything else. */
static uint8_t signature(struct bh_span s)
{
	if (s.len < 4 || s.ptr[1] != 'S' || s.ptr[2] != 'M' || s.ptr[3] != 'B')
		return 0;
	return s.ptr[0] >= 0xfc ? s.ptr[0] : 0;
}

bool bh_message_begins(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);
	uint8_t type = bh_cur_u8(&c);
	uint32_t len = bh_cur_be24(&c);
	uint8_t sig = signature(bh_cur_take(&c, 4));

	if (!bh_cur_ok(&c) || type != NBSS_MESSAGE)
		return false;
	switch (sig) {
	case 0xfe: return len >= SMB2_HEADER && bh_cur_le16(&c) == SMB2_HEADER;
	case 0xff: return len > SMB1_HEADER;
	case 0xfd: return len > TRANSFORM_HEADER;
	case 0xfc: return len > COMPRESSION_HEADER;
	default: return false;
	}
}

/* [MS-SMB2] 2.2.1 */
static uint32_t smb2_header(struct bh_span s, struct bh_message *m)
{
	struct bh_cur c = bh_cur_of(s);

	bh_cur_skip(&c, 4);
	bh_cur_want_le16(&c, SMB2_HEADER);
	bh_cur_skip(&c, 2); /* credit charge */
	m->status = bh_cur_le32(&c);
	m->command = bh_cur_le16(&c);
	bh_cur_skip(&c, 2); /* credits */
	uint32_t flags = bh_cur_le32(&c);
	uint32_t next = bh_cur_le32(&c);
	m->message_id = bh_cur_le64(&c);
	bh_cur_skip(&c, 4);
	m->tree_id = bh_cur_le32(&c);
	m->session_id = bh_cur_le64(&c);
	bh_cur_skip(&c, 16); /* signature */
	if (!bh_cur_ok(&c))
		return UINT32_MAX;
	m->kind = BH_MESSAGE_SMB2;
	m->response = flags & FLAG2_RESPONSE;
	m->is_signed = flags & FLAG2_SIGNED;
	if (flags & FLAG2_ASYNC)
		m->tree_id = 0; /* half of an AsyncId */
	if (!m->response)
		m->status = 0; /* channel sequence */
	return next;
}

static bool smb2_wanted(const struct bh_message *m)
{
	return m->command == BH_SMB2_NEGOTIATE || m->command == BH_SMB2_SESSION_SETUP ||
	       m->command == BH_SMB2_TREE_CONNECT;
}

/* [MS-CIFS] 2.2.3.1 */
static bool smb1_header(struct bh_span s, struct bh_message *m)
{
	struct bh_cur c = bh_cur_of(s);

	bh_cur_skip(&c, 4);
	m->command = bh_cur_u8(&c);
	m->status = bh_cur_le32(&c);
	uint8_t flags = bh_cur_u8(&c);
	uint16_t flags2 = bh_cur_le16(&c);
	uint64_t pid = bh_cur_le16(&c);
	bh_cur_skip(&c, 10); /* security features, reserved */
	m->tree_id = bh_cur_le16(&c);
	pid = pid << 16 | bh_cur_le16(&c);
	uint64_t uid = bh_cur_le16(&c);
	uint64_t mid = bh_cur_le16(&c);
	if (!bh_cur_ok(&c))
		return false;
	m->kind = BH_MESSAGE_SMB1;
	m->message_id = pid << 16 | mid;
	m->session_id = uid;
	m->response = flags & FLAG1_RESPONSE;
	m->is_signed = flags2 & FLAGS1_SIGNED;
	m->nt = (flags2 & FLAGS1_NT) == FLAGS1_NT && m->command != BH_SMB1_NEGOTIATE;
	if (m->tree_id == 0xffff)
		m->tree_id = 0;
	if (!m->response)
		m->status = 0;
	else if (!(flags2 & 0x4000) && m->status) /* DOS class and code */
		m->status |= 0xc0000000;
	return true;
}

static bool smb1_wanted(const struct bh_message *m)
{
	return m->command == BH_SMB1_NEGOTIATE || m->command == BH_SMB1_SESSION_SETUP ||
	       m->command == BH_SMB1_TREE_CONNECT;
}

static enum bh_framing finish(struct bh_framer *f, uint32_t used, uint64_t *skip, uint32_t *need)
{
	*skip = used;
	f->left -= used;
	if (f->left) {
		f->chained = true;
		*need = f->left < SMB2_HEADER ? f->left : SMB2_HEADER;
	} else {
		*f = (struct bh_framer){ 0 };
		*need = NBSS_HEADER;
	}
	return BH_FRAMING_TOLD;
}

/* Nothing in the rest of this message can be believed. */
static enum bh_framing malformed(
	struct bh_framer *f, uint64_t *skip, uint32_t *need, struct bh_message *m)
{
	*m = (struct bh_message){
		.kind = BH_MESSAGE_MALFORMED,
		.length = f->left,
		.first = !f->chained,
	};
	return finish(f, f->left, skip, need);
}

static enum bh_framing tell_smb2(struct bh_framer *f, struct bh_span shown, uint64_t *skip,
	uint32_t *need, struct bh_message *m)
{
	uint32_t next = smb2_header(shown, m);
	uint32_t length = next ? next : f->left;

	if (next == UINT32_MAX || length < SMB2_HEADER || length > f->left)
		return malformed(f, skip, need, m);
	if (smb2_wanted(m) && length <= BH_MAX_BODY && shown.len < length) {
		*need = length;
		return BH_FRAMING_MORE;
	}
	if (smb2_wanted(m) && length > BH_MAX_BODY)
		return malformed(f, skip, need, m);
	if (f->chained && m->session_id == BH_SMB2_RELATED_SESSION)
		m->session_id = f->session_id;
	if (f->chained && m->tree_id == BH_SMB2_RELATED_TREE)
		m->tree_id = f->tree_id;
	f->session_id = m->session_id;
	f->tree_id = m->tree_id;
	m->length = length;
	if (smb2_wanted(m))
		m->body = bh_span_of(shown.ptr, length);
	return finish(f, length, skip, need);
}

static enum bh_framing tell_smb1(struct bh_framer *f, struct bh_span shown, uint64_t *skip,
	uint32_t *need, struct bh_message *m)
{
	if (!smb1_header(shown, m) || (smb1_wanted(m) && f->left > BH_MAX_BODY))
		return malformed(f, skip, need, m);
	if (smb1_wanted(m) && shown.len < f->left) {
		*need = f->left;
		return BH_FRAMING_MORE;
	}
	m->length = f->left;
	if (smb1_wanted(m))
		m->body = bh_span_of(shown.ptr, f->left);
	return finish(f, f->left, skip, need);
}

/* [MS-SMB2] 2.2.41 and 2.2.42 */
static enum bh_framing tell_wrapped(struct bh_framer *f, struct bh_span shown, uint64_t *skip,
	uint32_t *need, struct bh_message *m)
{
	struct bh_cur c = bh_cur_of(shown);

	if (shown.ptr[0] == 0xfd) {
		bh_cur_skip(&c, 44); /* signature, nonce, original size, reserved, flags */
		m->session_id = bh_cur_le64(&c);
		m->kind = BH_MESSAGE_ENCRYPTED;
	} else {
		bh_cur_skip(&c, 8); /* original size */
		m->algorithm = bh_cur_le16(&c);
		bh_cur_skip(&c, 6);
		m->kind = BH_MESSAGE_COMPRESSED;
	}
	if (!bh_cur_ok(&c))
		return malformed(f, skip, need, m);
	m->length = f->left;
	return finish(f, f->left, skip, need);
}

/* The first bytes of a message, or of a link of a chain. */
static enum bh_framing tell(struct bh_framer *f, struct bh_span shown, uint64_t *skip,
	uint32_t *need, struct bh_message *ret)
{
	struct bh_message m = { .first = !f->chained };
	uint8_t sig = signature(shown);
	enum bh_framing r;

	if (f->chained && sig != 0xfe)
		sig = 0;
	switch (sig) {
	case 0xfe: r = tell_smb2(f, shown, skip, need, &m); break;
	case 0xff: r = tell_smb1(f, shown, skip, need, &m); break;
	case 0xfd:
	case 0xfc: r = tell_wrapped(f, shown, skip, need, &m); break;
	default: r = malformed(f, skip, need, &m); break;
	}
	if (r == BH_FRAMING_TOLD)
		*ret = m;
	return r;
}

enum bh_framing bh_framer_step(struct bh_framer *f, struct bh_span shown, uint64_t *skip,
	uint32_t *need, struct bh_message *ret)
{
	if (f->inside)
		return tell(f, shown, skip, need, ret);

	struct bh_cur c = bh_cur_of(shown);
	uint8_t type = bh_cur_u8(&c);
	uint32_t len = bh_cur_be24(&c);
	*need = NBSS_HEADER;
	*skip = NBSS_HEADER;
	if (!bh_cur_ok(&c))
		return BH_FRAMING_LOST;
	if (type >= NBSS_FIRST_CONTROL && type <= NBSS_LAST_CONTROL && len <= MAX_CONTROL) {
		*skip += len;
		*ret = (struct bh_message){ .kind = BH_MESSAGE_CONTROL };
		return BH_FRAMING_TOLD;
	}
	if (type != NBSS_MESSAGE)
		return BH_FRAMING_LOST;
	if (!len)
		return BH_FRAMING_DONE;
	f->inside = true;
	f->left = len;
	*need = len < SMB2_HEADER ? len : SMB2_HEADER;
	return BH_FRAMING_DONE;
}
