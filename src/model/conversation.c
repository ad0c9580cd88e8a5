#include "model/conversation.h"

void bh_conversation_init(struct bh_conversation *c)
{
	memset(c, 0, sizeof *c);
	c->smb1_offered = BH_UNKNOWN;
	c->is_signed = BH_UNKNOWN;
	c->encrypted = BH_UNKNOWN;
	c->guest = BH_UNKNOWN;
	c->complete = BH_UNKNOWN;
}

bool bh_figures_empty(const struct bh_figures *f)
{
	return !f->connections && !f->bytes_to_server && !f->bytes_to_client && !f->opens &&
	       !f->last_seen && !f->pipes;
}

static void span_times(struct bh_figures *to, const struct bh_figures *more)
{
	if (more->first_seen && (!to->first_seen || more->first_seen < to->first_seen))
		to->first_seen = more->first_seen;
	if (more->last_seen > to->last_seen)
		to->last_seen = more->last_seen;
	to->pipes |= more->pipes;
}

void bh_figures_add(struct bh_figures *to, const struct bh_figures *more)
{
	to->connections += more->connections;
	to->bytes_to_server += more->bytes_to_server;
	to->bytes_to_client += more->bytes_to_client;
	to->opens += more->opens;
	span_times(to, more);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void bh_figures_widen(struct bh_figures *to, const struct bh_figures *other)
{
	to->connections = larger(to->connections, other->connections);
	to->bytes_to_server = larger(to->bytes_to_server, other->bytes_to_server);
	to->bytes_to_client = larger(to->bytes_to_client, other->bytes_to_client);
	to->opens = larger(to->opens, other->opens);
	span_times(to, other);
}

/* The fields that are numbers, in one row, so that equality, hash and order cannot
 * disagree about which they are. */
enum { NUMBERS = 22 };

static void numbers(const struct bh_conversation *c, uint32_t ret[NUMBERS])
{
	const uint32_t v[NUMBERS] = {
		c->port,
		c->known,
		c->transport,
		c->outcome,
		c->auth,
		c->ntlm,
		c->dialect,
		c->signing_server,
		c->signing_client,
		c->signing_algorithm,
		c->cipher,
		c->compression,
		c->share_type,
		(uint8_t)c->smb1_offered,
		(uint8_t)c->is_signed,
		(uint8_t)c->encrypted,
		(uint8_t)c->guest,
		(uint8_t)c->complete,
		c->known & BH_KNOWN_AUTH_STATUS ? c->auth_status : 0,
		c->known & BH_KNOWN_SHARE_STATUS ? c->share_status : 0,
		c->client.family,
		c->server.family,
	};

	memcpy(ret, v, sizeof v);
}

enum { TEXTS = 6 };

static void texts(const struct bh_conversation *c, const char *ret[TEXTS])
{
	ret[0] = c->share;
	ret[1] = c->domain;
	ret[2] = c->user;
	ret[3] = c->server_name;
	ret[4] = c->workstation;
	ret[5] = c->service;
}

int bh_conversation_compare(const struct bh_conversation *a, const struct bh_conversation *b)
{
	const char *x[TEXTS], *y[TEXTS];
	uint32_t m[NUMBERS], n[NUMBERS];
	int r = bh_addr_compare(&a->server, &b->server);

	if (!r && a->port != b->port)
		r = a->port < b->port ? -1 : 1;
	if (!r)
		r = bh_addr_compare(&a->client, &b->client);
	texts(a, x);
	texts(b, y);
	for (size_t i = 0; !r && i < TEXTS; i++)
		r = strcmp(x[i], y[i]);
	numbers(a, m);
	numbers(b, n);
	for (size_t i = 0; !r && i < NUMBERS; i++)
		r = m[i] < n[i] ? -1 : m[i] > n[i];
	return r;
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
	const char *t[TEXTS];
	uint32_t n[NUMBERS];
	uint64_t h = mix(seed, 1);

	h = mix(h, (uint64_t)c->client.num);
	h = mix(h, (uint64_t)(c->client.num >> 64));
	h = mix(h, (uint64_t)c->server.num);
	h = mix(h, (uint64_t)(c->server.num >> 64));
	numbers(c, n);
	for (size_t i = 0; i < NUMBERS; i++)
		h = mix(h, n[i]);
	texts(c, t);
	for (size_t i = 0; i < TEXTS; i++)
		h = mix_text(h, t[i]);
	return mix(h, seed);
}
