/*
 * Surface and reach by classes, against asking the judge about every pair of hosts and
 * walking from every host.
 */
#include "plan/ways.h"
#include "plan_random.h"

/* Overlapping on-link prefixes of both families; sometimes none. */
static size_t random_links(struct bh_interface v[3], struct bh_arena *a)
{
	static const char *const nets[][2] = { { "10.20.0.0", "10.20.0.255" },
		{ "10.20.0.8", "10.20.0.15" }, { "10.20.0.0", "10.20.255.255" },
		{ "fd00:20::", "fd00:20::ffff" }, { "fe80::", "fe80::ffff" },
		{ "10.10.0.16", "10.10.0.31" } };
	size_t n = pick(4);

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct bh_interface){ .name = "eth" };
		v[i].name[3] = (char)('0' + i);
		for (unsigned k = 1 + pick(2); k; k--) {
			unsigned net = pick(BH_LEN(nets));
			struct bh_addr lo = at(nets[net][0]), hi = at(nets[net][1]);
			v[i].onlink =
				bh_addrset_union(a, v[i].onlink, bh_addrset_range(a, &lo, &hi));
		}
	}
	return n;
}

#define MOST 700

struct world {
	struct bh_addr v[MOST];
	size_t n;
	const struct bh_bound *b;
	const struct bh_point *point;
	struct bh_view fwd;
	bool sees[MOST][MOST], open[MOST][MOST];
	uint64_t reach[MOST];
};

static struct world w;

static void add_addr(const struct bh_addr *a)
{
	for (size_t k = 0; k < w.n; k++) {
		if (bh_addr_equal(&w.v[k], a))
			return;
	}
	w.v[w.n++] = *a;
}

static void find_addrs(const struct bh_addr *own, size_t n_own)
{
	w.n = 0;
	for (size_t i = 0; i < n_rows; i++) {
		if (bh_addr_equal(&rows[i].who.client, &rows[i].who.server))
			continue;
		add_addr(&rows[i].who.client);
		add_addr(&rows[i].who.server);
	}
	for (size_t i = 0; i < n_own; i++)
		add_addr(&own[i]);
}

static const struct bh_interface *link_to(const struct bh_addr *peer)
{
	for (size_t i = 0; i < w.point->n_ifaces; i++) {
		if (bh_addrset_contains(&w.point->ifaces[i].onlink, peer))
			return &w.point->ifaces[i];
	}
	return NULL;
}

static bool share_a_prefix(const struct bh_addr *x, const struct bh_addr *y)
{
	for (size_t i = 0; i < w.point->n_ifaces; i++) {
		struct bh_ranges r = bh_addrset_of(&w.point->ifaces[i].onlink, x->family);
		for (size_t k = 0; k < r.n; k++) {
			struct bh_ranges one = { &r.v[k], 1 };
			if (bh_ranges_contain(one, x->num) && bh_ranges_contain(one, y->num))
				return true;
		}
	}
	return false;
}

/* By doc/man: a gateway sees what passes it, a host what it is an end of. */
static bool judge_pair(const struct bh_addr *c, const struct bh_addr *s, bool *open)
{
	static const uint16_t ports[] = { 139, 445, 5445 };
	const struct bh_view *v = w.point->view;
	bool mine_c = bh_addrset_contains(&v->self, c), mine_s = bh_addrset_contains(&v->self, s);
	struct bh_flow f = { .client = *c, .server = *s, .hook = BH_FWD };
	const struct bh_view *as = &w.fwd;

	*open = true;
	if (mine_c && mine_s)
		return false;
	if (mine_c || mine_s) {
		const struct bh_interface *i = link_to(mine_c ? s : c);
		as = v;
		f.hook = mine_c ? BH_OUT : BH_IN;
		f.localsubnet = i ? &i->onlink : NULL;
		if (i)
			memcpy(mine_c ? f.oif : f.iif, i->name, sizeof f.iif);
	} else if (!(v->gateway || w.point->forwards) || share_a_prefix(c, s)) {
		return false;
	}
	*open = false;
	for (size_t i = 0; i < BH_LEN(ports); i++) {
		struct bh_decision d;
		f.service = (struct bh_service){ .port = ports[i], .proto = BH_TCP };
		bh_policy_decide(w.b, as, &f, &d);
		*open |= d.admit;
	}
	return true;
}

static void judge_all(void)
{
	for (size_t i = 0; i < w.n; i++) {
		for (size_t k = 0; k < w.n; k++) {
			w.sees[i][k] = w.open[i][k] = false;
			if (i == k || w.v[i].family != w.v[k].family)
				continue;
			w.sees[i][k] = judge_pair(&w.v[i], &w.v[k], &w.open[i][k]);
		}
	}
}

static void walk_all(void)
{
	static size_t queue[MOST];

	for (size_t i = 0; i < w.n; i++) {
		bool seen[MOST] = { 0 };
		size_t n = 1;
		queue[0] = i;
		seen[i] = true;
		for (size_t at = 0; at < n; at++) {
			for (size_t k = 0; k < w.n; k++) {
				if (w.open[queue[at]][k] && !seen[k]) {
					seen[k] = true;
					queue[n++] = k;
				}
			}
		}
		w.reach[i] = n - 1;
	}
}

static int by_number(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

/* Everybody is told to be a workstation or a server, so that roles are not the question. */
static void compare(const struct bh_surface *s, const struct bh_addrset *servers)
{
	uint64_t pairs = 0, judged = 0, open = 0, lateral = 0, lateral_judged = 0, lateral_open = 0;
	uint64_t far[MOST], n = 0;

	for (size_t i = 0; i < w.n; i++) {
		bool station = !bh_addrset_contains(servers, &w.v[i]);
		if (station)
			far[n++] = w.reach[i];
		for (size_t k = 0; k < w.n; k++) {
			bool both = station && !bh_addrset_contains(servers, &w.v[k]);
			if (i == k || w.v[i].family != w.v[k].family)
				continue;
			pairs++;
			judged += w.sees[i][k];
			open += w.open[i][k];
			lateral += both;
			lateral_judged += both && w.sees[i][k];
			lateral_open += both && w.open[i][k];
		}
	}
	qsort(far, n, sizeof *far, by_number);
	EXPECT_INT(s->hosts, w.n);
	EXPECT_INT(s->pairs, pairs);
	EXPECT_INT(s->judged, judged);
	EXPECT_INT(bh_surface_open(s), open);
	EXPECT_INT(s->lateral, lateral);
	EXPECT_INT(s->lateral_judged, lateral_judged);
	EXPECT_INT(bh_surface_lateral_open(s), lateral_open);
	EXPECT_INT(s->stations, n);
	EXPECT_INT(s->reach.median, n ? far[(n - 1) / 2] : 0);
	EXPECT_INT(s->reach.most, n ? far[n - 1] : 0);
	EXPECT(s->used_open <= s->used && s->used <= s->pairs);
}

/* Half of the hosts; every one of them served somebody or did not, it does not matter. */
static struct bh_addrset tell_servers(struct bh_arena *a)
{
	struct bh_addrset servers = { 0 };

	for (size_t i = 0; i < w.n; i++) {
		if (pick(2))
			servers = bh_addrset_union(a, servers, bh_addrset_one(a, &w.v[i]));
	}
	/* Nobody else is one by what he did. */
	for (size_t i = 0; i < n_rows; i++) {
		if (!bh_addrset_contains(&servers, &rows[i].who.server))
			rows[i].who.outcome = BH_REFUSED;
	}
	return servers;
}

enum place { GATEWAY, HOST, ROUTER };

static void one_surface_holds(enum place place)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	static const uint8_t hash[BH_HASH];
	struct bh_view view;
	struct bh_interface links[3];
	struct bh_point point = { .view = &view, .ifaces = links, .forwards = place == ROUTER };
	struct bh_addr own[2];
	struct bh_table table;
	struct bh_surface s;

	random_inventory();
	own[0] = random_addr();
	own[1] = random_addr();
	point.n_ifaces = random_links(links, &a);
	bool read = bind_text(random_policy(&text), &a, &w.b);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(w.b, &a, &w.fwd) ||
		bh_policy_view_host(w.b, NULL, 0, own, 2, &a, &view))
		return;
	if (place == GATEWAY)
		view = w.fwd;
	w.point = &point;
	EXPECT_INT(
		bh_plan_table(w.b, &view, links, point.n_ifaces, point.forwards, hash, &a, &table),
		0);
	find_addrs(own, place == GATEWAY ? 0 : 2);
	struct bh_addrset servers = tell_servers(&a);
	struct bh_told told = { .servers = &servers };
	judge_all();
	walk_all();
	EXPECT_INT(surface_at(w.b, &point, &table, &told, &a, &s), 0);
	compare(&s, &servers);
	/* And with no policy at all. */
	struct bh_surface before;
	EXPECT_INT(surface_at(NULL, NULL, NULL, &told, &a, &before), 0);
	EXPECT_INT(bh_surface_open(&before), before.pairs);
	if (place == GATEWAY) {
		EXPECT_INT(before.reach.median, s.reach_before.median);
		EXPECT_INT(before.reach.most, s.reach_before.most);
	}
}

static void test_on_a_gateway_it_equals_counting_and_walking_pair_by_pair(void)
{
	for (int i = 0; i < 60 && !tap_bad; i++)
		one_surface_holds(GATEWAY);
}

static void test_on_a_host_it_equals_counting_and_walking_pair_by_pair(void)
{
	for (int i = 0; i < 40 && !tap_bad; i++)
		one_surface_holds(HOST);
}

static void test_on_a_host_that_forwards_it_equals_counting_and_walking(void)
{
	for (int i = 0; i < 40 && !tap_bad; i++)
		one_surface_holds(ROUTER);
}

static const char policy_text[] = "network desks 10.20.0.0/24 except 10.20.0.9\n"
				  "hosts files 10.10.0.20\n"
				  "default block all-smb\n"
				  "allow smb from desks to files\n";

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
	EXPECT_INT(surface_at(b, &point, NULL, NULL, &a, &s), 0);
	EXPECT_INT(s.hosts, 3);
	EXPECT_INT(s.pairs, 6);
	EXPECT_INT(s.judged, 4);
	EXPECT_INT(s.judged_open, 1); /* 10.20.0.11 to it */
	EXPECT_INT(bh_surface_open(&s), 3);
	EXPECT_INT(s.used, 3);
	EXPECT_INT(s.used_open, 2);
	EXPECT_INT(s.lateral, 2);
	EXPECT_INT(bh_surface_lateral_open(&s), 2);
	/* 10.20.0.9 cannot come in, but over 10.20.0.11 it can. */
	EXPECT_INT(s.stations, 2);
	EXPECT_INT(s.reach_before.most, 2);
	EXPECT_INT(s.reach.median, 2);
}

/* From workstation to server to domain controller: one step more than anybody allowed. */
static void test_reach_goes_on_where_the_next_host_may(void)
{
	BH_AUTO_ARENA a = { 0 };
	static const uint8_t hash[BH_HASH];
	const struct bh_bound *b;
	struct bh_view gw;
	struct bh_table table;
	struct bh_surface s;

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "bob", "\\\\fs1\\home");
	row("10.10.0.20", "10.10.0.5", "FS1$", "\\\\dc1\\SYSVOL");
	row("10.20.0.12", "10.10.0.21", "eve", "\\\\fs2\\home");
	for (int i = 0; i < 3; i++)
		row(i == 2  ? "10.20.0.13"
			: i ? "10.20.0.12"
			    : "10.20.0.11",
			"10.10.0.20", "u", "\\\\fs1\\home");
	bool read = bind_text("default block all-smb\n"
			      "allow smb from 10.20.0.11 to 10.10.0.20\n"
			      "allow smb from 10.20.0.12 to 10.10.0.21\n"
			      "allow smb from 10.10.0.20 to 10.10.0.5\n",
		&a, &b);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(b, &a, &gw) ||
		bh_plan_table(b, &gw, NULL, 0, false, hash, &a, &table))
		return;
	struct bh_point point = { .view = &gw };
	EXPECT_INT(surface_at(b, &point, &table, NULL, &a, &s), 0);
	EXPECT_INT(s.hosts, 6);
	EXPECT_INT(s.stations, 3); /* .11 reaches two, .12 one, .13 nobody */
	EXPECT_INT(s.reach_before.median, 5);
	EXPECT_INT(s.reach.median, 1);
	EXPECT_INT(s.reach.most, 2);
}

/* Ways that lead anywhere, cycles within cycles: the walk itself. */
static void test_reach_is_right_whatever_leads_where(void)
{
	enum { HOSTS = 40, WAYS = 25 };

	for (int round = 0; round < 300 && !tap_bad; round++) {
		BH_AUTO_ARENA a = { 0 };
		struct known k = { .n = HOSTS, .split = HOSTS };
		uint32_t of[HOSTS], got[HOSTS];
		struct spans to[WAYS] = { 0 };
		struct ways ways = { .known = &k, .of = of, .to = to, .n = WAYS };
		unsigned sparse = 1 + pick(6);

		for (size_t h = 0; h < HOSTS; h++)
			of[h] = pick(WAYS);
		for (size_t i = 0; i < WAYS; i++) {
			for (unsigned n = pick(4) / sparse + !pick(3); n; n--) {
				uint32_t lo = pick(HOSTS);
				spans_push(&to[i], &a, lo, lo + 1 + pick(2) * (lo + 1 < HOSTS));
			}
			spans_join(&to[i]);
		}
		w.n = HOSTS;
		for (uint32_t x = 0; x < HOSTS; x++) {
			for (uint32_t y = 0; y < HOSTS; y++)
				w.open[x][y] = x != y && spans_hold(&to[of[x]], y);
		}
		walk_all();
		EXPECT_INT(ways_reach(&ways, got), 0);
		for (size_t h = 0; h < HOSTS; h++)
			EXPECT_INT(got[h], w.reach[h]);
	}
}

int main(void)
{
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 10) : 20261129;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	RUN(test_on_a_gateway_it_equals_counting_and_walking_pair_by_pair);
	RUN(test_on_a_host_it_equals_counting_and_walking_pair_by_pair);
	RUN(test_on_a_host_that_forwards_it_equals_counting_and_walking);
	RUN(test_reach_is_right_whatever_leads_where);
	RUN(test_a_host_counts_the_pairs_it_is_an_end_of);
	RUN(test_reach_goes_on_where_the_next_host_may);
	return tap_done();
}
