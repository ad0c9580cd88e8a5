#include "model/pipe.h"
#include "sensor/state.h"

#include <strings.h>

/* ---- TREE_CONNECT ---- */

/* Both messages are there, or the connection is over and only one ever came. */
static void settle(struct talk *t, struct session *e, struct pending *p, struct tree *tree)
{
	if (p->share[0] && !tree->named) {
		memcpy(tree->share, p->share, sizeof tree->share);
		tree->named = true;
	}
	/* A server that says no type has given what was asked for. */
	if (!tree->type && tree->answered && !BH_STATUS_IS_ERROR(tree->status))
		tree->type = p->type;
	bh_figures_add(&tree->leaf.figures, &p->figures);
	pending_drop(t->s, t->f, p);
	(void)tree_settle(t->s, t->f, e, tree);
}

static void ask(struct talk *t, struct session *e, const struct bh_tree_request *q)
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
	memcpy(p->share, q->share, sizeof p->share);
	p->type = q->type;
	p->asked = true;
	figures_add(&p->figures, t->s->now, true, t->m->length);
	if (p->answered && p->tree)
		settle(t, e, p, p->tree);
}

/* The tree an answer makes: one already seen under that number, or a new one. */
static struct tree *granted(struct talk *t, struct session *e, uint32_t id)
{
	bool error = BH_STATUS_IS_ERROR(t->m->status);
	struct tree *tree = id && !error ? tree_find(e, id) : NULL;

	if (tree && (tree->answered || tree->named)) {
		tree->open = false; /* the number is used again */
		tree->id = 0;
		tree = NULL;
	}
	if (!tree)
		tree = tree_new(t->s, t->f, e);
	if (tree) {
		tree->id = error ? 0 : id;
		tree->open = !error;
	}
	return tree;
}

static void answer(struct talk *t, struct session *e, const struct bh_tree_response *a)
{
	struct tree *tree = granted(t, e, a->tree_id ? a->tree_id : t->m->tree_id);
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

void share_smb2_connect(struct talk *t, struct session *e)
{
	struct bh_tree_request q;
	struct bh_tree_response a = { 0 };

	if (t->to_server) {
		if (bh_smb2_tree_request(t->m->body, &q))
			talk_malformed(t);
		else
			ask(t, e, &q);
	} else if (t->m->status != BH_STATUS_PENDING) {
		if (!BH_STATUS_IS_ERROR(t->m->status) && bh_smb2_tree_response(t->m->body, &a))
			talk_malformed(t);
		else
			answer(t, e, &a);
	}
}

/* Alone, or behind a session set-up. */
void share_smb1_connect(struct talk *t, struct session *e)
{
	struct bh_tree_request q;
	struct bh_tree_response a = { 0 };
	bool rides = t->m->command == BH_SMB1_SESSION_SETUP;
	bool error = BH_STATUS_IS_ERROR(t->m->status);
	int r = 0;

	if (t->to_server) {
		r = bh_smb1_tree_request(t->m->body, &q);
		if (!r)
			ask(t, e, &q);
	} else {
		if (!error || rides)
			r = bh_smb1_tree_response(t->m->body, &a);
		if (error && r)
			return; /* the session was refused, the tree never tried */
		if (!r)
			answer(t, e, &a);
	}
	if (r && r != -ENOMSG)
		talk_malformed(t);
}

void share_unanswered(struct talk *t, struct pending *p)
{
	struct tree *tree = p->tree ? p->tree : tree_new(t->s, t->f, p->session);

	if (tree)
		settle(t, p->session, p, tree);
	else
		pending_drop(t->s, t->f, p);
}

/* ---- what is opened ---- */

bool share_has_pipes(const struct tree *tree)
{
	size_t n = strlen(tree->share);

	if (tree->type)
		return tree->type == BH_SHARE_PIPE;
	return tree->proof || (n >= 5 && !strcasecmp(tree->share + n - 5, "\\IPC$"));
}

static struct opening *opening_find(struct tree *tree, uint64_t message_id)
{
	for (unsigned i = 0; i < OPENINGS; i++) {
		struct opening *o = &tree->opening[i];
		if (o->message_id == message_id && (o->asked || o->opened))
			return o;
	}
	return NULL;
}

static void opening_add(struct tree *tree, const struct opening *o)
{
	tree->opening[tree->next_opening++ % OPENINGS] = *o;
}

static void open_asked(struct tree *tree, uint64_t message_id, uint32_t pipe)
{
	struct opening asked = { .message_id = message_id, .pipe = pipe, .asked = true };
	struct opening *o = opening_find(tree, message_id);

	if (o && o->opened) {
		tree->pipes |= pipe;
		*o = (struct opening){ 0 };
	} else if (o) {
		*o = asked;
	} else {
		opening_add(tree, &asked);
	}
}

static void open_answered(struct tree *tree, uint64_t message_id, uint32_t status)
{
	struct opening *o = opening_find(tree, message_id);
	bool ok = !BH_STATUS_IS_ERROR(status);

	tree->leaf.figures.opens += ok;
	if (o) {
		if (ok)
			tree->pipes |= o->pipe;
		*o = (struct opening){ 0 };
	} else if (ok && tree->type != BH_SHARE_DISK) {
		opening_add(tree, &(struct opening){ .message_id = message_id, .opened = true });
	}
}

/* A late answer names no tree, but the one that asked remembers its number. */
static void open_answered_late(struct talk *t, struct session *e)
{
	for (struct tree *tree = e->trees; tree; tree = tree->next) {
		const struct opening *o = opening_find(tree, t->m->message_id);
		if (!o || !o->asked)
			continue;
		open_answered(tree, t->m->message_id, t->m->status);
		return;
	}
}

/* The pipe whose name is being opened, if it is one. */
static BH_RARE uint32_t pipe_opened(struct talk *t)
{
	char name[BH_NAME_TEXT] = "";

	if (bh_open_name(t->m, name) == -EBADMSG)
		talk_malformed(t);
	return bh_pipe_bit(bh_span_of(name, strlen(name)));
}

static void opens(struct talk *t, struct tree *tree)
{
	const struct bh_message *m = t->m;

	if (!m->response)
		open_asked(tree, m->message_id, m->body.len ? pipe_opened(t) : 0);
	else if (m->status != BH_STATUS_PENDING)
		open_answered(tree, m->message_id, m->status);
}

static BH_RARE void answers(struct talk *t, struct session *e)
{
	struct tree *tree = listing_tree(e, t->m);

	if (tree)
		listing_answer(t, tree);
	else
		referral_answer(t);
}

static BH_RARE void carries(struct talk *t, struct session *e, struct tree *tree)
{
	struct bh_span data;
	uint32_t pipes;
	bool proof;

	if (t->m->response) {
		answers(t, e);
		return;
	}
	int r = bh_pipe_data(t->m, &proof, &data);
	if (r == -EBADMSG)
		talk_malformed(t);
	if (r)
		return;
	tree->proof |= proof;
	/* What is no bind may be anything at all. */
	if (!bh_rpc_bind(data, &pipes))
		tree->pipes |= pipes;
	else
		listing_asked(t, tree, data);
}

/* A message of a tree; its number may be seen before its TREE_CONNECT is. */
void share_message(struct talk *t, struct session *e)
{
	const struct bh_message *m = t->m;

	if (!m->tree_id || m->tree_id == BH_SMB2_RELATED_TREE) {
		if (m->is_async && m->act == BH_ACT_OPEN && m->status != BH_STATUS_PENDING)
			open_answered_late(t, e);
		if (m->is_async && m->act == BH_ACT_CARRY && m->body.len)
			answers(t, e);
		return;
	}
	struct tree *tree = tree_find(e, m->tree_id);
	if (!tree) {
		tree = tree_new(t->s, t->f, e);
		if (!tree)
			return;
		tree->id = m->tree_id;
		tree->open = true;
	}
	if (e->joins && !tree->named)
		channel_adopt(t->s, e, tree);
	figures_add(&tree->leaf.figures, t->s->now, t->to_server, m->length);
	if (m->act == BH_ACT_OPEN)
		opens(t, tree);
	else if (m->act == BH_ACT_CARRY && m->body.len)
		carries(t, e, tree);
}
