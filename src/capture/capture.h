/*
 * capture: packets in, TCP segments in stream order per direction out, with honest gaps;
 * UDP datagrams as they come.
 *
 * Three parts that know nothing of SMB: a reader of capture files (pcap, pcapng,
 * either of them gzipped, decided by content), a walk down one packet's headers, and
 * a TCP stream that delivers what its reader asks for and steps over what its reader
 * does not want to see, by sequence arithmetic, without copying it.
 */
#pragma once

#include "base/addr.h"
#include "base/clock.h"

/* ---- files ---- */

/* The most a record may hold: libpcap's own MAXIMUM_SNAPLEN. */
#define BH_MAX_PACKET 262144u

struct bh_packet {
	struct bh_span bytes; /* as captured; dies with the next call */
	size_t original; /* as it was on the wire */
	bh_time when; /* 0: unknown */
	uint32_t link; /* LINKTYPE_* */
};

struct bh_capture; /* owned: an open capture file or pipe */

/* fd stays the caller's.  0, -ENOMEM, or what the system says of fd. */
BH_MUST int bh_capture_open(int fd, struct bh_capture **ret);
struct bh_capture *bh_capture_free(struct bh_capture *c);
BH_AUTO_FREE(bh_capture)

/* 1: a packet; 0: the end; -EBADMSG: this is no capture, or it breaks off here (ask
 * bh_capture_problem), and nothing can follow; -ENOMEM; or what read() said. */
BH_MUST int bh_capture_next(struct bh_capture *c, struct bh_packet *ret);

/* Does it begin like a capture?  If not, it may be something else: its bytes, gunzipped if
 * they are gzipped, `want` (at most BH_CAPTURE_LOOK) or fewer at the end, good until the
 * next call; and stepping over them.  0, -ENOMEM, -EBADMSG (damaged compression), or what
 * read() said. */
bool bh_capture_is(const struct bh_capture *c);
#define BH_CAPTURE_LOOK (1u << 20)
BH_MUST int bh_capture_look(struct bh_capture *c, size_t want, struct bh_span *ret);
BH_MUST int bh_capture_skip(struct bh_capture *c, size_t n);

/* After -EBADMSG: the sentence; *offset is counted in the uncompressed bytes. */
const char *bh_capture_problem(const struct bh_capture *c, uint64_t *offset);

/* ---- one packet's headers ---- */

#define BH_TCP_FIN 0x01u
#define BH_TCP_SYN 0x02u
#define BH_TCP_RST 0x04u
#define BH_TCP_ACK 0x10u

/* Of TCP; or a UDP datagram, which has no seq, ack and flags. */
struct bh_segment {
	struct bh_addr src, dst;
	struct bh_span payload; /* as captured */
	uint32_t wire_len; /* of the payload; more than was captured: snaplen */
	uint32_t seq, ack;
	uint16_t sport, dport;
	uint8_t flags; /* BH_TCP_* */
};

enum bh_frame_kind {
	BH_FRAME_TCP, /* *ret is filled in; it means nothing otherwise */
	BH_FRAME_UDP, /* the same */
	BH_FRAME_OTHER, /* IP or ARP, and neither, or a piece of UDP: not our business */
	BH_FRAME_FRAGMENT, /* a piece of a TCP packet: not followed */
	BH_FRAME_CUT, /* snaplen, or a lie, ends it before the payload */
	BH_FRAME_UNKNOWN, /* a link layer, ethertype or tunnel that is not read */
};

/* LINKTYPE 0/108 (BSD loopback), 1 (Ethernet), 12/14/101 (raw IP), 113/276 (Linux
 * cooked), 228/229 (IPv4, IPv6); there 802.1Q and QinQ tags, MPLS labels and PPPoE
 * sessions are stepped over.  Of tunnels the innermost packet is told, down to the
 * fourth inside: IP in IP, GRE with Ethernet or IP in it, ERSPAN, VXLAN. */
enum bh_frame_kind bh_frame_read(uint32_t link, struct bh_span bytes, struct bh_segment *ret);

/* ---- one direction of a TCP connection ---- */

/* What a reader wants next, counted from the first byte it was just shown: either
 * skip that many bytes and then see `need` contiguous ones, or with skip 0 see the same
 * bytes again as part of `need` > what was shown.  Of what it asked for it skips all. */
struct bh_ask {
	uint64_t skip;
	uint32_t need; /* 1..BH_MAX_NEED */
};

#define BH_MAX_NEED (128u * 1024)

/* As skip: these bytes make no sense, find the next message by `begins`. */
#define BH_ASK_LOST UINT64_MAX

struct bh_stream_reader {
	/* The bytes that were asked for, and what else lies contiguously behind them. */
	struct bh_ask (*take)(void *ctx, struct bh_span bytes);
	/* After a hole: does a message begin with this segment?  Then 4 bytes are
	 * what take sees first. */
	bool (*begins)(void *ctx, struct bh_span segment);
	/* A hole was stepped over that was not inside a skip. */
	void (*gap)(void *ctx, uint64_t bytes);
};

/* What all streams together may hold. */
struct bh_stream_pool {
	size_t held, limit;
};

/* Per stream: more than this waiting behind a hole, and the hole is a gap. */
#define BH_STREAM_SEGMENTS 64u
#define BH_STREAM_BYTES    (512u * 1024)
#define BH_STREAM_PATIENCE (10 * BH_SECOND)

enum bh_stream_state {
	BH_STREAM_FRESH, /* nothing delivered: the lowest sequence number is not sure */
	BH_STREAM_SYNCED,
	BH_STREAM_LOST, /* looking for a message at the start of a segment */
};

struct bh_held;
struct bh_stream { /* zeroed is fresh */
	uint64_t skip;
	struct bh_held *held; /* ascending by sequence number */
	uint8_t *gather; /* of `need` bytes, when a segment ended within them */
	bh_time since; /* when the first held segment came */
	uint32_t held_bytes;
	uint32_t next; /* sequence number of the next byte */
	uint32_t need, have;
	uint16_t n_held;
	uint8_t state;
	bool whole; /* synced from its SYN, and no gap since */
};

struct bh_stream_env {
	const struct bh_stream_reader *reader;
	void *ctx;
	struct bh_stream_pool *pool;
};

/* The SYN with this sequence number was seen.  The first `need` is 4. */
void bh_stream_syn(struct bh_stream *s, const struct bh_stream_env *env, uint32_t seq);

/* A segment, retransmitted, overlapping or out of order as may be. */
void bh_stream_push(struct bh_stream *s, const struct bh_stream_env *env, bh_time when,
	uint32_t seq, struct bh_span bytes, uint32_t wire_len);

/* Time has passed without a segment: what waited long enough waits no more. */
void bh_stream_tick(struct bh_stream *s, const struct bh_stream_env *env, bh_time now);

/* Nothing more will come: delivers what is held, as gaps if it must. */
void bh_stream_end(struct bh_stream *s, const struct bh_stream_env *env);

/* Lets go of everything held, undelivered. */
void bh_stream_reset(struct bh_stream *s, struct bh_stream_pool *pool);
