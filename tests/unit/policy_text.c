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

/* Every kind of sentence and clause, as an administrator lays it out. */
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
		"hosts    laptops     laptop-17, laptop-18          # machines by enrolled name\n"
		"roaming  laptops\n"
		"tags     azure-files azure \"ServiceTags_Public.json\" Storage.WestEurope\n"
		"interfaces vpn       wg0, tun0\n"
		"profile  domain      when authenticated by dcs\n"
		"profile  private     when interface eth1\n"
		"profile  public      otherwise\n"
		"\n"
		"default  block all-smb\n"
		"allow smb from clients to files                            \"home drives\"\n"
		"allow smb out from corp to dcs        if secure            \"SYSVOL and NETLOGON\"\n"
		"allow smb from it-desks to servers\n"
		"allow smb from servers to azure-files via vpn\n"
		"allow quic from any to edge on all                         # also from a hotel\n"
		"allow smb from it-desks to clients until 2027-01-31        \"disk migration\"      # "
		"ends by itself\n"
		"block smb from any to old-nas                              \"being retired\"\n"
		"server off on clients when unused 30 days\n"
		"audit shares on files for 14 days\n"
		"ring pilot   hosts it-desks      soak 3 days\n"
		"ring sample  10% of clients      soak 7 days\n"
		"ring everyone rest\n",
		"# corp.policy\n"
		"network corp     10.0.0.0/8, fd00:10::/32\n"
		"network it-desks 10.20.7.0/28\n"
		"network clients  10.20.0.0/16 except it-desks\n"
		"network servers  10.10.0.0/16 except dcs\n"
		"hosts   dcs      10.10.0.10, 10.10.0.11, fd00:10::10\n"
		"hosts   files    fs1.corp.example, fs2.corp.example\n"
		"hosts   edge     gw.corp.example\n"
		"hosts   old-nas  10.10.9.9\n"
		"hosts   laptops  laptop-17, laptop-18  # machines by enrolled name\n"
		"roaming laptops\n"
		"tags azure-files azure \"ServiceTags_Public.json\" Storage.WestEurope\n"
		"interfaces vpn wg0, tun0\n"
		"profile domain when authenticated by dcs\n"
		"profile private when interface eth1\n"
		"profile public otherwise\n"
		"\n"
		"default block all-smb\n"
		"allow smb from clients to files \"home drives\"\n"
		"allow smb out from corp to dcs if secure \"SYSVOL and NETLOGON\"\n"
		"allow smb from it-desks to servers\n"
		"allow smb from servers to azure-files via vpn\n"
		"allow quic from any to edge on all  # also from a hotel\n"
		"allow smb from it-desks to clients until 2027-01-31 \"disk migration\"  # ends by "
		"itself\n"
		"block smb from any to old-nas \"being retired\"\n"
		"server off on clients when unused 30 days\n"
		"audit shares on files for 14 days\n"
		"ring pilot hosts it-desks soak 3 days\n"
		"ring sample 10% of clients soak 7 days\n"
		"ring everyone rest\n");
}

static void test_clauses_have_one_order_and_durations_one_unit(void)
{
	expect_canonical(
		"interfaces v wg*\ngroup g certificate \"CN=a, O=b\" \"why\"\n"
		"group h kerberos \"CORP\\pcs\"\ngroup i sid S-1-5-21-1-2-3-513\n"
		"allow smb from any to 10.0.0.1 for 120m until 2027-01-31 "
		"if integrity as g,h by kerberos via V on public , domain \"why\"\n"
		"allow smb from any to any even\tin  clear on private,public,domain\n"
		"allow smb from any to 10.0.0.2 for 2 weeks even in clear on domain\n"
		"audit shares on from namespace \\\\Corp\\dfs, from domain corp.example for 90s\n"
		"server off on any\nring r 7 % of h-1 soak 1d\nhosts h-1 a\n"
		"profile domain when interface eth0 and authenticated by h-1 \"x\"\n"
		"block smb out from any to any via v # r\n",
		"interfaces v wg*\ngroup g certificate \"CN=a, O=b\" \"why\"\n"
		"group h kerberos \"CORP\\pcs\"\ngroup i sid S-1-5-21-1-2-3-513\n"
		"allow smb from any to 10.0.0.1 on domain, public via V if integrity as g, h by "
		"kerberos until 2027-01-31 for 2h \"why\"\n"
		"allow smb from any to any on all even in clear\n"
		"allow smb from any to 10.0.0.2 on domain even in clear for 14 days\n"
		"audit shares on from namespace \\\\Corp\\dfs, from domain corp.example for 90s\n"
		"server off on any\nring r 7% of h-1 soak 1 day\nhosts h-1 a\n"
		"profile domain when interface eth0 and authenticated by h-1 \"x\"\n"
		"block smb out from any to any via v  # r\n");
}

/* ---- several files ---- */

static int read_file(void *ctx, const char *path, struct bh_arena *a, struct bh_span *ret)
{
	static const struct known files[] = {
		{ "etc/site/base.policy", "hosts files fs1\ninclude \"./more.policy\"\noops\n" },
		{ "etc/site/more.policy",
			"network clients 10.20.0.0/16 # m\n\ntags t azure \"tags.json\" Sql\n" },
		{ "etc/loop.policy", "\ninclude \"site/back.policy\"\n" },
		{ "etc/site/back.policy", "include \"/etc/none\"\ninclude \"../loop.policy\"\n" },
		{ "etc/site/../loop.policy", "include \"../etc/loop.policy\"\n" },
	};

	(void)ctx;
	(void)a;
	for (size_t i = 0; i < BH_LEN(files); i++) {
		if (strcmp(files[i].name, path))
			continue;
		*ret = bh_span_of(files[i].addr, strlen(files[i].addr));
		return 0;
	}
	return strlen(path) > 200 ? -ENAMETOOLONG : -ENOENT;
}

static const struct bh_policy *read_files(const char *text, struct bh_arena *a, struct bh_diags *d)
{
	static const struct bh_files files = { .read = read_file };
	const struct bh_policy *p = NULL;

	EXPECT(bh_policy_read("etc/p.policy", bh_span_of(text, strlen(text)), &files, a, d, &p) ==
		0);
	return p;
}

static void expect_diag(const struct bh_diag *d, const char *file, unsigned line, const char *says)
{
	bool fine = d && !strcmp(d->file, file) && d->line == line && strstr(d->text, says);

	if (!fine && d)
		printf("# %s:%u: %s\n", d->file, d->line, d->text);
	EXPECT(fine);
}

static void test_included_sentences_count_where_they_stand(void)
{
	static const char text[] = "include \"site/base.policy\" \"the site\" # x\n"
				   "allow smb from clients to files\nhosts FILES 10.0.0.1\n";
	struct bh_arena a = { 0 };
	struct bh_diags d = { .arena = &a };
	BH_AUTO_BUF own = { 0 }, whole = { 0 };
	const struct bh_policy *p = read_files(text, &a, &d);

	EXPECT_INT(d.errors, 2);
	expect_diag(d.first, "etc/site/base.policy", 3, "'oops' begins no sentence");
	expect_diag(d.first ? d.first->next : NULL, "etc/p.policy", 3,
		"defined already in line 1 of etc/site/base.policy");
	EXPECT(d.first && d.first->source && !strcmp(d.first->source, "oops"));
	bh_policy_print(p, &own);
	EXPECT_STR(bh_buf_text(&own), "include \"site/base.policy\" \"the site\"  # x\n"
				      "allow smb from clients to files\nhosts FILES 10.0.0.1\n");
	bh_policy_print_whole(p, "/srv", &a, &whole);
	EXPECT(strstr(bh_buf_text(&whole),
		"hosts   files   fs1\nnetwork clients 10.20.0.0/16  # m\n\n"
		"tags t azure \"/srv/etc/site/tags.json\" Sql\n"));
	bh_arena_reset(&a);
}

static void test_a_file_that_includes_itself_by_whatever_way_is_an_error(void)
{
	struct bh_arena a = { 0 };
	struct bh_diags d = { .arena = &a };

	(void)read_files("include \"loop.policy\"\ninclude \"./p.policy\"\n", &a, &d);
	/* /etc/none; loop by its other name, whose own include ends in a name too long or a
	 * depth too great; and the policy itself. */
	EXPECT(d.errors >= 3);
	expect_diag(d.first, "etc/site/back.policy", 1, "/etc/none cannot be included: No such");
	expect_diag(d.last, "etc/p.policy", 2, "etc/p.policy cannot be included: a file cannot");
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
	"tcp", "udp", "99", "\t", "until", "fs1", "224.0.0.1", "10.1.1.1/8", "on", "all", "via",
	"v", "if", "secure", "encrypted", "as", "g", "by", "kerberos", "even", "in", "clear",
	"2027-02-01", "for", "2h", "roaming", "l", "group", "sid", "S-1-5-32-544", "interfaces",
	"wg*", "tags", "azure", "\"tags.json\"", "Sql", "profile", "domain", "public", "otherwise",
	"ring", "10%", "of", "rest", "soak", "3 days", "server", "off", "audit", "shares" };

static void random_text(struct bh_buf *b)
{
	static const char *const good[] = { "network a 10.0.0.0/8, b except c",
		"hosts b fs1, fd00::1", "network c any", "service x udp 99",
		"default block all-smb in", "allow smb, netbios from a, any to self \"why\"",
		"block quic out from any to b", "", "# remark", "hosts l l1, l2 except l2",
		"roaming l", "group g certificate \"CN=x\"", "interfaces v wg0, eth*",
		"tags t azure \"tags.json\" Sql",
		"allow smb from l to b if encrypted as g by certificate on all until 2027-01-20",
		"allow smb out from l to t via v even in clear for 90s",
		"ring r hosts l soak 1 week", "profile public otherwise",
		"profile domain when authenticated by b and interface e*",
		"server off on b when unused 3d", "audit shares on t, l for 14 days \"x\"",
		"ring s 5% of a",
		"hosts d from domain dcs.example, from namespace \\\\c\\d except fs1",
		"block smb out from l to any via v on public",
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
			struct bh_names names = {
				.resolve = resolve, .domain = domain, .tag = tag, .today = TODAY
			};
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
		"hosts b fs1\nallow smb, quic in from a to b\ndefault block smb\n"
		"hosts l l1\nroaming l\ntags t azure \"tags.json\" Sql\ninterfaces v wg*\n"
		"group g sid S-1-5-32-544\nprofile domain when authenticated by b and interface e\n"
		"allow smb from l to t via v if secure as g by kerberos on all until 2027-01-31\n"
		"allow smb out from self to any for 2 h even in clear \"x\"\n"
		"server off on b when unused 3 days\naudit shares on b for 1w\n"
		"ring r 10 % of a soak 2d\ninclude \"x\"\nhosts d from namespace \\\\c\\d\n";

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
	RUN(test_clauses_have_one_order_and_durations_one_unit);
	RUN(test_included_sentences_count_where_they_stand);
	RUN(test_a_file_that_includes_itself_by_whatever_way_is_an_error);
	RUN(test_every_way_to_write_a_sentence_has_one_form);
	RUN(test_a_long_list_goes_on_in_the_next_line);
	RUN(test_whatever_is_accepted_prints_and_reads_back_the_same);
	RUN(test_every_truncation_of_a_policy_is_read_without_harm);
	return tap_done();
}
