/*
 * reason: why the judge says no, by the sentence that comes nearest.  The room's own.
 */
#pragma once

#include "plan/known.h"

/* d: what was decided of f, and not admitted. */
struct bh_reason reason_of(
	const struct bh_bound *b, const struct known_flow *f, const struct bh_decision *d);
