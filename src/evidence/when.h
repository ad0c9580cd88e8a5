/*
 * when: the ways logs write times.  Inside the room only.
 *
 * east: seconds that a local time without a zone is ahead of UTC.  All return -EINVAL
 * for what is no time, or before 1970.
 */
#pragma once

#include "base/clock.h"
#include "base/cur.h"

/* "1769860800.123456": seconds since 1970; or milliseconds or microseconds, which by their
 * length cannot be seconds. */
BH_MUST int bh_when_epoch(struct bh_span text, bh_time *ret);

/* RFC 3339 with any fraction, "T" or a blank between date and time, "/" for "-", and a
 * zone ("Z", "+01:00", "+0100", " UTC") or none. */
BH_MUST int bh_when_iso(struct bh_span text, int32_t east, bh_time *ret);

/* The zone at the end of such a time; -ENOENT when it has none. */
BH_MUST int bh_when_zone(struct bh_span text, int32_t *ret_east);

/* As tables exported for people have it: "2/25/2025, 9:19:25.391 AM" (Azure Monitor),
 * "Jan 31, 2026 @ 12:00:00.123" (Kibana). */
BH_MUST int bh_when_table(struct bh_span text, int32_t east, bh_time *ret);

/* "Jan 31 12:00:00" (RFC 3164 4.1.2), which leaves the year out: it is the latest one in
 * which this was not after `modified`.  -ENOENT when that is 0. */
BH_MUST int bh_when_syslog(struct bh_span text, int32_t east, bh_time modified, bh_time *ret);

/* Any of them: what a field holds whose writer is not known. */
BH_MUST int bh_when(struct bh_span text, int32_t east, bh_time *ret);
