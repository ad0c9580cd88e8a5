/* What names and lists become. */
#include "policy_helper.h"

static const struct bh_bound_set *set_of(const struct made *m, const char *name)
{
	for (size_t i = 0; i < m->b->n_sets; i++) {
		if (!strcmp(m->b->sets[i].name, name))
			return &m->b->sets[i];
	}
	return NULL;
}

static void expect_set(const struct made *m, const char *name, const char *want)
{
	BH_AUTO_BUF b = { 0 };
	const struct bh_bound_set *s = set_of(m, name);

	EXPECT(s != NULL);
	if (s)
		bh_addrset_format(&s->addrs, ", ", &b);
	EXPECT_STR(bh_buf_text(&b), want);
}

static void test_except_takes_everything_after_it_from_everything_before(void)
{
	struct made m;

	make(&m, "network a 10.0.0.0/29, 10.0.1.0/30 except 10.0.0.1, b, 10.0.1.1-10.0.1.2\n"
		 "network b 10.0.0.4/31, fd00::1\n");
	EXPECT_INT(m.diags.errors, 0);
	expect_set(&m, "a", "10.0.0.0, 10.0.0.2/31, 10.0.0.6/31, 10.0.1.0, 10.0.1.3");
	unmake(&m);
}

static void test_machines_become_all_their_addresses(void)
{
	struct made m;

	make(&m, "hosts files fs1, fs2.corp.example except 10.10.1.2\n");
	EXPECT_INT(m.diags.errors, 0);
	expect_set(&m, "files", "10.10.1.1, fd00:10::11");
	const struct bh_bound_set *s = set_of(&m, "files");
	EXPECT(s && s->n_machines == 2 && !strcmp(s->machines[0], "fs1"));
	unmake(&m);
}

static void test_forward_references_and_case_do_not_matter(void)
{
	struct made m;

	make(&m, "allow SMB from Clients to FILES\n"
		 "hosts files CLIENTS except 10.0.0.1\n"
		 "network clients 10.0.0.0/31\n");
	EXPECT_INT(m.diags.errors, 0);
	expect_set(&m, "files", "10.0.0.0");
	unmake(&m);
}

static void test_multicast_is_in_no_set(void)
{
	struct made m;

	make(&m, "network all any\n"
		 "network wide 223.255.255.255-240.0.0.0, 255.255.255.254/31, fe00::/7\n"
		 "hosts g group-address, fs1\n");
	EXPECT_INT(m.diags.errors, 0);
	expect_set(&m, "all",
		"0.0.0.0-223.255.255.255, 240.0.0.0-255.255.255.254, "
		"::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect_set(&m, "wide", "223.255.255.255, 240.0.0.0, 255.255.255.254, fe00::/8");
	expect_set(&m, "g", "10.10.1.1, fd00:10::11");
	unmake(&m);
}

/* The edges of every block of both IANA registries, and of multicast. */
static void test_the_internet_is_what_the_registries_leave(void)
{
	static const char *const outside[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0",
		"10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.0", "127.255.255.255",
		"169.254.0.0", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
		"192.0.0.9", "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.31.196.0",
		"192.31.196.255", "192.52.193.0", "192.52.193.255", "192.88.99.0", "192.88.99.255",
		"192.168.0.0", "192.168.255.255", "192.175.48.0", "192.175.48.255", "198.18.0.0",
		"198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255",
		"224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255", "::", "::1",
		"::ffff:1.2.3.4", "64:ff9b::1", "64:ff9b:1::1", "100::1", "100:0:0:1::1",
		"1fff:ffff::", "2001::", "2001:20::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
		"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "5f00::1",
		"fc00::", "fdff:ffff::1", "fe80::1", "ff02::1" };
	static const char *const inside[] = { "1.0.0.0", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
		"192.0.1.255", "192.0.3.0", "192.31.195.255", "192.31.197.0", "192.52.192.255",
		"192.52.194.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
		"192.175.47.255", "192.175.49.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
		"198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
		"2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2003::", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
		"2620:4f:8001::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	struct made m;

	make(&m, "network campus 8.8.8.8\nnetwork outside internet except campus\n");
	EXPECT_INT(m.diags.errors, 0);
	const struct bh_bound_set *s = set_of(&m, "outside");
	for (size_t i = 0; s && i < BH_LEN(outside); i++) {
		struct bh_addr a = addr(outside[i]);
		EXPECT(!bh_addrset_contains(&s->addrs, &a));
	}
	for (size_t i = 0; s && i < BH_LEN(inside); i++) {
		struct bh_addr a = addr(inside[i]);
		if (!bh_addrset_contains(&s->addrs, &a))
			printf("# %s is not in internet\n", inside[i]);
		EXPECT(bh_addrset_contains(&s->addrs, &a));
	}
	struct bh_addr campus = addr("8.8.8.8");
	EXPECT(s && !bh_addrset_contains(&s->addrs, &campus));
	unmake(&m);
}

static void test_services_stand_for_their_ports(void)
{
	struct made m;
	struct bh_service s;

	make(&m, "service smb tcp 8445\nservice nas udp 99\nallow all-smb, nas from any to any\n"
		 "default block all-smb out\n");
	EXPECT_INT(m.diags.errors, 0);
	EXPECT_INT(m.b->n_services, 8);
	EXPECT_INT(m.b->rules[0].n_services, 7);
	EXPECT_INT(m.b->n_defaults, 6);
	EXPECT_INT(m.b->defaults[0].hooks, BH_HOOK_BIT(BH_OUT));
	EXPECT(!bh_policy_service_parse(m.b, "smb", &s) && s.port == 445 && s.proto == BH_TCP);
	EXPECT(!bh_policy_service_parse(m.b, "NAS", &s) && s.port == 99 && s.proto == BH_UDP);
	EXPECT(!bh_policy_service_parse(m.b, "tcp/8445", &s) && s.port == 8445);
	EXPECT(!bh_policy_service_parse(m.b, "udp/1", &s) && s.port == 1);
	EXPECT_INT(bh_policy_service_parse(m.b, "netbios", &s), -E2BIG);
	EXPECT_INT(bh_policy_service_parse(m.b, "all-smb", &s), -E2BIG);
	EXPECT_INT(bh_policy_service_parse(m.b, "nfs", &s), -ENOENT);
	EXPECT_INT(bh_policy_service_parse(m.b, "tcp/0", &s), -EINVAL);
	EXPECT_INT(bh_policy_service_parse(m.b, "tcp/65536", &s), -EINVAL);
	EXPECT_INT(bh_policy_service_parse(m.b, "tcp/", &s), -EINVAL);
	unmake(&m);
}

static void test_the_canonical_text_forgets_order_and_remarks(void)
{
	struct made x, y, z;

	make(&x, "network a 10.0.0.0/8\ndefault block smb\nallow smb from a to any \"why\"\n");
	make(&y,
		"allow smb from A to any # r\n\nnetwork a 10.0.0.0/9, 10.128.0.0/9\ndefault block smb\n");
	make(&z, "allow smb from a to any\nnetwork a 10.0.0.0/9\ndefault block smb\n");
	EXPECT_STR(y.b->canonical, x.b->canonical);
	EXPECT(strcmp(z.b->canonical, x.b->canonical) != 0);
	unmake(&x);
	unmake(&y);
	unmake(&z);
}

static void test_a_loopback_address_of_a_machine_is_a_warning(void)
{
	struct made m;

	make(&m, "hosts a loop\n");
	EXPECT_INT(m.diags.errors, 0);
	EXPECT_INT(m.diags.warnings, 1);
	EXPECT(m.diags.first && strstr(m.diags.first->text, "127.0.1.1"));
	unmake(&m);
}

static void test_a_machine_at_a_multicast_address_alone_is_still_somebody(void)
{
	struct made m;

	make(&m, "hosts h group-address except fs1\nblock smb from h to any\n");
	EXPECT_INT(m.diags.errors, 0);
	unmake(&m);
	make(&m, "hosts h fs1 except fs1\nblock smb from h to any\n");
	EXPECT_INT(m.diags.errors, 1);
	unmake(&m);
}

static void test_tags_and_domains_become_addresses(void)
{
	struct made m;

	make(&m, "tags t azure \"tags.json\" Storage, Sql\nnetwork n t except 10.9.0.128/25\n"
		 "hosts d from domain dcs.example, 10.9.1.7 except t\n");
	EXPECT_INT(m.diags.errors, 0);
	expect_set(&m, "t", "10.9.0.0/23");
	expect_set(&m, "n", "10.9.0.0/25, 10.9.1.0/24");
	expect_set(&m, "d", "10.10.0.10");
	EXPECT_STR(set_of(&m, "t")->kind, "tags");
	/* What a cloud publishes is no network of ours. */
	EXPECT_INT(m.b->declared.v4.n, 2);
	unmake(&m);
}

static void test_every_sentence_is_bound_for_those_who_enforce_it(void)
{
	struct made m;

	make(&m,
		"hosts l l1\nroaming l\ninterfaces v wg*, tun0\n"
		"group g certificate \"CN=x\"\nhosts dcs 10.10.0.10\n"
		"profile domain when authenticated by dcs and interface eth0\n"
		"profile public otherwise\n"
		"allow smb out from any to dcs via V if encrypted as G by kerberos until 2027-01-16 "
		"for 2h on all\n"
		"allow smb in from L to dcs if secure\n"
		"server off on dcs when unused 2 days\naudit shares on 10.0.0.1 for 1d\n"
		"ring a hosts l\nring b 10% of dcs soak 1h\nring c rest\n");
	EXPECT_INT(m.diags.errors, 0);
	const struct bh_bound_rule *r = &m.b->rules[0];
	EXPECT(r->via && r->via->n == 2 && r->via->line == 3);
	EXPECT(r->secure && r->secure->level == BH_LEVEL_ENCRYPTED && r->secure->n_as == 1 &&
		r->secure->by == BH_BY_KERBEROS && !r->secure->n_roaming);
	EXPECT(r->ends && r->until == TODAY && !r->expired && r->lasts == 7200 &&
		r->on == BH_ALL_PROFILES);
	EXPECT(m.b->rules[1].secure && m.b->rules[1].secure->n_roaming == 1);
	EXPECT(m.b->n_roaming == 1 && !strcmp(m.b->roaming[0].set, "l") &&
		m.b->roaming[0].line == 2);
	EXPECT(m.b->n_groups == 1 && !strcmp(m.b->groups[0].identity, "CN=x"));
	EXPECT_INT(m.b->n_profiles, 2);
	EXPECT(m.b->profiles[0].n == 2 && m.b->profiles[0].all[0].servers.addrs.v4.n == 1 &&
		!strcmp(m.b->profiles[0].all[1].ifname, "eth0") && !m.b->profiles[1].n);
	EXPECT(m.b->n_tasks == 2 && m.b->tasks[0].seconds == 2 * 86400 &&
		m.b->tasks[1].kind == BH_TASK_AUDIT_SHARES);
	EXPECT(m.b->n_rings == 3 && m.b->rings[1].percent == 10 && m.b->rings[1].soak == 3600 &&
		m.b->rings[2].rest);
	unmake(&m);
}

static void test_the_canonical_text_knows_every_clause(void)
{
	static const char *const rules[] = { "allow smb out from l to b",
		"block smb out from l to b", "allow smb out from l to b on all",
		"allow smb out from l to b via v", "allow smb out from l to b via w",
		"allow smb out from l to b if secure", "allow smb out from l to b if encrypted",
		"allow smb out from l to b if secure as g",
		"allow smb out from l to b if secure by kerberos",
		"allow smb out from l to b until 2027-01-10",
		"allow smb out from l to b until 2027-01-20", "allow smb out from l to b for 2h" };
	struct made m[BH_LEN(rules)];

	for (size_t i = 0; i < BH_LEN(rules); i++) {
		BH_AUTO_BUF b = { 0 };
		bh_buf_printf(&b,
			"hosts l l1\nroaming l\nnetwork b 10.0.0.1\ninterfaces v wg0\n"
			"interfaces w wg1\ngroup g sid S-1-1-0\n%s\n",
			rules[i]);
		make(&m[i], bh_buf_text(&b));
		EXPECT_INT(m[i].diags.errors, 0);
		for (size_t k = 0; k < i; k++)
			EXPECT(strcmp(m[k].b->canonical, m[i].b->canonical) != 0);
	}
	for (size_t i = 0; i < BH_LEN(rules); i++)
		unmake(&m[i]);
}

static void test_a_hundred_thousand_roaming_machines_are_known_by_name(void)
{
	static const char *const last[] = { "l99999" };
	BH_AUTO_BUF text = { 0 };
	struct bh_arena a = { 0 };
	struct bh_view v;
	struct made m;

	bh_buf_str(&text, "roaming all\nhosts all h0");
	for (unsigned i = 1; i < 100; i++)
		bh_buf_printf(&text, ",h%u", i);
	for (unsigned i = 0; i < 100000; i++)
		bh_buf_printf(
			&text, i % 1000 ? ",l%u" : "\nhosts h%u l%u", i % 1000 ? i : i / 1000, i);
	bh_buf_str(&text,
		"\nallow smb in from all to any if secure\nallow netbios out from h99 to any\n");
	make_n(&m, text.ptr, text.len, false);
	EXPECT_INT(m.diags.errors, 0);
	EXPECT(!bh_policy_view_host(m.b, last, 1, NULL, 0, &a, &v));
	EXPECT(v.roaming && v.from_me[1]);
	unmake(&m);
	bh_arena_reset(&a);
}

static void test_a_hundred_thousand_items_are_read_and_bound(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	bh_buf_str(&text, "network many 10.0.0.0");
	for (unsigned i = 1; i < 100000; i++)
		bh_buf_printf(&text, ",10.%u.%u.%u", i >> 15 & 255, i >> 7 & 255, (i & 127) * 2);
	bh_buf_str(&text, "\nnetwork most many except 10.0.0.0\nallow smb from most to any\n");
	make_n(&m, text.ptr, text.len, false);
	EXPECT_INT(m.diags.errors, 0);
	EXPECT_INT(m.b->rules[0].from.addrs.v4.n, 99999);
	unmake(&m);
}

static void test_a_hundred_thousand_sets_are_named_and_found(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	for (unsigned i = 0; i < 100000; i++)
		bh_buf_printf(&text, "network n%u 10.%u.%u.0/24\n", i, i >> 8 & 255, i & 255);
	bh_buf_str(&text, "network all n0");
	for (unsigned i = 1; i < 100000; i++)
		bh_buf_printf(&text, ",n%u", i);
	bh_buf_str(&text, "\nallow smb from all to any\n");
	make_n(&m, text.ptr, text.len, false);
	EXPECT_INT(m.diags.errors, 0);
	EXPECT_INT(m.b->rules[0].from.addrs.v4.n, 1);
	unmake(&m);
}

static void test_sets_that_grow_without_end_are_refused(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	bh_buf_str(&text, "network big 10.0.0.0");
	for (unsigned i = 1; i < 50000; i++)
		bh_buf_printf(&text, ",10.%u.%u.%u", i >> 15 & 255, i >> 7 & 255, (i & 127) * 2);
	for (unsigned i = 0; i < 1000; i++)
		bh_buf_printf(&text, "\nnetwork n%u big, 11.0.%u.%u", i, i >> 8, i & 255);
	bh_buf_str(&text, "\n");
	make_n(&m, text.ptr, text.len, false);
	EXPECT_INT(m.diags.errors, 1);
	EXPECT(m.diags.last && strstr(m.diags.last->text, "address ranges"));
	unmake(&m);
}

static void test_a_chain_of_sets_is_refused_beyond_its_limit(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	bh_buf_str(&text, "network n0 10.0.0.1\n");
	for (unsigned i = 1; i < 100000; i++)
		bh_buf_printf(&text, "network n%u n%u\n", i, i - 1);
	make_n(&m, text.ptr, text.len, false);
	EXPECT_INT(m.diags.errors, 1);
	EXPECT(m.diags.first && m.diags.first->line == 65);
	unmake(&m);
}

static void test_a_line_of_ten_megabytes_is_read(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	bh_buf_str(&text, "# ");
	while (text.len < 10u << 20)
		bh_buf_str(&text, "remark without end ");
	bh_buf_str(&text, "\nnetwork a ");
	size_t start = text.len;
	while (text.len - start < 10u << 20)
		bh_buf_str(&text, "xxxxxxxxxxxxxxxx");
	bh_buf_str(&text, "\n");
	make_n(&m, text.ptr, text.len, false);
	EXPECT_INT(m.diags.errors, 1);
	EXPECT(m.diags.first && strlen(m.diags.first->text) < 400);
	unmake(&m);
}

static void test_too_many_items_are_refused(void)
{
	BH_AUTO_BUF text = { 0 };
	struct made m;

	bh_buf_str(&text, "network a a1");
	for (unsigned i = 0; i < 1000001; i++)
		bh_buf_str(&text, ",::");
	make_n(&m, text.ptr, text.len, false);
	EXPECT(m.diags.first && strstr(m.diags.first->text, "more than 1000000 items"));
	unmake(&m);
}

int main(void)
{
	RUN(test_except_takes_everything_after_it_from_everything_before);
	RUN(test_machines_become_all_their_addresses);
	RUN(test_forward_references_and_case_do_not_matter);
	RUN(test_multicast_is_in_no_set);
	RUN(test_the_internet_is_what_the_registries_leave);
	RUN(test_services_stand_for_their_ports);
	RUN(test_the_canonical_text_forgets_order_and_remarks);
	RUN(test_a_loopback_address_of_a_machine_is_a_warning);
	RUN(test_a_machine_at_a_multicast_address_alone_is_still_somebody);
	RUN(test_tags_and_domains_become_addresses);
	RUN(test_every_sentence_is_bound_for_those_who_enforce_it);
	RUN(test_the_canonical_text_knows_every_clause);
	RUN(test_a_hundred_thousand_roaming_machines_are_known_by_name);
	RUN(test_a_hundred_thousand_items_are_read_and_bound);
	RUN(test_a_hundred_thousand_sets_are_named_and_found);
	RUN(test_sets_that_grow_without_end_are_refused);
	RUN(test_a_chain_of_sets_is_refused_beyond_its_limit);
	RUN(test_a_line_of_ten_megabytes_is_read);
	RUN(test_too_many_items_are_refused);
	return tap_done();
}
