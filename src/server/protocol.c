#include "protocol.h"

#include "atlas/pack.h"
#include "atlas/registry.h"

typedef struct Call {
    const ProtocolRequest *req;
    const Value *input;
    Arena *mem;
} Call;

typedef Err *(*Handler)(Value **data, const Call *c);

// --- operations ---------------------------------------------------------------------------------

static Err *open_repo(Repo **out, const Call *c) {
    const char *slug = value_get_text(c->input, "slug");
    if (!*slug)
        slug = value_get_text(c->input, "name");
    RepoOptions o = {.slug = slug, .primary_url = c->req->store_url, .loop = c->req->loop};
    return repo_open(out, &o, c->mem);
}

static Err *do_bot(Value **data, const Call *c) {
    Value *me = value_map(c->mem);
    value_set_str(me, c->mem, "name", c->req->user, 0);
    value_set_str(me, c->mem, "org", "self-hosted", 0);
    *data = me;
    return NULL;
}

static Err *do_dir_state(Value **data, const Call *c) {
    Repo *repo = NULL;
    ReadResult r;
    TRY(open_repo(&repo, c));
    const char *tag = value_get_text(c->input, "tag"), *version = value_get_text(c->input, "version");
    ReadParams p = {.kind = ARTIFACT_MIGRATIONS, .tag = *tag ? tag : NULL,
                    .version = *version ? version : NULL};
    TRY(repo_read(&r, repo, &p, c->mem));
    if (r.cut_version)
        return err_new(E_NOT_FOUND, "version \"%s\" not found", r.cut_version);
    Str bytes;
    TRY(body_bytes(&bytes, &r.artifact, c->mem));
    Value *state = value_map(c->mem);
    value_set_str(state, c->mem, "content", base64_encode(c->mem, bytes.ptr, bytes.len), 0);
    *data = state;
    return NULL;
}

static Err *do_dirs(Value **data, const Call *c) {
    StrList slugs = {0};
    Repo *any = NULL;
    RepoOptions o = {.slug = "x", .primary_url = c->req->store_url, .loop = c->req->loop};
    TRY(repo_open(&any, &o, c->mem));
    TRY(repo_list_slugs(&slugs, any, c->mem));
    Value *list = *data = value_list(c->mem);
    for (size_t i = 0; i < slugs.len; i++) {
        Value *input = value_map(c->mem), *state = NULL;
        value_set_str(input, c->mem, "slug", slugs.items[i], 0);
        Err *e = do_dir_state(&state, &(Call){c->req, input, c->mem});
        if (e) { // a schema, or a repository without a push
            err_free(e);
            continue;
        }
        Value *dir = value_map(c->mem);
        value_set_str(dir, c->mem, "name", slugs.items[i], 0);
        value_set_str(dir, c->mem, "slug", slugs.items[i], 0);
        value_set(dir, c->mem, "content", value_get(state, "content"), 0);
        value_push(list, c->mem, dir);
    }
    return NULL;
}

// The version of a migration directory is that of its last file.
static const char *archive_version(Str archive, Err **error, Arena *mem);

static Err *push(Value **data, const Call *c, const char *tag) {
    Repo *repo = NULL;
    Str bytes;
    PushResult r;
    Err *bad = NULL;
    if (c->req->role < ROLE_PUSH)
        return err_new(E_DENIED, "forbidden: the token may only read");
    TRY(open_repo(&repo, c));
    if (!base64_decode(&bytes, value_get_text(c->input, "dir"), c->mem))
        return err_new(E_INVALID, "invalid dir: not base64");
    const char *version = archive_version(bytes, &bad, c->mem);
    TRY(bad);
    const char *driver = cstr_lower(c->mem, value_get_text(c->input, "driver"));
    PushParams p = {.kind = ARTIFACT_MIGRATIONS, .artifact = body_from(bytes), .version = version,
                    .tag = tag, .latest = !tag, .driver = *driver ? driver : NULL,
                    .context = value_get_fold(c->input, "context")};
    TRY(repo_push(&r, repo, &p, c->mem));
    Value *v = *data = value_map(c->mem);
    value_set_str(v, c->mem, "url", arena_printf(c->mem, "%s/dirs/%s%s%s", c->req->public_url,
                                                 r.slug, tag ? "/tags/" : "", tag ? tag : ""), 0);
    value_set_str(v, c->mem, "slug", r.slug, 0);
    value_set_str(v, c->mem, "digest", r.digest, 0);
    return NULL;
}

static Err *do_push_dir(Value **data, const Call *c) {
    const char *tag = value_get_text(c->input, "tag");
    return push(data, c, *tag ? tag : NULL);
}

static Err *do_sync_dir(Value **data, const Call *c) { return push(data, c, NULL); }

static Err *record(Value **data, const Call *c, const Value *report) {
    const char *slug = value_get_text(report, "dirName");
    const char *target = value_get_text(value_get_fold(report, "target"), "id");
    Repo *repo = NULL;
    ReportResult r;
    if (c->req->role < ROLE_PUSH)
        return err_new(E_DENIED, "forbidden: the token may only read");
    RepoOptions o = {.slug = slug, .primary_url = c->req->store_url, .loop = c->req->loop};
    TRY(repo_open(&repo, &o, c->mem));
    TRY(repo_report(&r, repo, report, false, cstr_or(target, "unknown"), c->mem));
    Value *v = *data = value_map(c->mem);
    value_set_str(v, c->mem, "url", arena_printf(c->mem, "%s/deployments/%s/%s", c->req->public_url,
                                                 slug, name_escape(c->mem, target)), 0);
    return NULL;
}

static Err *do_report(Value **data, const Call *c) { return record(data, c, c->input); }

static Err *do_report_set(Value **data, const Call *c) {
    const Value *completed = value_get_fold(c->input, "completed");
    for (size_t i = 0; i < value_len(completed); i++)
        TRY(record(data, c, value_at(completed, i)));
    Value *v = *data = value_map(c->mem);
    value_set_str(v, c->mem, "url", arena_printf(c->mem, "%s/deployments/sets/%s",
                                                 c->req->public_url,
                                                 value_get_text(c->input, "id")), 0);
    return NULL;
}

static const struct {
    const char *field; // of the answer; matched as the document's first selection
    Handler fn;
} operations[] = {
    {"me", do_bot},
    {"dirState", do_dir_state},
    {"dirs", do_dirs},
    {"pushDir", do_push_dir},
    {"diffSyncDir", do_sync_dir},
    {"reportMigration", do_report},
    {"reportMigrationSet", do_report_set},
};

// --- archive ------------------------------------------------------------------------------------

static const char *archive_version(Str archive, Err **error, Arena *mem) {
    PackEntries entries = {0};
    const char *last = NULL;
    *error = pack_untar(&entries, archive, mem);
    for (size_t i = 0; !*error && i < entries.len; i++) {
        const char *name = entries.items[i].name;
        if (cstr_ends(name, ".sql") && (!last || strcmp(name, last) > 0))
            last = name;
    }
    if (!last)
        return NULL;
    size_t len = strcspn(last, "_");
    return arena_strndup(mem, last, len < strlen(last) ? len : strlen(last) - strlen(".sql"));
}

// --- dispatch -----------------------------------------------------------------------------------

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The first field that the document selects: the word after its first "{". With an alias
// ("x: field") the field.
static char *first_field(const char *query, const char **alias, Arena *mem) {
    const char *p = strchr(query, '{');
    *alias = NULL;
    for (int n = 0; p && n < 2; n++) {
        p++;
        while (*p && !is_word(*p))
            p++;
        size_t len = 0;
        while (is_word(p[len]))
            len++;
        const char *next = p + len;
        while (*next == ' ')
            next++;
        char *word = arena_strndup(mem, p, len);
        if (*next != ':' || *alias)
            return word;
        *alias = word;
        p = next;
    }
    return arena_strdup(mem, "");
}

const char *protocol_error(const char *message, Arena *mem) {
    Value *root = value_map(mem), *list = value_list(mem), *e = value_map(mem);
    value_set_str(e, mem, "message", message, 0);
    value_push(list, mem, e);
    value_set(root, mem, "errors", list, 0);
    return json_text(mem, root, JSON_PLAIN);
}

static int http_status(const Err *e) {
    switch (err_code(e)) {
    case E_DENIED:
        return 403;
    case E_UNREACHABLE:
    case E_TIMEOUT:
    case E_IO:
    case E_NO_STORE:
        return 503;
    default:
        return 200; // GraphQL errors travel with 200
    }
}

static int fail(const char **answer, Err *e, Arena *mem) {
    int status = http_status(e);
    const char *text = err_code(e) == E_NOT_FOUND ? "not found" : err_text(e);
    if (status == 503)
        log_warn("%s", err_text(e));
    *answer = protocol_error(log_redact(mem, text), mem);
    err_free(e);
    return status;
}

int protocol_answer(const char **answer, const ProtocolRequest *req, Arena *mem) {
    Value *root = NULL, *data = NULL;
    Err *e = json_parse(&root, req->body, "request", mem);
    if (e) {
        fail(answer, e, mem);
        return 400;
    }
    const char *alias = NULL;
    const char *field = first_field(value_get_text(root, "query"), &alias, mem);
    Call c = {req, value_get_fold(value_get_fold(root, "variables"), "input"), mem};
    e = err_new(E_UNSUPPORTED, "this registry does not know the operation \"%s\"", field);
    for (size_t i = 0; i < COUNT_OF(operations); i++)
        if (cstr_eq(operations[i].field, field)) {
            err_free(e);
            e = operations[i].fn(&data, &c);
            break;
        }
    if (e)
        return fail(answer, e, mem);
    Value *out = value_map(mem), *fields = value_map(mem);
    value_set(fields, mem, alias ? alias : field, data, 0);
    value_set(out, mem, "data", fields, 0);
    *answer = json_text(mem, out, JSON_PLAIN);
    return 200;
}
