/*
 * The meaning of bh_inventory_unify, read slowly: every witness's account of a
 * conversation (an *account*) is held against every conversation told so far (a *tale*).
 * No index, no pairs, no limits.  How two fields agree (agree.h), and which name goes with
 * which address (naming.h, by_use.h), is asked of the room.
 */
#pragma once

#include <stdlib.h>

#include "inventory/agree.h"
#include "inventory/by_use.h"
#include "inventory/inventory.h"
#include "inventory/naming.h"

enum { SLOW_MOST = 256, SLOW_SOURCES = 32 };

struct slow_tale {
	struct bh_talk who;
	struct bh_figures figures;
	uint32_t sources, kinds, known, fresh, disputed;
	int level;
	bool dead, mixed, torn, told_once;
	size_t fitted; /* accounts of its own level that fit */
	const struct slow_account *first;
	bool spread;
	struct bh_figures theirs;
};

struct slow_account {
	struct bh_talk who;
	struct bh_figures figures;
	uint32_t sources, known;
	int level, kind;
	size_t fits[SLOW_MOST], n_fits;
};

struct slow {
	struct naming names;
	struct by_use uses;
	struct slow_account accounts[SLOW_MOST];
	struct slow_tale tales[2 * SLOW_MOST];
	size_t n_accounts, n_tales, n_before; /* told before this step */
};

/* ---- accounts ---- */

static inline bool slow_one_addr(
	const struct naming *names, const char *name, uint8_t family, struct bh_addr *ret)
{
	struct bh_addr one;

	if (!name[0])
		return false;
	if (!bh_addr_parse(name, strlen(name), ret))
		return true;
	if (naming_addrs(names, name, family, &one, 1) != 1)
		return false;
	*ret = one;
	return true;
}

static inline struct bh_talk slow_resolved(const struct slow *s, const struct bh_row *row)
{
	struct bh_talk t = row->who;
	bool server = false;

	if (!row->who.server.family && row->who.known & BH_KNOWN_SERVER_NAME)
		server = slow_one_addr(&s->names, row->who.server_name, row->who.client.family,
				 &t.server) ||
			 by_use_find(&s->uses, row, &t.server);
	bool client = !row->who.client.family && row->who.known & BH_KNOWN_WORKSTATION &&
		      slow_one_addr(&s->names, row->who.workstation, t.server.family, &t.client);
	if ((server || client) && t.server.family && !naming_is_name(t.server_name)) {
		t.known &= (uint8_t)~BH_KNOWN_SERVER_NAME;
		t.server_name = "";
	}
	return t;
}

static inline int slow_level(uint32_t known)
{
	if (known >> FIELD_SHARE & 1)
		return 2;
	return known & (1u << FIELD_USER | 1u << FIELD_AUTH | 1u << FIELD_AUTH_STATUS) ? 1 : 0;
}

static inline void slow_account_add(
	struct slow *s, const struct bh_talk *t, int kind, uint32_t source, struct bh_figures f)
{
	struct slow_account *a = s->accounts;

	while (a < s->accounts + s->n_accounts && (a->kind != kind || !bh_talk_equal(&a->who, t)))
		a++;
	if (a == s->accounts + s->n_accounts) {
		uint32_t known = agree_known(t);
		s->n_accounts++;
		*a = (struct slow_account){
			.who = *t, .known = known, .kind = kind, .level = slow_level(known)
		};
	}
	bh_figures_add(&a->figures, &f);
	a->sources |= 1u << source;
}

/* Rows of one source each. */
static inline void slow_accounts(
	struct slow *s, const struct bh_row *rows, size_t n, const struct bh_witnesses *w)
{
	for (size_t i = 0; i < n; i++) {
		const struct bh_talk t = slow_resolved(s, &rows[i]);
		uint32_t source = rows[i].sources[0];
		slow_account_add(s, &t, w->kinds[source], source, rows[i].figures);
	}
}

/* Shares before sessions before ends, then captures before logs, then as they sort. */
static inline int slow_in_turn(const void *a, const void *b)
{
	const struct slow_account *x = a, *y = b;

	if (x->level != y->level)
		return y->level - x->level;
	return x->kind != y->kind ? x->kind - y->kind : bh_talk_compare(&x->who, &y->who);
}

/* ---- what fits what ---- */

static inline bool slow_in_parts(int kind)
{
	return kind == BH_KIND_SAMBA || kind == BH_KIND_WINDOWS || kind == BH_KIND_FIREWALL ||
	       kind == BH_KIND_ZEEK_LOG;
}

static inline bool slow_near(const struct bh_figures *x, const struct bh_figures *y, bh_time apart)
{
	return !x->last_seen || !y->last_seen ||
	       (x->first_seen <= y->last_seen + apart && y->first_seen <= x->last_seen + apart);
}

static inline bool slow_same_end(const struct slow *s, const struct bh_addr *x, const char *x_name,
	const struct bh_addr *y, const char *y_name)
{
	if (x->family && y->family)
		return bh_addr_equal(x, y);
	if (x->family)
		return y_name[0] && naming_has(&s->names, y_name, x);
	if (y->family)
		return x_name[0] && naming_has(&s->names, x_name, y);
	return x_name[0] && y_name[0] && naming_same(x_name, y_name);
}

static inline bool slow_fits(
	const struct slow *s, const struct slow_account *a, const struct slow_tale *t)
{
	const struct bh_talk *x = &a->who, *y = &t->who;

	if (t->dead || (!slow_in_parts(a->kind) && t->kinds >> a->kind & 1))
		return false;
	return slow_near(&a->figures, &t->figures, 300 * BH_SECOND) &&
	       agree_on(x, y, a->known & t->known) &&
	       slow_same_end(s, &x->server, x->known & BH_KNOWN_SERVER_NAME ? x->server_name : "",
		       &y->server, y->known & BH_KNOWN_SERVER_NAME ? y->server_name : "") &&
	       slow_same_end(s, &x->client, x->known & BH_KNOWN_WORKSTATION ? x->workstation : "",
		       &y->client, y->known & BH_KNOWN_WORKSTATION ? y->workstation : "");
}

/* It knows less than one that it fits, and no user that one of them does not know. */
static inline bool slow_is_part(const struct slow *s, const struct slow_account *a)
{
	bool less = false;

	for (size_t i = 0; i < a->n_fits; i++) {
		const struct slow_tale *t = &s->tales[a->fits[i]];
		if (a->known & ~t->known & 1u << FIELD_USER)
			return false;
		less |= t->level > a->level;
	}
	return less;
}

/* ---- telling ---- */

static inline struct slow_tale *slow_new(struct slow *s, const struct slow_account *a)
{
	struct slow_tale *t = &s->tales[s->n_tales++];

	*t = (struct slow_tale){ .who = a->who,
		.figures = a->figures,
		.sources = a->sources,
		.kinds = 1u << a->kind,
		.known = a->known,
		.level = a->level };
	return t;
}

/* What is not known yet is believed, unless two tell it differently within one step. */
static inline void slow_believe(struct slow_tale *t, const struct bh_talk *from, uint32_t known)
{
	for (unsigned f = 0; f < FIELDS; f++) {
		uint32_t bit = 1u << f;
		if (!(known & bit) || t->disputed & bit)
			continue;
		bool agree = agree_on(&t->who, from, bit);
		if (!(t->known & bit)) {
			agree_copy(&t->who, from, (enum agree_field)f);
			t->known |= bit;
			t->fresh |= bit;
		} else if (t->fresh & bit && !agree) {
			agree_forget(&t->who, (enum agree_field)f);
			t->known &= ~bit;
			t->disputed |= bit;
		} else if (agree) {
			agree_refine(&t->who, from, (enum agree_field)f);
		}
	}
}

static inline void slow_join(struct slow_tale *t, const struct slow_account *a)
{
	slow_believe(t, &a->who, a->known);
	t->sources |= a->sources;
	t->kinds |= 1u << a->kind;
}

static inline bool slow_bytes(const struct bh_figures *f)
{
	return f->bytes_to_server || f->bytes_to_client;
}

static inline uint64_t slow_beyond(uint64_t x, uint64_t y)
{
	return x > y ? x - y : 0;
}

static inline bool slow_left_over(struct bh_figures *f, const struct bh_figures *theirs)
{
	bool within = !f->last_seen || !theirs->last_seen ||
		      (f->first_seen >= theirs->first_seen - 300 * BH_SECOND &&
			      f->last_seen <= theirs->last_seen + 300 * BH_SECOND);

	if (within && (!slow_bytes(f) || slow_bytes(theirs)))
		return false;
	f->connections = slow_beyond(f->connections, theirs->connections);
	f->bytes_to_server = slow_beyond(f->bytes_to_server, theirs->bytes_to_server);
	f->bytes_to_client = slow_beyond(f->bytes_to_client, theirs->bytes_to_client);
	f->opens = slow_beyond(f->opens, theirs->opens);
	return f->connections || f->opens || slow_bytes(f);
}

static inline void slow_with_each(struct slow *s, struct slow_account *a)
{
	struct bh_figures theirs = { 0 };
	size_t takers = 0, taker = 0;

	for (size_t i = 0; i < a->n_fits; i++) {
		struct slow_tale *t = &s->tales[a->fits[i]];
		if (a->n_fits == 1 || bh_share_class(&t->who) != BH_CLASS_IPC) {
			takers++;
			taker = a->fits[i];
		}
	}
	for (size_t i = 0; i < a->n_fits; i++) {
		struct slow_tale *t = &s->tales[a->fits[i]];
		bh_figures_add(&theirs, &t->figures);
	}
	for (size_t i = 0; i < a->n_fits; i++)
		slow_join(&s->tales[a->fits[i]], a);
	if (takers == 1)
		bh_figures_widen(&s->tales[taker].figures, &a->figures);
	else if (slow_left_over(&a->figures, &theirs))
		slow_new(s, a);
}

static inline void slow_share_out(struct slow *s, const struct slow_account *a, size_t of)
{
	struct slow_tale *t = &s->tales[of];

	t->spread = true;
	bh_figures_add(&t->theirs, &a->figures);
	if (!t->torn) {
		slow_join(t, a);
		return;
	}
	struct slow_tale *own = slow_new(s, a);
	slow_believe(own, &t->who, t->known);
	own->sources |= t->sources;
	own->kinds |= t->kinds;
	own->level = t->level > own->level ? t->level : own->level;
}

static inline void slow_look(struct slow *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct slow_account *a = &s->accounts[i];
		for (size_t k = 0; k < s->n_before; k++) {
			if (slow_fits(s, a, &s->tales[k]))
				a->fits[a->n_fits++] = k;
		}
		if (slow_is_part(s, a))
			continue;
		for (size_t k = 0; k < a->n_fits; k++) {
			struct slow_tale *t = &s->tales[a->fits[k]];
			t->fitted++;
			t->mixed |= a->n_fits > 1;
			t->first = t->first ? t->first : a;
			t->torn |= !agree_on(
				&a->who, &t->first->who, a->known & t->first->known & ~t->known);
		}
	}
}

static inline void slow_step(struct slow *s, size_t from, size_t to)
{
	s->n_before = s->n_tales;
	for (size_t k = 0; k < s->n_tales; k++) {
		struct slow_tale *t = &s->tales[k];
		t->fitted = t->fresh = t->disputed = 0;
		t->mixed = t->torn = t->spread = false;
		t->first = NULL;
		t->theirs = (struct bh_figures){ 0 };
	}
	slow_look(s, from, to);
	for (size_t i = from; i < to; i++) {
		struct slow_account *a = &s->accounts[i];
		bool mine = true;
		for (size_t k = 0; k < a->n_fits; k++)
			mine &= s->tales[a->fits[k]].fitted == 1;
		if (a->n_fits && (mine || slow_is_part(s, a)))
			slow_with_each(s, a);
		else if (a->n_fits == 1 && !s->tales[a->fits[0]].mixed)
			slow_share_out(s, a, a->fits[0]);
		else
			slow_new(s, a);
	}
	for (size_t k = 0; k < s->n_before; k++) {
		struct slow_tale *t = &s->tales[k];
		if (t->spread && t->torn)
			t->dead = !slow_left_over(&t->figures, &t->theirs);
		else if (t->spread)
			bh_figures_widen(&t->figures, &t->theirs);
	}
}

/* ---- all of it ---- */

static inline int slow_by_who(const void *a, const void *b)
{
	const struct slow_tale *x = a, *y = b;

	return bh_talk_compare(&x->who, &y->who);
}

/* ret: one tale for each conversation, in order; texts are those of rows and of a. */
static inline int slow_unify(const struct bh_row *rows, size_t n, const struct bh_witnesses *w,
	struct bh_arena *a, struct slow *ret, size_t *n_ret)
{
	struct slow *s = ret;
	size_t kept = 0;

	memset(s, 0, sizeof *s);
	int r = naming_from(rows, n, w->names, w->n_names, a, &s->names);
	if (!r)
		r = by_use_from(rows, n, &s->names, a, &s->uses);
	if (r)
		return r;
	slow_accounts(s, rows, n, w);
	qsort(s->accounts, s->n_accounts, sizeof *s->accounts, slow_in_turn);
	for (size_t i = 0, end; i < s->n_accounts; i = end) {
		for (end = i + 1; end < s->n_accounts; end++) {
			if (s->accounts[end].level != s->accounts[i].level ||
				s->accounts[end].kind != s->accounts[i].kind)
				break;
		}
		slow_step(s, i, end);
	}
	for (size_t i = 0; i < s->n_tales; i++) {
		if (!s->tales[i].dead)
			s->tales[kept++] = s->tales[i];
	}
	qsort(s->tales, kept, sizeof *s->tales, slow_by_who);
	s->n_tales = 0;
	for (size_t i = 0; i < kept; i++) {
		struct slow_tale *last = s->n_tales ? &s->tales[s->n_tales - 1] : NULL;
		if (last && !slow_by_who(last, &s->tales[i])) {
			bh_figures_widen(&last->figures, &s->tales[i].figures);
			last->sources |= s->tales[i].sources;
		} else {
			s->tales[s->n_tales++] = s->tales[i];
		}
	}
	*n_ret = s->n_tales;
	return 0;
}
