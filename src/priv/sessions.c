#include "priv/sessions.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <sys/socket.h>

#include "priv/diag.h"

#define RECEIVE        (64u << 10)
#define MAX_BYTES      (256u << 20)
#define TCP_BIT(state) (1u << (state))
#define KEEP_SECONDS   432000u /* five days, as connection tracking gives them itself */

static int open_socket(int kind, struct mnl_socket **ret)
{
	struct mnl_socket *nl = mnl_socket_open2(kind, SOCK_CLOEXEC);

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = -errno;
		mnl_socket_close(nl);
		return err;
	}
	*ret = nl;
	return 0;
}

/* The answer to one request: 0 or a negative errno. */
static int acknowledged(struct mnl_socket *nl, uint32_t seq)
{
	_Alignas(struct nlmsghdr) uint8_t buf[8192];

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof buf);
		if (n < 0)
			return -errno;
		struct bh_cur left = bh_cur_of(bh_span_of(buf, (size_t)n));
		struct bh_nl_message m;
		while (bh_nl_message_next(&left, &m)) {
			int32_t err;
			if (m.type != NLMSG_ERROR || m.seq != seq || m.body.len < sizeof err)
				continue;
			memcpy(&err, m.body.ptr, sizeof err);
			return err;
		}
	}
}

/* ---- which there are ---- */

static int dump_family(struct mnl_socket *nl, uint8_t family, uint32_t seq, struct bh_buf *ret)
{
	_Alignas(struct nlmsghdr) uint8_t buf[RECEIVE] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = seq;
	struct inet_diag_req_v2 *q = mnl_nlmsg_put_extra_header(h, sizeof *q);
	*q = (struct inet_diag_req_v2){ .sdiag_family = family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = TCP_BIT(1) | TCP_BIT(10) }; /* established, listening */
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof buf);
		if (n < 0)
			return -errno;
		struct bh_cur left = bh_cur_of(bh_span_of(buf, (size_t)n));
		struct bh_nl_message m;
		while (bh_nl_message_next(&left, &m)) {
			int32_t err = 0;
			if (m.seq != seq)
				continue;
			if (m.type == NLMSG_DONE)
				return 0;
			if (m.type == NLMSG_ERROR) {
				if (m.body.len >= sizeof err)
					memcpy(&err, m.body.ptr, sizeof err);
				return err;
			}
			bh_buf_add(ret, m.whole.ptr, m.whole.len);
			for (size_t k = m.whole.len; k & 3; k++)
				bh_buf_u8(ret, 0);
		}
		if (ret->len > MAX_BYTES)
			return -E2BIG;
	}
}

struct found {
	struct bh_buf answers;
	struct bh_arena a;
	struct connections all;
	struct mnl_socket *nl;
};

static int find(struct found *f, struct why *w)
{
	int err = open_socket(NETLINK_SOCK_DIAG, &f->nl);

	if (!err)
		err = dump_family(f->nl, AF_INET, 1, &f->answers);
	if (!err)
		err = dump_family(f->nl, AF_INET6, 2, &f->answers);
	if (!err && !bh_buf_ok(&f->answers))
		err = -ENOMEM;
	if (!err)
		err = diag_read(bh_span_of(f->answers.ptr, f->answers.len), &f->a, &f->all);
	return err ? why_say(w, err, "cannot list the connections: %s", strerror(-err)) : 0;
}

static void done(struct found *f)
{
	if (f->nl)
		mnl_socket_close(f->nl);
	bh_buf_reset(&f->answers);
	bh_arena_reset(&f->a);
}

/* ---- ending them ---- */

static int destroy(struct mnl_socket *nl, const struct connection *c, uint32_t seq)
{
	_Alignas(struct nlmsghdr) uint8_t buf[512] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = SOCK_DESTROY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = seq;
	struct inet_diag_req_v2 *q = mnl_nlmsg_put_extra_header(h, sizeof *q);
	*q = (struct inet_diag_req_v2){
		.sdiag_family = c->family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = TCP_BIT(1)
	};
	memcpy(&q->id, c->id.ptr, sizeof q->id);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	return acknowledged(nl, seq);
}

int sessions_cut(const struct bh_table *t, uint32_t *ret, struct why *w)
{
	struct found f = { 0 };
	uint32_t n = 0;
	int err = find(&f, w);

	for (size_t i = 0; i < f.all.n && !err; i++) {
		const struct connection *c = &f.all.v[i];
		if (!diag_blocked(t, &f.all, c))
			continue;
		err = destroy(f.nl, c, (uint32_t)i + 3);
		n += !err;
		if (err == -ENOENT)
			err = 0; /* it ended by itself meanwhile */
		if (err)
			why_say(w, err,
				"cannot end a connection: %s; the rules are in force, and stop it",
				err == -EOPNOTSUPP ? "this kernel has no INET_DIAG_DESTROY"
						   : strerror(-err));
	}
	done(&f);
	if (!err)
		*ret = n;
	return err;
}

/* ---- keeping them ---- */

static void put_tuple(struct nlmsghdr *h, uint16_t type, const struct bh_addr *src,
	const struct bh_addr *dst, uint16_t sport, uint16_t dport)
{
	uint8_t bytes[16];
	bool v4 = src->family == BH_V4;
	struct nlattr *tuple = mnl_attr_nest_start(h, type);
	struct nlattr *in = mnl_attr_nest_start(h, CTA_TUPLE_IP);

	mnl_attr_put(h, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, bh_addr_bytes(src, bytes), bytes);
	mnl_attr_put(h, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, bh_addr_bytes(dst, bytes), bytes);
	mnl_attr_nest_end(h, in);
	in = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(sport));
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(dport));
	mnl_attr_nest_end(h, in);
	mnl_attr_nest_end(h, tuple);
}

/* Where it stands in its stream nobody knows here: windows are not checked. */
static void put_tcp(struct nlmsghdr *h)
{
	const struct nf_ct_tcp_flags liberal = { .flags = IP_CT_TCP_FLAG_BE_LIBERAL,
		.mask = IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof liberal, &liberal);
	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof liberal, &liberal);
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
}

/* A connection that connection tracking takes for established; one that it knows stays. */
static int track(
	struct mnl_socket *nl, const struct connection *c, const struct bh_gate *g, uint32_t seq)
{
	_Alignas(struct nlmsghdr) uint8_t buf[1024] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	bool in = g->hook == BH_IN;
	const struct bh_addr *client = in ? &c->peer : &c->here, *server = in ? &c->here : &c->peer;
	uint16_t sport = in ? c->peer_port : c->port, dport = in ? c->port : c->peer_port;

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	h->nlmsg_seq = seq;
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	m->nfgen_family = client->family == BH_V4 ? AF_INET : AF_INET6;
	m->version = NFNETLINK_V0;
	put_tuple(h, CTA_TUPLE_ORIG, client, server, sport, dport);
	put_tuple(h, CTA_TUPLE_REPLY, server, client, dport, sport);
	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(KEEP_SECONDS));
	put_tcp(h);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	int err = acknowledged(nl, seq);
	return err == -EEXIST ? 0 : err;
}

int sessions_keep(const struct bh_table *t, uint32_t *ret, struct why *w)
{
	struct found f = { 0 };
	struct mnl_socket *nl = NULL;
	uint32_t n = 0;
	int err = find(&f, w);

	if (!err) {
		err = open_socket(NETLINK_NETFILTER, &nl);
		if (err)
			why_say(w, err, "cannot speak to connection tracking: %s", strerror(-err));
	}
	for (size_t i = 0; i < f.all.n && !err; i++) {
		const struct connection *c = &f.all.v[i];
		const struct bh_gate *g = diag_blocked(t, &f.all, c);
		if (!g)
			continue;
		err = track(nl, c, g, (uint32_t)i + 1);
		n += !err;
		if (err)
			why_say(w, err,
				"cannot keep the sessions that stand: connection tracking does not "
				"take them (%s); nothing was changed",
				strerror(-err));
	}
	if (nl)
		mnl_socket_close(nl);
	done(&f);
	if (!err)
		*ret = n;
	return err;
}
