/*
 * Any bytes as a policy file: read, bound, judged, printed.  What is accepted must print
 * to a text that is accepted, means the same and prints the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every third name has no address, the others one that follows from their letters. */
static int resolve(
	void *ctx, const char *name, void (*add)(void *to, const struct bh_addr *a), void *to)
{
	uint32_t h = 0;

	(void)ctx;
	for (const char *s = name; *s; s++)
		h = h * 31 + (uint8_t)(*s | 0x20);
	if (h % 3 == 0)
		return -ENOENT;
	struct bh_addr a = bh_addr_v4(0x0a000000u | (h & 0xffffu));
	add(to, &a);
	return 0;
}

/* Files and tag files that follow from their names; deep enough to reach every limit. */
static int read_file(void *ctx, const char *path, struct bh_arena *a, struct bh_span *ret)
{
	static const char *const texts[] = { "hosts inner fs1, ws2\n",
		"include \"b\"\ninclude \"c\"\n",
		"roaming inner\nallow smb from inner to any if secure\n", "" };
	const char *text = texts[strlen(path) % BH_LEN(texts)];

	(void)ctx;
	(void)a;
	*ret = bh_span_of(text, strlen(text));
	return path[0] == '/' ? -ENOENT : 0;
}

static int find_tag(
	void *ctx, struct bh_tag_asked *t, struct bh_arena *a, bh_add_range add, void *to)
{
	struct bh_addr lo = bh_addr_v4(0x14000000u | (uint32_t)strlen(t->name) << 8), hi = lo;

	(void)ctx;
	(void)a;
	hi.num |= 0xff;
	if (t->name[0] == 'x')
		return -ENOENT;
	add(to, &lo, &hi);
	return 0;
}

static void must(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "policy: %s\n", what);
	abort();
}

static const struct bh_bound *bind(
	const struct bh_policy *p, struct bh_arena *a, struct bh_diags *d)
{
	const struct bh_names names = { .resolve = resolve,
		.domain = resolve,
		.tag = find_tag,
		.lenient = true,
		.today = 20834,
		.advise = true };
	const struct bh_bound *b = NULL;

	must(!bh_policy_bind(p, &names, a, d, &b), "bind fails");
	return b;
}

static void judge(const struct bh_bound *b, struct bh_arena *a)
{
	static const char *const me[] = { "fs1" }, *const groups[] = { "g", "laptops" };
	static const struct bh_association sa = { groups, 2, BH_LEVEL_INTEGRITY, BH_BY_KERBEROS };
	const struct bh_addr x = bh_addr_v4(0x0a000001u), y = bh_addr_v4(0xe0000001u);
	struct bh_view host, gateway;
	struct bh_decision d;

	must(!bh_policy_view_host(b, me, 1, &x, 1, a, &host), "no view of a host");
	must(!bh_policy_view_gateway(b, a, &gateway), "no view of a gateway");
	for (size_t s = 0; s < b->n_services; s++) {
		for (unsigned hook = 0; hook < BH_HOOKS; hook++) {
			struct bh_flow f = { .client = x,
				.server = hook ? y : x,
				.hook = (enum bh_hook)hook,
				.service = b->services[s].service,
				.oif = "wg0",
				.sport = b->services[s].service.port };
			bh_policy_decide(b, hook == BH_FWD ? &gateway : &host, &f, &d);
			must(d.verdict == BH_BLOCK || d.verdict == BH_SECURE || d.admit,
				"an allow that does not admit");
			must(!d.line == !d.file, "a line without file");
			bool clear = d.admit;
			f.secured = &sa;
			bh_policy_decide(b, hook == BH_FWD ? &gateway : &host, &f, &d);
			must(d.admit >= clear,
				"what is let through in clear is blocked as secured");
		}
	}
}

static void round_trip(const struct bh_policy *p, const struct bh_bound *b, struct bh_arena *a)
{
	BH_AUTO_BUF once = { 0 }, twice = { 0 }, changes = { 0 };
	struct bh_diags d = { .arena = a };
	const struct bh_policy *q;
	unsigned n = 0;

	bh_policy_print(p, &once);
	static const struct bh_files files = { .read = read_file };
	must(!bh_policy_read("p", bh_span_of(bh_buf_text(&once), once.len), &files, a, &d, &q),
		"parse fails");
	const struct bh_bound *c = bind(q, a, &d);
	must(!d.errors, "what was printed is refused");
	bh_policy_print(q, &twice);
	must(!strcmp(bh_buf_text(&once), bh_buf_text(&twice)), "printing is not stable");
	must(!strcmp(b->canonical, c->canonical), "printing changes the meaning");
	if (b->n_rules > 8)
		return;
	must(!bh_policy_diff(b, c, a, &changes, &n), "diff fails");
	must(!n, "diff sees a difference");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	struct bh_diags d = { .arena = &a };
	const struct bh_policy *p;

	static const struct bh_files files = { .read = read_file };
	must(!bh_policy_read("p", bh_span_of(data, size), &files, &a, &d, &p), "parse fails");
	const struct bh_bound *b = bind(p, &a, &d);
	for (const struct bh_diag *one = d.first; one; one = one->next)
		bh_diag_render(one, false, &text);
	judge(b, &a);
	if (!d.errors)
		round_trip(p, b, &a);
	return 0;
}
