/*
 * csv: JSON objects as lines of comma-separated values.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* One line of RFC 4180: the keys of o, or its values; lists in one cell, with "; "
 * between.  What a spreadsheet would take for a formula gets an apostrophe before it. */
void bh_cli_csv(const json_t *o, bool keys, struct bh_buf *b);
