#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "tap.h"

static char folder[64], path[128];

static void with_folder(void)
{
	strcpy(folder, "/tmp/bulkhead-store-XXXXXX");
	EXPECT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/deep/er/b.db", folder);
}

static void clean_up(void)
{
	static const char *const suffix[] = { "", "-wal", "-shm", ".lock" };
	char name[160];

	for (size_t i = 0; i < BH_LEN(suffix); i++) {
		snprintf(name, sizeof name, "%s%s", path, suffix[i]);
		unlink(name);
	}
	for (char *slash; strlen(path) > strlen(folder) && (slash = strrchr(path, '/'));) {
		*slash = '\0';
		rmdir(path);
	}
}

static struct bh_row row(uint32_t client, const char *user, uint64_t n)
{
	struct bh_row r = { 0 };

	bh_conversation_init(&r.who);
	r.who.client = bh_addr_v4(client);
	r.who.server = bh_addr_v4(0x0a000001);
	r.who.port = 445;
	r.who.outcome = BH_ANSWERED;
	if (user) {
		r.who.known |= BH_KNOWN_USER;
		strcpy(r.who.user, user);
	}
	r.figures =
		(struct bh_figures){ n, 2 * n, 3 * n, (bh_time)(1000 + n), (bh_time)(2000 + n) };
	return r;
}

static struct bh_store *open_store(bool write)
{
	struct bh_store *s = NULL;
	const char *why = "";
	int r = bh_store_open(path, write, write, &s, &why);

	EXPECT_INT(r, 0);
	if (r)
		printf("# %s: %s\n", path, why);
	return s;
}

/* One source told whole, as `read` does. */
static uint32_t tell(const char *identity, const struct bh_row *rows, size_t n)
{
	BH_AUTO(bh_store) s = open_store(true);
	uint32_t id = 0;

	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, identity, "label", true, &id), 0);
	EXPECT_INT(bh_store_put(s, id, rows, n), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	return id;
}

static size_t rows_of(struct bh_arena *a, const struct bh_store_filter *f, const struct bh_row **v)
{
	BH_AUTO(bh_store) s = open_store(false);
	size_t n = 0;

	EXPECT_INT(bh_store_rows(s, f, a, v, &n), 0);
	return n;
}

static void test_every_field_comes_back_as_it_went_in(void)
{
	struct bh_row in[2] = { row(1, NULL, 7), row(1, "", 8) };
	struct bh_conversation *c = &in[1].who;
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	with_folder();
	c->client = bh_addr_v6((const uint8_t[16]){ 0xfd, 1, [15] = 9 });
	c->server = bh_addr_v6((const uint8_t[16]){ 0xfd, 2, [15] = 8 });
	c->known = BH_KNOWN_ALL;
	c->transport = BH_TRANSPORT_NBSS139;
	c->auth = BH_AUTH_KERBEROS;
	c->ntlm = BH_NTLM_V1;
	c->dialect = BH_DIALECT_302;
	c->signing_server = BH_SIGNING_REQUIRED;
	c->signing_client = BH_SIGNING_OFF;
	c->signing_algorithm = BH_SIGN_AES_GMAC;
	c->cipher = BH_CIPHER_AES256_GCM;
	c->compression = BH_COMPRESSION_LZ4;
	c->share_type = BH_SHARE_PRINT;
	c->smb1_offered = 1;
	c->is_signed = 0;
	c->encrypted = 1;
	c->guest = 0;
	c->complete = 1;
	c->auth_status = 0xc000006d;
	c->share_status = 0;
	strcpy(c->server_name, "fs1");
	strcpy(c->share, "\\\\fs1\\Fin'ance");
	strcpy(c->domain, "CORP");
	strcpy(c->workstation, "PC\xc3\xa9");
	strcpy(c->service, "cifs/fs1");
	tell("pcap:1", in, 2);

	EXPECT_INT(rows_of(&a, NULL, &out), 2);
	EXPECT(bh_conversation_equal(&out[0].who, &in[0].who)); /* unknown stays unknown */
	EXPECT(!memcmp(&out[1].who, c, sizeof *c)); /* known and empty stays known */
	EXPECT(!memcmp(&out[1].figures, &in[1].figures, sizeof in[1].figures));
	EXPECT(out[0].n_sources == 1 && out[0].sources[0] == 1);
	clean_up();
}

static void test_reading_a_source_again_replaces_what_it_said(void)
{
	struct bh_row in[3] = { row(1, "a", 10), row(2, "b", 20), row(3, "c", 5) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	with_folder();
	EXPECT_INT(tell("pcap:1", in, 2), 1);
	EXPECT_INT(tell("pcap:2", in, 1), 2);
	EXPECT_INT(tell("pcap:1", in, 2), 1); /* the same again */
	EXPECT_INT(rows_of(&a, NULL, &out), 2);
	EXPECT_INT(out[0].figures.connections, 20); /* two sources, each once */
	EXPECT_INT(out[0].n_sources, 2);
	EXPECT_INT(out[1].figures.connections, 20);

	EXPECT_INT(tell("pcap:1", in + 2, 1), 1); /* another story from the same source */
	EXPECT_INT(rows_of(&a, NULL, &out), 2);
	EXPECT_INT(out[0].figures.connections, 10);
	EXPECT_STR(out[1].who.user, "c");
	clean_up();
}

static void test_a_row_with_zero_figures_is_taken_away(void)
{
	struct bh_row in[2] = { row(1, "a", 10), row(2, "b", 20) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	with_folder();
	tell("live:1", in, 2);
	BH_AUTO(bh_store) s = open_store(true);
	in[0].figures = (struct bh_figures){ 0 };
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_put(s, 1, in, 1), 0);
	EXPECT_INT(bh_store_put(s, 1, in, 1), 0); /* and once more does no harm */
	EXPECT_INT(bh_store_commit(s), 0);
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	EXPECT_STR(out[0].who.user, "b");
	clean_up();
}

static void test_an_abandoned_batch_leaves_nothing(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	uint32_t id;

	with_folder();
	tell("pcap:1", in, 1);
	{
		BH_AUTO(bh_store) s = open_store(true);
		EXPECT_INT(bh_store_begin(s, 0), 0);
		EXPECT_INT(bh_store_source(s, "pcap:1", "", true, &id), 0);
	}
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	clean_up();
}

static void test_there_is_one_writer_at_a_time_and_readers_do_not_wait(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	with_folder();
	tell("pcap:1", in, 1);
	BH_AUTO(bh_store) s = open_store(true);
	BH_AUTO(bh_store) other = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_begin(other, 40), -EBUSY);
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	EXPECT_INT(bh_store_commit(s), 0);
	EXPECT_INT(bh_store_begin(other, 0), 0);
	clean_up();
}

static void test_filters_narrow_what_is_read(void)
{
	struct bh_row in[3] = { row(1, "a", 10), row(2, "b", 20), row(3, "c", 5) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	with_folder();
	tell("pcap:1", in, 3);
	EXPECT_INT(rows_of(&a, &(struct bh_store_filter){ .client = bh_addr_v4(2) }, &out), 1);
	EXPECT_INT(rows_of(&a, &(struct bh_store_filter){ .server = bh_addr_v4(2) }, &out), 0);
	EXPECT_INT(rows_of(&a, &(struct bh_store_filter){ .since = 2010 }, &out), 2);
	clean_up();
}

static void test_a_tally_comes_back(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	struct bh_tally t = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_source_row *v;
	size_t n;

	with_folder();
	tell("pcap:1", in, 1);
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_tally(s, 1, &t), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	EXPECT_INT(bh_store_sources(s, &a, &v, &n), 0);
	EXPECT_INT(n, 1);
	EXPECT(!memcmp(&v[0].tally, &t, sizeof t));
	EXPECT_STR(v[0].identity, "pcap:1");
	EXPECT_INT(v[0].first_seen, 1010);
	clean_up();
}

static void test_files_are_for_the_owner_and_the_group_alone(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	struct stat st;
	mode_t was = umask(0);
	char name[160];

	with_folder();
	tell("pcap:1", in, 1);
	umask(was);
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640);
	snprintf(name, sizeof name, "%s.lock", path);
	EXPECT(stat(name, &st) == 0 && (st.st_mode & 0777) == 0640);
	snprintf(name, sizeof name, "%s/deep/er", folder);
	EXPECT(stat(name, &st) == 0 && (st.st_mode & 0777) == 0750);
	clean_up();
}

static int opened(bool write, const char **why)
{
	struct bh_store *s = NULL;
	int r = bh_store_open(path, write, false, &s, why);

	bh_store_free(s);
	return r;
}

static void change(const char *sql)
{
	sqlite3 *db;

	EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
	EXPECT(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
}

static void test_foreign_newer_and_broken_files_are_refused(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	const char *why = "";

	with_folder();
	EXPECT_INT(opened(false, &why), -ENOENT);
	EXPECT_INT(opened(true, &why), -ENOENT);
	tell("pcap:1", in, 1);
	EXPECT_INT(opened(true, &why), 0);
	change("PRAGMA user_version=99");
	EXPECT_INT(opened(false, &why), -EPROTO);
	EXPECT(strstr(why, "newer") != NULL);
	EXPECT_INT(opened(true, &why), -EPROTO);
	change("PRAGMA user_version=1; PRAGMA application_id=7");
	EXPECT_INT(opened(true, &why), -EPROTO);
	EXPECT(strstr(why, "another program") != NULL);

	FILE *f = fopen(path, "w");
	EXPECT(f &&
		fputs("Dear diary, this is no database at all. It goes on for a while.", f) > 0);
	fclose(f);
	EXPECT_INT(opened(true, &why), -EPROTO);
	EXPECT_INT(opened(false, &why), -EPROTO);
	clean_up();

	strcpy(path, "postgresql://db/x");
	EXPECT_INT(opened(true, &why), -ENOSYS);
}

static void test_an_empty_file_becomes_a_database_when_written(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	const char *why;

	with_folder();
	snprintf(path, sizeof path, "%s/b.db", folder);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	EXPECT_INT(opened(false, &why), -ENOENT);
	tell("pcap:1", in, 1);
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	clean_up();
}

static void test_a_value_that_nobody_wrote_is_refused(void)
{
	static const char *const lies[] = {
		"UPDATE conversation SET dialect = '9.9'",
		"UPDATE conversation SET client = 'nobody'",
		"UPDATE conversation SET client = 'fd00::1'",
		"UPDATE conversation SET port = 70000",
		"UPDATE conversation SET guest = 2",
		"UPDATE conversation SET auth_status = -1",
		"UPDATE conversation SET user = char(27) || '[2J'",
		"UPDATE conversation SET user = CAST(x'ff41' AS TEXT)",
		"UPDATE conversation SET user = printf('%.*c', 300, 'x')",
		"UPDATE figures SET connections = -1",
		"UPDATE figures SET last_seen = 0",
	};
	struct bh_row in[1] = { row(1, "a", 10) };

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		BH_AUTO_ARENA a = { 0 };
		const struct bh_row *out;
		size_t n;
		with_folder();
		tell("pcap:1", in, 1);
		change(lies[i]);
		BH_AUTO(bh_store) s = open_store(false);
		EXPECT_INT(bh_store_rows(s, NULL, &a, &out, &n), -EIO);
		clean_up();
	}
}

int main(void)
{
	RUN(test_every_field_comes_back_as_it_went_in);
	RUN(test_reading_a_source_again_replaces_what_it_said);
	RUN(test_a_row_with_zero_figures_is_taken_away);
	RUN(test_an_abandoned_batch_leaves_nothing);
	RUN(test_there_is_one_writer_at_a_time_and_readers_do_not_wait);
	RUN(test_filters_narrow_what_is_read);
	RUN(test_a_tally_comes_back);
	RUN(test_files_are_for_the_owner_and_the_group_alone);
	RUN(test_foreign_newer_and_broken_files_are_refused);
	RUN(test_an_empty_file_becomes_a_database_when_written);
	RUN(test_a_value_that_nobody_wrote_is_refused);
	return tap_done();
}
