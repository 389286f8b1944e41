// What the program asks of the outside world that a test must be able to fix: environment, time,
// randomness. Nothing else calls getenv, time or random.
#ifndef ATLAS_BASE_HOST_H
#define ATLAS_BASE_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "atlas/base/map.h"
#include "atlas/base/str.h"
#include "atlas/base/time.h"

typedef struct Host Host;
struct Host {
    // The value, or NULL if unset.
    const char *(*env)(const Host *, const char *name);
    Time (*now)(const Host *);            // wall clock, local offset
    int64_t (*monotonic_ms)(const Host *);
    void (*random)(const Host *, void *out, size_t len); // cryptographic
    const Map *vars;                      // of host_with_vars
    const Host *base;
    int64_t clock_skew_s;                 // added to now(); tests and clock corrections
};

extern const Host host_system;

// The value, or "" if unset.
const char *host_env(const Host *h, const char *name);
Time host_now(const Host *h);
int64_t host_monotonic_ms(const Host *h);
void host_random(const Host *h, void *out, size_t len);
// Uniform in [0, bound); bound > 0.
uint32_t host_random_below(const Host *h, uint32_t bound);
// 36 characters, version 4.
char *host_uuid(const Host *h, Arena *mem);
// A host whose environment is exactly `vars` (char * values); time and randomness of `base`.
Host *host_with_vars(Arena *mem, const Host *base, const Map *vars);
// The names of all environment variables that start with `prefix`.
StrList host_env_names(const Host *h, const char *prefix, Arena *mem);

#endif
