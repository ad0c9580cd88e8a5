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

static void add_item(struct out *o, const struct bh_item *one)
{
	struct bh_addr lo = { .num = one->lo, .family = one->family };
	struct bh_addr hi = { .num = one->hi, .family = one->family };
	char x[BH_ADDR_TEXT], y[BH_ADDR_TEXT];
	unsigned bits = bh_addr_bits(one->family);

	switch ((enum bh_item_kind)one->kind) {
	case BH_ITEM_ADDRESS: text(o, bh_addr_format(&lo, x)); break;
	case BH_ITEM_RANGE:
		bh_buf_printf(o->b, "%s-%s", bh_addr_format(&lo, x), bh_addr_format(&hi, y));
		break;
	case BH_ITEM_PREFIX:
		for (bh_u128 tail = one->lo ^ one->hi; tail; tail >>= 1)
			bits--;
		bh_buf_printf(o->b, "%s/%u", bh_addr_format(&lo, x), bits);
		break;
	default: text(o, one->name ? one->name : "?"); break;
	}
}

static void add_list(struct out *o, const struct bh_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t before = o->b->len;
		if (i)
			text(o, ", ");
		add_item(o, &l->v[i]);
		if (!o->wrap || !i || o->b->len - o->line_start <= WIDTH)
			continue;
		/* It did not fit: once more, in a new line. */
		o->b->len = before;
		text(o, ", \\\n\t");
		o->line_start = o->b->len - 8; /* a tab is eight columns */
		add_item(o, &l->v[i]);
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

/* name_column, list_column: where these begin at the earliest. */
static void add_sentence(struct out *o, const struct bh_sentence *s, size_t name_column,
	size_t list_column, bool reason)
{
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
	case BH_SENTENCE_SERVICE:
		bh_buf_printf(o->b, "service %s %s %u", s->name,
			s->port.proto == BH_TCP ? "tcp" : "udp", s->port.port);
		break;
	case BH_SENTENCE_DEFAULT:
		text(o, s->block ? "default block" : "default allow");
		add_services(o, s);
		break;
	case BH_SENTENCE_RULE:
		text(o, s->block ? "block" : "allow");
		add_services(o, s);
		text(o, " from ");
		add_list(o, &s->from);
		text(o, " to ");
		add_list(o, &s->to);
		break;
	default: break;
	}
	if (reason && s->reason)
		bh_buf_printf(o->b, " \"%s\"", s->reason);
}

void bh_sentence_print(const struct bh_sentence *s, bool reason, struct bh_buf *ret)
{
	struct out o = { .b = ret, .line_start = ret->len };
	add_sentence(&o, s, 0, 0, reason);
}

#define WIDEST 24u /* a longer name pushes its own list to the right, not the others' */

struct columns {
	size_t name, list;
};

/* Where the names and lists of a block of set sentences begin.  A block ends at a blank
 * line or another sentence; remarks belong to it. */
static struct columns columns_of(const struct bh_policy *p, size_t i)
{
	struct columns c = { .name = strlen("hosts ") };
	size_t widest = 0;

	for (; i < p->n; i++) {
		const struct bh_sentence *s = &p->v[i];
		if (s->kind == BH_SENTENCE_REMARK)
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

void bh_policy_print(const struct bh_policy *p, struct bh_buf *ret)
{
	struct columns c = { 0 };
	bool in_block = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct bh_sentence *s = &p->v[i];
		struct out o = { .b = ret, .line_start = ret->len, .wrap = true };

		if (s->kind == BH_SENTENCE_SET && !in_block)
			c = columns_of(p, i);
		in_block =
			s->kind == BH_SENTENCE_SET || (in_block && s->kind == BH_SENTENCE_REMARK);
		add_sentence(&o, s, c.name, c.list, true);
		if (s->remark && s->kind != BH_SENTENCE_REMARK)
			text(&o, "  ");
		if (s->remark)
			bh_buf_printf(ret, "#%s", s->remark);
		text(&o, "\n");
	}
}
