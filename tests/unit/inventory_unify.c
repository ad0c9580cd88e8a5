#include "inventory_rows.h"
#include "inventory_slow.h"
#include "tap.h"

static struct bh_arena arena;
static const struct bh_row *got;
static size_t n_got;

static void unify_with(
	const struct bh_row *rows, size_t n, const struct bh_name_seen *names, size_t n_names)
{
	struct bh_witnesses w = { source_kinds, SOURCES, names, n_names, .seed = 7 };

	bh_arena_reset(&arena);
	n_got = 0;
	EXPECT_INT(bh_inventory_unify(rows, n, &w, &arena, &got, &n_got), 0);
}

static void unify(const struct bh_row *rows, size_t n)
{
	unify_with(rows, n, NULL, 0);
}

static const struct bh_row *with_user(const char *user)
{
	for (size_t i = 0; i < n_got; i++) {
		if (got[i].who.known & BH_KNOWN_USER ? !strcmp(got[i].who.user, user ? user : "?")
						     : !user)
			return &got[i];
	}
	EXPECT(!"such a user");
	return got;
}

static const struct bh_row *with_share(const char *name)
{
	for (size_t i = 0; i < n_got; i++) {
		if (!strcasecmp(bh_share_name(got[i].who.share), name))
			return &got[i];
	}
	EXPECT(!"such a share");
	return got;
}

static bool told_by(const struct bh_row *r, uint32_t source)
{
	for (size_t i = 0; i < r->n_sources; i++) {
		if (r->sources[i] == source)
			return true;
	}
	return false;
}

/* ---- one conversation, several witnesses ---- */

static void test_the_same_conversation_seen_by_three_sources_is_one_row(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\finance", "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", "finance", "Alice"),
		row_of(EVTX, "10.0.0.1", "fs1.corp.example", "\\\\*\\Finance", "alice"),
	};

	put_name(&rows[0], "fs1");
	put_domain(&rows[2], "CORP");
	rows[0].who.dialect = BH_DIALECT_311;
	rows[0].figures.bytes_to_server = 4000;
	rows[1].figures.connections = 3;
	rows[1].figures.opens = 9;
	rows[2].figures.connections = 7;
	rows[2].figures.last_seen += 200 * BH_SECOND;
	unify(rows, 3);
	EXPECT_INT(n_got, 1);
	EXPECT_INT(got->n_sources, 3);
	EXPECT_STR(got->who.share, "\\\\fs1\\finance");
	EXPECT_STR(got->who.user, "alice");
	EXPECT_STR(got->who.domain, "CORP");
	EXPECT_INT(got->who.dialect, BH_DIALECT_311);
	EXPECT(got->who.server.num == 0x0a000101);
	EXPECT_INT(got->figures.connections, 7); /* the most that one kind counted */
	EXPECT_INT(got->figures.opens, 9);
	EXPECT_INT(got->figures.bytes_to_server, 4000);
	EXPECT(got->figures.last_seen == MONDAY + 260 * BH_SECOND);
}

static void test_sources_of_one_kind_are_summed_and_kinds_are_not(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(PCAP2, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", "a", "alice"),
		row_of(SAMBA2, "10.0.0.1", "10.0.1.1", "a", "alice"),
	};

	rows[3].figures.connections = 8;
	unify(rows, 4);
	EXPECT_INT(n_got, 1);
	EXPECT_INT(got->figures.connections, 13);
	EXPECT_INT(got->n_sources, 4);
}

static void test_a_row_of_several_sources_is_taken_apart_by_kind(void)
{
	static const uint32_t both[] = { PCAP, PCAP2, SAMBA };
	static const struct bh_figures each[] = { { .connections = 2 }, { .connections = 3 },
		{ .connections = 4 } };
	struct bh_row row = row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice");

	row.sources = both;
	row.n_sources = 3;
	row.each = each;
	row.figures.connections = 9;
	unify(&row, 1);
	EXPECT_INT(n_got, 1);
	EXPECT_INT(got->figures.connections, 5);
	EXPECT_INT(got->n_sources, 3);
}

static void test_what_captures_tell_differently_stays_two(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", NULL, NULL),
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
	};

	unify(rows, 2);
	EXPECT_INT(n_got, 2); /* a connection without a session is a fact of its own */
	EXPECT(got == rows); /* and nothing was copied */
}

static void test_what_disagrees_in_one_field_is_two(void)
{
	for (int what = 0; what < 9; what++) {
		struct bh_row rows[] = {
			row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
			row_of(SAMBA, "10.0.0.1", "10.0.1.1", "a", "alice"),
		};
		struct bh_talk *c = &rows[1].who;
		put_domain(&rows[0], "CORP");
		put_auth(&rows[0], BH_AUTH_NTLM, 0);
		put_share_status(&rows[0], 0);
		rows[0].who.dialect = BH_DIALECT_311;
		switch (what) {
		case 0: c->client.num++; break;
		case 1: c->server.num++; break;
		case 2: c->port = 139; break;
		case 3: c->share = "b"; break;
		case 4: c->user = "alicia"; break;
		case 5: put_domain(&rows[1], "HR"); break;
		case 6: put_auth(&rows[1], BH_AUTH_KERBEROS, 0); break;
		case 7: put_share_status(&rows[1], 0xc0000022); break;
		default: c->dialect = BH_DIALECT_21; break;
		}
		unify(rows, 2);
		EXPECT_INT(n_got, 2);
	}
}

static void test_another_day_is_another_conversation(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", "a", "alice"),
	};

	rows[1].figures.first_seen = rows[1].figures.last_seen = MONDAY + DAY;
	unify(rows, 2);
	EXPECT_INT(n_got, 2);
	rows[1].figures.first_seen = rows[1].figures.last_seen = MONDAY + 5 * 60 * BH_SECOND;
	unify(rows, 2);
	EXPECT_INT(n_got, 1); /* clocks differ by minutes */
	rows[1].figures.first_seen = rows[1].figures.last_seen = 0;
	unify(rows, 2);
	EXPECT_INT(n_got, 1); /* when is not known */
}

/* ---- names and addresses ---- */

static void test_a_name_gets_the_one_address_that_is_known_for_it(void)
{
	struct bh_name_seen names[] = {
		{ .addr = bh_addr_v4(0x0a000101), .name = "FS1" },
		{ .addr = bh_addr_v4(0x0a0000fe), .name = "CORP", .group = 1 },
	};
	struct bh_row rows[] = {
		row_of(EVTX, "10.0.0.1", "fs1.corp.example", "\\\\*\\a", "alice"),
		row_of(EVTX, "10.0.0.1", "corp", "\\\\*\\b", "alice"),
	};

	unify_with(rows, 2, names, 2);
	EXPECT_INT(n_got, 2);
	EXPECT(with_share("a")->who.server.num == 0x0a000101);
	EXPECT(with_share("b")->who.server.family == BH_NO_ADDR); /* nobody's own name */

	/* With a second address for it, nobody knows. */
	names[1] = (struct bh_name_seen){ .addr = bh_addr_v4(0x0a000102), .name = "fs1" };
	unify_with(rows, 1, names, 2);
	EXPECT(got->who.server.family == BH_NO_ADDR);

	/* Unless it is of the other family than the client. */
	names[1].addr = (struct bh_addr){ .num = 1, .family = BH_V6 };
	unify_with(rows, 1, names, 2);
	EXPECT(got->who.server.num == 0x0a000101);
}

static void test_of_two_addresses_of_a_name_the_one_that_was_used_is_it(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(PCAP, "10.0.0.2", "10.0.1.2", "\\\\fs1\\b", "bob"),
		row_of(EVTX, "10.0.0.1", "fs1.corp.example", "\\\\*\\a", "alice"),
	};

	put_name(&rows[0], "fs1");
	put_name(&rows[1], "fs1");
	unify(rows, 3);
	EXPECT_INT(n_got, 2);
	EXPECT_INT(with_share("a")->n_sources, 2);
	EXPECT(with_share("a")->who.server.num == 0x0a000101);
}

static void test_who_got_an_address_is_found_by_its_other_names(void)
{
	/* Each name has two addresses, so that none of them tells the machine by itself. */
	struct bh_name_seen names[] = {
		{ .addr = bh_addr_v4(0x0a000101), .name = "fs1" },
		{ .addr = bh_addr_v4(0x0a000102), .name = "fs1" },
		{ .addr = bh_addr_v4(0x0a000101), .name = "data" },
		{ .addr = bh_addr_v4(0x0a000103), .name = "data" },
	};
	struct bh_row rows[] = {
		row_of(ZEEK, "10.0.0.1", "fs1", "\\\\fs1\\a", "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", "a", "alice"),
		row_of(EVTX, "10.0.0.1", "data", "\\\\*\\a", "alice"),
	};

	unify_with(rows, 3, names, 4);
	EXPECT_INT(n_got, 1);
	EXPECT_INT(got->n_sources, 3);
	EXPECT(got->who.server.num == 0x0a000101);

	/* Nobody called 10.0.1.1 by that name. */
	names[2].addr.num = 0x0a000104;
	unify_with(rows, 3, names, 4);
	EXPECT_INT(n_got, 2);
}

static void test_a_client_may_be_named_by_its_workstation(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(EVTX, "PC7.corp.example", "fs1", NULL, "alice"),
	};

	put_name(&rows[0], "fs1");
	put_text(&rows[0].who.workstation, &rows[0].who.known, BH_KNOWN_WORKSTATION, "PC7");
	unify(rows, 2);
	EXPECT_INT(n_got, 1);
	EXPECT_INT(got->n_sources, 2);
}

static void test_a_server_is_known_by_what_it_served(void)
{
	/* Clients called it by address; its log has the name alone, or not even that. */
	static const char *const servers[] = { "fs1", "(this log's server)" };

	for (size_t i = 0; i < BH_LEN(servers); i++) {
		struct bh_row rows[] = {
			row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\10.0.1.1\\data", "alice"),
			row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\10.0.1.1\\IPC$", "alice"),
			row_of(PCAP, "10.0.0.1", "10.0.1.2", "\\\\10.0.1.2\\IPC$", "alice"),
			row_of(SAMBA, "10.0.0.1", servers[i], "data", "alice"),
			row_of(SAMBA, "10.0.0.1", servers[i], "IPC$", "alice"),
		};
		unify(rows, 5);
		EXPECT_INT(n_got, 3);
		EXPECT_INT(with_share("data")->n_sources, 2);
		EXPECT(!(with_share("data")->who.known & BH_KNOWN_SERVER_NAME) == (i == 1));

		/* Two servers with such a share: nobody knows which. */
		rows[2] = row_of(PCAP, "10.0.0.1", "10.0.1.2", "\\\\10.0.1.2\\data", "alice");
		unify(rows, 5);
		EXPECT_INT(n_got, 5);
		/* Another user's is no witness. */
		rows[2].who.user = "bob";
		unify(rows, 5);
		EXPECT_INT(n_got, 3);
	}
}

/* ---- more and less ---- */

static void test_a_log_of_sessions_is_told_with_each_share(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\b", "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", NULL, "alice"),
	};

	put_auth(&rows[2], BH_AUTH_NTLM, 0);
	rows[2].who.ntlm = BH_NTLM_V2;
	rows[2].figures.connections = 40;
	unify(rows, 3);
	EXPECT_INT(n_got, 2);
	for (size_t i = 0; i < n_got; i++) {
		EXPECT(told_by(&got[i], SAMBA));
		EXPECT_INT(got[i].who.ntlm, BH_NTLM_V2);
		EXPECT_INT(got[i].figures.connections, 5); /* whose the forty were is not told */
	}

	/* It goes on for days of which the capture knows nothing: that is not lost. */
	rows[2].figures.last_seen += 30 * DAY;
	unify(rows, 3);
	EXPECT_INT(n_got, 3);
	EXPECT_INT(with_share("")->figures.connections, 30);
}

static void test_bytes_of_an_encrypted_session_go_to_its_share(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", NULL, "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", "IPC$", "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", "secret", "alice"),
	};

	rows[0].who.encrypted = 1;
	rows[0].figures.bytes_to_client = 1 << 30;
	unify(rows, 3);
	EXPECT_INT(n_got, 2);
	EXPECT_INT(with_share("secret")->figures.bytes_to_client, 1 << 30);
	EXPECT_INT(with_share("secret")->who.encrypted, 1);
	EXPECT_INT(with_share("IPC$")->figures.bytes_to_client, 0);
}

static void test_two_users_behind_one_captured_share_are_two_rows(void)
{
	/* Kerberos hides the name on the wire; the server's log has it. */
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", NULL),
		row_of(EVTX, "10.0.0.1", "10.0.1.1", "\\\\*\\a", "alice"),
		row_of(EVTX, "10.0.0.1", "10.0.1.1", "\\\\*\\a", "bob"),
	};

	rows[0].who.dialect = BH_DIALECT_302;
	rows[0].figures.connections = 9;
	unify(rows, 3);
	EXPECT_INT(n_got, 2);
	EXPECT_INT(with_user("alice")->who.dialect, BH_DIALECT_302);
	EXPECT_INT(with_user("bob")->n_sources, 2);

	/* Whose the bytes were nobody can tell. */
	rows[0].figures.bytes_to_server = 1000;
	unify(rows, 3);
	EXPECT_INT(n_got, 3);
	EXPECT_INT(with_user(NULL)->figures.bytes_to_server, 1000);
	EXPECT_INT(with_user(NULL)->figures.connections, 0);
}

static void test_where_nobody_can_tell_who_is_whose_all_stay_apart(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", NULL),
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", NULL),
		row_of(EVTX, "10.0.0.1", "10.0.1.1", "\\\\*\\a", "alice"),
		row_of(EVTX, "10.0.0.1", "10.0.1.1", "\\\\*\\a", "bob"),
	};

	rows[0].who.dialect = BH_DIALECT_302;
	rows[1].who.dialect = BH_DIALECT_21;
	unify(rows, 4);
	EXPECT_INT(n_got, 4);
	for (size_t i = 0; i < n_got; i++)
		EXPECT_INT(got[i].n_sources, 1);
}

static void test_a_blocked_attempt_is_the_silence_that_the_capture_saw(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", NULL, NULL),
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a", "alice"),
		row_of(FIREWALL, "10.0.0.1", "10.0.1.1", NULL, NULL),
	};

	rows[0].who.outcome = BH_SILENT;
	rows[2].who.outcome = BH_BLOCKED;
	unify(rows, 3);
	EXPECT_INT(n_got, 2);
	EXPECT_INT(with_share("")->who.outcome, BH_BLOCKED);
	EXPECT_INT(with_share("")->n_sources, 2);
}

static void test_a_guest_is_one_under_both_his_names(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\pub", "alice"),
		row_of(SAMBA, "10.0.0.1", "10.0.1.1", "pub", "nobody"),
	};

	rows[0].who.guest = 1;
	unify(rows, 2);
	EXPECT_INT(n_got, 1);
	EXPECT_STR(got->who.user, "alice");
}

static void test_of_one_log_only_what_tells_less_is_a_part(void)
{
	struct bh_row rows[] = {
		row_of(EVTX, "10.0.0.1", "fs1", "\\\\*\\a", "alice"),
		row_of(EVTX, "10.0.0.1", "fs1", "\\\\*\\a", "alice"),
		row_of(EVTX, "10.0.0.1", "10.0.1.1", NULL, NULL), /* 5156 */
	};
	struct bh_name_seen name = { .addr = bh_addr_v4(0x0a000101), .name = "FS1" };

	/* The log would have told of the other, too: it was not SMB1. */
	rows[1].who.dialect = BH_DIALECT_NT_LM_012;
	unify_with(rows, 3, &name, 1);
	EXPECT_INT(n_got, 2);
	for (size_t i = 0; i < n_got; i++) {
		EXPECT(got[i].who.share[0] && got[i].who.server.num == 0x0a000101);
		EXPECT_INT(got[i].figures.connections, 5);
	}
}

/* Zeek's logs, read one by one, tell parts; read as one they were joined by whom Zeek
 * numbered the connections, and what is left over is another. */
static void test_logs_of_zeek_read_one_by_one_tell_parts_and_read_as_one_do_not(void)
{
	for (int joined = 0; joined < 2; joined++) {
		uint32_t source = joined ? ZEEK : ZEEK_LOG;
		struct bh_row rows[] = {
			row_of(source, "10.0.0.1", "10.0.1.1", NULL, NULL), /* conn */
			row_of(source, "10.0.0.1", "10.0.1.1", NULL, "alice"), /* ntlm */
			row_of(source, "10.0.0.1", "10.0.1.1", "\\\\fs1\\a",
				NULL), /* smb_mapping */
		};
		unify(rows, 3);
		EXPECT_INT(n_got, joined ? 3 : 1);
		EXPECT_INT(got[n_got - 1].figures.connections, 5);
		if (!joined)
			EXPECT(got[0].who.share[0] && !strcmp(got[0].who.user, "alice"));
	}
}

/* ---- any order ---- */

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A small world, so that most things fit most others. */
static struct bh_row random_row(void)
{
	static const char *const shares[] = { NULL, "a", "\\\\fs1\\a", "\\\\*\\a", "\\\\fs1\\IPC$",
		"\\\\fs1\\b" };
	static const char *const users[] = { NULL, NULL, "alice", "alice@corp", "bob", "nobody" };
	static const char *const servers[] = { "10.0.1.1", "10.0.1.2", "fs1", "fs1.corp.example",
		"fs2", NULL };
	static const char *const clients[] = { "10.0.0.1", "10.0.0.2", "PC7", NULL };
	struct bh_row r = row_of(random_below(SOURCES), clients[random_below(4)],
		servers[random_below(6)], shares[random_below(6)], users[random_below(6)]);

	if (r.who.server.family && random_below(2))
		put_name(&r, random_below(3) ? "fs1" : "fs2");
	if (r.who.client.family && random_below(4) == 0)
		put_text(&r.who.workstation, &r.who.known, BH_KNOWN_WORKSTATION, "PC7");
	if (random_below(3) == 0)
		put_auth(&r, (uint8_t)random_below(4), random_below(3) ? 0 : 0xc000006d);
	if (random_below(3) == 0)
		r.who.dialect = (uint8_t)random_below(BH_DIALECTS);
	if (random_below(4) == 0)
		r.who.outcome = (uint8_t)random_below(BH_OUTCOMES);
	if (random_below(4) == 0)
		put_domain(&r, random_below(2) ? "CORP" : "HR");
	r.figures.connections = random_below(50);
	r.figures.bytes_to_server = random_below(2) ? random_below(5000) : 0;
	if (random_below(3) == 0)
		r.figures.last_seen += random_below(3) * DAY;
	return r;
}

static void shuffle(struct bh_row *rows, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = random_below((uint32_t)i);
		struct bh_row t = rows[i - 1];
		rows[i - 1] = rows[k];
		rows[k] = t;
	}
}

static bool same_rows(const struct bh_row *x, size_t n, const struct bh_row *y, size_t m)
{
	for (size_t i = 0; n == m && i < n; i++) {
		if (!bh_talk_equal(&x[i].who, &y[i].who) ||
			memcmp(&x[i].figures, &y[i].figures, sizeof x[i].figures) ||
			x[i].n_sources != y[i].n_sources ||
			memcmp(x[i].sources, y[i].sources, x[i].n_sources * sizeof(uint32_t)))
			return false;
	}
	return n == m;
}

static void test_the_order_of_rows_does_not_matter(void)
{
	enum { ROWS = 40, WORLDS = 300, ORDERS = 4 };
	static struct bh_row rows[ROWS];
	struct bh_witnesses w = { source_kinds, SOURCES, .seed = 11 };
	size_t joined = 0;

	for (unsigned world = 0; world < WORLDS; world++) {
		BH_AUTO_ARENA first = { 0 };
		const struct bh_row *want;
		size_t n_want, n = 2 + random_below(ROWS - 1);
		for (size_t i = 0; i < n; i++)
			rows[i] = random_row();
		EXPECT_INT(bh_inventory_unify(rows, n, &w, &first, &want, &n_want), 0);
		EXPECT(n_want <= n);
		joined += n - n_want;
		/* rows may be the answer itself */
		struct bh_row *kept = bh_arena_copy(&first, want, n_want * sizeof *want);
		for (unsigned k = 0; k < ORDERS; k++) {
			shuffle(rows, n);
			w.seed = seed;
			unify(rows, n);
			EXPECT(same_rows(kept, n_want, got, n_got));
		}
	}
	EXPECT(joined > 1000); /* so that there was something to see */
}

static bool same_tale(const struct bh_row *r, const struct slow_tale *t)
{
	uint32_t sources = 0;

	for (size_t i = 0; i < r->n_sources; i++)
		sources |= 1u << r->sources[i];
	return bh_talk_equal(&r->who, &t->who) && sources == t->sources &&
	       !memcmp(&r->figures, &t->figures, sizeof r->figures);
}

/* Names that the air told, of machines that rows name too. */
static size_t random_names(struct bh_name_seen *ret)
{
	static const char *const names[] = { "FS1", "fs2.local", "PC7", "CORP" };
	size_t n = random_below(4);

	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct bh_name_seen){
			.addr = bh_addr_v4(
				(random_below(2) ? 0x0a000101u : 0x0a000001u) + random_below(2)),
			.group = random_below(8) == 0
		};
		strcpy(ret[i].name, names[random_below(4)]);
	}
	return n;
}

static void test_all_is_told_as_a_slow_reading_tells_it(void)
{
	enum { ROWS = 48, WORLDS = 3000 };
	static struct bh_row rows[ROWS];
	static struct slow slow;
	struct bh_name_seen names[4];
	size_t joined = 0;

	for (unsigned world = 0; world < WORLDS; world++) {
		struct bh_witnesses w = { source_kinds, SOURCES, names, random_names(names) };
		BH_AUTO_ARENA a = { 0 };
		size_t n_want = 0, n = 2 + random_below(ROWS - 1);
		uint32_t began = seed;
		for (size_t i = 0; i < n; i++)
			rows[i] = random_row();
		EXPECT_INT(slow_unify(rows, n, &w, &a, &slow, &n_want), 0);
		unify_with(rows, n, names, w.n_names);
		EXPECT_INT(n_got, n_want);
		bool same = n_got == n_want;
		for (size_t i = 0; same && i < n_want; i++)
			same = same_tale(&got[i], &slow.tales[i]);
		EXPECT(same);
		if (!same)
			printf("# world %u, seed %u\n", world, began);
		joined += n - n_want;
	}
	EXPECT(joined > 10000); /* so that there was something to see */
}

static uint64_t all_bytes(const struct bh_row *rows, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += rows[i].figures.bytes_to_server;
	return sum;
}

static void test_no_source_and_no_bytes_are_lost(void)
{
	enum { ROWS = 30, WORLDS = 300 };
	static struct bh_row rows[ROWS];

	for (unsigned world = 0; world < WORLDS; world++) {
		uint32_t before = 0, after = 0;
		uint64_t most = 0;
		for (size_t i = 0; i < ROWS; i++) {
			rows[i] = random_row();
			before |= 1u << rows[i].sources[0];
			most = bh_max_size(most, rows[i].figures.bytes_to_server);
		}
		unify(rows, ROWS);
		for (size_t i = 0; i < n_got; i++) {
			for (size_t k = 0; k < got[i].n_sources; k++)
				after |= 1u << got[i].sources[k];
		}
		EXPECT_INT(after, before);
		EXPECT(all_bytes(got, n_got) >= most);
		EXPECT(all_bytes(got, n_got) <= all_bytes(rows, ROWS));
	}
}

/* A password guesser fills both the capture and the log. */
static void test_many_that_nearly_fit_cost_no_more_than_they_are_worth(void)
{
	enum { USERS = 4000 };
	struct bh_row *rows = calloc(3 * USERS, sizeof *rows);
	char user[16];

	for (unsigned i = 0; i < USERS; i++) {
		snprintf(user, sizeof user, "user%u", i);
		rows[3 * i] = row_of(PCAP, "10.0.0.1", "10.0.1.1", NULL, user);
		put_auth(&rows[3 * i], BH_AUTH_NTLM, 0xc000006d);
		rows[3 * i + 1] = row_of(SAMBA, "10.0.0.1", "10.0.1.1", NULL, user);
		put_auth(&rows[3 * i + 1], BH_AUTH_NTLM, 0xc000006d);
		rows[3 * i + 2] = row_of(EVTX, "10.0.0.1", "10.0.1.1", NULL, NULL);
		rows[3 * i + 2].who.auth_status = i;
		rows[3 * i + 2].who.known |= BH_KNOWN_AUTH_STATUS;
	}
	unify(rows, 3 * USERS);
	EXPECT_INT(n_got, 2 * USERS);
	free(rows);
}

int main(void)
{
	RUN(test_the_same_conversation_seen_by_three_sources_is_one_row);
	RUN(test_sources_of_one_kind_are_summed_and_kinds_are_not);
	RUN(test_a_row_of_several_sources_is_taken_apart_by_kind);
	RUN(test_what_captures_tell_differently_stays_two);
	RUN(test_what_disagrees_in_one_field_is_two);
	RUN(test_another_day_is_another_conversation);
	RUN(test_a_name_gets_the_one_address_that_is_known_for_it);
	RUN(test_of_two_addresses_of_a_name_the_one_that_was_used_is_it);
	RUN(test_who_got_an_address_is_found_by_its_other_names);
	RUN(test_a_client_may_be_named_by_its_workstation);
	RUN(test_a_server_is_known_by_what_it_served);
	RUN(test_a_log_of_sessions_is_told_with_each_share);
	RUN(test_bytes_of_an_encrypted_session_go_to_its_share);
	RUN(test_two_users_behind_one_captured_share_are_two_rows);
	RUN(test_where_nobody_can_tell_who_is_whose_all_stay_apart);
	RUN(test_a_blocked_attempt_is_the_silence_that_the_capture_saw);
	RUN(test_a_guest_is_one_under_both_his_names);
	RUN(test_logs_of_zeek_read_one_by_one_tell_parts_and_read_as_one_do_not);
	RUN(test_of_one_log_only_what_tells_less_is_a_part);
	RUN(test_the_order_of_rows_does_not_matter);
	RUN(test_all_is_told_as_a_slow_reading_tells_it);
	RUN(test_no_source_and_no_bytes_are_lost);
	RUN(test_many_that_nearly_fit_cost_no_more_than_they_are_worth);
	bh_arena_reset(&arena);
	return tap_done();
}
