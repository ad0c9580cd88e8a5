/*
 * alert: one message to the system's log, with fields where the log keeps them.
 *
 * To the journal in its own protocol (systemd.journal-fields(7)), else to syslog.  Never
 * waits: a log that is full loses the message, and says so by its own means.
 */
#pragma once

#include "base/buf.h"

struct bh_alerts; /* owned */

enum bh_alert_kind {
	BH_ALERT_DRIFT, /* our table was changed from outside */
	BH_ALERT_HEALED,
	BH_ALERT_NOT_HEALED,
	BH_ALERT_FOREIGN, /* others' rules contradict the policy */
	BH_ALERT_SERVER, /* a server that nobody saw before */
	BH_ALERT_WOULD_BLOCK, /* a pair that enforcing would cut */
};

/* A word of ours, such as "drift". */
extern const char *const bh_alert_names[];

struct bh_alert_field {
	const char *name; /* "PROCESS": the log has it as BULKHEAD_PROCESS */
	const char *value;
};

struct bh_alerts *bh_alerts_new(void);
struct bh_alerts *bh_alerts_free(struct bh_alerts *a);
BH_AUTO_FREE(bh_alerts)

/* a may be NULL: nobody wants to know. */
void bh_alert(struct bh_alerts *a, enum bh_alert_kind kind, const char *text,
	const struct bh_alert_field *fields, size_t n);

/* The journal's datagram, for the tests. */
void bh_alert_journal(enum bh_alert_kind kind, const char *text,
	const struct bh_alert_field *fields, size_t n, struct bh_buf *ret);
