#include "target.h"

static Err *open_primary(Repo *r, const RepoOptions *o, Arena *mem) {
    if (!cstr_empty(o->primary_url)) {
        r->primary = target_blob(o->primary_url, o->loop, mem);
    } else if (o->cloud && !cstr_empty(o->cloud->token)) {
        r->primary = target_cloud(o->cloud, o->loop, mem);
    }
    if (r->primary)
        r->primary->primary = true;
    return NULL;
}

Err *repo_open(Repo **out, const RepoOptions *o, Arena *mem) {
    Repo *r = *out = NEW(mem, Repo);
    *r = (Repo){.mem = mem, .loop = o->loop, .slug = o->slug, .min_copies = o->min_copies};
    TRY(slug_check(o->slug));
    TRY(open_primary(r, o, mem));
    for (size_t i = 0; i < o->backups.len; i++)
        list_push(&r->backups, mem, target_blob(o->backups.items[i], o->loop, mem));
    if (!r->primary && !r->backups.len)
        return err_hint(err_new(E_LOGIN, "command requires 'atlas login'"),
                        "set ATLAS_TOKEN, or give the repository a home of its own: repo { url = "
                        "\"s3://...\" } or backup = [...] in atlas.hcl");
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
    if (!t->broken && (err_code(e) == E_TIMEOUT || err_code(e) == E_UNREACHABLE))
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

Err *repo_list_slugs(StrList *out, Repo *r, Arena *mem) {
    Targets all = repo_targets(r, mem);
    for (size_t i = 0; i < all.len; i++) {
        Target *t = all.items[i];
        if (t->broken || !t->driver->list_slugs)
            continue;
        StrList slugs = {0};
        TRY(t->driver->list_slugs(&slugs, t, mem));
        for (size_t k = 0; k < slugs.len; k++)
            if (!strlist_has(out, slugs.items[k]))
                list_push(out, mem, slugs.items[k]);
    }
    return NULL;
}
