#include <stdlib.h>
#include <strings.h>

#include "plan/suggest.h"

static int by_text(const void *x, const void *y)
{
	const char *a = *(const char *const *)x, *b = *(const char *const *)y;
	int r = strcasecmp(a, b);

	return r ? r : strcmp(a, b);
}

/* Sorts, and keeps one of those that differ in case alone. */
static size_t distinct(const char **v, size_t n)
{
	size_t m = 0;

	if (n)
		qsort(v, n, sizeof *v, by_text);
	for (size_t i = 0; i < n; i++) {
		if (!m || strcasecmp(v[m - 1], v[i]))
			v[m++] = v[i];
	}
	return m;
}

static int by_addr(const void *x, const void *y)
{
	return bh_addr_compare(x, y);
}

static size_t distinct_addrs(struct bh_addr *v, size_t n)
{
	size_t m = 0;

	if (n)
		qsort(v, n, sizeof *v, by_addr);
	for (size_t i = 0; i < n; i++) {
		if (!m || !bh_addr_equal(&v[m - 1], &v[i]))
			v[m++] = v[i];
	}
	return m;
}

static size_t count_rows(const struct need *const *needs, size_t n)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += needs[i]->p->n;
	return all;
}

/* How it was protected and spoken: told of what worked. */
static void add_manner(struct bh_seen *s, const struct bh_talk *c)
{
	s->dialects |= 1u << c->dialect;
	s->is_signed |= c->is_signed == 1;
	s->unsigned_ |= c->is_signed == 0 && c->encrypted != 1;
	s->encrypted |= c->encrypted == 1;
	s->clear |= c->encrypted == 0;
}

struct texts {
	const char **users, **shares;
	size_t n_users, n_shares, n_ipc;
};

/* Behind an allowed sentence only what worked counts; behind one left out, all. */
static void add_row(const struct suggest *sg, struct bh_seen *s, const struct bh_row *row,
	bool allowed, struct texts *t)
{
	const struct bh_talk *c = &row->who;
	enum bh_use use = bh_row_use(row);

	s->uses[use] += row->figures.connections;
	if (allowed && use != BH_USE_WORKS)
		return;
	s->connections += row->figures.connections;
	if (sg->o->purposes)
		s->purposes[sg->o->purposes[row - sg->rows]] += row->figures.connections;
	if (row->figures.last_seen > s->last_seen)
		s->last_seen = row->figures.last_seen;
	add_manner(s, c);
	if (c->known & BH_KNOWN_USER && c->user[0])
		t->users[t->n_users++] = c->user;
	if (c->known & BH_KNOWN_SHARE && c->share[0])
		t->shares[t->n_shares++] = c->share;
}

static void drop_ipc(struct texts *t)
{
	size_t m = 0, others = 0;

	for (size_t i = 0; i < t->n_shares; i++)
		others += strcasecmp(bh_share_name(t->shares[i]), "IPC$") != 0;
	for (size_t i = 0; i < t->n_shares; i++) {
		if (!others || strcasecmp(bh_share_name(t->shares[i]), "IPC$"))
			t->shares[m++] = t->shares[i];
	}
	t->n_shares = m;
}

void suggest_seen(
	const struct suggest *sg, const struct need *const *needs, size_t n, struct bh_seen *ret)
{
	struct bh_arena *a = sg->a;
	size_t rows = count_rows(needs, n);
	struct bh_addr *clients = bh_arena_array(a, n + 1, sizeof *clients);
	struct texts t = { .users = bh_arena_array(a, rows + 1, sizeof *t.users),
		.shares = bh_arena_array(a, rows + 1, sizeof *t.shares) };
	struct bh_seen s = { 0 };

	if (!clients || !t.users || !t.shares)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct pair *p = needs[i]->p;
		clients[i] = p->who->client;
		for (size_t k = 0; k < p->n; k++)
			add_row(sg, &s, p->rows[k], needs[i]->why == BH_LEFTS, &t);
	}
	drop_ipc(&t);
	s.clients = distinct_addrs(clients, n);
	s.users = distinct(t.users, t.n_users);
	s.n_shares = distinct(t.shares, t.n_shares);
	s.shares = t.shares;
	*ret = s;
}

void suggest_called(
	const struct need *const *needs, size_t n, struct bh_arena *a, struct bh_suggested_set *ret)
{
	const char **v = bh_arena_array(a, count_rows(needs, n) + 1, sizeof *v);
	size_t m = 0;

	for (size_t i = 0; v && i < n; i++) {
		for (size_t k = 0; k < needs[i]->p->n; k++) {
			const struct bh_talk *c = &needs[i]->p->rows[k]->who;
			struct bh_addr addr;
			if (!(c->known & BH_KNOWN_SERVER_NAME) || !c->server_name[0] ||
				!bh_addr_parse(c->server_name, strlen(c->server_name), &addr))
				continue;
			v[m++] = c->server_name;
		}
	}
	ret->called = v;
	ret->n_called = v ? distinct(v, m) : 0;
}

/* A word that no reader of policies takes for anything but a machine: our own sets and
 * the language's words have neither dot nor digit, or are named here. */
static bool machine_like(const char *s)
{
	static const char *const taken[] = { "all-smb", "dcs-", "files-", "printers-", "servers-",
		"clients-" };
	bool letter = false, telling = false;

	for (size_t i = 0; i < BH_LEN(taken); i++) {
		if (!strncasecmp(s, taken[i], strlen(taken[i])))
			return false;
	}
	for (const char *p = s; *p; p++) {
		bool digit = *p >= '0' && *p <= '9';
		bool alpha = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
		if (!digit && !alpha && *p != '.' && *p != '-')
			return false;
		letter |= alpha;
		telling |= digit || *p == '.';
	}
	return letter && telling && s[0] != '-' && s[0] != '.';
}

struct resolved {
	struct bh_arena *a;
	const struct bh_addrset *within;
	struct bh_addrset found;
	bool outside;
};

static void add_resolved(void *to, const struct bh_addr *addr)
{
	struct resolved *r = to;

	r->outside |= !bh_addrset_contains(r->within, addr);
	r->found = bh_addrset_union(r->a, r->found, bh_addrset_one(r->a, addr));
}

void suggest_machines(
	const struct bh_names *names, struct bh_arena *a, struct bh_suggested_set *ret)
{
	struct bh_addrset whole = ret->addrs;
	const char **v = bh_arena_array(a, ret->n_called + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; v && i < ret->n_called; i++) {
		struct resolved r = { .a = a, .within = &whole };
		if (!machine_like(ret->called[i]) ||
			names->resolve(names->ctx, ret->called[i], add_resolved, &r) != 0)
			continue;
		struct bh_addrset rest = bh_addrset_subtract(a, ret->addrs, r.found);
		if (r.outside || bh_addrset_empty(&r.found) || bh_addrset_equal(&rest, &ret->addrs))
			continue;
		ret->addrs = rest;
		v[n++] = ret->called[i];
	}
	ret->machines = v;
	ret->n_machines = n;
}
