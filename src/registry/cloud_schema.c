// Schemas, plans and repositories in the registry's protocol (cloud-protocol.md section 3). Where the
// protocol is not public (approving, repositories) the operations are those of `registry serve`.
#include "atlas/crypt.h"
#include "cloud.h"

#define PLAN_FIELDS "{ name schemaSlug status fromHash toHash link url migration }"
#define REPO_FIELDS "{ id slug title type driver url synced failed pending }"

static const char *web_page(const Value *answer, Arena *mem) {
    const char *link = value_get_text(answer, "link"), *url = value_get_text(answer, "url");
    if (*link)
        return arena_strdup(mem, link);
    return cstr_starts(url, "http") ? arena_strdup(mem, url) : NULL;
}

// --- schemas ------------------------------------------------------------------------------------

static Err *push_state(CloudTarget *t, const Artifact *a, CloudPush *p, const char *tag, Arena *mem) {
    Value *in = value_map(mem), *answer = NULL;
    Str text;
    TRY(body_bytes(&text, &a->body, mem));
    Digest hash = sha256(text);
    value_set_str(in, mem, "slug", a->slug, 0);
    if (tag)
        value_set_str(in, mem, "tag", tag, 0);
    value_set(in, mem, "hcl", value_bytes(mem, text), 0);
    value_set_str(in, mem, "hash", base64_encode(mem, hash.bytes, sizeof hash.bytes), 0);
    const char *driver = driver_enum(a->driver, mem);
    if (*driver)
        value_set_str(in, mem, "driver", driver, 0);
    if (!cstr_empty(p->version))
        value_set_str(in, mem, "version", p->version, 0);
    if (p->context)
        value_set(in, mem, "context", value_copy(mem, p->context), 0);
    TRY(cloud_ask(&answer, t, "mutation pushSchema($input: PushSchemaInput!) { pushSchema(input: "
                  "$input) { link slug url } }", "pushSchema", in, false, mem));
    if (!answer || answer->kind != V_MAP)
        return err_new(E_UNREACHABLE, "the registry's answer to pushSchema is empty");
    const char *page = web_page(answer, mem);
    if (page)
        p->link = page;
    return NULL;
}

Err *cloud_push_schema(CloudTarget *t, const Artifact *a, CloudPush *p, Arena *mem) {
    if (a->sql)
        return err_hint(err_new(E_UNSUPPORTED, "the registry's protocol carries schemas in HCL only"),
                        "push the HCL form of the schema");
    if (!p->tag || p->latest)
        TRY(push_state(t, a, p, NULL, mem));
    return p->tag ? push_state(t, a, p, p->tag, mem) : NULL;
}

Err *cloud_fetch_schema(Body *out, CloudTarget *t, const char *slug, const char *tag,
                        const char *version, Arena *mem) {
    Value *in = value_map(mem), *answer = NULL;
    value_set_str(in, mem, "slug", slug, 0);
    if (tag)
        value_set_str(in, mem, "tag", tag, 0);
    if (version)
        value_set_str(in, mem, "version", version, 0);
    TRY(cloud_ask(&answer, t, "query schemaState($input: SchemaStateInput!) { schemaState(input: "
                  "$input) { hcl } }", "schemaState", in, false, mem));
    const Value *hcl = value_get_fold(answer, "hcl");
    if (!hcl || hcl->kind != V_STR)
        return err_new(E_UNREACHABLE, "the registry's answer holds no schema");
    *out = body_from(hcl->u.s);
    return NULL;
}

// --- plans --------------------------------------------------------------------------------------

static Plan read_plan(const Value *v, const char *slug, Arena *mem) {
    Plan p = {.name = value_get_text(v, "name"), .slug = slug, .digest = "",
              .from = value_get_text(v, "fromHash"), .to = value_get_text(v, "toHash"),
              .migration = value_get_text(v, "migration"), .link = value_get_text(v, "link")};
    AtlasUrl url = {.slug = slug, .plan = p.name};
    p.url = cstr_or(value_get_text(v, "url"), atlas_url_text(mem, &url));
    p.status = cstr_or(value_get_text(v, "status"), "PENDING");
    return p;
}

static Value *plan_input(const char *slug, const char *name, Arena *mem) {
    Value *in = value_map(mem);
    value_set_str(in, mem, "schemaSlug", slug, 0);
    value_set_str(in, mem, "name", name, 0);
    return in;
}

Err *cloud_push_plan(CloudTarget *t, const Artifact *a, CloudPush *p, Arena *mem) {
    Value *in = plan_input(a->slug, p->plan->name, mem), *answer = NULL;
    value_set_str(in, mem, "status", p->plan->approved ? "APPROVED" : "PENDING", 0);
    value_set_str(in, mem, "fromHash", p->plan->from, 0);
    value_set_str(in, mem, "toHash", p->plan->to, 0);
    value_set_str(in, mem, "migration", p->plan->migration, 0);
    TRY(cloud_ask(&answer, t, "mutation CreateDeclarativePlan($input: CreateDeclarativePlanInput!) { "
                  "CreateDeclarativePlan(input: $input) { link url } }", "CreateDeclarativePlan", in,
                  false, mem));
    if (!answer || answer->kind != V_MAP)
        return err_new(E_UNREACHABLE, "the registry's answer to CreateDeclarativePlan is empty");
    p->link = web_page(answer, mem);
    return NULL;
}

Err *cloud_plans(PlanList *out, Target *base, const char *slug, const char *from, const char *to,
                 Arena *mem) {
    Value *in = value_map(mem), *answer = NULL;
    value_set_str(in, mem, "schemaSlug", slug, 0);
    value_set_str(in, mem, "fromHash", cstr_or(from, ""), 0);
    value_set_str(in, mem, "toHash", cstr_or(to, ""), 0);
    TRY(cloud_ask(&answer, (CloudTarget *)base,
                  "query DeclarativePlanByHashes($input: DeclarativePlanByHashesInput!) { "
                  "DeclarativePlanByHashes(input: $input) " PLAN_FIELDS " }",
                  "DeclarativePlanByHashes", in, false, mem));
    for (size_t i = 0; i < value_len(answer); i++)
        list_push(out, mem, read_plan(value_at(answer, i), slug, mem));
    return NULL;
}

static Err *ask_plan(Plan *out, Target *base, const char *query, const char *field, Value *in,
                     const char *slug, Arena *mem) {
    Value *answer = NULL;
    TRY(cloud_ask(&answer, (CloudTarget *)base, query, field, in, false, mem));
    if (!answer || answer->kind != V_MAP)
        return err_new(E_NOT_FOUND, "plan \"%s\" of \"%s\" not found", value_get_text(in, "name"),
                       slug);
    *out = read_plan(answer, slug, mem);
    return NULL;
}

Err *cloud_plan(Plan *out, Target *t, const char *slug, const char *name, Arena *mem) {
    return ask_plan(out, t, "query DeclarativePlanByName($input: DeclarativePlanByNameInput!) { "
                    "DeclarativePlanByName(input: $input) " PLAN_FIELDS " }",
                    "DeclarativePlanByName", plan_input(slug, name, mem), slug, mem);
}

Err *cloud_approve(Plan *out, Target *t, const char *slug, const char *name, const Value *context,
                   Arena *mem) {
    Value *in = plan_input(slug, name, mem);
    if (context)
        value_set(in, mem, "context", value_copy(mem, context), 0);
    return ask_plan(out, t, "mutation ApproveDeclarativePlan($input: ApproveDeclarativePlanInput!) { "
                    "ApproveDeclarativePlan(input: $input) " PLAN_FIELDS " }",
                    "ApproveDeclarativePlan", in, slug, mem);
}

// --- repositories -------------------------------------------------------------------------------

static RepoInfo read_info(const Value *v, Arena *mem) {
    RepoInfo info = {.slug = value_get_text(v, "slug"),
                     .title = cstr_or(value_get_text(v, "title"), value_get_text(v, "slug")),
                     .type = value_get_text(v, "type"),
                     .driver = value_get_text(v, "driver"),
                     .id = value_get_text(v, "id"),
                     .url = value_get_text(v, "url"),
                     .synced = value_get_int(v, "synced"),
                     .failed = value_get_int(v, "failed"),
                     .pending = value_get_int(v, "pending")};
    AtlasUrl url = {.slug = info.slug};
    info.url = cstr_or(info.url, atlas_url_text(mem, &url));
    return info;
}

Err *cloud_create(RepoInfo *out, Target *base, const RepoInfo *want, Arena *mem) {
    Value *in = value_map(mem), *answer = NULL;
    value_set_str(in, mem, "slug", want->slug, 0);
    value_set_str(in, mem, "title", want->title, 0);
    value_set_str(in, mem, "type", want->type, 0);
    value_set_str(in, mem, "driver", driver_enum(want->driver, mem), 0);
    Err *e = cloud_ask(&answer, (CloudTarget *)base, "mutation createRepo($input: CreateRepoInput!) { "
                       "createRepo(input: $input) " REPO_FIELDS " }", "createRepo", in, false, mem);
    if (err_code(e) == E_EXISTS) {
        Err *other = cloud_describe(out, base, want->slug, mem);
        err_free(other); // best effort: the error says what matters
        return e;
    }
    TRY(e);
    if (!answer || answer->kind != V_MAP)
        return err_new(E_UNREACHABLE, "the registry's answer to createRepo is empty");
    *out = read_info(answer, mem);
    return NULL;
}

Err *cloud_list(RepoInfos *out, Target *base, Arena *mem) {
    Value *answer = NULL;
    TRY(cloud_ask(&answer, (CloudTarget *)base, "query repos { repos " REPO_FIELDS " }", "repos", NULL,
                  false, mem));
    for (size_t i = 0; i < value_len(answer); i++)
        list_push(out, mem, read_info(value_at(answer, i), mem));
    return NULL;
}

Err *cloud_describe(RepoInfo *out, Target *base, const char *slug, Arena *mem) {
    Value *in = value_map(mem), *answer = NULL;
    value_set_str(in, mem, "slug", slug, 0);
    TRY(cloud_ask(&answer, (CloudTarget *)base, "query repo($input: RepoInput!) { repo(input: $input) "
                  REPO_FIELDS " }", "repo", in, false, mem));
    if (!answer || answer->kind != V_MAP)
        return err_new(E_NOT_FOUND, "repository \"%s\" not found", slug);
    *out = read_info(answer, mem);
    return NULL;
}
