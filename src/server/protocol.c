#include "protocol.h"

#include <strings.h>

#include "atlas/crypt.h"
#include "atlas/pack.h"
#include "atlas/registry.h"

typedef struct Call {
    const ProtocolRequest *req;
    const Value *input;
    const char *field, *alias; // of the document
    const char *slug;
    const char *key;   // out: an answer to keep; NULL: none
    const char *grant; // out: signed for the token
    Str *ready;        // out: the whole answer, kept from before
    AnswersPage *page; // out: where
    Arena *mem;
} Call;

typedef Err *(*Handler)(Value **data, Call *c);

// --- operations ---------------------------------------------------------------------------------

static Err *open_slug(Repo **out, const Call *c, const char *slug) {
    RepoOptions o = {.slug = slug, .home = c->req->home, .loop = c->req->loop};
    return repo_open(out, &o, c->mem);
}

// Clients name a repository by one of several members.
static Err *open_repo(Repo **out, Call *c) {
    static const char *const members[] = {"slug", "schemaSlug", "name"};
    const char *slug = "";
    for (size_t i = 0; i < COUNT_OF(members) && !*slug; i++)
        slug = value_get_text(c->input, members[i]);
    c->slug = slug;
    return open_slug(out, c, slug);
}

static Err *may_write(const Call *c) {
    return c->req->role < ROLE_PUSH ? err_new(E_DENIED, "forbidden: the token may only read") : NULL;
}

static const char *or_null(const char *text) { return *text ? text : NULL; }

static void set_text(Value *v, const Call *c, const char *name, const char *text) {
    value_set_str(v, c->mem, name, text, 0);
}

// The page of a thing, as the answers' links name it.
static const char *page(const Call *c, const char *fmt, ...) PRINTF(2, 3);
static const char *page(const Call *c, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *path = arena_vprintf(c->mem, fmt, ap);
    va_end(ap);
    return arena_printf(c->mem, "%s/%s", c->req->public_url, path);
}

#define ORG "self-hosted"

// The grant travels in a header: clients of other registries ask the same question.
static Err *do_bot(Value **data, Call *c) {
    Value *me = *data = value_map(c->mem);
    set_text(me, c, "name", c->req->user);
    set_text(me, c, "org", ORG);
    Time now = host_now(loop_host(c->req->loop)), end = now;
    end.sec += GRANT_LIFE_S;
    SignedGrant g = {.iss = c->req->public_url, .org = ORG, .sub = c->req->user, .iat = now, .exp = end};
    if (!c->req->keys->len || cstr_empty(c->req->token))
        return NULL;
    g.tok = grant_tok(c->mem, c->req->token);
    c->grant = signed_grant_encode(&g, &c->req->keys->items[0], c->mem);
    return NULL;
}

// --- reading ------------------------------------------------------------------------------------

static bool have_answer(void *ctx, const char *digest) {
    Call *c = ctx;
    if (!c->field)
        return false; // a part of another answer
    c->key = arena_printf(c->mem, "%s %s %s %s", c->field, cstr_or(c->alias, ""), c->slug, digest);
    c->ready = answers_find(c->req->answers, c->key, &c->page);
    return c->ready != NULL;
}

// With c->ready set the artifact was not read: the answer is there.
static Err *read_artifact(ReadResult *out, Call *c, ArtifactKind kind) {
    Repo *repo = NULL;
    TRY(open_repo(&repo, c));
    ReadParams p = {.kind = kind, .have = have_answer, .have_ctx = c,
                    .tag = or_null(value_get_text(c->input, "tag")),
                    .version = or_null(value_get_text(c->input, "version"))};
    if (p.tag && p.version)
        return err_new(E_INVALID, "invalid input: tag and version exclude each other");
    TRY(repo_read(out, repo, &p, c->mem));
    return out->cut_version ? err_new(E_NOT_FOUND, "version \"%s\" not found", out->cut_version)
                            : NULL;
}

static Err *do_dir_state(Value **data, Call *c) {
    ReadResult r;
    Str bytes;
    TRY(read_artifact(&r, c, ARTIFACT_MIGRATIONS));
    if (c->ready)
        return NULL;
    TRY(body_bytes(&bytes, &r.artifact, c->mem));
    Value *state = *data = value_map(c->mem);
    set_text(state, c, "content", base64_encode(c->mem, bytes.ptr, bytes.len));
    return NULL;
}

static Err *do_schema_state(Value **data, Call *c) {
    ReadResult r;
    Str bytes;
    TRY(read_artifact(&r, c, ARTIFACT_SCHEMA));
    if (c->ready)
        return NULL;
    TRY(body_bytes(&bytes, &r.artifact, c->mem));
    Value *state = *data = value_map(c->mem);
    value_set(state, c->mem, "hcl", value_bytes(c->mem, bytes), 0);
    return NULL;
}

static Err *list_repos(RepoInfos *out, const Call *c) {
    Repo *any = NULL;
    StrList warnings = {0};
    TRY(open_slug(&any, c, NULL));
    return repo_list(out, &warnings, any, c->mem);
}

static Err *do_dirs(Value **data, Call *c) {
    RepoInfos infos = {0};
    TRY(list_repos(&infos, c));
    Value *list = *data = value_list(c->mem);
    for (size_t i = 0; i < infos.len; i++) {
        const char *slug = infos.items[i].slug;
        Value *input = value_map(c->mem), *state = NULL;
        if (!cstr_eq(infos.items[i].type, "MIGRATION_DIRECTORY"))
            continue;
        set_text(input, c, "slug", slug);
        Err *e = do_dir_state(&state, &(Call){.req = c->req, .input = input, .mem = c->mem});
        if (err_code(e) == E_NOT_FOUND) { // made, and never pushed to
            err_free(e);
            continue;
        }
        TRY(e);
        Value *dir = value_map(c->mem);
        set_text(dir, c, "name", slug);
        set_text(dir, c, "slug", slug);
        value_set(dir, c->mem, "content", value_get(state, "content"), 0);
        value_push(list, c->mem, dir);
    }
    return NULL;
}

// --- pushing ------------------------------------------------------------------------------------

// The version of a migration directory is that of its last file.
static Err *archive_version(const char **out, Str archive, Arena *mem) {
    PackEntries entries = {0};
    const char *last = NULL;
    TRY(pack_untar(&entries, archive, mem));
    for (size_t i = 0; i < entries.len; i++) {
        const char *name = entries.items[i].name;
        if (cstr_ends(name, ".sql") && (!last || strcmp(name, last) > 0))
            last = name;
    }
    *out = NULL;
    if (!last)
        return NULL;
    size_t len = strcspn(last, "_");
    *out = arena_strndup(mem, last, len < strlen(last) ? len : strlen(last) - strlen(".sql"));
    return NULL;
}

static Err *push(PushResult *out, Call *c, PushParams *p) {
    Repo *repo = NULL;
    const char *driver = cstr_lower(c->mem, value_get_text(c->input, "driver"));
    TRY(may_write(c));
    TRY(open_repo(&repo, c));
    p->driver = or_null(driver);
    p->context = value_get_fold(c->input, "context");
    return repo_push(out, repo, p, c->mem);
}

static Err *push_dir(Value **data, Call *c, const char *tag) {
    Str bytes;
    PushResult r;
    PushParams p = {.kind = ARTIFACT_MIGRATIONS, .tag = tag, .latest = !tag};
    TRY(may_write(c));
    if (!base64_decode(&bytes, value_get_text(c->input, "dir"), c->mem))
        return err_new(E_INVALID, "invalid dir: not base64");
    TRY(archive_version(&p.version, bytes, c->mem));
    p.artifact = body_from(bytes);
    TRY(push(&r, c, &p));
    Value *v = *data = value_map(c->mem);
    set_text(v, c, "url", page(c, "dirs/%s%s%s", r.slug, tag ? "/tags/" : "", tag ? tag : ""));
    set_text(v, c, "slug", r.slug);
    set_text(v, c, "digest", r.digest);
    return NULL;
}

static Err *do_push_dir(Value **data, Call *c) {
    return push_dir(data, c, or_null(value_get_text(c->input, "tag")));
}

static Err *do_sync_dir(Value **data, Call *c) { return push_dir(data, c, NULL); }

static Err *do_push_schema(Value **data, Call *c) {
    const Value *hcl = value_get_fold(c->input, "hcl");
    PushResult r;
    PushParams p = {.kind = ARTIFACT_SCHEMA, .tag = or_null(value_get_text(c->input, "tag")),
                    .version = or_null(value_get_text(c->input, "version"))};
    if (!hcl || hcl->kind != V_STR)
        return err_new(E_INVALID, "invalid hcl: it is missing");
    p.artifact = body_from(hcl->u.s);
    p.latest = !p.tag;
    TRY(push(&r, c, &p));
    Value *v = *data = value_map(c->mem);
    set_text(v, c, "url", r.url);
    set_text(v, c, "link", page(c, "schemas/%s%s%s", r.slug, p.tag ? "/tags/" : "", p.tag ? p.tag : ""));
    set_text(v, c, "slug", r.slug);
    set_text(v, c, "digest", r.digest);
    set_text(v, c, "version", r.version);
    return NULL;
}

// --- plans --------------------------------------------------------------------------------------

static const char *plan_page(const Call *c, const char *slug, const char *name) {
    return page(c, "schemas/%s/plans/%s", slug, url_encode(c->mem, name, false));
}

static Value *plan_value(const Call *c, const Plan *p) {
    Value *v = value_map(c->mem);
    Digest id = sha256(str_from(arena_printf(c->mem, "%s/%s", p->slug, p->name)));
    value_set_int(v, c->mem, "id", (int64_t)(id.bytes[0] & 0x7F) << 24 | (int64_t)id.bytes[1] << 16 |
                                       (int64_t)id.bytes[2] << 8 | id.bytes[3], 0);
    set_text(v, c, "name", p->name);
    set_text(v, c, "schemaSlug", p->slug);
    set_text(v, c, "status", p->status);
    set_text(v, c, "fromHash", p->from);
    set_text(v, c, "toHash", p->to);
    set_text(v, c, "url", p->url);
    set_text(v, c, "link", plan_page(c, p->slug, p->name));
    set_text(v, c, "migration", p->migration);
    return v;
}

static Err *do_plan_create(Value **data, Call *c) {
    PlanSpec spec = {.name = value_get_text(c->input, "name"),
                     .from = value_get_text(c->input, "fromHash"),
                     .to = value_get_text(c->input, "toHash"),
                     .migration = value_get_text(c->input, "migration"),
                     .approved = cstr_eq(value_get_text(c->input, "status"), "APPROVED")};
    PushParams p = {.kind = ARTIFACT_PLAN, .plan = &spec};
    PushResult r;
    if (!*spec.name || !*spec.from || !*spec.to)
        return err_new(E_INVALID, "invalid plan: name, fromHash and toHash are needed");
    p.artifact = body_from(plan_file_text(&spec, c->mem));
    TRY(push(&r, c, &p));
    *data = plan_value(c, &(Plan){.name = spec.name, .slug = r.slug, .status = r.status,
                                  .from = spec.from, .to = spec.to, .url = r.url,
                                  .migration = spec.migration});
    return NULL;
}

static Err *do_plan_read(Value **data, Call *c) {
    Repo *repo = NULL;
    StrList warnings = {0};
    Plan plan;
    TRY(open_repo(&repo, c));
    TRY(repo_plan_read(&plan, &warnings, repo, value_get_text(c->input, "name"), c->mem));
    *data = plan_value(c, &plan);
    return NULL;
}

static Err *do_plan_list(Value **data, Call *c) {
    Repo *repo = NULL;
    StrList warnings = {0};
    PlanList plans = {0};
    TRY(open_repo(&repo, c));
    TRY(repo_plan_list(&plans, &warnings, repo, value_get_text(c->input, "fromHash"),
                       value_get_text(c->input, "toHash"), c->mem));
    Value *list = *data = value_list(c->mem);
    for (size_t i = 0; i < plans.len; i++)
        value_push(list, c->mem, plan_value(c, &plans.items[i]));
    return NULL;
}

static Err *do_plan_approve(Value **data, Call *c) {
    Repo *repo = NULL;
    StrList warnings = {0};
    Plan plan;
    TRY(may_write(c));
    TRY(open_repo(&repo, c));
    TRY(repo_plan_approve(&plan, &warnings, repo, value_get_text(c->input, "name"),
                          value_get_fold(c->input, "context"), c->mem));
    *data = plan_value(c, &plan);
    return NULL;
}

// --- repositories -------------------------------------------------------------------------------

static Value *repo_value(const Call *c, const RepoInfo *r) {
    bool schema = cstr_eq(r->type, "SCHEMA");
    Value *v = value_map(c->mem);
    set_text(v, c, "id", r->id);
    set_text(v, c, "slug", r->slug);
    set_text(v, c, "title", r->title);
    set_text(v, c, "type", r->type);
    set_text(v, c, "driver", r->driver);
    set_text(v, c, "url", page(c, "%s/%s", schema ? "schemas" : "dirs", r->slug));
    value_set_int(v, c->mem, "synced", r->synced, 0);
    value_set_int(v, c->mem, "failed", r->failed, 0);
    value_set_int(v, c->mem, "pending", r->pending, 0);
    return v;
}

static Err *do_repo_create(Value **data, Call *c) {
    Repo *repo = NULL;
    RepoInfo info = {0};
    const char *type = value_get_text(c->input, "type");
    TRY(may_write(c));
    if (!cstr_eq(type, "SCHEMA") && !cstr_eq(type, "MIGRATION_DIRECTORY"))
        return err_new(E_INVALID, "invalid type \"%s\": it must be SCHEMA or MIGRATION_DIRECTORY", type);
    TRY(open_repo(&repo, c));
    TRY(repo_create(&info, repo, type, cstr_lower(c->mem, value_get_text(c->input, "driver")),
                    value_get_text(c->input, "title"), c->mem));
    *data = repo_value(c, &info);
    return NULL;
}

static Err *do_repos(Value **data, Call *c) {
    RepoInfos infos = {0};
    TRY(list_repos(&infos, c));
    Value *list = *data = value_list(c->mem);
    for (size_t i = 0; i < infos.len; i++)
        value_push(list, c->mem, repo_value(c, &infos.items[i]));
    return NULL;
}

static Err *do_repo(Value **data, Call *c) {
    Repo *repo = NULL;
    RepoInfo info;
    StrList warnings = {0};
    TRY(open_repo(&repo, c));
    TRY(repo_describe(&info, &warnings, repo, c->mem));
    *data = repo_value(c, &info);
    return NULL;
}

// --- reports ------------------------------------------------------------------------------------

// Clients hide passwords before they report; whoever does not must not leave one in the store.
static const Value *without_secrets(const Value *report, Arena *mem) {
    const Value *target = value_get_fold(report, "target");
    const char *url = value_get_text(target, "url"), *clean = url_redact(mem, url);
    if (!target || target->kind != V_MAP || cstr_eq(url, clean))
        return report;
    Value *copy = value_copy(mem, report);
    value_set_str(value_get_fold(copy, "target"), mem, "url", clean, 0);
    return copy;
}

static Err *record(Value **data, const Call *c, const Value *report) {
    const char *slug = value_get_text(report, "dirName");
    const char *target = value_get_text(value_get_fold(report, "target"), "id");
    Repo *repo = NULL;
    ReportResult r;
    TRY(may_write(c));
    TRY(open_slug(&repo, c, slug));
    TRY(repo_report(&r, repo, without_secrets(report, c->mem), false, cstr_or(target, "unknown"), c->mem));
    Value *v = *data = value_map(c->mem);
    set_text(v, c, "url", page(c, "deployments/%s/%s", slug, name_escape(c->mem, target)));
    return NULL;
}

static Err *do_report(Value **data, Call *c) { return record(data, c, c->input); }

static Err *do_report_set(Value **data, Call *c) {
    const Value *completed = value_get_fold(c->input, "completed");
    for (size_t i = 0; i < value_len(completed); i++)
        TRY(record(data, c, value_at(completed, i)));
    Value *v = *data = value_map(c->mem);
    set_text(v, c, "url", page(c, "deployments/sets/%s", value_get_text(c->input, "id")));
    return NULL;
}

static Err *do_report_lint(Value **data, Call *c) {
    TRY(may_write(c));
    Value *v = *data = value_map(c->mem);
    set_text(v, c, "url", c->req->public_url);
    return NULL;
}

// --- going down ---------------------------------------------------------------------------------

// This registry asks for no approval of `migrate down`: there is no plan to wait for.
static Err *do_protected_flows(Value **data, Call *c) {
    Value *v = *data = value_map(c->mem), *flows = value_map(c->mem);
    value_set_bool(flows, c->mem, "migrateDown", false, 0);
    value_set(v, c->mem, "protectedFlows", flows, 0);
    return NULL;
}

static Err *do_null(Value **data, Call *c) {
    *data = value_null(c->mem);
    return NULL;
}

static const struct {
    const char *field; // of the answer, in any case; the document's first selection
    Handler fn;
} operations[] = {
    {"me", do_bot},
    {"dirState", do_dir_state},
    {"dirs", do_dirs},
    {"dir", do_protected_flows},
    {"pushDir", do_push_dir},
    {"diffSyncDir", do_sync_dir},
    {"schemaState", do_schema_state},
    {"pushSchema", do_push_schema},
    {"declarativePlanByHashes", do_plan_list},
    {"declarativePlanByName", do_plan_read},
    {"createDeclarativePlan", do_plan_create},
    {"approveDeclarativePlan", do_plan_approve},
    {"createRepo", do_repo_create},
    {"repos", do_repos},
    {"repo", do_repo},
    {"reportMigration", do_report},
    {"reportMigrationSet", do_report_set},
    {"reportMigrationDown", do_report},
    {"reportMigrationLint", do_report_lint},
    {"migratePlanByExtID", do_null},
    {"migrateTargetByExtID", do_null},
};

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

static ProtocolAnswer fail(Err *e, int status, Arena *mem) {
    const char *text = err_code(e) == E_NOT_FOUND ? "not found" : err_text(e);
    if (status == 503)
        log_warn("%s", err_text(e));
    ProtocolAnswer a = {.status = status};
    a.text = str_from(protocol_error(log_redact(mem, text), mem));
    err_free(e);
    return a;
}

// What is there must be a text: a tag of another type is not "no tag".
static Err *check_input(const Value *input) {
    static const char *const texts[] = {"slug",     "name",   "schemaSlug", "tag",       "version",
                                        "driver",   "dir",    "hcl",        "hash",      "fromHash",
                                        "toHash",   "status", "type",       "migration", "title",
                                        "digest"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const Value *v = value_get_fold(input, texts[i]);
        if (v && v->kind != V_NULL && (v->kind != V_STR || memchr(v->u.s.ptr, 0, v->u.s.len)))
            return err_new(E_INVALID, "invalid %s: it must be a string", texts[i]);
    }
    return NULL;
}

static Err *dispatch(Value **data, Call *c) {
    TRY(check_input(c->input));
    for (size_t i = 0; i < COUNT_OF(operations); i++)
        if (strcasecmp(operations[i].field, c->field) == 0)
            return operations[i].fn(data, c);
    return err_new(E_UNSUPPORTED, "this registry does not know the operation \"%s\"", c->field);
}

// These say "not found" without a body, as the protocol's clients expect.
static bool answers_404(const char *field) {
    return strcasecmp(field, "schemaState") == 0 || strcasecmp(field, "declarativePlanByName") == 0;
}

ProtocolAnswer protocol_answer(const ProtocolRequest *req, Arena *mem) {
    Value *root = NULL, *data = NULL;
    Err *e = json_parse(&root, req->body, "request", mem);
    if (e)
        return fail(e, 400, mem);
    Call c = {.req = req, .mem = mem,
              .input = value_get_fold(value_get_fold(root, "variables"), "input")};
    c.field = first_field(value_get_text(root, "query"), &c.alias, mem);
    e = dispatch(&data, &c);
    if (c.ready && !e)
        return (ProtocolAnswer){.status = 200, .text = *c.ready, .page = c.page};
    answers_release(c.page);
    if (err_code(e) == E_NOT_FOUND && answers_404(c.field)) {
        err_free(e);
        return (ProtocolAnswer){.status = 404, .text = str_from("")};
    }
    if (e)
        return fail(e, http_status(e), mem);
    Value *out = value_map(mem), *fields = value_map(mem);
    value_set(fields, mem, c.alias ? c.alias : c.field, data, 0);
    value_set(out, mem, "data", fields, 0);
    Str text = str_from(json_text(mem, out, JSON_PLAIN));
    if (c.key)
        answers_keep(req->answers, c.key, text);
    return (ProtocolAnswer){.status = 200, .text = text, .grant = c.grant};
}
