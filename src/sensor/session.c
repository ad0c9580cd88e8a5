#include <stdlib.h>

#include "sensor/state.h"

static void *node_new(struct bh_sensor *s, size_t size)
{
	if (s->n_nodes >= MAX_NODES) {
		/* The connection nobody has used for longest gives way; if that is the
		 * only one, there is no room. */
		struct flow *old = s->dropping ? NULL : flow_victim(s);
		s->tally.evicted++;
		if (!old)
			return NULL;
		old->given_up = true;
		flow_drop(s, old);
	}
	void *p = calloc(1, size);
	if (p)
		s->n_nodes++;
	return p;
}

static void node_free(struct bh_sensor *s, void *p)
{
	free(p);
	s->n_nodes--;
}

/* ---- trees ---- */

struct tree *tree_search(struct session *e, uint32_t id)
{
	for (struct tree **at = &e->trees; *at; at = &(*at)->next) {
		struct tree *t = *at;
		if (t->id != id)
			continue;
		*at = t->next;
		t->next = e->trees;
		e->trees = t;
		return t;
	}
	return NULL;
}

static void tree_unlink(struct bh_sensor *s, struct flow *f, struct session *e, struct tree *t)
{
	struct tree **at = &e->trees;

	for (struct pending *p = f->pending; p; p = p->next) {
		if (p->tree == t)
			p->tree = NULL;
	}
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	e->n_trees--;
	node_free(s, t);
}

struct tree *tree_new(struct bh_sensor *s, struct flow *f, struct session *e)
{
	if (e->n_trees >= MAX_TREES) {
		struct tree *last = e->trees;
		while (last->next)
			last = last->next;
		s->tally.evicted++;
		tell_tree(s, f, e, last);
		tree_unlink(s, f, e, last);
	}
	struct tree *t = node_new(s, sizeof *t);
	if (!t)
		return NULL;
	t->leaf.id = ++s->next_leaf;
	t->next = e->trees;
	e->trees = t;
	e->n_trees++;
	return t;
}

static bool same_tree(const struct tree *a, const struct tree *b)
{
	return a->named && b->named && a->answered && b->answered && a->status == b->status &&
	       a->type == b->type && a->encrypted == b->encrypted && !strcmp(a->share, b->share);
}

/* A client that connects to a share again and again has one leaf, not one each time;
 * what is open beside it counts bytes but no second connection. */
struct tree *tree_settle(struct bh_sensor *s, struct flow *f, struct session *e, struct tree *t)
{
	for (struct tree *o = e->trees; o; o = o->next) {
		if (o == t || !same_tree(o, t))
			continue;
		if (o->open) {
			t->again = true;
			continue;
		}
		o->id = t->id;
		o->open = t->open;
		o->pipes |= t->pipes;
		o->proof |= t->proof;
		memcpy(o->opening, t->opening, sizeof o->opening);
		bh_figures_add(&o->leaf.figures, &t->leaf.figures);
		tell_gone(s, &t->leaf);
		tree_unlink(s, f, e, t);
		return o;
	}
	return t;
}

/* ---- sessions ---- */

static void session_unlink(struct bh_sensor *s, struct flow *f, struct session *e)
{
	struct session **at = &f->sessions;

	for (struct pending *p = f->pending, *next; p; p = next) {
		next = p->next;
		if (p->session == e)
			pending_drop(s, f, p);
	}
	while (e->trees)
		tree_unlink(s, f, e, e->trees);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	f->n_sessions--;
	channel_remove(s, e);
	node_free(s, e);
}

struct session *session_search(struct flow *f, uint64_t id)
{
	for (struct session **at = &f->sessions; *at; at = &(*at)->next) {
		struct session *e = *at;
		if (e->id != id || session_over(e))
			continue;
		*at = e->next;
		e->next = f->sessions;
		f->sessions = e;
		return e;
	}
	return NULL;
}

struct session *session_new(struct bh_sensor *s, struct flow *f)
{
	if (f->n_sessions >= MAX_SESSIONS) {
		struct session *last = f->sessions;
		while (last->next)
			last = last->next;
		s->tally.evicted++;
		tell_session(s, f, last);
		session_unlink(s, f, last);
	}
	struct session *e = node_new(s, sizeof *e);
	if (!e)
		return NULL;
	e->leaf.id = ++s->next_leaf;
	e->sealed.id = ++s->next_leaf;
	e->flow = f;
	e->next = f->sessions;
	f->sessions = e;
	f->n_sessions++;
	return e;
}

struct session *session_get(struct bh_sensor *s, struct flow *f, uint64_t id)
{
	struct session *e = session_find(f, id);

	if (!e) {
		e = session_new(s, f);
		if (e)
			e->id = id;
	}
	return e;
}

void session_merge(struct bh_sensor *s, struct flow *f, struct session *into, struct session *from)
{
	if (!into->who.auth && !into->who.known)
		into->who = from->who;
	into->joins |= from->joins;
	bh_figures_add(&into->leaf.figures, &from->leaf.figures);
	for (struct pending *p = f->pending; p; p = p->next) {
		if (p->session == from)
			p->session = into;
	}
	tell_gone(s, &from->leaf);
	session_unlink(s, f, from);
}

void sessions_drop(struct bh_sensor *s, struct flow *f)
{
	while (f->sessions)
		session_unlink(s, f, f->sessions);
}

/* ---- requests ---- */

struct pending *pending_find(struct flow *f, bool is_tree, uint64_t message_id)
{
	for (struct pending *p = f->pending; p; p = p->next) {
		if (p->is_tree == is_tree && p->message_id == message_id)
			return p;
	}
	return NULL;
}

void pending_drop(struct bh_sensor *s, struct flow *f, struct pending *gone)
{
	struct pending **at = &f->pending;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	f->n_pending--;
	node_free(s, gone);
}

struct pending *pending_add(struct bh_sensor *s, struct flow *f, bool is_tree, uint64_t message_id)
{
	if (f->n_pending >= MAX_PENDING) {
		struct pending *last = f->pending;
		while (last->next)
			last = last->next;
		s->tally.evicted++;
		pending_drop(s, f, last);
	}
	struct pending *p = node_new(s, sizeof *p);
	if (!p)
		return NULL;
	p->is_tree = is_tree;
	p->message_id = message_id;
	p->next = f->pending;
	f->pending = p;
	f->n_pending++;
	return p;
}
