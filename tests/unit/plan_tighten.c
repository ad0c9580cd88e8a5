/*
 * What may go because nobody used it, against asking the judge about one sentence at a
 * time.
 */
#include "plan_random.h"

#define SINCE (DAY0 + 1000 * BH_SECOND)

static const char *const sets[] = { "10.20.0.0/24", "10.20.0.0/16 except 10.20.0.7",
	"10.10.0.0/24, fd00:10::/64", "fd00:20::/64 except fd00:20::3",
	"10.20.1.4, 10.20.1.6, 10.20.1.8, 192.168.7.0/24", "10.10.0.1, 10.10.0.3, 10.10.0.5" };

struct rule {
	char services[32];
	unsigned from, to; /* of sets; from BH_LEN(sets): any */
};

static void add_sets(struct bh_buf *b)
{
	for (size_t i = 0; i < BH_LEN(sets); i++)
		bh_buf_printf(b, "network n%zu %s\n", i, sets[i]);
	bh_buf_str(b, "default block all-smb\n");
}

static void add_rule(struct bh_buf *b, const struct rule *r)
{
	bh_buf_printf(b, "allow %s from ", r->services);
	bh_buf_printf(b, r->from < BH_LEN(sets) ? "n%u" : "any", r->from);
	bh_buf_printf(b, r->to < BH_LEN(sets) ? " to n%u\n" : " to any\n", r->to);
}

static bool recent(const struct bh_row *r)
{
	return bh_row_use(r) <= BH_USE_SMB1 && r->figures.last_seen >= SINCE &&
	       !bh_addr_equal(&r->who.client, &r->who.server);
}

/* Rows that this text alone admits at a gateway. */
static size_t admitted_rows(const char *text, const struct bh_row *ret[MAX_ROWS])
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_bound *b;
	struct bh_view gw;
	size_t n = 0;

	bool read = bind_text(text, &a, &b);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(b, &a, &gw))
		return 0;
	for (size_t i = 0; i < n_rows; i++) {
		struct bh_flow f = { .client = rows[i].who.client,
			.server = rows[i].who.server,
			.hook = BH_FWD,
			.service = { .port = rows[i].who.port, .proto = BH_TCP } };
		struct bh_decision d;
		bh_policy_decide(b, &gw, &f, &d);
		if (recent(&rows[i]) && d.verdict == BH_ALLOW)
			ret[n++] = &rows[i];
	}
	return n;
}

static const struct bh_proposal *find(
	const struct bh_tighten *t, const struct bh_bound_rule *r, enum bh_proposal_kind kind)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].rule == r && t->v[i].kind == kind)
			return &t->v[i];
	}
	return NULL;
}

static bool used_by(const struct bh_row *const *used, size_t n, bool to, uint8_t family,
	const struct bh_range *r)
{
	for (size_t i = 0; i < n; i++) {
		const struct bh_addr *a = to ? &used[i]->who.server : &used[i]->who.client;
		if (a->family == family && r->lo <= a->num && a->num <= r->hi)
			return true;
	}
	return false;
}

/* Each range of a list is proposed if nobody used it, and stays if somebody did. */
static void side_holds(const struct bh_bound_list *l, const struct bh_proposal *p,
	const struct bh_row *const *used, size_t n, bool to)
{
	for (unsigned f = BH_V4; !l->any && f <= BH_V6; f += 2) {
		struct bh_ranges v = bh_addrset_of(&l->addrs, (uint8_t)f);
		for (size_t i = 0; i < v.n; i++) {
			struct bh_addr at = { .num = v.v[i].lo, .family = (uint8_t)f };
			bool proposed = p && bh_addrset_contains(&p->addrs, &at);
			EXPECT(proposed == !used_by(used, n, to, (uint8_t)f, &v.v[i]));
		}
	}
	EXPECT(!p || !l->any);
}

static void rule_holds(
	const struct bh_tighten *t, const struct bh_bound_rule *r, const struct rule *written)
{
	static const struct bh_row *used[MAX_ROWS];
	BH_AUTO_BUF alone = { 0 };

	add_sets(&alone);
	add_rule(&alone, written);
	size_t n = admitted_rows(bh_buf_text(&alone), used);
	EXPECT(!find(t, r, BH_PROPOSE_RULE) == (n > 0));
	if (!n) {
		EXPECT(!find(t, r, BH_PROPOSE_CLIENTS) && !find(t, r, BH_PROPOSE_SERVERS));
		return;
	}
	side_holds(&r->from, find(t, r, BH_PROPOSE_CLIENTS), used, n, false);
	side_holds(&r->to, find(t, r, BH_PROPOSE_SERVERS), used, n, true);
	bool smb = false, netbios = false;
	for (size_t i = 0; i < n; i++) {
		smb |= used[i]->who.port == 445;
		netbios |= used[i]->who.port == 139;
	}
	bool both = strchr(written->services, ',');
	EXPECT(!find(t, r, BH_PROPOSE_SERVICE) == (!both || (smb && netbios)));
}

static void one_policy_holds(void)
{
	static const char *const services[] = { "smb", "netbios", "smb, netbios", "smbdirect" };
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	struct rule written[6];
	const struct bh_bound *b;
	struct bh_scene *s;
	struct bh_tighten t;
	size_t n = 1 + pick(6);

	random_inventory();
	for (size_t i = 0; i < n_rows; i++)
		rows[i].figures.last_seen = SINCE + ((bh_time)pick(2000) - 1600) * BH_SECOND;
	add_sets(&text);
	for (size_t i = 0; i < n; i++) {
		snprintf(written[i].services, sizeof written->services, "%s", services[pick(4)]);
		written[i].from = pick(BH_LEN(sets) + 1);
		written[i].to = pick(BH_LEN(sets) + 1);
		add_rule(&text, &written[i]);
	}
	bool read = bind_text(bh_buf_text(&text), &a, &b);
	EXPECT(read);
	if (!read)
		return;
	const struct bh_scene_of of = { .bound = b, .rows = rows, .n = n_rows };
	EXPECT_INT(bh_plan_scene(&of, &a, &s), 0);
	EXPECT_INT(bh_plan_tighten(s, SINCE, &a, &t), 0);
	EXPECT_INT(t.rules, n);
	for (size_t i = 0; i < n; i++)
		rule_holds(&t, &b->rules[i], &written[i]);
}

static void test_exactly_what_nobody_used_is_proposed(void)
{
	for (int i = 0; i < 120 && !tap_bad; i++)
		one_policy_holds();
}

static void expect_sentences(const char *text, bh_time since, const char *const *want, size_t n)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_bound *b;
	struct bh_scene *s;
	struct bh_tighten t;

	bool read = bind_text(text, &a, &b);
	EXPECT(read);
	if (!read)
		return;
	const struct bh_scene_of of = { .bound = b, .rows = rows, .n = n_rows };
	EXPECT_INT(bh_plan_scene(&of, &a, &s), 0);
	EXPECT_INT(bh_plan_tighten(s, since, &a, &t), 0);
	EXPECT_INT(t.n, n);
	for (size_t i = 0; i < t.n && i < n; i++) {
		BH_AUTO_BUF one = { 0 };
		bh_plan_proposal(&t.v[i], since, &one);
		bh_buf_printf(&one, " [%llu%s]", (unsigned long long)t.v[i].pairs,
			t.v[i].elsewhere ? ", elsewhere" : "");
		EXPECT_STR(bh_buf_text(&one), want[i]);
	}
}

static void test_proposals_say_what_where_and_since_when(void)
{
	static const char text[] = "network desks 10.20.0.0/24, 10.30.0.0/24\n"
				   "hosts files 10.10.0.20\n"
				   "default block all-smb\n"
				   "allow smb, netbios from desks to files\n"
				   "allow smb from 10.30.0.0/24 to 10.10.0.30\n"
				   "allow smb, quic from 10.40.0.1 to files\n"
				   "block smb from 10.50.0.1 to files\n";
	static const char *const want[] = {
		"nothing used netbios by suggested:4 since 2026-11-01T00:16:40Z: "
		"allow smb, netbios from desks to files [2]",
		"nothing from 10.30.0.0/24 used suggested:4 since 2026-11-01T00:16:40Z "
		"(last 2026-11-01T00:01:00Z): allow smb, netbios from desks to files "
		"[1, elsewhere]",
		"nothing used suggested:6 since 2026-11-01T00:16:40Z: "
		"allow smb, quic from 10.40.0.1 to files [0]",
	};

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "u", "\\\\fs1\\home")->figures.last_seen = NOW;
	row("10.30.0.11", "10.10.0.20", "u", "\\\\fs1\\home");
	row("10.30.0.11", "10.10.0.30", "u", "\\\\fs2\\home")->figures.last_seen = NOW;
	expect_sentences(text, SINCE, want, BH_LEN(want));
}

static void test_quic_that_nobody_speaks_is_proposed_and_datagrams_are_not(void)
{
	static const char text[] = "default block all-smb\n"
				   "allow smb, quic from 10.20.0.11 to 10.10.0.20\n"
				   "allow netbios from 10.20.0.11 to 10.10.0.20\n";
	static const char *const want[] = {
		"nothing used quic by suggested:2 since 2026-11-01T00:16:40Z: "
		"allow smb, quic from 10.20.0.11 to 10.10.0.20 [1]",
	};

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "u", "\\\\fs1\\home")->figures.last_seen = NOW;
	struct bh_row *r = row("10.20.0.11", "10.10.0.20", "u", "\\\\fs1\\home");
	r->who.port = 139;
	r->figures.last_seen = NOW;
	expect_sentences(text, SINCE, want, 1);
}

/* Whom no address tells may use it all the time. */
static void test_what_cannot_be_told_by_address_is_not_proposed(void)
{
	static const char text[] = "hosts laptops laptop-1\n"
				   "roaming laptops\n"
				   "hosts files 10.10.0.20, 10.10.0.22\n"
				   "default block all-smb\n"
				   "allow smb out from laptops to files\n";

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "u", "\\\\fs1\\home")->figures.last_seen = NOW;
	expect_sentences(text, SINCE, NULL, 0);
}

int main(void)
{
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 10) : 20261129;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	RUN(test_exactly_what_nobody_used_is_proposed);
	RUN(test_proposals_say_what_where_and_since_when);
	RUN(test_quic_that_nobody_speaks_is_proposed_and_datagrams_are_not);
	RUN(test_what_cannot_be_told_by_address_is_not_proposed);
	return tap_done();
}
