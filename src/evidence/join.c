#include "evidence/join.h"

#include <stdlib.h>

struct bh_join {
	uint64_t seed;
	uint32_t slots;
	uint32_t next; /* the slot that is filled next: the oldest, once all are in use */
	uint32_t *bucket; /* twice as many; slot number + 1 */
	struct bh_join_slot *slot;
};

struct bh_join *bh_join_free(struct bh_join *j)
{
	if (j) {
		free(j->bucket);
		free(j->slot);
	}
	free(j);
	return NULL;
}

int bh_join_new(uint64_t seed, uint32_t slots, struct bh_join **ret)
{
	struct bh_join *j = calloc(1, sizeof *j);

	if (!j)
		return -ENOMEM;
	j->seed = seed;
	j->slots = !slots ? BH_JOIN_SLOTS : slots < BH_JOIN_MOST ? slots : BH_JOIN_MOST;
	j->bucket = calloc(2 * (size_t)j->slots, sizeof *j->bucket);
	j->slot = calloc(j->slots, sizeof *j->slot);
	if (!j->bucket || !j->slot) {
		bh_join_free(j);
		return -ENOMEM;
	}
	*ret = j;
	return 0;
}

/* FNV's step, keyed and mixed at the end: keys are chosen by peers. */
static uint32_t *bucket_of(struct bh_join *j, struct bh_span key)
{
	uint64_t h = j->seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < key.len; i++) {
		h = (h ^ key.ptr[i]) * 0x100000001b3u;
		h ^= h >> 29;
	}
	h *= 0x9e3779b97f4a7c15u;
	return &j->bucket[(h ^ h >> 32) % (2 * j->slots)];
}

static bool is(const struct bh_join_slot *s, struct bh_span key)
{
	return s->key_len == key.len && !memcmp(s->key, key.ptr, key.len);
}

struct bh_join_slot *bh_join_find(struct bh_join *j, struct bh_span key)
{
	if (!key.len || key.len > BH_JOIN_KEY)
		return NULL;
	for (uint32_t i = *bucket_of(j, key); i; i = j->slot[i - 1].key_next) {
		if (is(&j->slot[i - 1], key))
			return &j->slot[i - 1];
	}
	return NULL;
}

static void unlink_slot(struct bh_join *j, uint32_t number)
{
	const struct bh_join_slot *s = &j->slot[number - 1];
	uint32_t *at = bucket_of(j, bh_span_of(s->key, s->key_len));

	while (*at != number)
		at = &j->slot[*at - 1].key_next;
	*at = s->key_next;
}

struct bh_join_slot *bh_join_add(
	struct bh_join *j, struct bh_span key, struct bh_join_slot *ret_gone)
{
	struct bh_join_slot *s = &j->slot[j->next];
	uint32_t number = j->next + 1;

	assert(key.len && key.len <= BH_JOIN_KEY);
	j->next = number % j->slots;
	if (s->key_len)
		unlink_slot(j, number);
	*ret_gone = *s;
	uint32_t *bucket = bucket_of(j, key);
	*s = (struct bh_join_slot){ .guest = BH_UNKNOWN,
		.smb1_offered = BH_UNKNOWN,
		.key_next = *bucket,
		.key_len = (uint8_t)key.len };
	memcpy(s->key, key.ptr, key.len);
	*bucket = number;
	return s;
}

struct bh_join_slot *bh_join_each(struct bh_join *j, uint32_t *at)
{
	while (*at < j->slots) {
		struct bh_join_slot *s = &j->slot[(j->next + (*at)++) % j->slots];
		if (s->key_len)
			return s;
	}
	return NULL;
}

/* ---- a conversation in little space ---- */

/* The ones that matter most come first: what does not fit is left out at the end. */
static const struct {
	uint8_t known;
	size_t at;
} texts[] = {
	{ BH_KNOWN_USER, offsetof(struct bh_conversation, user) },
	{ BH_KNOWN_SERVER_NAME, offsetof(struct bh_conversation, server_name) },
	{ BH_KNOWN_DOMAIN, offsetof(struct bh_conversation, domain) },
	{ BH_KNOWN_SHARE, offsetof(struct bh_conversation, share) },
	{ BH_KNOWN_WORKSTATION, offsetof(struct bh_conversation, workstation) },
	{ BH_KNOWN_SERVICE, offsetof(struct bh_conversation, service) },
};

static const char *text_of(const struct bh_conversation *c, size_t i)
{
	return (const char *)c + texts[i].at;
}

static void put_text(struct bh_conversation *c, size_t i, const char *text)
{
	memcpy((char *)c + texts[i].at, text, strlen(text));
	c->known |= texts[i].known;
}

#define NUMBERS (BH_KNOWN_AUTH_STATUS | BH_KNOWN_SHARE_STATUS)

void bh_join_set(struct bh_join_slot *s, const struct bh_conversation *c)
{
	size_t used = 0;

	s->client = c->client;
	s->server = c->server;
	s->port = c->port;
	s->transport = c->transport;
	s->outcome = c->outcome;
	s->auth = c->auth;
	s->ntlm = c->ntlm;
	s->dialect = c->dialect;
	s->share_type = c->share_type;
	s->guest = c->guest;
	s->smb1_offered = c->smb1_offered;
	s->auth_status = c->auth_status;
	s->share_status = c->share_status;
	s->known = c->known & NUMBERS;
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		size_t len = strlen(text_of(c, i)) + 1;
		if (!(c->known & texts[i].known) || len > sizeof s->text - used)
			continue;
		memcpy(s->text + used, text_of(c, i), len);
		used += len;
		s->known |= texts[i].known;
	}
}

void bh_join_get(const struct bh_join_slot *s, struct bh_observation *ret)
{
	struct bh_observation o = { .when = s->when, .connections = s->connections };
	struct bh_conversation *c = &o.who;
	size_t used = 0;

	bh_conversation_init(c);
	c->client = s->client;
	c->server = s->server;
	c->port = s->port;
	c->transport = s->transport;
	c->outcome = s->outcome;
	c->auth = s->auth;
	c->ntlm = s->ntlm;
	c->dialect = s->dialect;
	c->share_type = s->share_type;
	c->guest = s->guest;
	c->smb1_offered = s->smb1_offered;
	c->auth_status = s->auth_status;
	c->share_status = s->share_status;
	c->known = s->known & NUMBERS;
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		if (!(s->known & texts[i].known))
			continue;
		put_text(c, i, s->text + used);
		used += strlen(s->text + used) + 1;
	}
	*ret = o;
}

void bh_join_fill(const struct bh_join_slot *s, struct bh_conversation *c)
{
	struct bh_observation o;
	const struct bh_conversation *from = &o.who;

	bh_join_get(s, &o);
	if (!c->client.family)
		c->client = from->client;
	if (!c->server.family)
		c->server = from->server;
	if (!c->port) {
		c->port = from->port;
		c->transport = from->transport;
	}
	if (!c->auth) {
		c->auth = from->auth;
		c->ntlm = from->ntlm;
	}
	if (!(c->known & BH_KNOWN_AUTH_STATUS)) {
		c->known |= from->known & BH_KNOWN_AUTH_STATUS;
		c->auth_status = from->auth_status;
	}
	if (!c->dialect)
		c->dialect = from->dialect;
	if (c->guest == BH_UNKNOWN)
		c->guest = from->guest;
	if (c->smb1_offered == BH_UNKNOWN)
		c->smb1_offered = from->smb1_offered;
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		if (texts[i].known != BH_KNOWN_SHARE && from->known & ~c->known & texts[i].known)
			put_text(c, i, text_of(from, i));
	}
}
