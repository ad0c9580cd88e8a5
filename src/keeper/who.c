#include <stdio.h>

#include "keeper/changes.h"

struct process {
	char name[17];
	unsigned parent, uid;
};

static bool read_process(unsigned pid, struct process *ret)
{
	struct process p = { 0 };
	char path[64], line[256];

	snprintf(path, sizeof path, "/proc/%u/status", pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof line, f)) {
		(void)!sscanf(line, "Name: %16[^\n]", p.name);
		(void)!sscanf(line, "PPid: %u", &p.parent);
		(void)!sscanf(line, "Uid: %u", &p.uid);
	}
	fclose(f);
	*ret = p;
	return true;
}

static void clean(char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~')
			*name = '?';
}

void bh_keeper_who(struct bh_change *c)
{
	struct process p, parent;
	char user[24] = "root";

	/* Another by now has its number. */
	if (!c->pid || !read_process(c->pid, &p) || strncmp(p.name, c->process, 15) != 0)
		return;
	if (p.uid)
		snprintf(user, sizeof user, "user %u", p.uid);
	if (p.parent > 1 && read_process(p.parent, &parent)) {
		clean(parent.name);
		snprintf(c->by, sizeof c->by, "started by %s, as %s", parent.name, user);
	} else {
		snprintf(c->by, sizeof c->by, "as %s", user);
	}
}
