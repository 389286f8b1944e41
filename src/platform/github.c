#include <ctype.h>

#include "atlas/base/fs.h"
#include "atlas/base/json.h"
#include "driver.h"

enum { EVENT_MAX = 32 << 20, MASK_LEAST = 4 };

static bool detect(const Host *h) {
    return cstr_eq(host_env(h, "GITHUB_ACTIONS"), "true");
}

// Dashes stay: INPUT_DEV-URL.
static char *input_variable(Arena *mem, const char *name) {
    return arena_printf(mem, "INPUT_%s", cstr_replace(mem, cstr_upper(mem, name), " ", "_"));
}

static Err *append_value(const Platform *p, const char *path, const char *name, Str value) {
    AutoArena tmp = arena_new(NULL);
    const char *marker = platform_marker(p->host, value, tmp);
    Buf b;
    buf_init(&b, tmp, SIZE_MAX);
    buf_printf(&b, "%s<<%s\n", name, marker);
    buf_add(&b, value.ptr, value.len);
    buf_printf(&b, "\n%s\n", marker);
    return fs_append(path, buf_view(&b), 0644);
}

static Err *set_output(Platform *p, const char *action, const char *name, Str value) {
    (void)action;
    const char *path = host_env(p->host, "GITHUB_OUTPUT");
    if (!*path) {
        log_warn("GITHUB_OUTPUT is not set, the output \"%s\" is lost", name);
        return NULL;
    }
    Err *e = append_value(p, path, name, value);
    return e ? err_wrap(e, "setting the output \"%s\"", name) : NULL;
}

static Err *export_variable(Platform *p, const char *name, Str value) {
    const char *path = host_env(p->host, "GITHUB_ENV");
    if (!*path) {
        log_warn("GITHUB_ENV is not set: later steps do not get %s", name);
        return NULL;
    }
    Err *e = append_value(p, path, name, value);
    return e ? err_wrap(e, "setting the variable %s", name) : NULL;
}

// --- messages ------------------------------------------------------------------------------------

static void escape(Buf *out, const char *text, bool property) {
    for (; *text; text++) {
        if (strchr("%\r\n", *text) || (property && strchr(":,", *text)))
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
        else
            buf_char(out, *text);
    }
}

// The runner takes "::" at the start of a trimmed line, and "##[" anywhere in it.
static bool looks_like_command(const char *text) {
    if (strstr(text, "##["))
        return true;
    for (const char *line = text; line; line = strpbrk(line, "\r\n")) {
        while (*line && isspace((unsigned char)*line))
            line++;
        if (cstr_starts(line, "::"))
            return true;
    }
    return false;
}

static void untrusted(Platform *p, const char *text) {
    AutoArena tmp = arena_new(NULL);
    const char *marker = platform_marker(p->host, str_from(text), tmp);
    platform_put(p, arena_printf(tmp, "::stop-commands::%s\n%s::%s::\n", marker, text, marker));
}

static void info(Platform *p, const char *message) {
    AutoArena tmp = arena_new(NULL);
    const char *line = arena_printf(tmp, "%s\n", platform_printable(tmp, message));
    if (looks_like_command(line))
        untrusted(p, line);
    else
        platform_put(p, line);
}

static void message(Platform *p, const PlatformAnnotation *at, const char *text) {
    static const char *const commands[] = {[LOG_DEBUG] = "debug",
                                           [LOG_NOTICE] = "notice",
                                           [LOG_WARN] = "warning",
                                           [LOG_ERROR] = "error"};
    if (at->level == LOG_INFO) {
        info(p, text);
        return;
    }
    AutoArena tmp = arena_new(NULL);
    Buf b;
    buf_init(&b, tmp, BUF_MAX_TEXT);
    buf_printf(&b, "::%s", commands[at->level]);
    const char *const properties[][2] = {
        {"file", at->file},
        {"line", at->line ? arena_printf(tmp, "%d", at->line) : NULL},
        {"title", at->title},
    };
    char sep = ' ';
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        if (!properties[i][1])
            continue;
        buf_printf(&b, "%c%s=", sep, properties[i][0]);
        escape(&b, properties[i][1], true);
        sep = ',';
    }
    buf_str(&b, "::");
    escape(&b, text, false);
    buf_char(&b, '\n');
    platform_put(p, b.ptr);
}

static void mask(Platform *p, const char *secret) {
    AutoArena tmp = arena_new(NULL);
    StrList lines = cstr_split(tmp, cstr_replace(tmp, secret, "\r", "\n"), '\n');
    for (size_t i = 0; i < lines.len; i++) {
        if (strlen(lines.items[i]) < MASK_LEAST)
            continue;
        Buf b;
        buf_init(&b, tmp, BUF_MAX_TEXT);
        buf_str(&b, "::add-mask::");
        escape(&b, lines.items[i], false);
        buf_char(&b, '\n');
        platform_put(p, b.ptr);
    }
}

// --- context -------------------------------------------------------------------------------------

static Err *check_numbers(const Host *h) {
    static const char *const names[] = {"GITHUB_RUN_ID", "GITHUB_RUN_NUMBER", "GITHUB_RUN_ATTEMPT",
                                        "GITHUB_RETENTION_DAYS"};
    int64_t n;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = host_env(h, names[i]);
        if (*value && !cstr_to_i64(value, &n))
            return err_new(E_CONFIG, "the variable %s is not a number: \"%s\"", names[i], value);
    }
    return NULL;
}

static Err *read_event(Value **out, const Host *h, Arena *mem) {
    Str text;
    const char *path = host_env(h, "GITHUB_EVENT_PATH");
    *out = value_map(mem);
    if (!*path)
        return NULL;
    Err *e = fs_read(&text, path, EVENT_MAX, mem);
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    if (!e)
        e = json_parse(out, text, path, mem);
    return e ? err_set_code(err_wrap(e, "reading the event of GITHUB_EVENT_PATH"), E_CONFIG) : NULL;
}

static void read_pr(PlatformContext *c, const Host *h, const Value *event, Arena *mem) {
    const char *name = host_env(h, "GITHUB_EVENT_NAME");
    bool target = cstr_eq(name, "pull_request_target");
    const Value *pr = value_get(event, "pull_request");
    if ((!target && !cstr_eq(name, "pull_request")) || !pr)
        return;
    PlatformPr *out = NEW(mem, PlatformPr);
    *out = (PlatformPr){
        .number = value_get_int(pr, "number"),
        .url = value_get_text(pr, "html_url"),
        .body = value_get_text(pr, "body"),
        .commit = value_get_text(value_get(pr, "head"), "sha"),
        .target = target,
    };
    c->pr = out;
}

static void read_comment(PlatformContext *c, const Host *h, const Value *event, Arena *mem) {
    const Value *issue = value_get(event, "issue"), *comment = value_get(event, "comment");
    const Value *pr = value_get(issue, "pull_request");
    if (!cstr_eq(host_env(h, "GITHUB_EVENT_NAME"), "issue_comment") || !pr || pr->kind == V_NULL)
        return;
    PlatformComment *out = NEW(mem, PlatformComment);
    *out = (PlatformComment){value_get_int(issue, "number"), value_get_text(comment, "html_url"),
                             value_get_text(comment, "body")};
    c->comment = out;
}

static Err *context(Platform *p, PlatformContext *c, Arena *mem) {
    const Host *h = p->host;
    Value *event;
    TRY(check_numbers(h));
    TRY(read_event(&event, h, mem));
    const Value *repository = value_get(event, "repository");
    const char *run = host_env(h, "GITHUB_RUN_ID");
    c->repo = host_env(h, "GITHUB_REPOSITORY");
    c->repo_url = value_get_text(repository, "html_url");
    c->branch = cstr_or(host_env(h, "GITHUB_HEAD_REF"), host_env(h, "GITHUB_REF_NAME"));
    c->commit = host_env(h, "GITHUB_SHA");
    c->actor_name = host_env(h, "GITHUB_ACTOR");
    c->actor_id = host_env(h, "GITHUB_ACTOR_ID");
    c->default_branch = value_get_text(repository, "default_branch");
    c->scm_type = "GITHUB";
    c->scm_api = cstr_or(host_env(h, "GITHUB_API_URL"), "https://api.github.com");
    c->rerun_command = *run ? arena_printf(mem, "gh run rerun %s", run) : "";
    c->scm_token = platform_token(p, "GITHUB_TOKEN",
                                  "\nTo set it, add to the step:\n  env:\n"
                                  "    GITHUB_TOKEN: ${{ github.token }}\nand to the job:\n"
                                  "  permissions:\n    contents: read\n    pull-requests: write",
                                  mem);
    read_pr(c, h, event, mem);
    read_comment(c, h, event, mem);
    return NULL;
}

const PlatformDriver platform_github = {
    .name = "github",
    .trigger_type = "GITHUB_ACTION",
    .input_prefix = "INPUT_",
    .detect = detect,
    .set_output = set_output,
    .context = context,
    .input_variable = input_variable,
    .message = message,
    .mask = mask,
    .untrusted = untrusted,
    .export_variable = export_variable,
    .summary_variable = "GITHUB_STEP_SUMMARY",
};
