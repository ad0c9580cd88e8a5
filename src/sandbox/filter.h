/* filter: the system calls of a role. */
#pragma once

#include "sandbox/sandbox.h"

BH_MUST int bh_sandbox_filter(enum bh_role role);
