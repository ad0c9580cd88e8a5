/*
 * lockout: which conversations that this machine has now a policy would end, by which
 * sentence, and what would have to be written to keep them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "keeper/keeper.h"

struct lockout {
	const struct bh_ready *r;
	struct bh_arena *a;
	struct bh_cut *cuts;
	struct bh_addition *add;
	size_t n, n_add;
};

/* ---- asking the judge ---- */

/* The on-link prefixes of the interface that has this address. */
static const struct bh_interface *interface_of(const struct bh_place *p, const struct bh_addr *here)
{
	for (size_t i = 0; i < p->n_ifaces; i++) {
		if (bh_addrset_contains(&p->ifaces[i].onlink, here))
			return &p->ifaces[i];
	}
	return NULL;
}

static struct bh_flow flow_of(const struct bh_ready *r, const struct bh_contact *u)
{
	bool in = u->kind == BH_CONTACT_SERVED;
	struct bh_flow f = { .hook = in ? BH_IN : BH_OUT,
		.service = u->service,
		.client = in ? u->peer : u->here,
		.server = in ? u->here : u->peer };
	const struct bh_interface *on = interface_of(&r->place, &u->here);

	/* Where it is not known from where this machine would speak, anything will do: the
	 * judge looks at the peer. */
	if (!u->here.family && u->peer.family == BH_V6)
		f.client = (struct bh_addr){ .family = BH_V6, .num = 2 };
	else if (!u->here.family)
		f.client = bh_addr_v4(1);
	if (on) {
		f.localsubnet = &on->onlink;
		memcpy(in ? f.iif : f.oif, on->name, BH_IFNAME);
	}
	return f;
}

static void ask(const struct bh_ready *r, const struct bh_contact *u, struct bh_decision *ret)
{
	struct bh_flow f = flow_of(r, u);

	bh_policy_decide(r->bound, &r->view, &f, ret);
}

/* The same policy without its block sentences: is an allow missing as well? */
static bool blocked_without_blocks(struct lockout *l, const struct bh_contact *u)
{
	const struct bh_bound *b = l->r->bound;
	struct bh_bound_rule *rules = bh_arena_array(l->a, b->n_rules, sizeof *rules);
	bool *from = bh_arena_array(l->a, b->n_rules, sizeof *from);
	bool *to = bh_arena_array(l->a, b->n_rules, sizeof *to);
	struct bh_bound bound = *b;
	struct bh_ready r = *l->r;
	struct bh_decision d;

	if (!rules || !from || !to)
		return true;
	bound.n_rules = 0;
	for (size_t i = 0; i < b->n_rules; i++) {
		if (b->rules[i].block)
			continue;
		from[bound.n_rules] = r.view.from_me[i];
		to[bound.n_rules] = r.view.to_me[i];
		rules[bound.n_rules++] = b->rules[i];
	}
	bound.rules = rules;
	r.view.from_me = from;
	r.view.to_me = to;
	r.view.bound = r.bound = &bound;
	ask(&r, u, &d);
	return !d.admit;
}

/* Nobody at all is reached: then no controller is, wherever they are. */
static bool reaches_nobody(const struct bh_table *t, struct bh_service service)
{
	for (size_t i = 0; i < t->n_gates; i++) {
		const struct bh_gate *g = &t->gates[i];
		bool any = false;
		if (g->hook != BH_OUT || !bh_service_equal(g->service, service))
			continue;
		for (size_t k = 0; k < g->n_cases; k++)
			any |= g->cases[k].admit.n != 0;
		return !any;
	}
	return false;
}

/* ---- the sentence that blocks ---- */

static void name_sentence(const struct bh_bound *b, const struct bh_decision *d, struct bh_cut *c)
{
	c->file = d->file;
	c->line = d->line;
	for (size_t i = 0; i < b->n_rules && !c->text; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		if (r->line == d->line && r->file == d->file) {
			c->text = r->text;
			c->by_rule = r->block;
		}
	}
	for (size_t i = 0; i < b->n_defaults && !c->text; i++) {
		if (b->defaults[i].line == d->line && b->defaults[i].file == d->file)
			c->text = b->defaults[i].text;
	}
}

/* ---- the sentence that would keep it ---- */

/* Does this line go on in the next?  A backslash ends it, outside of a remark. */
static bool goes_on(const char *line, size_t len)
{
	bool quoted = false;

	while (len && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	for (size_t i = 0; i < len; i++) {
		if (line[i] == '"')
			quoted = !quoted;
		if (line[i] == '#' && !quoted)
			return false;
	}
	return len && line[len - 1] == '\\';
}

/* Behind the last rule of the file, or behind everything: order means nothing, people read
 * rules together. */
static unsigned place_of(const struct bh_ready *r)
{
	const char *at = (const char *)r->text.ptr, *end = at + r->text.len;
	unsigned after = 0, line = 0;

	for (size_t i = 0; i < r->bound->n_rules; i++) {
		const struct bh_bound_rule *rule = &r->bound->rules[i];
		if (!strcmp(rule->file, r->name) && rule->line > after)
			after = rule->line;
	}
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);
		line++;
		if (after && line >= after && !goes_on(at, len))
			return line + 1;
		at += len + (stop != NULL);
	}
	return line + 1;
}

static bool is_own(const struct bh_place *p, const struct bh_addr *addr)
{
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (bh_addr_equal(&p->addrs[i], addr))
			return true;
	}
	return false;
}

/* Conversations of one service and direction, from one address of ours, share a sentence. */
static bool together(const struct bh_contact *x, const struct bh_contact *y)
{
	return (x->kind == BH_CONTACT_SERVED) == (y->kind == BH_CONTACT_SERVED) &&
	       bh_service_equal(x->service, y->service) && bh_addr_equal(&x->here, &y->here);
}

static bool listed_before(const struct lockout *l, const size_t *v, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++) {
		if (bh_addr_equal(&l->cuts[v[k]].contact->peer, &l->cuts[i].contact->peer))
			return true;
	}
	return false;
}

static const char *sentence_of(
	struct lockout *l, const struct bh_contact *u, const size_t *v, size_t n)
{
	const struct bh_bound_service *s = bh_policy_service(l->r->bound, u->service);
	BH_AUTO_BUF peers = { 0 };
	char text[BH_ADDR_TEXT];
	const char *own = is_own(&l->r->place, &u->here) ? bh_addr_format(&u->here, text) : "self";
	char here[BH_ADDR_TEXT];

	snprintf(here, sizeof here, "%s", own);
	for (size_t i = 0; i < n; i++)
		bh_buf_printf(&peers, "%s%s", i ? ", " : "",
			bh_addr_format(&l->cuts[v[i]].contact->peer, text));
	if (!bh_buf_ok(&peers))
		return NULL;
	if (u->kind == BH_CONTACT_SERVED)
		return bh_arena_printf(l->a, "allow %s in from %s to %s", s ? s->of : "smb",
			bh_buf_text(&peers), here);
	return bh_arena_printf(
		l->a, "allow %s out from %s to %s", s ? s->of : "smb", here, bh_buf_text(&peers));
}

static void add_sentences(struct lockout *l)
{
	size_t *v = bh_arena_array(l->a, l->n, sizeof *v);
	bool *done = bh_arena_array(l->a, l->n, sizeof *done);
	unsigned line = place_of(l->r);

	for (size_t i = 0; v && done && i < l->n; i++) {
		size_t n = 0;
		if (done[i] || !l->cuts[i].needs_allow || !l->cuts[i].contact->peer.family)
			continue;
		for (size_t k = i; k < l->n; k++) {
			const struct bh_cut *c = &l->cuts[k];
			if (done[k] || !c->needs_allow ||
				!together(l->cuts[i].contact, c->contact) ||
				!c->contact->peer.family)
				continue;
			done[k] = true;
			if (!listed_before(l, v, n, k))
				v[n++] = k;
		}
		l->add[l->n_add] = (struct bh_addition){ .file = l->r->name,
			.line = line + (unsigned)l->n_add,
			.text = sentence_of(l, l->cuts[i].contact, v, n) };
		l->n_add++;
	}
}

/* ---- all of it ---- */

static void look_at(struct lockout *l, const struct bh_contact *u)
{
	struct bh_cut c = { .contact = u, .needs_allow = true };
	struct bh_decision d = { 0 };

	if (!u->peer.family) {
		if (reaches_nobody(&l->r->table, u->service))
			l->cuts[l->n++] = c;
		return;
	}
	ask(l->r, u, &d);
	if (d.admit)
		return;
	name_sentence(l->r->bound, &d, &c);
	if (c.by_rule)
		c.needs_allow = blocked_without_blocks(l, u);
	c.lasts = u->service.port >= 1024 && u->sessions;
	l->cuts[l->n++] = c;
}

int bh_keeper_lockout(const struct bh_ready *r, const struct bh_contacts *contacts,
	struct bh_arena *a, struct bh_lockout *ret)
{
	struct lockout l = { .r = r, .a = a };

	l.cuts = bh_arena_array(a, contacts->n, sizeof *l.cuts);
	l.add = bh_arena_array(a, contacts->n, sizeof *l.add);
	if (!l.cuts || !l.add)
		return -ENOMEM;
	for (size_t i = 0; i < contacts->n; i++)
		look_at(&l, &contacts->v[i]);
	add_sentences(&l);
	if (!bh_arena_ok(a))
		return -ENOMEM;
	*ret = (struct bh_lockout){ .cuts = l.cuts, .n_cuts = l.n, .add = l.add, .n_add = l.n_add };
	return 0;
}
