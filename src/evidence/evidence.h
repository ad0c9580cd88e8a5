/*
 * evidence: logs in, facts out: for now the NFLOG verdicts of our own audit rules.
 *
 * Same rules as dissect: pure, bounded, no heap; malformed input is a value.
 */
#pragma once

#include "base/cur.h"
#include "model/fact.h"

/* The next netlink message of one datagram: true and *ret, or false at its end.  A
 * length that cannot be makes the cursor bad. */
bool bh_evidence_nflog_next(struct bh_cur *datagram, struct bh_span *ret);

/* One netlink message of NFLOG → one leaf fact (leaf and revision are the caller's):
 * client, server, port, transport and BH_WOULD_BLOCK; one connection if the packet
 * begins one (a SYN, or any datagram), else none.  0; -ENOMSG for a message that is not
 * of our rules, -EBADMSG for one that does not hold a packet's headers. */
BH_MUST int bh_evidence_nflog(struct bh_span message, bh_time now, struct bh_fact *ret);
