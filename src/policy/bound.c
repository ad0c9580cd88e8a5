#include <stdlib.h>

#include "policy/bind.h"

/* ---- what resolves to nothing ---- */

/* A set without addresses can still hold machines without addresses: those that roam, and
 * those that --names does not know. */
bool bind_holds_somebody(struct binder *b, uint32_t set)
{
	if (b->unknown[set] || b->p->v[set].roams)
		return true;
	/* Too many to tell: then it is not told. */
	if (!bind_written(b))
		return true;
	const uint64_t *in = b->written.in + b->written.nth[set] * b->written.words;
	for (size_t w = 0; w < b->p->n_machines / 64 + 1; w++) {
		if (in[w] & b->nowhere[w])
			return true;
	}
	return false;
}

static void check_item(struct binder *b, const struct bh_item *one)
{
	struct bh_addr lo = { .num = one->lo, .family = one->family };
	struct bh_addr hi = { .num = one->hi, .family = one->family };
	char line[BH_LINE_TEXT];

	if (bind_is_set(b, one)) {
		if (b->broken[one->index] || !bh_addrset_empty(&b->addrs[one->index]) ||
			bind_holds_somebody(b, one->index))
			return;
		bh_complain(&b->c, BH_ERROR, &one->mark,
			"'%s' holds no address: nothing could ever match, mend the set in %s",
			one->name, bh_line_of(&b->c, &b->p->v[one->index].mark, &one->mark, line));
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

/* ---- rules ---- */

static const char *file_of(const struct binder *b, const struct bh_sentence *s)
{
	return b->p->sources[s->mark.source].file;
}

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

	bh_sentence_print(s, &t);
	b->out_of_memory |= !bh_buf_ok(&t);
	return bh_arena_strn(b->a, bh_buf_text(&t), t.len);
}

static const struct bh_bound_interfaces *via_of(struct binder *b, const struct bh_word *w)
{
	int64_t at = w->name ? bh_namemap_find(&b->p->interfaces, w->name) : -1;
	const struct bh_sentence *s = at < 0 ? NULL : &b->p->v[at];

	if (!s || s->kind != BH_SENTENCE_INTERFACES)
		return NULL;
	const char **v = bh_arena_array(b->a, s->words.n, sizeof *v);
	for (size_t i = 0; v && i < s->words.n; i++)
		v[i] = s->words.v[i].name;
	struct bh_bound_interfaces via = { .name = s->name,
		.patterns = v,
		.n = v ? s->words.n : 0,
		.line = s->mark.line,
		.file = file_of(b, s) };
	return bh_arena_copy(b->a, &via, sizeof via);
}

static const struct bh_bound_secure *secure_of(struct binder *b, const struct bh_sentence *s)
{
	const struct bh_clauses *c = s->clauses;
	struct bh_bound_secure x = { 0 };

	if (!c || !c->level)
		return NULL;
	const char **as = bh_arena_array(b->a, c->as.n, sizeof *as);
	const char **roaming = bh_arena_array(b->a, s->from.n, sizeof *roaming);
	for (size_t i = 0; as && i < c->as.n; i++)
		as[i] = c->as.v[i].name;
	for (size_t i = 0; roaming && i < s->from.n; i++) {
		const struct bh_item *one = &s->from.v[i];
		if (bind_is_set(b, one) && b->p->v[one->index].roams)
			roaming[x.n_roaming++] = b->p->v[one->index].name;
	}
	x.level = (enum bh_level)c->level;
	x.by = (enum bh_by)c->by;
	x.as = as;
	x.n_as = c->as.n;
	x.roaming = roaming;
	return bh_arena_copy(b->a, &x, sizeof x);
}

static void take_clauses(struct binder *b, const struct bh_sentence *s, struct bh_bound_rule *ret)
{
	const struct bh_clauses *c = s->clauses;

	ret->on = s->block ? BH_ALL_PROFILES : BH_PROFILE_BIT(BH_DOMAIN);
	if (!c)
		return;
	if (c->on)
		ret->on = c->on;
	ret->via = via_of(b, &c->via);
	ret->secure = secure_of(b, s);
	ret->even_in_clear = c->even_mark.line != 0;
	ret->ends = c->until_mark.line != 0;
	ret->until = c->until;
	ret->expired = ret->ends && b->names->today > c->until;
	ret->lasts = c->seconds;
}

static int by_line(const void *x, const void *y)
{
	const struct bh_sentence *a = *(const struct bh_sentence *const *)x;
	const struct bh_sentence *b = *(const struct bh_sentence *const *)y;

	if (a->mark.line != b->mark.line)
		return a->mark.line < b->mark.line ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* The sentences of some kinds in the order of their lines, which includes can stir. */
static const struct bh_sentence **sentences_of(
	struct binder *b, enum bh_sentence_kind one, enum bh_sentence_kind other, size_t *n)
{
	const struct bh_sentence **v = NULL;

	for (unsigned pass = 0; pass < 2; pass++) {
		size_t k = 0;
		for (size_t i = 0; i < b->p->n; i++) {
			const struct bh_sentence *s = &b->p->v[i];
			if (s->kind != one && s->kind != other)
				continue;
			if (v)
				v[k] = s;
			k++;
		}
		*n = k;
		if (!pass)
			v = bh_arena_array(b->a, k, sizeof *v);
		if (!v)
			break;
	}
	if (!v)
		*n = 0;
	else if (b->p->n_sources > 1)
		qsort(v, *n, sizeof *v, by_line);
	return v;
}

static void check_items(struct binder *b, const struct bh_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		check_item(b, &l->v[i]);
}

static void bind_rules(struct binder *b, struct bh_bound *bound, struct bh_bound_names *names)
{
	size_t n;

	b->of = sentences_of(b, BH_SENTENCE_RULE, BH_SENTENCE_RULE, &n);
	struct bh_bound_rule *rules = bh_arena_array(b->a, n, sizeof *rules);
	struct bh_member_list *from = bh_arena_array(b->a, n, sizeof *from);
	struct bh_member_list *to = bh_arena_array(b->a, n, sizeof *to);
	if (!rules || !from || !to)
		return;
	size_t i = 0;
	for (; i < n && !b->too_large; i++) {
		const struct bh_sentence *s = b->of[i];
		struct both f = bind_list(b, &s->from), t = bind_list(b, &s->to);
		from[i] = f.members;
		to[i] = t.members;
		check_items(b, &s->from);
		check_items(b, &s->to);
		struct bh_bound_rule *r = &rules[i];
		*r = (struct bh_bound_rule){ .block = s->block,
			.hooks = hooks_of(s),
			.from = bind_list_of(b, &f),
			.to = bind_list_of(b, &t),
			.line = s->mark.line,
			.file = file_of(b, s),
			.text = sentence_text(b, s),
			.reason = s->reason };
		r->services = services_of(b, s, &r->n_services);
		take_clauses(b, s, r);
	}
	bound->rules = rules;
	bound->n_rules = i;
	names->from = from;
	names->to = to;
}

static void bind_defaults(struct binder *b, struct bh_bound *bound)
{
	size_t sentences, n = 0;
	const struct bh_sentence **of =
		sentences_of(b, BH_SENTENCE_DEFAULT, BH_SENTENCE_DEFAULT, &sentences);
	struct bh_bound_default *v = bh_arena_array(b->a, sentences * b->p->n_ports, sizeof *v);

	for (size_t i = 0; v && i < sentences; i++) {
		const struct bh_sentence *s = of[i];
		const char *text = sentence_text(b, s);
		for (size_t k = 0; k < b->p->n_ports; k++) {
			if (!bh_service_in_words(&s->services, &b->p->ports[k]))
				continue;
			v[n++] = (struct bh_bound_default){ .block = s->block,
				.hooks = hooks_of(s),
				.service = b->p->ports[k].service,
				.line = s->mark.line,
				.file = file_of(b, s),
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

static bool in_gate(const struct bh_bound *bound, size_t gate, size_t rule)
{
	const struct bh_bound_rule *r = &bound->rules[rule];

	return r->hooks & BH_HOOK_BIT(gate % BH_HOOKS) &&
	       bh_policy_rule_names(r, bound->services[gate / BH_HOOKS].service);
}

static void bind_gates(struct binder *b, struct bh_bound *bound)
{
	size_t n = bound->n_services * BH_HOOKS;
	struct bh_bound_gate *gates = bh_arena_array(b->a, n, sizeof *gates);

	for (size_t g = 0; gates && g < n; g++) {
		size_t count = 0;
		for (uint32_t i = 0; i < bound->n_rules; i++)
			count += in_gate(bound, g, i);
		uint32_t *rules = bh_arena_array(b->a, count, sizeof *rules);
		if (!rules)
			return;
		gates[g].rules = rules;
		for (uint32_t i = 0; i < bound->n_rules; i++) {
			if (in_gate(bound, g, i))
				rules[gates[g].n++] = i;
		}
	}
	bound->gates = gates;
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
		.kind = s->kind == BH_SENTENCE_TAGS ? "tags"
			: s->hosts                  ? "hosts"
						    : "network",
		.hosts = s->hosts,
		.roaming = s->roams,
		.addrs = b->addrs[at],
		.machines = machines,
		.n_machines = n,
		.line = s->mark.line,
		.file = file_of(b, s) };
}

static void bind_declared(struct binder *b, struct bh_bound *bound)
{
	struct bh_bound_set *v = bh_arena_array(b->a, b->n_sets, sizeof *v);

	for (uint32_t i = 0; v && i < b->p->n && bound->n_sets < b->n_sets; i++) {
		if (!bh_is_set(&b->p->v[i]))
			continue;
		describe_set(b, i, &v[bound->n_sets++]);
		if (b->p->v[i].kind == BH_SENTENCE_SET && !b->p->v[i].hosts)
			bind_push_set(b, &b->addrs[i]);
	}
	bound->sets = v;
	bound->declared = bind_pushed(b);
}

/* ---- roaming, groups, profiles, tasks, rings ---- */

static void bind_roaming(struct binder *b, struct bh_bound *bound)
{
	const struct bh_policy *p = b->p;
	size_t n = b->too_large ? 0 : p->n_roaming;
	struct bh_bound_roaming *v = bh_arena_array(b->a, n, sizeof *v);

	for (size_t i = 0; v && i < n; i++)
		v[i] = (struct bh_bound_roaming){ .set = p->v[p->roaming[i]].name,
			.line = p->roaming_mark[i].line,
			.file = p->sources[p->roaming_mark[i].source].file };
	bound->roaming = v;
	bound->n_roaming = v ? n : 0;
}

static void bind_groups(struct binder *b, struct bh_bound *bound)
{
	size_t n;
	const struct bh_sentence **of = sentences_of(b, BH_SENTENCE_GROUP, BH_SENTENCE_GROUP, &n);
	struct bh_bound_group *v = bh_arena_array(b->a, n, sizeof *v);

	for (size_t i = 0; v && i < n; i++)
		v[i] = (struct bh_bound_group){ .name = of[i]->name,
			.kind = (enum bh_group_kind)of[i]->what,
			.identity = of[i]->text,
			.line = of[i]->mark.line,
			.file = file_of(b, of[i]),
			.text = sentence_text(b, of[i]) };
	bound->groups = v;
	bound->n_groups = v ? n : 0;
}

static const struct bh_bound_condition *conditions_of(struct binder *b, const struct bh_sentence *s)
{
	struct bh_bound_condition *v = bh_arena_array(b->a, s->words.n, sizeof *v);

	for (size_t i = 0; v && i < s->words.n; i++) {
		const struct bh_word *w = &s->words.v[i];
		int64_t at = bh_namemap_find(&b->p->sets, w->name);
		if (!(s->authenticated >> i & 1)) {
			v[i].ifname = w->name;
			continue;
		}
		v[i].by = w->name;
		if (at < 0)
			continue;
		struct bh_item one = {
			.kind = BH_ITEM_SET, .name = w->name, .mark = w->mark, .index = (uint32_t)at
		};
		struct both l = bind_list(b, &(struct bh_list){ &one, 1 });
		v[i].servers = bind_list_of(b, &l);
	}
	return v;
}

static void bind_profiles(struct binder *b, struct bh_bound *bound)
{
	size_t n;
	const struct bh_sentence **of =
		sentences_of(b, BH_SENTENCE_PROFILE, BH_SENTENCE_PROFILE, &n);
	struct bh_bound_profile *v = bh_arena_array(b->a, n, sizeof *v);

	for (size_t i = 0; v && i < n; i++)
		v[i] = (struct bh_bound_profile){ .profile = (enum bh_profile)of[i]->what,
			.all = conditions_of(b, of[i]),
			.n = of[i]->words.n,
			.line = of[i]->mark.line,
			.file = file_of(b, of[i]),
			.text = sentence_text(b, of[i]) };
	bound->profiles = v;
	bound->n_profiles = v ? n : 0;
}

static void bind_tasks(struct binder *b, struct bh_bound *bound, struct bh_bound_names *names)
{
	size_t n;
	const struct bh_sentence **of =
		sentences_of(b, BH_SENTENCE_SERVER_OFF, BH_SENTENCE_AUDIT, &n);
	struct bh_bound_task *v = bh_arena_array(b->a, n, sizeof *v);
	struct bh_member_list *members = bh_arena_array(b->a, n, sizeof *members);

	for (size_t i = 0; v && members && i < n; i++) {
		struct both l = bind_list(b, &of[i]->list);
		members[i] = l.members;
		v[i] = (struct bh_bound_task){ .kind = of[i]->kind == BH_SENTENCE_AUDIT
							       ? BH_TASK_AUDIT_SHARES
							       : BH_TASK_SERVER_OFF,
			.on = bind_list_of(b, &l),
			.seconds = of[i]->seconds,
			.line = of[i]->mark.line,
			.file = file_of(b, of[i]),
			.text = sentence_text(b, of[i]) };
	}
	names->tasks = members;
	bound->tasks = v;
	bound->n_tasks = v && members ? n : 0;
}

static void bind_rings(struct binder *b, struct bh_bound *bound)
{
	size_t n;
	const struct bh_sentence **of = sentences_of(b, BH_SENTENCE_RING, BH_SENTENCE_RING, &n);
	struct bh_bound_ring *v = bh_arena_array(b->a, n, sizeof *v);

	for (size_t i = 0; v && i < n; i++) {
		const struct bh_sentence *s = of[i];
		struct bh_item one = { .kind = BH_ITEM_BROKEN };
		struct bh_list part = { &one, s->words.n };
		int64_t at = s->words.n ? bh_namemap_find(&b->p->sets, s->words.v[0].name) : -1;
		if (at >= 0)
			one = (struct bh_item){ .kind = BH_ITEM_SET,
				.name = s->words.v[0].name,
				.mark = s->words.v[0].mark,
				.index = (uint32_t)at };
		struct both l = bind_list(b, s->words.n ? &part : &s->list);
		v[i] = (struct bh_bound_ring){ .name = s->name,
			.rest = s->what == BH_RING_REST,
			.percent = s->what == BH_RING_REST ? 0 : s->what,
			.on = bind_list_of(b, &l),
			.soak = s->seconds,
			.line = s->mark.line,
			.file = file_of(b, s),
			.text = sentence_text(b, s) };
	}
	bound->rings = v;
	bound->n_rings = v ? n : 0;
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

void bind_sentences(struct binder *b, struct bh_bound *bound, struct bh_bound_names *names)
{
	bind_rules(b, bound, names);
	bind_defaults(b, bound);
	bind_services(b, bound);
	bind_gates(b, bound);
	bind_declared(b, bound);
	bind_roaming(b, bound);
	bind_groups(b, bound);
	bind_profiles(b, bound);
	bind_tasks(b, bound, names);
	bind_rings(b, bound);
	bind_atoms(b, bound);
}
