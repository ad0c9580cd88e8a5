/*
 * The netlink messages, read back with libmnl: one well-formed batch, whole messages in
 * each chunk, and the same chains, sets and rules that the text has.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "enforce/enforce.h"
#include "enforce_tables.h"
#include "tap.h"

struct seen {
	size_t chunks, messages, begins, ends, largest;
	size_t chains, base_chains, sets, rules, elements, deletes;
	uint32_t first, last;
	size_t fail_after; /* chunks; 0: never */
};

struct within {
	struct seen *s;
	unsigned type;
	bool hook;
};

static int count_one(const struct nlattr *attr, void *ctx)
{
	(void)attr;
	++*(size_t *)ctx;
	return MNL_CB_OK;
}

static int look_at(const struct nlattr *attr, void *ctx)
{
	struct within *w = ctx;
	uint16_t type = mnl_attr_get_type(attr);

	if (w->type == NFT_MSG_NEWCHAIN && type == NFTA_CHAIN_HOOK)
		w->hook = true;
	if (w->type == NFT_MSG_NEWSETELEM && type == NFTA_SET_ELEM_LIST_ELEMENTS)
		EXPECT(mnl_attr_parse_nested(attr, count_one, &w->s->elements) >= 0);
	return MNL_CB_OK;
}

static void look_into(struct seen *s, const struct nlmsghdr *h, unsigned type)
{
	struct within w = { .s = s, .type = type };

	EXPECT(mnl_attr_parse(h, sizeof(struct nfgenmsg), look_at, &w) >= 0);
	bool hook = w.hook;
	s->chains += type == NFT_MSG_NEWCHAIN && !hook;
	s->base_chains += type == NFT_MSG_NEWCHAIN && hook;
	s->sets += type == NFT_MSG_NEWSET;
	s->rules += type == NFT_MSG_NEWRULE;
	s->deletes += type == NFT_MSG_DELRULE || type == NFT_MSG_DELCHAIN ||
		      type == NFT_MSG_DELSET || type == NFT_MSG_DELTABLE;
}

static int look(void *ctx, const void *bytes, size_t len)
{
	struct seen *s = ctx;
	const struct nlmsghdr *h = bytes;
	int left = (int)len;

	if (s->fail_after && ++s->chunks >= s->fail_after)
		return -ENOBUFS;
	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (!s->messages++)
			s->first = h->nlmsg_seq;
		else
			EXPECT_INT(h->nlmsg_seq, s->last + 1);
		s->last = h->nlmsg_seq;
		if (h->nlmsg_len > s->largest)
			s->largest = h->nlmsg_len;
		if (h->nlmsg_type == NFNL_MSG_BATCH_BEGIN) {
			s->begins++;
			EXPECT_INT(s->messages, 1);
		} else if (h->nlmsg_type == NFNL_MSG_BATCH_END) {
			s->ends++;
		} else {
			EXPECT_INT(s->ends, 0);
			EXPECT_INT(h->nlmsg_type >> 8, NFNL_SUBSYS_NFTABLES);
			look_into(s, h, h->nlmsg_type & 0xff);
		}
	}
	EXPECT_INT(left, 0); /* no message is cut in two */
	return 0;
}

static size_t lines_with(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* Lines of the text that are rules: two tabs, and no property of a set or chain. */
static size_t rules_in(const char *text)
{
	static const char *const others[] = { "\t\ttype ", "\t\tflags ", "\t\telements ",
		"\t\tcomment ", "\t\t\t" };
	size_t n = 0;

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p != NULL) {
		bool rule = !strncmp(p, "\t\t", 2);
		for (size_t i = 0; i < BH_LEN(others); i++)
			rule &= strncmp(p, others[i], strlen(others[i])) != 0;
		n += rule;
	}
	return n;
}

static void says_the_same(const struct bh_load *l)
{
	struct seen s = { 0 };
	struct bh_nl_sink sink = { .ctx = &s, .put = look };
	BH_AUTO_BUF b = { 0 };
	uint32_t seq = 40;

	EXPECT_INT(bh_enforce_load(l, &seq, &sink), 0);
	bh_enforce_text(l, &b);
	const char *text = bh_buf_text(&b);
	EXPECT_INT(s.first, 40);
	EXPECT_INT(seq, s.last + 1);
	EXPECT_INT(s.begins, 1);
	EXPECT_INT(s.ends, 1);
	EXPECT(s.largest < 60000);
	EXPECT_INT(s.chains + s.base_chains, lines_with(text, "\n\tchain "));
	EXPECT_INT(s.base_chains, lines_with(text, " hook "));
	EXPECT_INT(s.sets, lines_with(text, "\n\tset ") + lines_with(text, "\n\tmap "));
	EXPECT_INT(s.rules, rules_in(text));
}

static void test_messages_and_text_have_the_same_parts(void)
{
	struct bh_table tables[] = { host(), narrow(), gateway() };

	for (size_t i = 0; i < BH_LEN(tables); i++) {
		for (unsigned mode = BH_AUDIT; mode <= BH_KEEP; mode++) {
			for (unsigned kind = 0; kind < 3; kind++) {
				struct bh_load l = { .table = &tables[i],
					.mode = (enum bh_mode)mode,
					.generation = 2,
					.former = kind == 2,
					.former_hooks = kind == 2 ? BH_HOOK_BIT(BH_OUT) : 0,
					.lease = kind ? 60 : 0 };
				says_the_same(&l);
			}
		}
	}
}

static void test_a_hundred_thousand_ranges_are_two_hundred_thousand_elements(void)
{
	struct bh_table t = big();
	struct bh_load l = { .table = &t, .mode = BH_ENFORCE, .generation = 1 };
	struct seen s = { 0 };
	struct bh_nl_sink sink = { .ctx = &s, .put = look };
	uint32_t seq = 1;

	EXPECT_INT(bh_enforce_load(&l, &seq, &sink), 0);
	EXPECT_INT(s.elements, 200000 + 1); /* a start and an end each, and the port */
}

static void test_a_sink_that_fails_ends_it(void)
{
	struct bh_table t = big();
	struct bh_load l = { .table = &t, .mode = BH_ENFORCE, .generation = 1 };

	for (size_t after = 1; after < 6; after++) {
		struct seen s = { .fail_after = after };
		struct bh_nl_sink sink = { .ctx = &s, .put = look };
		uint32_t seq = 1;

		EXPECT_INT(bh_enforce_load(&l, &seq, &sink), -ENOBUFS);
		EXPECT_INT(s.chunks, after);
	}
}

static void test_confirm_and_undo_delete_by_name(void)
{
	static const char *const chains[] = { "g1_in", "g1_in_tcp445", "g1_in_tcp445_no" };
	static const char *const sets[] = { "g1_set1_v4", "g1_in_ports" };
	struct bh_load l = { .generation = 2,
		.former = 1,
		.generation_hooks = BH_HOOK_BIT(BH_IN),
		.former_hooks = BH_HOOK_BIT(BH_IN) | BH_HOOK_BIT(BH_OUT),
		.stale_chains = chains,
		.n_stale_chains = BH_LEN(chains),
		.stale_sets = sets,
		.n_stale_sets = BH_LEN(sets) };
	struct seen s = { 0 };
	struct bh_nl_sink sink = { .ctx = &s, .put = look };
	uint32_t seq = 1;

	EXPECT_INT(bh_enforce_confirm(&l, &seq, &sink), 0);
	/* two base chains flushed, one of them taken away; three stale ones flushed and
	 * taken away; two sets and the lease */
	EXPECT_INT(s.deletes, 2 + 1 + 3 + 3 + 2 + 1);
	EXPECT_INT(s.rules, 1);
	EXPECT_INT(s.ends, 1);

	s = (struct seen){ 0 };
	l.former = 0;
	EXPECT_INT(bh_enforce_undo(&l, &seq, &sink), 0);
	EXPECT_INT(s.deletes, 1); /* the table whole */
}

int main(void)
{
	RUN(test_messages_and_text_have_the_same_parts);
	RUN(test_a_hundred_thousand_ranges_are_two_hundred_thousand_elements);
	RUN(test_a_sink_that_fails_ends_it);
	RUN(test_confirm_and_undo_delete_by_name);
	bh_arena_reset(&arena);
	return tap_done();
}
