#include "sensor/state.h"

/* What one message needs to be understood. */
struct talk {
	struct bh_sensor *s;
	struct flow *f;
	const struct bh_message *m;
	bool to_server;
};

static void malformed(struct talk *t)
{
	t->s->tally.malformed++;
}

/* ---- NEGOTIATE ---- */

static void smb2_negotiate(struct talk *t)
{
	struct bh_negotiate_request q;
	struct bh_negotiated a;
	struct flow *f = t->f;

	if (t->to_server) {
		if (bh_smb2_negotiate_request(t->m->body, &q)) {
			malformed(t);
			return;
		}
		f->signing_client = bh_signing_of(q.security_mode);
		memcpy(f->netname, q.netname, sizeof f->netname);
		/* After an SMB1 NEGOTIATE, which uses number 0 up, it would be 1:
		 * [MS-SMB2] 3.3.5.3.1. */
		if (!t->m->message_id)
			f->smb2_first = true;
	} else if (!BH_STATUS_IS_ERROR(t->m->status)) {
		if (bh_smb2_negotiate_response(t->m->body, &a)) {
			malformed(t);
			return;
		}
		if (a.wire_dialect == BH_DIALECT_WILDCARD && f->negotiated.dialect)
			return; /* overtaken by what came of it */
		f->negotiated = a;
		f->negotiated_seen = true;
	}
}

static void smb1_negotiate(struct talk *t)
{
	struct flow *f = t->f;

	if (t->to_server) {
		if (bh_smb1_negotiate_request(t->m->body, &f->offer))
			malformed(t);
		else
			f->offer_seen = true;
	} else if (!BH_STATUS_IS_ERROR(t->m->status)) {
		if (bh_smb1_negotiate_response(t->m->body, &f->choice))
			malformed(t);
		else
			f->choice_seen = true;
	}
}

/* ---- SESSION_SETUP ---- */

static void claim(struct session *e, const struct bh_identity *id)
{
	if (!id->auth || (e->ok && e->who.known))
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

static void answer_session(struct session *e, uint32_t status, uint16_t flags)
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

static struct session *smb2_session_request(struct talk *t)
{
	struct bh_session_request q;
	struct bh_identity id = { 0 };

	if (bh_smb2_session_request(t->m->body, &q)) {
		malformed(t);
		return NULL;
	}
	struct session *e = exchange(t, true);
	if (e && bh_identity_read(q.token, &id))
		malformed(t);
	else if (e)
		claim(e, &id);
	return e;
}

static struct session *smb2_session_response(struct talk *t)
{
	uint32_t status = t->m->status;
	uint16_t flags = 0;

	if (status == BH_STATUS_PENDING)
		return NULL;
	if (!BH_STATUS_IS_ERROR(status) && bh_smb2_session_response(t->m->body, &flags)) {
		malformed(t);
		return NULL;
	}
	struct session *e = exchange(t, false);
	if (e) {
		if (t->m->is_signed)
			e->signed_seen = true;
		answer_session(e, status, flags);
	}
	return e;
}

/* ---- TREE_CONNECT ---- */

/* Both messages are there, or the connection is over and only one ever came. */
static void settle(struct talk *t, struct session *e, struct pending *p, struct tree *tree)
{
	if (p->share[0] && !tree->named) {
		memcpy(tree->share, p->share, sizeof tree->share);
		tree->named = true;
	}
	bh_figures_add(&tree->leaf.figures, &p->figures);
	pending_drop(t->s, t->f, p);
	(void)tree_settle(t->s, t->f, e, tree);
}

static void ask_tree(struct talk *t, struct session *e, const char *share)
{
	struct pending *p = pending_find(t->f, true, t->m->message_id);

	if (p && p->session != e) {
		pending_drop(t->s, t->f, p);
		p = NULL;
	}
	if (!p) {
		p = pending_add(t->s, t->f, true, t->m->message_id);
		if (!p)
			return;
		p->session = e;
	}
	memcpy(p->share, share, sizeof p->share);
	p->asked = true;
	figures_add(&p->figures, t->s->now, true, t->m->length);
	if (p->answered && p->tree)
		settle(t, e, p, p->tree);
}

/* The tree an answer makes: one already seen under that number, or a new one. */
static struct tree *granted(struct talk *t, struct session *e)
{
	const struct bh_message *m = t->m;
	bool error = BH_STATUS_IS_ERROR(m->status);
	struct tree *tree = m->tree_id && !error ? tree_find(e, m->tree_id) : NULL;

	if (tree && (tree->answered || tree->named)) {
		tree->open = false; /* the number is used again */
		tree->id = 0;
		tree = NULL;
	}
	if (!tree)
		tree = tree_new(t->s, t->f, e);
	if (tree) {
		tree->id = error ? 0 : m->tree_id;
		tree->open = !error;
	}
	return tree;
}

static void answer_tree(struct talk *t, struct session *e, const struct bh_tree_response *a)
{
	struct tree *tree = granted(t, e);
	struct pending *p = pending_find(t->f, true, t->m->message_id);

	if (!tree)
		return;
	tree->status = t->m->status;
	tree->type = a->type;
	tree->encrypted = a->encrypted;
	tree->answered = true;
	figures_add(&tree->leaf.figures, t->s->now, false, t->m->length);
	if (p && p->session == e && p->asked) {
		settle(t, e, p, tree);
		return;
	}
	if (!p)
		p = pending_add(t->s, t->f, true, t->m->message_id);
	if (p) {
		p->session = e;
		p->tree = tree;
		p->answered = true;
	}
}

static void smb2_tree(struct talk *t, struct session *e)
{
	struct bh_tree_request q;
	struct bh_tree_response a = { 0 };

	if (t->to_server) {
		if (bh_smb2_tree_request(t->m->body, &q))
			malformed(t);
		else
			ask_tree(t, e, q.share);
	} else if (t->m->status != BH_STATUS_PENDING) {
		if (!BH_STATUS_IS_ERROR(t->m->status) && bh_smb2_tree_response(t->m->body, &a))
			malformed(t);
		else
			answer_tree(t, e, &a);
	}
}

/* ---- everything else ---- */

/* A message of a tree; its number may be seen before its TREE_CONNECT is. */
static void tree_message(struct talk *t, struct session *e)
{
	struct tree *tree = tree_find(e, t->m->tree_id);

	if (!tree) {
		tree = tree_new(t->s, t->f, e);
		if (!tree)
			return;
		tree->id = t->m->tree_id;
		tree->open = true;
	}
	figures_add(&tree->leaf.figures, t->s->now, t->to_server, t->m->length);
}

static void smb2(struct talk *t)
{
	const struct bh_message *m = t->m;
	struct session *e = NULL;

	if (m->command == BH_SMB2_NEGOTIATE) {
		smb2_negotiate(t);
		return;
	}
	if (m->command == BH_SMB2_SESSION_SETUP) {
		e = t->to_server ? smb2_session_request(t) : smb2_session_response(t);
		if (e)
			figures_add(&e->leaf.figures, t->s->now, t->to_server, m->length);
		return;
	}
	if (!m->session_id || m->session_id == BH_SMB2_RELATED_SESSION)
		return;
	e = session_get(t->s, t->f, m->session_id);
	if (!e)
		return;
	e->clear = true;
	*(m->is_signed ? &e->signed_seen : &e->unsigned_seen) = true;
	figures_add(&e->leaf.figures, t->s->now, t->to_server, m->length);
	if (m->command == BH_SMB2_TREE_CONNECT) {
		smb2_tree(t, e);
	} else if (m->tree_id && m->tree_id != BH_SMB2_RELATED_TREE) {
		tree_message(t, e);
		if (m->command == BH_SMB2_TREE_DISCONNECT && m->response) {
			struct tree *tree = tree_find(e, m->tree_id);
			if (tree)
				tree->open = false;
		}
	}
}

static struct session *smb1_session(struct talk *t)
{
	struct bh_identity id = { 0 };
	bool guest = false;
	struct session *e;

	if (t->to_server) {
		int r = bh_smb1_session_request(t->m->body, &id);
		if (r)
			malformed(t);
		e = exchange(t, true);
		if (e && !r)
			claim(e, &id);
		return e;
	}
	if (!BH_STATUS_IS_ERROR(t->m->status) && bh_smb1_session_response(t->m->body, &guest)) {
		malformed(t);
		return NULL;
	}
	e = exchange(t, false);
	if (e)
		answer_session(e, t->m->status, guest ? BH_SESSION_GUEST : 0);
	return e;
}

static void smb1_tree(struct talk *t, struct session *e)
{
	struct bh_tree_request q;
	struct bh_tree_response a = { 0 };
	bool rides = t->m->command == BH_SMB1_SESSION_SETUP;
	int r = 0;

	if (t->to_server) {
		r = bh_smb1_tree_request(t->m->body, &q);
		if (!r)
			ask_tree(t, e, q.share);
	} else {
		if (!BH_STATUS_IS_ERROR(t->m->status))
			r = bh_smb1_tree_response(t->m->body, &a);
		else if (rides)
			return; /* the session was refused, the tree never tried */
		if (!r)
			answer_tree(t, e, &a);
	}
	if (r && r != -ENOMSG)
		malformed(t);
}

/* Share-level security knows no users: what is done without a UID has a session of its
 * own, beyond the 16 bits of any UID. */
#define NO_UID 0x10000u

/* UIDs are ours for a connection; 0 and 0xffff mean none. */
static void smb1(struct talk *t)
{
	struct bh_message m = *t->m;
	struct talk u = { t->s, t->f, &m, t->to_server };
	struct session *e;

	t->f->nt_seen |= m.nt;
	if (m.command == BH_SMB1_NEGOTIATE) {
		smb1_negotiate(t);
		return;
	}
	if (m.session_id >= 0xfffe)
		m.session_id = 0;
	if (!m.session_id && m.command != BH_SMB1_SESSION_SETUP &&
		(m.tree_id || m.command == BH_SMB1_TREE_CONNECT))
		m.session_id = NO_UID;
	if (m.command == BH_SMB1_SESSION_SETUP)
		e = smb1_session(&u);
	else
		e = m.session_id ? session_get(t->s, t->f, m.session_id) : NULL;
	if (!e)
		return;
	figures_add(&e->leaf.figures, t->s->now, t->to_server, m.length);
	if (m.command == BH_SMB1_SESSION_SETUP || m.command == BH_SMB1_TREE_CONNECT)
		smb1_tree(&u, e);
	else if (m.tree_id)
		tree_message(&u, e);
	if (m.command == BH_SMB1_TREE_DISCONNECT && m.response && m.tree_id) {
		struct tree *tree = tree_find(e, m.tree_id);
		if (tree)
			tree->open = false;
	}
	if (m.command != BH_SMB1_SESSION_SETUP)
		e->clear = true;
}

static void sealed(struct talk *t)
{
	struct session *e = t->m->session_id ? session_get(t->s, t->f, t->m->session_id) : NULL;

	t->f->sealed_seen = true;
	if (!e)
		return;
	e->sealed_seen = true;
	figures_add(&e->leaf.figures, t->s->now, t->to_server, t->m->length);
	figures_add(&e->sealed.figures, t->s->now, t->to_server, t->m->length);
}

/* Who is the server is said by the response flag, once; a SYN has said it before. */
static bool roles_agree(struct talk *t)
{
	struct flow *f = t->f;

	if (t->m->response != t->to_server) {
		f->roles_sure = true;
		return true;
	}
	if (f->roles_sure || f->syn[0] || f->syn[1])
		return false;
	f->client ^= 1;
	f->roles_sure = true;
	t->to_server = !t->to_server;
	return true;
}

void talk_message(struct bh_sensor *s, struct flow *f, unsigned side, const struct bh_message *m)
{
	struct talk t = { s, f, m, side == f->client };

	f->dirty = true;
	if (m->first && m->kind != BH_MESSAGE_CONTROL)
		s->tally.messages++;
	if (m->kind == BH_MESSAGE_SMB1 || m->kind == BH_MESSAGE_SMB2) {
		if (!roles_agree(&t)) {
			malformed(&t);
			return;
		}
	}
	figures_add(&f->leaf.figures, s->now, t.to_server, m->length);
	switch (m->kind) {
	case BH_MESSAGE_SMB1: smb1(&t); break;
	case BH_MESSAGE_SMB2: smb2(&t); break;
	case BH_MESSAGE_ENCRYPTED: sealed(&t); break;
	case BH_MESSAGE_MALFORMED: malformed(&t); break;
	default: break;
	}
}

void talk_end(struct bh_sensor *s, struct flow *f)
{
	struct bh_message none = { 0 };
	struct talk t = { s, f, &none, true };

	while (f->pending) {
		struct pending *p = f->pending;
		if (!p->is_tree || !p->session || !p->asked) {
			pending_drop(s, f, p);
			continue;
		}
		struct tree *tree = p->tree ? p->tree : tree_new(s, f, p->session);
		if (tree)
			settle(&t, p->session, p, tree);
		else
			pending_drop(s, f, p);
	}
}
