/*
 * wire: what client and server say to each other, in frames over a stream socket pair.
 *
 * Request: le32 length of what follows, le32 type, body.  Answer: le32 length, le32
 * errno (0: fine), le32 length of a sentence, the sentence, the state, the rest (a dump,
 * a policy text, a ring's shape); a descriptor may ride along.  Both are closed lists.
 */
#pragma once

#include "priv/priv.h"

enum priv_request_type {
	PRIV_APPLY = 1,
	PRIV_CONFIRM,
	PRIV_UNDO,
	PRIV_STATE,
	PRIV_DUMP,
	PRIV_POLICY, /* the text kept beside what decides */
	PRIV_CAPTURE,
	PRIV_NFLOG,
	PRIV_REQUESTS
};

#define PRIV_MAX_REQUEST (256u << 20)
#define PRIV_MAX_POLICY  (16u << 20)
#define PRIV_MAX_LEASE   (7u * 86400u)

struct priv_request {
	enum priv_request_type type;
	enum bh_mode mode;
	uint32_t lease;
	struct bh_table table;
	struct bh_span table_bytes, policy; /* borrowed from the frame */
	char ifname[BH_IFNAME];
};

/* Hostile input: type and body of one frame.  0, -EBADMSG, -E2BIG, -ENOMEM, or -EPERM for
 * a table that names a port which is not ours. */
BH_MUST int priv_request_parse(
	uint32_t type, struct bh_span body, struct bh_arena *a, struct priv_request *ret);

void priv_state_encode(const struct bh_priv_state *s, struct bh_buf *ret);
BH_MUST int priv_state_decode(struct bh_cur *c, struct bh_priv_state *ret);

/* Whole or -EPIPE (the other end is gone), -errno. */
BH_MUST int priv_send(int fd, const void *bytes, size_t len, int pass);
BH_MUST int priv_receive(int fd, void *bytes, size_t len, int *passed);
