// azblob://: what its files share. where.c finds the account, call.c speaks to it, azure.c and
// put.c are the driver.
#ifndef ATLAS_STORE_AZURE_H
#define ATLAS_STORE_AZURE_H

#include "../credentials/azure.h"
#include "../driver.h"
#include "atlas/crypt.h"

typedef struct AzureStore {
    Store base;
    const char *account, *container;
    const char *scheme, *host, *base_path; // of the endpoint; the path is "" or "/account"
    bool trusted; // the host may see tokens: Azure's own, loopback, or named by the environment
    AzureCredentials credentials;
    const char *refused_token; // of credentials, by the server: over before its time
    bool renewing;             // some task asks for credentials; the others wait for it
    Err *renew_failed;         // what that task got
    int64_t skew_s;            // server's clock minus ours, after a refusal
} AzureStore;

// Account and endpoint from the URL, else the environment; no I/O.
Err *azure_locate(AzureStore *s, const Url *url, const Host *host, Arena *mem) MUST_USE;

typedef struct AzureCall {
    AzureStore *store;
    const char *method, *key; // key NULL: the container
    SigV4Param query[6];
    size_t query_count;
    HttpHeaders headers;
    Body body;
    bool has_body;
    int64_t max;
    // worked out by azure_send
    const char *path;
    // what the last attempt assumed; requests side by side may have learned better meanwhile
    const char *token;
    int64_t skew_s;
} AzureCall;

AzureCall azure_call(AzureStore *s, const char *method, const char *key);
void azure_query(AzureCall *c, const char *name, const char *value);
void azure_header(AzureCall *c, Arena *mem, const char *name, const char *value);
// Sends; anything but 2xx is an error.
Err *azure_send(HttpResponse *out, AzureCall *c, Arena *mem) MUST_USE;

// The driver's put: one request up to 64 MiB, above that blocks and their list.
Err *azure_put(const char **etag, Store *base, const StorePut *put, Arena *mem) MUST_USE;

#endif
