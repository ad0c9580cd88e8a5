/* A disk without room: RLIMIT_FSIZE lets no file grow beyond a size. */
#include <signal.h>
#include <sys/resource.h>

#include "store_helper.h"

enum { MANY = 4000 };

static void limit(rlim_t bytes)
{
	struct rlimit l;

	EXPECT(getrlimit(RLIMIT_FSIZE, &l) == 0);
	l.rlim_cur = bytes;
	EXPECT(setrlimit(RLIMIT_FSIZE, &l) == 0);
}

/* The first failure of a large batch, or 0. */
static int put_many(struct bh_store *s, uint64_t figures, const char *users)
{
	uint32_t id = 0;
	int r = bh_store_begin(s, 0);

	if (r)
		return r;
	r = bh_store_source(s, "live:1", "", false, &id);
	for (uint32_t i = 0; !r && i < MANY; i++) {
		char user[64];
		snprintf(user, sizeof user, "%s-%05u", users, i);
		struct bh_row in = row(i, user, figures);
		r = bh_store_put(s, id, &in, 1);
	}
	if (!r)
		r = bh_store_tally(s, id, &(struct bh_tally){ .packets = figures });
	if (!r)
		r = bh_store_commit(s);
	if (r)
		bh_store_abandon(s);
	return r;
}

static void expect_whole(uint64_t figures)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *out;
	size_t n = rows_of(&a, NULL, &out);

	EXPECT_INT(n, MANY);
	for (size_t i = 0; i < n; i++)
		EXPECT_INT(out[i].figures.connections, figures);
	EXPECT_INT(asked("SELECT packets FROM source"), figures);
	EXPECT_INT(asked("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

static void test_a_full_disk_is_said_and_the_database_stays_whole(void)
{
	struct stat st;
	unsigned failed = 0;

	with_folder();
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(put_many(s, 1, "user"), 0);
	EXPECT(stat(path, &st) == 0);
	/* Every hundred kilobytes of the way to where it fits. */
	int r = -ENOSPC;
	for (rlim_t room = (rlim_t)64 << 10; r && failed < 100; room += (rlim_t)100 << 10) {
		limit(room);
		r = put_many(s, 2, "somebody-else-with-a-longer-name");
		limit(RLIM_INFINITY);
		EXPECT(r == 0 || r == -ENOSPC);
		if (!r)
			break;
		failed++;
		expect_whole(1);
	}
	EXPECT(failed > 2);
	EXPECT_INT(r, 0);
	clean_up();
}

static void test_writing_goes_on_when_there_is_room_again(void)
{
	with_folder();
	BH_AUTO(bh_store) s = open_store(true);
	EXPECT_INT(put_many(s, 1, "user"), 0);
	limit((rlim_t)64 << 10);
	EXPECT_INT(put_many(s, 2, "user"), -ENOSPC);
	EXPECT_INT(put_many(s, 3, "user"), -ENOSPC);
	limit(RLIM_INFINITY);
	EXPECT_INT(put_many(s, 4, "user"), 0);
	expect_whole(4);
	clean_up();
}

static void test_no_database_is_made_where_there_is_no_room(void)
{
	struct bh_store *s = NULL;
	const char *why = "";

	with_folder();
	for (rlim_t room = 0; room < (rlim_t)64 << 10; room += 4096) {
		limit(room);
		int r = bh_store_open(path, true, true, &s, &why);
		limit(RLIM_INFINITY);
		EXPECT(r == 0 || r == -ENOSPC);
		s = bh_store_free(s);
	}
	EXPECT_INT(bh_store_open(path, true, true, &s, &why), 0);
	EXPECT_INT(put_many(s, 1, "user"), 0);
	bh_store_free(s);
	expect_whole(1);
	clean_up();
}

int main(void)
{
	signal(SIGXFSZ, SIG_IGN);
	RUN(test_a_full_disk_is_said_and_the_database_stays_whole);
	RUN(test_writing_goes_on_when_there_is_room_again);
	RUN(test_no_database_is_made_where_there_is_no_room);
	return tap_done();
}
