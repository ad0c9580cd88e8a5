/*
 * clock: times as numbers, and their text.  Reads no clock: now is an argument
 * everywhere below the houses.
 */
#pragma once

#include "base/buf.h"

/* Nanoseconds since 1970-01-01 UTC; 0 means unknown. */
typedef int64_t bh_time;

#define BH_SECOND ((bh_time)1000000000)

/* "120", "120s", "2h", "30 days": seconds.  -EINVAL, or -ERANGE past ten years. */
BH_MUST int bh_duration_parse(const char *text, int64_t *ret);

/* "2026-01-31T12:00:00Z"; sub-seconds appear as ".123456" when there are any. */
void bh_time_format(bh_time t, struct bh_buf *ret);

/* "3 minutes ago", "just now", "2 days ago". */
void bh_time_ago(bh_time t, bh_time now, struct bh_buf *ret);

/* "2026-01-31": days since 1970-01-01 (a calendar date, proleptic Gregorian); -EINVAL. */
BH_MUST int bh_date_parse(const char *text, size_t len, int64_t *ret);

/* The other way: "2026-01-31"; years of four digits. */
void bh_date_format(int64_t days, struct bh_buf *ret);

/* A time as people give it: RFC 3339 ("2026-01-31T12:00:00Z", "…+01:00"), a date, "today",
 * "yesterday", or how long before now ("2d", "2 days ago").  Days are UTC's, and end: a
 * day stands for its last moment instead of its first.  -EINVAL, -ERANGE. */
BH_MUST int bh_time_parse(const char *text, bh_time now, bool end, bh_time *ret);
