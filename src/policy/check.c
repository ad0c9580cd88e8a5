#include <stdio.h>
#include <stdlib.h>

#include "policy/ast.h"

struct check {
	struct bh_policy *p;
	struct bh_arena *a;
	struct bh_complain *c;
	size_t machines_cap;
};

/* ---- what the sentences define ---- */

/* One more name in its name space. */
static void define(struct check *k, struct bh_namemap *m, uint32_t i, const char *advice)
{
	struct bh_sentence *s = &k->p->v[i];
	char line[BH_LINE_TEXT];
	int64_t had = bh_namemap_add(m, k->a, s->name, i);

	if (had >= 0 && had != i)
		bh_complain(k->c, BH_ERROR, &s->name_mark, "'%s' is defined already in %s: %s",
			s->name, bh_line_of(k->c, &k->p->v[had].mark, &s->mark, line), advice);
}

static void define_set(struct check *k, uint32_t i)
{
	struct bh_sentence *s = &k->p->v[i];
	enum bh_item_kind kind;

	if (bh_is_builtin_set(s->name, &kind))
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'%s' is a built-in set: choose another name", s->name);
	else if (bh_is_builtin_service(s->name))
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'%s' is a built-in service: choose another name", s->name);
	else
		define(k, &k->p->sets, i,
			"choose another name, or write both lists in one sentence");
}

static void define_names(struct check *k)
{
	struct bh_policy *p = k->p;

	for (uint32_t i = 0; i < p->n; i++) {
		if (!p->v[i].name)
			continue;
		switch ((enum bh_sentence_kind)p->v[i].would_be) {
		case BH_SENTENCE_SET:
		case BH_SENTENCE_TAGS: define_set(k, i); break;
		case BH_SENTENCE_GROUP: define(k, &p->groups, i, "choose another name"); break;
		case BH_SENTENCE_INTERFACES:
			define(k, &p->interfaces, i,
				"choose another name, or write all of them in one sentence");
			break;
		case BH_SENTENCE_RING: define(k, &p->rings, i, "choose another name"); break;
		default: break;
		}
	}
}

/* ---- what the names in lists mean ---- */

static uint32_t machine_index(struct check *k, const char *name)
{
	struct bh_policy *p = k->p;
	int64_t i = bh_namemap_add(&p->machines, k->a, name, (uint32_t)p->n_machines);

	if (i < 0 || (size_t)i < p->n_machines)
		return (uint32_t)(i < 0 ? 0 : i);
	if (p->n_machines == k->machines_cap) {
		k->machines_cap = k->machines_cap ? k->machines_cap * 2 : 64;
		const char **more = bh_arena_array(k->a, k->machines_cap, sizeof *more);
		if (!more)
			return 0;
		if (p->n_machines)
			memcpy(more, p->machine_names, p->n_machines * sizeof *more);
		p->machine_names = more;
	}
	p->machine_names[p->n_machines++] = name;
	return (uint32_t)i;
}

static void unknown_name(struct check *k, struct bh_item *one)
{
	const char *near = bh_namemap_nearest(&k->p->sets, one->name);
	static const char *const builtin[] = { "any", "internet", "self", "localsubnet" };

	for (size_t i = 0; !near && i < BH_LEN(builtin); i++) {
		if (bh_name_distance(one->name, builtin[i], 2) <= (strlen(one->name) > 5 ? 2 : 1))
			near = builtin[i];
	}
	if (near)
		bh_complain(k->c, BH_ERROR, &one->mark, "there is no set '%s': did you mean '%s'?",
			one->name, near);
	else
		bh_complain(k->c, BH_ERROR, &one->mark,
			"there is no set '%s': define it in a network or hosts sentence (a "
			"machine's name can only stand in hosts)",
			one->name);
	one->kind = BH_ITEM_BROKEN;
}

enum place { IN_NETWORK, IN_HOSTS, IN_TASK, IN_RULE };

static void resolve_item(struct check *k, struct bh_item *one, enum place where)
{
	if ((one->kind == BH_ITEM_SELF || one->kind == BH_ITEM_LOCALSUBNET) && where != IN_RULE) {
		bh_complain(k->c, BH_ERROR, &one->mark,
			"'%s' is different on every machine: it can stand in a rule alone",
			one->name);
		one->kind = BH_ITEM_BROKEN;
	}
	if (one->kind != BH_ITEM_WORD)
		return;
	int64_t i = bh_namemap_find(&k->p->sets, one->name);
	if (i >= 0) {
		one->kind = BH_ITEM_SET;
		one->index = (uint32_t)i;
	} else if (where == IN_HOSTS) {
		one->kind = BH_ITEM_MACHINE;
		one->index = machine_index(k, one->name);
	} else {
		unknown_name(k, one);
	}
}

static bool resolve_list(struct check *k, struct bh_list *l, enum place where)
{
	bool whole = true;

	for (size_t i = 0; i < l->n; i++) {
		resolve_item(k, &l->v[i], where);
		whole &= l->v[i].kind != BH_ITEM_BROKEN;
	}
	return whole;
}

/* ---- cycles: a walk with a stack of our own, sets can be nested without end ---- */

enum { FRESH, OPEN, DONE };

struct frame {
	uint32_t sentence;
	uint32_t depth; /* of what it names, deepest so far */
	size_t item; /* next to look at, over list and except */
};

struct walk {
	struct check *k;
	struct frame *stack;
	uint8_t *state; /* per sentence */
	uint32_t *depth;
	size_t n;
};

static struct bh_item *nth_item(const struct bh_sentence *s, size_t i)
{
	if (i < s->list.n)
		return &s->list.v[i];
	i -= s->list.n;
	return i < s->except.n ? &s->except.v[i] : NULL;
}

static void cycle(struct walk *w, struct bh_item *one)
{
	BH_AUTO_BUF b = { 0 };
	size_t i = w->n;

	while (i > 0 && w->stack[i - 1].sentence != one->index)
		i--;
	for (i = i ? i - 1 : 0; i < w->n; i++) {
		if (b.len > 400) {
			bh_buf_str(&b, "… → ");
			break;
		}
		bh_buf_printf(&b, "%s → ", w->k->p->v[w->stack[i].sentence].name);
	}
	bh_complain(w->k->c, BH_ERROR, &one->mark,
		"a set cannot contain itself: %s%s; take one of these names out", bh_buf_text(&b),
		w->k->p->v[one->index].name);
	one->kind = BH_ITEM_BROKEN;
	for (i = 0; i < w->n; i++)
		w->k->p->v[w->stack[i].sentence].broken = true;
}

static void leave(struct walk *w)
{
	struct bh_policy *p = w->k->p;
	struct frame f = w->stack[--w->n];
	struct bh_sentence *s = &p->v[f.sentence];

	w->state[f.sentence] = DONE;
	w->depth[f.sentence] = f.depth + 1;
	if (f.depth + 1 == BH_MAX_NESTING + 1) {
		bh_complain(w->k->c, BH_ERROR, &s->name_mark,
			"sets are nested more than %u deep: name the inner sets directly",
			BH_MAX_NESTING);
		s->broken = true;
	}
	p->order[p->n_order++] = f.sentence;
	if (w->n && w->stack[w->n - 1].depth < f.depth + 1)
		w->stack[w->n - 1].depth = f.depth + 1;
}

static void visit(struct walk *w, uint32_t start)
{
	struct bh_policy *p = w->k->p;

	w->stack[w->n++] = (struct frame){ .sentence = start };
	w->state[start] = OPEN;
	while (w->n) {
		struct frame *f = &w->stack[w->n - 1];
		struct bh_item *one = nth_item(&p->v[f->sentence], f->item++);
		if (!one) {
			leave(w);
			continue;
		}
		if (one->kind != BH_ITEM_SET || !bh_is_set(&p->v[one->index]))
			continue;
		if (w->state[one->index] == OPEN) {
			cycle(w, one);
		} else if (w->state[one->index] == DONE) {
			if (f->depth < w->depth[one->index])
				f->depth = w->depth[one->index];
		} else {
			w->state[one->index] = OPEN;
			w->stack[w->n++] = (struct frame){ .sentence = one->index };
		}
	}
}

static int find_cycles(struct check *k)
{
	struct bh_policy *p = k->p;
	struct walk w = { .k = k };
	int r = -ENOMEM;

	w.stack = calloc(p->n + 1, sizeof *w.stack);
	w.state = calloc(p->n + 1, sizeof *w.state);
	w.depth = calloc(p->n + 1, sizeof *w.depth);
	p->order = bh_arena_array(k->a, p->n, sizeof *p->order);
	if (w.stack && w.state && w.depth && (p->order || !p->n)) {
		for (uint32_t i = 0; i < p->n; i++) {
			if (bh_is_set(&p->v[i]) && w.state[i] == FRESH)
				visit(&w, i);
		}
		r = 0;
	}
	free(w.stack);
	free(w.state);
	free(w.depth);
	return r;
}

/* ---- the other sentences ---- */

/* A set by its name, where one word stands for it. */
static void need_set(struct check *k, struct bh_sentence *s, struct bh_word *w)
{
	struct bh_item one = { .kind = BH_ITEM_WORD, .name = w->name, .mark = w->mark };

	if (bh_namemap_find(&k->p->sets, w->name) >= 0)
		return;
	unknown_name(k, &one);
	s->broken = true;
}

static void check_profiles(struct check *k)
{
	const struct bh_sentence *had[BH_PROFILES + 1] = { 0 };
	char line[BH_LINE_TEXT];

	for (size_t i = 0; i < k->p->n; i++) {
		struct bh_sentence *s = &k->p->v[i];
		if (s->kind != BH_SENTENCE_PROFILE)
			continue;
		for (size_t n = 0; n < s->words.n; n++) {
			if (s->authenticated >> n & 1)
				need_set(k, s, &s->words.v[n]);
		}
		if (had[s->what])
			bh_complain(k->c, BH_ERROR, &s->name_mark,
				"when an interface is on '%s' stands already in %s: join the "
				"conditions with 'and' in one sentence",
				bh_profile_names[s->what],
				bh_line_of(k->c, &had[s->what]->mark, &s->mark, line));
		else if (s->otherwise && had[BH_PROFILES])
			bh_complain(k->c, BH_ERROR, &s->mark,
				"a second 'otherwise': %s has one, keep one of the two",
				bh_line_of(k->c, &had[BH_PROFILES]->mark, &s->mark, line));
		had[s->what] = had[s->what] ? had[s->what] : s;
		if (s->otherwise)
			had[BH_PROFILES] = s;
	}
}

static void check_names(struct check *k, struct bh_sentence *s)
{
	enum place where = s->hosts ? IN_HOSTS : IN_NETWORK;

	switch ((enum bh_sentence_kind)s->kind) {
	case BH_SENTENCE_SET:
		s->broken |= !resolve_list(k, &s->list, where);
		s->broken |= !resolve_list(k, &s->except, where);
		break;
	case BH_SENTENCE_RULE:
		bh_check_service_words(k->p, s, k->c);
		s->broken |= !resolve_list(k, &s->from, IN_RULE);
		s->broken |= !resolve_list(k, &s->to, IN_RULE);
		break;
	case BH_SENTENCE_DEFAULT: bh_check_service_words(k->p, s, k->c); break;
	case BH_SENTENCE_SERVER_OFF:
	case BH_SENTENCE_AUDIT: s->broken |= !resolve_list(k, &s->list, IN_TASK); break;
	case BH_SENTENCE_RING:
		s->broken |= !resolve_list(k, &s->list, IN_HOSTS);
		if (s->words.n)
			need_set(k, s, &s->words.v[0]);
		break;
	default: break;
	}
}

int bh_policy_check(struct bh_policy *p, struct bh_arena *a, struct bh_complain *c)
{
	struct check k = { .p = p, .a = a, .c = c };

	bh_check_services(p, a, c);
	define_names(&k);
	for (size_t i = 0; i < p->n; i++)
		check_names(&k, &p->v[i]);
	bh_check_defaults(p, c);
	check_profiles(&k);
	int r = find_cycles(&k);
	if (r < 0)
		return r;
	bh_check_roaming(p, a, c);
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].kind == BH_SENTENCE_RULE)
			bh_check_rule(p, &p->v[i], c);
	}
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}
