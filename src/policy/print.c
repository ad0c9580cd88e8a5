#include "policy/ast.h"

#define WIDTH 98u /* columns before a list goes on in the next line */

struct out {
	struct bh_buf *b;
	size_t line_start;
	bool wrap;
};

static void text(struct out *o, const char *s)
{
	bh_buf_str(o->b, s);
}

/* Blanks up to a column, at least one. */
static void pad(struct out *o, size_t column)
{
	do {
		bh_buf_u8(o->b, ' ');
	} while (o->b->len - o->line_start < column);
}

void bh_item_print(const struct bh_item *one, struct bh_buf *ret)
{
	struct bh_addr lo = { .num = one->lo, .family = one->family };
	struct bh_addr hi = { .num = one->hi, .family = one->family };
	char x[BH_ADDR_TEXT], y[BH_ADDR_TEXT];
	unsigned bits = bh_addr_bits(one->family);

	switch ((enum bh_item_kind)one->kind) {
	case BH_ITEM_ADDRESS: bh_buf_str(ret, bh_addr_format(&lo, x)); break;
	case BH_ITEM_RANGE:
		bh_buf_printf(ret, "%s-%s", bh_addr_format(&lo, x), bh_addr_format(&hi, y));
		break;
	case BH_ITEM_PREFIX:
		for (bh_u128 tail = one->lo ^ one->hi; tail; tail >>= 1)
			bits--;
		bh_buf_printf(ret, "%s/%u", bh_addr_format(&lo, x), bits);
		break;
	case BH_ITEM_DOMAIN: bh_buf_printf(ret, "from domain %s", one->name); break;
	case BH_ITEM_NAMESPACE: bh_buf_printf(ret, "from namespace %s", one->name); break;
	default: bh_buf_str(ret, one->name ? one->name : "?"); break;
	}
}

static void add_list(struct out *o, const struct bh_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t before = o->b->len;
		if (i)
			text(o, ", ");
		bh_item_print(&l->v[i], o->b);
		if (!o->wrap || !i || o->b->len - o->line_start <= WIDTH)
			continue;
		/* It did not fit: once more, in a new line. */
		o->b->len = before;
		text(o, ", \\\n\t");
		o->line_start = o->b->len - 8; /* a tab is eight columns */
		bh_item_print(&l->v[i], o->b);
	}
}

static void add_services(struct out *o, const struct bh_sentence *s)
{
	for (size_t i = 0; i < s->services.n; i++) {
		text(o, i ? ", " : " ");
		text(o, s->services.v[i].name);
	}
	if (s->hooks)
		text(o, s->hooks == BH_HOOK_BIT(BH_IN) ? " in" : " out");
}

static void add_words(struct out *o, const struct bh_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		bh_buf_printf(o->b, "%s%s", i ? ", " : "", w->v[i].name);
}

void bh_duration_print(int64_t seconds, struct bh_buf *ret)
{
	long long n = seconds;

	if (n % 86400 == 0)
		bh_buf_printf(ret, "%lld day%s", n / 86400, n == 86400 ? "" : "s");
	else if (n % 3600 == 0)
		bh_buf_printf(ret, "%lldh", n / 3600);
	else if (n % 60 == 0)
		bh_buf_printf(ret, "%lldm", n / 60);
	else
		bh_buf_printf(ret, "%llds", n);
}

static void add_on(struct out *o, unsigned on)
{
	const char *before = " on ";

	if (on == BH_ALL_PROFILES) {
		text(o, " on all");
		return;
	}
	for (unsigned i = 0; i < BH_PROFILES; i++) {
		if (!(on & BH_PROFILE_BIT(i)))
			continue;
		bh_buf_printf(o->b, "%s%s", before, bh_profile_names[i]);
		before = ", ";
	}
}

static void add_clauses(struct out *o, const struct bh_clauses *c)
{
	add_on(o, c->on);
	if (c->via.name)
		bh_buf_printf(o->b, " via %s", c->via.name);
	if (c->level)
		bh_buf_printf(o->b, " if %s", bh_level_names[c->level]);
	if (c->as.n)
		text(o, " as ");
	add_words(o, &c->as);
	if (c->by)
		bh_buf_printf(o->b, " by %s", bh_by_names[c->by]);
	if (c->even_mark.line)
		text(o, " even in clear");
	if (c->until_mark.line) {
		text(o, " until ");
		bh_date_format(c->until, o->b);
	}
	if (c->for_mark.line) {
		text(o, " for ");
		bh_duration_print(c->seconds, o->b);
	}
}

static void add_rule(struct out *o, const struct bh_sentence *s)
{
	text(o, s->block ? "block" : "allow");
	add_services(o, s);
	text(o, " from ");
	add_list(o, &s->from);
	text(o, " to ");
	add_list(o, &s->to);
	if (s->clauses)
		add_clauses(o, s->clauses);
}

static void add_tags(struct out *o, const struct bh_sentence *s, const char *path)
{
	bh_buf_printf(o->b, "tags %s %s \"%s\" ", s->name,
		s->what == BH_TAG_AZURE ? "azure" : "office365", path ? path : s->text);
	add_words(o, &s->words);
}

static void add_group(struct out *o, const struct bh_sentence *s)
{
	static const char *const kinds[] = { "certificate \"", "kerberos \"", "sid " };

	bh_buf_printf(o->b, "group %s %s%s%s", s->name, kinds[s->what], s->text,
		s->what == BH_GROUP_SID ? "" : "\"");
}

static void add_profile(struct out *o, const struct bh_sentence *s)
{
	bh_buf_printf(o->b, "profile %s %s", bh_profile_names[s->what],
		s->otherwise ? "otherwise" : "when ");
	for (size_t i = 0; i < s->words.n; i++)
		bh_buf_printf(o->b, "%s%s %s", i ? " and " : "",
			s->authenticated >> i & 1 ? "authenticated by" : "interface",
			s->words.v[i].name);
}

static void add_ring(struct out *o, const struct bh_sentence *s)
{
	bh_buf_printf(o->b, "ring %s ", s->name);
	if (s->what == BH_RING_REST)
		text(o, "rest");
	else if (s->what)
		bh_buf_printf(o->b, "%u%% of %s", s->what, s->words.v[0].name);
	else
		text(o, "hosts ");
	add_list(o, &s->list);
}

/* name_column, list_column: where these begin at the earliest.  path: of a tag file, where
 * it is not to be told as written. */
static void add_sentence(struct out *o, const struct bh_sentence *s, size_t name_column,
	size_t list_column, const char *path)
{
	const char *before = "";

	switch ((enum bh_sentence_kind)s->kind) {
	case BH_SENTENCE_SET:
		text(o, s->hosts ? "hosts" : "network");
		pad(o, name_column);
		text(o, s->name);
		pad(o, list_column);
		add_list(o, &s->list);
		if (s->has_except)
			text(o, " except ");
		add_list(o, &s->except);
		break;
	case BH_SENTENCE_TAGS: add_tags(o, s, path); break;
	case BH_SENTENCE_SERVICE:
		bh_buf_printf(o->b, "service %s %s %u", s->name,
			s->port.proto == BH_TCP ? "tcp" : "udp", s->port.port);
		break;
	case BH_SENTENCE_DEFAULT:
		text(o, s->block ? "default block" : "default allow");
		add_services(o, s);
		break;
	case BH_SENTENCE_RULE: add_rule(o, s); break;
	case BH_SENTENCE_ROAMING:
		text(o, "roaming ");
		add_words(o, &s->words);
		break;
	case BH_SENTENCE_INTERFACES:
		bh_buf_printf(o->b, "interfaces %s ", s->name);
		add_words(o, &s->words);
		break;
	case BH_SENTENCE_GROUP: add_group(o, s); break;
	case BH_SENTENCE_PROFILE: add_profile(o, s); break;
	case BH_SENTENCE_SERVER_OFF:
		text(o, "server off on ");
		add_list(o, &s->list);
		before = " when unused ";
		break;
	case BH_SENTENCE_AUDIT:
		text(o, "audit shares on ");
		add_list(o, &s->list);
		before = " for ";
		break;
	case BH_SENTENCE_RING:
		add_ring(o, s);
		before = " soak ";
		break;
	case BH_SENTENCE_INCLUDE: bh_buf_printf(o->b, "include \"%s\"", s->text); break;
	case BH_SENTENCE_BLANK:
	case BH_SENTENCE_REMARK:
	case BH_SENTENCE_LOST: break;
	}
	if (s->seconds) {
		text(o, before);
		bh_duration_print(s->seconds, o->b);
	}
}

void bh_sentence_print(const struct bh_sentence *s, struct bh_buf *ret)
{
	struct out o = { .b = ret, .line_start = ret->len };
	add_sentence(&o, s, 0, 0, NULL);
}

#define WIDEST 24u /* a longer name pushes its own list to the right, not the others' */

struct columns {
	size_t name, list;
};

/* What is printed: the first file with its includes named, or all files as one. */
static bool skipped(const struct bh_sentence *s, bool whole)
{
	return whole ? s->kind == BH_SENTENCE_INCLUDE : s->mark.source != 0;
}

/* Where the names and lists of a block of set sentences begin.  A block ends at a blank
 * line or another sentence; remarks belong to it. */
static struct columns columns_of(const struct bh_policy *p, size_t i, bool whole)
{
	struct columns c = { .name = strlen("hosts ") };
	size_t widest = 0;

	for (; i < p->n; i++) {
		const struct bh_sentence *s = &p->v[i];
		if (s->kind == BH_SENTENCE_REMARK || skipped(s, whole))
			continue;
		if (s->kind != BH_SENTENCE_SET)
			break;
		size_t n = strlen(s->name);
		if (n <= WIDEST)
			widest = bh_max_size(widest, n);
		if (!s->hosts)
			c.name = strlen("network ");
	}
	c.list = c.name + widest + 1;
	return c;
}

/* folder NULL: the file as it is. */
static void print(
	const struct bh_policy *p, const char *folder, struct bh_arena *a, struct bh_buf *ret)
{
	struct columns c = { 0 };
	bool in_block = false, whole = folder;

	for (size_t i = 0; i < p->n; i++) {
		const struct bh_sentence *s = &p->v[i];
		struct out o = { .b = ret, .line_start = ret->len, .wrap = true };
		const char *path = NULL;

		if (skipped(s, whole))
			continue;
		if (s->kind == BH_SENTENCE_SET && !in_block)
			c = columns_of(p, i, whole);
		in_block =
			s->kind == BH_SENTENCE_SET || (in_block && s->kind == BH_SENTENCE_REMARK);
		if (whole && s->kind == BH_SENTENCE_TAGS)
			path = bh_policy_path(&p->sources[s->mark.source], s->text, a);
		if (path && path[0] != '/')
			path = bh_arena_printf(a, "%s/%s", folder, path);
		add_sentence(&o, s, c.name, c.list, path);
		if (s->reason)
			bh_buf_printf(ret, " \"%s\"", s->reason);
		if (s->remark && s->kind != BH_SENTENCE_REMARK)
			text(&o, "  ");
		if (s->remark)
			bh_buf_printf(ret, "#%s", s->remark);
		text(&o, "\n");
	}
}

void bh_policy_print(const struct bh_policy *p, struct bh_buf *ret)
{
	print(p, NULL, NULL, ret);
}

void bh_policy_print_whole(
	const struct bh_policy *p, const char *folder, struct bh_arena *a, struct bh_buf *ret)
{
	print(p, folder, a, ret);
}
