#include "priv/kernel.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "priv/attr.h"
#include "priv/digest.h"

#define RECEIVE  (64u << 10)
#define TRIES    5
#define MAX_DUMP (1u << 30)

int why_say(struct why *w, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->text, sizeof w->text, fmt, ap);
	va_end(ap);
	return err;
}

int kernel_open(struct kernel *k, struct why *w)
{
	*k = (struct kernel){ .nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC), .seq = 1 };
	if (!k->nl || mnl_socket_bind(k->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return why_say(w, -errno, "cannot talk to the kernel's packet filter: %s",
			strerror(errno));
	/* An error comes without a copy of its message, which may be large; many must fit. */
	const int room = 4 << 20, on = 1;
	int fd = mnl_socket_get_fd(k->nl);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0 ||
		setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) < 0)
		return why_say(w, -errno, "cannot set up netlink: %s", strerror(errno));
	return 0;
}

/* ---- a transaction ---- */

static int gather(void *ctx, const void *messages, size_t len)
{
	struct bh_buf *b = ctx;

	bh_buf_add(b, messages, len);
	return bh_buf_ok(b) ? 0 : -ENOMEM;
}

static const char *message_name(uint16_t type)
{
	switch (type & 0xff) {
	case NFT_MSG_NEWTABLE: return "new table";
	case NFT_MSG_DELTABLE: return "delete table";
	case NFT_MSG_NEWCHAIN: return "new chain";
	case NFT_MSG_DELCHAIN: return "delete chain";
	case NFT_MSG_NEWRULE: return "new rule";
	case NFT_MSG_DELRULE: return "delete rules";
	case NFT_MSG_NEWSET: return "new set";
	case NFT_MSG_DELSET: return "delete set";
	case NFT_MSG_NEWSETELEM: return "new set elements";
	default: return "message";
	}
}

static int explain(const struct bh_buf *batch, uint32_t seq, int err, struct why *w)
{
	struct bh_cur left = bh_cur_of(bh_span_of(batch->ptr, batch->len));
	const char *what = "the transaction";
	struct bh_nl_message m;

	while (bh_nl_message_next(&left, &m)) {
		if (m.seq == seq && m.type >> 8 == NFNL_SUBSYS_NFTABLES)
			what = message_name(m.type);
	}
	if (err == EPERM)
		return why_say(w, -err,
			"the kernel refuses us its packet filter: this needs "
			"CAP_NET_ADMIN in this network namespace");
	return why_say(
		w, -err, "the kernel refused '%s': %s; nothing was changed", what, strerror(err));
}

/* The kernel tells errors, and an acknowledgement where one is asked for: ask for one at
 * the last message, so that silence is never taken for success. */
static uint32_t want_ack(struct bh_buf *batch)
{
	size_t at = 0, last = 0;
	struct nlmsghdr h;

	while (at + sizeof h <= batch->len) {
		memcpy(&h, batch->ptr + at, sizeof h);
		if (h.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES)
			last = at;
		at += (h.nlmsg_len + 3u) & ~3u;
	}
	memcpy(&h, batch->ptr + last, sizeof h);
	h.nlmsg_flags |= NLM_F_ACK;
	memcpy(batch->ptr + last, &h, sizeof h);
	return h.nlmsg_seq;
}

/* Sending is synchronous: every answer is in the queue by the time it returns. */
static int read_acks(struct kernel *k, const struct bh_buf *batch, uint32_t wanted, struct why *w)
{
	_Alignas(struct nlmsghdr) uint8_t buf[8192];
	bool acked = false;
	int failed = 0;
	uint32_t where = 0;
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(k->nl), buf, sizeof buf, MSG_DONTWAIT)) > 0) {
		struct bh_cur left = bh_cur_of(bh_span_of(buf, (size_t)n));
		struct bh_nl_message m;
		while (bh_nl_message_next(&left, &m)) {
			int32_t err;
			if (m.type != NLMSG_ERROR || m.body.len < sizeof err)
				continue;
			memcpy(&err, m.body.ptr, sizeof err);
			if (err && !failed) {
				failed = -err;
				where = m.seq;
			} else if (!err && m.seq == wanted) {
				acked = true;
			}
		}
	}
	if (failed)
		return explain(batch, where, failed, w);
	if (!acked)
		return why_say(w, -EIO,
			"the kernel did not acknowledge the transaction: look at "
			"'bulkhead status' for what stands");
	return 0;
}

int kernel_transact(struct kernel *k, kernel_change change, const struct bh_load *l, struct why *w)
{
	BH_AUTO_BUF batch = { 0 };
	struct bh_nl_sink sink = { .ctx = &batch, .put = gather };
	int fd = mnl_socket_get_fd(k->nl);
	int err = change(l, &k->seq, &sink);

	if (err)
		return why_say(w, err, "cannot make the transaction: %s", strerror(-err));
	if (batch.len > INT32_MAX / 2)
		return why_say(w, -E2BIG, "the table is too large for one transaction");
	uint32_t wanted = want_ack(&batch);
	/* The whole batch must be one datagram, and the buffer must hold it. */
	int size = (int)batch.len + (1 << 16);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
		return why_say(
			w, -errno, "cannot make room for the transaction: %s", strerror(errno));
	if (mnl_socket_sendto(k->nl, batch.ptr, batch.len) < 0)
		return why_say(
			w, -errno, "the kernel did not take the transaction: %s", strerror(errno));
	return read_acks(k, &batch, wanted, w);
}

/* ---- a dump ---- */

struct set_name {
	uint8_t family;
	char table[256], name[256];
};

struct dump {
	struct kernel *k;
	struct bh_buf *out;
	bool ours;
	struct bh_buf sets; /* struct set_name, one after the other */
	uint8_t *buf; /* RECEIVE */
};

static void copy_name(char ret[256], struct bh_span v)
{
	size_t n = bh_min_size(v.len, 255);

	if (n)
		memcpy(ret, v.ptr, n);
	ret[n] = '\0';
}

static void take(struct dump *d, const struct bh_nl_message *m)
{
	size_t len = m->whole.len;
	bool gen = (m->type & 0xff) == NFT_MSG_NEWGEN;

	if (d->ours && !gen && !message_is_ours(m))
		return;
	bh_buf_add(d->out, m->whole.ptr, len);
	while (len++ & 3)
		bh_buf_u8(d->out, 0);
	if ((m->type & 0xff) == NFT_MSG_NEWSET) {
		struct set_name s = { .family = bh_nl_family(m) };
		copy_name(s.table, attr_find(bh_nl_attrs(m), NFTA_SET_TABLE));
		copy_name(s.name, attr_find(bh_nl_attrs(m), NFTA_SET_NAME));
		bh_buf_add(&d->sets, &s, sizeof s);
	}
}

/* 1: the end; 0: go on; or a negative errno. */
static int take_all(struct dump *d, size_t n)
{
	struct bh_cur left = bh_cur_of(bh_span_of(d->buf, n));
	struct bh_nl_message m;

	while (bh_nl_message_next(&left, &m)) {
		if (m.seq != d->k->seq)
			continue;
		if (m.flags & NLM_F_DUMP_INTR)
			return -EINTR;
		if (m.type == NLMSG_DONE)
			return 1;
		if (m.type == NLMSG_ERROR) {
			int32_t err = 0;
			if (m.body.len >= sizeof err)
				memcpy(&err, m.body.ptr, sizeof err);
			return err ? err : 1;
		}
		if (m.type >> 8 == NFNL_SUBSYS_NFTABLES)
			take(d, &m);
		if (!(m.flags & NLM_F_MULTI))
			return 1;
	}
	return 0;
}

static int ask(struct dump *d, uint16_t type, uint8_t family, const struct set_name *set)
{
	_Alignas(struct nlmsghdr) uint8_t request[1024] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	int r = 0;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (type == NFT_MSG_GETGEN ? 0 : NLM_F_DUMP));
	h->nlmsg_seq = ++d->k->seq;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	if (set) {
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, set->table);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set->name);
	} else if (d->ours && type == NFT_MSG_GETRULE) {
		mnl_attr_put_strz(h, NFTA_RULE_TABLE, BH_NFT_TABLE);
	}
	if (mnl_socket_sendto(d->k->nl, h, h->nlmsg_len) < 0)
		return -errno;
	while (!r) {
		ssize_t n = mnl_socket_recvfrom(d->k->nl, d->buf, RECEIVE);
		if (n < 0)
			return -errno;
		if (d->out->len > MAX_DUMP)
			return -E2BIG;
		r = take_all(d, (size_t)n);
	}
	return r < 0 ? r : 0;
}

static int elements(struct dump *d)
{
	for (size_t at = 0; at < d->sets.len; at += sizeof(struct set_name)) {
		struct set_name s;
		memcpy(&s, d->sets.ptr + at, sizeof s);
		int r = ask(d, NFT_MSG_GETSETELEM, s.family, &s);
		if (r)
			return r == -ENOENT ? -EINTR : r;
	}
	return 0;
}

static uint32_t generation_id(const struct bh_buf *b, size_t from)
{
	struct bh_cur left = bh_cur_of(bh_span_of(b->ptr + from, b->len - from));
	struct bh_nl_message m;

	return bh_nl_message_next(&left, &m) ? attr_be32(attr_find(bh_nl_attrs(&m), NFTA_GEN_ID))
					     : 0;
}

static int dump_rules(struct dump *d)
{
	int r = ask(d, NFT_MSG_GETCHAIN, NFPROTO_INET, NULL);

	return r ? r : ask(d, NFT_MSG_GETRULE, NFPROTO_INET, NULL);
}

static int dump_once(struct dump *d)
{
	static const uint16_t first[] = { NFT_MSG_GETGEN, NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN,
		NFT_MSG_GETSET };
	static const uint16_t rest[] = { NFT_MSG_GETRULE, NFT_MSG_GETOBJ, NFT_MSG_GETFLOWTABLE };
	uint8_t family = d->ours ? NFPROTO_INET : NFPROTO_UNSPEC;
	int r = 0;

	for (size_t i = 0; i < BH_LEN(first) && !r; i++)
		r = ask(d, first[i], i ? family : NFPROTO_UNSPEC, NULL);
	if (!r)
		r = elements(d);
	for (size_t i = 0; i < BH_LEN(rest) && !r; i++)
		r = ask(d, rest[i], family, NULL);
	size_t end = d->out->len;
	if (!r)
		r = ask(d, NFT_MSG_GETGEN, NFPROTO_UNSPEC, NULL);
	if (!r && !bh_buf_ok(d->out))
		r = -ENOMEM;
	if (!r && generation_id(d->out, 0) != generation_id(d->out, end))
		r = -EINTR;
	return r;
}

/* What a dump that was given up has left in the queue. */
static void drain(struct kernel *k, uint8_t *buf)
{
	while (recv(mnl_socket_get_fd(k->nl), buf, RECEIVE, MSG_DONTWAIT) > 0)
		;
}

/* Once more when somebody changes it meanwhile. */
static int dump_again(
	struct kernel *k, bool ours, int (*once)(struct dump *d), struct bh_buf *ret, struct why *w)
{
	struct dump d = { .k = k, .out = ret, .ours = ours, .buf = malloc(RECEIVE) };
	int r = -ENOMEM;

	for (int i = 0; d.buf && i < TRIES; i++) {
		ret->len = 0;
		d.sets.len = 0;
		r = once(&d);
		if (r != -EINTR)
			break;
		drain(k, d.buf);
	}
	bh_buf_reset(&d.sets);
	free(d.buf);
	if (r == -EINTR)
		return why_say(w, -EAGAIN,
			"the kernel's rules changed again and again while they "
			"were read: try again in a moment");
	if (r)
		return why_say(w, r, "cannot read the kernel's rules: %s", strerror(-r));
	return 0;
}

int kernel_dump(struct kernel *k, bool ours, struct bh_buf *ret, struct why *w)
{
	return dump_again(k, ours, dump_once, ret, w);
}

int kernel_dump_rules(struct kernel *k, struct bh_buf *ret, struct why *w)
{
	return dump_again(k, true, dump_rules, ret, w);
}

int kernel_generation(struct kernel *k, struct bh_buf *ret, struct why *w)
{
	BH_AUTO_BUF answer = { 0 };
	struct dump d = { .k = k, .out = &answer, .buf = malloc(RECEIVE) };
	int r = d.buf ? ask(&d, NFT_MSG_GETGEN, NFPROTO_UNSPEC, NULL) : -ENOMEM;

	free(d.buf);
	if (!r && !bh_buf_ok(&answer))
		r = -ENOMEM;
	if (r)
		return why_say(w, r, "cannot ask the kernel for its generation: %s", strerror(-r));
	bh_buf_le32(ret, generation_id(&answer, 0));
	return 0;
}
