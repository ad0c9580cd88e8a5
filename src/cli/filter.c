#include "cli/filter.h"

#include <stdlib.h>

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

bool bh_filter_is(const struct bh_who *w, const struct bh_addr *addr, const char *name)
{
	if (!w->name)
		return true;
	return w->addr.family ? within(w, addr) : name && !strcasecmp(w->name, name);
}

static bool is_share(const char *want, const struct bh_talk *c)
{
	const char *last = strrchr(c->share, '\\');

	if (!want)
		return true;
	if (!c->share[0])
		return false;
	return !strcasecmp(want, c->share) || (last && !strcasecmp(want, last + 1));
}

static bool is_user(const char *want, const struct bh_talk *c)
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

static int take_when(struct bh_cli *cli, bool end, bh_time *ret)
{
	if (bh_time_parse(cli->value, bh_said_now(), end, ret))
		return bh_cli_usage(cli,
			"'%s' is no time (say 2026-01-31, 2026-01-31T12:00:00Z, yesterday or \"2 "
			"days ago\")",
			cli->value);
	return 0;
}

static int take_purpose(struct bh_cli *cli, struct bh_filter *f)
{
	f->by_purpose = true;
	f->purpose = BH_PURPOSE_UNKNOWN;
	if (!strcmp(cli->value, "unknown"))
		return 0;
	while (++f->purpose < BH_PURPOSES) {
		if (!strcmp(cli->value, bh_purpose_names[f->purpose]))
			return 0;
	}
	return bh_cli_usage(cli,
		"'%s' is no purpose: gpo, file, print, admin, cluster, backup, discovery or "
		"unknown",
		cli->value);
}

static int take_limit(struct bh_cli *cli, struct bh_filter *f)
{
	char *end;

	errno = 0;
	unsigned long n = strtoul(cli->value, &end, 10);
	if (cli->value[0] < '0' || cli->value[0] > '9' || *end || errno || !n)
		return bh_cli_usage(cli, "'%s' is no number of lines", cli->value);
	f->limit = n;
	return 0;
}

int bh_filter_take(struct bh_cli *cli, struct bh_filter *f, int id)
{
	switch (id) {
	case BH_FILTER_CLIENT: return parse_who(cli, &f->client);
	case BH_FILTER_SERVER: return parse_who(cli, &f->server);
	case BH_FILTER_SHARE: f->share = cli->value; return 0;
	case BH_FILTER_USER: f->user = cli->value; return 0;
	case BH_FILTER_PURPOSE: return take_purpose(cli, f);
	case BH_FILTER_SINCE: return take_when(cli, false, &f->since);
	case BH_FILTER_UNTIL: return take_when(cli, true, &f->until);
	case BH_FILTER_SORT: f->sort = cli->value; return 0;
	case BH_FILTER_LIMIT: return take_limit(cli, f);
	case BH_FILTER_CSV: f->csv = true; return 0;
	default:
		return bh_cli_usage(cli, "%s takes no word ('%s')", cli->command->name, cli->value);
	}
}

bool bh_filter_narrows(const struct bh_filter *f)
{
	return f->client.name || f->server.name || f->share || f->user || f->by_purpose;
}

/* ---- rows ---- */

/* Keeps what `leaves` leaves; rows are large: no copy of all of them. */
static int pack(const struct bh_cli *cli, const struct bh_filter *f, struct bh_arena *a,
	bool (*leaves)(const struct bh_filter *f, const struct bh_row *r, uint8_t purpose),
	struct bh_cli_inventory *inv)
{
	size_t kept = 0, count = 0;

	for (size_t i = 0; i < inv->n; i++)
		count += leaves(f, &inv->rows[i], inv->purposes[i]);
	if (count == inv->n)
		return 0;
	struct bh_row *rows = bh_arena_array(a, count + 1, sizeof *rows);
	uint8_t *purposes = bh_arena_array(a, count + 1, sizeof *purposes);
	if (!rows || !purposes)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	for (size_t i = 0; i < inv->n; i++) {
		if (!leaves(f, &inv->rows[i], inv->purposes[i]))
			continue;
		rows[kept] = inv->rows[i];
		purposes[kept++] = inv->purposes[i];
	}
	inv->rows = rows;
	inv->purposes = purposes;
	inv->n = kept;
	return 0;
}

static bool in_window(const struct bh_filter *f, const struct bh_row *r, uint8_t purpose)
{
	(void)purpose;
	return r->figures.last_seen >= f->since && (!f->until || r->figures.first_seen <= f->until);
}

static bool is_asked_for(const struct bh_filter *f, const struct bh_row *r, uint8_t purpose)
{
	const struct bh_talk *c = &r->who;

	return bh_filter_is(&f->client, &c->client, c->workstation) &&
	       bh_filter_is(&f->server, &c->server, c->server_name) && is_share(f->share, c) &&
	       is_user(f->user, c) && (!f->by_purpose || f->purpose == purpose);
}

/* One address, that the store finds without looking at all rows. */
static struct bh_addr exactly(const struct bh_filter *f, const struct bh_who *w)
{
	bool one = f->rows_alone && w->addr.family && w->bits == bh_addr_bits(w->addr.family);

	return one ? w->addr : (struct bh_addr){ 0 };
}

/* Nobody would be found, although he may be there. */
static int check_names(const struct bh_cli *cli, const struct bh_filter *f)
{
	const char *user = f->user ? f->user : "~", *slash = strchr(user, '\\');
	const char *client = f->client.name && !f->client.addr.family ? f->client.name : "~";

	if (slash)
		user = slash + 1;
	if (*user == '~' && *client == '~')
		return 0;
	return bh_cli_usage(cli,
		"this database keeps names as pseudonyms: give its key with --reveal KEYFILE, or "
		"the pseudonym instead of '%s'",
		*user == '~' ? client : f->user);
}

int bh_filter_inventory(struct bh_cli *cli, const struct bh_filter *f, struct bh_arena *a,
	struct bh_cli_inventory *ret)
{
	const struct bh_store_filter ask = { .since = f->since,
		.client = exactly(f, &f->client),
		.server = exactly(f, &f->server),
		.user = f->rows_alone ? f->user : NULL,
		.share = f->rows_alone ? f->share : NULL };
	int r;

	if (f->since && f->until && f->until < f->since)
		return bh_cli_usage(cli, "--until is before --since");
	r = bh_cli_inventory(cli, &ask, a, ret, NULL, NULL);
	if (!r && ret->hidden)
		r = check_names(cli, f);
	return r ? r : pack(cli, f, a, in_window, ret);
}

int bh_filter_pick(const struct bh_cli *cli, const struct bh_filter *f, struct bh_arena *a,
	const struct bh_cli_inventory *inv, struct bh_cli_inventory *ret)
{
	*ret = *inv;
	return bh_filter_narrows(f) ? pack(cli, f, a, is_asked_for, ret) : 0;
}
