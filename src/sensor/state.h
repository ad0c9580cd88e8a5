/*
 * state: what the sensor remembers of one source: flows, their sessions, their trees.
 * Inside the room only.
 *
 * Bounded: flows by bh_sensor_limits, sessions and trees per connection and in all;
 * what is given up for lack of room is counted.
 */
#pragma once

#include "capture/capture.h"
#include "dissect/dissect.h"
#include "sensor/sensor.h"

#define DEFAULT_FLOWS 16384u
#define DEFAULT_HELD  ((size_t)16 << 20)
#define MAX_SESSIONS  64u /* of one connection */
#define MAX_TREES     64u /* of one session */
#define MAX_PENDING   64u /* unanswered requests of one connection */
#define MAX_NODES     32768u /* sessions, trees and requests in all */
#define OPENINGS      8u /* unanswered requests to open, of one tree */
#define RECENT_BITS   8u /* of the index among connections found last */
#define CHANNELS      1024u /* buckets of sessions by their number; a power of two */
#define STRANGERS     1024u /* told in a minute, live */
#define STRANGE_PAIRS 8192u /* remembered as told; a power of two */

/* Something that facts are told of. */
struct leaf {
	uint64_t id, revision, told_hash;
	struct bh_figures figures;
	bool told;
};

/* A request to open something, or the answer if that came first. */
struct opening {
	uint64_t message_id;
	uint32_t pipe; /* the bit it would set if this is a pipe */
	bool asked, opened;
};

struct tree {
	struct tree *next; /* most recently used first */
	struct leaf leaf;
	uint32_t id;
	uint32_t status;
	uint8_t type; /* enum bh_share_type */
	bool open;
	bool answered; /* status, type and encrypted are known */
	bool named; /* share is known */
	bool encrypted; /* the share demands it */
	bool again; /* this connection has the same tree open already */
	bool proof; /* spoken to as only pipes are */
	bool listing; /* which shares there are was asked, by this message */
	uint64_t listing_id;
	uint8_t next_opening;
	uint32_t pipes; /* opened or bound, if this is where pipes are */
	struct opening opening[OPENINGS];
	char share[BH_SHARE_TEXT];
};

struct session {
	struct session *next;
	struct tree *trees;
	struct leaf leaf;
	struct leaf sealed; /* encrypted messages that belong to no tree we know */
	uint64_t id; /* 0: not known yet */
	struct flow *flow;
	struct session *same_bucket; /* of those that other connections may join */
	unsigned n_trees;
	uint32_t status;
	uint16_t flags; /* BH_SESSION_* */
	bool answered; /* status is final */
	bool ok; /* and it is success; flags are known */
	bool joinable; /* in a bucket */
	bool joins; /* a session that another connection began */
	bool logoff[2]; /* asked and answered: its number may mean another one from now on */
	bool signed_seen, unsigned_seen;
	bool clear; /* messages in clear after the set-up */
	bool sealed_seen; /* encrypted messages */
	struct bh_identity who;
};

/* A request that waits for its answer, or, when one direction of the connection was
 * captured late, an answer that waits for its request. */
struct pending {
	struct pending *next;
	struct session *session;
	struct tree *tree; /* TREE_CONNECT that was answered before it was asked */
	uint64_t message_id;
	struct bh_figures figures;
	bool is_tree;
	bool asked, answered;
	uint8_t type; /* TREE_CONNECT that was asked */
	char share[BH_SHARE_TEXT];
};

/* A connection with a session, in which both sides have spoken, is somebody's.  Others can be
 * made up by anybody who can send packets, as many as he likes: when room is short they make
 * way for each other first, and live only so many of them are told (stranger.c). */
enum acquaintance { STRANGER, KNOWN, ACQUAINTANCES };

/* Least recently used first. */
struct ages {
	struct flow *oldest, *newest;
	size_t n;
};

struct strangers {
	uint64_t pair[STRANGE_PAIRS]; /* hashes of those that were told; 0: none */
	bh_time minute; /* the present one began; 0: not live, all are told */
	unsigned left; /* of this minute's */
};

/* What every packet and every flush asks for comes first, and together. */
struct flow {
	struct flow *hash_next;
	struct flow *older, *newer;
	uint64_t moved; /* to the newest, at that many packets */
	bh_time last;
	uint8_t acquaintance;
	uint8_t client; /* which of the two */
	bool foreign; /* not SMB: its server's port is another, and no message began */
	bool elsewhere; /* SMB by its signature, on ports that are not its own */
	bool syn[2]; /* a SYN of that side was seen */
	bool fin[2];
	bool roles_sure;
	bool answered, refused, retried, closed, dirty;
	bool given_up; /* for lack of room, and counted */
	uint8_t spoke; /* a bit for each side: messages of it were seen */
	bool seen[2]; /* a packet of that side was seen */
	uint16_t port[2];
	struct bh_addr addr[2];
	struct bh_stream stream[2];
	struct bh_framer framer[2];
	uint32_t first_seq[2]; /* of the first packet seen */
	uint32_t acked; /* by the server, last */
	uint32_t isn[2];
	uint32_t syn_acks; /* what the SYN-ACK acknowledges */
	bh_time syn_at;

	struct leaf leaf;
	struct session *sessions; /* most recently used first */
	struct pending *pending; /* newest first */
	unsigned n_sessions, n_pending;
	struct bh_negotiated negotiated;
	bool negotiated_seen;
	uint8_t signing_client;
	struct bh_smb1_offer offer;
	struct bh_smb1_choice choice;
	bool offer_seen, choice_seen;
	bool smb2_first; /* began with an SMB2 NEGOTIATE: SMB1 was not offered */
	bool smb1_seen; /* used, not only offered */
	bool nt_seen; /* SMB1 in a form that only NT LM 0.12 has */
	bool sealed_seen;
	char netname[BH_NAME_TEXT];
	struct bh_nbss_request nbss;
};

struct bh_sensor {
	bh_fact_fn sink;
	void *ctx;
	struct flow **buckets;
	size_t n_buckets; /* a power of two */
	size_t n_flows, max_flows;
	struct ages ages[ACQUAINTANCES];
	struct strangers strangers;
	struct flow *recent[1u << RECENT_BITS];
	unsigned age_slack;
	struct session *channels[CHANNELS];
	uint64_t key[2];
	uint64_t elsewhere[65536 / 64]; /* ports that SMB was ever seen on beside its own */
	uint64_t next_leaf, tally_revision;
	unsigned n_nodes;
	bool dropping; /* no flow may be given up now, to make room for another's state */
	struct bh_stream_pool pool;
	struct bh_tally tally;
	bh_time now; /* the packet's that is being read */
	bh_time latest; /* of all packets */
	bh_time sweep; /* the last flush that looked at every flow … */
	uint64_t swept[2]; /* … and at how many packets; and the one before */
	struct opaques *opaques; /* opaque.h */
	struct names *names; /* names.c */
	struct once *once; /* once.c */
	uint64_t roce, roce_told; /* datagrams of RoCE v2 */
	int error; /* what sink said; sticky */
	int until; /* bh_sensor_until, or -1 */
};

/* Adds a message, or time alone when bytes is 0. */
static inline void figures_add(struct bh_figures *f, bh_time when, bool to_server, uint32_t bytes)
{
	if (when && (!f->first_seen || when < f->first_seen))
		f->first_seen = when;
	if (when > f->last_seen)
		f->last_seen = when;
	*(to_server ? &f->bytes_to_server : &f->bytes_to_client) += bytes;
}

/* ---- flow.c ---- */

/* Packets of one connection come in bursts: where it was found last is where it will be.
 * This is no hash to withstand anybody; who makes it miss makes us hash, no more. */
static inline struct flow **flow_recent(struct bh_sensor *s, const struct bh_segment *g)
{
	uint64_t ports = (uint64_t)(g->sport ^ g->dport) << 16;
	uint64_t mixed = (uint64_t)(g->src.num ^ g->dst.num) ^ ports;

	return &s->recent[mixed * 0x9e3779b97f4a7c15u >> (64 - RECENT_BITS)];
}

/* Which side of f sent this. */
#define NO_SIDE 2u
static inline unsigned flow_side(const struct flow *f, const struct bh_segment *g)
{
	for (unsigned i = 0; i < 2; i++) {
		if (f->port[i] == g->sport && f->port[!i] == g->dport &&
			bh_addr_equal(&f->addr[i], &g->src) && bh_addr_equal(&f->addr[!i], &g->dst))
			return i;
	}
	return NO_SIDE;
}

struct flow *flow_search(struct bh_sensor *s, const struct bh_segment *g);
void flow_used(struct bh_sensor *s, struct flow *f);

/* Whose segment this is, and which side sent it. */
static inline struct flow *flow_find(
	struct bh_sensor *s, const struct bh_segment *g, unsigned *ret_side)
{
	struct flow *f = *flow_recent(s, g);
	unsigned side = f ? flow_side(f, g) : NO_SIDE;

	if (side == NO_SIDE) {
		f = flow_search(s, g);
		if (!f)
			return NULL;
		side = flow_side(f, g);
	}
	/* The order of age is kept to within age_slack packets; the oldest is never one in use. */
	const struct ages *a = &s->ages[f->acquaintance];
	if (a->newest != f && (a->oldest == f || s->tally.packets - f->moved >= s->age_slack))
		flow_used(s, f);
	*ret_side = side;
	return f;
}

/* Makes room if it must; NULL when memory ran out. */
struct flow *flow_add(struct bh_sensor *s, const struct bh_segment *g, unsigned *ret_side);
/* Delivers what its streams hold, tells its leaves for the last time and forgets it. */
void flow_drop(struct bh_sensor *s, struct flow *f);
/* Begins another connection in the place of one that is over. */
void flow_restart(struct bh_sensor *s, struct flow *f);
void flow_forget(struct bh_sensor *s, struct flow *f); /* without telling */
void flow_known(struct bh_sensor *s, struct flow *f);
/* The one to give up for others' sessions, trees and requests; NULL: there is none but the
 * one in use. */
struct flow *flow_victim(const struct bh_sensor *s);

/* core.c: delivers what its streams hold. */
void flow_end_streams(struct bh_sensor *s, struct flow *f);

/* A keyed hash of words. */
uint64_t flow_hash(const struct bh_sensor *s, const uint64_t *words, size_t n);

/* ---- what a message means for the connection it was seen on ---- */

struct talk {
	struct bh_sensor *s;
	struct flow *f;
	const struct bh_message *m;
	bool to_server;
};

static inline void talk_malformed(struct talk *t)
{
	t->s->tally.malformed++;
}

/* talk.c */
void talk_message(struct bh_sensor *s, struct flow *f, unsigned side, const struct bh_message *m);
/* Is the beginning of a request that opens or carries worth a look? */
bool talk_wants(const struct flow *f, const struct bh_message *m);
/* Does this answer list the shares that somebody asked for? */
bool talk_lists(const struct flow *f, const struct bh_message *m);
/* Requests that were never answered become what they are. */
void talk_end(struct bh_sensor *s, struct flow *f);

/* logon.c: NEGOTIATE and SESSION_SETUP; the session it was about, or NULL. */
void logon_nbss(struct talk *t);
void logon_smb2_negotiate(struct talk *t);
void logon_smb1_negotiate(struct talk *t);
struct session *logon_smb2_session(struct talk *t);
struct session *logon_smb1_session(struct talk *t);

/* share.c: TREE_CONNECT, and what is opened in a tree */
void share_smb2_connect(struct talk *t, struct session *e);
void share_smb1_connect(struct talk *t, struct session *e);
void share_message(struct talk *t, struct session *e);
void share_unanswered(struct talk *t, struct pending *p);
bool share_has_pipes(const struct tree *tree);

/* once.c: was this of a server not told lately?  Remembers that it is now. */
bool once_more(
	struct bh_sensor *s, const struct bh_addr *server, const char *text, const char *more);
void once_flush(struct bh_sensor *s);

/* referral.c: an answer that may say where a part of a namespace is. */
void referral_answer(struct talk *t);

/* listing.c: a call on a pipe that may ask which shares there are, and its answer. */
void listing_asked(struct talk *t, struct tree *tree, struct bh_span pdu);
/* The tree in which an answer to that is awaited, and this is it; NULL. */
struct tree *listing_tree(const struct session *e, const struct bh_message *m);
void listing_answer(struct talk *t, struct tree *tree);

/* channel.c: sessions that more than one connection uses, [MS-SMB2] 3.2.4.1.7 */
void channel_add(struct bh_sensor *s, struct session *e);
void channel_remove(struct bh_sensor *s, struct session *e);
/* e has joined a session of another connection: whose it is, it has from there. */
void channel_join(const struct bh_sensor *s, struct session *e);
/* A tree that was connected on that one, and is used here. */
void channel_adopt(const struct bh_sensor *s, const struct session *e, struct tree *t);

/* ---- session.c ---- */

/* What is searched for comes first from then on; usually it already is. */
struct session *session_search(struct flow *f, uint64_t id);
struct tree *tree_search(struct session *e, uint32_t id);

static inline bool session_over(const struct session *e)
{
	return e->logoff[0] && e->logoff[1];
}

static inline struct session *session_find(struct flow *f, uint64_t id)
{
	struct session *e = f->sessions;

	return e && e->id == id && !session_over(e) ? e : session_search(f, id);
}

static inline struct tree *tree_find(struct session *e, uint32_t id)
{
	struct tree *t = e->trees;

	return t && t->id == id ? t : tree_search(e, id);
}

/* NULL when memory ran out. */
struct session *session_get(struct bh_sensor *s, struct flow *f, uint64_t id);
struct session *session_new(struct bh_sensor *s, struct flow *f);
/* Two that turned out to be one. */
void session_merge(struct bh_sensor *s, struct flow *f, struct session *into, struct session *from);
struct tree *tree_new(struct bh_sensor *s, struct flow *f, struct session *e);
/* The tree's name and answer are complete: it may be one that was there before. */
struct tree *tree_settle(struct bh_sensor *s, struct flow *f, struct session *e, struct tree *t);
struct pending *pending_find(struct flow *f, bool is_tree, uint64_t message_id);
struct pending *pending_add(struct bh_sensor *s, struct flow *f, bool is_tree, uint64_t message_id);
void pending_drop(struct bh_sensor *s, struct flow *f, struct pending *p);
void sessions_drop(struct bh_sensor *s, struct flow *f);

/* ---- stranger.c ---- */

/* Once a flush: live, minutes pass. */
void strangers_tick(struct bh_sensor *s);
/* May this one, that has no session, be told?  It then counts as told. */
bool stranger_tellable(struct bh_sensor *s, const struct flow *f);

/* ---- tell.c ---- */

void tell_flow(struct bh_sensor *s, struct flow *f, bool closed);
/* The same for a part of it that must go first. */
void tell_session(struct bh_sensor *s, struct flow *f, struct session *e);
void tell_tree(struct bh_sensor *s, struct flow *f, struct session *e, struct tree *t);
void tell_leaf(struct bh_sensor *s, struct leaf *leaf, const struct bh_conversation *who,
	const struct bh_figures *figures, bool closed);
void tell_gone(struct bh_sensor *s, struct leaf *leaf);
void tell_named(struct bh_sensor *s, const struct bh_name_seen *n);
void tell_referral(struct bh_sensor *s, const struct bh_referral *r);
void tell_tally(struct bh_sensor *s);
void tell_end(struct bh_sensor *s);
/* record: of a log's record alone. */
void tell_problem(struct bh_sensor *s, uint64_t offset, const char *text, bool record);
void tell_events(struct bh_sensor *s, const struct bh_event_count *e);
void tell_share(struct bh_sensor *s, const struct bh_share_seen *share);
