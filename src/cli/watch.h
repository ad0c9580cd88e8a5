/*
 * watch: the pieces of `watch`: what is listened to, what is kept and said of it, and how
 * it ends.
 */
#pragma once

#include "cli/db.h"
#include "cli/firsts.h"
#include "cli/keeping.h"
#include "cli/live.h"
#include "cli/rules.h"
#include "cli/stream.h"

#define BH_WATCH_ROUND 2 /* seconds */

struct bh_watch {
	struct bh_cli *cli;
	struct bh_priv *priv;
	struct bh_store *store;
	struct bh_inventory *inv;
	struct bh_lines *lines;
	const char *key; /* of pseudonyms, as given; NULL: none */
	struct bh_pseudonyms *pseudonyms;
	uint32_t retain; /* days; 0: for ever */
	struct bh_stream streams[BH_STREAMS]; /* interfaces first; numbers of the inventory */
	uint64_t seed;
	size_t n_streams;
	uint32_t now; /* number of the stream at hand */
	struct bh_stream_logs logs;
	struct bh_sensor_ring rings[BH_SENSOR_RINGS];
	size_t n_rings;
	int nflog;
	int signals;
	int ready; /* --ready-fd, or -1 */
	bool rules_only, heal, alert;
	struct bh_alerts *alerts;
	struct bh_rules *rules;
	struct bh_firsts *firsts;
	struct bh_tally tally; /* of all streams */
	struct bh_reckoning audit;
	bh_time tally_saved, look_again, forget_again;
	uint64_t drops_said, lost_said;
	bh_time losses_said;
	size_t rows; /* of this run, as saved */
	int save_error; /* of the last attempt; 0: all is kept */
	int error_said; /* to the user, as not over yet */
	bh_time failing_since, retry;
	size_t retry_wait; /* seconds */
	uint64_t lost_before; /* rows, when writing began to fail */
};

/* ---- watch_keep.c ---- */

/* At the rules' counters.  It costs a dump of our table: done where it matters, and rarely
 * when that is large. */
void bh_watch_look(struct bh_watch *w, bool begin, bool now_or_never);
/* A process has told everything up to now: prints and keeps it. */
void bh_watch_round(struct bh_watch *w, bool last);

/* ---- watch_listen.c ---- */

/* Until a signal comes and everybody has ended.  0, -errno; -ENODATA when nobody says
 * anything any more. */
BH_MUST int bh_watch_listen(struct bh_watch *w);

/* ---- watch_end.c ---- */

/* Waits for all processes.  0 or -errno of the first that did not end well, *why saying how. */
int bh_watch_end(struct bh_watch *w, const char **why);
/* The last round, and what the user is told in the end; r: how listening ended.  An exit
 * status. */
int bh_watch_finish(struct bh_watch *w, int r);
