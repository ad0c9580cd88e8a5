/* What the sensors say, until somebody has enough. */
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/said.h"
#include "cli/watch.h"

#define LOOK_FOR_LOGS 2000 /* ms: how often names of logs are looked for */

/* 1 to go on, 0 at the end of the stream, -errno. */
static int listen_once(struct bh_watch *w, uint32_t number, bool stopping)
{
	struct bh_stream *s = &w->streams[number];
	struct bh_fact f;
	int r = bh_sensor_read(&s->child, &f);

	if (r <= 0)
		return r ? r : -EPIPE;
	r = bh_inventory_fold(w->inv, number, &f);
	if (!r)
		r = bh_heard_fact(s->heard, &f);
	if (r)
		return r;
	switch (f.kind) {
	case BH_FACT_TALLY:
		s->tally = f.tally;
		s->tally.evicted += bh_heard_lost(s->heard);
		if (!stopping)
			bh_watch_round(w, false);
		return 1;
	case BH_FACT_PROBLEM:
		bh_cli_fail(w->cli, 0, "%s%s%s", s->from ? s->from : "", s->from ? ": " : "",
			f.problem.text);
		return 1;
	case BH_FACT_END: return 0;
	default: return 1;
	}
}

struct waiting {
	struct pollfd p[2 + BH_STREAMS * BH_STREAM_FDS]; /* signals, rules, then streams */
	size_t n;
	size_t at[BH_STREAMS]; /* where a stream's own begin: its process first */
	bool stopping;
	bh_time looked; /* for logs by their names */
};

static void gather(const struct bh_watch *w, struct waiting *x)
{
	x->p[0] = (struct pollfd){ .fd = x->stopping ? -1 : w->signals, .events = POLLIN };
	x->p[1] = (struct pollfd){ .fd = w->rules && !x->stopping ? bh_rules_fd(w->rules) : -1,
		.events = POLLIN };
	x->n = 2;
	for (size_t i = 0; i < w->n_streams; i++) {
		const struct bh_stream *s = &w->streams[i];
		x->at[i] = x->n;
		x->p[x->n++] =
			(struct pollfd){ .fd = s->ended ? -1 : s->child.facts, .events = POLLIN };
		if (!s->ended)
			x->n += bh_stream_poll(s, &x->p[x->n]);
	}
}

static void stop(struct bh_watch *w, struct waiting *x)
{
	struct signalfd_siginfo info;

	(void)!read(w->signals, &info, sizeof info);
	x->stopping = true;
	for (size_t i = 0; i < w->n_streams; i++) {
		struct bh_stream *s = &w->streams[i];
		if (!s->from)
			bh_sensor_stop(&s->child);
		else if (!s->follow)
			bh_stream_close(s); /* journalctl ends, and with it what it says */
	}
}

/* Whose process has nothing to read any more, though nobody asked it to end. */
static void say_ended(const struct bh_watch *w, struct bh_stream *s)
{
	bh_cli_fail(w->cli, 0, "%s is not followed any more: journalctl ended", s->from);
	bh_stream_close(s);
}

/* All that it has told so far, and first what it is still to be told. */
static int attend(struct bh_watch *w, uint32_t number, struct waiting *x, bool look)
{
	struct bh_stream *s = &w->streams[number];
	int r = bh_stream_feed(w->cli, s, look, x->stopping);
	bool told = x->p[x->at[number]].revents;

	while (!r && (told || bh_sensor_ready(&s->child))) {
		told = false;
		r = listen_once(w, number, x->stopping);
		s->ended = !r;
		if (!r)
			break;
		r = r > 0 ? 0 : r;
	}
	if (s->ended && !x->stopping)
		say_ended(w, s);
	return r;
}

static bool all_ended(const struct bh_watch *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_streams; i++)
		n += w->streams[i].ended;
	return n == w->n_streams;
}

static void step_rules(struct bh_watch *w)
{
	if (!w->rules || !bh_rules_step(w->rules))
		return;
	bh_cli_fail(w->cli, 0, "bulkhead-priv has ended: the rules are no longer watched");
	w->rules = bh_rules_free(w->rules);
}

/* ms; -1: until somebody says something. */
static int wait_ms(const struct bh_watch *w, const struct waiting *x)
{
	int logs = w->logs.n ? LOOK_FOR_LOGS : -1;
	int rules = w->rules && !x->stopping ? bh_rules_wait(w->rules) : -1;

	return rules < 0 || (logs >= 0 && logs < rules) ? logs : rules;
}

int bh_watch_listen(struct bh_watch *w)
{
	struct waiting x = { .n = 0 };
	int r = 0;

	while (!r && !all_ended(w)) {
		gather(w, &x);
		if (poll(x.p, x.n, wait_ms(w, &x)) < 0 && errno != EINTR)
			return -errno;
		if (!x.stopping)
			step_rules(w);
		if (x.p[0].revents)
			stop(w, &x);
		bh_time now = bh_said_now();
		bool due = now - x.looked >= LOOK_FOR_LOGS * (BH_SECOND / 1000) || now < x.looked;
		if (due)
			x.looked = now;
		for (uint32_t i = 0; !r && i < w->n_streams; i++) {
			if (!w->streams[i].ended)
				r = attend(w, i, &x, due || x.stopping);
		}
	}
	return r ? r : x.stopping ? 0 : -ENODATA;
}
