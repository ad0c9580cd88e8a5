/*
 * Logons that wait for the share they are for.  4624 says who logged on over the network
 * and not by which protocol; when 5140, 5145 or 5168 names the same session it was SMB, and
 * that row tells it.  What nobody claims is told as what it is: a logon.
 */
#include "evidence/log.h"
#include "evidence/windows.h"

enum { WAITS = 1 };

/* Machine and number: unique until that machine starts again. */
static size_t key_of(const struct bh_event *e, const char *number, uint8_t ret[BH_JOIN_KEY])
{
	uint64_t id;
	size_t n = 0;

	if (bh_event_number(windows_get(e, number), &id) || !id)
		return 0;
	ret[n++] = 'w';
	for (unsigned i = 0; i < sizeof id; i++)
		ret[n++] = (uint8_t)(id >> 8 * i);
	for (size_t i = 0; i < e->computer.len && n < BH_JOIN_KEY; i++) {
		uint8_t ch = e->computer.ptr[i];
		ret[n++] = ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch;
	}
	return n;
}

static void tell(struct bh_log *l, const struct bh_join_slot *s)
{
	struct bh_observation o;

	bh_join_get(s, &o);
	bh_log_say(l, &o);
}

static void wait_for_share(struct bh_log *l, struct bh_span key, const struct bh_observation *o)
{
	struct bh_join *j = bh_log_join(l);
	struct bh_join_slot gone;

	if (!j || bh_join_find(j, key))
		return;
	struct bh_join_slot *s = bh_join_add(j, key, &gone);
	if (gone.key_len && (gone.key[0] == 'w' ? gone.flags & WAITS : gone.connections))
		tell(l, &gone);
	bh_join_set(s, &o->who);
	s->when = o->when;
	s->flags = WAITS;
}

void bh_windows_logon(struct bh_log *l, const struct bh_event *e)
{
	uint8_t key[BH_JOIN_KEY];
	struct bh_observation o;
	size_t n;

	if (bh_evidence_logon(e, &o))
		return;
	/* The machine's own services: from nowhere. */
	if (!o.who.client.family && !o.who.workstation[0])
		return;
	n = e->id == 4624 ? key_of(e, "TargetLogonId", key) : 0;
	if (n)
		wait_for_share(l, bh_span_of(key, n), &o);
	else
		bh_log_say(l, &o);
}

void bh_windows_claim(struct bh_log *l, const struct bh_event *e)
{
	uint8_t key[BH_JOIN_KEY];
	struct bh_join_slot *s;
	size_t n;

	if (!l->joined || (e->id != 5140 && e->id != 5145 && e->id != 5168))
		return;
	n = key_of(e, "SubjectLogonId", key);
	s = n ? bh_join_find(l->joined, bh_span_of(key, n)) : NULL;
	if (s)
		s->flags = 0;
}

void bh_windows_waiting(struct bh_log *l)
{
	struct bh_join_slot *s;
	uint32_t at = 0;

	while (l->joined && !l->error && (s = bh_join_each(l->joined, &at))) {
		if (s->key[0] != 'w' || !(s->flags & WAITS))
			continue;
		s->flags = 0;
		tell(l, s);
	}
}
