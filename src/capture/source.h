/*
 * source: the bytes of a capture file, whatever they come in: a file, a pipe, or either
 * of them gzipped.  Look at bytes, then step over them; inside the room only.
 *
 * Files are read, not mapped: into a window that stays in the processor's cache, which
 * costs less than the page tables of a mapping and the waiting for each packet's memory,
 * and a file that somebody cuts off meanwhile is shorter, and no signal.
 */
#pragma once

#include "base/base.h"

struct bh_source;

/* fd stays the caller's; a file is read from its start. */
BH_MUST int bh_source_open(int fd, struct bh_source **ret);
struct bh_source *bh_source_free(struct bh_source *s);
BH_AUTO_FREE(bh_source)

/* The next bytes, `want` of them (at most BH_SOURCE_WINDOW), fewer only at the end, more
 * never.  They are good until the next call.  0, or -ENOMEM, -EBADMSG (the compressed
 * data is damaged; what was readable has been shown), or what read() said. */
BH_MUST int bh_source_look(struct bh_source *s, size_t want, struct bh_span *ret);

/* Steps over n bytes; fewer if the source ends before. */
BH_MUST int bh_source_skip(struct bh_source *s, uint64_t n);

/* What can be seen without waiting, maybe nothing; good until the next bh_source_look.
 * For whoever takes small steps, and accounts for many of them at once. */
struct bh_span bh_source_seen(const struct bh_source *s);

/* How many bytes were stepped over. */
uint64_t bh_source_at(const struct bh_source *s);

#define BH_SOURCE_WINDOW (1u << 20)
