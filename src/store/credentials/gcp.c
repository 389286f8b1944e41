// Which source gives the token, and keeping it.
#include "gcp.h"
#include "common.h"
#include "gcp_grant.h"

struct GcpCredentials {
    GcpParams params;
    Loop *loop;
    Arena *mem;
    GcpToken token;
    bool have_token; // of whatever age
    bool busy;       // a task is getting one
    Err *failure;    // of the last attempt
};

static void free_failure(void *arg) { err_free(((GcpCredentials *)arg)->failure); }

GcpCredentials *gcp_credentials_new(const GcpParams *params, Loop *loop, Arena *mem) {
    GcpCredentials *c = NEW(mem, GcpCredentials);
    *c = (GcpCredentials){.params = *params, .loop = loop, .mem = mem};
    arena_on_free(mem, free_failure, c);
    return c;
}

// --- sources, in their order --------------------------------------------------------------------

typedef struct Ask {
    const GcpParams *params;
    const GcpGrant *grant;
    const Host *host;
    Tried *tried;
    const char *name;
} Ask;

// Each sets *served, or says in `tried` why it does not serve. A source that is there but fails is
// an error: the next one might be an account that nobody meant.
typedef Err *Source(GcpToken *out, bool *served, const Ask *a);

static Err *ask_anonymous(GcpToken *out, bool *served, const Ask *a) {
    (void)out;
    *served = a->params->anonymous;
    return NULL;
}

static Err *ask_key(GcpToken *out, bool *served, const Ask *a) {
    const char *path = a->params->key_path;
    *served = !cstr_empty(path);
    if (*served)
        return gcp_key_file_token(out, a->grant, path, a->params->access_id);
    tried(a->tried, a->name, "%s",
          cstr_empty(a->params->access_id) ? "not in the URL" : "access_id without the key's path");
    return NULL;
}

static Err *ask_emulator(GcpToken *out, bool *served, const Ask *a) {
    (void)out;
    *served = *host_env(a->host, a->name) != '\0';
    if (!*served)
        tried(a->tried, a->name, "not set");
    return NULL;
}

static Err *ask_environment(GcpToken *out, bool *served, const Ask *a) {
    const char *path = host_env(a->host, a->name);
    *served = *path != '\0';
    if (*served) {
        Err *e = gcp_file_token(out, a->grant, path);
        return e ? err_wrap(e, "%s", a->name) : NULL;
    }
    tried(a->tried, a->name, "not set");
    return NULL;
}

static Err *ask_gcloud(GcpToken *out, bool *served, const Ask *a) {
    Arena *mem = a->grant->mem;
    const char *dir = host_env(a->host, "CLOUDSDK_CONFIG"), *home = host_env(a->host, "HOME");
    if (!*dir && *home)
        dir = fs_join(mem, home, ".config/gcloud");
    const char *path = fs_join(mem, dir, "application_default_credentials.json");
    *served = *dir && fs_kind(path) != FS_ABSENT;
    if (*served)
        return gcp_file_token(out, a->grant, path);
    if (*dir)
        tried(a->tried, a->name, "no %s", path);
    else
        tried(a->tried, a->name, "neither CLOUDSDK_CONFIG nor HOME is set");
    return NULL;
}

static Err *ask_metadata(GcpToken *out, bool *served, const Ask *a) {
    AutoErr e = gcp_metadata_token(out, a->grant);
    *served = !e;
    if (e)
        tried(a->tried, a->name, "%s", err_text(e));
    return NULL;
}

static const struct {
    const char *name;
    Source *ask;
    bool of_stores; // only a store's URL or emulator can mean it
} sources[] = {
    {"anonymous", ask_anonymous, true},
    {"private_key_path", ask_key, true},
    {"STORAGE_EMULATOR_HOST", ask_emulator, true},
    {"GOOGLE_APPLICATION_CREDENTIALS", ask_environment, false},
    {"gcloud's application-default file", ask_gcloud, false},
    {"metadata server", ask_metadata, false},
};

static Err *find_token(GcpToken *out, const GcpCredentials *c, Arena *mem) {
    Tried attempts = {.mem = mem};
    const char *scope = c->params.scope;
    GcpGrant grant = {c->loop, c->params.universe, scope ? scope : GCP_SCOPE_STORAGE, mem};
    Ask ask = {&c->params, &grant, loop_host(c->loop), &attempts, NULL};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        bool served = false;
        if (scope && sources[i].of_stores)
            continue;
        *out = (GcpToken){0};
        ask.name = sources[i].name;
        TRY(sources[i].ask(out, &served, &ask));
        if (served) {
            log_debug("Google Cloud: credentials of %s", ask.name);
            return NULL;
        }
    }
    return tried_error(&attempts, "Google Cloud",
                       "set GOOGLE_APPLICATION_CREDENTIALS to a credential file, or run `gcloud "
                       "auth application-default login`");
}

// --- keeping it ---------------------------------------------------------------------------------

static bool is_idle(const void *arg) { return !((const GcpCredentials *)arg)->busy; }

static bool is_good(const GcpCredentials *c) {
    return c->have_token && credentials_are_fresh(c->token.expires, loop_host(c->loop));
}

static Err *renew(GcpCredentials *c) {
    AutoArena tmp = arena_new(NULL);
    GcpToken fresh = {0};
    err_free(c->failure);
    c->failure = NULL;
    c->busy = true;
    Err *e = find_token(&fresh, c, tmp);
    c->busy = false;
    c->have_token = !e;
    if (e) {
        c->failure = err_copy(e);
        return e;
    }
    c->token = fresh;
    if (fresh.text)
        c->token.text = arena_strdup(c->mem, fresh.text);
    return NULL;
}

Err *gcp_token(const char **out, GcpCredentials *c) {
    bool waited = false;
    for (; c->busy; waited = true)
        if (!loop_wait(c->loop, is_idle, c, -1))
            return err_new(E_TIMEOUT, "cancelled while waiting for an access token");
    if (!is_good(c) && waited && c->failure)
        return err_copy(c->failure);
    if (!is_good(c))
        TRY(renew(c));
    *out = c->token.text;
    return NULL;
}

void gcp_token_refused(GcpCredentials *c, const char *token) {
    if (c->have_token && cstr_eq(c->token.text, token)) // not renewed meanwhile
        c->have_token = false;
}
