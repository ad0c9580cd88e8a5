#include <stdlib.h>
#include <strings.h>

#include "model/pipe.h"
#include "plan/warn.h"

/* What names tell of sentences that are written in addresses: an address on loan, and the
 * servers that a DFS namespace may point to. */

/* ---- an address on loan ------------------------------------------------------------------ */

/* The allow that means that address; NULL: none does. */
static const struct bh_bound_rule *meant_by(const struct warner *w, const struct bh_addr *a)
{
	const struct bh_bound *b = w->s->of.bound;
	const struct bh_service smb = { .port = 445, .proto = BH_TCP };

	for (size_t i = 0; i < b->n_rules; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		if (warn_allows(r, smb) && !r->to.any && bh_addrset_contains(&r->to.addrs, a))
			return r;
	}
	return NULL;
}

/* Is a machine written there by name? */
static bool written_by_name(const struct bh_bound *b, const char *name)
{
	for (size_t i = 0; i < b->n_sets; i++) {
		for (size_t k = 0; k < b->sets[i].n_machines; k++) {
			if (!strcasecmp(b->sets[i].machines[k], name))
				return true;
		}
	}
	return false;
}

/* One served under a name until another did: the same server at another address. */
static bool moved(const struct known_host *from, const struct known_host *to)
{
	return from->addr.family == to->addr.family && from->served_last &&
	       to->served_first > from->served_last;
}

/* A name that a policy may hold: letters, digits, '-', '.', and a letter or dot to tell. */
static bool can_be_written(const char *name)
{
	bool letter = false;

	for (const char *p = name; *p; p++) {
		bool alpha = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
		if (!alpha && !(*p >= '0' && *p <= '9') && *p != '-' && *p != '.')
			return false;
		letter |= alpha;
	}
	return letter && name[0] != '-' && name[0] != '.';
}

static void warn_leased(struct warner *w, const struct alias *from, const struct alias *to)
{
	const struct known_host *was = &w->s->known.v[from->host], *is = &w->s->known.v[to->host];
	const struct bh_bound_rule *r = meant_by(w, &was->addr);
	char before[BH_ADDR_TEXT], now[BH_ADDR_TEXT];
	BH_AUTO_BUF text = { 0 }, seen = { 0 };
	struct warn_parts parts;

	r = r ? r : meant_by(w, &is->addr);
	if (!r || written_by_name(w->s->of.bound, to->name) || !warn_parts_of(r, &parts))
		return;
	bh_buf_str(&text, "the address of ");
	bh_plan_remark(&text, to->name, 64);
	bh_buf_printf(&text,
		" is on loan (%s, then %s), and %s:%u means it by address: the next loan is shut "
		"out, and whoever gets the old one is let in",
		bh_addr_format(&was->addr, before), bh_addr_format(&is->addr, now), r->file,
		r->line);
	bh_buf_printf(&seen, "served at %s until ", before);
	bh_time_format(was->served_last - was->served_last % BH_SECOND, &seen);
	bh_buf_printf(&seen, ", at %s from ", now);
	bh_time_format(is->served_first - is->served_first % BH_SECOND, &seen);
	bh_buf_str(&seen, " on");
	struct bh_warning one = { .kind = BH_WARN_LEASED,
		.host = is->addr,
		.name = to->name,
		.peers = warn_addrs(w, &from->host, 1),
		.n_peers = 1,
		.line = r->line,
		.file = r->file,
		.text = warn_keep(w, &text),
		.evidence = warn_keep(w, &seen),
		.advice = "or reserve its address in DHCP" };
	if (can_be_written(to->name))
		one.fix = bh_arena_printf(w->a,
			"hosts by-name-%.*s %s\n%.*s from %.*s to by-name-%.*s", (int)to->len,
			to->name, to->name, (int)parts.head.len, (const char *)parts.head.ptr,
			(int)parts.from.len, (const char *)parts.from.ptr, (int)to->len, to->name);
	warn_add(w, &one);
}

static void look_at_machine(struct warner *w, const struct alias *v, size_t n)
{
	const struct known_host *hosts = w->s->known.v;
	size_t last = n;

	/* The address that it has now, and the one that it had before. */
	for (size_t i = 0; i < n; i++) {
		if (hosts[v[i].host].served &&
			(last == n ||
				hosts[v[i].host].served_first > hosts[v[last].host].served_first))
			last = i;
	}
	for (size_t i = 0; last < n && i < n; i++) {
		if (moved(&hosts[v[i].host], &hosts[v[last].host])) {
			warn_leased(w, &v[i], &v[last]);
			return;
		}
	}
}

/* ---- namespaces --------------------------------------------------------------------------- */

/* A UNC path that begins with the domain's own name, or a server whose DFS interface was
 * asked: [MS-DFSC] 3.1.5.4. */
static bool is_namespace(const struct bh_row *row)
{
	const struct bh_talk *t = &row->who;

	if (bh_row_use(row) > BH_USE_SMB1 || bh_share_class(t) == BH_CLASS_DOMAIN)
		return false;
	if (row->figures.pipes & 1u << BH_PIPE_NETDFS)
		return true;
	return t->known & BH_KNOWN_SHARE && t->known & BH_KNOWN_DOMAIN && t->domain[0] &&
	       !strncasecmp(t->share, "\\\\", 2) &&
	       strcspn(t->share + 2, "\\") == strlen(t->domain) &&
	       !strncasecmp(t->share + 2, t->domain, strlen(t->domain));
}

struct spaces {
	bool *asks; /* by host: uses a namespace */
	const struct bh_row *first; /* one that shows it; by path, the first */
	uint64_t clients;
};

static void look_for_spaces(struct warner *w, struct spaces *sp)
{
	const struct pairs *p = &w->s->pairs;

	for (size_t i = 0; i < p->n; i++) {
		for (size_t k = 0; !p->v[i].loopback && k < p->v[i].n; k++) {
			const struct bh_row *row = p->v[i].rows[k];
			if (!is_namespace(row))
				continue;
			sp->clients += !sp->asks[p->v[i].client];
			sp->asks[p->v[i].client] = true;
			if (!sp->first && row->who.known & BH_KNOWN_SHARE)
				sp->first = row;
		}
	}
}

static void warn_namespace(struct warner *w)
{
	BH_AUTO_ARENA own = { 0 };
	BH_AUTO_BUF text = { 0 }, seen = { 0 };
	struct spaces sp = { .asks = bh_arena_array(&own, w->s->known.n + 1, sizeof *sp.asks) };
	const struct pairs *p = &w->s->pairs;
	uint32_t *servers = bh_arena_array(&own, p->n + 1, sizeof *servers);
	size_t n = 0;

	if (!sp.asks || !servers) {
		w->a->failed = true;
		return;
	}
	look_for_spaces(w, &sp);
	for (size_t i = 0; sp.clients && i < p->n; i++) {
		struct verdict v = { 0 };
		if (p->v[i].loopback || !sp.asks[p->v[i].client] ||
			scene_use(&p->v[i]) > BH_USE_SMB1 || scene_ask(w->s, &p->v[i], &v) != STOPS)
			continue;
		if (!n || servers[n - 1] != p->v[i].server)
			servers[n++] = p->v[i].server;
	}
	if (!n)
		return;
	struct bh_warning one = {
		.kind = BH_WARN_NAMESPACE, .peers = warn_addrs(w, servers, n), .n_peers = n
	};
	warn_count(&text, sp.clients, "client");
	bh_buf_str(
		&text, sp.clients == 1 ? " of a DFS namespace uses " : " of a DFS namespace use ");
	warn_count(&text, n, "server");
	bh_buf_str(&text, " that would be cut off: targets of the namespace may be among them, and "
			  "targets change");
	if (sp.first)
		bh_plan_remark(&seen, sp.first->who.share, 80);
	else
		bh_buf_str(&seen, "pipe netdfs");
	one.text = warn_keep(w, &text);
	one.evidence = warn_keep(w, &seen);
	one.advice = "name the targets with 'from namespace \\\\DOMAIN\\NAME' in a hosts sentence";
	warn_add(w, &one);
}

void warn_names(struct warner *w)
{
	const struct known *k = &w->s->known;

	for (size_t i = 0, n; i < k->n_aliases; i += n) {
		n = known_machine(k, i);
		look_at_machine(w, k->aliases + i, n);
	}
	warn_namespace(w);
}
