#include "priv/diag.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#define ESTABLISHED 1u
#define LISTENS     10u

static struct bh_addr read_address(struct bh_cur *c, uint8_t family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct bh_span s = bh_cur_take(c, 16);

	if (!s.len)
		return (struct bh_addr){ 0 };
	bool v4 = family == AF_INET || !memcmp(s.ptr, mapped, sizeof mapped);
	const uint8_t *p = s.ptr + (family == AF_INET ? 0 : 12);
	return v4 ? bh_addr_v4((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
			       p[3])
		  : bh_addr_v6(s.ptr);
}

/* struct inet_diag_msg; what follows it is of no interest. */
static bool read_one(struct bh_span body, struct connection *ret, uint8_t *state)
{
	struct bh_cur c = bh_cur_of(body);
	struct connection one = { 0 };

	one.family = bh_cur_u8(&c);
	*state = bh_cur_u8(&c);
	bh_cur_skip(&c, 2); /* timer, retransmissions */
	struct bh_cur id = c;
	one.id = bh_cur_take(&id, sizeof(struct inet_diag_sockid));
	one.port = bh_cur_be16(&c);
	one.peer_port = bh_cur_be16(&c);
	one.here = read_address(&c, one.family);
	one.peer = read_address(&c, one.family);
	bool fine = bh_cur_ok(&c) && bh_cur_ok(&id) &&
		    (one.family == AF_INET || one.family == AF_INET6) &&
		    one.here.family == one.peer.family;
	if (fine)
		*ret = one;
	return fine;
}

int diag_read(struct bh_span answers, struct bh_arena *a, struct connections *ret)
{
	struct bh_cur left = bh_cur_of(answers);
	struct connections all = { 0 };
	struct bh_nl_message m;
	size_t room = 0;

	while (bh_nl_message_next(&left, &m) && room < MAX_CONNECTIONS)
		room += m.type == SOCK_DIAG_BY_FAMILY;
	all.v = bh_arena_array(a, room, sizeof *all.v);
	all.listening = bh_arena_array(a, room, sizeof *all.listening);
	if (!all.v || !all.listening)
		return -ENOMEM;
	for (left = bh_cur_of(answers); bh_nl_message_next(&left, &m);) {
		struct connection one;
		uint8_t state;
		if (m.type != SOCK_DIAG_BY_FAMILY || !read_one(m.body, &one, &state))
			continue;
		if (state == LISTENS && all.n_listening < room)
			all.listening[all.n_listening++] = one.port;
		else if (state == ESTABLISHED && all.n < room)
			all.v[all.n++] = one;
	}
	*ret = all;
	return 0;
}

static bool is_loopback(const struct bh_addr *a)
{
	return a->family == BH_V4 ? a->num >> 24 == 127 : a->num == 1;
}

/* From 1024 up a local port can be a client's own; somebody listens on a server's. */
static bool served(const struct connections *all, uint16_t port)
{
	for (size_t i = 0; i < all->n_listening; i++) {
		if (all->listening[i] == port)
			return true;
	}
	return port < 1024;
}

static bool admits(const struct bh_gate *g, const struct bh_addr *src, const struct bh_addr *dst)
{
	for (size_t i = 0; i < g->n_cases; i++) {
		if (bh_products_contain(&g->cases[i].admit, src, dst))
			return true;
	}
	return false;
}

const struct bh_gate *diag_blocked(
	const struct bh_table *t, const struct connections *all, const struct connection *c)
{
	if (is_loopback(&c->here) || is_loopback(&c->peer))
		return NULL;
	for (size_t i = 0; i < t->n_gates; i++) {
		const struct bh_gate *g = &t->gates[i];
		bool in = g->hook == BH_IN && g->service.port == c->port && served(all, c->port);
		bool out = g->hook == BH_OUT && g->service.port == c->peer_port;
		if (g->service.proto != BH_TCP || (!in && !out))
			continue;
		if (!admits(g, in ? &c->peer : &c->here, in ? &c->here : &c->peer))
			return g;
	}
	return NULL;
}
