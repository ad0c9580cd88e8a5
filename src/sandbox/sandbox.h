/*
 * sandbox: give up what a role does not need, in one call per role.
 */
#pragma once

#include "base/base.h"
