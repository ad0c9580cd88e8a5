/*
 * follow: the lines that are added to files, under whatever names they go meanwhile.
 *
 * A file is what it is (device and number), not what it is called: a log that was renamed
 * is read on beside its successor, because smbd's processes write to it until each of them
 * notices.  Whole lines alone are handed on, so that those of several files never mix.
 * What they say is nobody's business here.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/cur.h"

struct bh_follow; /* owned */

/* A file that is there or will be, or a pattern of such: "*", "?" and "[" in the last part
 * of the path.  Lines that stand there now are passed over, but for one without its end;
 * files that come later are read from their beginning.  -ENOENT: there is no such folder;
 * -ENOMEM or what the system said. */
BH_MUST int bh_follow_new(const char *path, struct bh_follow **ret);
struct bh_follow *bh_follow_free(struct bh_follow *f);
BH_AUTO_FREE(bh_follow)

/* Readable when something happened in the folder. */
int bh_follow_fd(const struct bh_follow *f);

/* Reads what was added.  look: asks for files by name, too, whatever the system said of
 * them; to be done every few seconds, since not all file systems say.  now: for how long a
 * file without its name has been quiet.  -ENOMEM. */
BH_MUST int bh_follow_step(struct bh_follow *f, bool look, bh_time now);

/* The lines that wait; while many do, no more are read.  They stay until they are taken. */
struct bh_span bh_follow_lines(const struct bh_follow *f);
void bh_follow_taken(struct bh_follow *f, size_t n);

/* The last time: a line that nobody ended is one.  -ENOMEM. */
BH_MUST int bh_follow_end(struct bh_follow *f);

size_t bh_follow_files(const struct bh_follow *f); /* followed now */
/* What went wrong since it was asked last, as a sentence without the path's folder; NULL:
 * nothing new. */
const char *bh_follow_trouble(struct bh_follow *f);
