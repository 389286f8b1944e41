// Signatures on refs and approvals: registry-storage.md section 8.
#ifndef ATLAS_REGISTRY_TRUST_H
#define ATLAS_REGISTRY_TRUST_H

#include "atlas/base.h"

typedef struct TrustKey {
    const char *kid; // first 16 hex digits of the public key's SHA-256
    Str public_key;  // 32 bytes
} TrustKey;
typedef LIST(TrustKey) TrustKeys;

typedef struct Trust {
    TrustKeys refs, approvals; // pinned; empty: not checked
    bool signs;
    TrustKey signer;
    Str seed; // of the signer
    // Highest seq by key of signed refs: what earlier runs saw, and what this one met. NULL: nobody keeps
    // count.
    const Value *seen;
    Value *met;
    Arena *mem;
} Trust;

// `verify` and `approvals`: "ed25519:BASE64"; `sign_key`: what `registry key new` printed
// ("ed25519-private:BASE64", the prefix optional) or a PKCS#8 PEM; "" or NULL: none. E_CONFIG names
// the key that cannot be read (private keys never).
Err *trust_open(Trust **out, const StrList *verify, const StrList *approvals, const char *sign_key,
                Arena *mem) MUST_USE;

// Signs `doc` as what stands at `key` (from the slug on): the value for its member "sigs", or NULL
// if there is no signing key. Members "sigs" and "pending_primary" are not signed.
Value *trust_sign(const Trust *t, const char *key, const Value *doc, Arena *mem);
// E_DAMAGED unless one of `keys` signed; no keys: nothing is asked. `label` names the thing.
Err *trust_check(const TrustKeys *keys, const char *key, const Value *doc, const char *label,
                 Arena *mem) MUST_USE;
// A signed ref of `seq` stands at `key`: E_DAMAGED if a higher one was seen before, as somebody put an
// older one back.
Err *trust_meet(const Trust *t, const char *key, int64_t seq, const char *label) MUST_USE;

#endif
