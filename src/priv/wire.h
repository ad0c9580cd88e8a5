/*
 * wire: the closed list of requests, as bytes.
 *
 * The reader is pure and treats its input as hostile; it is all that stands between
 * whoever holds the socket and root's hand.
 */
#pragma once

#include "base/buf.h"
#include "enforce/enforce.h"
#include "model/table.h"
#include "priv/priv.h"

#define BH_WIRE_ASK    0x31516862u /* "bhQ1" */
#define BH_WIRE_ANSWER 0x31416862u /* "bhA1" */

enum bh_ask {
	BH_ASK_STATE = 1,
	BH_ASK_CONFIRM,
	BH_ASK_UNDO,
	BH_ASK_DUMP,
	BH_ASK_NFLOG,
	BH_ASK_POLICY,
	BH_ASK_CAPTURE, /* an interface's name, and how many MiB of packets may wait */
	BH_ASK_APPLY, /* mode, lease, table, text */
	BH_ASK_CHANGES,
	BH_ASK_GENERATION,
	BH_ASK_HEAL,
	BH_ASK_HITS,
	BH_ASK_CUT,
};
#define BH_ASK_LAST BH_ASK_CUT

#define BH_ASK_HEADER      12u
#define BH_ANSWER_HEADER   16u
#define BH_CAPTURE_BODY    (BH_IFNAME + 4u)
/* Two numbers of 16 bytes a range, and room for everything around them. */
#define BH_MAX_TABLE_BYTES (BH_MAX_RANGES * 32u + (16u << 20))
#define BH_MAX_POLICY_TEXT (4u << 20)
#define BH_MAX_ASK         (BH_MAX_TABLE_BYTES + BH_MAX_POLICY_TEXT + 16u)
#define BH_MAX_WHY         512u
#define BH_MAX_PIECE       (256u << 10) /* one answer's body */
#define BH_MAX_LEASE       (7u * 86400u)

struct bh_request {
	enum bh_ask ask;
	char ifname[BH_IFNAME];
	uint32_t mib;
	enum bh_mode mode;
	uint32_t lease;
	struct bh_table table; /* in the arena */
	struct bh_span table_bytes; /* as they came: what is stored */
	struct bh_span text;
};

/* The first BH_ASK_HEADER bytes: which request, and how many bytes follow.  -EBADMSG
 * when that is none of ours, or more than it may be. */
BH_MUST int bh_wire_header(struct bh_span header, enum bh_ask *ret, uint32_t *ret_len);

/* What followed.  -EBADMSG, -E2BIG, -ENOMEM. */
BH_MUST int bh_wire_body(
	enum bh_ask ask, struct bh_span body, struct bh_arena *a, struct bh_request *ret);

/* The same from the other side. */
void bh_wire_ask(struct bh_buf *b, enum bh_ask ask, const void *body, size_t len);
void bh_wire_apply(struct bh_buf *b, const struct bh_priv_apply *a);

/* An answer: err is 0 or a positive errno, then the body is a sentence; more: others of
 * the same request follow. */
void bh_wire_answer(struct bh_buf *b, int err, bool more, const void *body, size_t len);
BH_MUST int bh_wire_answer_header(
	struct bh_span header, int *ret_err, bool *ret_more, uint32_t *ret_len);

void bh_wire_put_hit(struct bh_buf *b, const struct bh_priv_hit *h);
BH_MUST int bh_wire_get_hits(
	struct bh_span bytes, struct bh_arena *a, struct bh_priv_hit **ret, size_t *n_ret);

void bh_wire_put_state(struct bh_buf *b, const struct bh_priv_state *s);
BH_MUST int bh_wire_get_state(struct bh_span bytes, struct bh_priv_state *ret);
