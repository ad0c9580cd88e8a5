/*
 * opaque: connections of which only their ends see the inside: SMB over QUIC, SMB Direct.
 * And what else comes in datagrams.  Inside the room only.
 *
 * Known are those that are SMB, and those that wait for the rest of a ClientHello, which
 * will say whether they are; nothing is remembered of any other.  Both are bounded, and
 * what makes way before its time is counted.
 */
#pragma once

#include "sensor/state.h"

enum opaque_over { OVER_QUIC, OVER_IWARP, OVER_ROCE };

/* Where something comes from and goes to. */
struct opaque_ends {
	const struct bh_addr *src, *dst;
	uint32_t sport, dport; /* RoCE: in place of the client's, the id by which it asks; 0 */
	uint8_t over;
};

struct opaque {
	struct opaque *hash_next, *older, *newer;
	struct bh_addr addr[2]; /* the client's, the server's */
	uint32_t port[2];
	uint16_t service; /* the server's port */
	uint8_t over;
	bool dirty;
	bool answered, refused, retried, closed;
	bool agreed; /* QUIC: the server said more than that another try is needed */
	bool sure; /* iWARP: it began as RDMA does */
	bool syn[2], fin[2], seen[2];
	uint32_t isn[2], next[2]; /* iWARP: sequence numbers */
	bh_time asked, last;
	uint64_t prints[16]; /* of datagrams that came last */
	uint8_t n_prints;
	struct leaf leaf;
	struct bh_quic_hello *hello; /* QUIC: what it waits for; NULL: it is SMB */
	uint8_t dcid_len, dcid[20];
	char server_name[BH_NAME_TEXT];
};

/* What is remembered of them; NULL in the sensor until there is need. */
struct opaques {
	struct opaque *buckets[4096];
	struct opaque_ages {
		struct opaque *oldest, *newest;
		size_t n;
	} known, waiting;
	uint64_t ports[65536 / 64]; /* that servers of QUIC were ever seen on */
	struct bh_quic_hello look;
};

/* NULL when memory ran out. */
struct opaques *opaque_all(struct bh_sensor *s);
void opaque_free(struct bh_sensor *s);

struct opaque *opaque_find(struct bh_sensor *s, const struct opaque_ends *e, bool *ret_from_server);
/* src is the client.  waits: it becomes SMB, or nothing, later; opaque_known() or
 * opaque_forget() says so.  NULL when memory ran out. */
struct opaque *opaque_add(
	struct bh_sensor *s, const struct opaque_ends *e, uint16_t service, bool waits);
void opaque_known(struct bh_sensor *s, struct opaque *o);
/* Something came in this direction. */
void opaque_saw(struct bh_sensor *s, struct opaque *o, bool to_server, uint32_t bytes);
/* Has this datagram just been seen?  Where packets are captured as they come in and as they go
 * out again, or where interfaces are watched between which they pass, each comes twice. */
bool opaque_is_copy(const struct bh_sensor *s, struct opaque *o, const struct bh_segment *g);
/* The client asks once more. */
void opaque_asked_again(const struct bh_sensor *s, struct opaque *o);

void opaque_forget(struct bh_sensor *s, struct opaque *o); /* without telling */
void opaque_gone(struct bh_sensor *s, struct opaque *o); /* it was no SMB after all */
void opaque_drop(struct bh_sensor *s, struct opaque *o); /* told for the last time */

/* Tells what changed, and lets go of what is over. */
void opaque_flush(struct bh_sensor *s);
/* Tells the rest. */
void opaque_finish(struct bh_sensor *s);

/* ---- who fills it; each returns -ENOMEM or what the sink said ---- */

/* datagram.c: any of UDP */
int datagram(struct bh_sensor *s, const struct bh_segment *g);

/* quic.c; taken: it begins a connection of QUIC, or is one's that we know */
int quic_datagram(struct bh_sensor *s, const struct bh_segment *g, bool *ret_taken);

/* rdma.c: segments from or to the port of SMB Direct in which no SMB message begins, and
 * the other kind; then RoCE */
static inline bool rdma_port(const struct bh_segment *g)
{
	return g->dport == BH_SMBD_IWARP || g->sport == BH_SMBD_IWARP;
}
int rdma_segment(struct bh_sensor *s, const struct bh_segment *g);
void rdma_is_not(struct bh_sensor *s, const struct bh_segment *g);
int rdma_datagram(struct bh_sensor *s, const struct bh_segment *g);
void rdma_flush(struct bh_sensor *s);

/* ---- names.c: those that hosts tell ---- */

int names_datagram(struct bh_sensor *s, const struct bh_segment *g);
void names_flush(struct bh_sensor *s);
