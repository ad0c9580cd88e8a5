/*
 * From sheets of differing classes to few differences in words and addresses.
 */
#include "proof/check.h"

#define MAX_DIFFERENCES 256u

/* Fragments that show no port are asked about once per protocol, which does not matter. */
static bool same_question(const struct sheet *a, const struct sheet *b)
{
	return a->hook == b->hook && a->family == b->family && a->port == b->port &&
	       a->ports.n == b->ports.n && a->fault == b->fault &&
	       (a->proto == b->proto || !a->ports.n);
}

static bool same_word(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_map(const struct sheet *a, const struct sheet *b)
{
	return a->src == b->src && a->dst == b->dst &&
	       !memcmp(a->map, b->map, a->src->n * a->dst->n);
}

/* The sheets of one interface that say the same, with what was said of each. */
struct group {
	struct sheet **v;
	bool *said;
	size_t n;
};

static bool same_kind(const struct sheet *a, const struct sheet *b)
{
	return same_word(a->flags, b->flags) && same_word(a->shape, b->shape);
}

/* All client ports of sheet i's flags and shape differ. */
static bool whole_kind(const struct group *g, size_t i)
{
	unsigned n = 0;

	for (size_t k = 0; k < g->n; k++)
		n += same_kind(g->v[k], g->v[i]) && g->v[k]->proto == g->v[i]->proto;
	return n >= g->v[i]->n_sports;
}

/* All shapes of sheet i's flags differ, whatever the client port. */
static bool whole_flags(const struct group *g, size_t i)
{
	unsigned n = 0;

	for (size_t k = 0; k < g->n; k++) {
		bool first = true;
		if (!same_word(g->v[k]->flags, g->v[i]->flags) || g->v[k]->proto != g->v[i]->proto)
			continue;
		for (size_t m = 0; m < k; m++)
			first = first &&
				!(same_kind(g->v[m], g->v[k]) && g->v[m]->proto == g->v[k]->proto);
		n += first && whole_kind(g, k);
	}
	return n >= g->v[i]->n_shapes;
}

static void join_word(struct bh_buf *b, const char *word, const char *between)
{
	if (word)
		bh_buf_printf(b, "%s%s", b->len ? between : "", word);
}

/* "SYN; not SYN, first fragment, from port 137"; NULL: everything there is. */
static const char *join_words(struct check *c, struct group *g)
{
	BH_AUTO_BUF text = { 0 };
	unsigned flags = 0;

	for (size_t i = 0; i < g->n; i++) {
		const struct sheet *s = g->v[i];
		BH_AUTO_BUF one = { 0 };
		bool kind = whole_kind(g, i), all = kind && whole_flags(g, i);
		if (g->said[i])
			continue;
		join_word(&one, s->flags, ", ");
		if (!all)
			join_word(&one, s->shape ? s->shape : "unfragmented", ", ");
		if (!kind)
			join_word(&one, s->sport, ", ");
		flags += all;
		join_word(&text, bh_buf_text(&one), "; ");
		for (size_t k = i; k < g->n; k++)
			if (all ? same_word(s->flags, g->v[k]->flags)
				: same_kind(s, g->v[k]) &&
						(kind || same_word(s->sport, g->v[k]->sport)))
				g->said[k] = true;
	}
	return flags >= g->v[0]->n_flags ? NULL : bh_arena_str(c->a, bh_buf_text(&text));
}

/* Later sheets of the same interface that say the same become part of this one. */
static void take_situations(struct check *c, struct sheet *s)
{
	struct group g = { 0 };
	size_t room = 1;

	for (struct sheet *o = s->next; o; o = o->next)
		room += o->iface == s->iface && same_question(s, o);
	g.v = bh_arena_array(c->a, room, sizeof *g.v);
	g.said = bh_arena_array(c->a, room, sizeof *g.said);
	if (!g.v || !g.said)
		return;
	g.v[g.n++] = s;
	for (struct sheet *o = s->next; o; o = o->next) {
		if (!o->map || o->iface != s->iface || !same_question(s, o) || !same_map(s, o))
			continue;
		o->map = NULL;
		g.v[g.n++] = o;
	}
	s->what = join_words(c, &g);
	for (size_t i = 1; i < g.n && !s->ports.n; i++)
		if (g.v[i]->proto != s->proto)
			s->any_proto = true;
}

/* The same for sheets of other interfaces; how many say it, and whether lo does. */
static unsigned take_interfaces(struct sheet *s, bool *lo)
{
	unsigned n = 1;

	*lo = !strcmp(s->ifname, "lo");
	for (struct sheet *o = s->next; o; o = o->next) {
		bool words =
			o->what == s->what || (o->what && s->what && !strcmp(o->what, s->what));
		if (!o->map || !words || !same_question(s, o) || !same_map(s, o))
			continue;
		*lo = *lo || !strcmp(o->ifname, "lo");
		o->map = NULL;
		n++;
	}
	return n;
}

static struct bh_ranges join(
	struct bh_arena *a, const struct classes *k, const uint8_t *in, size_t step)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < k->n; i++)
		n += in[i * step] ? k->v[i].all.n : 0;
	struct bh_range *v = bh_arena_array(a, n + 1, sizeof *v);
	for (size_t i = 0; v && i < k->n; i++)
		for (size_t r = 0; in[i * step] && r < k->v[i].all.n; r++)
			v[at++] = k->v[i].all.v[r];
	return bh_ranges_from(a, v, v ? n : 0);
}

/* Rows that are equal are one product. */
static void add_products(struct check *c, const struct sheet *s, const struct bh_difference *like,
	struct bh_difference ***tail)
{
	size_t width = s->dst->n;
	uint8_t *rows = bh_arena_array(c->a, s->src->n, 1),
		*done = bh_arena_array(c->a, s->src->n, 1);

	for (size_t i = 0; rows && done && i < s->src->n; i++) {
		const uint8_t *row = s->map + i * width;
		if (done[i] || !memchr(row, 1, width))
			continue;
		memset(rows, 0, s->src->n);
		for (size_t k = i; k < s->src->n; k++)
			if (!memcmp(row, s->map + k * width, width))
				rows[k] = done[k] = 1;
		if (c->proof->n_differences++ >= MAX_DIFFERENCES)
			continue;
		struct bh_difference *d = bh_arena_alloc(c->a, sizeof *d);
		if (!d)
			return;
		*d = *like;
		struct bh_ranges src = join(c->a, s->src, rows, 1);
		struct bh_ranges dst = join(c->a, s->dst, row, 1);
		*(s->family == BH_V4 ? &d->src.v4 : &d->src.v6) = src;
		*(s->family == BH_V4 ? &d->dst.v4 : &d->dst.v6) = dst;
		**tail = d;
		*tail = &d->next;
	}
}

static void name_interface(const struct sheet *s, char ret[BH_IFNAME])
{
	size_t n = strlen(s->ifname);

	strncpy(ret, s->ifname, BH_IFNAME - 1);
	if (n && n < BH_IFNAME && ret[n - 1] == BH_OTHER_NAME)
		ret[n - 1] = '*';
}

void bh_check_report(struct check *c)
{
	struct bh_difference *first = NULL, **tail = &first;

	for (struct sheet *s = c->first; s; s = s->next)
		if (s->map)
			take_situations(c, s);
	for (struct sheet *s = c->first; s; s = s->next) {
		bool lo = false;
		if (!s->map)
			continue;
		unsigned ifaces = take_interfaces(s, &lo);
		struct bh_difference d = {
			.hook = s->hook,
			.service = { .port = s->port, .proto = s->any_proto ? 0 : s->proto },
			.kernel_admits = s->fault == ADMITS,
			.dropped = s->fault == DROPS,
			.ports = s->ports,
			.what = s->what,
		};
		/* Loopback is never governed, so "every interface" does not wait for it. */
		if (s->hook == BH_FWD ? ifaces < s->n_ifaces : ifaces + !lo < s->n_ifaces)
			name_interface(s, d.ifname);
		add_products(c, s, &d, &tail);
	}
	c->proof->differences = first;
}
