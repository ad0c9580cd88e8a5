/* The suggestion as text: what a person gets to read. */
#include "plan_rows.h"
#include "tap.h"

static char *suggest(const struct bh_suggest_options *given)
{
	struct bh_suggest_options o = given ? *given : (struct bh_suggest_options){ .now = NOW };
	BH_AUTO_ARENA a = { 0 };
	struct bh_suggestion s;
	struct bh_buf b = { 0 };

	EXPECT_INT(bh_plan_suggest(rows, n_rows, &o, &a, &s), 0);
	bh_plan_suggest_print(&s, &b);
	EXPECT(bh_buf_ok(&b));
	return b.ptr;
}

/* Continued lines joined, runs of blanks made one. */
static void squeeze(const char *text, char *to)
{
	for (; *text; text++) {
		if (!strncmp(text, "\\\n\t", 3))
			text += 2;
		else if (*text != ' ' || text[1] != ' ')
			*to++ = *text;
	}
	*to = '\0';
}

static bool has(const char *text, const char *line)
{
	char *plain = malloc(strlen(text) + 1);
	size_t len = strlen(line);
	bool found = false;

	squeeze(text, plain);
	for (const char *p = plain; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		found |= !strncmp(p, line, len) && (p[len] == '\n' || !p[len]);
	free(plain);
	if (!found)
		printf("# no line: %s\n", line);
	return found;
}

/* Lines that a reader of policies would take for sentences. */
static unsigned sentences(const char *text)
{
	unsigned n = 0;

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		n += *p != '#' && *p != '\n' && *p != '\t';
	return n;
}

static void office(void)
{
	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\finance")->figures.connections = 41;
	row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\IPC$");
	row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home");
	row("10.20.0.11", "10.10.0.5", "alice", "\\\\dc1.corp.example\\SYSVOL");
	row("10.20.0.12", "10.10.0.5", "bob", "\\\\dc1.corp.example\\netlogon");
	struct bh_row *r = row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\finance");
	r->who.share_status = 0xc0000022;
	r = row("10.20.0.11", "10.20.0.12", "alice", "\\\\ws2\\C$");
	r = row("203.0.113.9", "10.10.0.20", "mallory", "\\\\fs1\\home");
	r = row("10.20.0.13", "10.10.0.30", "carol", "\\\\oldnas\\scans");
	r->who.dialect = BH_DIALECT_NT_LM_012;
	r = row("10.20.0.14", "10.10.0.20", "dave", NULL);
	r->who.auth_status = 0xc000006d;
	r = row("10.20.0.14", "10.10.0.40", NULL, NULL);
	r->who.outcome = BH_REFUSED;
	r = row("10.20.0.15", "10.10.0.20", "", "\\\\fs1\\public");
	r->who.guest = 1;
	r = row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\finance");
	r->who.port = 8445;
	r->who.transport = BH_TRANSPORT_OTHER;
	set_text(&rows[0].who.server_name, &rows[0].who, BH_KNOWN_SERVER_NAME, "fs1");
}

static void test_a_small_office_gives_the_golden_policy(void)
{
	char path[1024], want[16384] = "";

	office();
	char *text = suggest(NULL);
	snprintf(path, sizeof path, "%s/tests/golden/suggest-office.policy",
		getenv("BULKHEAD_SOURCE") ? getenv("BULKHEAD_SOURCE") : ".");
	FILE *f = fopen(path, "r");
	EXPECT(f);
	if (f) {
		want[fread(want, 1, sizeof want - 1, f)] = '\0';
		fclose(f);
	}
	if (getenv("GOLDEN_WRITE") && (f = fopen(path, "w"))) {
		fputs(text, f);
		fclose(f);
	}
	EXPECT_STR(text, want);
	free(text);
}

static void test_the_order_of_rows_does_not_matter(void)
{
	office();
	char *first = suggest(NULL);

	srand(7);
	for (int round = 0; round < 50; round++) {
		for (size_t i = n_rows - 1; i; i--) {
			size_t k = (size_t)rand() % (i + 1);
			struct bh_row t = rows[i];
			rows[i] = rows[k];
			rows[k] = t;
		}
		char *again = suggest(NULL);
		EXPECT_STR(again, first);
		free(again);
	}
	free(first);
}

static void test_many_clients_of_one_network_become_that_network(void)
{
	char client[32];

	n_rows = 0;
	for (int i = 0; i < 8; i++) {
		snprintf(client, sizeof client, "10.20.0.%d", 10 + 2 * i);
		row(client, "10.10.0.20", "u", "\\\\fs1\\home");
	}
	char *text = suggest(NULL);
	EXPECT(has(text, "network clients 10.20.0.0/24"));
	EXPECT(has(text, "allow smb from clients to files"));
	free(text);

	n_rows = 7;
	text = suggest(NULL);
	EXPECT(has(text, "hosts clients 10.20.0.10, 10.20.0.12, 10.20.0.14, 10.20.0.16, "
			 "10.20.0.18, 10.20.0.20, 10.20.0.22"));
	free(text);

	struct bh_suggest_options o = { .now = NOW, .many = 7 };
	text = suggest(&o);
	EXPECT(has(text, "network clients 10.20.0.0/24"));
	free(text);
}

static void test_who_was_left_out_is_excepted_from_the_network(void)
{
	char client[32];

	n_rows = 0;
	for (int i = 0; i < 9; i++) {
		snprintf(client, sizeof client, "fd00:20::%x", 0x10 + 2 * i);
		row(client, "fd00:10::20", "u", "\\\\fs1\\home");
	}
	row("fd00:20::99", "fd00:10::20", "eve", NULL)->who.auth_status = 0xc000006d;
	char *text = suggest(NULL);
	EXPECT(has(text, "network clients fd00:20::/64 except fd00:20::99"));
	EXPECT(has(text, "# allow smb from fd00:20::99 to fd00:10::20"));
	free(text);
}

static void test_link_local_addresses_never_become_a_network(void)
{
	char client[32];

	n_rows = 0;
	for (int i = 0; i < 20; i++) {
		snprintf(client, sizeof client, "fe80::%x", 0x10 + 2 * i);
		row(client, "fe80::1", "u", "\\\\fs1\\home");
	}
	char *text = suggest(NULL);
	EXPECT(!strstr(text, "network "));
	free(text);
}

static void test_public_addresses_are_left_out_unless_told_to_be_inside(void)
{
	BH_AUTO_ARENA a = { 0 };
	char client[32];
	struct bh_addr lo = at("198.51.100.0"), hi = at("198.51.100.127");

	n_rows = 0;
	for (int i = 0; i < 9; i++) {
		snprintf(client, sizeof client, "198.51.100.%d", 10 + 2 * i);
		row(client, "10.10.0.20", "u", "\\\\fs1\\home");
	}
	char *text = suggest(NULL);
	EXPECT_INT(sentences(text), 2);
	EXPECT(has(text, "network inside 10.10.0.0/24"));
	EXPECT(has(text, "# Nothing was seen that could be allowed: this blocks all SMB."));
	free(text);

	/* Told only half of the /24, it must not open the other half. */
	struct bh_addrset own = bh_addrset_range(&a, &lo, &hi);
	struct bh_suggest_options o = { .now = NOW, .told.own = &own };
	text = suggest(&o);
	EXPECT(has(text, "allow smb from clients to files"));
	EXPECT(!strstr(text, "198.51.100.0/24"));
	free(text);
}

static void test_a_workstation_that_serves_is_lateral_until_it_is_told_a_server(void)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_addr ws2 = at("10.20.0.12");

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\home");
	row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home");
	row("10.20.0.11", "10.20.0.12", "alice", "\\\\ws2\\data");
	char *text = suggest(NULL);
	EXPECT(has(text, "# allow smb from 10.20.0.11 to 10.20.0.12"));
	EXPECT(!strstr(text, "hosts files-2"));
	free(text);

	struct bh_addrset servers = bh_addrset_one(&a, &ws2);
	struct bh_suggest_options o = { .now = NOW, .told.servers = &servers };
	text = suggest(&o);
	EXPECT(has(text, "hosts files-2 10.20.0.12"));
	free(text);
}

static void call(struct bh_row *r, const char *server, const char *workstation)
{
	if (server)
		set_text(&r->who.server_name, &r->who, BH_KNOWN_SERVER_NAME, server);
	if (workstation)
		set_text(&r->who.workstation, &r->who, BH_KNOWN_WORKSTATION, workstation);
}

/* Over IPv6 ws2 only ever serves; it is the IPv4 side that shows what it is. */
static void test_a_workstation_is_known_by_name_over_its_other_address(void)
{
	n_rows = 0;
	call(row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home"), "fs1", "WS2");
	call(row("fd00:21::d", "fd00:20::c", "carol", "\\\\ws2\\data"), "ws2.corp.example", NULL);
	char *text = suggest(NULL);
	EXPECT(has(text, "# allow smb from fd00:21::d to fd00:20::c"));
	free(text);

	/* Nor may it pass for a server while the IPv4 side says nothing. */
	n_rows = 0;
	row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home");
	row("fd00:21::d", "fd00:20::c", "carol", "\\\\ws2\\data");
	text = suggest(NULL);
	EXPECT(has(text, "# allow smb from fd00:21::d to fd00:20::c"));
	EXPECT(strstr(text, "\n# To hosts that may be workstations"));
	free(text);

	/* Against a host that uses SMB itself, no name helps. */
	n_rows = 0;
	for (int i = 1; i < 5; i++) {
		char client[32];
		snprintf(client, sizeof client, "10.20.0.%d", 100 + i);
		call(row(client, "10.10.0.20", "u", "\\\\fs1\\home"), "fs1", NULL);
	}
	call(row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home"), "fs1", "WS2");
	call(row("10.20.0.101", "10.20.0.12", "eve", "\\\\fs1\\data"), "fs1", NULL);
	text = suggest(NULL);
	EXPECT(has(text, "# allow smb from 10.20.0.101 to 10.20.0.12"));
	EXPECT(has(text, "hosts files 10.10.0.20"));
	free(text);
}

static void test_a_server_is_known_by_name_over_its_other_address(void)
{
	char client[32];

	n_rows = 0;
	call(row("fd00:20::1", "fd00:10::14", "u", "\\\\fs1\\home"), "fs1.corp.example", NULL);
	for (int i = 1; i < 4; i++) {
		snprintf(client, sizeof client, "10.20.0.%d", i);
		call(row(client, "10.10.0.20", "u", "\\\\fs1\\home"), "FS1", NULL);
	}
	/* Beside it, in the same network, fs2 serves only one. */
	row("10.20.0.1", "10.10.0.21", "u", "\\\\10.10.0.21\\home");
	char *text = suggest(NULL);
	EXPECT(!strstr(text, "# allow"));
	EXPECT(strstr(text, " fd00:10::14\n"));
	free(text);

	/* A workstation among them, and fs2 has no witness left. */
	row("10.10.0.99", "10.10.0.20", "u", "\\\\fs1\\home");
	row("fd00:10::99", "fd00:10::14", "u", "\\\\fs1\\home");
	text = suggest(NULL);
	EXPECT(has(text, "# allow smb from 10.20.0.1 to 10.10.0.21"));
	free(text);
}

/* In a network of both families a server of few is one where no client of the other
 * family can be the same machine. */
static void test_a_server_of_few_is_one_where_every_client_is_known_by_name(void)
{
	struct bh_name_seen heard = { .addr = at("10.20.0.13"), .name = "ws3" };
	struct bh_suggest_options o = { .now = NOW };

	/* nas1 speaks IPv4 alone; the workstations speak both. */
	n_rows = 0;
	call(row("10.20.0.11", "10.10.0.40", "u", "\\\\nas1\\scans"), "nas1", "WS1");
	call(row("fd00:20::b", "fd00:10::20", "u", "\\\\fs1\\home"), "fs1", "WS1");
	call(row("fd00:20::c", "fd00:10::20", "u", "\\\\fs1\\home"), "fs1", "WS2");
	char *text = suggest(NULL);
	EXPECT(has(text, "hosts files 10.10.0.40") && !strstr(text, "# allow"));
	free(text);

	/* A third one that nobody has a name for could be it. */
	row("fd00:30::d", "fd00:10::20", "u", "\\\\fs1\\home");
	text = suggest(NULL);
	EXPECT(has(text, "# allow smb from 10.20.0.11 to 10.10.0.40"));
	EXPECT(strstr(text, "\n# To hosts that may be workstations"));
	free(text);

	/* Its name is heard, and it is another. */
	heard.addr = at("fd00:30::d");
	o.told.names = &heard;
	o.told.n_names = 1;
	text = suggest(&o);
	EXPECT(has(text, "hosts files 10.10.0.40") && !strstr(text, "# allow"));
	free(text);

	/* Its name is heard, and it is nas1's: a workstation after all. */
	strcpy(heard.name, "NAS1.corp.example");
	text = suggest(&o);
	EXPECT(has(text, "# allow smb from 10.20.0.11 to 10.10.0.40"));
	EXPECT(strstr(text, "\n# To workstations"));
	free(text);
}

/* WS1 ties the networks of workstations to each other: nas1 stands in neither. */
static void test_a_server_of_few_is_one_where_no_client_stands_in_its_network(void)
{
	n_rows = 0;
	call(row("10.20.0.11", "10.10.0.40", "u", NULL), NULL, "WS1");
	call(row("fd00:20::b", "fd00:10::20", "u", "\\\\fs1\\home"), NULL, "WS1");
	row("fd00:20::d", "fd00:10::20", "u", "\\\\fs1\\home");
	char *text = suggest(NULL);
	EXPECT(has(text, "allow smb from clients to servers") ||
		has(text, "allow smb from clients-2 to servers"));
	EXPECT(!strstr(text, "# allow"));
	free(text);

	/* A neighbour of WS1 that only serves may well be fd00:20::d. */
	row("10.20.0.11", "10.20.0.50", "u", NULL);
	text = suggest(NULL);
	EXPECT(has(text, "# allow smb from 10.20.0.11 to 10.20.0.50"));
	free(text);
}

/* fs1 serves many over IPv4 and one over IPv6, and nobody calls it by name. */
static void test_what_lies_on_one_link_speaks_for_both_families(void)
{
	BH_AUTO_ARENA a = { 0 };
	char client[32];
	struct bh_addr v4[] = { at("10.10.0.0"), at("10.10.0.255") };
	struct bh_addr v6[] = { at("fd00:10::"), at("fd00:10::ffff") };
	struct bh_interface eth = { .name = "eth0",
		.onlink = bh_addrset_union(&a, bh_addrset_range(&a, &v4[0], &v4[1]),
			bh_addrset_range(&a, &v6[0], &v6[1])) };
	struct bh_suggest_options o = { .now = NOW, .told = { .ifaces = &eth, .n_ifaces = 1 } };

	n_rows = 0;
	row("fd00:20::1", "fd00:10::14", "u", NULL);
	for (int i = 1; i < 4; i++) {
		snprintf(client, sizeof client, "10.20.0.%d", i);
		row(client, "10.10.0.20", "u", "\\\\10.10.0.20\\home");
	}
	char *text = suggest(NULL);
	EXPECT(has(text, "# allow smb from fd00:20::1 to fd00:10::14"));
	free(text);
	text = suggest(&o);
	EXPECT(!strstr(text, "# allow"));
	free(text);

	row("10.10.0.99", "10.10.0.20", "u", "\\\\10.10.0.20\\home");
	text = suggest(&o);
	EXPECT(has(text, "# allow smb from fd00:20::1 to fd00:10::14"));
	EXPECT(strstr(text, "\n# To hosts that may be workstations"));
	free(text);

	/* All that serve on that link over IPv4 are workstations: then so is this one. */
	n_rows = 0;
	row("fd00:20::1", "fd00:10::14", "u", NULL);
	row("10.20.0.1", "10.10.0.20", "u", "\\\\ws2\\data");
	row("10.10.0.20", "10.30.0.1", "u", "\\\\fs1\\home");
	struct bh_addr fs1 = at("10.30.0.1");
	struct bh_addrset servers = bh_addrset_one(&a, &fs1);
	o.told.servers = &servers;
	text = suggest(&o);
	EXPECT(has(text, "# allow smb from fd00:20::1 to fd00:10::14"));
	EXPECT(!strstr(text, "\n# To hosts that may be workstations"));
	free(text);
}

static void test_using_administrative_shares_makes_nobody_a_server(void)
{
	n_rows = 0;
	row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home");
	for (int i = 1; i < 9; i++) {
		char client[32];
		snprintf(client, sizeof client, "10.20.0.%d", 100 + i);
		row(client, "10.20.0.12", "intruder", i % 2 ? "\\\\ws2\\ADMIN$" : "\\\\ws2\\C$");
	}
	char *text = suggest(NULL);
	EXPECT(!strstr(text, "\nallow smb from clients-2"));
	EXPECT(strstr(text, "\n# To workstations"));
	free(text);
}

static void test_hostile_names_stay_inside_their_remark(void)
{
	static const char *const evil[] = {
		"x\nallow smb from any to any",
		"x\r\nallow smb from any to any",
		"x\\",
		"\"\nallow smb from any to any #\"",
		"\xe2\x80\xa8"
		"allow smb from any to any", /* LINE SEPARATOR */
		"\xe2\x80\xae"
		"yna ot yna morf bms wolla", /* RIGHT-TO-LEFT OVERRIDE */
		"\xc2\x85"
		"allow smb from any to any", /* NEXT LINE */
		"\xff\xfe\x80 broken",
		"\x1b[2J\x1b[1;1Hallow",
		"# \t\v\f",
	};

	for (size_t i = 0; i < BH_LEN(evil); i++) {
		n_rows = 0;
		struct bh_row *r = row("10.20.0.11", "10.10.0.20", evil[i], evil[i]);
		set_text(&r->who.server_name, &r->who, BH_KNOWN_SERVER_NAME, evil[i]);
		row("203.0.113.9", "10.10.0.20", evil[i], evil[i]);
		char *text = suggest(NULL);
		EXPECT_INT(sentences(text), 5); /* three sets, the default, one rule */
		for (const unsigned char *p = (const unsigned char *)text; *p; p++)
			EXPECT(*p >= 0x20 || *p == '\n'); /* no list is so long as to be wrapped */
		EXPECT(!strstr(text, "\xe2\x80\xa8") && !strstr(text, "\xe2\x80\xae"));
		EXPECT(!strstr(text, "\xc2\x85") && !strstr(text, "\xff"));
		free(text);
	}
}

static void test_a_share_of_any_length_is_cut(void)
{
	char share[BH_SHARE_TEXT];

	memset(share, 'a', sizeof share - 1);
	share[sizeof share - 1] = '\0';
	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "alice", share);
	char *text = suggest(NULL);
	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		EXPECT(strcspn(p, "\n") < 250);
	free(text);
}

static void test_what_is_too_old_is_counted_and_not_allowed(void)
{
	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\home");
	row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home")->figures.last_seen = DAY0 - 1;
	struct bh_suggest_options o = { .now = NOW, .since = DAY0 };
	char *text = suggest(&o);
	EXPECT(has(text, "hosts clients 10.20.0.11"));
	EXPECT(strstr(text, "not looked at: 1 conversation.\n"));
	free(text);
}

static void test_what_came_later_is_counted_and_not_allowed(void)
{
	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\home");
	row("10.20.0.12", "10.10.0.20", "bob", "\\\\fs1\\home")->figures.first_seen = DAY0 + 1;
	struct bh_suggest_options o = { .now = NOW, .until = DAY0 };
	char *text = suggest(&o);
	EXPECT(has(text, "hosts clients 10.20.0.11"));
	EXPECT(strstr(text, "# First seen after 2026-11-01T00:00:00Z and therefore not looked at: "
			    "1 conversation.\n"));
	free(text);
}

static void test_a_purpose_can_be_excluded(void)
{
	static const uint8_t purposes[] = { BH_PURPOSE_FILE, BH_PURPOSE_ADMIN, BH_PURPOSE_ADMIN };
	struct bh_suggest_options o = { .now = NOW, .purposes = purposes };

	n_rows = 0;
	row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\home");
	row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\C$");
	row("10.20.0.12", "10.10.0.20", "root", "\\\\fs1\\ADMIN$");
	char *text = suggest(&o);
	EXPECT(has(text, "hosts clients 10.20.0.11-10.20.0.12"));
	EXPECT(strstr(text, ", signed, for admin, file\nallow smb from clients to files\n"));
	free(text);

	/* alice's share is needed; root's is not, and is told. */
	o.without = 1u << BH_PURPOSE_ADMIN;
	text = suggest(&o);
	EXPECT(has(text, "hosts clients 10.20.0.11"));
	EXPECT(has(text, "# For purposes that were excluded (--without)."));
	EXPECT(has(text, "# allow smb from 10.20.0.12 to 10.10.0.20"));
	free(text);
}

/* Two servers, three clients: fs2 is one's alone. */
static void test_a_budget_states_its_surface_and_what_one_more_would_buy(void)
{
	struct bh_suggest_options o = { .now = NOW, .budget = 1 };

	n_rows = 0;
	for (int i = 1; i < 4; i++) {
		char client[32];
		snprintf(client, sizeof client, "10.20.0.%d", 10 * i);
		row(client, "10.10.0.20", "u", "\\\\fs1\\home");
	}
	row("10.20.0.10", "10.10.0.5", "u", "\\\\dc1\\SYSVOL");
	row("10.20.0.20", "10.10.0.5", "u", "\\\\dc1\\SYSVOL")->who.guest = 1;
	char *text = suggest(&o);
	EXPECT(strstr(text,
		"# 1 rule (of 1 at most) for 4 pairs of client and server that need SMB; "
		"of the hosts that\n# were seen, 6 pairs can speak it under them, and no "
		"policy of so few has fewer.\n# One rule more would take 2 of these "
		"away.\n"));
	EXPECT(has(text, "allow smb from clients to dcs, files"));
	EXPECT(has(text,
		"# Admitted by these sentences, though nobody was seen to need it: 2 pairs."));
	EXPECT(has(text, "# to 10.10.0.5 from 10.20.0.20, 10.20.0.30"));
	EXPECT(has(text, "# (rules above, which are few, admit 1 of these all the same)"));
	free(text);

	o.budget = 2;
	text = suggest(&o);
	EXPECT(has(text, "# One rule more would take none away."));
	EXPECT(!strstr(text, "# Admitted by"));
	EXPECT(has(text, "allow smb from clients to dcs"));
	EXPECT(has(text, "allow smb from clients-2 to files"));
	free(text);
}

static void test_an_empty_inventory_blocks_and_says_so(void)
{
	n_rows = 0;
	char *text = suggest(NULL);
	EXPECT_INT(sentences(text), 1);
	EXPECT(has(text, "default block all-smb"));
	free(text);
}

static int resolve(
	void *ctx, const char *name, void (*add)(void *, const struct bh_addr *), void *to)
{
	struct bh_addr a = at("10.10.0.20"), b = at("10.99.9.9");

	(void)ctx;
	if (!strcmp(name, "fs1"))
		add(to, &a);
	else if (!strcmp(name, "liar1"))
		add(to, &b);
	else
		return -ENOENT;
	return 0;
}

static void test_a_name_stands_for_a_server_only_if_it_resolves_to_it(void)
{
	struct bh_names names = { .resolve = resolve };
	struct bh_suggest_options o = { .now = NOW, .names = &names };
	static const char *const called[] = { "fs1", "liar1", "any", "fs 1", "files-2" };

	for (size_t i = 0; i < BH_LEN(called); i++) {
		n_rows = 0;
		struct bh_row *r = row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\home");
		set_text(&r->who.server_name, &r->who, BH_KNOWN_SERVER_NAME, called[i]);
		char *text = suggest(&o);
		EXPECT(has(text, i ? "hosts files 10.10.0.20" : "hosts files fs1"));
		free(text);
	}
}

static void test_the_kind_of_use_is_read_from_the_row(void)
{
	n_rows = 0;
	struct bh_row *r = row("10.20.0.11", "10.10.0.20", "alice", "\\\\fs1\\home");
	EXPECT_INT(bh_row_use(r), BH_USE_WORKS);
	r->who.share_status = 0xc0000022;
	EXPECT_INT(bh_row_use(r), BH_USE_DENIED);
	r->who.share_status = 0;
	r->who.guest = 1;
	EXPECT_INT(bh_row_use(r), BH_USE_NOBODY);
	r->who.dialect = BH_DIALECT_NT_LM_012;
	EXPECT_INT(bh_row_use(r), BH_USE_SMB1);
	r->who.outcome = BH_WOULD_BLOCK;
	EXPECT_INT(bh_row_use(r), BH_USE_UNANSWERED);

	/* A negotiate alone is nobody's use; the middle of a mount is somebody's. */
	r = row("10.20.0.11", "10.10.0.20", NULL, NULL);
	r->who.known = 0;
	r->who.is_signed = BH_UNKNOWN;
	r->who.encrypted = BH_UNKNOWN;
	EXPECT_INT(bh_row_use(r), BH_USE_NO_SESSION);
	r->who.dialect = BH_DIALECT_UNKNOWN;
	r->who.complete = 0;
	EXPECT_INT(bh_row_use(r), BH_USE_WORKS);
	r->figures.bytes_to_client = 0;
	EXPECT_INT(bh_row_use(r), BH_USE_NO_SESSION);
	r->who.known = BH_KNOWN_AUTH_STATUS;
	r->who.auth_status = 0xc0000016; /* another round was asked for */
	EXPECT_INT(bh_row_use(r), BH_USE_NO_SESSION);
}

int main(void)
{
	RUN(test_a_small_office_gives_the_golden_policy);
	RUN(test_the_order_of_rows_does_not_matter);
	RUN(test_many_clients_of_one_network_become_that_network);
	RUN(test_who_was_left_out_is_excepted_from_the_network);
	RUN(test_link_local_addresses_never_become_a_network);
	RUN(test_public_addresses_are_left_out_unless_told_to_be_inside);
	RUN(test_a_workstation_that_serves_is_lateral_until_it_is_told_a_server);
	RUN(test_a_workstation_is_known_by_name_over_its_other_address);
	RUN(test_a_server_is_known_by_name_over_its_other_address);
	RUN(test_a_server_of_few_is_one_where_every_client_is_known_by_name);
	RUN(test_a_server_of_few_is_one_where_no_client_stands_in_its_network);
	RUN(test_what_lies_on_one_link_speaks_for_both_families);
	RUN(test_using_administrative_shares_makes_nobody_a_server);
	RUN(test_hostile_names_stay_inside_their_remark);
	RUN(test_a_share_of_any_length_is_cut);
	RUN(test_what_is_too_old_is_counted_and_not_allowed);
	RUN(test_what_came_later_is_counted_and_not_allowed);
	RUN(test_a_purpose_can_be_excluded);
	RUN(test_a_budget_states_its_surface_and_what_one_more_would_buy);
	RUN(test_an_empty_inventory_blocks_and_says_so);
	RUN(test_a_name_stands_for_a_server_only_if_it_resolves_to_it);
	RUN(test_the_kind_of_use_is_read_from_the_row);
	return tap_done();
}
