#include "cli/smbconf.h"
#include "tap.h"

static struct bh_arena arena;
static struct bh_diags diags;

static int read_into(struct bh_smbconf *c, const char *text)
{
	bh_arena_reset(&arena);
	diags = (struct bh_diags){ .arena = &arena };
	c->arena = &arena;
	return bh_smbconf_read(c, "smb.conf", bh_span_of(text, strlen(text)), &diags);
}

static struct bh_smbconf conf(const char *text)
{
	struct bh_smbconf c = { 0 };

	EXPECT_INT(read_into(&c, text), 0);
	return c;
}

#define VFS ((const char *const[]){ "vfsobjects", "vfsobject", NULL })

static const char *vfs(const struct bh_smbconf *c, const char *share)
{
	const struct bh_smbconf_section *s = bh_smbconf_find(c, share);

	return s ? bh_smbconf_of(c, s, VFS) : "(no share)";
}

static const char *list(const char *value)
{
	struct bh_smbconf_list l;

	bh_smbconf_list(value, &arena, &l);
	return bh_smbconf_list_text(&l, &arena);
}

static void test_names_are_alike_in_any_case_and_spacing(void)
{
	struct bh_smbconf c =
		conf("[a]\n VFS  Objects=x\n[B]\nvfs object =y\n[c]\n\tvfsobjects\t= z  \n");

	EXPECT_STR(vfs(&c, "A"), "x");
	EXPECT_STR(vfs(&c, "b"), "y");
	EXPECT_STR(vfs(&c, "c"), "z");
	EXPECT_STR(vfs(&c, "d"), "(no share)");
}

static void test_a_line_goes_on_behind_a_backslash(void)
{
	struct bh_smbconf c =
		conf("[a]\nvfs objects = x \\\n  y\\\r\nz\n; vfs objects = w \\\n"
		     "vfs objects = v\n# nothing\n[q]\npath = /tmp \\\nvfs objects = r\n");

	EXPECT_STR(vfs(&c, "a"), "x   yz");
	EXPECT(vfs(&c, "q") == NULL);
}

static void test_a_backslash_at_the_very_end_is_none(void)
{
	struct bh_smbconf c = conf("[a]\nvfs objects = x\\");

	EXPECT_STR(vfs(&c, "a"), "x");
}

static void test_a_section_that_comes_again_goes_on(void)
{
	struct bh_smbconf c =
		conf("[a]\nvfs objects = x\n[b]\n[A]\npath = /tmp\nvfs objects = y\n");

	EXPECT_STR(vfs(&c, "a"), "y");
	EXPECT_INT(c.sections, 2);
	EXPECT_STR(c.first->name, "a");
}

static void test_global_holds_for_shares_that_begin_later(void)
{
	struct bh_smbconf c = conf("workgroup = X\n[early]\n[global]\nvfs objects = x\n[late]\n"
				   "[globals]\nvfs objects = y\n[last]\n[none]\nvfs objects =\n");

	EXPECT(vfs(&c, "early") == NULL);
	EXPECT_STR(vfs(&c, "late"), "x");
	EXPECT_STR(vfs(&c, "last"), "y");
	EXPECT_STR(vfs(&c, "none"), "");
	EXPECT_STR(c.global.first->name, "workgroup");
}

static void test_what_testparm_printed_differs_from_global_only_where_it_says(void)
{
	struct bh_smbconf c = conf("# Global parameters\n[global]\n\tworkgroup = X\n"
				   "\tvfs objects = x\n\n\n[a]\n\tpath = /tmp\n[b]\n\tcopy = c\n"
				   "[c]\n\tvfs objects = y\n");

	EXPECT(c.printed);
	EXPECT_STR(vfs(&c, "a"), "x");
	EXPECT_STR(vfs(&c, "b"), "x");
	EXPECT_STR(vfs(&c, "c"), "y");
}

static void test_a_share_copies_what_stands_before_it(void)
{
	struct bh_smbconf c = conf("[t]\nvfs objects = x\n[a]\ncopy = T\n[b]\ncopy = a\n"
				   "[c]\ncopy = t\nvfs objects = y\n[d]\ncopy = e\n[e]\ncopy = d\n"
				   "vfs objects = z\n[f]\ncopy = f\n");

	EXPECT_STR(vfs(&c, "a"), "x");
	EXPECT_STR(vfs(&c, "b"), "x");
	EXPECT_STR(vfs(&c, "c"), "y");
	EXPECT(vfs(&c, "d") == NULL);
	EXPECT(vfs(&c, "f") == NULL);
}

static void add_option(void *ctx, const struct bh_smbconf_line *l)
{
	bh_buf_printf(ctx, "%s=%s;", l->written, l->value);
}

static void test_options_of_modules_are_told_as_written_and_those_of_a_copy_first(void)
{
	struct bh_smbconf c =
		conf("[global]\nfruit:x = 0\n[t]\npath = /\nFruit : Meta Data =a b\nrecycle:r=1\n"
		     "[a]\nrecycle:r = 2\ncopy = t\n");
	BH_AUTO_BUF b = { 0 };

	bh_smbconf_options(&c, bh_smbconf_find(&c, "a"), add_option, &b);
	EXPECT_STR(bh_buf_text(&b), "Fruit : Meta Data=a b;recycle:r=1;recycle:r=2;");
}

static void test_lists_have_all_of_sambas_separators_and_quotes(void)
{
	EXPECT_STR(list("a,b;c \"d e\"\tf"), "a b c \"d e\" f");
	EXPECT_STR(list(NULL), "");
	EXPECT_STR(list(" , "), "");
	EXPECT_STR(list("\"unended x"), "\"unended x\"");
	EXPECT_STR(list("\"\" a"), "a");
	EXPECT_STR(list("a\\ b\\"), "\"a\\\" \"b\\\"");
}

static void test_a_list_that_is_too_long_is_said_to_be_cut(void)
{
	static char text[2 * BH_SMBCONF_ITEMS + 3];
	struct bh_smbconf_list l;

	for (size_t i = 0; i < BH_SMBCONF_ITEMS + 1; i++)
		memcpy(text + 2 * i, "a ", 2);
	bh_smbconf_list(text, &arena, &l);
	EXPECT(l.cut);
	text[2 * BH_SMBCONF_ITEMS] = '\0';
	bh_smbconf_list(text, &arena, &l);
	EXPECT(!l.cut);
	EXPECT_INT(l.n, BH_SMBCONF_ITEMS);
}

static void test_what_is_wrong_is_said_with_its_line(void)
{
	static const struct {
		const char *text;
		unsigned line;
	} v[] = {
		{ "[a]\npath = /tmp \\\n /x\n[b\n", 4 },
		{ "[a]\n\n[]\n", 3 },
		{ "[a]\npath = \x1b[2J\n", 2 },
		{ "[\x01]\n", 1 },
	};

	for (size_t i = 0; i < BH_LEN(v); i++) {
		struct bh_smbconf c = { 0 };
		EXPECT_INT(read_into(&c, v[i].text), -EBADMSG);
		EXPECT(diags.first && diags.first->line == v[i].line);
	}
	struct bh_smbconf c = { .arena = &arena };
	EXPECT_INT(bh_smbconf_read(&c, "x", bh_span_of("a\0b", 3), &diags), -EBADMSG);
}

static void test_lines_that_say_nothing_are_passed_over(void)
{
	struct bh_smbconf c = conf("\xef\xbb\xbf[a]\nnonsense\n= value\nvfs objects = x\n");

	EXPECT_STR(vfs(&c, "a"), "x");
}

/* "one" is read where it is named. */
static int include(void *ctx, const char *path)
{
	static const char one[] = "[b]\nvfs objects = y\n";
	struct bh_smbconf *c = ctx;

	return !strcmp(path, "one") ? bh_smbconf_read(c, path, bh_span_of(one, strlen(one)), &diags)
	       : !strcmp(path, "worse") ? -ECANCELED
					: 0;
}

static void test_an_include_is_read_in_its_place(void)
{
	struct bh_smbconf c = { .include = include };

	c.ctx = &c;
	EXPECT_INT(read_into(&c, "[a]\ninclude = one\nvfs objects = x\n[b]\ninclude = two\n"), 0);
	EXPECT(vfs(&c, "a") == NULL); /* what follows is b's, as if typed there */
	EXPECT_STR(vfs(&c, "b"), "x");
	c = (struct bh_smbconf){ .include = include };
	c.ctx = &c;
	EXPECT_INT(read_into(&c, "include = worse\n"), -ECANCELED);
}

static void test_no_truncation_is_fatal(void)
{
	static const char text[] = "# x\n[global]\nvfs objects = a \\\n b\n[s h]\ncopy = q\n[q]\n";

	for (size_t n = 0; n < strlen(text); n++) {
		struct bh_smbconf c = { .arena = &arena };
		int r = bh_smbconf_read(&c, "x", bh_span_of(text, n), &diags);
		EXPECT(r == 0 || r == -EBADMSG);
	}
}

static void test_limits_hold(void)
{
	struct bh_smbconf c = { .arena = &arena };
	BH_AUTO_BUF b = { 0 };

	for (unsigned i = 0; i <= BH_SMBCONF_SECTIONS; i++)
		bh_buf_printf(&b, "[%u]\n", i);
	EXPECT_INT(bh_smbconf_read(&c, "x", bh_span_of(b.ptr, b.len), &diags), -E2BIG);
	EXPECT_INT(
		bh_smbconf_read(&c, "x", bh_span_of(b.ptr, BH_SMBCONF_BYTES + 1), &diags), -E2BIG);
}

static void test_truths_are_sambas(void)
{
	EXPECT(bh_smbconf_bool("Yes", false) && bh_smbconf_bool("1", false));
	EXPECT(bh_smbconf_bool("on", false) && bh_smbconf_bool("TRUE", false));
	EXPECT(!bh_smbconf_bool("no", true) && !bh_smbconf_bool("", true));
	EXPECT(bh_smbconf_bool(NULL, true) && !bh_smbconf_bool(NULL, false));
}

int main(void)
{
	RUN(test_names_are_alike_in_any_case_and_spacing);
	RUN(test_a_line_goes_on_behind_a_backslash);
	RUN(test_a_backslash_at_the_very_end_is_none);
	RUN(test_a_section_that_comes_again_goes_on);
	RUN(test_global_holds_for_shares_that_begin_later);
	RUN(test_what_testparm_printed_differs_from_global_only_where_it_says);
	RUN(test_a_share_copies_what_stands_before_it);
	RUN(test_options_of_modules_are_told_as_written_and_those_of_a_copy_first);
	RUN(test_lists_have_all_of_sambas_separators_and_quotes);
	RUN(test_a_list_that_is_too_long_is_said_to_be_cut);
	RUN(test_what_is_wrong_is_said_with_its_line);
	RUN(test_lines_that_say_nothing_are_passed_over);
	RUN(test_an_include_is_read_in_its_place);
	RUN(test_no_truncation_is_fatal);
	RUN(test_limits_hold);
	RUN(test_truths_are_sambas);
	bh_arena_reset(&arena);
	return tap_done();
}
