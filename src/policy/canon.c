#include <stdlib.h>

#include "policy/ast.h"

/* The lines of the text, sorted at the end: order decides nothing. */
struct lines {
	char **v;
	size_t n, cap;
	bool failed;
};

static void keep(struct lines *l, struct bh_buf *b)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		char **more = realloc(l->v, cap * sizeof *more);
		if (!more) {
			l->failed = true;
			return;
		}
		l->v = more;
		l->cap = cap;
	}
	l->failed |= !bh_buf_ok(b) || !b->ptr;
	l->v[l->n++] = b->ptr;
	*b = (struct bh_buf){ 0 };
}

static void add_name(struct bh_buf *b, const char *s)
{
	for (; *s; s++)
		bh_buf_u8(b, (uint8_t)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s));
}

static void add_members(struct bh_buf *b, const struct bh_member_list *l)
{
	bh_buf_printf(b, "(%s", l->any ? "any;" : "");
	bh_addrset_format(&l->addrs, ",", b);
	for (size_t i = 0; i < l->n; i++) {
		bh_buf_str(b, l->v[i].set >= 0 ? ";@" : ";");
		add_name(b, l->v[i].name);
	}
	bh_buf_str(b, ")");
}

static void add_list(
	struct bh_buf *b, const struct bh_bound_list *l, const struct bh_member_list *members)
{
	bh_buf_printf(b, "[%s%s%s", l->any ? "any;" : "", l->self ? "self;" : "",
		l->localsubnet ? "localsubnet;" : "");
	bh_addrset_format(&l->addrs, ",", b);
	bh_buf_str(b, "]");
	add_members(b, members);
}

static void add_service(struct bh_buf *b, struct bh_service s)
{
	bh_buf_printf(b, "%s/%u ", s.proto == BH_TCP ? "tcp" : "udp", s.port);
}

static void add_names(struct bh_buf *b, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bh_buf_str(b, i ? "," : " ");
		add_name(b, v[i]);
	}
}

static void add_clauses(struct bh_buf *b, const struct bh_bound_rule *r)
{
	bh_buf_printf(b, " on %u", r->on);
	for (size_t i = 0; r->via && i < r->via->n; i++)
		bh_buf_printf(b, "%s%s", i ? "," : " via ", r->via->patterns[i]);
	if (r->secure) {
		bh_buf_printf(b, " if %d by %d as", r->secure->level, r->secure->by);
		add_names(b, r->secure->as, r->secure->n_as);
		bh_buf_str(b, " roaming");
		add_names(b, r->secure->roaming, r->secure->n_roaming);
	}
	if (r->ends)
		bh_buf_printf(b, " until %lld", (long long)r->until);
	if (r->lasts)
		bh_buf_printf(b, " for %lld", (long long)r->lasts);
}

static void profile_line(struct lines *l, const struct bh_bound_profile *p)
{
	struct bh_buf b = { 0 };

	bh_buf_printf(&b, "profile %s", bh_profile_names[p->profile]);
	for (size_t i = 0; i < p->n; i++) {
		bh_buf_printf(&b, " %s ", p->all[i].ifname ? p->all[i].ifname : "by");
		bh_addrset_format(&p->all[i].servers.addrs, ",", &b);
	}
	keep(l, &b);
}

static void group_line(struct lines *l, const struct bh_bound_group *g)
{
	struct bh_buf b = { 0 };

	bh_buf_str(&b, "group ");
	add_name(&b, g->name);
	bh_buf_printf(&b, " %d %s", g->kind, g->identity);
	keep(l, &b);
}

static void rule_line(struct lines *l, const struct bh_bound *p, size_t i)
{
	const struct bh_bound_rule *r = &p->rules[i];
	struct bh_buf b = { 0 };

	bh_buf_printf(&b, "%s %u ", r->block ? "block" : "allow", r->hooks);
	for (size_t k = 0; k < r->n_services; k++)
		add_service(&b, r->services[k]);
	bh_buf_str(&b, "from ");
	add_list(&b, &r->from, &p->names->from[i]);
	bh_buf_str(&b, " to ");
	add_list(&b, &r->to, &p->names->to[i]);
	add_clauses(&b, r);
	keep(l, &b);
}

static void all_lines(struct lines *l, const struct bh_bound *p)
{
	for (size_t i = 0; i < p->n_services; i++) {
		struct bh_buf b = { 0 };
		bh_buf_str(&b, p->services[i].quic ? "quic " : "port ");
		add_service(&b, p->services[i].service);
		keep(l, &b);
	}
	for (size_t i = 0; i < p->n_defaults; i++) {
		struct bh_buf b = { 0 };
		bh_buf_printf(&b, "default %s %u ", p->defaults[i].block ? "block" : "allow",
			p->defaults[i].hooks);
		add_service(&b, p->defaults[i].service);
		keep(l, &b);
	}
	for (size_t i = 0; i < p->names->n_sets; i++) {
		const struct bh_member_set *s = &p->names->sets[i];
		struct bh_buf b = { 0 };
		bh_buf_str(&b, "set ");
		add_name(&b, s->name);
		add_members(&b, &s->list);
		bh_buf_str(&b, " except ");
		add_members(&b, &s->except);
		keep(l, &b);
	}
	for (size_t i = 0; i < p->n_roaming; i++) {
		struct bh_buf b = { 0 };
		bh_buf_str(&b, "roaming ");
		add_name(&b, p->roaming[i].set);
		keep(l, &b);
	}
	for (size_t i = 0; i < p->n_profiles; i++)
		profile_line(l, &p->profiles[i]);
	for (size_t i = 0; i < p->n_groups; i++)
		group_line(l, &p->groups[i]);
	for (size_t i = 0; i < p->n_rules; i++)
		rule_line(l, p, i);
	struct bh_buf b = { 0 };
	bh_buf_str(&b, "declared ");
	bh_addrset_format(&p->declared, ",", &b);
	keep(l, &b);
}

static int by_text(const void *x, const void *y)
{
	char *const *a = x, *const *b = y;
	return strcmp(*a, *b);
}

const char *bh_policy_canonical(const struct bh_bound *p, struct bh_arena *a)
{
	BH_AUTO_BUF whole = { 0 };
	struct lines l = { 0 };
	const char *last = NULL;

	all_lines(&l, p);
	if (l.failed)
		whole.failed = true;
	else
		qsort(l.v, l.n, sizeof *l.v, by_text);
	for (size_t i = 0; !l.failed && i < l.n; i++) {
		if (!last || strcmp(last, l.v[i]))
			bh_buf_printf(&whole, "%s\n", l.v[i]);
		last = l.v[i];
	}
	for (size_t i = 0; i < l.n; i++)
		free(l.v[i]);
	free(l.v);
	if (!bh_buf_ok(&whole)) {
		a->failed = true;
		return NULL;
	}
	return bh_arena_strn(a, bh_buf_text(&whole), whole.len);
}
