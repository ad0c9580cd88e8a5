/*
 * prove: plan, print and prove a policy without bulkhead-priv, for tests/net/proof.
 *
 *	prove text POLICY host|gateway [audit|keep]     the nft text of generation 1
 *	prove check POLICY host|gateway [audit|keep]    dumps this namespace and holds it against it
 *	prove load POLICY host|gateway [audit|keep]    loads it, and holds it against the policy
 *	prove dump                                 the raw dump, on standard output
 *
 * check prints "proven CLASSES", "differs N" and the differences, or "not proven WHY";
 * then what lies outside.  Exit 0, 1, or 2 when something went wrong.
 */
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "enforce/enforce.h"
#include "keeper/keeper.h"

static struct bh_arena arena;

static int ask(struct mnl_socket *s, struct bh_buf *out, uint16_t type, struct nlmsghdr *m)
{
	static char buf[1 << 16];
	static unsigned seq;
	bool dump = type != NFT_MSG_GETGEN;

	m->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0));
	m->nlmsg_seq = ++seq;
	if (mnl_socket_sendto(s, m, m->nlmsg_len) < 0)
		return -1;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(s, buf, sizeof buf);
		if (n <= 0)
			return -1;
		int left = (int)n;
		for (struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
			h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -1;
			bh_buf_add(out, h, NLMSG_ALIGN(h->nlmsg_len));
			if (!dump)
				return 0;
		}
	}
}

static struct nlmsghdr *request(char *buf, uint8_t family)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof *g);

	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = 0;
	return m;
}

static int take_name(const struct nlattr *attr, void *ctx)
{
	const char **names = ctx;
	uint16_t type = mnl_attr_get_type(attr);

	if (type == NFTA_SET_TABLE || type == NFTA_SET_NAME)
		names[type] = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/* The elements of every set that was dumped so far. */
static int elements(struct mnl_socket *s, struct bh_buf *out)
{
	size_t end = out->len;

	for (size_t at = 0; at < end;) {
		struct nlmsghdr h;
		char req[1024];
		memcpy(&h, out->ptr + at, sizeof h);
		if ((h.nlmsg_type & 0xff) == NFT_MSG_NEWSET) {
			const char *names[3] = { 0 };
			struct nlmsghdr *set = malloc(h.nlmsg_len);
			if (!set)
				return -1;
			memcpy(set, out->ptr + at, h.nlmsg_len);
			if (mnl_attr_parse(set, sizeof(struct nfgenmsg), take_name, names) < 0) {
				free(set);
				return -1;
			}
			struct nfgenmsg *g = mnl_nlmsg_get_payload(set);
			struct nlmsghdr *m = request(req, g->nfgen_family);
			mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, names[NFTA_SET_TABLE]);
			mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, names[NFTA_SET_NAME]);
			int r = ask(s, out, NFT_MSG_GETSETELEM, m);
			free(set);
			if (r < 0)
				return r;
		}
		at += NLMSG_ALIGN(h.nlmsg_len);
	}
	return 0;
}

static int dump(struct bh_buf *out)
{
	static const uint16_t first[] = { NFT_MSG_GETGEN, NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN,
		NFT_MSG_GETSET };
	static const uint16_t rest[] = { NFT_MSG_GETRULE, NFT_MSG_GETFLOWTABLE, NFT_MSG_GETGEN };
	struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);
	char req[1024];
	int r = s && mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -1;

	for (size_t i = 0; i < BH_LEN(first) && !r; i++)
		r = ask(s, out, first[i], request(req, NFPROTO_UNSPEC));
	if (!r)
		r = elements(s, out);
	for (size_t i = 0; i < BH_LEN(rest) && !r; i++) {
		r = ask(s, out, rest[i], request(req, NFPROTO_UNSPEC));
		if (rest[i] == NFT_MSG_GETFLOWTABLE)
			r = 0; /* a kernel without flowtables refuses */
	}
	if (s)
		mnl_socket_close(s);
	return r;
}

static int print(const struct bh_proof *p)
{
	for (const struct bh_difference *d = p->differences; d; d = d->next) {
		BH_AUTO_BUF src = { 0 };
		BH_AUTO_BUF dst = { 0 };
		bh_addrset_format(&d->src, ",", &src);
		bh_addrset_format(&d->dst, ",", &dst);
		printf("%s %u", bh_hook_names[d->hook], d->service.proto);
		for (size_t i = 0; i < d->ports.n; i++)
			printf("%s%u-%u", i ? "," : "/", (unsigned)d->ports.v[i].lo,
				(unsigned)d->ports.v[i].hi);
		printf(" from %.200s to %.200s on '%s' (%s): %s\n", bh_buf_text(&src),
			bh_buf_text(&dst), d->ifname, d->what ? d->what : "any packet",
			d->dropped         ? "dropped"
			: d->kernel_admits ? "passes"
					   : "blocked");
	}
	for (size_t i = 0; i < p->n_outside; i++)
		printf("outside: %s\n", p->outside[i]);
	return p->answer == BH_PROVEN && !p->foreign_nat ? 0 : 1;
}

static int check(const struct bh_ready *r, enum bh_mode mode)
{
	BH_AUTO_BUF raw = { 0 };
	struct bh_proof p;
	struct timespec t[2];

	if (dump(&raw) < 0) {
		fprintf(stderr, "the kernel does not answer\n");
		return 2;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t[0]);
	int e = bh_keeper_prove(bh_span_of(raw.ptr, raw.len), r, mode, &arena, &p);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t[1]);
	if (e < 0) {
		fprintf(stderr, "prove: %s\n", strerror(-e));
		return 2;
	}
	if (p.answer == BH_PROVEN)
		printf("proven %llu\n", (unsigned long long)p.classes);
	if (p.answer == BH_DIFFERS)
		printf("differs %zu\n", p.n_differences);
	if (p.why_not)
		printf("not proven: %s\n", p.why_not);
	fprintf(stderr, "%ld ms\n",
		(t[1].tv_sec - t[0].tv_sec) * 1000 + (t[1].tv_nsec - t[0].tv_nsec) / 1000000);
	return print(&p);
}

static int gather(void *ctx, const void *messages, size_t len)
{
	bh_buf_add(ctx, messages, len);
	return bh_buf_ok(ctx) ? 0 : -ENOMEM;
}

/* What the kernel said first against it; 0: nothing. */
static int answers(struct mnl_socket *s)
{
	static char buf[1 << 16];
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(s), buf, sizeof buf, MSG_DONTWAIT)) > 0) {
		int left = (int)n;
		for (struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
			h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
			if (h->nlmsg_type == NLMSG_ERROR && e->error)
				return e->error;
		}
	}
	return 0;
}

static int load(const struct bh_ready *r, enum bh_mode mode)
{
	BH_AUTO_BUF all = { 0 };
	struct bh_nl_sink sink = { .ctx = &all, .put = gather };
	struct bh_load l = { .table = &r->table, .mode = mode, .generation = 1 };
	struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);
	uint32_t seq = 1;
	int size = 64 << 20, e = s ? 0 : -errno;

	if (!e && mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		e = -errno;
	if (!e)
		e = bh_enforce_load(&l, &seq, &sink);
	if (!e)
		setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	if (!e && mnl_socket_sendto(s, all.ptr, all.len) < 0)
		e = -errno;
	if (!e)
		e = answers(s);
	if (s)
		mnl_socket_close(s);
	return e;
}

static struct bh_span read_all(const char *path)
{
	static struct bh_buf text;
	char part[65536];
	FILE *f = fopen(path, "re");
	size_t n;

	while (f && (n = fread(part, 1, sizeof part, f)) > 0)
		bh_buf_add(&text, part, n);
	if (f)
		fclose(f);
	return bh_span_of(bh_buf_text(&text), text.len);
}

static int ready(const char *path, bool gateway, struct bh_ready *ret)
{
	struct bh_diags diags = { .arena = &arena };
	struct bh_place place;
	int e = bh_keeper_bind(path, read_all(path), NULL, &arena, &diags, ret);

	for (const struct bh_diag *d = diags.first; d; d = d->next)
		fprintf(stderr, "%s:%u: %s\n", d->file, d->line, d->text);
	if (!e && diags.errors)
		e = -EINVAL;
	if (!e)
		e = bh_keeper_here(&arena, gateway, &place);
	return e ? e : bh_keeper_plan(ret, &place, &arena);
}

int main(int argc, char **argv)
{
	struct bh_ready r = { 0 };
	int status = 2;

	if (argc == 2 && !strcmp(argv[1], "dump")) {
		BH_AUTO_BUF raw = { 0 };
		if (dump(&raw) < 0)
			return 2;
		return fwrite(raw.ptr, 1, raw.len, stdout) == raw.len ? 0 : 2;
	}
	if (argc < 4) {
		fprintf(stderr, "prove text|check POLICY host|gateway [audit|keep] | dump\n");
		return 2;
	}
	enum bh_mode mode = argc <= 4 ? BH_ENFORCE : !strcmp(argv[4], "audit") ? BH_AUDIT : BH_KEEP;
	int e = ready(argv[2], !strcmp(argv[3], "gateway"), &r);
	if (e) {
		fprintf(stderr, "prove: %s\n", strerror(-e));
	} else if (!strcmp(argv[1], "text")) {
		BH_AUTO_BUF text = { 0 };
		struct bh_load l = { .table = &r.table, .mode = mode, .generation = 1 };
		l.generation_hooks = r.place.gateway ? BH_HOOK_BIT(BH_FWD)
						     : BH_HOOK_BIT(BH_IN) | BH_HOOK_BIT(BH_OUT);
		bh_enforce_text(&l, &text);
		fputs(bh_buf_text(&text), stdout);
		status = 0;
	} else if (!strcmp(argv[1], "load") && (e = load(&r, mode)) != 0) {
		fprintf(stderr, "load: %s\n", strerror(-e));
	} else {
		status = check(&r, mode);
	}
	bh_arena_reset(&arena);
	return status;
}
