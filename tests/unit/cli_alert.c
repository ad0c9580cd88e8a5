#include "cli/alert.h"
#include "tap.h"

static void test_a_journal_message_has_its_fields_one_a_line(void)
{
	const struct bh_alert_field v[] = { { "PROCESS", "nft" }, { "PID", "4711" } };
	BH_AUTO_BUF b = { 0 };

	bh_alert_journal(BH_ALERT_DRIFT, "somebody did it", v, 2, &b);
	EXPECT_STR(bh_buf_text(&b), "MESSAGE=somebody did it\n"
				    "MESSAGE_ID=5d0a4a0ecb0f4b0f9d0b8f8e6f7d1a01\n"
				    "PRIORITY=1\n"
				    "SYSLOG_IDENTIFIER=bulkhead\n"
				    "BULKHEAD_EVENT=drift\n"
				    "BULKHEAD_PROCESS=nft\n"
				    "BULKHEAD_PID=4711\n");
}

static void test_no_value_makes_a_field_of_its_own(void)
{
	const struct bh_alert_field v[] = { { "PROCESS", "a\nPRIORITY=7" } };
	BH_AUTO_BUF b = { 0 };

	bh_alert_journal(BH_ALERT_FOREIGN, "x\ny\nMESSAGE_ID=0", v, 1, &b);
	EXPECT(strstr(bh_buf_text(&b), "MESSAGE=x y MESSAGE_ID=0\n"));
	EXPECT(strstr(bh_buf_text(&b), "BULKHEAD_PROCESS=a PRIORITY=7\n"));
	EXPECT(!strstr(bh_buf_text(&b), "\nPRIORITY=7"));
}

static void test_kinds_have_names_and_numbers_of_their_own(void)
{
	for (int i = BH_ALERT_DRIFT; i <= BH_ALERT_WOULD_BLOCK; i++) {
		for (int k = BH_ALERT_DRIFT; k < i; k++) {
			BH_AUTO_BUF x = { 0 };
			BH_AUTO_BUF y = { 0 };
			bh_alert_journal((enum bh_alert_kind)i, "", NULL, 0, &x);
			bh_alert_journal((enum bh_alert_kind)k, "", NULL, 0, &y);
			EXPECT(strcmp(bh_alert_names[i], bh_alert_names[k]) != 0);
			EXPECT(strncmp(x.ptr, y.ptr, strlen("MESSAGE=\nMESSAGE_ID=") + 32) != 0);
		}
	}
}

int main(void)
{
	RUN(test_a_journal_message_has_its_fields_one_a_line);
	RUN(test_no_value_makes_a_field_of_its_own);
	RUN(test_kinds_have_names_and_numbers_of_their_own);
	return tap_done();
}
