/*
 * sensor: bytes from the network in, facts out, without power.
 *
 * The core (bh_sensor_*) ties capture, dissect and evidence together and runs
 * anywhere: in tests, under the fuzzer, in the sandboxed process.  The process half
 * (bh_sensor_start) runs the core in a child that holds its input, its output and
 * nothing else; what it writes is hostile input for the reader (bh_fact_sane).
 *
 * A leaf's bytes are those of the messages that name it.  What sets a connection up counts
 * for its session or for itself, never for a share; an asynchronous answer names no tree and
 * counts for its session; encrypted bytes count for the one tree that demands encryption.
 */
#pragma once

#include <sys/types.h>

#include "base/base.h"
#include "model/fact.h"

/* 0 to go on; a negative errno ends the run and is returned from it. */
typedef int (*bh_fact_fn)(void *ctx, const struct bh_fact *f);

struct bh_sensor; /* owned: one source's flows, sessions and trees */

struct bh_sensor_limits {
	size_t flows; /* TCP connections remembered at once; 0: the default */
	size_t held_bytes; /* out-of-order bytes held in all; 0: the default */
};

/* -ENOMEM.  sink is called from within the functions below. */
BH_MUST int bh_sensor_new(
	const struct bh_sensor_limits *limits, bh_fact_fn sink, void *ctx, struct bh_sensor **ret);
struct bh_sensor *bh_sensor_free(struct bh_sensor *s);
static inline void bh_sensor_freep(struct bh_sensor **s)
{
	bh_sensor_free(*s);
}

/* One captured packet.  link: a LINKTYPE_* number (1 Ethernet, 101 raw IP …). */
BH_MUST int bh_sensor_packet(struct bh_sensor *s, unsigned link, bh_time when,
	struct bh_span captured, size_t original_len);

/* Tells every leaf that changed since the last call, and the tally; now ages out flows.
 * For live use, every few seconds. */
BH_MUST int bh_sensor_flush(struct bh_sensor *s, bh_time now);

/* Tells everything that is left, the tally, and BH_FACT_END. */
BH_MUST int bh_sensor_finish(struct bh_sensor *s);

/* What a log does not say of itself; zeroed: nothing. */
struct bh_sensor_log {
	bh_time modified; /* when the file was last written */
	int32_t east; /* seconds its writer's clock is ahead of UTC, where it names no zone */
	const char *prefix; /* full_audit:prefix, as in smb.conf; NULL: guessed */
	const char *server_name; /* whose log it is; NULL: unknown */
	struct bh_zeek *zeek; /* of several Zeek logs that tell of the same connections */
	bool last; /* of those */
};

/* Can it be read so?  -EINVAL: its prefix is none. */
BH_MUST int bh_sensor_log_check(const struct bh_sensor_log *how);

/* From here on bh_sensor_file ends early, as if its file ended there, once fd can be read
 * or its other end is closed; looked at every few megabytes. */
void bh_sensor_until(struct bh_sensor *s, int fd);

/* A whole file into s, without bh_sensor_finish: a capture (pcap, pcapng) or a log
 * (evidence.h tells which), either gzipped or not, decided by content.  fd: a seekable
 * file or a pipe.  how may be NULL.  A file that is neither, or breaks off, is told as
 * BH_FACT_PROBLEM with its offset, after everything before it; so are records of a log
 * that should have been understood, the first few.  -EINVAL for a prefix that is none. */
BH_MUST int bh_sensor_file(struct bh_sensor *s, int fd, const struct bh_sensor_log *how);

/* ---- the process ---- */

struct bh_sensor_ring {
	int fd; /* AF_PACKET TPACKET_V3, from bulkhead-priv */
	size_t block_size, block_count;
	uint32_t link; /* LINKTYPE_* */
	char ifname[16];
};

/* A log that is read while it grows. */
enum bh_sensor_follow {
	BH_FOLLOW_NOT,
	BH_FOLLOW_SAMBA, /* lines, as smbd and syslog write them */
	BH_FOLLOW_JOURNAL, /* as journalctl -o json writes it */
};

struct bh_sensor_job {
	const int *files; /* captures and logs to read one after the other (one fact stream
			   * each, ended by BH_FACT_END); or none */
	size_t n_files;
	struct bh_sensor_log log; /* how those that are logs are read */
	const bh_time *modified; /* of each file; NULL: unknown */
	/* enum bh_sensor_follow: the one file is a pipe into which the log is written, and it
	 * is told every flush_seconds until stop, or until nobody writes any more. */
	uint8_t follow;
	bool zeek; /* they are Zeek logs of the same connections, in bh_zeek_order */
	const struct bh_sensor_ring *rings; /* or live interfaces */
	size_t n_rings;
	int nflog; /* a receive-only NFLOG descriptor, or -1; live only */
	uint32_t flush_seconds; /* live or followed: how often to tell; 0: every second */
};

#define BH_SENSOR_RINGS 32u
#define BH_SENSOR_FILES 256u

struct bh_sensor_child {
	pid_t pid;
	int facts; /* read end: struct bh_fact, one after the other */
	struct bh_sensor_facts *waiting; /* read from there already; NULL at first */
	int stop; /* write to it or close it, and the child finishes and tells what is left */
};

/* For each of n files (BH_SENSOR_FILES at most) which of several Zeek logs it is: read in
 * this order, lowest first, they can be joined; 0: it is none.  A child without power
 * looks at them.  The descriptors stay the caller's and stand at their beginning.  -errno;
 * -EPIPE when the child did not say. */
BH_MUST int bh_sensor_zeek_order(const int *files, size_t n, uint8_t *ret);

/* Forks the sandboxed child; the descriptors of job are closed in the parent, also on
 * failure.  -E2BIG for more of them than the limits above. */
BH_MUST int bh_sensor_start(const struct bh_sensor_job *job, struct bh_sensor_child *ret);

/* The next record, whole, waiting for it: 1, 0 at the end, or -errno; a record cut short
 * is -EPIPE.  What it says is not checked (bh_fact_sane). */
BH_MUST int bh_sensor_read(struct bh_sensor_child *c, struct bh_fact *ret);

/* Whether there is one without waiting; who polls `facts` asks this first. */
bool bh_sensor_ready(const struct bh_sensor_child *c);

/* Asks for the end (the facts that follow can still be read). */
void bh_sensor_stop(struct bh_sensor_child *c);

/* Waits for the child, which must have been read to its end or is killed.  0, or
 * -EPIPE when it did not end by itself, *why saying how. */
BH_MUST int bh_sensor_end(struct bh_sensor_child *c, const char **why);
