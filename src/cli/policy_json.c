#include "cli/policy_json.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define MAX_SENTENCES 1000000u

/* One sentence: what is read of it, and what is left. */
struct sentence {
	const json_t *o;
	size_t number; /* from 1 */
	size_t taken; /* members */
	struct bh_buf *b;
	char *why;
};

static bool wrong(struct sentence *s, const char *fmt, ...) BH_PRINTF(2, 3);

static bool wrong(struct sentence *s, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!s->why[0])
		snprintf(s->why, 200, "sentence %zu: %s", s->number, text);
	return false;
}

static const json_t *take(struct sentence *s, const char *key)
{
	const json_t *v = json_object_get(s->o, key);

	s->taken += v != NULL;
	return v;
}

/* ---- what becomes one word, or one text ---- */

/* Blanks, commas, quotes, '#', control characters and a backslash at the end could make
 * more of a word than one. */
static bool is_word(const char *w)
{
	size_t n = strlen(w);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)w[i];
		if (c <= ' ' || c == 0x7f || c == ',' || c == '"' || c == '#')
			return false;
	}
	return n && w[n - 1] != '\\';
}

static bool add_word(struct sentence *s, const char *key, const json_t *v)
{
	const char *w = json_string_value(v);

	if (!w || !is_word(w))
		return wrong(s, "\"%s\" is one word", key);
	bh_buf_str(s->b, w);
	return true;
}

/* A word, or one of "from domain X" and "from namespace X". */
static bool add_item(struct sentence *s, const char *key, const json_t *v)
{
	static const char *const dynamic[] = { "from domain ", "from namespace " };
	const char *w = json_string_value(v);

	for (size_t i = 0; w && i < BH_LEN(dynamic); i++) {
		size_t n = strlen(dynamic[i]);
		if (!strncmp(w, dynamic[i], n) && is_word(w + n)) {
			bh_buf_str(s->b, w);
			return true;
		}
	}
	return add_word(s, key, v);
}

typedef bool (*add_fn)(struct sentence *s, const char *key, const json_t *v);

static bool add_array(struct sentence *s, const char *key, add_fn add)
{
	const json_t *v = take(s, key);

	if (!json_array_size(v))
		return wrong(s, "\"%s\" is an array that is not empty", key);
	for (size_t i = 0; i < json_array_size(v); i++) {
		bh_buf_str(s->b, i ? ", " : "");
		if (!add(s, key, json_array_get(v, i)))
			return false;
	}
	return true;
}

static bool items(struct sentence *s, const char *before, const char *key)
{
	bh_buf_str(s->b, before);
	return add_array(s, key, add_item);
}

static bool words(struct sentence *s, const char *before, const char *key)
{
	bh_buf_str(s->b, before);
	return add_array(s, key, add_word);
}

static bool word(struct sentence *s, const char *before, const char *key)
{
	bh_buf_str(s->b, before);
	return add_word(s, key, take(s, key));
}

/* Nothing at all when it is not there. */
static bool maybe(struct sentence *s, const char *before, const char *key, add_fn add)
{
	const json_t *v = take(s, key);

	if (!v)
		return true;
	bh_buf_str(s->b, before);
	return add(s, key, v);
}

static bool add_quoted(struct sentence *s, const char *key, const json_t *v)
{
	const char *t = json_string_value(v);

	if (!t || strpbrk(t, "\"\r\n"))
		return wrong(s, "\"%s\" is a text without quotes in one line", key);
	bh_buf_printf(s->b, "\"%s\"", t);
	return true;
}

/* "14 days", "2h": a number and letters. */
static bool add_duration(struct sentence *s, const char *key, const json_t *v)
{
	const char *t = json_string_value(v);
	size_t n = t ? strspn(t, "0123456789") : 0;

	if (!n || t[n + strspn(t + n, " abcdefghijklmnopqrstuvwxyz")])
		return wrong(s, "\"%s\" is a duration, like \"14 days\" or \"2h\"", key);
	bh_buf_str(s->b, t);
	return true;
}

static bool add_number(struct sentence *s, const char *key, const json_t *v)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 65535)
		return wrong(s, "\"%s\" is a number", key);
	bh_buf_printf(s->b, "%d", (int)json_integer_value(v));
	return true;
}

static bool flag(struct sentence *s, const char *key)
{
	const json_t *v = take(s, key); /* json_is_true is a macro */

	return json_is_true(v);
}

/* ---- sentences ---- */

static bool read_set(struct sentence *s)
{
	return word(s, " ", "name") && items(s, " ", "items") &&
	       (!json_object_get(s->o, "except") || items(s, " except ", "except"));
}

static bool read_tags(struct sentence *s)
{
	if (!word(s, " ", "name") || !word(s, " ", "source"))
		return false;
	bh_buf_str(s->b, " ");
	return add_quoted(s, "file", take(s, "file")) && words(s, " ", "tags");
}

static bool read_roaming(struct sentence *s)
{
	return words(s, " ", "sets");
}

static bool read_interfaces(struct sentence *s)
{
	return word(s, " ", "name") && words(s, " ", "interfaces");
}

static bool read_service(struct sentence *s)
{
	return word(s, " ", "name") && word(s, " ", "protocol") &&
	       maybe(s, " ", "port", add_number);
}

static bool read_group(struct sentence *s)
{
	return word(s, " ", "name") && maybe(s, " certificate ", "certificate", add_quoted) &&
	       maybe(s, " kerberos ", "kerberos", add_quoted) && maybe(s, " sid ", "sid", add_word);
}

static bool add_condition(struct sentence *s, const json_t *v)
{
	struct sentence in = { .o = v, .number = s->number, .b = s->b, .why = s->why };

	if (!maybe(&in, "authenticated by ", "authenticated_by", add_word) ||
		!maybe(&in, "interface ", "interface", add_word))
		return false;
	return in.taken == 1 && json_object_size(v) == 1
		       ? true
		       : wrong(s, "a condition is \"authenticated_by\" or \"interface\"");
}

static bool read_profile(struct sentence *s)
{
	if (!word(s, " ", "profile"))
		return false;
	if (flag(s, "otherwise")) {
		bh_buf_str(s->b, " otherwise");
		return true;
	}
	const json_t *when = take(s, "when");
	if (!json_array_size(when))
		return wrong(s, "\"when\" is an array of conditions");
	for (size_t i = 0; i < json_array_size(when); i++) {
		bh_buf_str(s->b, i ? " and " : " when ");
		if (!add_condition(s, json_array_get(when, i)))
			return false;
	}
	return true;
}

static bool read_services(struct sentence *s)
{
	return words(s, " ", "services") && maybe(s, " ", "direction", add_word);
}

static bool read_default(struct sentence *s)
{
	return word(s, " ", "action") && read_services(s);
}

static bool read_if(struct sentence *s)
{
	struct sentence in = { .o = take(s, "if"), .number = s->number, .b = s->b, .why = s->why };

	if (!in.o)
		return true;
	bool fine = word(&in, " if ", "level") &&
		    (!json_object_get(in.o, "as") || words(&in, " as ", "as")) &&
		    maybe(&in, " by ", "by", add_word);
	return fine && in.taken == json_object_size(in.o)
		       ? true
		       : wrong(s, "\"if\" has \"level\", \"as\" and \"by\"");
}

static bool read_rule(struct sentence *s)
{
	if (!read_services(s) || !items(s, " from ", "from") || !items(s, " to ", "to") ||
		(json_object_get(s->o, "on") && !words(s, " on ", "on")) ||
		!maybe(s, " via ", "via", add_word) || !read_if(s))
		return false;
	if (flag(s, "even_in_clear"))
		bh_buf_str(s->b, " even in clear");
	return maybe(s, " until ", "until", add_word) && maybe(s, " for ", "for", add_duration);
}

static bool read_server_off(struct sentence *s)
{
	return items(s, " off on ", "on") && maybe(s, " when unused ", "unused", add_duration);
}

static bool read_audit(struct sentence *s)
{
	return items(s, " shares on ", "on") && maybe(s, " for ", "for", add_duration);
}

static bool read_ring(struct sentence *s)
{
	if (!word(s, " ", "name"))
		return false;
	if (flag(s, "rest"))
		bh_buf_str(s->b, " rest");
	else if (json_object_get(s->o, "percent")) {
		if (!maybe(s, " ", "percent", add_number) || !word(s, "% of ", "of"))
			return false;
	} else if (!items(s, " hosts ", "hosts"))
		return false;
	return maybe(s, " soak ", "soak", add_duration);
}

static bool read_include(struct sentence *s)
{
	return maybe(s, " ", "file", add_quoted);
}

static bool read_nothing(struct sentence *s)
{
	(void)s;
	return true;
}

static const struct {
	const char *kind, *verb;
	bool (*read)(struct sentence *s);
} kinds[] = {
	{ "network", "network", read_set },
	{ "hosts", "hosts", read_set },
	{ "tags", "tags", read_tags },
	{ "roaming", "roaming", read_roaming },
	{ "interfaces", "interfaces", read_interfaces },
	{ "service", "service", read_service },
	{ "group", "group", read_group },
	{ "profile", "profile", read_profile },
	{ "default", "default", read_default },
	{ "allow", "allow", read_rule },
	{ "block", "block", read_rule },
	{ "server-off", "server", read_server_off },
	{ "audit-shares", "audit", read_audit },
	{ "ring", "ring", read_ring },
	{ "include", "include", read_include },
	{ "remark", "", read_nothing },
	{ "blank", "", read_nothing },
};

static bool add_remark(struct sentence *s, const char *key, const json_t *v)
{
	const char *t = json_string_value(v);

	if (!t || strpbrk(t, "\r\n"))
		return wrong(s, "\"%s\" is a text in one line", key);
	bh_buf_printf(s->b, "#%s", t);
	return true;
}

static bool read_sentence(struct sentence *s)
{
	const char *kind = json_string_value(take(s, "kind"));

	for (size_t i = 0; kind && i < BH_LEN(kinds); i++) {
		if (strcmp(kinds[i].kind, kind) != 0)
			continue;
		bh_buf_str(s->b, kinds[i].verb);
		if (!kinds[i].read(s) || !maybe(s, " ", "reason", add_quoted) ||
			!maybe(s, " ", "remark", add_remark))
			return false;
		bh_buf_str(s->b, "\n");
		return s->taken == json_object_size(s->o)
			       ? true
			       : wrong(s, "it has members that '%s' does not have", kind);
	}
	return wrong(s, "\"kind\" is none of the sentences");
}

static int read_sentences(const json_t *doc, struct bh_buf *ret, char why[200])
{
	const json_t *v = json_object_get(doc, "sentences");

	if (!json_is_integer(json_object_get(doc, "version")) ||
		json_integer_value(json_object_get(doc, "version")) != 1 || !json_is_array(v)) {
		snprintf(why, 200, "a policy is an object with \"version\": 1 and \"sentences\"");
		return -EBADMSG;
	}
	for (size_t i = 0; i < json_array_size(v) && i < MAX_SENTENCES; i++) {
		struct sentence s = {
			.o = json_array_get(v, i), .number = i + 1, .b = ret, .why = why
		};
		if (!read_sentence(&s))
			return -EBADMSG;
	}
	return bh_buf_ok(ret) ? 0 : -ENOMEM;
}

int bh_policy_from_json(struct bh_span text, struct bh_buf *ret, char why[200])
{
	json_error_t err;
	json_t *doc = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &err);
	int r = -EBADMSG;

	why[0] = '\0';
	if (!doc)
		snprintf(why, 200, "this is no JSON: %.120s, in line %d", err.text, err.line);
	else
		r = read_sentences(doc, ret, why);
	json_decref(doc);
	return r;
}
