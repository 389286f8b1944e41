// Private to the S3 driver: the instance, and how requests are made.
#ifndef ATLAS_STORE_S3_H
#define ATLAS_STORE_S3_H

#include "../credentials/aws.h"
#include "../driver.h"
#include "atlas/crypt.h"

typedef struct S3Store {
    Store base;
    const char *bucket;
    const char *scheme, *host, *base_path; // of the endpoint, without the bucket
    const char *region;
    bool explicit_endpoint, path_style, fips, dualstack;
    AwsIdentity who;
    const char *sse, *kms_key;
    bool send_checksums, check_answers;
    int attempts;    // of a request; 0: the policy's
    int64_t skew_s;  // server's clock minus ours, after RequestTimeTooSkewed
    bool bare_etags; // If-Match is compared as written, as Ceph 16 does
} S3Store;

enum { S3_PART_SIZE = 16 << 20, S3_MULTIPART_FROM = 64 << 20, S3_MAX_ERROR = 64 << 10 };

// --- where (open.c) -----------------------------------------------------------------------------

Err *s3_open(Store **out, const Url *url, Loop *loop, Arena *mem) MUST_USE;
// The bucket turned out to be in another region.
void s3_move(S3Store *s, const char *region);

// --- requests (request.c) -----------------------------------------------------------------------

typedef struct S3Call {
    S3Store *store;
    const char *method, *key; // key NULL: the bucket
    SigV4Param query[6];
    size_t query_count;
    HttpHeaders extra; // signed and sent
    Body body;
    bool has_body;
    bool error_in_200; // the answer may be an <Error> in spite of its status
    bool own_time;     // waits as long as an operation may: others run beside it
    int64_t max;
    const char *payload_hash; // hex; worked out by s3_send unless set
    // what the last attempt assumed; requests side by side may have learned better meanwhile
    const char *host, *path, *region;
    int64_t skew_s;
    AwsCredentials credentials;
    bool renewed; // credentials, once
    bool follow;  // redirects, without credentials
} S3Call;

S3Call s3_call(S3Store *s, const char *method, const char *key);
void s3_query(S3Call *c, const char *name, const char *value);
void s3_header(S3Call *c, Arena *mem, const char *name, const char *value);
Err *s3_hash(const char **hex, const Body *body, Arena *mem) MUST_USE;
// The body's checksum, as header, for servers that verify it. Base64, or "" if switched off.
Err *s3_checksum(const char **out, S3Call *c, Arena *mem) MUST_USE;
// Sends; anything but 2xx is an error. Clock, region and credentials are corrected on the way.
Err *s3_send(HttpResponse *out, S3Call *c, Arena *mem) MUST_USE;
// E_UNREACHABLE unless the answer is XML with `element` at its root.
Err *s3_answer(Xml **out, const HttpResponse *r, const char *element, Arena *mem) MUST_USE;

// --- objects ------------------------------------------------------------------------------------

Err *s3_head(StoreObject *out, Store *base, const char *key, Arena *mem) MUST_USE;
void s3_put_headers(S3Call *c, const StorePut *put, Arena *mem);
void s3_put_condition(S3Call *c, const StorePut *put, Arena *mem);
Err *s3_put_multipart(const char **etag, S3Store *s, const StorePut *put, Arena *mem) MUST_USE;

#endif
