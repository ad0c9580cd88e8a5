/*
 * reader: the values of a file of tags, each read or complained about in its place.
 * The room's own.
 */
#pragma once

#include <jansson.h>

#include "json/place.h"
#include "json/tags.h"

#define READER_STEPS 6 /* "values", its number, "properties", "addressPrefixes", a number */

struct reader {
	const char *file;
	struct bh_span text;
	struct bh_arena *a;
	struct bh_diags *diags;
	unsigned more; /* errors beyond BH_MAX_TAGS_ERRORS */
	struct place_step at[READER_STEPS];
	size_t depth;
};

struct list {
	const struct bh_range *v;
	size_t n;
};

/* One step down in the file, and up again. */
void reader_down(struct reader *r, const char *key, size_t index);
void reader_up(struct reader *r);

/* About the value that r stands at. */
void reader_complain(struct reader *r, const char *fmt, ...) BH_PRINTF(2, 3);

/* A member of o that is a name of few characters, which may be printed and written into a
 * policy.  NULL after complaining. */
const char *reader_name(struct reader *r, const json_t *o, const char *key);

/* A member of o that is a whole number; 0 after complaining. */
uint64_t reader_number(struct reader *r, const json_t *o, const char *key);

/* Where r stands: an array of prefixes of both families. */
void reader_prefixes(struct reader *r, const json_t *v, struct list *v4, struct list *v6);

/* A member of o such as "80,443", if it is there. */
struct list reader_ports(struct reader *r, const json_t *o, const char *key);
