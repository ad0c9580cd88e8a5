/*
 * dcerpc: a PDU as it is written to a pipe.
 */
#include "smb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t pipes = 0;
	int r = bh_rpc_bind(bh_span_of(data, size), &pipes);

	assert(r == 0 || r == -ENOMSG || r == -EBADMSG);
	assert(!r || !pipes);
	assert(r || !bh_rpc_asks_shares(bh_span_of(data, size))); /* a bind asks for nothing yet */
	return 0;
}
