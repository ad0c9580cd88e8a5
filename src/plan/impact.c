#include "plan/plan.h"

#include <stdlib.h>
#include <strings.h>

#include "plan/known.h"

struct impact {
	const struct bh_bound *bound;
	const struct bh_point *points;
	size_t n_points;
	struct bh_view fwd; /* what a host forwards is judged as a gateway's */
	const struct bh_addrset *own;
	struct known known;
	struct bh_impact_row *rows;
	size_t n;
	struct bh_impact total;
};

enum path { OFF_PATH, GOES_ON, STOPS };

/* A pair goes on if every point on its path admits it. */
static enum path judge_pair(
	const struct impact *im, const struct pair *pair, struct bh_decision *ret)
{
	enum path path = OFF_PATH;

	for (size_t i = 0; !pair->loopback && i < im->n_points; i++) {
		struct bh_decision d;
		if (!known_judge(im->bound, &im->points[i], &im->fwd, &pair->who->client,
			    &pair->who->server, pair->at, &d))
			continue;
		path = GOES_ON;
		*ret = d;
		if (!d.admit)
			return STOPS;
	}
	return path;
}

static const char *text_if(const struct bh_talk *c, uint8_t bit, const char *text)
{
	return c->known & bit && text[0] ? text : NULL;
}

static void add_row(struct impact *im, const struct pair *pair, const struct bh_row *row,
	const struct bh_decision *d)
{
	const struct bh_talk *c = &row->who;
	const struct known_host *to = &im->known.v[pair->server];
	struct bh_impact_row *r = &im->rows[im->n++];

	*r = (struct bh_impact_row){
		.use = bh_row_use(row),
		.internet = !bh_plan_inside(&c->client, im->own) ||
			    !bh_plan_inside(&c->server, im->own),
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
		.decision = *d,
	};
}

static int compare_text(const char *x, const char *y)
{
	if (!x || !y)
		return !x - !y;
	int r = strcasecmp(x, y);
	return r ? r : strcmp(x, y);
}

static int same_group(const struct bh_impact_row *a, const struct bh_impact_row *b)
{
	int r = bh_addr_compare(&a->client, &b->client);

	if (!r)
		r = bh_addr_compare(&a->server, &b->server);
	if (!r)
		r = compare_text(a->domain, b->domain);
	if (!r)
		r = compare_text(a->user, b->user);
	if (!r && a->service.port != b->service.port)
		r = a->service.port < b->service.port ? -1 : 1;
	if (!r && a->service.proto != b->service.proto)
		r = a->service.proto < b->service.proto ? -1 : 1;
	return r;
}

static int by_group(const void *x, const void *y)
{
	const struct bh_impact_row *a = x, *b = y;
	int r = same_group(a, b);

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

/* One row per group.  A session's IPC$, and what was seen of it before any share, say
 * nothing beside the share that the same user had there. */
static void fold(struct impact *im)
{
	size_t n = 0, start = 0;

	qsort(im->rows, im->n, sizeof *im->rows, by_group);
	for (size_t i = 0; i < im->n; i++) {
		struct bh_impact_row *r = &im->rows[i];
		if (n == start || same_group(&im->rows[n - 1], r))
			start = n;
		if (n > start && !compare_text(im->rows[n - 1].share, r->share))
			fold_into(&im->rows[n - 1], r);
		else
			im->rows[n++] = *r;
	}
	im->n = n;
}

static bool aside(const struct bh_impact_row *r)
{
	return !r->share || is_ipc(r);
}

static void drop_aside(struct impact *im)
{
	size_t n = 0;

	for (size_t i = 0, end; i < im->n; i = end) {
		bool better = false;
		for (end = i; end < im->n && !same_group(&im->rows[i], &im->rows[end]); end++)
			better |= !aside(&im->rows[end]) && im->rows[end].use <= BH_USE_SMB1;
		for (size_t k = i; k < end; k++) {
			if (!better || !aside(&im->rows[k]))
				im->rows[n++] = im->rows[k];
		}
	}
	im->n = n;
}

static void sentence_fate(struct bh_impact_row *r)
{
	if (r->use > BH_USE_SMB1)
		r->fate = BH_FAILS_TODAY;
	else
		r->fate = r->internet || r->lateral ? BH_ENDS : BH_BREAKS;
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
	return by_group(a, b);
}

static int walk(struct impact *im, const struct pairs *p, size_t n_rows, struct bh_arena *a)
{
	im->rows = bh_arena_array(a, n_rows + 1, sizeof *im->rows);
	if (!im->rows)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		const struct pair *pair = &p->v[i];
		struct bh_decision d = { 0 };
		enum path path = judge_pair(im, pair, &d);

		im->total.kept += path == GOES_ON;
		im->total.off_path += path == OFF_PATH;
		for (size_t k = 0; path == STOPS && k < pair->n; k++)
			add_row(im, pair, pair->rows[k], &d);
	}
	return 0;
}

int bh_plan_impact(const struct bh_bound *b, const struct bh_point *points, size_t n_points,
	const struct bh_told *told, const struct bh_row *rows, size_t n, struct bh_arena *a,
	struct bh_impact *ret)
{
	struct impact im = { .bound = b, .points = points, .n_points = n_points };
	struct bh_addrset own = b->declared;
	struct bh_told with;

	/* Whoever declares a network says that it is his own. */
	if (told && told->own)
		own = bh_addrset_union(a, own, *told->own);
	im.own = &own;
	with = told ? *told : (struct bh_told){ 0 };
	with.own = &own;
	struct pairs pairs;
	int r = pairs_of_rows(rows, n, a, &pairs);
	if (!r)
		r = known_from(&pairs, &with, NULL, 0, a, &im.known);
	if (!r)
		r = bh_policy_view_gateway(b, a, &im.fwd);
	if (!r)
		r = walk(&im, &pairs, n, a);
	if (r)
		return r;

	fold(&im);
	drop_aside(&im);
	for (size_t i = 0; i < im.n; i++) {
		sentence_fate(&im.rows[i]);
		im.total.groups[im.rows[i].fate]++;
		im.total.connections[im.rows[i].fate] += im.rows[i].connections;
	}
	if (im.n)
		qsort(im.rows, im.n, sizeof *im.rows, by_weight);
	if (!bh_arena_ok(a))
		return -ENOMEM;
	im.total.rows = im.rows;
	im.total.n = im.n;
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
	static const char *const heads[BH_FATES] = { "would break", "would end", "already fails" };

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
