/* A dump of our table, as the kernel or somebody in its place might tell it; and a file
 * of the state folder, whatever stands in it. */
#include "priv/standing.h"
#include "priv/files.h"
#include "priv/hits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BH_AUTO_ARENA a = { 0 };
	struct standing s;
	struct bundle b;
	struct hits now, before;

	(void)!standing_read(bh_span_of(data, size), &a, &s);
	(void)!bundle_read(bh_span_of(data, size), &b);
	if (hits_read(bh_span_of(data, size), &a, &now) == 0 &&
		hits_parse(bh_span_of(data, size), &a, &before) == 0)
		hits_since(&now, &before);
	return 0;
}
