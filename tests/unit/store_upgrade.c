/* A file as version 1 wrote it, by the statements that it was made with. */
#include "store_helper.h"

static const char version_1[] =
	"CREATE TABLE source (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  identity TEXT NOT NULL UNIQUE,\n"
	"  label TEXT NOT NULL,\n"
	"  packets INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,\n"
	"  messages INTEGER NOT NULL DEFAULT 0, kernel_drops INTEGER NOT NULL DEFAULT 0,\n"
	"  truncated_packets INTEGER NOT NULL DEFAULT 0, fragments INTEGER NOT NULL DEFAULT 0,\n"
	"  gaps INTEGER NOT NULL DEFAULT 0, gap_bytes INTEGER NOT NULL DEFAULT 0,\n"
	"  malformed INTEGER NOT NULL DEFAULT 0, evicted INTEGER NOT NULL DEFAULT 0,\n"
	"  unknown_frames INTEGER NOT NULL DEFAULT 0, flows INTEGER NOT NULL DEFAULT 0,\n"
	"  log_events INTEGER NOT NULL DEFAULT 0, log_lost INTEGER NOT NULL DEFAULT 0\n"
	");\n"
	"CREATE TABLE conversation (\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  client TEXT NOT NULL, server TEXT NOT NULL, port INTEGER NOT NULL,\n"
	"  transport TEXT NOT NULL, outcome TEXT, auth TEXT, ntlm TEXT, dialect TEXT,\n"
	"  signing_server TEXT, signing_client TEXT, signing_algorithm TEXT, cipher TEXT,\n"
	"  compression TEXT, share_type TEXT, smb1_offered INTEGER, signed INTEGER,\n"
	"  encrypted INTEGER, guest INTEGER, complete INTEGER, auth_status INTEGER,\n"
	"  share_status INTEGER, server_name TEXT, share TEXT, user TEXT, domain TEXT,\n"
	"  workstation TEXT, service TEXT\n"
	");\n"
	"CREATE INDEX conversation_who ON conversation (server, client, port, share, user,\n"
	"  domain, workstation, service, server_name, auth_status, share_status);\n"
	"CREATE TABLE figures (\n"
	"  conversation INTEGER NOT NULL REFERENCES conversation (id),\n"
	"  source INTEGER NOT NULL REFERENCES source (id),\n"
	"  connections INTEGER NOT NULL, bytes_to_server INTEGER NOT NULL,\n"
	"  bytes_to_client INTEGER NOT NULL, first_seen INTEGER NOT NULL,\n"
	"  last_seen INTEGER NOT NULL,\n"
	"  PRIMARY KEY (conversation, source)\n"
	") WITHOUT ROWID;\n"
	"CREATE INDEX figures_source ON figures (source);\n";

static const char rows[] =
	"INSERT INTO source (id, identity, label, packets, log_lost) VALUES\n"
	"  (1, 'pcap:sha256:00', 'monday.pcap', 11, 12), (2, 'live:eth0', 'watch', 21, 22),\n"
	"  (3, 'live:eth1', 'nothing came', 0, 0);\n"
	/* All that can be known, all that can be unknown, and two that differ in one field. */
	"INSERT INTO conversation VALUES\n"
	"  (1, '10.0.0.1', '10.0.0.9', 139, 'nbss139', 'answered', 'kerberos', 'v1', '3.0.2',\n"
	"   'required', 'off', 'AES-GMAC', 'AES-256-GCM', 'LZ4', 'print', 1, 0, 1, 0, 1,\n"
	"   3221225581, 0, 'fs1', '\\\\fs1\\Fin''ance', '', 'CORP', 'PC1', 'cifs/fs1'),\n"
	"  (2, 'fd00::1', 'fd00::9', 445, 'tcp445', NULL, NULL, NULL, NULL, NULL, NULL, NULL,\n"
	"   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,\n"
	"   NULL, NULL, NULL),\n"
	"  (3, '10.0.0.1', '10.0.0.9', 445, 'tcp445', 'answered', 'ntlm', 'v2', '3.1.1',\n"
	"   'required', 'enabled', NULL, NULL, NULL, 'disk', 0, 1, 0, 0, 1, 0, 0, 'fs1',\n"
	"   '\\\\fs1\\home', 'alice', 'CORP', 'PC1', NULL),\n"
	"  (4, '10.0.0.1', '10.0.0.9', 445, 'tcp445', 'answered', 'ntlm', 'v2', '3.1.1',\n"
	"   'required', 'enabled', NULL, NULL, NULL, 'disk', 0, 1, 0, 0, 1, 0, 3221225506,\n"
	"   'fs1', '\\\\fs1\\home', 'alice', 'CORP', 'PC1', NULL);\n"
	"INSERT INTO figures VALUES (1, 1, 1, 2, 3, 1004, 1005), (2, 1, 6, 7, 8, 0, 0),\n"
	"  (3, 1, 10, 20, 30, 1040, 1050), (3, 2, 100, 200, 300, 1400, 1500),\n"
	"  (4, 2, 5, 6, 7, 1008, 1009);\n";

static void make_version_1(const char *more)
{
	BH_AUTO_BUF sql = { 0 };

	with_folder();
	snprintf(path, sizeof path, "%s/b.db", folder);
	bh_buf_printf(&sql, "%s%s", version_1, rows);
	bh_buf_printf(&sql,
		"PRAGMA application_id=%d; PRAGMA user_version=1; "
		"PRAGMA journal_mode=WAL; %s",
		0x62684442, more);
	change(bh_buf_text(&sql));
}

static void check_full(const struct bh_row *r)
{
	const struct bh_talk *c = &r->who;

	EXPECT_INT(c->known, BH_KNOWN_ALL);
	EXPECT_INT(c->transport, BH_TRANSPORT_NBSS139);
	EXPECT_INT(c->auth, BH_AUTH_KERBEROS);
	EXPECT_INT(c->dialect, BH_DIALECT_302);
	EXPECT_INT(c->compression, BH_COMPRESSION_LZ4);
	EXPECT_INT(c->is_signed, 0);
	EXPECT_INT(c->auth_status, 0xc000006d);
	EXPECT_STR(c->share, "\\\\fs1\\Fin'ance");
	EXPECT_STR(c->user, "");
	EXPECT_STR(c->service, "cifs/fs1");
	EXPECT_INT(r->figures.connections, 1);
	EXPECT_INT(r->figures.last_seen, 1005);
	EXPECT_INT(r->figures.opens, 0);
}

static void check_empty(const struct bh_row *r)
{
	struct bh_talk none;

	bh_talk_init(&none);
	none.client = r->who.client;
	none.server = r->who.server;
	none.port = 445;
	EXPECT(bh_talk_equal(&r->who, &none));
	EXPECT_INT(r->who.client.family, BH_V6);
	EXPECT_INT(r->figures.connections, 6);
}

static void check_rows(bool older)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO(bh_store) s = open_store(false);
	const struct bh_source_row *sources;
	const struct bh_row *v;
	size_t n = 0;

	EXPECT_INT(bh_store_is_older(s), older);
	EXPECT_INT(bh_store_rows(s, NULL, &a, &v, &n), 0);
	EXPECT_INT(n, 4);
	check_full(&v[0]);
	EXPECT_INT(v[1].who.share_status, 0);
	EXPECT_INT(v[1].figures.connections, 110);
	EXPECT_INT(v[1].n_sources, 2);
	EXPECT_INT(v[2].who.share_status, 0xc0000022);
	EXPECT_INT(v[2].figures.connections, 5);
	check_empty(&v[3]);
	EXPECT_INT(bh_store_sources(s, &a, &sources, &n), 0);
	EXPECT_INT(n, 3);
	EXPECT_INT(sources[0].tally.packets, 11);
	EXPECT_INT(sources[0].first_seen, 1004);
	EXPECT_INT(sources[1].tally.log_lost, 22);
	EXPECT_INT(sources[1].last_seen, 1500);
	EXPECT_INT(sources[2].last_seen, 0);
}

static void test_a_file_of_version_1_is_read_whole_after_its_upgrade(void)
{
	const char *why = "";

	make_version_1("");
	EXPECT_INT(opened(true, &why), 0);
	check_rows(false);
	clean_up();
}

static void test_who_only_reads_a_file_of_version_1_sees_all_and_changes_nothing(void)
{
	struct stat before, after;

	make_version_1("PRAGMA journal_mode=DELETE;");
	EXPECT(stat(path, &before) == 0);
	check_rows(true);
	EXPECT(stat(path, &after) == 0);
	EXPECT_INT(after.st_size, before.st_size);
	EXPECT_INT(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	EXPECT_INT(asked("PRAGMA user_version"), 1);
	EXPECT_INT(asked("SELECT count(*) FROM figures"), 5);
	clean_up();
}

/* As it lies on a disk that nothing can be written to; root may write anywhere else. */
static void test_a_file_of_version_1_in_a_folder_that_is_not_ours_is_read(void)
{
	make_version_1("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=WAL;");
	EXPECT(chmod(path, 0440) == 0 && chmod(folder, 0550) == 0);
	check_rows(true);
	EXPECT(chmod(folder, 0750) == 0);
	clean_up();
}

/* Version 2 as it was: version 3 only added what files were, 4 the shares that are there. */
static void test_a_file_of_version_2_keeps_its_names_and_events(void)
{
	const char *why = "";

	make_version_1("");
	EXPECT_INT(opened(true, &why), 0);
	change("DROP INDEX source_content; DROP INDEX source_file;"
	       "ALTER TABLE source DROP COLUMN size; ALTER TABLE source DROP COLUMN how;"
	       "ALTER TABLE source DROP COLUMN part; ALTER TABLE source DROP COLUMN together;"
	       "DROP TABLE listed; DROP TABLE referral;"
	       "INSERT INTO name VALUES ('10.0.0.9', 'FS1', 'netbios', 1, 1, 0, 7);"
	       "INSERT INTO event VALUES (1, 'x', 5140, 3, 1); PRAGMA user_version=2");
	check_rows(true);
	EXPECT_INT(opened(true, &why), 0);
	check_rows(false);
	EXPECT_INT(asked("SELECT count(*) FROM name"), 1);
	EXPECT_INT(asked("SELECT count FROM event"), 3);
	EXPECT_INT(asked("SELECT sum(part + together + size) FROM source"), 0);
	EXPECT_INT(asked("SELECT count(*) FROM listed"), 0);
	clean_up();
}

static void test_who_only_reads_a_file_of_version_3_finds_no_shares_listed(void)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_listed *listed = NULL;
	const char *why = "";
	size_t n = 1;

	make_version_1("");
	EXPECT_INT(opened(true, &why), 0);
	change("DROP TABLE listed; DROP TABLE referral; PRAGMA user_version=3");
	check_rows(true);
	{
		BH_AUTO(bh_store) s = open_store(false);
		EXPECT_INT(bh_store_shares(s, &a, &listed, &n), 0);
	}
	EXPECT_INT(n, 0);
	EXPECT_INT(asked("PRAGMA user_version"), 3);
	clean_up();
}

static void test_an_upgraded_file_is_like_a_new_one(void)
{
	static const char schema[] =
		"SELECT sum(length(sql) * 31 + length(name)) FROM sqlite_schema WHERE sql NOT NULL";
	const char *why = "";
	struct bh_row in[1] = { row(1, "a", 10) };

	make_version_1("");
	EXPECT_INT(opened(true, &why), 0);
	int64_t upgraded = asked(schema);
	EXPECT_INT(
		asked("SELECT count(*) FROM sqlite_schema WHERE name IN ('conversation_1', 'figures_1')"),
		0);
	EXPECT_INT(asked("PRAGMA user_version"), 5);
	EXPECT_INT(asked("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	EXPECT_INT(asked("SELECT count(*) FROM caller"), 3);
	EXPECT_INT(asked("SELECT count(*) FROM place"), 3);
	clean_up();

	with_folder();
	tell("pcap:1", in, 1);
	EXPECT_INT(asked(schema), upgraded);
	clean_up();
}

/* What a batch cannot finish leaves the file as it was. */
static void test_an_upgrade_that_fails_changes_nothing(void)
{
	const char *why = "";

	make_version_1("CREATE TABLE place (x);");
	EXPECT_INT(opened(false, &why), -EIO);
	EXPECT(strstr(why, "older version") && strstr(why, "upgrades it"));
	EXPECT_INT(opened(true, &why), -EIO);
	EXPECT_STR(why, "its tables cannot be made");
	EXPECT_INT(asked("PRAGMA user_version"), 1);
	EXPECT_INT(asked("SELECT count(*) FROM conversation"), 4);
	change("DROP TABLE place");
	EXPECT_INT(opened(true, &why), 0);
	clean_up();
}

int main(void)
{
	RUN(test_a_file_of_version_1_is_read_whole_after_its_upgrade);
	RUN(test_who_only_reads_a_file_of_version_1_sees_all_and_changes_nothing);
	RUN(test_a_file_of_version_1_in_a_folder_that_is_not_ours_is_read);
	RUN(test_a_file_of_version_2_keeps_its_names_and_events);
	RUN(test_who_only_reads_a_file_of_version_3_finds_no_shares_listed);
	RUN(test_an_upgraded_file_is_like_a_new_one);
	RUN(test_an_upgrade_that_fails_changes_nothing);
	return tap_done();
}
