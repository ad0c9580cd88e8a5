/*
 * stream: one source of evidence that watch listens to: interfaces, or a log that grows.
 *
 * Each has a process of its own that understands it.  Files are opened and read here,
 * where their names can be seen to change, and handed on by the line; what a line says is
 * for the process without power to find out.
 */
#pragma once

#include <poll.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/heard.h"
#include "sensor/sensor.h"

#define BH_STREAM_LOGS 8u /* --samba-audit */
#define BH_STREAMS     (BH_STREAM_LOGS + 2u) /* and interfaces, and the journal */
#define BH_STREAM_FDS  3u /* of one of them */

struct bh_stream {
	struct bh_sensor_child child;
	uint32_t source; /* in the store, 0: not yet */
	char identity[192], label[192];
	struct bh_tally tally;
	struct bh_heard
		*heard; /* the names it tells, and the kinds; whoever listens makes and frees it */
	bool ended; /* it said all it will say */

	/* Of a log alone. */
	const char *from; /* as people call it; NULL: interfaces */
	struct bh_follow *follow; /* NULL: the journal */
	int to; /* where lines go; -1: nowhere, any more */
	pid_t journal; /* journalctl; 0: it does not run */
};

/* Which logs, and how they are read. */
struct bh_stream_logs {
	const char *paths[BH_STREAM_LOGS];
	size_t n;
	bool journal;
	bool clock; /* how.east was given */
	struct bh_sensor_log how;
};

/* The options that name them; ids from BH_STREAM_OPTION on. */
#define BH_STREAM_OPTION 100
enum {
	BH_STREAM_SAMBA = BH_STREAM_OPTION,
	BH_STREAM_JOURNAL,
	BH_STREAM_PREFIX,
	BH_STREAM_SERVER,
	BH_STREAM_CLOCK
};
#define BH_STREAM_OPTIONS                                                                          \
	{ "samba-audit", 0, "FILE", "follow this log of Samba (repeatable; may be a pattern)",     \
		BH_STREAM_SAMBA },                                                                 \
		{ "journal", 0, NULL, "follow what Samba logs to the journal",                     \
			BH_STREAM_JOURNAL },                                                       \
		{ "prefix", 0, "FORMAT", "full_audit:prefix of the logs, such as '%u|%I|%m|%S'",   \
			BH_STREAM_PREFIX },                                                        \
		{ "log-server", 0, "NAME", "whose logs they are, where they do not say so",        \
			BH_STREAM_SERVER },                                                        \
	{                                                                                          \
		"clock", 0, "±HH:MM", "how far the logs' clock is ahead of UTC (this machine's)",  \
			BH_STREAM_CLOCK                                                            \
	}

/* 0 or an exit status after saying why. */
int bh_stream_take(const struct bh_cli *cli, struct bh_stream_logs *l, int id);

/* Starts all of them into s[0..]; *n_ret: how many.  0 or an exit status after saying why;
 * those that run are ended by bh_stream_close all the same. */
int bh_stream_begin(
	const struct bh_cli *cli, struct bh_stream_logs *l, struct bh_stream *s, size_t *n_ret);

/* What to wait for beside what its process says: at most two, how many. */
size_t bh_stream_poll(const struct bh_stream *s, struct pollfd *p);
/* Hands on what was written; look: as for bh_follow_step; last: and then no more.  0 or
 * -errno. */
BH_MUST int bh_stream_feed(const struct bh_cli *cli, struct bh_stream *s, bool look, bool last);
/* Its end: of a log, no more will be handed on. */
void bh_stream_close(struct bh_stream *s);

/* "+01:00", "-3", "0530" in seconds: within a day. */
bool bh_stream_clock(const char *text, int32_t *ret);
