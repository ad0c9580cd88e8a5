#include "model/talk.h"

#include <stdio.h>

/* Up to their texts both are alike. */
#define HEAD offsetof(struct bh_conversation, server_name)
#define ALIKE(field)                                                                               \
	static_assert(offsetof(struct bh_talk, field) == offsetof(struct bh_conversation, field),  \
		#field)
ALIKE(client);
ALIKE(server);
ALIKE(port);
ALIKE(known);
ALIKE(complete);
ALIKE(auth_status);
ALIKE(share_status);
static_assert(HEAD <= offsetof(struct bh_talk, server_name), "texts follow");

void bh_talk_init(struct bh_talk *t)
{
	*t = (struct bh_talk){ .smb1_offered = BH_UNKNOWN,
		.is_signed = BH_UNKNOWN,
		.encrypted = BH_UNKNOWN,
		.guest = BH_UNKNOWN,
		.complete = BH_UNKNOWN,
		.server_name = "",
		.share = "",
		.user = "",
		.domain = "",
		.workstation = "",
		.service = "" };
}

struct bh_talk bh_talk_of(const struct bh_conversation *c)
{
	struct bh_talk t = { .server_name = c->server_name,
		.share = c->share,
		.user = c->user,
		.domain = c->domain,
		.workstation = c->workstation,
		.service = c->service };

	memcpy(&t, c, HEAD);
	return t;
}

static void copy_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

void bh_talk_whole(const struct bh_talk *t, struct bh_conversation *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret, t, HEAD);
	copy_text(ret->server_name, sizeof ret->server_name, t->server_name);
	copy_text(ret->share, sizeof ret->share, t->share);
	copy_text(ret->user, sizeof ret->user, t->user);
	copy_text(ret->domain, sizeof ret->domain, t->domain);
	copy_text(ret->workstation, sizeof ret->workstation, t->workstation);
	copy_text(ret->service, sizeof ret->service, t->service);
}

/* The fields that are numbers, in one row, and those that are texts, so that equality,
 * hash and order cannot disagree about which they are. */
enum { NUMBERS = 22, TEXTS = 6 };

static void numbers(const struct bh_talk *t, uint32_t ret[NUMBERS])
{
	const uint32_t v[NUMBERS] = {
		t->port,
		t->known,
		t->transport,
		t->outcome,
		t->auth,
		t->ntlm,
		t->dialect,
		t->signing_server,
		t->signing_client,
		t->signing_algorithm,
		t->cipher,
		t->compression,
		t->share_type,
		(uint8_t)t->smb1_offered,
		(uint8_t)t->is_signed,
		(uint8_t)t->encrypted,
		(uint8_t)t->guest,
		(uint8_t)t->complete,
		t->known & BH_KNOWN_AUTH_STATUS ? t->auth_status : 0,
		t->known & BH_KNOWN_SHARE_STATUS ? t->share_status : 0,
		t->client.family,
		t->server.family,
	};

	memcpy(ret, v, sizeof v);
}

static void texts(const struct bh_talk *t, const char *ret[TEXTS])
{
	ret[0] = t->share;
	ret[1] = t->domain;
	ret[2] = t->user;
	ret[3] = t->server_name;
	ret[4] = t->workstation;
	ret[5] = t->service;
}

static int compare_texts(const struct bh_talk *a, const struct bh_talk *b)
{
	const char *x[TEXTS], *y[TEXTS];
	int r = 0;

	texts(a, x);
	texts(b, y);
	for (size_t i = 0; !r && i < TEXTS; i++)
		r = x[i] == y[i] ? 0 : strcmp(x[i], y[i]);
	return r;
}

static int compare_numbers(const struct bh_talk *a, const struct bh_talk *b)
{
	uint32_t m[NUMBERS], n[NUMBERS];
	int r = 0;

	numbers(a, m);
	numbers(b, n);
	for (size_t i = 0; !r && i < NUMBERS; i++)
		r = m[i] < n[i] ? -1 : m[i] > n[i];
	return r;
}

int bh_talk_compare(const struct bh_talk *a, const struct bh_talk *b)
{
	int r = bh_addr_compare(&a->server, &b->server);

	if (!r && a->port != b->port)
		r = a->port < b->port ? -1 : 1;
	if (!r)
		r = bh_addr_compare(&a->client, &b->client);
	if (!r)
		r = compare_texts(a, b);
	return r ? r : compare_numbers(a, b);
}

bool bh_talk_equal(const struct bh_talk *a, const struct bh_talk *b)
{
	return bh_talk_compare(a, b) == 0;
}

int bh_conversation_compare(const struct bh_conversation *a, const struct bh_conversation *b)
{
	const struct bh_talk x = bh_talk_of(a), y = bh_talk_of(b);

	return bh_talk_compare(&x, &y);
}

bool bh_conversation_equal(const struct bh_conversation *a, const struct bh_conversation *b)
{
	return bh_conversation_compare(a, b) == 0;
}

/* A keyed multiply-and-rotate mix: the seed keeps chosen input from meeting in one
 * bucket; it is no signature. */
static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	uint64_t word = 0;
	unsigned n = 0;

	for (; *s; s++) {
		word = word << 8 | (uint8_t)*s;
		if (++n == 8) {
			h = mix(h, word);
			word = n = 0;
		}
	}
	return mix(h, word << 8 | n);
}

uint64_t bh_conversation_hash(const struct bh_conversation *c, uint64_t seed)
{
	const struct bh_talk t = bh_talk_of(c);
	const char *v[TEXTS];
	uint32_t n[NUMBERS];
	uint64_t h = mix(seed, 1);

	h = mix(h, (uint64_t)c->client.num);
	h = mix(h, (uint64_t)(c->client.num >> 64));
	h = mix(h, (uint64_t)c->server.num);
	h = mix(h, (uint64_t)(c->server.num >> 64));
	numbers(&t, n);
	for (size_t i = 0; i < NUMBERS; i++)
		h = mix(h, n[i]);
	texts(&t, v);
	for (size_t i = 0; i < TEXTS; i++)
		h = mix_text(h, v[i]);
	return mix(h, seed);
}
