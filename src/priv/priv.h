/*
 * priv: the only room with privilege, and how to ask it.
 *
 * `bulkhead-priv` serves one network namespace over a socket pair (started by root's
 * own `bulkhead`, which then gives up its capabilities).  It takes a short closed list
 * of typed requests.  It receives a table *value*, checks that it names only our ports
 * and shapes, and lowers it itself (enforce); it never accepts netlink bytes, never
 * parses a packet or a policy.  Answers are relayed raw: dumps, descriptors.
 */
#pragma once

#include "base/buf.h"
#include "enforce/enforce.h"
#include "model/table.h"

struct bh_priv; /* owned: the client's end */

/* Starts bulkhead-priv beside this program (same folder, else the install folder).
 * -EPERM when not root, with *why set to one sentence that says what to do; other
 * errors set *why too (static or in the handle's lifetime). */
BH_MUST int bh_priv_open(struct bh_priv **ret, const char **why);
struct bh_priv *bh_priv_free(struct bh_priv *p);
BH_AUTO_FREE(bh_priv)

/* Packets that reached a gate's tail: blocked, or in audit mode would have been. */
struct bh_priv_counter {
	enum bh_hook hook;
	struct bh_service service;
	uint64_t packets, bytes;
};

/* What stands in the kernel, and on trial. */
struct bh_priv_state {
	bool loaded; /* our table is there */
	bool gateway; /* it has a forward chain alone */
	bool stored; /* a confirmed table is kept */
	bool persistent; /* and loaded again at boot: this is the machine's own namespace */
	uint32_t kernel_generation; /* nf_tables' own number when all of this was so */
	uint32_t generation; /* what decides once nothing is on trial; 0: nothing */
	uint32_t trial; /* generation on trial; 0: none */
	uint32_t lapsed; /* generation whose trial fell back by itself, the last time; 0: none */
	uint32_t lease_left; /* seconds; 0 with a trial: lapsed, not yet tidied up */
	enum bh_mode mode, trial_mode;
	uint8_t hash[BH_HASH], trial_hash[BH_HASH]; /* policy hashes */
	bool changed_outside; /* the table is not what was loaded: somebody edited it */
	char changed[160]; /* how, in a sentence; also how it had been, where this request
			    * mended it; "" when it was not */
	/* Of the generation that decides now (the one on trial while its lease runs). */
	struct bh_priv_counter counters[BH_MAX_GATES];
	size_t n_counters;
};

/* Every request can fail with the kernel's errno; why then says which step. */
struct bh_priv_apply {
	const struct bh_table *table;
	enum bh_mode mode; /* BH_KEEP: connections of this machine that stand become known to
			    * connection tracking first */
	uint32_t lease; /* seconds on trial; 0: confirmed at once */
	const char *policy_text; /* the policy's source, kept beside the table for verify; may be
				    NULL */
};

/* -EBUSY while another generation is on trial. */
BH_MUST int bh_priv_apply(struct bh_priv *p, const struct bh_priv_apply *a,
	struct bh_priv_state *ret, const char **why);
/* -ESRCH with nothing on trial, -ETIME when the trial has lapsed.  Where somebody edited
 * the table meanwhile, what was applied replaces it whole. */
BH_MUST int bh_priv_confirm(struct bh_priv *p, struct bh_priv_state *ret, const char **why);
/* A trial is ended; without one, the table is taken away whole, and the stored one with
 * it.  -ESRCH when there is nothing of either. */
BH_MUST int bh_priv_undo(struct bh_priv *p, struct bh_priv_state *ret, const char **why);
BH_MUST int bh_priv_state(struct bh_priv *p, struct bh_priv_state *ret, const char **why);

/* Where somebody edited the table or took it away, what was confirmed replaces it whole; a
 * table that nobody edited stays as it is.  -EBUSY while an unedited trial runs, -ENOENT
 * when nothing confirmed is kept. */
BH_MUST int bh_priv_heal(struct bh_priv *p, struct bh_priv_state *ret, const char **why);

/* Ends at once the TCP connections of this machine that the table in force does not admit
 * on any interface; *ret: how many.  -EINVAL while that only watches. */
BH_MUST int bh_priv_cut(struct bh_priv *p, uint32_t *ret, const char **why);

/* A sentence of the policy, and what was counted for it at one hook. */
struct bh_priv_hit {
	char text[BH_MAX_SENTENCE_TEXT + 1]; /* "corp.policy:7: allow smb from clients to files" */
	uint32_t generation; /* of ours: one that decides, or one on trial */
	uint32_t sentence; /* from 1, in the order of the policy, defaults last */
	bool block;
	enum bh_hook hook;
	struct bh_service service; /* what is blocked is counted by port; 0: all of them */
	uint64_t packets, bytes;
	/* The last packet came after that look and at the latest at this one; the real
	 * clock.  until 0: none did; after 0: nobody had looked before. */
	int64_t after, until;
};
/* Looks, and remembers that it did: whoever looks often learns when. */
BH_MUST int bh_priv_hits(struct bh_priv *p, struct bh_arena *a, const struct bh_priv_hit **ret,
	size_t *n_ret, const char **why);

/* nf_tables' own number, which every transaction of anybody raises by one. */
BH_MUST int bh_priv_generation(struct bh_priv *p, uint32_t *ret, const char **why);

/* The raw dump that proof reads: generation, all tables … generation. */
BH_MUST int bh_priv_dump(struct bh_priv *p, struct bh_buf *ret, const char **why);

/* The policy text kept beside what decides now; -ENOENT when it is not known (loaded by
 * somebody else, or the state folder is gone). */
BH_MUST int bh_priv_policy(struct bh_priv *p, struct bh_buf *ret, const char **why);

/* A bound AF_PACKET TPACKET_V3 socket on ifname with the kernel filter for SMB ports
 * set and locked; the caller maps and owns it.  mib: how much the kernel keeps for a reader
 * who is late, 1 to BH_MAX_RING; less where there is no memory for it. */
#define BH_MAX_RING 64u
struct bh_priv_ring {
	int fd;
	uint32_t block_size, block_count;
	uint32_t link; /* LINKTYPE_*: 1 Ethernet, 101 raw IP */
};
BH_MUST int bh_priv_capture(struct bh_priv *p, const char *ifname, uint32_t mib,
	struct bh_priv_ring *ret, const char **why);

/* A netlink socket bound to BH_NFLOG_GROUP that can only receive. */
BH_MUST int bh_priv_nflog(struct bh_priv *p, int *ret, const char **why);

/* One on which the kernel tells every change of its packet filter, whoever makes it; it
 * can only receive, and says ENOBUFS when something was lost. */
BH_MUST int bh_priv_changes(struct bh_priv *p, int *ret, const char **why);
