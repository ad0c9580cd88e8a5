/*
 * fields: one record of a text log as named texts, whatever wrote it down.
 *
 * JSON objects are told flat: {"smb":{"ntlmssp":{"user":"a"}}} is "smb.ntlmssp.user", an
 * array repeats the name of its elements.  A row of a table has its columns' names.  So
 * one mapper reads a log from all its forms.  Texts are borrowed from the record or from
 * `scratch` beside them.  Inside the room only.
 */
#pragma once

#include "evidence/event.h"

/* What a record may have; what is beyond is left out: 5145 has 16 values, a winlogbeat
 * record about 60 in all, an Azure row up to 250 columns. */
#define BH_FIELDS_MAX     512u
#define BH_FIELDS_SCRATCH (128u * 1024)
#define BH_FIELDS_PATH    200u /* longer ones are cut at their end */

struct bh_fields {
	size_t n, used;
	struct bh_event_value v[BH_FIELDS_MAX];
	char scratch[BH_FIELDS_SCRATCH];
};

static inline void bh_fields_reset(struct bh_fields *f)
{
	f->n = f->used = 0;
}

/* No more than BH_FIELDS_MAX; text.ptr NULL: said to be nothing (null, "-"). */
void bh_fields_add(struct bh_fields *f, struct bh_span name, struct bh_span text);

/* A copy that lives as long as the record; ptr NULL when there is no room for it. */
struct bh_span bh_fields_keep(struct bh_fields *f, struct bh_span text);

/* The first text of that name; ptr NULL if there is none. */
struct bh_span bh_fields_get(const struct bh_fields *f, const char *name);

/* The same from several names, the first of them that is there; NULL ends them. */
struct bh_span bh_fields_any(const struct bh_fields *f, const char *const names[]);

static inline bool bh_fields_has(const struct bh_fields *f, const char *name)
{
	return bh_fields_get(f, name).ptr != NULL;
}

/* One JSON value (RFC 8259) added to *f, every name beginning with prefix.  An array that
 * is the whole value numbers its elements: "0", "1.name".  -EBADMSG when it is no JSON or
 * nested deeper than 32; *f may then hold a part. */
BH_MUST int bh_json_fields(struct bh_span json, const char *prefix, struct bh_fields *f);
