#include "atlas/base/fs.h"
#include "atlas/base/json.h"
#include "driver.h"

enum { DOTENV_MAX = 5 << 10 }; // of GitLab.com; a larger report fails the job

static bool detect(const Host *h) {
    return cstr_eq(host_env(h, "GITLAB_CI"), "true");
}

// Go's escapes that are JSON's too or have a JSON spelling; anything else is no literal for us.
static bool unquote(const char *value, Arena *mem, char **out) {
    size_t len = strlen(value);
    char quote = *value;
    if (len < 2 || !strchr("\"'`", quote) || value[len - 1] != quote)
        return false;
    char *body = arena_strndup(mem, value + 1, len - 2);
    if (quote == '`') {
        *out = cstr_replace(mem, body, "\r", "");
        return !strchr(body, '`');
    }
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    size_t count = 0;
    for (const char *s = body; *s; s++, count += ((unsigned char)*s & 0xC0) != 0x80) {
        static const char letters[] = "abfnrtv\\", named[] = "\a\b\f\n\r\t\v\\";
        if (*s == quote || *s == '\n')
            return false;
        if (*s != '\\') {
            buf_char(&b, *s);
            continue;
        }
        const char *at = *++s ? strchr(letters, *s) : NULL;
        size_t digits = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
        char utf8[4], *end;
        if (at || *s == quote) {
            buf_char(&b, at ? named[at - letters] : quote);
        } else if (digits && strspn(s + 1, "0123456789abcdefABCDEF") >= digits) {
            unsigned long cp = strtoul(arena_strndup(mem, s + 1, digits), &end, 16);
            if (!cp || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000 && digits > 2))
                return false;
            if (digits == 2)
                buf_char(&b, (char)cp);
            else
                buf_add(&b, utf8, utf8_put((uint32_t)cp, utf8));
            s += digits;
        } else {
            return false;
        }
    }
    *out = b.ptr;
    return quote == '"' || count == 1;
}

static char *input_value(const Host *h, const char *name, const char *value, Arena *mem) {
    (void)h;
    (void)name;
    char *out;
    return unquote(value, mem, &out) ? out : arena_strdup(mem, value);
}

static char *dotenv_path(const Host *h, Arena *mem) {
    const char *path = host_env(h, "ATLAS_DOTENV");
    return *path ? arena_strdup(mem, path)
                 : fs_join(mem, cstr_or(host_env(h, "CI_PROJECT_DIR"), "."), ".env");
}

// GitLab reads one line per variable and takes what is behind "=", stripped, as it is.
static bool is_line(Str value) {
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7F)
            return false;
    return value.len == 0 || (value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' ');
}

static void add_line(Buf *b, const char *variable, Str value, bool plain) {
    buf_printf(b, "%s=", variable);
    if (plain) {
        buf_add(b, value.ptr, value.len);
    } else {
        Buf json;
        buf_init(&json, b->mem, SIZE_MAX);
        json_write_string(&json, value, JSON_PLAIN);
        buf_add(b, json.ptr + 1, json.len - 2);
    }
    buf_char(b, '\n');
}

static Err *write_dotenv(const char *path, const char *variable, const char *name, Str value,
                         Arena *mem) {
    TRY(fs_mkdirs(fs_dirname(mem, path), 0700));
    const char *rest = fs_join(mem, fs_dirname(mem, path), "outputs.json");
    Str old = {"", 0};
    Err *e = fs_read(&old, path, 1 << 20, mem);
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        e = NULL;
    }
    TRY(e);
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    if (old.len && old.ptr[old.len - 1] != '\n')
        buf_char(&b, '\n');
    bool plain = is_line(value);
    add_line(&b, variable, value, plain);
    if (old.len + b.len > DOTENV_MAX) {
        log_notice("the output \"%s\" does not fit into the 5 KB of a dotenv report; it is in %s",
                   name, rest);
        return output_json(rest, variable, value);
    }
    if (!plain)
        log_notice("the output \"%s\" is no single line of text; its value in %s is escaped as in "
                   "JSON",
                   name, path);
    return fs_append(path, buf_view(&b), 0644);
}

static Err *set_output(Platform *p, const char *action, const char *name, Str value) {
    AutoArena tmp = arena_new(NULL);
    AutoErr e = write_dotenv(dotenv_path(p->host, tmp), platform_output_variable(tmp, action, name),
                             name, value, tmp);
    if (e)
        log_warn("failed to write the output \"%s\": %s", name, err_text(e));
    return NULL;
}

static Err *context(Platform *p, PlatformContext *c, Arena *mem) {
    const Host *h = p->host;
    c->repo = host_env(h, "CI_PROJECT_NAME");
    c->repo_url = host_env(h, "CI_PROJECT_URL");
    c->branch = host_env(h, "CI_COMMIT_REF_NAME");
    c->commit = host_env(h, "CI_COMMIT_SHA");
    c->actor_name = host_env(h, "GITLAB_USER_NAME");
    c->actor_id = host_env(h, "GITLAB_USER_ID");
    c->scm_type = "GITLAB";
    c->scm_project = host_env(h, "CI_PROJECT_ID");
    c->scm_api = cstr_or(host_env(h, "CI_API_V4_URL"), "https://gitlab.com/api/v4");
    c->scm_token =
        platform_token(p, cstr_or(host_env(h, "ATLAS_GITLAB_TOKEN_ENV"), "GITLAB_TOKEN"), "", mem);
    const char *iid = host_env(h, "CI_MERGE_REQUEST_IID");
    if (!*iid)
        return NULL;
    PlatformPr *pr = NEW(mem, PlatformPr);
    *pr = (PlatformPr){.url = host_env(h, "CI_MERGE_REQUEST_REF_PATH"),
                       .body = host_env(h, "CI_MERGE_REQUEST_DESCRIPTION"),
                       .commit = c->commit};
    if (!cstr_to_i64(iid, &pr->number))
        return err_new(E_CONFIG, "the variable CI_MERGE_REQUEST_IID is not a number: \"%s\"", iid);
    c->pr = pr;
    return NULL;
}

const PlatformDriver platform_gitlab = {
    .name = "gitlab",
    .trigger_type = "GITLAB",
    .input_prefix = "ATLAS_INPUT_",
    .detect = detect,
    .set_output = set_output,
    .context = context,
    .input_value = input_value,
};
