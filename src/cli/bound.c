#include "cli/bound.h"

#include <stdlib.h>

int bh_cli_text(const struct bh_cli *cli, const char *path, struct bh_arena *a, struct bh_span *ret)
{
	char *text = NULL;
	size_t len = 0;
	int r = bh_cli_read_file(cli, path, BH_CLI_POLICY_BYTES, &text, &len);

	if (r)
		return r;
	char *copy = bh_arena_strn(a, text ? text : "", len);
	free(text);
	if (!copy)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	*ret = bh_span_of(copy, len);
	return 0;
}

int bh_cli_bind(const struct bh_cli *cli, const char *path, struct bh_span text,
	const char *names_path, struct bh_arena *a, struct bh_cli_bound *ret)
{
	return bh_cli_bind_as(cli, path, text, names_path, (struct bh_cli_how){ 0 }, a, ret);
}

int bh_cli_bind_as(const struct bh_cli *cli, const char *path, struct bh_span text,
	const char *names_path, struct bh_cli_how how, struct bh_arena *a, struct bh_cli_bound *ret)
{
	struct bh_cli_bound b = { .path = path, .text = text, .diags = { .arena = a } };
	struct bh_span hosts;
	int r = text.ptr ? 0 : bh_cli_text(cli, path, a, &b.text);

	if (!r && names_path)
		r = bh_cli_text(cli, names_path, a, &hosts);
	if (r)
		return r;
	if (names_path)
		r = bh_keeper_names_file((const char *)hosts.ptr, a, &b.names);
	else
		bh_keeper_names_system(&b.names);
	if (how.day)
		b.names.today = *how.day;
	b.names.advise = how.advise;
	if (!r)
		r = bh_keeper_bind(path, b.text, &b.names, a, &b.diags, &b.ready);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot bind %s: %s", path, strerror(-r));
	*ret = b;
	return 0;
}
