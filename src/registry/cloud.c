// Atlas Cloud, or a server that speaks its protocol (cloud-protocol.md): GraphQL over HTTP.
#include <strings.h>
#include <sys/utsname.h>

#include "atlas/pack.h"
#include "cloud.h"

// --- one query ----------------------------------------------------------------------------------

static const char *user_agent(Arena *mem) {
    struct utsname u;
    const char *arch = uname(&u) == 0 && cstr_eq(u.machine, "aarch64") ? "arm64" : "amd64";
    return arena_printf(mem, "Atlas/%s (linux/%s; atlas-action)", ATLAS_VERSION, arch);
}

// "input:[<line>:<col>:] <path> <message>", one error a line, the leading "input:" removed.
static const char *graphql_text(const Value *errors, Arena *mem) {
    Buf out;
    buf_init(&out, mem, 64 << 10);
    for (size_t i = 0; i < value_len(errors); i++) {
        const Value *e = value_at(errors, i), *path = value_get_fold(e, "path");
        if (i)
            buf_char(&out, '\n');
        for (size_t k = 0; k < value_len(path); k++) {
            const Value *part = value_at(path, k);
            if (part->kind == V_INT)
                buf_printf(&out, "[%lld]", (long long)part->u.i);
            else
                buf_printf(&out, "%s%s", k ? "." : "", value_text(part));
        }
        if (value_len(path))
            buf_char(&out, ' ');
        buf_str(&out, value_get_text(e, "message"));
    }
    return cstr_trim(mem, out.ptr);
}

// GraphQL has no status codes: the words of the message decide what kind of refusal it is.
static ErrCode graphql_code(const char *text) {
    static const struct {
        const char *word;
        ErrCode code;
    } words[] = {{"not found", E_NOT_FOUND},  {"does not exist", E_NOT_FOUND},
                 {"already exists", E_EXISTS}, {"exists with other content", E_EXISTS},
                 {"unauthorized", E_UNAUTHORIZED}, {"unauthenticated", E_UNAUTHORIZED},
                 {"forbidden", E_DENIED},     {"permission", E_DENIED},
                 {"not allowed", E_DENIED},   {"invalid", E_INVALID},
                 {"must be", E_INVALID}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcasestr(text, words[i].word))
            return words[i].code;
    return E_UNREACHABLE;
}

// A 404 without a body is the registry's "no such thing"; one with a page is somebody else's.
static ErrCode status_code(int status, bool empty) {
    return status == 400 ? E_INVALID : status == 403 ? E_DENIED
           : status == 404 && empty ? E_NOT_FOUND : E_UNREACHABLE;
}

static bool is_blank(Str s) {
    size_t i = 0;
    while (i < s.len && s.ptr[i] && strchr(" \t\r\n", s.ptr[i]))
        i++;
    return i == s.len;
}

// The answer's `data`, or an error. An empty 200 has empty data.
static Err *read_answer(Value **data, const HttpResponse *r, Arena *mem) {
    Str text;
    Value *root = NULL;
    *data = value_map(mem);
    if (r->status == 401)
        return err_hint(err_new(E_UNAUTHORIZED, "Unauthorized"),
                        "the registry refused the token: check ATLAS_TOKEN or atlas.cloud.token");
    TRY(http_body_text(&text, r, mem));
    bool empty = is_blank(text);
    AutoErr bad = empty ? NULL : json_parse(&root, text, NULL, mem);
    const Value *errors = root ? value_get_fold(root, "errors") : NULL;
    if (value_len(errors)) {
        const char *why = graphql_text(errors, mem);
        ErrCode code = r->status == 200 ? graphql_code(why) : status_code(r->status, false);
        return err_new(code, "%s", log_redact(mem, why));
    }
    if (r->status == 404 && empty)
        return err_new(E_NOT_FOUND, "not found");
    if (r->status != 200)
        return err_new(status_code(r->status, empty), "unexpected error code %d: %s", r->status,
                       log_redact(mem, cstr_trim(mem, arena_strndup(mem, text.ptr,
                                                                    text.len < 200 ? text.len : 200))));
    if (bad)
        return err_new(E_UNREACHABLE, "decoding response: %s", err_text(bad));
    Value *found = root ? value_get_fold(root, "data") : NULL;
    if (found && found->kind == V_MAP)
        *data = found;
    return NULL;
}

// Two requests side by side arrive in order: the second connects, and sends when the first is out.
typedef struct Order {
    bool hold, sent;
} Order;

typedef struct Query {
    const char *text;
    Value *input; // NULL: none
    bool once;    // never sent twice
    Order *leads, *follows;
} Query;

static Err *query_send(Value **data, CloudAnswer *answer, CloudTarget *t, const Query *q, Arena *mem) {
    Value *body = value_map(mem);
    value_set_str(body, mem, "query", q->text, 0);
    if (q->input) {
        Value *variables = value_map(mem);
        value_set(variables, mem, "input", q->input, 0);
        value_set(body, mem, "variables", variables, 0);
    }
    HttpRequest req = {.method = "POST",
                       .url = t->config->url,
                       .body = body_from(str_from(json_text(mem, body, JSON_GO))),
                       .has_body = true,
                       .once = q->once,
                       .hold = q->follows ? &q->follows->hold : NULL,
                       .sent = q->leads ? &q->leads->sent : NULL,
                       .budget = &t->budget,
                       .memory_max = 64 << 20};
    http_header(&req, mem, "Authorization", arena_printf(mem, "Bearer %s", t->config->token));
    http_header(&req, mem, "Content-Type", "application/json");
    http_header(&req, mem, "User-Agent", user_agent(mem));
    HttpResponse r = {0};
    *answer = (CloudAnswer){0};
    TRY(http_do(&r, t->base.loop, &req, mem));
    answer->status = r.status;
    answer->grant = http_header_get(&r.headers, "atlas-grant");
    return read_answer(data, &r, mem);
}

// Who are we? Its answer may be empty, and may carry a grant.
static Err *who_am_i(Value **me, CloudTarget *t, Order *leads, Arena *mem) {
    Value *data = NULL;
    CloudAnswer answer;
    Query q = {.text = "query Bot { me { name org } }", .leads = leads};
    Err *e = query_send(&data, &answer, t, &q, mem);
    *me = data ? value_get_fold(data, "me") : NULL;
    t->last_status = answer.status;
    cloud_keep_grant(t, &(Greeting){.me = e ? NULL : *me, .grant = answer.grant,
                                    .refused = answer.status == 401 || (answer.status == 403 &&
                                                                        err_code(e) == E_DENIED)},
                     mem);
    return e;
}

// The first request once a token is configured. With a good grant nobody waits for its answer: it
// travels beside the operation, and its word counts when it is there.
typedef struct Beside {
    CloudTarget *target;
    Task *greeting, *usher; // NULL: it was not needed, or is done
    Order order;
    bool answered;
    Arena *mem;
} Beside;

enum { GAP_MS = 15 }; // a registry next door has answered by then

static void greet_beside(void *arg) {
    Beside *b = arg;
    Value *me;
    err_free(who_am_i(&me, b->target, &b->order, b->mem));
    b->order.sent = b->answered = true; // or never will be
}

static bool is_out(const void *arg) { return ((const Beside *)arg)->order.sent; }

static bool is_answered(const void *arg) { return ((const Beside *)arg)->answered; }

static void let_follow(void *arg) {
    Beside *b = arg;
    loop_wait(b->target->base.loop, is_out, b, -1);
    loop_wait(b->target->base.loop, is_answered, b,
              host_monotonic_ms(loop_host(b->target->base.loop)) + GAP_MS);
    b->order.hold = false;
}

static Err *greet(CloudTarget *t, Beside *b, Arena *mem) {
    Value *me;
    Grant g;
    *b = (Beside){.target = t, .mem = mem};
    if (t->greeted)
        return NULL;
    if (cloud_load_grant(&g, t, mem) && !g.gone) {
        t->greeted = b->order.hold = true;
        b->greeting = task_start(t->base.loop, greet_beside, b, mem);
        b->usher = task_start(t->base.loop, let_follow, b, mem);
        return NULL;
    }
    Err *e = who_am_i(&me, t, NULL, mem);
    t->greeted = e == NULL;
    return e;
}

Err *cloud_ask(Value **answer, CloudTarget *t, const char *query, const char *field, Value *input,
               bool once, Arena *mem) {
    Value *data = NULL;
    CloudAnswer got = {0};
    Beside beside;
    Err *e = greet(t, &beside, mem);
    if (!e) {
        Query q = {.text = query, .input = input, .once = once,
                   .follows = beside.greeting ? &beside.order : NULL};
        e = query_send(&data, &got, t, &q, mem);
        if (beside.greeting) {
            task_join(beside.greeting);
            task_join(beside.usher);
        }
        t->last_status = got.status;
    }
    if (got.status == 401)
        cloud_keep_grant(t, &(Greeting){.refused = true}, mem);
    if (e)
        return error_is_eligible(e) ? cloud_offline(t, e, mem) : e;
    *answer = value_get_fold(data, field);
    return NULL;
}

// --- push ---------------------------------------------------------------------------------------

static Value *push_input(const Artifact *a, Str archive, Arena *mem) {
    Value *in = value_map(mem);
    value_set_str(in, mem, "slug", a->slug, 0);
    const char *driver = driver_enum(a->driver, mem);
    if (*driver)
        value_set_str(in, mem, "driver", driver, 0);
    value_set_str(in, mem, "dir", base64_encode(mem, archive.ptr, archive.len), 0);
    return in;
}

// A mutation counts only with the object that it promises.
static Err *take_link(CloudPush *p, const Value *answer, const char *what, Arena *mem) {
    if (!answer || answer->kind != V_MAP)
        return err_new(E_UNREACHABLE, "the registry's answer to %s is empty", what);
    const char *url = value_get_text(answer, "url");
    if (*url)
        p->link = arena_strdup(mem, url);
    return NULL;
}

static const Member *find_file(const Value *files, const char *name) {
    for (size_t i = 0; files && i < files->u.map.len; i++)
        if (cstr_eq(files->u.map.items[i].key, name))
            return &files->u.map.items[i];
    return NULL;
}

// name -> content of an archive; nothing that cannot be read as one.
static Value *archive_files(Str archive, Arena *mem) {
    Value *files = value_map(mem);
    PackEntries entries = {0};
    AutoErr e = archive.len ? pack_untar(&entries, archive, mem) : NULL;
    for (size_t i = 0; !e && i < entries.len; i++)
        value_set(files, mem, entries.items[i].name, value_bytes(mem, entries.items[i].content), 0);
    return files;
}

static Err *added_files(Str *out, const Value *now, const Value *before, Arena *mem) {
    PackEntries fresh = {0};
    for (size_t i = 0; i < now->u.map.len; i++) {
        const Member *m = &now->u.map.items[i], *old = find_file(before, m->key);
        if (!old || !value_equal(old->value, m->value))
            list_push(&fresh, mem, (PackEntry){m->key, m->value->u.s});
    }
    return pack_tar(out, &fresh, mem);
}

// Beside the whole archive the protocol carries what changed since the registry's `latest`.
static Err *push_latest(CloudTarget *t, const Artifact *a, Str archive, CloudPush *p, Arena *mem) {
    Value *state_input = value_map(mem), *state = NULL, *answer = NULL;
    value_set_str(state_input, mem, "slug", a->slug, 0);
    value_set_str(state_input, mem, "name", a->slug, 0);
    Err *e = cloud_ask(&state, t, "query dirState($input: DirStateInput!) { dirState(input: $input) { "
                 "content } }", "dirState", state_input, false, mem);
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        e = NULL;
    }
    TRY(e);
    Str before = {0};
    base64_decode(&before, value_get_text(state, "content"), mem);
    Value *old_files = archive_files(before, mem), *files = archive_files(archive, mem);
    Value *in = push_input(a, archive, mem), *gone = value_list(mem);
    Str add;
    TRY(added_files(&add, files, old_files, mem));
    value_set_str(in, mem, "add", base64_encode(mem, add.ptr, add.len), 0);
    for (size_t i = 0; i < old_files->u.map.len; i++)
        if (!find_file(files, old_files->u.map.items[i].key))
            value_push(gone, mem, value_str(mem, old_files->u.map.items[i].key));
    value_set(in, mem, "delete", gone, 0);
    if (p->context)
        value_set(in, mem, "context", value_copy(mem, p->context), 0);
    TRY(cloud_ask(&answer, t, "mutation diffSyncDir($input: DiffSyncDirInput!) { diffSyncDir(input: "
            "$input) { url } }", "diffSyncDir", in, false, mem));
    return take_link(p, answer, "diffSyncDir", mem);
}

static Err *push_tag(CloudTarget *t, const Artifact *a, Str archive, CloudPush *p, Arena *mem) {
    Value *in = push_input(a, archive, mem), *answer = NULL;
    value_set_str(in, mem, "tag", p->tag, 0);
    if (p->context)
        value_set(in, mem, "context", value_copy(mem, p->context), 0);
    TRY(cloud_ask(&answer, t, "mutation pushDir($input: PushDirInput!) { pushDir(input: $input) { url } }",
            "pushDir", in, false, mem));
    return take_link(p, answer, "pushDir", mem);
}

static Err *push_refs(CloudTarget *t, const Artifact *a, CloudPush *p, Arena *mem) {
    Str archive;
    if (a->kind == ARTIFACT_SCHEMA)
        return cloud_push_schema(t, a, p, mem);
    if (a->kind == ARTIFACT_PLAN)
        return cloud_push_plan(t, a, p, mem);
    TRY(body_bytes(&archive, &a->body, mem));
    if (!p->tag || p->latest)
        TRY(push_latest(t, a, archive, p, mem));
    return p->tag ? push_tag(t, a, archive, p, mem) : NULL;
}

static Err *cloud_push(Target *base, const Artifact *a, CloudPush *p, Arena *mem) {
    CloudTarget *t = (CloudTarget *)base;
    Err *e = push_refs(t, a, p, mem);
    // Of a push only an HTTP refusal is final; whatever GraphQL says with 200, backups may take it. A
    // name that is taken is no outage.
    return e && t->last_status == 200 && err_code(e) != E_EXISTS ? err_set_code(e, E_UNREACHABLE) : e;
}

// --- read and report ----------------------------------------------------------------------------

static Err *cloud_fetch(Body *out, Target *base, const char *slug, ArtifactKind kind,
                        const char *tag, const char *version, Arena *mem) {
    CloudTarget *t = (CloudTarget *)base;
    if (kind == ARTIFACT_SCHEMA)
        return cloud_fetch_schema(out, t, slug, tag, version, mem);
    if (kind == ARTIFACT_PLAN)
        BUG("plans are read by name");
    Value *in = value_map(mem), *answer = NULL;
    value_set_str(in, mem, "slug", slug, 0);
    value_set_str(in, mem, "name", slug, 0);
    if (tag)
        value_set_str(in, mem, "tag", tag, 0);
    if (version)
        value_set_str(in, mem, "version", version, 0);
    TRY(cloud_ask(&answer, t, "query dirState($input: DirStateInput!) { dirState(input: $input) { content "
            "} }", "dirState", in, false, mem));
    const Value *content = value_get_fold(answer, "content");
    Str bytes;
    if (!content || content->kind != V_STR)
        return err_new(E_UNREACHABLE, "the registry's answer holds no directory");
    if (!base64_decode(&bytes, content->u.s.ptr, mem))
        return err_new(E_UNREACHABLE, "the registry's answer is not valid base64");
    *out = body_from(bytes);
    return NULL;
}

static Err *cloud_report(ReportResult *out, Target *base, const Value *input, bool set, Arena *mem) {
    static const char one[] = "mutation ReportMigration($input: ReportMigrationInput!) { "
                              "reportMigration(input: $input) { url } }";
    static const char many[] = "mutation ReportMigrationSet($input: ReportMigrationSetInput!) { "
                               "reportMigrationSet(input: $input) { url } }";
    Value *answer = NULL;
    TRY(cloud_ask(&answer, (CloudTarget *)base, set ? many : one,
            set ? "reportMigrationSet" : "reportMigration", value_copy(mem, input), true, mem));
    const char *url = value_get_text(answer, "url");
    out->link = *url ? arena_strdup(mem, url) : NULL;
    return NULL;
}

static const TargetDriver cloud_driver = {
    .name = "cloud",
    .push = cloud_push,
    .fetch = cloud_fetch,
    .report = cloud_report,
    .plans = cloud_plans,
    .plan = cloud_plan,
    .approve = cloud_approve,
    .create = cloud_create,
    .list = cloud_list,
    .describe = cloud_describe,
};

static Err *identify_online(CloudIdentity *out, CloudTarget *t, Arena *mem) {
    Value *me = NULL;
    TRY(who_am_i(&me, t, NULL, mem));
    if (!me || me->kind != V_MAP)
        return err_new(E_UNREACHABLE, "the registry does not say whom the token belongs to");
    out->org = value_get_text(me, "org");
    out->user = value_get_text(me, "name");
    return NULL;
}

Err *cloud_identify(CloudIdentity *out, const CloudConfig *c, Loop *loop, Arena *mem) {
    CloudTarget *t = (CloudTarget *)target_cloud(c, loop, mem);
    Grant g;
    *out = (CloudIdentity){.org = "", .user = ""};
    Err *e = identify_online(out, t, mem);
    if (e && !error_is_eligible(e))
        return e;
    out->has_grant = cloud_load_grant(&g, t, mem) && !g.gone;
    out->grant_end = out->has_grant ? grant_end(&g, loop_host(loop)) : (Time){0};
    if (!e)
        return NULL;
    if (!out->has_grant)
        return err_wrap(e, "%s", t->base.url);
    log_debug("%s: %s", t->base.url, err_text(e));
    err_free(e);
    out->offline = true;
    out->org = g.org;
    out->user = g.sub;
    return NULL;
}

Target *target_cloud(const CloudConfig *config, Loop *loop, Arena *mem) {
    CloudTarget *t = NEW(mem, CloudTarget);
    target_init(&t->base, &cloud_driver, config->url, loop, mem);
    t->config = config;
    t->budget = http_budget(loop);
    log_mask(config->token);
    return &t->base;
}
