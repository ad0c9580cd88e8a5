#include <nettle/sha2.h>

#include "keeper/keeper.h"

int bh_keeper_bind(const char *name, struct bh_span text, const struct bh_names *names,
	struct bh_arena *a, struct bh_diags *diags, struct bh_ready *ret)
{
	struct bh_ready r = { 0 };
	struct bh_names system;
	struct sha256_ctx sha;

	bh_keeper_names_system(&system);
	int err = bh_policy_parse(name, text, a, diags, &r.policy);
	if (err < 0)
		return err;
	err = bh_policy_bind(r.policy, names ? names : &system, a, diags, &r.bound);
	if (err < 0)
		return err;

	sha256_init(&sha);
	sha256_update(&sha, strlen(r.bound->canonical), (const uint8_t *)r.bound->canonical);
	sha256_digest(&sha, sizeof r.hash, r.hash);
	*ret = r;
	return 0;
}
