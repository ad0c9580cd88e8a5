/*
 * evtx: how the parts of the EVTX reader know each other.  Inside the room only.
 *
 * Most records of a chunk are instances of a handful of templates: an instance is an
 * array of typed values, the template says where in the XML each of them stands.  So a
 * template is walked once per chunk and becomes a *plan*: the list of its *leaves*, what
 * we might want, each with the *pieces* its text is made of.  Reading a record then is
 * looking up values by their index; no XML is ever made.
 *
 * Offsets (`at`) count from the start of the chunk; whoever made one has looked that it
 * lies within.
 */
#pragma once

#include "evidence/draft.h"
#include "evidence/evidence.h"

/* [MS-EVEN6] 2.2.12.1, the token's upper bits are flags. */
enum evtx_token {
	EVTX_EOF = 0x00,
	EVTX_OPEN = 0x01,
	EVTX_CLOSE_START = 0x02,
	EVTX_CLOSE_EMPTY = 0x03,
	EVTX_END_ELEMENT = 0x04,
	EVTX_VALUE = 0x05,
	EVTX_ATTRIBUTE = 0x06,
	EVTX_CDATA = 0x07,
	EVTX_CHAR_REF = 0x08,
	EVTX_ENTITY_REF = 0x09,
	EVTX_PI_TARGET = 0x0a,
	EVTX_PI_DATA = 0x0b,
	EVTX_TEMPLATE = 0x0c,
	EVTX_SUBSTITUTION = 0x0d,
	EVTX_OPTIONAL = 0x0e,
	EVTX_FRAGMENT = 0x0f,
};
#define EVTX_MORE 0x40u /* an element has attributes, a value or attribute is followed by one */

/* [MS-EVEN6] 2.2.12.2 */
enum evtx_type {
	EVTX_NULL = 0x00,
	EVTX_STRING = 0x01,
	EVTX_ANSI = 0x02,
	EVTX_INT8 = 0x03,
	EVTX_UINT8 = 0x04,
	EVTX_INT16 = 0x05,
	EVTX_UINT16 = 0x06,
	EVTX_INT32 = 0x07,
	EVTX_UINT32 = 0x08,
	EVTX_INT64 = 0x09,
	EVTX_UINT64 = 0x0a,
	EVTX_REAL32 = 0x0b,
	EVTX_REAL64 = 0x0c,
	EVTX_BOOL = 0x0d,
	EVTX_BINARY = 0x0e,
	EVTX_GUID = 0x0f,
	EVTX_SIZE = 0x10,
	EVTX_FILETIME = 0x11,
	EVTX_SYSTEMTIME = 0x12,
	EVTX_SID = 0x13,
	EVTX_HEX32 = 0x14,
	EVTX_HEX64 = 0x15,
	EVTX_BINXML = 0x21,
	EVTX_ARRAY = 0x80, /* of one of those above */
};

/* No more of these fit into 64 KiB unless definitions overlap, which is a lie: an element
 * takes 17 bytes with its text, a definition 45. */
#define EVTX_PLANS  1024u
#define EVTX_LEAVES 4096u
#define EVTX_PIECES 8192u
#define EVTX_SLOTS  2048u

/* Definitions and fragments lie side by side in an honest chunk, so walking them all
 * takes its size; fragments outside templates are walked twice. */
#define EVTX_WALK (4 * BH_EVTX_CHUNK)

#define EVTX_VALUES    1024u /* of one instance; providers define at most 128 */
#define EVTX_FRAGMENTS 16u /* within one record; two is the rule */
#define EVTX_NESTING   4u
#define EVTX_DEPTH     32u /* of elements */

enum evtx_piece_kind {
	EVTX_PIECE_TEXT, /* `len` UTF-16 units at `at` */
	EVTX_PIECE_UNIT, /* the UTF-16 unit `at` */
	EVTX_PIECE_INDEX, /* value number `at` */
};

struct evtx_piece {
	uint32_t at;
	uint16_t len;
	uint8_t kind;
	bool optional; /* without a value the element is left out as a whole */
};

struct evtx_leaf {
	uint32_t name; /* of a value: where its UTF-16 units are */
	uint16_t name_len; /* in units */
	uint16_t first, n; /* pieces */
	uint8_t field; /* enum bh_field; BH_FIELD_NONE: a fragment may stand here alone */
	uint8_t place; /* where that fragment would begin */
};

struct evtx_plan {
	uint32_t at; /* of the definition */
	uint16_t first, n; /* leaves */
	uint8_t place; /* where it begins */
	bool bad;
};

struct evtx_value {
	uint32_t at;
	uint16_t len;
	uint8_t type;
};

/* The values of one instance. */
struct evtx_values {
	uint32_t n;
	struct evtx_value v[EVTX_VALUES];
};

struct bh_evtx {
	struct bh_span chunk;
	uint32_t n_plans, n_leaves, n_pieces;
	uint32_t walk; /* what is left of EVTX_WALK */
	uint32_t fragments; /* what is left of EVTX_FRAGMENTS */
	uint16_t slots[EVTX_SLOTS]; /* by the definition's offset: number of a plan, plus one */
	struct evtx_plan plans[EVTX_PLANS];
	struct evtx_leaf leaves[EVTX_LEAVES];
	struct evtx_piece pieces[EVTX_PIECES];
	struct evtx_values values[EVTX_NESTING];
	struct bh_draft draft;
	uint32_t crc[8][256];
};

/* evtx_crc.c: CRC-32 as zlib's. */
void evtx_crc_init(uint32_t table[8][256]);
uint32_t evtx_crc(const uint32_t table[8][256], uint32_t crc, struct bh_span s);

/* evtx_plan.c: forgets all plans, for the next chunk. */
void evtx_plans_reset(struct bh_evtx *x);
/* The plan of a definition's body at [at, at + len), where it stands at that place; made
 * at the first asking. */
BH_MUST int evtx_plan_of(
	struct bh_evtx *x, uint32_t at, uint32_t len, uint8_t place, const struct evtx_plan **ret);
/* The plan of elements that stand outside a template, for use at once: whoever asked
 * gives it back. */
BH_MUST int evtx_plan_direct(
	struct bh_evtx *x, uint32_t at, uint32_t end, uint8_t place, struct evtx_plan *ret);
void evtx_plan_give_back(struct bh_evtx *x, const struct evtx_plan *p);

/* evtx_value.c */
struct bh_span evtx_units(const struct bh_evtx *x, uint32_t at, size_t units);
void evtx_add_utf16(struct bh_draft *d, struct bh_span utf16);
/* UTF-16 as UTF-8 into `size` bytes; how many, 0 if they do not fit. */
size_t evtx_name(struct bh_span utf16, char *ret, size_t size);
/* Its text, as Windows renders it; nothing for a value that is not as long as its type
 * asks for. */
void evtx_add_value(struct bh_draft *d, uint8_t type, struct bh_span v);
/* -EINVAL if it is no number, or no time. */
BH_MUST int evtx_value_number(uint8_t type, struct bh_span v, uint64_t *ret);
BH_MUST int evtx_value_when(uint8_t type, struct bh_span v, bh_time *ret);
bh_time evtx_filetime(uint64_t v);
/* How long one element of an array of that type is; 0: it is no such array. */
size_t evtx_element(uint8_t type);

/* evtx_record.c: a record's fragment at [at, end).  0, or -EBADMSG if it cannot be read;
 * whoever is to be told has been. */
BH_MUST int evtx_record(struct bh_evtx *x, uint32_t at, uint32_t end, uint64_t number,
	bh_time written, const struct bh_event_sink *sink);
