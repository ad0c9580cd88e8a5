#include "cli/filter.h"

#include <stdlib.h>

#include "cli/db.h"
#include "cli/said.h"

static int parse_who(struct bh_cli *cli, struct bh_who *ret)
{
	const char *slash = strchr(cli->value, '/');
	size_t len = slash ? (size_t)(slash - cli->value) : strlen(cli->value);
	struct bh_who w = { .name = cli->value };

	if (!len)
		return bh_cli_usage(cli, "'%s' names nobody", cli->value);
	if (bh_addr_parse(cli->value, len, &w.addr)) {
		if (slash)
			return bh_cli_usage(cli, "'%s' is no prefix", cli->value);
		*ret = w;
		return 0;
	}
	w.bits = bh_addr_bits(w.addr.family);
	if (slash) {
		char *end;
		unsigned long n = strtoul(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end || n > w.bits)
			return bh_cli_usage(cli, "'%s' is no prefix", cli->value);
		w.bits = (unsigned)n;
	}
	*ret = w;
	return 0;
}

static bool within(const struct bh_who *w, const struct bh_addr *a)
{
	unsigned width = bh_addr_bits(w->addr.family);

	if (a->family != w->addr.family)
		return false;
	return !w->bits || (a->num ^ w->addr.num) >> (width - w->bits) == 0;
}

static bool is_client(const struct bh_who *w, const struct bh_conversation *c)
{
	if (!w->name)
		return true;
	return w->addr.family ? within(w, &c->client) : !strcasecmp(w->name, c->workstation);
}

static bool is_server(const struct bh_who *w, const struct bh_conversation *c)
{
	if (!w->name)
		return true;
	return w->addr.family ? within(w, &c->server) : !strcasecmp(w->name, c->server_name);
}

static bool is_share(const char *want, const struct bh_conversation *c)
{
	const char *last = strrchr(c->share, '\\');

	if (!want)
		return true;
	if (!c->share[0])
		return false;
	return !strcasecmp(want, c->share) || (last && !strcasecmp(want, last + 1));
}

static bool is_user(const char *want, const struct bh_conversation *c)
{
	const char *slash = want ? strchr(want, '\\') : NULL;

	if (!want)
		return true;
	if (!slash)
		return c->user[0] && !strcasecmp(want, c->user);
	size_t n = (size_t)(slash - want);
	return !strcasecmp(slash + 1, c->user) && strlen(c->domain) == n &&
	       !strncasecmp(want, c->domain, n);
}

static int take_since(struct bh_cli *cli, struct bh_filter *q)
{
	int64_t seconds;

	if (bh_duration_parse(cli->value, &seconds) || !seconds)
		return bh_cli_usage(
			cli, "'%s' is no duration (say 30d, 12h or \"2 weeks\")", cli->value);
	q->since = bh_said_now() - seconds * BH_SECOND;
	return 0;
}

int bh_filter_take(struct bh_cli *cli, struct bh_filter *f, int id)
{
	switch (id) {
	case BH_FILTER_CLIENT: return parse_who(cli, &f->client);
	case BH_FILTER_SERVER: return parse_who(cli, &f->server);
	case BH_FILTER_SHARE: f->share = cli->value; return 0;
	case BH_FILTER_USER: f->user = cli->value; return 0;
	case BH_FILTER_SINCE: return take_since(cli, f);
	default:
		return bh_cli_usage(cli, "%s takes no word ('%s')", cli->command->name, cli->value);
	}
}

static bool leaves(const struct bh_filter *f, const struct bh_row *r)
{
	const struct bh_conversation *c = &r->who;

	return is_client(&f->client, c) && is_server(&f->server, c) && is_share(f->share, c) &&
	       is_user(f->user, c) && r->figures.last_seen >= f->since;
}

int bh_filter_rows(struct bh_cli *cli, const struct bh_filter *f, struct bh_arena *a,
	const struct bh_row **ret, size_t *n_ret)
{
	const struct bh_store_filter ask = { .since = f->since };
	const struct bh_row *all;
	size_t n, kept = 0;
	int r = bh_cli_db_rows(cli, &ask, a, &all, &n, NULL, NULL);

	if (r)
		return r;
	while (kept < n && leaves(f, &all[kept]))
		kept++;
	if (kept == n) { /* rows are large: no copy of all of them */
		*ret = all;
		*n_ret = n;
		return 0;
	}
	kept = 0;
	struct bh_row *v = bh_arena_array(a, n + 1, sizeof *v);
	if (!v)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		if (leaves(f, &all[i]))
			v[kept++] = all[i];
	}
	*ret = v;
	*n_ret = kept;
	return 0;
}
