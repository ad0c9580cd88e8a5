/*
 * The powerless process: it holds its input, its output and nothing else, and what it
 * writes is believed by nobody.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/capture.h"
#include "evidence/evidence.h"
#include "sandbox/sandbox.h"
#include "sensor/live.h"
#include "sensor/pipe.h"
#include "sensor/reading.h"

#define ZEEK_SESSIONS 131072 /* of logs that are read as one; 50 MB when all are there */

/* Exit statuses of the child that the parent puts into words. */
enum { EXIT_SANDBOX = 70, EXIT_MEMORY = 71, EXIT_FAILED = 72 };

/* ---- in the child ---- */

static int file_sink(void *ctx, const struct bh_fact *f)
{
	return facts_write(ctx, f);
}

static int read_one(int fd, int stop, struct facts_out *facts, const struct bh_sensor_log *how)
{
	struct bh_sensor *s;
	int r = bh_sensor_new(NULL, file_sink, facts, &s);

	if (r)
		return r;
	bh_sensor_until(s, stop);
	r = bh_sensor_file(s, fd, how);
	if (r && r != -ENOMEM && r != -EPIPE) {
		/* The system could not read on: said in place of what would have followed. */
		struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_PROBLEM };
		snprintf(f.problem.text, sizeof f.problem.text, "cannot be read: %s",
			strerrordesc_np(-r) ? strerrordesc_np(-r) : "unknown error");
		r = facts_write(facts, &f);
	}
	if (!r)
		r = bh_sensor_finish(s);
	bh_sensor_free(s);
	return r;
}

static int read_files(const struct bh_sensor_job *job, int stop, struct facts_out *facts)
{
	BH_AUTO(bh_zeek) zeek = NULL;
	uint64_t seed = 0;
	int r = 0;

	if (job->zeek) {
		if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
			seed = (uintptr_t)job;
		r = bh_zeek_new(seed, ZEEK_SESSIONS, &zeek);
	}
	for (size_t i = 0; !r && i < job->n_files; i++) {
		struct bh_sensor_log how = job->log;
		how.modified = job->modified ? job->modified[i] : 0;
		how.zeek = zeek;
		how.last = i + 1 == job->n_files;
		r = read_one(job->files[i], stop, facts, &how);
	}
	return r;
}

static int quiet_standard(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(null, fd) < 0)
			return -errno;
	}
	if (null > 2)
		close(null);
	return 0;
}

static int keep_job(const struct bh_sensor_job *job, int stop, int facts)
{
	int keep[3 + BH_SENSOR_RINGS + BH_SENSOR_FILES];
	size_t n = 0;

	static_assert(BH_LEN(keep) <= BH_SANDBOX_KEPT, "room");

	keep[n++] = stop;
	keep[n++] = facts;
	for (size_t i = 0; i < job->n_rings; i++)
		keep[n++] = job->rings[i].fd;
	if (job->nflog >= 0 && !job->n_files)
		keep[n++] = job->nflog;
	for (size_t i = 0; i < job->n_files; i++)
		keep[n++] = job->files[i];
	return bh_sandbox_keep_only(keep, n);
}

_Noreturn static void child(const struct bh_sensor_job *job, int stop, int fd)
{
	static struct facts_out facts;

	facts.fd = fd;
	/* What ends the parent reaches the whole foreground, or the whole service: it decides
	 * when we end, and its own end ends us, too. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	int r = keep_job(job, stop, fd);
	if (!r)
		r = quiet_standard();
	if (!r)
		r = bh_sandbox_enter(BH_ROLE_SENSOR);
	if (r)
		_exit(EXIT_SANDBOX);
	r = job->follow    ? follow_run(job, stop, &facts)
	    : job->n_files ? read_files(job, stop, &facts)
			   : live_run(job, stop, &facts);
	_exit(r == -ENOMEM ? EXIT_MEMORY : r ? EXIT_FAILED : 0);
}

/* ---- a look at files, before they are read ---- */

static unsigned zeek_order(int fd)
{
	BH_AUTO(bh_capture) c = NULL;
	struct bh_span first = { 0 };

	if (bh_capture_open(fd, &c) || bh_capture_is(c) || bh_capture_look(c, BH_LOG_SNIFF, &first))
		return 0;
	return bh_zeek_order(first);
}

_Noreturn static void look(const int *files, size_t n, int answer)
{
	int keep[1 + BH_SENSOR_FILES] = { answer };

	memcpy(keep + 1, files, n * sizeof *files);
	if (bh_sandbox_keep_only(keep, n + 1) || quiet_standard() ||
		bh_sandbox_enter(BH_ROLE_SENSOR))
		_exit(EXIT_SANDBOX);
	for (size_t i = 0; i < n; i++) {
		uint8_t order = (uint8_t)zeek_order(files[i]);
		if (write(answer, &order, 1) != 1)
			_exit(EXIT_FAILED);
	}
	_exit(0);
}

static int listen_to_look(int fd, uint8_t *ret, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = read(fd, ret + have, n - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EPIPE;
		have += (size_t)got;
	}
	return 0;
}

int bh_sensor_zeek_order(const int *files, size_t n, uint8_t *ret)
{
	int answer[2];

	if (n > BH_SENSOR_FILES)
		return -E2BIG;
	if (pipe2(answer, O_CLOEXEC))
		return -errno;
	pid_t pid = fork();
	int r = pid < 0 ? -errno : 0;
	if (pid == 0)
		look(files, n, answer[1]);
	close(answer[1]);
	if (!r)
		r = listen_to_look(answer[0], ret, n);
	close(answer[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; !r && i < n; i++)
		r = lseek(files[i], 0, SEEK_SET) < 0 ? -errno : 0;
	return r;
}

/* ---- in the parent ---- */

static void close_job(const struct bh_sensor_job *job)
{
	for (size_t i = 0; i < job->n_files; i++)
		close(job->files[i]);
	for (size_t i = 0; i < job->n_rings; i++)
		close(job->rings[i].fd);
	if (job->nflog >= 0 && !job->n_files)
		close(job->nflog);
}

static int start(const struct bh_sensor_job *job, int facts[2], int stop[2], pid_t *ret)
{
	if (job->n_rings > BH_SENSOR_RINGS || job->n_files > BH_SENSOR_FILES)
		return -E2BIG;
	if (pipe2(facts, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(facts[0]);
		close(stop[1]);
		child(job, stop[0], facts[1]);
	}
	*ret = pid;
	return 0;
}

static void close_pair(int p[2], int r)
{
	for (int i = 0; r && i < 2; i++) {
		if (p[i] >= 0)
			close(p[i]);
	}
}

int bh_sensor_start(const struct bh_sensor_job *job, struct bh_sensor_child *ret)
{
	int facts[2] = { -1, -1 }, stop[2] = { -1, -1 };
	struct bh_sensor_child c = { 0 };
	int r = start(job, facts, stop, &c.pid);

	close_job(job);
	close_pair(facts, r);
	close_pair(stop, r);
	if (r)
		return r;
	close(facts[1]);
	close(stop[0]);
	/* Larger than the default 64 KiB holds 32 records; as root a pipe may have this. */
	(void)fcntl(facts[0], F_SETPIPE_SZ, 1 << 20);
	c.facts = facts[0];
	c.stop = stop[1];
	*ret = c;
	return 0;
}

void bh_sensor_stop(struct bh_sensor_child *c)
{
	if (c->stop >= 0)
		close(c->stop);
	c->stop = -1;
}

static const char *exit_sentence(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS
			       ? "the sensor process was killed for a system call it may not make"
			       : "the sensor process was killed";
	switch (WEXITSTATUS(status)) {
	case EXIT_SANDBOX: return "the sensor process could not give up its privileges";
	case EXIT_MEMORY: return "the sensor process ran out of memory";
	default: return "the sensor process failed";
	}
}

int bh_sensor_end(struct bh_sensor_child *c, const char **why)
{
	int status = 0;

	bh_sensor_stop(c);
	close(c->facts); /* who has not read to the end does not want the rest */
	c->facts = -1;
	free(c->waiting);
	c->waiting = NULL;
	while (waitpid(c->pid, &status, 0) < 0) {
		if (errno != EINTR) {
			*why = "the sensor process is lost";
			return -errno;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	*why = exit_sentence(status);
	return -EPIPE;
}
