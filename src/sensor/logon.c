#include "sensor/state.h"

/* ---- NEGOTIATE ---- */

void logon_nbss(struct talk *t)
{
	if (t->to_server && t->m->command == BH_NBSS_REQUEST &&
		bh_nbss_request(t->m->body, &t->f->nbss))
		talk_malformed(t);
}

static void smb2_offer(struct talk *t)
{
	struct bh_negotiate_request q;
	struct flow *f = t->f;

	if (bh_smb2_negotiate_request(t->m->body, &q)) {
		talk_malformed(t);
		return;
	}
	f->signing_client = bh_signing_of(q.security_mode);
	memcpy(f->netname, q.netname, sizeof f->netname);
	/* After an SMB1 NEGOTIATE, which uses number 0 up, it would be 1:
	 * [MS-SMB2] 3.3.5.3.1. */
	if (!t->m->message_id)
		f->smb2_first = true;
}

static void smb2_choice(struct talk *t)
{
	struct bh_negotiated a;
	struct flow *f = t->f;

	if (bh_smb2_negotiate_response(t->m->body, &a)) {
		talk_malformed(t);
		return;
	}
	if (a.wire_dialect == BH_DIALECT_WILDCARD && f->negotiated.dialect)
		return; /* overtaken by what came of it */
	f->negotiated = a;
	f->negotiated_seen = true;
}

void logon_smb2_negotiate(struct talk *t)
{
	if (t->to_server)
		smb2_offer(t);
	else if (!BH_STATUS_IS_ERROR(t->m->status))
		smb2_choice(t);
}

void logon_smb1_negotiate(struct talk *t)
{
	struct flow *f = t->f;

	if (t->to_server) {
		if (bh_smb1_negotiate_request(t->m->body, &f->offer))
			talk_malformed(t);
		else
			f->offer_seen = true;
	} else if (!BH_STATUS_IS_ERROR(t->m->status)) {
		if (bh_smb1_negotiate_response(t->m->body, &f->choice))
			talk_malformed(t);
		else
			f->choice_seen = true;
	}
}

/* ---- SESSION_SETUP ---- */

static void claim(struct session *e, const struct bh_identity *id)
{
	if ((!id->auth && !id->known) || (e->ok && e->who.known))
		return; /* says nothing, or renews what was granted */
	if (!id->known) {
		/* NTLM begins; nobody is named yet, and it may end up anonymous. */
		if (e->who.auth == BH_AUTH_KERBEROS)
			e->who = (struct bh_identity){ 0 };
		return;
	}
	e->who = *id;
}

/* The session that this exchange is about, from either of its two messages. */
static struct session *exchange(struct talk *t, bool asked)
{
	const struct bh_message *m = t->m;
	struct pending *p = pending_find(t->f, false, m->message_id);
	struct session *e = p ? p->session : NULL;

	if (e && m->session_id && e->id != m->session_id) {
		struct session *known = session_find(t->f, m->session_id);
		if (e->id) {
			e = NULL; /* a number used twice: the answer names its own */
			pending_drop(t->s, t->f, p);
			p = NULL;
		} else if (known) {
			session_merge(t->s, t->f, known, e);
			e = known;
		} else {
			e->id = m->session_id;
		}
	}
	if (!e)
		e = m->session_id ? session_get(t->s, t->f, m->session_id)
				  : session_new(t->s, t->f);
	if (!e)
		return NULL;
	p = pending_find(t->f, false, m->message_id);
	if (!p)
		p = pending_add(t->s, t->f, false, m->message_id);
	if (p) {
		p->session = e;
		*(asked ? &p->asked : &p->answered) = true;
		if (p->asked && p->answered)
			pending_drop(t->s, t->f, p);
	}
	return e;
}

static void answer(struct session *e, uint32_t status, uint16_t flags)
{
	if (status == BH_STATUS_MORE_PROCESSING || e->ok)
		return;
	e->status = status;
	e->answered = true;
	if (!BH_STATUS_IS_ERROR(status)) {
		e->ok = true;
		e->flags = flags;
	}
}

static struct session *smb2_request(struct talk *t)
{
	struct bh_session_request q;
	struct bh_identity id = { 0 };

	if (bh_smb2_session_request(t->m->body, &q)) {
		talk_malformed(t);
		return NULL;
	}
	struct session *e = exchange(t, true);
	if (!e)
		return NULL;
	e->joins |= q.binding;
	if (bh_identity_read(q.token, &id))
		talk_malformed(t);
	else
		claim(e, &id);
	channel_join(t->s, e);
	return e;
}

static struct session *smb2_response(struct talk *t)
{
	uint32_t status = t->m->status;
	uint16_t flags = 0;

	if (status == BH_STATUS_PENDING)
		return NULL;
	if (!BH_STATUS_IS_ERROR(status) && bh_smb2_session_response(t->m->body, &flags)) {
		talk_malformed(t);
		return NULL;
	}
	struct session *e = exchange(t, false);
	if (!e)
		return NULL;
	if (t->m->is_signed)
		e->signed_seen = true;
	answer(e, status, flags);
	if (e->joins)
		channel_join(t->s, e);
	else if (e->ok)
		channel_add(t->s, e);
	return e;
}

struct session *logon_smb2_session(struct talk *t)
{
	return t->to_server ? smb2_request(t) : smb2_response(t);
}

static struct session *smb1_request(struct talk *t)
{
	struct bh_identity id = { 0 };
	int r = bh_smb1_session_request(t->m->body, &id);
	struct session *e = exchange(t, true);

	if (r)
		talk_malformed(t);
	else if (e)
		claim(e, &id);
	return e;
}

/* The status is that of the last in the chain.  A set-up that failed says nothing more; one
 * that still tells its words went well, and what rides behind it did not: [MS-CIFS]
 * 3.3.5.2.3. */
static struct session *smb1_response(struct talk *t)
{
	uint32_t status = t->m->status;
	bool guest = false;
	int r = bh_smb1_session_response(t->m->body, &guest);

	if (BH_STATUS_IS_ERROR(status)) {
		if (!r && t->m->session_id && status != BH_STATUS_MORE_PROCESSING)
			status = 0;
		r = 0;
	}
	if (r) {
		talk_malformed(t);
		return NULL;
	}
	struct session *e = exchange(t, false);
	if (e)
		answer(e, status, guest ? BH_SESSION_GUEST : 0);
	return e;
}

struct session *logon_smb1_session(struct talk *t)
{
	return t->to_server ? smb1_request(t) : smb1_response(t);
}
