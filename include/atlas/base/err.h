// Errors: NULL is success. A fallible function returns `Err *`, marked MUST_USE.
//
// An error has its own lifetime: whoever does not return it further must err_free() it.
// It carries a code, a message, a chain of contexts and, where it has one, a source position and
// a hint ("what to do next"). Only the entry point prints errors or exits.
#ifndef ATLAS_BASE_ERR_H
#define ATLAS_BASE_ERR_H

#include <stdarg.h>

#include "atlas/base/arena.h"
#include "atlas/base/attr.h"

typedef enum ErrCode {
    E_OK = 0,
#define X(code, title) code,
#include "atlas/base/err.def"
#undef X
} ErrCode;

typedef struct Err Err;

// A new error. The message is one line, lower case unless it is a literal of a contract, no dot.
Err *err_new(ErrCode code, const char *fmt, ...) PRINTF(2, 3) RETURNS_NONNULL MUST_USE;
// Like err_new with "<what>: <strerror(errnum)>"; ENOENT becomes E_NOT_FOUND, EACCES E_DENIED.
Err *err_errno(int errnum, const char *fmt, ...) PRINTF(2, 3) RETURNS_NONNULL MUST_USE;
// Adds context in front: "<context>: <text so far>". The code stays. Once per layer.
Err *err_wrap(Err *e, const char *fmt, ...) PRINTF(2, 3) RETURNS_NONNULL MUST_USE;
// Sets the next step a user can take; a later hint does not replace an earlier one.
Err *err_hint(Err *e, const char *fmt, ...) PRINTF(2, 3) RETURNS_NONNULL MUST_USE;
// Sets the source position (1-based; 0 = unknown). err_text() prints it in front.
Err *err_at(Err *e, const char *file, int line, int column) RETURNS_NONNULL MUST_USE;
Err *err_set_code(Err *e, ErrCode code) RETURNS_NONNULL MUST_USE;
// An independent copy (targets share one cause).
Err *err_copy(const Err *e) RETURNS_NONNULL MUST_USE;
void err_free(Err *e);

ErrCode err_code(const Err *e);            // E_OK for NULL
const char *err_name(ErrCode code);        // "E_NOT_FOUND"
const char *err_title(ErrCode code);       // the text of err.def
const char *err_hint_text(const Err *e);   // NULL if none
// The whole text, "file:line:col: context: message"; lives as long as `e`.
const char *err_text(const Err *e) RETURNS_NONNULL;
// The message without its contexts or position; lives as long as `e`.
const char *err_message(const Err *e) RETURNS_NONNULL;

void err_free_auto(Err **e);
#define AutoErr __attribute__((cleanup(err_free_auto), unused)) Err *

// The only macro that may return.
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        Err *try_error = (expr);                                                                   \
        if (try_error)                                                                             \
            return try_error;                                                                      \
    } while (0)

// Aborts with a message: a broken invariant of ours, never a user's mistake.
NORETURN void bug(const char *file, int line, const char *fmt, ...) PRINTF(3, 4);
#define BUG(...) bug(__FILE__, __LINE__, __VA_ARGS__)

#endif
