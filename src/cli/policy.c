#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/bound.h"
#include "cli/policy_json.h"
#include "policy/policy.h"

enum { OPT_NAMES = 1, OPT_CHECK, OPT_WRITE, OPT_FROM_JSON };

/* ---- policy check ---- */

static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *list_json(const struct bh_bound_list *l)
{
	BH_AUTO_BUF t = { 0 };
	json_t *addrs = json_array();

	for (unsigned family = BH_V4; family <= BH_V6; family += 2) {
		struct bh_ranges r = bh_addrset_of(&l->addrs, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			t.len = 0;
			bh_range_format((uint8_t)family, &r.v[i], &t);
			json_array_append_new(addrs, json_string(bh_buf_text(&t)));
		}
	}
	return json_pack("{s:b, s:b, s:b, s:o}", "any", l->any, "self", l->self, "localsubnet",
		l->localsubnet, "addresses", addrs);
}

static json_t *hooks_json(unsigned hooks)
{
	json_t *v = json_array();

	for (unsigned h = 0; h < BH_HOOKS; h++) {
		if (hooks & BH_HOOK_BIT(h))
			json_array_append_new(v, json_string(bh_hook_names[h]));
	}
	return v;
}

static json_t *service_json(struct bh_service s)
{
	char text[16];

	snprintf(text, sizeof text, "%s/%u", s.proto == BH_TCP ? "tcp" : "udp", s.port);
	return json_string(text);
}

static json_t *texts_json(const char *const *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(v[i]));
	return a;
}

static json_t *profiles_json(unsigned on)
{
	json_t *v = json_array();

	for (unsigned i = 0; i < BH_PROFILES; i++) {
		if (on & BH_PROFILE_BIT(i))
			json_array_append_new(v, json_string(bh_profile_names[i]));
	}
	return v;
}

static json_t *secure_json(const struct bh_bound_secure *s)
{
	if (!s)
		return json_null();
	return json_pack("{s:s, s:s?, s:o, s:o}", "level", bh_level_names[s->level], "by",
		s->by ? bh_by_names[s->by] : NULL, "as", texts_json(s->as, s->n_as), "roaming",
		texts_json(s->roaming, s->n_roaming));
}

static json_t *day_json(const struct bh_bound_rule *r)
{
	BH_AUTO_BUF b = { 0 };

	if (!r->ends)
		return json_null();
	bh_date_format(r->until, &b);
	return json_string(bh_buf_text(&b));
}

static void add_clauses(json_t *rule, const struct bh_bound_rule *r)
{
	json_object_set_new(rule, "on", profiles_json(r->on));
	json_object_set_new(
		rule, "via", r->via ? texts_json(r->via->patterns, r->via->n) : json_null());
	json_object_set_new(rule, "secure", secure_json(r->secure));
	json_object_set_new(rule, "even_in_clear", json_boolean(r->even_in_clear));
	json_object_set_new(rule, "until", day_json(r));
	json_object_set_new(rule, "expired", json_boolean(r->expired));
	json_object_set_new(rule, "for_seconds", r->lasts ? json_integer(r->lasts) : json_null());
}

static json_t *rule_json(const struct bh_bound_rule *r)
{
	json_t *services = json_array();

	for (size_t i = 0; i < r->n_services; i++)
		json_array_append_new(services, service_json(r->services[i]));
	json_t *rule = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:i}", "action",
		r->block ? "block" : "allow", "services", services, "hooks", hooks_json(r->hooks),
		"from", list_json(&r->from), "to", list_json(&r->to), "text", r->text, "reason",
		text_or_null(r->reason), "file", r->file, "line", (int)r->line);
	add_clauses(rule, r);
	return rule;
}

static json_t *set_json(const struct bh_bound_set *s)
{
	struct bh_bound_list l = { .addrs = s->addrs };
	json_t *machines = json_array(), *lists = list_json(&l);
	json_t *addrs = json_incref(json_object_get(lists, "addresses"));

	json_decref(lists);
	for (size_t i = 0; i < s->n_machines; i++)
		json_array_append_new(machines, json_string(s->machines[i]));
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:i}", "kind", s->kind, "name", s->name,
		"addresses", addrs, "machines", machines, "file", s->file, "line", (int)s->line);
}

static json_t *policy_json(const struct bh_ready *r)
{
	const struct bh_bound *b = r->bound;
	json_t *sets = json_array(), *services = json_array(), *defaults = json_array(),
	       *rules = json_array();
	char hash[2 * BH_HASH + 1];

	for (size_t i = 0; i < BH_HASH; i++)
		snprintf(&hash[2 * i], 3, "%02x", r->hash[i]);
	for (size_t i = 0; i < b->n_sets; i++)
		json_array_append_new(sets, set_json(&b->sets[i]));
	for (size_t i = 0; i < b->n_services; i++) {
		const struct bh_bound_service *s = &b->services[i];
		json_array_append_new(
			services, json_pack("{s:s, s:s, s:o, s:b}", "name", s->name, "of", s->of,
					  "port", service_json(s->service), "quic", s->quic));
	}
	for (size_t i = 0; i < b->n_defaults; i++) {
		const struct bh_bound_default *d = &b->defaults[i];
		json_array_append_new(defaults,
			json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:i}", "action",
				d->block ? "block" : "allow", "service", service_json(d->service),
				"hooks", hooks_json(d->hooks), "text", d->text, "reason",
				text_or_null(d->reason), "file", d->file, "line", (int)d->line));
	}
	for (size_t i = 0; i < b->n_rules; i++)
		json_array_append_new(rules, rule_json(&b->rules[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "hash", hash, "sets", sets, "services",
		services, "defaults", defaults, "rules", rules);
}

/* Text of ours that quotes a hostile file may hold bytes that are no UTF-8. */
static json_t *any_text(const char *s)
{
	json_t *t = json_string(s);
	char *copy;

	if (t || !(copy = strdup(s)))
		return t ? t : json_null();
	for (char *c = copy; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	t = json_string(copy);
	free(copy);
	return t;
}

static json_t *number_or_null(unsigned n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *diags_json(const struct bh_diags *d)
{
	static const char *const names[] = {
		[BH_ERROR] = "error", [BH_WARNING] = "warning", [BH_NOTE] = "note"
	};
	json_t *v = json_array();

	for (const struct bh_diag *one = d->first; one; one = one->next)
		json_array_append_new(
			v, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "severity",
				   names[one->severity], "file",
				   one->file ? any_text(one->file) : json_null(), "line",
				   number_or_null(one->line), "column", number_or_null(one->column),
				   "length", number_or_null(one->length), "text",
				   any_text(one->text)));
	return v;
}

static void say_summary(const struct bh_cli_bound *b)
{
	const struct bh_bound *p = b->ready.bound;
	size_t defaults = 0;

	for (size_t i = 0; i < p->n_defaults; i++)
		defaults += !i || p->defaults[i].line != p->defaults[i - 1].line;
	printf("%s: %zu set%s, %zu rule%s, %zu default%s: no mistakes\n", b->path, p->n_sets,
		p->n_sets == 1 ? "" : "s", p->n_rules, p->n_rules == 1 ? "" : "s", defaults,
		defaults == 1 ? "" : "s");
}

static int run_check(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	const char *path = NULL, *names = NULL;
	struct bh_cli_bound b;

	for (int id; (id = bh_cli_next(cli)) >= 0;) {
		if (id == OPT_NAMES)
			names = cli->value;
		else if (path)
			return bh_cli_usage(cli, "one policy at a time");
		else
			path = cli->value;
	}
	if (!path)
		return bh_cli_usage(cli, "which policy? name a file, - reads standard input");
	int r = bh_cli_bind_as(cli, path, (struct bh_span){ 0 }, names,
		(struct bh_cli_how){ .advise = true }, &a, &b);
	if (r)
		return r;
	bool fine = !b.diags.errors;
	if (cli->json) {
		r = bh_cli_json(cli, json_pack("{s:o, s:b, s:o, s:o}", "file", any_text(path), "ok",
					     fine, "diagnostics", diags_json(&b.diags), "policy",
					     fine ? policy_json(&b.ready) : json_null()));
		return r ? r : fine ? BH_EXIT_OK : BH_EXIT_INPUT;
	}
	bh_cli_diags(cli, &b.diags);
	if (fine && !cli->quiet)
		say_summary(&b);
	r = bh_cli_flush(cli);
	return r ? r : fine ? BH_EXIT_OK : BH_EXIT_INPUT;
}

static const struct bh_option check_options[] = {
	{ "names", 0, "FILE", "resolve names from this hosts file alone", OPT_NAMES },
	{ 0 },
};

const struct bh_command bh_cmd_policy_check = {
	.name = "policy check",
	.args = "[options] FILE",
	.summary = "read a policy and say everything that is wrong with it",
	.about = "Names of machines are resolved, by the system or from --names; with --names a\n"
		 "name that is not there is a warning, otherwise an error.",
	.options = check_options,
	.run = run_check,
};

/* ---- policy fmt ---- */

/* A new file beside the old one takes its place: a crash leaves one of the two. */
static int replace(const struct bh_cli *cli, const char *path, const struct bh_buf *b)
{
	BH_AUTO_BUF temp = { 0 };
	struct stat st;

	bh_buf_printf(&temp, "%s.XXXXXX", path);
	if (stat(path, &st) < 0 || !bh_buf_ok(&temp))
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "cannot look at %s: %s", path, strerror(errno));
	int fd = mkostemp(temp.ptr, O_CLOEXEC);
	if (fd < 0)
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "cannot write beside %s: %s", path, strerror(errno));
	bool fine = fchmod(fd, st.st_mode & 07777) == 0;
	if (geteuid() == 0)
		fine &= fchown(fd, st.st_uid, st.st_gid) == 0;
	for (size_t done = 0; fine && done < b->len;) {
		ssize_t n = write(fd, b->ptr + done, b->len - done);
		fine = n > 0;
		done += n > 0 ? (size_t)n : 0;
	}
	fine = fine && fsync(fd) == 0;
	int err = errno;
	close(fd);
	if (fine && rename(temp.ptr, path) == 0)
		return BH_EXIT_OK;
	if (fine)
		err = errno;
	unlink(temp.ptr);
	return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot write %s: %s", path, strerror(err));
}

enum fmt_mode { FMT_PRINT, FMT_CHECK, FMT_WRITE };

/* The sentences that a JSON document holds, in its place. */
static int from_json(
	const struct bh_cli *cli, const char *path, struct bh_arena *a, struct bh_span *text)
{
	BH_AUTO_BUF b = { 0 };
	char why[200];
	int r = bh_policy_from_json(*text, &b, why);

	if (r == -ENOMEM || (!r && !bh_buf_ok(&b)))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (r)
		return bh_cli_fail(cli, BH_EXIT_INPUT, "%s: %s", path, why);
	const char *kept = bh_arena_strn(a, bh_buf_text(&b), b.len);
	if (!kept)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	*text = bh_span_of(kept, b.len);
	return 0;
}

static int format_one(const struct bh_cli *cli, const char *path, enum fmt_mode mode, bool is_json)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF b = { 0 };
	struct bh_diags diags = { .arena = &a };
	const struct bh_policy *p;
	struct bh_span text;
	int r = bh_cli_text(cli, path, &a, &text);

	if (!r && is_json)
		r = from_json(cli, path, &a, &text);
	if (r)
		return r;
	if (bh_policy_read(path, text, &bh_keeper_files, &a, &diags, &p) < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	bh_cli_diags(cli, &diags);
	if (diags.errors)
		return BH_EXIT_INPUT;
	if (cli->json)
		bh_policy_print_json(p, &b);
	else
		bh_policy_print(p, &b);
	if (!bh_buf_ok(&b))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	bool same = b.len == text.len && (!b.len || !memcmp(b.ptr, text.ptr, b.len));
	if (mode == FMT_PRINT) {
		fwrite(bh_buf_text(&b), 1, b.len, stdout);
		return bh_cli_flush(cli);
	}
	if (same)
		return BH_EXIT_OK;
	if (mode == FMT_WRITE)
		return replace(cli, path, &b);
	puts(path);
	return BH_EXIT_NO;
}

static int run_fmt(struct bh_cli *cli)
{
	enum fmt_mode mode = FMT_PRINT;
	const char *path[256];
	size_t n = 0;
	int worst = BH_EXIT_OK;
	bool is_json = false;

	for (int id; (id = bh_cli_next(cli)) >= 0;) {
		if (id == OPT_FROM_JSON)
			is_json = true;
		else if (id == OPT_CHECK || id == OPT_WRITE)
			mode = id == OPT_CHECK ? FMT_CHECK : FMT_WRITE;
		else if (n == BH_LEN(path))
			return bh_cli_usage(cli, "at most %zu files at a time", BH_LEN(path));
		else
			path[n++] = cli->value;
	}
	if (!n)
		return bh_cli_usage(cli, "which policy? name a file, - reads standard input");
	if ((cli->json || is_json) && (n > 1 || mode != FMT_PRINT))
		return bh_cli_usage(cli, "JSON is one policy at a time, printed");
	for (size_t i = 0; i < n; i++) {
		if (mode == FMT_WRITE && !strcmp(path[i], "-"))
			return bh_cli_usage(cli, "--write needs a file, not standard input");
		int r = format_one(cli, path[i], mode, is_json);
		worst = r > worst ? r : worst;
	}
	int r = bh_cli_flush(cli);
	return r ? r : worst;
}

static const struct bh_option fmt_options[] = {
	{ "check", 0, NULL, "change nothing; name the files that are not in canonical form",
		OPT_CHECK },
	{ "write", 'w', NULL, "write the canonical form into the file", OPT_WRITE },
	{ "from-json", 0, NULL, "the file is a policy in JSON", OPT_FROM_JSON },
	{ 0 },
};

const struct bh_command bh_cmd_policy_fmt = {
	.name = "policy fmt",
	.args = "[options] FILE…",
	.summary = "print a policy in canonical form, remarks kept",
	.about =
		"With --json its sentences as one document. Exit status 1 with --check when a file is\n"
		"not in canonical form.",
	.options = fmt_options,
	.run = run_fmt,
};

/* ---- policy diff ---- */

static json_t *lines_json(const char *text)
{
	json_t *v = json_array();

	while (*text) {
		size_t n = strcspn(text, "\n");
		json_array_append_new(v, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return v;
}

static int say_difference(
	const struct bh_cli *cli, const char *const path[2], const char *text, unsigned n)
{
	int r;

	if (cli->json) {
		r = bh_cli_json(cli, json_pack("{s:o, s:o, s:b, s:o}", "from", any_text(path[0]),
					     "to", any_text(path[1]), "different", n != 0,
					     "changes", lines_json(text)));
	} else {
		if (!n && !cli->quiet)
			printf("%s and %s mean the same\n", path[0], path[1]);
		fputs(text, stdout);
		r = bh_cli_flush(cli);
	}
	return r ? r : n ? BH_EXIT_NO : BH_EXIT_OK;
}

static int run_diff(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	const char *path[2] = { 0 }, *names = NULL;
	struct bh_cli_bound b[2];
	size_t n = 0;
	unsigned changes = 0;

	for (int id; (id = bh_cli_next(cli)) >= 0;) {
		if (id == OPT_NAMES)
			names = cli->value;
		else if (n == 2)
			return bh_cli_usage(cli, "two policies, not more");
		else
			path[n++] = cli->value;
	}
	if (n != 2)
		return bh_cli_usage(cli, "which two policies? name the former and the new file");
	for (size_t i = 0; i < 2; i++) {
		int r = bh_cli_bind(cli, path[i], (struct bh_span){ 0 }, names, &a, &b[i]);
		if (r)
			return r;
		bh_cli_diags(cli, &b[i].diags);
	}
	if (b[0].diags.errors || b[1].diags.errors)
		return BH_EXIT_INPUT;
	if (bh_policy_diff(b[0].ready.bound, b[1].ready.bound, &a, &text, &changes) < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	return say_difference(cli, path, bh_buf_text(&text), changes);
}

const struct bh_command bh_cmd_policy_diff = {
	.name = "policy diff",
	.args = "[options] FORMER NEW",
	.summary = "say what changes in meaning from one policy to another",
	.about =
		"For a gateway: the addresses and ports that are decided differently, exactly. For\n"
		"hosts: rule by rule, as the answer depends on which machine asks. Exit status 1\n"
		"when there is a difference.",
	.options = check_options,
	.run = run_diff,
};
