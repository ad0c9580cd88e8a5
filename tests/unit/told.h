/*
 * told: what the sensor says, kept as an inventory would keep it, and whether one telling
 * is explained by another.
 */
#pragma once

#include "sensor/sensor.h"
#include "tap.h"

enum { MAX_LEAVES = 256 };

struct told {
	struct bh_fact leaf[MAX_LEAVES];
	size_t n;
	struct bh_tally tally;
	unsigned ended, insane, problems;
};

static inline int hear(void *ctx, const struct bh_fact *f)
{
	struct told *t = ctx;

	t->insane += !bh_fact_sane(f);
	t->ended += f->kind == BH_FACT_END;
	t->problems += f->kind == BH_FACT_PROBLEM;
	if (f->kind == BH_FACT_TALLY)
		t->tally = f->tally;
	if (f->kind != BH_FACT_LEAF && f->kind != BH_FACT_LEAF_GONE)
		return 0;
	size_t i = 0;
	while (i < t->n && t->leaf[i].leaf != f->leaf)
		i++;
	if (i == t->n && t->n < MAX_LEAVES)
		t->n++;
	if (i < MAX_LEAVES)
		t->leaf[i] = *f;
	return 0;
}

static inline int by_identity(const void *a, const void *b)
{
	const struct bh_fact *x = a, *y = b;

	int r = bh_conversation_compare(&x->leaf_is.who, &y->leaf_is.who);
	const struct bh_figures *f = &x->leaf_is.figures, *g = &y->leaf_is.figures;

	/* The same, done again. */
	if (!r)
		r = (f->bytes_to_server > g->bytes_to_server) -
		    (f->bytes_to_server < g->bytes_to_server);
	if (!r)
		r = (f->bytes_to_client > g->bytes_to_client) -
		    (f->bytes_to_client < g->bytes_to_client);
	return r;
}

/* Gone leaves out, the rest in an order that does not depend on how they were told. */
static inline void settle(struct told *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->leaf[i].kind == BH_FACT_LEAF)
			t->leaf[n++] = t->leaf[i];
	}
	t->n = n;
	qsort(t->leaf, n, sizeof t->leaf[0], by_identity);
}

static inline bool same_rows(const struct told *a, const struct told *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct bh_figures *f = &a->leaf[i].leaf_is.figures;
		const struct bh_figures *g = &b->leaf[i].leaf_is.figures;
		if (!bh_conversation_equal(&a->leaf[i].leaf_is.who, &b->leaf[i].leaf_is.who))
			return false;
		if (f->connections != g->connections || f->bytes_to_client != g->bytes_to_client ||
			f->bytes_to_server != g->bytes_to_server || f->opens != g->opens ||
			f->pipes != g->pipes)
			return false;
	}
	return true;
}

/* Names are known from more than one place, and the better one is told: that of a share's path
 * rather than those of NEGOTIATE and the NetBIOS session, that of the logon rather than the
 * calling name.  A lesser name may thus be replaced by what comes later. */
static inline bool names_explained(const struct bh_conversation *a, const struct bh_conversation *b)
{
	bool better_server = b->known & ~a->known & BH_KNOWN_SHARE;
	bool better_client = b->known & ~a->known & BH_KNOWN_USER;

	return (!(a->known & BH_KNOWN_SERVER_NAME) || better_server ||
		       !strcmp(a->server_name, b->server_name)) &&
	       (!(a->known & BH_KNOWN_WORKSTATION) || better_client ||
		       !strcmp(a->workstation, b->workstation));
}

/* Is row a what row b says, where a says anything?  (`complete` tells of the capture: a gap
 * that comes later is not seen in what comes before it.) */
static inline bool explained(const struct bh_conversation *a, const struct bh_conversation *b)
{
#define AS_KNOWN(bit, field)                                                                       \
	(!(a->known & (bit)) || (b->known & (bit) && !strcmp(a->field, b->field)))
#define OR_ZERO(field)    (!a->field || a->field == b->field)
#define OR_UNKNOWN(field) (a->field < 0 || a->field == b->field)
	return AS_KNOWN(BH_KNOWN_SHARE, share) && AS_KNOWN(BH_KNOWN_USER, user) &&
	       AS_KNOWN(BH_KNOWN_DOMAIN, domain) && AS_KNOWN(BH_KNOWN_SERVICE, service) &&
	       names_explained(a, b) &&
	       (!(a->known & BH_KNOWN_AUTH_STATUS) || a->auth_status == b->auth_status) &&
	       (!(a->known & BH_KNOWN_SHARE_STATUS) || a->share_status == b->share_status) &&
	       (OR_ZERO(dialect) || (bh_dialect_smb1(a->dialect) && bh_dialect_smb1(b->dialect))) &&
	       OR_ZERO(auth) && OR_ZERO(ntlm) && OR_ZERO(signing_server) &&
	       OR_ZERO(signing_client) && OR_ZERO(cipher) && OR_ZERO(signing_algorithm) &&
	       OR_ZERO(compression) && OR_ZERO(share_type) && OR_ZERO(outcome) &&
	       OR_UNKNOWN(smb1_offered) && OR_UNKNOWN(is_signed) && OR_UNKNOWN(encrypted) &&
	       OR_UNKNOWN(guest) && a->port == b->port && bh_addr_equal(&a->client, &b->client) &&
	       bh_addr_equal(&a->server, &b->server);
}

/* A row in one line, for whoever must find out why. */
static inline void show_row(const char *which, const struct bh_conversation *c)
{
	printf("#   %s '%s' %x, '%s\\%s' on '%s', auth %u/%u %x, dialect %u, signing %u %u, smb1 %d, "
	       "signed %d, encrypted %d, guest %d, complete %d, outcome %u, name '%s'\n",
		which, c->share, c->share_status, c->domain, c->user, c->workstation, c->auth,
		c->ntlm, c->auth_status, c->dialect, c->signing_server, c->signing_client,
		c->smb1_offered, c->is_signed, c->encrypted, c->guest, c->complete, c->outcome,
		c->server_name);
}

static inline void expect_explained(
	const struct told *whole, const struct told *part, const char *what, size_t at)
{
	for (size_t i = 0; i < part->n; i++) {
		const struct bh_conversation *a = &part->leaf[i].leaf_is.who;
		uint32_t pipes = part->leaf[i].leaf_is.figures.pipes;
		bool found = false;
		for (size_t k = 0; k < whole->n; k++)
			found |= explained(a, &whole->leaf[k].leaf_is.who) &&
				 !(pipes & ~whole->leaf[k].leaf_is.figures.pipes);
		EXPECT(found);
		if (found || tap_bad > 3)
			continue;
		printf("# %s at %zu\n", what, at);
		show_row("invented", a);
		for (size_t k = 0; k < whole->n; k++)
			show_row("whole   ", &whole->leaf[k].leaf_is.who);
	}
}
