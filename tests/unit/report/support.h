#ifndef TEST_REPORT_SUPPORT_H
#define TEST_REPORT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "atlas/base/json.h"
#include "atlas/report.h"

// A report from JSON; the renderings take times as text too.
static Value *report(Arena *mem, const char *json) {
    Value *v;
    Err *e = json_parse(&v, str_from(json), NULL, mem);
    if (e)
        fail_msg("%s", err_text(e));
    return v;
}

#define T0 "\"Start\":\"2024-05-01T10:00:00Z\""
#define END(fraction) "\"End\":\"2024-05-01T10:00:00." fraction "Z\""

#endif
