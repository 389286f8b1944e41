// Grants between the runs of a pipeline. What comes out of a cache is not trusted: it counts only as
// far as its signature does.
#include "atlas/crypt.h"
#include "internal.h"

// Where the platform keeps folders between runs; NULL: it does not, or somebody else does the copying.
static const char *shared_folder(const GrantCache *c) {
    static const struct {
        const char *platform, *variable;
    } rows[] = {{"gitlab", "CI_PROJECT_DIR"}, {"bitbucket", "BITBUCKET_CLONE_DIR"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (cstr_eq(rows[i].platform, c->platform) && *host_env(c->host, rows[i].variable))
            return host_env(c->host, rows[i].variable);
    return NULL;
}

static bool uses_service(const GrantCache *c) {
    return cstr_eq(c->platform, "github") && github_is_there(c->host);
}

// Short tokens could be guessed from a grant: theirs stay on the machine.
static bool is_off(const GrantCache *c) {
    return cstr_empty(c->token) || strlen(c->token) < GRANT_MIN_TOKEN ||
           cstr_eq(host_env(c->host, "ATLAS_GRANT_CACHE"), "off");
}

// A home inside the shared folder is carried as it is.
static bool is_home(const char *folder, const Host *host, Arena *mem) {
    const char *home;
    AutoErr e = grant_home(&home, host, mem);
    return !e && home && cstr_eq(fs_absolute(mem, home), fs_absolute(mem, fs_join(mem, folder, ".atlas")));
}

static Err *fetch(Str *out, const GrantCache *c, Arena *mem) {
    const char *name = grant_file_name(mem, c->token), *folder = shared_folder(c);
    if (uses_service(c))
        return github_read(out, c, name, mem);
    if (folder && !is_home(folder, c->host, mem))
        return folder_read(out, folder, name, mem);
    return err_new(E_NOT_FOUND, "this platform's cache is carried by itself");
}

static void restore(const GrantCache *c, Arena *mem) {
    Grant g;
    Str text;
    bool found = false;
    AutoErr local = grant_load(&found, &g, c->token, c->aud, c->host, mem);
    if (local || (found && !grant_wants_renewal(&g, c->host)))
        return;
    AutoErr e = fetch(&text, c, mem);
    AutoErr bad = e ? NULL : grant_take(text, c->token, c->aud, c->host, mem);
    if (e || bad)
        log_debug("no grant was restored: %s", err_text(e ? e : bad));
    else
        log_debug("a grant was restored");
}

static Err *save(const GrantCache *c, const char *text, Arena *mem) {
    const char *name = grant_file_name(mem, c->token), *folder = shared_folder(c);
    Grant g;
    Str there;
    if (uses_service(c) && cstr_eq(text, c->before))
        return NULL;
    if (uses_service(c)) {
        TRY(grant_decode(&g, str_from(text), c->token, c->aud, c->host, mem));
        return github_write(c, name, str_from(text), g.iat, mem);
    }
    if (!folder || is_home(folder, c->host, mem))
        return NULL;
    AutoErr e = folder_read(&there, folder, name, mem);
    if (!e && str_eq(there, str_from(text)))
        return NULL;
    return folder_write(folder, name, str_from(text), c->host, mem);
}

void grant_cache_restore(GrantCache *c, Arena *mem) {
    c->before = "";
    if (is_off(c))
        return;
    restore(c, mem);
    AutoErr e = grant_text(&c->before, c->token, c->aud, c->host, mem);
    if (e)
        log_debug("the local grant: %s", err_text(e));
}

void grant_cache_save(const GrantCache *c, Arena *mem) {
    const char *text = "";
    if (is_off(c))
        return;
    AutoErr e = grant_text(&text, c->token, c->aud, c->host, mem);
    AutoErr failed = e || !*text ? NULL : save(c, text, mem);
    if (failed)
        log_warn("the grant was not saved for the next run: %s", err_text(failed));
    else if (e)
        log_debug("no grant to save: %s", err_text(e));
}
