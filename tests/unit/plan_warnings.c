/*
 * The checklist: each warning from its evidence, none without, and its sentence mends it.
 */
#include "model/pipe.h"
#include "plan_random.h"

static uint8_t purposes[MAX_ROWS];
static struct bh_name_seen heard[4];
static size_t n_heard;

static void clear(void)
{
	n_rows = n_heard = 0;
	memset(purposes, 0, sizeof purposes);
}

static struct bh_row *use(
	const char *client, const char *server, const char *share, enum bh_purpose purpose)
{
	purposes[n_rows] = purpose;
	return row(client, server, "u", share);
}

static void call(struct bh_row *r, const char *server, const char *workstation)
{
	if (server)
		set_text(&r->who.server_name, &r->who, BH_KNOWN_SERVER_NAME, server);
	if (workstation)
		set_text(&r->who.workstation, &r->who, BH_KNOWN_WORKSTATION, workstation);
}

static void hear(const char *addr, const char *name, uint8_t roles)
{
	heard[n_heard] = (struct bh_name_seen){ .addr = at(addr), .roles = roles };
	snprintf(heard[n_heard++].name, sizeof heard->name, "%s", name);
}

static size_t warnings_of(const char *policy, struct bh_arena *a, const struct bh_warning **ret)
{
	const struct bh_bound *b;
	struct bh_view *gw = bh_arena_alloc(a, sizeof *gw);
	struct bh_point *point = bh_arena_alloc(a, sizeof *point);
	struct bh_told *told = bh_arena_alloc(a, sizeof *told);
	struct bh_scene *s;
	size_t n = 0;

	bool read = bind_text(policy, a, &b);
	EXPECT(read);
	if (!read || bh_policy_view_gateway(b, a, gw))
		return 0;
	point->view = gw;
	*told = (struct bh_told){ .names = heard, .n_names = n_heard };
	const struct bh_scene_of of = { .bound = b,
		.points = point,
		.n_points = 1,
		.told = told,
		.rows = rows,
		.n = n_rows,
		.purposes = purposes };
	EXPECT_INT(bh_plan_scene(&of, a, &s), 0);
	EXPECT_INT(bh_plan_warnings(s, a, ret, &n), 0);
	for (size_t i = 0; i < n; i++) {
		EXPECT((*ret)[i].text && (*ret)[i].evidence);
		EXPECT((*ret)[i].fix || (*ret)[i].advice);
	}
	return n;
}

static const struct bh_warning *find(
	const struct bh_warning *v, size_t n, enum bh_warning_kind kind, const char *host)
{
	for (size_t i = 0; i < n; i++) {
		struct bh_addr a = host ? at(host) : (struct bh_addr){ 0 };
		if (v[i].kind == kind && (!host || bh_addr_equal(&v[i].host, &a)))
			return &v[i];
	}
	return NULL;
}

/* The warning is there, says that, and its fix makes it go away. */
static void warns(const char *policy, enum bh_warning_kind kind, const char *host, const char *says,
	const char *fix)
{
	BH_AUTO_ARENA a = { 0 }, b = { 0 };
	BH_AUTO_BUF mended = { 0 };
	const struct bh_warning *v = NULL, *w = NULL;
	size_t n = warnings_of(policy, &a, &v);
	const struct bh_warning *one = find(v, n, kind, host);

	EXPECT(one);
	for (size_t i = 0; tap_bad && i < n; i++)
		printf("# %s: %s\n", bh_warning_names[v[i].kind], v[i].text);
	if (!one)
		return;
	EXPECT_STR(one->text, says);
	if (fix)
		EXPECT_STR(one->fix, fix);
	EXPECT(!fix == !one->fix);
	if (!one->fix)
		return;
	bh_buf_printf(&mended, "%s%s\n", policy, one->fix);
	n = warnings_of(bh_buf_text(&mended), &b, &w);
	EXPECT(!find(w, n, kind, host));
}

static bool silent(const char *policy, enum bh_warning_kind kind)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_warning *v = NULL;
	size_t n = warnings_of(policy, &a, &v);

	return !find(v, n, kind, NULL);
}

static const char files_alone[] = "network clients 10.20.0.0/24\n"
				  "hosts files 10.10.0.20\n"
				  "default block all-smb\n"
				  "allow smb from clients to files\n";

static void test_a_policy_that_allows_nothing_is_told_so(void)
{
	clear();
	warns("default block all-smb\n", BH_WARN_NOTHING, NULL,
		"no sentence allows any SMB: members of a domain lose their controllers, and with "
		"SYSVOL the way by which this would be mended",
		NULL);
	EXPECT(silent(files_alone, BH_WARN_NOTHING));
	EXPECT(silent("block smb from 10.0.0.1 to any\n", BH_WARN_NOTHING));
}

static void test_clients_cut_off_from_sysvol(void)
{
	clear();
	use("10.20.0.11", "10.10.0.5", "\\\\dc1\\SYSVOL", BH_PURPOSE_GPO);
	call(use("10.20.0.12", "10.10.0.5", "\\\\dc1\\NETLOGON", BH_PURPOSE_GPO), "dc1", NULL);
	warns(files_alone, BH_WARN_SYSVOL, "10.10.0.5",
		"domain controller 10.10.0.5 (dc1) would lose 2 clients of SYSVOL and NETLOGON: "
		"their policies and logon scripts stop, and with them the way by which this would "
		"be mended",
		"allow smb from 10.20.0.11-10.20.0.12 to 10.10.0.5");
	/* A share of files is none of that. */
	clear();
	use("10.20.0.11", "10.10.0.30", "\\\\fs2\\home", BH_PURPOSE_FILE);
	EXPECT(silent(files_alone, BH_WARN_SYSVOL));
}

static void test_a_domain_controller_that_was_left_out(void)
{
	static const char policy[] = "network clients 10.20.0.0/24\n"
				     "default block all-smb\n"
				     "allow smb from clients to 10.10.0.5\n";

	clear();
	use("10.20.0.11", "10.10.0.5", "\\\\dc1\\SYSVOL", BH_PURPOSE_GPO);
	use("10.20.0.12", "10.10.0.20", "\\\\fs1\\home", BH_PURPOSE_FILE);
	hear("10.10.0.20", "DC2", BH_ROLE_DOMAIN_CONTROLLER);
	warns(policy, BH_WARN_CONTROLLER, "10.10.0.20",
		"domain controller 10.10.0.20 (DC2) is in no sentence that allows SMB, though "
		"suggested:3 allows 10.10.0.5: members are sent to any of them",
		"allow smb from clients to 10.10.0.20");
	/* One that says nothing of itself is none. */
	heard[0].roles = BH_ROLE_FILE_SERVER;
	EXPECT(silent(policy, BH_WARN_CONTROLLER));
}

static void test_the_second_family_of_what_a_sentence_means(void)
{
	static const char policy[] = "network clients 10.20.0.0/24\n"
				     "hosts files 10.10.0.20\n"
				     "default block all-smb\n"
				     "allow smb from clients to files\n";

	clear();
	call(use("10.20.0.11", "10.10.0.20", "\\\\fs1\\home", BH_PURPOSE_FILE), "fs1", "WS1");
	call(use("fd00:20::b", "fd00:10::20", "\\\\fs1\\home", BH_PURPOSE_FILE), "FS1.corp.example",
		"WS1");
	warns(policy, BH_WARN_FAMILY, NULL,
		"suggested:4 means 2 machines by one family of addresses alone, such as "
		"10.10.0.20 (fs1), which is fd00:10::20 as well",
		"allow smb from clients, fd00:20::b to files, fd00:10::20");
	/* A server alone: nobody could come over IPv6. */
	clear();
	call(use("10.20.0.11", "10.10.0.20", "\\\\fs1\\home", BH_PURPOSE_FILE), "fs1", NULL);
	hear("fd00:10::20", "fs1", 0);
	use("10.20.0.12", "10.10.0.20", NULL, BH_PURPOSE_FILE);
	EXPECT(silent(policy, BH_WARN_FAMILY));
}

static void test_print_servers_and_what_else_serves_one_thing(void)
{
	static const struct {
		const char *share;
		enum bh_purpose purpose;
		uint32_t pipes;
		enum bh_warning_kind kind;
		const char *says;
	} cases[] = {
		{ "\\\\p1\\laser", BH_PURPOSE_PRINT, 0, BH_WARN_PRINT,
			"print server 10.10.0.7 would lose 2 clients" },
		{ "\\\\cm\\SMSPKGD$", BH_PURPOSE_FILE, 0, BH_WARN_DEPLOYMENT,
			"distribution point 10.10.0.7 would lose 2 clients: software, updates and "
			"deployment stop there" },
		{ "\\\\n1\\ClusterStorage$", BH_PURPOSE_CLUSTER, 0, BH_WARN_CLUSTER,
			"cluster node 10.10.0.7 would lose 2 clients: shared volumes, witness, "
			"replication or live migration stop" },
		{ "\\\\sql\\IPC$", BH_PURPOSE_UNKNOWN, 1u << BH_PIPE_SQL, BH_WARN_SQL,
			"SQL Server 10.10.0.7 would lose 2 clients that reach it over named "
			"pipes" },
		{ "\\\\ca\\IPC$", BH_PURPOSE_UNKNOWN, 1u << BH_PIPE_CERT, BH_WARN_CERTIFICATES,
			"certification authority 10.10.0.7 would lose 2 clients that enrol over a "
			"named pipe" },
	};

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		clear();
		for (int c = 1; c < 3; c++) {
			char client[32];
			snprintf(client, sizeof client, "10.20.0.%d", 10 * c);
			use(client, "10.10.0.7", cases[i].share, cases[i].purpose)->figures.pipes =
				cases[i].pipes;
		}
		warns(files_alone, cases[i].kind, "10.10.0.7", cases[i].says,
			"allow smb from 10.20.0.10, 10.20.0.20 to 10.10.0.7");
	}
}

static void test_live_migration_is_cut_by_its_port(void)
{
	clear();
	use("10.10.3.1", "10.10.3.2", NULL, BH_PURPOSE_UNKNOWN)->who.port = 5445;
	warns(files_alone, BH_WARN_CLUSTER, "10.10.3.2",
		"cluster node 10.10.3.2 would lose 1 client: shared volumes, witness, replication "
		"or live migration stop",
		"allow smbdirect from 10.10.3.1 to 10.10.3.2");
}

static void test_management_is_told_by_whom_it_administers(void)
{
	clear();
	for (int i = 1; i < 5; i++) {
		char server[32];
		snprintf(server, sizeof server, "10.20.0.%d", i);
		use("10.10.5.9", server, "\\\\ws\\ADMIN$", BH_PURPOSE_ADMIN)->figures.pipes =
			1u << BH_PIPE_SVCCTL;
	}
	warns(files_alone, BH_WARN_MANAGEMENT, "10.10.5.9",
		"10.10.5.9 administers 4 hosts over SMB, as software distribution, inventories "
		"and scanners for vulnerabilities do, and would be cut off from 4",
		"allow smb from 10.10.5.9 to 10.20.0.1-10.20.0.4");
	/* Two hosts are somebody's own. */
	n_rows = 2;
	EXPECT(silent(files_alone, BH_WARN_MANAGEMENT));
}

static void test_a_backup_is_told_by_whom_it_reads(void)
{
	clear();
	use("10.10.5.20", "10.10.0.30", "\\\\fs2\\IPC$", BH_PURPOSE_BACKUP);
	use("10.10.5.20", "10.10.0.31", "\\\\fs3\\IPC$", BH_PURPOSE_BACKUP);
	warns(files_alone, BH_WARN_BACKUP, "10.10.5.20",
		"the backup that 10.10.5.20 makes of 2 hosts would end",
		"allow smb from 10.10.5.20 to 10.10.0.30/31");
}

static void test_a_device_that_only_writes_is_a_scanner(void)
{
	struct bh_row *r;

	clear();
	r = use("10.20.9.9", "10.10.0.20", "\\\\fs1\\scans", BH_PURPOSE_FILE);
	r->figures.bytes_to_server = 4000000;
	r->figures.bytes_to_client = 90000;
	warns(files_alone, BH_WARN_SCANNER, "10.20.9.9",
		"10.20.9.9 only writes, as a scanner or copier does that scans to a folder, and "
		"would be cut off from 1 server",
		"allow smb from 10.20.9.9 to 10.10.0.20");
	r->figures.bytes_to_client = 4000000;
	EXPECT(silent(files_alone, BH_WARN_SCANNER));
}

static void test_a_device_of_smb1_that_stays_allowed_is_told(void)
{
	clear();
	use("10.20.0.9", "10.10.0.20", "\\\\fs1\\scans", BH_PURPOSE_FILE)->who.dialect =
		BH_DIALECT_NT_LM_012;
	warns(files_alone, BH_WARN_SMB1, "10.20.0.9",
		"10.20.0.9 speaks SMB1 alone and stays allowed to reach 1 server: nothing of it is "
		"signed safely or encrypted, and its servers must go on offering SMB1",
		NULL);
	use("10.20.0.9", "10.10.0.20", "\\\\fs1\\home", BH_PURPOSE_FILE);
	EXPECT(silent(files_alone, BH_WARN_SMB1));
}

static void test_who_can_never_prove_an_identity_is_told_where_one_is_asked_for(void)
{
	static const char policy[] = "network clients 10.20.0.0/24\n"
				     "default block all-smb\n"
				     "allow smb out from any to 10.10.0.20 if secure\n"
				     "allow smb in from clients to 10.10.0.20 if secure\n"
				     "allow smb from clients to 10.10.0.20 if secure\n";
	static const char plain[] = "network clients 10.20.0.0/24\n"
				    "default block all-smb\n"
				    "allow smb from clients to 10.10.0.20\n";
	BH_AUTO_ARENA a = { 0 };
	const struct bh_warning *v = NULL;

	clear();
	use("10.20.0.9", "10.10.0.20", "\\\\fs1\\scans", BH_PURPOSE_FILE);
	size_t n = warnings_of(policy, &a, &v);
	const struct bh_warning *one = find(v, n, BH_WARN_IPSEC, "10.20.0.9");
	EXPECT(one);
	if (one)
		EXPECT_STR(one->text,
			"10.20.0.9 must prove an identity by IPsec to reach 1 server, "
			"and it is no machine that could");
	EXPECT(silent(plain, BH_WARN_IPSEC));
	/* It is no break, as long as it may prove itself. */
	const struct bh_bound *b;
	struct bh_view gw;
	struct bh_impact im;
	struct bh_point point = { .view = &gw };
	EXPECT(bind_text(policy, &a, &b) && !bh_policy_view_gateway(b, &a, &gw));
	EXPECT_INT(impact_of(b, &point, 1, &a, &im), 0);
	EXPECT(im.n == 1 && im.rows[0].fate == BH_MUST_PROVE && im.groups[BH_MUST_PROVE] == 1);
	EXPECT_INT(im.rows[0].reason.why, BH_WHY_CLAUSE);
	/* Whoever showed a ticket is in the domain. */
	rows[0].who.auth = BH_AUTH_KERBEROS;
	EXPECT(silent(policy, BH_WARN_IPSEC));
}

static void test_a_server_whose_address_is_on_loan(void)
{
	clear();
	call(use("10.20.0.11", "10.10.0.20", "\\\\fs3\\home", BH_PURPOSE_FILE), "fs3", NULL);
	struct bh_row *r = use("10.20.0.11", "10.10.0.77", "\\\\fs3\\home", BH_PURPOSE_FILE);
	call(r, "FS3.corp.example", NULL);
	r->figures.first_seen = DAY0 + 100 * BH_SECOND;
	r->figures.last_seen = DAY0 + 200 * BH_SECOND;
	BH_AUTO_ARENA a = { 0 };
	const struct bh_warning *v = NULL;
	size_t n = warnings_of(files_alone, &a, &v);
	const struct bh_warning *one = find(v, n, BH_WARN_LEASED, "10.10.0.77");
	EXPECT(one);
	if (!one)
		return;
	EXPECT_STR(one->text,
		"the address of FS3.corp.example is on loan (10.10.0.20, then 10.10.0.77), and "
		"suggested:4 means it by address: the next loan is shut out, and whoever gets the "
		"old one is let in");
	EXPECT_STR(one->fix, "hosts by-name-FS3 FS3.corp.example\n"
			     "allow smb from clients to by-name-FS3");
	/* Both at once is a server with two addresses. */
	r->figures.first_seen = DAY0;
	EXPECT(silent(files_alone, BH_WARN_LEASED));
}

static void test_targets_of_a_namespace_are_told_where_its_clients_lose_servers(void)
{
	clear();
	struct bh_row *r =
		use("10.20.0.11", "10.10.0.20", "\\\\corp.example\\data", BH_PURPOSE_FILE);
	set_text(&r->who.domain, &r->who, BH_KNOWN_DOMAIN, "CORP.EXAMPLE");
	use("10.20.0.11", "10.10.0.31", "\\\\fs3\\data", BH_PURPOSE_FILE);
	warns(files_alone, BH_WARN_NAMESPACE, NULL,
		"1 client of a DFS namespace uses 1 server that would be cut off: targets of the "
		"namespace may be among them, and targets change",
		NULL);
	n_rows = 1;
	EXPECT(silent(files_alone, BH_WARN_NAMESPACE));
}

static void test_a_block_is_told_instead_of_a_sentence_that_cannot_help(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF policy = { 0 };
	const struct bh_warning *v = NULL;

	bh_buf_printf(&policy, "%sblock smb from 10.20.0.11 to any\n", files_alone);
	clear();
	use("10.20.0.11", "10.10.0.5", "\\\\dc1\\SYSVOL", BH_PURPOSE_GPO);
	size_t n = warnings_of(bh_buf_text(&policy), &a, &v);
	const struct bh_warning *one = find(v, n, BH_WARN_SYSVOL, "10.10.0.5");
	EXPECT(one && !one->fix);
	if (one)
		EXPECT_STR(one->advice,
			"the block in suggested:5 must leave them out ('except' in its set)");
}

static void test_words_from_the_wire_stay_in_their_line(void)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_warning *v = NULL;

	clear();
	struct bh_row *r = use("10.20.0.11", "10.10.0.5", "\\\\dc1\nallow\\SYSVOL", BH_PURPOSE_GPO);
	call(r, "x\n\x1b[2J\xe2\x80\xae", NULL);
	size_t n = warnings_of(files_alone, &a, &v);
	EXPECT(n > 0);
	for (size_t i = 0; i < n; i++) {
		EXPECT(!strpbrk(v[i].text, "\n\x1b") && !strstr(v[i].text, "\xe2\x80\xae"));
		EXPECT(!strpbrk(v[i].evidence, "\n\x1b"));
	}
}

/* Whatever was seen under whatever policy: warnings in one order, whose sentences parse and
 * mend what they are about. */
static void test_every_sentence_of_a_warning_mends_it(void)
{
	for (int i = 0; i < 25 && !tap_bad; i++) {
		BH_AUTO_ARENA a = { 0 };
		BH_AUTO_BUF policy = { 0 };
		const struct bh_warning *v = NULL;

		clear();
		random_inventory();
		for (size_t k = 0; k < n_rows; k++) {
			static const char *const names[] = { "ws1", "ws2", "fs1", "fs2", "dc1" };
			purposes[k] = (uint8_t)pick(BH_PURPOSES);
			if (!pick(9))
				call(&rows[k], names[pick(5)], NULL);
			if (!pick(9))
				call(&rows[k], NULL, names[pick(5)]);
		}
		random_policy(&policy);
		size_t n = warnings_of(bh_buf_text(&policy), &a, &v);
		for (size_t k = 0; k < n && !tap_bad; k++) {
			BH_AUTO_ARENA b = { 0 };
			BH_AUTO_BUF more = { 0 };
			const struct bh_warning *w = NULL;
			char host[BH_ADDR_TEXT];
			if (!v[k].fix || v[k].kind == BH_WARN_LEASED)
				continue;
			bh_buf_printf(&more, "%s%s\n", bh_buf_text(&policy), v[k].fix);
			size_t m = warnings_of(bh_buf_text(&more), &b, &w);
			if (v[k].host.family)
				EXPECT(!find(w, m, v[k].kind, bh_addr_format(&v[k].host, host)));
		}
	}
}

int main(void)
{
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 10) : 20261129;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	RUN(test_a_policy_that_allows_nothing_is_told_so);
	RUN(test_clients_cut_off_from_sysvol);
	RUN(test_a_domain_controller_that_was_left_out);
	RUN(test_the_second_family_of_what_a_sentence_means);
	RUN(test_print_servers_and_what_else_serves_one_thing);
	RUN(test_live_migration_is_cut_by_its_port);
	RUN(test_management_is_told_by_whom_it_administers);
	RUN(test_a_backup_is_told_by_whom_it_reads);
	RUN(test_a_device_that_only_writes_is_a_scanner);
	RUN(test_a_device_of_smb1_that_stays_allowed_is_told);
	RUN(test_who_can_never_prove_an_identity_is_told_where_one_is_asked_for);
	RUN(test_a_server_whose_address_is_on_loan);
	RUN(test_targets_of_a_namespace_are_told_where_its_clients_lose_servers);
	RUN(test_a_block_is_told_instead_of_a_sentence_that_cannot_help);
	RUN(test_words_from_the_wire_stay_in_their_line);
	RUN(test_every_sentence_of_a_warning_mends_it);
	return tap_done();
}
