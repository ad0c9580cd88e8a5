/*
 * spnego: a security token as it stands in a SESSION_SETUP, whatever is in it.
 */
#include "smb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_identity id = { 0 };

	expect_identity(bh_identity_read(bh_span_of(data, size), &id), &id);
	return 0;
}
