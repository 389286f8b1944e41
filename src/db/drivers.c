#include "driver.h"

const DbDriver *const db_drivers[] = {&db_sqlite, &db_fault, NULL};
