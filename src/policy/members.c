#include "policy/ast.h"

static bool is_called(const struct bh_machine *m, const char *name)
{
	for (size_t i = 0; i < m->n_names; i++) {
		if (bh_name_equal(m->names[i], name))
			return true;
	}
	return false;
}

bool bh_members_in(const struct bh_member_list *l, const struct bh_machine *m, const bool *in)
{
	if (l->any)
		return true;
	for (size_t i = 0; i < m->n_addrs; i++) {
		if (bh_addrset_contains(&l->addrs, &m->addrs[i]))
			return true;
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct bh_bound_item *one = &l->v[i];
		if (one->set >= 0 ? in[one->set] : is_called(m, one->name))
			return true;
	}
	return false;
}

void bh_members_mark(const struct bh_bound_names *n, const struct bh_machine *m, bool *in)
{
	for (size_t i = 0; i < n->n_sets; i++) {
		const struct bh_member_set *s = &n->sets[i];
		in[i] = bh_members_in(&s->list, m, in) && !bh_members_in(&s->except, m, in);
	}
}
