/* Text to policy and back. */
#include <stdlib.h>

#include "policy_helper.h"

/* What print makes of text; the caller frees. */
static char *canonical(const char *text, size_t len, unsigned *errors)
{
	struct bh_arena a = { 0 };
	struct bh_diags d = { .arena = &a };
	struct bh_buf b = { 0 };
	const struct bh_policy *p;

	EXPECT(bh_policy_parse("p", bh_span_of(text, len), &a, &d, &p) == 0);
	bh_policy_print(p, &b);
	*errors = d.errors;
	for (const struct bh_diag *one = d.first; one; one = one->next) {
		if (one->severity == BH_ERROR)
			printf("# %u:%u: %s\n", one->line, one->column, one->text);
	}
	bh_arena_reset(&a);
	bh_buf_add(&b, "", 0);
	return b.ptr;
}

static void expect_canonical(const char *text, const char *want)
{
	unsigned errors = 0;
	char *once = canonical(text, strlen(text), &errors);
	EXPECT_INT(errors, 0);
	EXPECT_STR(once, want);
	char *twice = canonical(once, strlen(once), &errors);
	EXPECT_STR(twice, once);
	free(once);
	free(twice);
}

/* DESIGN's sample, as far as it is built. */
static void test_the_sample_policy_has_a_canonical_form(void)
{
	expect_canonical(
		"# corp.policy\n"
		"network  corp        10.0.0.0/8, fd00:10::/32\n"
		"network  it-desks    10.20.7.0/28\n"
		"network  clients     10.20.0.0/16 except it-desks\n"
		"network  servers     10.10.0.0/16 except dcs\n"
		"hosts    dcs         10.10.0.10, 10.10.0.11, fd00:10::10\n"
		"hosts    files       fs1.corp.example, fs2.corp.example\n"
		"hosts    edge        gw.corp.example\n"
		"hosts    old-nas     10.10.9.9\n"
		"hosts    laptops     laptop-17, laptop-18          # machines by name\n"
		"\n"
		"default  block all-smb\n"
		"allow smb from clients to files                            \"home drives\"\n"
		"allow smb from it-desks to servers\n"
		"allow quic from any to edge              # also from a hotel\n"
		"block smb from any to old-nas                              \"being retired\"\n",
		"# corp.policy\n"
		"network corp     10.0.0.0/8, fd00:10::/32\n"
		"network it-desks 10.20.7.0/28\n"
		"network clients  10.20.0.0/16 except it-desks\n"
		"network servers  10.10.0.0/16 except dcs\n"
		"hosts   dcs      10.10.0.10, 10.10.0.11, fd00:10::10\n"
		"hosts   files    fs1.corp.example, fs2.corp.example\n"
		"hosts   edge     gw.corp.example\n"
		"hosts   old-nas  10.10.9.9\n"
		"hosts   laptops  laptop-17, laptop-18  # machines by name\n"
		"\n"
		"default block all-smb\n"
		"allow smb from clients to files \"home drives\"\n"
		"allow smb from it-desks to servers\n"
		"allow quic from any to edge  # also from a hotel\n"
		"block smb from any to old-nas \"being retired\"\n");
}

/* The whole of it names sentences that are not built: each is told, none is passed. */
static void test_the_whole_sample_says_what_is_not_built(void)
{
	static const char text[] =
		"network corp 10.0.0.0/8, fd00:10::/32\n"
		"network it-desks 10.20.7.0/28\n"
		"network clients 10.20.0.0/16 except it-desks\n"
		"network servers 10.10.0.0/16 except dcs\n"
		"hosts dcs 10.10.0.10, 10.10.0.11, fd00:10::10\n"
		"hosts files fs1.corp.example, fs2.corp.example\n"
		"hosts edge gw.corp.example\n"
		"hosts old-nas 10.10.9.9\n"
		"hosts laptops laptop-17, laptop-18\n"
		"roaming laptops\n" /* 10 */
		"tags azure-files azure \"ServiceTags_Public.json\" Storage.WestEurope\n"
		"interfaces vpn wg0, tun0\n"
		"profile domain when authenticated by dcs\n"
		"profile private when interface eth1\n"
		"profile public otherwise\n"
		"default block all-smb\n"
		"allow smb from clients to files \"home drives\"\n"
		"allow smb out from corp to dcs if secure \"SYSVOL and NETLOGON\"\n"
		"allow smb from it-desks to servers\n"
		"allow smb from servers to azure-files via vpn\n" /* 20 */
		"allow quic from any to edge on all\n"
		"allow smb from it-desks to clients until 2027-01-31 \"disk migration\"\n"
		"block smb from any to old-nas \"being retired\"\n"
		"server off on clients when unused 30 days\n"
		"audit shares on files for 14 days\n"
		"ring pilot hosts it-desks soak 3 days\n"
		"ring sample 10% of clients soak 7 days\n"
		"ring everyone rest\n";
	static const unsigned lines[] = { 10, 11, 12, 13, 14, 15, 18, 20, 21, 22, 24, 25, 26, 27,
		28 };
	struct bh_arena a = { 0 };
	struct bh_diags d = { .arena = &a };
	const struct bh_policy *p;
	size_t n = 0;

	EXPECT(bh_policy_parse("p", bh_span_of(text, sizeof text - 1), &a, &d, &p) == 0);
	for (const struct bh_diag *one = d.first; one; one = one->next, n++) {
		EXPECT(strstr(one->text, "is not built yet"));
		EXPECT(n < BH_LEN(lines) && one->line == lines[n]);
	}
	EXPECT_INT(n, BH_LEN(lines));
	bh_arena_reset(&a);
}

static void test_every_way_to_write_a_sentence_has_one_form(void)
{
	expect_canonical("network\ta\t10.0.0.1,10.0.0.2 ,\\\n10.0.0.3\r\n",
		"network a 10.0.0.1, 10.0.0.2, 10.0.0.3\n");
	expect_canonical("\xef\xbb\xbfnetwork a FD00:0::1\n", "network a fd00::1\n");
	expect_canonical("allow smb , netbios in from any to self\"why\"#x",
		"allow smb, netbios in from any to self \"why\"  #x\n");
	expect_canonical("\n\n# a  \n\n\n\n#b\n\n", "# a\n\n#b\n");
	expect_canonical("# one \\\nservice x tcp 99\n", "# one \\\nservice x tcp 99\n");
	expect_canonical("\\\n \\\nservice x udp 99 \\\n", "service x udp 99\n");
	expect_canonical("service x udp 99 \\", "service x udp 99\n");
	expect_canonical("default allow quic out \"\"\n", "default allow quic out \"\"\n");
	expect_canonical("network a 10.0.0.0/8, ::/0, 0.0.0.0/0, 10.0.0.1-10.0.0.1, fd00::1/128\n",
		"network a 10.0.0.0/8, ::/0, 0.0.0.0/0, 10.0.0.1-10.0.0.1, fd00::1/128\n");
	expect_canonical("hosts a b \"# \\ no remark\"\n", "hosts a b \"# \\ no remark\"\n");
}

static void test_a_long_list_goes_on_in_the_next_line(void)
{
	BH_AUTO_BUF b = { 0 };
	unsigned errors = 0;

	bh_buf_str(&b, "network many 10.0.0.1");
	for (unsigned i = 2; i < 60; i++)
		bh_buf_printf(&b, ",10.0.0.%u", i);
	char *once = canonical(b.ptr, b.len, &errors);
	EXPECT_INT(errors, 0);
	for (const char *s = once; *s; s += strcspn(s, "\n") + 1) {
		EXPECT(strcspn(s, "\n") <= 100);
		if (!strchr(s, '\n'))
			break;
	}
	EXPECT(strstr(once, ", \\\n\t10.0.0."));
	char *twice = canonical(once, strlen(once), &errors);
	EXPECT_STR(twice, once);
	free(once);
	free(twice);
}

/* ---- random text, made of the language's own words ---- */

static uint32_t state = 1;

static unsigned dice(unsigned n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static const char *const words[] = { "network", "hosts", "service", "default", "block", "allow",
	"smb", "netbios", "all-smb", "quic", "in", "out", "from", "to", "any", "self", "internet",
	"localsubnet", "except", "a", "b", "c", "A", "10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9",
	"fd00::1", "fd00::/8", ",", ",", ",", "\"why\"", "# remark", "\n", "\n", "\n", "\\\n",
	"tcp", "udp", "99", "\t", "until", "fs1", "224.0.0.1", "10.1.1.1/8" };

static void random_text(struct bh_buf *b)
{
	static const char *const good[] = { "network a 10.0.0.0/8, b except c",
		"hosts b fs1, fd00::1", "network c any", "service x udp 99",
		"default block all-smb in", "allow smb, netbios from a, any to self \"why\"",
		"block quic out from any to b", "", "# remark",
		"allow smb from localsubnet, internet to 10.0.0.1-10.0.0.9" };

	for (unsigned n = dice(12); n; n--) {
		if (dice(3)) {
			bh_buf_printf(b, "%s\n", good[dice(BH_LEN(good))]);
			continue;
		}
		for (unsigned k = dice(14); k; k--)
			bh_buf_printf(b, "%s ", words[dice(BH_LEN(words))]);
		bh_buf_str(b, "\n");
	}
	bh_buf_add(b, "", 0);
}

static void test_whatever_is_accepted_prints_and_reads_back_the_same(void)
{
	unsigned accepted = 0;

	for (unsigned i = 0; i < 20000; i++) {
		struct bh_arena a = { 0 };
		struct bh_diags d = { .arena = &a };
		BH_AUTO_BUF text = { 0 }, once = { 0 }, twice = { 0 };
		const struct bh_policy *p, *q;

		random_text(&text);
		EXPECT(bh_policy_parse("p", bh_span_of(text.ptr, text.len), &a, &d, &p) == 0);
		if (!d.errors) {
			accepted++;
			bh_policy_print(p, &once);
			bh_buf_add(&once, "", 0);
			EXPECT(bh_policy_parse("p", bh_span_of(once.ptr, once.len), &a, &d, &q) ==
				0);
			bh_policy_print(q, &twice);
			bh_buf_add(&twice, "", 0);
			EXPECT_INT(d.errors, 0);
			EXPECT_STR(bh_buf_text(&twice), bh_buf_text(&once));
			/* Meaning is compared too: same binding, same canonical text. */
			const struct bh_bound *x, *y;
			struct bh_names names = { .resolve = resolve };
			EXPECT(bh_policy_bind(p, &names, &a, &d, &x) == 0);
			EXPECT(bh_policy_bind(q, &names, &a, &d, &y) == 0);
			EXPECT_STR(y->canonical, x->canonical);
		}
		bh_arena_reset(&a);
	}
	printf("# %u of 20000 random texts were policies\n", accepted);
	EXPECT(accepted > 200);
}

static void test_every_truncation_of_a_policy_is_read_without_harm(void)
{
	static const char text[] =
		"# x\nnetwork a 10.0.0.0/8, \\\n fd00::/8 except b \"why\" # r\r\n"
		"hosts b fs1\nallow smb, quic in from a to b\ndefault block smb\n";

	for (size_t n = 0; n < sizeof text; n++) {
		struct made m;
		char *exact = malloc(n ? n : 1);
		if (!exact)
			return;
		memcpy(exact, text, n);
		make_n(&m, exact, n, false);
		unmake(&m);
		free(exact);
	}
}

int main(void)
{
	RUN(test_the_sample_policy_has_a_canonical_form);
	RUN(test_the_whole_sample_says_what_is_not_built);
	RUN(test_every_way_to_write_a_sentence_has_one_form);
	RUN(test_a_long_list_goes_on_in_the_next_line);
	RUN(test_whatever_is_accepted_prints_and_reads_back_the_same);
	RUN(test_every_truncation_of_a_policy_is_read_without_harm);
	return tap_done();
}
