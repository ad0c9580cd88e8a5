#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"
#include "tap.h"

enum { ROWS = 40, KILLS = 25 };

static char folder[64], path[128];

static struct bh_row row(uint32_t i, uint64_t batch)
{
	struct bh_row r = { 0 };

	bh_talk_init(&r.who);
	r.who.client = bh_addr_v4(i);
	r.who.server = bh_addr_v4(0x0a000001);
	r.who.port = 445;
	r.figures.connections = r.figures.opens = batch;
	r.figures.first_seen = r.figures.last_seen = (bh_time)batch;
	return r;
}

/* Batch after batch, each replacing the whole, until somebody kills us. */
static void write_for_ever(int started)
{
	const char *why;
	struct bh_store *s;

	if (bh_store_open(path, true, true, &s, &why))
		_exit(1);
	for (uint64_t batch = 1;; batch++) {
		uint32_t id;
		if (bh_store_begin(s, 5000) ||
			bh_store_source(s, "live:x", "x", batch % 3 == 0, &id))
			_exit(2);
		for (uint32_t i = 0; i < ROWS; i++) {
			struct bh_row r = row(i, batch);
			if (bh_store_put(s, id, &r, 1))
				_exit(3);
		}
		if (bh_store_commit(s))
			_exit(4);
		if (batch == 1 && write(started, "x", 1) != 1)
			_exit(5);
	}
}

static void kill_one_writer(unsigned round)
{
	int p[2], status = 0;
	char c;

	EXPECT(pipe(p) == 0);
	pid_t pid = fork();
	if (pid == 0)
		write_for_ever(p[1]);
	EXPECT(pid > 0 && read(p[0], &c, 1) == 1);
	const struct timespec pause = { .tv_nsec = (long)(round * 7919 % 40) * 250000 };
	nanosleep(&pause, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	EXPECT(WIFSIGNALED(status));
	close(p[0]);
	close(p[1]);
}

static void look(void)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO(bh_store) s = NULL;
	const struct bh_row *rows;
	const char *why = "";
	size_t n = 0;
	sqlite3 *db;
	sqlite3_stmt *st;

	EXPECT_INT(bh_store_open(path, false, false, &s, &why), 0);
	EXPECT_INT(bh_store_rows(s, NULL, &a, &rows, &n), 0);
	EXPECT_INT(n, ROWS);
	for (size_t i = 1; i < n; i++)
		EXPECT_INT(rows[i].figures.connections, rows[0].figures.connections);

	EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
	EXPECT(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK);
	EXPECT(sqlite3_step(st) == SQLITE_ROW);
	EXPECT_STR((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static void test_a_killed_writer_leaves_whole_batches(void)
{
	strcpy(folder, "/tmp/bulkhead-crash-XXXXXX");
	EXPECT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/b.db", folder);
	for (unsigned i = 0; i < KILLS && !tap_bad; i++) {
		kill_one_writer(i);
		look();
	}
	static const char *const suffix[] = { "", "-wal", "-shm", ".lock" };
	for (size_t i = 0; i < BH_LEN(suffix); i++) {
		char name[160];
		snprintf(name, sizeof name, "%s%s", path, suffix[i]);
		unlink(name);
	}
	rmdir(folder);
}

int main(void)
{
	RUN(test_a_killed_writer_leaves_whole_batches);
	return tap_done();
}
