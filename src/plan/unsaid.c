#include "plan/plan.h"

/*
 * What a table cannot say yet.  Whoever teaches it a sentence takes that sentence out here,
 * and nothing else changes for those who ask.
 */

struct ask {
	const struct bh_bound *b;
	const struct bh_view *v;
	bool forwards;
	struct bh_diags *diags;
	unsigned n;
};

static void say(struct ask *q, const char *file, unsigned line, const char *what)
{
	q->n++;
	if (!q->diags)
		return;
	struct bh_diag *d = bh_diag_add(q->diags, BH_ERROR,
		"%s cannot be loaded by this version, and without it the policy would not be "
		"honoured whole: nothing is planned here",
		what);
	d->file = file;
	d->line = line;
}

/* A rule that can hold at none of this point's hooks changes nothing here. */
static bool concerns(const struct ask *q, size_t i)
{
	const struct bh_bound_rule *r = &q->b->rules[i];
	bool fwd = q->v->gateway || q->forwards;

	if (r->expired)
		return false;
	return (fwd && r->hooks & BH_HOOK_BIT(BH_FWD)) ||
	       (!q->v->gateway && ((r->hooks & BH_HOOK_BIT(BH_IN) && q->v->to_me[i]) ||
					  (r->hooks & BH_HOOK_BIT(BH_OUT) && q->v->from_me[i])));
}

static void ask_rule(struct ask *q, size_t i)
{
	const struct bh_bound_rule *r = &q->b->rules[i];

	if (!concerns(q, i))
		return;
	if (r->via && r->hooks != BH_HOOK_BIT(BH_IN))
		say(q, r->file, r->line, "'via'");
	if (r->secure)
		say(q, r->file, r->line, "'if'");
	if (r->ends)
		say(q, r->file, r->line, "'until'");
	if (r->lasts)
		say(q, r->file, r->line, "'for'");
}

unsigned bh_plan_unsaid(
	const struct bh_bound *b, const struct bh_view *v, bool forwards, struct bh_diags *diags)
{
	struct ask q = { .b = b, .v = v, .forwards = forwards, .diags = diags };

	/* Elsewhere, and on a gateway, every interface is on domain. */
	if (v->roaming)
		say(&q, v->roaming->file, v->roaming->line,
			"what a roaming machine does on each profile");
	for (size_t i = 0; i < b->n_rules; i++)
		ask_rule(&q, i);
	for (size_t i = 0; !v->gateway && i < b->n_tasks; i++) {
		if (v->tasks_me[i])
			say(&q, b->tasks[i].file, b->tasks[i].line,
				b->tasks[i].kind == BH_TASK_SERVER_OFF ? "'server off'"
								       : "'audit shares'");
	}
	return q.n;
}
