/*
 * ntlmssp: an NTLM message, its signature given.
 */
#include "smb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_identity id = { 0 };
	uint8_t *token = malloc(size + 8);

	if (!token)
		return 0;
	memcpy(token, "NTLMSSP", 8);
	if (size)
		memcpy(token + 8, data, size);
	expect_identity(bh_identity_read(bh_span_of(token, size + 8), &id), &id);
	free(token);
	return 0;
}
