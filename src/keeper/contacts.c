#include "keeper/contacts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ESTABLISHED 1u
#define LISTENS     10u
#define MAX_TEXT    (64u << 20)
#define MAX_PORTS   256u

struct bh_contact *contact_add(struct contact_list *l, const struct bh_contact *one)
{
	for (size_t i = 0; i < l->n; i++) {
		struct bh_contact *u = &l->v[i];
		if (u->kind == one->kind && bh_service_equal(u->service, one->service) &&
			bh_addr_equal(&u->peer, &one->peer) &&
			bh_addr_equal(&u->here, &one->here) && !u->where && !one->where) {
			u->sessions += one->sessions;
			return u;
		}
	}
	if (l->n == MAX_CONTACTS)
		return NULL;
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 32;
		struct bh_contact *v = bh_arena_array(l->a, room, sizeof *v);
		if (!v)
			return NULL;
		if (l->n)
			memcpy(v, l->v, l->n * sizeof *v);
		l->v = v;
		l->room = room;
	}
	l->v[l->n] = *one;
	return &l->v[l->n++];
}

/* ---- sockets ---- */

struct end {
	struct bh_addr addr;
	uint16_t port;
};

/* "0100007F:01BD": words of four bytes, each as this machine stores it (proc_net_tcp). */
static bool read_end(const char *text, struct end *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t bytes[16];
	unsigned port;
	size_t digits = strspn(text, "0123456789ABCDEFabcdef");

	if ((digits != 8 && digits != 32) || sscanf(text + digits, ":%4x", &port) != 1)
		return false;
	for (size_t i = 0; i < digits / 8; i++) {
		char word[9] = { 0 };
		memcpy(word, text + 8 * i, 8);
		uint32_t v = (uint32_t)strtoul(word, NULL, 16);
		memcpy(bytes + 4 * i, &v, sizeof v);
	}
	bool v4 = digits == 8 || !memcmp(bytes, mapped, sizeof mapped);
	const uint8_t *p = digits == 8 ? bytes : bytes + 12;
	ret->port = (uint16_t)port;
	ret->addr = v4 ? bh_addr_v4((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
				    (uint32_t)p[2] << 8 | p[3])
		       : bh_addr_v6(bytes);
	return true;
}

static bool is_loopback(const struct bh_addr *a)
{
	return a->family == BH_V4 ? a->num >> 24 == 127 : a->num == 1;
}

/* Columns: "sl local_address rem_address st …"; the head line has no such addresses. */
static bool read_line(const char *line, struct end *here, struct end *peer, unsigned *state)
{
	char local[40], remote[40];

	return sscanf(line, " %*[0-9]: %39s %39s %2x", local, remote, state) == 3 &&
	       read_end(local, here) && read_end(remote, peer);
}

static bool declared(const struct bh_bound *b, uint16_t port)
{
	return bh_policy_service(b, (struct bh_service){ .port = port, .proto = BH_TCP });
}

static void note_socket(struct contact_list *l, enum bh_contact_kind kind, const struct end *here,
	const struct end *peer, uint16_t port)
{
	struct bh_contact one = { .kind = kind,
		.service = { .port = port, .proto = BH_TCP },
		.here = here->addr,
		.peer = peer->addr,
		.sessions = 1 };

	if (!is_loopback(&one.here) && !is_loopback(&one.peer))
		(void)contact_add(l, &one);
}

/* From 1024 up a local port can be a client's own; somebody listens on a server's. */
static bool served_here(uint16_t port, const uint16_t *listening, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (listening[i] == port)
			return true;
	}
	return port < 1024;
}

static const char *next_line(const char *text)
{
	text = strchr(text, '\n');
	return text ? text + 1 : NULL;
}

void contacts_read_tcp(const char *text, const struct bh_bound *b, struct contact_list *l)
{
	uint16_t listening[MAX_PORTS];
	size_t n = 0;
	struct end here, peer;
	unsigned state;

	for (const char *at = text; at && *at; at = next_line(at)) {
		if (read_line(at, &here, &peer, &state) && state == LISTENS &&
			declared(b, here.port) && n < MAX_PORTS)
			listening[n++] = here.port;
	}
	for (const char *at = text; at && *at; at = next_line(at)) {
		if (!read_line(at, &here, &peer, &state) || state != ESTABLISHED)
			continue;
		if (declared(b, here.port) && served_here(here.port, listening, n))
			note_socket(l, BH_CONTACT_SERVED, &here, &peer, here.port);
		else if (declared(b, peer.port))
			note_socket(l, BH_CONTACT_SESSION, &here, &peer, peer.port);
	}
}

/* ---- mounts ---- */

/* A word of /proc/self/mounts, where blanks are written as \040. */
static size_t word_of(const char **at, char *ret, size_t room)
{
	size_t n = 0;

	*at += strspn(*at, " ");
	for (; **at && **at != ' ' && **at != '\n'; ++*at) {
		const char *s = *at;
		char c = *s;
		if (c == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			c = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			*at += 3;
		}
		if (n + 1 < room)
			ret[n++] = c;
	}
	ret[n] = '\0';
	return n;
}

/* The value of "name=" among options that commas separate; its length, 0 for none. */
static size_t option_of(const char *options, const char *name, const char **ret)
{
	size_t n = strlen(name);

	for (const char *at = options; *at; at += strcspn(at, ","), at += *at == ',') {
		if (strncmp(at, name, n) || at[n] != '=')
			continue;
		*ret = at + n + 1;
		return strcspn(*ret, ",%"); /* "fe80::1%3": the zone is no part of it */
	}
	return 0;
}

struct mount_point {
	struct contact_list *l;
	struct bh_contact use;
};

static void add_mount(void *to, const struct bh_addr *addr)
{
	struct mount_point *m = to;

	m->use.peer = *addr;
	(void)contact_add(m->l, &m->use);
}

/* "//fs1/home" or "\\fs1\home": the server. */
static const char *server_of(struct bh_arena *a, const char *source)
{
	source += strspn(source, "/\\");
	return bh_arena_strn(a, source, strcspn(source, "/\\"));
}

static void read_mount(struct contact_list *l, const struct bh_names *names, char *const words[4])
{
	struct mount_point m = { .l = l };
	const char *value;
	struct bh_addr addr;
	size_t n;

	if (strcmp(words[2], "cifs") && strcmp(words[2], "smb3"))
		return;
	m.use = (struct bh_contact){ .kind = BH_CONTACT_MOUNT,
		.service = { .port = 445, .proto = BH_TCP },
		.where = bh_arena_str(l->a, words[1]),
		.what = bh_arena_str(l->a, words[0]) };
	n = option_of(words[3], "port", &value);
	if (n && strtoul(value, NULL, 10) - 1 < 65535)
		m.use.service.port = (uint16_t)strtoul(value, NULL, 10);
	n = option_of(words[3], "addr", &value);
	if (!n)
		n = option_of(words[3], "ip", &value);
	if (n && bh_addr_parse(value, n, &addr) == 0) {
		add_mount(&m, &addr);
		return;
	}
	const char *server = server_of(l->a, words[0]);
	if (!server || !*server)
		return;
	if (bh_addr_parse(server, strlen(server), &addr) == 0)
		add_mount(&m, &addr);
	else
		(void)!names->resolve(names->ctx, server, add_mount, &m);
}

void contacts_read_mounts(const char *text, const struct bh_names *names, struct contact_list *l)
{
	char source[1024], folder[1024], type[64], options[4096];
	char *const words[4] = { source, folder, type, options };

	for (const char *at = text; at && *at; at = next_line(at)) {
		const char *word = at;
		bool whole = word_of(&word, source, sizeof source) &&
			     word_of(&word, folder, sizeof folder) &&
			     word_of(&word, type, sizeof type) &&
			     word_of(&word, options, sizeof options);
		if (whole)
			read_mount(l, names, words);
	}
}

/* A mount does not say which port it goes to, nor from which address: its session does. */
void contacts_join_mounts(struct contact_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct bh_contact *s = &l->v[i];
		bool told = false;
		for (size_t k = 0; k < l->n && s->kind == BH_CONTACT_SESSION; k++) {
			struct bh_contact *m = &l->v[k];
			if (m->kind != BH_CONTACT_MOUNT || !bh_addr_equal(&m->peer, &s->peer))
				continue;
			m->service = s->service;
			m->here = s->here;
			m->sessions = s->sessions;
			told = true;
		}
		if (!told)
			l->v[n++] = *s;
	}
	l->n = n;
}

/* ---- this machine ---- */

static void slurp(const char *path, struct bh_buf *b)
{
	FILE *f = fopen(path, "re");
	char chunk[16384];
	size_t n;

	while (f && b->len < MAX_TEXT && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		bh_buf_add(b, chunk, n);
	if (f)
		fclose(f);
}

/* The address from which this machine would speak to addr; connecting a datagram socket
 * sends nothing. */
static struct bh_addr source_towards(const struct bh_addr *addr)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(445) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(445) };
	bool v4 = addr->family == BH_V4;
	struct sockaddr *sa = v4 ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t len = v4 ? sizeof four : sizeof six;
	struct bh_addr ret = { 0 };
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (v4)
		four.sin_addr.s_addr = htonl((uint32_t)addr->num);
	else
		bh_addr_bytes(addr, six.sin6_addr.s6_addr);
	if (fd >= 0 && connect(fd, sa, len) == 0 && getsockname(fd, sa, &len) == 0)
		ret = v4 ? bh_addr_v4(ntohl(four.sin_addr.s_addr))
			 : bh_addr_v6(six.sin6_addr.s6_addr);
	if (fd >= 0)
		close(fd);
	return ret;
}

struct controller {
	struct contact_list *l;
	const struct bh_place *place;
	const struct realm *realm;
	const char *name;
	bool any;
};

static bool has_family(const struct bh_place *p, uint8_t family)
{
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (p->addrs[i].family == family)
			return true;
	}
	return false;
}

static void add_controller(void *to, const struct bh_addr *addr)
{
	struct controller *c = to;
	const struct realm *r = c->realm;
	struct bh_contact one = { .kind = BH_CONTACT_DOMAIN,
		.service = { .port = 445, .proto = BH_TCP },
		.peer = *addr,
		.where = r->name,
		.what = c->name,
		.because = r->sssd && r->winbind ? "sssd and winbind"
			   : r->sssd             ? "sssd"
						 : "winbind" };

	c->any = true;
	for (size_t i = 0; i < c->l->n; i++) {
		const struct bh_contact *u = &c->l->v[i];
		if (u->kind == BH_CONTACT_DOMAIN && bh_addr_equal(&u->peer, addr))
			return;
	}
	/* One that this machine is itself, or that it has no address to reach from. */
	if (!is_loopback(addr) && has_family(c->place, addr->family))
		(void)contact_add(c->l, &one);
}

/* A realm of which no controller can be named is told as one without address. */
static void add_realm(struct contact_list *l, const struct bh_ready *r, const struct realm *realm)
{
	struct controller c = { .l = l, .place = &r->place, .realm = realm };

	for (size_t i = 0; i < realm->n_servers; i++) {
		const char *name = realm->servers[i].name;
		struct bh_addr addr;
		c.name = name;
		if (bh_addr_parse(name, strlen(name), &addr) == 0)
			add_controller(&c, &addr);
		else
			(void)!r->names.resolve(r->names.ctx, name, add_controller, &c);
	}
	if (!c.any) {
		c.name = NULL;
		struct bh_contact one = { .kind = BH_CONTACT_DOMAIN,
			.service = { .port = 445, .proto = BH_TCP },
			.where = realm->name,
			.because = realm->sssd ? "sssd" : "winbind" };
		(void)contact_add(l, &one);
	}
}

int bh_keeper_contacts(const struct bh_ready *r, struct bh_arena *a, struct bh_contacts *ret)
{
	static const char *const sockets[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	struct contact_list l = { .a = a };
	struct membership *m = bh_arena_alloc(a, sizeof *m);
	int err = m ? 0 : -ENOMEM;

	if (!err && !r->place.gateway) {
		BH_AUTO_BUF mounts = { 0 };
		slurp("/proc/self/mounts", &mounts);
		contacts_read_mounts(bh_buf_text(&mounts), &r->names, &l);
		for (size_t i = 0; i < BH_LEN(sockets); i++) {
			BH_AUTO_BUF b = { 0 };
			slurp(sockets[i], &b);
			contacts_read_tcp(bh_buf_text(&b), r->bound, &l);
			err = bh_buf_ok(&b) ? err : -ENOMEM;
		}
		contacts_join_mounts(&l);
		m->a = a;
		err = err ? err : domain_find(!r->names.lenient, m);
		for (size_t i = 0; i < m->n && !err; i++)
			add_realm(&l, r, &m->v[i]);
	}
	for (size_t i = 0; i < l.n; i++) {
		if (l.v[i].peer.family && !l.v[i].here.family)
			l.v[i].here = source_towards(&l.v[i].peer);
	}
	if (err || !bh_arena_ok(a))
		return -ENOMEM;
	*ret = (struct bh_contacts){ .v = l.v, .n = l.n };
	return 0;
}
