/*
 * event: one Windows event, as any of its export forms tells it.
 *
 * EVTX, wevtutil's XML, winlogbeat's and NXLog's JSON and Azure's tables differ in
 * their wrapping only: each becomes this value, and one mapper (windows.c) says what it
 * means.  Texts are borrowed UTF-8 as the log has it, nothing cleaned: whoever copies
 * one out of here cleans it (evidence/said.h).
 */
#pragma once

#include "base/clock.h"
#include "base/cur.h"

/* Values of one event that are kept; later ones are left out.  Security 5145, the
 * longest of those we understand, has 16. */
#define BH_EVENT_VALUES 64u

/* Keywords of the Security log (winmeta.h): what was audited did or did not succeed. */
#define BH_EVENT_FAILURE 0x0010000000000000u
#define BH_EVENT_SUCCESS 0x0020000000000000u

struct bh_event_value {
	struct bh_span name, text;
};

struct bh_event {
	struct bh_span provider; /* "Microsoft-Windows-Security-Auditing"; empty: not said */
	struct bh_span channel; /* "Security" */
	struct bh_span computer; /* the logging machine's FQDN */
	uint64_t keywords; /* BH_EVENT_*; 0: not said */
	uint32_t id;
	uint64_t record;
	bh_time when; /* UTC; 0 unknown */
	const struct bh_event_value *values; /* EventData/UserData leaves in order, by Name */
	size_t n_values;
};

/* The text of the first value of that name; ptr NULL if there is none. */
struct bh_span bh_event_get(const struct bh_event *e, const char *name);

bool bh_event_is(struct bh_span s, const char *text);
/* The same, ASCII letters of either case. */
bool bh_event_like(struct bh_span s, const char *text);

/* "445", "0x1bd"; spaces around are no part of it.  -EINVAL for anything else or more
 * than 64 bits. */
BH_MUST int bh_event_number(struct bh_span text, uint64_t *ret);
