#include "driver.h"

extern const StoreDriver store_file, store_azure, store_s3, store_gcs;

const StoreDriver *const store_drivers[] = {&store_file, &store_azure, &store_s3, &store_gcs, NULL};
