#include <stdio.h>
#include <stdlib.h>

#include "policy/ast.h"

struct check {
	struct bh_policy *p;
	struct bh_arena *a;
	struct bh_complain *c;
	size_t ports_cap, machines_cap;
};

/* ---- sets ---- */

static void define_set(struct check *k, uint32_t i)
{
	struct bh_sentence *s = &k->p->v[i];
	enum bh_item_kind kind;

	if (bh_is_builtin_set(s->name, &kind)) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'%s' is a built-in set: choose another name", s->name);
		return;
	}
	if (bh_is_builtin_service(s->name)) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'%s' is a built-in service: choose another name", s->name);
		return;
	}
	int64_t had = bh_namemap_add(&k->p->sets, k->a, s->name, i);
	if (had >= 0 && had != i)
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'%s' is defined already in line %u: choose another name, or write both "
			"lists in one sentence",
			s->name, k->p->v[had].mark.line);
}

static uint32_t machine_index(struct check *k, const char *name)
{
	struct bh_policy *p = k->p;
	int64_t i = bh_namemap_add(&p->machines, k->a, name, (uint32_t)p->n_machines);

	if (i < 0 || (size_t)i < p->n_machines)
		return (uint32_t)(i < 0 ? 0 : i);
	if (p->n_machines == k->machines_cap) {
		k->machines_cap = k->machines_cap ? k->machines_cap * 2 : 64;
		const char **more = bh_arena_array(k->a, k->machines_cap, sizeof *more);
		if (!more)
			return 0;
		if (p->n_machines)
			memcpy(more, p->machine_names, p->n_machines * sizeof *more);
		p->machine_names = more;
	}
	p->machine_names[p->n_machines++] = name;
	return (uint32_t)i;
}

static void unknown_name(struct check *k, struct bh_item *one)
{
	const char *near = bh_namemap_nearest(&k->p->sets, one->name);
	static const char *const builtin[] = { "any", "internet", "self", "localsubnet" };

	for (size_t i = 0; !near && i < BH_LEN(builtin); i++) {
		if (bh_name_distance(one->name, builtin[i], 2) <= (strlen(one->name) > 5 ? 2 : 1))
			near = builtin[i];
	}
	if (near)
		bh_complain(k->c, BH_ERROR, &one->mark, "there is no set '%s': did you mean '%s'?",
			one->name, near);
	else
		bh_complain(k->c, BH_ERROR, &one->mark,
			"there is no set '%s': define it in a network or hosts sentence (a "
			"machine's name can only stand in hosts)",
			one->name);
	one->kind = BH_ITEM_BROKEN;
}

enum place { IN_NETWORK, IN_HOSTS, IN_RULE };

static void resolve_item(struct check *k, struct bh_item *one, enum place where)
{
	if ((one->kind == BH_ITEM_SELF || one->kind == BH_ITEM_LOCALSUBNET) && where != IN_RULE) {
		bh_complain(k->c, BH_ERROR, &one->mark,
			"'%s' is different on every machine: it can stand in a rule, not in a set",
			one->name);
		one->kind = BH_ITEM_BROKEN;
	}
	if (one->kind != BH_ITEM_WORD)
		return;
	int64_t i = bh_namemap_find(&k->p->sets, one->name);
	if (i >= 0) {
		one->kind = BH_ITEM_SET;
		one->index = (uint32_t)i;
	} else if (where == IN_HOSTS) {
		one->kind = BH_ITEM_MACHINE;
		one->index = machine_index(k, one->name);
	} else {
		unknown_name(k, one);
	}
}

static bool resolve_list(struct check *k, struct bh_list *l, enum place where)
{
	bool whole = true;

	for (size_t i = 0; i < l->n; i++) {
		resolve_item(k, &l->v[i], where);
		whole &= l->v[i].kind != BH_ITEM_BROKEN;
	}
	return whole;
}

/* ---- cycles: a walk with a stack of our own, sets can be nested without end ---- */

enum { FRESH, OPEN, DONE };

struct frame {
	uint32_t sentence;
	uint32_t depth; /* of what it names, deepest so far */
	size_t item; /* next to look at, over list and except */
};

struct walk {
	struct check *k;
	struct frame *stack;
	uint8_t *state; /* per sentence */
	uint32_t *depth;
	size_t n;
};

static struct bh_item *nth_item(const struct bh_sentence *s, size_t i)
{
	if (i < s->list.n)
		return &s->list.v[i];
	i -= s->list.n;
	return i < s->except.n ? &s->except.v[i] : NULL;
}

static void cycle(struct walk *w, struct bh_item *one)
{
	BH_AUTO_BUF b = { 0 };
	size_t i = w->n;

	while (i > 0 && w->stack[i - 1].sentence != one->index)
		i--;
	for (i = i ? i - 1 : 0; i < w->n; i++) {
		if (b.len > 400) {
			bh_buf_str(&b, "… → ");
			break;
		}
		bh_buf_printf(&b, "%s → ", w->k->p->v[w->stack[i].sentence].name);
	}
	bh_complain(w->k->c, BH_ERROR, &one->mark,
		"a set cannot contain itself: %s%s; take one of these names out", bh_buf_text(&b),
		w->k->p->v[one->index].name);
	one->kind = BH_ITEM_BROKEN;
	for (i = 0; i < w->n; i++)
		w->k->p->v[w->stack[i].sentence].broken = true;
}

static void leave(struct walk *w)
{
	struct bh_policy *p = w->k->p;
	struct frame f = w->stack[--w->n];
	struct bh_sentence *s = &p->v[f.sentence];

	w->state[f.sentence] = DONE;
	w->depth[f.sentence] = f.depth + 1;
	if (f.depth + 1 == BH_MAX_NESTING + 1) {
		bh_complain(w->k->c, BH_ERROR, &s->name_mark,
			"sets are nested more than %u deep: name the inner sets directly",
			BH_MAX_NESTING);
		s->broken = true;
	}
	p->order[p->n_order++] = f.sentence;
	if (w->n && w->stack[w->n - 1].depth < f.depth + 1)
		w->stack[w->n - 1].depth = f.depth + 1;
}

static void visit(struct walk *w, uint32_t start)
{
	struct bh_policy *p = w->k->p;

	w->stack[w->n++] = (struct frame){ .sentence = start };
	w->state[start] = OPEN;
	while (w->n) {
		struct frame *f = &w->stack[w->n - 1];
		struct bh_item *one = nth_item(&p->v[f->sentence], f->item++);
		if (!one) {
			leave(w);
			continue;
		}
		if (one->kind != BH_ITEM_SET || p->v[one->index].kind != BH_SENTENCE_SET)
			continue;
		if (w->state[one->index] == OPEN) {
			cycle(w, one);
		} else if (w->state[one->index] == DONE) {
			if (f->depth < w->depth[one->index])
				f->depth = w->depth[one->index];
		} else {
			w->state[one->index] = OPEN;
			w->stack[w->n++] = (struct frame){ .sentence = one->index };
		}
	}
}

static int find_cycles(struct check *k)
{
	struct bh_policy *p = k->p;
	struct walk w = { .k = k };
	int r = -ENOMEM;

	w.stack = calloc(p->n + 1, sizeof *w.stack);
	w.state = calloc(p->n + 1, sizeof *w.state);
	w.depth = calloc(p->n + 1, sizeof *w.depth);
	p->order = bh_arena_array(k->a, p->n, sizeof *p->order);
	if (w.stack && w.state && w.depth && (p->order || !p->n)) {
		for (uint32_t i = 0; i < p->n; i++) {
			if (p->v[i].kind == BH_SENTENCE_SET && w.state[i] == FRESH)
				visit(&w, i);
		}
		r = 0;
	}
	free(w.stack);
	free(w.state);
	free(w.depth);
	return r;
}

/* ---- services ---- */

static struct bh_port_of *find_port(struct bh_policy *p, struct bh_service s)
{
	for (size_t i = 0; i < p->n_ports; i++) {
		if (bh_service_equal(p->ports[i].service, s))
			return &p->ports[i];
	}
	return NULL;
}

static void add_port(struct check *k, struct bh_port_of port)
{
	struct bh_policy *p = k->p;

	if (p->n_ports == k->ports_cap) {
		k->ports_cap = k->ports_cap ? k->ports_cap * 2 : 16;
		struct bh_port_of *more = bh_arena_array(k->a, k->ports_cap, sizeof *more);
		if (!more)
			return;
		if (p->n_ports)
			memcpy(more, p->ports, p->n_ports * sizeof *more);
		p->ports = more;
	}
	p->ports[p->n_ports++] = port;
}

static void builtin_ports(struct check *k)
{
	static const struct bh_port_of ports[] = {
		{ "smb", "smb", { 445, BH_TCP }, false, 0 },
		{ "netbios", "netbios-ssn", { 139, BH_TCP }, false, 0 },
		{ "netbios", "netbios-ns", { 137, BH_UDP }, false, 0 },
		{ "netbios", "netbios-dgm", { 138, BH_UDP }, false, 0 },
		{ "smbdirect", "smbdirect", { 5445, BH_TCP }, false, 0 },
		{ "quic", "quic", { 443, BH_UDP }, true, 0 },
	};

	for (size_t i = 0; i < BH_LEN(ports); i++)
		add_port(k, ports[i]);
}

static const char *builtin_name(const char *name)
{
	static const char *const names[] = { "smb", "netbios", "smbdirect", "quic" };

	for (size_t i = 0; i < BH_LEN(names); i++) {
		if (bh_name_equal(names[i], name))
			return names[i];
	}
	return NULL;
}

/* Says why the name cannot have a port added, or false. */
static bool service_name_refused(struct check *k, struct bh_sentence *s, uint32_t i)
{
	enum bh_item_kind kind;
	int64_t had;

	if (bh_name_equal(s->name, "all-smb")) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'all-smb' is smb, netbios and smbdirect together: add the port to one of "
			"these");
		return true;
	}
	if (bh_is_builtin_set(s->name, &kind)) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'%s' is a built-in set: choose another name", s->name);
		return true;
	}
	if (builtin_name(s->name))
		return false;
	if (bh_is_builtin_service(s->name)) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"'%s' is one port of netbios: write 'service netbios …' to add another",
			s->name);
		return true;
	}
	had = bh_namemap_add(&k->p->services, k->a, s->name, i);
	if (had >= 0 && had != i) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"the service '%s' is defined already in line %u: one's own service has one "
			"port, give this one another name",
			s->name, k->p->v[had].mark.line);
		return true;
	}
	return false;
}

static void define_service(struct check *k, uint32_t i)
{
	struct bh_sentence *s = &k->p->v[i];
	const char *proto = s->port.proto == BH_TCP ? "tcp" : "udp";

	if (service_name_refused(k, s, i) || s->kind == BH_SENTENCE_LOST)
		return;
	const char *builtin = builtin_name(s->name);
	struct bh_port_of *had = find_port(k->p, s->port);
	if (had && bh_name_equal(had->of, s->name)) {
		bh_complain(k->c, BH_WARNING, &s->name_mark,
			"'%s' has %s port %u already: this sentence adds nothing", had->of, proto,
			s->port.port);
		return;
	}
	if (had) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"%s port %u belongs to the service '%s' already: one port has one service",
			proto, s->port.port, had->of);
		return;
	}
	if (k->p->n_ports >= BH_MAX_PORTS) {
		bh_complain(k->c, BH_ERROR, &s->name_mark,
			"more than %u ports in one policy: there is no room for this one",
			BH_MAX_PORTS);
		return;
	}
	add_port(k, (struct bh_port_of){
			    .of = builtin ? builtin : s->name,
			    .name = builtin ? bh_arena_printf(k->a, "%s/%u", proto, s->port.port)
					    : s->name,
			    .service = s->port,
			    .quic = builtin && !strcmp(builtin, "quic"),
			    .line = s->mark.line,
		    });
}

static void check_services(struct check *k, struct bh_sentence *s)
{
	for (size_t i = 0; i < s->services.n; i++) {
		struct bh_word *w = &s->services.v[i];
		if (!w->name || bh_is_builtin_service(w->name) ||
			bh_namemap_find(&k->p->services, w->name) >= 0)
			continue;
		const char *near = bh_namemap_nearest(&k->p->services, w->name);
		static const char *const builtin[] = { "smb", "netbios", "smbdirect", "all-smb",
			"quic" };
		for (size_t n = 0; !near && n < BH_LEN(builtin); n++) {
			if (bh_name_distance(w->name, builtin[n], 2) <=
				(strlen(w->name) > 5 ? 2 : 1))
				near = builtin[n];
		}
		bh_complain(k->c, BH_ERROR, &w->mark, "there is no service '%.64s': %s%s%s",
			w->name, near ? "did you mean '" : "define it with 'service NAME tcp PORT'",
			near ? near : "", near ? "'?" : "");
		s->broken = true;
	}
}

/* ---- what contradicts what ---- */

bool bh_service_in_words(const struct bh_words *w, const struct bh_port_of *port)
{
	for (size_t i = 0; i < w->n; i++) {
		const char *n = w->v[i].name;
		if (bh_name_equal(n, port->of) || bh_name_equal(n, port->name))
			return true;
		if (bh_name_equal(n, "all-smb") &&
			(!strcmp(port->of, "smb") || !strcmp(port->of, "netbios") ||
				!strcmp(port->of, "smbdirect")))
			return true;
	}
	return false;
}

static void check_defaults(struct check *k)
{
	struct bh_policy *p = k->p;

	for (size_t port = 0; port < p->n_ports; port++) {
		const struct bh_sentence *first[BH_HOOKS] = { 0 };
		for (size_t i = 0; i < p->n; i++) {
			struct bh_sentence *s = &p->v[i];
			if (s->kind != BH_SENTENCE_DEFAULT || s->broken ||
				!bh_service_in_words(&s->services, &p->ports[port]))
				continue;
			for (unsigned h = 0; h < BH_HOOKS; h++) {
				if (s->hooks && !(s->hooks & BH_HOOK_BIT(h)))
					continue;
				if (!first[h])
					first[h] = s;
				if (first[h]->block == s->block)
					continue;
				bh_complain(k->c, BH_ERROR, &s->mark,
					"the default for %s %s is '%s' already in line %u: keep one "
					"of the two",
					p->ports[port].name, bh_hook_names[h],
					first[h]->block ? "block" : "allow", first[h]->mark.line);
				s->broken = true; /* once is enough */
				break;
			}
		}
	}
}

static void check_quic(struct check *k, struct bh_sentence *s)
{
	bool quic = false;

	for (size_t i = 0; i < s->services.n; i++)
		quic |= s->services.v[i].name && bh_name_equal(s->services.v[i].name, "quic");
	for (size_t i = 0; quic && i < s->to.n; i++) {
		if (s->to.v[i].kind == BH_ITEM_ANY)
			bh_complain(k->c, BH_ERROR, &s->to.v[i].mark,
				"a quic rule names its servers: 'to any' would take in all HTTP/3, "
				"write a set or addresses");
	}
}

static void check_rule(struct check *k, struct bh_sentence *s)
{
	check_services(k, s);
	s->broken |= !resolve_list(k, &s->from, IN_RULE);
	s->broken |= !resolve_list(k, &s->to, IN_RULE);
	check_quic(k, s);
}

int bh_policy_check(struct bh_policy *p, struct bh_arena *a, struct bh_complain *c)
{
	struct check k = { .p = p, .a = a, .c = c };

	builtin_ports(&k);
	for (uint32_t i = 0; i < p->n; i++) {
		struct bh_sentence *s = &p->v[i];
		if (s->name && s->would_be == BH_SENTENCE_SERVICE)
			define_service(&k, i);
		else if (s->name)
			define_set(&k, i);
	}
	for (size_t i = 0; i < p->n; i++) {
		struct bh_sentence *s = &p->v[i];
		if (s->kind == BH_SENTENCE_SET) {
			enum place where = s->hosts ? IN_HOSTS : IN_NETWORK;
			s->broken |= !resolve_list(&k, &s->list, where);
			s->broken |= !resolve_list(&k, &s->except, where);
		} else if (s->kind == BH_SENTENCE_RULE) {
			check_rule(&k, s);
		} else if (s->kind == BH_SENTENCE_DEFAULT) {
			check_services(&k, s);
		}
	}
	check_defaults(&k);
	int r = find_cycles(&k);
	return r < 0 ? r : bh_arena_ok(a) ? 0 : -ENOMEM;
}
