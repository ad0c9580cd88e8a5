#include "priv/kernel.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER    (256u * 1024u) /* larger than any dump chunk */
#define PATIENCE  30000 /* ms: a commit of a very large table */
#define MAX_TRIES 8

static int fail(struct kernel *k, int r, const char *what)
{
	snprintf(k->why, sizeof k->why, "%s: %s", what, strerror(-r));
	return r;
}

int kernel_open(struct kernel *k)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	int size = 4 << 20, on = 1;

	*k = (struct kernel){ .seq = 1 };
	k->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (k->fd < 0 || bind(k->fd, (struct sockaddr *)&me, sizeof me))
		return fail(k, -errno, "cannot open netlink");
	(void)setsockopt(k->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	/* Errors come without a copy of the message: it may be megabytes. */
	(void)setsockopt(k->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	return 0;
}

static ssize_t answer(struct kernel *k, void *buf, size_t size, int wait)
{
	struct pollfd p = { .fd = k->fd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, wait);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	ssize_t n = recv(k->fd, buf, size, 0);
	return n < 0 ? -errno : n;
}

static int first_error(const uint8_t *buf, size_t n)
{
	int left = (int)n, err = 0;

	for (const struct nlmsghdr *h = (const void *)buf; mnl_nlmsg_ok(h, left);
		h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_type == NLMSG_ERROR && !err) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
			err = e->error;
		}
	}
	return err;
}

static struct nlmsghdr *request(
	struct kernel *k, void *buf, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = k->seq++;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

/* The batch is silent when it worked.  A request for the generation follows it: when its
 * answer comes, every error of the batch has come before it. */
int kernel_commit(struct kernel *k, const struct bh_buf *batch)
{
	BH_AUTO_BUF all = { 0 };
	uint8_t *buf = malloc(ANSWER);
	int size = (int)bh_min_size(batch->len + (1u << 20), 1u << 30), err = 0;

	if (!buf)
		return -ENOMEM;
	(void)setsockopt(k->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	if (send(k->fd, batch->ptr, batch->len, 0) < 0)
		err = -errno;
	for (;;) {
		/* Errors are queued before send() returns: netlink works in our context. */
		ssize_t n = recv(k->fd, buf, ANSWER, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS && !err)
			err = -ENOBUFS;
		if (n <= 0)
			break;
		int e = first_error(buf, (size_t)n);
		err = err ? err : e;
	}
	free(buf);
	return err ? fail(k, err, "the kernel refused the rules") : 0;
}

struct collect {
	struct bh_buf *ret;
	bool interrupted;
};

/* One dump: every message but the ending ones is appended. */
static int dump(struct kernel *k, struct nlmsghdr *h, struct collect *to)
{
	uint8_t *buf = malloc(ANSWER);
	uint32_t seq = h->nlmsg_seq;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	if (send(k->fd, h, h->nlmsg_len, 0) < 0)
		err = -errno;
	for (bool done = err != 0; !done;) {
		ssize_t n = answer(k, buf, ANSWER, PATIENCE);
		if (n < 0) {
			err = (int)n;
			break;
		}
		int left = (int)n;
		for (struct nlmsghdr *m = (void *)buf; mnl_nlmsg_ok(m, left);
			m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq != seq)
				continue;
			to->interrupted |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (m->nlmsg_type == NLMSG_DONE) {
				done = true;
			} else if (m->nlmsg_type == NLMSG_ERROR) {
				struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
				err = e->error;
				done = true;
			} else {
				bh_buf_add(to->ret, m, ((size_t)m->nlmsg_len + 3) & ~(size_t)3);
				done = !(m->nlmsg_flags & NLM_F_MULTI);
			}
		}
	}
	free(buf);
	return err;
}

static int dump_all(struct kernel *k, uint16_t type, bool ours, struct collect *to)
{
	uint8_t small[512];
	struct nlmsghdr *h = request(k, small, type, NLM_F_DUMP, ours ? NFPROTO_INET : AF_UNSPEC);

	if (ours && type == NFT_MSG_GETRULE)
		mnl_attr_put_strz(h, NFTA_RULE_TABLE, BH_NFT_TABLE);
	if (ours && type == NFT_MSG_GETSET)
		mnl_attr_put_strz(h, NFTA_SET_TABLE, BH_NFT_TABLE);
	return dump(k, h, to);
}

/* The elements of every set that stands in sets[from, len). */
static int dump_elements(struct kernel *k, size_t from, size_t len, struct collect *to)
{
	size_t at = from;

	while (at + sizeof(struct nlmsghdr) <= len) {
		/* The buffer moves while it grows: look the message up anew each time. */
		const struct nlmsghdr *m = (const void *)(to->ret->ptr + at);
		const struct nfgenmsg *g = mnl_nlmsg_get_payload(m);
		const struct nlattr *a;
		const char *table = NULL, *set = NULL;
		uint8_t small[1024];

		int left = (int)mnl_nlmsg_get_payload_len(m) - (int)sizeof *g;
		for (a = mnl_nlmsg_get_payload_offset(m, sizeof *g); mnl_attr_ok(a, left);
			left -= (a->nla_len + 3) & ~3, a = mnl_attr_next(a)) {
			if (mnl_attr_get_type(a) == NFTA_SET_TABLE)
				table = mnl_attr_get_str(a);
			if (mnl_attr_get_type(a) == NFTA_SET_NAME)
				set = mnl_attr_get_str(a);
		}
		at += (m->nlmsg_len + 3u) & ~3u;
		if (!table || !set || strlen(table) > 255 || strlen(set) > 255)
			continue;
		struct nlmsghdr *h =
			request(k, small, NFT_MSG_GETSETELEM, NLM_F_DUMP, g->nfgen_family);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
		int r = dump(k, h, to);
		if (r == -ENOENT)
			to->interrupted = true; /* gone meanwhile */
		else if (r)
			return r;
	}
	return 0;
}

static int dump_once(struct kernel *k, bool ours, struct collect *to)
{
	uint8_t small[64];
	struct nlmsghdr *h = request(k, small, NFT_MSG_GETGEN, 0, AF_UNSPEC);
	int r = ours ? 0 : dump(k, h, to);

	if (!r)
		r = dump_all(k, NFT_MSG_GETTABLE, ours, to);
	if (!r)
		r = dump_all(k, NFT_MSG_GETCHAIN, ours, to);
	size_t from = to->ret->len;
	if (!r)
		r = dump_all(k, NFT_MSG_GETSET, ours, to);
	size_t len = to->ret->len;
	if (!r)
		r = dump_elements(k, from, len, to);
	if (!r)
		r = dump_all(k, NFT_MSG_GETRULE, ours, to);
	if (!r && !ours)
		(void)!dump_all(k, NFT_MSG_GETFLOWTABLE, false, to); /* a kernel may lack them */
	h = request(k, small, NFT_MSG_GETGEN, 0, AF_UNSPEC);
	if (!r && !ours)
		r = dump(k, h, to);
	if (!r && !bh_buf_ok(to->ret))
		r = -ENOMEM;
	return r == -ENOENT && ours ? 0 : r; /* no table of ours: nothing to tell */
}

int kernel_dump(struct kernel *k, bool ours, struct bh_buf *ret)
{
	for (unsigned i = 0; i < MAX_TRIES; i++) {
		BH_AUTO_BUF b = { 0 };
		struct collect to = { .ret = &b };
		int r = dump_once(k, ours, &to);
		if (r)
			return fail(k, r, "cannot read the kernel's rules");
		if (to.interrupted)
			continue;
		bh_buf_add(ret, b.ptr, b.len);
		return bh_buf_ok(ret) ? 0 : -ENOMEM;
	}
	return fail(k, -EAGAIN, "the kernel's rules change faster than they can be read");
}
