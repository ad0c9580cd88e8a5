#include "inventory/naming.h"

#include <stdlib.h>
#include <strings.h>

enum {
	NETBIOS_NAME = 15,
	/* Names of one label that are looked through for one question. */
	MAX_LOOK = 1024,
};

bool naming_is_name(const char *text)
{
	struct bh_addr a;

	return text[0] && text[0] != '(' && bh_addr_parse(text, strlen(text), &a) != 0;
}

static size_t label_len(const char *name)
{
	return strcspn(name, ".");
}

struct bh_span naming_key(const char *name)
{
	return bh_span_of(name, bh_min_size(label_len(name), NETBIOS_NAME));
}

/* What follows the first label, without dots at its ends; none for "pc7.local". */
static struct bh_span domain_of(const char *name)
{
	const char *p = name + label_len(name);
	size_t len = strlen(p);

	while (len && *p == '.') {
		p++;
		len--;
	}
	while (len && p[len - 1] == '.')
		len--;
	if (len == 5 && !strncasecmp(p, "local", 5)) /* RFC 6762 §3 */
		len = 0;
	return bh_span_of(p, len);
}

static int compare_spans(struct bh_span x, struct bh_span y)
{
	int r = strncasecmp((const char *)x.ptr, (const char *)y.ptr, bh_min_size(x.len, y.len));

	return r ? r : x.len < y.len ? -1 : x.len > y.len;
}

static bool cut_short(const char *name, size_t len)
{
	return len == NETBIOS_NAME && !name[len];
}

bool naming_same(const char *x, const char *y)
{
	size_t m = label_len(x), n = label_len(y);

	if (!m || !n || compare_spans(naming_key(x), naming_key(y)))
		return false;
	if (!cut_short(x, m) && !cut_short(y, n) &&
		compare_spans(bh_span_of(x, m), bh_span_of(y, n)))
		return false;
	struct bh_span p = domain_of(x), q = domain_of(y);
	return !p.len || !q.len || !compare_spans(p, q);
}

static int by_name(const void *a, const void *b)
{
	const struct naming_entry *x = a, *y = b;
	int r = compare_spans(naming_key(x->name), naming_key(y->name));

	if (!r)
		r = strcasecmp(x->name, y->name);
	if (!r)
		r = strcmp(x->name, y->name);
	return r ? r : bh_addr_compare(&x->addr, &y->addr);
}

static int by_addr(const void *a, const void *b)
{
	const struct naming_entry *x = a, *y = b;
	int r = bh_addr_compare(&x->addr, &y->addr);

	return r ? r : by_name(a, b);
}

/* Rows of one pair follow each other, mostly: what was just said is not said again. */
static void add(struct naming *t, const char *name, const struct bh_addr *addr)
{
	for (size_t i = t->n; i > 0 && i + 2 > t->n; i--) {
		const struct naming_entry *e = &t->by_name[i - 1];
		if (bh_addr_equal(&e->addr, addr) && !strcmp(e->name, name))
			return;
	}
	if (addr->family && naming_is_name(name))
		t->by_name[t->n++] = (struct naming_entry){ name, *addr };
}

int naming_from(const struct bh_row *rows, size_t n, const struct bh_name_seen *seen, size_t n_seen,
	struct bh_arena *a, struct naming *ret)
{
	struct naming t = { .by_name = bh_arena_array(a, 2 * n + n_seen + 1, sizeof *t.by_name) };
	size_t kept = 0;

	if (!t.by_name)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct bh_talk *c = &rows[i].who;
		if (c->known & BH_KNOWN_SERVER_NAME)
			add(&t, c->server_name, &c->server);
		if (c->known & BH_KNOWN_WORKSTATION)
			add(&t, c->workstation, &c->client);
	}
	for (size_t i = 0; i < n_seen; i++) {
		if (!seen[i].group)
			add(&t, seen[i].name, &seen[i].addr);
	}
	qsort(t.by_name, t.n, sizeof *t.by_name, by_name);
	for (size_t i = 0; i < t.n; i++) {
		if (!kept || by_name(&t.by_name[kept - 1], &t.by_name[i]))
			t.by_name[kept++] = t.by_name[i];
	}
	t.n = kept;
	t.by_addr = bh_arena_array(a, t.n + 1, sizeof *t.by_addr);
	if (!t.by_addr)
		return -ENOMEM;
	memcpy(t.by_addr, t.by_name, t.n * sizeof *t.by_addr);
	qsort(t.by_addr, t.n, sizeof *t.by_addr, by_addr);
	*ret = t;
	return 0;
}

/* The first entry of the label, or of the address. */
static size_t first_of_label(const struct naming *t, struct bh_span key)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (compare_spans(naming_key(t->by_name[mid].name), key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static size_t first_of_addr(const struct naming *t, const struct bh_addr *addr)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (bh_addr_compare(&t->by_addr[mid].addr, addr) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool contains(const struct bh_addr *v, size_t n, const struct bh_addr *addr)
{
	for (size_t i = 0; i < n; i++) {
		if (bh_addr_equal(&v[i], addr))
			return true;
	}
	return false;
}

size_t naming_addrs(
	const struct naming *t, const char *name, uint8_t family, struct bh_addr *ret, size_t most)
{
	struct bh_span key = naming_key(name);
	size_t found = 0, first = first_of_label(t, key);

	for (size_t i = first; i < t->n; i++) {
		const struct naming_entry *e = &t->by_name[i];
		if (compare_spans(naming_key(e->name), key))
			break;
		if (i - first >= MAX_LOOK)
			return most + 1;
		if ((family && e->addr.family != family) || !naming_same(e->name, name) ||
			contains(ret, found, &e->addr))
			continue;
		if (found == most)
			return most + 1;
		ret[found++] = e->addr;
	}
	return found;
}

size_t naming_names(
	const struct naming *t, const struct bh_addr *addr, const char **ret, size_t most)
{
	size_t found = 0;

	for (size_t i = first_of_addr(t, addr); i < t->n && found < most; i++) {
		const struct naming_entry *e = &t->by_addr[i];
		if (!bh_addr_equal(&e->addr, addr))
			break;
		if (!found || compare_spans(naming_key(ret[found - 1]), naming_key(e->name)))
			ret[found++] = e->name;
	}
	return found;
}

bool naming_has(const struct naming *t, const char *name, const struct bh_addr *addr)
{
	size_t first = first_of_addr(t, addr);

	for (size_t i = first; i < t->n && i - first < MAX_LOOK; i++) {
		if (!bh_addr_equal(&t->by_addr[i].addr, addr))
			break;
		if (naming_same(t->by_addr[i].name, name))
			return true;
	}
	return false;
}
