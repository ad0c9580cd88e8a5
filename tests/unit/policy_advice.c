/* What is right and probably not meant: one sentence each, and silence about the rest. */
#include "policy_helper.h"

static void advise(struct made *m, const char *text)
{
	struct bh_names names = {
		.resolve = resolve, .domain = domain, .tag = tag, .today = TODAY, .advise = true
	};

	*m = (struct made){ 0 };
	m->diags.arena = &m->a;
	EXPECT(bh_policy_parse("p", bh_span_of(text, strlen(text)), &m->a, &m->diags, &m->p) == 0);
	EXPECT(bh_policy_bind(m->p, &names, &m->a, &m->diags, &m->b) == 0);
}

#define SETS                                                                                       \
	"network a 10.1.0.0/16\nnetwork b 10.0.0.0/8\nhosts f 10.9.9.9\n"                          \
	"default block all-smb, quic\n" /* lines 1 to 4 */

struct advice {
	const char *text;
	unsigned line;
	const char *says; /* NULL: nothing */
};

static const struct advice cases[] = {
	/* rules that never hold, or change nothing */
	{ SETS "allow smb from a to f\nblock all-smb from b to any\n", 5,
		"never holds: the block in line 6 takes all of it" },
	{ SETS "allow smb from b to f\nblock smb from a to any\n", 0, NULL },
	{ SETS "allow smb from a to f\nblock smb in from b to any\n", 0, NULL },
	{ SETS "allow smb from a to f\nblock smb from b to any on public\n", 0, NULL },
	{ SETS "allow smb in from a to f\nblock smb in from b to any until 2027-03-01\n", 0, NULL },
	{ SETS "allow smb from a to f\nallow smb from b to any\n", 5,
		"line 6 says all of this already" },
	{ SETS "allow smb from a to f\nallow smb from a to f\n", 6,
		"line 5 says all of this already" },
	{ SETS "allow smb from b to f\nallow smb, netbios from a to f\n", 0, NULL },
	{ SETS "allow smb from a to f on all\nallow smb from b to any\n", 0, NULL },
	{ SETS "allow smb from a to f\nallow smb from b to any until 2027-03-01\n", 0, NULL },
	{ SETS "allow smb from a to f for 1h\nallow smb from b to any for 2h\n", 5, "line 6 says" },
	{ SETS "allow smb from a to f if secure\nallow smb from b to any if encrypted\n", 0, NULL },
	{ SETS "allow smb from a to f if encrypted\nallow smb from b to any if secure\n", 5,
		"line 6" },
	{ SETS "interfaces v wg0\nallow smb from a to f via v\nallow smb from b to any\n", 6,
		"line 7" },
	{ SETS "interfaces v wg0\nallow smb from a to f\nallow smb from b to any via v\n", 0,
		NULL },
	{ SETS "allow smb from a to f until 2027-01-15\n", 5, "this ended with 2027-01-15" },
	{ SETS "allow smb from a to f until 2027-01-16\n", 0, NULL },
	{ SETS "block smb from a to f\n", 5, "the default blocks all of this" },
	{ SETS "block smb from a to f\nallow smb from b to f\n", 0, NULL },
	{ "allow smb from any to 10.0.0.1\n", 1, "nothing blocks this by default" },
	{ "default block smb in\nallow smb from any to 10.0.0.1\n", 0, NULL },
	{ "allow smb from any to 10.0.0.1 if secure\n", 0, NULL },
	{ "interfaces v wg0\ndefault block smb\nallow smb in from any to 10.0.0.1 via v\n", 3,
		"it changes nothing" },
	/* A machine with an address in each of two sets can be in b and not in c. */
	{ "network b 10.0.0.0/8 except 10.7.0.0/16\ndefault block smb\n"
	  "allow smb from 10.1.0.0/16 to 10.0.0.1\nallow smb from b to 10.0.0.1\n",
		0, NULL },
	/* sets */
	{ "network a 10.0.0.1 except 10.0.0.0/8\n", 1, "'a' holds nobody" },
	{ "network a 10.0.0.0/8, fd00::/8\nnetwork c 10.1.0.0/16\ndefault block smb\n"
	  "allow smb from c to 10.0.0.1\n",
		2, "'c' has IPv4 addresses alone, and 'a' in line 1 has IPv6" },
	{ "network a 10.0.0.0/8, fd00::/8\nhosts c 10.1.0.1\nhosts d 10.1.0.2\nhosts e fd00::1\n"
	  "default block smb\nallow smb from c, e to d\n",
		2, "IPv4 addresses alone in 'c', 'd', and 'a' in line 1" },
	{ "network a 10.0.0.0/8, fd00::/8\nnetwork c 10.1.0.0/16\n", 0, NULL },
	/* clouds */
	{ "tags t azure \"tags.json\" Storage\ninterfaces v wg0\ndefault block smb\n"
	  "allow smb from any to t via v\n",
		4, "the storage of every customer" },
	{ "tags t azure \"tags.json\" Sql\ndefault block smb\nallow smb from any to t\n", 0, NULL },
	{ "tags t office365 \"tags.json\" Sql\ndefault block smb\nallow smb from any to t\n", 3,
		"no service of Office 365 is reached over SMB" },
	/* rings */
	{ "ring a hosts 10.0.0.0/8\nring b hosts 10.1.0.0/16\nring c rest\n", 2,
		"some machines of 'b' are in 'a' already" },
	{ "ring a hosts 10.0.0.0/8\nring b hosts 11.1.0.0/16\n", 2, "add 'ring NAME rest'" },
	{ "ring a rest\nring b rest\n", 2, "'b' is a second 'rest' after 'a'" },
	{ "network n 10.0.0.0/8\nring a hosts 10.0.0.0/8\nring b 10% of n\nring c rest\n", 0,
		NULL },
};

static void test_what_is_probably_not_meant_is_told_with_its_place(void)
{
	for (size_t i = 0; i < BH_LEN(cases); i++) {
		const struct advice *w = &cases[i];
		struct made m;
		advise(&m, w->text);
		const struct bh_diag *d = m.diags.first;
		bool fine = !m.diags.errors && m.diags.warnings == (w->says ? 1u : 0u) &&
			    (!w->says || (d->line == w->line && strstr(d->text, w->says)));
		if (!fine)
			printf("# %s# %u errors, %u warnings; %u: %s\n", w->text, m.diags.errors,
				m.diags.warnings, d ? d->line : 0, d ? d->text : "(nothing)");
		EXPECT(fine);
		unmake(&m);
	}
}

static void test_azure_files_through_the_internet_is_told_beside_it(void)
{
	struct made m;

	advise(&m,
		"tags t azure \"tags.json\" Storage\ndefault block smb\nallow smb from any to t\n");
	EXPECT_INT(m.diags.warnings, 2);
	EXPECT(m.diags.last && strstr(m.diags.last->text, "use a VPN and say 'via'"));
	unmake(&m);
}

static void test_nothing_is_said_to_those_who_do_not_ask(void)
{
	struct made m;

	make(&m, SETS "allow smb from a to f\nallow smb from a to f\nring a rest\nring b rest\n");
	EXPECT_INT(m.diags.warnings, 0);
	unmake(&m);
}

static void test_very_many_rules_are_not_compared(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	bh_buf_str(&text, "default block smb\n");
	for (unsigned i = 0; i < 1001; i++)
		bh_buf_str(&text, "allow smb from any to 10.0.0.1\n");
	advise(&m, bh_buf_text(&text));
	EXPECT_INT(m.diags.warnings, 0);
	EXPECT(m.diags.last && m.diags.last->severity == BH_NOTE);
	unmake(&m);
}

int main(void)
{
	RUN(test_what_is_probably_not_meant_is_told_with_its_place);
	RUN(test_azure_files_through_the_internet_is_told_beside_it);
	RUN(test_nothing_is_said_to_those_who_do_not_ask);
	RUN(test_very_many_rules_are_not_compared);
	return tap_done();
}
