#include "cli/bound.h"
#include "cli/tags.h"
#include "keeper/keeper.h"

enum { OPT_POLICY = 1, OPT_NAMES, OPT_STORE };

static const struct bh_option options[] = {
	{ "policy", 'p', "FILE", "only the tags that this policy uses, and the rules they touch",
		OPT_POLICY },
	{ "names", 0, "FILE", "resolve the policy's names from this hosts file alone", OPT_NAMES },
	{ "store", 0, "FOLDER",
		"where the files are kept (default: /var/lib/bulkhead/tags as root)", OPT_STORE },
	{ 0 },
};

struct ask {
	struct bh_arena a;
	const char *files[2];
	size_t n;
	const char *policy, *names, *store;
	struct bh_span text, hosts; /* of policy, of names */
	struct bh_cli_tags from, to;
	const struct bh_tag_diff *v; /* what changed */
	size_t n_v;
	/* With a policy: what it means with either file; NULL: it cannot be bound with it. */
	const struct bh_bound *was, *is;
};

/* ---- the policy with either file ----------------------------------------------------------- */

static int bind_with(struct bh_cli *cli, struct ask *q, const struct bh_tags *tags,
	struct bh_names *names, const struct bh_bound **ret)
{
	struct bh_diags diags = { .arena = &q->a };
	struct bh_ready ready;
	int r = 0;

	if (q->names)
		r = bh_keeper_names_file((const char *)q->hosts.ptr, &q->a, names);
	else
		bh_keeper_names_system(names);
	if (!r)
		r = bh_keeper_tags_instead(tags, &q->a, names);
	if (!r)
		r = bh_keeper_bind(q->policy, q->text, names, &q->a, &diags, &ready);
	if (r)
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "cannot bind %s: %s", q->policy, strerror(-r));
	bh_cli_diags(cli, &diags);
	*ret = diags.errors ? NULL : ready.bound;
	return 0;
}

/* Leaves the tags that the policy asks for. */
static void pick_used(struct ask *q, const struct bh_names *x, const struct bh_names *y)
{
	struct bh_tag_diff *v = bh_arena_array(&q->a, q->n_v + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; v && i < q->n_v; i++) {
		if (bh_keeper_tags_asked(x, q->v[i].name) || bh_keeper_tags_asked(y, q->v[i].name))
			v[n++] = q->v[i];
	}
	q->v = v;
	q->n_v = n;
}

static int bind_both(struct bh_cli *cli, struct ask *q)
{
	struct bh_names x = { 0 }, y = { 0 };
	int r = bh_cli_text(cli, q->policy, &q->a, &q->text);

	if (!r && q->names)
		r = bh_cli_text(cli, q->names, &q->a, &q->hosts);
	if (!r)
		r = bind_with(cli, q, q->from.is, &x, &q->was);

	if (!r && !q->was)
		return BH_EXIT_INPUT;
	if (!r)
		r = bind_with(cli, q, q->to.is, &y, &q->is);
	if (!r)
		pick_used(q, &x, &y);
	return r;
}

/* ---- the rules that they touch ----------------------------------------------------------------
 */

struct touched {
	const struct bh_bound_rule *rule;
	struct bh_tag_diff from, to; /* what came and went on either side */
};

static bool differ(struct ask *q, const struct bh_bound_list *was, const struct bh_bound_list *is,
	struct bh_tag_diff *ret)
{
	ret->came = bh_addrset_subtract(&q->a, is->addrs, was->addrs);
	ret->went = bh_addrset_subtract(&q->a, was->addrs, is->addrs);
	return !bh_addrset_empty(&ret->came) || !bh_addrset_empty(&ret->went);
}

/* The same text has the same rules in the same order. */
static size_t find_touched(struct ask *q, struct touched *v)
{
	size_t n = 0;

	for (size_t i = 0; q->is && i < q->is->n_rules && i < q->was->n_rules; i++) {
		const struct bh_bound_rule *was = &q->was->rules[i], *is = &q->is->rules[i];
		struct touched one = { .rule = is };
		bool from = differ(q, &was->from, &is->from, &one.from);
		bool to = differ(q, &was->to, &is->to, &one.to);
		if (from || to)
			v[n++] = one;
	}
	return n;
}

static json_t *touched_json(const struct touched *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *sides = bh_cli_tag_diff_json(
			(struct bh_tag_diff[]){
				{ .name = "from", .came = v[i].from.came, .went = v[i].from.went },
				{ .name = "to", .came = v[i].to.came, .went = v[i].to.went } },
			2);
		json_t *o = json_object();
		json_object_set_new(o, "file", json_string(v[i].rule->file));
		json_object_set_new(o, "line", json_integer(v[i].rule->line));
		json_object_set_new(o, "rule", json_string(v[i].rule->text));
		for (size_t k = 0; k < 2; k++) {
			json_t *side = json_array_get(sides, k);
			json_object_set_new(o, k ? "to" : "from",
				json_pack("{s:O, s:O}", "came", json_object_get(side, "came"),
					"went", json_object_get(side, "went")));
		}
		json_decref(sides);
		json_array_append_new(list, o);
	}
	return list;
}

static void print_touched(const struct bh_cli *cli, const struct touched *v, size_t n)
{
	printf("\nrules that they touch: %zu\n", n);
	for (size_t i = 0; i < n; i++) {
		BH_AUTO_BUF text = { 0 };
		bh_plan_remark(&text, v[i].rule->text, 160);
		printf("  %s:%u  %s\n", v[i].rule->file, v[i].rule->line, bh_buf_text(&text));
		const struct bh_tag_diff *sides[] = { &v[i].from, &v[i].to };
		for (size_t k = 0; k < 2; k++) {
			struct bh_tag_diff one = *sides[k];
			one.name = k ? "to" : "from";
			one.what = BH_TAG_CHANGED;
			if (!bh_addrset_empty(&one.came) || !bh_addrset_empty(&one.went))
				bh_cli_tag_diff_print(cli, &one, 1);
		}
	}
}

/* ---- the command -------------------------------------------------------------------------------
 */

static int say(struct bh_cli *cli, struct ask *q)
{
	struct touched *v = bh_arena_array(&q->a, q->policy ? q->was->n_rules + 1 : 1, sizeof *v);
	size_t n = v && q->policy ? find_touched(q, v) : 0;
	BH_AUTO_BUF before = { 0 }, now = { 0 };
	int status = q->n_v || (q->policy && !q->is) ? BH_EXIT_NO : BH_EXIT_OK;

	if (!v || !bh_arena_ok(&q->a))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (cli->json) {
		json_t *o = json_object();
		json_object_set_new(o, "from", bh_cli_tags_json(&q->from));
		json_object_set_new(o, "to", bh_cli_tags_json(&q->to));
		json_object_set_new(o, "changes", bh_cli_tag_diff_json(q->v, q->n_v));
		json_object_set_new(o, "rules", q->policy ? touched_json(v, n) : json_null());
		int r = bh_cli_json(cli, o);
		return r ? r : status;
	}
	bh_cli_tags_name(q->from.is, &before);
	bh_cli_tags_name(q->to.is, &now);
	printf("%s → %s: %zu tag%s%s changed\n", bh_buf_text(&before), bh_buf_text(&now), q->n_v,
		q->n_v == 1 ? "" : "s", q->policy ? " that the policy uses" : "");
	bh_cli_tag_diff_print(cli, q->v, q->n_v);
	if (q->policy && q->is)
		print_touched(cli, v, n);
	else if (q->policy)
		printf("\nwith the new file %s cannot be bound: see above\n", q->policy);
	int r = bh_cli_flush(cli);
	return r ? r : status;
}

static int take_options(struct bh_cli *cli, struct ask *q)
{
	for (int id; (id = bh_cli_next(cli)) >= 0;) {
		switch (id) {
		case OPT_POLICY: q->policy = cli->value; break;
		case OPT_NAMES: q->names = cli->value; break;
		case OPT_STORE: q->store = cli->value; break;
		default:
			if (q->n == BH_LEN(q->files))
				return bh_cli_usage(cli, "one file, or a former and a new one");
			q->files[q->n++] = cli->value;
		}
	}
	if (!q->n)
		return bh_cli_usage(cli, "which file? Say a new one, or a former and a new one");
	if (q->names && !q->policy)
		return bh_cli_usage(cli, "--names goes with -p");
	return 0;
}

/* One file is held against what is kept of its cloud. */
static int read_files(struct bh_cli *cli, struct ask *q)
{
	BH_AUTO_BUF folder = { 0 };
	int r = bh_cli_tags_read(cli, q->files[q->n - 1], &q->a, &q->to);

	if (r)
		return r;
	if (q->n == 2)
		return bh_cli_tags_read(cli, q->files[0], &q->a, &q->from);
	if (q->store)
		bh_buf_str(&folder, q->store);
	else if (bh_keeper_tag_folder(false, &folder))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM,
			"neither XDG_STATE_HOME nor HOME is set; name a folder with --store");
	r = bh_cli_tags_kept(cli, bh_buf_text(&folder), q->to.is, &q->a, &q->from);
	if (!r && !q->from.is)
		r = bh_cli_fail(cli, BH_EXIT_INPUT,
			"none of that kind is kept at %s: name a former file too, or take this "
			"one with 'bulkhead tags update'",
			q->from.path);
	return r;
}

static int diff(struct bh_cli *cli, struct ask *q)
{
	int r = take_options(cli, q);

	if (!r)
		r = read_files(cli, q);
	if (r)
		return r;
	if (!bh_cli_tags_alike(q->from.is, q->to.is))
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"%s and %s are of different clouds: there is nothing to compare",
			q->from.path, q->to.path);
	if (bh_tags_diff(q->from.is, q->to.is, &q->a, &q->v, &q->n_v))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (q->policy)
		r = bind_both(cli, q);
	return r ? r : say(cli, q);
}

static int run(struct bh_cli *cli)
{
	struct ask q = { 0 };
	int r = diff(cli, &q);

	bh_arena_reset(&q.a);
	return r;
}

const struct bh_command bh_cmd_tags_diff = {
	.name = "tags diff",
	.args = "[-p FILE] [options] [FORMER] NEW",
	.summary = "which addresses of a cloud came and went, and which rules they touch",
	.about =
		"Holds a file of service tags, or of the endpoints of Office 365, against a former\n"
		"one, or against the one that is kept.\n\n"
		"Exit status 1: something differs.",
	.options = options,
	.run = run,
};
