/*
 * policy_json: a policy's JSON form (doc/policy.schema.json) as the text of its sentences.
 */
#pragma once

#include "base/buf.h"

/* One line for each sentence, so that line N is sentence N; what the sentences say is for
 * the parser of policies to judge, this only sees to it that nothing in the JSON becomes
 * more than the word it is.  0, -EBADMSG with a sentence in why, or -ENOMEM. */
BH_MUST int bh_policy_from_json(struct bh_span text, struct bh_buf *ret, char why[200]);
