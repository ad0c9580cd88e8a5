#include "inventory/unify.h"

/*
 * How far apart two sources may tell the same.  Kerberos lets nobody in whose clock is
 * five minutes off (RFC 4120 §1.6, and the default of Windows and MIT alike), so clocks
 * of one network differ by less; and a log tells the beginning of what a capture tells
 * from its first packet to its last.
 */
#define NEAR (300 * BH_SECOND)

bool join_near(const struct bh_figures *x, const struct bh_figures *y)
{
	if (!x->last_seen || !y->last_seen)
		return true; /* not known */
	return x->first_seen <= y->last_seen + NEAR && y->first_seen <= x->last_seen + NEAR;
}

static bool same_end(const struct naming *names, const struct bh_addr *x, const char *x_name,
	const struct bh_addr *y, const char *y_name)
{
	if (x->family && y->family)
		return bh_addr_equal(x, y);
	if (x->family)
		return y_name[0] && naming_has(names, y_name, x);
	if (y->family)
		return x_name[0] && naming_has(names, x_name, y);
	return x_name[0] && y_name[0] && naming_same(x_name, y_name);
}

static const char *name_if(const struct bh_talk *c, uint8_t bit, const char *name)
{
	return c->known & bit ? name : "";
}

static bool same_ends(const struct naming *names, const struct bh_talk *x, const struct bh_talk *y)
{
	return same_end(names, &x->server, name_if(x, BH_KNOWN_SERVER_NAME, x->server_name),
		       &y->server, name_if(y, BH_KNOWN_SERVER_NAME, y->server_name)) &&
	       same_end(names, &x->client, name_if(x, BH_KNOWN_WORKSTATION, x->workstation),
		       &y->client, name_if(y, BH_KNOWN_WORKSTATION, y->workstation));
}

bool join_covers(const struct bh_figures *whole, const struct bh_figures *part)
{
	return !part->last_seen || !whole->last_seen ||
	       (part->first_seen >= whole->first_seen - NEAR &&
		       part->last_seen <= whole->last_seen + NEAR);
}

bool join_tells_parts(uint8_t kind)
{
	return kind == BH_KIND_SAMBA || kind == BH_KIND_WINDOWS || kind == BH_KIND_FIREWALL ||
	       kind == BH_KIND_ZEEK_LOG;
}

bool join_fits(const struct unify *u, const struct cell *c, const struct group *g)
{
	if (!join_tells_parts(c->kind) && g->kinds >> c->kind & 1)
		return false;
	return join_near(&c->figures, &g->figures) &&
	       agree_on(c->who, g->who, c->known & g->known) &&
	       same_ends(&u->names, c->who, g->who);
}

static struct bh_talk *own(struct unify *u, struct group *g)
{
	if (!g->own) {
		g->own = bh_arena_copy(&u->scratch, g->who, sizeof *g->own);
		if (g->own)
			g->who = g->own;
	}
	return g->own;
}

void join_begin(const struct unify *u, struct group *g)
{
	if (g->step == u->step)
		return;
	g->step = u->step;
	g->fits = g->spread = 0;
	g->mixed = g->torn = false;
	g->first = NULL;
	g->fresh = g->disputed = 0;
}

/* What several tell differently within one step nobody knows. */
static void settle(struct group *g, const struct bh_talk *from, enum agree_field f)
{
	uint32_t bit = 1u << f;

	if (g->disputed & bit)
		return;
	if (!(g->known & bit)) {
		agree_copy(g->own, from, f);
		g->known |= bit;
		g->fresh |= bit;
	} else if (g->fresh & bit && !agree_on(g->own, from, bit)) {
		agree_forget(g->own, f);
		g->known &= ~bit;
		g->fresh &= ~bit;
		g->disputed |= bit;
	} else if (agree_on(g->own, from, bit)) {
		agree_refine(g->own, from, f);
	}
}

int join_fields(struct unify *u, struct group *to, const struct bh_talk *from, uint32_t known)
{
	const uint32_t ends = 1u << FIELD_CLIENT | 1u << FIELD_SERVER;
	uint32_t before = to->known;

	join_begin(u, to);
	if (!own(u, to))
		return -ENOMEM;
	for (; known; known &= known - 1)
		settle(to, from, (enum agree_field)__builtin_ctz(known));
	return to->known & ~before & ends ? index_add(u, to) : 0;
}

int join_sources(struct unify *u, struct group *to, const struct told *from)
{
	for (; from; from = from->next) {
		struct told *t = bh_arena_alloc(&u->scratch, sizeof *t);
		if (!t)
			return -ENOMEM;
		*t = (struct told){ to->told, from->source };
		to->told = t;
	}
	return 0;
}
