// Compiler attributes, spelled once.
#ifndef ATLAS_BASE_ATTR_H
#define ATLAS_BASE_ATTR_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define RETURNS_NONNULL __attribute__((returns_nonnull))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
