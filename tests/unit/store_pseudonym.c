#include "store/pseudonym.h"
#include "store_helper.h"

static const uint8_t one[PSEUDONYM_KEY] = { 1, 2, 3 }, other[PSEUDONYM_KEY] = { 1, 2, 4 };

static struct bh_pseudonyms *with_key(const uint8_t key[PSEUDONYM_KEY])
{
	struct bh_pseudonyms *p = NULL;

	EXPECT_INT(pseudonym_new(key, &p), 0);
	return p;
}

static void test_a_text_comes_back_whatever_its_length(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	char text[BH_NAME_TEXT] = "", hidden[BH_NAME_TEXT], back[BH_NAME_TEXT];

	for (size_t n = 1; n <= 136; n++) {
		memset(text, 'a' + (int)(n % 26), n);
		pseudonym_hide(p, text, hidden);
		EXPECT(hidden[0] == '~' && strspn(hidden + 1, "abcdefghijklmnopqrstuvwxyz234567") ==
						   strlen(hidden) - 1);
		EXPECT(pseudonym_reveal(p, hidden, back));
		EXPECT_STR(back, text);
	}
	pseudonym_hide(p, "", hidden);
	EXPECT_STR(hidden, "");
}

/* What is on disks must be readable by every later version. */
static void test_a_pseudonym_is_for_ever(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	char hidden[BH_NAME_TEXT], again[BH_NAME_TEXT];

	pseudonym_hide(p, "alice", hidden);
	EXPECT_STR(hidden, "~a553wgcjfztocdnyktbolk2atakq24vxpbo3tpq");
	pseudonym_hide(p, "bob", again);
	EXPECT(strcmp(hidden, again) != 0);
	pseudonym_hide(p, "alice", again);
	EXPECT_STR(again, hidden);
	BH_AUTO(bh_pseudonyms) q = with_key(one);
	pseudonym_hide(q, "alice", again);
	EXPECT_STR(again, hidden);
}

static void test_names_that_are_too_long_are_cut_and_say_so(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	char x[BH_NAME_TEXT] = "", y[BH_NAME_TEXT], hidden[BH_NAME_TEXT], back[BH_NAME_TEXT];
	char back_y[BH_NAME_TEXT];

	while (strlen(x) < BH_NAME_TEXT - 3)
		strcat(x, "é");
	memcpy(y, x, sizeof y);
	y[strlen(y) - 1] = '\0';
	y[strlen(y) - 1] = 'e';
	pseudonym_hide(p, x, hidden);
	EXPECT(strlen(hidden) < BH_NAME_TEXT);
	EXPECT(pseudonym_reveal(p, hidden, back));
	const char *cut = strstr(back, "…");
	EXPECT(cut && cut - back > 100 && !strncmp(back, x, (size_t)(cut - back)));
	EXPECT(cut && (cut - back) % 2 == 0); /* between characters */
	pseudonym_hide(p, y, hidden);
	EXPECT(pseudonym_reveal(p, hidden, back_y));
	EXPECT(cut && !strncmp(back, back_y, (size_t)(cut - back)));
	EXPECT(strcmp(back, back_y) != 0);
}

static void test_what_is_no_pseudonym_of_this_key_stays(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	BH_AUTO(bh_pseudonyms) q = with_key(other);
	char hidden[BH_NAME_TEXT], changed[BH_NAME_TEXT], back[BH_NAME_TEXT] = "untouched";
	static const char *const plain[] = { "", "~", "alice", "~alice", "~a", "~aaaaaaaaaaaaaaaa",
		"~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"~aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"~1111111111111111111111111111111111111111" };

	for (size_t i = 0; i < BH_LEN(plain); i++)
		EXPECT(!pseudonym_reveal(p, plain[i], back));
	pseudonym_hide(p, "alice", hidden);
	EXPECT(!pseudonym_reveal(q, hidden, back));
	for (size_t i = 0; i < strlen(hidden); i++) {
		strcpy(changed, hidden);
		changed[i] = changed[i] == 'b' ? 'c' : 'b';
		EXPECT(!pseudonym_reveal(p, changed, back));
		strcpy(changed, hidden);
		changed[i] = '\0';
		EXPECT(!pseudonym_reveal(p, changed, back));
	}
	memset(changed, 'a', sizeof changed - 1);
	changed[0] = '~';
	changed[sizeof changed - 1] = '\0';
	EXPECT(!pseudonym_reveal(p, changed, back));
	EXPECT_STR(back, "untouched");
}

static struct bh_row personal(void)
{
	struct bh_row r = row(1, "alice", 10);

	KNOW(&r.who, workstation, BH_KNOWN_WORKSTATION, "ALICE-PC");
	KNOW(&r.who, domain, BH_KNOWN_DOMAIN, "Alice-PC");
	KNOW(&r.who, share, BH_KNOWN_SHARE, "\\\\fs1\\Alice");
	KNOW(&r.who, server_name, BH_KNOWN_SERVER_NAME, "fs1");
	return r;
}

static void test_a_conversation_hides_all_that_names_a_person(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	const struct bh_row r = personal();
	struct bh_conversation c, was, long_path;

	bh_talk_whole(&r.who, &c);
	was = long_path = c;
	bh_pseudonyms_hide(p, &c);
	EXPECT(c.user[0] == '~' && c.workstation[0] == '~' && c.domain[0] == '~');
	EXPECT(!strncmp(c.share, "\\\\fs1\\~", 7));
	EXPECT_STR(c.server_name, "fs1");
	bh_pseudonyms_reveal(p, &c);
	EXPECT(!memcmp(&c, &was, sizeof c));

	strcpy(c.domain, "CORP");
	strcpy(c.share, "\\\\fs1\\sales");
	bh_pseudonyms_hide(p, &c);
	EXPECT_STR(c.domain, "CORP"); /* a company, and a department's share */
	EXPECT_STR(c.share, "\\\\fs1\\sales");

	memset(long_path.share, 'x', 480);
	strcpy(long_path.share + 480, "\\alice");
	bh_pseudonyms_hide(p, &long_path);
	EXPECT(long_path.share[0] == '~');
}

static void test_a_share_named_after_its_user_is_hidden_however_it_is_written(void)
{
	static const struct {
		const char *user, *share;
		bool hidden;
	} cases[] = {
		{ "alice", "\\\\fs1\\ALICE", true },
		{ "alice", "\\\\fs1\\alice$", true },
		{ "alice@corp.example", "\\\\fs1\\alice", true },
		{ "alice", "alice", true },
		{ "alice", "\\\\fs1\\alic", false },
		{ "alice", "\\\\fs1\\alice$$", false },
		{ "", "\\\\fs1\\$", false },
		{ "@corp", "\\\\fs1\\", false },
	};
	BH_AUTO(bh_pseudonyms) p = with_key(one);

	for (size_t i = 0; i < BH_LEN(cases); i++) {
		struct bh_row r = row(1, cases[i].user, 1);
		struct bh_conversation c;
		KNOW(&r.who, share, BH_KNOWN_SHARE, cases[i].share);
		bh_talk_whole(&r.who, &c);
		bh_pseudonyms_hide(p, &c);
		EXPECT_INT(strchr(c.share, '~') != NULL, cases[i].hidden);
		bh_pseudonyms_reveal(p, &c);
		EXPECT_STR(c.share, cases[i].share);
		EXPECT_STR(c.user, cases[i].user);
	}
}

static void test_names_of_machines_are_hidden_but_those_of_groups_are_not(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	struct bh_name_seen n = { .addr = bh_addr_v4(1), .name = "ALICE-PC" }, was = n;

	bh_pseudonyms_hide_name(p, &n);
	EXPECT(n.name[0] == '~');
	bh_pseudonyms_reveal_name(p, &n);
	EXPECT_STR(n.name, was.name);
	n.group = 1;
	bh_pseudonyms_hide_name(p, &n);
	EXPECT_STR(n.name, was.name);
}

/* ---- in a database ---- */

static int tell_hidden(struct bh_pseudonyms *p, const struct bh_row *rows, size_t n)
{
	struct bh_name_seen name = { .addr = bh_addr_v4(1), .when = 9, .name = "ALICE-PC" };
	BH_AUTO(bh_store) s = open_store(true);
	uint32_t id = 0;
	int r = bh_store_hide(s, p);

	if (r)
		return r;
	EXPECT_INT(bh_store_begin(s, 0), 0);
	EXPECT_INT(bh_store_source(s, "live:1", "", false, &id), 0);
	EXPECT_INT(bh_store_put(s, id, rows, n), 0);
	EXPECT_INT(bh_store_put(s, id, rows, n), 0); /* stable: one row */
	EXPECT_INT(bh_store_name(s, id, &name), 0);
	EXPECT_INT(bh_store_commit(s), 0);
	return 0;
}

static void test_a_database_is_in_clear_for_the_key_alone(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	BH_AUTO(bh_pseudonyms) q = with_key(other);
	struct bh_row in = personal();
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	const struct bh_name_seen *names;
	size_t n = 0;

	with_folder();
	EXPECT_INT(tell_hidden(p, &in, 1), 0);
	EXPECT_INT(asked("SELECT count(*) FROM caller WHERE user LIKE '%lice%' OR "
			 "workstation LIKE '%lice%' OR domain LIKE '%lice%'"),
		0);
	EXPECT_INT(asked("SELECT count(*) FROM place WHERE share LIKE '%lice%'"), 0);
	EXPECT_INT(rows_of(&a, NULL, &out), 1);
	EXPECT(out[0].who.user[0] == '~');

	BH_AUTO(bh_store) s = open_store(false);
	EXPECT_INT(bh_store_reveal(s, q), -EKEYREJECTED);
	EXPECT_INT(bh_store_reveal(s, p), 0);
	EXPECT_INT(bh_store_rows(s, NULL, &a, &out, &n), 0);
	EXPECT_INT(n, 1);
	EXPECT(bh_talk_equal(&out[0].who, &in.who));
	EXPECT_INT(bh_store_names(s, &a, &names, &n), 0);
	EXPECT_STR(names[0].name, "ALICE-PC");
	clean_up();
}

static void test_filters_ask_for_names_as_they_are_revealed(void)
{
	static const struct bh_store_filter yes[] = {
		{ .user = "ALICE" },
		{ .user = "alice-pc\\Alice" },
		{ .workstation = "alice-pc" },
		{ .share = "alice" },
		{ .share = "\\\\FS1\\alice" },
		{ .share = "alice", .user = "alice" },
	};
	static const struct bh_store_filter no[] = { { .user = "bob" }, { .user = "corp\\alice" },
		{ .workstation = "x" }, { .share = "home" }, { .share = "\\\\fs2\\alice" } };
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	struct bh_row in = personal();
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	size_t n = 0;

	with_folder();
	EXPECT_INT(tell_hidden(p, &in, 1), 0);
	for (size_t i = 0; i < BH_LEN(yes); i++)
		EXPECT_INT(rows_of(&a, &yes[i], &out), 0);
	BH_AUTO(bh_store) s = open_store(false);
	EXPECT_INT(bh_store_reveal(s, p), 0);
	for (size_t i = 0; i < BH_LEN(yes); i++) {
		EXPECT_INT(bh_store_rows(s, &yes[i], &a, &out, &n), 0);
		EXPECT_INT(n, 1);
	}
	for (size_t i = 0; i < BH_LEN(no); i++) {
		EXPECT_INT(bh_store_rows(s, &no[i], &a, &out, &n), 0);
		EXPECT_INT(n, 0);
	}
	clean_up();
}

static void test_a_database_never_mixes_names_and_pseudonyms(void)
{
	BH_AUTO(bh_pseudonyms) p = with_key(one);
	BH_AUTO(bh_pseudonyms) q = with_key(other);
	struct bh_row in = personal();

	with_folder();
	EXPECT_INT(tell_hidden(p, &in, 1), 0);
	EXPECT_INT(tell_hidden(q, &in, 1), -EKEYREJECTED);
	EXPECT_INT(tell_hidden(p, &in, 1), 0);
	EXPECT_INT(asked("SELECT count(*) FROM caller"), 1);
	{
		BH_AUTO(bh_store) s = open_store(true);
		EXPECT_INT(bh_store_begin(s, 0), -ENOKEY);
		EXPECT_INT(bh_store_hide(s, p), 0);
		EXPECT_INT(bh_store_begin(s, 0), 0);
	}
	clean_up();

	with_folder();
	BH_AUTO(bh_store) early = open_store(true); /* before anybody asked for pseudonyms */
	tell("pcap:1", &in, 1);
	EXPECT_INT(tell_hidden(p, &in, 1), -ENOTUNIQ);
	in.figures = (struct bh_figures){ 0 };
	tell("pcap:1", &in, 1);
	in = personal();
	EXPECT_INT(tell_hidden(p, &in, 1), 0); /* no name is left */
	EXPECT_INT(bh_store_begin(early, 0), -ENOKEY);
	clean_up();
}

/* ---- the key's file ---- */

static int open_key(const char *file, const char **why)
{
	struct bh_pseudonyms *p = NULL;
	int r = bh_pseudonyms_open(file, &p, why);

	bh_pseudonyms_free(p);
	return r;
}

static void write_key(const char *file, const void *bytes, size_t n, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	EXPECT(write(fd, bytes, n) == (ssize_t)n);
	EXPECT(fchmod(fd, mode) == 0);
	close(fd);
}

static void test_a_key_is_made_once_and_for_its_owner(void)
{
	const char *why = "";
	char file[160];
	struct stat st;

	with_folder();
	snprintf(path, sizeof path, "%s/b.db", folder);
	snprintf(file, sizeof file, "%s.key", path);
	EXPECT_INT(open_key(file, &why), -ENOENT);
	EXPECT_INT(bh_pseudonyms_make(file), 0);
	EXPECT(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 65);
	EXPECT_INT(bh_pseudonyms_make(file), -EEXIST);
	EXPECT_INT(open_key(file, &why), 0);
	EXPECT(chmod(file, 0644) == 0);
	EXPECT_INT(open_key(file, &why), -EPERM);
	EXPECT(strstr(why, "chmod") != NULL);
	EXPECT(chmod(file, 0640) == 0); /* a group of one's choosing */
	EXPECT_INT(open_key(file, &why), 0);
	clean_up();
}

static void test_32_bytes_or_64_digits_are_a_key_and_nothing_else_is(void)
{
	static const char digits[] =
		"0102030000000000000000000000000000000000000000000000000000000000\r\n";
	static const uint8_t bytes[PSEUDONYM_KEY] = { 1, 2, 3 };
	struct bh_pseudonyms *p = NULL;
	const char *why = "";
	char file[160], x[BH_NAME_TEXT], y[BH_NAME_TEXT];

	with_folder();
	snprintf(path, sizeof path, "%s/b.db", folder);
	snprintf(file, sizeof file, "%s.key", path);
	write_key(file, bytes, sizeof bytes, 0600);
	EXPECT_INT(bh_pseudonyms_open(file, &p, &why), 0);
	pseudonym_hide(p, "alice", x);
	bh_pseudonyms_free(p);
	write_key(file, digits, strlen(digits), 0400);
	EXPECT_INT(bh_pseudonyms_open(file, &p, &why), 0);
	pseudonym_hide(p, "alice", y);
	bh_pseudonyms_free(p);
	EXPECT_STR(x, y);
	for (size_t n = 0; n < 64; n++) {
		if (n == sizeof bytes)
			continue;
		EXPECT(chmod(file, 0600) == 0);
		write_key(file, digits, n, 0600);
		EXPECT_INT(open_key(file, &why), -EINVAL);
	}
	write_key(
		file, "x102030000000000000000000000000000000000000000000000000000000000", 64, 0600);
	EXPECT_INT(open_key(file, &why), -EINVAL);
	static const char long_text[4096] = { '0' };
	write_key(file, long_text, sizeof long_text, 0600);
	EXPECT_INT(open_key(file, &why), -EINVAL);
	clean_up();
}

int main(void)
{
	RUN(test_a_text_comes_back_whatever_its_length);
	RUN(test_a_pseudonym_is_for_ever);
	RUN(test_names_that_are_too_long_are_cut_and_say_so);
	RUN(test_what_is_no_pseudonym_of_this_key_stays);
	RUN(test_a_conversation_hides_all_that_names_a_person);
	RUN(test_a_share_named_after_its_user_is_hidden_however_it_is_written);
	RUN(test_names_of_machines_are_hidden_but_those_of_groups_are_not);
	RUN(test_a_database_is_in_clear_for_the_key_alone);
	RUN(test_filters_ask_for_names_as_they_are_revealed);
	RUN(test_a_database_never_mixes_names_and_pseudonyms);
	RUN(test_a_key_is_made_once_and_for_its_owner);
	RUN(test_32_bytes_or_64_digits_are_a_key_and_nothing_else_is);
	return tap_done();
}
