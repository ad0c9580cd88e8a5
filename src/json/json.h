/*
 * json: the one JSON form of each model value.  bulkhead-priv never links it.
 *
 * Unknown is null.  Every function returns NULL when memory ran out.
 */
#pragma once

#include <jansson.h>

#include "model/conversation.h"
#include "model/fact.h"
#include "model/row.h"

/* The object of doc/conversations.schema.json; sources: n labels, beside the figures. */
json_t *bh_json_conversation(const struct bh_talk *c, const struct bh_figures *f,
	enum bh_purpose purpose, const char *const *sources, size_t n_sources);

json_t *bh_json_host(const struct bh_host_row *h);
json_t *bh_json_share(const struct bh_share_row *s);
json_t *bh_json_referral(const struct bh_referral *r);
/* The object of doc/findings.schema.json. */
json_t *bh_json_finding(const struct bh_finding *f);
json_t *bh_json_tally(const struct bh_tally *t);

/* "2026-01-31T12:00:00Z" or null. */
json_t *bh_json_time(bh_time t);
