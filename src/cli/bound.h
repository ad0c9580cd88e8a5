/*
 * bound: from a policy file to what it means, for the commands that only think.
 */
#pragma once

#include "cli/cli.h"
#include "keeper/keeper.h"

#define BH_CLI_POLICY_BYTES BH_KEEPER_POLICY_BYTES

struct bh_cli_bound {
	const char *path;
	struct bh_span text;
	struct bh_diags diags;
	struct bh_names names; /* a hosts file's, or the system's */
	struct bh_ready ready; /* policy, bound and hash */
};

/* A file into the arena.  0 or an exit status after saying why. */
int bh_cli_text(
	const struct bh_cli *cli, const char *path, struct bh_arena *a, struct bh_span *ret);

/* Binds text, or with an empty span what is read from path; names_path NULL: the system's
 * resolver.  What is wrong with the policy is in ret->diags, not said yet.  0 or an exit
 * status after saying why. */
int bh_cli_bind(const struct bh_cli *cli, const char *path, struct bh_span text,
	const char *names_path, struct bh_arena *a, struct bh_cli_bound *ret);

/* How it is bound, where that is not as every day. */
struct bh_cli_how {
	const int64_t *day; /* as if it were that day, since 1970-01-01, UTC; NULL: today */
	bool advise; /* say what is right and probably not meant, too */
};

int bh_cli_bind_as(const struct bh_cli *cli, const char *path, struct bh_span text,
	const char *names_path, struct bh_cli_how how, struct bh_arena *a,
	struct bh_cli_bound *ret);
