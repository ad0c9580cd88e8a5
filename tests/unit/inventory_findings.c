#include "inventory_network.h"
#include "tap.h"

static struct bh_arena arena;
static struct network_rows world;
static const struct bh_finding *got;
static size_t n_got;

static void search_with(const struct bh_row *rows, size_t n, const struct bh_witnesses *w)
{
	const struct bh_host_row *hosts;
	size_t n_hosts;

	bh_arena_reset(&arena);
	EXPECT_INT(bh_inventory_hosts(rows, n, w, &arena, &hosts, &n_hosts), 0);
	EXPECT_INT(bh_inventory_findings(rows, n, hosts, n_hosts, w, &arena, &got, &n_got), 0);
}

static void search(const struct bh_row *rows, size_t n)
{
	search_with(rows, n, NULL);
}

static size_t count(enum bh_finding_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < n_got; i++)
		n += got[i].kind == kind;
	return n;
}

/* The one of its kind about this server. */
static const struct bh_finding *find(enum bh_finding_kind kind, const char *server)
{
	static const struct bh_finding none;
	struct bh_addr a;

	EXPECT_INT(bh_addr_parse(server, strlen(server), &a), 0);
	for (size_t i = 0; i < n_got; i++) {
		if (got[i].kind == kind && bh_addr_equal(&got[i].server, &a))
			return &got[i];
	}
	printf("# no %s about %s\n", bh_finding_names[kind], server);
	EXPECT(!"such a finding");
	return &none;
}

static void test_a_small_network_has_the_faults_one_knows(void)
{
	small_network(&world);
	search(world.v, world.n);
	EXPECT_INT(count(BH_FOUND_SMB1), 1);
	EXPECT_INT(count(BH_FOUND_SMB1_OFFERED), 0);
	EXPECT_INT(count(BH_FOUND_GUEST), 1);
	EXPECT_INT(count(BH_FOUND_ANONYMOUS), 1);
	EXPECT_INT(count(BH_FOUND_NTLM_V1), 1);
	EXPECT_INT(count(BH_FOUND_NTLM), 1); /* pc1 alone: it has Kerberos to fs1, too */
	EXPECT_INT(count(BH_FOUND_SIGNING), 2); /* nas and old */
	EXPECT_INT(count(BH_FOUND_LATERAL), 2); /* pc2 → pc3, admin → pc1 */
	EXPECT_INT(count(BH_FOUND_INTERNET), 1);
	EXPECT_INT(count(BH_FOUND_SHARE_OPEN), 1);
	EXPECT_INT(count(BH_FOUND_SHARE_UNUSED), 0); /* nobody said which there are */
	EXPECT_INT(count(BH_FOUND_SERVER_UNUSED), 0);
	EXPECT_INT(count(BH_FOUND_CLEAR), 5); /* all but the cluster, and pc3 */
}

static void test_each_says_who_how_often_and_why(void)
{
	small_network(&world);
	search(world.v, world.n);
	const struct bh_finding *f = find(BH_FOUND_SMB1, "10.0.1.6");
	EXPECT_STR(f->text, "10.0.2.4 speaks SMB1 (NT LM 0.12) with old (10.0.1.6), 3 times");
	EXPECT_INT(f->grade, BH_GRADE_HIGH);
	EXPECT_INT(f->connections, 3);
	EXPECT(f->first_seen == MONDAY && f->last_seen == MONDAY + 60 * BH_SECOND);
	EXPECT_STR(f->user, "bob");
	f = find(BH_FOUND_GUEST, "10.0.1.3");
	EXPECT_STR(f->text,
		"nas (10.0.1.3) lets in 3 clients as guest, whatever the password, 21 times");
	EXPECT_INT(f->clients, 3);
	EXPECT_INT(f->client.family, BH_NO_ADDR);
	f = find(BH_FOUND_SHARE_OPEN, "10.0.1.3");
	EXPECT_STR(bh_share_name(f->share), "public");
	EXPECT_STR(f->text,
		"nas (10.0.1.3) gives public to guests and to nobody in particular; 4 clients came in, "
		"23 times");
	f = find(BH_FOUND_NTLM, "10.0.1.2");
	EXPECT_STR(f->text,
		"pc1 (10.0.2.1) logs on to fs1.corp.example (10.0.1.2) by NTLM, calling it fs1, where Kerberos "
		"works, 5 times");
	f = find(BH_FOUND_SIGNING, "10.0.1.3");
	EXPECT_STR(f->text,
		"nas (10.0.1.3) signs, but does not require it; 21 of 23 connections were unsigned");
	EXPECT_STR(find(BH_FOUND_SIGNING, "10.0.1.6")->text,
		"old (10.0.1.6) does not sign; 3 of 3 connections were unsigned");
	f = find(BH_FOUND_LATERAL, "10.0.2.1");
	EXPECT_STR(f->text,
		"10.0.2.5, a workstation, has a session on pc1 (10.0.2.1), another, at C$, "
		"5 times");
	EXPECT_INT(f->grade, BH_GRADE_HIGH);
	f = find(BH_FOUND_LATERAL, "10.0.2.3");
	EXPECT_STR(f->text, "10.0.2.2, a workstation, tried, without an answer, 10.0.2.3, another, "
			    "5 times");
	EXPECT_INT(f->grade, BH_GRADE_LOW);
	f = find(BH_FOUND_INTERNET, "10.0.1.3");
	EXPECT_STR(
		f->text, "203.0.113.7, on the Internet, has a session on nas (10.0.1.3), 2 times");
	EXPECT_INT(f->grade, BH_GRADE_CRITICAL);
	f = find(BH_FOUND_ANONYMOUS, "10.0.1.3");
	EXPECT_STR(f->text, "nas (10.0.1.3) gives 203.0.113.7 without any name a share, 2 times");
	EXPECT_INT(f->grade, BH_GRADE_HIGH);
}

static void test_the_gravest_stand_first_and_then_the_heaviest(void)
{
	small_network(&world);
	search(world.v, world.n);
	EXPECT_INT(got[0].kind, BH_FOUND_INTERNET);
	for (size_t i = 1; i < n_got; i++)
		EXPECT(got[i - 1].grade > got[i].grade ||
			(got[i - 1].grade == got[i].grade &&
				got[i - 1].connections >= got[i].connections));
}

static void test_smb1_that_is_only_offered_is_worth_a_note(void)
{
	struct bh_row row = row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice");

	row.who.dialect = BH_DIALECT_311;
	row.who.smb1_offered = 1;
	search(&row, 1);
	EXPECT_INT(count(BH_FOUND_SMB1), 0);
	EXPECT_INT(count(BH_FOUND_SMB1_OFFERED), 1);
	EXPECT_INT(got[0].grade, BH_GRADE_INFO);
	EXPECT_STR(got[0].text, "10.0.0.1 still offers SMB1, which 1 server did not take, 5 times");
}

static void test_ntlm_is_avoidable_only_where_kerberos_is_known_to_work(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(PCAP, "10.0.0.2", "10.0.1.1", "\\\\fs1.corp.example\\a", NULL),
	};

	put_auth(&rows[0], BH_AUTH_NTLM, 0);
	put_name(&rows[0], "fs1");
	search(rows, 1);
	EXPECT_INT(count(BH_FOUND_NTLM), 0);
	put_auth(&rows[1], BH_AUTH_KERBEROS, 0);
	search(rows, 2);
	EXPECT_INT(count(BH_FOUND_NTLM), 0); /* another client, by another name */
	put_name(&rows[0], "fs1.corp.example");
	search(rows, 2);
	EXPECT_INT(count(BH_FOUND_NTLM), 1);
	rows[0].who.auth_status = 0xc000006d;
	search(rows, 2);
	EXPECT_INT(count(BH_FOUND_NTLM), 0); /* it came to nothing */
}

static void test_a_null_session_is_as_bad_as_what_it_gets(void)
{
	struct bh_row row = row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\IPC$", "");

	put_auth(&row, BH_AUTH_ANONYMOUS, 0);
	search(&row, 1);
	EXPECT_INT(find(BH_FOUND_ANONYMOUS, "10.0.1.1")->grade, BH_GRADE_LOW);
	row.figures.pipes = 1u << BH_PIPE_SAMR;
	search(&row, 1);
	EXPECT_INT(find(BH_FOUND_ANONYMOUS, "10.0.1.1")->grade, BH_GRADE_MEDIUM);
	EXPECT_INT(count(BH_FOUND_SHARE_OPEN), 0);
	row.who.share = "\\\\fs1\\pub";
	row.figures.pipes = 0;
	search(&row, 1);
	EXPECT_INT(find(BH_FOUND_ANONYMOUS, "10.0.1.1")->grade, BH_GRADE_HIGH);
	EXPECT_INT(count(BH_FOUND_SHARE_OPEN), 1);
	row.who.auth_status = 0xc0000022;
	search(&row, 1);
	EXPECT_INT(count(BH_FOUND_ANONYMOUS) + count(BH_FOUND_SHARE_OPEN), 0); /* refused */
}

static void test_what_goes_over_quic_may_cross_the_internet(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "203.0.113.9", NULL, NULL),
		row_of(PCAP, "10.0.0.1", "203.0.113.9", NULL, NULL),
	};

	rows[0].who.transport = BH_TRANSPORT_QUIC443;
	rows[0].who.port = 443;
	search(rows, 1);
	EXPECT_INT(count(BH_FOUND_INTERNET), 1);
	EXPECT_INT(find(BH_FOUND_INTERNET, "203.0.113.9")->grade, BH_GRADE_INFO);
	EXPECT_STR(find(BH_FOUND_INTERNET, "203.0.113.9")->text,
		"10.0.0.1 was answered by 203.0.113.9, on the Internet, over QUIC, 5 times");
	search(rows, 2); /* and by TCP as well */
	EXPECT_INT(find(BH_FOUND_INTERNET, "203.0.113.9")->grade, BH_GRADE_HIGH);
	EXPECT_STR(find(BH_FOUND_INTERNET, "203.0.113.9")->text,
		"10.0.0.1 was answered by 203.0.113.9, on the Internet, 10 times");
}

static void test_a_server_or_share_that_nobody_uses_is_told_where_one_can_know(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(PCAP, "10.0.0.1", "10.0.1.2", NULL, NULL),
	};
	struct bh_name_seen names[] = {
		{ .addr = bh_addr_v4(0x0a000103), .name = "PC9", .roles = BH_ROLE_FILE_SERVER },
		{ .addr = bh_addr_v4(0x0a000101), .name = "FS1", .roles = BH_ROLE_FILE_SERVER },
		{ .addr = bh_addr_v4(0x0a000103),
			.name = "PC9",
			.roles = BH_ROLE_FILE_SERVER,
			.when = 9 },
	};
	struct bh_share_listed listed[] = {
		{ .server = bh_addr_v4(0x0a000101), .share = "A" },
		{ .server = bh_addr_v4(0x0a000101), .share = "old" },
	};
	struct bh_witnesses w = { .names = names, .n_names = 3, .listed = listed, .n_listed = 2 };

	put_share_status(&rows[0], 0);
	search_with(rows, 2, &w);
	EXPECT_INT(count(BH_FOUND_SERVER_UNUSED), 2);
	EXPECT_STR(find(BH_FOUND_SERVER_UNUSED, "10.0.1.2")->text,
		"10.0.1.2 answers, and nobody came to a session in 5 connections");
	EXPECT_STR(find(BH_FOUND_SERVER_UNUSED, "10.0.1.3")->text,
		"PC9 (10.0.1.3) runs the server service, and nobody was seen to use it");
	EXPECT_INT(find(BH_FOUND_SERVER_UNUSED, "10.0.1.3")->grade, BH_GRADE_INFO);
	EXPECT_INT(count(BH_FOUND_SHARE_UNUSED), 1);
	EXPECT_STR(find(BH_FOUND_SHARE_UNUSED, "10.0.1.1")->text,
		"nobody was seen to use old of FS1 (10.0.1.1)");
}

static void test_a_share_that_a_log_lists_is_its_servers_whatever_that_is_called(void)
{
	struct bh_row rows[] = { row_of(
		PCAP, "10.0.0.1", "10.0.1.1", "\\\\10.0.1.1\\data", "alice") };
	struct bh_name_seen names[] = {
		{ .addr = bh_addr_v4(0x0a000101), .name = "FS1", .kind = BH_NAME_LOG },
		{ .addr = bh_addr_v4(0x0a000107), .name = "FS7", .kind = BH_NAME_LOG },
	};
	struct bh_share_listed listed[] = {
		/* It is used by address, and listed by name. */
		{ .server_name = "fs1.corp.example", .share = "\\\\*\\Data" },
		{ .server_name = "fs1.corp.example",
			.share = "\\\\*\\Old",
			.path = "C:\\Old",
			.remark = "do not use",
			.when = 9 },
		/* Where FS9 is nobody knows: the share that is used may be its. */
		{ .server_name = "fs9.corp.example", .share = "\\\\*\\data" },
		{ .server_name = "fs9.corp.example", .share = "\\\\*\\Lone" },
		/* And FS7 is another. */
		{ .server_name = "fs7", .share = "data" },
	};
	struct bh_witnesses w = { .names = names, .n_names = 2, .listed = listed, .n_listed = 5 };

	put_share_status(&rows[0], 0);
	search_with(rows, 1, &w);
	EXPECT_INT(count(BH_FOUND_SHARE_UNUSED), 3);
	EXPECT_STR(find(BH_FOUND_SHARE_UNUSED, "10.0.1.1")->text,
		"nobody was seen to use Old of fs1.corp.example (10.0.1.1): C:\\Old, "
		"\"do not use\"");
	EXPECT_INT(find(BH_FOUND_SHARE_UNUSED, "10.0.1.1")->last_seen, 9);
	EXPECT_STR(find(BH_FOUND_SHARE_UNUSED, "10.0.1.7")->text,
		"nobody was seen to use data of fs7 (10.0.1.7)");
}

static void test_the_order_of_rows_does_not_matter(void)
{
	BH_AUTO_ARENA first = { 0 };

	small_network(&world);
	search(world.v, world.n);
	size_t n = n_got;
	struct bh_finding *want = bh_arena_copy(&first, got, n * sizeof *got);
	for (size_t i = 0; i < n; i++)
		want[i].text = bh_arena_str(&first, got[i].text);
	for (size_t i = 0; i < world.n / 2; i++) {
		struct bh_row t = world.v[i];
		world.v[i] = world.v[world.n - 1 - i];
		world.v[world.n - 1 - i] = t;
	}
	search(world.v, world.n);
	EXPECT_INT(n_got, n);
	for (size_t i = 0; i < n; i++) {
		EXPECT_STR(got[i].text, want[i].text);
		EXPECT_INT(got[i].grade, want[i].grade);
	}
}

static void test_nothing_is_found_in_nothing(void)
{
	search(NULL, 0);
	EXPECT_INT(n_got, 0);
}

int main(void)
{
	RUN(test_a_small_network_has_the_faults_one_knows);
	RUN(test_each_says_who_how_often_and_why);
	RUN(test_the_gravest_stand_first_and_then_the_heaviest);
	RUN(test_smb1_that_is_only_offered_is_worth_a_note);
	RUN(test_ntlm_is_avoidable_only_where_kerberos_is_known_to_work);
	RUN(test_a_null_session_is_as_bad_as_what_it_gets);
	RUN(test_what_goes_over_quic_may_cross_the_internet);
	RUN(test_a_server_or_share_that_nobody_uses_is_told_where_one_can_know);
	RUN(test_a_share_that_a_log_lists_is_its_servers_whatever_that_is_called);
	RUN(test_the_order_of_rows_does_not_matter);
	RUN(test_nothing_is_found_in_nothing);
	bh_arena_reset(&arena);
	return tap_done();
}
