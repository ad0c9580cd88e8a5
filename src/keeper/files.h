/*
 * files: what a policy names besides itself (inside the room).
 */
#pragma once

#include "keeper/keeper.h"

/* A regular file of at most limit bytes, into the arena.  0 or an errno. */
BH_MUST int bh_keeper_file(const char *path, size_t limit, struct bh_arena *a, struct bh_span *ret);

/* Lets ret look tags up in their files, each read once. */
BH_MUST int bh_keeper_tags(struct bh_arena *a, struct bh_names *ret);

/* Warns of those that were looked up and are old. */
void bh_keeper_tags_stale(const struct bh_names *names, struct bh_diags *diags);
