#include "cli/firsts.h"

#include <stdlib.h>

#include "cli/said.h"

#define MOST (1u << 22) /* remembered; beyond, nothing is told as new any more */

struct bh_firsts {
	struct bh_alerts *alerts; /* NULL while the database is read */
	uint64_t *known; /* open addressing; 0: free */
	size_t n, room; /* room is a power of two */
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9fb21c651e98df25u;
	return h ^ h >> 32;
}

static uint64_t mix_addr(uint64_t h, const struct bh_addr *a)
{
	return mix(mix(mix(h, a->family), (uint64_t)a->num), (uint64_t)(a->num >> 64));
}

static bool grow(struct bh_firsts *f)
{
	size_t room = f->room ? f->room * 2 : 1024;
	uint64_t *v = calloc(room, sizeof *v);

	if (!v)
		return false;
	for (size_t i = 0; i < f->room; i++) {
		size_t at = f->known[i] & (room - 1);
		if (!f->known[i])
			continue;
		while (v[at])
			at = (at + 1) & (room - 1);
		v[at] = f->known[i];
	}
	free(f->known);
	f->known = v;
	f->room = room;
	return true;
}

/* Was it never met before?  Remembers it. */
static bool first(struct bh_firsts *f, uint64_t h)
{
	h = h ? h : 1;
	if (f->n >= MOST || (f->n * 2 >= f->room && !grow(f)))
		return false;
	size_t at = h & (f->room - 1);
	for (; f->known[at]; at = (at + 1) & (f->room - 1)) {
		if (f->known[at] == h)
			return false;
	}
	f->known[at] = h;
	f->n++;
	return true;
}

static void tell(struct bh_firsts *f, enum bh_alert_kind kind, const struct bh_talk *c)
{
	char client[BH_ADDR_TEXT], server[BH_ADDR_TEXT], port[8], text[256];
	const struct bh_alert_field v[] = { { "CLIENT", client }, { "SERVER", server },
		{ "PORT", port } };
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF from = { 0 };

	bh_addr_format(&c->client, client);
	bh_addr_format(&c->server, server);
	snprintf(port, sizeof port, "%u", c->port);
	bh_said_server(c, &b);
	bh_said_client(c, &from);
	if (kind == BH_ALERT_SERVER)
		snprintf(text, sizeof text, "%s serves SMB on port %u, which was never seen before",
			bh_buf_text(&b), c->port);
	else
		snprintf(text, sizeof text,
			"%s to %s, port %u, would be blocked by the policy on audit",
			bh_buf_text(&from), bh_buf_text(&b), c->port);
	bh_alert(f->alerts, kind, text, v, BH_LEN(v));
}

void bh_firsts_row(struct bh_firsts *f, const struct bh_row *row)
{
	const struct bh_talk *c = &row->who;

	if (!f || !c->server.family || bh_figures_empty(&row->figures))
		return;
	uint64_t h = mix(mix_addr(0, &c->server), c->port);
	if (c->outcome == BH_ANSWERED && first(f, mix(h, 1)) && f->alerts)
		tell(f, BH_ALERT_SERVER, c);
	if (c->outcome == BH_WOULD_BLOCK && first(f, mix(mix_addr(h, &c->client), 2)) && f->alerts)
		tell(f, BH_ALERT_WOULD_BLOCK, c);
}

static int learn(void *ctx, const struct bh_row *row)
{
	bh_firsts_row(ctx, row);
	return 0;
}

struct bh_firsts *bh_firsts_new(struct bh_store *s, struct bh_alerts *a)
{
	struct bh_firsts *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	/* A database that cannot be read makes everything new: that is said too. */
	(void)!bh_store_each(s, NULL, learn, f);
	f->alerts = a;
	return f;
}

struct bh_firsts *bh_firsts_free(struct bh_firsts *f)
{
	if (!f)
		return NULL;
	free(f->known);
	free(f);
	return NULL;
}
