#include <stdlib.h>

#include "policy/bind.h"

/*
 * Who roams, and which sets have roaming members (doc/policy.md §2).
 *
 * A roaming machine has no address, so names alone decide: who is written in a set and not
 * excepted, and who is in it.  They differ by the word `any`, which everybody is in and
 * which writes nobody.
 */

/* The first item that is no machine's name, in the set or in those it names, as far as these
 * were not looked at before. */
static const struct bh_item *first_address(const struct bh_policy *p, uint32_t at, bool *seen)
{
	const struct bh_sentence *s = &p->v[at];
	const struct bh_item *found = NULL;

	if (seen[at])
		return NULL;
	seen[at] = true;
	for (size_t i = 0; !found && i < s->list.n + s->except.n; i++) {
		const struct bh_item *one =
			i < s->list.n ? &s->list.v[i] : &s->except.v[i - s->list.n];
		if (one->kind == BH_ITEM_MACHINE || one->kind == BH_ITEM_BROKEN)
			continue;
		if (one->kind == BH_ITEM_SET && p->v[one->index].kind == BH_SENTENCE_SET)
			found = first_address(p, one->index, seen); /* BH_MAX_NESTING deep */
		else if (one->kind != BH_ITEM_SET || bh_is_set(&p->v[one->index]))
			found = one;
	}
	return found;
}

static void unknown(struct bh_policy *p, const struct bh_word *w, struct bh_complain *c)
{
	const char *near = bh_namemap_nearest(&p->sets, w->name);

	if (near)
		bh_complain(c, BH_ERROR, &w->mark, "there is no set '%s': did you mean '%s'?",
			w->name, near);
	else
		bh_complain(c, BH_ERROR, &w->mark,
			"there is no set '%s': name the roaming machines in a hosts sentence, and "
			"that set here",
			w->name);
}

/* The sets that `roaming` names; each is held to names alone. */
static bool note_set(
	struct bh_policy *p, const struct bh_word *w, bool *seen, struct bh_complain *c)
{
	int64_t at = bh_namemap_find(&p->sets, w->name);
	char line[BH_LINE_TEXT];

	if (at < 0) {
		unknown(p, w, c);
		return false;
	}
	const struct bh_sentence *s = &p->v[at];
	if (s->broken || s->kind == BH_SENTENCE_LOST)
		return false;
	if (s->kind != BH_SENTENCE_SET || !s->hosts) {
		bh_complain(c, BH_ERROR, &w->mark,
			"'%s' is no hosts set: roaming machines are known by name, write them in a "
			"hosts sentence",
			w->name);
		return false;
	}
	const struct bh_item *wrong = first_address(p, (uint32_t)at, seen);
	if (wrong)
		bh_complain(c, BH_ERROR, &wrong->mark,
			"'%s' is roaming (%s): it can hold machines' names alone, for their "
			"addresses change",
			s->name, bh_line_of(c, &w->mark, &wrong->mark, line));
	return true; /* its machines roam, that much was understood */
}

static size_t note_sets(struct bh_policy *p, uint32_t *ret, struct bh_mark *marks,
	struct bh_arena *a, struct bh_complain *c)
{
	bool *seen = calloc(p->n + 1, sizeof *seen), *noted = calloc(p->n + 1, sizeof *noted);
	size_t n = 0;

	for (size_t i = 0; seen && noted && i < p->n; i++) {
		const struct bh_sentence *s = &p->v[i];
		for (size_t k = 0; s->kind == BH_SENTENCE_ROAMING && k < s->words.n; k++) {
			if (!note_set(p, &s->words.v[k], seen, c))
				continue;
			uint32_t at = (uint32_t)bh_namemap_find(&p->sets, s->words.v[k].name);
			if (!noted[at]) {
				marks[n] = s->mark;
				ret[n++] = at;
			} else {
				bh_complain(c, BH_WARNING, &s->words.v[k].mark,
					"'%s' is roaming already: this says nothing new",
					s->words.v[k].name);
			}
			noted[at] = true;
		}
	}
	a->failed |= !seen || !noted;
	free(seen);
	free(noted);
	return n;
}

static void find_members(struct bh_policy *p, const struct bh_written *k, bool *roams)
{
	for (size_t i = 0; i < p->n_roaming; i++) {
		const uint64_t *written = &k->written[k->nth[p->roaming[i]] * k->words];
		for (size_t m = 0; m < p->n_machines; m++)
			roams[m] |= written[m / 64] >> m % 64 & 1;
	}
	for (size_t i = 0; i < p->n_order; i++) {
		const uint64_t *written = &k->written[i * k->words];
		for (size_t m = 0; m < p->n_machines; m++)
			p->v[p->order[i]].roams |= roams[m] && written[m / 64] >> m % 64 & 1;
	}
}

/* In an if-secure rule such a set stands for a group of its name. */
static void check_groups(struct bh_policy *p, struct bh_complain *c)
{
	char line[BH_LINE_TEXT];

	for (size_t i = 0; i < p->n; i++) {
		const struct bh_sentence *s = &p->v[i];
		if (s->kind != BH_SENTENCE_GROUP)
			continue;
		int64_t at = bh_namemap_find(&p->sets, s->name);
		if (bh_name_equal(s->name, "any"))
			bh_complain(c, BH_ERROR, &s->name_mark,
				"every association proves the group 'any': choose another name");
		else if (at >= 0 && p->v[at].roams)
			bh_complain(c, BH_ERROR, &s->name_mark,
				"the set '%s' in %s has roaming members, and stands for a group of "
				"that name itself: choose another name",
				s->name, bh_line_of(c, &p->v[at].mark, &s->mark, line));
	}
}

void bh_check_roaming(struct bh_policy *p, struct bh_arena *a, struct bh_complain *c)
{
	struct bh_written k = { 0 };
	uint32_t *sets = bh_arena_array(a, p->n + 1, sizeof *sets);
	struct bh_mark *marks = bh_arena_array(a, p->n + 1, sizeof *marks);
	bool *roams = bh_arena_array(a, p->n_machines + 1, sizeof *roams);

	if (!sets || !marks || !roams)
		return;
	p->n_roaming = note_sets(p, sets, marks, a, c);
	p->roaming = sets;
	p->roaming_mark = marks;
	int r = p->n_roaming ? bh_written_make(p, &k) : -ENOENT;
	if (r == -E2BIG)
		bh_complain(c, BH_ERROR, NULL,
			"this policy has too many sets (%zu) and machines (%zu) to say who roams: "
			"write fewer sets",
			p->n_order, p->n_machines);
	a->failed |= r == -ENOMEM;
	if (!r) {
		find_members(p, &k, roams);
		p->roams = roams;
	}
	bh_written_free(&k);
	check_groups(p, c);
}
