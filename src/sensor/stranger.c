/*
 * Connections that never told who they are: scans, attempts at servers that are no more,
 * and floods.  Every one would be a row, and rows are for ever.  So of pairs of addresses
 * not told before, live, some are told each minute, and the others are counted as given up.
 */
#include "sensor/state.h"

#define MINUTE (60 * BH_SECOND)

void strangers_tick(struct bh_sensor *s)
{
	struct strangers *v = &s->strangers;

	if (v->minute && s->latest - v->minute < MINUTE)
		return;
	v->minute = s->latest ? s->latest : 1;
	v->left = STRANGERS;
}

/* Who it was and whom it asked; hashed with a key, so that nobody can push another out of
 * its place, and 0 never. */
static uint64_t pair_of(const struct bh_sensor *s, const struct flow *f)
{
	const struct bh_addr *a = &f->addr[f->client], *b = &f->addr[!f->client];
	const uint64_t w[] = { (uint64_t)a->num, (uint64_t)(a->num >> 64), (uint64_t)b->num,
		(uint64_t)(b->num >> 64), f->port[!f->client] };
	uint64_t h = flow_hash(s, w, BH_LEN(w));

	return h ? h : 1;
}

bool stranger_tellable(struct bh_sensor *s, const struct flow *f)
{
	struct strangers *v = &s->strangers;

	if (!v->minute)
		return true;
	uint64_t h = pair_of(s, f), *told = &v->pair[h & (STRANGE_PAIRS - 1)];
	if (*told == h)
		return true;
	if (!v->left)
		return false;
	v->left--;
	*told = h;
	return true;
}
