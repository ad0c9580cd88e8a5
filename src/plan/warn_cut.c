#include <stdlib.h>
#include <strings.h>

#include "model/pipe.h"
#include "plan/warn.h"

/*
 * Who would be cut off from what he uses, sorted by what that is: a line of the impact for
 * each user is right and says too little when it is the print server that goes.
 */

enum { SHARES_SHOWN = 3, PEERS_MANAGED = 3 };

#define PIPE(name) (1u << BH_PIPE_##name)

/* How a kind shows in a row. */
struct kind {
	enum bh_warning_kind kind;
	bool client; /* the one that it is about uses; else it serves */
	uint32_t purposes; /* bits */
	uint32_t classes; /* of shares: bits */
	uint32_t pipes;
	uint16_t port; /* 0: none */
	bool deployment; /* shares that software is fetched from */
};

static const struct kind kinds[] = {
	{ BH_WARN_SYSVOL, false, 0, 1u << BH_CLASS_DOMAIN, 0, 0, false },
	{ BH_WARN_PRINT, false, 1u << BH_PURPOSE_PRINT, 1u << BH_CLASS_PRINT, 0, 0, false },
	{ BH_WARN_MANAGEMENT, true, 1u << BH_PURPOSE_ADMIN, 0, 0, 0, false },
	{ BH_WARN_DEPLOYMENT, false, 0, 0, 0, 0, true },
	{ BH_WARN_BACKUP, true, 1u << BH_PURPOSE_BACKUP, 1u << BH_CLASS_BACKUP, 0, 0, false },
	{ BH_WARN_CLUSTER, false, 1u << BH_PURPOSE_CLUSTER, 1u << BH_CLASS_CLUSTER, 0, 5445,
		false },
	{ BH_WARN_SQL, false, 0, 0, PIPE(SQL), 0, false },
	{ BH_WARN_CERTIFICATES, false, 0, 0, PIPE(CERT), 0, false },
};

/* Shares of Configuration Manager, of its content library and distribution points, of WSUS
 * and of deployment by PXE or MDT. */
static bool is_deployment(const struct bh_row *row)
{
	static const char *const names[] = { "REMINST", "WsusContent", "UpdateServicesPackages",
		"SCCMContentLib$", "SMSSIG$", "DeploymentShare$" };
	const char *share = bh_share_name(row->who.share);

	if (!(row->who.known & BH_KNOWN_SHARE))
		return false;
	for (size_t i = 0; i < BH_LEN(names); i++) {
		if (!strcasecmp(share, names[i]))
			return true;
	}
	return !strncasecmp(share, "SMSPKG", 6) || !strncasecmp(share, "SMS_", 4);
}

/* A bit for each of kinds. */
static uint32_t kinds_of(const struct bh_scene *s, const struct bh_row *row)
{
	uint32_t purpose = 1u << (s->of.purposes ? s->of.purposes[row - s->of.rows]
						 : (uint8_t)BH_PURPOSE_UNKNOWN);
	uint32_t class = 1u << bh_share_class(&row->who), ret = 0;
	bool deployment = class & 1u << BH_CLASS_DISK && is_deployment(row);

	for (unsigned i = 0; i < BH_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		if (k->purposes & purpose || k->classes & class || k->pipes & row->figures.pipes ||
			(k->port && k->port == row->who.port) || (k->deployment && deployment))
			ret |= 1u << i;
	}
	return ret;
}

/* A pair that works and would be stopped, as a matter of one kind. */
struct cut {
	const struct pair *p;
	const struct kind *k;
	const struct bh_bound_rule *block; /* that stops it; NULL: it is not allowed */
	uint32_t about, peer;
};

struct cuts {
	struct warner *w;
	struct bh_arena own; /* for the while */
	struct cut *v;
	size_t n, cap;
	uint32_t *managed; /* by host: how many it administers, cut off or not */
};

static void push(struct cuts *c, struct cut one)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct cut *more = bh_arena_array(&c->own, cap, sizeof *more);
		if (!more)
			return;
		if (c->n)
			memcpy(more, c->v, c->n * sizeof *more);
		c->v = more;
		c->cap = cap;
	}
	c->v[c->n++] = one;
}

static void add_pair(struct cuts *c, const struct pair *p, bool stops, const struct verdict *v)
{
	uint32_t shown = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (bh_row_use(p->rows[i]) <= BH_USE_SMB1)
			shown |= kinds_of(c->w->s, p->rows[i]);
	}
	for (size_t i = 0; i < BH_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		if (!(shown >> i & 1))
			continue;
		if (k->kind == BH_WARN_MANAGEMENT)
			c->managed[p->client]++;
		if (stops)
			push(c, (struct cut){ .p = p,
					.k = k,
					.block = v->reason.why == BH_WHY_BLOCKED ? v->reason.rule
										 : NULL,
					.about = k->client ? p->client : p->server,
					.peer = k->client ? p->server : p->client });
	}
}

static int find_cuts(struct cuts *c)
{
	struct bh_scene *s = c->w->s;

	c->managed = bh_arena_array(&c->own, s->known.n + 1, sizeof *c->managed);
	if (!c->managed)
		return -ENOMEM;
	for (size_t i = 0; i < s->pairs.n; i++) {
		const struct pair *p = &s->pairs.v[i];
		struct verdict v = { 0 };
		if (p->loopback || scene_use(p) > BH_USE_SMB1)
			continue;
		bool stops = scene_ask(s, p, &v) == STOPS;
		add_pair(c, p, stops, &v);
	}
	return bh_arena_ok(&c->own) ? 0 : -ENOMEM;
}

static int same_group(const struct cut *a, const struct cut *b)
{
	if (a->k->kind != b->k->kind)
		return a->k->kind < b->k->kind ? -1 : 1;
	return a->about != b->about ? (a->about < b->about ? -1 : 1) : 0;
}

static int by_group(const void *x, const void *y)
{
	const struct cut *a = x, *b = y;
	int r = same_group(a, b);

	if (!r && a->peer != b->peer)
		r = a->peer < b->peer ? -1 : 1;
	return r ? r : a->p < b->p ? -1 : a->p > b->p;
}

/* ---- words ---------------------------------------------------------------------------------- */

static void add_text(
	struct cuts *c, const struct cut *one, uint64_t peers, uint64_t managed, struct bh_buf *b)
{
	switch (one->k->kind) {
	case BH_WARN_SYSVOL:
		bh_buf_str(b, "domain controller ");
		warn_host(c->w, one->about, b);
		bh_buf_str(b, " would lose ");
		warn_count(b, peers, "client");
		bh_buf_str(b, " of SYSVOL and NETLOGON: their policies and logon scripts stop, and "
			      "with them the way by which this would be mended");
		return;
	case BH_WARN_MANAGEMENT:
		warn_host(c->w, one->about, b);
		bh_buf_str(b, " administers ");
		warn_count(b, managed, "host");
		bh_buf_printf(b,
			" over SMB, as software distribution, inventories and scanners for "
			"vulnerabilities do, and would be cut off from %llu",
			(unsigned long long)peers);
		return;
	case BH_WARN_BACKUP:
		bh_buf_str(b, "the backup that ");
		warn_host(c->w, one->about, b);
		bh_buf_str(b, " makes of ");
		warn_count(b, peers, "host");
		bh_buf_str(b, " would end");
		return;
	default: break;
	}
	static const char *const roles[BH_WARNINGS] = {
		[BH_WARN_PRINT] = "print server ",
		[BH_WARN_DEPLOYMENT] = "distribution point ",
		[BH_WARN_CLUSTER] = "cluster node ",
		[BH_WARN_SQL] = "SQL Server ",
		[BH_WARN_CERTIFICATES] = "certification authority ",
	};
	static const char *const ends[BH_WARNINGS] = {
		[BH_WARN_PRINT] = "",
		[BH_WARN_DEPLOYMENT] = ": software, updates and deployment stop there",
		[BH_WARN_CLUSTER] = ": shared volumes, witness, replication or live migration stop",
		[BH_WARN_SQL] = " that reach it over named pipes",
		[BH_WARN_CERTIFICATES] = " that enrol over a named pipe",
	};
	bh_buf_str(b, roles[one->k->kind]);
	warn_host(c->w, one->about, b);
	bh_buf_str(b, " would lose ");
	warn_count(b, peers, "client");
	bh_buf_str(b, ends[one->k->kind]);
}

struct seen {
	const char *shares[SHARES_SHOWN];
	size_t n_shares;
	uint32_t pipes;
	uint64_t connections;
	bh_time last;
};

static void note_share(struct seen *s, const struct bh_talk *t)
{
	if (!(t->known & BH_KNOWN_SHARE) || !t->share[0] || s->n_shares == SHARES_SHOWN)
		return;
	for (size_t i = 0; i < s->n_shares; i++) {
		if (!strcasecmp(s->shares[i], t->share))
			return;
	}
	s->shares[s->n_shares++] = t->share;
}

static void note_pair(struct seen *s, const struct bh_scene *sc, const struct cut *one)
{
	for (size_t i = 0; i < one->p->n; i++) {
		const struct bh_row *row = one->p->rows[i];
		if (bh_row_use(row) > BH_USE_SMB1 || !(kinds_of(sc, row) >> (one->k - kinds) & 1))
			continue;
		note_share(s, &row->who);
		s->pipes |= row->figures.pipes;
		s->connections += row->figures.connections;
		s->last = row->figures.last_seen > s->last ? row->figures.last_seen : s->last;
	}
}

static void add_evidence(const struct seen *s, struct bh_buf *b)
{
	for (size_t i = 0; i < s->n_shares; i++) {
		bh_buf_str(b, i ? " " : "");
		bh_plan_remark(b, s->shares[i], 80);
	}
	if (s->pipes) {
		bh_buf_str(b, b->len ? ", pipes" : "pipes");
		for (unsigned i = 0; i < BH_PIPES; i++) {
			if (s->pipes >> i & 1)
				bh_buf_printf(b, " %s", bh_pipe_names[i]);
		}
	}
	bh_buf_str(b, b->len ? ", " : "");
	warn_count(b, s->connections, "connection");
	if (s->last) {
		bh_buf_str(b, ", last ");
		bh_time_format(s->last - s->last % BH_SECOND, b);
	}
}

/* Every service that is cut, from these clients to these servers. */
static void add_fix(struct cuts *c, const struct cut *v, size_t n, const struct bh_addrset *peers,
	struct bh_buf *b)
{
	const struct bh_bound *bound = c->w->s->of.bound;
	char about[BH_ADDR_TEXT];
	const char *sep = "allow ", *told[BH_MAX_GATES];
	size_t n_told = 0;

	for (size_t i = 0; i < n; i++) {
		const struct bh_bound_service *s = bh_policy_service(bound, v[i].p->at);
		bool again = !s;
		for (size_t k = 0; s && k < n_told; k++)
			again |= !strcmp(told[k], s->of);
		if (again || n_told == BH_LEN(told))
			continue;
		told[n_told++] = s->of;
		bh_buf_printf(b, "%s%s", sep, s->of);
		sep = ", ";
	}
	bh_addr_format(&c->w->s->known.v[v[0].about].addr, about);
	bh_buf_str(b, " from ");
	if (v[0].k->client)
		bh_buf_str(b, about);
	else
		bh_addrset_format(peers, ", ", b);
	bh_buf_str(b, " to ");
	if (v[0].k->client)
		bh_addrset_format(peers, ", ", b);
	else
		bh_buf_str(b, about);
}

/* A block beats every allow: it is the block that must except them. */
static const char *advice_of(struct cuts *c, const struct cut *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].block)
			return bh_arena_printf(c->w->a,
				"the block in %s:%u must leave them out ('except' in its set)",
				v[i].block->file, v[i].block->line);
	}
	return NULL;
}

/* v[0..n): one group.  Peers follow each other. */
static void warn_group(struct cuts *c, const struct cut *v, size_t n)
{
	BH_AUTO_BUF text = { 0 }, evidence = { 0 }, fix = { 0 };
	uint32_t *peers = bh_arena_array(&c->own, n + 1, sizeof *peers);
	struct seen seen = { 0 };
	size_t m = 0;

	for (size_t i = 0; peers && i < n; i++) {
		if (!m || peers[m - 1] != v[i].peer)
			peers[m++] = v[i].peer;
		note_pair(&seen, c->w->s, &v[i]);
	}
	if (!peers || (v->k->kind == BH_WARN_MANAGEMENT && c->managed[v->about] < PEERS_MANAGED))
		return;
	struct bh_warning one = { .kind = v->k->kind,
		.host = c->w->s->known.v[v->about].addr,
		.name = c->w->names[v->about],
		.peers = warn_addrs(c->w, peers, m),
		.n_peers = m,
		.advice = advice_of(c, v, n) };
	add_text(c, v, m, c->managed[v->about], &text);
	add_evidence(&seen, &evidence);
	one.text = warn_keep(c->w, &text);
	one.evidence = warn_keep(c->w, &evidence);
	if (!one.advice) {
		add_fix(c, v, n, &one.peers, &fix);
		one.fix = warn_keep(c->w, &fix);
	}
	warn_add(c->w, &one);
}

void warn_cut(struct warner *w)
{
	struct cuts c = { .w = w };

	if (find_cuts(&c)) {
		w->a->failed = true;
	} else {
		if (c.n)
			qsort(c.v, c.n, sizeof *c.v, by_group);
		for (size_t i = 0, end; i < c.n; i = end) {
			for (end = i + 1; end < c.n && !same_group(&c.v[i], &c.v[end]);)
				end++;
			warn_group(&c, c.v + i, end - i);
		}
	}
	w->a->failed |= !bh_arena_ok(&c.own);
	bh_arena_reset(&c.own);
}
