// No CI platform: a person's terminal, or a system that we do not know.
#include "atlas/base/json.h"
#include "driver.h"

static bool detect(const Host *h) {
    (void)h;
    return true;
}

// "name=value" lines; a value that is no single line is a JSON string.
static Err *set_output(Platform *p, const char *action, const char *name, Str value) {
    (void)action;
    AutoArena tmp = arena_new(NULL);
    bool plain = true;
    for (size_t i = 0; i < value.len; i++)
        plain = plain && (unsigned char)value.ptr[i] >= 0x20 && value.ptr[i] != 0x7F;
    Buf b;
    buf_init(&b, tmp, SIZE_MAX);
    buf_printf(&b, "%s=", name);
    if (plain)
        buf_add(&b, value.ptr, value.len);
    else
        json_write_string(&b, value, JSON_PLAIN);
    buf_char(&b, '\n');
    p->io.write(p->io.ctx, b.ptr, b.len);
    return NULL;
}

static Err *context(Platform *p, PlatformContext *c, Arena *mem) {
    (void)p;
    (void)c;
    (void)mem;
    return NULL;
}

const PlatformDriver platform_terminal = {
    .name = "terminal",
    .trigger_type = "CLI",
    .input_prefix = "ATLAS_INPUT_",
    .detect = detect,
    .set_output = set_output,
    .context = context,
};
