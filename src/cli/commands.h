/* Every subcommand, in the order of --help; ends with NULL. */
#pragma once

#include "cli/cli.h"

extern const struct bh_command *const bh_commands[];
