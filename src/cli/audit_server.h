/*
 * audit_server: what the Samba of this machine is configured to be, from testparm, its
 * smb.conf and, where that is in use, the registry.  Runs testparm and net; changes
 * nothing.
 */
#pragma once

#include "cli/audit.h"
#include "cli/cli.h"

struct bh_audit_server {
	struct bh_smbconf shares, text, registry;
	bool has_text, has_registry, all_registry;
	const char *conf;
	const char *sha256; /* of what testparm printed; NULL: it was not asked */
};

/* conf: NULL: Samba's own.  0 or an exit status after saying why; all is the arena's. */
int bh_audit_server(const struct bh_cli *cli, const char *conf, struct bh_arena *a,
	struct bh_diags *d, struct bh_audit_server *ret);

/* The same from what testparm printed elsewhere, or a smb.conf; "-" is standard input. */
int bh_audit_server_from(const struct bh_cli *cli, const char *file, const char *conf,
	struct bh_arena *a, struct bh_diags *d, struct bh_audit_server *ret);
