#include "dissect/quic.h"

/* RFC 9000 14.1: a client pads every datagram with an Initial up to this. */
#define MIN_DATAGRAM 1200u

/* Packets of one datagram (RFC 9000 12.2) that are looked at.  Offload may show us several
 * datagrams as one, but a ClientHello needs few. */
enum { MAX_COALESCED = 16 };

/* A range takes two bytes at least. */
enum { MAX_ACK_RANGES = QUIC_MAX_PACKET / 2 };

enum { MAX_CID = 20, HANDSHAKE_HEADER = 4, CLIENT_HELLO = 1 };

/* RFC 9000 19 */
enum {
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01,
	FRAME_ACK = 0x02,
	FRAME_ACK_ECN = 0x03,
	FRAME_CRYPTO = 0x06,
	FRAME_CLOSE = 0x1c,
};

/* RFC 9000 16 */
static uint64_t varint(struct bh_cur *c)
{
	uint64_t v = bh_cur_u8(c);
	unsigned more = (1u << (v >> 6)) - 1;

	v &= 0x3f;
	for (; more; more--)
		v = v << 8 | bh_cur_u8(c);
	return v;
}

/* A length, and as many bytes. */
static struct bh_span counted(struct bh_cur *c)
{
	uint64_t len = varint(c);

	if (len > bh_cur_left(c))
		bh_cur_fail(c);
	return bh_cur_take(c, (size_t)len);
}

static struct bh_span connection_id(struct bh_cur *c)
{
	uint8_t len = bh_cur_u8(c);

	if (len > MAX_CID)
		bh_cur_fail(c);
	return bh_cur_take(c, len);
}

/* ---- packets ---- */

static enum bh_quic_form form_of(uint8_t first, uint32_t version)
{
	enum { LONG = 0x80, FIXED = 0x40 };
	static const uint8_t types[] = { BH_QUIC_INITIAL, BH_QUIC_EARLY, BH_QUIC_HANDSHAKE,
		BH_QUIC_RETRY };
	unsigned type = first >> 4 & 3;

	if (!(first & LONG))
		return BH_QUIC_SHORT; /* where FIXED need not be set: RFC 9287 */
	if (!version)
		return BH_QUIC_VERSIONS;
	if (!(first & FIXED) || (version != QUIC_V1 && version != QUIC_V2))
		return BH_QUIC_OTHER;
	if (version == QUIC_V2)
		type = (type + 3) & 3; /* RFC 9369 3.2: all of them moved up by one */
	return (enum bh_quic_form)types[type];
}

enum bh_quic_form bh_quic_form_of(struct bh_span payload)
{
	struct bh_cur c = bh_cur_of(payload);

	uint8_t first = bh_cur_u8(&c);
	uint32_t version = bh_cur_be32(&c);
	return bh_cur_ok(&c) ? form_of(first, version) : BH_QUIC_OTHER;
}

bool bh_quic_may_be_initial(struct bh_span payload)
{
	return payload.len >= MIN_DATAGRAM && bh_quic_form_of(payload) == BH_QUIC_INITIAL;
}

/* The next packet of a datagram, RFC 9000 17.2. */
static bool next_packet(struct bh_cur *datagram, struct quic_packet *ret)
{
	struct bh_span rest = bh_cur_take(datagram, bh_cur_left(datagram));
	struct bh_cur c = bh_cur_of(rest);
	struct quic_packet p = { 0 };

	uint8_t first = bh_cur_u8(&c);
	p.version = bh_cur_be32(&c);
	enum bh_quic_form form = form_of(first, p.version);
	if (form != BH_QUIC_INITIAL && form != BH_QUIC_EARLY && form != BH_QUIC_HANDSHAKE)
		return false;
	p.initial = form == BH_QUIC_INITIAL;
	p.dcid = connection_id(&c);
	(void)connection_id(&c);
	if (p.initial)
		(void)counted(&c); /* the token */
	uint64_t len = varint(&c);
	p.number_at = bh_cur_offset(&c);
	if (len > bh_cur_left(&c))
		return false;
	bh_cur_skip(&c, (size_t)len);
	if (!bh_cur_ok(&c))
		return false;
	p.whole = bh_cur_window(&c, 0, bh_cur_offset(&c));
	*datagram = bh_cur_of(bh_cur_take(&c, bh_cur_left(&c)));
	*ret = p;
	return true;
}

/* ---- frames ---- */

/* RFC 9000 19.3 */
static void skip_ack(struct bh_cur *c, bool ecn)
{
	(void)varint(c); /* the largest */
	(void)varint(c); /* how late */
	uint64_t ranges = varint(c);
	(void)varint(c); /* the first range */
	if (ranges > MAX_ACK_RANGES)
		bh_cur_fail(c);
	for (uint64_t i = 0; i < ranges && bh_cur_ok(c); i++) {
		(void)varint(c);
		(void)varint(c);
	}
	for (unsigned i = 0; ecn && i < 3; i++)
		(void)varint(c);
}

/* Where two frames tell of one place, the first is believed: they have to agree. */
static void put_crypto(struct bh_quic_hello *h, uint64_t offset, struct bh_span data)
{
	for (size_t i = 0; i < data.len && offset + i < BH_QUIC_CRYPTO; i++) {
		size_t at = (size_t)offset + i;
		uint64_t bit = UINT64_C(1) << at % 64;
		if (!(h->seen[at / 64] & bit))
			h->crypto[at] = data.ptr[i];
		h->seen[at / 64] |= bit;
	}
}

/* Reads all frames that an Initial may have (RFC 9000 12.4); false: one that it may not, or
 * one that breaks off.  With h, what is in CRYPTO is kept. */
static bool walk_frames(struct bh_span frames, struct bh_quic_hello *h)
{
	struct bh_cur c = bh_cur_of(frames);

	while (bh_cur_left(&c)) { /* a frame has a byte at least */
		uint64_t offset;
		struct bh_span data;
		uint8_t type = bh_cur_u8(&c); /* in its shortest form, by RFC 9000 12.4 */

		switch (type) {
		case FRAME_PADDING:
		case FRAME_PING: break;
		case FRAME_ACK:
		case FRAME_ACK_ECN: skip_ack(&c, type == FRAME_ACK_ECN); break;
		case FRAME_CRYPTO:
			offset = varint(&c);
			data = counted(&c);
			if (h && bh_cur_ok(&c))
				put_crypto(h, offset, data);
			break;
		case FRAME_CLOSE:
			(void)varint(&c); /* error */
			(void)varint(&c); /* the frame that was at fault */
			(void)counted(&c);
			break;
		default: return false;
		}
	}
	return bh_cur_ok(&c);
}

/* ---- the ClientHello ---- */

static bool all_seen(const struct bh_quic_hello *h, size_t n)
{
	for (size_t i = 0; i < n / 64; i++) {
		if (~h->seen[i])
			return false;
	}
	uint64_t last = (UINT64_C(1) << n % 64) - 1;
	return !last || (h->seen[n / 64] & last) == last;
}

static enum bh_quic_said judge(struct bh_quic_hello *h)
{
	struct bh_cur c = bh_cur_of(bh_span_of(h->crypto, sizeof h->crypto));

	if (!all_seen(h, HANDSHAKE_HEADER))
		return BH_QUIC_MORE;
	uint8_t type = bh_cur_u8(&c);
	size_t len = HANDSHAKE_HEADER + bh_cur_be24(&c);
	if (type != CLIENT_HELLO || len > sizeof h->crypto)
		return BH_QUIC_GIVEN_UP;
	if (!all_seen(h, len))
		return BH_QUIC_MORE;
	return bh_client_hello_read(bh_span_of(h->crypto, len), &h->hello) ? BH_QUIC_GIVEN_UP
									   : BH_QUIC_HELLO;
}

/* ---- connections ---- */

static bool same_id(const struct bh_quic_hello *h, struct bh_span dcid)
{
	return h->dcid_len == dcid.len && !memcmp(h->dcid, dcid.ptr, dcid.len);
}

/* A connection that begins, or begins again after a Retry (RFC 9001 5.2). */
static void begin(
	struct bh_quic_hello *h, const struct quic_packet *p, const struct bh_quic_keys *k)
{
	uint8_t datagrams = h->datagrams;

	memset(h, 0, sizeof *h);
	h->keys = *k;
	h->version = p->version;
	h->datagrams = datagrams;
	h->dcid_len = (uint8_t)p->dcid.len;
	memcpy(h->dcid, p->dcid.ptr, p->dcid.len);
}

/* Once the server has answered, the ID is the one that it chose, and the version may be
 * another (RFC 9369 4.1), but the keys are those of the ID that the client began with. */
static bool open_packet(struct bh_quic_hello *h, const struct quic_packet *p, struct quic_opened *o)
{
	struct bh_quic_keys k = h->keys;

	if (h->version) {
		if (h->version != p->version)
			quic_keys(p->version, bh_span_of(h->dcid, h->dcid_len), &k);
		if (quic_open(&k, p, h->expected, o))
			return true;
		if (same_id(h, p->dcid))
			return false;
	}
	quic_keys(p->version, p->dcid, &k);
	if (!quic_open(&k, p, 0, o))
		return false;
	begin(h, p, &k);
	return true;
}

/* Whether anything in it could be opened. */
static bool look_into(struct bh_quic_hello *h, struct bh_span payload)
{
	struct bh_cur c = bh_cur_of(payload);
	struct quic_packet p;
	struct quic_opened o;
	bool any = false;

	for (unsigned i = 0; i < MAX_COALESCED && next_packet(&c, &p); i++) {
		if (!p.initial || !open_packet(h, &p, &o) || !walk_frames(o.frames, NULL))
			continue;
		any = true;
		if (o.number >= h->expected)
			h->expected = o.number + 1;
		(void)walk_frames(o.frames, h); /* is good, as was just seen */
	}
	return any;
}

enum bh_quic_said bh_quic_datagram(struct bh_quic_hello *h, struct bh_span payload)
{
	if (h->said == BH_QUIC_HELLO || h->said == BH_QUIC_GIVEN_UP)
		return (enum bh_quic_said)h->said;
	if (!bh_quic_may_be_initial(payload))
		return BH_QUIC_NOTHING;
	enum bh_quic_said said = BH_QUIC_GIVEN_UP;
	if (h->datagrams < BH_QUIC_DATAGRAMS) {
		h->datagrams++;
		if (!look_into(h, payload))
			return BH_QUIC_NOTHING;
		said = judge(h);
	}
	h->said = (uint8_t)said;
	return said;
}
