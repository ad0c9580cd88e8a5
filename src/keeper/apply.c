/*
 * apply: hand a planned policy to bulkhead-priv.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "keeper/keeper.h"

/* The first column of each line is a group that somebody is bound to. */
bool bh_keeper_listened(void)
{
	FILE *f = fopen("/proc/net/netfilter/nfnetlink_log", "re");
	char line[256];
	bool found = false;

	while (f && fgets(line, sizeof line, f)) {
		unsigned group;
		if (sscanf(line, "%u", &group) == 1 && group == BH_NFLOG_GROUP)
			found = true;
	}
	if (f)
		fclose(f);
	return found;
}

int bh_keeper_apply(struct bh_priv *p, const struct bh_ready *r, enum bh_mode mode, uint32_t lease,
	struct bh_priv_state *ret, const char **why)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };

	if (mode == BH_AUDIT && !bh_keeper_listened()) {
		*why = "nobody would hear what an audit finds: start 'bulkhead watch' first, and "
		       "keep it running";
		return -ENOTCONN;
	}
	char folder[PATH_MAX];
	/* It is read again from wherever somebody stands then. */
	bh_policy_print_whole(r->policy, getcwd(folder, sizeof folder) ? folder : ".", &a, &text);
	if (!bh_buf_ok(&text) || !bh_arena_ok(&a)) {
		*why = "out of memory";
		return -ENOMEM;
	}
	const struct bh_priv_apply ask = {
		.table = &r->table, .mode = mode, .lease = lease, .policy_text = bh_buf_text(&text)
	};
	return bh_priv_apply(p, &ask, ret, why);
}

static bool admit_all(void *ctx, const struct bh_flow *f)
{
	(void)ctx;
	(void)f;
	return true;
}

int bh_keeper_foreign(struct bh_priv *p, struct bh_arena *a, const char *const **ret, size_t *n_ret,
	const char **why)
{
	static const struct bh_service services[] = { { 139, BH_TCP }, { 445, BH_TCP },
		{ 5445, BH_TCP }, { 137, BH_UDP }, { 138, BH_UDP } };
	const struct bh_judge j = { .admit = admit_all,
		.services = services,
		.n_services = BH_LEN(services),
		.hooks = BH_HOOK_BIT(BH_IN) | BH_HOOK_BIT(BH_OUT) | BH_HOOK_BIT(BH_FWD),
		.log_group = BH_NFLOG_GROUP };
	BH_AUTO_BUF dump = { 0 };
	struct bh_proof proof;
	int r = bh_priv_dump(p, &dump, why);

	if (r < 0)
		return r;
	r = bh_proof_check(bh_span_of(bh_buf_text(&dump), dump.len), &j, a, &proof);
	if (r < 0) {
		*why = r == -ENOMEM ? "out of memory"
				    : "the kernel's answer is no dump that can be read";
		return r;
	}
	*ret = proof.outside;
	*n_ret = proof.n_outside;
	return 0;
}
