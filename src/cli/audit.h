/*
 * audit: the change of smb.conf that has a Samba server tell who uses it, and the change
 * that ends this.
 *
 * Pure: texts in, texts out.  Nothing here runs a program or writes a file.
 *
 * What is logged: each connection to a share and its end (vfs_full_audit), each logon
 * (auth_json_audit).  full_audit stands first among the vfs objects: there it sees what
 * the client asked for, whatever those below make of it, and those that must be last
 * (aio_pthread, io_uring, ceph) or in an order of their own (catia, fruit, streams_xattr)
 * stay so.
 */
#pragma once

#include "base/clock.h"
#include "cli/smbconf.h"

enum bh_audit_how {
	BH_AUDIT_ADDED, /* full_audit comes to its vfs objects */
	BH_AUDIT_EXTENDED, /* it is there already, and is told to log more */
	BH_AUDIT_ALREADY, /* it is there and logs what we need */
	BH_AUDIT_PRINTER, /* smbd asks no vfs object about printers */
	BH_AUDIT_NOT_ASKED, /* not among those asked for */
	BH_AUDIT_HOWS
};

extern const char *const bh_audit_how_names[BH_AUDIT_HOWS]; /* "added" … */

struct bh_audit_share {
	struct bh_audit_share *next;
	const char *name;
	bool registry; /* it is kept there */
	enum bh_audit_how how;
	const char *before, *after; /* vfs objects as lists; "": none */
	const char *prefix; /* of full_audit, as it will be; NULL: it is not there */
};

/* One parameter that changes; those of one section stand together, "global" first. */
struct bh_audit_set {
	struct bh_audit_set *next;
	const char *section, *name, *value;
	bool registry;
	const char *old; /* in the registry; NULL: not there */
};

struct bh_audit_ask {
	/* What testparm printed, or a smb.conf. */
	const struct bh_smbconf *shares;
	/* smb.conf and what it includes, for what testparm does not print; NULL: not known. */
	const struct bh_smbconf *text;
	/* What `net conf list` printed; NULL: the registry is not in use. */
	const struct bh_smbconf *registry;
	bool all_registry; /* smb.conf does no more than point there */
	const char *sha256; /* of what testparm printed; NULL: it did not */
	const char *conf; /* smb.conf's own path */
	const char *const *only; /* these shares; none: all */
	size_t n_only;
	int64_t days;
	bh_time now;
	bool opens; /* log each file opened, too */
	bool syslog; /* full_audit to syslog */
};

#define BH_AUDIT_LOGS  2u
#define BH_AUDIT_NOTES 16u

struct bh_audit {
	struct bh_audit_share *first;
	struct bh_audit_share *others; /* IPC$ and what smb.conf does not name; NULL: left alone */
	struct bh_audit_set *sets;
	size_t n_shares, n_audited;
	bool any_text, any_registry; /* of the sets */
	const char *conf, *folder; /* smb.conf, and where it is */
	const char *sha256; /* of what testparm must print still */
	const char *level_before, *level; /* "log level"; before NULL: not known */
	const char *logs[BH_AUDIT_LOGS]; /* to be read, "*" for Samba's macros; NULL: none more */
	bool syslog;
	int64_t days;
	bh_time until;
	const char *notes[BH_AUDIT_NOTES]; /* sentences */
	size_t n_notes;
};

/* -EINVAL after a diag in d: a share that is not there, a path that smb.conf, sed and
 * systemd would not all read alike, a list past its limit.  -ENOMEM. */
BH_MUST int bh_audit_plan(
	const struct bh_audit_ask *q, struct bh_arena *a, struct bh_diags *d, struct bh_audit *ret);

/* ---- the files of the change ---- */

#define BH_AUDIT_FILES 5u

struct bh_audit_file {
	const char *name; /* in the folder they are written to */
	const char *goes_to; /* where the beginning puts it; NULL: it stays */
	unsigned mode;
	const char *text;
};

/* How many; all texts are the arena's. */
size_t bh_audit_files(
	const struct bh_audit *p, struct bh_arena *a, struct bh_audit_file ret[BH_AUDIT_FILES]);
