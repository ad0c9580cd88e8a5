/*
 * kernel: nf_tables over netlink: one transaction, one dump.
 */
#pragma once

#include "base/buf.h"
#include "enforce/enforce.h"

struct mnl_socket;

struct kernel {
	struct mnl_socket *nl;
	uint32_t seq;
};

/* A sentence for whoever asked. */
struct why {
	char text[400];
};
/* Fills in the sentence and returns err. */
int why_say(struct why *w, int err, const char *fmt, ...) BH_PRINTF(3, 4);

BH_MUST int kernel_open(struct kernel *k, struct why *w);

/* One of bh_enforce_load, _confirm, _undo, sent as one transaction: all of it or nothing.
 * On failure the sentence names the message that the kernel refused. */
typedef int (*kernel_change)(const struct bh_load *l, uint32_t *seq, const struct bh_nl_sink *sink);
BH_MUST int kernel_transact(
	struct kernel *k, kernel_change change, const struct bh_load *l, struct why *w);

/* Everything that nf_tables holds, or of table inet bulkhead alone, in the order that
 * proof.h asks for.  Tried again, a few times, when somebody changes it meanwhile. */
BH_MUST int kernel_dump(struct kernel *k, bool ours, struct bh_buf *ret, struct why *w);

/* Chains and rules of table inet bulkhead alone, without the elements of its sets. */
BH_MUST int kernel_dump_rules(struct kernel *k, struct bh_buf *ret, struct why *w);

/* Its generation now, as four bytes. */
BH_MUST int kernel_generation(struct kernel *k, struct bh_buf *ret, struct why *w);
