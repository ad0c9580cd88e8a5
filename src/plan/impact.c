#include "plan/plan.h"

#include <stdlib.h>
#include <strings.h>

#include "plan/scene.h"

struct impact {
	struct bh_scene *s;
	struct bh_impact_row *rows;
	size_t n;
	struct bh_impact total;
};

static const char *text_if(const struct bh_talk *c, uint8_t bit, const char *text)
{
	return c->known & bit && text[0] ? text : NULL;
}

static void add_row(struct impact *im, const struct pair *pair, const struct bh_row *row,
	const struct verdict *v)
{
	const struct bh_talk *c = &row->who;
	const struct known_host *to = &im->s->known.v[pair->server];
	struct bh_impact_row *r = &im->rows[im->n++];

	*r = (struct bh_impact_row){
		.use = bh_row_use(row),
		.internet = !bh_plan_inside(&c->client, &im->s->own) ||
			    !bh_plan_inside(&c->server, &im->s->own),
		.lateral = known_workstation(to),
		.unsure = to->unsure,
		.client = c->client,
		.server = c->server,
		.service = pair->at,
		.user = text_if(c, BH_KNOWN_USER, c->user),
		.domain = text_if(c, BH_KNOWN_DOMAIN, c->domain),
		.share = text_if(c, BH_KNOWN_SHARE, c->share),
		.server_name = text_if(c, BH_KNOWN_SERVER_NAME, c->server_name),
		.connections = row->figures.connections,
		.last_seen = row->figures.last_seen,
		.decision = v->is,
		.reason = v->reason,
	};
}

static int compare_text(const char *x, const char *y)
{
	if (!x || !y)
		return !x - !y;
	int r = strcasecmp(x, y);
	return r ? r : strcmp(x, y);
}

/* Of the rows of one pair: the same user. */
static int same_user(const struct bh_impact_row *a, const struct bh_impact_row *b)
{
	int r = compare_text(a->domain, b->domain);

	return r ? r : compare_text(a->user, b->user);
}

static int by_user(const void *x, const void *y)
{
	const struct bh_impact_row *a = x, *b = y;
	int r = same_user(a, b);

	if (!r)
		r = compare_text(a->share, b->share);
	return r ? r : compare_text(a->server_name, b->server_name);
}

static bool is_ipc(const struct bh_impact_row *r)
{
	return r->share && !strcasecmp(bh_share_name(r->share), "IPC$");
}

static void fold_into(struct bh_impact_row *to, const struct bh_impact_row *from)
{
	to->connections += from->connections;
	if (from->last_seen > to->last_seen)
		to->last_seen = from->last_seen;
	if (from->use < to->use)
		to->use = from->use;
	if (!to->server_name)
		to->server_name = from->server_name;
}

/* v[0..n): of one pair and one user.  One row for each share; returns how many. */
static size_t fold(struct bh_impact_row *v, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (m && !compare_text(v[m - 1].share, v[i].share))
			fold_into(&v[m - 1], &v[i]);
		else
			v[m++] = v[i];
	}
	return m;
}

static bool aside(const struct bh_impact_row *r)
{
	return !r->share || is_ipc(r);
}

/* A session's IPC$, and what was seen of it before any share, say nothing beside the share
 * that the same user had there. */
static size_t drop_aside(struct bh_impact_row *v, size_t n)
{
	size_t m = 0;
	bool better = false;

	for (size_t i = 0; i < n; i++)
		better |= !aside(&v[i]) && v[i].use <= BH_USE_SMB1;
	for (size_t i = 0; i < n; i++) {
		if (!better || !aside(&v[i]))
			v[m++] = v[i];
	}
	return m;
}

/* The rows from `from` on are one pair's. */
static void fold_pair(struct impact *im, size_t from)
{
	struct bh_impact_row *v = im->rows + from;
	size_t n = im->n - from;

	if (n > 1)
		qsort(v, n, sizeof *v, by_user);
	im->n = from;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !same_user(&v[i], &v[end]);)
			end++;
		size_t m = drop_aside(v + i, fold(v + i, end - i));
		memmove(im->rows + im->n, v + i, m * sizeof *v);
		im->n += m;
	}
}

static void sentence_fate(struct bh_impact_row *r)
{
	if (r->use > BH_USE_SMB1)
		r->fate = BH_FAILS_TODAY;
	else if (r->decision.verdict == BH_SECURE)
		r->fate = BH_MUST_PROVE;
	else
		r->fate = r->internet || r->lateral ? BH_ENDS : BH_BREAKS;
}

static int by_pair(const struct bh_impact_row *a, const struct bh_impact_row *b)
{
	int r = bh_addr_compare(&a->client, &b->client);

	if (!r)
		r = bh_addr_compare(&a->server, &b->server);
	if (!r && a->service.port != b->service.port)
		r = a->service.port < b->service.port ? -1 : 1;
	if (!r && a->service.proto != b->service.proto)
		r = a->service.proto < b->service.proto ? -1 : 1;
	return r;
}

static int by_weight(const void *x, const void *y)
{
	const struct bh_impact_row *a = x, *b = y;

	if (a->fate != b->fate)
		return a->fate < b->fate ? -1 : 1;
	if (a->connections != b->connections)
		return a->connections > b->connections ? -1 : 1;
	if (a->last_seen != b->last_seen)
		return a->last_seen > b->last_seen ? -1 : 1;
	int r = by_pair(a, b);
	return r ? r : by_user(a, b);
}

static int walk(struct impact *im, struct bh_arena *a)
{
	const struct pairs *p = &im->s->pairs;
	BH_AUTO_ARENA own = { 0 };
	struct verdict *v = bh_arena_array(&own, p->n + 1, sizeof *v);
	bool *stops = bh_arena_array(&own, p->n + 1, sizeof *stops);
	size_t rows = 0;

	if (!v || !stops)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		enum path path = scene_ask(im->s, &p->v[i], &v[i]);
		stops[i] = path == STOPS;
		rows += stops[i] ? p->v[i].n : 0;
		im->total.kept += path == GOES_ON;
		im->total.off_path += path == OFF_PATH;
	}
	im->rows = bh_arena_array(a, rows + 1, sizeof *im->rows);
	if (!im->rows)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		size_t from = im->n;
		for (size_t k = 0; stops[i] && k < p->v[i].n; k++)
			add_row(im, &p->v[i], p->v[i].rows[k], &v[i]);
		fold_pair(im, from);
	}
	return 0;
}

static void finish(struct impact *im)
{
	for (size_t i = 0; i < im->n; i++) {
		sentence_fate(&im->rows[i]);
		im->total.groups[im->rows[i].fate]++;
		im->total.connections[im->rows[i].fate] += im->rows[i].connections;
	}
	if (im->n)
		qsort(im->rows, im->n, sizeof *im->rows, by_weight);
	im->total.rows = im->rows;
	im->total.n = im->n;
}

int bh_plan_impact(struct bh_scene *s, struct bh_arena *a, struct bh_impact *ret)
{
	struct impact im = { .s = s };
	int r = walk(&im, a);

	if (r || !bh_arena_ok(a))
		return -ENOMEM;
	finish(&im);
	*ret = im.total;
	return 0;
}

static void add_who(const struct bh_impact_row *r, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	if (r->use == BH_USE_UNANSWERED)
		bh_buf_str(b, "an attempt");
	else if (r->user)
		bh_plan_remark(b, r->user, 64);
	else if (r->use == BH_USE_NOBODY)
		bh_buf_str(b, "a guest or anonymous");
	else
		bh_buf_str(b, "somebody");
	bh_buf_printf(b, " on %s → ", bh_addr_format(&r->client, text));
}

static void add_where(const struct bh_impact_row *r, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	bh_addr_format(&r->server, text);
	if (r->share) {
		bh_plan_remark(b, r->share, 128);
		if (!strstr(r->share, text))
			bh_buf_printf(b, " (%s)", text);
	} else {
		bh_buf_str(b, text);
		if (r->server_name && strcmp(r->server_name, text)) {
			bh_buf_str(b, " (");
			bh_plan_remark(b, r->server_name, 64);
			bh_buf_str(b, ")");
		}
	}
	if (r->service.port != 445 || r->service.proto != BH_TCP)
		bh_buf_printf(b, " on %s/%u", r->service.proto == BH_TCP ? "tcp" : "udp",
			r->service.port);
}

static const char *why(const struct bh_impact_row *r)
{
	if (r->fate == BH_FAILS_TODAY)
		return r->use == BH_USE_DENIED       ? ", denied today"
		       : r->use == BH_USE_NO_SESSION ? ", no logon was seen"
						     : ", unanswered today";
	if (r->internet)
		return ", with the Internet";
	if (r->lateral)
		return ", to a workstation";
	return r->use == BH_USE_SMB1     ? ", by SMB1"
	       : r->use == BH_USE_NOBODY ? ", without a user"
	       : r->unsure               ? ", to what may be a workstation"
					 : "";
}

void bh_plan_impact_sentence(const struct bh_impact_row *r, bh_time now, struct bh_buf *b)
{
	static const char *const heads[BH_FATES] = { "would break", "would end",
		"must prove itself", "already fails" };

	bh_buf_printf(b, "%s: ", heads[r->fate]);
	add_who(r, b);
	add_where(r, b);
	if (r->connections == 1)
		bh_buf_str(b, ", once");
	else
		bh_buf_printf(b, ", %llu times", (unsigned long long)r->connections);
	if (r->last_seen) {
		bh_buf_str(b, ", last ");
		bh_time_ago(r->last_seen, now, b);
	}
	bh_buf_str(b, why(r));
}
