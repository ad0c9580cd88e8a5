#include "heard.h"

static struct heard h;

#define HEAD                                                                                       \
	"#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n"        \
	"#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn " \
	"tcpack tcpwin icmptype icmpcode info path pid\r\n\r\n"

static const char log_1_5[] = HEAD
	"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514 445 52 S 123 0 64240 - - - RECEIVE 4\r\n"
	"2026-01-31 12:00:01 ALLOW TCP fe80::1 fe80::2 51514 139 0 - 0 0 0 - - - SEND 4\r\n"
	"2026-01-31 12:00:02 DROP UDP 10.0.0.5 10.0.0.255 137 137 78 - - - - - - - RECEIVE 4\r\n"
	"2026-01-31 12:00:02 ALLOW TCP 10.0.0.5 10.0.0.9 51515 80 0 - 0 0 0 - - - SEND 4\r\n"
	"2026-01-31 12:00:03 DROP ICMP 10.0.0.5 10.0.0.9 - - 60 - - - - 8 0 - RECEIVE 4\r\n"
	"2026-01-31 12:00:04 INFO-EVENTS-LOST - - - - - - - - - - - - 7 - -\r\n";

static void test_what_was_dropped_is_blocked_and_what_passed_is_not_known(void)
{
	heard_str(&h, log_1_5);
	EXPECT_INT(h.kind, BH_LOG_PFIREWALL);
	EXPECT_INT(h.n, 2);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 blocked c1");
	EXPECT_STR(h.line[1], "fe80::1>fe80::2:139 nbss139 c1");
	EXPECT(h.when.first == (bh_time)1769860800 * BH_SECOND);
	EXPECT_STR(bh_buf_text(&h.problems), "");
	EXPECT_STR(bh_buf_text(&h.kinds), "pfirewall DROP 0: 3\npfirewall ALLOW 0: 2\n"
					  "pfirewall INFO-EVENTS-LOST 0: 1 unread\n");
	EXPECT_INT(h.counts.records, 6);
	heard_in_pieces(BH_LOG_PFIREWALL, log_1_5, sizeof log_1_5 - 1);
	heard_cut_off(BH_LOG_PFIREWALL, log_1_5, sizeof log_1_5 - 1, 1);
}

static void test_times_are_local_and_the_options_say_where(void)
{
	const struct bh_log_options east = { .seed = 1, .east = 7200 };

	EXPECT_INT(heard_log(&h, BH_LOG_NONE, log_1_5, sizeof log_1_5 - 1, 0, &east), 0);
	EXPECT(h.when.first == (bh_time)(1769860800 - 7200) * BH_SECOND);
}

static void test_the_port_says_who_is_the_server(void)
{
	heard_str(&h, HEAD
		/* a late packet of a connection that was closed: none of its own */
		"2026-01-31 12:00:00 DROP TCP 10.0.0.9 10.0.0.5 445 51514 40 RA 1 1 0 - - - RECEIVE 4\n"
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514 445 40 A 1 1 0 - - - RECEIVE 4\n"
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 445 5445 40 S 1 1 0 - - - RECEIVE 4\n");
	EXPECT_INT(h.n, 3);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 blocked");
	EXPECT_STR(h.line[1], "10.0.0.5>10.0.0.9:445 blocked");
	EXPECT_STR(h.line[2], "10.0.0.5>10.0.0.9:5445 rdma5445 blocked c1");
}

static void test_fields_stand_where_the_head_says(void)
{
	heard_str(&h,
		"#Verson: 1.0\n#Software: Microsoft Internet Connection Firewall\n#Fields: action "
		"dst-port src-port dst-ip src-ip protocol time date\n"
		"OPEN-INBOUND 445 1025 10.0.0.9 10.0.0.5 TCP 12:00:00 2026-01-31\n"
		"CLOSE 445 1025 10.0.0.9 10.0.0.5 TCP 12:00:00 2026-01-31\n");
	EXPECT_INT(h.kind, BH_LOG_PFIREWALL);
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 c1");
}

static void test_a_log_whose_head_was_rotated_away(void)
{
	heard_str(&h,
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514 445 52 S 123 0 64240 - - - RECEIVE\n");
	EXPECT_INT(h.kind, BH_LOG_PFIREWALL);
	EXPECT_STR(h.line[0], "10.0.0.5>10.0.0.9:445 blocked c1");
}

static void test_each_lie_is_counted(void)
{
	static const char *const lies[] = {
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.999 51514 445 52 S 1 0 1 - - - RECEIVE 4",
		"2026-01-31 12:00:00 DROP TCP - 10.0.0.9 51514 445 52 S 1 0 1 - - - RECEIVE 4",
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 99999 445 52 S 1 0 1 - - - RECEIVE 4",
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514 - 52 S 1 0 1 - - - RECEIVE 4",
		"2026-01-32 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514 445 52 S 1 0 1 - - - RECEIVE 4",
		"2026-01-31 12:00 DROP TCP 10.0.0.5 10.0.0.9 51514 445 52 S 1 0 1 - - - RECEIVE 4",
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 fe80::9 51514 445 52 S 1 0 1 - - - RECEIVE 4",
		"2026-01-31 12:00:00 DROP TCP 10.0.0.5 10.0.0.9 51514",
	};

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_buf_printf(&b, "%s%s\n", HEAD, lies[i]);
		heard_str(&h, bh_buf_text(&b));
		EXPECT_INT(h.n, 0);
		EXPECT_INT(h.counts.unreadable, 1);
		EXPECT_INT(h.counts.records, 1);
	}
}

int main(void)
{
	RUN(test_what_was_dropped_is_blocked_and_what_passed_is_not_known);
	RUN(test_times_are_local_and_the_options_say_where);
	RUN(test_the_port_says_who_is_the_server);
	RUN(test_fields_stand_where_the_head_says);
	RUN(test_a_log_whose_head_was_rotated_away);
	RUN(test_each_lie_is_counted);
	heard_reset(&h);
	return tap_done();
}
