/*
 * scene: what was seen, ready for the questions of `plan`.  The room's own.
 */
#pragma once

#include "plan/verdicts.h"

struct bh_scene {
	struct bh_scene_of of;
	struct bh_told told; /* as given, with the policy's own networks */
	struct bh_addrset own;
	struct pairs pairs;
	struct known known;
	struct verdicts *v; /* one for each point */
	struct bh_arena *a;
};

enum path { OFF_PATH, GOES_ON, STOPS };

/* A pair goes on if every point on its path admits it; ret is the answer of the one that
 * does not, else of the last. */
enum path scene_ask(struct bh_scene *s, const struct pair *pair, struct verdict *ret);

/* The best use that was seen of a pair. */
enum bh_use scene_use(const struct pair *pair);
