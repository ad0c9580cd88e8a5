/*
 * fields: one line of a batch, a flow as a JSON object, as the fields that a flow has.
 *
 * Nearly every line is plain: an object of the known fields, no escapes.  Such a line is read
 * in place, in one pass; whatever else is handed to jansson, which knows all of JSON and
 * what to say when it is none.  Both give the same fields.
 */
#pragma once

#include <jansson.h>

#include "base/base.h"

enum bh_field {
	BH_FIELD_HOOK,
	BH_FIELD_HOST,
	BH_FIELD_CLIENT,
	BH_FIELD_SERVER,
	BH_FIELD_SERVICE,
	BH_FIELD_PROFILE,
	BH_FIELD_IIF,
	BH_FIELD_OIF,
	BH_FIELD_SPORT,
	BH_FIELD_LOCALSUBNET,
	BH_FIELD_SECURED,
	BH_FIELD_LEVEL,
	BH_FIELD_BY,
	BH_FIELDS
};

extern const char *const bh_field_names[BH_FIELDS];

enum bh_value_kind {
	BH_VALUE_NONE, /* absent, or null */
	BH_VALUE_TEXT,
	BH_VALUE_NUMBER,
	BH_VALUE_TEXTS, /* an array of strings */
	BH_VALUE_OTHER, /* what no field may be */
};

struct bh_value {
	enum bh_value_kind kind;
	size_t first, n; /* TEXT, TEXTS: in the texts of the line */
	int64_t number;
};

/* A C string and its length. */
struct bh_text {
	const char *s;
	size_t len;
};

/* Lives from line to line; begin with { 0 }. */
struct bh_fields {
	struct bh_value v[BH_FIELDS];
	struct bh_text *texts; /* heap */
	size_t n_texts, cap;
	json_t *doc; /* what texts point into, when jansson read the line */
	/* Fields that no flow has: told once each, at most so many. */
	char *unknown[20];
	size_t n_unknown, n_told;
};

/* One line, without its end; it is written into.  0, -EBADMSG with a sentence in why, or
 * -ENOMEM.  The fields last until the next line. */
BH_MUST int bh_fields_read(struct bh_fields *f, char *line, size_t len, char why[200]);
void bh_fields_reset(struct bh_fields *f);
