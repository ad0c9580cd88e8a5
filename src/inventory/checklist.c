/*
 * The checklist of "Secure SMB Traffic in Windows Server", answered from evidence.
 *
 * Of server endpoints: which require inbound SMB to do their role, and from all clients,
 * certain networks or certain nodes; of the rest, is it necessary?  Of client endpoints
 * the same, and do the rest need to run the server service?
 */
#include <stdlib.h>

#include "inventory/hosts.h"

enum {
	MAX_FROM = 8, /* machines or networks that are listed */
	FEW_NETWORKS = 4, /* so many are told as networks */
	NETWORK_OF = 3, /* so many machines of one make it a network, on average */
	MANY = 8, /* so many machines may be all there are */
};

#define SERVER_ROLES                                                                               \
	(1u << BH_HOST_CONTROLLER | 1u << BH_HOST_FILES | 1u << BH_HOST_PRINTS |                   \
		1u << BH_HOST_CLUSTER | 1u << BH_HOST_NAS)

/* Purposes that a role explains; the rest is looking round and administering. */
#define WORK                                                                                       \
	(1u << BH_PURPOSE_GPO | 1u << BH_PURPOSE_FILE | 1u << BH_PURPOSE_PRINT |                   \
		1u << BH_PURPOSE_CLUSTER | 1u << BH_PURPOSE_BACKUP)

/* One who asks, or a network of them. */
struct asker {
	struct bh_addr addr; /* of a network: its first */
	const char *name; /* of one without an address */
	uint64_t machines, times;
};

struct work {
	const struct bh_row *rows;
	const uint8_t *purposes;
	const struct bh_row **v; /* by server, client */
	struct asker *askers; /* room for all rows */
	const struct bh_witnesses *w;
	uint64_t clients; /* machines inside that are known to use SMB */
	struct bh_arena *a;
};

static int by_pair(const void *a, const void *b)
{
	const struct bh_talk *x = &(*(const struct bh_row *const *)a)->who;
	const struct bh_talk *y = &(*(const struct bh_row *const *)b)->who;
	int r = end_compare(x, true, y, true);

	return r ? r : end_compare(x, false, y, false);
}

static bool outside(const struct work *k, const struct bh_addr *a)
{
	return bh_addr_public(a) && !(k->w->inside && bh_addrset_contains(k->w->inside, a));
}

/* ---- who asks ---- */

static int by_times(const void *a, const void *b)
{
	const struct asker *x = a, *y = b;

	if (x->times != y->times)
		return x->times > y->times ? -1 : 1;
	int r = bh_addr_compare(&x->addr, &y->addr);
	return r ? r : strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static int by_addr(const void *a, const void *b)
{
	const struct asker *x = a, *y = b;

	return bh_addr_compare(&x->addr, &y->addr);
}

/* The /24 or /64 that it lies in. */
static struct bh_addr network_of(const struct bh_addr *a)
{
	unsigned rest = a->family == BH_V4 ? 8 : 64;
	struct bh_addr net = *a;

	net.num = net.num >> rest << rest;
	return net;
}

static const char *asker_text(const struct asker *x, bool network, struct bh_arena *a)
{
	char text[BH_ADDR_TEXT];

	if (!x->addr.family)
		return x->name ? x->name : "?";
	bh_addr_format(&x->addr, text);
	return network ? bh_arena_printf(a, "%s/%d", text, x->addr.family == BH_V4 ? 24 : 64)
		       : bh_arena_str(a, text);
}

static int list_from(
	struct work *k, struct asker *v, size_t n, bool networks, struct bh_endpoint *e)
{
	size_t listed = bh_min_size(n, MAX_FROM);
	const char **from = bh_arena_array(k->a, listed + 1, sizeof *from);

	if (!from)
		return -ENOMEM;
	qsort(v, n, sizeof *v, by_times);
	for (size_t i = 0; i < listed; i++) {
		from[i] = asker_text(&v[i], networks, k->a);
		if (!from[i])
			return -ENOMEM;
	}
	e->from = from;
	e->n_from = listed;
	e->more_from = n - listed;
	return 0;
}

/* v[0..n): machines → their networks; how many. */
static size_t join_networks(struct asker *v, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].addr.family)
			v[i].addr = network_of(&v[i].addr);
	}
	qsort(v, n, sizeof *v, by_addr);
	for (size_t i = 0; i < n; i++) {
		if (m && bh_addr_equal(&v[m - 1].addr, &v[i].addr)) {
			v[m - 1].machines += v[i].machines;
			v[m - 1].times += v[i].times;
		} else {
			v[m++] = v[i];
		}
	}
	return m;
}

static int find_scope(struct work *k, struct asker *v, size_t n, struct bh_endpoint *e)
{
	struct asker *nets = bh_arena_copy(k->a, v, n * sizeof *v);

	if (!n)
		return 0;
	if (!nets)
		return -ENOMEM;
	size_t m = join_networks(nets, n);
	bool grouped = n >= m * NETWORK_OF;
	if (e->host->roles >> BH_HOST_CONTROLLER & 1 || (n >= MANY && 2 * n >= k->clients))
		e->scope = BH_FROM_ALL;
	else
		e->scope = grouped && m <= FEW_NETWORKS ? BH_FROM_NETWORKS : BH_FROM_NODES;
	return e->scope == BH_FROM_NODES ? list_from(k, v, n, false, e)
					 : list_from(k, nets, m, true, e);
}

/* ---- what for ---- */

/* v[0..n): all rows of one server. */
static int add_server(struct work *k, const struct bh_row **v, size_t n, struct bh_endpoint *e)
{
	size_t askers = 0;

	for (size_t i = 0, after; i < n; i = after) {
		struct asker *x = &k->askers[askers];
		*x = (struct asker){ .addr = v[i]->who.client,
			.name = v[i]->who.workstation[0] ? v[i]->who.workstation : NULL };
		for (after = i; after < n && !by_pair(&v[i], &v[after]); after++) {
			if (bh_row_use(v[after]) > BH_USE_SMB1)
				continue;
			x->machines = 1;
			x->times += v[after]->figures.connections;
			e->purposes |= 1u << k->purposes[v[after] - k->rows];
		}
		e->times += x->times;
		askers += x->machines;
	}
	return find_scope(k, k->askers, askers, e);
}

static void find_needs(const struct bh_row *const *v, size_t n, struct bh_endpoint *e)
{
	uint32_t pipes = 0;

	for (size_t i = 0; i < n; i++) {
		if (bh_row_use(v[i]) <= BH_USE_SMB1)
			pipes |= v[i]->figures.pipes;
	}
	for (size_t i = 0; i < bh_needs_n; i++) {
		const struct bh_need *need = &bh_needs[i];
		bool role = need->role < BH_HOST_ROLES && e->host->roles >> need->role & 1 &&
			    e->purposes >> need->purpose & 1;
		if (pipes & need->pipes || (role && need->typical))
			e->needs |= (uint64_t)1 << i;
	}
}

/* ---- the answers ---- */

static const char *why_server(const struct bh_endpoint *e)
{
	if (e->by_role == BH_ANSWER_YES)
		return e->times ? "its role is to serve"
				: "its role is to serve, though nobody was seen at it";
	if (e->necessary != BH_ANSWER_YES)
		return e->host->is_server ? "it answers, and nobody was seen to use it"
					  : "it was asked, and never seen to answer";
	if (!(e->purposes & ~(1u << BH_PURPOSE_ADMIN | 1u << BH_PURPOSE_DISCOVERY)))
		return "it is only administered or looked at over SMB: let those machines alone "
		       "in, or administer it otherwise";
	return "it is used, though no role explains it: look at its shares";
}

static const char *why_client(const struct bh_endpoint *e)
{
	if (e->necessary != BH_ANSWER_YES)
		return e->host->is_server ? "it answers, and nobody was seen to use it: turn the "
					    "server service off"
					  : "nobody was seen to use it: the server service can be "
					    "off";
	if (e->purposes & 1u << BH_PURPOSE_FILE || e->purposes & 1u << BH_PURPOSE_PRINT)
		return "others use what it shares: move that to a server";
	if (e->purposes & 1u << BH_PURPOSE_ADMIN)
		return "it is administered over SMB: let those machines alone in, or administer it "
		       "otherwise";
	return "others have sessions on it, for what is not known";
}

/* Somebody on the Internet is no endpoint of ours. */
static bool is_ours(const struct work *k, const struct bh_host_row *h)
{
	return !outside(k, &h->addr);
}

static void answer(struct bh_endpoint *e)
{
	const struct bh_host_row *h = e->host;

	e->server =
		h->roles & SERVER_ROLES || (h->is_server && !(h->roles >> BH_HOST_WORKSTATION & 1));
	e->by_role = h->roles & SERVER_ROLES ? BH_ANSWER_YES : BH_ANSWER_NO;
	e->necessary = e->by_role == BH_ANSWER_YES || e->scope ? BH_ANSWER_YES : BH_ANSWER_NO;
	if (!h->is_server && !h->is_client)
		e->necessary = BH_ANSWER_UNKNOWN; /* it was asked, and may be there or not */
	e->service = e->necessary;
	e->why = e->server ? why_server(e) : why_client(e);
	if (e->necessary == BH_ANSWER_UNKNOWN)
		e->why = "it was asked, and never seen to answer";
}

static int by_weight(const void *a, const void *b)
{
	const struct bh_endpoint *x = a, *y = b;

	if (x->server != y->server)
		return x->server ? -1 : 1;
	uint64_t m = x->server ? x->times : x->host->used, n = y->server ? y->times : y->host->used;
	if (m != n)
		return m > n ? -1 : 1;
	/* Hosts are in one array, in one order. */
	return x->host < y->host ? -1 : x->host > y->host;
}

/* What machines ask of the Internet. */
static void add_outside(struct work *k, size_t n, const struct bh_host_row *hosts, size_t n_hosts,
	struct bh_endpoint *const *of)
{
	for (size_t i = 0, after; i < n; i = after) {
		const struct bh_talk *c = &k->v[i]->who;
		for (after = i + 1; after < n && !by_pair(&k->v[i], &k->v[after]);)
			after++;
		const struct bh_host_row *h = bh_inventory_host(hosts, n_hosts, c, false);
		if (h && of[h - hosts] && outside(k, &c->server))
			of[h - hosts]->outside++;
	}
}

static int fill(struct work *k, size_t n, const struct bh_host_row *hosts, size_t n_hosts,
	struct bh_endpoint *const *of)
{
	for (size_t i = 0, after; i < n; i = after) {
		const struct bh_talk *c = &k->v[i]->who;
		for (after = i + 1; after < n; after++) {
			if (end_compare(c, true, &k->v[after]->who, true))
				break;
		}
		const struct bh_host_row *h = bh_inventory_host(hosts, n_hosts, c, true);
		if (!h || !of[h - hosts])
			continue;
		int r = add_server(k, k->v + i, after - i, of[h - hosts]);
		if (r)
			return r;
		find_needs(k->v + i, after - i, of[h - hosts]);
	}
	add_outside(k, n, hosts, n_hosts, of);
	return 0;
}

int bh_inventory_checklist(const struct bh_row *rows, size_t n, const uint8_t *purposes,
	const struct bh_host_row *hosts, size_t n_hosts, const struct bh_witnesses *w,
	struct bh_arena *a, const struct bh_endpoint **ret, size_t *n_ret)
{
	static const struct bh_witnesses nothing;
	BH_AUTO_ARENA work = { 0 };
	struct work k = { .rows = rows,
		.purposes = purposes,
		.v = bh_arena_array(&work, n + 1, sizeof *k.v),
		.askers = bh_arena_array(&work, n + 1, sizeof *k.askers),
		.w = w ? w : &nothing,
		.a = a };
	struct bh_endpoint *v = bh_arena_array(a, n_hosts + 1, sizeof *v);
	struct bh_endpoint **of = bh_arena_array(&work, n_hosts + 1, sizeof *of);
	size_t count = 0;

	if (!k.v || !k.askers || !v || !of)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		k.v[i] = &rows[i];
	qsort(k.v, n, sizeof *k.v, by_pair);
	for (size_t i = 0; i < n_hosts; i++) {
		k.clients += hosts[i].servers && is_ours(&k, &hosts[i]);
		if (!is_ours(&k, &hosts[i]))
			continue;
		v[count].host = &hosts[i];
		of[i] = &v[count++];
	}
	int r = fill(&k, n, hosts, n_hosts, of);
	if (r)
		return r;
	for (size_t i = 0; i < count; i++)
		answer(&v[i]);
	qsort(v, count, sizeof *v, by_weight);
	*ret = v;
	*n_ret = count;
	return 0;
}
