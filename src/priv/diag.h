/*
 * diag: the TCP connections of this namespace as sock_diag(7) tells them, and which of
 * them a table blocks.  Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/nl.h"
#include "model/table.h"

struct connection {
	struct bh_addr here, peer;
	uint16_t port, peer_port;
	uint8_t family; /* AF_*: of the socket, which may carry mapped addresses */
	struct bh_span id; /* struct inet_diag_sockid as the kernel gave it */
};

struct connections {
	struct connection *v;
	size_t n;
	uint16_t *listening; /* ports */
	size_t n_listening;
};

#define MAX_CONNECTIONS 1000000u

/* Answers to a dump, of both families; borrows from them.  -ENOMEM. */
BH_MUST int diag_read(struct bh_span answers, struct bh_arena *a, struct connections *ret);

/* The gate that judges it and admits it on no interface; NULL: it may go on. */
const struct bh_gate *diag_blocked(
	const struct bh_table *t, const struct connections *all, const struct connection *c);
