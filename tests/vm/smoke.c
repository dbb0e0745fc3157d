#include "tests/vm/guest.h"
void suite_smoke(void) {}
void suite_load(void) {}
