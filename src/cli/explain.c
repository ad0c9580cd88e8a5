#include "cli/explain.h"

#include <stdlib.h>

enum { OPT_POLICY = 1, OPT_HOST, OPT_GATEWAY, OPT_NAMES, OPT_NOW, OPT_FLOWS };

#define MAX_ADDRS 64u

struct ask {
	struct bh_explain x;
	const char *policy, *host, *names, *flows, *hook, *src, *dst, *service;
	bool gateway, on_day;
	int64_t day; /* --now */
	/* This machine, or --host. */
	struct bh_view view;
	const struct bh_addr *addrs;
	size_t n_addrs;
	const char *const *host_names;
	size_t n_host_names;
	struct bh_addrset onlink;
};

/* ---- names and addresses ---- */

struct addrs {
	struct bh_addr v[MAX_ADDRS];
	size_t n;
};

static void add_addr(void *to, const struct bh_addr *a)
{
	struct addrs *l = to;

	for (size_t i = 0; i < l->n; i++) {
		if (bh_addr_equal(&l->v[i], a))
			return;
	}
	if (l->n < MAX_ADDRS)
		l->v[l->n++] = *a;
}

/* doc/policy.md: what can only have been meant as an address.  A resolver would make
 * something of it: 10.1 is 10.0.0.1 to many. */
static bool never_a_name(const char *word)
{
	return strpbrk(word, ":/") || word[strspn(word, "0123456789.")] == '\0';
}

static bool wrong_address(const char *word)
{
	struct bh_addr ignored;

	return never_a_name(word) && bh_addr_parse(word, strlen(word), &ignored) < 0;
}

/* An end of a packet; none is fine. */
static void resolve(const struct bh_explain *x, const char *word, struct addrs *to)
{
	const struct bh_names *n = &x->b->names;
	struct bh_addr one;

	if (bh_addr_parse(word, strlen(word), &one) == 0)
		add_addr(to, &one);
	else if (n->resolve && !never_a_name(word))
		(void)n->resolve(n->ctx, word, add_addr, to);
}

int bh_explain_host(const struct bh_explain *x, const char *const *words, size_t n,
	struct bh_view *ret, const struct bh_addr **addrs, size_t *n_addrs)
{
	const char **names = bh_arena_array(x->a, n, sizeof *names);
	struct bh_addr ignored;
	struct addrs l = { 0 };
	size_t n_names = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (bh_addr_parse(words[i], strlen(words[i]), &ignored) < 0)
			names[n_names++] = bh_arena_str(x->a, words[i]);
		/* Wherever a roaming machine is just now, it is not known by that. */
		if (!bh_policy_roams(x->b->ready.bound, words[i]))
			resolve(x, words[i], &l);
	}
	struct bh_addr *kept = bh_arena_copy(x->a, l.v, l.n * sizeof *l.v);
	if (!kept || !bh_arena_ok(x->a))
		return -ENOMEM;
	if (addrs) {
		*addrs = kept;
		*n_addrs = l.n;
	}
	return bh_policy_view_host(x->b->ready.bound, names, n_names, kept, l.n, x->a, ret);
}

static int find_place(struct ask *q)
{
	struct bh_place here;
	int r;

	if (q->gateway)
		return bh_policy_view_gateway(q->x.b->ready.bound, q->x.a, &q->view);
	if (q->host) {
		q->host_names = &q->host;
		q->n_host_names = 1;
		return bh_explain_host(&q->x, &q->host, 1, &q->view, &q->addrs, &q->n_addrs);
	}
	r = bh_keeper_here(q->x.a, false, &here);
	if (r)
		return r;
	q->addrs = here.addrs;
	q->n_addrs = here.n_addrs;
	q->host_names = here.names;
	q->n_host_names = here.n_names;
	/* Which interface a packet will take is not known here; a peer is on-link if it
	 * is on the link of one. */
	for (size_t i = 0; i < here.n_ifaces; i++)
		q->onlink = bh_addrset_union(q->x.a, q->onlink, here.ifaces[i].onlink);
	return bh_policy_view_host(q->x.b->ready.bound, here.names, here.n_names, here.addrs,
		here.n_addrs, q->x.a, &q->view);
}

static bool is_me(const struct ask *q, const char *word, const struct bh_addr *addr)
{
	for (size_t i = 0; i < q->n_host_names; i++) {
		if (!strcasecmp(q->host_names[i], word))
			return true;
	}
	for (size_t i = 0; i < q->n_addrs; i++) {
		if (bh_addr_equal(&q->addrs[i], addr))
			return true;
	}
	return false;
}

/* ---- words for people ---- */

static void add_safely(struct bh_buf *b, const char *s)
{
	for (; *s; s++)
		bh_buf_u8(b, (uint8_t)((unsigned char)*s < 0x20 ? '?' : *s));
}

static void add_port(struct bh_buf *b, const struct bh_bound *p, struct bh_service s)
{
	const struct bh_bound_service *known = bh_policy_service(p, s);

	bh_buf_printf(b, "%s/%u", s.proto == BH_TCP ? "tcp" : "udp", s.port);
	if (known && !strchr(known->name, '/'))
		bh_buf_printf(b, " (%s)", known->name);
}

static bool sentence_at(const struct bh_bound *p, const struct bh_flow *f, unsigned line,
	const char **text, const char **reason)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		if (p->rules[i].line == line) {
			*text = p->rules[i].text;
			*reason = p->rules[i].reason;
			return false;
		}
	}
	for (size_t i = 0; i < p->n_defaults; i++) {
		if (p->defaults[i].line == line &&
			bh_service_equal(p->defaults[i].service, f->service)) {
			*text = p->defaults[i].text;
			*reason = p->defaults[i].reason;
		}
	}
	return true;
}

static void say_why_not_governed(const struct ask *q, const struct bh_flow *f, struct bh_buf *b)
{
	const struct bh_bound *p = q->x.b->ready.bound;
	const struct bh_bound_service *s = bh_policy_service(p, f->service);
	struct bh_addr c = f->client, d = f->server;
	bool loop = (c.family == BH_V4 && (c.num >> 24 == 127 || d.num >> 24 == 127)) ||
		    (c.family == BH_V6 && (c.num == 1 || d.num == 1));

	if (loop)
		bh_buf_str(b, "loopback is never governed");
	else if (!s)
		bh_buf_str(b, "no service of this policy has this port: it is not governed");
	else if (s->quic)
		bh_buf_str(b,
			"no default decides it, or no quic rule names this server: udp/443 to "
			"any other is not governed");
	else
		bh_buf_printf(b, "no rule holds, and there is no default for %s %s", s->name,
			bh_hook_names[f->hook]);
}

static void say(
	const struct ask *q, const struct bh_flow *f, const struct bh_decision *d, struct bh_buf *b)
{
	static const char *const words[] = { "passed", "allowed", "allowed if secure", "blocked" };
	const char *text = "", *reason = NULL;
	char c[BH_ADDR_TEXT], s[BH_ADDR_TEXT];

	bh_buf_printf(b, "%s: ", words[d->verdict]);
	add_port(b, q->x.b->ready.bound, f->service);
	bh_buf_printf(b, " %s from %s to %s\n  ", bh_hook_names[f->hook],
		bh_addr_format(&f->client, c), bh_addr_format(&f->server, s));
	if (!d->line) {
		say_why_not_governed(q, f, b);
	} else {
		bool by_default = sentence_at(q->x.b->ready.bound, f, d->line, &text, &reason);
		add_safely(b, d->file);
		bh_buf_printf(b, ":%u: %s", d->line, text);
		if (reason)
			bh_buf_printf(b, " \"%s\"", reason);
		if (by_default)
			bh_buf_str(b, "\n  no rule holds, so the default decides");
	}
	bh_buf_str(b, "\n");
}

static json_t *json_of(const struct ask *q, const struct bh_flow *f, const struct bh_decision *d)
{
	const char *text = NULL, *reason = NULL;
	char c[BH_ADDR_TEXT], s[BH_ADDR_TEXT], port[16];

	snprintf(port, sizeof port, "%s/%u", f->service.proto == BH_TCP ? "tcp" : "udp",
		f->service.port);
	if (d->line)
		(void)sentence_at(q->x.b->ready.bound, f, d->line, &text, &reason);
	return json_pack("{s:s, s:b, s:o, s:s, s:s, s:s, s:s, s:s?, s:s?}", "verdict",
		bh_verdict_names[d->verdict], "admit", d->admit, "line",
		d->line ? json_integer(d->line) : json_null(), "hook", bh_hook_names[f->hook],
		"client", bh_addr_format(&f->client, c), "server", bh_addr_format(&f->server, s),
		"service", port, "sentence", text, "reason", reason);
}

/* ---- one flow ---- */

static int choose_hook(const struct ask *q, const struct bh_flow *f, enum bh_hook *ret)
{
	if (q->hook) {
		for (unsigned h = 0; h < BH_HOOKS; h++) {
			if (!strcmp(q->hook, bh_hook_names[h]))
				*ret = (enum bh_hook)h;
		}
		return 0;
	}
	if (q->gateway)
		*ret = BH_FWD;
	else if (is_me(q, q->src, &f->client))
		*ret = BH_OUT;
	else if (is_me(q, q->dst, &f->server))
		*ret = BH_IN;
	else
		return bh_cli_usage(q->x.cli,
			"neither '%s' nor '%s' is %s: say in or out, or whose view with --host or "
			"--gateway",
			q->src, q->dst, q->host ? q->host : "this machine");
	return 0;
}

static int ask_one(struct ask *q, struct bh_flow *f, json_t *all, struct bh_buf *text)
{
	struct bh_decision d;
	struct bh_view gateway;
	const struct bh_view *view = &q->view;
	int r = choose_hook(q, f, &f->hook);

	if (r)
		return r;
	if (f->hook == BH_FWD) {
		if (bh_policy_view_gateway(q->x.b->ready.bound, q->x.a, &gateway) < 0)
			return bh_cli_fail(q->x.cli, BH_EXIT_SYSTEM, "out of memory");
		view = &gateway;
	}
	f->localsubnet = &q->onlink;
	bh_policy_decide(q->x.b->ready.bound, view, f, &d);
	json_array_append_new(all, json_of(q, f, &d));
	say(q, f, &d, text);
	return 0;
}

static int read_service(const struct ask *q, struct bh_service *ret)
{
	const struct bh_bound *p = q->x.b->ready.bound;

	switch (bh_policy_service_parse(p, q->service, ret)) {
	case 0: return 0;
	case -E2BIG:
		return bh_cli_usage(
			q->x.cli, "'%s' has several ports: name one, tcp/N or udp/N", q->service);
	case -ENOENT: return bh_cli_usage(q->x.cli, "this policy has no service '%s'", q->service);
	default:
		return bh_cli_usage(
			q->x.cli, "'%s': a port is a number from 1 to 65535", q->service);
	}
}

static int ask_pairs(struct ask *q, json_t *all, struct bh_buf *text)
{
	struct addrs src = { 0 }, dst = { 0 };
	struct bh_service service;
	int r = read_service(q, &service);

	resolve(&q->x, q->src, &src);
	resolve(&q->x, q->dst, &dst);
	if (!r && !src.n)
		return bh_cli_fail(q->x.cli, BH_EXIT_INPUT, "'%s' has no address", q->src);
	if (!r && !dst.n)
		return bh_cli_fail(q->x.cli, BH_EXIT_INPUT, "'%s' has no address", q->dst);
	for (size_t i = 0; !r && i < src.n; i++) {
		for (size_t k = 0; !r && k < dst.n; k++) {
			struct bh_flow f = { .client = src.v[i],
				.server = dst.v[k],
				.service = service,
				.profile = BH_PUBLIC };
			if (f.client.family == f.server.family)
				r = ask_one(q, &f, all, text);
		}
	}
	if (!r && !json_array_size(all))
		return bh_cli_fail(q->x.cli, BH_EXIT_INPUT,
			"'%s' and '%s' have no addresses of one family", q->src, q->dst);
	return r;
}

static int explain_one(struct ask *q)
{
	const char *const words[] = { q->host ? q->host : "", q->src, q->dst };

	for (size_t i = 0; i < BH_LEN(words); i++) {
		if (words[i][0] && wrong_address(words[i]))
			return bh_cli_fail(
				q->x.cli, BH_EXIT_INPUT, "'%s' is not an address", words[i]);
	}
	BH_AUTO_BUF text = { 0 };
	json_t *all = json_array();
	int r = find_place(q);

	if (r)
		r = bh_cli_fail(
			q->x.cli, BH_EXIT_SYSTEM, "cannot look at this machine: %s", strerror(-r));
	else
		r = ask_pairs(q, all, &text);
	if (!r && q->x.cli->json) {
		/* Names with several addresses are several questions. */
		json_t *doc = json_array_size(all) == 1 ? json_array_get(all, 0) : all;
		r = bh_cli_json(q->x.cli, json_incref(doc));
	} else if (!r) {
		fputs(bh_buf_text(&text), stdout);
		r = bh_cli_flush(q->x.cli);
	}
	json_decref(all);
	return r;
}

/* ---- the command line ---- */

static bool is_hook(const char *word)
{
	return !strcmp(word, "in") || !strcmp(word, "out") || !strcmp(word, "fwd");
}

static int take_word(struct ask *q, const char *word)
{
	if (!q->hook && !q->src && is_hook(word))
		q->hook = word;
	else if (!q->src)
		q->src = word;
	else if (!q->dst)
		q->dst = word;
	else if (!q->service)
		q->service = word;
	else
		return bh_cli_usage(q->x.cli, "'%s' is one word too many", word);
	return 0;
}

static int take_date(struct ask *q, const char *word)
{
	if (bh_date_parse(word, strlen(word), &q->day) < 0)
		return bh_cli_usage(q->x.cli, "--now is a date like 2026-01-31, not '%s'", word);
	q->on_day = true;
	return 0;
}

static int read_options(struct bh_cli *cli, struct ask *q)
{
	int r = 0;

	for (int id; !r && (id = bh_cli_next(cli)) >= 0;) {
		switch (id) {
		case OPT_POLICY: q->policy = cli->value; break;
		case OPT_HOST: q->host = cli->value; break;
		case OPT_GATEWAY: q->gateway = true; break;
		case OPT_NAMES: q->names = cli->value; break;
		case OPT_NOW: r = take_date(q, cli->value); break;
		case OPT_FLOWS: q->flows = cli->value; break;
		default: r = take_word(q, cli->value); break;
		}
	}
	if (r)
		return r;
	if (!q->policy)
		return bh_cli_usage(cli, "which policy? name it with -p FILE");
	if (q->gateway && q->host)
		return bh_cli_usage(cli, "--host and --gateway exclude each other");
	if (q->flows && (q->src || q->hook || q->host || q->gateway))
		return bh_cli_usage(cli, "with --flows each flow says for itself who asks what");
	if (q->flows && !strcmp(q->flows, "-") && !strcmp(q->policy, "-"))
		return bh_cli_usage(cli, "policy and flows cannot both come from standard input");
	if (!q->flows && !q->dst)
		return bh_cli_usage(cli, "which flow? name SRC and DST");
	if (q->gateway && q->hook && strcmp(q->hook, "fwd"))
		return bh_cli_usage(cli, "a gateway forwards: leave '%s' out", q->hook);
	if (!q->service)
		q->service = "smb";
	return 0;
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_cli_bound b;
	struct ask q = { .x = { .cli = cli, .b = &b, .a = &a } };
	int r = read_options(cli, &q);

	if (!r)
		r = bh_cli_bind_as(cli, q.policy, (struct bh_span){ 0 }, q.names,
			(struct bh_cli_how){ .day = q.on_day ? &q.day : NULL }, &a, &b);
	if (r)
		return r;
	bh_cli_diags(cli, &b.diags);
	if (b.diags.errors)
		return BH_EXIT_INPUT;
	return q.flows ? bh_explain_batch(&q.x, q.flows) : explain_one(&q);
}

static const struct bh_option options[] = {
	{ "policy", 'p', "FILE", "the policy; - reads standard input", OPT_POLICY },
	{ "host", 0, "HOST", "ask as that machine, by name or address", OPT_HOST },
	{ "gateway", 0, NULL, "ask as a gateway between the two", OPT_GATEWAY },
	{ "names", 0, "FILE", "resolve names from this hosts file alone", OPT_NAMES },
	{ "now", 0, "DATE", "as if it were that day: 2026-01-31", OPT_NOW },
	{ "flows", 0, "FILE", "many flows, one JSON object a line; - reads standard input",
		OPT_FLOWS },
	{ 0 },
};

const struct bh_command bh_cmd_explain = {
	.name = "explain",
	.args = "-p FILE [options] [in|out|fwd] SRC DST [SERVICE]",
	.summary = "say what a policy decides for one flow, and which sentence decides it",
	.about =
		"Without in, out or fwd: out if SRC is the machine that asks, in if DST is, fwd with\n"
		"--gateway. SERVICE is smb (the default), netbios-ssn, netbios-ns, netbios-dgm,\n"
		"smbdirect, quic, a service of the policy, tcp/N or udp/N.",
	.options = options,
	.run = run,
};
