#include "enforce/enforce.h"
