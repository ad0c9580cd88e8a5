#include "dissect/smb1.h"

#include "dissect/ntlm.h"
#include "dissect/text.h"

enum { FLAGS2_AT = 10, FLAGS2_UNICODE = 0x8000, NO_ANDX = 0xff, MAX_CHAIN = 8 };

bool smb1_unicode(struct bh_span msg)
{
	struct bh_cur c = bh_cur_of(msg);

	bh_cur_skip(&c, FLAGS2_AT);
	return bh_cur_le16(&c) & FLAGS2_UNICODE;
}

int smb1_block_at(struct bh_span msg, size_t off, struct smb1_block *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	struct smb1_block b;

	bh_cur_skip(&c, off);
	b.n_words = bh_cur_u8(&c);
	b.words = bh_cur_of(bh_cur_take(&c, (size_t)b.n_words * 2));
	uint16_t n = bh_cur_le16(&c);
	b.bytes_at = bh_cur_offset(&c);
	b.bytes = bh_cur_of(bh_cur_take(&c, n));
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	*ret = b;
	return 0;
}

/* [MS-CIFS] 2.2.3.4, of those that we ever look for something behind. */
static bool chains(uint8_t command)
{
	return command == BH_SMB1_SESSION_SETUP || command == BH_SMB1_TREE_CONNECT;
}

/* Offsets must grow, so that a chain ends. */
int smb1_chained(struct bh_span msg, uint8_t command, struct smb1_block *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	struct smb1_block b;
	size_t off = SMB1_HEADER;

	bh_cur_skip(&c, 4);
	uint8_t here = bh_cur_u8(&c);
	for (unsigned i = 0; i < MAX_CHAIN; i++) {
		int r = smb1_block_at(msg, off, &b);
		if (r)
			return r;
		if (here == command) {
			*ret = b;
			return 0;
		}
		if (!chains(here))
			return -ENOMSG;
		here = bh_cur_u8(&b.words);
		bh_cur_skip(&b.words, 1);
		size_t next = bh_cur_le16(&b.words);
		if (!bh_cur_ok(&b.words) || here == NO_ANDX)
			return -ENOMSG;
		if (next <= off)
			return -EBADMSG;
		off = next;
	}
	return -EBADMSG;
}

struct bh_span smb1_string(struct smb1_block *b, bool wide)
{
	struct bh_cur *c = &b->bytes;
	size_t n = 0, step = wide ? 2 : 1;

	if (wide && (b->bytes_at + bh_cur_offset(c)) % 2)
		bh_cur_skip(c, 1);
	size_t left = bh_cur_left(c);
	while (n + step <= left && (c->at[n] || (wide && c->at[n + 1])))
		n += step;
	struct bh_span s = bh_cur_take(c, n);
	bh_cur_skip(c, bh_min_size(step, bh_cur_left(c)));
	return s;
}

void smb1_text(struct smb1_block *b, bool wide, char *ret, size_t size)
{
	struct bh_span s = smb1_string(b, wide);

	if (wide)
		bh_text_utf16(s, ret, size);
	else
		bh_text_oem(s, ret, size);
}

/* ---- NEGOTIATE ---- */

static uint8_t dialect_of(struct bh_span name)
{
	for (unsigned i = BH_DIALECT_SMB1_OTHER + 1; i <= BH_DIALECT_NT_LM_012; i++) {
		if (smb1_says(name, bh_dialect_names[i]))
			return (uint8_t)i;
	}
	return BH_DIALECT_SMB1_OTHER;
}

/* [MS-CIFS] 2.2.4.52.1: dialects as 0x02, text, NUL. */
int bh_smb1_negotiate_request(struct bh_span msg, struct bh_smb1_offer *ret)
{
	struct bh_smb1_offer o = { 0 };
	struct smb1_block b;
	int r = smb1_block_at(msg, SMB1_HEADER, &b);

	if (r)
		return r;
	if (b.n_words)
		return -EBADMSG;
	while (bh_cur_left(&b.bytes)) {
		if (bh_cur_u8(&b.bytes) != 0x02 || o.count == BH_SMB1_DIALECTS)
			return -EBADMSG;
		struct bh_span s = smb1_string(&b, false);
		if (smb1_says(s, "SMB 2.002") || smb1_says(s, "SMB 2.???"))
			o.smb2 = true;
		o.dialect[o.count++] = dialect_of(s);
	}
	if (!o.count)
		return -EBADMSG;
	*ret = o;
	return 0;
}

/* [MS-CIFS] 2.2.4.52.2: 17 words for NT LM 0.12, 13 for LANMAN, 1 for what was before. */
int bh_smb1_negotiate_response(struct bh_span msg, struct bh_smb1_choice *ret)
{
	struct bh_smb1_choice ch = { 0 };
	struct smb1_block b;
	int r = smb1_block_at(msg, SMB1_HEADER, &b);

	if (r)
		return r;
	ch.index = bh_cur_le16(&b.words);
	if (b.n_words == 17) {
		uint8_t mode = bh_cur_u8(&b.words);
		ch.nt = true;
		ch.signing = mode & 0x08   ? BH_SIGNING_REQUIRED
			     : mode & 0x04 ? BH_SIGNING_ENABLED
					   : BH_SIGNING_OFF;
	}
	if (!bh_cur_ok(&b.words))
		return -EBADMSG;
	*ret = ch;
	return 0;
}

/* ---- SESSION_SETUP ---- */

enum { LM_RESPONSE = 24 };

/* From the two password fields: responses to a challenge, or the password itself. */
static void judge(struct bh_span lm, struct bh_span nt, struct bh_identity *id)
{
	/* One NUL is how "no password" is written here. */
	size_t nt_len = nt.len == 1 && !nt.ptr[0] ? 0 : nt.len;

	if (nt_len || lm.len <= 1)
		bh_ntlm_judge(nt_len, id);
	else if (lm.len == LM_RESPONSE)
		id->auth = BH_AUTH_NTLM; /* LAN Manager's own response is older than v1 */
}

/* [MS-CIFS] 2.2.4.53.1 with 13 words, and X/Open's SMB protocols, 11.3 with 10: one
 * password instead of two.  Passwords, then account and domain. */
static int session_basic(struct smb1_block *b, bool wide, struct bh_identity *ret)
{
	struct bh_identity id = { 0 };
	uint16_t nt = 0;

	bh_cur_skip(&b->words, 4 + 2 + 2 + 2 + 4); /* AndX, buffer, mpx, VC, key */
	uint16_t lm = bh_cur_le16(&b->words);
	if (b->n_words == 13)
		nt = bh_cur_le16(&b->words);
	struct bh_span first = bh_cur_take(&b->bytes, lm);
	struct bh_span second = bh_cur_take(&b->bytes, nt);
	if (!bh_cur_ok(&b->words) || !bh_cur_ok(&b->bytes))
		return -EBADMSG;
	smb1_text(b, wide, id.user, sizeof id.user);
	smb1_text(b, wide, id.domain, sizeof id.domain);
	if (!bh_cur_ok(&b->bytes))
		return -EBADMSG;
	id.known = BH_KNOWN_USER | BH_KNOWN_DOMAIN;
	judge(first, second, &id);
	*ret = id;
	return 0;
}

/* [MS-SMB] 2.2.4.6.1 */
static int session_extended(struct smb1_block *b, struct bh_identity *ret)
{
	bh_cur_skip(&b->words, 4 + 2 + 2 + 2 + 4);
	uint16_t len = bh_cur_le16(&b->words);
	struct bh_span token = bh_cur_take(&b->bytes, len);
	if (!bh_cur_ok(&b->words) || !bh_cur_ok(&b->bytes))
		return -EBADMSG;
	return bh_identity_read(token, ret);
}

int bh_smb1_session_request(struct bh_span msg, struct bh_identity *ret)
{
	struct smb1_block b;
	int r = smb1_block_at(msg, SMB1_HEADER, &b);

	if (r)
		return r;
	switch (b.n_words) {
	case 10:
	case 13: return session_basic(&b, smb1_unicode(msg), ret);
	case 12: return session_extended(&b, ret);
	default: return -EBADMSG;
	}
}

/* [MS-CIFS] 2.2.4.53.2 */
int bh_smb1_session_response(struct bh_span msg, bool *ret_guest)
{
	struct smb1_block b;
	int r = smb1_block_at(msg, SMB1_HEADER, &b);

	if (r)
		return r;
	bh_cur_skip(&b.words, 4);
	uint16_t action = bh_cur_le16(&b.words);
	if (!bh_cur_ok(&b.words))
		return -EBADMSG;
	*ret_guest = action & 1;
	return 0;
}
