#include "evidence/fields.h"

void bh_fields_add(struct bh_fields *f, struct bh_span name, struct bh_span text)
{
	if (f->n < BH_FIELDS_MAX)
		f->v[f->n++] = (struct bh_event_value){ .name = name, .text = text };
}

struct bh_span bh_fields_keep(struct bh_fields *f, struct bh_span text)
{
	struct bh_span s = bh_span_of(f->scratch + f->used, text.len);

	if (text.len > sizeof f->scratch - f->used)
		return (struct bh_span){ 0 };
	if (text.len)
		memcpy(f->scratch + f->used, text.ptr, text.len);
	f->used += text.len;
	return s;
}

struct bh_span bh_fields_get(const struct bh_fields *f, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < f->n; i++) {
		struct bh_span s = f->v[i].name;
		if (s.len == len && !memcmp(s.ptr, name, len) && f->v[i].text.ptr)
			return f->v[i].text;
	}
	return (struct bh_span){ 0 };
}

struct bh_span bh_fields_any(const struct bh_fields *f, const char *const names[])
{
	struct bh_span s = { 0 };

	for (size_t i = 0; !s.ptr && names[i]; i++)
		s = bh_fields_get(f, names[i]);
	return s;
}
