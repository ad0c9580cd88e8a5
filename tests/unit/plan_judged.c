/*
 * Suggestion, impact and surface against the judge: random inventories, every
 * conversation asked of bh_policy_decide, on the gateway and on every host.
 */
#include "plan_rows.h"
#include "tap.h"

static uint64_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static struct bh_addr random_addr(void)
{
	static const char *const nets[] = { "10.20.0.", "10.20.1.", "10.10.0.", "192.168.7.",
		"203.0.113.", "169.254.3.", "fd00:20::", "fd00:10::", "2001:db8::", "fe80::" };
	char text[64];
	unsigned net = pick(BH_LEN(nets));

	snprintf(text, sizeof text, net < 6 ? "%s%u" : "%s%x", nets[net], 1 + pick(30));
	return at(text);
}

static void random_inventory(void)
{
	static const char *const shares[] = { "\\\\s\\home", "\\\\s\\IPC$", "\\\\s\\SYSVOL",
		"\\\\s\\C$", "\\\\s\\lp", NULL };
	static const uint16_t ports[] = { 445, 445, 445, 445, 139, 5445, 8445 };
	unsigned n = 1 + pick(400), servers = 1 + pick(12);
	struct bh_addr server[12];

	for (unsigned i = 0; i < servers; i++)
		server[i] = random_addr();
	n_rows = 0;
	while (n_rows < n) {
		struct bh_row *r = row("10.0.0.1", "10.0.0.2", pick(2) ? "alice" : "bob",
			shares[pick(BH_LEN(shares))]);
		r->who.client = random_addr();
		do
			r->who.server = pick(8) ? server[pick(servers)] : random_addr();
		while (r->who.server.family != r->who.client.family && pick(50));
		if (r->who.server.family != r->who.client.family) {
			n_rows--;
			n--;
			continue;
		}
		r->who.port = ports[pick(BH_LEN(ports))];
		r->figures.connections = 1 + pick(9);
		switch (pick(12)) {
		case 0: r->who.outcome = BH_REFUSED; break;
		case 1: r->who.auth_status = 0xc000006d; break;
		case 2: r->who.guest = 1; break;
		case 3: r->who.dialect = BH_DIALECT_NT_LM_012; break;
		default: break;
		}
	}
}

/* Text to bound policy and a gateway's view of it; false when the text is refused. */
static bool bind_text(const char *text, struct bh_arena *a, const struct bh_bound **ret)
{
	struct bh_diags d = { .arena = a };
	const struct bh_policy *p;
	BH_AUTO_BUF b = { 0 };

	if (bh_policy_parse("suggested", bh_span_of(text, strlen(text)), a, &d, &p) ||
		bh_policy_bind(p, NULL, a, &d, ret))
		return false;
	for (const struct bh_diag *one = d.first; one; one = one->next)
		bh_diag_render(one, false, &b);
	if (d.errors || d.warnings)
		printf("# refused:\n%s# in\n%s\n", bh_buf_text(&b), text);
	return !d.errors && !d.warnings;
}

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

/* ---- the surface, counted pair by pair -------------------------------------------- */

static size_t known_addrs(struct bh_addr *v)
{
	size_t n = 0;

	for (size_t i = 0; i < n_rows; i++) {
		const struct bh_addr *ends[] = { &rows[i].who.client, &rows[i].who.server };
		for (size_t e = 0; e < 2; e++) {
			bool old = bh_addr_equal(ends[0], ends[1]);
			for (size_t k = 0; k < n; k++)
				old |= bh_addr_equal(&v[k], ends[e]);
			if (!old)
				v[n++] = *ends[e];
		}
	}
	return n;
}

static bool any_service(const struct bh_bound *b, const struct bh_view *v, enum bh_hook hook,
	const struct bh_addr *c, const struct bh_addr *s)
{
	static const uint16_t ports[] = { 139, 445, 5445 };
	struct bh_talk w = { .client = *c, .server = *s };
	bool yes = false;

	for (size_t i = 0; i < BH_LEN(ports); i++) {
		w.port = ports[i];
		yes |= admitted(b, v, hook, &w);
	}
	return yes;
}

static const char *random_policy(struct bh_buf *b)
{
	static const char *const sets[] = { "10.20.0.0/24", "10.20.0.0/16 except 10.20.0.7",
		"10.10.0.0/24, fd00:10::/64", "fd00:20::/64 except fd00:20::3", "any",
		"10.20.1.4, 10.20.1.5, 192.168.7.0/24", "203.0.113.0/24, 2001:db8::/32" };
	static const char *const services[] = { "smb", "netbios", "smbdirect", "all-smb" };

	for (size_t i = 0; i < BH_LEN(sets); i++)
		bh_buf_printf(b, "network n%zu %s\n", i, sets[i]);
	if (pick(4))
		bh_buf_str(b, "default block all-smb\n");
	for (unsigned n = pick(6); n; n--)
		bh_buf_printf(b, "%s %s from n%u to n%u\n", pick(4) ? "allow" : "block",
			services[pick(BH_LEN(services))], pick(BH_LEN(sets)), pick(BH_LEN(sets)));
	return bh_buf_text(b);
}

static void one_surface_holds(void)
{
	static struct bh_addr v[2 * MAX_ROWS];
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	const struct bh_bound *b;
	struct bh_view gw;
	struct bh_table table;
	struct bh_addr lo = at("10.20.0.0"), hi = at("10.20.0.255");
	struct bh_interface eth = { .name = "eth0", .onlink = bh_addrset_range(&a, &lo, &hi) };
	struct bh_point point = { .view = &gw, .ifaces = &eth, .n_ifaces = 1 };
	static const uint8_t hash[BH_HASH];
	uint64_t pairs = 0, judged = 0, open = 0;
	struct bh_surface s;

	random_inventory();
	bool read = bind_text(random_policy(&text), &a, &b);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(b, &a, &gw))
		return;
	EXPECT_INT(bh_plan_table(b, &gw, &eth, 1, false, hash, &a, &table), 0);
	size_t n = known_addrs(v);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (i == k || v[i].family != v[k].family)
				continue;
			bool near = bh_addrset_contains(&eth.onlink, &v[i]) &&
				    bh_addrset_contains(&eth.onlink, &v[k]);
			pairs++;
			judged += !near;
			open += !near && any_service(b, &gw, BH_FWD, &v[i], &v[k]);
		}
	}
	EXPECT_INT(bh_plan_surface(b, &point, &table, NULL, rows, n_rows, &a, &s), 0);
	EXPECT_INT(s.hosts, n);
	EXPECT_INT(s.pairs, pairs);
	EXPECT_INT(s.judged, judged);
	EXPECT_INT(s.judged_open, open);
	EXPECT(s.lateral_judged_open <= s.lateral_judged && s.lateral_judged <= s.lateral);
	EXPECT(s.used_open <= s.used && s.used <= s.pairs);
	EXPECT_INT(bh_plan_surface(NULL, NULL, NULL, NULL, rows, n_rows, &a, &s), 0);
	EXPECT_INT(bh_surface_open(&s), pairs);
}

static void test_the_surface_equals_counting_pair_by_pair(void)
{
	for (int i = 0; i < 60 && !tap_bad; i++)
		one_surface_holds();
}

static void test_a_host_counts_the_pairs_it_is_an_end_of(void)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_bound *b;
	struct bh_view host;
	struct bh_surface s;
	struct bh_addr me = at("10.10.0.20");

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "bob", "\\\\fs1\\home");
	row("10.20.0.9", "10.10.0.20", "alice", "\\\\fs1\\home");
	row("10.20.0.11", "10.20.0.9", "bob", "\\\\ws\\C$");
	bool read = bind_text(policy_text, &a, &b);
	EXPECT(read);
	if (!read || bh_policy_view_host(b, NULL, 0, &me, 1, &a, &host))
		return;
	struct bh_point point = { .view = &host };
	EXPECT_INT(bh_plan_surface(b, &point, NULL, NULL, rows, n_rows, &a, &s), 0);
	EXPECT_INT(s.hosts, 3);
	EXPECT_INT(s.pairs, 6);
	EXPECT_INT(s.judged, 4);
	EXPECT_INT(s.judged_open, 1); /* 10.20.0.11 to it */
	EXPECT_INT(bh_surface_open(&s), 3);
	EXPECT_INT(s.used, 3);
	EXPECT_INT(s.used_open, 2);
	EXPECT_INT(s.lateral, 2);
	EXPECT_INT(bh_surface_lateral_open(&s), 2);
}

int main(void)
{
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 10) : 20261101;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	RUN(test_a_suggestion_admits_what_it_claims_and_nothing_it_left_out);
	RUN(test_the_printed_policy_is_in_canonical_form);
	RUN(test_a_sentence_left_out_holds_when_its_hash_is_taken_away);
	RUN(test_an_impact_names_user_client_share_and_how_often);
	RUN(test_a_gateway_does_not_judge_neighbours_and_a_host_only_itself);
	RUN(test_the_surface_equals_counting_pair_by_pair);
	RUN(test_a_host_counts_the_pairs_it_is_an_end_of);
	return tap_done();
}
