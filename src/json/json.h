/*
 * json: the one JSON form of each model value.  bulkhead-priv never links it.
 */
#pragma once

#include <jansson.h>

#include "model/conversation.h"


/* The object of DESIGN section 6, figures included; NULL when memory ran out. */
json_t *bh_json_conversation(const struct bh_conversation *c, const struct bh_figures *f);
