#include "json/tags.h"

#include <stdlib.h>
#include <strings.h>

#include "json/reader.h"

/*
 * A tag in the making is a name and the prefixes that one entry of the file adds to it:
 * Azure has one entry for each name, Office 365 several.  Both sort the same way in the
 * end.
 */

const char *const bh_tags_kind_names[BH_TAGS_KINDS] = {
	[BH_TAGS_AZURE] = "azure",
	[BH_TAGS_OFFICE365] = "office365",
};

enum { V4, V6, TCP, UDP, LISTS };

struct piece {
	const char *name;
	struct list of[LISTS];
	uint64_t change;
	size_t entry; /* of the file */
};

struct file {
	struct reader r;
	struct piece *pieces;
	size_t n;
	struct bh_tags out;
};

/* ---- entries -------------------------------------------------------------------------- */

static void azure_entry(struct file *f, const json_t *value)
{
	struct piece p = { .name = reader_name(&f->r, value, "name"), .entry = f->n };
	const json_t *properties = json_object_get(value, "properties");

	reader_down(&f->r, "properties", 0);
	if (!json_is_object(properties)) {
		reader_complain(&f->r, "here an object \"properties\" is expected");
	} else {
		p.change = reader_number(&f->r, properties, "changeNumber");
		reader_down(&f->r, "addressPrefixes", 0);
		reader_prefixes(&f->r, json_object_get(properties, "addressPrefixes"), &p.of[V4],
			&p.of[V6]);
		reader_up(&f->r);
	}
	reader_up(&f->r);
	f->pieces[f->n++] = p;
}

static int azure(struct file *f, const json_t *top)
{
	const json_t *values = json_object_get(top, "values");
	size_t n = json_array_size(values);

	f->out.kind = BH_TAGS_AZURE;
	f->out.change = reader_number(&f->r, top, "changeNumber");
	f->out.cloud = reader_name(&f->r, top, "cloud");
	reader_down(&f->r, "values", 0);
	if (!json_is_array(values))
		reader_complain(&f->r,
			"here an array \"values\" of tags is expected: is this a file of Azure "
			"service tags?");
	f->pieces = bh_arena_array(f->r.a, n + 1, sizeof *f->pieces);
	for (size_t i = 0; f->pieces && i < n; i++) {
		reader_down(&f->r, NULL, i);
		azure_entry(f, json_array_get(values, i));
		reader_up(&f->r);
	}
	reader_up(&f->r);
	return f->pieces ? 0 : -ENOMEM;
}

static void office_entry(struct file *f, const json_t *value, size_t i)
{
	struct piece p = { .name = reader_name(&f->r, value, "serviceArea"), .entry = i };
	const json_t *ips = json_object_get(value, "ips");

	(void)reader_number(&f->r, value, "id");
	if (ips) {
		reader_down(&f->r, "ips", 0);
		reader_prefixes(&f->r, ips, &p.of[V4], &p.of[V6]);
		reader_up(&f->r);
	}
	p.of[TCP] = reader_ports(&f->r, value, "tcpPorts");
	p.of[UDP] = reader_ports(&f->r, value, "udpPorts");
	f->pieces[f->n++] = p;
	const char *category =
		json_object_get(value, "category") ? reader_name(&f->r, value, "category") : NULL;
	if (!category || !p.name)
		return;
	p.name = bh_arena_printf(f->r.a, "%s.%s", p.name, category);
	f->pieces[f->n++] = p;
}

static int office(struct file *f, const json_t *top)
{
	size_t n = json_array_size(top);

	f->out.kind = BH_TAGS_OFFICE365;
	f->pieces = bh_arena_array(f->r.a, 2 * n + 1, sizeof *f->pieces);
	for (size_t i = 0; f->pieces && i < n; i++) {
		reader_down(&f->r, NULL, i);
		office_entry(f, json_array_get(top, i), i);
		reader_up(&f->r);
	}
	return f->pieces ? 0 : -ENOMEM;
}

/* ---- pieces become tags --------------------------------------------------------------- */

static int by_name(const void *x, const void *y)
{
	const struct piece *a = x, *b = y;
	int c = strcasecmp(a->name, b->name);

	if (!c && a->entry != b->entry)
		c = a->entry < b->entry ? -1 : 1;
	return c;
}

/* One list of p[0..n), joined. */
static struct bh_ranges joined(struct file *f, const struct piece *p, size_t n, unsigned list)
{
	size_t all = 0, m = 0;

	for (size_t i = 0; i < n; i++)
		all += p[i].of[list].n;
	struct bh_range *v = bh_arena_array(f->r.a, all + 1, sizeof *v);
	for (size_t i = 0; v && i < n; i++) {
		for (size_t k = 0; k < p[i].of[list].n; k++)
			v[m++] = p[i].of[list].v[k];
	}
	return bh_ranges_from(f->r.a, v, v ? m : 0);
}

static void join(struct file *f, const struct piece *p, size_t n, struct bh_tag *ret)
{
	*ret = (struct bh_tag){ .name = p->name,
		.change = p->change,
		.addrs = { joined(f, p, n, V4), joined(f, p, n, V6) },
		.tcp = joined(f, p, n, TCP),
		.udp = joined(f, p, n, UDP) };
	if (n == 1 || f->out.kind == BH_TAGS_OFFICE365)
		return;
	f->r.depth = 0;
	reader_down(&f->r, "values", 0);
	reader_down(&f->r, NULL, p[1].entry);
	reader_down(&f->r, "name", 0);
	reader_complain(
		&f->r, "a second tag \"%s\": names differ only in case, or not at all", p[1].name);
	f->r.depth = 0;
}

static int finish(struct file *f)
{
	struct bh_tag *v = bh_arena_array(f->r.a, f->n + 1, sizeof *v);

	if (!v || !bh_arena_ok(f->r.a))
		return -ENOMEM;
	if (f->n)
		qsort(f->pieces, f->n, sizeof *f->pieces, by_name);
	for (size_t i = 0, end; i < f->n; i = end) {
		for (end = i + 1;
			end < f->n && !strcasecmp(f->pieces[i].name, f->pieces[end].name);)
			end++;
		join(f, f->pieces + i, end - i, &v[f->out.n++]);
	}
	f->out.v = v;
	return bh_arena_ok(f->r.a) ? 0 : -ENOMEM;
}

/* ---- the text -------------------------------------------------------------------------- */

static void complain_at(struct reader *r, size_t at, const char *text)
{
	struct bh_diag *d = bh_diag_add(r->diags, BH_ERROR, "%s", text);

	d->file = r->file;
	d->line = d->length = 1;
	for (size_t i = 0; i < at; i++)
		d->line += r->text.ptr[i] == '\n';
	place_source(r->text, at, r->a, d);
}

/* What a parser would make of the text, counted before it makes anything. */
static bool bounded(struct reader *r)
{
	size_t hold = 0, values = 0;
	bool quoted = false;

	if (r->text.len > BH_MAX_TAGS_BYTES) {
		complain_at(r, 0, "the file is larger than 32 MiB: no file of tags is");
		return false;
	}
	for (size_t i = 0; i < r->text.len; i++) {
		uint8_t c = r->text.ptr[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			hold++;
		else if (!quoted && c == ',')
			values++;
		if (hold > BH_MAX_TAGS_HOLD || values > BH_MAX_TAGS_VALUES) {
			complain_at(r, i, "more values than any file of tags has");
			return false;
		}
	}
	return true;
}

static json_t *parse(struct reader *r)
{
	json_error_t e = { 0 };
	json_t *top =
		json_loadb((const char *)r->text.ptr, r->text.len, JSON_REJECT_DUPLICATES, &e);

	if (top)
		return top;
	/* What it says after "near" is the file's own text. */
	char *near = strstr(e.text, " near '");
	if (near)
		*near = '\0';
	size_t at = e.position > 0 ? (size_t)e.position - 1 : 0;
	complain_at(r, bh_min_size(at, r->text.len),
		bh_arena_printf(r->a, "this is not JSON: %s", e.text));
	return NULL;
}

static int understand(struct file *f, const json_t *top, const struct bh_tags **ret)
{
	struct reader *r = &f->r;
	unsigned before = r->diags->errors;
	int err = json_is_array(top) ? office(f, top) : azure(f, top);

	if (!err && r->diags->errors == before)
		err = finish(f);
	if (r->more) {
		struct bh_diag *d = bh_diag_add(r->diags, BH_NOTE, "%u more errors", r->more);
		d->file = r->file;
	}
	if (err || !bh_arena_ok(r->a))
		return -ENOMEM;
	if (r->diags->errors != before)
		return 0;
	struct bh_tags *t = bh_arena_copy(r->a, &f->out, sizeof f->out);
	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

int bh_tags_parse(const char *file, struct bh_span text, struct bh_arena *a, struct bh_diags *diags,
	const struct bh_tags **ret)
{
	static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };
	struct file f = { .r = { .file = file, .text = text, .a = a, .diags = diags } };

	if (text.len >= sizeof bom && !memcmp(text.ptr, bom, sizeof bom))
		f.r.text = bh_span_of(text.ptr + sizeof bom, text.len - sizeof bom);
	if (!bounded(&f.r))
		return bh_arena_ok(a) ? 0 : -ENOMEM;
	json_t *top = parse(&f.r);
	int err = top ? understand(&f, top, ret) : 0;
	json_decref(top);
	return err ? err : bh_arena_ok(a) ? 0 : -ENOMEM;
}

const struct bh_tag *bh_tags_find(const struct bh_tags *t, const char *name)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcasecmp(t->v[mid].name, name);
		if (!c)
			return &t->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
