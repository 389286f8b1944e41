// `atlas registry serve`: an HTTP server that speaks the registry protocol (cloud-protocol.md) on
// top of any store. It keeps nothing of its own: any number of servers can share one bucket.
#ifndef ATLAS_SERVER_H
#define ATLAS_SERVER_H

#include <signal.h>

#include "atlas/base.h"
#include "atlas/http.h"

typedef struct ServerOptions {
    const char *store_url;
    const char *listen;      // "host:port"; port 0 picks a free one
    const char *tokens_file; // NULL: loopback only, any token is admin
    const char *public_url;  // for links; NULL: http://<listen>
    const char *sign_key;    // private key that signs what is pushed here; NULL: none
    bool insecure;           // plain HTTP off loopback
    bool single_writer;      // nobody else writes to a store without conditional writes
    Loop *loop;
    // Told once the server listens, with the real address.
    void (*ready)(void *ctx, const char *address);
    void *ctx;
    // Set by signal handlers: stop ends gracefully, reload reads the tokens file again.
    const volatile sig_atomic_t *stop, *reload;
} ServerOptions;

// Runs until *stop. E_USAGE for options that do not fit together, E_IO if the address is taken.
Err *server_run(const ServerOptions *o, Arena *mem) MUST_USE;

// A new token for a tokens file: `secret` (base64url of 32 random bytes) and the file's line
// "name:sha256hex:role". E_INVALID for a bad name or role.
Err *token_new(const char **secret, const char **line, const Host *host, const char *name,
               const char *role, Arena *mem) MUST_USE;

#endif
