/*
 * audit_log: where Samba logs to, and what it takes that it logs what we need.  For the
 * other files of audit alone.
 */
#pragma once

#include "cli/smbconf.h"

/* Where a class of Samba's log goes, and "log level" with it. */
struct bh_audit_level {
	const char *text;
	const char *logons, *shares; /* files; NULL: Samba's own log, for shares also syslog */
};
/* What is there stays, and where it goes, too; levels only rise.  file: for classes that
 * are not there yet; of shares NULL: they go to Samba's own log or to syslog.  -E2BIG. */
BH_MUST int bh_audit_level(const char *old, const char *logons, const char *shares, bool syslog,
	struct bh_arena *a, struct bh_audit_level *ret);

/* What "logging" must be, so that files are logged to; NULL: it may stay. */
const char *bh_audit_logging(const struct bh_smbconf *c, struct bh_arena *a);

/* Samba's own log as files to read: "log.%m" is "log.*". */
const char *bh_audit_own_log(const struct bh_smbconf *c, struct bh_arena *a);

/* Lines in Samba's log have their time above them; not so when it is told otherwise. */
bool bh_audit_odd_times(const struct bh_smbconf *c);

#define BH_AUDIT_LOG_FOLDER "/var/log/samba" /* LOGFILEBASE as packaged */
