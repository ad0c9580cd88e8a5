#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "json/tags.h"

/* Where tag files are kept, and how a new one takes the place of a former. */

#define SYSTEM_FOLDER "/var/lib/bulkhead/tags"

/* XDG Base Directory Specification: a relative path in the variable is to be ignored. */
static bool own_folder(struct bh_buf *path)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		bh_buf_printf(path, "%s/bulkhead/tags", state);
	else if (home && home[0] == '/')
		bh_buf_printf(path, "%s/.local/state/bulkhead/tags", home);
	else
		return false;
	return true;
}

int bh_keeper_tag_folder(bool write, struct bh_buf *ret)
{
	if (geteuid() == 0 || (!write && access(SYSTEM_FOLDER, R_OK) == 0))
		bh_buf_str(ret, SYSTEM_FOLDER);
	else if (!own_folder(ret))
		return -ENOENT;
	return bh_buf_ok(ret) ? 0 : -ENOMEM;
}

/* A name that the cloud's own files have: whoever downloads one knows it by sight.  A
 * cloud's name has letters, digits, '-', '_' and '.'; one that begins with a dot is not
 * made a hidden file. */
void bh_keeper_tag_name(const struct bh_tags *t, struct bh_buf *ret)
{
	static const struct {
		const char *cloud, *file;
	} known[] = { { "AzureUSGovernment", "AzureGovernment" },
		{ "AzureGermanCloud", "AzureGermany" }, { "AzureChinaCloud", "China" },
		{ "AzureCloud", "Public" } };
	const char *cloud = t->cloud;

	if (t->kind == BH_TAGS_OFFICE365) {
		bh_buf_str(ret, "Office365.json");
		return;
	}
	for (size_t i = 0; i < BH_LEN(known); i++) {
		if (!strcasecmp(cloud, known[i].cloud))
			cloud = known[i].file;
	}
	bh_buf_printf(ret, "ServiceTags_%s.json", cloud);
}

static int make_folders(const char *path)
{
	char part[4096];
	size_t len = strlen(path);

	if (len >= sizeof part)
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int write_all(int fd, struct bh_span text)
{
	size_t at = 0;

	while (at < text.len) {
		ssize_t n = write(fd, text.ptr + at, text.len - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

int bh_keeper_tag_keep(const char *folder, const char *name, struct bh_span text)
{
	BH_AUTO_BUF path = { 0 }, beside = { 0 };
	int err = make_folders(folder);

	bh_buf_printf(&path, "%s/%s", folder, name);
	bh_buf_printf(&beside, "%s/.%s.XXXXXX", folder, name);
	if (!bh_buf_ok(&path) || !bh_buf_ok(&beside))
		return -ENOMEM;
	int fd = err ? -1 : mkostemp(beside.ptr, O_CLOEXEC);
	if (err || fd < 0)
		return err ? err : -errno;
	err = write_all(fd, text);
	if (!err && fchmod(fd, 0644) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(beside.ptr, path.ptr) < 0)
		err = -errno;
	if (err)
		unlink(beside.ptr);
	return err ? err : sync_folder(folder);
}
