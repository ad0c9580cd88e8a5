/*
 * content: a name for what a file holds, so that reading it again, from wherever, is
 * known to be reading it again.
 *
 * It says all of what the file holds, but for captures larger than BH_CONTENT_WHOLE, of
 * which hashing would cost more than reading: of these the length and 1024 samples, spread
 * from the first byte to the last.  Every record has its own time in it, so what is not the
 * same differs everywhere; and no stretch of 1/1000 of the file can be changed unseen.  A
 * log is written in place (an EVTX is as long when it is empty): every byte of it counts.
 */
#pragma once

#include "base/base.h"

#define BH_CONTENT_NAME  80
#define BH_CONTENT_WHOLE (4u << 20)

/* "sha256:…" or "sampled-sha256:…", of the first `size` bytes of fd, whose place stays
 * where it is.  -errno. */
BH_MUST int bh_content_name(int fd, uint64_t size, char ret[BH_CONTENT_NAME]);
