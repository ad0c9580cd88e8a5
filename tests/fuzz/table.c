/* An encoded table as bulkhead-priv gets it: whatever is accepted encodes to itself. */
#include <stdlib.h>

#include "model/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF again = { 0 };
	struct bh_table t;

	if (bh_table_decode(bh_span_of(data, size), &a, &t))
		return 0;
	bh_table_encode(&t, &again);
	if (again.len != size || memcmp(again.ptr, data, size))
		abort();
	return 0;
}
