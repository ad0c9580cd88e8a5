#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "keeper/files.h"
#include "json/tags.h"

/* One file that was read, or could not be. */
struct tag_file {
	struct tag_file *next;
	const char *path;
	const char *found; /* path, or where it was kept */
	const struct bh_tags *tags; /* NULL: why not */
	const char *why;
	int64_t days; /* since it was written */
};

struct asked {
	struct asked *next;
	const char *name;
};

struct bh_keeper_tags {
	struct tag_file *first;
	const struct bh_tags *instead; /* in the place of the file of its cloud; NULL: none */
	struct asked *asked; /* of it */
};

/* The first thing that is wrong, with its place. */
static const char *first_mistake(const struct bh_diags *d, struct bh_arena *a)
{
	const struct bh_diag *one = d->first;

	if (!one)
		return "it holds no tags";
	return one->line ? bh_arena_printf(a, "%s, in its line %u", one->text, one->line)
			 : one->text;
}

/* Beside the policy, else among those that are kept. */
static int read_tags(struct tag_file *f, struct bh_arena *a, struct bh_span *ret)
{
	BH_AUTO_BUF kept = { 0 };
	const char *slash = strrchr(f->path, '/');
	struct stat st;
	int err = bh_keeper_file(f->path, BH_MAX_TAGS_BYTES, a, ret);

	f->found = f->path;
	if (err == -ENOENT && !bh_keeper_tag_folder(false, &kept)) {
		bh_buf_printf(&kept, "/%s", slash ? slash + 1 : f->path);
		f->found = bh_arena_str(a, bh_buf_text(&kept));
		err = f->found ? bh_keeper_file(f->found, BH_MAX_TAGS_BYTES, a, ret) : -ENOMEM;
	}
	if (!err && !stat(f->found, &st))
		f->days = (time(NULL) - st.st_mtime) / 86400;
	return err;
}

static struct tag_file *open_tags(
	struct bh_keeper_tags *all, const struct bh_tag_asked *t, struct bh_arena *a)
{
	struct bh_diags diags = { .arena = a };
	struct tag_file *f = all->first;
	struct bh_span text;

	while (f && strcmp(f->path, t->path) != 0)
		f = f->next;
	if (f)
		return f;
	f = bh_arena_alloc(a, sizeof *f);
	if (!f)
		return NULL;
	*f = (struct tag_file){ .next = all->first, .path = t->path };
	int err = read_tags(f, a, &text);
	if (!err)
		err = bh_tags_parse(f->found, text, a, &diags, &f->tags);
	if (err == -ENOMEM)
		return NULL;
	if (!f->tags)
		f->why = err == -ENOENT ? "there is no such file here, and none is kept"
			 : err          ? strerror(-err)
					: first_mistake(&diags, a);
	all->first = f;
	return f;
}

static const char *nearest(const struct bh_tags *t, const char *word, struct bh_arena *a)
{
	const char **names = bh_arena_array(a, t->n, sizeof *names);

	for (size_t i = 0; names && i < t->n; i++)
		names[i] = t->v[i].name;
	return names ? bh_policy_nearest(names, t->n, word) : NULL;
}

static void add_ranges(const struct bh_addrset *s, bh_add_range add, void *to)
{
	for (unsigned family = BH_V4; family <= BH_V6; family += 2) {
		struct bh_ranges r = bh_addrset_of(s, (uint8_t)family);
		for (size_t i = 0; i < r.n; i++) {
			struct bh_addr lo = { .num = r.v[i].lo, .family = (uint8_t)family };
			struct bh_addr hi = { .num = r.v[i].hi, .family = (uint8_t)family };
			add(to, &lo, &hi);
		}
	}
}

/* Is that the file in whose place another stands?  One that is not there goes by its name. */
static bool replaced(const struct bh_keeper_tags *all, const struct tag_file *f)
{
	BH_AUTO_BUF name = { 0 }, other = { 0 };
	const char *slash = strrchr(f->path, '/');

	if (!all->instead)
		return false;
	bh_keeper_tag_name(all->instead, &name);
	if (f->tags)
		bh_keeper_tag_name(f->tags, &other);
	return !strcmp(bh_buf_text(&name), f->tags ? bh_buf_text(&other)
					   : slash ? slash + 1
						   : f->path);
}

static int note_asked(struct bh_keeper_tags *all, const char *name, struct bh_arena *a)
{
	struct asked *one = bh_arena_alloc(a, sizeof *one);

	if (!one)
		return -ENOMEM;
	*one = (struct asked){ .next = all->asked, .name = name };
	all->asked = one;
	return 0;
}

static int find_tag(
	void *ctx, struct bh_tag_asked *t, struct bh_arena *a, bh_add_range add, void *to)
{
	enum bh_tags_kind want = t->kind == BH_TAG_AZURE ? BH_TAGS_AZURE : BH_TAGS_OFFICE365;
	struct bh_keeper_tags *all = ctx;
	struct tag_file *f = open_tags(all, t, a);

	if (!f)
		return -ENOMEM;
	const struct bh_tags *tags = replaced(all, f) ? all->instead : f->tags;
	if (!tags || tags->kind != want) {
		t->why = !tags ? f->why
			 : want == BH_TAGS_AZURE
				 ? "it has the endpoints of Office 365, write office365"
				 : "it has Azure's service tags, write azure";
		return -EBADMSG;
	}
	if (tags == all->instead && note_asked(all, t->name, a))
		return -ENOMEM;
	const struct bh_tag *found = bh_tags_find(tags, t->name);
	if (!found) {
		t->near = nearest(tags, t->name, a);
		return -ENOENT;
	}
	add_ranges(&found->addrs, add, to);
	return 0;
}

int bh_keeper_tags_instead(const struct bh_tags *t, struct bh_arena *a, struct bh_names *ret)
{
	struct bh_keeper_tags *all = bh_arena_alloc(a, sizeof *all);

	if (!all)
		return -ENOMEM;
	all->instead = t;
	ret->tags_ctx = all;
	ret->tag = find_tag;
	return 0;
}

int bh_keeper_tags(struct bh_arena *a, struct bh_names *ret)
{
	return bh_keeper_tags_instead(NULL, a, ret);
}

bool bh_keeper_tags_asked(const struct bh_names *names, const char *name)
{
	const struct bh_keeper_tags *all = names->tag == find_tag ? names->tags_ctx : NULL;

	for (const struct asked *one = all ? all->asked : NULL; one; one = one->next) {
		if (!strcasecmp(one->name, name))
			return true;
	}
	return false;
}

void bh_keeper_tags_stale(const struct bh_names *names, struct bh_diags *diags)
{
	const struct bh_keeper_tags *all = names->tag == find_tag ? names->tags_ctx : NULL;

	for (const struct tag_file *f = all ? all->first : NULL; f; f = f->next) {
		if (!f->tags || f->days <= BH_TAGS_STALE_DAYS)
			continue;
		struct bh_diag *d = bh_diag_add(diags, BH_WARNING,
			"this file was taken %lld days ago; new ones come every week, and ranges "
			"pass to others: take the latest with 'bulkhead tags update'",
			(long long)f->days);
		d->file = f->found;
	}
}
