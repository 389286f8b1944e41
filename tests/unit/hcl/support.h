// Shared by the hcl tests: expressions and documents to text.
#ifndef TEST_HCL_SUPPORT_H
#define TEST_HCL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "atlas/base.h"
#include "atlas/hcl.h"

typedef struct Case {
    const char *text, *want;
} Case;

// "sql:TEXT" for raw SQL; JSON otherwise.
static inline const char *value_shown(Arena *mem, const HclValue *v) {
    if (v->type == &hcl_type_sql && !v->null)
        return arena_printf(mem, "sql:%s", (const char *)v->u.capsule);
    return json_text(mem, hcl_to_value(mem, v), JSON_PLAIN);
}

static inline const char *eval_in(Arena *mem, const char *text, const HclScope *scope,
                                  const HclEnv *env) {
    const HclExpr *x;
    const HclValue *v;
    AutoErr err = hcl_parse_expr(&x, "t.hcl", str_from(text), mem);
    if (!err)
        err = hcl_eval(&v, x, scope, env, mem);
    return err ? arena_strdup(mem, err_text(err)) : value_shown(mem, v);
}

static inline void check_cases(const Case *cases, size_t count, const HclScope *scope,
                               const HclEnv *env) {
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        AutoArena mem = arena_new(NULL);
        const char *got = eval_in(mem, cases[i].text, scope, env);
        if (strcmp(got, cases[i].want) == 0)
            continue;
        failed++;
        print_error("%s\n  want %s\n  got  %s\n", cases[i].text, cases[i].want, got);
    }
    assert_int_equal(failed, 0);
}

static inline const char *parse_error_of(Arena *mem, const char *text) {
    HclFile *file;
    AutoErr err = hcl_parse(&file, "atlas.hcl", str_from(text), mem);
    return err ? arena_strdup(mem, err_text(err)) : "ok";
}

#endif
