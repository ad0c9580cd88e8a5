/*
 * rules: the kernel's tables, chains, sets and rules as plain values, read from a dump.
 *
 * Everything borrows from the dump or belongs to the arena.
 */
#pragma once

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/buf.h"
#include "base/nl.h"
#include "base/set.h"

#define OUR_FAMILY NFPROTO_INET
#define OUR_TABLE  "bulkhead"

/* Sixteen registers of four bytes, the four older ones lie over them. */
#define REG_BYTES   64u
#define MAX_NAME    256u
#define MAX_EXPRS   128u /* per rule; the kernel's own limit */
#define MAX_KEY     64u
#define MAX_OBJECTS 1000000u /* tables, chains and sets together */

/* A family's bit, in the masks that say for which packets something is not understood. */
#define FAMILY_BIT(family) ((family) == BH_V4 ? 1u : 2u)

struct table {
	uint8_t family;
	const char *name;
	uint32_t flags;
	bool flowtables;
};

struct verdict {
	int32_t code; /* NF_ACCEPT, NF_DROP, NFT_JUMP … */
	struct chain *chain; /* of jump and goto */
};

enum op {
	OP_ODD, /* not understood */
	OP_NOTHING, /* counter, last: no say in the verdict */
	OP_PAYLOAD,
	OP_META,
	OP_CT,
	OP_EXTHDR,
	OP_CMP,
	OP_RANGE,
	OP_BITWISE,
	OP_LOOKUP,
	OP_IMMEDIATE,
	OP_LOG,
	OP_LIMIT,
	OP_REJECT,
};

struct expr {
	enum op op;
	char name[16]; /* as the kernel calls it */
	uint8_t sreg, dreg; /* offsets into the registers */
	bool to_verdict; /* dreg is the verdict */
	bool inverted; /* lookup */
	unsigned odd; /* FAMILY_BITs for whose packets the test cannot be told */
	uint32_t len, base, offset, key, how; /* how: the comparison, NFT_CMP_* */
	struct bh_span a, b; /* constants: cmp; from and to; mask and xor */
	struct verdict verdict;
	struct set *set;
	struct bh_span data; /* the expression's attributes, for the curious */
};

struct rule {
	struct rule *next;
	struct chain *chain;
	uint64_t handle;
	struct expr *code;
	size_t n;
};

struct chain {
	const struct table *table;
	const char *name;
	bool base;
	uint32_t hook;
	int32_t priority;
	uint32_t policy;
	const char *type; /* of a base chain: filter, nat, route */
	struct rule *first, *last;
};

struct elem {
	const uint8_t *key, *last; /* last: of a range in a concatenation, else NULL */
	struct bh_span data;
	struct verdict verdict;
	uint32_t data_id; /* equal data, equal number: for the partition */
	bool ends; /* an interval's end, itself outside */
	bool timed; /* will expire */
};

struct set {
	const struct table *table;
	const char *name;
	uint32_t flags, klen, dlen;
	bool verdicts;
	struct elem *v; /* sorted by key */
	size_t n, room;
	const struct elem *catch_all;
	uint8_t field[MAX_KEY / 4]; /* lengths of a concatenation's fields */
	size_t n_fields;
	const char *odd; /* why lookups in it are not understood; NULL: they are */
};

struct rules {
	struct bh_arena *a;
	struct table *tables;
	struct chain *chains; /* sorted by family, table, name */
	struct set *sets; /* the same */
	size_t n_tables, n_chains, n_sets;
	bool moved; /* the generation changed between first and last message */
};

/* read.c: the dump.  -ENOMEM or -EBADMSG. */
BH_MUST int bh_rules_read(struct bh_span dump, struct bh_arena *a, struct rules *ret);

/* expr.c: a rule's expressions.  What is not understood becomes OP_ODD; -EBADMSG only
 * when the attributes themselves are broken. */
BH_MUST int bh_rules_compile(
	const struct rules *r, const struct table *t, struct bh_span list, struct rule *ret);

struct chain *bh_rules_chain(const struct rules *r, const struct table *t, const char *name);
struct set *bh_rules_set(const struct rules *r, const struct table *t, const char *name);
const struct table *bh_rules_table(const struct rules *r, uint8_t family, const char *name);

/* A verdict's attributes.  -EBADMSG. */
BH_MUST int bh_rules_verdict(
	const struct rules *r, const struct table *t, struct bh_span nest, struct verdict *ret);

/* ---- attributes (attr.c) -------------------------------------------------- */

/* struct nlattr, all of one nesting level, by type; the last of a kind wins, as in the
 * kernel's own parser.  A span with ptr NULL is absent. */
#define MAX_ATTR 24
struct attrs {
	struct bh_span v[MAX_ATTR];
};

BH_MUST int bh_attrs_read(struct bh_span nest, struct attrs *ret);

/* Fields are big-endian; absent is 0, another length makes *bad true. */
uint32_t bh_attr_be32(const struct attrs *at, unsigned type, bool *bad);
uint64_t bh_attr_be64(const struct attrs *at, unsigned type, bool *bad);
/* A name with its NUL, in the dump; NULL and *bad when it is absent or no such thing. */
const char *bh_attr_name(const struct attrs *at, unsigned type, bool *bad);

/* A name from the kernel for people: what could move the cursor becomes '?'. */
const char *bh_rules_clean(struct bh_arena *a, const char *name);
const char *bh_rules_family(uint8_t family);
