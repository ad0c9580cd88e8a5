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
