#include "atlas/grant.h"
#include "target.h"

static void free_broken(void *target) { err_free(((Target *)target)->broken); }

void target_init(Target *t, const TargetDriver *driver, const char *url, Loop *loop, Arena *mem) {
    *t = (Target){.driver = driver, .url = url_redact_stars(mem, url), .loop = loop, .mem = mem};
    arena_on_free(mem, free_broken, t);
}

Target *target_open(const char *url, Loop *loop, Arena *mem) {
    bool oci = cstr_starts(url, "oci://") || cstr_starts(url, "oci+http://");
    return oci ? target_oci(url, loop, mem) : target_blob(url, loop, mem);
}

void target_share(Target *t) {
    t->shared = true;
    if (t->driver->share)
        t->driver->share(t);
}

Err *repo_home_open(RepoHome **out, const char *url, const char *sign_key, Loop *loop, Arena *mem) {
    static const StrList none;
    Trust *trust = NULL;
    TRY(trust_open(&trust, &none, &none, sign_key, mem));
    *out = target_open(url, loop, mem);
    (*out)->trust = trust;
    if ((*out)->broken)
        return err_wrap(err_copy((*out)->broken), "%s", (*out)->url);
    target_share(*out);
    return NULL;
}

static Err *check_order(RepoHome *home, bool single_writer, Arena *mem) {
    bool ordered = false;
    if (single_writer)
        return NULL;
    if (home->driver->is_ordered)
        TRY(home->driver->is_ordered(&ordered, home, mem));
    return ordered ? NULL
                   : err_hint(err_new(E_USAGE, "the store has no conditional writes: of two writers at "
                                               "the same time one may be lost"),
                              "pass --single-writer if nobody but this server writes there");
}

Err *repo_home_check(RepoHome *home, bool single_writer, Arena *mem) {
    StrList ignored = {0};
    Err *e = home->driver->prepare ? home->driver->prepare(home) : NULL;
    if (!e)
        e = check_order(home, single_writer, mem);
    if (!e)
        e = home->driver->list_slugs(&ignored, home, mem);
    if (err_code(e) == E_UNSUPPORTED) { // it serves all but lists
        log_warn("%s: %s", home->url, err_text(e));
        err_free(e);
        return NULL;
    }
    return e ? err_wrap(e, "%s", home->url) : NULL;
}

static void open_targets(Repo *r, const RepoOptions *o, Arena *mem) {
    if (o->home)
        r->primary = o->home;
    else if (!cstr_empty(o->primary_url))
        r->primary = target_open(o->primary_url, o->loop, mem);
    else if (o->cloud && !cstr_empty(o->cloud->token))
        r->primary = target_cloud(o->cloud, o->loop, mem);
    for (size_t i = 0; i < o->backups.len; i++)
        list_push(&r->backups, mem, target_open(o->backups.items[i], o->loop, mem));
}

static Target **find_target(Repo *r, const char *name) {
    uint64_t n = 0;
    if (cstr_eq(name, "primary"))
        return r->primary ? &r->primary : NULL;
    if (!cstr_starts(name, "backup") || !cstr_to_u64(name + strlen("backup"), UINT32_MAX, &n))
        return NULL;
    return n >= 1 && n <= r->backups.len ? &r->backups.items[n - 1] : NULL;
}

// "primary:down,backup1:403,backup2:slow=5s": an otherwise real run in which these targets fail.
static Err *rehearse(Repo *r, const char *text, Arena *mem) {
    StrList rules = cstr_split(mem, text, ',');
    for (size_t i = 0; i < rules.len; i++) {
        const char *rule = cstr_trim(mem, rules.items[i]), *colon = strchr(rule, ':');
        const char *name = colon ? arena_strndup(mem, rule, (size_t)(colon - rule)) : rule;
        Target **at = find_target(r, name);
        if (!colon || !at)
            return err_hint(err_new(E_USAGE, "simulation \"%s\": %s", rule,
                                    colon ? "this repository has no such target"
                                          : "a rule is TARGET:FAILURE"),
                            "targets are primary and backup1 to backup%zu; for example "
                            "primary:down,backup1:503", r->backups.len);
        TRY(target_fault(at, *at, colon + 1, mem));
        log_warn("OUTAGE REHEARSAL: %s (%s) fails on purpose: %s", name, (*at)->url, colon + 1);
    }
    return NULL;
}

// The grant of the registry's token remembers how far signed refs had come.
static void count_signed(Repo *r, Trust *trust, const CloudConfig *cloud, Arena *mem) {
    Grant g;
    bool found = false;
    AutoErr e = grant_load(&found, &g, cloud->token, cloud->url, loop_host(r->loop), mem);
    if (e)
        log_debug("%s", err_text(e));
    r->cloud = cloud;
    trust->mem = mem;
    trust->met = value_map(mem);
    trust->seen = found && !g.gone ? g.seen : value_map(mem);
}

void repo_remember(const Repo *r, Arena *mem) {
    Grant g;
    bool found = false;
    const Host *host = loop_host(r->loop);
    const Value *met = r->trust ? r->trust->met : NULL;
    if (!r->cloud || !value_len(met))
        return;
    AutoErr e = grant_load(&found, &g, r->cloud->token, r->cloud->url, host, mem);
    if (e || !found || g.gone)
        return;
    for (size_t i = 0; i < met->u.map.len; i++) {
        const char *key = met->u.map.items[i].key;
        if (value_get_int(met, key) > value_get_int(g.seen, key))
            value_set_int(g.seen, mem, key, value_get_int(met, key), 0);
    }
    AutoErr failed = grant_store(&g, r->cloud->token, host, mem);
    if (failed)
        log_debug("the grant was not kept: %s", err_text(failed));
}

Err *repo_open(Repo **out, const RepoOptions *o, Arena *mem) {
    Repo *r = *out = NEW(mem, Repo);
    Trust *trust = NULL;
    *r = (Repo){.mem = mem, .loop = o->loop, .slug = o->slug, .min_copies = o->min_copies};
    if (o->slug)
        TRY(slug_check(o->slug));
    TRY(trust_open(&trust, &o->verify, &o->verify_approvals, o->sign_key, mem));
    r->trust = o->home ? o->home->trust : trust;
    if (o->cloud && trust->refs.len)
        count_signed(r, trust, o->cloud, mem);
    open_targets(r, o, mem);
    if (!r->primary && !r->backups.len)
        return err_hint(err_new(E_LOGIN, "command requires 'atlas login'"),
                        "set ATLAS_TOKEN, or give the repository a home of its own: repo { url = "
                        "\"s3://...\" } or backup = [...] in atlas.hcl");
    if (!cstr_empty(o->simulate))
        TRY(rehearse(r, o->simulate, mem));
    Targets all = repo_targets(r, mem);
    for (size_t i = 0; i < all.len; i++)
        all.items[i]->trust = r->trust;
    if (r->primary) {
        r->primary->primary = true;
        r->primary->fallback = r->backups.len > 0;
    }
    return NULL;
}

void repo_set_min_copies(Repo *r, int min_copies) { r->min_copies = min_copies; }
bool repo_has_cloud(const Repo *r) { return r->primary && r->primary->driver->push; }

Targets repo_targets(const Repo *r, Arena *mem) {
    Targets all = {0};
    if (r->primary)
        list_push(&all, mem, r->primary);
    for (size_t i = 0; i < r->backups.len; i++)
        list_push(&all, mem, r->backups.items[i]);
    return all;
}

bool error_is_eligible(const Err *e) {
    switch (err_code(e)) {
    case E_OK:
    case E_NOT_FOUND:
    case E_UNAUTHORIZED:
    case E_DENIED:
    case E_INVALID:
        return false;
    default:
        return true;
    }
}

Err *target_error(const Target *t, const Err *e) {
    Err *copy = err_copy(e);
    return t->driver->push ? copy : err_wrap(copy, "%s", t->url);
}

void target_mark_dead(Target *t, const Err *e) {
    if (!t->broken && !t->shared && (err_code(e) == E_TIMEOUT || err_code(e) == E_UNREACHABLE))
        t->broken = err_copy(e);
}

const char *age_text(Arena *mem, const Host *host, const char *pushed_at) {
    Time at;
    if (!time_parse_rfc3339(pushed_at, &at))
        return "of unknown age";
    int64_t s = host_now(host).sec - at.sec;
    if (s < 0)
        return "pushed just now";
    if (s < 120)
        return arena_printf(mem, "pushed %lld seconds ago", (long long)s);
    if (s < 7200)
        return arena_printf(mem, "pushed %lld minutes ago", (long long)s / 60);
    if (s < 172800)
        return arena_printf(mem, "pushed %lld hours ago", (long long)s / 3600);
    return arena_printf(mem, "pushed %lld days ago", (long long)s / 86400);
}

Err *repo_ask(void *out, StrList *warnings, Repo *r, TargetAsk ask, Arena *mem) {
    Targets all = repo_targets(r, mem);
    StrList causes = {0};
    for (size_t i = 0; i < all.len; i++) {
        Target *t = all.items[i];
        Err *e = t->broken ? err_copy(t->broken) : ask(out, t, r->slug, mem);
        if (!e && causes.len)
            list_push(warnings, mem, arena_printf(mem, "%s serves, as these failed: %s", t->url,
                                                  cstr_join(mem, &causes, "; ")));
        bool is_final = t->primary && !error_is_eligible(e);
        if (!e)
            return NULL;
        if (all.len == 1 || is_final) {
            Err *named = target_error(t, e);
            err_free(e);
            return named;
        }
        list_push(&causes, mem, arena_printf(mem, "%s: %s", t->url, err_text(e)));
        err_free(e);
    }
    return err_new(E_UNREACHABLE, "no target answers: %s", cstr_join(mem, &causes, "; "));
}

void progress_step(const Progress *p, size_t done, size_t total, const char *what) {
    if (p && p->step)
        p->step(p->ctx, done, total, what);
}
