#include <stdio.h>
#include <stdlib.h>

#include "cli/explain.h"

#define MAX_HOST_WORDS 64u

/* Reading one line: the first thing wrong is what is said. */
struct line {
	const struct bh_explain *x;
	unsigned number;
	char problem[200];
	struct bh_arena a; /* of this line alone */
	json_t *views; /* host → number in `known` */
	struct bh_view *known;
	size_t n_known, cap;
	json_t *warned; /* unknown fields told of once */
};

static bool wrong(struct line *l, const char *fmt, ...) BH_PRINTF(2, 3);

static bool wrong(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!l->problem[0])
		vsnprintf(l->problem, sizeof l->problem, fmt, ap);
	va_end(ap);
	return false;
}

static const json_t *field(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_null(v) ? NULL : v;
}

/* One of some words; absent is fine when there is a fallback. */
static bool read_choice(struct line *l, const json_t *o, const char *key, const char *const *words,
	size_t n, int fallback, int *ret)
{
	const json_t *v = field(o, key);

	for (size_t i = 0; v && i < n; i++) {
		if (json_is_string(v) && !strcmp(json_string_value(v), words[i])) {
			*ret = (int)i;
			return true;
		}
	}
	if (!v && fallback >= 0) {
		*ret = fallback;
		return true;
	}
	return wrong(l, "\"%s\" is one of %s, %s%s%s", key, words[0], words[1], n > 2 ? ", " : "",
		n > 2 ? words[2] : "");
}

static bool read_address(struct line *l, const json_t *o, const char *key, struct bh_addr *ret)
{
	const json_t *v = field(o, key);

	if (json_is_string(v) && !bh_addr_parse(json_string_value(v), json_string_length(v), ret))
		return true;
	return wrong(l, "\"%s\" is an IPv4 or IPv6 address", key);
}

static bool read_ifname(struct line *l, const json_t *o, const char *key, char ret[BH_IFNAME])
{
	const json_t *v = field(o, key);

	if (!v)
		return true;
	if (!json_is_string(v) || json_string_length(v) >= BH_IFNAME)
		return wrong(l, "\"%s\" is an interface's name of at most %d characters", key,
			BH_IFNAME - 1);
	memcpy(ret, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool read_service(struct line *l, const json_t *o, struct bh_service *ret)
{
	const json_t *v = field(o, "service");

	if (!json_is_string(v))
		return wrong(l, "\"service\" is smb, netbios-ssn, netbios-ns, netbios-dgm, "
				"smbdirect, quic, a service's name, tcp/N or udp/N");
	const char *text = json_string_value(v);
	switch (bh_policy_service_parse(l->x->b->ready.bound, text, ret)) {
	case 0: return true;
	case -E2BIG:
		return wrong(l, "\"service\": '%.40s' has several ports, name one: tcp/N or udp/N",
			text);
	case -ENOENT: return wrong(l, "\"service\": this policy has no service '%.40s'", text);
	default: return wrong(l, "\"service\": '%.40s' has no port from 1 to 65535", text);
	}
}

static bool read_sport(struct line *l, const json_t *o, uint16_t *ret)
{
	const json_t *v = field(o, "sport");

	if (!v)
		return true;
	json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
	if (n < 0 || n > 65535)
		return wrong(l, "\"sport\" is a port from 0 to 65535");
	*ret = (uint16_t)n;
	return true;
}

/* "10.1.0.0/24" or one address. */
static bool read_prefix(struct line *l, const char *text, struct bh_addrset *to)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct bh_addr lo, hi;
	char *end = NULL;

	if (bh_addr_parse(text, len, &lo) < 0)
		return wrong(l, "\"localsubnet\": '%.60s' is no prefix", text);
	unsigned width = bh_addr_bits(lo.family);
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : width;
	if (slash && (slash[1] < '0' || slash[1] > '9' || *end || bits > width))
		return wrong(l, "\"localsubnet\": '%.60s' is no prefix", text);
	bh_u128 tail = bits ? ((bh_u128)1 << (width - bits)) - 1 : bh_addr_max(lo.family);
	if (width == 128 && !bits)
		tail = ~(bh_u128)0;
	if (lo.num & tail)
		return wrong(l, "\"localsubnet\": '%.60s' has host bits set", text);
	hi = lo;
	hi.num |= tail;
	*to = bh_addrset_union(&l->a, *to, bh_addrset_range(&l->a, &lo, &hi));
	return true;
}

static bool read_localsubnet(struct line *l, const json_t *o, struct bh_addrset *ret)
{
	const json_t *v = field(o, "localsubnet");

	if (!v)
		return true;
	if (!json_is_array(v))
		return wrong(l, "\"localsubnet\" is an array of prefixes");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *one = json_array_get(v, i);
		if (!json_is_string(one))
			return wrong(l, "\"localsubnet\" is an array of prefixes");
		if (!read_prefix(l, json_string_value(one), ret))
			return false;
	}
	return true;
}

/* What only matters to sentences that are not built yet is still held to its type. */
static bool check_secured(struct line *l, const json_t *o)
{
	static const char *const levels[] = { "secure", "integrity", "encrypted" };
	static const char *const by[] = { "certificate", "kerberos" };
	const json_t *v = field(o, "secured");
	int ignored;

	if (v && !json_is_array(v))
		return wrong(l, "\"secured\" is an array of groups, or null");
	for (size_t i = 0; v && i < json_array_size(v); i++) {
		if (!json_is_string(json_array_get(v, i)))
			return wrong(l, "\"secured\" is an array of groups, or null");
	}
	return read_choice(l, o, "level", levels, BH_LEN(levels), 0, &ignored) &&
	       read_choice(l, o, "by", by, BH_LEN(by), 0, &ignored);
}

/* ---- the machine that asks ---- */

static bool host_words(struct line *l, const json_t *host, const char **words, size_t *n)
{
	size_t have = json_is_array(host) ? json_array_size(host) : 1;

	if (have > MAX_HOST_WORDS)
		return wrong(l, "\"host\" has more than %u names and addresses", MAX_HOST_WORDS);
	for (size_t i = 0; i < have; i++) {
		const json_t *one = json_is_array(host) ? json_array_get(host, i) : host;
		if (!json_is_string(one) || !json_string_length(one))
			return wrong(l, "\"host\" is a name, an address, or an array of these");
		words[i] = json_string_value(one);
	}
	*n = have;
	return true;
}

/* A machine's view is made once: a batch asks for the same few again and again. */
static bool view_of(struct line *l, const json_t *host, size_t *ret)
{
	const char *words[MAX_HOST_WORDS];
	size_t n = 0;
	char *key = json_dumps(host, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!key)
		return wrong(l, "out of memory");
	const json_t *had = json_object_get(l->views, key);
	bool fine = had || host_words(l, host, words, &n);
	*ret = had ? (size_t)json_integer_value(had) : l->n_known;
	if (fine && !had) {
		struct bh_view v;
		if (l->n_known == l->cap) {
			size_t cap = l->cap ? l->cap * 2 : 16;
			struct bh_view *more = realloc(l->known, cap * sizeof *more);
			fine = more || wrong(l, "out of memory");
			if (more) {
				l->known = more;
				l->cap = cap;
			}
		}
		if (fine && bh_explain_host(l->x, words, n, &v, NULL, NULL) < 0)
			fine = wrong(l, "out of memory");
		if (fine) {
			l->known[l->n_known++] = v;
			json_object_set_new(l->views, key, json_integer((json_int_t)*ret));
		}
	}
	free(key);
	return fine;
}

/* ---- one line ---- */

static void warn_unknown(struct line *l, json_t *o)
{
	static const char *const known[] = { "hook", "host", "client", "server", "service",
		"profile", "iif", "oif", "sport", "localsubnet", "secured", "level", "by" };
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		bool found = false;
		for (size_t i = 0; i < BH_LEN(known); i++)
			found |= !strcmp(key, known[i]);
		if (found || json_object_get(l->warned, key) || json_object_size(l->warned) > 20)
			continue;
		json_object_set_new(l->warned, key, json_true());
		struct bh_diag d = { .file = "-", .line = l->number, .severity = BH_WARNING };
		char text[160];
		BH_AUTO_BUF b = { 0 };
		snprintf(text, sizeof text, "a flow has no field \"%.60s\": it is ignored", key);
		d.text = text;
		bh_diag_render(&d, l->x->cli->color, &b);
		if (!l->x->cli->quiet)
			fputs(bh_buf_text(&b), stderr);
	}
}

static bool decide(struct line *l, json_t *o, struct bh_decision *ret)
{
	static const char *const profiles[] = { "domain", "private", "public" };
	struct bh_flow f = { 0 };
	struct bh_addrset localsubnet = { 0 };
	const json_t *host = field(o, "host");
	int hook, profile;
	size_t view = 0;

	if (!read_choice(l, o, "hook", bh_hook_names, BH_HOOKS, -1, &hook) ||
		!read_address(l, o, "client", &f.client) ||
		!read_address(l, o, "server", &f.server) || !read_service(l, o, &f.service) ||
		!read_choice(l, o, "profile", profiles, BH_LEN(profiles), BH_PUBLIC, &profile) ||
		!read_ifname(l, o, "iif", f.iif) || !read_ifname(l, o, "oif", f.oif) ||
		!read_sport(l, o, &f.sport) || !read_localsubnet(l, o, &localsubnet) ||
		!check_secured(l, o))
		return false;
	if (f.client.family != f.server.family)
		return wrong(l, "\"client\" and \"server\" are of two families");
	if (host && hook != BH_FWD && !view_of(l, host, &view))
		return false;
	f.hook = (enum bh_hook)hook;
	f.profile = (enum bh_profile)profile;
	f.localsubnet = &localsubnet;
	bh_policy_decide(l->x->b->ready.bound, &l->known[view], &f, ret);
	warn_unknown(l, o);
	return true;
}

static bool answer(struct line *l, const char *text, size_t len)
{
	json_error_t err;
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &err);
	struct bh_decision d;
	bool fine;

	if (!o)
		return wrong(l, "this is no JSON: %s", err.text);
	fine = json_is_object(o) ? decide(l, o, &d) : wrong(l, "a flow is one JSON object a line");
	json_decref(o);
	bh_arena_reset(&l->a);
	if (!fine)
		return false;
	printf("{\"verdict\": \"%s\", \"admit\": %s, \"line\": ", bh_verdict_names[d.verdict],
		d.admit ? "true" : "false");
	if (d.line)
		printf("%u}\n", d.line);
	else
		puts("null}");
	return true;
}

static int refuse(struct line *l)
{
	struct bh_diag d = {
		.file = "-", .line = l->number, .severity = BH_ERROR, .text = l->problem
	};
	BH_AUTO_BUF b = { 0 };

	fflush(stdout);
	bh_diag_render(&d, l->x->cli->color, &b);
	fputs(bh_buf_text(&b), stderr);
	return BH_EXIT_INPUT;
}

static bool blank(const char *s, size_t len)
{
	return strspn(s, " \t\r\n") == len;
}

static int read_lines(struct line *l, FILE *in)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;
	int r = BH_EXIT_OK;

	while (!r && (len = getline(&text, &cap, in)) > 0) {
		l->number++;
		if (blank(text, (size_t)len))
			continue;
		/* Whoever asks line by line waits for each answer. */
		r = answer(l, text, (size_t)len) ? bh_cli_flush(l->x->cli) : refuse(l);
	}
	free(text);
	return r;
}

int bh_explain_batch(const struct bh_explain *x, const char *path)
{
	struct line l = { .x = x, .views = json_object(), .warned = json_object() };
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int r = BH_EXIT_SYSTEM;

	l.known = calloc(16, sizeof *l.known);
	l.cap = 16;
	/* View 0 is the gateway's. */
	if (!in)
		r = bh_cli_fail(x->cli, BH_EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
	else if (!l.known || !l.views || !l.warned ||
		 bh_policy_view_gateway(x->b->ready.bound, x->a, &l.known[0]) < 0)
		r = bh_cli_fail(x->cli, BH_EXIT_SYSTEM, "out of memory");
	else
		l.n_known = 1, r = read_lines(&l, in);
	if (in && in != stdin)
		fclose(in);
	json_decref(l.views);
	json_decref(l.warned);
	free(l.known);
	return r;
}
