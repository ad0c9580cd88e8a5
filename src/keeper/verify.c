#include "keeper/keeper.h"
#include "keeper/outside.h"

#define MAX_TRIES 5

static bool admit(void *ctx, const struct bh_flow *f)
{
	const struct bh_ready *r = ctx;
	struct bh_view gateway = { .gateway = true, .bound = r->bound };
	struct bh_decision d;

	/* What a host forwards it judges as a gateway would. */
	bh_policy_decide(r->bound, f->hook == BH_FWD ? &gateway : &r->view, f, &d);
	return d.admit;
}

static bool uses_localsubnet(const struct bh_bound *b)
{
	for (size_t i = 0; i < b->n_rules; i++)
		if (b->rules[i].from.localsubnet || b->rules[i].to.localsubnet)
			return true;
	return false;
}

/* Everything a decision may depend on; interfaces only where `localsubnet` makes them
 * differ. */
static int make_judge(const struct bh_ready *r, struct bh_arena *a, struct bh_judge *ret)
{
	const struct bh_bound *b = r->bound;
	const struct bh_place *place = &r->place;
	size_t n = uses_localsubnet(b) ? place->n_ifaces : 0;
	struct bh_addrset *sets = bh_arena_array(a, b->n_atoms + 1, sizeof *sets);
	struct bh_addrset *onlink = bh_arena_array(a, n + 1, sizeof *onlink);
	char(*names)[BH_IFNAME] = bh_arena_array(a, n + 1, sizeof *names);
	struct bh_service *services = bh_arena_array(a, b->n_services + 1, sizeof *services);
	struct bh_ready *ctx = bh_arena_copy(a, r, sizeof *r);

	if (!sets || !onlink || !names || !services || !ctx)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_atoms; i++)
		sets[i] = b->atoms[i];
	sets[b->n_atoms] = r->view.self;
	for (size_t i = 0; i < n; i++) {
		memcpy(names[i], place->ifaces[i].name, BH_IFNAME);
		onlink[i] = place->ifaces[i].onlink;
	}
	for (size_t i = 0; i < b->n_services; i++)
		services[i] = b->services[i].service;
	unsigned hooks = BH_HOOK_BIT(BH_FWD);
	if (!place->gateway)
		hooks = BH_HOOK_BIT(BH_IN) | BH_HOOK_BIT(BH_OUT) | (place->forwards ? hooks : 0);
	*ret = (struct bh_judge){
		.ctx = ctx,
		.admit = admit,
		.sets = sets,
		.n_sets = b->n_atoms + 1,
		.ifnames = (const char(*)[BH_IFNAME])names,
		.onlink = onlink,
		.n_ifnames = n,
		.services = services,
		.n_services = b->n_services,
		.hooks = hooks,
		.log_group = BH_NFLOG_GROUP,
	};
	return 0;
}

int bh_keeper_prove(struct bh_span dump, const struct bh_ready *r, enum bh_mode mode,
	struct bh_arena *a, struct bh_proof *ret)
{
	struct bh_judge j;

	if (make_judge(r, a, &j) < 0)
		return -ENOMEM;
	j.audit = mode == BH_AUDIT;
	j.keeps = mode == BH_KEEP;
	return bh_proof_check(dump, &j, a, ret);
}

/* Rules that change while they are read are read again. */
static int prove(struct bh_priv *p, const struct bh_ready *ready, enum bh_mode mode,
	struct bh_arena *a, struct bh_proof *ret, const char **why)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		BH_AUTO_BUF dump = { 0 };
		int r = bh_priv_dump(p, &dump, why);
		if (r < 0 && r != -EAGAIN)
			return r;
		if (r == -EAGAIN)
			continue;
		r = bh_keeper_prove(bh_span_of(bh_buf_text(&dump), dump.len), ready, mode, a, ret);
		if (r < 0) {
			*why = r == -ENOMEM ? "out of memory"
					    : "the kernel's answer is no dump that can be read";
			return r;
		}
		if (!ret->moved)
			return 0;
	}
	*why = "the rules keep changing while they are read: try again when they rest";
	return -EAGAIN;
}

static int join_outside(const struct bh_ready *r, struct bh_arena *a, struct bh_verified *v)
{
	const char *const *here;
	size_t n_here;
	int e = bh_keeper_outside(r, a, &here, &n_here);
	const char **all =
		e ? NULL : bh_arena_array(a, v->proof.n_outside + n_here + 1, sizeof *all);

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < v->proof.n_outside; i++)
		all[i] = v->proof.outside[i];
	for (size_t i = 0; i < n_here; i++)
		all[v->proof.n_outside + i] = here[i];
	v->outside = all;
	v->n_outside = v->proof.n_outside + n_here;
	return 0;
}

int bh_keeper_verify(struct bh_priv *p, const struct bh_ready *r, struct bh_arena *a,
	struct bh_verified *ret, const char **why)
{
	struct bh_verified v = { 0 };

	int e = bh_priv_state(p, &v.state, why);
	if (e < 0)
		return e;
	bool trial = v.state.trial && v.state.lease_left;
	enum bh_mode mode = !v.state.loaded ? BH_ENFORCE
			    : trial         ? v.state.trial_mode
					    : v.state.mode;
	v.audit = mode == BH_AUDIT;
	v.keeps = mode == BH_KEEP;
	v.other_policy = v.state.loaded &&
			 memcmp(trial ? v.state.trial_hash : v.state.hash, r->hash, BH_HASH) != 0;
	e = prove(p, r, mode, a, &v.proof, why);
	if (e < 0)
		return e;
	v.holds = v.state.loaded && v.proof.answer == BH_PROVEN && !v.proof.no_table &&
		  !v.proof.foreign_nat && !v.state.changed_outside && !v.other_policy;
	if (join_outside(r, a, &v) < 0) {
		*why = "out of memory";
		return -ENOMEM;
	}
	*ret = v;
	return 0;
}
