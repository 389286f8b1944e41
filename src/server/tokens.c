#include "tokens.h"

#include "atlas/crypt.h"
#include "atlas/server.h"

static const char *const role_names[] = {"", "read", "push", "admin"};

static Role role_from(const char *text) {
    for (size_t i = ROLE_READ; i < COUNT_OF(role_names); i++)
        if (cstr_eq(text, role_names[i]))
            return (Role)i;
    return ROLE_NONE;
}

static bool name_ok(const char *name) {
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "._-@/") == strlen(name);
}

static Err *parse_line(Token *out, const char *line, const char *path, int number, Arena *mem) {
    StrList parts = cstr_split(mem, line, ':');
    if (parts.len != 3 || !name_ok(parts.items[0]) || strlen(parts.items[1]) != 64 ||
        strspn(parts.items[1], "0123456789abcdef") != 64 || !role_from(parts.items[2]))
        return err_hint(err_at(err_new(E_SYNTAX, "not a token line"), path, number, 1),
                        "a line is name:sha256 of the token in hex:read, push or admin; "
                        "`atlas registry token new` makes one");
    *out = (Token){parts.items[0], parts.items[1], role_from(parts.items[2])};
    return NULL;
}

Err *tokens_read(Tokens *out, const char *path, Arena *mem) {
    Str text;
    *out = (Tokens){0};
    TRY(fs_read(&text, path, 1 << 20, mem));
    StrList lines = cstr_split(mem, text.ptr, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        const char *line = cstr_trim(mem, lines.items[i]);
        Token t = {0};
        if (!*line || *line == '#')
            continue;
        TRY(parse_line(&t, line, path, (int)i + 1, mem));
        list_push(out, mem, t);
    }
    return NULL;
}

Role tokens_role(const Tokens *tokens, const char *token, const char **name) {
    AutoArena tmp = arena_new(NULL);
    Digest given = sha256(str_from(token));
    Role role = ROLE_NONE;
    for (size_t i = 0; i < tokens->len; i++) {
        Str raw;
        Digest d;
        if (!hex_decode(&raw, tokens->items[i].sha256_hex, tmp) || raw.len != sizeof d.bytes)
            continue;
        memcpy(d.bytes, raw.ptr, sizeof d.bytes);
        if (digest_equal(d, given)) {
            role = tokens->items[i].role;
            *name = tokens->items[i].name;
        }
    }
    return role;
}

Err *token_new(const char **secret, const char **line, const Host *host, const char *name,
               const char *role, Arena *mem) {
    unsigned char raw[32];
    if (!name_ok(name))
        return err_new(E_INVALID, "invalid token name \"%s\": letters, digits and ._-@/ only", name);
    if (!role_from(role))
        return err_new(E_INVALID, "invalid role \"%s\": use read, push or admin", role);
    host_random(host, raw, sizeof raw);
    *secret = base64url_encode(mem, raw, sizeof raw);
    *line = arena_printf(mem, "%s:%s:%s", name, sha256_hex(mem, str_from(*secret)), role);
    return NULL;
}
