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
	EXPECT_INT(surface_at(b, &point, &table, NULL, a, &s), 0);
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
	EXPECT_INT(impact_of(b, &point, 1, &a, &im), 0);
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
	EXPECT_INT(impact_of(bound, &point, 1, &a, &im), 0);
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

static void test_every_no_has_the_sentence_that_comes_nearest(void)
{
	static const char text[] = "network desks 10.20.0.0/24\n"
				   "hosts files 10.10.0.20\n"
				   "hosts old 10.10.0.30\n"
				   "default block all-smb\n"
				   "allow smb from desks to files\n"
				   "allow netbios from 10.30.0.1 to old\n"
				   "block smb from 10.20.0.9 to any\n";
	static const struct {
		const char *client, *server, *says, *fix;
	} want[] = {
		{ "10.20.0.9", "10.10.0.20",
			"suggested:7 blocks it: block smb from 10.20.0.9 to any", NULL },
		{ "10.30.0.1", "10.10.0.30",
			"suggested:6 allows these two other services alone: "
			"allow netbios from 10.30.0.1 to old",
			"allow smb from 10.30.0.1 to 10.10.0.30" },
		{ "10.30.0.2", "10.10.0.20",
			"10.30.0.2 is not among the clients of suggested:5: "
			"allow smb from desks to files",
			"allow smb from 10.30.0.2 to 10.10.0.20" },
		{ "10.20.0.8", "10.10.0.40",
			"10.10.0.40 is not among the servers of suggested:5: "
			"allow smb from desks to files",
			"allow smb from 10.20.0.8 to 10.10.0.40" },
		{ "10.40.0.1", "10.10.0.40",
			"no sentence allows 10.40.0.1 anything, or anybody 10.10.0.40, "
			"and suggested:4 blocks the rest",
			"allow smb from 10.40.0.1 to 10.10.0.40" },
	};

	for (size_t i = 0; i < BH_LEN(want); i++) {
		BH_AUTO_ARENA a = { 0 };
		BH_AUTO_BUF says = { 0 }, fix = { 0 };
		const struct bh_bound *b;
		struct bh_view gw;
		struct bh_impact im;
		struct bh_point point = { .view = &gw };
		n_rows = 0;
		row(want[i].client, want[i].server, "u", "\\\\s\\home");
		bool read = bind_text(text, &a, &b);
		EXPECT(read);
		if (!read || bh_policy_view_gateway(b, &a, &gw) || impact_of(b, &point, 1, &a, &im))
			return;
		EXPECT_INT(im.n, 1);
		bh_plan_reason(&im.rows[0], &says);
		EXPECT_STR(bh_buf_text(&says), want[i].says);
		EXPECT(bh_plan_fix(b, &im.rows[0], &fix) == !!want[i].fix);
		EXPECT_STR(bh_buf_text(&fix), want[i].fix ? want[i].fix : "");
	}
}

/* Appended to the policy, the fix lets that pair go on, and no block is in the way. */
static void one_fix_holds(const char *policy, const struct bh_impact_row *r, const char *fix)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	const struct bh_bound *b;
	struct bh_view gw;
	struct bh_talk c = { .client = r->client, .server = r->server, .port = r->service.port };

	bh_buf_printf(&text, "%s%s\n", policy, fix);
	bool read = bind_text(bh_buf_text(&text), &a, &b);
	EXPECT(read);
	if (read && !bh_policy_view_gateway(b, &a, &gw))
		EXPECT(admitted(b, &gw, BH_FWD, &c));
}

static void test_a_fix_lets_it_go_on(void)
{
	for (int i = 0; i < 30 && !tap_bad; i++) {
		BH_AUTO_ARENA a = { 0 };
		BH_AUTO_BUF text = { 0 };
		const struct bh_bound *b;
		struct bh_view gw;
		struct bh_impact im;
		struct bh_point point = { .view = &gw };

		random_inventory();
		bool read = bind_text(random_policy(&text), &a, &b);
		EXPECT(read);
		if (!read || bh_policy_view_gateway(b, &a, &gw) || impact_of(b, &point, 1, &a, &im))
			return;
		for (size_t k = 0; k < im.n; k += 1 + im.n / 8) {
			BH_AUTO_BUF fix = { 0 };
			bool some = bh_plan_fix(b, &im.rows[k], &fix);
			EXPECT(some == (im.rows[k].reason.why != BH_WHY_BLOCKED));
			if (some)
				one_fix_holds(bh_buf_text(&text), &im.rows[k], bh_buf_text(&fix));
		}
	}
}

/* The lines of a text in another order. */
static void shuffle(const char *text, struct bh_buf *ret)
{
	const char *lines[64];
	size_t n = 0;

	for (const char *p = text; *p && n < BH_LEN(lines); p = strchr(p, '\n') + 1)
		lines[n++] = p;
	for (size_t i = n - 1; i; i--) {
		size_t k = pick((uint32_t)i + 1);
		const char *t = lines[i];
		lines[i] = lines[k];
		lines[k] = t;
	}
	for (size_t i = 0; i < n; i++)
		bh_buf_add(ret, lines[i], strcspn(lines[i], "\n") + 1);
}

static void shuffle_rows(void)
{
	for (size_t i = n_rows ? n_rows - 1 : 0; i; i--) {
		size_t k = pick((uint32_t)i + 1);
		struct bh_row t = rows[i];
		rows[i] = rows[k];
		rows[k] = t;
	}
}

/* What is counted for which sentence stands in the order of these. */
static void without_sentences(struct bh_table *t, struct bh_arena *a)
{
	t->n_sentences = 0;
	for (size_t i = 0; i < t->n_gates; i++) {
		struct bh_gate *g = (struct bh_gate *)(uintptr_t)&t->gates[i];
		struct bh_gate_case *cases = bh_arena_copy(a, g->cases, g->n_cases * sizeof *cases);
		for (size_t k = 0; k < g->n_cases; k++)
			cases[k].allowed = cases[k].allowed_same_port = cases[k].blocked =
				(struct bh_counts){ 0 };
		g->cases = cases;
	}
}

/* Everything that a plan says, but for its sentences. */
static void plan_text(const char *policy, struct bh_buf *ret)
{
	BH_AUTO_ARENA a = { 0 };
	static const uint8_t hash[BH_HASH];
	const struct bh_bound *b;
	struct bh_view gw;
	struct bh_table table;
	struct bh_impact im;
	struct bh_surface s;
	struct bh_point point = { .view = &gw };

	bool read = bind_text(policy, &a, &b);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(b, &a, &gw) ||
		bh_plan_table(b, &gw, NULL, 0, false, hash, &a, &table) ||
		impact_of(b, &point, 1, &a, &im) || surface_at(b, &point, &table, NULL, &a, &s))
		return;
	without_sentences(&table, &a);
	bh_table_encode(&table, ret);
	bh_buf_add(ret, &s, sizeof s);
	for (size_t i = 0; i < im.n; i++) {
		bh_plan_impact_sentence(&im.rows[i], NOW, ret);
		bh_buf_printf(ret, " %s\n", bh_verdict_names[im.rows[i].decision.verdict]);
	}
}

static void test_neither_the_order_of_sentences_nor_that_of_rows_matters(void)
{
	for (int i = 0; i < 40 && !tap_bad; i++) {
		BH_AUTO_BUF policy = { 0 }, other = { 0 }, once = { 0 }, again = { 0 };

		random_inventory();
		shuffle(random_policy(&policy), &other);
		plan_text(bh_buf_text(&policy), &once);
		shuffle_rows();
		plan_text(bh_buf_text(&other), &again);
		EXPECT(once.len && once.len == again.len && !memcmp(once.ptr, again.ptr, once.len));
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
	EXPECT_INT(impact_of(bound, &point, 1, &a, &im), 0);
	EXPECT_INT(im.n, 2);
	EXPECT_INT(im.off_path, 1);

	point.view = &host;
	EXPECT_INT(impact_of(bound, &point, 1, &a, &im), 0);
	EXPECT_INT(im.n, 2);
	EXPECT_INT(im.off_path, 1);

	/* Both points together see them all. */
	struct bh_point both[] = { point, { .view = &gw, .ifaces = &eth, .n_ifaces = 1 } };
	EXPECT_INT(impact_of(bound, both, 2, &a, &im), 0);
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
	RUN(test_every_no_has_the_sentence_that_comes_nearest);
	RUN(test_a_fix_lets_it_go_on);
	RUN(test_neither_the_order_of_sentences_nor_that_of_rows_matters);
	RUN(test_a_gateway_does_not_judge_neighbours_and_a_host_only_itself);
	return tap_done();
}
