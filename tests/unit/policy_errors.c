/* Every sentence that the policy room says about a mistake, with its place. */
#include "policy_helper.h"

struct mistake {
	const char *text;
	unsigned line, column;
	const char *says; /* a part of the sentence */
};

static const struct mistake mistakes[] = {
	/* words */
	{ "networt a 10.0.0.1\n", 1, 1, "begins no sentence: did you mean 'network'?" },
	{ "frobnicate\n", 1, 1, "a sentence begins with network, hosts" },
	{ "\n\n  , a\n", 3, 3, "expected a sentence" },
	{ "network\n", 1, 8, "expected the set's name, not the end of the line" },
	{ "network a\n", 1, 10, "expected an address, a prefix, a range or a set's name" },
	{ "hosts a\n", 1, 8, "or a machine's name, not the end of the line" },
	{ "network a 10.0.0.1,\n", 1, 20, "not the end of the line" },
	{ "network a 10.0.0.1 10.0.0.2\n", 1, 20, "expected a comma before the next item" },
	{ "network a 10.0.0.1 \"x\" y\n", 1, 24, "the reason stands last" },
	{ "network a 10.0.0.1 to\n", 1, 20, "expected the end of the sentence, not 'to'" },
	{ "network a \"x\n", 1, 11, "this quote is never closed" },
	{ "network from 10.0.0.1\n", 1, 9, "'from' is a word of the language" },
	{ "network Except 10.0.0.1\n", 1, 9, "is a word of the language" },
	{ "network a:b 10.0.0.1\n", 1, 9, "reads like an address" },
	{ "network 12 10.0.0.1\n", 1, 9, "reads like an address" },
	{ "network caf\xc3\xa9 10.0.0.1\n", 1, 9, "has characters other than letters" },
	{ "hosts a server\n", 1, 9, "'server' is a word of the language" },
	{ "network a 10.0.0.1 except 10.0.0.2 except 10.0.0.3\n", 1, 36, "a second 'except'" },
	{ "allow smb any to any\n", 1, 11, "expected 'in', 'out' or 'from', not 'any'" },
	{ "allow smb in to any\n", 1, 14, "expected 'from', not 'to'" },
	{ "allow smb from any\n", 1, 19, "expected 'to', not the end of the line" },
	{ "allow from any to any\n", 1, 7, "expected a service" },
	{ "allow smb from any except 10.0.0.1 to any\n", 1, 20, "'except' belongs to a network" },
	{ "default smb\n", 1, 9, "expected 'block' or 'allow', not 'smb'" },
	{ "default block smb any\n", 1, 19, "expected the end of the sentence" },
	{ "service x icmp 1\n", 1, 11, "expected 'tcp' or 'udp', not 'icmp'" },
	{ "service x tcp 0\n", 1, 15, "expected a port from 1 to 65535, not '0'" },
	{ "service x tcp 65536\n", 1, 15, "expected a port" },
	{ "service x tcp 0445\n", 1, 15, "expected a port" },
	{ "service x tcp 99999999999999999999\n", 1, 15, "expected a port" },
	/* text */
	{ "network a 10.0.0.1 # \xff\n", 1, 22, "not UTF-8" },
	{ "network a 10.0.0.1 \"\x01\"\n", 1, 21, "a control character" },
	{ "network a\r10.0.0.1\n", 1, 10, "a control character" },
	{ "# \xe2\x80\xae turned\n", 1, 3, "turns the direction of writing" },
	{ "\xff\xfen\n", 0, 0, "this file is UTF-16" },
	/* addresses */
	{ "network a 10.0.0.256\n", 1, 11, "digits and dots alone are never a name" },
	{ "hosts a 10.0.0.256\n", 1, 9, "digits and dots alone are never a name" },
	{ "hosts a 10.0.0\n", 1, 9, "digits and dots alone are never a name" },
	{ "hosts a 010.0.0.1\n", 1, 9, "without leading zeros" },
	{ "network a 10.1.2.3/8\n", 1, 11, "write 10.0.0.0/8 for the network, or 10.1.2.3/32" },
	{ "network a fd00::1/64\n", 1, 11, "write fd00::/64 for the network, or fd00::1/128" },
	{ "network a 10.0.0.0/33\n", 1, 11, "is a number from 0 to 32" },
	{ "network a 10.0.0.0/08\n", 1, 11, "is a number from 0 to 32" },
	{ "network a 10.0.0.0/\n", 1, 11, "is a number from 0 to 32" },
	{ "network a fd00::/129\n", 1, 11, "is a number from 0 to 128" },
	{ "network a 10.0.0.9-10.0.0.1\n", 1, 11, "runs backwards: write 10.0.0.1-10.0.0.9" },
	{ "network a 10.0.0.9-fd00::1\n", 1, 11, "begins in IPv4 and ends in IPv6" },
	{ "network a 10.0.0.1-10.0.0.256\n", 1, 11, "is no range" },
	{ "network a 10.0.0.1-x\n", 1, 11, "is no range" },
	{ "network a fe80::1%eth0\n", 1, 11, "without its zone" },
	{ "network a fd00::zz\n", 1, 11, "is no address, prefix or range" },
	/* names */
	{ "network a 10.0.0.1\nhosts A 10.0.0.2\n", 2, 7, "'A' is defined already in line 1" },
	{ "network any 10.0.0.1\n", 1, 9, "'any' is a built-in set" },
	{ "hosts SELF 10.0.0.1\n", 1, 7, "is a built-in set" },
	{ "network all-smb 10.0.0.1\n", 1, 9, "is a built-in service" },
	{ "network clients 10.0.0.1\nallow smb from client to any\n", 2, 16,
		"there is no set 'client': did you mean 'clients'?" },
	{ "allow smb from internt to any\n", 1, 16, "did you mean 'internet'?" },
	{ "network a fs1\n", 1, 11, "define it in a network or hosts sentence" },
	{ "network a b\nnetwork b c\nnetwork c a\n", 3, 11,
		"a set cannot contain itself: a → b → c → a" },
	{ "network a a\n", 1, 11, "a set cannot contain itself: a → a" },
	{ "network a 10.0.0.1 except a\n", 1, 27, "a set cannot contain itself" },
	{ "network a self\n", 1, 11, "'self' is different on every machine" },
	{ "hosts a localsubnet\n", 1, 9, "'localsubnet' is different on every machine" },
	/* services */
	{ "service x tcp 4444\nservice X udp 4444\n", 2, 9, "is defined already in line 1" },
	{ "service all-smb tcp 4444\n", 1, 9, "'all-smb' is smb, netbios and smbdirect" },
	{ "service netbios-ns udp 4444\n", 1, 9, "is one port of netbios" },
	{ "service any udp 4444\n", 1, 9, "is a built-in set" },
	{ "service x tcp 445\n", 1, 9, "tcp port 445 belongs to the service 'smb'" },
	{ "service x tcp 9\nservice y tcp 9\n", 2, 9, "belongs to the service 'x'" },
	{ "allow smbb from any to any\n", 1, 7, "did you mean 'smb'?" },
	{ "allow nfs from any to any\n", 1, 7, "define it with 'service NAME tcp PORT'" },
	/* what contradicts what */
	{ "default block all-smb\ndefault allow smb out\n", 2, 1,
		"the default for smb out is 'block' already in line 1" },
	{ "allow quic from any to any\n", 1, 24, "'to any' would take in all HTTP/3" },
	{ "block smb, quic from any to 10.0.0.1, any\n", 1, 39, "'to any' would take in" },
	/* what resolves to nothing */
	{ "allow smb from any to 224.0.0.1\n", 1, 23, "in no set but the word 'any'" },
	{ "allow smb from 255.255.255.255 to any\n", 1, 16, "in no set but the word 'any'" },
	{ "allow smb from any to 224.0.0.0/4\n", 1, 23, "in no set but the word" },
	{ "allow smb from any to ff02::/16\n", 1, 23, "in no set but the word" },
	{ "network a 10.0.0.1 except 10.0.0.0/8\nallow smb from a to any\n", 2, 16,
		"'a' holds no address" },
	{ "network a 224.0.0.1\nallow smb from any to a\n", 2, 23, "'a' holds no address" },
	{ "hosts a nobody\n", 1, 9, "'nobody' does not resolve to an address" },
	{ "hosts a no-server\n", 1, 9, "cannot be resolved now" },
	{ "network clients 10.0.0.1\nhosts a client\n", 2, 9, "did you mean the set 'clients'?" },
	/* not built yet */
	{ "roaming laptops\n", 1, 1, "'roaming' is not built yet" },
	{ "interfaces vpn wg0, tun0\n", 1, 1, "'interfaces' is not built yet" },
	{ "group g sid S-1-5-21-1\n", 1, 1, "'group' is not built yet" },
	{ "profile domain when authenticated by dcs\n", 1, 1, "'profile' is not built yet" },
	{ "tags t azure \"x.json\" Storage.WestEurope\n", 1, 1, "'tags' is not built yet" },
	{ "server off on clients\n", 1, 1, "'server' is not built yet" },
	{ "audit shares on files for 14 days\n", 1, 1, "'audit' is not built yet" },
	{ "ring pilot rest\n", 1, 1, "'ring' is not built yet" },
	{ "include \"x\"\n", 1, 1, "'include' is not built yet" },
	{ "allow smb from any to any on all\n", 1, 27, "'on' is not built yet" },
	{ "allow smb from any to any via vpn\n", 1, 27, "'via' is not built yet" },
	{ "allow smb from any to any if secure\n", 1, 27, "'if' is not built yet" },
	{ "allow smb from any to any even in clear\n", 1, 27, "'even' is not built yet" },
	{ "allow smb from any to any until 2027-01-31\n", 1, 27, "'until' is not built yet" },
	{ "allow smb from any to any for 2h\n", 1, 27, "'for' is not built yet" },
	{ "hosts a from domain corp.example\n", 1, 9, "is not built yet" },
	{ "hosts a 10.0.0.1, from namespace \\\\corp\\x\n", 1, 19, "is not built yet" },
};

static void test_every_mistake_is_told_with_its_place(void)
{
	for (size_t i = 0; i < BH_LEN(mistakes); i++) {
		const struct mistake *w = &mistakes[i];
		struct made m;
		make(&m, w->text);
		const struct bh_diag *d = m.diags.first;
		bool fine = d && m.diags.errors == 1 && d->severity == BH_ERROR &&
			    d->line == w->line && d->column == w->column &&
			    strstr(d->text, w->says);
		if (!fine)
			printf("# %s# %u errors; %u:%u: %s\n", w->text, m.diags.errors,
				d ? d->line : 0, d ? d->column : 0, d ? d->text : "(nothing)");
		EXPECT(fine);
		unmake(&m);
	}
}

static void test_all_mistakes_are_told_in_one_run(void)
{
	struct made m;

	make(&m, "network a 10.0.0.256, 10.1.2.3/8, b\n"
		 "allow smb from a, c to d\n"
		 "roaming x\n"
		 "hosts h nobody\n"
		 "allow nfs from any to 224.0.0.1\n");
	/* 256, host bits, b; c, d; roaming; nobody; nfs, 224.0.0.1.  Nothing is said of a
	 * being empty: it is only broken. */
	EXPECT_INT(m.diags.errors, 9);
	unmake(&m);
}

static void test_what_is_lost_makes_nothing_else_unknown(void)
{
	struct made m;

	make(&m, "tags azure-files azure \"x.json\" Storage\n"
		 "network a 10.0.0.0/99\n"
		 "service nas icmp 1\n"
		 "allow smb from azure-files to a\n"
		 "allow nas from any to any\n");
	EXPECT_INT(m.diags.errors, 3);
	unmake(&m);
}

static void test_a_nul_byte_is_an_error(void)
{
	struct made m;
	static const char text[] = "network a 10.0.0.1 \0 \"x\"\n";

	make_n(&m, text, sizeof text - 1, false);
	EXPECT_INT(m.diags.errors, 1);
	EXPECT(m.diags.first && strstr(m.diags.first->text, "a NUL byte"));
	EXPECT(m.diags.first && m.diags.first->column == 20);
	unmake(&m);
}

static void test_an_empty_policy_is_accepted_with_a_warning(void)
{
	static const char *const texts[] = { "", "\n\n", "# nothing\n", "\xef\xbb\xbf" };

	for (size_t i = 0; i < BH_LEN(texts); i++) {
		struct made m;
		make(&m, texts[i]);
		EXPECT_INT(m.diags.errors, 0);
		EXPECT_INT(m.diags.warnings, 1);
		unmake(&m);
	}
}

static void test_a_name_file_makes_unknown_machines_a_warning(void)
{
	struct made m;
	static const char text[] = "hosts a nobody\nallow smb from a to any\n";

	make_n(&m, text, sizeof text - 1, true);
	EXPECT_INT(m.diags.errors, 0);
	EXPECT_INT(m.diags.warnings, 1);
	unmake(&m);
}

static void test_the_caret_stands_under_its_place(void)
{
	BH_AUTO_BUF b = { 0 };
	struct made m;

	make(&m, "network a \\\n\t10.0.0.1, 10.1.2.3/8  # caf\xc3\xa9\n");
	EXPECT_INT(m.diags.errors, 1);
	if (m.diags.first)
		bh_diag_render(m.diags.first, false, &b);
	EXPECT_STR(bh_buf_text(&b),
		"p:2:12: error: '10.1.2.3/8' has host bits set: write 10.0.0.0/8 for the network, "
		"or 10.1.2.3/32 for this one address\n"
		"    2 | \t10.0.0.1, 10.1.2.3/8  # caf\xc3\xa9\n"
		"      | \t          ^~~~~~~~~~\n");
	unmake(&m);
}

static void test_a_thousand_errors_are_told_and_the_rest_counted(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	for (unsigned i = 0; i < 5000; i++)
		bh_buf_str(&text, "oops\n");
	make_n(&m, text.ptr, text.len, false);
	EXPECT_INT(m.diags.errors, 5000);
	EXPECT(m.diags.last && strstr(m.diags.last->text, "4000 more problems"));
	unmake(&m);
}

int main(void)
{
	RUN(test_every_mistake_is_told_with_its_place);
	RUN(test_all_mistakes_are_told_in_one_run);
	RUN(test_what_is_lost_makes_nothing_else_unknown);
	RUN(test_a_nul_byte_is_an_error);
	RUN(test_an_empty_policy_is_accepted_with_a_warning);
	RUN(test_a_name_file_makes_unknown_machines_a_warning);
	RUN(test_the_caret_stands_under_its_place);
	RUN(test_a_thousand_errors_are_told_and_the_rest_counted);
	return tap_done();
}
