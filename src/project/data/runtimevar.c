// data "runtimevar": a value that is kept elsewhere, by the URLs of Go's runtimevar package.
#include "data.h"

enum { MAX_VALUE = 1 << 20 };

typedef struct Fetch Fetch;
typedef struct Scheme {
    const char *name;
    const char *params; // what the URL may hold besides decoder and timeout; NULL: anything
    Err *(*read)(Fetch *f);
} Scheme;

struct Fetch {
    const Scheme *scheme;
    const Url *url;
    const char *text; // the URL without our own parameters
    Data *data;
    Arena *mem;
    Str value;
    Err *error;
};

// --- schemes ------------------------------------------------------------------------------------

static Err *read_constant(Fetch *f) {
    f->value = str_from(cstr_or(url_param(f->url, "val"), ""));
    return NULL;
}

static Err *read_file(Fetch *f) {
    const char *path = url_host_path(f->mem, f->url);
    return *path ? fs_read(&f->value, path, MAX_VALUE, f->mem)
                 : err_new(E_CONFIG, "the URL names no file");
}

static Err *read_http(Fetch *f) {
    HttpRequest req = {.method = "GET", .url = f->text, .body_max = MAX_VALUE};
    HttpResponse answer = {0};
    TRY(http_do(&answer, f->data->loop, &req, f->mem));
    if (answer.status != 200)
        return err_new(E_UNREACHABLE, "%s", http_status_text(&answer, f->mem));
    return http_body_text(&f->value, &answer, f->mem);
}

// Its JSON members that are named as secrets are masked as well.
static void mask_secret(Str value, Arena *mem) {
    const char *text = str_dup(mem, value);
    Value *json = NULL;
    AutoErr none = json_parse(&json, value, NULL, mem);
    if (!none && json->kind == V_MAP)
        mask_value("", hcl_from_value(mem, json), mem);
    mask_url(text, mem);
    if (!strstr(text, "://"))
        log_mask(cstr_trim(mem, text));
}

static Err *read_secret(Fetch *f, SecretKind kind) {
    const char *name = url_host_path(f->mem, f->url);
    if (!*name)
        return err_new(E_CONFIG, "the URL names no value");
    TRY(store_secret(&f->value, &(SecretRef){.kind = kind,
                                             .name = name,
                                             .region = url_param(f->url, "region"),
                                             .profile = url_param(f->url, "profile")},
                     f->data->loop, f->mem));
    if (kind != SECRET_GCP_CONFIG)
        mask_secret(f->value, f->mem);
    return NULL;
}

static Err *read_parameter(Fetch *f) { return read_secret(f, SECRET_AWS_PARAMETER); }
static Err *read_aws_secret(Fetch *f) { return read_secret(f, SECRET_AWS_SECRET); }
static Err *read_gcp_secret(Fetch *f) { return read_secret(f, SECRET_GCP_SECRET); }
static Err *read_gcp_config(Fetch *f) { return read_secret(f, SECRET_GCP_CONFIG); }

static const Scheme schemes[] = {
    {"constant", "val", read_constant},
    {"file", "", read_file},
    {"http", NULL, read_http},
    {"https", NULL, read_http},
    {"awsparamstore", "region profile awssdk wait", read_parameter},
    {"awssecretsmanager", "region profile awssdk wait", read_aws_secret},
    {"gcpsecretmanager", "wait", read_gcp_secret},
    {"gcpruntimeconfig", "wait", read_gcp_config},
};

static const Scheme *find_scheme(const char *name) {
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (cstr_eq(schemes[i].name, name))
            return &schemes[i];
    return NULL;
}

// --- parameters ---------------------------------------------------------------------------------

static bool is_ours(const char *key) { return cstr_eq(key, "decoder") || cstr_eq(key, "timeout"); }

static Err *check_params(const Url *u, const Scheme *s, Arena *mem) {
    StrList known = cstr_split(mem, s->params ? s->params : "", ' ');
    for (size_t i = 0; s->params && i < u->params.len; i++)
        if (!is_ours(u->params.items[i].key) && !strlist_has(&known, u->params.items[i].key))
            return err_new(E_CONFIG, "%s:// takes no query parameter \"%s\"", s->name,
                           u->params.items[i].key);
    return NULL;
}

static Err *read_timeout(Duration *out, const Url *u) {
    const char *text = cstr_or(url_param(u, "timeout"), "10s"), *decoder = url_param(u, "decoder");
    if (decoder && !cstr_eq(decoder, "string"))
        return err_hint(err_new(E_CONFIG, "unsupported decoder: \"%s\"", decoder),
                        "leave it out, and decode with jsondecode()");
    if (!duration_parse(text, out) || *out < DURATION_MS)
        return err_new(E_CONFIG, "timeout \"%s\" is no duration such as 10s", text);
    return NULL;
}

// The URL as the service is to see it.
static const char *without_ours(const char *text, Arena *mem) {
    const char *query = strchr(text, '?');
    if (!query)
        return text;
    StrList parts = cstr_split(mem, query + 1, '&'), kept = {0};
    for (size_t i = 0; i < parts.len; i++)
        if (!is_ours(arena_strndup(mem, parts.items[i], strcspn(parts.items[i], "="))))
            list_push(&kept, mem, parts.items[i]);
    return arena_printf(mem, "%.*s%s%s", (int)(query - text), text, kept.len ? "?" : "",
                        cstr_join(mem, &kept, "&"));
}

// --- fetching -----------------------------------------------------------------------------------

typedef struct Waiting {
    const Task *task;
    const volatile sig_atomic_t *cancel;
} Waiting;

static bool is_over(const void *arg) {
    const Waiting *w = arg;
    return task_done(w->task) || (w->cancel && *w->cancel);
}

static void run(void *arg) {
    Fetch *f = arg;
    f->error = f->scheme->read(f);
}

// As a task, so that the time-out holds for credentials and retries too.
static Err *fetch(Fetch *f, Duration timeout) {
    Loop *l = f->data->loop;
    Task *t = task_start(l, run, f, f->mem);
    const Waiting waiting = {t, f->data->cancel};
    loop_wait(l, is_over, &waiting, host_monotonic_ms(loop_host(l)) + timeout / DURATION_MS);
    bool in_time = task_done(t);
    if (!in_time)
        task_cancel(t);
    task_join(t);
    if (in_time)
        return f->error;
    err_free(f->error);
    if (waiting.cancel && *waiting.cancel)
        return err_new(E_STATE, "interrupted");
    return err_hint(err_new(E_TIMEOUT, "no answer within %s", duration_text(f->mem, timeout)),
                    "the URL's parameter timeout says how long to wait");
}

Err *data_runtimevar(const HclValue **out, const HclResource *r, Data *d, Arena *mem) {
    const char *text = "";
    Url *u = NULL;
    Duration timeout = 0;
    TRY(read_text(&text, r, "url"));
    mask_url(text, mem);
    TRY(url_parse(&u, text, mem));
    const Scheme *s = find_scheme(u->scheme);
    if (!s)
        return data_wrong(r, "url", "unsupported scheme \"%s\": constant, file, http, https, "
                          "awsparamstore, awssecretsmanager, gcpsecretmanager and gcpruntimeconfig "
                          "are", u->scheme);
    TRY(check_params(u, s, mem));
    TRY(read_timeout(&timeout, u));
    Fetch f = {.scheme = s, .url = u, .text = without_ours(text, mem), .data = d, .mem = mem};
    TRY(fetch(&f, timeout));
    const char *value = str_dup(mem, f.value);
    if (strlen(value) != f.value.len || !utf8_valid(value, f.value.len))
        return err_new(E_CONFIG, "the value is binary, not text");
    *out = hcl_bytes(mem, f.value);
    return NULL;
}
