#include <stdlib.h>
#include <strings.h>

#include "policy/bind.h"

/* ---- putting lists together ---- */

void bind_push(struct binder *b, uint8_t family, bh_u128 lo, bh_u128 hi)
{
	struct heap *h = family == BH_V4 ? &b->r4 : &b->r6;

	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 256;
		struct bh_range *more = realloc(h->v, cap * sizeof *more);
		if (!more) {
			b->out_of_memory = true;
			return;
		}
		h->v = more;
		h->cap = cap;
	}
	h->v[h->n++] = (struct bh_range){ .lo = lo, .hi = hi };
}

void bind_push_set(struct binder *b, const struct bh_addrset *s)
{
	if (b->r4.n + b->r6.n + s->v4.n + s->v6.n > BH_MAX_RESOLVED) {
		b->too_large = true;
		return;
	}
	for (size_t i = 0; i < s->v4.n; i++)
		bind_push(b, BH_V4, s->v4.v[i].lo, s->v4.v[i].hi);
	for (size_t i = 0; i < s->v6.n; i++)
		bind_push(b, BH_V6, s->v6.v[i].lo, s->v6.v[i].hi);
}

/* What was pushed since the last time. */
struct bh_addrset bind_pushed(struct binder *b)
{
	struct bh_addrset s = { 0 };

	b->resolved += b->r4.n + b->r6.n;
	if (b->resolved > BH_MAX_RESOLVED)
		b->too_large = true;
	if (!b->too_large && !b->out_of_memory) {
		s.v4 = bh_ranges_from(b->a, b->r4.v, b->r4.n);
		s.v6 = bh_ranges_from(b->a, b->r6.v, b->r6.n);
	}
	b->r4.n = b->r6.n = 0;
	return s;
}

static void take_dynamic(struct binder *b, const struct bh_item *one, struct both *ret)
{
	const struct looked_up *found = bind_dynamic(b, one);

	/* With --names it is somebody, though nobody knows where. */
	ret->unknown |= !found && b->names->lenient;
	ret->broken |= !found && !b->names->lenient;
	for (size_t i = 0; found && i < found->n; i++)
		bind_push(b, found->v[i].family, found->v[i].num, found->v[i].num);
}

static void take_literal(struct binder *b, const struct bh_item *one, struct both *ret)
{
	switch ((enum bh_item_kind)one->kind) {
	case BH_ITEM_ADDRESS:
	case BH_ITEM_PREFIX:
	case BH_ITEM_RANGE: bind_push(b, one->family, one->lo, one->hi); break;
	case BH_ITEM_INTERNET: bind_push_set(b, &b->internet); break;
	case BH_ITEM_ANY: ret->any = ret->members.any = true; break;
	case BH_ITEM_SELF: ret->self = true; break;
	case BH_ITEM_LOCALSUBNET: ret->localsubnet = true; break;
	case BH_ITEM_MACHINE:
		bind_machine(b, one);
		for (size_t i = 0; i < b->machines[one->index].n; i++) {
			const struct bh_addr *a = &b->machines[one->index].addrs[i];
			bind_push(b, a->family, a->num, a->num);
		}
		break;
	case BH_ITEM_DOMAIN:
	case BH_ITEM_NAMESPACE: take_dynamic(b, one, ret); break;
	case BH_ITEM_BROKEN:
	case BH_ITEM_WORD: ret->broken = true; break;
	case BH_ITEM_SET: break;
	}
}

bool bind_is_set(const struct binder *b, const struct bh_item *one)
{
	return one->kind == BH_ITEM_SET && bh_is_set(&b->p->v[one->index]);
}

/* The sets a list names, each once; the first alone keeps its ranges shared. */
static void take_sets(struct binder *b, const struct bh_list *l, struct both *ret)
{
	const struct bh_addrset *only = NULL;
	size_t n = 0;

	b->lists++;
	for (size_t i = 0; i < l->n; i++) {
		const struct bh_item *one = &l->v[i];
		if (one->kind != BH_ITEM_SET)
			continue;
		ret->broken |= !bind_is_set(b, one) || b->broken[one->index];
		ret->unknown |= b->unknown[one->index];
		ret->storage |= b->storage[one->index];
		if (!bind_is_set(b, one) || b->seen[one->index] == b->lists)
			continue;
		b->seen[one->index] = b->lists;
		only = &b->addrs[one->index];
		n++;
	}
	if (n == 1 && bh_addrset_empty(&ret->members.addrs)) {
		ret->addrs = *only;
		return;
	}
	if (!n) {
		ret->addrs = ret->members.addrs;
		return;
	}
	bind_push_set(b, &ret->members.addrs);
	b->lists++;
	for (size_t i = 0; i < l->n; i++) {
		const struct bh_item *one = &l->v[i];
		if (!bind_is_set(b, one) || b->seen[one->index] == b->lists)
			continue;
		b->seen[one->index] = b->lists;
		bind_push_set(b, &b->addrs[one->index]);
	}
	ret->addrs = bind_pushed(b);
}

struct both bind_list(struct binder *b, const struct bh_list *l)
{
	struct both ret = { 0 };
	size_t named = 0, n = 0;

	for (size_t i = 0; i < l->n; i++) {
		take_literal(b, &l->v[i], &ret);
		named += bind_is_set(b, &l->v[i]) || l->v[i].kind == BH_ITEM_MACHINE;
	}
	ret.members.addrs = bind_pushed(b);
	take_sets(b, l, &ret);

	struct bh_bound_item *v = named ? bh_arena_array(b->a, named, sizeof *v) : NULL;
	for (size_t i = 0; v && i < l->n; i++) {
		const struct bh_item *one = &l->v[i];
		if (bind_is_set(b, one))
			v[n++] = (struct bh_bound_item){ .name = b->p->v[one->index].name,
				.set = b->nth[one->index] };
		else if (one->kind == BH_ITEM_MACHINE)
			v[n++] = (struct bh_bound_item){ .name = one->name, .set = -1 };
	}
	ret.members.v = v;
	ret.members.n = n;
	return ret;
}

static struct bh_addrset without_multicast(struct binder *b, struct bh_addrset s)
{
	struct bh_addrset both = bh_addrset_intersect(b->a, s, b->multicast);
	/* Nearly always there is nothing to take away, and ranges stay shared. */
	return bh_addrset_empty(&both) ? s : bh_addrset_subtract(b->a, s, b->multicast);
}

struct bh_bound_list bind_list_of(struct binder *b, const struct both *l)
{
	return (struct bh_bound_list){
		.any = l->any,
		.self = l->self,
		.localsubnet = l->localsubnet,
		.addrs = without_multicast(b, l->addrs),
		.items = l->members.v,
		.n_items = l->members.n,
	};
}

/* All of Azure Files of a region, and everybody else's there. */
static bool is_storage(const struct bh_sentence *s)
{
	for (size_t i = 0; s->kind == BH_SENTENCE_TAGS && i < s->words.n; i++) {
		const char *w = s->words.v[i].name;
		if (s->what == BH_TAG_AZURE && !strncasecmp(w, "storage", 7) &&
			(!w[7] || w[7] == '.'))
			return true;
	}
	return false;
}

static void bind_set(struct binder *b, uint32_t at)
{
	const struct bh_sentence *s = &b->p->v[at];
	struct both list = { 0 }, except = { 0 };

	if (s->kind == BH_SENTENCE_TAGS) {
		bind_tags(b, s, &list.broken);
		list.addrs = list.members.addrs = bind_pushed(b);
		list.storage = is_storage(s);
	} else {
		list = bind_list(b, &s->list);
		except = bind_list(b, &s->except);
	}
	struct bh_addrset plus = list.any ? b->full : list.addrs;
	struct bh_addrset minus = except.any ? b->full : except.addrs;

	b->addrs[at] = without_multicast(b, bh_addrset_subtract(b->a, plus, minus));
	b->broken[at] = s->broken || list.broken || except.broken;
	b->unknown[at] = list.unknown && !except.any;
	b->storage[at] = list.storage;
	b->excepts[at] = s->has_except;
	for (size_t i = 0; i < s->list.n; i++)
		b->excepts[at] |= bind_is_set(b, &s->list.v[i]) && b->excepts[s->list.v[i].index];
	b->nth[at] = (uint32_t)b->n_sets;
	b->sets[b->n_sets++] = (struct bh_member_set){
		.name = s->name, .list = list.members, .except = except.members
	};
}

/* ---- who is nowhere ---- */

/* Multicast is in no set, and so no address of a machine either. */
static bool has_address(const struct bh_bound_machine *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!bh_is_multicast(&m->addrs[i]))
			return true;
	}
	return false;
}

bool bind_written(struct binder *b)
{
	if (b->written_made)
		return b->written_fine;
	b->written_made = true;
	int r = bh_written_make(b->p, &b->written);
	b->nowhere = bh_arena_array(b->a, 4 * (b->p->n_machines / 64 + 1), sizeof *b->nowhere);
	b->out_of_memory |= r == -ENOMEM;
	b->written_fine = !r && b->nowhere;
	if (!b->written_fine)
		return false;
	b->aside = b->nowhere + b->written.words;
	for (size_t i = 0; i < b->p->n_machines; i++) {
		if (has_address(&b->machines[i]))
			continue;
		b->nowhere[i / 64] |= 1ull << i % 64;
		b->n_nowhere++;
	}
	return b->written_fine;
}

/* ---- all of it ---- */

static bool make_room(struct binder *b)
{
	size_t n = b->p->n;

	b->internet = bh_set_internet(b->a);
	b->multicast = bh_set_multicast(b->a);
	b->full = bh_addrset_full(b->a);
	b->machines = bh_arena_array(b->a, b->p->n_machines, sizeof *b->machines);
	b->asked = bh_arena_array(b->a, b->p->n_machines, sizeof *b->asked);
	b->addrs = bh_arena_array(b->a, n, sizeof *b->addrs);
	b->nth = bh_arena_array(b->a, n, sizeof *b->nth);
	b->broken = bh_arena_array(b->a, n, sizeof *b->broken);
	b->unknown = bh_arena_array(b->a, n, sizeof *b->unknown);
	b->storage = bh_arena_array(b->a, n, sizeof *b->storage);
	b->excepts = bh_arena_array(b->a, n, sizeof *b->excepts);
	b->seen = bh_arena_array(b->a, n, sizeof *b->seen);
	b->sets = bh_arena_array(b->a, n, sizeof *b->sets);
	return bh_arena_ok(b->a);
}

static const uint32_t *roaming_sets(struct binder *b)
{
	uint32_t *v = bh_arena_array(b->a, b->p->n_roaming, sizeof *v);

	for (size_t i = 0; v && i < b->p->n_roaming; i++)
		v[i] = b->nth[b->p->roaming[i]];
	return v;
}

static int bind_all(struct binder *b, struct bh_bound *bound, struct bh_bound_names *names)
{
	if (!make_room(b))
		return -ENOMEM;
	for (size_t i = 0; i < b->p->n_order && !b->too_large; i++)
		bind_set(b, b->p->order[i]);
	*names = (struct bh_bound_names){ .sets = b->sets,
		.n_sets = b->n_sets,
		.machines = b->machines,
		.n_machines = b->p->n_machines,
		.map = b->p->machines,
		.roaming = roaming_sets(b),
		.roams = b->p->roams };
	bound->names = names;
	bound->includes = b->p->n_sources > 1;
	bind_sentences(b, bound, names);
	if (b->too_large)
		bh_complain(&b->c, BH_ERROR, NULL,
			"this policy has more than %u address ranges once its names are resolved: "
			"write larger prefixes, or fewer copies of large sets",
			BH_MAX_RESOLVED);
	else if (!b->out_of_memory && bh_arena_ok(b->a))
		bind_check_clear(b, bound);
	/* Nobody hashes what is refused, and it can be large. */
	bound->canonical = b->too_large ? "" : bh_policy_canonical(bound, b->a);
	return b->out_of_memory || !bh_arena_ok(b->a) ? -ENOMEM : 0;
}

int bh_policy_bind(const struct bh_policy *p, const struct bh_names *names, struct bh_arena *a,
	struct bh_diags *diags, const struct bh_bound **ret)
{
	static const struct bh_names nobody;
	struct binder b = { .p = p, .names = names ? names : &nobody, .a = a };
	struct bh_bound *bound = bh_arena_alloc(a, sizeof *bound);
	struct bh_bound_names *kept = bh_arena_alloc(a, sizeof *kept);

	if (!bound || !kept)
		return -ENOMEM;
	b.c = (struct bh_complain){ .diags = diags, .sources = p->sources };
	int r = bind_all(&b, bound, kept);
	if (!r && !b.too_large && b.names->advise)
		bind_advise(&b, bound);
	bh_complain_end(&b.c);
	bh_written_free(&b.written);
	free(b.looked_up);
	free(b.r4.v);
	free(b.r6.v);
	if (r < 0)
		return r;
	if (b.out_of_memory || !bh_arena_ok(a))
		return -ENOMEM;
	*ret = bound;
	return 0;
}
