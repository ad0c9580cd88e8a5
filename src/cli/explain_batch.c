#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/explain.h"
#include "cli/fields.h"

#define MAX_HOST_WORDS 64u
#define MAX_KNOWN      16384u /* machines and subnets kept ready; then they are made anew */
#define OUT_BYTES      65536u

/* What is made of a few words once, and asked for again and again: a machine's view, a set
 * of subnets. */
struct known {
	struct known *next; /* with the same hash, modulo */
	uint64_t hash;
	char *key;
	size_t key_len;
	struct bh_view view;
	struct bh_addrset subnets;
};

struct cache {
	struct bh_arena a;
	struct known *slots[MAX_KNOWN];
	size_t n;
};

/* Reading one line: the first thing wrong is what is said. */
struct line {
	const struct bh_explain *x;
	unsigned number;
	char problem[200];
	struct bh_fields f;
	struct cache hosts, subnets;
	struct bh_view gateway;
	const char **groups; /* heap */
	size_t groups_cap;
	/* "file" of an answer, as JSON; only where there are several. */
	const char *file;
	char *file_json;
	char *out; /* OUT_BYTES */
	size_t out_len;
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

static const char *text_of(const struct line *l, enum bh_field i)
{
	const struct bh_value *v = &l->f.v[i];

	return v->kind == BH_VALUE_TEXT ? l->f.texts[v->first].s : NULL;
}

static size_t len_of(const struct line *l, enum bh_field i)
{
	return l->f.texts[l->f.v[i].first].len;
}

/* ---- fields of one word ---- */

/* One of some words; absent is fine when there is a fallback. */
static bool read_choice(
	struct line *l, enum bh_field i, const char *const *words, size_t n, int fallback, int *ret)
{
	const char *text = text_of(l, i);

	for (size_t k = 0; text && k < n; k++) {
		if (!strcmp(text, words[k])) {
			*ret = (int)k;
			return true;
		}
	}
	if (l->f.v[i].kind == BH_VALUE_NONE && fallback >= 0) {
		*ret = fallback;
		return true;
	}
	return wrong(l, "\"%s\" is one of %s, %s%s%s", bh_field_names[i], words[0], words[1],
		n > 2 ? ", " : "", n > 2 ? words[2] : "");
}

static bool read_address(struct line *l, enum bh_field i, struct bh_addr *ret)
{
	const char *text = text_of(l, i);

	if (text && !bh_addr_parse(text, len_of(l, i), ret))
		return true;
	return wrong(l, "\"%s\" is an IPv4 or IPv6 address", bh_field_names[i]);
}

static bool read_ifname(struct line *l, enum bh_field i, char ret[BH_IFNAME])
{
	const char *text = text_of(l, i);

	if (l->f.v[i].kind == BH_VALUE_NONE)
		return true;
	if (!text || len_of(l, i) >= BH_IFNAME)
		return wrong(l, "\"%s\" is an interface's name of at most %d characters",
			bh_field_names[i], BH_IFNAME - 1);
	memcpy(ret, text, len_of(l, i) + 1);
	return true;
}

static bool read_service(struct line *l, struct bh_service *ret)
{
	const char *text = text_of(l, BH_FIELD_SERVICE);

	if (!text)
		return wrong(l, "\"service\" is smb, netbios-ssn, netbios-ns, netbios-dgm, "
				"smbdirect, quic, a service's name, tcp/N or udp/N");
	switch (bh_policy_service_parse(l->x->b->ready.bound, text, ret)) {
	case 0: return true;
	case -E2BIG:
		return wrong(l, "\"service\": '%.40s' has several ports, name one: tcp/N or udp/N",
			text);
	case -ENOENT: return wrong(l, "\"service\": this policy has no service '%.40s'", text);
	default: return wrong(l, "\"service\": '%.40s' has no port from 1 to 65535", text);
	}
}

static bool read_sport(struct line *l, uint16_t *ret)
{
	const struct bh_value *v = &l->f.v[BH_FIELD_SPORT];

	if (v->kind == BH_VALUE_NONE)
		return true;
	if (v->kind != BH_VALUE_NUMBER || v->number < 0 || v->number > 65535)
		return wrong(l, "\"sport\" is a port from 0 to 65535");
	*ret = (uint16_t)v->number;
	return true;
}

/* ---- what was seen before ---- */

static uint64_t hash_of(const struct line *l, const struct bh_value *v)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a; the NULs keep the words apart */

	for (size_t i = 0; i < v->n; i++) {
		const struct bh_text *t = &l->f.texts[v->first + i];
		for (size_t k = 0; k <= t->len; k++)
			h = (h ^ (unsigned char)t->s[k]) * 0x100000001b3u;
	}
	return h ^ h >> 29;
}

static bool same_words(const struct line *l, const struct bh_value *v, const struct known *k)
{
	size_t at = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct bh_text *t = &l->f.texts[v->first + i];
		if (k->key_len - at < t->len + 1 || memcmp(k->key + at, t->s, t->len + 1) != 0)
			return false;
		at += t->len + 1;
	}
	return at == k->key_len;
}

static struct known *find(struct line *l, struct cache *c, const struct bh_value *v)
{
	uint64_t h = hash_of(l, v);
	struct known *k = c->slots[h % MAX_KNOWN];

	while (k && (k->hash != h || !same_words(l, v, k)))
		k = k->next;
	return k;
}

/* Whoever asks for ever more machines gets each of them made when it comes. */
static struct known *remember(struct line *l, struct cache *c, const struct bh_value *v)
{
	size_t len = 0, at = 0;

	if (c->n == MAX_KNOWN) {
		bh_arena_reset(&c->a);
		*c = (struct cache){ 0 };
	}
	for (size_t i = 0; i < v->n; i++)
		len += l->f.texts[v->first + i].len + 1;
	struct known *k = bh_arena_alloc(&c->a, sizeof *k);
	char *key = bh_arena_alloc(&c->a, len + 1);
	if (!k || !key)
		return NULL;
	for (size_t i = 0; i < v->n; i++) {
		const struct bh_text *t = &l->f.texts[v->first + i];
		memcpy(key + at, t->s, t->len + 1);
		at += t->len + 1;
	}
	k->hash = hash_of(l, v);
	k->key = key;
	k->key_len = len;
	k->next = c->slots[k->hash % MAX_KNOWN];
	c->slots[k->hash % MAX_KNOWN] = k;
	c->n++;
	return k;
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
	*to = bh_addrset_union(&l->subnets.a, *to, bh_addrset_range(&l->subnets.a, &lo, &hi));
	return true;
}

static bool read_localsubnet(struct line *l, const struct bh_addrset **ret)
{
	const struct bh_value *v = &l->f.v[BH_FIELD_LOCALSUBNET];
	struct bh_addrset s = { 0 };

	if (v->kind == BH_VALUE_NONE)
		return true;
	if (v->kind != BH_VALUE_TEXTS)
		return wrong(l, "\"localsubnet\" is an array of prefixes");
	struct known *k = find(l, &l->subnets, v);
	if (!k) {
		k = remember(l, &l->subnets, v);
		for (size_t i = 0; k && i < v->n; i++) {
			if (!read_prefix(l, l->f.texts[v->first + i].s, &s))
				return false;
		}
		if (!k || !bh_arena_ok(&l->subnets.a))
			return wrong(l, "out of memory");
		k->subnets = s;
	}
	*ret = &k->subnets;
	return true;
}

/* A machine's view is made once: a batch asks for the same few again and again. */
static bool read_host(struct line *l, const struct bh_view **ret)
{
	const struct bh_value *v = &l->f.v[BH_FIELD_HOST];
	const char *words[MAX_HOST_WORDS];
	struct bh_view view;

	if (v->kind != BH_VALUE_TEXT && v->kind != BH_VALUE_TEXTS)
		return wrong(l, "\"host\" is a name, an address, or an array of these");
	struct known *k = find(l, &l->hosts, v);
	if (k) {
		*ret = &k->view;
		return true;
	}
	if (v->n > MAX_HOST_WORDS)
		return wrong(l, "\"host\" has more than %u names and addresses", MAX_HOST_WORDS);
	for (size_t i = 0; i < v->n; i++) {
		words[i] = l->f.texts[v->first + i].s;
		if (!words[i][0])
			return wrong(l, "\"host\" is a name, an address, or an array of these");
	}
	k = remember(l, &l->hosts, v);
	const struct bh_explain in = { l->x->cli, l->x->b, &l->hosts.a };
	if (!k || bh_explain_host(&in, words, v->n, &view, NULL, NULL) < 0)
		return wrong(l, "out of memory");
	k->view = view;
	*ret = &k->view;
	return true;
}

/* ---- the association ---- */

/* secured is absent or null: the packet goes in clear, whatever level and by say. */
static bool read_secured(struct line *l, struct bh_association *a, bool *secured)
{
	const struct bh_value *v = &l->f.v[BH_FIELD_SECURED];
	int level, by, unsaid = BH_BY_KERBEROS;

	if (!read_choice(l, BH_FIELD_LEVEL, bh_level_names + 1, BH_LEVEL_ENCRYPTED, 0, &level) ||
		!read_choice(l, BH_FIELD_BY, bh_by_names + 1, BH_BY_KERBEROS, unsaid, &by))
		return false;
	*secured = v->kind != BH_VALUE_NONE;
	if (!*secured)
		return true;
	if (v->kind != BH_VALUE_TEXTS)
		return wrong(l, "\"secured\" is an array of groups, or null");
	if (v->n > l->groups_cap) {
		const char **more = realloc(l->groups, v->n * sizeof *more);
		if (!more)
			return wrong(l, "out of memory");
		l->groups = more;
		l->groups_cap = v->n;
	}
	for (size_t i = 0; i < v->n; i++)
		l->groups[i] = l->f.texts[v->first + i].s;
	*a = (struct bh_association){ .groups = l->groups,
		.n_groups = v->n,
		.level = (enum bh_level)(level + 1),
		.by = by == unsaid ? BH_BY_UNSAID : (enum bh_by)(by + 1) };
	return true;
}

/* ---- one line ---- */

static void warn_unknown(struct line *l)
{
	for (; l->f.n_told < l->f.n_unknown; l->f.n_told++) {
		struct bh_diag d = { .file = "-", .line = l->number, .severity = BH_WARNING };
		char text[160];
		BH_AUTO_BUF b = { 0 };
		snprintf(text, sizeof text, "a flow has no field \"%.60s\": it is ignored",
			l->f.unknown[l->f.n_told]);
		d.text = text;
		bh_diag_render(&d, l->x->cli->color, &b);
		if (!l->x->cli->quiet)
			fputs(bh_buf_text(&b), stderr);
	}
}

static bool decide(struct line *l, struct bh_decision *ret)
{
	struct bh_flow f = { 0 };
	struct bh_association a;
	const struct bh_view *view = &l->gateway;
	int hook, profile;
	bool secured;

	if (!read_choice(l, BH_FIELD_HOOK, bh_hook_names, BH_HOOKS, -1, &hook) ||
		!read_address(l, BH_FIELD_CLIENT, &f.client) ||
		!read_address(l, BH_FIELD_SERVER, &f.server) || !read_service(l, &f.service) ||
		!read_choice(
			l, BH_FIELD_PROFILE, bh_profile_names, BH_PROFILES, BH_PUBLIC, &profile) ||
		!read_ifname(l, BH_FIELD_IIF, f.iif) || !read_ifname(l, BH_FIELD_OIF, f.oif) ||
		!read_sport(l, &f.sport) || !read_localsubnet(l, &f.localsubnet) ||
		!read_secured(l, &a, &secured))
		return false;
	if (f.client.family != f.server.family)
		return wrong(l, "\"client\" and \"server\" are of two families");
	if (hook != BH_FWD && l->f.v[BH_FIELD_HOST].kind != BH_VALUE_NONE && !read_host(l, &view))
		return false;
	f.hook = (enum bh_hook)hook;
	f.profile = (enum bh_profile)profile;
	f.secured = secured ? &a : NULL;
	bh_policy_decide(l->x->b->ready.bound, view, &f, ret);
	return true;
}

/* ---- answers ---- */

static int flush(struct line *l)
{
	size_t n = fwrite(l->out, 1, l->out_len, stdout);

	(void)n; /* bh_cli_flush looks at the stream */
	l->out_len = 0;
	return bh_cli_flush(l->x->cli);
}

static void add(struct line *l, const char *s)
{
	size_t n = strlen(s);

	memcpy(l->out + l->out_len, s, n);
	l->out_len += n;
}

static void add_line(struct line *l, unsigned n)
{
	char digits[16];
	size_t i = sizeof digits;

	digits[--i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	add(l, digits + i);
}

static bool file_json(struct line *l, const char *file)
{
	if (l->file == file && l->file_json)
		return true;
	free(l->file_json);
	json_t *text = json_string(file);
	l->file_json = text ? json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
	json_decref(text);
	if (!l->file_json) /* a name that is no UTF-8 */
		l->file_json = strdup("null");
	l->file = file;
	return l->file_json;
}

static int answer(struct line *l, const struct bh_decision *d)
{
	bool files = l->x->b->ready.bound->includes;

	if (files && d->line && !file_json(l, d->file))
		return bh_cli_fail(l->x->cli, BH_EXIT_SYSTEM, "out of memory");
	if (files && d->line && strlen(l->file_json) > OUT_BYTES / 2)
		return bh_cli_fail(l->x->cli, BH_EXIT_SYSTEM, "a file's name is too long");
	if (l->out_len > OUT_BYTES / 2 - 256) {
		int r = flush(l);
		if (r)
			return r;
	}
	add(l, "{\"verdict\": \"");
	add(l, bh_verdict_names[d->verdict]);
	add(l, d->admit ? "\", \"admit\": true, \"line\": " : "\", \"admit\": false, \"line\": ");
	if (d->line)
		add_line(l, d->line);
	else
		add(l, "null");
	if (files) {
		add(l, ", \"file\": ");
		add(l, d->line ? l->file_json : "null");
	}
	add(l, "}\n");
	return 0;
}

static int refuse(struct line *l)
{
	struct bh_diag d = {
		.file = "-", .line = l->number, .severity = BH_ERROR, .text = l->problem
	};
	BH_AUTO_BUF b = { 0 };
	int r = flush(l);

	bh_diag_render(&d, l->x->cli->color, &b);
	fputs(bh_buf_text(&b), stderr);
	return r ? r : BH_EXIT_INPUT;
}

static bool blank(const char *s, size_t len)
{
	while (len && (*s == ' ' || *s == '\t' || *s == '\r')) {
		s++;
		len--;
	}
	return !len;
}

static int one_line(struct line *l, char *text, size_t len)
{
	struct bh_decision d;

	l->number++;
	if (blank(text, len))
		return 0;
	int r = bh_fields_read(&l->f, text, len, l->problem);
	if (r == -ENOMEM)
		return bh_cli_fail(l->x->cli, BH_EXIT_SYSTEM, "out of memory");
	if (r || !decide(l, &d))
		return refuse(l);
	warn_unknown(l);
	return answer(l, &d);
}

/* ---- lines ---- */

struct input {
	int fd;
	char *v;
	size_t start, end, cap;
};

/* More bytes behind what is there; 0 at the end of the file, -1: errno. */
static ssize_t more(struct input *in)
{
	if (in->start) {
		memmove(in->v, in->v + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	/* One byte is left for the end of a last line that has none. */
	if (in->end + 1 >= in->cap) {
		size_t cap = in->cap ? 2 * in->cap : 1u << 18;
		char *v = realloc(in->v, cap);
		if (!v)
			return -1;
		in->v = v;
		in->cap = cap;
	}
	ssize_t n = read(in->fd, in->v + in->end, in->cap - in->end - 1);
	if (n > 0)
		in->end += (size_t)n;
	return n;
}

static int read_lines(struct line *l, struct input *in)
{
	for (size_t looked = 0;;) {
		char *start = in->v + in->start;
		char *nl =
			in->v ? memchr(start + looked, '\n', in->end - in->start - looked) : NULL;
		if (nl) {
			int r = one_line(l, start, (size_t)(nl - start));
			if (r)
				return r;
			in->start += (size_t)(nl + 1 - start);
			looked = 0;
			continue;
		}
		looked = in->end - in->start;
		/* Whoever asks line by line waits for each answer. */
		int r = flush(l);
		ssize_t n = r ? 0 : more(in);
		if (n < 0)
			return bh_cli_fail(l->x->cli, BH_EXIT_SYSTEM, "cannot read the flows: %s",
				strerror(errno));
		if (n > 0)
			continue;
		if (!r && in->end > in->start)
			r = one_line(l, in->v + in->start, in->end - in->start);
		return r ? r : flush(l);
	}
}

int bh_explain_batch(const struct bh_explain *x, const char *path)
{
	struct line *l = calloc(1, sizeof *l);
	struct input in = { .fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : 0 };
	int r = BH_EXIT_SYSTEM;

	if (l) {
		l->x = x;
		l->out = malloc(OUT_BYTES);
	}
	if (in.fd < 0)
		r = bh_cli_fail(x->cli, BH_EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
	else if (!l || !l->out || bh_policy_view_gateway(x->b->ready.bound, x->a, &l->gateway) < 0)
		r = bh_cli_fail(x->cli, BH_EXIT_SYSTEM, "out of memory");
	else
		r = read_lines(l, &in);
	if (in.fd > 0)
		close(in.fd);
	free(in.v);
	if (l) {
		bh_fields_reset(&l->f);
		bh_arena_reset(&l->hosts.a);
		bh_arena_reset(&l->subnets.a);
		free(l->groups);
		free(l->file_json);
		free(l->out);
		free(l);
	}
	return r;
}
