#include "dissect/dissect.h"
