/*
 * What nobody uses: no row shows it, so it is asked of what is known to be there.
 */
#include <stdlib.h>

#include "inventory/findings.h"
#include "inventory/naming.h"

#define MAX_ADDRS 8u /* of one server */

static int server_unused(
	struct search *s, const struct bh_host_row *h, const struct bh_name_seen *heard)
{
	struct bh_finding *f = findings_room(s);
	bool station = h && h->roles >> BH_HOST_WORKSTATION & 1;
	bool answered = h && h->is_server;

	if (!f)
		return -ENOMEM;
	*f = (struct bh_finding){
		.kind = BH_FOUND_SERVER_UNUSED,
		.grade = station || !answered ? BH_GRADE_INFO : BH_GRADE_LOW,
		.server = h ? h->addr : heard->addr,
		.server_name = h ? findings_name(h) : heard->name,
		.servers = 1,
		.connections = h ? h->served : 0,
		.first_seen = h ? h->first_seen : heard->when,
		.last_seen = h ? h->last_seen : heard->when,
	};
	f->text = findings_text_unused(f, answered, s->a);
	return f->text ? 0 : -ENOMEM;
}

static int by_heard(const void *a, const void *b)
{
	const struct bh_name_seen *x = *(const struct bh_name_seen *const *)a;
	const struct bh_name_seen *y = *(const struct bh_name_seen *const *)b;
	int r = bh_addr_compare(&x->addr, &y->addr);

	if (!r && x->when != y->when)
		r = x->when > y->when ? -1 : 1;
	return r ? r : strcmp(x->name, y->name);
}

/* Those that offer files by name, and those that answered, with nobody to whom. */
static int servers_unused(struct search *s)
{
	const struct bh_name_seen **v = bh_arena_array(s->a, s->w->n_names + 1, sizeof *v);
	size_t n = 0;
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < s->w->n_names; i++) {
		const struct bh_name_seen *name = &s->w->names[i];
		if (name->addr.family && name->roles & BH_ROLE_FILE_SERVER && !name->group)
			v[n++] = name;
	}
	if (n)
		qsort(v, n, sizeof *v, by_heard);
	for (size_t i = 0; !r && i < n; i++) {
		struct bh_talk c;
		bh_talk_init(&c);
		c.server = v[i]->addr;
		const struct bh_host_row *h = bh_inventory_host(s->hosts, s->n_hosts, &c, true);
		if ((i && bh_addr_equal(&v[i - 1]->addr, &v[i]->addr)) ||
			(h && (h->clients || h->is_server)))
			continue;
		r = server_unused(s, h, v[i]);
	}
	for (size_t i = 0; !r && i < s->n_hosts; i++) {
		if (s->hosts[i].is_server && !s->hosts[i].clients)
			r = server_unused(s, &s->hosts[i], NULL);
	}
	return r;
}

/* Rows of shares that somebody used. */
struct used {
	const struct bh_row *const *by_server; /* and share */
	const struct bh_row **by_share; /* alone, whosever it is */
	size_t n;
	struct naming names;
};

static int by_share(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;

	return strcasecmp(bh_share_name(x->who.share), bh_share_name(y->who.share));
}

static bool is_used_at(const struct used *u, const struct bh_addr *server, const char *name,
	const struct bh_share_listed *l)
{
	struct bh_row key = { 0 };
	const struct bh_row *p = &key;

	bh_talk_init(&key.who);
	key.who.server = *server;
	key.who.server_name = name ? name : "";
	key.who.share = bh_share_name(l->share);
	return u->n && bsearch(&p, u->by_server, u->n, sizeof p, findings_by_share);
}

/* Of a server whose address nobody knows: anybody's share of that name may be it. */
static bool may_be_used(const struct used *u, const struct bh_share_listed *l)
{
	struct bh_row key = { .who.share = bh_share_name(l->share) };
	const struct bh_row *p = &key;

	return u->n && bsearch(&p, u->by_share, u->n, sizeof p, by_share);
}

/* Is this share used by anybody?  *at: its server's address, where one alone is known. */
static bool is_used(const struct used *u, const struct bh_share_listed *l, struct bh_addr *at)
{
	struct bh_addr addrs[MAX_ADDRS];
	const char *name = l->server_name ? l->server_name : "";

	*at = l->server;
	if (is_used_at(u, &l->server, l->server_name, l))
		return true;
	if (l->server.family)
		return false;
	size_t n = naming_addrs(&u->names, name, BH_NO_ADDR, addrs, MAX_ADDRS);
	if (!n || n > MAX_ADDRS)
		return may_be_used(u, l);
	for (size_t i = 0; i < n; i++) {
		if (is_used_at(u, &addrs[i], NULL, l))
			return true;
	}
	if (n == 1)
		*at = addrs[0];
	return false;
}

static int share_unused(
	struct search *s, const struct bh_share_listed *l, const struct bh_addr *server)
{
	struct bh_finding *f = findings_room(s);
	struct bh_talk c;

	if (!f)
		return -ENOMEM;
	bh_talk_init(&c);
	c.server = *server;
	*f = (struct bh_finding){ .kind = BH_FOUND_SHARE_UNUSED,
		.grade = BH_GRADE_LOW,
		.server = *server,
		.server_name = l->server_name ? l->server_name
					      : findings_name(bh_inventory_host(
							s->hosts, s->n_hosts, &c, true)),
		.servers = 1,
		.last_seen = l->when,
		.share = l->share };
	f->text = findings_text_share(f, l, s->a);
	return f->text ? 0 : -ENOMEM;
}

static int shares_used(struct search *s, struct used *ret)
{
	struct used u = { .by_server = s->hits,
		.by_share = bh_arena_array(s->a, s->n + 1, sizeof *u.by_share) };

	if (!u.by_share)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		if (bh_row_use(&s->rows[i]) <= BH_USE_SMB1 && s->rows[i].who.share[0])
			s->hits[u.n++] = &s->rows[i];
	}
	if (u.n) {
		memcpy(u.by_share, s->hits, u.n * sizeof *u.by_share);
		qsort(s->hits, u.n, sizeof *s->hits, findings_by_share);
		qsort(u.by_share, u.n, sizeof *u.by_share, by_share);
	}
	*ret = u;
	return naming_from(s->rows, s->n, s->w->names, s->w->n_names, s->a, &ret->names);
}

static int shares_unused(struct search *s)
{
	struct used u;
	int r = s->w->n_listed ? shares_used(s, &u) : 0;

	for (size_t i = 0; !r && i < s->w->n_listed; i++) {
		struct bh_addr at;
		if (!is_used(&u, &s->w->listed[i], &at))
			r = share_unused(s, &s->w->listed[i], &at);
	}
	return r;
}

int findings_unused(struct search *s)
{
	int r = servers_unused(s);

	return r ? r : shares_unused(s);
}
