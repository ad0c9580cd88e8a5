/* linux/netfilter/nfnetlink_log.h; netlink numbers are in host order, what NFLOG puts
 * into its attributes is in network order. */
#include <linux/netfilter/nfnetlink_log.h>

#include "base/nl.h"
#include "evidence/evidence.h"

#define NFLOG_PACKET   (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET)
#define MAX_ATTRS      64u
#define MAX_EXTENSIONS 8u
#define PREFIX         "bh " /* what our audit rules say before hook and service */

#define IP_TCP       6
#define IP_UDP       17
#define IP6_HOPOPTS  0
#define IP6_ROUTING  43
#define IP6_FRAGMENT 44
#define IP6_DSTOPTS  60
#define TCP_SYN      0x02
#define TCP_ACK      0x10

bool bh_evidence_nflog_next(struct bh_cur *datagram, struct bh_span *ret)
{
	struct bh_nl_message m;

	if (!bh_nl_message_next(datagram, &m))
		return false;
	*ret = m.whole;
	return true;
}

/* ---- the packet ---- */

struct headers {
	struct bh_addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
	bool begins; /* a SYN, or a datagram */
};

static void read_ports(struct bh_cur *c, struct headers *h)
{
	h->sport = bh_cur_be16(c);
	h->dport = bh_cur_be16(c);
	h->begins = true;
	if (h->proto != IP_TCP)
		return;
	bh_cur_skip(c, 9); /* sequence, acknowledgement, data offset */
	uint8_t flags = bh_cur_u8(c);
	h->begins = (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* RFC 791 3.1 */
static void read_ip4(struct bh_cur *c, struct headers *h)
{
	uint8_t version = bh_cur_u8(c);
	size_t options = (version & 15u) * 4u;

	bh_cur_skip(c, 5); /* service, length, id */
	uint16_t fragment = bh_cur_be16(c);
	bh_cur_skip(c, 1);
	h->proto = bh_cur_u8(c);
	bh_cur_skip(c, 2);
	h->src = bh_addr_v4(bh_cur_be32(c));
	h->dst = bh_addr_v4(bh_cur_be32(c));
	if (version >> 4 != 4 || options < 20 || fragment & 0x1fff)
		bh_cur_fail(c);
	bh_cur_skip(c, bh_cur_ok(c) ? options - 20 : 0);
	read_ports(c, h);
}

/* RFC 8200 4: the extension headers a packet filter walks over too. */
static void skip_extensions(struct bh_cur *c, uint8_t *next)
{
	for (unsigned i = 0; i < MAX_EXTENSIONS && bh_cur_ok(c); i++) {
		uint8_t kind = *next;
		if (kind != IP6_HOPOPTS && kind != IP6_ROUTING && kind != IP6_FRAGMENT &&
			kind != IP6_DSTOPTS)
			return;
		*next = bh_cur_u8(c);
		uint8_t len = bh_cur_u8(c);
		if (kind == IP6_FRAGMENT) {
			if (bh_cur_be16(c) >> 3)
				bh_cur_fail(c);
			bh_cur_skip(c, 4);
		} else {
			bh_cur_skip(c, 6 + 8u * len);
		}
	}
	bh_cur_fail(c);
}

static void read_ip6(struct bh_cur *c, struct headers *h)
{
	uint8_t version = bh_cur_u8(c);

	bh_cur_skip(c, 5); /* class, flow label, length */
	h->proto = bh_cur_u8(c);
	bh_cur_skip(c, 1);
	struct bh_span src = bh_cur_take(c, 16);
	struct bh_span dst = bh_cur_take(c, 16);
	if (version >> 4 != 6)
		bh_cur_fail(c);
	if (!bh_cur_ok(c))
		return;
	h->src = bh_addr_v6(src.ptr);
	h->dst = bh_addr_v6(dst.ptr);
	skip_extensions(c, &h->proto);
	read_ports(c, h);
}

static bool read_packet(struct bh_span packet, struct headers *ret)
{
	struct bh_cur c = bh_cur_of(packet);
	struct headers h = { 0 };

	if (packet.len && packet.ptr[0] >> 4 == 6)
		read_ip6(&c, &h);
	else
		read_ip4(&c, &h);
	if (!bh_cur_ok(&c) || (h.proto != IP_TCP && h.proto != IP_UDP))
		return false;
	*ret = h;
	return true;
}

/* ---- the message ---- */

static bool is_ours(struct bh_span prefix)
{
	return prefix.len > strlen(PREFIX) && !memcmp(prefix.ptr, PREFIX, strlen(PREFIX));
}

static int read_attributes(struct bh_span list, struct bh_span *prefix, struct bh_span *payload)
{
	struct bh_cur c = bh_cur_of(list);
	struct bh_nl_attr a;

	for (unsigned i = 0; bh_nl_attr_next(&c, &a); i++) {
		if (i == MAX_ATTRS)
			return -EBADMSG;
		if (a.type == NFULA_PREFIX)
			*prefix = a.is;
		else if (a.type == NFULA_PAYLOAD)
			*payload = a.is;
	}
	return bh_cur_ok(&c) ? 0 : -EBADMSG;
}

static uint8_t transport_of(const struct headers *h)
{
	if (h->proto == IP_TCP)
		return h->dport == 139    ? BH_TRANSPORT_NBSS139
		       : h->dport == 5445 ? BH_TRANSPORT_RDMA5445
					  : BH_TRANSPORT_TCP445;
	return h->dport == 443 ? BH_TRANSPORT_QUIC443 : BH_TRANSPORT_OTHER;
}

int bh_evidence_nflog(struct bh_span message, bh_time now, struct bh_fact *ret)
{
	struct bh_cur c = bh_cur_of(message);
	struct bh_span prefix = { 0 }, payload = { 0 };
	struct bh_nl_message m;
	struct headers h;

	if (!bh_nl_message_next(&c, &m) || m.whole.len != message.len)
		return -EBADMSG;
	if (m.type != NFLOG_PACKET)
		return -ENOMSG;
	if (m.body.len < sizeof(struct nfgenmsg))
		return -EBADMSG;
	int r = read_attributes(bh_nl_attrs(&m), &prefix, &payload);
	if (r)
		return r;
	if (!is_ours(prefix))
		return -ENOMSG;
	if (!read_packet(payload, &h))
		return -EBADMSG;

	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	struct bh_conversation *who = &f.leaf_is.who;
	bh_conversation_init(who);
	who->client = h.src;
	who->server = h.dst;
	who->port = h.dport;
	who->transport = transport_of(&h);
	who->outcome = BH_WOULD_BLOCK;
	f.leaf_is.figures = (struct bh_figures){
		.connections = h.begins,
		.first_seen = now,
		.last_seen = now,
	};
	*ret = f;
	return 0;
}
