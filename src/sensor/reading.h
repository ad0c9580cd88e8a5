/*
 * reading: one log, between its bytes and the facts of it: what `file` does with a whole
 * one, and `follow` with one that grows.  The room's own.
 */
#pragma once

#include "sensor/observed.h"
#include "sensor/pipe.h"
#include "sensor/state.h"

struct reading {
	struct bh_sensor *s; /* borrowed */
	struct observed *seen;
	struct bh_log *log;
	struct bh_audit_prefix prefix;
};

/* *r stays where it is until reading_end.  how may be NULL.  -EINVAL: its prefix is none. */
BH_MUST int reading_begin(struct reading *r, struct bh_sensor *s, enum bh_log_kind kind,
	const struct bh_sensor_log *how);
/* Also after a failure of reading_begin. */
void reading_end(struct reading *r);

/* The tally's count of records, as of now. */
void reading_count(struct reading *r);
/* How they speak to us, for a log that was read together with others. */
extern const struct bh_log_sink reading_sink;

/* ---- follow.c ---- */

/* Until stop is closed or nobody writes to fd any more; then tells what is left and
 * BH_FACT_END. */
BH_MUST int follow_run(const struct bh_sensor_job *job, int stop, struct facts_out *facts);
