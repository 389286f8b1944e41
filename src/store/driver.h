// The contract of a store driver. The front (store.c) checks arguments, adds the prefix, sorts
// listings and wraps errors; drivers speak one protocol each and never call one another.
#ifndef ATLAS_STORE_DRIVER_H
#define ATLAS_STORE_DRIVER_H

#include "atlas/store.h"

typedef struct StoreDriver StoreDriver;

// Every driver's instance starts with this.
struct Store {
    const StoreDriver *driver;
    Loop *loop;
    const Host *host;
    Arena *mem;
    const char *url;    // redacted
    const char *prefix; // "" or ends in "/"
    HttpBudget budget;
    bool shared; // by operations that know nothing of each other: no common budget
    StoreConditions conditions;
};

struct StoreDriver {
    const char *const *schemes; // NULL-terminated, the first is the canonical one
    const char *const *params;  // query parameters it takes, NULL-terminated ("prefix" is implied)

    // Required. Makes the instance in `mem`; no I/O. The front fills in the base afterwards, but
    // for `prefix`, which open sets from the URL's path where that is not part of the bucket.
    Err *(*open)(Store **out, const Url *url, Loop *loop, Arena *mem);
    // Required. Keys are non-empty, relative, without "." segments, prefix included.
    Err *(*get)(StoreObject *out, Store *s, const char *key, int64_t max, Arena *mem);
    Err *(*head)(StoreObject *out, Store *s, const char *key, Arena *mem);
    Err *(*put)(const char **etag, Store *s, const StorePut *put, Arena *mem);
    // Appends all keys that start with `prefix`, in any order.
    Err *(*list)(StrList *out, Store *s, const char *prefix, Arena *mem);
    // Optional. See store_prepare.
    Err *(*prepare)(Store *s);
};

extern const StoreDriver *const store_drivers[]; // NULL-terminated

// Booleans of URL parameters: "" (bare), true, 1, yes / false, 0, no.
Err *store_param_bool(bool *out, const Url *url, const char *name, bool fallback);

// What a driver's requests share, for HttpRequest.budget.
HttpBudget *store_budget(Store *s);
// The error of an HTTP status where the body says nothing better.
ErrCode store_status_code(int status);
// Address literals and localhost: servers next door, which speak path style and plain HTTP.
bool store_host_is_local(const char *hostname);

#endif
