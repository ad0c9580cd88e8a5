#include "keeper/contacts.h"
#include "tap.h"

static const char smb_conf[] = "# of a member\n"
			       "[global]\n"
			       "\tWorkgroup = CORP\n"
			       "\tsecurity = ADS\n"
			       "\trealm = CORP.EXAMPLE ; the realm\n"
			       "\tPassword Server = dc1.corp.example, \\\n"
			       "\t\t10.0.0.2 *\n"
			       "[home]\n"
			       "\trealm = ELSEWHERE\n";

static const char sssd_conf[] = "[sssd]\ndomains = corp.example, lab\n"
				"[domain/corp.example]\n"
				"id_provider = ad\n"
				"ad_server = dc3.corp.example, _srv_\n"
				"ad_backup_server = dc4.corp.example\n"
				"[domain/lab]\n"
				"id_provider = ldap\n"
				"ad_server = no.example\n"
				"[domain/quiet.example]\n"
				"access_provider = ad\n"
				"ad_gpo_access_control = disabled\n"
				"ad_server = no.example\n"
				"[domain/x]\n"
				"id_provider = ad\n"
				"ad_domain = fixed.example\n"
				"ad_server = [fd00::7], dc9.fixed.example.\n";

static const char krb5_conf[] = "[libdefaults]\n default_realm = CORP.EXAMPLE\n"
				"[realms]\n"
				" CORP.EXAMPLE = {\n"
				"  kdc = dc5.corp.example:88\n"
				"  kdc = 10.0.0.5\n"
				"  admin_server = no.example\n"
				" }\n"
				" OTHER.EXAMPLE = {\n  kdc = no.example\n }\n"
				" FIXED.EXAMPLE = {\n  kdc = no.example\n }\n";

static struct membership *fresh(struct bh_arena *a)
{
	struct membership *m = bh_arena_alloc(a, sizeof *m);

	m->a = a;
	return m;
}

static const char *servers(const struct realm *r)
{
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < r->n_servers; i++)
		n += (size_t)snprintf(
			text + n, sizeof text - n, "%s%s", i ? " " : "", r->servers[i].name);
	return text;
}

static void test_a_member_by_smb_conf_needs_its_password_servers(void)
{
	BH_AUTO_ARENA a = { 0 };
	struct membership *m = fresh(&a);

	domain_read_smb(m, "smb.conf", smb_conf);
	EXPECT_INT(m->n, 1);
	EXPECT_STR(m->v[0].name, "CORP.EXAMPLE");
	EXPECT(m->v[0].winbind && !m->v[0].sssd && !m->v[0].listed); /* "*": DNS too */
	EXPECT_STR(servers(&m->v[0]), "dc1.corp.example 10.0.0.2");
}

static void test_who_is_no_member_needs_nobody(void)
{
	static const char *const others[] = { "", "[global]\nrealm = CORP.EXAMPLE\n",
		"[global]\nsecurity = user\nrealm = CORP.EXAMPLE\n",
		"[global]\nserver role = active directory domain controller\nrealm = X\n",
		"[share]\nsecurity = ads\nrealm = X\n", "security = ads\nrealm = X\n",
		"[global]\nsecurity = ads\n" };

	for (size_t i = 0; i < BH_LEN(others); i++) {
		BH_AUTO_ARENA a = { 0 };
		struct membership *m = fresh(&a);
		domain_read_smb(m, "smb.conf", others[i]);
		domain_read_krb5(m, "krb5.conf", krb5_conf);
		EXPECT_INT(m->n, 0);
	}
}

static void test_sssd_needs_them_while_it_reads_group_policies(void)
{
	BH_AUTO_ARENA a = { 0 };
	struct membership *m = fresh(&a);

	domain_read_sssd(m, "sssd.conf", sssd_conf);
	EXPECT_INT(m->n, 2);
	EXPECT_STR(m->v[0].name, "corp.example");
	EXPECT(m->v[0].sssd && !m->v[0].listed);
	EXPECT_STR(servers(&m->v[0]), "dc3.corp.example dc4.corp.example");
	EXPECT_STR(m->v[1].name, "fixed.example");
	EXPECT(m->v[1].listed);
	EXPECT_STR(servers(&m->v[1]), "fd00::7 dc9.fixed.example");
}

static void test_kerberos_tells_controllers_of_known_realms_alone(void)
{
	BH_AUTO_ARENA a = { 0 };
	struct membership *m = fresh(&a);

	domain_read_sssd(m, "sssd.conf", sssd_conf);
	domain_read_smb(m, "smb.conf", smb_conf);
	domain_read_krb5(m, "krb5.conf", krb5_conf);
	domain_read_kdcinfo(m, "CORP.EXAMPLE", "kdcinfo", "10.0.0.6\n[fd00::6]:88\n\n10.0.0.5\n");
	EXPECT_INT(m->n, 2);
	EXPECT(m->v[0].sssd && m->v[0].winbind);
	EXPECT_STR(servers(&m->v[0]), "dc3.corp.example dc4.corp.example dc1.corp.example 10.0.0.2 "
				      "dc5.corp.example 10.0.0.5 10.0.0.6 fd00::6");
	EXPECT_STR(servers(&m->v[1]), "fd00::7 dc9.fixed.example"); /* listed: nobody else */
}

static void test_every_truncation_of_a_file_does_no_harm(void)
{
	BH_AUTO_ARENA a = { 0 };

	for (size_t n = 0; n < sizeof sssd_conf; n++)
		domain_read_sssd(fresh(&a), "f", bh_arena_strn(&a, sssd_conf, n));
	for (size_t n = 0; n < sizeof smb_conf; n++)
		domain_read_smb(fresh(&a), "f", bh_arena_strn(&a, smb_conf, n));
	for (size_t n = 0; n < sizeof krb5_conf; n++) {
		struct membership *m = fresh(&a);
		domain_read_sssd(m, "f", sssd_conf);
		domain_read_krb5(m, "f", bh_arena_strn(&a, krb5_conf, n));
		EXPECT(m->n == 2 && m->v[0].n_servers <= 4);
	}
	EXPECT(bh_arena_ok(&a));
}

static void test_lists_that_do_not_end_have_an_end(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct membership *m = fresh(&a);

	bh_buf_str(&b, "[global]\nsecurity=ads\nrealm=");
	for (unsigned i = 0; i < 5000; i++)
		bh_buf_printf(&b, "%u.", i);
	bh_buf_str(&b, "\npassword server =");
	for (unsigned i = 0; i < 5000; i++)
		bh_buf_printf(&b, " dc%u", i);
	domain_read_smb(m, "f", bh_buf_text(&b));
	EXPECT(m->n == 1 && m->v[0].n_servers <= MAX_SERVERS);
	b.len = 0;
	for (unsigned i = 0; i < 5000; i++)
		bh_buf_printf(&b, "[domain/%u]\nid_provider=ad\n", i);
	m = fresh(&a);
	domain_read_sssd(m, "f", bh_buf_text(&b));
	EXPECT_INT(m->n, MAX_REALMS);
	b.len = 0;
	for (unsigned i = 0; i < 500; i++)
		bh_buf_printf(&b, "sub%u = {\n", i);
	domain_read_krb5(m, "f", bh_buf_text(&b));
	EXPECT(bh_arena_ok(&a));
}

/* ---- DNS ---- */

/* _ldap._tcp SRV: dc1.corp.example by a pointer, and "." */
static const uint8_t answer[] = {
	0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, /* header */
	4, 'c', 'o', 'r', 'p', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 33, 0, 1, /* asked */
	0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 9, 0, 12, 0, 0, 0, 100, 1, 0x85, 3, 'd', 'c', '1', 0xc0, 12,
	0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 9, 0, 7, 0, 0, 0, 100, 1, 0x85, 0, /* nobody */
};

static char told[256];
static unsigned times;

static void tell(void *ctx, const char *target)
{
	(void)ctx;
	snprintf(told, sizeof told, "%s", target);
	times++;
}

static void test_the_targets_of_an_answer_are_told(void)
{
	times = 0;
	EXPECT_INT(srv_read(bh_span_of(answer, sizeof answer), tell, NULL), 0);
	EXPECT_INT(times, 1);
	EXPECT_STR(told, "dc1.corp.example");
}

static void test_every_truncation_and_lie_of_an_answer_does_no_harm(void)
{
	for (size_t n = 0; n < sizeof answer; n++)
		(void)!srv_read(bh_span_of(answer, n), tell, NULL);
	for (size_t i = 0; i < sizeof answer; i++) {
		for (unsigned v = 0; v < 256; v++) {
			uint8_t lie[sizeof answer];
			memcpy(lie, answer, sizeof lie);
			lie[i] = (uint8_t)v;
			(void)!srv_read(bh_span_of(lie, sizeof lie), tell, NULL);
		}
	}
	times = 0;
	uint8_t no[sizeof answer];
	memcpy(no, answer, sizeof no);
	no[3] = 0x83; /* no such name */
	EXPECT(srv_read(bh_span_of(no, sizeof no), tell, NULL) == -ENOENT && !times);
}

int main(void)
{
	RUN(test_a_member_by_smb_conf_needs_its_password_servers);
	RUN(test_who_is_no_member_needs_nobody);
	RUN(test_sssd_needs_them_while_it_reads_group_policies);
	RUN(test_kerberos_tells_controllers_of_known_realms_alone);
	RUN(test_every_truncation_of_a_file_does_no_harm);
	RUN(test_lists_that_do_not_end_have_an_end);
	RUN(test_the_targets_of_an_answer_are_told);
	RUN(test_every_truncation_and_lie_of_an_answer_does_no_harm);
	return tap_done();
}
