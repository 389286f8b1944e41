// Database URLs from which password_from is taken, and what of them comes out.
#include "atlas/project.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Whether the text could, decoded, ask for a program or for a file of this machine.
static bool is_dangerous(const char *text) {
    return strchr(text, '%') || strstr(text, "omman") || strstr(text, "file:");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096)
        return 0;
    AutoArena mem = arena_new(NULL);
    const char *text = arena_strndup(mem, (const char *)data, size), *out = NULL;
    Loop *loop = NULL;
    Map vars;
    if (is_dangerous(text))
        return 0;
    map_init(&vars, mem);
    map_set(&vars, "AWS_EC2_METADATA_DISABLED", arena_strdup(mem, "true"));
    map_set(&vars, "GCE_METADATA_HOST", arena_strdup(mem, "127.0.0.1:1"));
    Err *e = loop_new(&loop, host_with_vars(mem, &host_system, &vars), mem);
    const ProjectDbAccess access = {.loop = loop};
    if (!e)
        e = project_db_url(&out, &access,
                           cstr_replace(mem, text, "\x01", "password_from=file:/etc/hostname"), mem);
    err_free(e);
    return 0;
}
