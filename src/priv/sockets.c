#include "priv/sockets.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/nl.h"

#define BLOCK_SIZE (1u << 20)
#define BLOCK_MS   60u

#define LINK_ETHERNET 1u
#define LINK_RAW      101u

/* ---- which packets: classic BPF, so that all others never leave the kernel ---- */

#define LD(what, at)                                                                               \
	{                                                                                          \
		BPF_LD | (what), 0, 0, (at)                                                        \
	}
#define LDX(v)                                                                                     \
	{                                                                                          \
		BPF_LDX | BPF_IMM, 0, 0, (v)                                                       \
	}
#define EQ(v, yes, no)                                                                             \
	{                                                                                          \
		BPF_JMP | BPF_JEQ | BPF_K, (yes), (no), (v)                                        \
	}
#define GO(n)                                                                                      \
	{                                                                                          \
		BPF_JMP | BPF_JA, 0, 0, (n)                                                        \
	}
#define ALU(op, v)                                                                                 \
	{                                                                                          \
		BPF_ALU | (op) | BPF_K, 0, 0, (v)                                                  \
	}
#define ADD_X                                                                                      \
	{                                                                                          \
		BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0                                                 \
	}
#define TAX                                                                                        \
	{                                                                                          \
		BPF_MISC | BPF_TAX, 0, 0, 0                                                        \
	}
#define TXA                                                                                        \
	{                                                                                          \
		BPF_MISC | BPF_TXA, 0, 0, 0                                                        \
	}
#define RET(v)                                                                                     \
	{                                                                                          \
		BPF_RET | BPF_K, 0, 0, (v)                                                         \
	}
#define HALF   (BPF_H | BPF_ABS)
#define HALF_X (BPF_H | BPF_IND)
#define BYTE_X (BPF_B | BPF_IND)
#define WORD_X (BPF_W | BPF_IND)
/* The protocol, while the ports are looked for. */
#define KEEP                                                                                       \
	{                                                                                          \
		BPF_ST, 0, 0, 0                                                                    \
	}
#define KEPT                                                                                       \
	{                                                                                          \
		BPF_LD | BPF_MEM, 0, 0, 0                                                          \
	}
#define WHOLE 0x40000u

/* Enters with X at the IP header and A its EtherType.  TCP to or from 445, 139, 5445;
 * names told by NetBIOS, LLMNR and mDNS; QUIC as connections begin, from both ends and on
 * any port; RoCE as they are asked for.  IPv6 packets with extension headers are rare: all
 * of them pass, the sensor looks. */
/* clang-format off */
#define FROM_ETHERTYPE							\
	/*  0 */ EQ(ETH_P_IP, 2, 0),						\
	/*  1 */ EQ(ETH_P_IPV6, 13, 0),						\
	/*  2 */ RET(0),							\
	/*  3 */ LD(BYTE_X, 9),							\
	/*  4 */ EQ(IPPROTO_TCP, 1, 0),						\
	/*  5 */ EQ(IPPROTO_UDP, 0, 49),					\
	/*  6 */ KEEP,								\
	/*  7 */ LD(HALF_X, 6), /* a later fragment has no ports */		\
	/*  8 */ { BPF_JMP | BPF_JSET | BPF_K, 46, 0, 0x1fff },			\
	/*  9 */ LD(BYTE_X, 0),							\
	/* 10 */ ALU(BPF_AND, 0x0f),						\
	/* 11 */ ALU(BPF_LSH, 2),						\
	/* 12 */ ADD_X,								\
	/* 13 */ TAX,								\
	/* 14 */ GO(10),							\
	/* 15 */ LD(BYTE_X, 6),							\
	/* 16 */ EQ(IPPROTO_FRAGMENT, 37, 0),					\
	/* 17 */ EQ(IPPROTO_HOPOPTS, 36, 0),					\
	/* 18 */ EQ(IPPROTO_DSTOPTS, 35, 0),					\
	/* 19 */ EQ(IPPROTO_TCP, 1, 0),						\
	/* 20 */ EQ(IPPROTO_UDP, 0, 34),					\
	/* 21 */ KEEP,								\
	/* 22 */ TXA,								\
	/* 23 */ ALU(BPF_ADD, 40),						\
	/* 24 */ TAX,								\
	/* 25 */ KEPT,								\
	/* 26 */ EQ(IPPROTO_UDP, 8, 0),						\
	/* 27 */ LD(HALF_X, 0),							\
	/* 28 */ EQ(445, 25, 0),						\
	/* 29 */ EQ(139, 24, 0),						\
	/* 30 */ EQ(5445, 23, 0),						\
	/* 31 */ LD(HALF_X, 2),							\
	/* 32 */ EQ(445, 21, 0),						\
	/* 33 */ EQ(139, 20, 0),						\
	/* 34 */ EQ(5445, 19, 20),						\
	/* 35 */ LD(HALF_X, 0), /* who answers for a name */			\
	/* 36 */ EQ(137, 17, 0),						\
	/* 37 */ EQ(138, 16, 0),						\
	/* 38 */ EQ(5353, 15, 0),						\
	/* 39 */ EQ(5355, 14, 0),						\
	/* 40 */ LD(HALF_X, 2),							\
	/* 41 */ EQ(137, 12, 0),						\
	/* 42 */ EQ(138, 11, 0),						\
	/* 43 */ EQ(4791, 0, 3),						\
	/* 44 */ LD(WORD_X, 12), /* to the queue pair that makes connections */	\
	/* 45 */ ALU(BPF_AND, 0xffffff),					\
	/* 46 */ EQ(1, 7, 8),							\
	/* 47 */ LD(BYTE_X, 8), /* a long header, RFC 9000 17.2 */		\
	/* 48 */ ALU(BPF_AND, 0xc0),						\
	/* 49 */ EQ(0xc0, 0, 5),						\
	/* 50 */ LD(WORD_X, 9), /* of a version that is known, or of none */	\
	/* 51 */ EQ(0x00000001, 2, 0),						\
	/* 52 */ EQ(0x6b3343cf, 1, 0),						\
	/* 53 */ EQ(0x00000000, 0, 1),						\
	/* 54 */ RET(WHOLE),							\
	/* 55 */ RET(0)

/* An outer VLAN tag is out of the frame already; inner ones, and those that hardware
 * left, are stepped over: two of them. */
static const struct sock_filter ethernet[] = {
	/* 0 */ LDX(14),
	/* 1 */ LD(HALF, 12),
	/* 2 */ EQ(ETH_P_8021Q, 2, 0),
	/* 3 */ EQ(ETH_P_8021AD, 1, 0),
	/* 4 */ GO(6),
	/* 5 */ LDX(18),
	/* 6 */ LD(HALF, 16),
	/* 7 */ EQ(ETH_P_8021Q, 0, 3),
	/* 8 */ LDX(22),
	/* 9 */ LD(HALF, 20),
	/* 10 */ GO(0),
	FROM_ETHERTYPE,
};

/* No link header (a tunnel): the version stands where the EtherType would tell. */
static const struct sock_filter raw[] = {
	/* 0 */ LDX(0),
	/* 1 */ LD(BPF_B | BPF_ABS, 0),
	/* 2 */ ALU(BPF_RSH, 4),
	/* 3 */ EQ(4, 0, 2),
	/* 4 */ LD(BPF_IMM, ETH_P_IP),
	/* 5 */ GO(2),
	/* 6 */ EQ(6, 0, 1),
	/* 7 */ LD(BPF_IMM, ETH_P_IPV6),
	FROM_ETHERTYPE,
};
/* clang-format on */

static int set(int fd, int level, int name, const void *v, size_t len)
{
	return setsockopt(fd, level, name, v, (socklen_t)len) < 0 ? -errno : 0;
}

static int attach(int fd, uint32_t link)
{
	/* The kernel copies the program and does not write to it. */
	struct sock_fprog prog = { .len = BH_LEN(ethernet) };
	struct sock_filter copy[BH_LEN(ethernet) + BH_LEN(raw)];
	const int on = 1;

	memcpy(copy, ethernet, sizeof ethernet);
	if (link == LINK_RAW) {
		memcpy(copy, raw, sizeof raw);
		prog.len = BH_LEN(raw);
	}
	prog.filter = copy;
	int err = set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog);
	return err ? err : set(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on);
}

static int make_ring(int fd, uint32_t blocks, struct bh_priv_ring *ret)
{
	const int version = TPACKET_V3;
	int err = set(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version);

	for (uint32_t n = blocks; !err; n /= 2) {
		const struct tpacket_req3 req = { .tp_block_size = BLOCK_SIZE,
			.tp_block_nr = n,
			.tp_frame_size = 2048,
			.tp_frame_nr = BLOCK_SIZE / 2048 * n,
			.tp_retire_blk_tov = BLOCK_MS };
		err = set(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req);
		ret->block_size = BLOCK_SIZE;
		ret->block_count = n;
		if (err != -ENOMEM || n == 1)
			return err;
		err = 0; /* half of it, then */
	}
	return err;
}

/* What the interface is: its index and whether frames have a link header. */
static int ask_interface(int fd, const char *ifname, int *index, uint32_t *link, bool *lo)
{
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, ifname, strnlen(ifname, sizeof r.ifr_name - 1));
	if (ioctl(fd, SIOCGIFINDEX, &r) < 0)
		return -errno;
	*index = r.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &r) < 0)
		return -errno;
	switch (r.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK: *link = LINK_ETHERNET; break;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_TUNNEL6: *link = LINK_RAW; break;
	default: return -EPFNOSUPPORT;
	}
	*lo = r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	return 0;
}

static int bind_ring(int fd, const char *ifname, uint32_t mib, struct bh_priv_ring *ret)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const int on = 1;
	bool lo = false;
	int err = ask_interface(fd, ifname, &at.sll_ifindex, &ret->link, &lo);

	if (!err)
		err = attach(fd, ret->link);
	if (!err)
		err = make_ring(fd, mib, ret);
	/* Over loopback every packet passes twice, going out and coming in. */
	if (!err && lo)
		err = set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
	if (!err && bind(fd, (const struct sockaddr *)&at, sizeof at) < 0)
		err = -errno;
	return err;
}

int sockets_capture(const char *ifname, uint32_t mib, struct bh_priv_ring *ret, struct why *w)
{
	/* Protocol 0: nothing comes in before the filter stands. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct bh_priv_ring r = { .fd = fd };

	if (fd < 0)
		return why_say(w, -errno, "cannot open a packet socket: %s", strerror(errno));
	int err = bind_ring(fd, ifname, mib, &r);
	if (!err) {
		*ret = r;
		return 0;
	}
	close(fd);
	if (err == -ENODEV)
		return why_say(w, err, "there is no interface '%s'", ifname);
	if (err == -EPFNOSUPPORT)
		return why_say(w, err, "interface '%s' is of a kind that is not read yet", ifname);
	return why_say(w, err, "cannot capture on '%s': %s", ifname, strerror(-err));
}

/* ---- NFLOG ---- */

static int config(struct mnl_socket *nl, uint32_t seq, void (*fill)(struct nlmsghdr *h))
{
	_Alignas(struct nlmsghdr) uint8_t buf[4096] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = seq;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(BH_NFLOG_GROUP);
	fill(h);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof buf);
	if (n < 0)
		return -errno;
	struct bh_cur left = bh_cur_of(bh_span_of(buf, (size_t)n));
	struct bh_nl_message m;
	int32_t err = -EIO;
	if (bh_nl_message_next(&left, &m) && m.type == NLMSG_ERROR && m.body.len >= sizeof err)
		memcpy(&err, m.body.ptr, sizeof err);
	return err;
}

static void bind_group(struct nlmsghdr *h)
{
	const struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };

	mnl_attr_put(h, NFULA_CFG_CMD, sizeof cmd, &cmd);
}

static void how_much(struct nlmsghdr *h)
{
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(128),
		.copy_mode = NFULNL_COPY_PACKET };

	mnl_attr_put(h, NFULA_CFG_MODE, sizeof mode, &mode);
	mnl_attr_put_u32(h, NFULA_CFG_NLBUFSIZ, htonl(64u << 10));
	mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(64));
	mnl_attr_put_u32(h, NFULA_CFG_TIMEOUT, htonl(10)); /* of 10 ms each */
}

int sockets_nflog(int *ret, struct why *w)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	const int room = 16 << 20, on = 1;
	int err = nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;

	if (!err)
		err = config(nl, 1, bind_group);
	/* How the kernel says that the group is another's: we may do anything here. */
	if (err == -EPERM)
		err = -EBUSY;
	if (!err)
		err = config(nl, 2, how_much);
	if (!err)
		err = set(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	/* A full buffer loses messages either way; the counters tell how many. */
	if (!err)
		err = set(mnl_socket_get_fd(nl), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
	if (!err)
		err = (*ret = dup(mnl_socket_get_fd(nl))) < 0 ? -errno : 0;
	if (nl)
		mnl_socket_close(nl);
	if (err == -EBUSY)
		return why_say(w, err,
			"another process already listens to the log of our rules "
			"(NFLOG group %d): is a second 'bulkhead watch' running?",
			BH_NFLOG_GROUP);
	return err ? why_say(w, err, "cannot listen to the log of our rules: %s", strerror(-err))
		   : 0;
}

/* ---- what anybody does to the packet filter ---- */

int sockets_changes(int *ret, struct why *w)
{
	const int room = 16 << 20, group = NFNLGRP_NFTABLES;
	struct sockaddr_nl at = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int err = fd < 0 ? -errno : 0;

	if (!err && bind(fd, (const struct sockaddr *)&at, sizeof at) < 0)
		err = -errno;
	if (!err)
		err = set(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	if (!err)
		err = set(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
	if (!err) {
		*ret = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return why_say(w, err, "cannot listen to changes of the packet filter: %s", strerror(-err));
}
