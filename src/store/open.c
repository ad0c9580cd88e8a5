/* Opening: whose file it is, which version, and who may write. */
#include "store/open.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define UPGRADE_WAIT_MS 5000
#define READ_WAIT_MS    5000

/* SQLite calls a write that found no room an input/output error, unless it was ENOSPC in a
 * file of its own; errno is then what is left of the reason. */
static bool no_room(sqlite3 *db)
{
	int code = db ? sqlite3_extended_errcode(db) : 0;

	if (code == SQLITE_IOERR_SHMSIZE)
		return true;
	return code == SQLITE_IOERR_WRITE && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
}

int store_errno(sqlite3 *db, int code)
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
	case SQLITE_IOERR: return no_room(db) ? -ENOSPC : -EIO;
	default: return -EIO;
	}
}

int store_exec(struct bh_store *s, const char *sql)
{
	return store_errno(s->db, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

int store_prepare(struct bh_store *s, const char *sql, sqlite3_stmt **ret)
{
	return store_errno(s->db, sqlite3_prepare_v2(s->db, sql, -1, ret, NULL));
}

int store_number(struct bh_store *s, const char *sql, int64_t *ret)
{
	STORE_AUTO_STMT *st = NULL;
	int r = store_prepare(s, sql, &st);

	if (r)
		return r;
	int code = sqlite3_step(st);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -ENOENT : store_errno(s->db, code);
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

/* A handle is used by one thread.  What a file's own schema says is run with no more
 * trust than the file has. */
static int open_file(struct bh_store *s, const char *name, int flags)
{
	int code = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (code != SQLITE_OK)
		return store_errno(s->db, code);
	return store_exec(s, "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON");
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
	int r = strpbrk(path, "?#%") ? -EIO
				     : open_file(s, quoted, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	sqlite3_free(quoted);
	return r;
}

static int identify(struct bh_store *s, int64_t *application, int64_t *version)
{
	int r = store_number(s, "PRAGMA application_id", application);

	return r ? r : store_number(s, "PRAGMA user_version", version);
}

static int run_step(struct bh_store *s, const struct schema_step *step)
{
	int r = 0;

	for (size_t i = 0; !r && i < BH_LEN(step->sql) && step->sql[i]; i++)
		r = store_exec(s, step->sql[i]);
	return r;
}

/* For people who read the numbers of a row with sqlite3. */
static int name_pipes(struct bh_store *s)
{
	BH_AUTO_BUF sql = { 0 };

	for (unsigned i = 0; i < BH_PIPES; i++)
		bh_buf_printf(&sql, "INSERT OR IGNORE INTO pipe VALUES (%lld, '%s');", 1LL << i,
			bh_pipe_names[i]);
	return bh_buf_ok(&sql) ? store_exec(s, bh_buf_text(&sql)) : -ENOMEM;
}

static int run_steps(struct bh_store *s, int64_t version)
{
	int r = 0;

	for (int64_t i = version; !r && i < SCHEMA_VERSION; i++)
		r = run_step(s, &schema_steps[i]);
	return !r && version < SCHEMA_VERSION ? name_pipes(s) : r;
}

static int upgrade(struct bh_store *s, int64_t version)
{
	char pragmas[128];
	int r = batch_begin(s, UPGRADE_WAIT_MS);

	if (r)
		return r;
	r = store_number(s, "PRAGMA user_version", &version); /* somebody may have been quicker */
	if (!r)
		r = run_steps(s, version);
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

static int copy(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

	if (!b)
		return store_errno(to, sqlite3_errcode(to));
	sqlite3_backup_step(b, -1); /* its error is the end's, too */
	return store_errno(to, sqlite3_backup_finish(b));
}

/* Who only reads changes nothing: an older file's content is brought up to date in a
 * copy, a temporary file without a name. */
static int read_copy(struct bh_store *s, int64_t version)
{
	sqlite3 *file = s->db;

	s->db = NULL;
	int r = open_file(s, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	if (!r)
		r = copy(file, s->db);
	sqlite3_close(file);
	if (!r)
		r = store_exec(s, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");
	return r ? r : run_steps(s, version);
}

static int refuse(int r, const char *sentence, const char **why)
{
	*why = r == -ENOSPC ? "its disk is full" : sentence;
	return r;
}

static int check_version(struct bh_store *s, const char **why)
{
	int64_t application = 0, version = 0, tables = 0;
	int r = identify(s, &application, &version);

	if (!r)
		r = store_number(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r)
		return refuse(r == -EIO ? -EPROTO : r, "it is no database, or it is damaged", why);
	if (application != SCHEMA_APPLICATION && (application || version || tables))
		return refuse(-EPROTO, "it is a database of another program", why);
	if (version > SCHEMA_VERSION)
		return refuse(-EPROTO,
			"a newer version of bulkhead wrote it; use that version to read it", why);
	if (version == SCHEMA_VERSION)
		return 0;
	if (s->write) {
		r = upgrade(s, version);
		return r ? refuse(r, "its tables cannot be made", why) : 0;
	}
	if (!version)
		return refuse(-ENOENT, "it is empty", why);
	r = read_copy(s, version);
	s->older = !r;
	return r ? refuse(r,
			   "an older version of bulkhead wrote it, and no newer copy of it can be "
			   "made here; 'bulkhead read' or 'watch' upgrades it",
			   why)
		 : 0;
}

static int open_write(struct bh_store *s, const char *path, bool create, const char **why)
{
	int r = make_file(path, create);

	if (!r)
		r = open_lock(s, path);
	if (r)
		return refuse(r, strerrordesc_np(-r), why);
	r = open_file(s, path, SQLITE_OPEN_READWRITE);
	if (r)
		return refuse(r, "it cannot be opened", why);
	sqlite3_busy_timeout(s->db, READ_WAIT_MS);
	r = check_version(s, why);
	if (r)
		return r;
	/* NORMAL under WAL: a power cut may lose the last batches, never break one.  The
	 * cache is filled by large batches only. */
	r = store_exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
			  "PRAGMA cache_size=-32768; PRAGMA journal_size_limit=16777216");
	return r ? refuse(r, "it cannot be written", why) : 0;
}

static int open_read(struct bh_store *s, const char *path, const char **why)
{
	int64_t n;

	if (access(path, R_OK))
		return refuse(-errno, strerrordesc_np(errno), why);
	int r = open_file(s, path, SQLITE_OPEN_READONLY);
	if (!r) {
		sqlite3_busy_timeout(s->db, READ_WAIT_MS);
		int code = sqlite3_exec(s->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
		if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)
			r = open_still(s, path);
	}
	if (!r && store_number(s, "PRAGMA user_version", &n) == -EBUSY)
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
	if (getrandom(&s->seed, sizeof s->seed, 0) < 0)
		return refuse(-errno, "there is no random number to be had", why);
	int r = write ? open_write(s, path, create, why) : open_read(s, path, why);
	if (r)
		return r;

	*ret = s;
	s = NULL;
	return 0;
}

bool bh_store_is_older(const struct bh_store *s)
{
	return s->older;
}

struct bh_store *bh_store_free(struct bh_store *s)
{
	if (!s)
		return NULL;
	bh_store_abandon(s);
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->st[i]);
	parts_forget(s);
	free(s->pending);
	free(s->orphans);
	sqlite3_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
	return NULL;
}
