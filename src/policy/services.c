#include <stdio.h>

#include "policy/ast.h"

struct services {
	struct bh_policy *p;
	struct bh_arena *a;
	struct bh_complain *c;
	size_t cap;
};

static struct bh_port_of *find_port(struct bh_policy *p, struct bh_service s)
{
	for (size_t i = 0; i < p->n_ports; i++) {
		if (bh_service_equal(p->ports[i].service, s))
			return &p->ports[i];
	}
	return NULL;
}

static void add_port(struct services *k, struct bh_port_of port)
{
	struct bh_policy *p = k->p;

	if (p->n_ports == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 16;
		struct bh_port_of *more = bh_arena_array(k->a, k->cap, sizeof *more);
		if (!more)
			return;
		if (p->n_ports)
			memcpy(more, p->ports, p->n_ports * sizeof *more);
		p->ports = more;
	}
	p->ports[p->n_ports++] = port;
}

static void builtin_ports(struct services *k)
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
static bool service_name_refused(struct services *k, struct bh_sentence *s, uint32_t i)
{
	enum bh_item_kind kind;
	char line[BH_LINE_TEXT];
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
			"the service '%s' is defined already in %s: one's own service has one "
			"port, give this one another name",
			s->name, bh_line_of(k->c, &k->p->v[had].mark, &s->mark, line));
		return true;
	}
	return false;
}

static void define_service(struct services *k, uint32_t i)
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

void bh_check_services(struct bh_policy *p, struct bh_arena *a, struct bh_complain *c)
{
	struct services k = { .p = p, .a = a, .c = c };

	builtin_ports(&k);
	for (uint32_t i = 0; i < p->n; i++) {
		if (p->v[i].name && p->v[i].would_be == BH_SENTENCE_SERVICE)
			define_service(&k, i);
	}
}

void bh_check_service_words(struct bh_policy *p, struct bh_sentence *s, struct bh_complain *c)
{
	for (size_t i = 0; i < s->services.n; i++) {
		struct bh_word *w = &s->services.v[i];
		if (!w->name || bh_is_builtin_service(w->name) ||
			bh_namemap_find(&p->services, w->name) >= 0)
			continue;
		const char *near = bh_namemap_nearest(&p->services, w->name);
		static const char *const builtin[] = { "smb", "netbios", "smbdirect", "all-smb",
			"quic" };
		for (size_t n = 0; !near && n < BH_LEN(builtin); n++) {
			if (bh_name_distance(w->name, builtin[n], 2) <=
				(strlen(w->name) > 5 ? 2 : 1))
				near = builtin[n];
		}
		bh_complain(c, BH_ERROR, &w->mark, "there is no service '%.64s': %s%s%s", w->name,
			near ? "did you mean '" : "define it with 'service NAME tcp PORT'",
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

void bh_check_defaults(struct bh_policy *p, struct bh_complain *c)
{
	char line[BH_LINE_TEXT];

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
				bh_complain(c, BH_ERROR, &s->mark,
					"the default for %s %s is '%s' already in %s: keep one "
					"of the two",
					p->ports[port].name, bh_hook_names[h],
					first[h]->block ? "block" : "allow",
					bh_line_of(c, &first[h]->mark, &s->mark, line));
				s->broken = true; /* once is enough */
				break;
			}
		}
	}
}
