#include "driver.h"

const DbDriver *const db_drivers[] = {&db_sqlite, &db_postgres, &db_mysql, &db_mariadb, &db_fault, NULL};
