/*
 * What nobody uses: no row shows it, so it is asked of what is known to be there.
 */
#include <stdlib.h>

#include "inventory/findings.h"

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

/* Is this share used by anybody? */
static bool is_used(const struct bh_row *const *used, size_t n, const struct bh_share_listed *l)
{
	struct bh_row key = { 0 };
	const struct bh_row *p = &key;

	bh_talk_init(&key.who);
	key.who.server = l->server;
	key.who.server_name = l->server_name ? l->server_name : "";
	key.who.share = bh_share_name(l->share);
	return n && bsearch(&p, used, n, sizeof *used, findings_by_share);
}

static int shares_unused(struct search *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n && s->w->n_listed; i++) {
		if (bh_row_use(&s->rows[i]) <= BH_USE_SMB1 && s->rows[i].who.share[0])
			s->hits[n++] = &s->rows[i];
	}
	qsort(s->hits, n, sizeof *s->hits, findings_by_share);
	for (size_t i = 0; i < s->w->n_listed; i++) {
		const struct bh_share_listed *l = &s->w->listed[i];
		struct bh_talk c;
		if (is_used(s->hits, n, l))
			continue;
		bh_talk_init(&c);
		c.server = l->server;
		struct bh_finding *f = findings_room(s);
		if (!f)
			return -ENOMEM;
		*f = (struct bh_finding){ .kind = BH_FOUND_SHARE_UNUSED,
			.grade = BH_GRADE_LOW,
			.server = l->server,
			.server_name = l->server_name ? l->server_name
						      : findings_name(bh_inventory_host(
								s->hosts, s->n_hosts, &c, true)),
			.servers = 1,
			.share = l->share };
		f->text = findings_text_unused(f, false, s->a);
		if (!f->text)
			return -ENOMEM;
	}
	return 0;
}

int findings_unused(struct search *s)
{
	int r = servers_unused(s);

	return r ? r : shares_unused(s);
}
