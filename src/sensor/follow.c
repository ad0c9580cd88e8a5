/*
 * A log that grows, from a pipe, told every few seconds.  Who opens files and sees them
 * renamed is at the other end; here are bytes alone.
 */
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "sensor/reading.h"

/* A logon waits so long for the share it leads to. */
#define PATIENCE (10 * BH_SECOND)

/* At most so many reads, then it is time to look at the clock. */
#define AT_ONCE 64u

struct following {
	struct reading r;
	struct bh_sensor *core;
	int log, stop;
	struct facts_out *facts;
	bh_time period, told;
	uint8_t piece[64u * 1024];
};

static int sink(void *ctx, const struct bh_fact *f)
{
	const struct following *w = ctx;

	return facts_write(w->facts, f);
}

static bh_time now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * BH_SECOND + t.tv_nsec;
}

static int tell(struct following *w)
{
	w->told = now();
	int e = bh_log_tell(w->r.log, w->told - PATIENCE);
	if (!e)
		e = observed_tell(w->r.seen, false);
	if (e)
		return e;
	reading_count(&w->r);
	return bh_sensor_flush(w->core, w->told);
}

/* What is in the pipe: 1 if more may come, 0 at its end. */
static int take(struct following *w)
{
	struct pollfd p = { .fd = w->log, .events = POLLIN };

	for (unsigned i = 0; i < AT_ONCE && poll(&p, 1, 0) > 0; i++) {
		ssize_t n = read(w->log, w->piece, sizeof w->piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		w->core->tally.bytes += (uint64_t)n;
		bh_log_clock(w->r.log, now());
		int e = bh_log_feed(w->r.log, bh_span_of(w->piece, (size_t)n));
		if (e)
			return e;
	}
	return 1;
}

static int wait_ms(const struct following *w)
{
	bh_time left = w->told + w->period - now();

	if (left <= 0 || left > w->period) /* due, or the clock was set */
		return 0;
	return (int)(left / 1000000) + 1;
}

/* 1 to go on, 0 at the end, -errno. */
static int round_once(struct following *w)
{
	struct pollfd p[2] = { { .fd = w->stop, .events = POLLIN },
		{ .fd = w->log, .events = POLLIN } };

	if (poll(p, BH_LEN(p), wait_ms(w)) < 0 && errno != EINTR)
		return -errno;
	int e = take(w);
	if (e > 0 && p[0].revents)
		e = poll(&p[1], 1, 0) > 0; /* what was written before we were asked to stop */
	if (e > 0 && !wait_ms(w)) {
		int r = tell(w);
		return r ? r : 1;
	}
	return e;
}

static int end(struct following *w)
{
	int e = bh_log_end(w->r.log);

	if (!e)
		e = observed_tell(w->r.seen, true);
	reading_count(&w->r);
	return e ? e : bh_sensor_finish(w->core);
}

static int run(struct following *w)
{
	int e;

	w->told = now();
	while ((e = round_once(w)) > 0)
		;
	return e ? e : end(w);
}

int follow_run(const struct bh_sensor_job *job, int stop, struct facts_out *facts)
{
	static struct following w; /* the process does this once, and ends */
	enum bh_log_kind kind = job->follow == BH_FOLLOW_JOURNAL ? BH_LOG_JSON : BH_LOG_SAMBA;

	w.log = job->files[0];
	w.stop = stop;
	w.facts = facts;
	w.period = (job->flush_seconds ? job->flush_seconds : 1) * BH_SECOND;
	int e = bh_sensor_new(NULL, sink, &w, &w.core);
	if (!e)
		e = reading_begin(&w.r, w.core, kind, &job->log);
	if (!e)
		e = run(&w);
	reading_end(&w.r);
	bh_sensor_free(w.core);
	return e;
}
