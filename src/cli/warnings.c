#include "cli/warnings.h"

enum { SHOWN = 40, FIX_SHOWN = 240 };

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
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

json_t *bh_cli_warnings_json(const struct bh_warning *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct bh_warning *w = &v[i];
		char host[BH_ADDR_TEXT];
		json_t *o = json_object();
		json_object_set_new(o, "kind", json_string(bh_warning_names[w->kind]));
		json_object_set_new(
			o, "host", text(w->host.family ? bh_addr_format(&w->host, host) : NULL));
		json_object_set_new(o, "name", text(w->name));
		json_object_set_new(o, "peers", addrs_json(&w->peers));
		json_object_set_new(o, "line", w->line ? json_integer(w->line) : json_null());
		json_object_set_new(o, "file", text(w->file));
		json_object_set_new(o, "text", text(w->text));
		json_object_set_new(o, "evidence", text(w->evidence));
		json_object_set_new(o, "fix", text(w->fix));
		json_object_set_new(o, "advice", text(w->advice));
		json_array_append_new(list, o);
	}
	return list;
}

/* A sentence that lists hundreds of addresses is shown by its beginning. */
static void print_fix(const struct bh_cli *cli, const char *fix)
{
	while (*fix) {
		size_t len = strcspn(fix, "\n");
		bool cut = !cli->verbose && len > FIX_SHOWN;
		printf("      mend  %.*s%s\n", (int)(cut ? FIX_SHOWN : len), fix,
			cut ? " … (-v shows all of it)" : "");
		fix += len + (fix[len] == '\n');
	}
}

void bh_cli_warnings_print(const struct bh_cli *cli, const struct bh_warning *v, size_t n)
{
	if (!n)
		return;
	printf("\nwarnings: %zu\n", n);
	for (size_t i = 0; i < n; i++) {
		if (!cli->verbose && i == SHOWN) {
			printf("  … and %zu more (-v shows them all)\n", n - i);
			return;
		}
		printf("  %s: %s\n", bh_warning_names[v[i].kind], v[i].text);
		if (v[i].evidence)
			printf("      seen  %s\n", v[i].evidence);
		if (v[i].fix)
			print_fix(cli, v[i].fix);
		if (v[i].advice)
			printf("      %s  %s\n", v[i].fix ? "    " : "mend", v[i].advice);
	}
}
