#include "dissect/ntlm.h"
#include "dissect/text.h"

enum { HEADER = 32, FLAGS2_AT = 10, MAX_DIALECTS = 64, MAX_CHAIN = 8 };
enum { FLAGS2_UNICODE = 0x8000, NO_ANDX = 0xff };

static bool unicode(struct bh_span msg)
{
	struct bh_cur c = bh_cur_of(msg);

	bh_cur_skip(&c, FLAGS2_AT);
	return bh_cur_le16(&c) & FLAGS2_UNICODE;
}

/* One command of an AndX chain: its words and its bytes. */
struct block {
	struct bh_cur words, bytes;
	size_t bytes_at; /* from the header: Unicode strings are aligned there */
	uint8_t n_words;
};

static bool block_at(struct bh_span msg, size_t off, struct block *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	struct block b;

	bh_cur_skip(&c, off);
	b.n_words = bh_cur_u8(&c);
	b.words = bh_cur_of(bh_cur_take(&c, (size_t)b.n_words * 2));
	uint16_t n = bh_cur_le16(&c);
	b.bytes_at = bh_cur_offset(&c);
	b.bytes = bh_cur_of(bh_cur_take(&c, n));
	if (!bh_cur_ok(&c))
		return false;
	*ret = b;
	return true;
}

/* The block of `command`, which may ride behind others: [MS-CIFS] 2.2.3.4.  Offsets must
 * grow, so that a chain ends.  0, -ENOMSG, -EBADMSG. */
static int chained(struct bh_span msg, uint8_t command, struct block *ret)
{
	struct bh_cur c = bh_cur_of(msg);
	size_t off = HEADER;

	bh_cur_skip(&c, 4);
	uint8_t here = bh_cur_u8(&c);
	for (unsigned i = 0; i < MAX_CHAIN; i++) {
		if (!block_at(msg, off, ret))
			return -EBADMSG;
		if (here == command)
			return 0;
		if (here != BH_SMB1_SESSION_SETUP && here != BH_SMB1_TREE_CONNECT)
			return -ENOMSG; /* not one of those that chain, or not ours */
		struct bh_cur w = ret->words;
		here = bh_cur_u8(&w);
		bh_cur_skip(&w, 1);
		size_t next = bh_cur_le16(&w);
		if (!bh_cur_ok(&w) || here == NO_ANDX)
			return -ENOMSG;
		if (next <= off)
			return -EBADMSG;
		off = next;
	}
	return -EBADMSG;
}

/* A string that ends with NUL, or with the bytes it is in. */
static struct bh_span string(struct block *b, bool wide)
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

static void text(struct block *b, bool wide, char *ret, size_t size)
{
	struct bh_span s = string(b, wide);

	if (wide)
		bh_text_utf16(s, ret, size);
	else
		bh_text_oem(s, ret, size);
}

static bool says(struct bh_span s, const char *word)
{
	return s.len == strlen(word) && !memcmp(s.ptr, word, s.len);
}

/* [MS-CIFS] 2.2.4.52.1: dialects as 0x02, text, NUL. */
int bh_smb1_negotiate_request(struct bh_span msg, struct bh_smb1_offer *ret)
{
	struct bh_smb1_offer o = { .nt = -1 };
	struct block b;

	if (!block_at(msg, HEADER, &b) || b.n_words)
		return -EBADMSG;
	while (bh_cur_left(&b.bytes)) {
		if (bh_cur_u8(&b.bytes) != 0x02 || o.count == MAX_DIALECTS)
			return -EBADMSG;
		struct bh_span s = string(&b, false);
		if (says(s, "NT LM 0.12"))
			o.nt = (int16_t)o.count;
		if (says(s, "SMB 2.002") || says(s, "SMB 2.???"))
			o.smb2 = true;
		o.count++;
	}
	if (!o.count)
		return -EBADMSG;
	*ret = o;
	return 0;
}

/* [MS-CIFS] 2.2.4.52.2: 17 words for NT LM 0.12, 13 for LANMAN, 1 for the first. */
int bh_smb1_negotiate_response(struct bh_span msg, struct bh_smb1_choice *ret)
{
	struct bh_smb1_choice ch = { 0 };
	struct block b;

	if (!block_at(msg, HEADER, &b))
		return -EBADMSG;
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

/* [MS-CIFS] 2.2.4.53.1: passwords, then account and domain. */
static int session_basic(struct block *b, bool wide, struct bh_identity *ret)
{
	struct bh_identity id = { 0 };

	bh_cur_skip(&b->words, 4 + 2 + 2 + 2 + 4); /* AndX, buffer, mpx, VC, key */
	uint16_t lm = bh_cur_le16(&b->words);
	uint16_t nt = bh_cur_le16(&b->words);
	bh_cur_skip(&b->bytes, lm);
	struct bh_span response = bh_cur_take(&b->bytes, nt);
	if (!bh_cur_ok(&b->words) || !bh_cur_ok(&b->bytes))
		return -EBADMSG;
	text(b, wide, id.user, sizeof id.user);
	text(b, wide, id.domain, sizeof id.domain);
	if (!bh_cur_ok(&b->bytes))
		return -EBADMSG;
	id.known = BH_KNOWN_USER | BH_KNOWN_DOMAIN;
	/* One NUL is how "no password" is written here. */
	bh_ntlm_judge(nt == 1 && !response.ptr[0] ? 0 : nt, &id);
	*ret = id;
	return 0;
}

int bh_smb1_session_request(struct bh_span msg, struct bh_identity *ret)
{
	struct block b;

	if (!block_at(msg, HEADER, &b))
		return -EBADMSG;
	if (b.n_words == 13)
		return session_basic(&b, unicode(msg), ret);
	if (b.n_words != 12) { /* LANMAN: who it is stays unknown */
		*ret = (struct bh_identity){ 0 };
		return 0;
	}
	/* [MS-SMB] 2.2.4.6.1 */
	bh_cur_skip(&b.words, 4 + 2 + 2 + 2 + 4);
	uint16_t len = bh_cur_le16(&b.words);
	struct bh_span token = bh_cur_take(&b.bytes, len);
	if (!bh_cur_ok(&b.words) || !bh_cur_ok(&b.bytes))
		return -EBADMSG;
	return bh_identity_read(token, ret);
}

int bh_smb1_session_response(struct bh_span msg, bool *ret_guest)
{
	struct block b;

	if (!block_at(msg, HEADER, &b))
		return -EBADMSG;
	bh_cur_skip(&b.words, 4);
	uint16_t action = bh_cur_le16(&b.words);
	if (!bh_cur_ok(&b.words))
		return -EBADMSG;
	*ret_guest = action & 1;
	return 0;
}

/* [MS-CIFS] 2.2.4.55.1: password, path, service. */
int bh_smb1_tree_request(struct bh_span msg, struct bh_tree_request *ret)
{
	struct bh_tree_request t = { 0 };
	struct block b;
	int r = chained(msg, BH_SMB1_TREE_CONNECT, &b);

	if (r)
		return r;
	bh_cur_skip(&b.words, 4 + 2); /* AndX, flags */
	uint16_t password = bh_cur_le16(&b.words);
	bh_cur_skip(&b.bytes, password);
	if (!bh_cur_ok(&b.words) || !bh_cur_ok(&b.bytes))
		return -EBADMSG;
	text(&b, unicode(msg), t.share, sizeof t.share);
	if (!bh_cur_ok(&b.bytes) || !t.share[0])
		return -EBADMSG;
	*ret = t;
	return 0;
}

/* [MS-CIFS] 2.2.4.55.2: the service is always in ASCII. */
int bh_smb1_tree_response(struct bh_span msg, struct bh_tree_response *ret)
{
	struct bh_tree_response t = { 0 };
	struct block b;
	int r = chained(msg, BH_SMB1_TREE_CONNECT, &b);

	if (r)
		return r;
	struct bh_span s = string(&b, false);
	if (says(s, "A:"))
		t.type = BH_SHARE_DISK;
	else if (says(s, "IPC"))
		t.type = BH_SHARE_PIPE;
	else if (says(s, "LPT1:"))
		t.type = BH_SHARE_PRINT;
	*ret = t;
	return 0;
}
