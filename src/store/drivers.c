#include "driver.h"

extern const StoreDriver store_file, store_s3;

const StoreDriver *const store_drivers[] = {&store_file, &store_s3, NULL};
