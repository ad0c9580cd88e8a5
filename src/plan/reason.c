#include "plan/reason.h"

enum { SHOWN = 120 }; /* of a sentence, which may list thousands of addresses */

static bool holds_peer(
	const struct known_flow *f, const struct bh_bound_list *l, const struct bh_addr *peer)
{
	bool host = f->is.hook != BH_FWD;

	return l->any || bh_addrset_contains(&l->addrs, peer) ||
	       (host && l->self && bh_addrset_contains(&f->view->self, peer)) ||
	       (host && l->localsubnet && f->is.localsubnet &&
		       bh_addrset_contains(f->is.localsubnet, peer));
}

/* As the judge does: the side that is this machine by identity, the other by address. */
static bool from_holds(const struct bh_bound *b, const struct known_flow *f, size_t i)
{
	return f->is.hook == BH_OUT ? f->view->from_me[i]
				    : holds_peer(f, &b->rules[i].from, &f->is.client);
}

static bool to_holds(const struct bh_bound *b, const struct known_flow *f, size_t i)
{
	return f->is.hook == BH_IN ? f->view->to_me[i]
				   : holds_peer(f, &b->rules[i].to, &f->is.server);
}

static enum bh_why nearness(const struct bh_bound *b, const struct known_flow *f, size_t i)
{
	const struct bh_bound_rule *r = &b->rules[i];

	if (r->block || !(r->hooks & BH_HOOK_BIT(f->is.hook)))
		return BH_WHY_UNSAID;
	bool from = from_holds(b, f, i), to = to_holds(b, f, i);
	if (!bh_policy_rule_names(r, f->is.service))
		return from && to ? BH_WHY_SERVICE : BH_WHY_UNSAID;
	return from && to ? BH_WHY_CLAUSE
	       : to       ? BH_WHY_CLIENT
	       : from     ? BH_WHY_SERVER
			  : BH_WHY_UNSAID;
}

struct bh_reason reason_of(
	const struct bh_bound *b, const struct known_flow *f, const struct bh_decision *d)
{
	struct bh_reason best = { .why = BH_WHY_UNSAID };

	for (size_t i = 0; i < b->n_rules; i++) {
		const struct bh_bound_rule *r = &b->rules[i];
		if (r->block && d->line && r->line == d->line && !strcmp(r->file, d->file))
			return (struct bh_reason){ BH_WHY_BLOCKED, r };
		enum bh_why why = nearness(b, f, i);
		if (why < best.why)
			best = (struct bh_reason){ why, r };
	}
	return best;
}

const char *const bh_why_names[BH_WHYS] = {
	[BH_WHY_BLOCKED] = "blocked",
	[BH_WHY_CLAUSE] = "clause",
	[BH_WHY_SERVICE] = "service",
	[BH_WHY_CLIENT] = "client",
	[BH_WHY_SERVER] = "server",
	[BH_WHY_UNSAID] = "unsaid",
};

static void add_rule(const struct bh_bound_rule *r, const char *what, struct bh_buf *b)
{
	bh_buf_printf(b, "%s:%u%s: ", r->file, r->line, what);
	bh_plan_remark(b, r->text, SHOWN);
}

void bh_plan_reason(const struct bh_impact_row *r, struct bh_buf *b)
{
	char client[BH_ADDR_TEXT], server[BH_ADDR_TEXT];

	bh_addr_format(&r->client, client);
	bh_addr_format(&r->server, server);
	switch (r->reason.why) {
	case BH_WHY_BLOCKED: add_rule(r->reason.rule, " blocks it", b); break;
	case BH_WHY_CLAUSE:
		add_rule(r->reason.rule, " does not hold as it is asked here", b);
		break;
	case BH_WHY_SERVICE:
		add_rule(r->reason.rule, " allows these two other services alone", b);
		break;
	case BH_WHY_CLIENT:
		bh_buf_printf(b, "%s is not among the clients of ", client);
		add_rule(r->reason.rule, "", b);
		break;
	case BH_WHY_SERVER:
		bh_buf_printf(b, "%s is not among the servers of ", server);
		add_rule(r->reason.rule, "", b);
		break;
	default:
		bh_buf_printf(b, "no sentence allows %s anything, or anybody %s", client, server);
		if (r->decision.line)
			bh_buf_printf(b, ", and %s:%u blocks the rest", r->decision.file,
				r->decision.line);
	}
}

bool bh_plan_fix(const struct bh_bound *bound, const struct bh_impact_row *r, struct bh_buf *b)
{
	const struct bh_bound_service *s = bh_policy_service(bound, r->service);
	char client[BH_ADDR_TEXT], server[BH_ADDR_TEXT];

	/* A block beats every allow: it is the block that must change. */
	if (r->reason.why == BH_WHY_BLOCKED || !s)
		return false;
	bh_buf_printf(b, "allow %s from %s to %s", s->of, bh_addr_format(&r->client, client),
		bh_addr_format(&r->server, server));
	return true;
}
