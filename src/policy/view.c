#include "policy/ast.h"

/* Multicast and 255.255.255.255 are in no set, so nobody is in one by them. */
static void keep_address(struct bh_machine *m, struct bh_addr *all, const struct bh_addr *one)
{
	if (one->family && !bh_is_multicast(one))
		all[m->n_addrs++] = *one;
}

/* What the machine is called, and every address it is known by. */
static int gather(const struct bh_bound *b, const char *const *names, size_t n_names,
	const struct bh_addr *addrs, size_t n_addrs, struct bh_arena *a, struct bh_machine *ret)
{
	const struct bh_bound_names *known = b->names;
	size_t room = n_addrs;

	for (size_t i = 0; i < n_names; i++) {
		int64_t k = bh_namemap_find(&known->map, names[i]);
		room += k >= 0 ? known->machines[k].n : 0;
	}
	struct bh_addr *all = bh_arena_array(a, room, sizeof *all);
	struct bh_machine m = { .names = names, .n_names = n_names, .addrs = all };
	if (!all)
		return -ENOMEM;

	for (size_t i = 0; i < n_addrs; i++)
		keep_address(&m, all, &addrs[i]);
	for (size_t i = 0; i < n_names; i++) {
		int64_t k = bh_namemap_find(&known->map, names[i]);
		for (size_t n = 0; k >= 0 && n < known->machines[k].n; n++)
			keep_address(&m, all, &known->machines[k].addrs[n]);
	}
	*ret = m;
	return 0;
}

static struct bh_addrset own_addresses(const struct bh_machine *m, struct bh_arena *a)
{
	struct bh_addrset s = { 0 };

	for (size_t i = 0; i < m->n_addrs; i++)
		s = bh_addrset_union(a, s, bh_addrset_one(a, &m->addrs[i]));
	return s;
}

/* doc/policy.md §2: a machine is always in any, self and localsubnet. */
static bool machine_in(const struct bh_bound_list *l, const struct bh_member_list *members,
	const struct bh_machine *m, const bool *in)
{
	return l->any || l->self || l->localsubnet || bh_members_in(members, m, in);
}

int bh_policy_view_host(const struct bh_bound *b, const char *const *names, size_t n_names,
	const struct bh_addr *addrs, size_t n_addrs, struct bh_arena *a, struct bh_view *ret)
{
	struct bh_machine m;

	if (gather(b, names, n_names, addrs, n_addrs, a, &m) < 0)
		return -ENOMEM;
	bool *in = bh_arena_array(a, b->names->n_sets, sizeof *in);
	bool *from = bh_arena_array(a, b->n_rules, sizeof *from);
	bool *to = bh_arena_array(a, b->n_rules, sizeof *to);
	bool *tasks = bh_arena_array(a, b->n_tasks, sizeof *tasks);
	if (!in || !from || !to || !tasks)
		return -ENOMEM;

	struct bh_view v = { .self = own_addresses(&m, a), .bound = b };
	/* Who roams is known by name alone; where it is now says nothing about what it is. */
	struct bh_machine named = { .names = m.names, .n_names = m.n_names };
	bh_members_mark(b->names, &named, in);
	for (size_t i = b->n_roaming; i-- > 0;) {
		if (in[b->names->roaming[i]])
			v.roaming = &b->roaming[i];
	}
	if (v.roaming)
		m = named;
	else
		bh_members_mark(b->names, &m, in);
	for (size_t i = 0; i < b->n_rules; i++) {
		from[i] = machine_in(&b->rules[i].from, &b->names->from[i], &m, in);
		to[i] = machine_in(&b->rules[i].to, &b->names->to[i], &m, in);
	}
	for (size_t i = 0; i < b->n_tasks; i++)
		tasks[i] = machine_in(&b->tasks[i].on, &b->names->tasks[i], &m, in);
	v.from_me = from;
	v.to_me = to;
	v.tasks_me = tasks;
	if (!bh_arena_ok(a))
		return -ENOMEM;
	*ret = v;
	return 0;
}

int bh_policy_view_gateway(const struct bh_bound *b, struct bh_arena *a, struct bh_view *ret)
{
	bool *from = bh_arena_array(a, b->n_rules, sizeof *from);
	bool *to = bh_arena_array(a, b->n_rules, sizeof *to);
	bool *tasks = bh_arena_array(a, b->n_tasks, sizeof *tasks);

	if (!from || !to || !tasks)
		return -ENOMEM;
	/* A gateway is in no set but the word `any`. */
	for (size_t i = 0; i < b->n_rules; i++) {
		from[i] = b->rules[i].from.any;
		to[i] = b->rules[i].to.any;
	}
	for (size_t i = 0; i < b->n_tasks; i++)
		tasks[i] = b->tasks[i].on.any;
	*ret = (struct bh_view){
		.gateway = true, .from_me = from, .to_me = to, .tasks_me = tasks, .bound = b
	};
	return 0;
}

bool bh_policy_roams(const struct bh_bound *b, const char *name)
{
	int64_t i = b->names->roams ? bh_namemap_find(&b->names->map, name) : -1;

	return i >= 0 && b->names->roams[i];
}
