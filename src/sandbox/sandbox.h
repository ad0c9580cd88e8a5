/*
 * sandbox: give up what a role does not need, in one call per role.
 *
 * Entering a role is for good: capabilities (the bounding set included) go, no program
 * started later can win any back (no_new_privs), and all but the role's own system calls
 * are refused.  -errno means that the process must not go on: what could be given up
 * before the failure is gone, and the rest is not safe to rely on.
 */
#pragma once

#include "base/base.h"

enum bh_role {
	/* bulkhead-priv: keeps CAP_NET_ADMIN and CAP_NET_RAW; files and netlink, nothing
	 * else: no new program, no connection to anybody. */
	BH_ROLE_PRIV,
	/* bulkhead, once bulkhead-priv runs: keeps CAP_DAC_OVERRIDE alone, so that
	 * `sudo bulkhead -p corp.policy` reads a policy in somebody's closed home.  No
	 * system call filter: the resolver's modules may do what they like. */
	BH_ROLE_CLI,
	/* Whoever parses packets: reads and maps descriptors it was handed, writes to
	 * those, polls, looks at the clock, exits.  A forbidden call kills the process;
	 * open and ioctl, which the C library tries by itself, fail with EPERM. */
	BH_ROLE_SENSOR,
};

BH_MUST int bh_sandbox_enter(enum bh_role role);

#define BH_SANDBOX_KEPT 512u

/* Closes every descriptor but 0, 1, 2 and these (any order, at most BH_SANDBOX_KEPT).
 * Call it before a role is entered. */
BH_MUST int bh_sandbox_keep_only(const int *fds, size_t n);

/* From here on files are seen below these folders alone (they must exist), and written
 * there.  0 also where the kernel has no Landlock; *ret says whether it has. */
BH_MUST int bh_sandbox_folders(const char *const *folders, size_t n, bool *ret);
