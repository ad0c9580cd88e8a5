/*
 * act: apply, confirm, undo: what is written, in which order, so that being killed
 * between any two steps leaves either the former rules or the new ones.
 */
#pragma once

#include "priv/files.h"
#include "priv/kernel.h"
#include "priv/priv.h"
#include "priv/wire.h"

struct house {
	struct kernel kernel;
	struct files files;
	bool tried; /* we have put something on trial: its deadline is ours to keep */
};

/* Each holds the lock while it works, tidies up first what a lapsed trial or a killed
 * bulkhead-priv left, and tells what stands afterwards. */
BH_MUST int act_state(struct house *h, struct bh_priv_state *ret, struct why *w);
BH_MUST int act_apply(
	struct house *h, const struct bh_request *r, struct bh_priv_state *ret, struct why *w);
BH_MUST int act_confirm(struct house *h, struct bh_priv_state *ret, struct why *w);
BH_MUST int act_undo(struct house *h, struct bh_priv_state *ret, struct why *w);
/* Whatever somebody did to the table is undone: the confirmed one replaces it whole. */
BH_MUST int act_heal(struct house *h, struct bh_priv_state *ret, struct why *w);
/* At boot: the confirmed table, if there is one and nothing is loaded yet. */
BH_MUST int act_load(struct house *h, bool *ret_loaded, struct why *w);
/* The policy text beside the table that decides now. */
BH_MUST int act_policy(struct house *h, struct bh_buf *ret, struct why *w);

/* Ends connections that the table in force does not admit; how many, as four bytes. */
BH_MUST int act_cut(struct house *h, struct bh_buf *ret, struct why *w);

/* How often each sentence was met, as bh_wire_put_hit() writes it; and that it was looked. */
BH_MUST int act_hits(struct house *h, struct bh_buf *ret, struct why *w);

/* Milliseconds until a running trial lapses, 0 when none runs. */
uint64_t act_trial_left(struct house *h);

/* Where a test build can be killed, and everybody with it: BULKHEAD_DIE_AT names the
 * place.  Nothing in any other build. */
#ifdef BH_FAULT_POINTS
void act_fault(const char *place);
#else
static inline void act_fault(const char *place)
{
	(void)place;
}
#endif
