/*
 * content: a name for what a file holds, so that reading it again, from wherever, is
 * known to be reading it again.
 *
 * Of up to BH_CONTENT_WHOLE bytes the name says all.  Hashing more than that would cost
 * more than reading it as evidence does, so of a larger file it says the length and 1024
 * samples, spread from its first byte to its last: every record of a capture and of most
 * logs has its own time in it, so what is not the same differs everywhere; and no stretch
 * of 1/1000 of the file can be changed unseen.
 */
#pragma once

#include "base/base.h"

#define BH_CONTENT_NAME  80
#define BH_CONTENT_WHOLE (4u << 20)

/* "sha256:…" or "sampled-sha256:…", of the first `size` bytes of fd, whose place stays
 * where it is.  -errno. */
BH_MUST int bh_content_name(int fd, uint64_t size, char ret[BH_CONTENT_NAME]);
