#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/child.h"
#include "tap.h"

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int run(
	const char *script, size_t limit, struct bh_buf *out, struct bh_buf *err, int *status)
{
	return bh_child_run(ARGV("sh", "-c", script), limit, out, err, status);
}

static void test_what_it_prints_is_told_apart(void)
{
	BH_AUTO_BUF out = { 0 };
	BH_AUTO_BUF err = { 0 };
	int status = -1;

	EXPECT_INT(run("echo a; echo b >&2; exit 3", 1000, &out, &err, &status), 0);
	EXPECT_STR(bh_buf_text(&out), "a\n");
	EXPECT_STR(bh_buf_text(&err), "b\n");
	EXPECT_INT(status, 3);
	EXPECT_INT(run("kill -9 $$", 1000, &out, &err, &status), 0);
	EXPECT_INT(status, 128 + SIGKILL);
}

static void test_what_is_not_there_is_told_from_what_fails(void)
{
	BH_AUTO_BUF out = { 0 };
	BH_AUTO_BUF err = { 0 };
	int status = -1;
	pid_t pid = 0;

	EXPECT_INT(bh_child_run(ARGV("/no/such/program"), 10, &out, &err, &status), -ENOENT);
	EXPECT_INT(bh_child_start(ARGV("/no/such/program"), &status, &pid), -ENOENT);
	EXPECT_INT(status, -1);
}

static void test_one_that_prints_too_much_is_ended(void)
{
	BH_AUTO_BUF out = { 0 };
	BH_AUTO_BUF err = { 0 };
	int status = -1;

	EXPECT_INT(run("yes", 100000, &out, &err, &status), -EFBIG);
}

static void test_it_reads_nothing_of_ours(void)
{
	BH_AUTO_BUF out = { 0 };
	BH_AUTO_BUF err = { 0 };
	int status = -1;

	EXPECT_INT(run("cat; echo $LC_ALL", 100, &out, &err, &status), 0);
	EXPECT_STR(bh_buf_text(&out), "C\n");
}

static void test_one_that_goes_on_is_ended_by_us_alone(void)
{
	char text[32] = "";
	sigset_t set, before;
	int out = -1;
	pid_t pid = 0;

	/* As watch has it: our own signals are blocked, and must not be there. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	EXPECT(!sigprocmask(SIG_BLOCK, &set, &before));
	EXPECT_INT(bh_child_start(ARGV("sh", "-c", "echo a; exec sleep 100"), &out, &pid), 0);
	EXPECT(!sigprocmask(SIG_SETMASK, &before, NULL));
	EXPECT_INT(read(out, text, sizeof text), 2);
	EXPECT_STR(text, "a\n");
	EXPECT(getsid(pid) == pid);
	EXPECT_INT(bh_child_end(pid), 128 + SIGTERM);
	EXPECT_INT(read(out, text, sizeof text), 0);
	close(out);
}

static void test_one_that_has_ended_tells_how(void)
{
	int out = -1;
	pid_t pid = 0;
	char c;

	EXPECT_INT(bh_child_start(ARGV("sh", "-c", "exit 5"), &out, &pid), 0);
	EXPECT_INT(read(out, &c, 1), 0);
	usleep(100000);
	EXPECT_INT(bh_child_end(pid), 5);
	close(out);
}

int main(void)
{
	RUN(test_what_it_prints_is_told_apart);
	RUN(test_what_is_not_there_is_told_from_what_fails);
	RUN(test_one_that_prints_too_much_is_ended);
	RUN(test_it_reads_nothing_of_ours);
	RUN(test_one_that_goes_on_is_ended_by_us_alone);
	RUN(test_one_that_has_ended_tells_how);
	return tap_done();
}
