#include "cli/privileged.h"

#include "sandbox/sandbox.h"

int bh_cli_priv(const struct bh_cli *cli, struct bh_priv **ret)
{
	const char *why = "";
	int r = bh_priv_open(ret, &why);

	if (r == -EPERM)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "this needs root: run 'sudo bulkhead %s …'",
			cli->command->name);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	r = bh_sandbox_enter(BH_ROLE_CLI);
	if (r) {
		*ret = bh_priv_free(*ret);
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "cannot give up privilege: %s", strerror(-r));
	}
	return BH_EXIT_OK;
}

const char *bh_cli_hash(const uint8_t hash[BH_HASH], char ret[13])
{
	for (unsigned i = 0; i < 6; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
	return ret;
}
