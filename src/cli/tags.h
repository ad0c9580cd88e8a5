/*
 * tags: files of addresses that clouds publish: which is which, and what changed.
 */
#pragma once

#include "cli/cli.h"
#include "json/tags.h"

/* A file that was read and understood. */
struct bh_cli_tags {
	const char *path; /* as the user called it, or where it is kept */
	struct bh_span text;
	const struct bh_tags *is;
};

/* Reads and parses, saying what is wrong.  0 or an exit status. */
int bh_cli_tags_read(
	const struct bh_cli *cli, const char *path, struct bh_arena *a, struct bh_cli_tags *ret);

/* The one that is kept of the same kind and cloud.  ret->is NULL: none is.  0 or an exit
 * status. */
int bh_cli_tags_kept(const struct bh_cli *cli, const char *folder, const struct bh_tags *like,
	struct bh_arena *a, struct bh_cli_tags *ret);

/* Of the same cloud, or both of Office 365. */
bool bh_cli_tags_alike(const struct bh_tags *x, const struct bh_tags *y);

/* "Public 363", "Office 365". */
void bh_cli_tags_name(const struct bh_tags *t, struct bh_buf *b);

json_t *bh_cli_tags_json(const struct bh_cli_tags *t);
json_t *bh_cli_tag_diff_json(const struct bh_tag_diff *v, size_t n);
void bh_cli_tag_diff_print(const struct bh_cli *cli, const struct bh_tag_diff *v, size_t n);
