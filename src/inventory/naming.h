/*
 * naming: which name goes with which address, as far as evidence told both together.
 * The room's own.
 */
#pragma once

#include "base/arena.h"
#include "model/fact.h"
#include "model/row.h"

struct naming_entry {
	const char *name;
	struct bh_addr addr;
};

struct naming {
	struct naming_entry *by_name; /* by label, the rest of the name, address */
	struct naming_entry *by_addr; /* by address, then as above */
	size_t n;
	struct naming_asked *asked; /* lately */
};

/* From rows that know an end by both, and from names that were heard.  Names of groups
 * are nobody's.  -ENOMEM. */
BH_MUST int naming_from(const struct bh_row *rows, size_t n, const struct bh_name_seen *seen,
	size_t n_seen, struct bh_arena *a, struct naming *ret);

/* Addresses of a family that go by this name: how many there are, most + 1 when there
 * are more or too many names to look through; the first `most` in *ret. */
size_t naming_addrs(
	const struct naming *t, const char *name, uint8_t family, struct bh_addr *ret, size_t most);

/* The same for one, for whoever asks often with few texts: 0, 1 or 2 for more. */
size_t naming_one(const struct naming *t, const char *name, uint8_t family, struct bh_addr *ret);

/* Names of an address, one for each label, at most `most`. */
size_t naming_names(
	const struct naming *t, const struct bh_addr *addr, const char **ret, size_t most);

/* Is this address known by that name? */
bool naming_has(const struct naming *t, const char *name, const struct bh_addr *addr);

/* One machine's names?  Case, a closing dot, and ".local" do not count; a single label
 * is the same as any longer name that begins with it, and a NetBIOS name, which ends
 * after 15 characters (RFC 1001 §14.1), the same as what it was cut from. */
bool naming_same(const char *x, const char *y);

/* What same names have in common: at most 15 characters of the first label. */
struct bh_span naming_key(const char *name);

/* A name that people use: not empty, no address in its place, and nothing in brackets,
 * which is what a reader of logs says when they do not tell. */
bool naming_is_name(const char *text);
