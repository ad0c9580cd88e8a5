/*
 * smb_talk: a connection of SMB 3.1.1 as Ethernet frames, made once and spoken by any
 * number of clients: a set-up that is complete (NTLM, one share), then messages without
 * end, and an end.  For what needs more traffic than anybody has recorded.
 */
#pragma once

#include "smb_make.h"

#include <stdlib.h>

enum { TALK_ETHERNET = 14, TALK_HEADERS = TALK_ETHERNET + 40, TALK_MOST = 1514 };
enum { TALK_SYN = 0x02, TALK_FIN = 0x01, TALK_RST = 0x04, TALK_ACK = 0x10 };

struct talk_frame {
	uint8_t *bytes; /* addresses, ports, numbers are filled in when it is spoken */
	uint16_t len;
	bool from_server;
	bool begins; /* with a message's header: its session and its number, too */
};

#define TALK_FRAMES 128

struct smb_talk {
	struct talk_frame frame[TALK_FRAMES];
	unsigned set_up, n; /* [0, set_up) once, [set_up, n) again and again */
};

/* Who speaks, and how far. */
struct talk_on {
	uint32_t client, server; /* IPv4 */
	uint16_t port; /* the client's */
	uint16_t at; /* frame */
	uint32_t next[2]; /* sequence numbers: the client's, the server's */
	uint64_t session, message;
};

static inline void talk_add(
	struct smb_talk *t, bool from_server, uint8_t flags, const void *p, size_t n, bool begins)
{
	struct bh_buf b = { 0 };
	const struct tcp tcp = { .sport = 445, .dport = 445, .flags = flags };
	struct talk_frame *f = &t->frame[t->n++];

	assert(t->n <= TALK_FRAMES && TALK_HEADERS + n <= TALK_MOST);
	/* To nobody's address: the kernel drops it once it was captured. */
	bh_buf_add(&b, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x00", TALK_ETHERNET);
	tcp_packet(&b, &tcp, p, n);
	*f = (struct talk_frame){ (uint8_t *)b.ptr, (uint16_t)b.len, from_server, begins };
}

/* A message, in segments of at most `most` bytes. */
static inline void talk_say(
	struct smb_talk *t, bool from_server, const struct bh_buf *b, size_t most)
{
	for (size_t at = 0; at < b->len; at += most)
		talk_add(
			t, from_server, TALK_ACK, b->ptr + at, bh_min_size(most, b->len - at), !at);
}

struct talk_message {
	uint16_t command;
	uint32_t status, tree;
	bool response, has_session;
};

static inline size_t talk_begin(struct bh_buf *b, const struct talk_message *m)
{
	bh_buf_reset(b);
	size_t at = message_begin(b);
	smb2_header(b, &(struct smb2){ .command = m->command,
			       .status = m->status,
			       .tree = m->tree,
			       .session = m->has_session,
			       .response = m->response,
			       .is_signed = m->has_session });
	return at;
}

static inline void talk_end(struct smb_talk *t, bool from_server, struct bh_buf *b, size_t at)
{
	message_end(b, at);
	talk_say(t, from_server, b, TALK_MOST - TALK_HEADERS);
}

static inline void talk_set_up(struct smb_talk *t)
{
	struct bh_buf b = { 0 }, token = { 0 };
	size_t at;

	talk_add(t, false, TALK_SYN, NULL, 0, false);
	talk_add(t, true, TALK_SYN | TALK_ACK, NULL, 0, false);
	talk_add(t, false, TALK_ACK, NULL, 0, false);
	at = talk_begin(&b, &(struct talk_message){ 0 });
	negotiate_request(&b, at, "fs1.corp.example");
	talk_end(t, false, &b, at);
	at = talk_begin(&b, &(struct talk_message){ .response = true });
	negotiate_response(&b, at, 0x0311);
	talk_end(t, true, &b, at);
	ntlm_authenticate(&token, "CORP", "alice", "WS1", 292);
	spnego_response(&token);
	at = talk_begin(&b, &(struct talk_message){ .command = 1, .has_session = true });
	session_request(&b, token.ptr, token.len);
	talk_end(t, false, &b, at);
	at = talk_begin(
		&b, &(struct talk_message){ .command = 1, .response = true, .has_session = true });
	session_response(&b, 0);
	talk_end(t, true, &b, at);
	at = talk_begin(&b, &(struct talk_message){ .command = 3, .has_session = true });
	tree_request(&b, "\\\\fs1.corp.example\\home");
	talk_end(t, false, &b, at);
	at = talk_begin(
		&b, &(struct talk_message){
			    .command = 3, .tree = 7, .response = true, .has_session = true });
	tree_response(&b, 1, 0);
	talk_end(t, true, &b, at);
	bh_buf_reset(&b);
	bh_buf_reset(&token);
	t->set_up = t->n;
}

/* Frames of `size` bytes, each a message of its own: attributes asked for and told. */
static inline void talk_small(struct smb_talk *t, size_t size, unsigned pairs)
{
	struct bh_buf b = { 0 };

	talk_set_up(t);
	for (unsigned i = 0; i < 2 * pairs; i++) {
		const struct talk_message m = {
			.command = 16, .tree = 7, .response = i % 2, .has_session = true
		};
		size_t at = talk_begin(&b, &m);
		put_zero(&b, size - TALK_HEADERS - b.len);
		talk_end(t, i % 2, &b, at);
	}
	bh_buf_reset(&b);
}

/* Frames of `size` bytes, `frames` of which are the answer to one READ. */
static inline void talk_large(struct smb_talk *t, size_t size, unsigned frames)
{
	struct bh_buf b = { 0 };

	talk_set_up(t);
	size_t at = talk_begin(
		&b, &(struct talk_message){ .command = 8, .tree = 7, .has_session = true });
	put_zero(&b, 49);
	talk_end(t, false, &b, at);
	at = talk_begin(
		&b, &(struct talk_message){
			    .command = 8, .tree = 7, .response = true, .has_session = true });
	put_zero(&b, (size - TALK_HEADERS) * frames - b.len);
	message_end(&b, at);
	talk_say(t, true, &b, size - TALK_HEADERS);
	bh_buf_reset(&b);
}

static inline void talk_free(struct smb_talk *t)
{
	for (unsigned i = 0; i < t->n; i++)
		free(t->frame[i].bytes);
	*t = (struct smb_talk){ 0 };
}

/* ---- spoken ---- */

static inline void talk_be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void talk_be32(uint8_t *p, uint32_t v)
{
	talk_be16(p, v >> 16);
	talk_be16(p + 2, v & 0xffff);
}

static inline void talk_address(uint8_t *to, const struct talk_on *c, bool from_server)
{
	uint8_t *ip = to + TALK_ETHERNET, *tcp = ip + 20;

	talk_be32(ip + 12, from_server ? c->server : c->client);
	talk_be32(ip + 16, from_server ? c->client : c->server);
	talk_be16(tcp, from_server ? 445 : c->port);
	talk_be16(tcp + 2, from_server ? c->port : 445);
	talk_be32(tcp + 4, c->next[from_server]);
	talk_be32(tcp + 8, c->next[!from_server]);
}

/* The next frame into `to`, which has room for TALK_MOST; its length. */
static inline size_t talk_next(const struct smb_talk *t, struct talk_on *c, uint8_t *to)
{
	enum { MESSAGE = TALK_HEADERS + 4, MESSAGE_ID = MESSAGE + 24, SESSION = MESSAGE + 40 };
	const struct talk_frame *f = &t->frame[c->at];
	uint64_t id = htole64(c->message), session = htole64(c->session);

	memcpy(to, f->bytes, f->len);
	talk_address(to, c, f->from_server);
	c->next[f->from_server] += (uint32_t)f->len - TALK_HEADERS;
	c->next[f->from_server] += (to[TALK_ETHERNET + 33] & TALK_SYN) != 0;
	if (f->begins) {
		memcpy(to + MESSAGE_ID, &id, sizeof id);
		if (to[SESSION])
			memcpy(to + SESSION, &session, sizeof session);
		c->message += f->from_server;
	}
	if (++c->at == t->n)
		c->at = (uint16_t)t->set_up;
	return f->len;
}

/* A frame without a payload: how connections begin and end. */
static inline size_t talk_bare(
	const struct talk_on *c, bool from_server, uint8_t flags, uint8_t *to)
{
	memset(to, 0, TALK_HEADERS);
	memcpy(to, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x00\x45\0\0\x28", 18);
	to[TALK_ETHERNET + 8] = 64;
	to[TALK_ETHERNET + 9] = 6;
	talk_address(to, c, from_server);
	to[TALK_ETHERNET + 32] = 0x50;
	to[TALK_ETHERNET + 33] = flags;
	return TALK_HEADERS;
}
