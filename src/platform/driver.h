// The contract of a platform. One file per platform, one row in drivers.c.
#ifndef ATLAS_PLATFORM_DRIVER_H
#define ATLAS_PLATFORM_DRIVER_H

#include "atlas/base/buf.h"
#include "atlas/platform.h"

typedef struct PlatformDriver {
    const char *name, *trigger_type;
    const char *input_prefix; // of the variables of inputs
    bool force_colour;
    bool (*detect)(const Host *host);
    Err *(*set_output)(Platform *p, const char *action, const char *name, Str value);
    Err *(*context)(Platform *p, PlatformContext *c, Arena *mem); // fields start as ""
    // Optional; the defaults follow names and styles that most platforms share.
    char *(*input_variable)(Arena *mem, const char *name);
    char *(*input_value)(const Host *host, const char *name, const char *value, Arena *mem);
    void (*message)(Platform *p, const PlatformAnnotation *at, const char *message);
    void (*mask)(Platform *p, const char *secret);
    void (*untrusted)(Platform *p, const char *text);
    Err *(*export_variable)(Platform *p, const char *name, Str value);
    const char *summary_variable; // names a file for Markdown; NULL: no summaries
} PlatformDriver;

struct Platform {
    const PlatformDriver *driver;
    const Host *host;
    PlatformIo io;
    bool colour, token_warned;
};

extern const PlatformDriver platform_github, platform_circleci, platform_gitlab, platform_bitbucket,
    platform_terminal;
// In order of detection, NULL-terminated; the last one fits always.
extern const PlatformDriver *const platform_drivers[];

// --- shared parts --------------------------------------------------------------------------------

void platform_put(Platform *p, const char *text);
// A copy without control characters other than tab and newline (they become "?").
char *platform_printable(Arena *mem, const char *text);
// "dev-url" to "DEV_URL".
char *platform_mangle(Arena *mem, const char *name);
// A fresh random word of 32 hex digits that does not occur in `text`.
char *platform_marker(const Host *host, Str text, Arena *mem);
// Reads a token: masks it, or warns once that it is missing.
const char *platform_token(Platform *p, const char *variable, const char *hint, Arena *mem);

// outputs.c: appends "export NAME='value'\n" to a file for shells.
Err *output_export(const char *path, const char *variable, Str value) MUST_USE;
// Sets a member of the JSON object in a file, which stays valid.
Err *output_json(const char *path, const char *variable, Str value) MUST_USE;

#endif
