#include "cli/ready.h"

#include "cli/bound.h"

#define MAX_ADDRS 64

struct addrs {
	struct bh_addr *v;
	size_t n;
};

static void add_addr(void *to, const struct bh_addr *addr)
{
	struct addrs *l = to;

	if (l->n < MAX_ADDRS)
		l->v[l->n++] = *addr;
}

/* Another machine: by address, or by name with the addresses that name has.  Its
 * interfaces are not known, so its `localsubnet` is empty. */
static int place_of(
	const char *host, const struct bh_names *names, struct bh_arena *a, struct bh_place *ret)
{
	struct addrs l = { .v = bh_arena_array(a, MAX_ADDRS, sizeof *l.v) };
	const char **name = bh_arena_alloc(a, sizeof *name);
	struct bh_place p = { .addrs = l.v, .names = name };

	if (!l.v || !name)
		return -ENOMEM;
	*name = host;
	if (!bh_addr_parse(host, strlen(host), l.v)) {
		l.n = 1;
	} else {
		p.n_names = 1;
		(void)names->resolve(names->ctx, host, add_addr, &l); /* none is fine */
	}
	p.n_addrs = l.n;
	*ret = p;
	return 0;
}

int bh_cli_ready(const struct bh_cli *cli, const struct bh_where *w, struct bh_arena *a,
	struct bh_ready *ret)
{
	struct bh_cli_bound b = { 0 };
	struct bh_place place;
	int r = bh_cli_bind_as(cli, w->policy, w->text, w->names,
		(struct bh_cli_how){ .advise = w->advise }, a, &b);

	if (r)
		return r;
	bh_cli_diags(cli, &b.diags);
	if (b.diags.errors)
		return BH_EXIT_INPUT;
	r = w->host ? place_of(w->host, &b.names, a, &place)
		    : bh_keeper_here(a, w->gateway, &place);
	if (!r)
		r = bh_keeper_plan(&b.ready, &place, a);
	if (r == -EOPNOTSUPP) {
		struct bh_diags unsaid = { .arena = a };
		r = bh_keeper_unsaid(&b.ready, &place, a, &unsaid);
		bh_cli_diags(cli, &unsaid);
		if (!r)
			return BH_EXIT_INPUT;
	}
	if (r == -E2BIG)
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"%s needs more ports or interfaces than one table can hold (%u and %u)",
			w->policy, BH_MAX_GATES, BH_MAX_CASES);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot plan: %s", strerror(-r));
	*ret = b.ready;
	return 0;
}

void bh_cli_place_format(const struct bh_place *p, struct bh_buf *ret)
{
	char text[BH_ADDR_TEXT];

	if (p->gateway) {
		bh_buf_str(ret, "a gateway");
		return;
	}
	bh_buf_str(ret, "the host");
	for (size_t i = 0; i < p->n_names; i++)
		bh_buf_printf(ret, "%s %s", i ? "," : "", p->names[i]);
	for (size_t i = 0; i < p->n_addrs; i++)
		bh_buf_printf(ret, "%s%s",
			i            ? ", "
			: p->n_names ? " ("
				     : " ",
			bh_addr_format(&p->addrs[i], text));
	if (p->n_addrs && p->n_names)
		bh_buf_str(ret, ")");
	if (p->forwards)
		bh_buf_str(ret, ", which also forwards packets");
}
