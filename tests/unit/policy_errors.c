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
	/* roaming */
	{ "roaming laptops\n", 1, 9, "there is no set 'laptops'" },
	{ "roaming a,\n", 1, 11, "expected the name of a hosts set" },
	{ "network n 10.0.0.1\nroaming n\n", 2, 9, "'n' is no hosts set" },
	{ "hosts a l1, 10.0.0.1\nroaming a\n", 1, 13, "'a' is roaming (line 2)" },
	{ "hosts a l1 except internet\nroaming a\n", 1, 19, "it can hold machines' names alone" },
	{ "hosts a b\nhosts b l1, internet\nroaming a\n", 2, 13, "'a' is roaming (line 3)" },
	{ "hosts a l1\nroaming a\nallow smb from a to any\n", 3, 16, "say 'out', which they obey" },
	{ "hosts a l1\nroaming a\nblock smb in from a to any\n", 3, 19, "roaming members" },
	{ "hosts a l1\nhosts b a, 10.0.0.1\nroaming a\nallow smb out from any to b\n", 4, 27,
		"say 'in', which they obey" },
	{ "hosts a l1\nroaming a\nallow smb from any to a if secure\n", 3, 23, "say 'in'" },
	{ "hosts a l1\nroaming a\ngroup A sid S-1-5-32-544\n", 3, 7,
		"has roaming members, and stands" },
	/* interfaces and via */
	{ "interfaces vpn\n", 1, 15, "expected an interface's name" },
	{ "interfaces vpn wg*0\n", 1, 16, "has a '*' in the middle" },
	{ "interfaces vpn *\n", 1, 16, "names every interface" },
	{ "interfaces vpn a/b\n", 1, 16, "is no interface's name" },
	{ "interfaces vpn abcdefghijklmnop\n", 1, 16, "longer than an interface's name" },
	{ "interfaces v wg0\ninterfaces V wg1\n", 2, 12, "'V' is defined already in line 1" },
	{ "interfaces vpn wg0\nallow smb from any to any via vpnn\n", 2, 31,
		"did you mean 'vpn'?" },
	{ "allow smb from any to any via wg0\n", 1, 31, "define them with 'interfaces NAME" },
	{ "interfaces v wg0\nblock smb from any to any via v\n", 2, 27, "must say 'out'" },
	{ "interfaces v wg0\nblock smb in from any to any via v\n", 2, 30, "must say 'out'" },
	/* group, if, as, by, even in clear */
	{ "group g dns \"x\"\n", 1, 9, "expected 'certificate', 'kerberos' or 'sid'" },
	{ "group g certificate x\n", 1, 21, "expected the certificate's name in quotes" },
	{ "group g kerberos \"\"\n", 1, 18, "this text is empty" },
	{ "group g sid S-1-5\n", 1, 13, "this is no SID" },
	{ "group g sid S-1-5-99999999999\n", 1, 13, "this is no SID" },
	{ "group g sid S-1-5-32-544x\n", 1, 13, "this is no SID" },
	{ "group any sid S-1-5-32-544\n", 1, 7, "proves the group 'any'" },
	{ "group g sid S-1-1-0\ngroup G sid S-1-1-0\n", 2, 7, "is defined already in line 1" },
	{ "allow smb from any to any if safe\n", 1, 30, "expected 'secure', 'integrity' or" },
	{ "allow smb from any to any if secure as\n", 1, 39, "expected a group's name" },
	{ "allow smb from any to any if secure as any\n", 1, 40, "'any' is no group" },
	{ "group admins sid S-1-1-0\nallow smb from any to any if secure as admin\n", 2, 40,
		"did you mean 'admins'?" },
	{ "network n 10.0.0.1\nallow smb from any to any if secure as n\n", 2, 40,
		"'n' is a set, and 'as' takes groups" },
	{ "allow smb from any to any if secure by sid\n", 1, 40, "expected 'certificate' or" },
	{ "block smb from any to any if secure\n", 1, 27, "'if' belongs to an allow" },
	{ "block smb from any to any even in clear\n", 1, 27, "'even in clear' belongs to an" },
	{ "block smb from any to any for 2h\n", 1, 27, "'for' belongs to an allow" },
	{ "allow smb from any to any if secure even in clear\n", 1, 37, "exclude each other" },
	{ "allow smb from any to any even clear\n", 1, 32, "expected 'in clear'" },
	{ "allow smb from any to any on all on all\n", 1, 34, "a second 'on'" },
	{ "allow smb from any to any on home\n", 1, 30, "expected 'all', or domain" },
	{ "allow smb from any to any until 2027-02-29\n", 1, 33, "expected a day that exists" },
	{ "allow smb from any to any until tomorrow\n", 1, 33, "expected a day that exists" },
	{ "allow smb from any to any for ever\n", 1, 31, "expected a duration" },
	{ "allow smb from any to any for 2\n", 1, 32, "expected a unit" },
	{ "allow smb from any to any for 2 fortnights\n", 1, 31, "is no duration" },
	{ "allow smb from any to any for 0s\n", 1, 31, "longer than nothing" },
	{ "allow smb from any to any for 99999 weeks\n", 1, 31, "at most ten years" },
	{ "allow smb from 10.0.0.0/8 to any\nallow smb from 10.0.0.1 to 10.0.0.2 if secure\n", 1, 1,
		"allows in clear what line 2 allows 'if secure'" },
	/* profile */
	{ "profile work otherwise\n", 1, 9, "expected 'domain', 'private' or 'public'" },
	{ "profile domain\n", 1, 15, "expected 'when' or 'otherwise'" },
	{ "profile domain when ssid x\n", 1, 21, "expected 'authenticated by SET'" },
	{ "profile domain when authenticated by dcs\n", 1, 38, "there is no set 'dcs'" },
	{ "profile domain when interface eth0, eth1\n", 1, 37, "join conditions with 'and'" },
	{ "profile public otherwise\nprofile private otherwise\n", 2, 1, "a second 'otherwise'" },
	{ "profile domain when interface a\nprofile domain when interface b\n", 2, 9,
		"stands already in line 1" },
	/* tags */
	{ "tags t aws \"x.json\" S3\n", 1, 8, "expected 'azure' or 'office365'" },
	{ "tags t azure x.json S3\n", 1, 14, "expected the tag file's name in quotes" },
	{ "tags t azure \"tags.json\"\n", 1, 25, "expected a tag, like Storage.WestEurope" },
	{ "tags t azure \"tags.json\" Sql, Storag\n", 1, 31, "did you mean 'Storage'?" },
	{ "tags t azure \"tags.json\" Gone\n", 1, 26, "has vanished from this edition" },
	{ "tags t azure \"x.json\" Sql\n", 1, 14, "x.json cannot be read as a tag file: no such" },
	{ "tags t azure \"tags.json\" Sql\nnetwork T 10.0.0.1\n", 2, 9,
		"is defined already in line 1" },
	/* domains and namespaces */
	{ "hosts a from domain\n", 1, 20, "expected a domain's DNS name" },
	{ "hosts a from domain 10.0.0.1\n", 1, 21, "reads like an address" },
	{ "hosts a from forest x\n", 1, 14, "expected 'domain' or 'namespace'" },
	{ "hosts a from namespace /corp/dfs\n", 1, 24, "is no DFS namespace" },
	{ "hosts a from namespace \\\\corp\n", 1, 24, "is no DFS namespace" },
	{ "hosts a from domain gone.example\n", 1, 9, "'gone.example' has no domain controllers" },
	{ "hosts a 10.0.0.1, from namespace \\\\corp\\x\n", 1, 19, "cannot be looked up by this" },
	/* tasks and rings */
	{ "server on clients\n", 1, 8, "expected 'off'" },
	{ "server off on clients\n", 1, 15, "there is no set 'clients'" },
	{ "server off on self\n", 1, 15, "it can stand in a rule alone" },
	{ "server off on any when idle\n", 1, 24, "expected 'unused'" },
	{ "audit shares on files for 14 days\n", 1, 17, "there is no set 'files'" },
	{ "audit shares on any\n", 1, 20, "expected 'for'" },
	{ "ring pilot\n", 1, 11, "expected 'hosts', a share like 10%, or 'rest'" },
	{ "ring pilot 0% of a\n", 1, 12, "from 1% to 100%" },
	{ "ring pilot 101% of a\n", 1, 12, "from 1% to 100%" },
	{ "ring pilot 10% of a\n", 1, 19, "there is no set 'a'" },
	{ "ring pilot 10 of a\n", 1, 15, "expected '%'" },
	{ "ring a rest\nring A hosts 10.0.0.1\n", 2, 6, "is defined already in line 1" },
	/* include */
	{ "include x\n", 1, 9, "expected the file's name in quotes" },
	{ "include \"x\"\n", 1, 9, "x cannot be included: no other file is read here" },
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

	make(&m, "tags azure-files aws \"x.json\" Storage\n"
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
