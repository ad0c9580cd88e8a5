/*
 * diff: what the two halves of a comparison share (inside the room).
 */
#pragma once

#include "policy/ast.h"

struct differ {
	const struct bh_bound *old, *new;
	struct bh_view old_view, new_view;
	struct bh_arena *a;
	struct bh_buf *ret;
	unsigned n; /* differences told */
};

/* Sentence by sentence, for hosts (diff_hosts.c). */
void diff_hosts(struct differ *d);

/* A few of the ranges, and how many more. */
void diff_ranges(struct differ *d, const struct bh_addrset *s);
const char *diff_port(const struct differ *d, struct bh_service s);
