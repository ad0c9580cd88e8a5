#include "model/fact.h"
#include "tap.h"

static struct bh_fact sample(void)
{
	struct bh_fact f = {
		.magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF, .leaf = 1, .revision = 1
	};
	struct bh_conversation *c = &f.leaf_is.who;

	bh_conversation_init(c);
	c->client = bh_addr_v4(0x0a000001);
	c->server = bh_addr_v4(0x0a000002);
	c->port = 445;
	c->known = BH_KNOWN_USER | BH_KNOWN_SHARE;
	strcpy(c->user, "alice");
	strcpy(c->share, "\\\\fs1\\finance");
	f.leaf_is.figures = (struct bh_figures){ 1, 2, 3, 10, 20 };
	return f;
}

static void test_an_honest_fact_is_sane(void)
{
	struct bh_fact f = sample();
	EXPECT(bh_fact_sane(&f));
}

#define LIE(change)                                                                                \
	do {                                                                                       \
		struct bh_fact f = sample();                                                       \
		struct bh_conversation *c BH_UNUSED = &f.leaf_is.who;                              \
		change;                                                                            \
		EXPECT(!bh_fact_sane(&f));                                                         \
	} while (0)

static void test_one_lie_in_each_field_is_noticed(void)
{
	LIE(f.magic++);
	LIE(f.kind = 0);
	LIE(f.kind = 99);
	LIE(c->client.family = 5);
	LIE(c->client.family = BH_V6); /* families differ */
	LIE(c->client.num = (bh_u128)1 << 40);
	LIE(c->server.pad[3] = 1);
	LIE(c->transport = BH_TRANSPORTS);
	LIE(c->outcome = BH_OUTCOMES);
	LIE(c->auth = BH_AUTHS);
	LIE(c->ntlm = BH_NTLMS);
	LIE(c->dialect = BH_DIALECTS);
	LIE(c->signing_server = BH_SIGNINGS);
	LIE(c->signing_client = BH_SIGNINGS);
	LIE(c->signing_algorithm = BH_SIGN_ALGS);
	LIE(c->cipher = BH_CIPHERS);
	LIE(c->compression = BH_COMPRESSIONS);
	LIE(c->share_type = BH_SHARE_TYPES);
	LIE(c->smb1_offered = 2);
	LIE(c->is_signed = -2);
	LIE(c->encrypted = 100);
	LIE(c->guest = -128);
	LIE(c->complete = 2);
	LIE(f.leaf_is.figures.zero = 1);
	LIE(memset(c->user, 'x', sizeof c->user)); /* not terminated */
	LIE(strcpy(c->user, "a\nb"));
	LIE(strcpy(c->user, "a\033[2J"));
	LIE(strcpy(c->user, "\xff"));
	LIE(strcpy(c->user, "\xc0\x80"));
	LIE(strcpy(c->user, "\xed\xa0\x80"));
	LIE(strcpy(c->user, "\xf4\x90\x80\x80"));
	LIE(strcpy(c->user, "\xc2\x9b"
			    "2J"));
	LIE(strcpy(c->domain, "X")); /* said but not known */
	LIE(f.leaf_is.figures.first_seen = 21);
	LIE(f.leaf_is.figures.last_seen = INT64_MAX);
	LIE(f.leaf_is.figures.bytes_to_server = UINT64_MAX);
	LIE(f.leaf_is.closed = 2);
	LIE(f.kind = BH_FACT_PROBLEM; memset(f.problem.text, 'x', sizeof f.problem.text));
}

static void test_order_equality_and_hash_agree(void)
{
	struct bh_fact f = sample(), g = sample();
	struct bh_conversation *a = &f.leaf_is.who, *b = &g.leaf_is.who;

	EXPECT(bh_conversation_equal(a, b));
	EXPECT(bh_conversation_hash(a, 7) == bh_conversation_hash(b, 7));
	EXPECT(bh_conversation_hash(a, 7) != bh_conversation_hash(b, 8));
	b->guest = 1;
	EXPECT(!bh_conversation_equal(a, b));
	EXPECT(bh_conversation_compare(a, b) == -bh_conversation_compare(b, a));
	/* A status that is not known does not count. */
	b->guest = BH_UNKNOWN;
	b->share_status = 5;
	EXPECT(bh_conversation_equal(a, b));
	EXPECT(bh_conversation_hash(a, 7) == bh_conversation_hash(b, 7));
	/* Unknown and known-to-be-empty are two things. */
	b->known |= BH_KNOWN_DOMAIN;
	EXPECT(!bh_conversation_equal(a, b));
}

static void test_an_end_without_an_address_needs_a_name(void)
{
	struct bh_fact f = sample();
	struct bh_conversation *c = &f.leaf_is.who;

	memset(&c->server, 0, sizeof c->server);
	EXPECT(!bh_fact_sane(&f));
	c->known |= BH_KNOWN_SERVER_NAME;
	strcpy(c->server_name, "fs1.corp.example");
	EXPECT(bh_fact_sane(&f));
	c->server.pad[2] = 1;
	EXPECT(!bh_fact_sane(&f));
	c->server.pad[2] = 0;
	memset(&c->client, 0, sizeof c->client);
	EXPECT(!bh_fact_sane(&f));
	c->known |= BH_KNOWN_WORKSTATION;
	strcpy(c->workstation, "WS1");
	EXPECT(bh_fact_sane(&f));
}

static void test_names_and_counts_are_held_to_their_promise(void)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME };

	f.name = (struct bh_name_seen){ .addr = bh_addr_v4(1), .when = 5, .name = "FS1" };
	EXPECT(bh_fact_sane(&f));
	f.name.roles = 0x80;
	EXPECT(!bh_fact_sane(&f));
	f.name.roles = BH_ROLES_ALL;
	f.name.group = 2;
	EXPECT(!bh_fact_sane(&f));
	f.name.group = 1;
	f.name.kind = BH_NAME_KINDS;
	EXPECT(!bh_fact_sane(&f));
	f.name.kind = BH_NAME_LOG;
	f.name.name[0] = 0;
	EXPECT(!bh_fact_sane(&f));

	f = (struct bh_fact){ .magic = BH_FACT_MAGIC, .kind = BH_FACT_EVENTS };
	f.events = (struct bh_event_count){ .count = 3, .id = 5140, .read = 1, .provider = "x" };
	EXPECT(bh_fact_sane(&f));
	f.events.read = 2;
	EXPECT(!bh_fact_sane(&f));
	f.events.read = 0;
	memset(f.events.provider, 'x', sizeof f.events.provider);
	EXPECT(!bh_fact_sane(&f));
}

static void test_listed_shares_are_held_to_their_promise(void)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_SHARE };

	f.share = (struct bh_share_seen){
		.server_name = "fs1", .share = "\\\\*\\a", .path = "C:\\a", .remark = "x", .when = 5
	};
	EXPECT(bh_fact_sane(&f));
	f.share.gone = 2;
	EXPECT(!bh_fact_sane(&f));
	f.share.gone = 1;
	strcpy(f.share.remark, "\x1b[2J");
	EXPECT(!bh_fact_sane(&f));
	memset(f.share.remark, 0, sizeof f.share.remark);
	memset(f.share.path, 'x', sizeof f.share.path);
	EXPECT(!bh_fact_sane(&f));
	memset(f.share.path, 0, sizeof f.share.path);
	f.share.server_name[0] = 0;
	EXPECT(!bh_fact_sane(&f)); /* nobody's */
	f.share.server = bh_addr_v4(1);
	EXPECT(bh_fact_sane(&f));
	strcpy(f.share.share, "\\\\*\\");
	EXPECT(!bh_fact_sane(&f));
	strcpy(f.share.share, "a");
	f.share.when = -1;
	EXPECT(!bh_fact_sane(&f));
}

static void test_figures_join_in_any_order(void)
{
	struct bh_figures a = { 1, 2, 3, 0, 20, .opens = 4, .pipes = 1 };
	struct bh_figures b = { 10, 20, 1, 5, 15, .opens = 1, .pipes = 4 }, sum = a, other = b;

	bh_figures_add(&sum, &b);
	bh_figures_add(&other, &a);
	EXPECT(!memcmp(&sum, &other, sizeof sum));
	EXPECT(sum.connections == 11 && sum.opens == 5 && sum.pipes == 5);
	EXPECT(sum.first_seen == 5 && sum.last_seen == 20); /* 0 is not known, not the first */
	bh_figures_widen(&a, &b);
	EXPECT(a.connections == 10 && a.bytes_to_client == 3 && a.opens == 4 && a.pipes == 5);
}

static void test_tallies_are_added_and_stop_at_the_most(void)
{
	struct bh_tally a = { .packets = 1, .records = 7 };
	const struct bh_tally b = { .packets = UINT64_MAX, .records = 3, .unreadable = 2 };

	bh_tally_add(&a, &b);
	EXPECT(a.packets == UINT64_MAX && a.records == 10 && a.unreadable == 2 && !a.bytes);
}

int main(void)
{
	RUN(test_an_honest_fact_is_sane);
	RUN(test_one_lie_in_each_field_is_noticed);
	RUN(test_order_equality_and_hash_agree);
	RUN(test_an_end_without_an_address_needs_a_name);
	RUN(test_names_and_counts_are_held_to_their_promise);
	RUN(test_listed_shares_are_held_to_their_promise);
	RUN(test_figures_join_in_any_order);
	RUN(test_tallies_are_added_and_stop_at_the_most);
	return tap_done();
}
