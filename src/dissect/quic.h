/*
 * quic: one Initial packet and the keys that anybody may derive for it.  Inside the room
 * only.
 */
#pragma once

#include "dissect/dissect.h"

/* RFC 9000 17.2.2, RFC 9369 3.1 */
enum {
	QUIC_V1 = 0x00000001,
	QUIC_V2 = 0x6b3343cf,
};

/* The longest that is opened: more than any path carries but a loopback, where Initials are
 * as short as elsewhere. */
#define QUIC_MAX_PACKET 16384u

/* A long header, read as far as it is not protected. */
struct quic_packet {
	struct bh_span whole; /* as Length says, borrowed */
	struct bh_span dcid;
	size_t number_at; /* where its packet number is */
	uint32_t version;
	bool initial;
};

struct quic_opened {
	struct bh_span frames; /* in bytes */
	uint64_t number;
	uint8_t bytes[QUIC_MAX_PACKET];
};

/* RFC 9001 5.2, RFC 9369 3.3: what protects a client's Initials. */
void quic_keys(uint32_t version, struct bh_span dcid, struct bh_quic_keys *ret);

/* RFC 9001 5.3 and 5.4.  False: not sealed with these keys.  expected: the number after the
 * highest seen. */
bool quic_open(const struct bh_quic_keys *k, const struct quic_packet *p, uint64_t expected,
	struct quic_opened *ret);
