#include "keeper/changes.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#include "base/nl.h"

#define SETTLE_WAIT  (50 * BH_SECOND / 1000) /* who is at it is let finish */
#define LONGEST_WAIT BH_SECOND
/* What share of our time looking may take, at most: at our table 1/4, around 1/20. */
#define OURS_COST    4
#define OTHERS_COST  20
#define HEAL_SPELL   (60 * BH_SECOND)
#define HEAL_AGAIN   (5 * BH_SECOND)

/* ---- what was told ---- */

static struct bh_span find(struct bh_span attrs, uint16_t type)
{
	struct bh_cur c = bh_cur_of(attrs);
	struct bh_nl_attr a;

	while (bh_nl_attr_next(&c, &a)) {
		if (a.type == type)
			return a.is;
	}
	return (struct bh_span){ 0 };
}

static uint32_t number(struct bh_span v)
{
	struct bh_cur c = bh_cur_of(v);

	return v.len == 4 ? bh_cur_be32(&c) : 0;
}

/* A name from outside, for people: what could move the cursor becomes '?'. */
static void copy_name(char *ret, size_t room, struct bh_span v)
{
	size_t n = v.len ? bh_min_size(strnlen((const char *)v.ptr, v.len), room - 1) : 0;

	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(v.ptr[i] < ' ' || v.ptr[i] > '~' ? '?' : v.ptr[i]);
	ret[n] = '\0';
}

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET: return "inet";
	case NFPROTO_IPV4: return "ip";
	case NFPROTO_IPV6: return "ip6";
	case NFPROTO_ARP: return "arp";
	case NFPROTO_BRIDGE: return "bridge";
	case NFPROTO_NETDEV: return "netdev";
	default: return "unknown";
	}
}

static void note_table(struct bh_change *c, uint8_t family, const char *table)
{
	char text[64];
	size_t n = strlen(c->tables);

	snprintf(text, sizeof text, "%s %s", family_name(family), table);
	if (!strstr(c->tables, text) && n + strlen(text) + 3 < sizeof c->tables)
		snprintf(c->tables + n, sizeof c->tables - n, "%s%s", n ? ", " : "", text);
}

/* Of every kind but the generation the first attribute is the table's name. */
static void note_message(struct bh_change *c, const struct bh_nl_message *m)
{
	char table[48];
	uint8_t family = bh_nl_family(m);

	copy_name(table, sizeof table, find(bh_nl_attrs(m), NFTA_TABLE_NAME));
	if (!table[0])
		return;
	if (family == NFPROTO_INET && !strcmp(table, BH_NFT_TABLE)) {
		c->ours = true;
		return;
	}
	c->others = true;
	note_table(c, family, table);
}

void bh_changes_read(struct bh_changes *c, struct bh_span datagram,
	void (*tell)(void *ctx, const struct bh_change *change), void *ctx)
{
	struct bh_cur left = bh_cur_of(datagram);
	struct bh_nl_message m;

	while (bh_nl_message_next(&left, &m)) {
		if (m.type >> 8 != NFNL_SUBSYS_NFTABLES)
			continue;
		if ((m.type & 0xff) != NFT_MSG_NEWGEN) {
			note_message(&c->now, &m);
			continue;
		}
		struct bh_span attrs = bh_nl_attrs(&m);
		c->now.generation = number(find(attrs, NFTA_GEN_ID));
		c->now.pid = number(find(attrs, NFTA_GEN_PROC_PID));
		copy_name(c->now.process, sizeof c->now.process, find(attrs, NFTA_GEN_PROC_NAME));
		tell(ctx, &c->now);
		c->now = (struct bh_change){ 0 };
	}
}

/* ---- when to look ---- */

/* Generations go round. */
static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void due(struct bh_due *w, bool is, bh_time now)
{
	if (!is)
		return;
	if (!w->is)
		w->first = now;
	w->last = now;
	w->is = true;
}

void bh_drift_lost(struct bh_drift *d, bh_time now)
{
	d->lost = now;
	due(&d->ours, true, now);
	due(&d->others, true, now);
}

void bh_drift_told(struct bh_drift *d, const struct bh_change *c, bh_time now)
{
	if (!after(c->generation, d->told))
		return; /* it was there when we looked */
	if (c->generation - d->told > 1 && !(d->told == UINT32_MAX && c->generation == 1))
		bh_drift_lost(d, now);
	d->told = c->generation;
	if (!c->ours && !c->others)
		return;
	/* Of many the first ones and the last. */
	if (d->n_suspects == BH_DRIFT_SUSPECTS)
		d->n_suspects--;
	d->suspects[d->n_suspects++] = *c;
	due(&d->ours, c->ours, now);
	due(&d->others, c->others, now);
}

static bh_time time_of(const struct bh_due *w)
{
	bh_time rest = w->last + SETTLE_WAIT, most = w->first + LONGEST_WAIT;
	bh_time at = rest < most ? rest : most;

	return at > w->not_before ? at : w->not_before;
}

bool bh_drift_ours_due(const struct bh_drift *d, bh_time now)
{
	return d->ours.is && now >= time_of(&d->ours);
}

bool bh_drift_others_due(const struct bh_drift *d, bh_time now)
{
	return d->others.is && now >= time_of(&d->others);
}

bool bh_drift_heal_due(const struct bh_drift *d, bh_time now)
{
	return d->heal_due && now >= d->heal_at;
}

static void sooner(bool is, bh_time at, bool *any, bh_time *ret)
{
	if (is && (!*any || at < *ret))
		*ret = at;
	*any = *any || is;
}

int bh_drift_wait(const struct bh_drift *d, bh_time now)
{
	bool any = false;
	bh_time at = 0;

	sooner(d->ours.is, time_of(&d->ours), &any, &at);
	sooner(d->others.is, time_of(&d->others), &any, &at);
	sooner(d->heal_due, d->heal_at, &any, &at);
	if (!any)
		return -1;
	if (at <= now)
		return 0;
	bh_time ms = (at - now) / (BH_SECOND / 1000) + 1;
	return ms > 3600000 ? 3600000 : (int)ms;
}

/* ---- what it means ---- */

static bool touched_by_others(const struct bh_drift *d)
{
	for (size_t i = 0; i < d->n_suspects; i++) {
		if (d->suspects[i].ours && strcmp(d->suspects[i].process, "bulkhead-priv") != 0)
			return true;
	}
	return false;
}

/* What came too late for this look is due at the next one. */
static void look_again(struct bh_drift *d, bh_time began, bh_time now)
{
	d->ours.is = d->lost > began;
	if (d->lost <= began)
		d->lost = 0;
	for (size_t i = 0; i < d->n_suspects; i++) {
		if (after(d->suspects[i].generation, d->looked))
			due(&d->ours, d->suspects[i].ours, now);
	}
	d->ours.not_before = now + (now - began) * OURS_COST;
}

void bh_drift_looked_around(struct bh_drift *d, bh_time began, bh_time now)
{
	d->others.is = d->others.is && d->others.last > began;
	d->others.not_before = now + (now - began) * OTHERS_COST;
}

unsigned bh_drift_looked(
	struct bh_drift *d, const struct bh_priv_state *s, bh_time began, bh_time now)
{
	bool first = !d->looked, nothing = !s->generation && !s->trial;
	bool drifted = s->changed_outside;
	unsigned news = 0;

	if (drifted)
		news = !d->drifted ? BH_NEWS_DRIFT : touched_by_others(d) ? BH_NEWS_AGAIN : 0;
	else if (d->drifted)
		news = BH_NEWS_RIGHT;
	if (!first && (s->generation != d->generation || s->trial != d->trial)) {
		if (d->trial && s->lapsed == d->trial)
			news |= BH_NEWS_LAPSED;
		else if (!nothing)
			news |= BH_NEWS_LOADED;
		else if (!drifted)
			news |= BH_NEWS_GONE;
	}
	d->looked = s->kernel_generation;
	if (after(d->looked, d->told) || first)
		d->told = d->looked;
	d->drifted = drifted;
	d->generation = s->generation;
	d->trial = s->trial;
	d->lapsed = s->lapsed;
	look_again(d, began, now);
	if (d->heals && drifted && !d->heal_due) {
		d->heal_due = true;
		if (d->heal_at < now)
			d->heal_at = now;
	}
	d->heal_due = d->heal_due && drifted;
	return news;
}

static void forget_suspects(struct bh_drift *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_suspects; i++) {
		if (d->suspects[i].ours || d->suspects[i].others)
			d->suspects[n++] = d->suspects[i];
	}
	d->n_suspects = n;
}

void bh_drift_done(struct bh_drift *d)
{
	for (size_t i = 0; i < d->n_suspects; i++) {
		if (!after(d->suspects[i].generation, d->looked))
			d->suspects[i].ours = false;
	}
	forget_suspects(d);
}

void bh_drift_done_around(struct bh_drift *d)
{
	for (size_t i = 0; i < d->n_suspects && !d->others.is; i++)
		d->suspects[i].others = false;
	forget_suspects(d);
}

bool bh_drift_healed(struct bh_drift *d, int err, bh_time now)
{
	size_t last = BH_LEN(d->healed) - 1;

	d->heal_due = false;
	if (err) {
		/* A trial ends some time; anything else does not mend itself. */
		d->heal_due = err == -EBUSY;
		d->heal_at = now + HEAL_AGAIN;
		return true;
	}
	bool often = d->healed[last] && now - d->healed[last] < HEAL_SPELL;
	memmove(d->healed + 1, d->healed, last * sizeof *d->healed);
	d->healed[0] = now;
	d->heal_at = often ? now + HEAL_SPELL : now;
	due(&d->ours, true, now);
	return !often;
}

/* ---- what others' rules say ---- */

static bool same_but_handles(const char *a, const char *b)
{
	static const char handle[] = "rule handle ";

	for (;;) {
		if (!strncmp(a, handle, sizeof handle - 1) &&
			!strncmp(b, handle, sizeof handle - 1)) {
			a += sizeof handle - 1;
			b += sizeof handle - 1;
			a += strspn(a, "0123456789");
			b += strspn(b, "0123456789");
		}
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

bool bh_foreign_known(const char *sentence, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (same_but_handles(sentence, v[i]))
			return true;
	}
	return false;
}
