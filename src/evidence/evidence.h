/*
 * evidence: logs in, facts out: for now the NFLOG verdicts of our own audit rules.
 *
 * Same rules as dissect: pure, bounded, no heap; malformed input is a value.
 */
#pragma once

#include "model/fact.h"

/* One netlink message of NFLOG → one leaf fact: client, server, port, transport and
 * BH_WOULD_BLOCK (or BH_BLOCKED), one connection per SYN or datagram.  0, -EBADMSG, or
 * -ENOMSG for a message that is not ours. */
BH_MUST int bh_evidence_nflog(struct bh_span message, bh_time now, struct bh_fact *ret);
