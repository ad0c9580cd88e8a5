#include "cli/commands.h"

/* clang-format off */
const struct bh_command *const bh_commands[] = {
	NULL,
};
