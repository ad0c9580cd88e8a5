#include "model/pipe.h"
#include "store_helper.h"

static void test_every_field_comes_back_as_it_went_in(void)
{
	struct bh_row in[2] = { row(1, NULL, 7), row(1, "", 8) };
	struct bh_talk *c = &in[1].who;
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
	c->server_name = "fs1";
	c->share = "\\\\fs1\\Fin'ance";
	c->domain = "CORP";
	c->workstation = "PC\xc3\xa9";
	c->service = "cifs/fs1";
	tell("pcap:1", in, 2);

	EXPECT_INT(rows_of(&a, NULL, &out), 2);
	EXPECT(bh_talk_equal(&out[0].who, &in[0].who)); /* unknown stays unknown */
	EXPECT(bh_talk_equal(&out[1].who, c)); /* known and empty stays known */
	EXPECT(same_figures(&out[1].figures, &in[1].figures));
	EXPECT(!out[1].each); /* one source has it all */
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

static size_t left(const struct bh_store_filter *f)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	return rows_of(&a, f, &out);
}

static void test_filters_narrow_what_is_read(void)
{
	struct bh_row in[4] = { row(1, "alice", 10), row(2, "Bob", 20), row(3, "c", 5),
		row(1, NULL, 30) };

	with_folder();
	KNOW(&in[0].who, share, BH_KNOWN_SHARE, "\\\\fs1\\Finance");
	KNOW(&in[0].who, server_name, BH_KNOWN_SERVER_NAME, "FS1");
	KNOW(&in[1].who, share, BH_KNOWN_SHARE, "\\\\fs1.corp\\finance");
	KNOW(&in[1].who, domain, BH_KNOWN_DOMAIN, "CORP");
	KNOW(&in[1].who, workstation, BH_KNOWN_WORKSTATION, "PC1");
	in[2].who.port = 139;
	in[2].who.transport = BH_TRANSPORT_NBSS139;
	tell("pcap:1", in, 4);
	EXPECT_INT(left(NULL), 4);
	EXPECT_INT(left(&(struct bh_store_filter){ .client = bh_addr_v4(1) }), 2);
	EXPECT_INT(left(&(struct bh_store_filter){ .client = bh_addr_v4(1), .user = "ALICE" }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .server = bh_addr_v4(2) }), 0);
	EXPECT_INT(left(&(struct bh_store_filter){ .server = bh_addr_v4(0x0a000001) }), 4);
	EXPECT_INT(left(&(struct bh_store_filter){ .user = "bob" }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .user = "corp\\BOB" }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .user = "other\\bob" }), 0);
	EXPECT_INT(left(&(struct bh_store_filter){ .workstation = "pc1" }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .server_name = "fs1" }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .share = "finance" }), 2);
	EXPECT_INT(left(&(struct bh_store_filter){ .share = "\\\\FS1\\finance" }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .share = "inance" }), 0);
	EXPECT_INT(left(&(struct bh_store_filter){ .share = "finance", .user = "bob" }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .port = 139 }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .transports = 1u << BH_TRANSPORT_TCP445 }), 3);
	EXPECT_INT(left(&(struct bh_store_filter){ .since = 2010 }), 3);
	EXPECT_INT(left(&(struct bh_store_filter){ .until = 1010 }), 2);
	EXPECT_INT(left(&(struct bh_store_filter){ .since = 2010, .until = 1010 }), 1);
	EXPECT_INT(left(&(struct bh_store_filter){ .client = bh_addr_v4(1), .since = 2011 }), 1);
	clean_up();
}

static void test_a_share_goes_by_the_last_part_of_its_path(void)
{
	static const char *const shares[] = { "\\\\fs1\\x", "x", "\\x", "\\\\fs1\\yx", "\\\\x\\",
		"\\\\\\" };
	struct bh_row in[BH_LEN(shares)];

	with_folder();
	for (uint32_t i = 0; i < BH_LEN(shares); i++) {
		in[i] = row(i + 1, NULL, 1);
		KNOW(&in[i].who, share, BH_KNOWN_SHARE, shares[i]);
	}
	tell("pcap:1", in, BH_LEN(shares));
	EXPECT_INT(left(&(struct bh_store_filter){ .share = "X" }), 3);
	EXPECT_INT(left(&(struct bh_store_filter){ .share = "\\\\X\\" }), 1);
	clean_up();
}

static int add_up(void *ctx, const struct bh_row *r)
{
	struct bh_figures *f = ctx;

	bh_figures_add(f, &r->figures);
	return r->figures.connections == 1000;
}

static void test_rows_come_one_at_a_time_until_somebody_has_enough(void)
{
	struct bh_row in[3] = { row(1, "a", 10), row(2, "b", 20), row(3, "c", 1000) };
	struct bh_figures sum = { 0 };

	with_folder();
	tell("pcap:1", in, 2);
	BH_AUTO(bh_store) s = open_store(false);
	EXPECT_INT(bh_store_each(s, NULL, add_up, &sum), 0);
	EXPECT_INT(sum.connections, 30);
	tell("pcap:2", in + 2, 1);
	EXPECT_INT(bh_store_each(s, NULL, add_up, &sum), 1);
	clean_up();
}

/* Else rows go into a file that nobody finds, and its log to the next one of that name. */
static void test_a_file_that_was_moved_or_deleted_is_written_no_more(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	char name[160];

	with_folder();
	tell("pcap:1", in, 1);
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	snprintf(name, sizeof name, "%s.key", path); /* which clean_up knows */
	EXPECT(rename(path, name) == 0);
	EXPECT_INT(bh_store_begin(s, 0), -ESTALE);
	tell("pcap:1", in, 1); /* another, of that name */
	EXPECT_INT(bh_store_begin(s, 0), -ESTALE);
	EXPECT(rename(name, path) == 0);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	clean_up();
}

static void test_who_holds_sees_one_moment(void)
{
	struct bh_row in[2] = { row(1, "a", 10), row(2, "b", 20) };
	const struct bh_source_row *sources;
	const struct bh_row *v;
	BH_AUTO_ARENA a = { 0 };
	size_t n = 0;

	with_folder();
	tell("pcap:1", in, 1);
	BH_AUTO(bh_store) s = open_store(false);
	EXPECT_INT(bh_store_hold(s), 0);
	EXPECT_INT(bh_store_sources(s, &a, &sources, &n), 0);
	EXPECT_INT(n, 1);
	tell("pcap:2", in + 1, 1);
	EXPECT_INT(bh_store_rows(s, NULL, &a, &v, &n), 0);
	EXPECT_INT(n, 1);
	EXPECT_INT(rows_of(&a, NULL, &v), 2);
	clean_up();
}

static void test_two_kinds_of_evidence_are_not_summed(void)
{
	struct bh_row in[3] = { row(1, "a", 10), row(1, "a", 25), row(1, "a", 7) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	with_folder();
	tell("pcap:1", in, 1);
	tell("zeek:1", in + 1, 1);
	tell("live:1", in + 2, 1);
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	EXPECT_INT(out[0].figures.connections, 25); /* beside 10 + 7 packets' worth */
	EXPECT_INT(out[0].figures.first_seen, 1007);
	EXPECT_INT(out[0].figures.last_seen, 2025);
	EXPECT_INT(out[0].n_sources, 3);
	EXPECT(out[0].sources[1] == 2 && out[0].each[1].connections == 25);
	clean_up();
}

static void test_the_last_of_a_batch_counts(void)
{
	struct bh_row in[3] = { row(1, "a", 10), row(1, "a", 25), row(2, "b", 7) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	size_t n;

	with_folder();
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	uint32_t id = 0;
	EXPECT_INT(bh_store_source(s, "live:1", "", false, &id), 0);
	EXPECT_INT(bh_store_put(s, id, in, 3), 0);
	in[2].figures = (struct bh_figures){ 0 };
	EXPECT_INT(bh_store_put(s, id, in + 2, 1), 0);
	EXPECT_INT(bh_store_rows(s, NULL, &a, &out, &n), 0); /* also within the batch */
	EXPECT_INT(n, 1);
	EXPECT_INT(out[0].figures.connections, 25);
	EXPECT_INT(bh_store_commit(s), 0);
	EXPECT_INT(asked("SELECT count(*) FROM caller"), 1);
	clean_up();
}

/* So many that they do not fit into memory, and that the indexes are made anew. */
static void test_a_large_batch_is_like_many_small_ones(void)
{
	enum { MANY = 300000 };
	static struct bh_row in[1000];
	uint32_t id = 0;

	with_folder();
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, "live:1", "", false, &id), 0);
	for (uint32_t i = 0; i < MANY; i += BH_LEN(in)) {
		for (uint32_t k = 0; k < BH_LEN(in); k++) {
			in[k] = row((i + k) % 1000, NULL, 1 + i);
			in[k].who.port = (uint16_t)((i + k) / 1000);
		}
		EXPECT_INT(bh_store_put(s, id, in, BH_LEN(in)), 0);
	}
	EXPECT_INT(bh_store_commit(s), 0);
	EXPECT_INT(left(&(struct bh_store_filter){ .client = bh_addr_v4(7) }), 300);
	EXPECT_INT(left(&(struct bh_store_filter){ .port = 7 }), 1000);
	EXPECT_INT(left(&(struct bh_store_filter){ .since = 2001 + MANY - 1000 }), 1000);
	EXPECT_INT(asked("SELECT count(*) FROM conversation"), MANY);
	EXPECT_INT(
		asked("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
		1);
	clean_up();
}

/* Another process may have taken away what we remember the number of. */
static void test_two_writers_take_turns_without_losing_names(void)
{
	struct bh_row in[2] = { row(1, "a", 10), row(2, "b", 20) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	uint32_t id = 0;

	with_folder();
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, "live:1", "", false, &id), 0);
	EXPECT_INT(bh_store_put(s, id, in, 1), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	tell("live:1", in + 1, 1);
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_put(s, id, in, 1), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	EXPECT_INT(rows_of(&a, NULL, &out), 2);
	EXPECT_STR(out[0].who.user, "a");
	EXPECT_STR(out[1].who.user, "b");
	clean_up();
}

static void test_a_sum_beyond_all_bounds_is_kept_as_the_most(void)
{
	struct bh_row in[1] = { row(1, "a", 10) };
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;

	with_folder();
	in[0].figures.bytes_to_client = UINT64_MAX;
	tell("pcap:1", in, 1);
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	EXPECT_INT(out[0].figures.bytes_to_client, ((uint64_t)1 << 56) - 1);
	clean_up();
}

/* sqlite3 on the command line reads like `show`. */
static void test_a_view_speaks_in_names(void)
{
	struct bh_row in[1] = { row(0x0a140007, "alice", 3) };

	with_folder();
	in[0].who.dialect = BH_DIALECT_311;
	in[0].who.known |= BH_KNOWN_AUTH_STATUS;
	in[0].who.auth_status = 0xc000006d;
	in[0].figures.last_seen = (bh_time)1800000000 * BH_SECOND;
	in[0].figures.pipes = 1u << BH_PIPE_SRVSVC | 1u << BH_PIPE_SPOOLSS;
	tell("pcap:1", in, 1);
	EXPECT_INT(
		asked("SELECT client = '10.20.0.7' AND user = 'alice' AND dialect = '3.1.1' AND "
		      "verdict = 'answered' AND auth_status = '0xc000006d' AND share_status IS NULL "
		      "AND last_seen = '2027-01-15T08:00:00Z' AND pipes = 'srvsvc spoolss' AND "
		      "source = 'label' FROM conversations"),
		1);
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
	change("PRAGMA user_version=2; PRAGMA application_id=7");
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
		"UPDATE manner SET dialect = '9.9'",
		"UPDATE caller SET client = 'nobody'",
		"UPDATE caller SET client = 'fd00::1'",
		"UPDATE place SET port = 70000",
		"UPDATE manner SET guest = 2",
		"UPDATE manner SET auth_status = -1",
		"UPDATE caller SET user = char(27) || '[2J'",
		"UPDATE caller SET user = CAST(x'ff41' AS TEXT)",
		"UPDATE caller SET user = printf('%.*c', 300, 'x')",
		"UPDATE conversation SET connections = -1",
		"UPDATE conversation SET last_seen = 0",
		"UPDATE conversation SET pipes = -1",
		"UPDATE conversation SET opens = 1 << 60",
		"UPDATE conversation SET source = 0",
		"UPDATE conversation SET caller = 17",
		"UPDATE place SET server = '-'",
		"DELETE FROM manner",
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
	RUN(test_a_share_goes_by_the_last_part_of_its_path);
	RUN(test_rows_come_one_at_a_time_until_somebody_has_enough);
	RUN(test_a_file_that_was_moved_or_deleted_is_written_no_more);
	RUN(test_who_holds_sees_one_moment);
	RUN(test_two_kinds_of_evidence_are_not_summed);
	RUN(test_the_last_of_a_batch_counts);
	RUN(test_a_large_batch_is_like_many_small_ones);
	RUN(test_two_writers_take_turns_without_losing_names);
	RUN(test_a_sum_beyond_all_bounds_is_kept_as_the_most);
	RUN(test_a_view_speaks_in_names);
	RUN(test_files_are_for_the_owner_and_the_group_alone);
	RUN(test_foreign_newer_and_broken_files_are_refused);
	RUN(test_an_empty_file_becomes_a_database_when_written);
	RUN(test_a_value_that_nobody_wrote_is_refused);
	return tap_done();
}
