/*
 * warn: what the parts of the checklist share.  The room's own.
 */
#pragma once

#include "plan/scene.h"

struct warner {
	struct bh_scene *s;
	struct bh_arena *a;
	struct bh_warning *v;
	size_t n, cap;
	const char **names; /* by host: one it goes by; NULL: none is known */
};

/* Appends a copy. */
void warn_add(struct warner *w, const struct bh_warning *one);

/* "10.10.0.5 (dc1)". */
void warn_host(const struct warner *w, uint32_t host, struct bh_buf *b);
void warn_count(struct bh_buf *b, uint64_t n, const char *one);
/* The text of a buffer, in the arena; a failed buffer fails the arena. */
const char *warn_keep(struct warner *w, const struct bh_buf *b);

/* Addresses of hosts. */
struct bh_addrset warn_addrs(struct warner *w, const uint32_t *hosts, size_t n);

/* The parts of an allow's canonical text: "allow smb out", "clients, desks", "files". */
struct warn_parts {
	struct bh_span head, from, to;
};
bool warn_parts_of(const struct bh_bound_rule *r, struct warn_parts *ret);

/* An allow that speaks of this port and can hold. */
bool warn_allows(const struct bh_bound_rule *r, struct bh_service service);

/* The parts.  What does not fit into memory leaves the arena failed. */
void warn_cut(struct warner *w); /* who is cut off from what it uses (warn_cut.c) */
void warn_sentences(struct warner *w); /* what sentences forget (warn_sentences.c) */
void warn_hosts(struct warner *w); /* what hosts cannot do (warn_hosts.c) */
void warn_names(struct warner *w); /* what names tell of addresses (warn_names.c) */
