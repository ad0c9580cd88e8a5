#include <stdlib.h>

#include "policy/ast.h"

struct binder {
	const struct bh_policy *p;
	const struct bh_names *names;
	struct bh_arena *a;
	struct bh_complain c;
	struct bh_addrset internet, multicast, full;
	struct bh_bound_machine *machines;
	bool *asked; /* per machine: resolved, or tried */
	struct bh_addrset *addrs; /* per sentence that is a set */
	uint32_t *nth; /* per sentence: its place among the member sets */
	bool *broken; /* per sentence: says nothing reliable */
	uint32_t *seen; /* per sentence: the list that named it last */
	struct bh_member_set *sets;
	size_t n_sets;
	uint32_t lists; /* counts lists, for `seen` */
	size_t resolved; /* ranges so far, against BH_MAX_RESOLVED */
	bool too_large;
	/* Ranges of the list being put together, per family; heap. */
	struct heap {
		struct bh_range *v;
		size_t n, cap;
	} r4, r6;
	bool out_of_memory;
};

/* ---- names ---- */

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

static void resolve(struct binder *b, const struct bh_item *one)
{
	struct found f = { 0 };

	if (b->asked[one->index])
		return;
	b->asked[one->index] = true;
	int r = b->names->resolve ? b->names->resolve(b->names->ctx, one->name, add_address, &f)
				  : -ENOENT;
	struct bh_bound_machine *m = &b->machines[one->index];
	m->name = b->p->machine_names[one->index];
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

/* ---- putting lists together ---- */

static void push(struct binder *b, uint8_t family, bh_u128 lo, bh_u128 hi)
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

static void push_set(struct binder *b, const struct bh_addrset *s)
{
	if (b->r4.n + b->r6.n + s->v4.n + s->v6.n > BH_MAX_RESOLVED) {
		b->too_large = true;
		return;
	}
	for (size_t i = 0; i < s->v4.n; i++)
		push(b, BH_V4, s->v4.v[i].lo, s->v4.v[i].hi);
	for (size_t i = 0; i < s->v6.n; i++)
		push(b, BH_V6, s->v6.v[i].lo, s->v6.v[i].hi);
}

/* What was pushed since the last time. */
static struct bh_addrset pushed(struct binder *b)
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

/* A list both ways: as addresses and as membership asks for it. */
struct both {
	struct bh_addrset addrs; /* multicast still in it */
	struct bh_member_list members;
	bool any, self, localsubnet, broken;
};

static void take_literal(struct binder *b, const struct bh_item *one, struct both *ret)
{
	switch ((enum bh_item_kind)one->kind) {
	case BH_ITEM_ADDRESS:
	case BH_ITEM_PREFIX:
	case BH_ITEM_RANGE: push(b, one->family, one->lo, one->hi); break;
	case BH_ITEM_INTERNET: push_set(b, &b->internet); break;
	case BH_ITEM_ANY: ret->any = ret->members.any = true; break;
	case BH_ITEM_SELF: ret->self = true; break;
	case BH_ITEM_LOCALSUBNET: ret->localsubnet = true; break;
	case BH_ITEM_MACHINE:
		resolve(b, one);
		for (size_t i = 0; i < b->machines[one->index].n; i++) {
			const struct bh_addr *a = &b->machines[one->index].addrs[i];
			push(b, a->family, a->num, a->num);
		}
		break;
	case BH_ITEM_BROKEN:
	case BH_ITEM_WORD: ret->broken = true; break;
	case BH_ITEM_SET: break;
	}
}

static bool is_set(const struct binder *b, const struct bh_item *one)
{
	return one->kind == BH_ITEM_SET && b->p->v[one->index].kind == BH_SENTENCE_SET;
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
		ret->broken |= !is_set(b, one) || b->broken[one->index];
		if (!is_set(b, one) || b->seen[one->index] == b->lists)
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
	push_set(b, &ret->members.addrs);
	b->lists++;
	for (size_t i = 0; i < l->n; i++) {
		const struct bh_item *one = &l->v[i];
		if (!is_set(b, one) || b->seen[one->index] == b->lists)
			continue;
		b->seen[one->index] = b->lists;
		push_set(b, &b->addrs[one->index]);
	}
	ret->addrs = pushed(b);
}

static struct both bind_list(struct binder *b, const struct bh_list *l)
{
	struct both ret = { 0 };
	size_t named = 0, n = 0;

	for (size_t i = 0; i < l->n; i++) {
		take_literal(b, &l->v[i], &ret);
		named += is_set(b, &l->v[i]) || l->v[i].kind == BH_ITEM_MACHINE;
	}
	ret.members.addrs = pushed(b);
	take_sets(b, l, &ret);

	struct bh_bound_item *v = named ? bh_arena_array(b->a, named, sizeof *v) : NULL;
	for (size_t i = 0; v && i < l->n; i++) {
		const struct bh_item *one = &l->v[i];
		if (is_set(b, one))
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

static void bind_sets(struct binder *b)
{
	for (size_t i = 0; i < b->p->n_order && !b->too_large; i++) {
		uint32_t at = b->p->order[i];
		const struct bh_sentence *s = &b->p->v[at];
		struct both list = bind_list(b, &s->list), except = bind_list(b, &s->except);
		struct bh_addrset plus = list.any ? b->full : list.addrs;
		struct bh_addrset minus = except.any ? b->full : except.addrs;

		b->addrs[at] = without_multicast(b, bh_addrset_subtract(b->a, plus, minus));
		b->broken[at] = s->broken || list.broken || except.broken;
		b->nth[at] = (uint32_t)b->n_sets;
		b->sets[b->n_sets++] = (struct bh_member_set){
			.name = s->name, .list = list.members, .except = except.members
		};
	}
}

/* ---- what resolves to nothing ---- */

#define CANDIDATES 4096u

/* Multicast is in no set, and so no address of a machine either. */
static bool has_address(const struct bh_bound_machine *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!bh_is_multicast(&m->addrs[i]))
			return true;
	}
	return false;
}

/* A set without addresses can still hold machines without addresses (--names).  Those
 * that have one are excepted by it, or the set would not be empty. */
static bool holds_a_machine(struct binder *b, const struct bh_bound_names *names, uint32_t set)
{
	bool *in = calloc(names->n_sets + 1, sizeof *in);
	bool found = false;
	size_t tried = 0;

	for (size_t i = 0; in && !found && i < names->n_machines; i++) {
		const struct bh_bound_machine *one = &names->machines[i];
		if (has_address(one))
			continue;
		if (tried++ == CANDIDATES)
			found = true;
		struct bh_machine m = { .names = &one->name, .n_names = 1 };
		bh_members_mark(names, &m, in);
		found |= in[set];
	}
	b->out_of_memory |= !in;
	free(in);
	return found;
}

static void check_item(
	struct binder *b, const struct bh_bound_names *names, const struct bh_item *one)
{
	struct bh_addr lo = { .num = one->lo, .family = one->family };
	struct bh_addr hi = { .num = one->hi, .family = one->family };

	if (is_set(b, one)) {
		if (b->broken[one->index] || !bh_addrset_empty(&b->addrs[one->index]) ||
			holds_a_machine(b, names, b->nth[one->index]))
			return;
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"'%s' holds no address: nothing could ever match, mend the set in line %u",
			one->name, b->p->v[one->index].mark.line);
		return;
	}
	if (one->kind != BH_ITEM_ADDRESS && one->kind != BH_ITEM_PREFIX &&
		one->kind != BH_ITEM_RANGE)
		return;
	if (bh_is_multicast(&lo) && bh_is_multicast(&hi) &&
		(lo.num == hi.num || one->family == BH_V6 || hi.num != UINT32_MAX))
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"multicast and 255.255.255.255 are in no set but the word 'any': this "
			"could never match");
}

/* ---- rules, defaults, the rest ---- */

static unsigned hooks_of(const struct bh_sentence *s)
{
	return s->hooks ? s->hooks : BH_HOOK_BIT(BH_IN) | BH_HOOK_BIT(BH_OUT) | BH_HOOK_BIT(BH_FWD);
}

static const struct bh_service *services_of(
	struct binder *b, const struct bh_sentence *s, size_t *n)
{
	struct bh_service *v = bh_arena_array(b->a, b->p->n_ports, sizeof *v);

	*n = 0;
	for (size_t i = 0; v && i < b->p->n_ports; i++) {
		if (bh_service_in_words(&s->services, &b->p->ports[i]))
			v[(*n)++] = b->p->ports[i].service;
	}
	return v;
}

static const char *sentence_text(struct binder *b, const struct bh_sentence *s)
{
	BH_AUTO_BUF t = { 0 };

	bh_sentence_print(s, false, &t);
	b->out_of_memory |= !bh_buf_ok(&t);
	return bh_arena_strn(b->a, bh_buf_text(&t), t.len);
}

static struct bh_bound_list list_of(struct binder *b, const struct both *l)
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

static void bind_rules(struct binder *b, struct bh_bound *bound, struct bh_bound_names *names)
{
	size_t n = 0;

	for (size_t i = 0; i < b->p->n; i++)
		n += b->p->v[i].kind == BH_SENTENCE_RULE;
	struct bh_bound_rule *rules = bh_arena_array(b->a, n, sizeof *rules);
	struct bh_member_list *from = bh_arena_array(b->a, n, sizeof *from);
	struct bh_member_list *to = bh_arena_array(b->a, n, sizeof *to);
	if (!rules || !from || !to)
		return;
	n = 0;
	for (size_t i = 0; i < b->p->n && !b->too_large; i++) {
		const struct bh_sentence *s = &b->p->v[i];
		if (s->kind != BH_SENTENCE_RULE)
			continue;
		struct both f = bind_list(b, &s->from), t = bind_list(b, &s->to);
		from[n] = f.members;
		to[n] = t.members;
		for (size_t k = 0; k < s->from.n; k++)
			check_item(b, names, &s->from.v[k]);
		for (size_t k = 0; k < s->to.n; k++)
			check_item(b, names, &s->to.v[k]);
		struct bh_bound_rule *r = &rules[n++];
		*r = (struct bh_bound_rule){ .block = s->block,
			.hooks = hooks_of(s),
			.from = list_of(b, &f),
			.to = list_of(b, &t),
			.line = s->mark.line,
			.file = b->p->file,
			.text = sentence_text(b, s),
			.reason = s->reason };
		r->services = services_of(b, s, &r->n_services);
	}
	bound->rules = rules;
	bound->n_rules = n;
	names->from = from;
	names->to = to;
}

static void bind_defaults(struct binder *b, struct bh_bound *bound)
{
	size_t n = 0;

	for (size_t i = 0; i < b->p->n; i++)
		n += b->p->v[i].kind == BH_SENTENCE_DEFAULT;
	struct bh_bound_default *v = bh_arena_array(b->a, n * b->p->n_ports, sizeof *v);
	n = 0;
	for (size_t i = 0; v && i < b->p->n; i++) {
		const struct bh_sentence *s = &b->p->v[i];
		if (s->kind != BH_SENTENCE_DEFAULT)
			continue;
		const char *text = sentence_text(b, s);
		for (size_t k = 0; k < b->p->n_ports; k++) {
			if (!bh_service_in_words(&s->services, &b->p->ports[k]))
				continue;
			v[n++] = (struct bh_bound_default){ .block = s->block,
				.hooks = hooks_of(s),
				.service = b->p->ports[k].service,
				.line = s->mark.line,
				.file = b->p->file,
				.text = text,
				.reason = s->reason };
		}
	}
	bound->defaults = v;
	bound->n_defaults = n;
}

static void bind_services(struct binder *b, struct bh_bound *bound)
{
	struct bh_bound_service *v = bh_arena_array(b->a, b->p->n_ports, sizeof *v);

	for (size_t i = 0; v && i < b->p->n_ports; i++) {
		const struct bh_port_of *p = &b->p->ports[i];
		v[i] = (struct bh_bound_service){
			.name = p->name, .of = p->of, .quic = p->quic, .service = p->service
		};
	}
	bound->services = v;
	bound->n_services = b->p->n_ports;
}

static void describe_set(struct binder *b, uint32_t at, struct bh_bound_set *ret)
{
	const struct bh_sentence *s = &b->p->v[at];
	size_t n = 0;

	for (size_t i = 0; i < s->list.n; i++)
		n += s->list.v[i].kind == BH_ITEM_MACHINE;
	const char **machines = n ? bh_arena_array(b->a, n, sizeof *machines) : NULL;
	n = 0;
	for (size_t i = 0; machines && i < s->list.n; i++) {
		if (s->list.v[i].kind == BH_ITEM_MACHINE)
			machines[n++] = s->list.v[i].name;
	}
	*ret = (struct bh_bound_set){ .name = s->name,
		.hosts = s->hosts,
		.addrs = b->addrs[at],
		.machines = machines,
		.n_machines = n,
		.line = s->mark.line,
		.file = b->p->file };
}

static void bind_declared(struct binder *b, struct bh_bound *bound)
{
	struct bh_bound_set *v = bh_arena_array(b->a, b->n_sets, sizeof *v);

	for (uint32_t i = 0; v && i < b->p->n && bound->n_sets < b->n_sets; i++) {
		if (b->p->v[i].kind != BH_SENTENCE_SET)
			continue;
		describe_set(b, i, &v[bound->n_sets++]);
		if (!b->p->v[i].hosts)
			push_set(b, &b->addrs[i]);
	}
	bound->sets = v;
	bound->declared = pushed(b);
}

static int by_ranges(const void *x, const void *y)
{
	const struct bh_addrset *a = x, *b = y;
	uintptr_t k[2][4] = {
		{ (uintptr_t)a->v4.v, a->v4.n, (uintptr_t)a->v6.v, a->v6.n },
		{ (uintptr_t)b->v4.v, b->v4.n, (uintptr_t)b->v6.v, b->v6.n },
	};

	for (size_t i = 0; i < 4; i++) {
		if (k[0][i] != k[1][i])
			return k[0][i] < k[1][i] ? -1 : 1;
	}
	return 0;
}

/* Lists that share their ranges are one atom. */
static void bind_atoms(struct binder *b, struct bh_bound *bound)
{
	size_t n = 0, kept = 0;
	struct bh_addrset *v = bh_arena_array(b->a, 2 * bound->n_rules + 2, sizeof *v);

	if (!v)
		return;
	for (size_t i = 0; i < bound->n_rules; i++) {
		v[n++] = bound->rules[i].from.addrs;
		v[n++] = bound->rules[i].to.addrs;
	}
	v[n++] = bh_set_loopback(b->a);
	v[n++] = b->multicast;
	qsort(v, n, sizeof *v, by_ranges);
	for (size_t i = 0; i < n; i++) {
		if (!bh_addrset_empty(&v[i]) && (!kept || by_ranges(&v[kept - 1], &v[i])))
			v[kept++] = v[i];
	}
	bound->atoms = v;
	bound->n_atoms = kept;
}

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
	b->seen = bh_arena_array(b->a, n, sizeof *b->seen);
	b->sets = bh_arena_array(b->a, n, sizeof *b->sets);
	return bh_arena_ok(b->a);
}

static int bind_all(struct binder *b, struct bh_bound *bound, struct bh_bound_names *names)
{
	if (!make_room(b))
		return -ENOMEM;
	bind_sets(b);
	*names = (struct bh_bound_names){ .sets = b->sets,
		.n_sets = b->n_sets,
		.machines = b->machines,
		.n_machines = b->p->n_machines,
		.map = b->p->machines };
	bound->names = names;
	bind_rules(b, bound, names);
	bind_defaults(b, bound);
	bind_services(b, bound);
	bind_declared(b, bound);
	bind_atoms(b, bound);
	if (b->too_large)
		bh_complain(&b->c, BH_ERROR, NULL,
			"this policy has more than %u address ranges once its names are resolved: "
			"write larger prefixes, or fewer copies of large sets",
			BH_MAX_RESOLVED);
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
	b.c = (struct bh_complain){ .diags = diags, .text = p->text, .file = p->file };
	int r = bind_all(&b, bound, kept);
	bh_complain_end(&b.c);
	free(b.r4.v);
	free(b.r6.v);
	if (r < 0)
		return r;
	*ret = bound;
	return 0;
}
