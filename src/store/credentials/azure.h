// Azure Storage credentials, by the order of registry-storage.md section 5.
#ifndef ATLAS_STORE_CREDENTIALS_AZURE_H
#define ATLAS_STORE_CREDENTIALS_AZURE_H

#include "atlas/base.h"
#include "atlas/http.h"

// What AZURE_STORAGE_CONNECTION_STRING says; members it does not name are "".
typedef struct AzureConnection {
    bool set;
    const char *variable; // that held it
    const char *account;
    const char *key, *sas;
    const char *endpoint; // of blobs, with scheme, without a final "/"
} AzureConnection;

// E_INVALID: malformed (never quotes it). Secrets are masked.
Err *azure_connection(AzureConnection *out, const Host *host, Arena *mem) MUST_USE;

typedef enum AzureKind { AZURE_NONE, AZURE_SHARED_KEY, AZURE_SAS, AZURE_BEARER } AzureKind;

typedef struct AzureCredentials {
    AzureKind kind;
    Str key;           // AZURE_SHARED_KEY, decoded
    const char *sas;   // AZURE_SAS: a query without "?", percent-encoded
    const char *token; // AZURE_BEARER
    Time expires;      // of the token; unset: never
    const char *source;
} AzureCredentials;

// For requests to `account`; waits. A source that is configured but refused ends the search with
// its error. E_UNAUTHORIZED: none serves (lists why). Tokens are for storage only.
Err *azure_credentials(AzureCredentials *out, Loop *loop, const char *account, Arena *mem) MUST_USE;

#endif
