#include "keeper/keeper.h"

static int view_of(const struct bh_ready *r, const struct bh_place *place, struct bh_arena *a,
	struct bh_view *ret)
{
	return place->gateway ? bh_policy_view_gateway(r->bound, a, ret)
			      : bh_policy_view_host(r->bound, place->names, place->n_names,
					place->addrs, place->n_addrs, a, ret);
}

int bh_keeper_unsaid(const struct bh_ready *r, const struct bh_place *place, struct bh_arena *a,
	struct bh_diags *diags)
{
	struct bh_view view;
	int err = view_of(r, place, a, &view);

	if (!err)
		(void)bh_plan_unsaid(r->bound, &view, place->forwards, diags);
	return err;
}

int bh_keeper_plan(struct bh_ready *r, const struct bh_place *place, struct bh_arena *a)
{
	struct bh_view view;
	struct bh_table table;
	int err = view_of(r, place, a, &view);

	if (!err)
		err = bh_plan_table(r->bound, &view, place->ifaces, place->n_ifaces,
			place->forwards, r->hash, a, &table);
	if (err)
		return err;
	r->place = *place;
	r->view = view;
	r->table = table;
	return 0;
}
