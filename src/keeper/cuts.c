/*
 * cuts: which sessions that stand now a table would end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "keeper/keeper.h"

#define ESTABLISHED 1u
#define MAX_CUTS    64u /* distinct; more than anybody reads */
#define MAX_TEXT    (64u << 20)

struct end {
	struct bh_addr addr;
	uint16_t port;
};

/* "0100007F:01BD": words of four bytes, each as this machine stores it (proc_net_tcp). */
static bool read_end(const char *text, struct end *ret)
{
	uint8_t bytes[16];
	unsigned port;
	size_t digits = strspn(text, "0123456789ABCDEFabcdef");

	if ((digits != 8 && digits != 32) || sscanf(text + digits, ":%4x", &port) != 1)
		return false;
	for (size_t i = 0; i < digits / 8; i++) {
		char word[9] = { 0 };
		memcpy(word, text + 8 * i, 8);
		uint32_t v = (uint32_t)strtoul(word, NULL, 16);
		memcpy(bytes + 4 * i, &v, sizeof v);
	}
	ret->port = (uint16_t)port;
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool v4 = digits == 8 || !memcmp(bytes, mapped, sizeof mapped);
	const uint8_t *p = digits == 8 ? bytes : bytes + 12;
	ret->addr = v4 ? bh_addr_v4((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
				    (uint32_t)p[2] << 8 | p[3])
		       : bh_addr_v6(bytes);
	return true;
}

static bool is_loopback(const struct bh_addr *a)
{
	return a->family == BH_V4 ? a->num >> 24 == 127 : a->num == 1;
}

/* Blocked whatever the interface: which one it is, nobody tells here. */
static bool blocked(const struct bh_gate *g, const struct bh_addr *src, const struct bh_addr *dst)
{
	for (size_t i = 0; i < g->n_cases; i++) {
		if (bh_products_contain(&g->cases[i].admit, src, dst))
			return false;
	}
	return true;
}

static bool would_end(const struct bh_table *t, const struct end *here, const struct end *peer,
	bool out, struct bh_service *service)
{
	uint16_t port = out ? peer->port : here->port;

	for (size_t i = 0; i < t->n_gates; i++) {
		const struct bh_gate *g = &t->gates[i];
		if (g->hook != (out ? BH_OUT : BH_IN) || g->service.proto != BH_TCP ||
			g->service.port != port || port >= 1024)
			continue;
		*service = g->service;
		return blocked(g, out ? &here->addr : &peer->addr, out ? &peer->addr : &here->addr);
	}
	return false;
}

static void count(struct bh_cut *v, size_t *n, const struct bh_cut *one)
{
	for (size_t i = 0; i < *n; i++) {
		if (v[i].out == one->out && bh_service_equal(v[i].service, one->service) &&
			bh_addr_equal(&v[i].peer, &one->peer)) {
			v[i].sessions++;
			return;
		}
	}
	if (*n < MAX_CUTS)
		v[(*n)++] = *one;
}

/* Columns: "sl local_address rem_address st …"; the head line has no such addresses. */
static void read_line(const char *line, const struct bh_table *t, struct bh_cut *v, size_t *n)
{
	char local[40], remote[40];
	unsigned state;
	struct end here, peer;

	if (sscanf(line, " %*[0-9]: %39s %39s %2x", local, remote, &state) != 3 ||
		state != ESTABLISHED || !read_end(local, &here) || !read_end(remote, &peer) ||
		is_loopback(&here.addr) || is_loopback(&peer.addr))
		return;
	for (unsigned out = 0; out < 2; out++) {
		struct bh_cut one = { .out = out, .peer = peer.addr, .sessions = 1 };
		if (would_end(t, &here, &peer, out, &one.service))
			count(v, n, &one);
	}
}

int bh_keeper_cuts_read(const char *text, const struct bh_ready *r, struct bh_arena *a,
	const struct bh_cut **ret, size_t *n_ret)
{
	struct bh_cut *v = bh_arena_array(a, MAX_CUTS, sizeof *v);
	size_t n = *n_ret;

	if (!v)
		return -ENOMEM;
	if (n)
		memcpy(v, *ret, n * sizeof *v);
	while (text && *text) {
		read_line(text, &r->table, v, &n);
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	*ret = v;
	*n_ret = n;
	return 0;
}

static void slurp(const char *path, struct bh_buf *b)
{
	FILE *f = fopen(path, "re");
	char chunk[16384];
	size_t n;

	while (f && b->len < MAX_TEXT && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		bh_buf_add(b, chunk, n);
	if (f)
		fclose(f);
}

int bh_keeper_cuts(
	const struct bh_ready *r, struct bh_arena *a, const struct bh_cut **ret, size_t *n_ret)
{
	static const char *const paths[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	const struct bh_cut *v = NULL;
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < BH_LEN(paths) && !err && !r->place.gateway; i++) {
		BH_AUTO_BUF b = { 0 };
		slurp(paths[i], &b);
		err = bh_buf_ok(&b) ? bh_keeper_cuts_read(bh_buf_text(&b), r, a, &v, &n) : -ENOMEM;
	}
	if (err)
		return err;
	*ret = v;
	*n_ret = n;
	return 0;
}
