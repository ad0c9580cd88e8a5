/*
 * load: sends what bh_enforce_* makes to the kernel of this network namespace, without
 * bulkhead-priv; for tests/net/enforce.
 *
 *	load text|load|confirm|undo TABLE MODE GENERATION FORMER [LEASE]
 *
 * TABLE: host, gateway, narrow (a host that only judges what it opens) or big (100,000
 * ranges).  FORMER_TABLE in the environment: what the former generation was, when it was
 * another.  STALE_CHAINS and STALE_SETS: names that go.
 */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "enforce/enforce.h"
#include "enforce_tables.h"

static struct bh_table table_named(const char *name)
{
	if (!strcmp(name, "host"))
		return host();
	if (!strcmp(name, "narrow"))
		return narrow();
	return strcmp(name, "big") ? gateway() : big();
}

static unsigned hooks_of(const struct bh_table *t)
{
	unsigned hooks = 0;

	for (size_t i = 0; i < t->n_gates; i++)
		hooks |= BH_HOOK_BIT(t->gates[i].hook);
	return hooks;
}

/* Words of a variable of the environment. */
static const char *const *words(const char *variable, size_t *n)
{
	const char *text = getenv(variable);
	char *copy = bh_arena_str(&arena, text ? text : "");
	const char **v = bh_arena_array(&arena, 4096, sizeof *v);

	*n = 0;
	for (char *w = strtok(copy, " \n"); v && w && *n < 4096; w = strtok(NULL, " \n"))
		v[(*n)++] = w;
	return v;
}

static int gather(void *ctx, const void *messages, size_t len)
{
	struct bh_buf *all = ctx;
	bh_buf_add(all, messages, len);
	return bh_buf_ok(all) ? 0 : -ENOMEM;
}

/* The kernel answers only what fails (no NLM_F_ACK anywhere), then nothing. */
static int answers(struct mnl_socket *s)
{
	static char buf[1 << 16];
	int bad = 0;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(s), buf, sizeof buf, MSG_DONTWAIT);
		if (n <= 0)
			return bad;
		int left = (int)n;
		for (struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
			h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
			if (e->error) {
				fprintf(stderr, "message %u: %s\n", h->nlmsg_seq,
					strerror(-e->error));
				bad = 1;
			}
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 7 && argc != 6) {
		fprintf(stderr,
			"load text|load|confirm|undo TABLE MODE GENERATION FORMER [LEASE]\n");
		return 2;
	}
	const char *verb = argv[1], *former = getenv("FORMER_TABLE");
	struct bh_table t = table_named(argv[2]);
	struct bh_load l = { .table = &t,
		.mode = !strcmp(argv[3], "audit")  ? BH_AUDIT
			: !strcmp(argv[3], "keep") ? BH_KEEP
						   : BH_ENFORCE,
		.generation = (uint32_t)atoi(argv[4]),
		.former = (uint32_t)atoi(argv[5]),
		.lease = argc == 7 ? (uint32_t)atoi(argv[6]) : 0 };
	l.generation_hooks = hooks_of(&t);
	if (l.former) {
		struct bh_table was = former ? table_named(former) : t;
		l.former_hooks = hooks_of(&was);
	}
	l.stale_chains = words("STALE_CHAINS", &l.n_stale_chains);
	l.stale_sets = words("STALE_SETS", &l.n_stale_sets);

	if (!strcmp(verb, "text")) {
		BH_AUTO_BUF b = { 0 };
		bh_enforce_text(&l, &b);
		fputs(bh_buf_text(&b), stdout);
		return !bh_buf_ok(&b);
	}
	struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);
	int size = 256 << 20;
	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		return 4;
	setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	BH_AUTO_BUF all = { 0 };
	struct bh_nl_sink sink = { .ctx = &all, .put = gather };
	uint32_t seq = 1;
	int r = !strcmp(verb, "confirm") ? bh_enforce_confirm(&l, &seq, &sink)
		: !strcmp(verb, "undo")  ? bh_enforce_undo(&l, &seq, &sink)
					 : bh_enforce_load(&l, &seq, &sink);
	if (!r && mnl_socket_sendto(s, all.ptr, all.len) < 0)
		r = -errno;
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	fprintf(stderr, "%ld.%03ld s, %ld kB\n", u.ru_utime.tv_sec + u.ru_stime.tv_sec,
		(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000, u.ru_maxrss);
	if (r)
		fprintf(stderr, "%s\n", strerror(-r));
	return r || answers(s);
}
