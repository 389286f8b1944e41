// Inside the gs:// driver: one store, one call of the JSON API, uploads.
#ifndef ATLAS_STORE_GCS_H
#define ATLAS_STORE_GCS_H

#include "../credentials/gcp.h"
#include "../driver.h"

typedef struct GcsStore {
    Store base;
    const char *bucket;
    const char *endpoint; // "https://storage.googleapis.com": no slash at the end
    const char *universe; // "googleapis.com"
    GcpCredentials *credentials;
} GcsStore;

typedef struct GcsCall {
    GcsStore *store;
    const char *method, *url;
    HttpHeaders headers;
    Body body;
    bool has_body;
    bool once;       // never repeated by itself
    int64_t max;     // of the answer
    ErrCode missing; // what a 404 means that does not say what is missing
} GcsCall;

enum { GCS_MAX_ERROR = 64 << 10 };

GcsCall gcs_call_new(GcsStore *s, const char *method, const char *url);
void gcs_call_header(GcsCall *c, Arena *mem, const char *name, const char *value);
// "<endpoint>/storage/v1/b/<bucket>/o[/<key>]"
const char *gcs_url(const GcsStore *s, const char *key, Arena *mem);
// Sends with a token; a token that is refused is renewed once. Any status is a success.
Err *gcs_send(HttpResponse *out, const GcsCall *c, Arena *mem) MUST_USE;
// As gcs_send, but anything except 2xx is an error.
Err *gcs_call(HttpResponse *out, const GcsCall *c, Arena *mem) MUST_USE;
Err *gcs_error(const GcsCall *c, const HttpResponse *r, Arena *mem) MUST_USE;

// The fields of an object resource.
Err *gcs_read_object(StoreObject *out, const HttpResponse *r, Arena *mem) MUST_USE;
Err *gcs_answer(Value **out, const HttpResponse *r, Arena *mem) MUST_USE;
Err *gcs_md5(Str *out, const Body *body, Arena *mem) MUST_USE;

Err *gcs_put(const char **etag, Store *s, const StorePut *put, Arena *mem) MUST_USE;

#endif
