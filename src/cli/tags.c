#include "cli/tags.h"

#include "cli/bound.h"
#include "keeper/keeper.h"

enum { OPT_STORE = 1, OPT_OLDER };

static const struct bh_option options[] = {
	{ "store", 0, "FOLDER", "keep them here (default: /var/lib/bulkhead/tags as root)",
		OPT_STORE },
	{ "older", 0, NULL, "take a file although a later one is kept", OPT_OLDER },
	{ 0 },
};

#define MOST_FILES 16

/* ---- files ------------------------------------------------------------------------------ */

int bh_cli_tags_read(
	const struct bh_cli *cli, const char *path, struct bh_arena *a, struct bh_cli_tags *ret)
{
	struct bh_cli_tags t = { .path = path };
	struct bh_diags diags = { .arena = a };
	int r = bh_cli_text(cli, path, a, &t.text);

	if (r)
		return r;
	if (bh_tags_parse(path, t.text, a, &diags, &t.is))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	bh_cli_diags(cli, &diags);
	if (!t.is)
		return BH_EXIT_INPUT;
	*ret = t;
	return 0;
}

bool bh_cli_tags_alike(const struct bh_tags *x, const struct bh_tags *y)
{
	BH_AUTO_BUF a = { 0 }, b = { 0 };

	bh_keeper_tag_name(x, &a);
	bh_keeper_tag_name(y, &b);
	return !strcmp(bh_buf_text(&a), bh_buf_text(&b));
}

int bh_cli_tags_kept(const struct bh_cli *cli, const char *folder, const struct bh_tags *like,
	struct bh_arena *a, struct bh_cli_tags *ret)
{
	BH_AUTO_BUF name = { 0 };
	FILE *f;

	bh_keeper_tag_name(like, &name);
	const char *path = bh_arena_printf(a, "%s/%s", folder, bh_buf_text(&name));
	*ret = (struct bh_cli_tags){ .path = path };
	if (!path)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	f = fopen(path, "re");
	if (!f && errno == ENOENT)
		return 0;
	if (f)
		fclose(f);
	return bh_cli_tags_read(cli, path, a, ret);
}

/* ---- words --------------------------------------------------------------------------------- */

void bh_cli_tags_name(const struct bh_tags *t, struct bh_buf *b)
{
	if (t->kind == BH_TAGS_OFFICE365)
		bh_buf_str(b, "Office 365");
	else
		bh_buf_printf(b, "%s %llu", t->cloud, (unsigned long long)t->change);
}

json_t *bh_cli_tags_json(const struct bh_cli_tags *t)
{
	json_t *o = json_object();

	if (!t->is) {
		json_decref(o);
		return json_null();
	}
	json_object_set_new(o, "file", json_string(t->path));
	json_object_set_new(o, "kind", json_string(bh_tags_kind_names[t->is->kind]));
	json_object_set_new(o, "cloud", t->is->cloud ? json_string(t->is->cloud) : json_null());
	json_object_set_new(o, "change_number",
		t->is->cloud ? json_integer((json_int_t)t->is->change) : json_null());
	json_object_set_new(o, "tags", json_integer((json_int_t)t->is->n));
	return o;
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

static const char *const changes[] = { "changed", "new", "gone" };

json_t *bh_cli_tag_diff_json(const struct bh_tag_diff *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "tag", json_string(v[i].name));
		json_object_set_new(o, "what", json_string(changes[v[i].what]));
		json_object_set_new(o, "came", addrs_json(&v[i].came));
		json_object_set_new(o, "went", addrs_json(&v[i].went));
		json_array_append_new(list, o);
	}
	return list;
}

enum { RANGES_SHOWN = 8, TAGS_SHOWN = 40 };

static void print_ranges(const struct bh_cli *cli, const struct bh_addrset *set, char sign)
{
	size_t all = set->v4.n + set->v6.n, n = 0;

	for (int family = BH_V4; family <= BH_V6; family += BH_V6 - BH_V4) {
		struct bh_ranges r = bh_addrset_of(set, (uint8_t)family);
		for (size_t i = 0; i < r.n && (cli->verbose || n < RANGES_SHOWN); i++, n++) {
			BH_AUTO_BUF b = { 0 };
			bh_range_format((uint8_t)family, &r.v[i], &b);
			printf("    %c %s\n", sign, bh_buf_text(&b));
		}
	}
	if (n < all)
		printf("    %c … %zu more\n", sign, all - n);
}

void bh_cli_tag_diff_print(const struct bh_cli *cli, const struct bh_tag_diff *v, size_t n)
{
	static const char *const heads[] = { "", " is new", " is gone" };

	for (size_t i = 0; i < n; i++) {
		size_t came = v[i].came.v4.n + v[i].came.v6.n;
		size_t went = v[i].went.v4.n + v[i].went.v6.n;
		if (!cli->verbose && i == TAGS_SHOWN) {
			printf("  … %zu more tags (-v shows them all)\n", n - i);
			return;
		}
		printf("  %s%s: %zu range%s came, %zu went\n", v[i].name, heads[v[i].what], came,
			came == 1 ? "" : "s", went);
		print_ranges(cli, &v[i].came, '+');
		print_ranges(cli, &v[i].went, '-');
	}
}

/* ---- tags update ------------------------------------------------------------------------------
 */

struct update {
	struct bh_arena a;
	const char *files[MOST_FILES];
	size_t n;
	const char *store;
	bool older;
	json_t *doc;
};

/* The same number means the same contents: anything else was cut or tampered with. */
static int refuse(struct bh_cli *cli, const struct bh_cli_tags *was, const struct bh_cli_tags *is,
	size_t differences)
{
	if (is->is->change < was->is->change)
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"%s has change number %llu, and %llu is kept: it is older (--older takes "
			"it all the same)",
			is->path, (unsigned long long)is->is->change,
			(unsigned long long)was->is->change);
	if (is->is->kind == BH_TAGS_AZURE && is->is->change == was->is->change && differences)
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"%s has change number %llu as what is kept, and says something else: one "
			"of them was altered (--older takes it all the same)",
			is->path, (unsigned long long)is->is->change);
	return 0;
}

/* Microsoft lists no endpoint of Office 365 on the ports of SMB; if it ever does, that is
 * worth a word. */
static void say_ports(const struct bh_cli *cli, const struct bh_tags *t)
{
	bool any = false;

	for (size_t i = 0; i < t->n; i++)
		any |= bh_ranges_contain(t->v[i].tcp, 445) || bh_ranges_contain(t->v[i].tcp, 139);
	if (t->kind == BH_TAGS_OFFICE365 && !cli->quiet && !cli->json)
		puts(any ? "  some endpoint is reached over tcp 445 or 139"
			 : "  none of its endpoints is reached over SMB: no policy need allow it");
}

static int keep(struct bh_cli *cli, struct update *u, const char *folder, const char *path)
{
	const struct bh_tag_diff *v = NULL;
	struct bh_cli_tags was, is;
	BH_AUTO_BUF name = { 0 }, before = { 0 }, now = { 0 };
	size_t n = 0;
	int r = bh_cli_tags_read(cli, path, &u->a, &is);

	if (!r)
		r = bh_cli_tags_kept(cli, folder, is.is, &u->a, &was);
	if (!r && was.is && bh_tags_diff(was.is, is.is, &u->a, &v, &n))
		r = bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (!r && was.is && !u->older)
		r = refuse(cli, &was, &is, n);
	if (r)
		return r;
	bh_keeper_tag_name(is.is, &name);
	int err = bh_keeper_tag_keep(folder, bh_buf_text(&name), is.text);
	if (err)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot keep %s/%s: %s", folder,
			bh_buf_text(&name), strerror(-err));
	if (cli->json) {
		json_t *o = json_object();
		json_object_set_new(o, "from", bh_cli_tags_json(&was));
		json_object_set_new(o, "to", bh_cli_tags_json(&is));
		json_object_set_new(o, "kept", json_sprintf("%s/%s", folder, bh_buf_text(&name)));
		json_object_set_new(o, "changes", bh_cli_tag_diff_json(v, n));
		json_array_append_new(u->doc, o);
		return 0;
	}
	bh_cli_tags_name(is.is, &now);
	if (was.is)
		bh_cli_tags_name(was.is, &before);
	if (cli->quiet)
		return 0;
	printf("%s/%s: %s%s%s, %zu tags", folder, bh_buf_text(&name), bh_buf_text(&before),
		was.is ? " → " : "", bh_buf_text(&now), is.is->n);
	printf(was.is ? n ? ", %zu of them changed\n" : ", nothing changed\n" : "\n", n);
	bh_cli_tag_diff_print(cli, v, n);
	say_ports(cli, is.is);
	return 0;
}

static int take_options(struct bh_cli *cli, struct update *u)
{
	for (int id; (id = bh_cli_next(cli)) >= 0;) {
		switch (id) {
		case OPT_STORE: u->store = cli->value; break;
		case OPT_OLDER: u->older = true; break;
		default:
			if (u->n == MOST_FILES)
				return bh_cli_usage(cli, "%d files at most", MOST_FILES);
			u->files[u->n++] = cli->value;
		}
	}
	if (!u->n)
		return bh_cli_usage(cli, "which file? Microsoft's ServiceTags_….json, or the "
					 "endpoints of Office 365 as JSON");
	return 0;
}

static int update(struct bh_cli *cli, struct update *u)
{
	BH_AUTO_BUF folder = { 0 };
	int r = take_options(cli, u);

	if (r)
		return r;
	if (u->store)
		bh_buf_str(&folder, u->store);
	else if (bh_keeper_tag_folder(true, &folder))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM,
			"neither XDG_STATE_HOME nor HOME is set; name a folder with --store");
	u->doc = json_array();
	for (size_t i = 0; !r && i < u->n; i++)
		r = keep(cli, u, bh_buf_text(&folder), u->files[i]);
	if (r || !cli->json) {
		json_decref(u->doc);
		return r ? r : bh_cli_flush(cli);
	}
	return bh_cli_json(cli, u->doc);
}

static int run(struct bh_cli *cli)
{
	struct update u = { 0 };
	int r = update(cli, &u);

	bh_arena_reset(&u.a);
	return r;
}

const struct bh_command bh_cmd_tags_update = {
	.name = "tags update",
	.args = "[--store FOLDER] [--older] FILE…",
	.summary = "keep a new file of a cloud's addresses",
	.about =
		"Takes Microsoft's files of Azure service tags, of every cloud, and the endpoints\n"
		"of Office 365, into the folder where policies find them.  A file that is older\n"
		"than what is kept, or has the same change number and says something else, is\n"
		"refused.",
	.options = options,
	.run = run,
};
