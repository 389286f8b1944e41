// Credentials of an OCI registry that its URL does not name: the docker config file, the environment.
#include "oci.h"

const char *oci_login_basic(const OciLogin *l, Arena *mem) {
    const char *pair = arena_printf(mem, "%s:%s", l->user, l->password);
    return arena_printf(mem, "Basic %s", base64_encode(mem, pair, strlen(pair)));
}

void oci_login_mask(const OciLogin *l) {
    AutoArena tmp = arena_new(NULL);
    if (l->identity)
        log_mask(l->identity);
    if (l->password) {
        log_mask(l->password);
        log_mask(oci_login_basic(l, tmp) + strlen("Basic "));
    }
}

typedef struct Search {
    OciLogin *found;
    StrList *tried; // why sources gave none
    const Host *host;
    const char *origin;
    Arena *mem;
} Search;

static void give_up(Search *s, const char *source, const char *why) {
    list_push(s->tried, s->mem, arena_printf(s->mem, "%s: %s", source, why));
}

// The file's keys are hosts, or URLs as docker once wrote them: "https://index.docker.io/v1/".
static bool names_host(const char *key, const char *origin, Arena *tmp) {
    const char *mark = strstr(key, "://"), *host = mark ? mark + 3 : key;
    const char *own = strstr(origin, "://") + 3;
    host = cstr_lower(tmp, arena_strndup(tmp, host, strcspn(host, "/")));
    bool hub = cstr_eq(host, "index.docker.io") || cstr_eq(host, "docker.io");
    return cstr_eq(hub ? "registry-1.docker.io" : host, own);
}

static const Value *find_entry(const Value *map, const char *origin, Arena *tmp) {
    for (size_t i = 0; map && map->kind == V_MAP && i < map->u.map.len; i++)
        if (names_host(map->u.map.items[i].key, origin, tmp))
            return value_member(map, i);
    return NULL;
}

// An entry of "auths": username and password, both in "auth", or an identity token.
static bool read_entry(OciLogin *out, const Value *entry, Arena *mem) {
    Str raw;
    const char *auth = value_get_text(entry, "auth"), *identity = value_get_text(entry, "identitytoken");
    *out = (OciLogin){.user = value_get_text(entry, "username"),
                      .password = value_get_text(entry, "password"),
                      .identity = *identity ? identity : NULL};
    if (*auth)
        log_mask(auth);
    if (*auth && base64_decode(&raw, auth, mem)) {
        char *text = str_dup(mem, raw), *colon = strchr(text, ':');
        if (colon) {
            *colon = 0;
            out->user = text;
            out->password = colon + 1;
        }
    }
    return out->identity || *out->password;
}

static bool has_helper(const Value *config, const char *origin, Arena *tmp) {
    return *value_get_text(config, "credsStore") ||
           find_entry(value_get(config, "credHelpers"), origin, tmp);
}

static bool login_from_docker(Search *s) {
    AutoArena tmp = arena_new(NULL);
    const char *home = host_env(s->host, "HOME"), *dir = host_env(s->host, "DOCKER_CONFIG");
    const char *path = fs_join(tmp, *dir ? dir : fs_join(tmp, home, ".docker"), "config.json");
    const char *source = arena_printf(s->mem, "docker config file %s", path);
    Str text;
    Value *config = NULL; // in s->mem: the login points into it
    AutoErr e = *dir || *home ? fs_read(&text, path, 1 << 20, s->mem)
                              : err_new(E_NOT_FOUND, "neither DOCKER_CONFIG nor HOME is set");
    AutoErr bad = e ? NULL : json_parse(&config, text, NULL, s->mem);
    if (e || bad) {
        give_up(s, source, e ? err_code(e) == E_NOT_FOUND ? "not there" : "cannot be read"
                             : "not JSON");
        return false;
    }
    const Value *entry = find_entry(value_get(config, "auths"), s->origin, tmp);
    if (entry && read_entry(s->found, entry, s->mem)) {
        s->found->source = source;
        return true;
    }
    *s->found = (OciLogin){0};
    give_up(s, source, has_helper(config, s->origin, tmp)
                           ? "credsStore and credHelpers are not supported, only auths"
                           : arena_printf(tmp, "auths has no credentials for %s",
                                          strstr(s->origin, "://") + 3));
    return false;
}

static bool login_from_environment(Search *s) {
    const char *user = host_env(s->host, "ATLAS_OCI_USERNAME");
    const char *password = host_env(s->host, "ATLAS_OCI_PASSWORD");
    if (!*user || !*password) {
        give_up(s, "environment", *user ? "ATLAS_OCI_PASSWORD is not set"
                                        : "ATLAS_OCI_USERNAME is not set");
        return false;
    }
    *s->found = (OciLogin){"ATLAS_OCI_USERNAME", arena_strdup(s->mem, user),
                          arena_strdup(s->mem, password), NULL};
    return true;
}

void oci_login_find(OciLogin *out, StrList *tried, Loop *loop, const char *origin, Arena *mem) {
    Search s = {.found = out, .tried = tried, .host = loop_host(loop), .origin = origin, .mem = mem};
    give_up(&s, "URL", "it has none");
    if (!login_from_docker(&s))
        login_from_environment(&s);
    oci_login_mask(out);
}
