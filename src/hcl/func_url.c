// urlescape urlqueryset urluserinfo urlsetpath
#include "eval.h"

static Err *give(Call *c, const char *s) {
    c->out = hcl_string(c->mem, s);
    return NULL;
}

static Err *parse(Call *c, Url **u) {
    AutoErr err = url_parse(u, arg_text(c, 0), c->mem);
    return err ? arg_error(c, 0, "%s", err_text(err)) : NULL;
}

static Err *fn_urlescape(Call *c) { return give(c, url_query_escape(c->mem, arg_text(c, 0))); }

static Err *fn_urlqueryset(Call *c) {
    Url *u;
    TRY(parse(c, &u));
    url_set_param(u, arg_text(c, 1), arg_text(c, 2), c->mem);
    return give(c, url_text(c->mem, u));
}

static Err *fn_urluserinfo(Call *c) {
    Url *u;
    TRY(parse(c, &u));
    if (c->count > 3)
        return arg_error(c, 3, "only one password is expected");
    u->has_user = true;
    u->user = arg_text(c, 1);
    u->has_password = c->count > 2 && !c->args[2]->null;
    u->password = u->has_password ? arg_text(c, 2) : "";
    return give(c, url_text(c->mem, u));
}

static Err *fn_urlsetpath(Call *c) {
    Url *u;
    const char *path = arg_text(c, 1);
    TRY(parse(c, &u));
    if (*path && *path != '/' && *u->host)
        path = arena_printf(c->mem, "/%s", path);
    u->path = path;
    u->raw_path = "";
    return give(c, url_text(c->mem, u));
}

const Function functions_url[] = {
    {.name = "urlescape", .fn = fn_urlescape, .params = {{"string", TEXT, false}}},
    {.name = "urlqueryset", .fn = fn_urlqueryset,
     .params = {{"url", TEXT, false}, {"key", TEXT, false}, {"value", TEXT, false}}},
    {.name = "urluserinfo", .fn = fn_urluserinfo,
     .params = {{"url", TEXT, false}, {"user", TEXT, false}}, .rest = {"pass", TEXT, true}},
    {.name = "urlsetpath", .fn = fn_urlsetpath,
     .params = {{"url", TEXT, false}, {"path", TEXT, false}}},
    {0},
};
