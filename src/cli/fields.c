#include "cli/fields.h"

#include <stdio.h>
#include <stdlib.h>

const char *const bh_field_names[BH_FIELDS] = {
	[BH_FIELD_HOOK] = "hook",
	[BH_FIELD_HOST] = "host",
	[BH_FIELD_CLIENT] = "client",
	[BH_FIELD_SERVER] = "server",
	[BH_FIELD_SERVICE] = "service",
	[BH_FIELD_PROFILE] = "profile",
	[BH_FIELD_IIF] = "iif",
	[BH_FIELD_OIF] = "oif",
	[BH_FIELD_SPORT] = "sport",
	[BH_FIELD_LOCALSUBNET] = "localsubnet",
	[BH_FIELD_SECURED] = "secured",
	[BH_FIELD_LEVEL] = "level",
	[BH_FIELD_BY] = "by",
};

static bool add_text(struct bh_fields *f, const char *s, size_t len)
{
	if (f->n_texts == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 64;
		struct bh_text *more = realloc(f->texts, cap * sizeof *more);
		if (!more)
			return false;
		f->texts = more;
		f->cap = cap;
	}
	f->texts[f->n_texts++] = (struct bh_text){ s, len };
	return true;
}

static int field_of(const char *s, size_t len)
{
	for (int i = 0; i < BH_FIELDS; i++) {
		const char *name = bh_field_names[i];
		if (len && name[0] == s[0] && !strncmp(name, s, len) && !name[len])
			return i;
	}
	return -1;
}

static bool is_unknown(const struct bh_fields *f, const char *s, size_t len)
{
	for (size_t i = 0; i < f->n_unknown; i++) {
		if (strlen(f->unknown[i]) == len && !memcmp(f->unknown[i], s, len))
			return true;
	}
	return false;
}

/* ---- a plain line, in place ---- */

struct scan {
	const char *at, *end;
	struct bh_fields *f;
};

static void skip_blanks(struct scan *s)
{
	while (s->at < s->end &&
		(*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
		s->at++;
}

static bool take(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* A string of ASCII without escapes. */
static bool take_string(struct scan *s, struct bh_text *ret)
{
	if (!take(s, '"'))
		return false;
	ret->s = s->at;
	for (; s->at < s->end; s->at++) {
		unsigned char c = (unsigned char)*s->at;
		if (c == '"') {
			ret->len = (size_t)(s->at++ - ret->s);
			return true;
		}
		if (c < 0x20 || c >= 0x7f || c == '\\')
			return false;
	}
	return false;
}

static bool take_number(struct scan *s, int64_t *ret)
{
	const char *start = s->at;
	int64_t n = 0;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - start < 10)
		n = n * 10 + (*s->at++ - '0');
	*ret = n;
	/* "01", "1.5" and "1e5" are for others. */
	return s->at > start && (*start != '0' || s->at == start + 1) && s->at < s->end &&
	       strchr(",} \t\r\n", *s->at);
}

static bool take_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return false;
	s->at += n;
	return true;
}

static bool take_texts(struct scan *s, struct bh_value *ret)
{
	struct bh_text t;

	ret->kind = BH_VALUE_TEXTS;
	ret->first = s->f->n_texts;
	if (take(s, ']'))
		return true;
	do {
		if (!take_string(s, &t) || !add_text(s->f, t.s, t.len))
			return false;
		ret->n++;
	} while (take(s, ','));
	return take(s, ']');
}

static bool take_value(struct scan *s, struct bh_value *ret)
{
	struct bh_text t;

	*ret = (struct bh_value){ .first = s->f->n_texts };
	skip_blanks(s);
	if (s->at == s->end)
		return false;
	switch (*s->at) {
	case '"':
		ret->kind = BH_VALUE_TEXT;
		ret->n = 1;
		return take_string(s, &t) && add_text(s->f, t.s, t.len);
	case '[': s->at++; return take_texts(s, ret);
	case 'n': return take_word(s, "null");
	default: ret->kind = BH_VALUE_NUMBER; return take_number(s, &ret->number);
	}
}

static bool scan_line(struct bh_fields *f, char *line, size_t len)
{
	struct scan s = { .at = line, .end = line + len, .f = f };
	unsigned seen = 0;

	if (!take(&s, '{'))
		return false;
	do {
		struct bh_text key;
		struct bh_value v;
		if (!take_string(&s, &key) || !take(&s, ':') || !take_value(&s, &v))
			return false;
		int i = field_of(key.s, key.len);
		if (i < 0 && is_unknown(f, key.s, key.len))
			continue;
		if (i < 0 || seen >> i & 1)
			return false;
		seen |= 1u << i;
		f->v[i] = v;
	} while (take(&s, ','));
	if (!take(&s, '}'))
		return false;
	skip_blanks(&s);
	if (s.at != s.end)
		return false;
	/* Nothing goes back now: close the strings where their quotes stand. */
	for (size_t i = 0; i < f->n_texts; i++)
		line[f->texts[i].s + f->texts[i].len - line] = '\0';
	return true;
}

/* ---- any line ---- */

static bool value_of(struct bh_fields *f, const json_t *v, struct bh_value *ret)
{
	*ret = (struct bh_value){ .kind = BH_VALUE_OTHER, .first = f->n_texts };
	if (json_is_null(v)) {
		ret->kind = BH_VALUE_NONE;
	} else if (json_is_string(v)) {
		ret->kind = BH_VALUE_TEXT;
		ret->n = 1;
		return add_text(f, json_string_value(v), json_string_length(v));
	} else if (json_is_integer(v)) {
		ret->kind = BH_VALUE_NUMBER;
		ret->number = json_integer_value(v);
	} else if (json_is_array(v)) {
		ret->kind = BH_VALUE_TEXTS;
		for (size_t i = 0; i < json_array_size(v); i++) {
			const json_t *one = json_array_get(v, i);
			if (!json_is_string(one)) {
				ret->kind = BH_VALUE_OTHER;
				return true;
			}
			if (!add_text(f, json_string_value(one), json_string_length(one)))
				return false;
			ret->n++;
		}
	}
	return true;
}

static void note_unknown(struct bh_fields *f, const char *key)
{
	if (f->n_unknown == BH_LEN(f->unknown) || is_unknown(f, key, strlen(key)))
		return;
	f->unknown[f->n_unknown] = strdup(key);
	f->n_unknown += f->unknown[f->n_unknown] != NULL;
}

static int load_line(struct bh_fields *f, const char *line, size_t len, char why[200])
{
	json_error_t err;
	const char *key;
	json_t *v;

	f->doc = json_loadb(line, len, JSON_REJECT_DUPLICATES, &err);
	if (!f->doc || !json_is_object(f->doc)) {
		if (f->doc)
			snprintf(why, 200, "a flow is one JSON object a line");
		else
			snprintf(why, 200, "this is no JSON: %s", err.text);
		return -EBADMSG;
	}
	json_object_foreach(f->doc, key, v)
	{
		int i = field_of(key, strlen(key));
		if (i < 0)
			note_unknown(f, key);
		else if (!value_of(f, v, &f->v[i]))
			return -ENOMEM;
	}
	return 0;
}

static void forget(struct bh_fields *f)
{
	memset(f->v, 0, sizeof f->v);
	f->n_texts = 0;
}

int bh_fields_read(struct bh_fields *f, char *line, size_t len, char why[200])
{
	json_decref(f->doc);
	f->doc = NULL;
	forget(f);
	if (scan_line(f, line, len))
		return 0;
	forget(f);
	return load_line(f, line, len, why);
}

void bh_fields_reset(struct bh_fields *f)
{
	json_decref(f->doc);
	free(f->texts);
	for (size_t i = 0; i < f->n_unknown; i++)
		free(f->unknown[i]);
	*f = (struct bh_fields){ 0 };
}
