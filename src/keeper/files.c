#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/files.h"
#include "json/tags.h"

/* ---- a whole file ---- */

/* Reads until the end or one byte more than the limit: what grows is not believed. */
static int read_all(int fd, size_t limit, struct bh_buf *ret)
{
	char chunk[65536];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0)
			return -errno;
		if (!n)
			return bh_buf_ok(ret) ? 0 : -ENOMEM;
		bh_buf_add(ret, chunk, (size_t)n);
		if (ret->len > limit)
			return -EFBIG;
	}
}

int bh_keeper_file(const char *path, size_t limit, struct bh_arena *a, struct bh_span *ret)
{
	BH_AUTO_BUF b = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	/* A pipe or a device could keep us waiting for ever. */
	int r = fstat(fd, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (!r && !S_ISREG(st.st_mode))
		r = -EINVAL;
	if (!r)
		r = read_all(fd, limit, &b);
	close(fd);
	if (r)
		return r;
	const char *text = bh_arena_strn(a, bh_buf_text(&b), b.len);
	if (!text)
		return -ENOMEM;
	*ret = bh_span_of(text, b.len);
	return 0;
}

static int read_included(void *ctx, const char *path, struct bh_arena *a, struct bh_span *ret)
{
	(void)ctx;
	return bh_keeper_file(path, BH_KEEPER_POLICY_BYTES, a, ret);
}

const struct bh_files bh_keeper_files = { .read = read_included };

/* ---- tag files ---- */

/* One file that was read, or could not be. */
struct tag_file {
	struct tag_file *next;
	const char *path;
	const struct bh_tags *tags; /* NULL: why not */
	const char *why;
};

struct bh_keeper_tags {
	struct tag_file *first;
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
	int err = bh_keeper_file(t->path, BH_MAX_TAGS_BYTES, a, &text);
	if (!err)
		err = bh_tags_parse(t->path, text, a, &diags, &f->tags);
	if (err == -ENOMEM)
		return NULL;
	if (!f->tags)
		f->why = err == -ENOENT ? "there is no such file"
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

static int find_tag(
	void *ctx, struct bh_tag_asked *t, struct bh_arena *a, bh_add_range add, void *to)
{
	enum bh_tags_kind want = t->kind == BH_TAG_AZURE ? BH_TAGS_AZURE : BH_TAGS_OFFICE365;
	struct tag_file *f = open_tags(ctx, t, a);

	if (!f)
		return -ENOMEM;
	if (!f->tags || f->tags->kind != want) {
		t->why = !f->tags ? f->why
			 : want == BH_TAGS_AZURE
				 ? "it has the endpoints of Office 365, write office365"
				 : "it has Azure's service tags, write azure";
		return -EBADMSG;
	}
	const struct bh_tag *found = bh_tags_find(f->tags, t->name);
	if (!found) {
		t->near = nearest(f->tags, t->name, a);
		return -ENOENT;
	}
	add_ranges(&found->addrs, add, to);
	return 0;
}

int bh_keeper_tags(struct bh_arena *a, struct bh_names *ret)
{
	struct bh_keeper_tags *all = bh_arena_alloc(a, sizeof *all);

	if (!all)
		return -ENOMEM;
	ret->tags_ctx = all;
	ret->tag = find_tag;
	return 0;
}
