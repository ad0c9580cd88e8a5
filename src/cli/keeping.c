#include "cli/keeping.h"

#include <stdlib.h>

#include "cli/db.h"
#include "cli/said.h"

#define MOST_DAYS   36500u
#define WRITER_WAIT 10000 /* ms */

int bh_cli_retain_days(const struct bh_cli *cli, uint32_t *ret)
{
	char *end;
	unsigned long n = strtoul(cli->value, &end, 10);

	if (cli->value[0] < '0' || cli->value[0] > '9' || *end || n < 1 || n > MOST_DAYS)
		return bh_cli_usage(cli, "--retain is a number of days from 1 to %u, not '%s'",
			MOST_DAYS, cli->value);
	*ret = (uint32_t)n;
	return 0;
}

int bh_cli_forget(struct bh_store *s, uint32_t days, unsigned wait_ms, uint64_t *ret)
{
	bh_time before = bh_said_now() - (bh_time)days * 86400 * BH_SECOND;
	int r = bh_store_begin(s, wait_ms);

	if (r)
		return r;
	r = bh_store_retain(s, before, ret);
	if (!r)
		r = bh_store_commit(s);
	if (r)
		bh_store_abandon(s);
	return r;
}

int bh_cli_retain(const struct bh_cli *cli, struct bh_store *s, uint32_t days, uint64_t *ret)
{
	BH_AUTO_BUF b = { 0 };
	int r = bh_cli_forget(s, days, WRITER_WAIT, ret);

	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM,
			"the database cannot be written: %s; what is older than %u days is not "
			"forgotten",
			bh_cli_db_reason(r), days);
	if (!*ret || cli->quiet || cli->json)
		return 0;
	bh_said_count(*ret, "conversation", "conversations", &b);
	printf("%s last seen more than %u day%s ago forgotten\n", bh_buf_text(&b), days,
		days == 1 ? "" : "s");
	return 0;
}
