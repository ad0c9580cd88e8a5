/* What a table cannot say yet is told by file and line, and nothing else is. */
#include "plan/plan.h"
#include "tap.h"

static const char policy[] = "hosts laptops l1\n" /* 1 */
			     "roaming laptops\n"
			     "hosts files 10.0.0.1\n"
			     "network clients 10.1.0.0/16\n"
			     "interfaces vpn wg0\n" /* 5 */
			     "default block smb\n"
			     "allow smb out from clients to files via vpn\n"
			     "allow netbios in from clients to files if secure\n"
			     "allow smbdirect from clients to files until 2027-01-20\n"
			     "allow quic out from clients to files until 2027-01-10\n" /* 10 */
			     "allow smbdirect in from clients to files for 2h\n"
			     "block smb out from laptops to files on public\n"
			     "server off on clients\n"
			     "audit shares on files for 2 days\n"
			     "profile public otherwise\n" /* 15 */
			     "ring a rest\n"
			     "allow smb in from clients to 10.0.0.2 on all\n";

static void expect_lines(
	const char *name, const char *address, bool gateway, bool forwards, const char *want)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF got = { 0 };
	struct bh_diags d = { .arena = &a }, unsaid = { .arena = &a };
	const struct bh_names names = { .today = 20834 };
	static const uint8_t hash[BH_HASH];
	const struct bh_policy *p;
	const struct bh_bound *b;
	struct bh_addr addr;
	struct bh_view v;
	struct bh_table t;

	EXPECT(!bh_policy_parse("p", bh_span_of(policy, sizeof policy - 1), &a, &d, &p));
	EXPECT(!bh_policy_bind(p, &names, &a, &d, &b));
	EXPECT_INT(d.errors, 0);
	bool at = address && !bh_addr_parse(address, strlen(address), &addr);
	EXPECT(!(gateway ? bh_policy_view_gateway(b, &a, &v)
			 : bh_policy_view_host(b, &name, name ? 1 : 0, &addr, at, &a, &v)));
	unsigned n = bh_plan_unsaid(b, &v, forwards, &unsaid);
	for (const struct bh_diag *one = unsaid.first; one; one = one->next) {
		bh_buf_printf(&got, "%u ", one->line);
		EXPECT_STR(one->file, "p");
	}
	EXPECT_STR(bh_buf_text(&got), want);
	EXPECT_INT(n, unsaid.errors);
	EXPECT_INT(bh_plan_unsaid(b, &v, forwards, NULL), n);
	EXPECT_INT(bh_plan_table(b, &v, NULL, 0, forwards, hash, &a, &t), n ? -EOPNOTSUPP : 0);
}

static void test_each_place_is_told_what_concerns_it(void)
{
	expect_lines(NULL, "10.0.0.1", false, false, "8 9 11 14 ");
	expect_lines(NULL, "10.1.0.1", false, false, "7 9 13 ");
	expect_lines("l1", NULL, false, false, "2 ");
	expect_lines("l1", "10.1.0.1", false, false, "2 ");
	expect_lines(NULL, NULL, true, false, "9 ");
	expect_lines("stranger", NULL, false, true, "9 ");
}

/* `on`, an expired `until` and rings are no trouble where nobody roams. */
static void test_a_place_that_nothing_new_concerns_is_planned(void)
{
	expect_lines("stranger", NULL, false, false, "");
	expect_lines(NULL, "10.0.0.2", false, false, "");
}

int main(void)
{
	RUN(test_each_place_is_told_what_concerns_it);
	RUN(test_a_place_that_nothing_new_concerns_is_planned);
	return tap_done();
}
