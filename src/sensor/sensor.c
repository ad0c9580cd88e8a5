#include "sensor/sensor.h"
