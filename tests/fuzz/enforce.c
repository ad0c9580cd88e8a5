/* Any table that bulkhead-priv would accept is lowered: one well-formed batch, and text
 * with as many chains.  The first byte chooses how. */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "enforce/enforce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t chains;
	uint32_t seq;
	int last;
};

static int look(void *ctx, const void *bytes, size_t len)
{
	struct seen *s = ctx;
	const struct nlmsghdr *h = bytes;
	int left = (int)len;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != s->seq++ || s->last == NFNL_MSG_BATCH_END)
			abort();
		s->last = h->nlmsg_type;
		s->chains += h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN);
	}
	if (left)
		abort();
	return 0;
}

static size_t chains_in(const char *text)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, "\n\tchain ")); p++)
		n++;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	struct bh_table t;

	if (!size || bh_table_decode(bh_span_of(data + 1, size - 1), &a, &t))
		return 0;
	struct bh_load l = { .table = &t,
		.mode = data[0] & 1 ? data[0] & 128 ? BH_KEEP : BH_ENFORCE : BH_AUDIT,
		.generation = data[0] & 2 ? UINT32_MAX : 1,
		.former = data[0] & 4 ? 1 : 0,
		.former_hooks = data[0] & 4 ? data[0] >> 4 & 7 : 0,
		.lease = data[0] & 8 ? 60 : 0 };
	struct seen s = { .seq = 1 };
	struct bh_nl_sink sink = { .ctx = &s, .put = look };
	uint32_t seq = 1;

	if (bh_enforce_load(&l, &seq, &sink) || s.last != NFNL_MSG_BATCH_END || seq != s.seq)
		abort();
	bh_enforce_text(&l, &text);
	size_t in_text = chains_in(bh_buf_text(&text));
	/* Without a trial the messages keep base chains of the former until they go. */
	if (!bh_buf_ok(&text) || (l.lease || !l.former ? in_text != s.chains : in_text > s.chains))
		abort();
	return 0;
}
