// Writes the generated packaging (packaging ROOT IMAGE), or compares it (packaging --check ROOT IMAGE).
// Sections of the README stand between "<!-- NAME -->" and "<!-- /NAME -->".
#include <stdio.h>

#include "atlas/cli.h"
#include "atlas/runner.h"

enum { MAX_FILE = 4 << 20 };

// README text with the section replaced; NULL if the markers are missing.
static char *with_section(Str text, const char *name, Str section, Arena *mem) {
    const char *open = arena_printf(mem, "<!-- %s -->\n", name);
    const char *close = arena_printf(mem, "<!-- /%s -->", name);
    const char *start = strstr(text.ptr, open), *end = strstr(text.ptr, close);
    if (!start || !end || end < start)
        return NULL;
    start += strlen(open);
    return arena_printf(mem, "%.*s%.*s%s", (int)(start - text.ptr), text.ptr, (int)section.len,
                        section.ptr, end);
}

static Err *wanted_content(Str *out, const char *path, const PackagingFile *f, const char *name,
                           Arena *mem) {
    Str now = {"", 0};
    *out = f->content;
    if (!name)
        return NULL;
    TRY(fs_read(&now, path, MAX_FILE, mem));
    char *text = with_section(now, name, f->content, mem);
    if (!text)
        return err_new(E_INVALID, "%s has no section <!-- %s -->", path, name);
    *out = str_from(text);
    return NULL;
}

static Err *handle(const PackagingFile *f, const char *root, bool check, int *different, Arena *mem) {
    const char *mark = strchr(f->path, '#');
    const char *file = mark ? arena_strndup(mem, f->path, (size_t)(mark - f->path)) : f->path;
    const char *path = fs_join(mem, root, file);
    Str want, now = {"", 0};
    TRY(wanted_content(&want, path, f, mark ? mark + 1 : NULL, mem));
    if (!check) {
        TRY(fs_mkdirs(fs_dirname(mem, path), 0755));
        return fs_write_atomic(path, want, 0644);
    }
    err_free(fs_read(&now, path, MAX_FILE, mem));
    if (!str_eq(want, now)) {
        printf("%s differs from the manifest: run make packaging\n", file);
        ++*different;
    }
    return NULL;
}

int main(int argc, char **argv) {
    Arena *mem = arena_new(NULL);
    bool check = argc > 1 && cstr_eq(argv[1], "--check");
    const char *root = argc > 1 + check ? argv[1 + check] : ".";
    const char *image = argc > 2 + check ? argv[2 + check] : "Dockerfile";
    PackagingFiles files = runner_packaging(image, mem);
    list_push(&files, mem, (PackagingFile){"README.md#commands", str_from(cli_reference(mem))});
    int different = 0;
    for (size_t i = 0; i < files.len; i++) {
        Err *e = handle(&files.items[i], root, check, &different, mem);
        if (e) {
            fprintf(stderr, "%s\n", err_text(e));
            return 1;
        }
    }
    arena_free(mem);
    return different ? 1 : 0;
}
