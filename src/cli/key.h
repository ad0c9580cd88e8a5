/*
 * key: names that a database keeps as pseudonyms, and the key that makes them and takes
 * them back.
 */
#pragma once

#include "cli/cli.h"
#include "store/store.h"

/* For whoever writes: what is put is hidden under the key in that file, which is made where
 * nothing is kept yet and no such file is.  file NULL: no key was named, which is wrong where
 * pseudonyms are kept.  *ret outlives s.  0, or an exit status after saying why. */
int bh_cli_hide(
	const struct bh_cli *cli, struct bh_store *s, const char *file, struct bh_pseudonyms **ret);

/* For whoever reads: with --reveal names come in clear.  *hidden: they do not, and are kept
 * as pseudonyms. */
int bh_cli_reveal(
	const struct bh_cli *cli, struct bh_store *s, struct bh_pseudonyms **ret, bool *hidden);
