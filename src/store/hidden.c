/* Pseudonyms in a database, and the file of their key. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/open.h"
#include "store/pseudonym.h"

#define WAIT_MS 5000

/* ---- the key ---- */

int bh_pseudonyms_make(const char *path)
{
	uint8_t key[PSEUDONYM_KEY];
	char text[2 * PSEUDONYM_KEY + 2];
	int fd, r = 0;

	if (getrandom(key, sizeof key, 0) != sizeof key)
		return -EIO;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < sizeof key; i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
	strcpy(text + 2 * sizeof key, "\n");
	ssize_t n = write(fd, text, strlen(text));
	if (n != (ssize_t)strlen(text) || fsync(fd))
		r = n < 0 || n == (ssize_t)strlen(text) ? -errno : -ENOSPC;
	close(fd);
	if (r)
		unlink(path); /* half a key is none */
	explicit_bzero(key, sizeof key);
	explicit_bzero(text, sizeof text);
	return r;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_key(const uint8_t *text, size_t len, uint8_t ret[PSEUDONYM_KEY])
{
	if (len == PSEUDONYM_KEY) {
		memcpy(ret, text, len);
		return true;
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	if (len != 2 * PSEUDONYM_KEY)
		return false;
	for (size_t i = 0; i < PSEUDONYM_KEY; i++) {
		int high = digit((char)text[2 * i]), low = digit((char)text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int fail(int r, const char *sentence, const char **why)
{
	*why = sentence;
	return r;
}

static int read_key(int fd, uint8_t ret[PSEUDONYM_KEY], const char **why)
{
	uint8_t text[2 * PSEUDONYM_KEY + 16];
	struct stat st;
	size_t len = 0;
	ssize_t n = 0;

	if (fstat(fd, &st))
		return fail(-errno, strerrordesc_np(errno), why);
	if (S_ISREG(st.st_mode) && st.st_mode & (S_IRWXO | S_IWGRP))
		return fail(-EPERM, "others may read or change it: 'chmod 600' it first", why);
	while (len < sizeof text && (n = read(fd, text + len, sizeof text - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return fail(-errno, strerrordesc_np(errno), why);
	bool ok = parse_key(text, len, ret);
	explicit_bzero(text, sizeof text);
	return ok ? 0 : fail(-EINVAL, "it holds no key: 32 bytes or 64 hexadecimal digits", why);
}

int bh_pseudonyms_open(const char *path, struct bh_pseudonyms **ret, const char **why)
{
	uint8_t key[PSEUDONYM_KEY];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(-errno, strerrordesc_np(errno), why);
	int r = read_key(fd, key, why);
	close(fd);
	if (r)
		return r;
	r = pseudonym_new(key, ret);
	explicit_bzero(key, sizeof key);
	return r ? fail(r, "out of memory", why) : 0;
}

/* ---- in a database ---- */

int hidden_kept(struct bh_store *s, bool *ret)
{
	int64_t n;
	int r = store_number(s, "SELECT count(*) FROM meta WHERE key = 'pseudonyms'", &n);

	if (!r)
		*ret = n > 0;
	return r;
}

/* What the key makes of a text that everybody knows. */
static void proof_of(struct bh_pseudonyms *p, char ret[BH_NAME_TEXT])
{
	pseudonym_hide(p, "bulkhead", ret);
}

/* -ENOENT: no pseudonyms are kept. */
static int check_key(struct bh_store *s, struct bh_pseudonyms *p)
{
	STORE_AUTO_STMT *st = NULL;
	char proof[BH_NAME_TEXT];
	int r = store_prepare(s, "SELECT value = ? FROM meta WHERE key = 'pseudonyms'", &st);

	proof_of(p, proof);
	if (!r)
		r = store_errno(s->db, sqlite3_bind_text(st, 1, proof, -1, SQLITE_TRANSIENT));
	if (r)
		return r;
	int code = sqlite3_step(st);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -ENOENT : store_errno(s->db, code);
	return sqlite3_column_int(st, 0) ? 0 : -EKEYREJECTED;
}

int bh_store_names_kept(struct bh_store *s, enum bh_names_kept *ret)
{
	bool hidden = false;
	int64_t named = 0;
	int r = hidden_kept(s, &hidden);

	if (!r && !hidden)
		r = store_number(s,
			"SELECT EXISTS (SELECT 1 FROM caller WHERE user <> '' OR workstation <> '') "
			"OR EXISTS (SELECT 1 FROM name WHERE NOT \"group\") "
			"OR EXISTS (SELECT 1 FROM listed) OR EXISTS (SELECT 1 FROM referral)",
			&named);
	if (!r)
		*ret = hidden ? BH_NAMES_HIDDEN : named ? BH_NAMES_CLEAR : BH_NAMES_NONE;
	return r;
}

/* The database becomes one of pseudonyms, unless it holds names. */
static int begin_keeping(struct bh_store *s, struct bh_pseudonyms *p)
{
	STORE_AUTO_STMT *st = NULL;
	char proof[BH_NAME_TEXT];
	enum bh_names_kept kept = BH_NAMES_NONE;
	int r = bh_store_names_kept(s, &kept);

	if (!r && kept != BH_NAMES_NONE)
		r = -ENOTUNIQ;
	if (!r)
		r = store_prepare(s, "INSERT INTO meta VALUES ('pseudonyms', ?)", &st);
	proof_of(p, proof);
	if (!r)
		r = store_errno(s->db, sqlite3_bind_text(st, 1, proof, -1, SQLITE_TRANSIENT));
	return r ? r : store_run(s, st);
}

int bh_store_hide(struct bh_store *s, struct bh_pseudonyms *p)
{
	struct bh_pseudonyms *was = s->hide;

	s->hide = p; /* so that a batch may begin */
	int r = bh_store_begin(s, WAIT_MS);
	if (!r) {
		r = check_key(s, p);
		if (r == -ENOENT)
			r = begin_keeping(s, p);
		if (!r)
			r = bh_store_commit(s);
		if (r)
			bh_store_abandon(s);
	}
	if (r)
		s->hide = was;
	else
		s->pseudonyms = true;
	return r;
}

static void reveal(sqlite3_context *call, int n BH_UNUSED, sqlite3_value **v)
{
	const struct bh_pseudonyms *p = sqlite3_user_data(call);
	const char *text = (const char *)sqlite3_value_text(v[0]);
	char plain[BH_NAME_TEXT];

	if (text && pseudonym_reveal(p, text, plain))
		sqlite3_result_text(call, plain, -1, SQLITE_TRANSIENT);
	else
		sqlite3_result_value(call, v[0]);
}

/* A UNC path's last part. */
static void reveal_share(sqlite3_context *call, int n, sqlite3_value **v)
{
	struct bh_conversation c;
	const char *text = (const char *)sqlite3_value_text(v[0]);

	if (!text || strlen(text) >= sizeof c.share) {
		reveal(call, n, v);
		return;
	}
	bh_conversation_init(&c);
	strcpy(c.share, text);
	bh_pseudonyms_reveal(sqlite3_user_data(call), &c);
	sqlite3_result_text(call, c.share, -1, SQLITE_TRANSIENT);
}

int bh_store_reveal(struct bh_store *s, struct bh_pseudonyms *p)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
	int r = check_key(s, p);

	if (r)
		return r == -ENOENT ? 0 : r;
	r = store_errno(
		s->db, sqlite3_create_function(s->db, "reveal", 1, flags, p, reveal, NULL, NULL));
	if (!r)
		r = store_errno(s->db, sqlite3_create_function(s->db, "reveal_share", 1, flags, p,
					       reveal_share, NULL, NULL));
	if (!r)
		s->reveal = p;
	return r;
}
