/*
 * Each kind of finding asks every row, groups those that show it, and sums up.
 */
#include "inventory/findings.h"

#include <stdlib.h>

#include "inventory/naming.h"
#include "model/pipe.h"

#define NOT_FOUND (-1)

static const struct bh_host_row *host(const struct search *s, const struct bh_row *r, bool server)
{
	return bh_inventory_host(s->hosts, s->n_hosts, &r->who, server);
}

static bool works(const struct bh_row *r)
{
	return bh_row_use(r) <= BH_USE_SMB1;
}

static int by_server(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;

	return end_compare(&x->who, true, &y->who, true);
}

static int by_client(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;

	return end_compare(&x->who, false, &y->who, false);
}

static int by_pair(const void *a, const void *b)
{
	int r = by_server(a, b);

	return r ? r : by_client(a, b);
}

int findings_by_share(const void *a, const void *b)
{
	const struct bh_row *x = *(const struct bh_row *const *)a;
	const struct bh_row *y = *(const struct bh_row *const *)b;
	int r = by_server(a, b);

	return r ? r : strcasecmp(bh_share_name(x->who.share), bh_share_name(y->who.share));
}

/* ---- is it one?  The grade, or NOT_FOUND ---- */

static int smb1(const struct search *s, const struct bh_row *r)
{
	(void)s;
	return bh_dialect_smb1(r->who.dialect) && r->who.outcome == BH_ANSWERED ? BH_GRADE_HIGH
										: NOT_FOUND;
}

static int smb1_offered(const struct search *s, const struct bh_row *r)
{
	(void)s;
	return r->who.smb1_offered == 1 && !bh_dialect_smb1(r->who.dialect) ? BH_GRADE_INFO
									    : NOT_FOUND;
}

static bool real_share(const struct bh_row *r)
{
	return bh_share_class(&r->who) > BH_CLASS_IPC;
}

static int guest(const struct search *s, const struct bh_row *r)
{
	(void)s;
	return r->who.guest == 1 && works(r) ? BH_GRADE_MEDIUM : NOT_FOUND;
}

static bool is_anonymous(const struct bh_row *r)
{
	return r->who.auth == BH_AUTH_ANONYMOUS && works(r);
}

/* Accounts and shares can be asked for over these. */
#define TELLING                                                                                    \
	(1u << BH_PIPE_SAMR | 1u << BH_PIPE_LSARPC | 1u << BH_PIPE_SRVSVC | 1u << BH_PIPE_WINREG)

static int anonymous(const struct search *s, const struct bh_row *r)
{
	(void)s;
	if (!is_anonymous(r))
		return NOT_FOUND;
	if (real_share(r))
		return BH_GRADE_HIGH;
	return r->figures.pipes & TELLING ? BH_GRADE_MEDIUM : BH_GRADE_LOW;
}

static int share_open(const struct search *s, const struct bh_row *r)
{
	(void)s;
	return real_share(r) && works(r) && (r->who.guest == 1 || is_anonymous(r)) ? BH_GRADE_HIGH
										   : NOT_FOUND;
}

static int ntlm_v1(const struct search *s, const struct bh_row *r)
{
	(void)s;
	return r->who.ntlm == BH_NTLM_V1 ? BH_GRADE_HIGH : NOT_FOUND;
}

static bool kerberos_from(
	const struct search *s, const struct bh_row *r, int (*by)(const void *, const void *))
{
	return s->n_kerberos && bsearch(&r, s->kerberos, s->n_kerberos, sizeof *s->kerberos, by);
}

/* A ticket is asked for by the server's full name: who calls it by that could have one. */
static bool called_in_full(const struct bh_talk *c)
{
	return c->known & BH_KNOWN_SERVER_NAME && naming_is_name(c->server_name) &&
	       strchr(c->server_name, '.');
}

static int ntlm(const struct search *s, const struct bh_row *r)
{
	if (r->who.auth != BH_AUTH_NTLM || r->who.guest == 1 || !works(r))
		return NOT_FOUND;
	if (kerberos_from(s, r, by_pair))
		return BH_GRADE_MEDIUM;
	return called_in_full(&r->who) && kerberos_from(s, r, by_server) ? BH_GRADE_MEDIUM
									 : NOT_FOUND;
}

/* By the server's latest word, as its host row has it. */
static int not_signing(const struct search *s, const struct bh_row *r)
{
	const struct bh_host_row *h = host(s, r, true);

	if (!h || !h->signing || h->signing == BH_SIGNING_REQUIRED || r->who.outcome != BH_ANSWERED)
		return NOT_FOUND;
	if (h->signing == BH_SIGNING_OFF || h->roles >> BH_HOST_CONTROLLER & 1)
		return BH_GRADE_HIGH;
	return BH_GRADE_MEDIUM;
}

static int in_clear(const struct search *s, const struct bh_row *r)
{
	(void)s;
	if (r->who.encrypted != 0 || !works(r))
		return NOT_FOUND;
	return r->who.is_signed == 0 ? BH_GRADE_MEDIUM : BH_GRADE_LOW;
}

#define SERVER_ROLES                                                                               \
	(1u << BH_HOST_CONTROLLER | 1u << BH_HOST_FILES | 1u << BH_HOST_PRINTS |                   \
		1u << BH_HOST_CLUSTER | 1u << BH_HOST_NAS)

static int lateral(const struct search *s, const struct bh_row *r)
{
	const struct bh_host_row *c = host(s, r, false), *to = host(s, r, true);

	if (!c || !to || c == to || !(to->roles >> BH_HOST_WORKSTATION & 1) ||
		c->roles & (SERVER_ROLES | 1u << BH_HOST_INTERNET))
		return NOT_FOUND;
	if (!works(r))
		return r->who.outcome == BH_ANSWERED ? BH_GRADE_MEDIUM : BH_GRADE_LOW;
	return bh_inventory_purpose(r) == BH_PURPOSE_ADMIN ? BH_GRADE_HIGH : BH_GRADE_MEDIUM;
}

static bool outside(const struct search *s, const struct bh_addr *a)
{
	return bh_addr_public(a) && !(s->w->inside && bh_addrset_contains(s->w->inside, a));
}

static int internet(const struct search *s, const struct bh_row *r)
{
	bool from = outside(s, &r->who.client), to = outside(s, &r->who.server);

	if (!from && !to)
		return NOT_FOUND;
	/* What QUIC is for; nobody outside sees more of it than a name. */
	if (r->who.transport == BH_TRANSPORT_QUIC443)
		return BH_GRADE_INFO;
	if (works(r))
		return BH_GRADE_CRITICAL;
	if (r->who.outcome == BH_ANSWERED)
		return BH_GRADE_HIGH;
	if (r->who.outcome == BH_BLOCKED)
		return BH_GRADE_INFO;
	/* That somebody knocks is weather; that we do hands out names and hashes. */
	return to ? BH_GRADE_MEDIUM : BH_GRADE_LOW;
}

/* ---- what shows it, and what is one ---- */

static const struct {
	int (*is)(const struct search *s, const struct bh_row *r);
	int (*by)(const void *, const void *);
} kinds[BH_FINDINGS] = {
	[BH_FOUND_SMB1] = { smb1, by_pair },
	[BH_FOUND_SMB1_OFFERED] = { smb1_offered, by_client },
	[BH_FOUND_GUEST] = { guest, by_server },
	[BH_FOUND_ANONYMOUS] = { anonymous, by_server },
	[BH_FOUND_NTLM_V1] = { ntlm_v1, by_pair },
	[BH_FOUND_NTLM] = { ntlm, by_pair },
	[BH_FOUND_SIGNING] = { not_signing, by_server },
	[BH_FOUND_CLEAR] = { in_clear, by_server },
	[BH_FOUND_LATERAL] = { lateral, by_pair },
	[BH_FOUND_INTERNET] = { internet, by_pair },
	[BH_FOUND_SHARE_OPEN] = { share_open, findings_by_share },
};

static uint64_t distinct(const struct bh_row **v, size_t n, int (*by)(const void *, const void *))
{
	uint64_t count = n != 0;

	qsort(v, n, sizeof *v, by);
	for (size_t i = 1; i < n; i++)
		count += by(&v[i - 1], &v[i]) != 0;
	return count;
}

/* The text that all rows have alike, case aside; NULL: they differ, or do not know. */
static const char *common(const struct bh_row *const *v, size_t n, uint8_t bit, size_t offset)
{
	const char *text = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *one;
		memcpy(&one, (const char *)&v[i]->who + offset, sizeof one);
		if (!(v[i]->who.known & bit) || !one[0])
			continue;
		if (text && strcasecmp(text, one))
			return NULL;
		/* One spelling whatever the order of rows. */
		if (!text || strcmp(one, text) < 0)
			text = one;
	}
	return text;
}

#define COMMON(v, n, bit, field) common(v, n, bit, offsetof(struct bh_talk, field))

const char *findings_name(const struct bh_host_row *h)
{
	return !h ? NULL : h->name ? h->name : h->workstation;
}

struct bh_finding *findings_room(struct search *s)
{
	if (s->n_found == s->room) {
		size_t more = s->room ? s->room * 2 : 64;
		struct bh_finding *v = bh_arena_array(s->a, more, sizeof *v);
		if (!v)
			return NULL;
		if (s->n_found)
			memcpy(v, s->found, s->n_found * sizeof *v);
		s->found = v;
		s->room = more;
	}
	return &s->found[s->n_found++];
}

static int make(struct search *s, enum bh_finding_kind kind, const struct bh_row **v, size_t n)
{
	struct bh_finding *f = findings_room(s);
	struct found x = { .rows = v, .n = n, .f = f };
	struct bh_figures sum = { 0 };

	if (!f)
		return -ENOMEM;
	*f = (struct bh_finding){ .kind = kind };
	for (size_t i = 0; i < n; i++) {
		int grade = kinds[kind].is(s, v[i]);
		bh_figures_add(&sum, &v[i]->figures);
		if (grade > f->grade)
			f->grade = (uint8_t)grade;
	}
	f->connections = sum.connections;
	f->first_seen = sum.first_seen;
	f->last_seen = sum.last_seen;
	f->servers = distinct(v, n, by_server);
	f->clients = distinct(v, n, by_client);
	x.client = host(s, v[0], false);
	x.server = host(s, v[0], true);
	if (f->clients == 1) {
		f->client = v[0]->who.client;
		f->client_name = findings_name(x.client);
	}
	if (f->servers == 1) {
		f->server = v[0]->who.server;
		f->server_name = findings_name(x.server);
	}
	f->share = COMMON(v, n, BH_KNOWN_SHARE, share);
	if (kinds[kind].by == findings_by_share && !f->share)
		f->share = v[0]->who.share;
	f->user = COMMON(v, n, BH_KNOWN_USER, user);
	f->domain = f->user ? COMMON(v, n, BH_KNOWN_DOMAIN, domain) : NULL;
	f->text = findings_text(&x, s->a);
	return f->text ? 0 : -ENOMEM;
}

static int look(struct search *s, enum bh_finding_kind kind)
{
	int (*by)(const void *, const void *) = kinds[kind].by;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (kinds[kind].is(s, &s->rows[i]) != NOT_FOUND)
			s->hits[n++] = &s->rows[i];
	}
	qsort(s->hits, n, sizeof *s->hits, by);
	for (size_t i = 0, after; i < n; i = after) {
		for (after = i + 1; after < n && !by(&s->hits[i], &s->hits[after]);)
			after++;
		int r = make(s, kind, s->hits + i, after - i);
		if (r)
			return r;
	}
	return 0;
}

/* ---- all of them ---- */

static int compare_texts(const char *x, const char *y)
{
	return strcmp(x ? x : "", y ? y : "");
}

static int by_weight(const void *a, const void *b)
{
	const struct bh_finding *x = a, *y = b;
	int r;

	if (x->grade != y->grade)
		return x->grade > y->grade ? -1 : 1;
	if (x->connections != y->connections)
		return x->connections > y->connections ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	r = bh_addr_compare(&x->server, &y->server);
	if (!r)
		r = bh_addr_compare(&x->client, &y->client);
	if (!r)
		r = compare_texts(x->share, y->share);
	if (!r)
		r = compare_texts(x->server_name, y->server_name);
	return r ? r : compare_texts(x->client_name, y->client_name);
}

static void note_kerberos(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->rows[i].who.auth == BH_AUTH_KERBEROS && works(&s->rows[i]))
			s->kerberos[s->n_kerberos++] = &s->rows[i];
	}
	qsort(s->kerberos, s->n_kerberos, sizeof *s->kerberos, by_pair);
}

int bh_inventory_findings(const struct bh_row *rows, size_t n, const struct bh_host_row *hosts,
	size_t n_hosts, const struct bh_witnesses *w, struct bh_arena *a,
	const struct bh_finding **ret, size_t *n_ret)
{
	static const struct bh_witnesses nothing;
	BH_AUTO_ARENA work = { 0 };
	struct search s = { .rows = rows,
		.n = n,
		.hosts = hosts,
		.n_hosts = n_hosts,
		.w = w ? w : &nothing,
		.a = a,
		.hits = bh_arena_array(&work, n + 1, sizeof *s.hits),
		.kerberos = bh_arena_array(&work, n + 1, sizeof *s.kerberos) };
	int r = s.hits && s.kerberos ? 0 : -ENOMEM;

	if (!r)
		note_kerberos(&s);
	for (unsigned kind = 0; !r && kind < BH_FINDINGS; kind++) {
		if (kinds[kind].is)
			r = look(&s, (enum bh_finding_kind)kind);
	}
	if (!r)
		r = findings_unused(&s);
	if (r)
		return r;
	if (s.n_found)
		qsort(s.found, s.n_found, sizeof *s.found, by_weight);
	*ret = s.found;
	*n_ret = s.n_found;
	return 0;
}
