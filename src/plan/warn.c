#include "plan/warn.h"

#include <stdlib.h>

/* What administrators forget when they block SMB: every warning names its hosts, what was
 * seen of them, and the sentence that mends it. */

const char *const bh_warning_names[BH_WARNINGS] = {
	[BH_WARN_NOTHING] = "nothing",
	[BH_WARN_CONTROLLER] = "controller",
	[BH_WARN_SYSVOL] = "sysvol",
	[BH_WARN_FAMILY] = "family",
	[BH_WARN_NAMESPACE] = "namespace",
	[BH_WARN_PRINT] = "print",
	[BH_WARN_SCANNER] = "scanner",
	[BH_WARN_MANAGEMENT] = "management",
	[BH_WARN_DEPLOYMENT] = "deployment",
	[BH_WARN_BACKUP] = "backup",
	[BH_WARN_CLUSTER] = "cluster",
	[BH_WARN_SQL] = "sql",
	[BH_WARN_CERTIFICATES] = "certificates",
	[BH_WARN_SMB1] = "smb1",
	[BH_WARN_IPSEC] = "ipsec",
	[BH_WARN_LEASED] = "leased",
};

void warn_add(struct warner *w, const struct bh_warning *one)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 16;
		struct bh_warning *more = bh_arena_array(w->a, cap, sizeof *more);
		if (!more)
			return;
		if (w->n)
			memcpy(more, w->v, w->n * sizeof *more);
		w->v = more;
		w->cap = cap;
	}
	w->v[w->n++] = *one;
}

void warn_host(const struct warner *w, uint32_t host, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	bh_buf_str(b, bh_addr_format(&w->s->known.v[host].addr, text));
	if (!w->names[host])
		return;
	bh_buf_str(b, " (");
	bh_plan_remark(b, w->names[host], 64);
	bh_buf_str(b, ")");
}

void warn_count(struct bh_buf *b, uint64_t n, const char *one)
{
	bh_buf_printf(b, "%llu %s%s", (unsigned long long)n, one, n == 1 ? "" : "s");
}

const char *warn_keep(struct warner *w, const struct bh_buf *b)
{
	if (!bh_buf_ok(b))
		w->a->failed = true;
	return bh_arena_str(w->a, bh_buf_text(b));
}

struct bh_addrset warn_addrs(struct warner *w, const uint32_t *hosts, size_t n)
{
	struct bh_range *v4 = bh_arena_array(w->a, n + 1, sizeof *v4);
	struct bh_range *v6 = bh_arena_array(w->a, n + 1, sizeof *v6);
	size_t n4 = 0, n6 = 0;

	for (size_t i = 0; v4 && v6 && i < n; i++) {
		const struct bh_addr *a = &w->s->known.v[hosts[i]].addr;
		struct bh_range one = { a->num, a->num };
		if (a->family == BH_V4)
			v4[n4++] = one;
		else
			v6[n6++] = one;
	}
	return (struct bh_addrset){ bh_ranges_from(w->a, v4, n4), bh_ranges_from(w->a, v6, n6) };
}

/* From at on: words that end in a comma, and the one after them. */
static struct bh_span list_at(const char *at)
{
	const char *end = at;

	for (;;) {
		end += strcspn(end, " ");
		if (!*end || end[-1] != ',')
			return bh_span_of(at, (size_t)(end - at));
		end++;
	}
}

/* `from` and `to` are words of the language: no name is one of them. */
bool warn_parts_of(const struct bh_bound_rule *r, struct warn_parts *ret)
{
	const char *from = strstr(r->text, " from "), *to = from ? strstr(from, " to ") : NULL;

	if (!to)
		return false;
	ret->head = bh_span_of(r->text, (size_t)(from - r->text));
	ret->from = list_at(from + 6);
	ret->to = list_at(to + 4);
	return true;
}

bool warn_allows(const struct bh_bound_rule *r, struct bh_service service)
{
	return !r->block && !r->expired && bh_policy_rule_names(r, service);
}

static int by_kind(const void *x, const void *y)
{
	const struct bh_warning *a = x, *b = y;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->n_peers != b->n_peers)
		return a->n_peers > b->n_peers ? -1 : 1;
	int r = bh_addr_compare(&a->host, &b->host);
	if (!r && a->line != b->line)
		r = a->line < b->line ? -1 : 1;
	return r ? r : strcmp(a->text, b->text);
}

/* The whole name rather than its first label, where both are known. */
static int name_hosts(struct warner *w)
{
	const struct known *k = &w->s->known;

	w->names = bh_arena_array(w->a, k->n + 1, sizeof *w->names);
	for (size_t i = 0; w->names && i < k->n_aliases; i++) {
		const char **at = &w->names[k->aliases[i].host];
		if (!*at || strlen(k->aliases[i].name) > strlen(*at))
			*at = k->aliases[i].name;
	}
	return w->names ? 0 : -ENOMEM;
}

int bh_plan_warnings(
	struct bh_scene *s, struct bh_arena *a, const struct bh_warning **ret, size_t *n_ret)
{
	struct warner w = { .s = s, .a = a };
	int r = name_hosts(&w);

	if (r)
		return r;
	if (s->of.n_points) {
		warn_sentences(&w);
		warn_cut(&w);
		warn_hosts(&w);
		warn_names(&w);
	}
	if (!bh_arena_ok(a))
		return -ENOMEM;
	if (w.n)
		qsort(w.v, w.n, sizeof *w.v, by_kind);
	*ret = w.v;
	*n_ret = w.n;
	return 0;
}
