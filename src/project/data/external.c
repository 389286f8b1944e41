// data "external": what a program prints.
#include "data.h"

static const char *exit_text(int status, Arena *mem) {
    return status > 128 ? arena_printf(mem, "signal %d", status - 128)
                        : arena_printf(mem, "exit status %d", status);
}

Err *data_external(const HclValue **out, const HclResource *r, Data *d, Arena *mem) {
    StrList program = {0};
    ProcessResult done = {0};
    const char *dir = "";
    TRY(read_texts(&program, r, "program", mem));
    TRY(read_text(&dir, r, "working_dir"));
    if (!program.len || !*program.items[0])
        return data_wrong(r, "program", "program cannot be empty");
    TRY(process_run(&done, d->loop,
                    &(ProcessSpec){.argv = &program, .dir = dir, .cancel = d->cancel}, mem));
    if (done.status != 0) {
        const char *said = cstr_trim(mem, str_dup(mem, done.err));
        return err_new(E_CONFIG, "%s",
                       *said ? log_redact(mem, said) : exit_text(done.status, mem));
    }
    *out = hcl_bytes(mem, done.out);
    return NULL;
}
