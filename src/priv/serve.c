#include "priv/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "priv/sockets.h"

static int read_all(int fd, void *ptr, size_t len)
{
	uint8_t *p = ptr;

	while (len) {
		ssize_t n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* pass: a descriptor that goes with the first byte; -1: none. */
static int send_all(int fd, const struct bh_buf *b, int pass)
{
	size_t at = 0;

	if (!bh_buf_ok(b))
		return -ENOMEM;
	while (at < b->len) {
		_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof pass)] = { 0 };
		struct iovec v = { .iov_base = b->ptr + at, .iov_len = b->len - at };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
		if (pass >= 0 && !at) {
			m.msg_control = space;
			m.msg_controllen = sizeof space;
			struct cmsghdr *c = CMSG_FIRSTHDR(&m);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof pass);
			memcpy(CMSG_DATA(c), &pass, sizeof pass);
		}
		ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return 0;
}

static int answer_error(int fd, int err, const struct why *w)
{
	BH_AUTO_BUF b = { 0 };

	bh_wire_answer(&b, -err, false, w->text, strlen(w->text));
	return send_all(fd, &b, -1);
}

/* Long answers go out in pieces; the last says that it is the last. */
static int answer_bytes(int fd, const struct bh_buf *body)
{
	size_t at = 0;
	int err = 0;

	do {
		BH_AUTO_BUF b = { 0 };
		size_t n = bh_min_size(body->len - at, BH_MAX_PIECE);
		bh_wire_answer(&b, 0, at + n < body->len, body->ptr ? body->ptr + at : "", n);
		err = send_all(fd, &b, -1);
		at += n;
	} while (!err && at < body->len);
	return err;
}

static int answer_state(int fd, const struct bh_priv_state *st)
{
	BH_AUTO_BUF body = { 0 };

	bh_wire_put_state(&body, st);
	return answer_bytes(fd, &body);
}

static int answer_descriptor(int fd, int pass, const struct bh_priv_ring *ring)
{
	BH_AUTO_BUF body = { 0 };
	BH_AUTO_BUF b = { 0 };

	bh_buf_le32(&body, ring->block_size);
	bh_buf_le32(&body, ring->block_count);
	bh_buf_le32(&body, ring->link);
	bh_wire_answer(&b, 0, false, body.ptr, body.len);
	int err = send_all(fd, &b, pass);
	close(pass);
	return err;
}

static bool is_bytes(enum bh_ask ask)
{
	return ask == BH_ASK_DUMP || ask == BH_ASK_POLICY || ask == BH_ASK_GENERATION ||
	       ask == BH_ASK_HITS || ask == BH_ASK_CUT;
}

static int serve_one(struct house *h, int fd, const struct bh_request *r)
{
	BH_AUTO_BUF bytes = { 0 };
	struct bh_priv_state st = { 0 };
	struct bh_priv_ring ring = { .fd = -1 };
	struct why w = { "" };
	int err = 0;

	switch (r->ask) {
	case BH_ASK_STATE: err = act_state(h, &st, &w); break;
	case BH_ASK_APPLY: err = act_apply(h, r, &st, &w); break;
	case BH_ASK_CONFIRM: err = act_confirm(h, &st, &w); break;
	case BH_ASK_UNDO: err = act_undo(h, &st, &w); break;
	case BH_ASK_DUMP: err = kernel_dump(&h->kernel, false, &bytes, &w); break;
	case BH_ASK_POLICY: err = act_policy(h, &bytes, &w); break;
	case BH_ASK_CAPTURE: err = sockets_capture(r->ifname, r->mib, &ring, &w); break;
	case BH_ASK_NFLOG: err = sockets_nflog(&ring.fd, &w); break;
	case BH_ASK_CHANGES: err = sockets_changes(&ring.fd, &w); break;
	case BH_ASK_GENERATION: err = kernel_generation(&h->kernel, &bytes, &w); break;
	case BH_ASK_CUT: err = act_cut(h, &bytes, &w); break;
	case BH_ASK_HITS: err = act_hits(h, &bytes, &w); break;
	case BH_ASK_HEAL: err = act_heal(h, &st, &w); break;
	}
	if (err)
		return answer_error(fd, err, &w);
	if (ring.fd >= 0)
		return answer_descriptor(fd, ring.fd, &ring);
	if (is_bytes(r->ask))
		return answer_bytes(fd, &bytes);
	return answer_state(fd, &st);
}

/* One request: read whole, believed, done, answered.  -EPIPE when the other side left. */
static int serve_next(struct house *h, int fd)
{
	BH_AUTO_ARENA a = { 0 };
	uint8_t header[BH_ASK_HEADER];
	struct bh_request r;
	enum bh_ask ask = BH_ASK_STATE;
	uint32_t len = 0;
	int err = read_all(fd, header, sizeof header);

	if (!err)
		err = bh_wire_header(bh_span_of(header, sizeof header), &ask, &len);
	if (err)
		return err;
	uint8_t *body = malloc(len ? len : 1);
	if (!body)
		return -ENOMEM;
	err = read_all(fd, body, len);
	int refused = err ? 0 : bh_wire_body(ask, bh_span_of(body, len), &a, &r);
	if (!err && refused) {
		struct why w;
		why_say(&w, refused, "bulkhead-priv refuses the request: %s",
			refused == -E2BIG ? "the table is too large" : strerror(-refused));
		err = answer_error(fd, refused, &w);
	} else if (!err) {
		err = serve_one(h, fd, &r);
	}
	free(body);
	return err;
}

void serve(struct house *h, int fd)
{
	while (serve_next(h, fd) == 0)
		;
}
