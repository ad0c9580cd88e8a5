/*
 * Who speaks to whom, drawn: clients on the left, servers on the right, the more often
 * the thicker.  Where there are too many, clients stand for their networks, and the rest
 * for itself.
 */
#include <stdlib.h>

#include "cli/report.h"
#include "cli/said.h"

enum {
	SIDE = 20, /* nodes of one side, and one for the rest */
	NODES = SIDE + 1,
	WIDTH = 1000,
	LINE = 26,
	TOP = 30,
	LEFT = 300, /* where the left names end */
	RIGHT = 700,
};

struct node {
	struct bh_addr addr; /* of a network: its first; none: by name */
	bool network;
	const char *name; /* NULL: not known */
	uint64_t times;
	unsigned stands_for;
};

struct side {
	struct node v[NODES];
	size_t n;
	bool rest; /* the last one is all others */
};

struct edge {
	uint64_t times[BH_PURPOSES];
};

struct map {
	const struct bh_report *r;
	struct side clients, servers;
	struct edge edges[NODES][NODES];
};

/* ---- nodes ---- */

static struct bh_addr network_of(const struct bh_addr *a)
{
	unsigned rest = a->family == BH_V4 ? 8 : 64;
	struct bh_addr net = *a;

	net.num = net.num >> rest << rest;
	return net;
}

static const char *end_name(const struct bh_talk *c, bool server)
{
	const char *name = server ? c->server_name : c->workstation;

	return name[0] ? name : NULL;
}

static struct node node_of(
	const struct map *m, const struct bh_row *row, bool server, bool networks)
{
	const struct bh_talk *c = &row->who;
	const struct bh_addr *addr = server ? &c->server : &c->client;
	struct node n = { .addr = *addr, .times = row->figures.connections, .stands_for = 1 };

	if (networks && addr->family) {
		n.addr = network_of(addr);
		n.network = true;
		return n;
	}
	const struct bh_host_row *h = bh_inventory_host(m->r->hosts, m->r->n_hosts, c, server);
	n.name = h ? bh_report_name(h) : end_name(c, server);
	return n;
}

static int compare_nodes(const struct node *x, const struct node *y)
{
	int r = bh_addr_compare(&x->addr, &y->addr);

	return r || x->addr.family ? r : strcasecmp(x->name ? x->name : "", y->name ? y->name : "");
}

static int by_place(const void *a, const void *b)
{
	return compare_nodes(a, b);
}

static int by_times(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	if (x->times != y->times)
		return x->times > y->times ? -1 : 1;
	return compare_nodes(x, y);
}

static size_t join(struct node *v, size_t n)
{
	size_t m = 0;

	qsort(v, n, sizeof *v, by_place);
	for (size_t i = 0; i < n; i++) {
		if (m && !compare_nodes(&v[m - 1], &v[i]))
			v[m - 1].times += v[i].times;
		else
			v[m++] = v[i];
	}
	return m;
}

static bool works(const struct bh_row *row)
{
	return bh_row_use(row) <= BH_USE_SMB1;
}

static size_t collect(const struct map *m, bool server, bool networks, struct node *v)
{
	size_t n = 0;

	for (size_t i = 0; i < m->r->inv.n; i++) {
		if (works(&m->r->inv.rows[i]))
			v[n++] = node_of(m, &m->r->inv.rows[i], server, networks);
	}
	return n ? join(v, n) : 0;
}

static void choose(struct node *v, size_t n, struct side *ret)
{
	if (n)
		qsort(v, n, sizeof *v, by_times);
	ret->n = bh_min_size(n, SIDE);
	memcpy(ret->v, v, ret->n * sizeof *v);
	if (n <= SIDE)
		return;
	struct node *rest = &ret->v[ret->n++];
	*rest = (struct node){ .stands_for = (unsigned)(n - SIDE) };
	for (size_t i = SIDE; i < n; i++)
		rest->times += v[i].times;
	ret->rest = true;
}

static size_t place_of(const struct side *s, const struct node *n)
{
	size_t own = s->n - s->rest;

	for (size_t i = 0; i < own; i++) {
		if (!compare_nodes(&s->v[i], n))
			return i;
	}
	return own; /* the rest */
}

static bool has_networks(const struct side *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].network)
			return true;
	}
	return false;
}

static bool find_nodes(struct map *m, struct bh_arena *a)
{
	struct node *v = bh_arena_array(a, m->r->inv.n + 1, sizeof *v);

	if (!v)
		return false;
	size_t n = collect(m, false, false, v);
	if (n > SIDE)
		n = collect(m, false, true, v);
	choose(v, n, &m->clients);
	choose(v, collect(m, true, false, v), &m->servers);
	bool networks = has_networks(&m->clients);
	for (size_t i = 0; i < m->r->inv.n; i++) {
		const struct bh_row *row = &m->r->inv.rows[i];
		if (!works(row))
			continue;
		struct node from = node_of(m, row, false, networks);
		struct node to = node_of(m, row, true, false);
		m->edges[place_of(&m->clients, &from)][place_of(&m->servers, &to)]
			.times[m->r->inv.purposes[i]] += bh_max_size(row->figures.connections, 1);
	}
	return true;
}

/* ---- drawing ---- */

static void node_text(const struct node *n, bool rest, const char *what, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	if (rest) {
		bh_buf_printf(b, "%u more %s", n->stands_for, what);
		return;
	}
	if (n->network) {
		bh_buf_printf(b, "%s/%d", bh_addr_format(&n->addr, text),
			n->addr.family == BH_V4 ? 24 : 64);
		return;
	}
	/* A long address has no room beside a name. */
	const char *addr = n->addr.family ? bh_addr_format(&n->addr, text) : "";
	bool both = n->name && addr[0] && strlen(addr) <= 16;
	if (n->name)
		bh_plan_remark(b, n->name, both ? 20 : 36);
	if (both)
		bh_buf_str(b, " ");
	if (both || !n->name)
		bh_buf_str(b, addr[0] ? addr : "?");
}

static unsigned height_at(size_t i)
{
	return TOP + (unsigned)i * LINE;
}

static void draw_side(const struct side *s, bool right, const char *what, struct bh_buf *b)
{
	for (size_t i = 0; i < s->n; i++) {
		BH_AUTO_BUF text = { 0 };
		unsigned x = right ? RIGHT : LEFT, y = height_at(i);
		node_text(&s->v[i], s->rest && i + 1 == s->n, what, &text);
		bh_buf_printf(b, "<circle cx=\"%u\" cy=\"%u\" r=\"4\"/><text x=\"%u\" y=\"%u\"%s>",
			x, y, right ? x + 12 : x - 12, y + 4, right ? "" : " text-anchor=\"end\"");
		bh_report_escape(bh_buf_text(&text), b);
		bh_buf_str(b, "</text>\n");
	}
}

/* The thickest stands for the most that there is. */
static double thickness(uint64_t times, uint64_t most)
{
	return 0.8 + 9.2 * (double)times / (double)most;
}

static uint64_t edge_times(const struct edge *e)
{
	uint64_t all = 0;

	for (unsigned p = 0; p < BH_PURPOSES; p++)
		all += e->times[p];
	return all;
}

static uint64_t heaviest(const struct map *m)
{
	uint64_t most = 1;

	for (size_t i = 0; i < NODES; i++) {
		for (size_t k = 0; k < NODES; k++)
			most = bh_max_size(most, edge_times(&m->edges[i][k]));
	}
	return most;
}

static const char *purpose_word(unsigned purpose)
{
	return purpose ? bh_purpose_names[purpose] : "unknown";
}

static void draw_edge(
	const struct map *m, size_t from, size_t to, uint64_t heaviest_times, struct bh_buf *b)
{
	const struct edge *e = &m->edges[from][to];
	unsigned most = 0, y1 = height_at(from), y2 = height_at(to);
	uint64_t all = edge_times(e);
	BH_AUTO_BUF title = { 0 };

	for (unsigned p = 0; p < BH_PURPOSES; p++) {
		if (e->times[p] > e->times[most])
			most = p;
	}
	if (!all)
		return;
	node_text(&m->clients.v[from], m->clients.rest && from + 1 == m->clients.n, "clients",
		&title);
	bh_buf_str(&title, " → ");
	node_text(&m->servers.v[to], m->servers.rest && to + 1 == m->servers.n, "servers", &title);
	for (unsigned p = 0; p < BH_PURPOSES; p++) {
		if (e->times[p])
			bh_buf_printf(&title, ", %s %llu", purpose_word(p),
				(unsigned long long)e->times[p]);
	}
	bh_buf_printf(b,
		"<path class=\"p-%s\" stroke-width=\"%.1f\" d=\"M%u %u C%u %u %u %u %u %u\"><title>",
		purpose_word(most), thickness(all, heaviest_times), LEFT, y1, (LEFT + RIGHT) / 2,
		y1, (LEFT + RIGHT) / 2, y2, RIGHT, y2);
	bh_report_escape(bh_buf_text(&title), b);
	bh_buf_str(b, "</title></path>\n");
}

static void draw_legend(unsigned y, struct bh_buf *b)
{
	for (unsigned p = 0; p < BH_PURPOSES; p++) {
		unsigned i = (p + BH_PURPOSES - 1) % BH_PURPOSES; /* unknown comes last */
		unsigned x = 20 + i * 120;
		bh_buf_printf(b,
			"<path class=\"p-%s\" stroke-width=\"5\" d=\"M%u %u h24\"/>"
			"<text x=\"%u\" y=\"%u\">%s</text>\n",
			purpose_word(p), x, y, x + 30, y + 4, purpose_word(p));
	}
}

void bh_report_map(const struct bh_report *r, struct bh_arena *a, struct bh_buf *b)
{
	struct map *m = bh_arena_alloc(a, sizeof *m);

	if (!m)
		return;
	m->r = r;
	if (!find_nodes(m, a) || !m->clients.n) {
		bh_buf_str(b, "<p>Nobody was seen at work.</p>\n");
		return;
	}
	unsigned lines = (unsigned)bh_max_size(m->clients.n, m->servers.n);
	unsigned bottom = TOP + lines * LINE + 16;
	bh_buf_printf(b,
		"<svg class=\"map\" viewBox=\"0 0 %d %u\" role=\"img\" "
		"aria-label=\"clients, servers, and what passes between them\">\n",
		WIDTH, bottom + 20);
	uint64_t most = heaviest(m);
	for (size_t from = 0; from < m->clients.n; from++) {
		for (size_t to = 0; to < m->servers.n; to++)
			draw_edge(m, from, to, most, b);
	}
	draw_side(&m->clients, false, has_networks(&m->clients) ? "networks" : "clients", b);
	draw_side(&m->servers, true, "servers", b);
	draw_legend(bottom, b);
	bh_buf_str(b, "</svg>\n");
}
