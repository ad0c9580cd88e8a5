#include "inventory_network.h"
#include "tap.h"

static struct bh_arena arena;
static struct network_rows world;
static const struct bh_host_row *hosts;
static size_t n_hosts;

static void look(const struct bh_row *rows, size_t n, const struct bh_name_seen *names, size_t m)
{
	struct bh_witnesses w = { .names = names, .n_names = m };

	bh_arena_reset(&arena);
	EXPECT_INT(bh_inventory_hosts(rows, n, &w, &arena, &hosts, &n_hosts), 0);
}

static const struct bh_host_row *host(const char *addr)
{
	struct bh_addr a;

	EXPECT_INT(bh_addr_parse(addr, strlen(addr), &a), 0);
	for (size_t i = 0; i < n_hosts; i++) {
		if (bh_addr_equal(&hosts[i].addr, &a))
			return &hosts[i];
	}
	printf("# no host %s\n", addr);
	EXPECT(!"such a host");
	return hosts;
}

static void expect_roles(const char *addr, uint32_t want)
{
	uint32_t got = host(addr)->roles;

	EXPECT_INT(got, want);
	if (got == want)
		return;
	for (size_t i = 0; i < host(addr)->n_evidence; i++)
		printf("# %s: %s: %s\n", addr, bh_host_role_names[host(addr)->evidence[i].role],
			host(addr)->evidence[i].text);
}

#define ROLE(name) (1u << BH_HOST_##name)

static void test_a_small_network_plays_the_parts_one_knows(void)
{
	small_network(&world);
	look(world.v, world.n, NULL, 0);
	EXPECT_INT(n_hosts, 13);
	expect_roles("10.0.1.1", ROLE(CONTROLLER));
	expect_roles("10.0.1.2", ROLE(FILES) | ROLE(PRINTS));
	expect_roles("10.0.1.3", ROLE(FILES) | ROLE(NAS));
	expect_roles("10.0.1.4", ROLE(CLUSTER));
	expect_roles("10.0.1.5", ROLE(CLUSTER));
	expect_roles("10.0.1.6", ROLE(FILES) | ROLE(NAS));
	expect_roles("10.0.2.1", ROLE(WORKSTATION)); /* somebody administers it */
	expect_roles("10.0.2.2", ROLE(WORKSTATION));
	expect_roles("10.0.2.5", ROLE(WORKSTATION));
	expect_roles("10.0.2.9", ROLE(SCANNER));
	expect_roles("203.0.113.7", ROLE(INTERNET));
}

static void test_every_role_says_why(void)
{
	small_network(&world);
	look(world.v, world.n, NULL, 0);
	const struct bh_host_row *dc = host("10.0.1.1"), *fs = host("10.0.1.2");
	EXPECT_INT(dc->n_evidence, 2);
	EXPECT_STR(dc->evidence[0].text, "serves SYSVOL or NETLOGON to 4 clients");
	EXPECT_STR(dc->evidence[1].text, "answers on netlogon, the logon pipe");
	EXPECT_STR(fs->evidence[0].text, "serves 2 shares to 5 clients");
	EXPECT_INT(fs->clients, 6);
	EXPECT_STR(host("10.0.2.9")->evidence[0].text,
		"is called BRN30055C123456, as Brother names its devices");
	EXPECT_STR(host("10.0.2.9")->evidence[1].text, "only writes, and to 1 server");
	EXPECT_STR(host("10.0.2.2")->evidence[0].text, "uses 3 servers and serves nobody");
	EXPECT_STR(host("10.0.2.1")->evidence[0].text,
		"uses 3 servers and serves no more than 1 client");
	for (size_t i = 0; i < n_hosts; i++) {
		uint32_t said = 0;
		for (size_t k = 0; k < hosts[i].n_evidence; k++)
			said |= 1u << hosts[i].evidence[k].role;
		EXPECT_INT(said, hosts[i].roles);
	}
}

static void test_what_a_host_calls_itself_is_heard(void)
{
	struct bh_row row = row_of(PCAP, "10.0.0.1", "10.0.1.1", NULL, NULL);
	struct bh_name_seen names[] = {
		{ .addr = bh_addr_v4(0x0a000101),
			.name = "CORP",
			.group = 1,
			.roles = BH_ROLE_DOMAIN_CONTROLLER },
		{ .addr = bh_addr_v4(0x0a000101), .name = "OLDNAME", .when = 1 },
		{ .addr = bh_addr_v4(0x0a000101), .name = "DC1", .when = 2 },
		{ .addr = bh_addr_v4(0x0a000001), .name = "PC1" },
	};

	look(&row, 1, names, 4);
	EXPECT_STR(host("10.0.1.1")->name, "DC1");
	EXPECT_STR(host("10.0.0.1")->name, "PC1");
	expect_roles("10.0.1.1", ROLE(CONTROLLER));
	EXPECT_STR(host("10.0.1.1")->evidence[0].text,
		"calls itself a domain controller of CORP (NetBIOS 1C)");
	expect_roles("10.0.0.1", 0); /* no session was seen: nobody knows */
}

static void test_a_host_without_an_address_is_known_by_its_name(void)
{
	struct bh_row rows[] = {
		row_of(EVTX, "10.0.0.1", "fs1.corp.example", "\\\\*\\a", "alice"),
		row_of(EVTX, "10.0.0.2", "FS1", "\\\\*\\b", "bob"),
		row_of(EVTX, "10.0.0.2", "fs2", "\\\\*\\b", "bob"),
	};

	look(rows, 3, NULL, 0);
	EXPECT_INT(n_hosts, 4);
	EXPECT_INT(hosts[2].clients, 2);
	EXPECT_INT(hosts[3].clients, 1);
	EXPECT(bh_inventory_host(hosts, n_hosts, &rows[1].who, true) == &hosts[2]);
	EXPECT(bh_inventory_host(hosts, n_hosts, &rows[1].who, false) == &hosts[1]);
}

static void test_what_failed_makes_nobody_a_server(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\x\\SYSVOL", "eve"),
		row_of(PCAP, "10.0.0.1", "10.0.1.2", NULL, "eve"),
	};

	put_share_status(&rows[0], 0xc0000022);
	put_auth(&rows[1], BH_AUTH_NTLM, 0xc000006d);
	look(rows, 2, NULL, 0);
	for (size_t i = 0; i < n_hosts; i++)
		EXPECT_INT(hosts[i].roles, 0);
}

static void test_needs_are_told_with_their_source(void)
{
	uint32_t roles = 0;

	for (size_t i = 0; i < bh_needs_n; i++) {
		const struct bh_need *n = &bh_needs[i];
		EXPECT(n->feature && n->ports && n->from && n->source);
		EXPECT(n->role <= BH_HOST_ROLES && n->purpose < BH_PURPOSES);
		roles |= 1u << n->role;
	}
	EXPECT(roles >> BH_HOST_CONTROLLER & 1 && roles >> BH_HOST_FILES & 1 &&
		roles >> BH_HOST_PRINTS & 1 && roles >> BH_HOST_CLUSTER & 1);
}

int main(void)
{
	RUN(test_a_small_network_plays_the_parts_one_knows);
	RUN(test_every_role_says_why);
	RUN(test_what_a_host_calls_itself_is_heard);
	RUN(test_a_host_without_an_address_is_known_by_its_name);
	RUN(test_what_failed_makes_nobody_a_server);
	RUN(test_needs_are_told_with_their_source);
	bh_arena_reset(&arena);
	return tap_done();
}
