#include "cli/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What it may write to us with while it has not begun: an errno. */
_Noreturn static void become(const char *const argv[], int out, int err, int failed)
{
	int null = open("/dev/null", O_RDONLY);
	char *words[32];
	size_t n = 0;

	/* Their copies do not close when it begins. */
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
		dup2(err, STDERR_FILENO) >= 0) {
		setenv("LC_ALL", "C", 1);
		for (; n < BH_LEN(words) - 1 && argv[n]; n++)
			words[n] = strdup(argv[n]);
		words[n] = NULL;
		if (words[0])
			execvp(words[0], words);
	}
	int e = errno;
	(void)!write(failed, &e, sizeof e);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reads both until both end. */
static int collect(int fds[2], struct bh_buf *to[2], size_t limit)
{
	struct pollfd p[2] = { { .fd = fds[0], .events = POLLIN },
		{ .fd = fds[1], .events = POLLIN } };
	int64_t until = now_ms() + BH_CHILD_SECONDS * 1000;
	char chunk[16384];

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		int64_t left = until - now_ms();
		if (left <= 0)
			return -ETIME;
		int n = poll(p, 2, (int)left);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; n > 0 && i < 2; i++) {
			if (p[i].fd < 0 || !p[i].revents)
				continue;
			ssize_t got = read(p[i].fd, chunk, sizeof chunk);
			if (got < 0 && (errno == EINTR || errno == EAGAIN))
				continue;
			if (got <= 0)
				p[i].fd = -1;
			else
				bh_buf_add(to[i], chunk, (size_t)got);
			if (to[i]->len > limit)
				return -EFBIG;
		}
	}
	return bh_buf_ok(to[0]) && bh_buf_ok(to[1]) ? 0 : -ENOMEM;
}

static int await(pid_t pid, int *status)
{
	int how;

	while (waitpid(pid, &how, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	*status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
	return 0;
}

/* The end of a pipe that is written to is the second. */
static int follow(pid_t pid, int pipes[3][2], size_t limit, struct bh_buf *out, struct bh_buf *err,
	int *status)
{
	int fds[2] = { pipes[0][0], pipes[1][0] }, e = 0, how = 0;
	struct bh_buf *to[2] = { out, err };
	int r = 0;

	for (int i = 0; i < 3; i++) {
		close(pipes[i][1]);
		pipes[i][1] = -1;
	}
	if (read(pipes[2][0], &e, sizeof e) == sizeof e)
		r = -e;
	if (!r)
		r = collect(fds, to, limit);
	if (r)
		kill(pid, SIGKILL);
	int w = await(pid, &how);
	if (!r)
		r = w;
	if (!r)
		*status = how;
	return r;
}

/* The pipes' ends that are read come first. */
static void close_all(int pipes[][2], int n)
{
	for (int i = 0; i < 2 * n; i++) {
		if (pipes[i / 2][i % 2] >= 0)
			close(pipes[i / 2][i % 2]);
	}
}

int bh_child_run(
	const char *const argv[], size_t limit, struct bh_buf *out, struct bh_buf *err, int *status)
{
	int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } }, r = 0;
	pid_t pid = -1;

	for (int i = 0; !r && i < 3; i++) {
		if (pipe2(pipes[i], O_CLOEXEC))
			r = -errno;
	}
	if (!r) {
		pid = fork();
		r = pid < 0 ? -errno : 0;
	}
	if (!pid)
		become(argv, pipes[0][1], pipes[1][1], pipes[2][1]);
	if (!r)
		r = follow(pid, pipes, limit, out, err, status);
	close_all(pipes, 3);
	return r;
}

/* ---- one that goes on ---- */

/* Signals that we take by other means are its own again. */
static void stand_alone(pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* it was quicker */
		_exit(127);
}

int bh_child_start(const char *const argv[], int *out, pid_t *pid)
{
	int pipes[2][2] = { { -1, -1 }, { -1, -1 } }, r = 0, e = 0;
	pid_t parent = getpid(), child = -1;

	for (int i = 0; !r && i < 2; i++)
		r = pipe2(pipes[i], O_CLOEXEC) ? -errno : 0;
	if (!r) {
		child = fork();
		r = child < 0 ? -errno : 0;
	}
	if (!child) {
		stand_alone(parent);
		become(argv, pipes[0][1], STDERR_FILENO, pipes[1][1]);
	}
	if (!r) {
		close(pipes[1][1]);
		pipes[1][1] = -1;
		if (read(pipes[1][0], &e, sizeof e) == sizeof e)
			r = -e;
		if (r)
			(void)bh_child_end(child);
	}
	if (!r) {
		*out = pipes[0][0];
		*pid = child;
		pipes[0][0] = -1;
	}
	close_all(pipes, 2);
	return r;
}

int bh_child_end(pid_t pid)
{
	int status = -1;

	kill(pid, SIGTERM);
	return await(pid, &status) ? -1 : status;
}
