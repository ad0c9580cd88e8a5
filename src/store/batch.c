/* One writer at a time, and all or nothing of what it writes. */
#include "store/open.h"

#include <sys/file.h>
#include <time.h>

static int take_lock(int fd, unsigned wait_ms)
{
	const struct timespec step = { .tv_nsec = 20 * 1000 * 1000 };

	for (unsigned waited = 0;; waited += 20) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited >= wait_ms)
			return -EBUSY;
		nanosleep(&step, NULL);
	}
}

/* Somebody else may have written since our last batch: then ids may be others. */
static int look_again(struct bh_store *s)
{
	sqlite3_stmt *st;
	int r = store_wanted(s, ST_CHANGED, &st);

	if (r)
		return r;
	int code = sqlite3_step(st);
	int64_t changed = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	if (code != SQLITE_ROW)
		return store_errno(s->db, code);
	if (changed == s->changed)
		return 0;
	s->changed = changed;
	parts_forget(s);
	return hidden_kept(s, &s->pseudonyms);
}

/* What is written to a file that nobody finds any more is lost, and its log would be found
 * by the next one of that name. */
static bool has_moved(struct bh_store *s)
{
	int moved = 0;

	return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	       moved;
}

int batch_begin(struct bh_store *s, unsigned wait_ms)
{
	assert(s->write && !s->in_batch && !s->held);
	int r = take_lock(s->lock, wait_ms);
	if (r)
		return r;
	r = has_moved(s) ? -ESTALE : store_exec(s, "BEGIN IMMEDIATE");
	if (r)
		flock(s->lock, LOCK_UN);
	else
		s->in_batch = true;
	return r;
}

int bh_store_begin(struct bh_store *s, unsigned wait_ms)
{
	int r = batch_begin(s, wait_ms);

	if (r)
		return r;
	r = look_again(s);
	if (!r && s->pseudonyms && !s->hide)
		r = -ENOKEY;
	if (r)
		bh_store_abandon(s);
	return r;
}

int bh_store_commit(struct bh_store *s)
{
	assert(s->in_batch);
	int r = put_flush(s);
	if (!r)
		r = put_sweep(s);
	if (!r)
		r = store_exec(s, "COMMIT");
	if (r)
		return r;
	s->in_batch = false;
	/* What was forgotten still stands in the log; where a reader holds it back, the next
	 * checkpoint does it. */
	if (s->scrub)
		sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	s->scrub = false;
	flock(s->lock, LOCK_UN);
	return 0;
}

void bh_store_abandon(struct bh_store *s)
{
	if (!s->in_batch)
		return;
	/* Fails only when SQLite has rolled back by itself. */
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	/* Ids that were made in this batch are no more. */
	parts_forget(s);
	put_forget(s);
	s->in_batch = s->scrub = false;
	flock(s->lock, LOCK_UN);
}
