/*
 * bind: what the makers of a bound policy share (inside the room).
 */
#pragma once

#include "policy/ast.h"

/* Which machines are in which sets by name alone: exact for those without address.  One
 * bitmap over the policy's machines for each set. */
struct bh_written {
	size_t words; /* of one bitmap */
	/* Written in it and not excepted; in it, `any` counted too. */
	uint64_t *written, *in;
	uint32_t *nth; /* per sentence: which bitmap */
};

/* -E2BIG beyond BH_MAX_ROAMING, -ENOMEM.  Freed by bh_written_free. */
BH_MUST int bh_written_make(const struct bh_policy *p, struct bh_written *ret);
void bh_written_free(struct bh_written *w);
/* Adds a list to two bitmaps, as if it were the list of a set. */
void bh_written_list(const struct bh_policy *p, const struct bh_written *k, const struct bh_list *l,
	uint64_t *written, uint64_t *in);

struct binder {
	const struct bh_policy *p;
	const struct bh_names *names;
	struct bh_arena *a;
	struct bh_complain c;
	struct bh_addrset internet, multicast, full;
	struct bh_bound_machine *machines;
	bool *asked; /* per machine: resolved, or tried */
	struct bh_namemap dynamic; /* "domain corp.example" → index into looked_up */
	struct looked_up {
		struct bh_addr *v;
		size_t n;
	} * looked_up;
	size_t n_looked_up, looked_up_cap;
	struct bh_addrset *addrs; /* per sentence that is a set */
	uint32_t *nth; /* per sentence: its place among the member sets */
	bool *broken; /* per sentence: says nothing reliable */
	bool *unknown; /* per sentence: holds somebody whom nobody could look up */
	bool *storage; /* per sentence: holds a tag of Azure's storage */
	bool *excepts; /* per sentence: it, or a set it names, excepts somebody */
	uint32_t *seen; /* per sentence: the list that named it last */
	struct bh_member_set *sets;
	size_t n_sets;
	uint32_t lists; /* counts lists, for `seen` */
	size_t resolved; /* ranges so far, against BH_MAX_RESOLVED */
	bool too_large;
	/* Ranges of the list being put together, per family; heap. */
	struct heap {
		struct bh_range *v;
		size_t n, cap;
	} r4, r6;
	struct bh_written written; /* made when it is first needed */
	uint64_t *nowhere; /* bitmap: machines without address, n_nowhere of them */
	uint64_t *aside; /* three more bitmaps, for whoever needs some */
	size_t n_nowhere;
	bool written_made, written_fine;
	const struct bh_sentence **of; /* per bound rule: its sentence */
	bool out_of_memory;
};

/* A list both ways: as addresses and as membership asks for it. */
struct both {
	struct bh_addrset addrs; /* multicast still in it */
	struct bh_member_list members;
	bool any, self, localsubnet, broken, unknown, storage;
};

/* What is looked up: machines, domains, namespaces, tags (look.c). */
void bind_machine(struct binder *b, const struct bh_item *one);
/* What a `from …` item stands for; NULL: nothing, and that was told. */
const struct looked_up *bind_dynamic(struct binder *b, const struct bh_item *one);
/* Pushes the ranges of a tags sentence. */
void bind_tags(struct binder *b, const struct bh_sentence *s, bool *broken);

/* lists and sets (bind.c) */
void bind_push(struct binder *b, uint8_t family, bh_u128 lo, bh_u128 hi);
struct both bind_list(struct binder *b, const struct bh_list *l);
struct bh_bound_list bind_list_of(struct binder *b, const struct both *l);
struct bh_addrset bind_pushed(struct binder *b);
void bind_push_set(struct binder *b, const struct bh_addrset *s);
bool bind_is_set(const struct binder *b, const struct bh_item *one);
bool bind_written(struct binder *b); /* b->written can be used */

/* All other sentences, once the sets are bound (bound.c). */
void bind_sentences(struct binder *b, struct bh_bound *bound, struct bh_bound_names *names);

/* Errors: an allow in clear beside one that is if-secure (meet.c). */
void bind_check_clear(struct binder *b, const struct bh_bound *bound);
bool bind_services_meet(const struct bh_bound_rule *x, const struct bh_bound_rule *y);
/* Both lists of two rules of the policy meet. */
bool bind_rules_meet(struct binder *b, const struct bh_bound *bound, size_t i, size_t k);
/* A set that holds nobody is none. */
bool bind_holds_somebody(struct binder *b, uint32_t set);

/* Warnings of what is right and probably not meant: of each sentence for itself (advice.c),
 * and of rules beside other rules (shadow.c). */
void bind_advise(struct binder *b, const struct bh_bound *bound);
void bind_advise_rules(struct binder *b, const struct bh_bound *bound);
