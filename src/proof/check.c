#include "proof/check.h"

#include <stdlib.h>

/* ---- the table ------------------------------------------------------------ */

static void study_family(struct check *c, struct study *s, uint8_t family)
{
	struct atoms none = { .a = c->a };
	uint16_t outcome[256];

	*s = (struct study){ .a = c->a,
		.family = family,
		.src = none,
		.dst = none,
		.sport = none,
		.dport = none,
		.proto = none };
	for (unsigned f = 0; f < 256; f++)
		outcome[f] = bh_check_syn((uint8_t)f);
	bh_study_flags(s, outcome);
	bh_study_ifname(s, "lo");
	for (size_t i = 0; i < c->j->n_ifnames; i++)
		bh_study_ifname(s, c->j->ifnames[i]);
	if (c->table)
		bh_study_rules(s, c->rules, c->table);
}

/* The hooks a packet passes, in order; POSTROUTING is last. */
static const unsigned way[BH_HOOKS][3] = {
	[BH_IN] = { NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_IN },
	[BH_OUT] = { NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_POST_ROUTING },
	[BH_FWD] = { NF_INET_PRE_ROUTING, NF_INET_FORWARD, NF_INET_POST_ROUTING },
};

static int by_priority(const void *x, const void *y)
{
	const struct chain *const *a = x, *const *b = y;
	return (*a)->priority < (*b)->priority ? -1 : (*a)->priority > (*b)->priority;
}

static int find_paths(struct check *c)
{
	for (int h = 0; h < BH_HOOKS; h++) {
		struct path *p = &c->path[h];
		p->v = bh_arena_array(c->a, c->rules->n_chains + 1, sizeof *p->v);
		if (!p->v)
			return -ENOMEM;
		for (unsigned k = 0; k < 3; k++) {
			size_t from = p->n;
			if (k && way[h][k] == way[h][k - 1])
				continue;
			for (size_t i = 0; c->table && i < c->rules->n_chains; i++) {
				const struct chain *ch = &c->rules->chains[i];
				if (ch->table == c->table && ch->base && ch->hook == way[h][k])
					p->v[p->n++] = ch;
			}
			qsort(p->v + from, p->n - from, sizeof(const struct chain *), by_priority);
		}
	}
	return 0;
}

/* Chains that decide in other ways, or elsewhere. */
static void refuse_odd_chains(struct check *c)
{
	for (size_t i = 0; i < c->rules->n_chains; i++) {
		const struct chain *ch = &c->rules->chains[i];
		if (ch->table != c->table || !ch->base)
			continue;
		if (strcmp(ch->type, "filter") != 0 || ch->hook > NF_INET_POST_ROUTING ||
			ch->hook == NF_INET_PRE_ROUTING || ch->hook == NF_INET_POST_ROUTING)
			c->proof->why_not = bh_arena_printf(c->a,
				"table inet " OUR_TABLE ", chain %s: a base chain of type %s at "
				"hook %u is not understood there",
				bh_rules_clean(c->a, ch->name), bh_rules_clean(c->a, ch->type),
				ch->hook);
	}
}

static int walk_all(struct check *c)
{
	for (int h = 0; h < BH_HOOKS; h++) {
		if (!(c->j->hooks & BH_HOOK_BIT(h)))
			continue;
		int r = bh_check_walk(c, (enum bh_hook)h, BH_V4);
		if (r == 0)
			r = bh_check_walk(c, (enum bh_hook)h, BH_V6);
		if (r < 0)
			return r;
	}
	return 0;
}

int bh_proof_check(
	struct bh_span dump, const struct bh_judge *j, struct bh_arena *a, struct bh_proof *ret)
{
	struct rules rules = { 0 };
	struct bh_proof proof = { .answer = BH_PROVEN };

	int r = bh_rules_read(dump, a, &rules);
	if (r < 0)
		return r;
	if (rules.moved) {
		*ret = (struct bh_proof){ .answer = BH_NOT_PROVEN,
			.moved = true,
			.why_not = "the rules changed while they were read" };
		return 0;
	}
	struct check *c = bh_arena_alloc(a, sizeof *c);
	if (!c)
		return -ENOMEM;
	*c = (struct check){ .a = a, .j = j, .rules = &rules, .proof = &proof };
	c->table = bh_rules_table(&rules, OUR_FAMILY, OUR_TABLE);
	if (c->table && c->table->flags & NFT_TABLE_F_DORMANT)
		c->table = NULL;
	proof.no_table = !c->table;
	study_family(c, &c->study[0], BH_V4);
	study_family(c, &c->study[1], BH_V6);
	refuse_odd_chains(c);
	r = find_paths(c);
	if (r == 0)
		r = walk_all(c);
	if (r == -E2BIG || c->study[0].too_many || c->study[1].too_many) {
		proof.why_not = "the rules and the policy tell too many classes of packets apart";
		r = 0;
	}
	if (r < 0)
		return r;
	if (proof.why_not && proof.answer == BH_PROVEN)
		proof.answer = BH_NOT_PROVEN;
	bh_check_report(c);
	bh_check_outside(c);
	if (!bh_arena_ok(a))
		return -ENOMEM;
	*ret = proof;
	return 0;
}
