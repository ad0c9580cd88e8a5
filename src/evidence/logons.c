/*
 * Logons by machine, number and user: sets of four, the oldest of a set goes.
 */
#include <stdlib.h>

#include "evidence/windows.h"

#define WAYS 4u
#define SETS (BH_LOGONS / WAYS)

struct logon {
	uint64_t number, who; /* LogonId; a hash of machine and user */
	uint64_t stamp; /* 0: free */
	struct bh_addr client;
	uint8_t auth, ntlm;
	bool has_workstation;
	char workstation[BH_NAME_TEXT];
};

struct bh_logons {
	uint64_t seed, stamps;
	struct logon sets[SETS][WAYS];
};

int bh_logons_new(uint64_t seed, struct bh_logons **ret)
{
	struct bh_logons *l = calloc(1, sizeof *l);

	if (!l)
		return -ENOMEM;
	l->seed = seed;
	*ret = l;
	return 0;
}

struct bh_logons *bh_logons_free(struct bh_logons *l)
{
	free(l);
	return NULL;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* Names of machines and users are the same in either case. */
static uint64_t mix_text(uint64_t h, struct bh_span s)
{
	for (size_t i = 0; i < s.len; i++)
		h = mix(h, s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] | 0x20u : s.ptr[i]);
	return mix(h, s.len);
}

struct key {
	uint64_t number, who, set;
};

/* From the values of those names. */
static bool key_of(const struct bh_logons *l, const struct bh_event *e, const char *number,
	const char *user, struct key *ret)
{
	struct bh_span name = windows_get(e, user);
	struct key k;

	if (bh_event_number(windows_get(e, number), &k.number) || !k.number || !name.ptr)
		return false;
	k.who = mix_text(mix_text(mix(l->seed, 1), e->computer), name);
	k.set = mix(k.who, k.number) >> 32 & (SETS - 1);
	*ret = k;
	return true;
}

static bool is(const struct logon *g, const struct key *k)
{
	return g->stamp && g->number == k->number && g->who == k->who;
}

static struct logon *place_for(struct bh_logons *l, const struct key *k)
{
	struct logon *set = l->sets[k->set], *g = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (is(&set[i], k))
			return &set[i];
		if (set[i].stamp < g->stamp)
			g = &set[i];
	}
	return g;
}

void bh_logons_note(struct bh_logons *l, const struct bh_event *e)
{
	struct bh_observation o;
	struct key k;

	if (e->id != 4624 || bh_evidence_logon(e, &o) ||
		!key_of(l, e, "TargetLogonId", "TargetUserName", &k))
		return;
	struct logon *g = place_for(l, &k);
	*g = (struct logon){ .number = k.number,
		.who = k.who,
		.stamp = ++l->stamps,
		.client = o.who.client,
		.auth = o.who.auth,
		.ntlm = o.who.ntlm,
		.has_workstation = o.who.known & BH_KNOWN_WORKSTATION };
	memcpy(g->workstation, o.who.workstation, sizeof g->workstation);
}

void bh_logons_join(const struct bh_logons *l, const struct bh_event *e, struct bh_observation *o)
{
	struct bh_conversation *c = &o->who;
	struct key k;

	if ((e->id != 5140 && e->id != 5145 && e->id != 5168) ||
		!key_of(l, e, "SubjectLogonId", "SubjectUserName", &k))
		return;
	for (unsigned i = 0; i < WAYS; i++) {
		const struct logon *g = &l->sets[k.set][i];
		if (!is(g, &k))
			continue;
		c->auth = g->auth;
		c->ntlm = g->ntlm;
		if (!c->client.family)
			c->client = g->client;
		if (!g->has_workstation)
			continue;
		memcpy(c->workstation, g->workstation, sizeof c->workstation);
		c->known |= BH_KNOWN_WORKSTATION;
	}
}
