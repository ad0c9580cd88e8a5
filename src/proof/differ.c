/*
 * From sheets of differing classes to few differences in words and addresses.
 */
#include "proof/check.h"

#define MAX_DIFFERENCES 256u

static bool same_question(const struct sheet *a, const struct sheet *b)
{
	return a->hook == b->hook && a->family == b->family && a->proto == b->proto &&
	       a->port == b->port && a->ports.n == b->ports.n && a->fault == b->fault;
}

static bool same_map(const struct sheet *a, const struct sheet *b)
{
	return a->src == b->src && a->dst == b->dst &&
	       !memcmp(a->map, b->map, a->src->n * a->dst->n);
}

/* Later sheets of the same interface that say the same become part of this one. */
static void take_situations(struct check *c, struct sheet *s)
{
	BH_AUTO_BUF text = { 0 };
	unsigned n = 1;

	bh_buf_str(&text, s->what ? s->what : "");
	for (struct sheet *o = s->next; o; o = o->next) {
		if (!o->map || o->iface != s->iface || !same_question(s, o) || !same_map(s, o))
			continue;
		bh_buf_printf(&text, "; %s", o->what);
		o->map = NULL;
		n++;
	}
	s->what = n == s->n_situations ? NULL : bh_arena_str(c->a, bh_buf_text(&text));
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
			.service = { .port = s->port, .proto = s->proto },
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
