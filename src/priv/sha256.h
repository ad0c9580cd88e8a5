/* sha256: FIPS 180-4, so that the privileged program links no crypto library. */
#pragma once

#include "base/base.h"

struct sha256 {
	uint32_t h[8];
	uint64_t len;
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *ptr, size_t len);
void sha256_end(struct sha256 *s, uint8_t ret[32]);
