#include "driver.h"

const PlatformDriver *const platform_drivers[] = {
    &platform_github,    &platform_circleci, &platform_gitlab,
    &platform_bitbucket, &platform_terminal, NULL,
};
