/* check: does a table name only our ports and shapes? */
#pragma once

#include "model/table.h"

/* NULL, or a sentence that says what it names that is not ours. */
const char *bh_check_table(const struct bh_table *t);
