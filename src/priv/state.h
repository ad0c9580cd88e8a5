/*
 * state: what bulkhead-priv remembers in files: the table on trial with its deadline, the
 * confirmed one (loaded again at boot), and the digest of what was loaded.
 *
 * The kernel is the truth; a file speaks only while its generation and hash are what the
 * kernel has.
 */
#pragma once

#include "priv/priv.h"

struct saved {
	uint32_t generation;
	enum bh_mode mode;
	int64_t deadline; /* CLOCK_BOOTTIME seconds; 0 when confirmed */
	uint64_t digest[2]; /* 0, 0: not known */
	struct bh_span table, policy; /* in the buffer it was read into */
};

/* Opens the folder of this network namespace, making it; -errno. */
BH_MUST int state_open(int *dir, char *path, size_t size);

/* which: "confirmed" or "trial".  Written whole, synced, renamed. */
BH_MUST int state_save(int dir, const char *which, const struct saved *s);
/* -ENOENT, -EBADMSG for a torn or foreign file. */
BH_MUST int state_load(int dir, const char *which, struct bh_buf *bytes, struct saved *ret);
BH_MUST int state_forget(int dir, const char *which);
/* The trial's file becomes the confirmed one. */
BH_MUST int state_promote(int dir);

/* One bulkhead-priv at a time acts in a namespace: waits up to a few seconds, then
 * -EBUSY. */
BH_MUST int state_lock(int dir, int *ret);
