/*
 * Where the parts of a DFS namespace are, as a server answers it: [MS-DFSC] 2.2.4.
 */
#include "dissect/dissect.h"
#include "dissect/text.h"

enum { SMB2_HEADER = 64 };
enum { SERVER_TYPE_ROOT = 1, NAME_LIST_REFERRAL = 0x0002 };
/* More than this many targets of one part are not told; nobody has so many. */
enum { MAX_ENTRIES = 64 };

/* A text that ends with a zero, somewhere in the answer.  False: it does not, or begins
 * outside. */
static bool text_at(struct bh_span whole, size_t at, char *ret, size_t size)
{
	struct bh_span rest = bh_span_behind(whole, bh_min_size(at, whole.len));
	size_t n = 0;

	while (n + 2 <= rest.len && (rest.ptr[n] || rest.ptr[n + 1]))
		n += 2;
	if (n + 2 > rest.len)
		return false;
	bh_text_utf16(bh_span_of(rest.ptr, n), ret, size);
	return true;
}

/* "\fs1\home" as it is on the wire → "\\fs1\home", as people and TREE_CONNECT write it. */
static bool unc_at(struct bh_span whole, size_t at, char ret[BH_SHARE_TEXT])
{
	char *text = ret + 1;

	if (!text_at(whole, at, text, BH_SHARE_TEXT - 1))
		return false;
	ret[0] = '\\';
	if (text[0] != '\\' || text[1] == '\\')
		memmove(ret, text, strlen(text) + 1);
	return true;
}

/* [MS-DFSC] 2.2.5.1 to 2.2.5.4: one entry, which begins at `at`; its length, or 0 when it
 * is none.  A referral to a domain's controllers names no part of a namespace: target "". */
static size_t entry(struct bh_span whole, size_t at, struct bh_referral *ret)
{
	struct bh_cur c = bh_cur_of(bh_span_behind(whole, at));
	struct bh_referral r = { 0 };

	uint16_t version = bh_cur_le16(&c);
	uint16_t size = bh_cur_le16(&c);
	r.root = bh_cur_le16(&c) == SERVER_TYPE_ROOT;
	uint16_t flags = bh_cur_le16(&c);
	if (!bh_cur_ok(&c) || size < 8 || !version || version > 4)
		return 0;
	if (version == 1) { /* the text stands behind it, up to the entry's end */
		if (size > whole.len - at ||
			!unc_at(bh_span_of(whole.ptr, at + size), at + 8, r.target))
			return 0;
		*ret = r;
		return size;
	}
	if (version == 2)
		bh_cur_skip(&c, 4); /* proximity */
	r.ttl = bh_cur_le32(&c);
	if (version > 2 && flags & NAME_LIST_REFERRAL)
		return bh_cur_ok(&c) ? size : 0;
	uint16_t path = bh_cur_le16(&c);
	bh_cur_skip(&c, 2); /* the same in names of 8.3 */
	uint16_t target = bh_cur_le16(&c);
	if (!bh_cur_ok(&c) || !unc_at(whole, at + path, r.path) ||
		!unc_at(whole, at + target, r.target))
		return 0;
	*ret = r;
	return size;
}

static int referrals(
	struct bh_span whole, bool cut, struct bh_referral ret[BH_REFERRALS], size_t *ret_n)
{
	struct bh_cur c = bh_cur_of(whole);

	bh_cur_skip(&c, 2); /* how much of the path was resolved */
	unsigned n = bh_cur_le16(&c);
	bh_cur_skip(&c, 4);
	size_t at = bh_cur_offset(&c), told = 0;
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	for (unsigned i = 0; i < n && i < MAX_ENTRIES && told < BH_REFERRALS; i++) {
		struct bh_referral r = { 0 };
		size_t size = at < whole.len ? entry(whole, at, &r) : 0;
		if (!size && !cut)
			return -EBADMSG;
		if (!size)
			break; /* the rest of it was not shown */
		if (r.target[0])
			ret[told++] = r;
		at += size;
	}
	*ret_n = told;
	return 0;
}

/* [MS-SMB2] 2.2.32 */
int bh_dfs_answer(const struct bh_message *m, struct bh_referral ret[BH_REFERRALS], size_t *ret_n)
{
	struct bh_cur c = bh_cur_of(m->body);

	bh_cur_skip(&c, SMB2_HEADER);
	bh_cur_want_le16(&c, 49);
	bh_cur_skip(&c, 2);
	bool dfs = bh_dfs_code(bh_cur_le32(&c));
	bh_cur_skip(&c, 16 + 4 + 4); /* file, input */
	uint32_t at = bh_cur_le32(&c);
	uint32_t len = bh_cur_le32(&c);
	if (!bh_cur_ok(&c) || at > m->length || len > m->length - at)
		return -EBADMSG;
	if (!dfs || !len || at >= m->body.len)
		return -ENOMSG;
	struct bh_span shown = bh_cur_window(&c, at, bh_min_size(len, m->body.len - at));
	return referrals(shown, shown.len < len, ret, ret_n);
}
