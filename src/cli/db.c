#include "cli/db.h"

#include <stdlib.h>
#include <unistd.h>

#define SYSTEM_DB "/var/lib/bulkhead/bulkhead.db"

/* XDG Base Directory Specification: a relative path in the variable is to be ignored. */
static bool own_db(struct bh_buf *path)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		bh_buf_printf(path, "%s/bulkhead/bulkhead.db", state);
	else if (home && home[0] == '/')
		bh_buf_printf(path, "%s/.local/state/bulkhead/bulkhead.db", home);
	else
		return false;
	return true;
}

static int where(const struct bh_cli *cli, bool write, struct bh_buf *path)
{
	bool system = geteuid() == 0 || (!write && access(SYSTEM_DB, R_OK) == 0);

	if (cli->db && !*cli->db)
		return bh_cli_usage(cli, "--db needs a path");
	if (cli->db)
		bh_buf_str(path, cli->db);
	else if (system)
		bh_buf_str(path, SYSTEM_DB);
	else if (!own_db(path))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM,
			"neither XDG_STATE_HOME nor HOME is set; name a database with --db PATH");
	if (!bh_buf_ok(path))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	return 0;
}

static int refuse(const struct bh_cli *cli, int r, const char *path, const char *why)
{
	int status = r == -EPROTO || r == -ENOENT || r == -ENOSYS ? BH_EXIT_INPUT : BH_EXIT_SYSTEM;

	if (r == -ENOENT)
		return bh_cli_fail(cli, status,
			"no inventory yet at %s: start with 'bulkhead read FILE' or 'bulkhead watch'",
			path);
	return bh_cli_fail(cli, status, "cannot use the database %s: %s", path, why);
}

int bh_cli_db_write(struct bh_cli *cli, struct bh_store **ret, struct bh_buf *path)
{
	BH_AUTO_BUF own = { 0 };
	struct bh_buf *p = path ? path : &own;
	const char *why = "";
	int r = where(cli, true, p);

	if (!r && cli->reveal)
		r = bh_cli_usage(cli,
			"--reveal is for what shows names; the key that hides them is "
			"given with --pseudonymise KEYFILE");
	if (r)
		return r;
	r = bh_store_open(bh_buf_text(p), true, true, ret, &why);
	return r ? refuse(cli, r, bh_buf_text(p), why) : 0;
}

static void say_older(const struct bh_cli *cli)
{
	if (!cli->quiet)
		fprintf(stderr,
			"bulkhead %s: an older version of bulkhead wrote the database; a newer copy "
			"of it is read, until 'read' or 'watch' upgrades it\n",
			cli->command->name);
}

int bh_cli_db_read(struct bh_cli *cli, struct bh_store **ret, bool *missing, struct bh_buf *path)
{
	BH_AUTO_BUF own = { 0 };
	struct bh_buf *p = path ? path : &own;
	const char *why = "";
	int r = where(cli, false, p);

	if (r)
		return r;
	r = bh_store_open(bh_buf_text(p), false, false, ret, &why);
	if (missing)
		*missing = r == -ENOENT && !cli->db;
	if (missing && *missing)
		return 0;
	if (r)
		return refuse(cli, r, bh_buf_text(p), why);
	if (bh_store_is_older(*ret))
		say_older(cli);
	return 0;
}

const char *bh_cli_db_reason(int r)
{
	switch (r) {
	case -EBUSY: return "another process is writing to it";
	case -ENOSPC: return "its disk is full";
	case -EIO: return "its disk failed, or it is damaged";
	case -ESTALE: return "it was moved or deleted meanwhile";
	case -ENOKEY: return "it keeps names as pseudonyms now, and no key was given";
	default: return strerrordesc_np(-r);
	}
}

int bh_cli_db_unread(const struct bh_cli *cli, int r, const char *path)
{
	return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot read the database %s: %s", path,
		r == -EIO ? "it is damaged, or a value in it is none that bulkhead writes"
			  : strerrordesc_np(-r));
}
