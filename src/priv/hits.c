#include "priv/hits.h"

#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include "priv/attr.h"
#include "priv/digest.h"

#define MAGIC 0x31486862u /* "bhH1" */

/* "g7_in_s4", "g7_in_tcp445_s4", "g7_in_udp137_from137_s4": the hook and the sentence; the
 * port where it is a gate's. */
static bool read_name(struct bh_span name, struct hit *ret)
{
	struct hit h = { 0 };
	char hook[4], proto[4];
	unsigned sentence, port;
	int at = 0, end = 0;
	bool found = false;

	if (!name.len || name.len >= sizeof h.chain)
		return false;
	memcpy(h.chain, name.ptr, name.len);
	const char *last = strrchr(h.chain, '_');
	if (sscanf(h.chain, "g%9u_%3[a-z]%n", &h.is.generation, hook, &at) != 2 || !last ||
		sscanf(last, "_s%9u%n", &sentence, &end) != 1 || last[end] || !sentence)
		return false;
	for (unsigned i = 0; i < BH_HOOKS; i++) {
		if (!strcmp(hook, bh_hook_names[i])) {
			h.is.hook = (enum bh_hook)i;
			found = true;
		}
	}
	if (sscanf(h.chain + at, "_%3[a-z]%5u", proto, &port) == 2 && port <= UINT16_MAX &&
		(!strcmp(proto, "tcp") || !strcmp(proto, "udp")))
		h.is.service = (struct bh_service){ .port = (uint16_t)port,
			.proto = strcmp(proto, "tcp") ? BH_UDP : BH_TCP };
	h.is.sentence = sentence;
	*ret = h;
	return found;
}

/* libnftnl's user data: type 0 is the comment. */
static void read_comment(struct bh_span udata, struct hit *h)
{
	if (udata.len < 3 || udata.ptr[0] != 0 || udata.ptr[1] > udata.len - 2)
		return;
	size_t n = bh_min_size(udata.ptr[1], sizeof h->is.text - 1);
	memcpy(h->is.text, udata.ptr + 2, n);
	h->is.text[strnlen(h->is.text, n)] = '\0';
	for (char *p = h->is.text; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

static void read_counter(struct bh_span exprs, struct hit *h)
{
	struct bh_cur c = bh_cur_of(exprs);
	struct bh_nl_attr e;

	while (bh_nl_attr_next(&c, &e)) {
		struct bh_span data = attr_find(e.is, NFTA_EXPR_DATA);
		if (!attr_is(attr_find(e.is, NFTA_EXPR_NAME), "counter"))
			continue;
		h->is.packets += attr_be64(attr_find(data, NFTA_COUNTER_PACKETS));
		h->is.bytes += attr_be64(attr_find(data, NFTA_COUNTER_BYTES));
	}
}

static int by_chain(const void *x, const void *y)
{
	const struct hit *a = x, *b = y;

	return strcmp(a->chain, b->chain);
}

static struct hit *find(const struct hits *h, const char *chain)
{
	struct hit key = { 0 };

	snprintf(key.chain, sizeof key.chain, "%s", chain);
	return h->n ? bsearch(&key, h->v, h->n, sizeof key, by_chain) : NULL;
}

int hits_read(struct bh_span dump, struct bh_arena *a, struct hits *ret)
{
	struct hits h = { 0 };
	struct bh_cur left = bh_cur_of(dump);
	struct bh_nl_message m;
	size_t room = 0;

	while (bh_nl_message_next(&left, &m))
		room += (m.type & 0xff) == NFT_MSG_NEWCHAIN;
	h.v = bh_arena_array(a, bh_min_size(room, MAX_HITS), sizeof *h.v);
	if (!h.v)
		return -ENOMEM;
	for (left = bh_cur_of(dump); bh_nl_message_next(&left, &m) && h.n < MAX_HITS;) {
		struct bh_span attrs = bh_nl_attrs(&m);
		if (!message_is_ours(&m) || (m.type & 0xff) != NFT_MSG_NEWCHAIN)
			continue;
		struct bh_span name = attr_find(attrs, NFTA_CHAIN_NAME);
		if (name.len && name.ptr[name.len - 1])
			continue;
		if (read_name(name, &h.v[h.n]))
			read_comment(attr_find(attrs, NFTA_CHAIN_USERDATA), &h.v[h.n++]);
	}
	qsort(h.v, h.n, sizeof *h.v, by_chain);
	for (left = bh_cur_of(dump); bh_nl_message_next(&left, &m);) {
		char chain[HITS_NAME] = { 0 };
		struct bh_span attrs = bh_nl_attrs(&m);
		struct bh_span name = attr_find(attrs, NFTA_RULE_CHAIN);
		if (!message_is_ours(&m) || (m.type & 0xff) != NFT_MSG_NEWRULE || !name.len ||
			name.len > sizeof chain)
			continue;
		memcpy(chain, name.ptr, name.len - 1);
		struct hit *one = find(&h, chain);
		if (one)
			read_counter(attr_find(attrs, NFTA_RULE_EXPRESSIONS), one);
	}
	/* Those that belong to a gate count what is blocked. */
	for (size_t i = 0; i < h.n; i++)
		h.v[i].is.block = h.v[i].is.service.port != 0;
	*ret = h;
	return 0;
}

void hits_since(struct hits *now, const struct hits *before)
{
	for (size_t i = 0; i < now->n; i++) {
		struct bh_priv_hit *is = &now->v[i].is;
		const struct hit *was = find(before, now->v[i].chain);
		bool fewer = was && was->is.packets > is->packets; /* counted anew */
		if (was && was->is.packets == is->packets) {
			is->after = was->is.after;
			is->until = was->is.until;
		} else if (is->packets) {
			is->after = fewer ? 0 : before->looked;
			is->until = now->looked;
		}
	}
}

/* ---- kept between looks ---- */

void hits_write(const struct hits *h, struct bh_buf *ret)
{
	bh_buf_le32(ret, MAGIC);
	bh_buf_le64(ret, (uint64_t)h->looked);
	bh_buf_le32(ret, (uint32_t)h->n);
	for (size_t i = 0; i < h->n; i++) {
		bh_buf_add(ret, h->v[i].chain, HITS_NAME);
		bh_buf_le64(ret, h->v[i].is.packets);
		bh_buf_le64(ret, (uint64_t)h->v[i].is.after);
		bh_buf_le64(ret, (uint64_t)h->v[i].is.until);
	}
}

int hits_parse(struct bh_span bytes, struct bh_arena *a, struct hits *ret)
{
	struct bh_cur c = bh_cur_of(bytes);
	struct hits h = { 0 };
	uint32_t magic = bh_cur_le32(&c);

	h.looked = (int64_t)bh_cur_le64(&c);
	uint32_t n = bh_cur_le32(&c);
	if (!bh_cur_ok(&c) || magic != MAGIC || n > MAX_HITS ||
		bh_cur_left(&c) != (size_t)n * (HITS_NAME + 24))
		return -EBADMSG;
	h.v = bh_arena_array(a, n, sizeof *h.v);
	if (!h.v)
		return -ENOMEM;
	for (; h.n < n; h.n++) {
		struct hit *one = &h.v[h.n];
		struct bh_span name = bh_cur_take(&c, HITS_NAME);
		memcpy(one->chain, name.ptr, HITS_NAME);
		one->is.packets = bh_cur_le64(&c);
		one->is.after = (int64_t)bh_cur_le64(&c);
		one->is.until = (int64_t)bh_cur_le64(&c);
		if (one->chain[HITS_NAME - 1] || (h.n && by_chain(one - 1, one) >= 0))
			return -EBADMSG;
	}
	*ret = h;
	return 0;
}
