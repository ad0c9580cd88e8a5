/* Opening: whose file it is, which version, and who may write. */
#include "store/open.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define UPGRADE_WAIT_MS 5000
#define READ_WAIT_MS    5000

int store_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK: return 0;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY: return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	default: return -EIO;
	}
}

int store_exec(struct bh_store *s, const char *sql)
{
	return store_errno(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

int store_prepare(struct bh_store *s, const char *sql, sqlite3_stmt **ret)
{
	return store_errno(sqlite3_prepare_v2(s->db, sql, -1, ret, NULL));
}

static int pragma(struct bh_store *s, const char *sql, int64_t *ret)
{
	STORE_AUTO_STMT *st = NULL;
	int r = store_prepare(s, sql, &st);

	if (r)
		return r;
	int code = sqlite3_step(st);
	if (code != SQLITE_ROW)
		return store_errno(code == SQLITE_DONE ? SQLITE_ERROR : code);
	*ret = sqlite3_column_int64(st, 0);
	return 0;
}

/* Every folder on the way; those that exist stay as they are. */
static int make_folders(const char *path)
{
	char *copy = strdup(path);
	int r = copy ? 0 : -ENOMEM;

	for (char *at = copy; !r && (at = strchr(at + 1, '/'));) {
		*at = '\0';
		if (mkdir(copy, 0750) && errno != EEXIST)
			r = -errno;
		*at = '/';
	}
	free(copy);
	return r;
}

/* SQLite gives its side files the mode of the database: so we make that first. */
static int make_file(const char *path, bool create)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && create) {
		int r = make_folders(path);
		if (r)
			return r;
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	}
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int open_lock(struct bh_store *s, const char *path)
{
	char *name;

	if (asprintf(&name, "%s.lock", path) < 0)
		return -ENOMEM;
	s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	int r = s->lock < 0 ? -errno : 0;
	free(name);
	return r;
}

/* A database that we cannot write beside (a read-only disk) can still be read when
 * nothing is left to be recovered from its log. */
static int open_still(struct bh_store *s, const char *path)
{
	struct stat st;
	char *text;

	if (asprintf(&text, "%s-wal", path) < 0)
		return -ENOMEM;
	bool log = stat(text, &st) == 0 && st.st_size > 0;
	free(text);
	if (log)
		return -EACCES;
	char *quoted = sqlite3_mprintf("file:%s?immutable=1", path);
	if (!quoted)
		return -ENOMEM;
	sqlite3_close(s->db);
	s->db = NULL;
	int code = strpbrk(path, "?#%") ? SQLITE_CANTOPEN
					: sqlite3_open_v2(quoted, &s->db,
						  SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	sqlite3_free(quoted);
	return store_errno(code);
}

static int identify(struct bh_store *s, int64_t *application, int64_t *version)
{
	int r = pragma(s, "PRAGMA application_id", application);

	return r ? r : pragma(s, "PRAGMA user_version", version);
}

static int upgrade(struct bh_store *s, int64_t version)
{
	char pragmas[128];
	int r = bh_store_begin(s, UPGRADE_WAIT_MS);

	if (r)
		return r;
	r = pragma(s, "PRAGMA user_version", &version); /* somebody may have been quicker */
	for (int64_t i = version; !r && i < SCHEMA_VERSION; i++)
		r = store_exec(s, schema_steps[i]);
	snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d",
		SCHEMA_APPLICATION, SCHEMA_VERSION);
	if (!r)
		r = store_exec(s, pragmas);
	if (!r)
		r = bh_store_commit(s);
	if (r)
		bh_store_abandon(s);
	return r;
}

static int refuse(int r, const char *sentence, const char **why)
{
	*why = sentence;
	return r;
}

static int check_version(struct bh_store *s, const char **why)
{
	int64_t application = 0, version = 0, tables = 0;
	int r = identify(s, &application, &version);

	if (!r)
		r = pragma(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r)
		return refuse(r == -EIO ? -EPROTO : r, "it is no database, or it is damaged", why);
	if (application != SCHEMA_APPLICATION && (application || version || tables))
		return refuse(-EPROTO, "it is a database of another program", why);
	if (version > SCHEMA_VERSION)
		return refuse(-EPROTO,
			"a newer version of bulkhead wrote it; use that version to read it", why);
	if (version == SCHEMA_VERSION)
		return 0;
	if (!s->write)
		return version ? refuse(-EPROTO,
					 "an older version of bulkhead wrote it, and only a command "
					 "that writes (read, watch) upgrades it",
					 why)
			       : refuse(-ENOENT, "it is empty", why);
	r = upgrade(s, version);
	return r ? refuse(r, "its tables cannot be made", why) : 0;
}

static int open_write(struct bh_store *s, const char *path, bool create, const char **why)
{
	int r = make_file(path, create);

	if (!r)
		r = open_lock(s, path);
	if (r)
		return refuse(r, strerrordesc_np(-r), why);
	r = store_errno(sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL));
	if (r)
		return refuse(r, "it cannot be opened", why);
	sqlite3_busy_timeout(s->db, READ_WAIT_MS);
	r = check_version(s, why);
	if (r)
		return r;
	/* NORMAL under WAL: a power cut may lose the last batches, never break one. */
	r = store_exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
			  "PRAGMA foreign_keys=ON");
	return r ? refuse(r, "it cannot be written", why) : 0;
}

static int open_read(struct bh_store *s, const char *path, const char **why)
{
	int64_t n;

	if (access(path, R_OK))
		return refuse(-errno, strerrordesc_np(errno), why);
	int r = store_errno(sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READONLY, NULL));
	if (!r) {
		sqlite3_busy_timeout(s->db, READ_WAIT_MS);
		int code = sqlite3_exec(s->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
		if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)
			r = open_still(s, path);
	}
	if (!r && pragma(s, "PRAGMA user_version", &n) == -EBUSY)
		r = -EBUSY;
	return r ? refuse(r, "it cannot be opened", why) : check_version(s, why);
}

int bh_store_open(
	const char *path, bool write, bool create, struct bh_store **ret, const char **why)
{
	if (!strncmp(path, "postgresql://", 13) || !strncmp(path, "postgres://", 11))
		return refuse(-ENOSYS, "PostgreSQL is not built yet; name a file", why);
	BH_AUTO(bh_store) s = calloc(1, sizeof *s);
	if (!s)
		return refuse(-ENOMEM, "out of memory", why);
	s->lock = -1;
	s->write = write;
	int r = write ? open_write(s, path, create, why) : open_read(s, path, why);
	if (r)
		return r;

	*ret = s;
	s = NULL;
	return 0;
}

struct bh_store *bh_store_free(struct bh_store *s)
{
	if (!s)
		return NULL;
	bh_store_abandon(s);
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
	return NULL;
}

/* ---- one writer at a time ---- */

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

int bh_store_begin(struct bh_store *s, unsigned wait_ms)
{
	assert(s->write && !s->in_batch);
	int r = take_lock(s->lock, wait_ms);
	if (r)
		return r;
	r = store_exec(s, "BEGIN IMMEDIATE");
	if (r)
		flock(s->lock, LOCK_UN);
	else
		s->in_batch = true;
	return r;
}

int bh_store_commit(struct bh_store *s)
{
	assert(s->in_batch);
	int r = store_exec(s, "COMMIT");
	if (r)
		return r;
	s->in_batch = false;
	flock(s->lock, LOCK_UN);
	return 0;
}

void bh_store_abandon(struct bh_store *s)
{
	if (!s->in_batch)
		return;
	/* Fails only when SQLite has rolled back by itself. */
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_batch = false;
	flock(s->lock, LOCK_UN);
}
