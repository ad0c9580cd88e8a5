#include "sensor/state.h"

static void disconnected(struct talk *t, struct session *e)
{
	struct tree *tree = t->m->response && t->m->tree_id ? tree_find(e, t->m->tree_id) : NULL;

	if (tree)
		tree->open = false;
}

static void signature(struct talk *t, struct session *e)
{
	*(t->m->is_signed ? &e->signed_seen : &e->unsigned_seen) = true;
}

static BH_HOT void smb2(struct talk *t)
{
	const struct bh_message *m = t->m;
	struct session *e = NULL;

	if (m->command == BH_SMB2_NEGOTIATE) {
		logon_smb2_negotiate(t);
		return;
	}
	if (m->command == BH_SMB2_SESSION_SETUP) {
		e = logon_smb2_session(t);
		if (e)
			figures_add(&e->leaf.figures, t->s->now, t->to_server, m->length);
		return;
	}
	if (!m->session_id || m->session_id == BH_SMB2_RELATED_SESSION)
		return;
	e = session_find(t->f, m->session_id);
	if (!e)
		e = session_get(t->s, t->f, m->session_id);
	if (!e)
		return;
	e->clear = true;
	signature(t, e);
	figures_add(&e->leaf.figures, t->s->now, t->to_server, m->length);
	if (m->command == BH_SMB2_TREE_CONNECT) {
		share_smb2_connect(t, e);
		return;
	}
	share_message(t, e);
	if (m->command == BH_SMB2_TREE_DISCONNECT)
		disconnected(t, e);
	if (m->command == BH_SMB2_LOGOFF)
		e->logoff[m->response] = true;
}

/* Share-level security knows no users: what is done without a UID has a session of its
 * own, beyond the 16 bits of any UID. */
#define NO_UID 0x10000u

static bool connects(const struct bh_message *m)
{
	return m->command == BH_SMB1_TREE_CONNECT || m->command == BH_SMB1_TREE_CONNECT_OLD;
}

/* UIDs are ours for a connection; 0 and 0xffff mean none, and so does 0xfffe. */
static uint64_t uid(const struct bh_message *m)
{
	if (m->session_id && m->session_id < 0xfffe)
		return m->session_id;
	return m->command != BH_SMB1_SESSION_SETUP && (m->tree_id || connects(m)) ? NO_UID : 0;
}

static BH_RARE void smb1(struct talk *t)
{
	struct bh_message m = *t->m;
	struct talk u = { t->s, t->f, &m, t->to_server };
	struct session *e;

	t->f->nt_seen |= m.nt;
	if (m.command == BH_SMB1_NEGOTIATE) {
		logon_smb1_negotiate(t);
		return;
	}
	t->f->smb1_seen = true;
	m.session_id = uid(&m);
	if (m.command == BH_SMB1_SESSION_SETUP)
		e = logon_smb1_session(&u);
	else
		e = m.session_id ? session_get(t->s, t->f, m.session_id) : NULL;
	if (!e)
		return;
	figures_add(&e->leaf.figures, t->s->now, t->to_server, m.length);
	if (m.is_signed)
		e->signed_seen = true;
	if (m.command == BH_SMB1_SESSION_SETUP) {
		share_smb1_connect(&u, e);
		return;
	}
	e->clear = true;
	signature(&u, e);
	if (connects(&m))
		share_smb1_connect(&u, e);
	else
		share_message(&u, e);
	if (m.command == BH_SMB1_TREE_DISCONNECT)
		disconnected(&u, e);
	if (m.command == BH_SMB1_LOGOFF)
		e->logoff[m.response] = true;
}

static void sealed(struct talk *t)
{
	struct session *e = NULL;

	t->f->sealed_seen = true;
	if (t->m->session_id)
		e = session_get(t->s, t->f, t->m->session_id);
	else if (t->f->n_sessions == 1)
		e = t->f->sessions;
	if (!e)
		return;
	e->sealed_seen = true;
	figures_add(&e->leaf.figures, t->s->now, t->to_server, t->m->length);
	figures_add(&e->sealed.figures, t->s->now, t->to_server, t->m->length);
}

/* Of a compressed message the header is all there is to see; none of those that set
 * something up is ever compressed. */
static void compressed(struct talk *t)
{
	if (t->m->session_id && t->m->command > BH_SMB2_TREE_CONNECT)
		smb2(t);
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

static bool has_role(const struct bh_message *m)
{
	return m->kind == BH_MESSAGE_SMB1 || m->kind == BH_MESSAGE_SMB2 ||
	       (m->kind == BH_MESSAGE_COMPRESSED && m->session_id);
}

void talk_message(struct bh_sensor *s, struct flow *f, unsigned side, const struct bh_message *m)
{
	struct talk t = { s, f, m, side == f->client };

	f->dirty = true;
	if (m->first && m->kind != BH_MESSAGE_CONTROL)
		s->tally.messages++;
	if (has_role(m) && !roles_agree(&t)) {
		talk_malformed(&t);
		return;
	}
	if (!f->sessions)
		figures_add(&f->leaf.figures, s->now, t.to_server, m->length);
	switch (m->kind) {
	case BH_MESSAGE_CONTROL: logon_nbss(&t); break;
	case BH_MESSAGE_SMB1: smb1(&t); break;
	case BH_MESSAGE_SMB2: smb2(&t); break;
	case BH_MESSAGE_ENCRYPTED: sealed(&t); break;
	case BH_MESSAGE_COMPRESSED: compressed(&t); break;
	case BH_MESSAGE_MALFORMED: talk_malformed(&t); break;
	default: break;
	}
	f->spoke |= (uint8_t)(1u << t.to_server);
	if (f->acquaintance == STRANGER && f->sessions && f->spoke == 3)
		flow_known(s, f);
}

static const struct session *session_of(const struct flow *f, const struct bh_message *m)
{
	uint64_t id = m->kind == BH_MESSAGE_SMB1 ? uid(m) : m->session_id;
	const struct session *e = f->sessions;

	while (e && e->id != id)
		e = e->next;
	return e;
}

bool talk_wants(const struct flow *f, const struct bh_message *m)
{
	const struct session *e = session_of(f, m);

	for (const struct tree *t = e ? e->trees : NULL; t; t = t->next) {
		if (t->id == m->tree_id && t->type)
			return t->type == BH_SHARE_PIPE;
	}
	return m->length <= BH_MAX_PEEK || (m->response && talk_lists(f, m));
}

bool talk_lists(const struct flow *f, const struct bh_message *m)
{
	const struct session *e = session_of(f, m);

	return e && listing_tree(e, m);
}

void talk_end(struct bh_sensor *s, struct flow *f)
{
	struct bh_message none = { 0 };
	struct talk t = { s, f, &none, true };

	while (f->pending) {
		struct pending *p = f->pending;
		if (p->is_tree && p->session && p->asked)
			share_unanswered(&t, p);
		else
			pending_drop(s, f, p);
	}
}
