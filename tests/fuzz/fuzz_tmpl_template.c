// Parses the input as a template and runs it over a small report. It may fail, never crash, and
// must stay within its limits.
#include <stdint.h>

#include "atlas/base/json.h"
#include "atlas/tmpl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Value *sample(Arena *mem) {
    static const char text[] =
        "{\"Driver\":\"sqlite\",\"URL\":{\"Scheme\":\"sqlite\",\"User\":null},\"N\":3,\"F\":1.5,"
        "\"Pending\":[{\"Name\":\"1.sql\",\"Version\":\"1\"},{\"Name\":\"2.sql\"}],\"Ok\":true,"
        "\"L\":[1,\"two\",null,[3]],\"Current\":\"1\",\"Error\":\"near \\\"BAD\\\"\"}";
    Value *v = NULL;
    AutoErr e = json_parse(&v, str_from(text), NULL, mem);
    value_get(v, "URL")->struct_name = "url.URL";
    value_set(v, mem, "Start", value_time(mem, (Time){1714557600, 120000000, 7200, true}), 0);
    value_set(v, mem, "Took", value_duration(mem, 1234567), 0);
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    TmplOptions options = {.colour = true, .max_output = 1 << 16, .max_steps = 2000};
    Tmpl *set = tmpl_new(&tmpl_shared_funcs, mem);
    AutoErr e = tmpl_add(set, "fuzz", str_slice((const char *)data, size));
    if (e)
        return 0;
    Buf out;
    buf_init(&out, mem, 1 << 20);
    AutoErr failed = tmpl_run(&out, set, NULL, sample(mem), &options);
    return 0;
}
