/* The judge, sentence by sentence of doc/policy.md §3.  (tests/policy/compare asks the
 * random questions.) */
#include "policy_helper.h"

static const char sample[] = "network clients 10.20.0.0/16 except it\n" /* 1 */
			     "network it 10.20.7.0/28\n"
			     "hosts files fs1, 10.10.2.0/24\n"
			     "hosts nas 10.10.9.9\n"
			     "default block all-smb\n" /* 5 */
			     "allow smb from clients to files\n"
			     "allow smb from it to any\n"
			     "block smb from any to nas\n"
			     "allow netbios from clients to files\n"
			     "allow quic from any to files\n" /* 10 */
			     "allow smbdirect out from self to localsubnet\n"
			     "allow smb in from localsubnet to self\n";

struct asked {
	struct bh_arena a;
	struct made m;
	struct bh_view gateway, fs1, client;
};

static void begin(struct asked *q, const char *text)
{
	static const char *const fs1_names[] = { "FS1" };
	struct bh_addr client = addr("10.20.1.1");

	*q = (struct asked){ 0 };
	make(&q->m, text);
	EXPECT_INT(q->m.diags.errors, 0);
	EXPECT(!bh_policy_view_gateway(q->m.b, &q->a, &q->gateway));
	EXPECT(!bh_policy_view_host(q->m.b, fs1_names, 1, NULL, 0, &q->a, &q->fs1));
	EXPECT(!bh_policy_view_host(q->m.b, NULL, 0, &client, 1, &q->a, &q->client));
}

static void end(struct asked *q)
{
	unmake(&q->m);
	bh_arena_reset(&q->a);
}

static struct bh_flow flow(
	enum bh_hook hook, const char *client, const char *server, const char *service)
{
	struct bh_flow f = { .hook = hook, .client = addr(client), .server = addr(server) };
	struct made m;

	make(&m, "service own tcp 9000\n");
	EXPECT(!bh_policy_service_parse(m.b, service, &f.service));
	unmake(&m);
	return f;
}

static void expect(const struct asked *q, const struct bh_view *v, const struct bh_flow *f,
	enum bh_verdict verdict, bool admit, unsigned line)
{
	struct bh_decision d;

	bh_policy_decide(q->m.b, v, f, &d);
	if (d.verdict != verdict || d.admit != admit || d.line != line)
		printf("# %s %d line %u\n", bh_verdict_names[d.verdict], d.admit, d.line);
	EXPECT(d.verdict == verdict && d.admit == admit && d.line == line);
	EXPECT(!!d.file == !!d.line);
}

static void test_a_gateway_judges_both_ends_by_address(void)
{
	struct asked q;
	begin(&q, sample);
	struct bh_flow f = flow(BH_FWD, "10.20.1.1", "10.10.1.1", "smb");
	expect(&q, &q.gateway, &f, BH_ALLOW, true, 6);
	f = flow(BH_FWD, "10.20.7.1", "10.10.1.1", "smb");
	expect(&q, &q.gateway, &f, BH_ALLOW, true, 7);
	f = flow(BH_FWD, "10.20.1.1", "10.10.3.1", "smb");
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 5);
	f = flow(BH_FWD, "fd00::1", "fd00:10::11", "smb");
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 5);
	end(&q);
}

static void test_a_block_beats_an_allow_wherever_it_stands(void)
{
	struct asked q;
	begin(&q, sample);
	struct bh_flow f = flow(BH_FWD, "10.20.7.1", "10.10.9.9", "smb");
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 8);
	end(&q);
}

static void test_a_host_is_asked_who_it_is_not_where_the_packet_says(void)
{
	struct asked q;
	begin(&q, sample);
	/* The packet's own address does not matter on the side that is this machine. */
	struct bh_flow f = flow(BH_IN, "10.20.1.1", "172.16.0.1", "smb");
	expect(&q, &q.fs1, &f, BH_ALLOW, true, 6);
	expect(&q, &q.client, &f, BH_BLOCK, false, 5);
	f = flow(BH_OUT, "172.16.0.1", "10.10.1.1", "smb");
	expect(&q, &q.client, &f, BH_ALLOW, true, 6);
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 5);
	end(&q);
}

static void test_self_as_a_peer_is_this_machines_own_addresses(void)
{
	struct asked q;
	begin(&q, "default block smb\nallow smb out from any to self\nhosts f fs1\n");
	struct bh_flow f = flow(BH_OUT, "10.10.1.1", "10.10.1.1", "smb");
	expect(&q, &q.fs1, &f, BH_ALLOW, true, 2);
	f.server = addr("10.10.1.2");
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 1);
	end(&q);
}

static void test_localsubnet_comes_with_the_flow_and_not_with_a_gateway(void)
{
	struct asked q;
	begin(&q, sample);
	struct bh_addr lo = addr("192.168.1.0"), hi = addr("192.168.1.255");
	struct bh_addrset onlink = bh_addrset_range(&q.a, &lo, &hi);
	struct bh_flow f = flow(BH_IN, "192.168.1.5", "192.168.1.9", "smb");
	expect(&q, &q.client, &f, BH_BLOCK, false, 5);
	f.localsubnet = &onlink;
	expect(&q, &q.client, &f, BH_ALLOW, true, 12);
	f = flow(BH_OUT, "192.168.1.5", "192.168.1.9", "smbdirect");
	f.localsubnet = &onlink;
	expect(&q, &q.client, &f, BH_ALLOW, true, 11);
	end(&q);
	begin(&q, "default block smb\nallow smb from localsubnet, self to any\n");
	f = flow(BH_FWD, "192.168.1.5", "192.168.1.9", "smb");
	f.localsubnet = &onlink;
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 1);
	end(&q);
}

static void test_loopback_is_never_governed(void)
{
	struct asked q;
	begin(&q, "default block all-smb\nblock smb from any to any\n");
	struct bh_flow f = flow(BH_IN, "127.0.0.1", "127.0.0.1", "smb");
	expect(&q, &q.fs1, &f, BH_PASS, true, 0);
	f = flow(BH_IN, "::1", "::1", "smb");
	expect(&q, &q.fs1, &f, BH_PASS, true, 0);
	f = flow(BH_IN, "10.0.0.1", "127.9.9.9", "smb");
	expect(&q, &q.fs1, &f, BH_PASS, true, 0);
	f = flow(BH_IN, "10.0.0.1", "10.0.0.2", "smb");
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 2);
	memcpy(f.iif, "lo", 3);
	expect(&q, &q.fs1, &f, BH_PASS, true, 0);
	end(&q);
}

static void test_a_port_that_nobody_declared_passes(void)
{
	struct asked q;
	begin(&q, "default block all-smb, quic\nblock all-smb from any to any\n");
	struct bh_flow f = flow(BH_FWD, "10.0.0.1", "10.0.0.2", "tcp/80");
	expect(&q, &q.gateway, &f, BH_PASS, true, 0);
	f = flow(BH_FWD, "10.0.0.1", "10.0.0.2", "udp/445");
	expect(&q, &q.gateway, &f, BH_PASS, true, 0);
	f = flow(BH_FWD, "10.0.0.1", "10.0.0.2", "quic");
	expect(&q, &q.gateway, &f, BH_PASS, true, 0);
	end(&q);
}

static void test_quic_is_governed_towards_named_servers_alone(void)
{
	struct asked q;
	begin(&q, "hosts files fs1\nnetwork c 10.20.0.0/16\nallow quic out from c to files\n"
		  "default block quic\n");
	struct bh_flow f = flow(BH_FWD, "10.20.1.1", "10.10.1.1", "quic");
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 4);
	f.server = addr("10.10.1.2");
	expect(&q, &q.gateway, &f, BH_PASS, true, 0);
	f = flow(BH_OUT, "10.20.1.1", "10.10.1.1", "quic");
	expect(&q, &q.client, &f, BH_ALLOW, true, 3);
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 4);
	f = flow(BH_IN, "10.20.1.1", "10.10.1.1", "quic");
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 4);
	expect(&q, &q.client, &f, BH_PASS, true, 0);
	end(&q);
}

static void test_without_a_default_what_no_rule_names_passes(void)
{
	struct asked q;
	begin(&q, "default block smb in\nallow smb from 10.0.0.1 to any\n");
	struct bh_flow f = flow(BH_FWD, "10.0.0.2", "10.0.0.3", "smb");
	expect(&q, &q.gateway, &f, BH_PASS, true, 0);
	f.hook = BH_IN;
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 1);
	end(&q);
}

static void test_the_lowest_line_of_the_deciding_kind_is_told(void)
{
	struct asked q;
	begin(&q, "allow smb from any to any\nblock smb from 10.0.0.1 to any\n"
		  "block smb from 10.0.0.0/8 to any\nallow smb from any to 10.0.0.9\n"
		  "default block netbios\ndefault block netbios in\n");
	struct bh_flow f = flow(BH_FWD, "10.0.0.1", "10.0.0.9", "smb");
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 2);
	f.client = addr("11.0.0.1");
	expect(&q, &q.gateway, &f, BH_ALLOW, true, 1);
	f = flow(BH_IN, "10.0.0.1", "10.0.0.9", "netbios-ssn");
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 5);
	end(&q);
}

static void test_netbios_from_its_own_port_is_admitted_either_way(void)
{
	struct asked q;
	begin(&q, sample);
	/* fs1 answers a client: nothing allows fs1 → client, the client may ask fs1. */
	struct bh_flow f = flow(BH_OUT, "10.10.1.1", "10.20.1.1", "netbios-ns");
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 5);
	f.sport = 137;
	expect(&q, &q.fs1, &f, BH_BLOCK, true, 5);
	f.sport = 138;
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 5);
	f = flow(BH_FWD, "10.10.1.1", "10.20.1.1", "netbios-dgm");
	f.sport = 138;
	expect(&q, &q.gateway, &f, BH_BLOCK, true, 5);
	/* tcp/139 has no such rule. */
	f = flow(BH_FWD, "10.10.1.1", "10.20.1.1", "netbios-ssn");
	f.sport = 139;
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 5);
	end(&q);
}

static void test_multicast_is_met_by_the_word_any_alone(void)
{
	struct asked q;
	begin(&q, "network all any\ndefault block netbios\nallow netbios from all to all\n");
	struct bh_flow f = flow(BH_FWD, "10.0.0.1", "224.0.0.1", "netbios-ns");
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 2);
	f.server = addr("255.255.255.255");
	expect(&q, &q.gateway, &f, BH_BLOCK, false, 2);
	f.server = addr("10.255.255.255");
	expect(&q, &q.gateway, &f, BH_ALLOW, true, 3);
	end(&q);
	begin(&q, "default block netbios\nallow netbios from any to any\n");
	f = flow(BH_FWD, "10.0.0.1", "224.0.0.1", "netbios-ns");
	expect(&q, &q.gateway, &f, BH_ALLOW, true, 2);
	end(&q);
}

/* `except` is decided for the machine, not for each of its addresses. */
static void test_a_machine_is_excepted_by_any_of_its_addresses(void)
{
	struct asked q;
	struct bh_view v;
	struct bh_addr two[] = { addr("10.1.0.1"), addr("10.2.0.1") };

	begin(&q, "network a 10.0.0.0/8 except 10.2.0.0/16\nnetwork b a, 192.168.0.0/16\n"
		  "default block smb\nallow smb from b to any\n");
	struct bh_flow f = flow(BH_OUT, "10.1.0.1", "9.9.9.9", "smb");
	EXPECT(!bh_policy_view_host(q.m.b, NULL, 0, two, 1, &q.a, &v));
	expect(&q, &v, &f, BH_ALLOW, true, 4);
	EXPECT(!bh_policy_view_host(q.m.b, NULL, 0, two, 2, &q.a, &v));
	expect(&q, &v, &f, BH_BLOCK, false, 3);
	end(&q);
}

/* ---- profiles, interfaces, days, associations ---- */

static const char roaming[] =
	"hosts laptops l1, l2\n" /* 1 */
	"roaming laptops\n"
	"network corp 10.0.0.0/8\n"
	"hosts files fs1\n"
	"interfaces vpn wg*, tun0\n" /* 5 */
	"group staff certificate \"CN=Staff\"\n"
	"group admins sid S-1-5-32-544\n"
	"default block netbios\n"
	"allow smb in from laptops, 10.9.0.0/16 to files if integrity\n"
	"allow smb out from laptops to corp on private\n" /* 10 */
	"allow smbdirect from corp to files if secure as staff, admins by kerberos\n"
	"allow smb out from laptops to 192.168.0.0/16 via vpn on all\n"
	"block smb out from any to 10.66.0.0/16\n"
	"allow quic out from any to 10.1.0.0/16 until 2027-01-15\n"
	"allow netbios from corp to corp until 2027-01-16\n"; /* 15 */

static struct bh_view view_of(struct asked *q, const char *name)
{
	struct bh_view v;
	EXPECT(!bh_policy_view_host(q->m.b, &name, 1, NULL, 0, &q->a, &v));
	return v;
}

static void test_a_roaming_machine_is_on_the_profile_of_its_interface(void)
{
	struct asked q;
	begin(&q, roaming);
	struct bh_view l1 = view_of(&q, "L1"), other = view_of(&q, "stranger");
	struct bh_flow f = flow(BH_OUT, "10.3.3.3", "10.1.1.1", "smb");
	EXPECT(l1.roaming && l1.roaming->line == 2 && !other.roaming && !q.fs1.roaming);
	f.profile = BH_PUBLIC;
	expect(&q, &l1, &f, BH_BLOCK, false, 0);
	f.profile = BH_PRIVATE;
	expect(&q, &l1, &f, BH_ALLOW, true, 10);
	f.profile = BH_DOMAIN;
	expect(&q, &l1, &f, BH_PASS, true, 0);
	f.server = addr("10.66.0.1");
	expect(&q, &l1, &f, BH_BLOCK, false, 13);
	/* Nobody else has profiles. */
	f.server = addr("10.1.1.1");
	f.profile = BH_PUBLIC;
	expect(&q, &other, &f, BH_PASS, true, 0);
	end(&q);
}

static void test_an_address_says_nothing_about_a_roaming_machine(void)
{
	static const char *const name[] = { "l2" };
	struct asked q;
	struct bh_view v;
	struct bh_addr a = addr("10.3.3.3");

	begin(&q, "hosts l l1, l2\nroaming l\nnetwork corp 10.0.0.0/8\ndefault allow smb\n"
		  "block smb out from corp to any\nblock smb out from any to self\n");
	EXPECT(!bh_policy_view_host(q.m.b, name, 1, &a, 1, &q.a, &v));
	struct bh_flow f = flow(BH_OUT, "10.3.3.3", "10.1.1.1", "smb");
	expect(&q, &v, &f, BH_ALLOW, true, 4);
	f.server = a; /* yet it is its own */
	expect(&q, &v, &f, BH_BLOCK, false, 6);
	EXPECT(bh_policy_roams(q.m.b, "L1") && !bh_policy_roams(q.m.b, "l3"));
	end(&q);
	/* Not even where it stands at the address of one that is excepted. */
	begin(&q, "hosts l l1, l2, fs1 except fs1\nroaming l\nblock smb out from l to any\n");
	a = addr("10.10.1.1");
	EXPECT(!bh_policy_view_host(q.m.b, name, 1, &a, 1, &q.a, &v));
	EXPECT(v.roaming && v.from_me[0]);
	EXPECT(!q.fs1.roaming);
	end(&q);
}

static void test_via_is_the_interface_a_packet_leaves_by(void)
{
	struct asked q;
	begin(&q, roaming);
	struct bh_view l1 = view_of(&q, "l1");
	struct bh_flow f = flow(BH_OUT, "10.3.3.3", "192.168.1.1", "smb");
	static const char *const in[] = { "wg0", "wg", "wg-home", "tun0" };
	static const char *const not [] = { "", "tun1", "Wg0", "eth0", "w" };

	f.profile = BH_PUBLIC;
	for (size_t i = 0; i < BH_LEN(in); i++) {
		snprintf(f.oif, sizeof f.oif, "%s", in[i]);
		expect(&q, &l1, &f, BH_ALLOW, true, 12);
	}
	for (size_t i = 0; i < BH_LEN(not ); i++) {
		snprintf(f.oif, sizeof f.oif, "%s", not [i]);
		expect(&q, &l1, &f, BH_BLOCK, false, 0);
	}
	end(&q);
}

static void test_a_day_that_is_over_ends_a_rule(void)
{
	struct asked q;
	begin(&q, roaming); /* it is the 16th */
	struct bh_flow f = flow(BH_OUT, "10.3.3.3", "10.1.1.1", "quic");
	expect(&q, &q.fs1, &f, BH_PASS, true, 0);
	f = flow(BH_FWD, "10.3.3.3", "10.1.1.1", "netbios-ssn");
	expect(&q, &q.gateway, &f, BH_ALLOW, true, 15);
	end(&q);
	/* What it named stays named. */
	begin(&q, "default block quic\nallow quic out from any to 10.1.0.0/16 until 2027-01-15\n");
	f = flow(BH_OUT, "10.3.3.3", "10.1.1.1", "quic");
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 1);
	f.server = addr("10.2.0.1");
	expect(&q, &q.fs1, &f, BH_PASS, true, 0);
	end(&q);
}

static void test_if_asks_for_level_way_and_group(void)
{
	static const char *const groups[] = { "Admins", "others" };
	struct bh_association sa = { groups, 2, BH_LEVEL_SECURE, BH_BY_KERBEROS };
	struct asked q;
	begin(&q, roaming);
	struct bh_flow f = flow(BH_IN, "10.3.3.3", "10.10.1.1", "smbdirect");
	expect(&q, &q.fs1, &f, BH_SECURE, false, 11);
	f.secured = &sa;
	expect(&q, &q.fs1, &f, BH_SECURE, true, 11);
	sa.by = BH_BY_CERTIFICATE;
	expect(&q, &q.fs1, &f, BH_SECURE, false, 11);
	sa.by = BH_BY_UNSAID;
	expect(&q, &q.fs1, &f, BH_SECURE, false, 11);
	sa.by = BH_BY_KERBEROS;
	sa.groups = groups + 1;
	sa.n_groups = 1;
	expect(&q, &q.fs1, &f, BH_SECURE, false, 11);
	/* A gateway cannot see inside. */
	sa.groups = groups;
	f.hook = BH_FWD;
	expect(&q, &q.gateway, &f, BH_SECURE, false, 11);
	end(&q);
}

static void test_roaming_members_come_from_anywhere_and_prove_who_they_are(void)
{
	static const char *const laptops[] = { "LAPTOPS" }, *const staff[] = { "staff" };
	struct bh_association sa = { staff, 1, BH_LEVEL_ENCRYPTED, BH_BY_CERTIFICATE };
	struct asked q;
	begin(&q, roaming);
	struct bh_flow f = flow(BH_IN, "8.8.8.8", "10.10.1.1", "smb");
	expect(&q, &q.fs1, &f, BH_SECURE, false, 9);
	f.secured = &sa;
	expect(&q, &q.fs1, &f, BH_SECURE, false, 9);
	sa.groups = laptops;
	expect(&q, &q.fs1, &f, BH_SECURE, true, 9);
	sa.level = BH_LEVEL_SECURE;
	expect(&q, &q.fs1, &f, BH_SECURE, false, 9);
	/* Whom the list has by address needs no such group. */
	sa.groups = staff;
	sa.level = BH_LEVEL_INTEGRITY;
	f.client = addr("10.9.0.1");
	expect(&q, &q.fs1, &f, BH_SECURE, true, 9);
	end(&q);
}

static void test_a_plain_allow_beats_one_that_is_secure_and_a_block_beats_both(void)
{
	struct bh_association sa = { NULL, 0, BH_LEVEL_ENCRYPTED, BH_BY_UNSAID };
	struct asked q;
	begin(&q,
		"default block smb\nallow smb from 10.0.0.0/8 to any if secure\n"
		"allow smb from 10.1.0.0/16 to any even in clear\nblock smb from 10.1.1.0/24 to any\n");
	struct bh_flow f = flow(BH_IN, "10.2.0.1", "10.10.1.1", "smb");
	expect(&q, &q.fs1, &f, BH_SECURE, false, 2);
	f.client = addr("10.1.0.1");
	expect(&q, &q.fs1, &f, BH_ALLOW, true, 3);
	f.client = addr("10.1.1.1");
	f.secured = &sa;
	expect(&q, &q.fs1, &f, BH_BLOCK, false, 4);
	end(&q);
}

static void expect_errors(const char *text, unsigned n)
{
	struct made m;

	make(&m, text);
	if (m.diags.errors != n)
		printf("# %s", text);
	EXPECT_INT(m.diags.errors, n);
	unmake(&m);
}

#define SECURE "allow smb in from 10.0.0.0/8 to files if secure\n"

static void test_a_plain_allow_beside_a_secure_one_must_mean_it(void)
{
	static const char hosts[] = "hosts files fs1\nhosts l l1\nroaming l\ninterfaces v wg0\n";
	static const struct {
		const char *rules;
		unsigned errors;
	} cases[] = {
		{ SECURE "allow smb from 10.1.0.0/16 to files\n", 1 },
		{ SECURE "allow smb from 10.1.0.0/16 to files even in clear\n", 0 },
		{ SECURE "allow smb from 11.1.0.0/16 to files\n", 0 },
		{ SECURE "allow smb from 10.1.0.0/16 to 10.0.0.1\n", 0 },
		{ SECURE "allow netbios from any to any\n", 0 },
		{ SECURE "allow all-smb from any to any\n", 1 },
		{ SECURE "allow smb out from any to any\n", 0 },
		{ SECURE "allow smb in from any to any on public\n", 0 },
		{ SECURE "allow smb from any to any on public\n", 1 }, /* it has fwd */
		{ SECURE "allow smb in from any to any until 2020-01-01\n", 1 },
		{ SECURE "allow smb from any to any via v\n", 1 },
		{ SECURE "allow smb in from localsubnet to self\n", 1 },
		{ SECURE "block smb from any to any\n", 0 },
		{ "allow smb in from l to files if secure\nallow smb in from 9.9.9.9 to files\n",
			1 },
		{ "allow smb from l to files if secure\nallow smb out from 9.9.9.9 to files\n", 0 },
		{ "allow smb out from l to files if secure\nallow smb out from l to files\n", 1 },
		{ "network all any\nallow smb out from l to files if secure\n"
		  "allow smb out from all to files\n",
			1 },
	};

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_buf_printf(&b, "%s%s", hosts, cases[i].rules);
		expect_errors(bh_buf_text(&b), cases[i].errors);
	}
}

static void test_what_changes_is_told_and_what_does_not_is_not(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF same = { 0 }, b = { 0 };
	struct made x, y, z;
	unsigned n = 9;

	make(&x, "network c 10.20.0.0/16\ndefault block smb\nallow smb from c to 10.0.0.1\n");
	make(&y, "default block smb\nallow smb from 10.20.0.0/17, 10.20.128.0/17 to 10.0.0.1\n");
	make(&z, "network c 10.20.0.0/17\ndefault block smb\nallow smb from c to 10.0.0.1\n");
	EXPECT(!bh_policy_diff(x.b, x.b, &a, &same, &n));
	EXPECT_INT(n, 0);
	EXPECT_STR(bh_buf_text(&same), "");
	EXPECT(!bh_policy_diff(x.b, z.b, &a, &b, &n));
	EXPECT_INT(n, 2);
	EXPECT_STR(bh_buf_text(&b),
		"gateway: smb is now blocked from 10.20.128.0/17 to 10.0.0.1\n"
		"hosts: 'allow smb from c to 10.0.0.1' (p:3): from no longer 10.20.128.0/17\n");
	/* The same for a gateway, though written otherwise. */
	bh_buf_reset(&b);
	EXPECT(!bh_policy_diff(x.b, y.b, &a, &b, &n));
	EXPECT(!strstr(bh_buf_text(&b), "gateway:"));
	EXPECT_INT(n, 2);
	unmake(&x);
	unmake(&y);
	unmake(&z);
}

static void expect_diff(const char *from, const char *to, const char *want)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct made x, y;
	unsigned n = 0, lines = 0;

	make(&x, from);
	make(&y, to);
	EXPECT(!x.diags.errors && !y.diags.errors);
	EXPECT(!bh_policy_diff(x.b, y.b, &a, &b, &n));
	EXPECT_STR(bh_buf_text(&b), want);
	for (const char *c = want; *c; c++)
		lines += *c == '\n';
	EXPECT_INT(n, lines);
	unmake(&x);
	unmake(&y);
}

static void test_a_difference_names_the_interface_where_it_matters(void)
{
	expect_diff(
		"interfaces v wg0\ndefault block smb\nallow smb from 10.0.0.1 to 10.0.0.2 via v\n",
		"interfaces v wg*\ndefault block smb\nallow smb from 10.0.0.1 to 10.0.0.2 via v\n",
		"gateway: smb leaving by wg* is now admitted from 10.0.0.1 to 10.0.0.2\n"
		"hosts: 'allow smb from 10.0.0.1 to 10.0.0.2 via v' (p:3): via is now wg*, it was "
		"wg0\n");
	/* Alike on all of them: none is named. */
	expect_diff("interfaces v wg0\nallow smb from 10.0.0.1 to 10.0.0.2 via v\n",
		"interfaces v wg0\nallow smb from 10.0.0.1 to 10.0.0.2 via v\ndefault block smbdirect\n"
		"allow smbdirect from any to any\n",
		"hosts: + allow smbdirect from any to any  (p:4)\n"
		"hosts: what no rule names of smbdirect in is blocked now, it passed before\n"
		"hosts: what no rule names of smbdirect out is blocked now, it passed before\n");
	/* Either way round, by the interface of that way. */
	expect_diff("interfaces v wg0\nallow netbios-ns from 10.0.0.1 to 10.0.0.2 via v\n"
		    "default block netbios-ns\n",
		"interfaces v wg0\ndefault block netbios-ns\n",
		"gateway: netbios-ns leaving by wg0 is now blocked from 10.0.0.1 to 10.0.0.2\n"
		"gateway: netbios-ns from its own port leaving by wg0, come in by wg0, is now blocked "
		"from 10.0.0.1 to 10.0.0.2\n"
		"gateway: netbios-ns from its own port leaving by wg0, come in by wg0, is now blocked "
		"from 10.0.0.2 to 10.0.0.1\n"
		"gateway: netbios-ns from its own port leaving by wg0, come in by any other, is now "
		"blocked from 10.0.0.1 to 10.0.0.2\n"
		"gateway: netbios-ns from its own port leaving by any other interface, come in by "
		"wg0, is now blocked from 10.0.0.2 to 10.0.0.1\n"
		"hosts: - allow netbios-ns from 10.0.0.1 to 10.0.0.2 via v  (p:2)\n");
}

static void test_a_difference_names_the_sentences_that_rules_rest_on(void)
{
	expect_diff("hosts l fs1\nhosts d 10.0.0.1\ngroup g sid S-1-1-0\nprofile public otherwise\n"
		    "server off on d\nring r rest\nallow smb in from any to d if secure\n",
		"hosts l fs1\nroaming l\nhosts d 10.0.0.1\ngroup g sid S-1-5-7\nring r rest soak 1d\n"
		"allow smb in from any to d if encrypted\n",
		"hosts: + allow smb in from any to d if encrypted  (p:6)\n"
		"hosts: - allow smb in from any to d if secure  (p:7)\n"
		"hosts: - group g sid S-1-1-0  (p:3)\n"
		"hosts: + group g sid S-1-5-7  (p:4)\n"
		"hosts: - profile public otherwise  (p:4)\n"
		"hosts: - ring r rest  (p:6)\n"
		"hosts: + ring r rest soak 1 day  (p:5)\n"
		"hosts: + roaming l  (p:2)\n"
		"hosts: - server off on d  (p:5)\n");
}

int main(void)
{
	RUN(test_a_gateway_judges_both_ends_by_address);
	RUN(test_a_block_beats_an_allow_wherever_it_stands);
	RUN(test_a_host_is_asked_who_it_is_not_where_the_packet_says);
	RUN(test_self_as_a_peer_is_this_machines_own_addresses);
	RUN(test_localsubnet_comes_with_the_flow_and_not_with_a_gateway);
	RUN(test_loopback_is_never_governed);
	RUN(test_a_port_that_nobody_declared_passes);
	RUN(test_quic_is_governed_towards_named_servers_alone);
	RUN(test_without_a_default_what_no_rule_names_passes);
	RUN(test_the_lowest_line_of_the_deciding_kind_is_told);
	RUN(test_netbios_from_its_own_port_is_admitted_either_way);
	RUN(test_multicast_is_met_by_the_word_any_alone);
	RUN(test_a_machine_is_excepted_by_any_of_its_addresses);
	RUN(test_a_roaming_machine_is_on_the_profile_of_its_interface);
	RUN(test_an_address_says_nothing_about_a_roaming_machine);
	RUN(test_via_is_the_interface_a_packet_leaves_by);
	RUN(test_a_day_that_is_over_ends_a_rule);
	RUN(test_if_asks_for_level_way_and_group);
	RUN(test_roaming_members_come_from_anywhere_and_prove_who_they_are);
	RUN(test_a_plain_allow_beats_one_that_is_secure_and_a_block_beats_both);
	RUN(test_a_plain_allow_beside_a_secure_one_must_mean_it);
	RUN(test_what_changes_is_told_and_what_does_not_is_not);
	RUN(test_a_difference_names_the_interface_where_it_matters);
	RUN(test_a_difference_names_the_sentences_that_rules_rest_on);
	return tap_done();
}
