#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "keeper/contacts.h"

/* ---- the system's resolver ---- */

static struct bh_addr of_sockaddr(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		return bh_addr_v4(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof in6);
		return bh_addr_v6(in6.sin6_addr.s6_addr);
	}
	return (struct bh_addr){ 0 };
}

/* -ENOENT: there is no such name.  Anything else: nobody could say. */
static int system_error(int gai)
{
	switch (gai) {
	case EAI_NONAME:
	case EAI_NODATA: return -ENOENT;
	case EAI_MEMORY: return -ENOMEM;
	case EAI_AGAIN: return -EAGAIN;
	default: return -EIO;
	}
}

static int resolve_by_system(
	void *ctx, const char *name, void (*add)(void *to, const struct bh_addr *a), void *to)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	int r = getaddrinfo(name, NULL, &hints, &all);

	(void)ctx;
	if (r)
		return system_error(r);
	for (const struct addrinfo *one = all; one; one = one->ai_next) {
		struct bh_addr a = of_sockaddr(one->ai_addr);
		if (a.family)
			add(to, &a);
	}
	freeaddrinfo(all);
	return 0;
}

/* The domain controllers of an Active Directory domain ([MS-ADTS] 6.3.2.3): the hosts that
 * its SRV record names, with all their addresses. */
struct controllers {
	bh_add_addr add;
	void *to;
	unsigned found;
};

static void add_controller(void *ctx, const char *host)
{
	struct controllers *c = ctx;

	c->found += !resolve_by_system(NULL, host, c->add, c->to);
}

static int domain_by_system(void *ctx, const char *name, bh_add_addr add, void *to)
{
	struct controllers c = { .add = add, .to = to };
	char record[512];

	(void)ctx;
	if (snprintf(record, sizeof record, "_ldap._tcp.dc._msdcs.%s", name) >= (int)sizeof record)
		return -ENOENT;
	int r = srv_ask(record, add_controller, &c);
	return c.found ? 0 : r < 0 ? r : -ENOENT;
}

static int64_t today(void)
{
	return time(NULL) / 86400;
}

void bh_keeper_names_system(struct bh_names *ret)
{
	*ret = (struct bh_names){
		.resolve = resolve_by_system, .domain = domain_by_system, .today = today()
	};
}

/* ---- a hosts file ---- */

struct entry {
	const char *name;
	struct bh_addr addr;
	size_t line;
};

struct hosts {
	struct entry *v; /* sorted by name, then line */
	size_t n;
};

static int by_name(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int r = strcasecmp(a->name, b->name);

	return r ? r : a->line < b->line ? -1 : a->line > b->line;
}

static int resolve_by_file(
	void *ctx, const char *name, void (*add)(void *to, const struct bh_addr *a), void *to)
{
	const struct hosts *h = ctx;
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcasecmp(h->v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	size_t first = lo;
	for (; lo < h->n && !strcasecmp(h->v[lo].name, name); lo++)
		add(to, &h->v[lo].addr);
	return lo > first ? 0 : -ENOENT;
}

static size_t word(const char **at)
{
	size_t n;

	*at += strspn(*at, " \t\r");
	n = strcspn(*at, " \t\r\n#");
	return n;
}

/* hosts(5): an address and its names a line, '#' begins a remark.  With v NULL it
 * only counts. */
static size_t read_hosts(const char *text, struct bh_arena *a, struct entry *v)
{
	size_t n = 0, line = 0;

	while (*text) {
		const char *at = text;
		struct bh_addr addr;
		size_t len = word(&at);
		bool fine = len && bh_addr_parse(at, len, &addr) == 0;
		line++;
		while (fine && (at += len, len = word(&at)) > 0) {
			if (v)
				v[n] = (struct entry){ .name = bh_arena_strn(a, at, len),
					.addr = addr,
					.line = line };
			n++;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return n;
}

int bh_keeper_names_file(const char *text, struct bh_arena *a, struct bh_names *ret)
{
	struct hosts *h = bh_arena_alloc(a, sizeof *h);

	if (!h)
		return -ENOMEM;
	h->n = read_hosts(text, a, NULL);
	h->v = bh_arena_array(a, h->n, sizeof *h->v);
	if (!h->v)
		return -ENOMEM;
	(void)read_hosts(text, a, h->v);
	if (!bh_arena_ok(a))
		return -ENOMEM;
	qsort(h->v, h->n, sizeof *h->v, by_name);
	/* A domain stands there under its name, a namespace as it is written. */
	*ret = (struct bh_names){ .ctx = h,
		.resolve = resolve_by_file,
		.domain = resolve_by_file,
		.namespace = resolve_by_file,
		.lenient = true,
		.today = today() };
	return 0;
}
