#include "inventory_network.h"
#include "tap.h"

static struct bh_arena arena;
static struct network_rows world;
static const struct bh_endpoint *got;
static size_t n_got;

static void ask(const struct bh_row *rows, size_t n)
{
	const struct bh_host_row *hosts;
	const uint8_t *purposes;
	size_t n_hosts;

	bh_arena_reset(&arena);
	EXPECT_INT(bh_inventory_purposes(rows, n, &arena, &purposes), 0);
	EXPECT_INT(bh_inventory_hosts(rows, n, NULL, &arena, &hosts, &n_hosts), 0);
	EXPECT_INT(bh_inventory_checklist(
			   rows, n, purposes, hosts, n_hosts, NULL, &arena, &got, &n_got),
		0);
}

static const struct bh_endpoint *endpoint(const char *addr)
{
	struct bh_addr a;

	EXPECT_INT(bh_addr_parse(addr, strlen(addr), &a), 0);
	for (size_t i = 0; i < n_got; i++) {
		if (bh_addr_equal(&got[i].host->addr, &a))
			return &got[i];
	}
	printf("# no %s\n", addr);
	EXPECT(!"such an endpoint");
	return got;
}

static void test_a_small_network_is_answered_as_one_would(void)
{
	small_network(&world);
	ask(world.v, world.n);
	EXPECT_INT(n_got, 12); /* somebody on the Internet is no endpoint of ours */

	const struct bh_endpoint *e = endpoint("10.0.1.1"); /* the domain controller */
	EXPECT(e->server && e->by_role == BH_ANSWER_YES && e->service == BH_ANSWER_YES);
	EXPECT_INT(e->scope, BH_FROM_ALL);
	EXPECT_INT(e->purposes, 1u << BH_PURPOSE_GPO);
	EXPECT_INT(e->times, 40);

	e = endpoint("10.0.1.2"); /* the file server */
	EXPECT(e->server && e->by_role == BH_ANSWER_YES);
	EXPECT_INT(e->scope, BH_FROM_NETWORKS);
	EXPECT_INT(e->n_from, 1);
	EXPECT_STR(e->from[0], "10.0.2.0/24");
	EXPECT(e->purposes >> BH_PURPOSE_FILE & 1 && e->purposes >> BH_PURPOSE_PRINT & 1 &&
		e->purposes >> BH_PURPOSE_ADMIN & 1);

	e = endpoint("10.0.1.6"); /* one client uses the old one */
	EXPECT_INT(e->scope, BH_FROM_NODES);
	EXPECT_STR(e->from[0], "10.0.2.4");

	e = endpoint("10.0.2.1"); /* a workstation that is administered */
	EXPECT(!e->server && e->by_role == BH_ANSWER_NO && e->necessary == BH_ANSWER_YES);
	EXPECT_INT(e->purposes, 1u << BH_PURPOSE_ADMIN);
	EXPECT_STR(e->from[0], "10.0.2.5");

	e = endpoint("10.0.2.2"); /* one that nobody asks */
	EXPECT(!e->server && e->necessary == BH_ANSWER_NO && e->service == BH_ANSWER_NO);
	EXPECT_INT(e->scope, BH_FROM_NOBODY);
	e = endpoint("10.0.2.3"); /* one that was asked in vain */
	EXPECT(!e->server && e->necessary == BH_ANSWER_NO);
}

static void test_needs_are_cited_with_what_shows_them(void)
{
	small_network(&world);
	ask(world.v, world.n);
	const struct bh_endpoint *dc = endpoint("10.0.1.1"), *fs = endpoint("10.0.1.2");
	for (size_t i = 0; i < bh_needs_n; i++) {
		const char *feature = bh_needs[i].feature;
		bool d = dc->needs >> i & 1, f = fs->needs >> i & 1;
		EXPECT_INT(d, !strcmp(feature, "Active Directory Domain Services") ||
				      !strcmp(feature, "Group Policy") ||
				      !strcmp(feature, "Net Logon"));
		if (!strcmp(feature, "Print and Document Services"))
			EXPECT(f);
		if (!strcmp(feature, "Failover Clustering") || !strcmp(feature, "Group Policy"))
			EXPECT(!f);
	}
}

static void test_asking_for_accounts_makes_no_domain_controller(void)
{
	struct bh_row row = row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\IPC$", "alice");

	put_auth(&row, BH_AUTH_NTLM, 0);
	row.figures.pipes = 1u << BH_PIPE_SAMR | 1u << BH_PIPE_LSARPC;
	ask(&row, 1);
	EXPECT_INT(endpoint("10.0.1.1")->needs, 0); /* every Windows machine answers that */
	row.figures.pipes = 1u << BH_PIPE_DRSUAPI;
	ask(&row, 1);
	EXPECT(endpoint("10.0.1.1")->needs != 0);
}

static void test_servers_stand_first_and_the_heaviest_of_each(void)
{
	small_network(&world);
	ask(world.v, world.n);
	EXPECT(got[0].server && got[0].host->addr.num == 0x0a000102);
	for (size_t i = 1; i < n_got; i++)
		EXPECT(got[i - 1].server >= got[i].server);
	EXPECT(got[n_got - 1].host->used <= got[n_got - 2].host->used);
}

static void test_a_server_that_is_only_administered_needs_its_administrators(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\app1\\ADMIN$", "root"),
		row_of(PCAP, "10.0.0.1", "10.0.1.2", NULL, NULL),
	};

	put_share_status(&rows[0], 0);
	ask(rows, 2);
	const struct bh_endpoint *e = endpoint("10.0.1.1");
	EXPECT(e->server && e->by_role == BH_ANSWER_NO && e->necessary == BH_ANSWER_YES);
	EXPECT_INT(e->scope, BH_FROM_NODES);
	EXPECT(strstr(e->why, "administered"));
	e = endpoint("10.0.1.2");
	EXPECT(e->server && e->necessary == BH_ANSWER_NO);
}

static void test_many_nodes_are_told_by_the_heaviest(void)
{
	struct bh_row rows[60];
	char client[20];

	for (unsigned i = 0; i < 60; i++) {
		/* 40 lonely clients of one server, and 20 of another that are everybody else. */
		snprintf(client, sizeof client, "10.%u.0.1", i);
		rows[i] =
			row_of(PCAP, client, i < 20 ? "10.200.0.1" : "10.200.0.2", "\\\\x\\a", "u");
		rows[i].figures.connections = i;
		put_share_status(&rows[i], 0);
	}
	ask(rows, 60);
	const struct bh_endpoint *e = endpoint("10.200.0.1");
	EXPECT_INT(e->scope, BH_FROM_NODES);
	EXPECT_INT(e->n_from, 8);
	EXPECT_INT(e->more_from, 12);
	EXPECT_STR(e->from[0], "10.19.0.1");
	EXPECT_INT(endpoint("10.200.0.2")->scope, BH_FROM_ALL);
}

int main(void)
{
	RUN(test_a_small_network_is_answered_as_one_would);
	RUN(test_needs_are_cited_with_what_shows_them);
	RUN(test_asking_for_accounts_makes_no_domain_controller);
	RUN(test_servers_stand_first_and_the_heaviest_of_each);
	RUN(test_a_server_that_is_only_administered_needs_its_administrators);
	RUN(test_many_nodes_are_told_by_the_heaviest);
	bh_arena_reset(&arena);
	return tap_done();
}
