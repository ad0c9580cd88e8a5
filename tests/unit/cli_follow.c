#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/follow.h"
#include "tap.h"

static char folder[64];
static struct bh_follow *f;
static bh_time now = BH_SECOND;

static const char *path(const char *name)
{
	static char text[2][200];
	static unsigned which;

	which ^= 1;
	snprintf(text[which], sizeof text[which], "%s/%s", folder, name);
	return text[which];
}

static void put(const char *name, const char *text)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static int drop(const char *name, const struct stat *st BH_UNUSED, int flag BH_UNUSED,
	struct FTW *w BH_UNUSED)
{
	return remove(name);
}

static void begin(const char *name)
{
	snprintf(folder, sizeof folder, "/tmp/bh-follow-XXXXXX");
	EXPECT(mkdtemp(folder) != NULL);
	put("log", "old\n");
	EXPECT_INT(bh_follow_new(path(name), &f), 0);
}

static void end(void)
{
	f = bh_follow_free(f);
	nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

/* What one step brings, all of it taken. */
static const char *step(bool look)
{
	static char text[4096];

	EXPECT_INT(bh_follow_step(f, look, now), 0);
	struct bh_span s = bh_follow_lines(f);
	EXPECT(s.len < sizeof text);
	snprintf(text, sizeof text, "%.*s", (int)s.len, (const char *)s.ptr);
	bh_follow_taken(f, s.len);
	return text;
}

static void test_only_what_comes_is_told(void)
{
	begin("log");
	EXPECT_STR(step(false), "");
	put("log", "a\nb\n");
	EXPECT_STR(step(false), "a\nb\n");
	EXPECT_STR(step(true), "");
	end();
}

static void test_a_line_is_told_when_it_is_whole(void)
{
	begin("log");
	put("log", "a|b");
	EXPECT_STR(step(false), "");
	put("log", "|c\nd");
	EXPECT_STR(step(false), "a|b|c\n");
	EXPECT_INT(bh_follow_end(f), 0);
	EXPECT_STR(step(false), "d\n");
	end();
}

static void test_a_line_that_has_begun_before_is_told_whole(void)
{
	snprintf(folder, sizeof folder, "/tmp/bh-follow-XXXXXX");
	EXPECT(mkdtemp(folder) != NULL);
	put("log", "old\nhalf");
	EXPECT_INT(bh_follow_new(path("log"), &f), 0);
	put("log", " and half\n");
	EXPECT_STR(step(false), "half and half\n");
	end();
}

static void test_the_system_says_when_something_is_written(void)
{
	begin("log");
	struct pollfd p = { .fd = bh_follow_fd(f), .events = POLLIN };
	(void)step(false);
	EXPECT_INT(poll(&p, 1, 0), 0);
	put("log", "a\n");
	EXPECT_INT(poll(&p, 1, 1000), 1);
	EXPECT_STR(step(false), "a\n");
	EXPECT_INT(poll(&p, 1, 0), 0);
	end();
}

static void test_a_log_that_is_renamed_is_read_on_beside_its_successor(void)
{
	begin("log");
	put("log", "a\nhal");
	int old = open(path("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
	EXPECT(!rename(path("log"), path("log.old")));
	put("log", "new\n");
	EXPECT_STR(step(false), "a\nnew\n");
	EXPECT_INT(bh_follow_files(f), 2);
	EXPECT(write(old, "f\nlate\n", 7) == 7); /* a process that has not noticed */
	put("log", "newer\n");
	EXPECT_STR(step(false), "half\nlate\nnewer\n");
	close(old);
	end();
}

static void test_a_log_that_is_renamed_over_the_one_before_is_read_to_its_end(void)
{
	begin("log");
	EXPECT(!rename(path("log"), path("log.old")));
	put("log", "1\n");
	int one = open(path("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
	EXPECT_STR(step(false), "1\n");
	EXPECT(!rename(path("log"), path("log.old"))); /* what was there is deleted */
	EXPECT(write(one, "1b\n", 3) == 3);
	put("log", "2\n");
	EXPECT_STR(step(false), "1b\n2\n");
	EXPECT(!unlink(path("log.old")));
	EXPECT(write(one, "1c\n", 3) == 3);
	EXPECT_STR(step(true), "1c\n");
	close(one);
	end();
}

static void test_a_file_without_its_name_goes_when_it_is_quiet(void)
{
	begin("log");
	EXPECT(!rename(path("log"), path("other")));
	put("log", "new\n");
	(void)step(true);
	EXPECT_INT(bh_follow_files(f), 2);
	now += 599 * BH_SECOND;
	put("other", "x\n");
	EXPECT_STR(step(true), "x\n");
	now += 599 * BH_SECOND;
	(void)step(true);
	EXPECT_INT(bh_follow_files(f), 2);
	now += 3 * BH_SECOND;
	(void)step(true);
	EXPECT_INT(bh_follow_files(f), 1); /* the one that has its name, however quiet */
	put("log", "still\n");
	EXPECT_STR(step(false), "still\n");
	end();
}

static void test_a_log_that_is_emptied_in_its_place_begins_anew(void)
{
	begin("log");
	put("log", "a\nhalf a line");
	EXPECT_STR(step(false), "a\n");
	EXPECT(!truncate(path("log"), 0));
	EXPECT_STR(step(false), "half a line\n");
	put("log", "b\n");
	EXPECT_STR(step(false), "b\n");
	end();
}

static void test_a_log_that_is_not_there_yet_is_waited_for(void)
{
	begin("later");
	EXPECT_INT(bh_follow_files(f), 0);
	EXPECT(!bh_follow_trouble(f));
	put("later", "first\n");
	EXPECT_STR(step(false), "first\n"); /* from its beginning */
	EXPECT(!unlink(path("later")));
	put("later", "second\n");
	EXPECT_STR(step(false), "second\n");
	end();
}

static void test_a_pattern_follows_all_that_it_matches(void)
{
	begin("log*");
	put("log.ws1", "ws1\n");
	put("other", "no\n");
	put("log", "smbd\n");
	EXPECT_STR(step(false), "smbd\nws1\n");
	EXPECT(!rename(path("log.ws1"), path("log.ws1.old")));
	put("log.ws1.old", "same\n");
	EXPECT_STR(step(true), "same\n"); /* the same file: nothing is told twice */
	EXPECT_INT(bh_follow_files(f), 2);
	end();
}

static void test_a_name_that_looks_like_a_pattern_may_be_one_files(void)
{
	snprintf(folder, sizeof folder, "/tmp/bh-follow-XXXXXX");
	EXPECT(mkdtemp(folder) != NULL);
	put("log[1]", "old\n");
	EXPECT_INT(bh_follow_new(path("log[1]"), &f), 0);
	put("log1", "no\n");
	put("log[1]", "yes\n");
	EXPECT_STR(step(true), "yes\n");
	end();
}

static void test_lines_of_two_files_never_mix(void)
{
	begin("log*");
	put("log.a", "first half");
	put("log.b", "b1\n");
	EXPECT_STR(step(false), "b1\n");
	put("log.b", "b2\n");
	put("log.a", " and second\n");
	EXPECT_STR(step(false), "first half and second\nb2\n");
	end();
}

/* smbd may write faster than anybody reads. */
static void test_what_waits_is_bounded_and_nothing_is_lost(void)
{
	static char big[1u << 20];
	size_t total = 0, most = 0;

	begin("log");
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = i % 64 == 63 ? '\n' : 'x';
	int fd = open(path("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
	EXPECT(write(fd, big, sizeof big) == (ssize_t)sizeof big);
	close(fd);
	for (unsigned i = 0; i < 1000 && total < sizeof big; i++) {
		EXPECT_INT(bh_follow_step(f, false, now), 0);
		struct bh_span s = bh_follow_lines(f);
		most = bh_max_size(most, s.len);
		size_t take = bh_min_size(s.len, 10000);
		EXPECT(!memcmp(s.ptr, big + total, take));
		bh_follow_taken(f, take);
		total += take;
	}
	EXPECT_INT(total, sizeof big);
	EXPECT(most < 400000);
	end();
}

static void test_a_line_without_an_end_is_cut(void)
{
	static char big[300000];
	size_t told = 0;

	begin("log");
	memset(big, 'x', sizeof big);
	int fd = open(path("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
	for (unsigned i = 0; i < 10; i++) {
		EXPECT(write(fd, big, sizeof big) == (ssize_t)sizeof big);
		EXPECT_INT(bh_follow_step(f, false, now), 0);
		told += bh_follow_lines(f).len;
		bh_follow_taken(f, bh_follow_lines(f).len);
	}
	EXPECT(told > 1u << 20 && told < 1300000); /* too long for whoever reads it, and said so */
	EXPECT(write(fd, "\nnext\n", 6) == 6);
	close(fd);
	EXPECT_STR(step(false), "next\n");
	end();
}

static void test_what_cannot_be_read_is_said_once(void)
{
	begin("log*");
	EXPECT(!mkdir(path("log.d"), 0700));
	(void)step(true);
	const char *why = bh_follow_trouble(f);
	EXPECT(why && strstr(why, "log.d is no file"));
	(void)step(true);
	EXPECT(!bh_follow_trouble(f));
	end();
	EXPECT_INT(bh_follow_new("/nonexistent/log", &f), -ENOENT);
	EXPECT_INT(bh_follow_new("/tmp/", &f), -EISDIR);
}

static void test_more_files_than_can_be_followed_are_said(void)
{
	begin("log*");
	for (unsigned i = 0; i < 130; i++) {
		char name[20];
		snprintf(name, sizeof name, "log.%u", i);
		put(name, "x\n");
	}
	(void)step(true);
	EXPECT_INT(bh_follow_files(f), 128);
	EXPECT(strstr(bh_follow_trouble(f), "one too many"));
	end();
}

static void test_a_folder_that_is_made_anew_is_found_again(void)
{
	begin("log");
	EXPECT(!unlink(path("log")) && !rmdir(folder));
	(void)step(true);
	EXPECT(!mkdir(folder, 0700));
	put("log", "anew\n");
	EXPECT_STR(step(true), "anew\n");
	put("log", "and on\n");
	struct pollfd p = { .fd = bh_follow_fd(f), .events = POLLIN };
	EXPECT_INT(poll(&p, 1, 1000), 1);
	EXPECT_STR(step(false), "and on\n");
	end();
}

int main(void)
{
	RUN(test_only_what_comes_is_told);
	RUN(test_a_line_is_told_when_it_is_whole);
	RUN(test_a_line_that_has_begun_before_is_told_whole);
	RUN(test_the_system_says_when_something_is_written);
	RUN(test_a_log_that_is_renamed_is_read_on_beside_its_successor);
	RUN(test_a_log_that_is_renamed_over_the_one_before_is_read_to_its_end);
	RUN(test_a_file_without_its_name_goes_when_it_is_quiet);
	RUN(test_a_log_that_is_emptied_in_its_place_begins_anew);
	RUN(test_a_log_that_is_not_there_yet_is_waited_for);
	RUN(test_a_pattern_follows_all_that_it_matches);
	RUN(test_a_name_that_looks_like_a_pattern_may_be_one_files);
	RUN(test_lines_of_two_files_never_mix);
	RUN(test_what_waits_is_bounded_and_nothing_is_lost);
	RUN(test_a_line_without_an_end_is_cut);
	RUN(test_what_cannot_be_read_is_said_once);
	RUN(test_more_files_than_can_be_followed_are_said);
	RUN(test_a_folder_that_is_made_anew_is_found_again);
	return tap_done();
}
