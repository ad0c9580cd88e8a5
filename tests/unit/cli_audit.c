#include "cli/audit.h"
#include "cli/audit_log.h"
#include "tap.h"

#define NOW  ((bh_time)1767225600 * BH_SECOND) /* 2026-01-01T00:00:00Z */
#define LOG  "/var/log/samba/bulkhead-audit.log"
#define OURS "%u|%I|%i|%m|%S|%R"

static struct bh_arena arena;
static struct bh_diags diags;
static struct bh_smbconf shares, text, registry;
static struct bh_audit_ask ask;
static struct bh_audit plan;
static struct bh_audit_file files[BH_AUDIT_FILES];
static size_t n_files;

static void read_conf(struct bh_smbconf *c, const char *s)
{
	*c = (struct bh_smbconf){ .arena = &arena };
	EXPECT_INT(bh_smbconf_read(c, "smb.conf", bh_span_of(s, strlen(s)), &diags), 0);
}

/* What testparm printed, and nothing else is known. */
static void begin(const char *printed)
{
	bh_arena_reset(&arena);
	diags = (struct bh_diags){ .arena = &arena };
	ask = (struct bh_audit_ask){
		.shares = &shares, .conf = "/etc/samba/smb.conf", .days = 14, .now = NOW
	};
	read_conf(&shares, printed);
}

static void with_text(const char *s)
{
	read_conf(&text, s);
	ask.text = &text;
}

static int make(void)
{
	int r = bh_audit_plan(&ask, &arena, &diags, &plan);

	n_files = r ? 0 : bh_audit_files(&plan, &arena, files);
	EXPECT(bh_arena_ok(&arena));
	return r;
}

static const struct bh_audit_share *share(const char *name)
{
	static const struct bh_audit_share none = { .before = "(no share)", .after = "(no share)" };

	for (const struct bh_audit_share *s = plan.first; s; s = s->next) {
		if (!strcmp(s->name, name))
			return s;
	}
	return &none;
}

/* The last one holds. */
static const char *value(const char *section, const char *name)
{
	const char *ret = NULL;

	for (const struct bh_audit_set *s = plan.sets; s; s = s->next) {
		if (!strcmp(s->section, section) && !strcmp(s->name, name))
			ret = s->value;
	}
	return ret;
}

static const char *file(const char *name)
{
	for (size_t i = 0; i < n_files; i++) {
		if (!strcmp(files[i].name, name))
			return files[i].text;
	}
	return "";
}

static bool noted(const char *part)
{
	for (size_t i = 0; i < plan.n_notes; i++) {
		if (strstr(plan.notes[i], part))
			return true;
	}
	return false;
}

/* What testparm of Samba 4.17 prints of a file server and of a domain controller. */
static const char file_server[] =
	"# Global parameters\n[global]\n\tlog file = /var/log/samba/log.%m\n\tlogging = file\n"
	"\tmax log size = 1000\n\tserver role = standalone server\n\tidmap config * : backend = tdb\n"
	"\n\n[homes]\n\tbrowseable = No\n\n\n[printers]\n\tbrowseable = No\n\tpath = /var/tmp\n"
	"\tprintable = Yes\n\n\n[print$]\n\tpath = /var/lib/samba/printers\n\n\n[mac]\n"
	"\tpath = /srv/mac\n\tvfs objects = catia fruit streams_xattr recycle\n\n\n"
	"[old]\n\tforce user = shares\n\tpath = /srv/old\n\tvfs objects = shadow_copy2 acl_xattr\n";
static const char dc[] =
	"# Global parameters\n[global]\n\tpassdb backend = samba_dsdb\n\trealm = X.Y\n"
	"\tserver role = active directory domain controller\n\tidmap config * : backend = tdb\n"
	"\tmap archive = No\n\tvfs objects = dfs_samba4 acl_xattr\n\n\n[sysvol]\n\tpath = /s\n"
	"\tread only = No\n\n\n[netlogon]\n\tpath = /n\n\tread only = No\n\tvfs objects = recycle\n";

static void test_full_audit_comes_first_and_the_others_keep_their_order(void)
{
	begin(file_server);
	with_text("[global]\nlog level = 1 smb:2\n");
	EXPECT_INT(make(), 0);
	EXPECT_STR(share("mac")->before, "catia fruit streams_xattr recycle");
	EXPECT_STR(share("mac")->after, "full_audit catia fruit streams_xattr recycle");
	EXPECT_STR(share("old")->after, "full_audit shadow_copy2 acl_xattr");
	EXPECT_STR(share("homes")->after, "full_audit");
	EXPECT_STR(share("print$")->after, "full_audit");
	EXPECT_STR(value("mac", "vfs objects"), "full_audit catia fruit streams_xattr recycle");
	EXPECT_STR(value("mac", "full_audit:success"), "connect disconnect");
	EXPECT_STR(value("mac", "full_audit:failure"), "none");
	EXPECT_STR(value("mac", "full_audit:prefix"), OURS);
	EXPECT_INT(plan.n_shares, 5);
	EXPECT_INT(plan.n_audited, 4);
}

static void test_options_of_modules_are_said_again(void)
{
	/* A section that comes again has lost them: testparm of Samba 4.17 shows it. */
	begin("# Global parameters\n[global]\n[mac]\n\tpath = /x\n\tvfs objects = fruit\n"
	      "\tfruit:metadata = stream\n[theirs]\n\tvfs objects = full_audit recycle\n"
	      "\tfull_audit:success = mkdir\n\trecycle:repository = .bin/%U\\ \n");
	EXPECT_INT(make(), 0);
	EXPECT_STR(value("mac", "fruit:metadata"), "stream");
	EXPECT_STR(value("theirs", "recycle:repository"), ".bin/%U\\");
	EXPECT(strstr(file("bulkhead-audit.conf"), "\n\trecycle:repository = .bin/%U\\ \n"));
	EXPECT(strstr(file("bulkhead-audit.conf"),
		"\n\tfull_audit:success = mkdir\n\trecycle:repository = .bin/%U\\ \n"
		"\tfull_audit:success = mkdir connect disconnect\n"));
}

static void test_the_registry_keeps_its_options_by_itself(void)
{
	begin("# Global parameters\n[global]\n\tregistry shares = Yes\n[kept]\n\tpath = /k\n"
	      "\tfruit:metadata = stream\n");
	with_text("[global]\nregistry shares = yes\n");
	read_conf(&registry, "[kept]\n\tpath = /k\n\tfruit:metadata = stream\n");
	ask.registry = &registry;
	EXPECT_INT(make(), 0);
	EXPECT(value("kept", "vfs objects") && !value("kept", "fruit:metadata"));
}

static void test_it_begins_only_where_testparm_prints_what_it_printed(void)
{
	begin(file_server);
	ask.sha256 = "abcd";
	EXPECT_INT(make(), 0);
	EXPECT(strstr(file("bulkhead-audit-begin"), "[ \"${was%% *}\" = abcd ] ||"));
	begin(file_server);
	EXPECT_INT(make(), 0);
	EXPECT(!strstr(file("bulkhead-audit-begin"), "sha256sum"));
}

static void test_a_printer_is_left_alone(void)
{
	begin(file_server);
	EXPECT_INT(make(), 0);
	EXPECT_INT(share("printers")->how, BH_AUDIT_PRINTER);
	EXPECT(!value("printers", "vfs objects"));
	EXPECT(!strstr(file("bulkhead-audit.conf"), "[printers]"));
}

static void test_a_domain_controllers_own_objects_are_said_again(void)
{
	begin(dc);
	EXPECT_INT(make(), 0);
	EXPECT_STR(share("sysvol")->after, "full_audit dfs_samba4 acl_xattr");
	EXPECT_STR(share("netlogon")->after, "full_audit recycle");
	EXPECT_STR(plan.others->after, "full_audit dfs_samba4 acl_xattr");
	EXPECT(noted("domain controller"));
}

static void test_a_smb_conf_of_a_domain_controller_does_not_name_them(void)
{
	static const char *const v[][2] = {
		{ "server role = active directory domain controller\n", "dfs_samba4 acl_xattr" },
		{ "ServerRole = DC\nxattr_tdb:file = /x.tdb\n", "dfs_samba4 acl_xattr xattr_tdb" },
		{ "server role=domain controller\nposix : eadb = /e\n",
			"dfs_samba4 acl_xattr posix_eadb" },
		{ "server role = dc\nvfs objects = dfs_samba4 acl_xattr glusterfs\n",
			"dfs_samba4 acl_xattr glusterfs" },
		{ "server role = member server\n", "" },
	};

	for (size_t i = 0; i < BH_LEN(v); i++) {
		char conf[300];
		snprintf(conf, sizeof conf, "[global]\n%s[sysvol]\npath = /s\n", v[i][0]);
		begin(conf);
		EXPECT_INT(make(), 0);
		EXPECT_STR(share("sysvol")->before, v[i][1]);
	}
}

static void test_the_shares_that_nobody_names_follow_global(void)
{
	begin(file_server);
	EXPECT_INT(make(), 0);
	EXPECT(plan.others != NULL);
	EXPECT_STR(value("global", "vfs objects"), "full_audit");
	EXPECT_STR(value("global", "full_audit:syslog"), "no");
}

static void test_force_user_does_not_hide_who_it_was(void)
{
	begin(file_server);
	EXPECT_INT(make(), 0);
	EXPECT_STR(value("old", "full_audit:prefix"), "%U|%I|%i|%m|%S|%R");
	EXPECT_STR(value("homes", "full_audit:prefix"), OURS);
	begin("# Global parameters\n[global]\n\tforce user = root\n[a]\n\tpath = /\n");
	EXPECT_INT(make(), 0);
	EXPECT_STR(value("a", "full_audit:prefix"), "%U|%I|%i|%m|%S|%R");
}

static void test_their_own_full_audit_keeps_all_it_has(void)
{
	begin("# Global parameters\n[global]\n\tfull_audit:success = mkdir rename\n"
	      "\tfull_audit:prefix = %u|%I|%S\n[a]\n\tvfs objects = recycle full_audit\n"
	      "[b]\n\tvfs objects = full_audit:b acl_xattr\n\tfull_audit:success = all !read\n"
	      "[c]\n\tvfs objects = acl_xattr\n[d]\n\tvfs objects = full_audit\n"
	      "\tfull_audit:success = none\n");
	EXPECT_INT(make(), 0);
	EXPECT_INT(share("a")->how, BH_AUDIT_EXTENDED);
	EXPECT_STR(share("a")->after, "recycle full_audit");
	EXPECT_STR(value("a", "full_audit:success"), "mkdir rename connect disconnect");
	EXPECT(!value("a", "vfs objects") && !value("a", "full_audit:prefix"));
	EXPECT_STR(share("a")->prefix, "%u|%I|%S");
	EXPECT_INT(share("b")->how, BH_AUDIT_ALREADY);
	EXPECT(!strstr(file("bulkhead-audit.conf"), "[b]"));
	EXPECT_STR(value("c", "vfs objects"), "full_audit acl_xattr");
	EXPECT_STR(value("d", "full_audit:success"), "connect disconnect");
	EXPECT(!plan.others && !value("global", "vfs objects"));
	EXPECT(noted("full_audit already"));
}

static void test_a_prefix_without_a_client_is_noted(void)
{
	begin("[a]\nvfs objects = full_audit\nfull_audit:prefix = %u|%S\n[b]\n"
	      "vfs objects = full_audit\n");
	EXPECT_INT(make(), 0);
	EXPECT(noted("[a]") && !noted("[b]"));
	EXPECT_STR(share("b")->prefix, "%u|%I");
}

static void test_what_they_took_away_comes_back_behind_it(void)
{
	begin("[a]\nvfs objects = full_audit\nfull_audit:success = all !connect\n");
	EXPECT_INT(make(), 0);
	EXPECT_STR(value("a", "full_audit:success"), "all !connect connect");
}

static void test_opens_are_logged_when_asked_for(void)
{
	begin(dc);
	ask.opens = true;
	EXPECT_INT(make(), 0);
	EXPECT_STR(value("sysvol", "full_audit:success"), "connect disconnect create_file");
}

static void test_only_the_shares_asked_for_change(void)
{
	static const char *const only[] = { "NetLogon" }, *const wrong[] = { "nosuch" };

	begin(dc);
	ask.only = only;
	ask.n_only = 1;
	EXPECT_INT(make(), 0);
	EXPECT_INT(share("sysvol")->how, BH_AUDIT_NOT_ASKED);
	EXPECT(value("netlogon", "vfs objects") && !value("sysvol", "vfs objects"));
	EXPECT(!plan.others);
	ask.only = wrong;
	EXPECT_INT(make(), -EINVAL);
	EXPECT(diags.first && strstr(diags.first->text, "nosuch"));
}

static void test_the_log_level_keeps_its_classes(void)
{
	static const struct {
		const char *old, *want, *logons, *shares;
	} v[] = {
		{ NULL, "0 auth_json_audit:5@/l full_audit:1@/l", "/l", "/l" },
		{ "1", "1 auth_json_audit:5@/l full_audit:1@/l", "/l", "/l" },
		{ "3, smb:2;auth:10@/x", "3 smb:2 auth:10@/x auth_json_audit:5@/l full_audit:1@/l",
			"/l", "/l" },
		{ "1 auth_json_audit:3", "1 auth_json_audit:5 full_audit:1@/l", NULL, "/l" },
		{ "1 AUTH_JSON_AUDIT:10@/their", "1 auth_json_audit:10@/their full_audit:1@/l",
			"/their", "/l" },
		{ "1 full_audit:0@/f auth_audit:3",
			"1 full_audit:1@/f auth_audit:3 auth_json_audit:5@/l", "/l", "/f" },
	};

	bh_arena_reset(&arena);
	for (size_t i = 0; i < BH_LEN(v); i++) {
		struct bh_audit_level l = { 0 };
		EXPECT_INT(bh_audit_level(v[i].old, "/l", "/l", false, &arena, &l), 0);
		EXPECT_STR(l.text, v[i].want);
		EXPECT_STR(l.logons ? l.logons : "-", v[i].logons ? v[i].logons : "-");
		EXPECT_STR(l.shares ? l.shares : "-", v[i].shares ? v[i].shares : "-");
	}
	struct bh_audit_level l;
	EXPECT_INT(bh_audit_level("2 smb:1", "/l", NULL, true, &arena, &l), 0);
	EXPECT_STR(l.text, "2 smb:1 auth_json_audit:5@/l");
}

static void test_the_log_level_is_smb_confs_and_not_knowing_it_is_said(void)
{
	begin(file_server);
	EXPECT_INT(make(), 0);
	EXPECT(!plan.level_before && noted("log level"));
	EXPECT_STR(value("global", "log level"), "0 auth_json_audit:5@" LOG " full_audit:1@" LOG);
	begin(file_server);
	with_text("[global]\ndebug level = 2\n");
	EXPECT_INT(make(), 0);
	EXPECT(!noted("log level"));
	EXPECT_STR(plan.level, "2 auth_json_audit:5@" LOG " full_audit:1@" LOG);
	EXPECT_STR(plan.logs[0], LOG);
	EXPECT(!plan.logs[1]);
}

static void test_logs_that_go_elsewhere_are_named(void)
{
	begin(file_server);
	with_text("log level = 1 auth_json_audit:3 full_audit:1@/f\n");
	EXPECT_INT(make(), 0);
	EXPECT_STR(plan.logs[0], "/var/log/samba/log.*");
	EXPECT_STR(plan.logs[1], "/f");
}

static void test_a_small_log_is_given_room(void)
{
	begin(file_server);
	EXPECT_INT(make(), 0);
	EXPECT_STR(value("global", "max log size"), "262144");
	begin("# Global parameters\n[global]\n\tmax log size = 0\n[a]\n");
	EXPECT_INT(make(), 0);
	EXPECT(!value("global", "max log size"));
	begin("# Global parameters\n[global]\n\tmax log size = 9999999\n[a]\n");
	EXPECT_INT(make(), 0);
	EXPECT(!value("global", "max log size"));
}

static void test_files_are_logged_to_where_they_were_not(void)
{
	static const char *const v[][2] = {
		{ "logging = file", NULL },
		{ "logging = systemd", "systemd file" },
		{ "logging = syslog@1 file", NULL },
		{ "logging = syslog@1 file@2", "syslog@1 file@5" },
		{ "syslog only = yes", "syslog file" },
		{ "workgroup = X", NULL },
	};

	for (size_t i = 0; i < BH_LEN(v); i++) {
		char conf[100];
		snprintf(conf, sizeof conf, "[global]\n%s\n[a]\n", v[i][0]);
		begin(conf);
		EXPECT_INT(make(), 0);
		const char *got = value("global", "logging");
		EXPECT_STR(got ? got : "-", v[i][1] ? v[i][1] : "-");
	}
}

static void test_lines_without_a_time_go_to_syslog(void)
{
	static const char *const v[] = { "debug timestamp = no", "timestamp logs = No",
		"debug prefix timestamp = yes", "debug syslog format = always" };

	for (size_t i = 0; i < BH_LEN(v); i++) {
		char conf[100];
		snprintf(conf, sizeof conf, "[global]\n%s\n[a]\n", v[i]);
		begin(conf);
		EXPECT_INT(make(), 0);
		EXPECT(plan.syslog && noted("syslog"));
		EXPECT_STR(value("a", "full_audit:syslog"), "yes");
		EXPECT_STR(value("a", "full_audit:facility"), "LOCAL5");
		EXPECT_STR(value("global", "log level"), "0 auth_json_audit:5@" LOG);
	}
}

static void test_what_differs_for_each_client_is_noted(void)
{
	begin(file_server);
	with_text("[global]\ninclude = /etc/samba/%m.conf\n[a]\ninclude = /etc/samba/a.conf\n");
	EXPECT_INT(make(), 0);
	EXPECT(noted("%m.conf") && !noted("a.conf' was"));
	begin("[global]\ninclude = /x.conf\n");
	ask.text = &shares;
	EXPECT_INT(make(), 0);
	EXPECT(noted("/x.conf' was not read"));
}

static void test_a_cluster_is_noted(void)
{
	begin("# Global parameters\n[global]\n\tclustering = Yes\n[a]\n\tpath = /\n");
	EXPECT_INT(make(), 0);
	EXPECT(noted("every node"));
}

static void test_what_the_registry_keeps_is_changed_there(void)
{
	begin("# Global parameters\n[global]\n\tregistry shares = Yes\n[filed]\n\tpath = /f\n"
	      "[kept]\n\tpath = /k\n\tvfs objects = recycle\n");
	with_text("[global]\nregistry shares = yes\n[filed]\npath = /f\n");
	read_conf(&registry, "[kept]\n\tpath = /k\n\tvfs objects = \"recycle\"\n");
	ask.registry = &registry;
	EXPECT_INT(make(), 0);
	EXPECT(share("kept")->registry && !share("filed")->registry);
	EXPECT(!strstr(file("bulkhead-audit.conf"), "[kept]"));
	EXPECT(strstr(file("bulkhead-audit-begin"),
		"conf setparm 'kept' 'vfs objects' 'full_audit recycle' || undo"));
	EXPECT(strstr(file("bulkhead-audit-end"),
		"conf setparm 'kept' 'vfs objects' '\"recycle\"' || true"));
	EXPECT(strstr(
		file("bulkhead-audit-end"), "conf delparm 'kept' 'full_audit:prefix' || true"));
}

static void test_a_server_that_is_all_registry_gets_no_include(void)
{
	begin("# Global parameters\n[global]\n\tregistry shares = Yes\n[it's]\n\tpath = /f\n");
	read_conf(&registry, "[global]\nlog level = 2\n[it's]\npath = /f\n");
	ask.registry = ask.text = &registry;
	ask.all_registry = true;
	EXPECT_INT(make(), 0);
	EXPECT_INT(n_files, BH_AUDIT_FILES - 1);
	EXPECT(!plan.any_text && !strstr(file("bulkhead-audit-end"), "sed"));
	EXPECT(strstr(
		file("bulkhead-audit-begin"), "setparm 'it'\\''s' 'vfs objects' 'full_audit'"));
	EXPECT(strstr(file("bulkhead-audit-end"), "setparm 'global' 'log level' '2'"));
}

static void test_the_included_file_reads_back_as_what_was_planned(void)
{
	struct bh_smbconf c;
	static const char *const vfs[] = { "vfsobjects", NULL };

	begin("[global]\n[a]\nvfs objects = x\\ , \"y z\" w\\ \n[b ]\npath = /\n");
	EXPECT_INT(make(), 0);
	read_conf(&c, file("bulkhead-audit.conf"));
	const struct bh_smbconf_section *a = bh_smbconf_find(&c, "a"),
					*b = bh_smbconf_find(&c, "b ");
	EXPECT(a && b && b == a->next && !b->next);
	EXPECT_STR(a ? bh_smbconf_own(a, vfs) : "", "full_audit \"x\\\" \"y z\" \"w\\\"");
	EXPECT_STR(b ? bh_smbconf_own(b, vfs) : "", "full_audit");
}

static void test_the_timer_ends_it_on_its_day(void)
{
	begin(dc);
	EXPECT_INT(make(), 0);
	EXPECT_INT(plan.until, NOW + 14 * 86400 * BH_SECOND);
	EXPECT(strstr(file("bulkhead-audit-end.timer"), "\nOnCalendar=2026-01-15 00:00:00 UTC\n"));
	EXPECT(strstr(file("bulkhead-audit-end.timer"), "\nPersistent=true\n"));
	EXPECT(strstr(file("bulkhead-audit-end.service"),
		"\nExecStart=/bin/sh /etc/samba/bulkhead-audit-end\n"));
	EXPECT(strstr(file("bulkhead-audit-begin"), "-lt 1768435200 ]"));
}

static void test_a_path_that_somebody_would_read_otherwise_is_refused(void)
{
	static const char *const v[] = { "smb.conf", "/etc/my samba/smb.conf", "/etc/%m/smb.conf",
		"/etc/sam'ba/smb.conf", "/etc/$x/smb.conf", "/e|x/smb.conf", "" };

	for (size_t i = 0; i < BH_LEN(v); i++) {
		begin(dc);
		ask.conf = v[i];
		EXPECT_INT(make(), -EINVAL);
		EXPECT(diags.errors == 1);
	}
}

static void test_a_list_past_its_limit_is_refused_not_cut(void)
{
	BH_AUTO_BUF b = { 0 };

	bh_buf_str(&b, "[a]\nvfs objects =");
	for (unsigned i = 0; i < BH_SMBCONF_ITEMS; i++)
		bh_buf_printf(&b, " m%u", i);
	begin(bh_buf_text(&b));
	EXPECT_INT(make(), -EINVAL);
}

static void test_a_server_without_shares_has_logons_still(void)
{
	begin("");
	EXPECT_INT(make(), 0);
	EXPECT_INT(plan.n_shares, 0);
	EXPECT(value("global", "log level") && plan.others);
}

int main(void)
{
	RUN(test_full_audit_comes_first_and_the_others_keep_their_order);
	RUN(test_options_of_modules_are_said_again);
	RUN(test_the_registry_keeps_its_options_by_itself);
	RUN(test_it_begins_only_where_testparm_prints_what_it_printed);
	RUN(test_a_printer_is_left_alone);
	RUN(test_a_domain_controllers_own_objects_are_said_again);
	RUN(test_a_smb_conf_of_a_domain_controller_does_not_name_them);
	RUN(test_the_shares_that_nobody_names_follow_global);
	RUN(test_force_user_does_not_hide_who_it_was);
	RUN(test_their_own_full_audit_keeps_all_it_has);
	RUN(test_a_prefix_without_a_client_is_noted);
	RUN(test_what_they_took_away_comes_back_behind_it);
	RUN(test_opens_are_logged_when_asked_for);
	RUN(test_only_the_shares_asked_for_change);
	RUN(test_the_log_level_keeps_its_classes);
	RUN(test_the_log_level_is_smb_confs_and_not_knowing_it_is_said);
	RUN(test_logs_that_go_elsewhere_are_named);
	RUN(test_a_small_log_is_given_room);
	RUN(test_files_are_logged_to_where_they_were_not);
	RUN(test_lines_without_a_time_go_to_syslog);
	RUN(test_what_differs_for_each_client_is_noted);
	RUN(test_a_cluster_is_noted);
	RUN(test_what_the_registry_keeps_is_changed_there);
	RUN(test_a_server_that_is_all_registry_gets_no_include);
	RUN(test_the_included_file_reads_back_as_what_was_planned);
	RUN(test_the_timer_ends_it_on_its_day);
	RUN(test_a_path_that_somebody_would_read_otherwise_is_refused);
	RUN(test_a_list_past_its_limit_is_refused_not_cut);
	RUN(test_a_server_without_shares_has_logons_still);
	bh_arena_reset(&arena);
	return tap_done();
}
