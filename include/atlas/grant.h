// Grants: evidence, kept below ~/.atlas, that the registry accepted a token. grant-cache.md section 1.
//
// A grant is a compact JWS whose key is derived from the token: nobody without the token can forge,
// change or reuse it. Files that are damaged, too old, of another token or another registry are
// ignored with a debug line, never an error.
#ifndef ATLAS_GRANT_H
#define ATLAS_GRANT_H

#include "atlas/base.h"

typedef struct Grant {
    const char *tok;      // first 16 hex digits of the token's SHA-256
    const char *aud;      // the registry's URL
    const char *org, *sub;// organisation; bot or user; "" if the registry did not tell
    Time iat, exp;
    const char *reg, *key;// the registry's own signed grant and the key that verified it; "" if none
    Value *seen;          // highest seq by ref ("app/refs/tags/latest"); a map, never NULL
    bool gone;            // a tombstone: the registry refused the token at `iat`
} Grant;

enum { GRANT_LIFE_S = 30 * 86400, GRANT_MAX_FILE = 64 << 10, GRANT_MIN_TOKEN = 32 };

// "<16 hex>" of a token, as in its file's name.
char *grant_tok(Arena *mem, const char *token);

// The compact JWS, signed with the token.
char *grant_encode(const Grant *g, const char *token, Arena *mem);
// E_DAMAGED: not a JWS of ours, wrong signature, another token's or registry's, or issued in the future
// (more than five minutes); E_UNAUTHORIZED: expired. `out` is set with E_UNAUTHORIZED too. A tombstone
// never expires.
Err *grant_decode(Grant *out, Str text, const char *token, const char *aud, const Host *host,
                  Arena *mem) MUST_USE;
// When it ends: the earlier of `exp` and `iat` + ATLAS_GRANT_TTL.
Time grant_end(const Grant *g, const Host *host);
// Less than half of its life is left.
bool grant_wants_renewal(const Grant *g, const Host *host);

// --- grants that a registry signs ----------------------------------------------------------------

typedef struct SignedGrant {
    const char *iss, *org, *sub, *tok; // tok: as in Grant
    Time iat, exp;
} SignedGrant;

typedef struct GrantKey {
    const char *kid; // first 16 hex digits of the public key's SHA-256
    Str seed;        // "" if only the public half is known
    Str public_key;
} GrantKey;
typedef LIST(GrantKey) GrantKeys;

// The keys of a key file: one "ed25519-private:BASE64" a line, empty lines and # skipped. The first signs,
// all are published. E_SYNTAX with the line; never quotes it.
Err *grant_keys_parse(GrantKeys *out, const char *text, const char *file, Arena *mem) MUST_USE;
// A compact JWS, EdDSA (RFC 8037).
char *signed_grant_encode(const SignedGrant *g, const GrantKey *key, Arena *mem);
// E_DAMAGED unless one of `keys` signed it.
Err *signed_grant_decode(SignedGrant *out, const GrantKey **by, const char *text,
                         const GrantKeys *keys, Arena *mem) MUST_USE;
// The key set as /.well-known/jwks.json, and back (others than Ed25519 are left out).
char *grant_jwks_text(const GrantKeys *keys, Arena *mem);
Err *grant_jwks_parse(GrantKeys *out, Str text, Arena *mem) MUST_USE;
// Whether the grant carries one that is signed with the pinned key ("ed25519:BASE64") and still good.
bool grant_is_signed(const Grant *g, const char *pinned, const Host *host, Arena *mem);

// --- the files ----------------------------------------------------------------------------------

// $ATLAS_HOME, else $HOME/.atlas; below it $ATLAS_HOME_SUBDIR. NULL: there is no home. E_CONFIG: a
// sub-directory that leaves the home.
Err *grant_home(const char **out, const Host *host, Arena *mem) MUST_USE;
// The newest word on this token for this registry: *found false if there is none. A tombstone beats
// every grant that is older.
Err *grant_load(bool *found, Grant *out, const char *token, const char *aud, const Host *host,
                Arena *mem) MUST_USE;
// The file as it stands, "" if there is none that is valid or a tombstone.
Err *grant_text(const char **out, const char *token, const char *aud, const Host *host,
                Arena *mem) MUST_USE;
// As grant_store, with a text from elsewhere: whatever is not valid is an error of grant_decode.
Err *grant_take(Str text, const char *token, const char *aud, const Host *host, Arena *mem) MUST_USE;
// Writes <home>/grants/<tok>.jws (0600; directories 0700) unless what stands there is newer. Several
// processes may do so at once.
Err *grant_store(const Grant *g, const char *token, const Host *host, Arena *mem) MUST_USE;
Err *grant_remove(const char *token, const Host *host, Arena *mem) MUST_USE;

// --- the platform's cache (grant-cache.md section 3) ----------------------------------------------

typedef struct GrantCache {
    const Host *host;
    struct Loop *loop;
    const char *platform;    // "github", "gitlab", "circleci", "bitbucket", or anything else
    const char *token, *aud; // token "" or NULL: grants play no part
    const char *before;      // the grant's text after restoring: what has not changed is not saved
} GrantCache;

// Fetches the grant before an action, unless the local one is still good. Never fails: trouble is a
// debug line.
void grant_cache_restore(GrantCache *c, Arena *mem);
// Keeps the grant after an action, if it is not in the cache as it is. Never fails: trouble is a warning.
void grant_cache_save(const GrantCache *c, Arena *mem);

// --- the token of `atlas login` -----------------------------------------------------------------

// <home>/token (0600): the token and the URL of its registry, both "" if there is none.
Err *grant_token_read(const char **token, const char **url, const Host *host, Arena *mem) MUST_USE;
Err *grant_token_write(const char *token, const char *url, const Host *host, Arena *mem) MUST_USE;
Err *grant_token_remove(const Host *host, Arena *mem) MUST_USE;

#endif
