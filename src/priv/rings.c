#include "priv/rings.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_SIZE  (1u << 20)
#define BLOCK_COUNT 16u
#define FRAME_SIZE  2048u
#define BLOCK_MS    60u

/* Accepts TCP with 445 or 139 on either side, IPv4 (first fragments) and IPv6 without
 * extension headers, and every other IPv6 or IPv4 fragment of TCP, which the sensor counts.
 * VLAN tags are gone from the bytes by the time a filter sees them. */
static const struct sock_filter smb_only[] = {
	/*  0 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL),
	/*  1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 11),
	/* IPv4 */
	/*  2 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 9),
	/*  3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 21),
	/*  4 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_NET_OFF + 6),
	/*  5 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 19, 0),
	/*  6 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, (uint32_t)SKF_NET_OFF),
	/*  7 */ BPF_STMT(BPF_LD | BPF_H | BPF_IND, (uint32_t)SKF_NET_OFF),
	/*  8 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 445, 15, 0),
	/*  9 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 139, 14, 0),
	/* 10 */ BPF_STMT(BPF_LD | BPF_H | BPF_IND, (uint32_t)SKF_NET_OFF + 2),
	/* 11 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 445, 12, 0),
	/* 12 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 139, 11, 12),
	/* IPv6 */
	/* 13 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 11),
	/* 14 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF + 6),
	/* 15 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 1, 0),
	/* 16 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 44, 7, 8),
	/* 17 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_NET_OFF + 40),
	/* 18 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 445, 5, 0),
	/* 19 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 139, 4, 0),
	/* 20 */ BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)SKF_NET_OFF + 42),
	/* 21 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 445, 2, 0),
	/* 22 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 139, 1, 0),
	/* 23 */ BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
	/* 24 */ BPF_STMT(BPF_RET | BPF_K, 262144),
	/* 25 */ BPF_STMT(BPF_RET | BPF_K, 0),
};

static int set(int fd, int option, const void *v, socklen_t len)
{
	return setsockopt(fd, SOL_PACKET, option, v, len) ? -errno : 0;
}

static int configure(int fd, const char *ifname, const char **step)
{
	const struct sock_fprog filter = { .len = BH_LEN(smb_only),
		.filter = (struct sock_filter *)(uintptr_t)smb_only };
	const int version = TPACKET_V3, on = 1;
	const struct tpacket_req3 ring = { .tp_block_size = BLOCK_SIZE,
		.tp_block_nr = BLOCK_COUNT,
		.tp_frame_size = FRAME_SIZE,
		.tp_frame_nr = BLOCK_SIZE / FRAME_SIZE * BLOCK_COUNT,
		.tp_retire_blk_tov = BLOCK_MS };
	struct ifreq named = { 0 };
	int r;

	*step = "there is no such interface";
	/* On this very socket: if_nametoindex() would open one of another family. */
	memcpy(named.ifr_name, ifname, strnlen(ifname, sizeof named.ifr_name - 1));
	if (ioctl(fd, SIOCGIFINDEX, &named))
		return -errno;
	*step = "cannot set the packet filter";
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ||
		setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on))
		return -errno;
	*step = "cannot set up the packet ring";
	r = set(fd, PACKET_VERSION, &version, sizeof version);
	if (!r)
		r = set(fd, PACKET_RX_RING, &ring, sizeof ring);
	/* On lo every packet would be seen going out and coming in. */
	if (!r && !strcmp(ifname, "lo"))
		r = set(fd, PACKET_IGNORE_OUTGOING, &on, sizeof on);
	if (r)
		return r;
	const struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = named.ifr_ifindex };
	*step = "cannot listen on the interface";
	return bind(fd, (const struct sockaddr *)&at, sizeof at) ? -errno : 0;
}

int rings_capture(const char *ifname, struct bh_priv_ring *ret, const char **step)
{
	*step = "cannot open a packet socket";
	/* Protocol 0: nothing arrives before the filter stands. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int r = configure(fd, ifname, step);
	if (r) {
		close(fd);
		return r;
	}
	*ret = (struct bh_priv_ring){
		.fd = fd, .block_size = BLOCK_SIZE, .block_count = BLOCK_COUNT
	};
	return 0;
}

/* One NFULNL_MSG_CONFIG for our group, acknowledged. */
static int config(int fd, uint16_t group, uint16_t attr, const void *v, size_t len)
{
	uint8_t buf[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);
	g->version = NFNETLINK_V0;
	g->res_id = htons(group);
	mnl_attr_put(h, attr, len, v);
	if (send(fd, h, h->nlmsg_len, 0) < 0)
		return -errno;
	ssize_t n = recv(fd, buf, sizeof buf, 0);
	if (n < 0)
		return -errno;
	struct nlmsghdr *a = (void *)buf;
	if (n < (ssize_t)(sizeof *a + sizeof(struct nlmsgerr)) || a->nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return ((struct nlmsgerr *)mnl_nlmsg_get_payload(a))->error;
}

static int subscribe(int fd)
{
	const struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	struct nfulnl_msg_config_cmd bind_cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(128),
		.copy_mode = NFULNL_COPY_PACKET };
	uint32_t threshold = htonl(64), buffer = htonl(65536), tenths = htonl(1);
	int size = 16 << 20, r;

	if (bind(fd, (const struct sockaddr *)&me, sizeof me))
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	r = config(fd, BH_NFLOG_GROUP, NFULA_CFG_CMD, &bind_cmd, sizeof bind_cmd);
	if (!r)
		r = config(fd, BH_NFLOG_GROUP, NFULA_CFG_MODE, &mode, sizeof mode);
	if (!r)
		r = config(fd, BH_NFLOG_GROUP, NFULA_CFG_QTHRESH, &threshold, sizeof threshold);
	if (!r)
		r = config(fd, BH_NFLOG_GROUP, NFULA_CFG_NLBUFSIZ, &buffer, sizeof buffer);
	if (!r)
		r = config(fd, BH_NFLOG_GROUP, NFULA_CFG_TIMEOUT, &tenths, sizeof tenths);
	return r;
}

int rings_nflog(int *ret, const char **step)
{
	*step = "cannot listen to the audit log";
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	int r = subscribe(fd);
	if (r == -EBUSY)
		*step = "another program (another 'bulkhead watch'?) reads the audit log already";
	if (r) {
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}
