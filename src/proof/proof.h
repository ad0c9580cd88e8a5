/*
 * proof: does the kernel decide what the judge decides?
 *
 * Takes a raw nf_tables dump and asks the dumped rules and the judge once for every
 * equivalence class of packets.  Understands a closed list of expressions exactly;
 * anything else makes the answer "not proven", naming it.  Knows nothing of how the
 * rules were made (may not see plan or enforce), so a planner's mistake is found like
 * anybody else's.
 */
#pragma once

#include "base/buf.h"
#include "base/set.h"
#include "model/flow.h"

/* Whom to ask.  admit may depend on addresses only through membership in sets, and on
 * interfaces only through the named ones; on hooks in and out only on the peer's address
 * (the other one is this machine's), and on either being loopback. */
struct bh_judge {
	void *ctx;
	bool (*admit)(void *ctx, const struct bh_flow *f);
	const struct bh_addrset *sets;
	size_t n_sets;
	const char (*ifnames)[BH_IFNAME]; /* interfaces the judge tells apart */
	const struct bh_addrset *onlink; /* beside each: its localsubnet */
	size_t n_ifnames;
	const struct bh_service *services; /* declared */
	size_t n_services;
	unsigned hooks; /* BH_HOOK_BIT mask this point must enforce */
	/* The table only watches: "blocked" then means logged to log_group, and nothing
	 * may really be dropped. */
	bool audit;
	uint16_t log_group;
	/* What belongs to a TCP connection that stands is admitted, whoever speaks. */
	bool keeps;
};

enum bh_proof_answer { BH_PROVEN, BH_DIFFERS, BH_NOT_PROVEN };

/* One way in which kernel and judge differ: exact, and small enough to read. */
struct bh_difference {
	struct bh_difference *next;
	enum bh_hook hook;
	struct bh_service service;
	char ifname[BH_IFNAME]; /* "" every interface; "*" all that nobody names; "eth*" */
	bool kernel_admits; /* and the judge does not, or the other way round */
	struct bh_ranges ports; /* all of service.proto that differ alike; {0}: it shows none; proto
				   0 with it: any */
	bool dropped; /* in audit mode: really dropped */
	struct bh_addrset src, dst; /* of one family */
	const char *what; /* "SYN", "first fragment without its header" …; NULL: any packet */
};

struct bh_proof {
	enum bh_proof_answer answer;
	const struct bh_difference *differences;
	size_t n_differences;
	uint64_t classes; /* how many were asked */
	const char *why_not; /* what was not understood, one sentence; NULL: everything was */
	/* What lies outside the proof, a sentence each: foreign drops that contradict the
	 * policy, NAT of SMB ports, bridges, flowtables … */
	const char *const *outside;
	size_t n_outside;
	bool foreign_nat; /* a foreign nat rule rewrites an SMB port: the claim fails */
	bool on_trial; /* a lease is running: what decides now was judged */
	bool no_table; /* there is no table of ours (or it sleeps): everything passes */
	bool moved; /* the rules changed while they were read: dump again */
};

/* dump: the answers of the kernel, concatenated netlink messages: NFT_MSG_NEWGEN,
 * NEWTABLE, NEWCHAIN, NEWSET, NEWSETELEM, NEWRULE, NEWFLOWTABLE of every table, and
 * NEWGEN again at the end.  Hostile input.  -ENOMEM or -EBADMSG (not a dump). */
BH_MUST int bh_proof_check(
	struct bh_span dump, const struct bh_judge *j, struct bh_arena *a, struct bh_proof *ret);
