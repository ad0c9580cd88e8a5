#include <sys/mman.h>
#include <unistd.h>

#include "cli/live.h"
#include "cli/said.h"
#include "tap.h"

/* What is printed between begin and end, so that TAP keeps standard output. */
static int kept, caught;
static char text[8192];

static void begin(void)
{
	fflush(stdout);
	kept = dup(1);
	caught = memfd_create("out", 0);
	dup2(caught, 1);
}

static const char *end(void)
{
	fflush(stdout);
	dup2(kept, 1);
	ssize_t n = pread(caught, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(kept);
	close(caught);
	return text;
}

static struct bh_row row(const char *share, uint8_t outcome)
{
	struct bh_row r = { 0 };

	bh_talk_init(&r.who);
	r.who.client = bh_addr_v4(0x0a000001);
	r.who.server = bh_addr_v4(0x0a000002);
	r.who.port = 445;
	r.who.outcome = outcome;
	if (share) {
		r.who.known = BH_KNOWN_SHARE | BH_KNOWN_SHARE_STATUS | BH_KNOWN_USER |
			      BH_KNOWN_AUTH_STATUS;
		r.who.share = share;
		r.who.user = "alice";
		r.who.dialect = BH_DIALECT_311;
		r.who.is_signed = 1;
	}
	r.figures = (struct bh_figures){ 1, 10, 20, BH_SECOND, BH_SECOND };
	return r;
}

static const char *after_time(const char *line)
{
	return strlen(line) > 10 ? line + 10 : line;
}

static void test_a_finished_row_is_printed_at_once_and_once(void)
{
	BH_AUTO(bh_lines) l = bh_lines_new(false);
	struct bh_row r = row("\\\\fs1\\home", BH_ANSWERED);

	begin();
	bh_lines_row(l, &r, NULL);
	bh_lines_row(l, &r, NULL);
	r.figures.connections = 7; /* more of the same is no news */
	bh_lines_row(l, &r, NULL);
	bh_lines_round(l, false);
	EXPECT_STR(after_time(end()),
		"10.0.0.1        → 10.0.0.2         \\\\fs1\\home  alice  SMB 3.1.1  signed  ok\n");
	EXPECT_INT(bh_lines_printed(l), 1);
}

static void test_a_connection_waits_for_its_share(void)
{
	BH_AUTO(bh_lines) l = bh_lines_new(false);
	struct bh_row early = row(NULL, BH_ANSWERED), late = row("\\\\fs1\\home", BH_ANSWERED);

	begin();
	bh_lines_row(l, &early, NULL);
	bh_lines_round(l, false);
	early.figures = (struct bh_figures){ 0 }; /* it became the other */
	bh_lines_row(l, &early, NULL);
	bh_lines_row(l, &late, NULL);
	bh_lines_round(l, false);
	bh_lines_round(l, true);
	const char *out = end();
	EXPECT(strstr(out, "home") && !strchr(strchr(out, '\n') + 1, '\n'));
}

static void test_one_that_says_nothing_more_is_printed_after_a_round(void)
{
	BH_AUTO(bh_lines) l = bh_lines_new(false);
	struct bh_row r = row(NULL, BH_ANSWERED);

	begin();
	bh_lines_row(l, &r, NULL);
	bh_lines_round(l, false);
	EXPECT_INT(bh_lines_printed(l), 0);
	bh_lines_round(l, false);
	EXPECT_STR(after_time(end()), "10.0.0.1        → 10.0.0.2         answered\n");
}

static void test_what_only_its_ends_can_see_is_said_to_be_so(void)
{
	BH_AUTO(bh_lines) l = bh_lines_new(false);
	struct bh_row quic = row(NULL, BH_ANSWERED), rdma = row(NULL, BH_REFUSED);

	quic.who.transport = BH_TRANSPORT_QUIC443;
	quic.who.port = 443;
	quic.who.known = BH_KNOWN_SERVER_NAME;
	quic.who.server_name = "fs1.corp.example";
	rdma.who.transport = BH_TRANSPORT_RDMA5445;
	rdma.who.port = 5445;
	begin();
	bh_lines_row(l, &quic, NULL);
	bh_lines_round(l, true);
	EXPECT_STR(after_time(end()),
		"10.0.0.1        → 10.0.0.2:443     \\\\fs1.corp.example\\(not visible)  TLS 1.3  "
		"answered\n");
	begin();
	bh_lines_row(l, &rdma, NULL);
	bh_lines_round(l, true);
	EXPECT_STR(
		after_time(end()), "10.0.0.1        → 10.0.0.2:5445    (not visible)  refused\n");
}

static void test_what_a_log_tells_says_which(void)
{
	BH_AUTO(bh_lines) l = bh_lines_new(false);
	BH_AUTO(bh_lines) json = bh_lines_new(true);
	struct bh_row r = row("\\\\fs1\\home", BH_ANSWERED);

	begin();
	bh_lines_row(l, &r, "log.smbd");
	bh_lines_row(l, &r, NULL); /* what the wire shows is another line */
	const char *out = end();
	EXPECT(strstr(out, "SMB 3.1.1  signed  ok  (log.smbd)\n") &&
		strstr(out, "SMB 3.1.1  signed  ok\n"));
	EXPECT_INT(bh_lines_printed(l), 2);
	begin();
	bh_lines_row(json, &r, "log.smbd");
	EXPECT(strstr(end(), "\"sources\":[\"log.smbd\"]"));
	begin();
	r.who.is_signed = BH_UNKNOWN; /* these wait, each for its own */
	bh_lines_row(l, &r, "log.smbd");
	bh_lines_row(l, &r, NULL);
	bh_lines_round(l, true);
	end();
	EXPECT_INT(bh_lines_printed(l), 4);
}

static void test_many_waiting_are_not_forgotten(void)
{
	BH_AUTO(bh_lines) l = bh_lines_new(true);

	begin();
	for (uint32_t i = 0; i < 1000; i++) {
		struct bh_row r = row(NULL, BH_ANSWERED);
		r.who.client = bh_addr_v4(i);
		bh_lines_row(l, &r, NULL);
	}
	bh_lines_round(l, true);
	end();
	EXPECT_INT(bh_lines_printed(l), 1000);
}

static struct bh_priv_state state(uint32_t generation, enum bh_mode mode, uint64_t a, uint64_t b)
{
	struct bh_priv_state s = { .loaded = true, .generation = generation, .mode = mode };

	s.counters[0].packets = a;
	s.counters[1].packets = b;
	s.n_counters = 2;
	return s;
}

static const char *reckoned(struct bh_reckoning *k, uint64_t logged)
{
	static char said[256];
	BH_AUTO_BUF b = { 0 };

	k->logged = logged;
	bh_reckoning_format(k, &b);
	snprintf(said, sizeof said, "%s", bh_buf_text(&b));
	return said;
}

static void test_what_was_counted_before_is_not_ours_to_have_logged(void)
{
	struct bh_reckoning k = { 0 };
	struct bh_priv_state s = state(3, BH_AUDIT, 100, 20);

	bh_reckon(&k, &s, true);
	s.counters[0].packets = 130;
	bh_reckon(&k, &s, false);
	EXPECT_INT(bh_reckoned(&k), 30);
	EXPECT_STR(reckoned(&k, 30),
		"audit: the rules counted 30 packets that they would block; the log told every one");
	EXPECT(strstr(reckoned(&k, 28), "2 of them were not logged") != NULL);
	EXPECT(strstr(reckoned(&k, 31), "1 more") != NULL);
}

static void test_generations_add_up_and_enforcing_ones_do_not_count(void)
{
	struct bh_reckoning k = { 0 };
	struct bh_priv_state none = { 0 }, one = state(1, BH_AUDIT, 5, 0);
	struct bh_priv_state two = state(2, BH_AUDIT, 7, 1), three = state(3, BH_ENFORCE, 1000, 0);

	bh_reckon(&k, &none, true);
	EXPECT(!k.seen);
	bh_reckon(&k, &one, false);
	bh_reckon(&k, &two, false);
	bh_reckon(&k, &three, false);
	bh_reckon(&k, &three, false);
	EXPECT_INT(bh_reckoned(&k), 13);
}

static void test_a_trial_decides_while_its_lease_runs(void)
{
	struct bh_reckoning k = { 0 };
	struct bh_priv_state s = state(1, BH_ENFORCE, 9, 0);

	s.trial = 2;
	s.trial_mode = BH_AUDIT;
	s.lease_left = 10;
	bh_reckon(&k, &s, false);
	EXPECT_INT(bh_reckoned(&k), 9);
	s.lease_left = 0; /* lapsed: the counters are those of generation 1 again */
	s.counters[0].packets = 500;
	bh_reckon(&k, &s, false);
	EXPECT_INT(bh_reckoned(&k), 9);
}

static void test_texts_from_the_wire_give_a_terminal_no_orders(void)
{
	struct bh_row r = row("\\\\fs1\\a\xe2\x80\xaezip.exe", BH_ANSWERED);
	BH_AUTO_BUF b = { 0 };

	bh_said_share(&r.who, true, &b); /* U+202E turns what follows around */
	EXPECT(b.len && !strstr(bh_buf_text(&b), "\xe2\x80\xae"));
}

static void test_numbers_are_said_as_people_say_them(void)
{
	static const struct {
		uint64_t n;
		const char *text;
	} v[] = { { 0, "0 B" }, { 999, "999 B" }, { 1000, "1.0 kB" }, { 99949, "99.9 kB" },
		{ 123456, "123 kB" }, { 999600, "1.0 MB" }, { UINT64_MAX, "18.4 EB" } };

	for (size_t i = 0; i < BH_LEN(v); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_said_bytes(v[i].n, &b);
		EXPECT_STR(bh_buf_text(&b), v[i].text);
	}
	BH_AUTO_BUF b = { 0 };
	bh_said_count(1234567, "packet", "packets", &b);
	bh_said_count(1, " packet", " packets", &b);
	EXPECT_STR(bh_buf_text(&b), "1,234,567 packets1  packet");
}

int main(void)
{
	RUN(test_a_finished_row_is_printed_at_once_and_once);
	RUN(test_a_connection_waits_for_its_share);
	RUN(test_one_that_says_nothing_more_is_printed_after_a_round);
	RUN(test_what_only_its_ends_can_see_is_said_to_be_so);
	RUN(test_what_a_log_tells_says_which);
	RUN(test_many_waiting_are_not_forgotten);
	RUN(test_what_was_counted_before_is_not_ours_to_have_logged);
	RUN(test_generations_add_up_and_enforcing_ones_do_not_count);
	RUN(test_a_trial_decides_while_its_lease_runs);
	RUN(test_texts_from_the_wire_give_a_terminal_no_orders);
	RUN(test_numbers_are_said_as_people_say_them);
	return tap_done();
}
