#include "inventory/naming.h"
#include "inventory/key.h"

#include <stdlib.h>
#include <strings.h>

enum {
	NETBIOS_NAME = 15,
	/* Names of one label that are looked through for one question. */
	MAX_LOOK = 1024,
	LATELY = 1024,
};

struct naming_asked {
	const char *name;
	struct bh_addr addr;
	uint8_t family, found;
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

static bool cut_short(const char *name, size_t len)
{
	return len == NETBIOS_NAME && !name[len];
}

bool naming_same(const char *x, const char *y)
{
	size_t m = label_len(x), n = label_len(y);

	if (!m || !n || key_compare(naming_key(x), naming_key(y)))
		return false;
	if (!cut_short(x, m) && !cut_short(y, n) && key_compare(bh_span_of(x, m), bh_span_of(y, n)))
		return false;
	struct bh_span p = domain_of(x), q = domain_of(y);
	return !p.len || !q.len || !key_compare(p, q);
}

static int by_name(const void *a, const void *b)
{
	const struct naming_entry *x = a, *y = b;
	int r = key_compare(naming_key(x->name), naming_key(y->name));

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

/* ---- what goes with what ---- */

/* A million rows say the same few things over and over: what was said lately is not said
 * again.  By the place of the text, which is the same for most that say it. */
struct said {
	struct naming_entry lately[LATELY];
	struct naming_entry *v; /* malloc'ed */
	size_t n, room;
};

static size_t place_of(const char *name, uint64_t with)
{
	return ((uintptr_t)name ^ with * 0x9e3779b97f4a7c15u >> 20) * 0xd6e8feb86659fd93u >> 54;
}

static int say(struct said *s, const char *name, const struct bh_addr *addr)
{
	struct naming_entry *lately = &s->lately[place_of(name, (uint64_t)addr->num)];

	if (!addr->family || (lately->name == name && bh_addr_equal(&lately->addr, addr)))
		return 0;
	*lately = (struct naming_entry){ name, *addr };
	if (!naming_is_name(name))
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 256;
		struct naming_entry *v = reallocarray(s->v, room, sizeof *v);
		if (!v)
			return -ENOMEM;
		s->v = v;
		s->room = room;
	}
	s->v[s->n++] = *lately;
	return 0;
}

static int say_all(struct said *s, const struct bh_row *rows, size_t n,
	const struct bh_name_seen *seen, size_t n_seen)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		const struct bh_talk *c = &rows[i].who;
		if (c->known & BH_KNOWN_SERVER_NAME)
			r = say(s, c->server_name, &c->server);
		if (!r && c->known & BH_KNOWN_WORKSTATION)
			r = say(s, c->workstation, &c->client);
	}
	for (size_t i = 0; !r && i < n_seen; i++) {
		if (!seen[i].group)
			r = say(s, seen[i].name, &seen[i].addr);
	}
	return r;
}

/* Each once, in both orders. */
static int put_in_order(struct said *s, struct bh_arena *a, struct naming *ret)
{
	struct naming t = { .asked = bh_arena_array(a, LATELY, sizeof *t.asked) };
	size_t n = 0;

	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, by_name);
	for (size_t i = 0; i < s->n; i++) {
		if (!n || by_name(&s->v[n - 1], &s->v[i]))
			s->v[n++] = s->v[i];
	}
	t.by_name = bh_arena_copy(a, s->v, n * sizeof *s->v);
	t.by_addr = bh_arena_copy(a, s->v, n * sizeof *s->v);
	t.n = n;
	if (!t.asked || !t.by_name || !t.by_addr)
		return -ENOMEM;
	qsort(t.by_addr, n, sizeof *t.by_addr, by_addr);
	*ret = t;
	return 0;
}

int naming_from(const struct bh_row *rows, size_t n, const struct bh_name_seen *seen, size_t n_seen,
	struct bh_arena *a, struct naming *ret)
{
	struct said *s = calloc(1, sizeof *s);
	int r = s ? say_all(s, rows, n, seen, n_seen) : -ENOMEM;

	if (!r)
		r = put_in_order(s, a, ret);
	if (s)
		free(s->v);
	free(s);
	return r;
}

/* The first entry of the label, or of the address. */
static size_t first_of_label(const struct naming *t, struct bh_span key)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (key_compare(naming_key(t->by_name[mid].name), key) < 0)
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
		if (key_compare(naming_key(e->name), key))
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

size_t naming_one(const struct naming *t, const char *name, uint8_t family, struct bh_addr *ret)
{
	struct naming_asked *q = &t->asked[place_of(name, family)];

	if (q->name != name || q->family != family) {
		*q = (struct naming_asked){ .name = name, .family = family };
		q->found = (uint8_t)naming_addrs(t, name, family, &q->addr, 1);
	}
	if (q->found)
		*ret = q->addr;
	return q->found;
}

size_t naming_names(
	const struct naming *t, const struct bh_addr *addr, const char **ret, size_t most)
{
	size_t found = 0;

	for (size_t i = first_of_addr(t, addr); i < t->n && found < most; i++) {
		const struct naming_entry *e = &t->by_addr[i];
		if (!bh_addr_equal(&e->addr, addr))
			break;
		if (!found || key_compare(naming_key(ret[found - 1]), naming_key(e->name)))
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
