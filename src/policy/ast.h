/*
 * ast: sentences as they were written, and what their names mean (inside the room).
 */
#pragma once

#include "policy/policy.h"

/* Limits on what a policy file may make us do; each is an error with its place. */
#define BH_MAX_ITEMS    1000000u /* items in all lists of one policy */
#define BH_MAX_NESTING  64u /* sets that name sets that name sets … */
#define BH_MAX_NAME     255u /* bytes of a name */
#define BH_MAX_ERRORS   1000u /* told one by one; the rest is counted */
#define BH_MAX_RESOLVED 4000000u /* ranges of all sets together, once resolved */
#define BH_MAX_LINE     0x7fffffffu
#define BH_MAX_FILES    256u /* a policy and what it includes */
#define BH_MAX_INCLUDES 16u /* files that include files that include … */
#define BH_MAX_ROAMING  (1u << 28) /* sets × machines, where machines roam */
#define BH_MAX_PORTS    (BH_MAX_GATES / BH_HOOKS) /* what a table has room for */

/* One file of the policy; the first is the policy itself. */
struct bh_source {
	const char *file; /* as people should see it */
	struct bh_span text;
};

/* Where something stands in the text. */
struct bh_mark {
	const char *at;
	unsigned line, column, length; /* column and length in characters */
	unsigned source; /* which file */
};

enum bh_item_kind {
	BH_ITEM_BROKEN, /* already complained about; means nothing */
	BH_ITEM_ADDRESS,
	BH_ITEM_PREFIX,
	BH_ITEM_RANGE,
	BH_ITEM_SET, /* `set` */
	BH_ITEM_MACHINE, /* `machine` */
	BH_ITEM_ANY,
	BH_ITEM_INTERNET,
	BH_ITEM_SELF,
	BH_ITEM_LOCALSUBNET,
	BH_ITEM_DOMAIN, /* `from domain` */
	BH_ITEM_NAMESPACE, /* `from namespace` */
	BH_ITEM_WORD, /* a name whose meaning is not looked up yet */
};

struct bh_item {
	bh_u128 lo, hi; /* addresses, prefixes, ranges */
	const char *name; /* names, as written */
	struct bh_mark mark;
	uint32_t index; /* of the set's sentence, or of the machine */
	uint8_t kind; /* enum bh_item_kind */
	uint8_t family;
};

struct bh_list {
	struct bh_item *v;
	size_t n;
};

/* A word in a list of services. */
struct bh_word {
	const char *name;
	struct bh_mark mark;
};

struct bh_words {
	struct bh_word *v;
	size_t n;
};

enum bh_sentence_kind {
	BH_SENTENCE_BLANK, /* one or more blank lines */
	BH_SENTENCE_REMARK, /* a line with nothing but a remark */
	BH_SENTENCE_LOST, /* not understood: an error told of it */
	BH_SENTENCE_SET,
	BH_SENTENCE_TAGS,
	BH_SENTENCE_SERVICE,
	BH_SENTENCE_DEFAULT,
	BH_SENTENCE_RULE,
	BH_SENTENCE_ROAMING,
	BH_SENTENCE_INTERFACES,
	BH_SENTENCE_GROUP,
	BH_SENTENCE_PROFILE,
	BH_SENTENCE_SERVER_OFF,
	BH_SENTENCE_AUDIT,
	BH_SENTENCE_RING,
	BH_SENTENCE_INCLUDE,
};

/* What follows the `to` of a rule.  A mark without a line: not said. */
struct bh_clauses {
	struct bh_mark on_mark, via_mark, if_mark, even_mark, until_mark, for_mark;
	struct bh_word via;
	struct bh_words as;
	int64_t until; /* days since 1970-01-01 */
	int64_t seconds; /* `for` */
	uint8_t on; /* BH_PROFILE_BIT mask; 0: not said */
	uint8_t level; /* enum bh_level; BH_CLEAR: no `if` */
	uint8_t by; /* enum bh_by */
};

struct bh_sentence {
	struct bh_mark mark; /* its first word */
	const char *remark; /* what follows '#'; NULL: none */
	const char *reason; /* NULL: none */
	const char *name; /* of whatever it defines */
	struct bh_mark name_mark;
	struct bh_list list, except; /* set; server off, audit, ring: whom */
	struct bh_list from, to; /* rule */
	struct bh_words services; /* default, rule */
	/* roaming: sets; interfaces: names; tags: tags; profile: a set or interface for each
	 * condition; ring: the set of which it is a part. */
	struct bh_words words;
	const struct bh_clauses *clauses; /* rule; NULL: none */
	const char *text; /* tags, include: the file as written; group: the identity */
	struct bh_mark text_mark;
	int64_t seconds; /* server off, audit, ring: the duration; 0: not said */
	struct bh_service port; /* service */
	uint64_t authenticated; /* profile: bit per condition that is `authenticated by` */
	uint8_t kind; /* enum bh_sentence_kind */
	uint8_t hooks; /* as written: BH_HOOK_BIT of in or out; 0: unsaid */
	/* tags: enum bh_tag_source; group: enum bh_group_kind; profile: enum bh_profile; ring:
	 * percent, 0 when it has a list, BH_RING_REST. */
	uint8_t what;
	bool hosts; /* set: else network */
	bool block; /* default, rule: else allow */
	bool has_except;
	bool otherwise; /* profile */
	uint8_t would_be; /* of a lost sentence: what it tried to be */
	bool broken; /* a set that lost items to errors: say nothing more about it */
	bool roams; /* set: it has roaming members */
};

#define BH_RING_REST 255

static inline bool bh_is_set(const struct bh_sentence *s)
{
	return s->kind == BH_SENTENCE_SET || s->kind == BH_SENTENCE_TAGS;
}

/* Names → numbers, without case. */
struct bh_namemap {
	struct bh_nameslot *slots;
	size_t n, cap; /* cap is a power of two, or 0 */
};

struct bh_nameslot {
	const char *name; /* NULL: free */
	uint32_t index;
};

/* Finds name; -1 when it is not there. */
int64_t bh_namemap_find(const struct bh_namemap *m, const char *name);
/* Adds name → index unless it is there; returns what name means now, -1 without memory. */
int64_t bh_namemap_add(struct bh_namemap *m, struct bh_arena *a, const char *name, uint32_t index);
/* The name closest to word, NULL when none is close. */
const char *bh_namemap_nearest(const struct bh_namemap *m, const char *word);
bool bh_name_equal(const char *a, const char *b); /* without case */
unsigned bh_name_distance(const char *a, const char *b, unsigned limit);

/* One port that a service of this policy stands for. */
struct bh_port_of {
	const char *of; /* the service */
	const char *name; /* what a flow calls it */
	struct bh_service service;
	bool quic;
	unsigned line; /* of the sentence; 0: built in */
};

struct bh_policy {
	const struct bh_source *sources;
	size_t n_sources;
	struct bh_sentence *v; /* in the order of the text, included ones after their include */
	size_t n;
	struct bh_namemap sets; /* and tags → index into v */
	struct bh_namemap groups, interfaces, rings; /* → index into v */
	struct bh_namemap machines; /* → index into machine_names */
	const char **machine_names;
	size_t n_machines;
	struct bh_namemap services; /* one's own → index into v */
	struct bh_port_of *ports;
	size_t n_ports;
	uint32_t *order; /* the set and tags sentences, every set after those it names */
	size_t n_order;
	/* The sets that `roaming` names → index into v, and where they are named. */
	const uint32_t *roaming;
	const struct bh_mark *roaming_mark;
	size_t n_roaming;
	const bool *roams; /* per machine; NULL when nobody roams */
};

/* What the text is made of, one token at a time (lex.c). */
enum bh_token_kind { BH_T_WORD, BH_T_STRING, BH_T_COMMA, BH_T_END, BH_T_EOF };

struct bh_token {
	const char *ptr; /* STRING: without the quotes */
	size_t len;
	struct bh_mark mark;
	enum bh_token_kind kind;
};

/* Complains; every diagnostic of the room is made here. */
struct bh_complain {
	struct bh_diags *diags;
	const struct bh_source *sources;
	unsigned more; /* errors beyond BH_MAX_ERRORS */
};

void bh_complain(struct bh_complain *c, enum bh_severity severity, const struct bh_mark *m,
	const char *fmt, ...) BH_PRINTF(4, 5);
void bh_complain_end(struct bh_complain *c); /* tells how many were left out */
#define BH_LINE_TEXT 300
/* "line 7", or "line 7 of base.policy" where that is another file than from's. */
const char *bh_line_of(const struct bh_complain *c, const struct bh_mark *m,
	const struct bh_mark *from, char ret[BH_LINE_TEXT]);

struct bh_lexer {
	const char *at, *end, *line_start; /* line_start: where `column` counts from */
	unsigned line, column, source;
	struct bh_complain *complain;
	struct bh_arena *arena;
	const char *remark; /* of the logical line that just ended */
	bool failed; /* the logical line holds something that is no text */
};

void bh_lexer_open(struct bh_lexer *lx, unsigned source, struct bh_complain *c, struct bh_arena *a);
/* END closes each logical line; EOF follows the last END. */
struct bh_token bh_lexer_next(struct bh_lexer *lx);

/* The words of the grammar are no names (words.c). */
bool bh_is_keyword(const char *word, size_t len);
const char *bh_nearest_keyword(const char *word);
bool bh_is_builtin_set(const char *name, enum bh_item_kind *ret);
bool bh_is_builtin_service(const char *name);

/* One item, its words only: an address, prefix, range or name (item.c).  What is wrong
 * is said; then the item is BROKEN. */
void bh_item_parse(const struct bh_token *t, bool hosts, struct bh_complain *c, struct bh_arena *a,
	struct bh_item *ret);
/* A word that may be the name of something new: NULL when it may, else why not. */
const char *bh_name_problem(const char *word, size_t len);
const char *bh_unc_problem(const char *word, size_t len);

/* What the names mean, and what contradicts what (check.c).  -ENOMEM. */
BH_MUST int bh_policy_check(struct bh_policy *p, struct bh_arena *a, struct bh_complain *c);

/* Its parts.  services.c: what ports the services stand for, and what is said of them
 * twice.  roam.c: who roams, once the sets are in order.  rules.c: what one rule may say. */
void bh_check_services(struct bh_policy *p, struct bh_arena *a, struct bh_complain *c);
void bh_check_service_words(struct bh_policy *p, struct bh_sentence *s, struct bh_complain *c);
void bh_check_defaults(struct bh_policy *p, struct bh_complain *c);
void bh_check_roaming(struct bh_policy *p, struct bh_arena *a, struct bh_complain *c);
void bh_check_rule(struct bh_policy *p, struct bh_sentence *s, struct bh_complain *c);
void bh_check_rings(struct bh_policy *p, struct bh_complain *c);

/* The path of text as its sentence's file sees it: relative to that file's folder. */
const char *bh_policy_path(const struct bh_source *from, const char *text, struct bh_arena *a);

/* The port belongs to one of the services named. */
bool bh_service_in_words(const struct bh_words *w, const struct bh_port_of *port);

/* One sentence in canonical form, without reason and remark (print.c). */
void bh_sentence_print(const struct bh_sentence *s, struct bh_buf *ret);
void bh_item_print(const struct bh_item *one, struct bh_buf *ret);
void bh_duration_print(int64_t seconds, struct bh_buf *ret); /* "14 days", "2h" */

/* Fixed sets (special.c). */
struct bh_addrset bh_set_internet(struct bh_arena *a);
struct bh_addrset bh_set_loopback(struct bh_arena *a);
struct bh_addrset bh_set_multicast(struct bh_arena *a); /* and 255.255.255.255 */
bool bh_is_loopback(const struct bh_addr *a);
bool bh_is_multicast(const struct bh_addr *a); /* or 255.255.255.255 */

/* Machine membership (members.c). */
struct bh_bound_item {
	const char *name; /* a machine's, when set < 0 */
	int64_t set; /* index into bh_bound_names.sets; -1: a machine */
};

/* The part of a list that says which machines are in it besides by address. */
struct bh_member_list {
	bool any; /* the word stands in it */
	struct bh_addrset addrs; /* literals, `internet`, resolved machines */
	const struct bh_bound_item *v;
	size_t n;
};

struct bh_member_set {
	const char *name;
	struct bh_member_list list, except;
};

struct bh_bound_machine {
	const char *name;
	const struct bh_addr *addrs;
	size_t n;
};

struct bh_bound_names {
	const struct bh_member_set *sets; /* every set after those it names */
	size_t n_sets;
	const struct bh_bound_machine *machines;
	size_t n_machines;
	struct bh_namemap map; /* names → machines */
	/* Per rule, its lists as membership asks for them. */
	const struct bh_member_list *from, *to;
	const struct bh_member_list *tasks; /* per task */
	const uint32_t *roaming; /* per bound roaming: → sets */
	const bool *roams; /* per machine; NULL when nobody roams */
};

/* One machine: its names and all its stable addresses. */
struct bh_machine {
	const char *const *names;
	size_t n_names;
	const struct bh_addr *addrs;
	size_t n_addrs;
};

/* in: one bool per set of n, filled from first to last. */
void bh_members_mark(const struct bh_bound_names *n, const struct bh_machine *m, bool *in);
bool bh_members_in(const struct bh_member_list *l, const struct bh_machine *m, const bool *in);

/* bh_bound.canonical (canon.c). */
const char *bh_policy_canonical(const struct bh_bound *b, struct bh_arena *a);
