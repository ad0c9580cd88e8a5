/*
 * file: the two capture formats behind one door; inside the room only.
 */
#pragma once

#include "capture/capture.h"
#include "capture/source.h"

/* More interfaces in one section than any machine has. */
#define BH_MAX_INTERFACES 1024u

struct bh_interface {
	uint32_t link, snaplen;
	int64_t offset; /* seconds to add */
	uint64_t per_second; /* what times count; 0: something we have no numbers for */
};

struct bh_capture {
	struct bh_source *source;
	int (*next)(struct bh_capture *c, struct bh_packet *ret);
	bool big_endian;
	/* pcap */
	bool nanoseconds;
	uint32_t link;
	struct bh_span seen; /* by the source, but for what we stepped over meanwhile */
	size_t stepped;
	/* pcapng */
	struct bh_interface *interfaces; /* of this section */
	size_t n_interfaces;
	uint64_t problem_at;
	char problem[160];
};

/* Notes what is wrong at `at`; returns -EBADMSG. */
int bh_capture_refuse(struct bh_capture *c, uint64_t at, const char *fmt, ...) BH_PRINTF(3, 4);

/* Exactly n bytes at the source's place: 1, 0 at a clean end (nothing there), -EBADMSG
 * when it breaks off within `what`. */
int bh_capture_want(struct bh_capture *c, size_t n, const char *what, struct bh_span *ret);

int bh_pcap_open(struct bh_capture *c);
int bh_pcapng_open(struct bh_capture *c);

/* Seconds and a fraction as nanoseconds, 0 when that is no time of ours. */
bh_time bh_capture_time(int64_t seconds, uint64_t nanoseconds);

static inline uint16_t bh_read16(const struct bh_capture *c, const uint8_t *p)
{
	return (uint16_t)(c->big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static inline uint32_t bh_read32(const struct bh_capture *c, const uint8_t *p)
{
	return c->big_endian
		       ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
		       : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}
