/*
 * Machines as rows tell them, by address or else by name, and which of these may be one:
 * an address and a name that goes with it.  Rows that share no machine of both ends have
 * nothing to do with each other.
 */
#include <stdlib.h>

#include "inventory/key.h"
#include "inventory/unify.h"

/* ---- addresses for names ---- */

/* The one address of a name; of the other end's family, where that has one. */
static bool address_of(const struct unify *u, const char *name, uint8_t family, struct bh_addr *ret)
{
	struct bh_addr one;

	if (!name[0])
		return false;
	if (!bh_addr_parse(name, strlen(name), ret))
		return true;
	if (naming_one(&u->names, name, family, &one) != 1)
		return false;
	*ret = one;
	return true;
}

static bool resolve(const struct unify *u, const struct bh_row *row, struct bh_addr *client,
	struct bh_addr *server)
{
	const struct bh_talk *c = &row->who;
	bool found = false;

	*server = c->server;
	*client = c->client;
	if (!server->family && c->known & BH_KNOWN_SERVER_NAME)
		found |= address_of(u, c->server_name, client->family, server) ||
			 by_use_find(&u->uses, row, server);
	if (!client->family && c->known & BH_KNOWN_WORKSTATION)
		found |= address_of(u, c->workstation, server->family, client);
	return found;
}

const struct bh_talk *pairs_resolved(struct unify *u, const struct bh_row *row)
{
	struct bh_addr client, server;

	if (!resolve(u, row, &client, &server))
		return &row->who;
	struct bh_talk *own = bh_arena_copy(&u->scratch, &row->who, sizeof *own);
	if (own) {
		own->server = server;
		own->client = client;
		if (server.family && !naming_is_name(own->server_name))
			agree_forget(own, FIELD_SERVER_NAME);
	}
	return own;
}

/* ---- machines ---- */

struct machine {
	uint64_t key;
	struct bh_addr addr;
	const char *name; /* of one without an address: what stands for its key */
	uint32_t of; /* the machine that stands for it; its own place: none else */
	uint32_t place; /* among all, by address */
};

struct machines {
	struct machine *v;
	uint32_t *slots; /* place + 1; a power of two */
	size_t n, room;
	uint64_t seed;
};

static void machines_free(struct machines *m)
{
	free(m->v);
	free(m->slots);
}
#define MACHINES_AUTO __attribute__((cleanup(machines_free))) struct machines

static uint64_t machine_key(const struct machines *m, const struct bh_addr *addr, const char *name)
{
	return addr->family ? key_addr(m->seed, addr) : key_text(m->seed, naming_key(name));
}

static bool is_machine(
	const struct machine *x, uint64_t key, const struct bh_addr *addr, const char *name)
{
	if (x->key != key || x->addr.family != addr->family)
		return false;
	return addr->family ? bh_addr_equal(&x->addr, addr)
			    : key_same(naming_key(x->name), naming_key(name));
}

/* Its slot, or a free one. */
static uint32_t *find_slot(
	const struct machines *m, uint64_t key, const struct bh_addr *addr, const char *name)
{
	size_t mask = m->room * 2 - 1, i = key & mask;

	while (m->slots[i] && !is_machine(&m->v[m->slots[i] - 1], key, addr, name))
		i = (i + 1) & mask;
	return &m->slots[i];
}

static int more_room(struct machines *m)
{
	size_t room = m->room ? m->room * 2 : 256;
	struct machine *v = reallocarray(m->v, room, sizeof *v);

	m->v = v ? v : m->v;
	uint32_t *slots = calloc(room * 2, sizeof *slots);
	if (!v || !slots) {
		free(slots);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->n; i++) {
		size_t k = v[i].key & (room * 2 - 1);
		while (slots[k])
			k = (k + 1) & (room * 2 - 1);
		slots[k] = (uint32_t)i + 1;
	}
	free(m->slots);
	m->slots = slots;
	m->room = room;
	return 0;
}

static int machine_of(
	struct machines *m, const struct bh_addr *addr, const char *name, uint32_t *ret)
{
	uint64_t key = machine_key(m, addr, name);
	int r = m->n == m->room ? more_room(m) : 0;

	if (r)
		return r;
	uint32_t *slot = find_slot(m, key, addr, name);
	if (!*slot) {
		m->v[m->n] = (struct machine){
			.key = key, .addr = *addr, .name = name, .of = (uint32_t)m->n
		};
		*slot = (uint32_t)++m->n;
	}
	*ret = *slot - 1;
	return 0;
}

static uint32_t standing_for(struct machines *m, uint32_t i)
{
	while (m->v[i].of != i) {
		m->v[i].of = m->v[m->v[i].of].of;
		i = m->v[i].of;
	}
	return i;
}

/* A machine that rows know by a name alone may be any that goes by it. */
static void tie_names(struct machines *m, const struct naming *names)
{
	static const struct bh_addr none;

	for (size_t i = 0; m->n && i < names->n; i++) {
		const struct naming_entry *e = &names->by_name[i];
		uint32_t by_name = *find_slot(m, machine_key(m, &none, e->name), &none, e->name);
		uint32_t by_addr = *find_slot(m, key_addr(m->seed, &e->addr), &e->addr, e->name);
		if (by_name && by_addr)
			m->v[standing_for(m, by_name - 1)].of = standing_for(m, by_addr - 1);
	}
}

static int by_machine(const void *a, const void *b)
{
	const struct machine *x = *(const struct machine *const *)a;
	const struct machine *y = *(const struct machine *const *)b;

	if (x->addr.family || y->addr.family)
		return bh_addr_compare(&x->addr, &y->addr);
	return key_compare(naming_key(x->name), naming_key(y->name));
}

static int put_in_order(struct machines *m)
{
	struct machine **v = calloc(m->n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++)
		v[i] = &m->v[i];
	qsort(v, m->n, sizeof(struct machine *), by_machine);
	for (size_t i = 0; i < m->n; i++)
		v[i]->place = (uint32_t)i;
	free(v);
	return 0;
}

/* Of those that may be one the first in order. */
static void stand_in_order(struct machines *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct machine *first = &m->v[standing_for(m, i)];
		if (m->v[i].place < first->place)
			first->place = m->v[i].place;
	}
}

/* ---- pairs ---- */

static int ends_of(struct unify *u, struct machines *m, size_t n, struct pair_row *v)
{
	for (size_t i = 0; i < n; i++) {
		const struct bh_row *row = &u->rows[i];
		struct bh_addr client, server;
		uint32_t c, s;
		resolve(u, row, &client, &server);
		int r = machine_of(m, &client,
			row->who.known & BH_KNOWN_WORKSTATION ? row->who.workstation : "", &c);
		if (!r)
			r = machine_of(m, &server,
				row->who.known & BH_KNOWN_SERVER_NAME ? row->who.server_name : "",
				&s);
		if (r)
			return r;
		v[i] = (struct pair_row){ (uint64_t)s << 32 | c, (uint32_t)i };
	}
	return 0;
}

static int by_pair(const void *a, const void *b)
{
	const struct pair_row *x = a, *y = b;

	if (x->pair != y->pair)
		return x->pair < y->pair ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

int pairs_of(struct unify *u, size_t n, struct pair_row **ret)
{
	MACHINES_AUTO m = { .seed = u->w->seed };
	struct pair_row *v = calloc(n + 1, sizeof *v);
	int r = v ? ends_of(u, &m, n, v) : -ENOMEM;

	if (!r)
		r = put_in_order(&m);
	if (r) {
		free(v);
		return r;
	}
	tie_names(&m, &u->names);
	stand_in_order(&m);
	for (size_t i = 0; i < n; i++) {
		uint32_t s = standing_for(&m, (uint32_t)(v[i].pair >> 32));
		uint32_t c = standing_for(&m, (uint32_t)v[i].pair);
		v[i].pair = (uint64_t)m.v[s].place << 32 | m.v[c].place;
	}
	qsort(v, n, sizeof *v, by_pair);
	*ret = v;
	return 0;
}
