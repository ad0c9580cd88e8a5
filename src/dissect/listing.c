/*
 * Which shares there are, as a server answers it on its pipe srvsvc: [MS-SRVS] 3.1.4.8, in
 * the transfer syntax NDR or, between two Windows of 64 bits, NDR64 ([MS-RPCE] 2.2.5), whose
 * numbers of elements and whose pointers have eight bytes.
 */
#include "dissect/dissect.h"
#include "dissect/text.h"

enum { SMB2_HEADER = 64 };
/* [C706] 12.6.4.9, 12.6.4.10 */
enum { VERSION = 5, REQUEST = 0, RESPONSE = 2, FIRST = 1, LAST = 2, DREP_LITTLE = 0x10 };
/* NetrShareEnum, and the same of those that outlive a restart. */
enum { SHARE_ENUM = 15, SHARE_ENUM_STICKY = 36 };
/* More than this many shares are not believed. */
enum { MAX_ENTRIES = 4096 };

struct pdu {
	int type; /* -1: none that is read here */
	uint16_t length;
	bool last; /* of its pieces */
};

/* What all PDUs begin with: the first piece, its numbers little end first. */
static struct pdu begin(struct bh_cur *c)
{
	uint8_t version = bh_cur_u8(c);
	uint8_t minor = bh_cur_u8(c);
	uint8_t type = bh_cur_u8(c);
	uint8_t flags = bh_cur_u8(c);
	uint8_t representation = bh_cur_u8(c);

	bh_cur_skip(c, 3);
	uint16_t length = bh_cur_le16(c);
	bh_cur_skip(c, 2 + 4); /* authentication, call */
	bool good = bh_cur_ok(c) && version == VERSION && minor <= 1 && flags & FIRST &&
		    representation & DREP_LITTLE;
	return (struct pdu){ good ? type : -1, length, flags & LAST };
}

bool bh_rpc_asks_shares(struct bh_span pdu)
{
	struct bh_cur c = bh_cur_of(pdu);

	if (begin(&c).type != REQUEST)
		return false;
	bh_cur_skip(&c, 4 + 2); /* hint, context */
	uint16_t call = bh_cur_le16(&c);
	return bh_cur_ok(&c) && (call == SHARE_ENUM || call == SHARE_ENUM_STICKY);
}

/* ---- the list ---- */

/* A cursor over what a call returns, and how wide its words are. */
struct ndr {
	struct bh_cur c;
	unsigned word;
};

static void align(struct ndr *n, unsigned to)
{
	bh_cur_skip(&n->c, (to - bh_cur_offset(&n->c) % to) % to);
}

static uint64_t word(struct ndr *n)
{
	align(n, n->word);
	return n->word == 8 ? bh_cur_le64(&n->c) : bh_cur_le32(&n->c);
}

static uint32_t number(struct ndr *n)
{
	align(n, 4);
	return bh_cur_le32(&n->c);
}

/* A varying text of a maximum size; false: what it says of itself is none. */
static bool text(struct ndr *n, char *ret, size_t size)
{
	uint64_t most = word(n);
	uint64_t first = word(n);
	uint64_t chars = word(n);

	if (first || chars > most || chars > UINT16_MAX)
		return false;
	struct bh_span s = bh_cur_take(&n->c, (size_t)chars * 2);
	while (s.len >= 2 && !s.ptr[s.len - 1] && !s.ptr[s.len - 2])
		s.len -= 2;
	bh_text_utf16(s, ret, size);
	return bh_cur_ok(&n->c);
}

/* What an entry holds; its texts stand behind all entries. */
struct entry {
	uint32_t type;
	bool named, remarked;
};

static struct entry entry(struct ndr *n)
{
	bool named = word(n) != 0;
	uint32_t type = number(n);

	return (struct entry){ .type = type, .named = named, .remarked = word(n) != 0 };
}

/* [MS-SRVS] 2.2.4.38: level 1.  cut: only its beginning is there. */
static int list(struct ndr *n, bool cut, struct bh_listed ret[BH_LISTED], size_t *ret_n)
{
	uint32_t level = number(n);

	align(n, n->word);
	if (level != 1 || number(n) != level || !word(n))
		return -ENOMSG;
	uint32_t count = number(n);
	bool some = word(n) != 0;
	if (!bh_cur_ok(&n->c) || count > MAX_ENTRIES)
		return -EBADMSG;
	*ret_n = 0;
	if (!some || !count)
		return 0;
	if (word(n) != count)
		return -EBADMSG;
	struct ndr texts = *n;
	for (uint32_t i = 0; i < count && bh_cur_ok(&texts.c); i++)
		(void)entry(&texts);
	size_t told = 0;
	for (uint32_t i = 0; i < count && told < BH_LISTED; i++) {
		struct entry e = entry(n);
		struct bh_listed *l = &ret[told];
		*l = (struct bh_listed){ .type = e.type };
		bool good = !e.named || text(&texts, l->name, sizeof l->name);
		if (good && e.remarked)
			good = text(&texts, l->remark, sizeof l->remark) || cut;
		if (!good && !cut)
			return -EBADMSG;
		if (!good)
			break; /* the rest of it was not shown */
		told += l->name[0] != 0;
	}
	*ret_n = told;
	return 0;
}

static int response(struct bh_span shown, bool cut, struct bh_listed ret[BH_LISTED], size_t *ret_n)
{
	struct bh_cur c = bh_cur_of(shown);
	struct pdu p = begin(&c);

	if (p.type != RESPONSE)
		return -ENOMSG;
	bh_cur_skip(&c, 4 + 2 + 2); /* hint, context, cancels */
	size_t head = bh_cur_offset(&c);
	if (!bh_cur_ok(&c) || p.length < head)
		return -EBADMSG;
	struct bh_span stub = bh_cur_take(&c, bh_min_size(p.length - head, bh_cur_left(&c)));
	cut |= !p.last || stub.len < p.length - head;
	struct ndr narrow = { bh_cur_of(stub), 4 }, wide = { bh_cur_of(stub), 8 };
	int r = list(&narrow, cut, ret, ret_n);
	return r == -ENOMSG ? list(&wide, cut, ret, ret_n) : r;
}

/* [MS-SMB2] 2.2.32 */
int bh_share_list(const struct bh_message *m, struct bh_listed ret[BH_LISTED], size_t *ret_n)
{
	struct bh_cur c = bh_cur_of(m->body);

	bh_cur_skip(&c, SMB2_HEADER);
	bh_cur_want_le16(&c, 49);
	bh_cur_skip(&c, 2);
	bool call = bh_pipe_code(bh_cur_le32(&c));
	bh_cur_skip(&c, 16 + 4 + 4); /* file, input */
	uint32_t at = bh_cur_le32(&c);
	uint32_t len = bh_cur_le32(&c);
	if (!bh_cur_ok(&c) || at > m->length || len > m->length - at)
		return -EBADMSG;
	if (!call || !len || at >= m->body.len)
		return -ENOMSG;
	struct bh_span shown = bh_cur_window(&c, at, bh_min_size(len, m->body.len - at));
	return response(shown, m->status || shown.len < len, ret, ret_n);
}
