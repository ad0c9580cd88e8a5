/*
 * tags: address sets that vendors publish under names: Azure service tags of every
 * cloud, and the endpoints of Office 365.
 *
 * Hostile input, bounded before it is read: a file is told whole or refused whole, with
 * every mistake at its line and column.  No I/O, no jansson in the values.
 */
#pragma once

#include "base/diag.h"
#include "base/set.h"

enum bh_tags_kind { BH_TAGS_AZURE, BH_TAGS_OFFICE365 };
#define BH_TAGS_KINDS 2

extern const char *const bh_tags_kind_names[BH_TAGS_KINDS]; /* "azure", "office365" */

/* What a file may make us do; Microsoft's largest has 4 MiB, 9,000 values that hold
 * others, and 120,000 values. */
#define BH_MAX_TAGS_BYTES  (32u << 20)
#define BH_MAX_TAGS_HOLD   100000u /* objects and arrays */
#define BH_MAX_TAGS_VALUES 1000000u
#define BH_MAX_TAGS_ERRORS 20u /* told one by one; the rest is counted */
/* The widest prefixes that are believed: nobody's cloud is all of the Internet. */
#define BH_MIN_TAGS_BITS4  8u
#define BH_MIN_TAGS_BITS6  16u

struct bh_tag {
	/* Azure: as the file names it, "Storage.WestEurope".  Office 365: a service area,
	 * "Exchange", or one category of it, "Exchange.Optimize". */
	const char *name;
	uint64_t change; /* Azure: the tag's own number; else 0 */
	struct bh_addrset addrs; /* may be empty */
	struct bh_ranges tcp, udp; /* Office 365: the ports it is for; Azure does not say */
};

struct bh_tags {
	enum bh_tags_kind kind;
	const char *cloud; /* Azure: "Public", "AzureGovernment", …; Office 365: NULL */
	uint64_t change; /* Azure: changeNumber; Office 365 has none: 0 */
	const struct bh_tag *v; /* sorted by name without case, names distinct */
	size_t n;
};

/* file: as the user named it.  What is wrong goes to diags, and *ret is then left alone:
 * ask diags->errors.  -ENOMEM only.  All memory is the arena's. */
BH_MUST int bh_tags_parse(const char *file, struct bh_span text, struct bh_arena *a,
	struct bh_diags *diags, const struct bh_tags **ret);

/* Names compare without case, as Azure's do; NULL when there is none. */
const struct bh_tag *bh_tags_find(const struct bh_tags *t, const char *name);

/* What became of one tag from a file to the next. */
enum bh_tag_change { BH_TAG_CHANGED, BH_TAG_NEW, BH_TAG_GONE };

struct bh_tag_diff {
	enum bh_tag_change what;
	const char *name;
	struct bh_addrset came, went;
};

/* The tags whose addresses differ, by name without case; none when files mean the same.
 * -ENOMEM. */
BH_MUST int bh_tags_diff(const struct bh_tags *from, const struct bh_tags *to, struct bh_arena *a,
	const struct bh_tag_diff **ret, size_t *n_ret);
