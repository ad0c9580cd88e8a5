/*
 * SMB over QUIC, [MS-SMB2] 2.1: known by what its client says before anything is secret.
 * Of what is something else, or begins no connection, nothing is remembered.
 */
#include "sensor/opaque.h"

enum { HTTPS = 443 };

static bool used_port(const struct opaques *all, uint16_t port)
{
	return all->ports[port / 64] >> port % 64 & 1;
}

static void use_port(struct opaques *all, uint16_t port)
{
	all->ports[port / 64] |= (uint64_t)1 << port % 64;
}

static struct opaque_ends ends_of(const struct bh_segment *g)
{
	return (struct opaque_ends){ &g->src, &g->dst, g->sport, g->dport, OVER_QUIC };
}

static void take_hello(struct opaque *o, const struct bh_quic_hello *h)
{
	o->dcid_len = h->dcid_len;
	memcpy(o->dcid, h->dcid, sizeof o->dcid);
	memcpy(o->server_name, h->hello.sni, sizeof o->server_name);
}

/* A datagram by itself, in all->look. */
static enum bh_quic_said look(struct opaques *all, const struct bh_segment *g)
{
	memset(&all->look, 0, sizeof all->look);
	return bh_quic_datagram(&all->look, g->payload);
}

/* The capture kept too little of it to tell. */
static bool is_cut(const struct bh_segment *g)
{
	struct bh_segment whole = *g;

	if (g->wire_len <= g->payload.len || bh_quic_form_of(g->payload) != BH_QUIC_INITIAL)
		return false;
	whole.payload.len = g->wire_len;
	return bh_quic_may_be_initial(whole.payload);
}

/* What may begin a connection, and is of none that we know. */
static int first_look(struct bh_sensor *s, const struct bh_segment *g)
{
	const struct opaque_ends e = ends_of(g);
	struct opaques *all = opaque_all(s);

	if (!all)
		return -ENOMEM;
	enum bh_quic_said said = look(all, g);
	if (said != BH_QUIC_MORE && !(said == BH_QUIC_HELLO && all->look.hello.alpn_smb))
		return 0;
	struct opaque *o = opaque_add(s, &e, g->dport, said == BH_QUIC_MORE);
	if (!o)
		return -ENOMEM;
	if (o->hello)
		*o->hello = all->look;
	else
		take_hello(o, &all->look);
	use_port(all, g->dport);
	(void)opaque_is_copy(s, o, g);
	opaque_saw(s, o, true, g->wire_len);
	return 0;
}

/* More of a ClientHello: it says what this is, unless still more is to come. */
static void go_on(struct bh_sensor *s, struct opaque *o, const struct bh_segment *g)
{
	enum bh_quic_said said = bh_quic_datagram(o->hello, g->payload);

	if (said == BH_QUIC_HELLO && o->hello->hello.alpn_smb) {
		take_hello(o, o->hello);
		opaque_known(s, o);
	} else if (said == BH_QUIC_HELLO || said == BH_QUIC_GIVEN_UP) {
		opaque_forget(s, o);
	}
}

/* A client's Initial on ends that we know: said again, or asked for anew as the server told
 * it to; or, behind a connection that came to be, another one. */
static bool is_another(struct bh_sensor *s, struct opaque *o, const struct bh_segment *g)
{
	const struct bh_quic_hello *h = &s->opaques->look;

	if (look(s->opaques, g) == BH_QUIC_NOTHING)
		return false;
	bool same = h->dcid_len == o->dcid_len && !memcmp(h->dcid, o->dcid, sizeof o->dcid);
	if (!same && o->agreed)
		return true;
	o->dcid_len = h->dcid_len;
	memcpy(o->dcid, h->dcid, sizeof o->dcid);
	opaque_asked_again(s, o);
	return false;
}

static int follow(
	struct bh_sensor *s, struct opaque *o, const struct bh_segment *g, bool from_server)
{
	enum bh_quic_form form = bh_quic_form_of(g->payload);

	if (opaque_is_copy(s, o, g))
		return 0;
	if (!from_server && !o->hello && bh_quic_may_be_initial(g->payload) &&
		is_another(s, o, g)) {
		opaque_drop(s, o);
		return first_look(s, g);
	}
	opaque_saw(s, o, !from_server, g->wire_len);
	if (from_server) {
		o->answered = true;
		o->agreed |= form != BH_QUIC_RETRY && form != BH_QUIC_VERSIONS;
	} else if (form == BH_QUIC_HANDSHAKE || form == BH_QUIC_SHORT) {
		/* The keys of these, the client has with the server's help alone. */
		o->answered = o->agreed = true;
	} else if (o->hello) {
		go_on(s, o, g);
	}
	return 0;
}

int quic_datagram(struct bh_sensor *s, const struct bh_segment *g, bool *ret_taken)
{
	const struct opaque_ends e = ends_of(g);
	struct opaque *o = NULL;
	bool from_server = false;

	if (s->opaques && (used_port(s->opaques, g->dport) || used_port(s->opaques, g->sport)))
		o = opaque_find(s, &e, &from_server);
	*ret_taken = o || bh_quic_may_be_initial(g->payload);
	if (o)
		return follow(s, o, g, from_server);
	if (*ret_taken)
		return first_look(s, g);
	s->tally.truncated_packets += g->dport == HTTPS && is_cut(g);
	return 0;
}
