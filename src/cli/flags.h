// Command-line words to values: the flag syntax of cli-contract.md section 1.1, driven by tables
// that also make help texts and README tables.
#ifndef ATLAS_CLI_FLAGS_H
#define ATLAS_CLI_FLAGS_H

#include "atlas/base.h"

typedef enum FlagKind {
    FLAG_STRING,
    FLAG_BOOL,
    FLAG_LIST,     // every occurrence is one CSV record; occurrences accumulate
    FLAG_REPEAT,   // occurrences accumulate as they are
    FLAG_DURATION, // Go's
    FLAG_UINT,
} FlagKind;

enum { FLAG_HIDDEN = 1, FLAG_REQUIRED = 2 };

typedef struct FlagSpec {
    const char *name;
    char letter;          // 0: none
    FlagKind kind;
    const char *fallback; // shown in help and used when nothing sets the flag; NULL: none
    const char *choices;  // "a,b,c"; NULL: any
    const char *help;
    unsigned flags;
    const char *stands_for; // an alias of this other flag; NULL: none
} FlagSpec;

typedef struct FlagSet {
    const FlagSpec *const *specs; // NULL-terminated
    Map values;                   // name -> StrList *, only what was given
    StrList args;                 // positionals
    bool help;
    Arena *mem;
} FlagSet;

// E_USAGE: `unknown flag: --x`, missing or malformed values.
Err *flags_parse(FlagSet *out, const FlagSpec *const *specs, char **argv, size_t argc, Arena *mem)
    MUST_USE;

bool flag_given(const FlagSet *f, const char *name);
// The last value given, else the table's fallback, else "".
const char *flag_text(const FlagSet *f, const char *name);
bool flag_bool(const FlagSet *f, const char *name);
StrList flag_list(const FlagSet *f, const char *name);
uint64_t flag_uint(const FlagSet *f, const char *name);
// Sets a flag that was not given (from the project's env); "" is ignored.
void flag_fill(FlagSet *f, const char *name, const char *value);
void flag_fill_list(FlagSet *f, const char *name, const StrList *values);
// `required flag(s) "a", "b" not set`.
Err *flags_check_required(const FlagSet *f) MUST_USE;
// At most one of the names is given.
Err *flags_exclusive(const FlagSet *f, const char *const *names, size_t count) MUST_USE;

// One CSV record into fields (RFC 4180 quotes).
Err *csv_record(StrList *out, const char *text, Arena *mem) MUST_USE;
// The help lines of a flag table.
void flags_help(Buf *out, const FlagSpec *const *specs);

#endif
