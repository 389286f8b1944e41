// Parses; what parses is evaluated without variables, and as a document.
#include <stdint.h>

#include "atlas/base.h"
#include "atlas/hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void eval_body(const HclBody *body, const HclScope *scope, const HclEnv *env, Arena *mem) {
    for (size_t i = 0; i < body->attrs.len; i++) {
        const HclValue *v;
        AutoErr err = hcl_eval(&v, body->attrs.items[i]->expr, scope, env, mem);
        if (!err)
            hcl_to_value(mem, v);
    }
    for (size_t i = 0; i < body->blocks.len; i++)
        eval_body(body->blocks.items[i]->body, scope, env, mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    HclEnv env = {0};
    HclScope scope;
    HclFile *file;
    HclDoc *doc;
    hcl_scope_init(&scope, NULL, mem);
    AutoErr err = hcl_parse(&file, "fuzz.hcl", str_slice((const char *)data, size), mem);
    if (err) {
        err_text(err);
        return 0;
    }
    eval_body(file->body, &scope, &env, mem);
    const HclFile *files[1] = {file};
    HclDocOptions o = {.files = files, .file_count = 1};
    AutoErr doc_err = hcl_document(&doc, &o, mem);
    (void)doc_err;
    return 0;
}
