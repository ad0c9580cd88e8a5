/*
 * Any bytes as a flow of `explain --flows`: what is read in one pass must be what jansson
 * reads, field by field, and nothing that jansson refuses is read.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "fields: %s\n", what);
	abort();
}

static void same_text(const struct bh_fields *f, size_t i, const json_t *v)
{
	must(i < f->n_texts, "a text that is not there");
	must(json_is_string(v) && f->texts[i].len == json_string_length(v) &&
			!memcmp(f->texts[i].s, json_string_value(v), f->texts[i].len + 1),
		"another text");
}

static void same_value(const struct bh_fields *f, enum bh_field i, const json_t *v)
{
	const struct bh_value *x = &f->v[i];

	switch (x->kind) {
	case BH_VALUE_NONE: must(!v || json_is_null(v), "a value that was passed over"); break;
	case BH_VALUE_TEXT: same_text(f, x->first, v); break;
	case BH_VALUE_NUMBER:
		must(json_is_integer(v) && json_integer_value(v) == x->number, "another number");
		break;
	case BH_VALUE_TEXTS:
		must(json_is_array(v) && json_array_size(v) == x->n, "another array");
		for (size_t k = 0; k < x->n; k++)
			same_text(f, x->first + k, json_array_get(v, k));
		break;
	case BH_VALUE_OTHER: must(v && !json_is_string(v) && !json_is_integer(v), "a lost value");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_fields f = { 0 };
	json_error_t err;
	char why[200] = "";
	json_t *doc = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &err);

	/* Twice: the second time its unknown fields are known. */
	for (unsigned pass = 0; pass < 2; pass++) {
		char *line = malloc(size + 1);
		if (!line)
			abort();
		memcpy(line, data, size);
		int r = bh_fields_read(&f, line, size, why);
		if (r)
			must(!doc || !json_is_object(doc), "a flow that is refused");
		else
			must(doc && json_is_object(doc), "no flow, and read");
		for (int i = 0; !r && i < BH_FIELDS; i++)
			same_value(&f, (enum bh_field)i, json_object_get(doc, bh_field_names[i]));
		must(r == 0 || why[0], "refused without a reason");
		free(line);
	}
	bh_fields_reset(&f);
	json_decref(doc);
	return 0;
}
