/* serve: what bulkhead-priv does with each request. */
#pragma once

#include "priv/kernel.h"
#include "priv/wire.h"

struct server {
	struct kernel kernel;
	int dir; /* state folder */
	int at_death; /* test builds: the step of a change after which it kills itself */
	char path[64];
	char why[400];
};

BH_MUST int server_open(struct server *s, bool boot);
/* Answers requests until the other end is gone: 0, or -errno for a broken pipe. */
BH_MUST int server_run(struct server *s, int fd);
/* Loads the confirmed table, if there is one. */
BH_MUST int server_boot(struct server *s);
