#include "sensor/state.h"

static struct session **bucket(struct bh_sensor *s, uint64_t id)
{
	return &s->channels[flow_hash(s, &id, 1) & (CHANNELS - 1)];
}

void channel_add(struct bh_sensor *s, struct session *e)
{
	struct session **at = bucket(s, e->id);

	if (e->joinable || !e->id)
		return;
	e->same_bucket = *at; /* of two with one number the later is the one that lives */
	*at = e;
	e->joinable = true;
}

void channel_remove(struct bh_sensor *s, struct session *e)
{
	if (!e->joinable)
		return;
	struct session **at = bucket(s, e->id);
	while (*at != e)
		at = &(*at)->same_bucket;
	*at = e->same_bucket;
	e->joinable = false;
}

/* Channels may use other addresses of the same two hosts; the server's GUID is the same. */
static bool same_hosts(const struct flow *a, const struct flow *b)
{
	static const uint8_t nothing[sizeof a->negotiated.server];

	return !memcmp(a->negotiated.server, b->negotiated.server, sizeof nothing) &&
	       memcmp(a->negotiated.server, nothing, sizeof nothing) != 0;
}

/* The session on another connection that e has joined; NULL when we know none. */
static const struct session *first_of(const struct bh_sensor *s, const struct session *e)
{
	if (!e->joins)
		return NULL;
	const struct session *o = s->channels[flow_hash(s, &e->id, 1) & (CHANNELS - 1)];
	while (o && (o->id != e->id || o->flow == e->flow || !same_hosts(o->flow, e->flow)))
		o = o->same_bucket;
	return o;
}

void channel_join(const struct bh_sensor *s, struct session *e)
{
	const struct session *first = first_of(s, e);

	if (!first)
		return;
	if (!e->who.known)
		e->who = first->who;
	e->flags |= first->flags;
}

void channel_adopt(const struct bh_sensor *s, const struct session *e, struct tree *t)
{
	const struct session *first = first_of(s, e);

	if (!first || t->named || !t->id)
		return;
	for (const struct tree *o = first->trees; o; o = o->next) {
		if (o->id != t->id || !o->named || !o->answered)
			continue;
		t->named = t->answered = true;
		memcpy(t->share, o->share, sizeof t->share);
		t->status = o->status;
		t->type = o->type;
		t->encrypted = o->encrypted;
		return;
	}
}
