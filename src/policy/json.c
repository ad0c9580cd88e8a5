#include "policy/ast.h"

/*
 * The sentences of a policy as JSON (doc/policy.schema.json).  Written here, because nobody
 * else sees sentences; bulkhead policy fmt --from-json reads it.  What was not said is not
 * there.  Words stand as the language has them, in their canonical form.
 */

struct out {
	struct bh_buf *b;
	bool more; /* a member stands before */
};

static void text(struct out *o, const char *s)
{
	bh_buf_u8(o->b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			bh_buf_printf(o->b, "\\%c", c);
		else if (c < 0x20)
			bh_buf_printf(o->b, "\\u%04x", c);
		else
			bh_buf_u8(o->b, c);
	}
	bh_buf_u8(o->b, '"');
}

static void key(struct out *o, const char *name)
{
	bh_buf_str(o->b, o->more ? ", " : "");
	text(o, name);
	bh_buf_str(o->b, ": ");
	o->more = true;
}

static void member(struct out *o, const char *name, const char *value)
{
	if (!value)
		return;
	key(o, name);
	text(o, value);
}

static void truth(struct out *o, const char *name)
{
	key(o, name);
	bh_buf_str(o->b, "true");
}

static void number(struct out *o, const char *name, unsigned n)
{
	key(o, name);
	bh_buf_printf(o->b, "%u", n);
}

static void duration(struct out *o, const char *name, int64_t seconds)
{
	BH_AUTO_BUF b = { 0 };

	if (!seconds)
		return;
	bh_duration_print(seconds, &b);
	member(o, name, bh_buf_text(&b));
}

static void items(struct out *o, const char *name, const struct bh_list *l)
{
	key(o, name);
	bh_buf_str(o->b, "[");
	for (size_t i = 0; i < l->n; i++) {
		BH_AUTO_BUF b = { 0 };
		bh_item_print(&l->v[i], &b);
		o->b->failed |= b.failed;
		bh_buf_str(o->b, i ? ", " : "");
		text(o, bh_buf_text(&b));
	}
	bh_buf_str(o->b, "]");
}

static void words(struct out *o, const char *name, const struct bh_words *w)
{
	key(o, name);
	bh_buf_str(o->b, "[");
	for (size_t i = 0; i < w->n; i++) {
		bh_buf_str(o->b, i ? ", " : "");
		text(o, w->v[i].name);
	}
	bh_buf_str(o->b, "]");
}

static void services(struct out *o, const struct bh_sentence *s)
{
	words(o, "services", &s->services);
	if (s->hooks)
		member(o, "direction", s->hooks == BH_HOOK_BIT(BH_IN) ? "in" : "out");
}

static void profiles(struct out *o, unsigned on)
{
	const char *before = "";

	key(o, "on");
	bh_buf_str(o->b, "[");
	for (unsigned i = 0; i < BH_PROFILES; i++) {
		if (!(on & BH_PROFILE_BIT(i)))
			continue;
		bh_buf_printf(o->b, "%s\"%s\"", before, bh_profile_names[i]);
		before = ", ";
	}
	bh_buf_str(o->b, "]");
}

static void clauses(struct out *o, const struct bh_clauses *c)
{
	BH_AUTO_BUF day = { 0 };

	if (c->on)
		profiles(o, c->on);
	member(o, "via", c->via.name);
	if (c->level) {
		struct out in = { .b = o->b };
		key(o, "if");
		bh_buf_str(o->b, "{");
		member(&in, "level", bh_level_names[c->level]);
		if (c->as.n)
			words(&in, "as", &c->as);
		member(&in, "by", c->by ? bh_by_names[c->by] : NULL);
		bh_buf_str(o->b, "}");
	}
	if (c->even_mark.line)
		truth(o, "even_in_clear");
	if (c->until_mark.line) {
		bh_date_format(c->until, &day);
		member(o, "until", bh_buf_text(&day));
	}
	duration(o, "for", c->seconds);
}

static void conditions(struct out *o, const struct bh_sentence *s)
{
	key(o, "when");
	bh_buf_str(o->b, "[");
	for (size_t i = 0; i < s->words.n; i++) {
		bh_buf_str(o->b, i ? ", {" : "{");
		struct out in = { .b = o->b };
		member(&in, s->authenticated >> i & 1 ? "authenticated_by" : "interface",
			s->words.v[i].name);
		bh_buf_str(o->b, "}");
	}
	bh_buf_str(o->b, "]");
}

static void ring(struct out *o, const struct bh_sentence *s)
{
	if (s->what == BH_RING_REST) {
		truth(o, "rest");
	} else if (s->what) {
		number(o, "percent", s->what);
		member(o, "of", s->words.v[0].name);
	} else {
		items(o, "hosts", &s->list);
	}
	duration(o, "soak", s->seconds);
}

static const char *kind_of(const struct bh_sentence *s)
{
	switch ((enum bh_sentence_kind)s->kind) {
	case BH_SENTENCE_SET: return s->hosts ? "hosts" : "network";
	case BH_SENTENCE_TAGS: return "tags";
	case BH_SENTENCE_SERVICE: return "service";
	case BH_SENTENCE_DEFAULT: return "default";
	case BH_SENTENCE_RULE: return s->block ? "block" : "allow";
	case BH_SENTENCE_ROAMING: return "roaming";
	case BH_SENTENCE_INTERFACES: return "interfaces";
	case BH_SENTENCE_GROUP: return "group";
	case BH_SENTENCE_PROFILE: return "profile";
	case BH_SENTENCE_SERVER_OFF: return "server-off";
	case BH_SENTENCE_AUDIT: return "audit-shares";
	case BH_SENTENCE_RING: return "ring";
	case BH_SENTENCE_INCLUDE: return "include";
	case BH_SENTENCE_REMARK: return "remark";
	case BH_SENTENCE_BLANK:
	case BH_SENTENCE_LOST: break;
	}
	return "blank";
}

static void body(struct out *o, const struct bh_sentence *s)
{
	static const char *const groups[] = { "certificate", "kerberos", "sid" };

	member(o, "name", s->name);
	switch ((enum bh_sentence_kind)s->kind) {
	case BH_SENTENCE_SET:
		items(o, "items", &s->list);
		if (s->has_except)
			items(o, "except", &s->except);
		break;
	case BH_SENTENCE_TAGS:
		member(o, "source", s->what == BH_TAG_AZURE ? "azure" : "office365");
		member(o, "file", s->text);
		words(o, "tags", &s->words);
		break;
	case BH_SENTENCE_SERVICE:
		member(o, "protocol", s->port.proto == BH_TCP ? "tcp" : "udp");
		number(o, "port", s->port.port);
		break;
	case BH_SENTENCE_DEFAULT:
		member(o, "action", s->block ? "block" : "allow");
		services(o, s);
		break;
	case BH_SENTENCE_RULE:
		services(o, s);
		items(o, "from", &s->from);
		items(o, "to", &s->to);
		if (s->clauses)
			clauses(o, s->clauses);
		break;
	case BH_SENTENCE_ROAMING: words(o, "sets", &s->words); break;
	case BH_SENTENCE_INTERFACES: words(o, "interfaces", &s->words); break;
	case BH_SENTENCE_GROUP: member(o, groups[s->what], s->text); break;
	case BH_SENTENCE_PROFILE:
		member(o, "profile", bh_profile_names[s->what]);
		if (s->otherwise)
			truth(o, "otherwise");
		else
			conditions(o, s);
		break;
	case BH_SENTENCE_SERVER_OFF:
		items(o, "on", &s->list);
		duration(o, "unused", s->seconds);
		break;
	case BH_SENTENCE_AUDIT:
		items(o, "on", &s->list);
		duration(o, "for", s->seconds);
		break;
	case BH_SENTENCE_RING: ring(o, s); break;
	case BH_SENTENCE_INCLUDE: member(o, "file", s->text); break;
	case BH_SENTENCE_BLANK:
	case BH_SENTENCE_REMARK:
	case BH_SENTENCE_LOST: break;
	}
	member(o, "reason", s->reason);
	member(o, "remark", s->remark);
}

void bh_policy_print_json(const struct bh_policy *p, struct bh_buf *ret)
{
	const char *before = "\n  ";

	bh_buf_str(ret, "{\"version\": 1, \"sentences\": [");
	for (size_t i = 0; i < p->n; i++) {
		const struct bh_sentence *s = &p->v[i];
		struct out o = { .b = ret };
		if (s->mark.source != 0)
			continue;
		bh_buf_printf(ret, "%s{", before);
		member(&o, "kind", kind_of(s));
		body(&o, s);
		bh_buf_str(ret, "}");
		before = ",\n  ";
	}
	bh_buf_str(ret, "\n]}\n");
}
