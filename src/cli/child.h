/*
 * child: what another program prints.  Started with its arguments as they are, never by
 * way of a shell, with nothing to read.
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"

#define BH_CHILD_SECONDS 60 /* one that takes longer is ended */

/* argv[0] is looked up in PATH.  *status is its exit status, 128 and more: a signal.  0;
 * -ENOENT: there is no such program; -EFBIG past limit bytes of either; -ETIME; or what
 * the system said. */
BH_MUST int bh_child_run(const char *const argv[], size_t limit, struct bh_buf *out,
	struct bh_buf *err, int *status);

/* One that goes on printing: *out is where.  What it complains of goes where our own does;
 * ^C does not reach it, and it ends when we do.  0, or as above. */
BH_MUST int bh_child_start(const char *const argv[], int *out, pid_t *pid);
/* Ends it, if it has not ended, and waits for it: its exit status, -1 when that is lost. */
int bh_child_end(pid_t pid);
