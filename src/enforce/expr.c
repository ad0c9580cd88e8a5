#include "enforce/expr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

void put_be32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(h, type, htonl(v));
}

void put_be64(struct nlmsghdr *h, uint16_t type, uint64_t v)
{
	mnl_attr_put_u64(h, type, htobe64(v));
}

static struct nlattr *expr_start(struct nlmsghdr *h, const char *name, struct nlattr **elem)
{
	*elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	mnl_attr_put_strz(h, NFTA_EXPR_NAME, name);
	return mnl_attr_nest_start(h, NFTA_EXPR_DATA);
}

static void expr_end(struct nlmsghdr *h, struct nlattr *data, struct nlattr *elem)
{
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, elem);
}

void put_value(struct nlmsghdr *h, uint16_t attr, const void *v, size_t len)
{
	struct nlattr *n = mnl_attr_nest_start(h, attr);
	mnl_attr_put(h, NFTA_DATA_VALUE, len, v);
	mnl_attr_nest_end(h, n);
}

void put_verdict(struct nlmsghdr *h, uint16_t attr, int code, const char *chain)
{
	struct nlattr *n = mnl_attr_nest_start(h, attr);
	struct nlattr *v = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
	put_be32(h, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		mnl_attr_put_strz(h, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(h, v);
	mnl_attr_nest_end(h, n);
}

static void meta(struct nlmsghdr *h, uint32_t key, uint32_t reg)
{
	struct nlattr *e, *d = expr_start(h, "meta", &e);
	put_be32(h, NFTA_META_KEY, key);
	put_be32(h, NFTA_META_DREG, reg);
	expr_end(h, d, e);
}

static void payload(struct nlmsghdr *h, uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	struct nlattr *e, *d = expr_start(h, "payload", &e);
	put_be32(h, NFTA_PAYLOAD_DREG, reg);
	put_be32(h, NFTA_PAYLOAD_BASE, base);
	put_be32(h, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(h, NFTA_PAYLOAD_LEN, len);
	expr_end(h, d, e);
}

static void cmp(struct nlmsghdr *h, uint32_t op, const void *v, size_t len)
{
	struct nlattr *e, *d = expr_start(h, "cmp", &e);
	put_be32(h, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(h, NFTA_CMP_OP, op);
	put_value(h, NFTA_CMP_DATA, v, len);
	expr_end(h, d, e);
}

static void mask(struct nlmsghdr *h, const void *bits, size_t len)
{
	static const uint8_t zero[4];
	struct nlattr *e, *d = expr_start(h, "bitwise", &e);
	put_be32(h, NFTA_BITWISE_SREG, NFT_REG_1);
	put_be32(h, NFTA_BITWISE_DREG, NFT_REG_1);
	put_be32(h, NFTA_BITWISE_LEN, (uint32_t)len);
	put_be32(h, NFTA_BITWISE_OP, NFT_BITWISE_BOOL);
	put_value(h, NFTA_BITWISE_MASK, bits, len);
	put_value(h, NFTA_BITWISE_XOR, zero, len);
	expr_end(h, d, e);
}

static void lookup(struct nlmsghdr *h, const char *set, bool map)
{
	struct nlattr *e, *d = expr_start(h, "lookup", &e);
	mnl_attr_put_strz(h, NFTA_LOOKUP_SET, set);
	put_be32(h, NFTA_LOOKUP_SREG, NFT_REG_1);
	if (map)
		put_be32(h, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	expr_end(h, d, e);
}

static void verdict(struct nlmsghdr *h, int code, const char *chain)
{
	struct nlattr *e, *d = expr_start(h, "immediate", &e);
	put_be32(h, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	put_verdict(h, NFTA_IMMEDIATE_DATA, code, chain);
	expr_end(h, d, e);
}

static void need_family(struct nlmsghdr *h, uint8_t family)
{
	uint8_t v = family == BH_V4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	meta(h, NFT_META_NFPROTO, NFT_REG_1);
	cmp(h, NFT_CMP_EQ, &v, 1);
}

static void need_proto(struct nlmsghdr *h, uint8_t proto)
{
	meta(h, NFT_META_L4PROTO, NFT_REG_1);
	cmp(h, NFT_CMP_EQ, &proto, 1);
}

static void address(struct nlmsghdr *h, uint8_t family, bool dst)
{
	need_family(h, family);
	if (family == BH_V4)
		payload(h, NFT_PAYLOAD_NETWORK_HEADER, dst ? 16 : 12, 4, NFT_REG_1);
	else
		payload(h, NFT_PAYLOAD_NETWORK_HEADER, dst ? 24 : 8, 16, NFT_REG_1);
}

static void loopback(struct nlmsghdr *h, uint8_t family, bool dst)
{
	static const uint8_t net = 127, one[16] = { [15] = 1 };

	need_family(h, family);
	if (family == BH_V4) {
		payload(h, NFT_PAYLOAD_NETWORK_HEADER, dst ? 16 : 12, 1, NFT_REG_1);
		cmp(h, NFT_CMP_EQ, &net, 1);
	} else {
		payload(h, NFT_PAYLOAD_NETWORK_HEADER, dst ? 24 : 8, 16, NFT_REG_1);
		cmp(h, NFT_CMP_EQ, one, sizeof one);
	}
}

static void ifname(struct nlmsghdr *h, uint32_t key, const char *name)
{
	char padded[BH_IFNAME] = { 0 };

	memcpy(padded, name, strnlen(name, sizeof padded - 1));
	meta(h, key, NFT_REG_1);
	cmp(h, NFT_CMP_EQ, padded, sizeof padded);
}

static void dispatch(struct nlmsghdr *h, const char *map)
{
	meta(h, NFT_META_L4PROTO, NFT_REG_1);
	payload(h, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_01);
	lookup(h, map, true);
}

static void not_syn(struct nlmsghdr *h)
{
	static const uint8_t bits = 0x12, syn = 0x02;

	need_proto(h, BH_TCP);
	payload(h, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
	mask(h, &bits, 1);
	cmp(h, NFT_CMP_NEQ, &syn, 1);
}

/* The state is a number of this machine's own byte order. */
static void established(struct nlmsghdr *h)
{
	static const uint32_t bit = 1u << 1, zero; /* NF_CT_STATE_BIT(IP_CT_ESTABLISHED) */
	struct nlattr *e, *d = expr_start(h, "ct", &e);
	put_be32(h, NFTA_CT_KEY, NFT_CT_STATE);
	put_be32(h, NFTA_CT_DREG, NFT_REG_1);
	expr_end(h, d, e);
	mask(h, &bit, sizeof bit);
	cmp(h, NFT_CMP_NEQ, &zero, sizeof zero);
}

static void fragment(struct nlmsghdr *h, uint32_t offset, uint32_t len, uint32_t flags)
{
	need_family(h, BH_V6);
	struct nlattr *e, *d = expr_start(h, "exthdr", &e);
	put_be32(h, NFTA_EXTHDR_DREG, NFT_REG_1);
	mnl_attr_put_u8(h, NFTA_EXTHDR_TYPE, 44);
	put_be32(h, NFTA_EXTHDR_OFFSET, offset);
	put_be32(h, NFTA_EXTHDR_LEN, len);
	put_be32(h, NFTA_EXTHDR_FLAGS, flags);
	put_be32(h, NFTA_EXTHDR_OP, NFT_EXTHDR_OP_IPV6);
	expr_end(h, d, e);
}

static void later_fragment(struct nlmsghdr *h)
{
	static const uint8_t bits[2] = { 0xff, 0xf8 }, zero[2];

	fragment(h, 2, 2, 0);
	mask(h, bits, sizeof bits);
	cmp(h, NFT_CMP_NEQ, zero, sizeof zero);
}

static void port_readable(struct nlmsghdr *h)
{
	static const uint8_t low[2] = { 0, 0 }, high[2] = { 0xff, 0xff };

	payload(h, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
	struct nlattr *e, *d = expr_start(h, "range", &e);
	put_be32(h, NFTA_RANGE_SREG, NFT_REG_1);
	put_be32(h, NFTA_RANGE_OP, NFT_RANGE_EQ);
	put_value(h, NFTA_RANGE_FROM_DATA, low, sizeof low);
	put_value(h, NFTA_RANGE_TO_DATA, high, sizeof high);
	expr_end(h, d, e);
}

static void source_port(struct nlmsghdr *h, uint16_t port)
{
	uint16_t v = htons(port);

	need_proto(h, BH_UDP);
	payload(h, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, NFT_REG_1);
	cmp(h, NFT_CMP_EQ, &v, sizeof v);
}

static void counter(struct nlmsghdr *h)
{
	struct nlattr *e, *d = expr_start(h, "counter", &e);
	put_be64(h, NFTA_COUNTER_BYTES, 0);
	put_be64(h, NFTA_COUNTER_PACKETS, 0);
	expr_end(h, d, e);
}

static void limit(struct nlmsghdr *h)
{
	struct nlattr *e, *d = expr_start(h, "limit", &e);
	put_be64(h, NFTA_LIMIT_RATE, 1000);
	put_be64(h, NFTA_LIMIT_UNIT, 1);
	put_be32(h, NFTA_LIMIT_BURST, 1000);
	put_be32(h, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	expr_end(h, d, e);
}

static void log_group(struct nlmsghdr *h, const char *prefix)
{
	struct nlattr *e, *d = expr_start(h, "log", &e);
	mnl_attr_put_strz(h, NFTA_LOG_PREFIX, prefix);
	mnl_attr_put_u16(h, NFTA_LOG_GROUP, htons(BH_NFLOG_GROUP));
	put_be32(h, NFTA_LOG_SNAPLEN, 128);
	expr_end(h, d, e);
}

static void reset(struct nlmsghdr *h)
{
	struct nlattr *e, *d = expr_start(h, "reject", &e);
	put_be32(h, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	expr_end(h, d, e);
}

void put_stmt(struct nlmsghdr *h, const struct stmt *s)
{
	switch (s->kind) {
	case S_LEASE:
		meta(h, NFT_META_NFPROTO, NFT_REG_1);
		lookup(h, "lease", false);
		break;
	case S_DISPATCH: dispatch(h, s->name); break;
	case S_IIFNAME: ifname(h, NFT_META_IIFNAME, s->name); break;
	case S_OIFNAME: ifname(h, NFT_META_OIFNAME, s->name); break;
	case S_FAMILY: need_family(h, s->family); break;
	case S_SRC_LOOPBACK: loopback(h, s->family, false); break;
	case S_DST_LOOPBACK: loopback(h, s->family, true); break;
	case S_ESTABLISHED: established(h); break;
	case S_NOT_SYN: not_syn(h); break;
	case S_SPORT: source_port(h, s->port); break;
	case S_SRC_SET:
	case S_DST_SET:
	case S_SRC_VMAP:
	case S_DST_VMAP:
		address(h, s->family, s->kind == S_DST_SET || s->kind == S_DST_VMAP);
		lookup(h, s->name, s->kind == S_SRC_VMAP || s->kind == S_DST_VMAP);
		break;
	case S_FRAG: {
		static const uint8_t one = 1;
		fragment(h, 0, 1, NFT_EXTHDR_F_PRESENT);
		cmp(h, NFT_CMP_EQ, &one, 1);
		break;
	}
	case S_FRAG_LATER: later_fragment(h); break;
	case S_PORT_READABLE: port_readable(h); break;
	case S_COUNTER: counter(h); break;
	case S_LIMIT: limit(h); break;
	case S_LOG: log_group(h, s->name); break;
	case S_TCP: need_proto(h, BH_TCP); break;
	case S_RESET: reset(h); break;
	case S_DROP: verdict(h, NF_DROP, NULL); break;
	case S_ACCEPT: verdict(h, NF_ACCEPT, NULL); break;
	case S_RETURN: verdict(h, NFT_RETURN, NULL); break;
	case S_GOTO: verdict(h, NFT_GOTO, s->name); break;
	case S_JUMP: verdict(h, NFT_JUMP, s->name); break;
	}
}
