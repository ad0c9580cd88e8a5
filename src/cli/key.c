#include "cli/key.h"

#include "cli/db.h"

static int unread(const struct bh_cli *cli, int r)
{
	return bh_cli_fail(
		cli, BH_EXIT_SYSTEM, "the database cannot be used: %s", bh_cli_db_reason(r));
}

static int no_key(const struct bh_cli *cli, const char *file, int r, const char *why)
{
	int status = r == -EINVAL || r == -ENOENT ? BH_EXIT_INPUT : BH_EXIT_SYSTEM;

	return bh_cli_fail(cli, status, "cannot use the key %s: %s", file, why);
}

static int in_clear(const struct bh_cli *cli)
{
	return bh_cli_fail(cli, BH_EXIT_INPUT,
		"this database keeps names in clear already: begin a new one for pseudonyms (--db "
		"PATH)");
}

static int make_key(const struct bh_cli *cli, const char *file)
{
	int r = bh_pseudonyms_make(file);

	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot make the key %s: %s", file,
			strerrordesc_np(-r));
	fprintf(stderr,
		"bulkhead %s: made a new key, %s: keep a copy of it, and keep it away from the "
		"database; without it nobody can tell whose names these are\n",
		cli->command->name, file);
	return 0;
}

/* Where there are no names yet, a file that is not there is a new key's. */
static int open_key(const struct bh_cli *cli, const char *file, enum bh_names_kept kept,
	struct bh_pseudonyms **ret)
{
	const char *why = "";
	int r = bh_pseudonyms_open(file, ret, &why);

	if (r == -ENOENT && kept == BH_NAMES_HIDDEN)
		return no_key(cli, file, r,
			"it is not there; name the key that this database's names were hidden with");
	if (r == -ENOENT && kept == BH_NAMES_NONE) {
		int made = make_key(cli, file);
		if (made)
			return made;
		r = bh_pseudonyms_open(file, ret, &why);
	}
	return r ? no_key(cli, file, r, why) : 0;
}

int bh_cli_hide(
	const struct bh_cli *cli, struct bh_store *s, const char *file, struct bh_pseudonyms **ret)
{
	enum bh_names_kept kept = BH_NAMES_NONE;
	int r = bh_store_names_kept(s, &kept);

	if (r)
		return unread(cli, r);
	if (!file && kept == BH_NAMES_HIDDEN)
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"this database keeps names as pseudonyms: give its key, --pseudonymise "
			"KEYFILE");
	if (!file)
		return 0;
	if (kept == BH_NAMES_CLEAR)
		return in_clear(cli);
	r = open_key(cli, file, kept, ret);
	if (r)
		return r;
	r = bh_store_hide(s, *ret);
	if (r == -EKEYREJECTED)
		return no_key(cli, file, -EINVAL, "this database's names were hidden with another");
	if (r == -ENOTUNIQ)
		return in_clear(cli);
	return r ? unread(cli, r) : 0;
}

int bh_cli_reveal(
	const struct bh_cli *cli, struct bh_store *s, struct bh_pseudonyms **ret, bool *hidden)
{
	enum bh_names_kept kept = BH_NAMES_NONE;
	const char *why = "";
	int r = bh_store_names_kept(s, &kept);

	if (r)
		return unread(cli, r);
	*hidden = kept == BH_NAMES_HIDDEN && !cli->reveal;
	if (!cli->reveal)
		return 0;
	r = bh_pseudonyms_open(cli->reveal, ret, &why);
	if (r)
		return no_key(cli, cli->reveal, r, why);
	r = bh_store_reveal(s, *ret);
	if (r == -EKEYREJECTED)
		return no_key(cli, cli->reveal, -EINVAL,
			"this database's names were hidden with another");
	return r ? unread(cli, r) : 0;
}
