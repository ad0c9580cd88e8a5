/*
 * Suggestion and impact against the judge: random inventories, every conversation asked
 * of bh_policy_decide, on the gateway and on every host.
 */
#include "plan_random.h"
#include "tap.h"

static bool admitted(const struct bh_bound *b, const struct bh_view *v, enum bh_hook hook,
	const struct bh_talk *c)
{
	struct bh_flow f = { .client = c->client,
		.server = c->server,
		.hook = hook,
		.service = { .port = c->port, .proto = BH_TCP } };
	struct bh_decision d;

	bh_policy_decide(b, v, &f, &d);
	return d.admit;
}

static bool admitted_by_host(const struct bh_bound *b, const struct bh_addr *me, enum bh_hook hook,
	const struct bh_talk *c)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_view v;

	if (bh_policy_view_host(b, NULL, 0, me, 1, &a, &v))
		abort();
	return admitted(b, &v, hook, c);
}

static bool left_out(const struct bh_suggestion *s, const struct bh_talk *c)
{
	for (size_t i = 0; i < s->n_left; i++) {
		const struct bh_left *l = &s->left[i];
		if (l->why != BH_LEFT_NOT_GOVERNED && l->at.port == c->port &&
			bh_addr_equal(&l->server, &c->server) &&
			bh_addrset_contains(&l->clients, &c->client))
			return true;
	}
	return false;
}

/* The surface as `plan` counts it at a gateway that everything passes. */
static uint64_t surface_of(const struct bh_bound *b, const struct bh_view *gw, struct bh_arena *a)
{
	static const uint8_t hash[BH_HASH];
	struct bh_point point = { .view = gw };
	struct bh_table table;
	struct bh_surface s;

	EXPECT_INT(bh_plan_table(b, gw, NULL, 0, false, hash, a, &table), 0);
	EXPECT_INT(bh_plan_surface(b, &point, &table, NULL, rows, n_rows, a, &s), 0);
	return s.judged_open;
}

static void one_inventory_holds(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	const struct bh_bound *b;
	struct bh_suggest_options o = { .now = NOW, .many = 1 + pick(6) };
	struct bh_suggestion s;
	struct bh_view gw;

	random_inventory();
	EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &s), 0);
	bh_plan_suggest_print(&s, &text);
	bool read = bind_text(bh_buf_text(&text), &a, &b);
	EXPECT(read);
	if (!read)
		return;
	EXPECT_INT(bh_policy_view_gateway(b, &a, &gw), 0);
	EXPECT_INT(s.surface, surface_of(b, &gw, &a));
	for (size_t i = 0; i < n_rows; i++) {
		const struct bh_talk *c = &rows[i].who;
		bool yes = !left_out(&s, c);
		if (bh_addr_equal(&c->client, &c->server))
			continue;
		EXPECT_INT(admitted(b, &gw, BH_FWD, c), yes);
		EXPECT_INT(admitted_by_host(b, &c->server, BH_IN, c), yes);
		EXPECT_INT(admitted_by_host(b, &c->client, BH_OUT, c), yes);
	}
	/* Nothing in use and safe may break; what ends is the Internet's or lateral. */
	struct bh_impact im;
	struct bh_point point = { .view = &gw };
	EXPECT_INT(bh_plan_impact(b, &point, 1, NULL, rows, n_rows, &a, &im), 0);
	for (size_t i = 0; i < im.n; i++) {
		const struct bh_impact_row *r = &im.rows[i];
		if (r->fate == BH_BREAKS)
			EXPECT(r->use == BH_USE_SMB1 || r->use == BH_USE_NOBODY || r->unsure);
		if (r->fate == BH_ENDS)
			EXPECT(r->internet || r->lateral);
	}
}

/* What is left out, asked of the judge client by client. */
static uint64_t admitted_of(
	const struct bh_left *l, const struct bh_bound *b, const struct bh_view *gw)
{
	uint64_t n = 0;

	for (unsigned f = BH_V4; f <= BH_V6; f += 2) {
		struct bh_ranges r = bh_addrset_of(&l->clients, (uint8_t)f);
		for (size_t i = 0; l->why != BH_LEFT_NOT_GOVERNED && i < r.n; i++) {
			for (bh_u128 num = r.v[i].lo; num <= r.v[i].hi; num++) {
				struct bh_talk c = { .server = l->server,
					.client = { .num = num, .family = (uint8_t)f },
					.port = l->at.port };
				n += admitted(b, gw, BH_FWD, &c);
			}
		}
	}
	return n;
}

static void one_budget_holds(unsigned budget)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	const struct bh_bound *b;
	struct bh_suggest_options o = { .now = NOW, .budget = budget };
	struct bh_suggestion s, plain;
	struct bh_view gw;

	o.many = pick(2) ? 0 : 1 + pick(6);
	EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &s), 0);
	bh_plan_suggest_print(&s, &text);
	bool read = bind_text(bh_buf_text(&text), &a, &b);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(b, &a, &gw))
		return;
	EXPECT(s.n_rules <= budget && b->n_rules == s.n_rules);
	EXPECT_INT(s.surface, surface_of(b, &gw, &a));
	EXPECT(s.needed <= s.surface && s.one_more <= s.surface && s.needed <= s.one_more);
	o.budget = 0;
	o.many = 1000;
	EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &plain), 0);
	EXPECT_INT(s.needed, plain.needed);
	EXPECT_INT(plain.surface, plain.needed);
	/* Needed is what the suggestion without a budget does not leave out. */
	for (size_t i = 0; i < n_rows; i++) {
		const struct bh_talk *c = &rows[i].who;
		if (!bh_addr_equal(&c->client, &c->server) && !left_out(&plain, c))
			EXPECT(admitted(b, &gw, BH_FWD, c));
	}
	for (size_t i = 0; i < s.n_left; i++)
		EXPECT_INT(s.left[i].admitted, admitted_of(&s.left[i], b, &gw));
	uint64_t unused = 0;
	for (size_t i = 0; i < s.n_unused; i++)
		unused += s.unused[i].pairs;
	EXPECT_INT(s.surface - s.needed, unused);
}

static void test_a_budget_admits_what_is_needed_with_so_many_rules_and_counts_right(void)
{
	for (int i = 0; i < 60 && !tap_bad; i++) {
		random_inventory();
		one_budget_holds(1 + pick(7));
	}
}

/* More classes than can be searched to the end: they are joined step by step. */
static void test_a_budget_holds_for_many_servers_of_both_families(void)
{
	for (int i = 0; i < 3 && !tap_bad; i++) {
		BH_AUTO_ARENA a = { 0 };
		struct bh_suggest_options o = { .now = NOW, .budget = 2 + pick(20) };
		struct bh_suggestion s, more;
		uint64_t one_more;

		n_rows = 0;
		while (n_rows < 1500) {
			char c[32], to[32];
			bool v6 = pick(2);
			snprintf(c, sizeof c, v6 ? "fd00:20::%x" : "10.20.0.%u", 1 + pick(200));
			snprintf(to, sizeof to, v6 ? "fd00:10::%x" : "10.10.0.%u", 1 + pick(90));
			row(c, to, "u", "\\\\s\\home")->who.port = pick(5) ? 445 : 139;
		}
		one_budget_holds(o.budget);
		EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &s), 0);
		EXPECT(!s.smallest); /* not proven: too many */
		one_more = s.one_more;
		o.budget++;
		EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &more), 0);
		EXPECT_INT(more.surface, one_more);
	}
}

/* With as many rules as it likes, and with one rule. */
static void test_the_ends_of_a_budget_are_known(void)
{
	for (int i = 0; i < 20 && !tap_bad; i++) {
		BH_AUTO_ARENA a = { 0 };
		struct bh_suggest_options o = { .now = NOW, .budget = 1000 };
		struct bh_suggestion all, one;

		random_inventory();
		EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &all), 0);
		EXPECT_INT(all.surface, all.needed);
		EXPECT_INT(all.one_more, all.needed);
		o.budget = 1;
		EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &one), 0);
		EXPECT(one.n_rules == (one.needed > 0));
	}
}

static void test_a_suggestion_admits_what_it_claims_and_nothing_it_left_out(void)
{
	for (int i = 0; i < 150 && !tap_bad; i++)
		one_inventory_holds();
}

static void test_the_printed_policy_is_in_canonical_form(void)
{
	for (int i = 0; i < 30 && !tap_bad; i++) {
		BH_AUTO_ARENA a = { 0 };
		BH_AUTO_BUF text = { 0 }, again = { 0 };
		struct bh_suggest_options o = { .now = NOW, .many = 1 + pick(6) };
		struct bh_suggestion s;
		struct bh_diags d = { .arena = &a };
		const struct bh_policy *p;

		random_inventory();
		EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &s), 0);
		bh_plan_suggest_print(&s, &text);
		struct bh_span whole = bh_span_of(bh_buf_text(&text), text.len);
		EXPECT_INT(bh_policy_parse("suggested", whole, &a, &d, &p), 0);
		bh_policy_print(p, &again);
		EXPECT_STR(bh_buf_text(&again), bh_buf_text(&text));
	}
}

/* The sentences that were left out are ready for use: taking the # away parses. */
static void test_a_sentence_left_out_holds_when_its_hash_is_taken_away(void)
{
	for (int i = 0; i < 30 && !tap_bad; i++) {
		BH_AUTO_ARENA a = { 0 };
		BH_AUTO_BUF text = { 0 }, open = { 0 };
		struct bh_suggest_options o = { .now = NOW };
		struct bh_suggestion s;
		const struct bh_bound *b;

		random_inventory();
		EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &s), 0);
		bh_plan_suggest_print(&s, &text);
		for (const char *p = bh_buf_text(&text); *p;) {
			size_t len = strcspn(p, "\n");
			size_t skip = !strncmp(p, "# allow ", 8) ? 2 : 0;
			bh_buf_add(&open, p + skip, len - skip);
			bh_buf_str(&open, "\n");
			p += len + (p[len] == '\n');
		}
		bool read = bind_text(bh_buf_text(&open), &a, &b);
		EXPECT(read);
		struct bh_view gw;
		if (!read || bh_policy_view_gateway(b, &a, &gw))
			return;
		for (size_t k = 0; k < n_rows; k++) {
			const struct bh_talk *c = &rows[k].who;
			if (!bh_addr_equal(&c->client, &c->server))
				EXPECT(admitted(b, &gw, BH_FWD, c));
		}
	}
}

static const char policy_text[] = "network desks 10.20.0.0/24 except 10.20.0.9\n"
				  "hosts files 10.10.0.20\n"
				  "default block all-smb\n"
				  "allow smb from desks to files\n";

static void test_an_impact_names_user_client_share_and_how_often(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	const struct bh_bound *bound;
	struct bh_view gw;
	struct bh_impact im;

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "bob", "\\\\fs1\\home"); /* goes on */
	struct bh_row *r = row("10.20.0.9", "10.10.0.20", "alice", "\\\\fs1\\finance");
	r->figures.connections = 41;
	r->figures.last_seen = NOW - 180 * BH_SECOND;
	row("10.20.0.9", "10.10.0.20", "alice", "\\\\fs1\\IPC$")->figures.connections = 900;
	row("10.20.0.9", "10.10.0.20", "eve", NULL)->who.auth_status = 0xc000006d;
	row("203.0.113.4", "10.10.0.20", "mallory", "\\\\fs1\\home");

	bool read = bind_text(policy_text, &a, &bound);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(bound, &a, &gw))
		return;
	struct bh_point point = { .view = &gw };
	EXPECT_INT(bh_plan_impact(bound, &point, 1, NULL, rows, n_rows, &a, &im), 0);
	EXPECT_INT(im.n, 3);
	EXPECT_INT(im.kept, 1);
	EXPECT_INT(im.groups[BH_BREAKS], 1);
	EXPECT_INT(im.connections[BH_BREAKS], 41);
	static const char *const want[] = {
		"would break: alice on 10.20.0.9 → \\\\fs1\\finance (10.10.0.20), 41 times, "
		"last 3 minutes ago",
		"would end: mallory on 203.0.113.4 → \\\\fs1\\home (10.10.0.20), once, "
		"last 59 minutes ago, with the Internet",
		"already fails: eve on 10.20.0.9 → 10.10.0.20, once, last 59 minutes ago, "
		"denied today",
	};
	for (size_t i = 0; i < im.n && i < BH_LEN(want); i++) {
		bh_buf_reset(&b);
		bh_plan_impact_sentence(&im.rows[i], NOW, &b);
		EXPECT_STR(bh_buf_text(&b), want[i]);
	}
}

static void test_a_gateway_does_not_judge_neighbours_and_a_host_only_itself(void)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_bound *bound;
	struct bh_view gw, host;
	struct bh_impact im;
	struct bh_addr lo = at("10.20.0.0"), hi = at("10.20.0.255"), me = at("10.20.0.12");

	n_rows = 0;
	row("10.20.0.11", "10.20.0.12", "alice", "\\\\ws2\\data"); /* neighbours */
	row("10.30.0.1", "10.20.0.12", "bob", "\\\\ws2\\data"); /* across */
	row("10.30.0.1", "10.20.0.13", "bob", "\\\\ws3\\data"); /* not this host's */
	bool read = bind_text(policy_text, &a, &bound);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(bound, &a, &gw) ||
		bh_policy_view_host(bound, NULL, 0, &me, 1, &a, &host))
		return;
	struct bh_interface eth = { .name = "eth0", .onlink = bh_addrset_range(&a, &lo, &hi) };
	struct bh_point point = { .view = &gw, .ifaces = &eth, .n_ifaces = 1 };
	EXPECT_INT(bh_plan_impact(bound, &point, 1, NULL, rows, n_rows, &a, &im), 0);
	EXPECT_INT(im.n, 2);
	EXPECT_INT(im.off_path, 1);

	point.view = &host;
	EXPECT_INT(bh_plan_impact(bound, &point, 1, NULL, rows, n_rows, &a, &im), 0);
	EXPECT_INT(im.n, 2);
	EXPECT_INT(im.off_path, 1);

	/* Both points together see them all. */
	struct bh_point both[] = { point, { .view = &gw, .ifaces = &eth, .n_ifaces = 1 } };
	EXPECT_INT(bh_plan_impact(bound, both, 2, NULL, rows, n_rows, &a, &im), 0);
	EXPECT_INT(im.n, 3);
	EXPECT_INT(im.off_path, 0);
}

int main(void)
{
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 10) : 20261101;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	RUN(test_a_suggestion_admits_what_it_claims_and_nothing_it_left_out);
	RUN(test_a_budget_admits_what_is_needed_with_so_many_rules_and_counts_right);
	RUN(test_a_budget_holds_for_many_servers_of_both_families);
	RUN(test_the_ends_of_a_budget_are_known);
	RUN(test_the_printed_policy_is_in_canonical_form);
	RUN(test_a_sentence_left_out_holds_when_its_hash_is_taken_away);
	RUN(test_an_impact_names_user_client_share_and_how_often);
	RUN(test_a_gateway_does_not_judge_neighbours_and_a_host_only_itself);
	return tap_done();
}
