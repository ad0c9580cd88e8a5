#include <stdlib.h>

#include "policy/bind.h"

/*
 * What names, domains, namespaces and tags stand for: each looked up once.
 */

struct found {
	struct bh_addr *v;
	size_t n, cap;
	bool out_of_memory;
};

static void add_address(void *to, const struct bh_addr *a)
{
	struct found *f = to;

	for (size_t i = 0; i < f->n; i++) {
		if (bh_addr_equal(&f->v[i], a))
			return;
	}
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 8;
		struct bh_addr *more = realloc(f->v, cap * sizeof *more);
		if (!more) {
			f->out_of_memory = true;
			return;
		}
		f->v = more;
		f->cap = cap;
	}
	f->v[f->n++] = *a;
}

static void unresolved(struct binder *b, const struct bh_item *one, int err)
{
	const char *near = bh_namemap_nearest(&b->p->sets, one->name);

	if (b->names->lenient)
		bh_complain(&b->c, BH_WARNING, &one->mark,
			"'%s' has no address in the names given: other machines cannot be told "
			"about it",
			one->name);
	else if (err && err != -ENOENT)
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"'%s' cannot be resolved now (%s): mend the resolver, or write its address",
			one->name, strerror(-err));
	else if (near)
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"'%s' does not resolve to an address: did you mean the set '%s'?",
			one->name, near);
	else
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"'%s' does not resolve to an address: write its address, or mend its name",
			one->name);
}

void bind_machine(struct binder *b, const struct bh_item *one)
{
	struct found f = { 0 };

	if (b->asked[one->index])
		return;
	b->asked[one->index] = true;
	struct bh_bound_machine *m = &b->machines[one->index];
	m->name = b->p->machine_names[one->index];
	if (b->p->roams && b->p->roams[one->index])
		return; /* never: it has no address that stays */
	int r = b->names->resolve ? b->names->resolve(b->names->ctx, one->name, add_address, &f)
				  : -ENOENT;
	if (f.n)
		m->addrs = bh_arena_copy(b->a, f.v, f.n * sizeof *f.v);
	m->n = m->addrs ? f.n : 0;
	b->out_of_memory |= f.out_of_memory || r == -ENOMEM;
	if (!f.n)
		unresolved(b, one, r);
	for (size_t i = 0; i < f.n; i++) {
		char text[BH_ADDR_TEXT];
		if (bh_is_loopback(&f.v[i]))
			bh_complain(&b->c, BH_WARNING, &one->mark,
				"'%s' resolves to %s, which is every machine itself: write its "
				"address on the network",
				one->name, bh_addr_format(&f.v[i], text));
	}
	free(f.v);
}

/* ---- `from domain`, `from namespace` ---- */

static void not_found(struct binder *b, const struct bh_item *one, int err)
{
	bool domain = one->kind == BH_ITEM_DOMAIN;
	const char *whom = domain ? "domain controllers" : "targets";

	if (b->names->lenient)
		bh_complain(&b->c, BH_WARNING, &one->mark,
			"'%s' has no address in the names given: its %s are not known", one->name,
			whom);
	else if (err == -ENOTSUP)
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"the %s of '%s' cannot be looked up by this version: write them in a hosts "
			"set, or give their addresses under that name with --names",
			whom, one->name);
	else if (err && err != -ENOENT)
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"the %s of '%s' cannot be looked up now (%s): mend the resolver, or write "
			"them in a hosts set",
			whom, one->name, strerror(-err));
	else
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"'%s' has no %s: mend its name, or write them in a hosts set", one->name,
			whom);
}

static struct looked_up *new_answer(struct binder *b)
{
	if (b->n_looked_up == b->looked_up_cap) {
		size_t cap = b->looked_up_cap ? 2 * b->looked_up_cap : 16;
		struct looked_up *more = realloc(b->looked_up, cap * sizeof *more);
		if (!more) {
			b->out_of_memory = true;
			return NULL;
		}
		b->looked_up = more;
		b->looked_up_cap = cap;
	}
	b->looked_up[b->n_looked_up] = (struct looked_up){ 0 };
	return &b->looked_up[b->n_looked_up++];
}

const struct looked_up *bind_dynamic(struct binder *b, const struct bh_item *one)
{
	bool domain = one->kind == BH_ITEM_DOMAIN;
	const char *key =
		bh_arena_printf(b->a, "%s %s", domain ? "domain" : "namespace", one->name);
	int64_t had = key ? bh_namemap_find(&b->dynamic, key) : -1;
	struct found f = { 0 };

	if (had >= 0)
		return b->looked_up[had].n ? &b->looked_up[had] : NULL;
	(void)bh_namemap_add(&b->dynamic, b->a, key, (uint32_t)b->n_looked_up);
	struct looked_up *ret = new_answer(b);
	if (!ret)
		return NULL;
	int (*ask)(void *, const char *, bh_add_addr, void *) =
		domain ? b->names->domain : b->names->namespace;
	int r = ask ? ask(b->names->ctx, one->name, add_address, &f) : -ENOTSUP;
	if (f.n)
		ret->v = bh_arena_copy(b->a, f.v, f.n * sizeof *f.v);
	ret->n = ret->v ? f.n : 0;
	b->out_of_memory |= f.out_of_memory || r == -ENOMEM;
	if (!f.n)
		not_found(b, one, r);
	free(f.v);
	return ret->n ? ret : NULL;
}

/* ---- tags ---- */

static void add_range(void *to, const struct bh_addr *lo, const struct bh_addr *hi)
{
	bind_push(to, lo->family, lo->num, hi->num);
}

static void no_tag(struct binder *b, const struct bh_word *w, const struct bh_tag_asked *t)
{
	if (t->near)
		bh_complain(&b->c, BH_ERROR, &w->mark, "%s has no tag '%s': did you mean '%s'?",
			t->path, w->name, t->near);
	else
		bh_complain(&b->c, BH_ERROR, &w->mark,
			"%s has no tag '%s': it is misspelt, or has vanished from this edition of "
			"the file",
			t->path, w->name);
}

void bind_tags(struct binder *b, const struct bh_sentence *s, bool *broken)
{
	if (s->broken)
		return;
	const char *path = bh_policy_path(&b->p->sources[s->mark.source], s->text, b->a);
	for (size_t i = 0; path && i < s->words.n; i++) {
		struct bh_tag_asked t = { .kind = (enum bh_tag_source)s->what,
			.path = path,
			.name = s->words.v[i].name };
		int r = b->names->tag ? b->names->tag(b->names->tags_ctx, &t, b->a, add_range, b)
				      : -ENOTSUP;
		if (!r)
			continue;
		*broken = true;
		b->out_of_memory |= r == -ENOMEM;
		if (r == -ENOENT) {
			no_tag(b, &s->words.v[i], &t);
			continue;
		}
		/* The file is the trouble: once is enough. */
		bh_complain(&b->c, BH_ERROR, &s->text_mark, "%s cannot be read as a tag file: %s",
			path,
			t.why           ? t.why
			: r == -ENOTSUP ? "no tag files are read here"
					: strerror(-r));
		return;
	}
}
