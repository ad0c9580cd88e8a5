#include "cli/tighten.h"

#include "cli/bound.h"
#include "cli/effects.h"
#include "cli/inventory.h"
#include "cli/said.h"

static json_t *time_json(bh_time t)
{
	BH_AUTO_BUF b = { 0 };

	if (!t)
		return json_null();
	bh_time_format(t, &b);
	return json_string(bh_buf_text(&b));
}

static json_t *addrs_json(const struct bh_addrset *set)
{
	json_t *v = json_array();

	for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4) {
		struct bh_ranges r = bh_addrset_of(set, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			BH_AUTO_BUF b = { 0 };
			bh_range_format((uint8_t)family, &r.v[i], &b);
			json_array_append_new(v, json_string(bh_buf_text(&b)));
		}
	}
	return v;
}

static json_t *proposal_json(const struct bh_proposal *p, bh_time since)
{
	json_t *o = json_object();
	BH_AUTO_BUF b = { 0 };

	bh_plan_proposal(p, since, &b);
	json_object_set_new(o, "remove", json_string(bh_proposal_names[p->kind]));
	json_object_set_new(o, "file", json_string(p->rule->file));
	json_object_set_new(o, "line", json_integer(p->rule->line));
	json_object_set_new(o, "rule", json_string(p->rule->text));
	json_object_set_new(
		o, "reason", p->rule->reason ? json_string(p->rule->reason) : json_null());
	json_object_set_new(o, "service", p->service ? json_string(p->service) : json_null());
	json_object_set_new(o, "addresses", addrs_json(&p->addrs));
	json_object_set_new(o, "used_elsewhere", json_boolean(p->elsewhere));
	json_object_set_new(o, "last_used", time_json(p->last_used));
	json_object_set_new(o, "pairs", json_integer((json_int_t)p->pairs));
	json_object_set_new(o, "sentence", json_string(bh_buf_text(&b)));
	return o;
}

static int say_json(
	struct bh_cli *cli, const char *policy, const struct bh_tighten *t, bh_time since)
{
	json_t *list = json_array(), *o = json_object();

	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(list, proposal_json(&t->v[i], since));
	json_object_set_new(o, "policy", json_string(policy));
	json_object_set_new(o, "since", time_json(since));
	json_object_set_new(o, "inventory_begins", time_json(t->begins));
	json_object_set_new(o, "rules", json_integer((json_int_t)t->rules));
	json_object_set_new(o, "proposals", list);
	return bh_cli_json(cli, o);
}

static void say_proposal(const struct bh_proposal *p, bh_time since)
{
	BH_AUTO_BUF b = { 0 };

	bh_plan_proposal(p, since, &b);
	printf("\n%s\n", bh_buf_text(&b));
	if (p->rule->reason)
		printf("    it is there for \"%s\"\n", p->rule->reason);
	if (p->kind == BH_PROPOSE_RULE)
		printf("    remove the sentence");
	else if (p->kind == BH_PROPOSE_SERVICE)
		printf("    take %s out of the sentence", p->service);
	else
		printf("    take them out of its set%s",
			p->elsewhere ? ", which other sentences are used by: give this one its own"
				     : "");
	printf(" (%llu pair%s of known hosts)\n", (unsigned long long)p->pairs,
		p->pairs == 1 ? "" : "s");
}

static int say(struct bh_cli *cli, const char *policy, const struct bh_tighten *t, bh_time since)
{
	BH_AUTO_BUF when = { 0 }, begins = { 0 };

	if (cli->json)
		return say_json(cli, policy, t, since);
	bh_time_format(since - since % BH_SECOND, &when);
	bh_time_format(t->begins - t->begins % BH_SECOND, &begins);
	printf("%s: %llu allow%s, %zu proposal%s for what nobody used since %s\n", policy,
		(unsigned long long)t->rules, t->rules == 1 ? "" : "s", t->n, t->n == 1 ? "" : "s",
		bh_buf_text(&when));
	if (!t->begins)
		printf("nothing was seen at all: that says nothing about what is needed\n");
	else if (t->begins > since)
		printf("the inventory begins at %s: what was needed before is not known\n",
			bh_buf_text(&begins));
	for (size_t i = 0; i < t->n; i++)
		say_proposal(&t->v[i], since);
	return bh_cli_flush(cli);
}

int bh_cli_tighten(struct bh_cli *cli, const struct bh_where *w, int64_t days, struct bh_arena *a)
{
	bh_time since = bh_said_now() - days * 86400 * BH_SECOND;
	struct bh_cli_bound b = { 0 };
	struct bh_cli_inventory inv;
	struct bh_scene *scene;
	struct bh_tighten t;
	int r = bh_cli_bind(cli, w->policy, w->text, w->names, a, &b);

	if (r)
		return r;
	bh_cli_diags(cli, &b.diags);
	if (b.diags.errors)
		return BH_EXIT_INPUT;
	r = bh_cli_inventory(cli, NULL, a, &inv, NULL, NULL);
	if (!r)
		r = bh_cli_inventory_addressed(cli, a, &inv);
	if (r)
		return r;
	struct bh_told told = { .names = inv.w.names, .n_names = inv.w.n_names };
	const struct bh_scene_of of = {
		.bound = b.ready.bound, .told = &told, .rows = inv.rows, .n = inv.n
	};
	if (bh_plan_scene(&of, a, &scene) || bh_plan_tighten(scene, since, a, &t))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	return say(cli, w->policy, &t, since);
}
