#include "dissect/smb1.h"

enum { NBSS_HEADER = 4, SMB2_HEADER = 64 };
enum { TRANSFORM_HEADER = 52, COMPRESSION_HEADER = 16 };

/* Of a NetBIOS session service packet that is no message; direct TCP ([MS-SMB2] 2.1) has
 * none of them. */
enum { MAX_CONTROL = 1024 };

#define FLAG2_RESPONSE 0x00000001u
#define FLAG2_ASYNC    0x00000002u
#define FLAG2_SIGNED   0x00000008u

enum { FLAG1_RESPONSE = 0x80 };
enum { FLAGS1_SIGNED = 0x0004, FLAGS1_NT_STATUS = 0x4000, FLAGS1_NT = 0xc000 };

/* [MS-SMB2] 2.2.42.2 */
enum { COMPRESSED_CHAINED = 0x0001, COMPRESSED_NOT = 0 };

/* The first byte of a message that ends in "SMB"; 0 for anything else. */
static BH_HOT uint8_t signature(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);
	uint32_t v = bh_cur_le32(&c);

	return v >> 8 == 0x424d53 && (v & 0xff) >= 0xfc ? (uint8_t)v : 0;
}

bool bh_message_begins(struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);
	uint8_t type = bh_cur_u8(&c);
	uint32_t len = bh_cur_be24(&c);
	uint8_t sig = signature(bh_cur_take(&c, 4));

	if (!bh_cur_ok(&c) || type != BH_NBSS_MESSAGE)
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
static BH_HOT uint32_t smb2_header(struct bh_span s, struct bh_message *m)
{
	if (s.len < SMB2_HEADER)
		return UINT32_MAX;
	/* A constant length: no check below is left when this is compiled. */
	struct bh_cur c = bh_cur_of(bh_span_of(s.ptr, SMB2_HEADER));
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
	m->response = flags & FLAG2_RESPONSE;
	m->is_signed = flags & FLAG2_SIGNED;
	m->is_async = flags & FLAG2_ASYNC;
	if (m->is_async)
		m->tree_id = 0; /* half of an AsyncId */
	if (!m->response)
		m->status = 0; /* channel sequence */
	if (m->command == BH_SMB2_CREATE)
		m->act = BH_ACT_OPEN;
	else if (m->command == BH_SMB2_WRITE || m->command == BH_SMB2_IOCTL)
		m->act = BH_ACT_CARRY;
	return next;
}

static bool smb2_wanted(const struct bh_message *m)
{
	return m->command == BH_SMB2_NEGOTIATE || m->command == BH_SMB2_SESSION_SETUP ||
	       m->command == BH_SMB2_TREE_CONNECT;
}

static uint8_t smb1_act(uint16_t command)
{
	switch (command) {
	case BH_SMB1_OPEN:
	case BH_SMB1_CREATE:
	case BH_SMB1_CREATE_TEMPORARY:
	case BH_SMB1_CREATE_NEW:
	case BH_SMB1_OPEN_ANDX:
	case BH_SMB1_NT_CREATE: return BH_ACT_OPEN;
	case BH_SMB1_TRANSACTION:
	case BH_SMB1_WRITE_ANDX: return BH_ACT_CARRY;
	default: return BH_ACT_NONE;
	}
}

/* Before signing begins, the flag only says that it could be done, and the field is empty
 * or says so in words: [MS-SMB] 3.2.4.2.4. */
static bool smb1_signature(struct bh_span field)
{
	static const uint8_t nothing[8];

	return field.len && memcmp(field.ptr, nothing, 8) && memcmp(field.ptr, "BSRSPYL ", 8);
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
	struct bh_span signature = bh_cur_take(&c, 8);
	bh_cur_skip(&c, 2); /* reserved */
	m->tree_id = bh_cur_le16(&c);
	pid = pid << 16 | bh_cur_le16(&c);
	uint64_t uid = bh_cur_le16(&c);
	uint64_t mid = bh_cur_le16(&c);
	if (!bh_cur_ok(&c))
		return false;
	m->kind = BH_MESSAGE_SMB1;
	m->act = smb1_act(m->command);
	m->message_id = pid << 16 | mid;
	m->session_id = uid;
	m->response = flags & FLAG1_RESPONSE;
	m->is_signed = flags2 & FLAGS1_SIGNED && smb1_signature(signature);
	m->nt = (flags2 & FLAGS1_NT) == FLAGS1_NT && m->command != BH_SMB1_NEGOTIATE;
	if (m->tree_id == 0xffff)
		m->tree_id = 0;
	if (!m->response)
		m->status = 0;
	else if (m->status)
		m->status = smb1_status(m->status, flags2 & FLAGS1_NT_STATUS);
	return true;
}

static bool smb1_wanted(const struct bh_message *m)
{
	return m->command == BH_SMB1_NEGOTIATE || m->command == BH_SMB1_SESSION_SETUP ||
	       m->command == BH_SMB1_TREE_CONNECT || m->command == BH_SMB1_TREE_CONNECT_OLD;
}

/* [MS-SMB2] 2.2.32: of an answer, what it answers; and all of it if that are referrals, or
 * shares that somebody asked for. */
static BH_RARE uint32_t peek_answer(
	const struct bh_framer_env *env, struct bh_span shown, const struct bh_message *m)
{
	enum { CODE_AT = SMB2_HEADER + 4, CODE_END = CODE_AT + 4 };
	struct bh_cur c = bh_cur_of(shown);

	if (m->length < CODE_END || shown.len < CODE_END)
		return m->length < CODE_END ? 0 : CODE_END;
	bh_cur_skip(&c, CODE_AT);
	uint32_t code = bh_cur_le32(&c);
	if (bh_dfs_code(code) && !m->status)
		return m->length < BH_MAX_REFERRAL ? m->length : BH_MAX_REFERRAL;
	if (bh_pipe_code(code) && env->lists && env->lists(env->ctx, m))
		return m->length < BH_MAX_LISTING ? m->length : BH_MAX_LISTING;
	return 0;
}

/* There is an answer in it, or the beginning of one. */
static bool answers(const struct bh_message *m)
{
	return m->kind == BH_MESSAGE_SMB2 && m->command == BH_SMB2_IOCTL &&
	       (!m->status || m->status == BH_STATUS_BUFFER_OVERFLOW);
}

/* How much of a message that opens, carries or refers is looked at. */
static uint32_t peek(
	const struct bh_framer_env *env, struct bh_span shown, const struct bh_message *m)
{
	if (m->act == BH_ACT_NONE || !env)
		return 0;
	if (m->response)
		return answers(m) && env->wants(env->ctx, m) ? peek_answer(env, shown, m) : 0;
	if (!env->wants(env->ctx, m))
		return 0;
	return m->length < BH_MAX_PEEK ? m->length : BH_MAX_PEEK;
}

static BH_HOT enum bh_framing finish(
	struct bh_framer *f, uint32_t used, uint64_t *skip, uint32_t *need)
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
static BH_RARE enum bh_framing malformed(
	struct bh_framer *f, uint64_t *skip, uint32_t *need, struct bh_message *m)
{
	*m = (struct bh_message){
		.kind = BH_MESSAGE_MALFORMED,
		.length = f->left,
		.first = !f->chained,
	};
	return finish(f, f->left, skip, need);
}

static BH_HOT enum bh_framing tell_smb2(struct bh_framer *f, const struct bh_framer_env *env,
	struct bh_span shown, uint64_t *skip, uint32_t *need, struct bh_message *m)
{
	uint32_t next = smb2_header(shown, m);
	bool wanted = smb2_wanted(m);

	m->length = next ? next : f->left;
	if (next == UINT32_MAX || m->length < SMB2_HEADER || m->length > f->left ||
		(wanted && m->length > BH_MAX_BODY))
		return malformed(f, skip, need, m);
	if (f->chained && m->session_id == BH_SMB2_RELATED_SESSION)
		m->session_id = f->session_id;
	if (f->chained && m->tree_id == BH_SMB2_RELATED_TREE)
		m->tree_id = f->tree_id;
	m->kind = BH_MESSAGE_SMB2;
	uint32_t body = wanted ? m->length : peek(env, shown, m);
	if (shown.len < body) {
		*need = body;
		return BH_FRAMING_MORE;
	}
	f->session_id = m->session_id;
	f->tree_id = m->tree_id;
	if (body)
		m->body = bh_span_of(shown.ptr, body);
	return finish(f, m->length, skip, need);
}

static enum bh_framing tell_smb1(struct bh_framer *f, const struct bh_framer_env *env,
	struct bh_span shown, uint64_t *skip, uint32_t *need, struct bh_message *m)
{
	m->length = f->left;
	if (!smb1_header(shown, m) || (smb1_wanted(m) && m->length > BH_MAX_BODY))
		return malformed(f, skip, need, m);
	uint32_t body = smb1_wanted(m) ? m->length : peek(env, shown, m);
	if (shown.len < body) {
		*need = body;
		return BH_FRAMING_MORE;
	}
	if (body)
		m->body = bh_span_of(shown.ptr, body);
	return finish(f, f->left, skip, need);
}

/* [MS-SMB2] 2.2.41 */
static enum bh_framing tell_encrypted(struct bh_framer *f, struct bh_span shown, uint64_t *skip,
	uint32_t *need, struct bh_message *m)
{
	struct bh_cur c = bh_cur_of(shown);

	bh_cur_skip(&c, 44); /* signature, nonce, original size, reserved, flags */
	m->session_id = bh_cur_le64(&c);
	if (!bh_cur_ok(&c))
		return malformed(f, skip, need, m);
	m->kind = BH_MESSAGE_ENCRYPTED;
	m->length = f->left;
	return finish(f, f->left, skip, need);
}

/* What Samba made of SMB1 for Unix: 0xff, 'E', the number of a context, and then noise. */
static bool encrypted_smb1(struct bh_span s)
{
	return s.len >= 4 && s.ptr[0] == 0xff && s.ptr[1] == 'E';
}

static enum bh_framing tell_encrypted_smb1(
	struct bh_framer *f, uint64_t *skip, uint32_t *need, struct bh_message *m)
{
	m->kind = BH_MESSAGE_ENCRYPTED;
	m->length = f->left;
	return finish(f, f->left, skip, need);
}

/* [MS-SMB2] 2.2.42: what is not compressed comes first, and usually the message's own header
 * is among it. */
static enum bh_framing tell_compressed(struct bh_framer *f, struct bh_span shown, uint64_t *skip,
	uint32_t *need, struct bh_message *m)
{
	enum { BOTH = COMPRESSION_HEADER + SMB2_HEADER };
	struct bh_cur c = bh_cur_of(shown);

	bh_cur_skip(&c, 8); /* original size */
	uint16_t algorithm = bh_cur_le16(&c);
	uint16_t flags = bh_cur_le16(&c);
	uint32_t clear = bh_cur_le32(&c);
	if (!bh_cur_ok(&c))
		return malformed(f, skip, need, m);
	if (flags & COMPRESSED_CHAINED && algorithm != COMPRESSED_NOT)
		clear = 0;
	if (clear >= SMB2_HEADER && f->left >= BOTH) {
		if (shown.len < BOTH) {
			*need = BOTH;
			return BH_FRAMING_MORE;
		}
		struct bh_span inner = bh_cur_take(&c, SMB2_HEADER);
		struct bh_message h = *m;
		if (signature(inner) == 0xfe && smb2_header(inner, &h) != UINT32_MAX)
			*m = h;
	}
	m->kind = BH_MESSAGE_COMPRESSED;
	m->algorithm = algorithm;
	m->length = f->left;
	return finish(f, f->left, skip, need);
}

static BH_RARE enum bh_framing tell_other(struct bh_framer *f, const struct bh_framer_env *env,
	struct bh_span shown, uint64_t *skip, uint32_t *need, struct bh_message *ret)
{
	if (f->chained)
		return malformed(f, skip, need, ret);
	switch (signature(shown)) {
	case 0xff: return tell_smb1(f, env, shown, skip, need, ret);
	case 0xfd: return tell_encrypted(f, shown, skip, need, ret);
	case 0xfc: return tell_compressed(f, shown, skip, need, ret);
	default: break;
	}
	if (encrypted_smb1(shown))
		return tell_encrypted_smb1(f, skip, need, ret);
	return malformed(f, skip, need, ret);
}

/* The first bytes of a message, or of a link of a chain. */
static BH_HOT enum bh_framing tell(struct bh_framer *f, const struct bh_framer_env *env,
	struct bh_span shown, uint64_t *skip, uint32_t *need, struct bh_message *ret)
{
	*ret = (struct bh_message){ .first = !f->chained };
	return signature(shown) == 0xfe ? tell_smb2(f, env, shown, skip, need, ret)
					: tell_other(f, env, shown, skip, need, ret);
}

/* Who calls whom is all there is to read in these. */
static BH_RARE enum bh_framing control(struct bh_span shown, uint8_t type, uint32_t length,
	uint64_t *skip, uint32_t *need, struct bh_message *ret)
{
	if (type == BH_NBSS_REQUEST && shown.len < length) {
		*need = length;
		return BH_FRAMING_MORE;
	}
	*skip = length;
	*ret = (struct bh_message){ .kind = BH_MESSAGE_CONTROL, .command = type };
	if (type == BH_NBSS_REQUEST)
		ret->body = bh_span_of(shown.ptr, length);
	return BH_FRAMING_TOLD;
}

enum bh_framing bh_framer_step(struct bh_framer *f, const struct bh_framer_env *env,
	struct bh_span shown, uint64_t *skip, uint32_t *need, struct bh_message *ret)
{
	bool begins = !f->inside;

	if (begins) {
		struct bh_cur c = bh_cur_of(shown);
		uint8_t type = bh_cur_u8(&c);
		uint32_t len = bh_cur_be24(&c);
		*need = NBSS_HEADER;
		*skip = NBSS_HEADER;
		if (!bh_cur_ok(&c))
			return BH_FRAMING_LOST;
		if (type >= BH_NBSS_REQUEST && type <= BH_NBSS_KEEPALIVE && len <= MAX_CONTROL)
			return control(shown, type, NBSS_HEADER + len, skip, need, ret);
		if (type != BH_NBSS_MESSAGE)
			return BH_FRAMING_LOST;
		if (!len)
			return BH_FRAMING_DONE;
		f->inside = true;
		f->left = len;
		*need = len < SMB2_HEADER ? len : SMB2_HEADER;
		shown = bh_span_behind(shown, NBSS_HEADER);
		if (shown.len < *need)
			return BH_FRAMING_DONE;
	}
	enum bh_framing r = tell(f, env, shown, skip, need, ret);
	if (begins && r == BH_FRAMING_MORE) {
		*skip = NBSS_HEADER;
		return BH_FRAMING_DONE;
	}
	*skip += begins ? NBSS_HEADER : 0;
	return r;
}
