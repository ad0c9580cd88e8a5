#include <stdio.h>

#include "policy/parse.h"

#define ALL_SENTENCES                                                                              \
	"network, hosts, roaming, interfaces, service, group, profile, default, allow, block, "    \
	"tags, server, audit, ring or include"

static void read_hooks(struct parser *p, struct bh_sentence *s)
{
	if (parser_take(p, "in"))
		s->hooks = BH_HOOK_BIT(BH_IN);
	else if (parser_take(p, "out"))
		s->hooks = BH_HOOK_BIT(BH_OUT);
}

static bool read_set(struct parser *p, struct bh_sentence *s)
{
	if (!read_name(p, "the set's name", &s->name, &s->name_mark))
		return false;
	if (!read_list(p, s->hosts, &s->list, &s->broken))
		return false;
	s->has_except = parser_take(p, "except");
	if (s->has_except && !read_list(p, s->hosts, &s->except, &s->broken))
		return false;
	if (parser_is(p, "except"))
		return parser_wrong(p, &p->t.mark,
			"a second 'except': one subtracts everything after it, so write one list");
	return true;
}

static bool read_network(struct parser *p, struct bh_sentence *s)
{
	return read_set(p, s);
}

static bool read_hosts(struct parser *p, struct bh_sentence *s)
{
	s->hosts = true;
	return read_set(p, s);
}

static bool read_tags(struct parser *p, struct bh_sentence *s)
{
	static const char *const kinds[] = { "azure", "office365" };

	if (!read_name(p, "the set's name", &s->name, &s->name_mark))
		return false;
	int kind = parser_take_one(p, kinds, BH_LEN(kinds));
	if (kind < 0)
		return parser_expected(p, "'azure' or 'office365'");
	s->what = (uint8_t)kind;
	return read_string(p, "the tag file's name in quotes", &s->text, &s->text_mark) &&
	       read_names(p, "a tag, like Storage.WestEurope", &s->words);
}

static bool read_roaming(struct parser *p, struct bh_sentence *s)
{
	return read_names(p, "the name of a hosts set", &s->words);
}

static bool read_interfaces(struct parser *p, struct bh_sentence *s)
{
	return read_name(p, "a name for these interfaces", &s->name, &s->name_mark) &&
	       read_ifnames(p, &s->words);
}

static bool read_port(struct parser *p, uint16_t *ret)
{
	unsigned port = 0;

	if (p->t.kind != BH_T_WORD)
		return parser_expected(p, "a port from 1 to 65535");
	for (size_t i = 0; i < p->t.len; i++) {
		if (p->t.ptr[i] < '0' || p->t.ptr[i] > '9' || port > 65535)
			return parser_expected(p, "a port from 1 to 65535");
		port = port * 10 + (unsigned)(p->t.ptr[i] - '0');
	}
	if (!port || port > 65535 || p->t.ptr[0] == '0')
		return parser_expected(p, "a port from 1 to 65535");
	*ret = (uint16_t)port;
	parser_advance(p);
	return true;
}

static bool read_service(struct parser *p, struct bh_sentence *s)
{
	if (!read_name(p, "the service's name", &s->name, &s->name_mark))
		return false;
	if (parser_take(p, "tcp"))
		s->port.proto = BH_TCP;
	else if (parser_take(p, "udp"))
		s->port.proto = BH_UDP;
	else
		return parser_expected(p, "'tcp' or 'udp'");
	return read_port(p, &s->port.port);
}

/* ---- group ---- */

/* [MS-DTYP] 2.4.2.1: S-1-, the authority, at most 15 more numbers. */
static bool is_sid(const char *s)
{
	unsigned numbers = 0;

	if (strncmp(s, "S-1-", 4))
		return false;
	for (s += 3; *s == '-'; numbers++) {
		uint64_t n = 0, most = numbers ? UINT32_MAX : (1ull << 48) - 1;
		size_t digits = strspn(s + 1, "0123456789");
		if (!digits || digits > 15)
			return false;
		for (s++; digits; digits--)
			n = n * 10 + (uint64_t)(*s++ - '0');
		if (n > most)
			return false;
	}
	return !*s && numbers >= 2 && numbers <= 16;
}

static bool read_sid(struct parser *p, struct bh_sentence *s)
{
	if (p->t.kind != BH_T_WORD)
		return parser_expected(p, "a SID, like S-1-5-21-1-2-3-513");
	s->text = bh_arena_strn(p->a, p->t.ptr, p->t.len);
	s->text_mark = p->t.mark;
	if (!s->text)
		return false;
	if (!is_sid(s->text))
		return parser_wrong(p, &p->t.mark,
			"this is no SID: one reads like S-1-5-21-1004336348-1177238915-682003330-513");
	parser_advance(p);
	return true;
}

static bool read_group(struct parser *p, struct bh_sentence *s)
{
	static const char *const kinds[] = { "certificate", "kerberos", "sid" };

	if (!read_name(p, "the group's name", &s->name, &s->name_mark))
		return false;
	int kind = parser_take_one(p, kinds, BH_LEN(kinds));
	if (kind < 0)
		return parser_expected(p, "'certificate', 'kerberos' or 'sid'");
	s->what = (uint8_t)kind;
	if (kind == BH_GROUP_SID)
		return read_sid(p, s);
	return read_string(p,
		kind == BH_GROUP_CERTIFICATE
			? "the certificate's name in quotes, like \"CN=Fleet CA\""
			: "the principal's name in quotes",
		&s->text, &s->text_mark);
}

/* ---- profile ---- */

#define MAX_CONDITIONS 64u

/* Each condition is one word: a set, or an interface. */
static bool read_condition(struct parser *p, bool *authenticated, struct bh_words *ret)
{
	*authenticated = parser_take(p, "authenticated");
	if (*authenticated) {
		if (!parser_take(p, "by"))
			return parser_expected(p, "'by'");
		return read_names(p, "a set's name", ret);
	}
	if (!parser_take(p, "interface"))
		return parser_expected(p, "'authenticated by SET' or 'interface NAME'");
	return read_ifnames(p, ret);
}

static bool read_conditions(struct parser *p, struct bh_sentence *s)
{
	struct bh_word v[MAX_CONDITIONS];
	size_t n = 0;

	do {
		struct bh_mark start = p->t.mark;
		struct bh_words one;
		bool authenticated;
		if (!read_condition(p, &authenticated, &one))
			return false;
		if (one.n != 1)
			return parser_wrong(p, &one.v[1].mark,
				"one name for each condition: join conditions with 'and'");
		if (n == MAX_CONDITIONS)
			return parser_wrong(p, &start, "more than 64 conditions for one profile");
		if (authenticated)
			s->authenticated |= 1ull << n;
		v[n++] = one.v[0];
	} while (parser_take(p, "and"));
	s->words.v = bh_arena_copy(p->a, v, n * sizeof *v);
	s->words.n = n;
	return s->words.v;
}

static bool read_profile(struct parser *p, struct bh_sentence *s)
{
	s->name_mark = p->t.mark;
	int profile = parser_take_one(p, bh_profile_names, BH_PROFILES);
	if (profile < 0)
		return parser_expected(p, "'domain', 'private' or 'public'");
	s->what = (uint8_t)profile;
	s->otherwise = parser_take(p, "otherwise");
	if (s->otherwise)
		return true;
	if (!parser_take(p, "when"))
		return parser_expected(p, "'when' or 'otherwise'");
	return read_conditions(p, s);
}

/* ---- defaults and rules ---- */

static bool read_default(struct parser *p, struct bh_sentence *s)
{
	if (parser_take(p, "block"))
		s->block = true;
	else if (!parser_take(p, "allow"))
		return parser_expected(p, "'block' or 'allow'");
	if (!read_services(p, &s->services))
		return false;
	read_hooks(p, s);
	return true;
}

static bool no_except(struct parser *p)
{
	return parser_wrong(p, &p->t.mark,
		"'except' belongs to a network or hosts sentence: name the set there, and that "
		"name here");
}

static bool read_rule(struct parser *p, struct bh_sentence *s)
{
	if (!read_services(p, &s->services))
		return false;
	read_hooks(p, s);
	if (!parser_take(p, "from"))
		return parser_expected(p, s->hooks ? "'from'" : "'in', 'out' or 'from'");
	if (!read_list(p, false, &s->from, &s->broken))
		return false;
	if (parser_is(p, "except"))
		return no_except(p);
	if (!parser_take(p, "to"))
		return parser_expected(p, "'to'");
	if (!read_list(p, false, &s->to, &s->broken))
		return false;
	if (parser_is(p, "except"))
		return no_except(p);
	return read_clauses(p, s);
}

static bool read_block(struct parser *p, struct bh_sentence *s)
{
	s->block = true;
	return read_rule(p, s);
}

/* ---- tasks and rings ---- */

static bool read_server(struct parser *p, struct bh_sentence *s)
{
	if (!parser_take(p, "off"))
		return parser_expected(p, "'off'");
	if (!parser_take(p, "on"))
		return parser_expected(p, "'on'");
	if (!read_list(p, false, &s->list, &s->broken))
		return false;
	if (!parser_take(p, "when"))
		return true;
	if (!parser_take(p, "unused"))
		return parser_expected(p, "'unused'");
	return read_duration(p, &s->seconds);
}

static bool read_audit(struct parser *p, struct bh_sentence *s)
{
	if (!parser_take(p, "shares"))
		return parser_expected(p, "'shares'");
	if (!parser_take(p, "on"))
		return parser_expected(p, "'on'");
	if (!read_list(p, false, &s->list, &s->broken))
		return false;
	if (!parser_take(p, "for"))
		return parser_expected(p, "'for'");
	return read_duration(p, &s->seconds);
}

/* "10%", or "10 %". */
static bool read_percent(struct parser *p, struct bh_sentence *s)
{
	char text[8] = "";
	struct bh_mark mark = p->t.mark;
	unsigned n = 0;

	if (p->t.kind == BH_T_WORD && p->t.len < sizeof text - 1)
		memcpy(text, p->t.ptr, p->t.len);
	size_t digits = strspn(text, "0123456789");
	if (!digits || (text[digits] && strcmp(text + digits, "%")))
		return parser_expected(p, "'hosts', a share like 10%, or 'rest'");
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (unsigned)(text[i] - '0');
	parser_advance(p);
	if (!text[digits] && !parser_take(p, "%"))
		return parser_expected(p, "'%'");
	if (!n || n > 100)
		return parser_wrong(p, &mark, "a ring is from 1% to 100% of a set");
	s->what = (uint8_t)n;
	if (!parser_take(p, "of"))
		return parser_expected(p, "'of'");
	struct bh_word of;
	if (!read_name(p, "a set's name", &of.name, &of.mark))
		return false;
	s->words.v = bh_arena_copy(p->a, &of, sizeof of);
	s->words.n = 1;
	return s->words.v;
}

static bool read_ring(struct parser *p, struct bh_sentence *s)
{
	if (!read_name(p, "the ring's name", &s->name, &s->name_mark))
		return false;
	if (parser_take(p, "hosts")) {
		if (!read_list(p, true, &s->list, &s->broken))
			return false;
	} else if (parser_take(p, "rest")) {
		s->what = BH_RING_REST;
	} else if (!read_percent(p, s)) {
		return false;
	}
	return !parser_take(p, "soak") || read_duration(p, &s->seconds);
}

static bool read_include(struct parser *p, struct bh_sentence *s)
{
	return read_string(p, "the file's name in quotes", &s->text, &s->text_mark);
}

/* ---- whichever it is ---- */

static const struct {
	const char *word;
	enum bh_sentence_kind kind;
	bool (*read)(struct parser *p, struct bh_sentence *s);
} sentences[] = {
	{ "network", BH_SENTENCE_SET, read_network },
	{ "hosts", BH_SENTENCE_SET, read_hosts },
	{ "tags", BH_SENTENCE_TAGS, read_tags },
	{ "roaming", BH_SENTENCE_ROAMING, read_roaming },
	{ "interfaces", BH_SENTENCE_INTERFACES, read_interfaces },
	{ "service", BH_SENTENCE_SERVICE, read_service },
	{ "group", BH_SENTENCE_GROUP, read_group },
	{ "profile", BH_SENTENCE_PROFILE, read_profile },
	{ "default", BH_SENTENCE_DEFAULT, read_default },
	{ "allow", BH_SENTENCE_RULE, read_rule },
	{ "block", BH_SENTENCE_RULE, read_block },
	{ "server", BH_SENTENCE_SERVER_OFF, read_server },
	{ "audit", BH_SENTENCE_AUDIT, read_audit },
	{ "ring", BH_SENTENCE_RING, read_ring },
	{ "include", BH_SENTENCE_INCLUDE, read_include },
};

static bool begins_none(struct parser *p)
{
	char name[64];

	if (p->t.kind != BH_T_WORD)
		return parser_expected(p, "a sentence: " ALL_SENTENCES);
	if (p->lx.failed)
		return false;
	snprintf(name, sizeof name, "%.*s", (int)bh_min_size(p->t.len, 60), p->t.ptr);
	const char *more = p->t.len > 60 ? "…" : "";
	const char *near = bh_nearest_keyword(name);
	if (near)
		bh_complain(&p->c, BH_ERROR, &p->t.mark,
			"'%s%s' begins no sentence: did you mean '%s'?", name, more, near);
	else
		bh_complain(&p->c, BH_ERROR, &p->t.mark,
			"'%s%s' begins no sentence: a sentence begins with " ALL_SENTENCES, name,
			more);
	return false;
}

bool read_body(struct parser *p, struct bh_sentence *s)
{
	for (size_t i = 0; i < BH_LEN(sentences); i++) {
		if (!parser_take(p, sentences[i].word))
			continue;
		s->kind = (uint8_t)sentences[i].kind;
		return sentences[i].read(p, s);
	}
	return begins_none(p);
}
