/*
 * Sentences → table against sentences → judge: random policies as text, seen by hosts
 * known by name or by address and by a gateway.
 */
#include "plan/plan.h"
#include "plan_compare.h"
#include "tap.h"

static uint64_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static struct bh_addr at(const char *text)
{
	struct bh_addr a = { 0 };
	EXPECT_INT(bh_addr_parse(text, strlen(text), &a), 0);
	return a;
}

static const struct {
	const char *name, *addr;
} machines[] = { { "fs1", "10.1.0.5" }, { "fs1", "fd00:1::5" }, { "fs2", "10.1.0.6" },
	{ "desk", "10.2.0.9" }, { "gone", "192.0.2.7" } };

static int resolve(
	void *ctx, const char *name, void (*add)(void *to, const struct bh_addr *a), void *to)
{
	int r = -ENOENT;

	(void)ctx;
	for (size_t i = 0; i < BH_LEN(machines); i++) {
		if (!strcmp(machines[i].name, name)) {
			struct bh_addr a = at(machines[i].addr);
			add(to, &a);
			r = 0;
		}
	}
	return r;
}

static const char *one_of(const char *const *v, size_t n)
{
	return v[pick((unsigned)n)];
}

static void write_policy(struct bh_buf *b)
{
	static const char *const sets[] = { "network n0 10.1.0.0/29\n",
		"network n1 10.1.0.0/24, fd00:1::/64 except n0, fd00:1::8\n",
		"network n2 10.2.0.0/16, fd00:2::/32 except 10.2.0.8/30\n",
		"network n3 any except n2\n", "network n4 internet\n", "hosts h0 fs1, 10.2.0.9\n",
		"hosts h1 fs2, desk, fd00:2::4\n", "hosts h2 10.1.0.0-10.1.0.9, fs1 except fs2\n" };
	static const char *const peers[] = { "n0", "n1", "n2", "n3", "n4", "h0", "h1", "h2", "self",
		"localsubnet", "n1, h1", "h0, localsubnet", "10.2.0.0/30, self" };
	static const char *const services[] = { "smb", "netbios", "smbdirect", "all-smb", "own",
		"smb, own", "quic", "quic, netbios" };
	static const char *const ways[] = { "", " in", " out" };

	for (size_t i = 0; i < BH_LEN(sets); i++)
		bh_buf_str(b, sets[i]);
	bh_buf_str(b, "service own tcp 8445\n");
	if (pick(3))
		bh_buf_printf(b, "default block all-smb%s\n", one_of(ways, BH_LEN(ways)));
	if (pick(2))
		bh_buf_str(b, "default block own, quic\n");
	for (unsigned n = pick(7); n; n--) {
		const char *service = one_of(services, BH_LEN(services));
		bool quic = strstr(service, "quic");
		const char *from = pick(4) ? one_of(peers, BH_LEN(peers)) : "any";
		const char *to = pick(4) || quic ? one_of(peers, BH_LEN(peers)) : "any";
		bh_buf_printf(b, "%s %s%s from %s to %s\n", pick(3) ? "allow" : "block", service,
			one_of(ways, BH_LEN(ways)), from, to);
	}
}

struct place {
	struct bh_view view;
	struct bh_interface ifaces[2];
	bool forwards;
};

static int view_of(const struct bh_bound *b, unsigned which, struct bh_arena *a, struct place *ret)
{
	static const char *const names[] = { "fs1", "FS2", "desk", "stranger" };
	struct bh_addr lo = at("10.1.0.0"), hi = at("10.1.0.127"), six = at("fd00:2::4");
	const struct bh_addr own[] = { at("10.2.0.2"), at("10.1.0.7"), at("fd00:1::7") };

	*ret = (struct place){ .forwards = pick(2) };
	snprintf(ret->ifaces[0].name, BH_IFNAME, "eth1");
	ret->ifaces[0].onlink = bh_addrset_range(a, &lo, &hi);
	snprintf(ret->ifaces[1].name, BH_IFNAME, "eth0");
	ret->ifaces[1].onlink = bh_addrset_one(a, &six);
	if (which == 0)
		return bh_policy_view_gateway(b, a, &ret->view);
	return bh_policy_view_host(b, &names[which - 1], which == 4 ? 0 : 1, own,
		which % 2 ? 0 : BH_LEN(own), a, &ret->view);
}

static uint64_t asked;

static void compare(const struct bh_bound *b, const struct place *p, const struct bh_table *t,
	struct bh_flow *f)
{
	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (h == BH_FWD ? !p->view.gateway && !p->forwards : p->view.gateway)
			continue;
		f->hook = (enum bh_hook)h;
		for (size_t i = 0; i < 2 * b->n_services; i++) {
			struct bh_decision d;
			f->service = b->services[i / 2].service;
			f->sport = i % 2 ? f->service.port : 0;
			bh_policy_decide(b, &p->view, f, &d);
			bool loopback = f->client.num >> 24 == 127 || f->server.num >> 24 == 127 ||
					f->client.num == 1 || f->server.num == 1;
			asked++;
			/* The shape in the kernel admits loopback by itself. */
			EXPECT_INT(loopback || by_table(t, f), d.admit);
		}
	}
}

static void at_this_place(const struct bh_bound *b, unsigned which)
{
	static const uint8_t hash[BH_HASH];
	static struct bh_addr v[MAX_POINTS];
	BH_AUTO_ARENA a = { 0 };
	struct bh_table t = { 0 };
	struct place p;
	size_t n = 0;

	EXPECT_INT(view_of(b, which, &a, &p), 0);
	EXPECT_INT(bh_plan_table(b, &p.view, p.ifaces, 2, p.forwards, hash, &a, &t), 0);
	for (size_t i = 0; i < b->n_atoms; i++)
		n = add_edges(v, n, &b->atoms[i]);
	n = add_edges(v, n, &p.view.self);
	n = add_edges(v, n, &p.ifaces[0].onlink);
	n = add_edges(v, n, &p.ifaces[1].onlink);
	for (unsigned k = 0; n && k < 150; k++) {
		struct bh_flow f = { .client = v[pick((unsigned)n)],
			.server = v[pick((unsigned)n)] };
		unsigned i = pick(3);
		if (f.client.family != f.server.family)
			continue;
		snprintf(f.iif, BH_IFNAME, "eth%u", i);
		snprintf(f.oif, BH_IFNAME, "eth%u", i);
		f.localsubnet = i == 2 ? NULL : &p.ifaces[1 - i].onlink;
		compare(b, &p, &t, &f);
	}
}

static void test_sentences_mean_the_same_to_table_and_judge(void)
{
	const char *rounds = getenv("ROUNDS");
	unsigned bound = 0, refused = 0;

	for (int i = rounds ? atoi(rounds) : 1000; i > 0 && !tap_bad; i--) {
		BH_AUTO_ARENA a = { 0 };
		BH_AUTO_BUF text = { 0 };
		struct bh_diags d = { .arena = &a };
		const struct bh_names names = { .resolve = resolve };
		const struct bh_policy *policy;
		const struct bh_bound *b = NULL;

		write_policy(&text);
		EXPECT_INT(
			bh_policy_parse("p", bh_span_of(text.ptr, text.len), &a, &d, &policy), 0);
		if (!d.errors)
			EXPECT_INT(bh_policy_bind(policy, &names, &a, &d, &b), 0);
		if (d.errors) {
			refused++; /* two different defaults and the like */
			continue;
		}
		bound++;
		for (unsigned which = 0; which < 5; which++)
			at_this_place(b, which);
		if (tap_bad)
			printf("# in\n%s", bh_buf_text(&text));
	}
	printf("# %u policies, %u refused, %llu flows\n", bound, refused,
		(unsigned long long)asked);
	EXPECT(bound > refused && asked > 0);
}

int main(void)
{
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 10) : 20261124;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	RUN(test_sentences_mean_the_same_to_table_and_judge);
	return tap_done();
}
