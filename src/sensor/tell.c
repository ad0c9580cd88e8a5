#include <stdio.h>

#include "sensor/state.h"

#define PATIENCE (3 * BH_SECOND)

static void emit(struct bh_sensor *s, const struct bh_fact *f)
{
	if (!s->error)
		s->error = s->sink(s->ctx, f);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

void tell_leaf(struct bh_sensor *s, struct leaf *leaf, const struct bh_conversation *who,
	const struct bh_figures *figures, bool closed)
{
	uint64_t h = mix(bh_conversation_hash(who, 1), figures->bytes_to_server);

	h = mix(mix(h, figures->bytes_to_client), (uint64_t)figures->last_seen);
	h = mix(mix(h, (uint64_t)figures->first_seen), figures->connections * 2 + closed);
	h = mix(mix(h, figures->opens), figures->pipes);
	if (leaf->told && h == leaf->told_hash)
		return;
	struct bh_fact f = {
		.magic = BH_FACT_MAGIC,
		.kind = BH_FACT_LEAF,
		.leaf = leaf->id,
		.revision = ++leaf->revision,
		.leaf_is = { .who = *who, .figures = *figures, .closed = closed },
	};
	leaf->told = true;
	leaf->told_hash = h;
	emit(s, &f);
}

void tell_gone(struct bh_sensor *s, struct leaf *leaf)
{
	if (!leaf->told)
		return;
	struct bh_fact f = {
		.magic = BH_FACT_MAGIC,
		.kind = BH_FACT_LEAF_GONE,
		.leaf = leaf->id,
		.revision = ++leaf->revision,
	};
	leaf->told = false;
	emit(s, &f);
}

/* ---- what is known of a connection, a session, a tree ---- */

static uint8_t outcome(const struct bh_sensor *s, const struct flow *f)
{
	if (f->answered)
		return BH_ANSWERED;
	if (f->refused)
		return BH_REFUSED;
	if (f->retried || (f->syn[f->client] && s->latest - f->syn_at >= PATIENCE))
		return BH_SILENT;
	return BH_OUTCOME_UNKNOWN;
}

static uint8_t dialect(const struct flow *f)
{
	if (f->negotiated.dialect)
		return f->negotiated.dialect;
	/* Samba calls by the name of NT LANMAN 1.0 what is NT LM 0.12. */
	if (f->choice_seen && f->offer_seen && f->choice.index < f->offer.count)
		return f->offer.dialect[f->choice.index];
	if (f->nt_seen || (f->choice_seen && f->choice.nt))
		return BH_DIALECT_NT_LM_012;
	return f->smb1_seen ? BH_DIALECT_SMB1_OTHER : BH_DIALECT_UNKNOWN;
}

static bool complete(const struct flow *f)
{
	return f->stream[f->client].whole && (!f->answered || f->stream[!f->client].whole);
}

static void known_text(struct bh_conversation *c, uint8_t bit, char *field, const char *text)
{
	size_t size = bit == BH_KNOWN_SHARE ? BH_SHARE_TEXT : BH_NAME_TEXT;

	c->known |= bit;
	memcpy(field, text, size);
}

static void known_name(
	struct bh_conversation *c, uint8_t bit, char *field, const char name[BH_NETBIOS_TEXT])
{
	c->known |= bit;
	memcpy(field, name, BH_NETBIOS_TEXT);
}

static void connection(const struct bh_sensor *s, const struct flow *f, struct bh_conversation *c)
{
	bh_conversation_init(c);
	c->client = f->addr[f->client];
	c->server = f->addr[!f->client];
	c->port = f->port[!f->client];
	c->transport = c->port == 139 ? BH_TRANSPORT_NBSS139 : BH_TRANSPORT_TCP445;
	c->outcome = outcome(s, f);
	c->dialect = dialect(f);
	if (f->negotiated_seen)
		c->signing_server = bh_signing_of(f->negotiated.security_mode);
	else if (f->choice_seen)
		c->signing_server = f->choice.signing;
	c->signing_client = f->signing_client;
	c->signing_algorithm = f->negotiated.signing_algorithm;
	c->cipher = f->negotiated.cipher;
	c->compression = f->negotiated.compression;
	c->smb1_offered = f->offer_seen ? 1 : f->smb2_first ? 0 : BH_UNKNOWN;
	c->encrypted = f->sealed_seen ? 1 : BH_UNKNOWN;
	c->complete = complete(f);
	if (f->netname[0])
		known_text(c, BH_KNOWN_SERVER_NAME, c->server_name, f->netname);
	else if (f->nbss.called[0])
		known_name(c, BH_KNOWN_SERVER_NAME, c->server_name, f->nbss.called);
	if (f->nbss.calling[0])
		known_name(c, BH_KNOWN_WORKSTATION, c->workstation, f->nbss.calling);
}

static void of_identity(const struct bh_identity *id, struct bh_conversation *c)
{
	c->auth = id->auth;
	c->ntlm = id->ntlm;
	c->known |= id->known;
	memcpy(c->user, id->user, sizeof c->user);
	memcpy(c->domain, id->domain, sizeof c->domain);
	memcpy(c->service, id->service, sizeof c->service);
	if (id->known & BH_KNOWN_WORKSTATION) /* better than a NetBIOS name */
		memcpy(c->workstation, id->workstation, sizeof c->workstation);
}

static void of_session(const struct session *e, struct bh_conversation *c)
{
	of_identity(&e->who, c);
	if (!c->auth && !(c->known & BH_KNOWN_USER) && e->flags & BH_SESSION_NULL)
		c->auth = BH_AUTH_ANONYMOUS;
	if (e->answered) {
		c->known |= BH_KNOWN_AUTH_STATUS;
		c->auth_status = e->status;
	}
	if (e->ok)
		c->guest = e->flags & BH_SESSION_GUEST ? 1 : 0;
	if (e->signed_seen)
		c->is_signed = 1;
	else if (e->ok && e->unsigned_seen)
		c->is_signed = 0;
	if (e->sealed_seen || (e->ok && e->flags & BH_SESSION_ENCRYPTED))
		c->encrypted = 1;
	else
		c->encrypted = e->clear ? 0 : BH_UNKNOWN;
}

static void of_tree(const struct session *e, const struct tree *t, struct bh_conversation *c)
{
	if (t->named) {
		known_text(c, BH_KNOWN_SHARE, c->share, t->share);
		memset(c->server_name, 0, sizeof c->server_name);
		bh_unc_host(t->share, c->server_name);
		c->known |= BH_KNOWN_SERVER_NAME;
	}
	if (t->answered) {
		c->known |= BH_KNOWN_SHARE_STATUS;
		c->share_status = t->status;
	}
	c->share_type = t->type;
	if (t->encrypted || (e->ok && e->flags & BH_SESSION_ENCRYPTED))
		c->encrypted = 1;
	else /* what was seen of it was seen in clear; the answer would say more */
		c->encrypted = t->named && !t->answered ? BH_UNKNOWN : 0;
}

/* ---- which leaves there are ---- */

/* A tree whose TREE_CONNECT was not seen: in a connection seen whole that is noise. */
static bool visible(const struct flow *f, const struct tree *t)
{
	return t->named || t->answered || !complete(f);
}

static void shown_trees(
	const struct flow *f, const struct session *e, unsigned *trees, unsigned *encrypted)
{
	*trees = *encrypted = 0;
	for (const struct tree *t = e->trees; t; t = t->next) {
		*trees += visible(f, t);
		*encrypted += visible(f, t) && t->encrypted;
	}
}

static void one_tree(struct bh_sensor *s, struct flow *f, struct session *e, struct tree *t,
	unsigned encrypted, bool closed)
{
	struct bh_conversation who;
	struct bh_figures figures = t->leaf.figures;

	connection(s, f, &who);
	of_session(e, &who);
	of_tree(e, t, &who);
	figures.connections = !t->again;
	if (share_has_pipes(t))
		figures.pipes = t->pipes;
	if (t->encrypted && encrypted == 1)
		bh_figures_add(&figures, &e->sealed.figures);
	tell_leaf(s, &t->leaf, &who, &figures, closed);
}

/* Encrypted messages beside known trees none of which demands encryption. */
static void one_sealed(struct bh_sensor *s, struct flow *f, struct session *e, bool closed)
{
	struct bh_conversation who;
	struct bh_figures figures = e->sealed.figures;

	connection(s, f, &who);
	of_session(e, &who);
	figures.connections = 1;
	tell_leaf(s, &e->sealed, &who, &figures, closed);
}

static void one_session(struct bh_sensor *s, struct flow *f, struct session *e, bool closed)
{
	unsigned trees, encrypted;
	struct bh_conversation who;

	shown_trees(f, e, &trees, &encrypted);
	if (!trees) {
		struct bh_figures figures = e->leaf.figures;
		connection(s, f, &who);
		of_session(e, &who);
		figures.connections = 1;
		tell_gone(s, &e->sealed);
		tell_leaf(s, &e->leaf, &who, &figures, closed);
		return;
	}
	tell_gone(s, &e->leaf);
	for (struct tree *t = e->trees; t; t = t->next) {
		if (visible(f, t))
			one_tree(s, f, e, t, encrypted, closed);
	}
	if (e->sealed_seen && !encrypted && !(e->ok && e->flags & BH_SESSION_ENCRYPTED))
		one_sealed(s, f, e, closed);
	else
		tell_gone(s, &e->sealed);
}

void tell_session(struct bh_sensor *s, struct flow *f, struct session *e)
{
	tell_gone(s, &f->leaf);
	one_session(s, f, e, true);
}

void tell_tree(struct bh_sensor *s, struct flow *f, struct session *e, struct tree *t)
{
	unsigned trees, encrypted;

	tell_gone(s, &f->leaf);
	tell_gone(s, &e->leaf);
	shown_trees(f, e, &trees, &encrypted);
	if (visible(f, t))
		one_tree(s, f, e, t, encrypted, true);
}

void tell_flow(struct bh_sensor *s, struct flow *f, bool closed)
{
	if (f->foreign || (!f->dirty && !closed))
		return;
	if (!f->sessions && !f->leaf.told && !stranger_tellable(s, f)) {
		s->tally.evicted += closed && !f->given_up;
		return;
	}
	f->dirty = false;
	if (f->sessions) {
		tell_gone(s, &f->leaf);
		for (struct session *e = f->sessions; e; e = e->next)
			one_session(s, f, e, closed);
		return;
	}
	struct bh_conversation who;
	struct bh_figures figures = f->leaf.figures;
	connection(s, f, &who);
	figures.connections = 1;
	tell_leaf(s, &f->leaf, &who, &figures, closed);
}

/* ---- the rest ---- */

void tell_tally(struct bh_sensor *s)
{
	struct bh_fact f = {
		.magic = BH_FACT_MAGIC,
		.kind = BH_FACT_TALLY,
		.revision = ++s->tally_revision,
		.tally = s->tally,
	};
	emit(s, &f);
}

void tell_end(struct bh_sensor *s)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_END };

	emit(s, &f);
}

void tell_problem(struct bh_sensor *s, uint64_t offset, const char *text, bool record)
{
	struct bh_fact f = {
		.magic = BH_FACT_MAGIC,
		.kind = BH_FACT_PROBLEM,
		.problem.offset = offset,
		.problem.record = record,
	};
	snprintf(f.problem.text, sizeof f.problem.text, "%s", text);
	emit(s, &f);
}

void tell_share(struct bh_sensor *s, const struct bh_share_seen *share)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_SHARE, .share = *share };

	emit(s, &f);
}

void tell_events(struct bh_sensor *s, const struct bh_event_count *e)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_EVENTS, .events = *e };

	emit(s, &f);
}

void tell_named(struct bh_sensor *s, const struct bh_name_seen *n)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME, .name = *n };

	emit(s, &f);
}

void tell_referral(struct bh_sensor *s, const struct bh_referral *r)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_REFERRAL, .referral = *r };

	emit(s, &f);
}
