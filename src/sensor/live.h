/* live: what the child does with interfaces and the audit log.  The room's own. */
#pragma once

#include "sensor/sensor.h"

struct facts_out;

/* Runs until the other end of stop is closed.  0 or -errno. */
BH_MUST int live_run(const struct bh_sensor_job *job, int stop, struct facts_out *facts);

/* ---- the audit log ---- */

struct live_log; /* owned: conversations that our rules logged, as leaves */

BH_MUST int live_log_new(struct live_log **ret);
struct live_log *live_log_free(struct live_log *l);

/* Folds one datagram of the log. */
void live_log_datagram(struct live_log *l, struct bh_span datagram, bh_time now);
void live_log_overrun(struct live_log *l);

/* Tells the leaves that changed. */
BH_MUST int live_log_tell(struct live_log *l, bh_fact_fn sink, void *ctx);
void live_log_tally(const struct live_log *l, struct bh_tally *t);
