/*
 * sensor_play: conversations written message by message, and the many ways in which a capture
 * may hold them: cut into segments, in another order, with or without their beginning.
 */
#pragma once

#include "smb_make.h"

#include "sensor/sensor.h"
#include "tap.h"
#include "told.h"

/* ---- two streams that make a whole conversation ---- */

struct script {
	struct bh_buf dir[2]; /* client's, server's bytes */
};

static inline void add(struct script *s, int response, struct smb2 h,
	void (*body)(struct bh_buf *b, size_t at, const void *arg), const void *arg)
{
	struct bh_buf *b = &s->dir[response];
	size_t m = message_begin(b);

	h.response = response;
	smb2_header(b, &h);
	body(b, m, arg);
	message_end(b, m);
}

static inline void b_neg_req(struct bh_buf *b, size_t at, const void *a)
{
	negotiate_request(b, at, a);
}
static inline void b_neg_resp(struct bh_buf *b, size_t at, const void *a)
{
	negotiate_response(b, at, *(const uint16_t *)a);
}
static inline void b_token(struct bh_buf *b, size_t at, const void *a)
{
	const struct bh_buf *t = a;
	(void)at;
	session_request(b, t->ptr, t->len);
}
static inline void b_session(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	session_response(b, *(const uint16_t *)a);
}
static inline void b_tree(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	tree_request(b, a);
}
static inline void b_share(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	tree_response(b, 1, *(const uint32_t *)a);
}
static inline void b_ipc(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	(void)a;
	tree_response(b, 2, 0);
}
static inline void b_error(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	(void)a;
	bh_buf_le16(b, 9);
	put_zero(b, 7);
}
static inline void b_create(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	create_request(b, a);
}
static inline void b_created(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	(void)a;
	create_response(b);
}
static inline void b_write(struct bh_buf *b, size_t at, const void *a)
{
	const struct bh_buf *data = a;
	(void)at;
	write_request(b, data->ptr, data->len);
}
static inline void b_transceive(struct bh_buf *b, size_t at, const void *a)
{
	const struct bh_buf *data = a;
	(void)at;
	ioctl_request(b, FSCTL_PIPE_TRANSCEIVE, data->ptr, data->len);
}
/* A body full of what looks like messages: it must never be read. */
static inline void b_bulk(struct bh_buf *b, size_t at, const void *a)
{
	size_t n = *(const size_t *)a;
	(void)at;
	bh_buf_le16(b, 49);
	while (n--)
		bh_buf_add(b, "\0\0\0\x50\xfeSMB\x40\0", 10);
}

enum { NEGOTIATE, SESSION, LOGOFF, TREE, UNTREE, CREATE, READ = 8, WRITE, IOCTL = 11 };

/* ---- and the ways to play it ---- */

#define CLIENT 0x0a000001u
#define SERVER 0x0a000002u

struct piece {
	size_t off, len;
	int dir;
};

enum { MAX_PIECES = 4096 };

struct play {
	uint32_t isn[2];
	bool no_syn;
	struct piece piece[MAX_PIECES];
	size_t n;
};

static struct bh_sensor *sensor;
static uint16_t server_port = 445;
static bh_time now;

static inline void send(int dir, uint8_t flags, uint32_t seq, uint32_t ack, const char *p, size_t n)
{
	struct bh_buf b = { 0 };
	struct tcp t = {
		.src = dir ? SERVER : CLIENT,
		.dst = dir ? CLIENT : SERVER,
		.sport = dir ? server_port : 50000,
		.dport = dir ? 50000 : server_port,
		.seq = seq,
		.ack = ack,
		.flags = flags,
	};

	now += 1000000;
	tcp_packet(&b, &t, p, n);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
	bh_buf_reset(&b);
}

static inline void hear_play(const struct script *s, const struct play *p, struct told *ret)
{
	memset(ret, 0, sizeof *ret);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear, ret, &sensor), 0);
	if (!p->no_syn) {
		send(0, 0x02, p->isn[0], 0, NULL, 0);
		send(1, 0x12, p->isn[1], p->isn[0] + 1, NULL, 0);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct piece *q = &p->piece[i];
		send(q->dir, 0x18, p->isn[q->dir] + 1 + (uint32_t)q->off, 0,
			s->dir[q->dir].ptr + q->off, q->len);
	}
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
	EXPECT_INT(ret->insane, 0);
	EXPECT_INT(ret->ended, 1);
	settle(ret);
}

static uint64_t dice_state;

static inline uint32_t dice(uint32_t n)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % n;
}

/* Both streams cut into pieces of at most `most`, taken in turns as bytes allow. */
static inline void cut(const struct script *s, size_t most, struct play *p)
{
	size_t off[2] = { 0, 0 };

	p->n = 0;
	while (p->n < MAX_PIECES && (off[0] < s->dir[0].len || off[1] < s->dir[1].len)) {
		int d = off[1] * s->dir[0].len < off[0] * s->dir[1].len;
		if (off[d] >= s->dir[d].len)
			d = !d;
		size_t n = 1 + dice((uint32_t)most);
		n = n < s->dir[d].len - off[d] ? n : s->dir[d].len - off[d];
		p->piece[p->n++] = (struct piece){ off[d], n, d };
		off[d] += n;
	}
}

static inline void free_script(struct script *s)
{
	bh_buf_reset(&s->dir[0]);
	bh_buf_reset(&s->dir[1]);
}

static inline void begin(struct told *t)
{
	memset(t, 0, sizeof *t);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear, t, &sensor), 0);
}

static inline void end(struct told *t)
{
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
	settle(t);
}

static inline const struct bh_conversation *row(const struct told *t, const char *share)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->leaf[i].leaf_is.who.share, share))
			return &t->leaf[i].leaf_is.who;
	}
	return NULL;
}
