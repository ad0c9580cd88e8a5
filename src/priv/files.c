#include "priv/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cur.h"
#include "priv/hits.h"
#include "priv/wire.h"

#define RECORD_MAGIC 0x31536862u /* "bhS1" */
#define RECORD_MAX   512u
#define BUNDLE_MAX   (BH_MAX_ASK + 64u)
#define LOCK_TRIES   50 /* a tenth of a second each */

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* ---- plain files ---- */

static void path_of(char ret[128], const char *folder, const char *name)
{
	snprintf(ret, 128, "%s/%s", folder, name);
}

static int write_all(int fd, const char *ptr, size_t len)
{
	while (len) {
		ssize_t n = write(fd, ptr, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		ptr += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static int write_beside(const char *path, const struct bh_buf *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int err = write_all(fd, b->ptr, b->len);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

static int replace(const char *folder, const char *name, const struct bh_buf *b, struct why *w)
{
	char path[128], beside[136];
	int err = bh_buf_ok(b) ? 0 : -ENOMEM;

	path_of(path, folder, name);
	snprintf(beside, sizeof beside, "%s.new", path);
	if (!err)
		err = write_beside(beside, b);
	if (!err && rename(beside, path) < 0)
		err = -errno;
	if (!err)
		err = sync_folder(folder);
	return err ? why_say(w, err, "cannot write %s: %s", path, strerror(-err)) : 0;
}

static int slurp(const char *folder, const char *name, size_t most, struct bh_buf *ret)
{
	char path[128], chunk[16384];
	ssize_t n = 0;

	path_of(path, folder, name);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (ret->len <= most && (n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		bh_buf_add(ret, chunk, (size_t)n);
	}
	int err = n < 0 ? -errno : ret->len > most ? -EBADMSG : bh_buf_ok(ret) ? 0 : -ENOMEM;
	close(fd);
	return err;
}

/* ---- where we are ---- */

static bool same_inode(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* The machine's own network namespace is that of process 1, provided that process 1 is
 * the machine's: the first pid namespace has a fixed inode (PROC_PID_INIT_INO). */
static bool is_machine(void)
{
	struct stat pid;

#ifdef BH_FAULT_POINTS
	if (getenv("BULKHEAD_TEST_MACHINE"))
		return true;
#endif
	return stat("/proc/self/ns/pid", &pid) == 0 && pid.st_ino == 0xEFFFFFFCu &&
	       same_inode("/proc/self/ns/net", "/proc/1/ns/net");
}

static uint64_t namespace_cookie(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		cookie = 0;
	close(fd);
	return cookie;
}

/* Makes a folder that belongs to root and nobody else writes to. */
static int make_folder(const char *path, mode_t mode, struct why *w)
{
	struct stat st;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return why_say(w, -errno, "cannot make the folder %s: %s", path, strerror(errno));
	if (lstat(path, &st) < 0)
		return why_say(w, -errno, "cannot look at %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return why_say(w, -EPERM,
			"%s is no folder that root alone can write to: move it away", path);
	return 0;
}

static int read_boot(struct files *f)
{
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool got = in && fgets(f->boot, sizeof f->boot, in);

	if (in)
		fclose(in);
	return got ? 0 : -EIO;
}

int files_open(struct files *f, struct why *w)
{
	struct stat net;

	*f = (struct files){ .machine = is_machine(), .cookie = namespace_cookie(), .lock = -1 };
	if (stat("/proc/self/ns/net", &net) < 0 || read_boot(f))
		return why_say(w, -EIO,
			"cannot find out which network namespace this is: is "
			"/proc mounted?");
	snprintf(f->keep, sizeof f->keep, "/var/lib/bulkhead/priv");
	snprintf(f->run, sizeof f->run, "/run/bulkhead/machine");
	if (!f->machine) {
		snprintf(f->run, sizeof f->run, "/run/bulkhead/netns-%llu",
			(unsigned long long)net.st_ino);
		memcpy(f->keep, f->run, sizeof f->keep);
	}
	int err = make_folder("/run/bulkhead", 0755, w);
	if (!err)
		err = make_folder(f->run, 0700, w);
	if (!err && f->machine)
		err = make_folder("/var/lib/bulkhead", 0750, w);
	if (!err)
		err = make_folder(f->keep, 0700, w);
	return err;
}

/* ---- one at a time ---- */

static int say_holder(const struct files *f, struct why *w)
{
	BH_AUTO_BUF b = { 0 };
	long pid = 0;

	if (slurp(f->run, "lock", 64, &b) == 0)
		pid = strtol(bh_buf_text(&b), NULL, 10);
	if (pid > 0)
		return why_say(w, -EBUSY,
			"another bulkhead-priv (process %ld) is at work in this network "
			"namespace: try again when it is done",
			pid);
	return why_say(w, -EBUSY,
		"another bulkhead-priv is at work in this network namespace: "
		"try again when it is done");
}

int files_lock(struct files *f, struct why *w)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	char path[128], text[32];

	path_of(path, f->run, "lock");
	f->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->lock < 0)
		return why_say(w, -errno, "cannot open %s: %s", path, strerror(errno));
	for (int i = 0; flock(f->lock, LOCK_EX | LOCK_NB) < 0; i++) {
		if (i == LOCK_TRIES || errno != EWOULDBLOCK) {
			close(f->lock);
			f->lock = -1;
			return say_holder(f, w);
		}
		nanosleep(&tenth, NULL);
	}
	/* Only for the sentence above: whether it is written decides nothing. */
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(f->lock, 0) < 0 || write_all(f->lock, text, (size_t)n) < 0)
		return 0;
	return 0;
}

void files_unlock(struct files *f)
{
	if (f->lock >= 0)
		close(f->lock);
	f->lock = -1;
}

/* ---- the record ---- */

static void put_record(const struct files *f, const struct record *r, struct bh_buf *b)
{
	bh_buf_le32(b, RECORD_MAGIC);
	bh_buf_add(b, f->boot, sizeof f->boot);
	bh_buf_le64(b, f->cookie);
	bh_buf_u8(b, r->expected);
	bh_buf_u8(b, r->changed);
	bh_buf_u8(b, r->digested);
	bh_buf_u8(b, (uint8_t)r->pending);
	bh_buf_le32(b, r->generation);
	bh_buf_le32(b, r->trial);
	bh_buf_le32(b, r->lapsed);
	bh_buf_le32(b, r->lease);
	bh_buf_le64(b, r->deadline);
	bh_buf_add(b, r->digest, sizeof r->digest);
}

/* 0, or -ESTALE when it is of another boot or namespace, or no record. */
static int get_record(const struct files *f, struct bh_span bytes, struct record *ret)
{
	struct bh_cur c = bh_cur_of(bytes);
	struct record r = { .there = true };
	uint32_t magic = bh_cur_le32(&c);
	struct bh_span boot = bh_cur_take(&c, sizeof f->boot);
	uint64_t cookie = bh_cur_le64(&c);

	r.expected = bh_cur_u8(&c);
	r.changed = bh_cur_u8(&c);
	r.digested = bh_cur_u8(&c);
	uint8_t pending = bh_cur_u8(&c);
	r.generation = bh_cur_le32(&c);
	r.trial = bh_cur_le32(&c);
	r.lapsed = bh_cur_le32(&c);
	r.lease = bh_cur_le32(&c);
	r.deadline = bh_cur_le64(&c);
	struct bh_span digest = bh_cur_take(&c, sizeof r.digest);
	if (!bh_cur_ok(&c) || bh_cur_left(&c) || magic != RECORD_MAGIC || pending > PENDING_UNDO ||
		memcmp(boot.ptr, f->boot, sizeof f->boot) != 0 || cookie != f->cookie)
		return -ESTALE;
	memcpy(r.digest, digest.ptr, sizeof r.digest);
	r.pending = (enum pending)pending;
	*ret = r;
	return 0;
}

static void drop(const char *folder, const char *name)
{
	char path[128];

	path_of(path, folder, name);
	unlink(path);
}

int files_read_record(struct files *f, struct record *ret, struct why *w)
{
	BH_AUTO_BUF b = { 0 };
	int err = slurp(f->run, "record", RECORD_MAX, &b);

	if (err && err != -ENOENT && err != -EBADMSG)
		return why_say(w, err, "cannot read %s/record: %s", f->run, strerror(-err));
	if (!err)
		err = get_record(f, bh_span_of(b.ptr, b.len), ret);
	if (!err)
		return 0;
	*ret = (struct record){ 0 };
	drop(f->run, "record");
	drop(f->run, "trial");
	if (!f->machine)
		drop(f->keep, "confirmed");
	return 0;
}

int files_write_record(struct files *f, const struct record *r, struct why *w)
{
	BH_AUTO_BUF b = { 0 };

	put_record(f, r, &b);
	return replace(f->run, "record", &b, w);
}

/* ---- tables ---- */

int files_write_trial(struct files *f, const struct bundle *b, struct why *w)
{
	BH_AUTO_BUF bytes = { 0 };

	bundle_write(b, &bytes);
	return replace(f->run, "trial", &bytes, w);
}

int files_promote_trial(struct files *f, struct why *w)
{
	BH_AUTO_BUF bytes = { 0 };
	struct bundle b;
	int err = files_read_bundle(f, true, &bytes, &b);

	if (err)
		return why_say(w, err, "cannot read %s/trial back: %s", f->run, strerror(-err));
	err = replace(f->keep, "confirmed", &bytes, w);
	if (!err)
		drop(f->run, "trial");
	return err;
}

int files_read_bundle(const struct files *f, bool trial, struct bh_buf *bytes, struct bundle *ret)
{
	bytes->len = 0;
	int err = slurp(trial ? f->run : f->keep, trial ? "trial" : "confirmed", BUNDLE_MAX, bytes);

	return err ? err : bundle_read(bh_span_of(bytes->ptr, bytes->len), ret);
}

bool files_has_confirmed(const struct files *f)
{
	char path[128];
	struct stat st;

	path_of(path, f->keep, "confirmed");
	return lstat(path, &st) == 0;
}

void files_drop_trial(struct files *f)
{
	drop(f->run, "trial");
}

int files_drop_confirmed(struct files *f, struct why *w)
{
	char path[128];

	path_of(path, f->keep, "confirmed");
	if (unlink(path) < 0 && errno != ENOENT)
		return why_say(w, -errno,
			"cannot remove %s: %s; the table would come back at the "
			"next boot",
			path, strerror(errno));
	int err = sync_folder(f->keep);
	return err ? why_say(w, err, "cannot write %s: %s", f->keep, strerror(-err)) : 0;
}

/* ---- hits ---- */

int files_read_hits(const struct files *f, struct bh_buf *ret)
{
	return slurp(f->run, "hits", MAX_HIT_FILE, ret);
}

int files_write_hits(struct files *f, const struct hits *h, struct why *w)
{
	BH_AUTO_BUF b = { 0 };

	hits_write(h, &b);
	return replace(f->run, "hits", &b, w);
}
