// format formatlist: the verbs of go-cty's format.
#include "eval.h"

enum { WIDTH_MAX = 100000 };

typedef struct Verb {
    const char *text; // "%-5.2f"
    size_t len, offset;
    bool minus, plus, sharp, space, zero;
    int width, precision; // -1: none
    size_t arg;           // from 1
    char letter;
} Verb;

typedef struct Format {
    Buf out;
    const HclValue *const *args;
    size_t count, next, highest;
    Arena *mem;
} Format;

static Err *unsupported(const Verb *v, const char *why) {
    return err_new(E_INVALID, "unsupported value for \"%.*s\" at %zu: %s", (int)v->len, v->text,
                   v->offset, why);
}

// --- parsing ------------------------------------------------------------------------------------

static bool number(const char **s, int *out) {
    int n = 0;
    if (**s < '0' || **s > '9')
        return false;
    for (; **s >= '0' && **s <= '9'; (*s)++)
        n = n > WIDTH_MAX ? n : n * 10 + (**s - '0');
    *out = n;
    return true;
}

static Err *parse_index(Format *f, Verb *v, const char **s) {
    int n = 0;
    if (**s != '[')
        return NULL;
    (*s)++;
    if (!number(s, &n) || **s != ']' || n < 1)
        return err_new(E_INVALID, "invalid argument index at offset %zu", v->offset);
    (*s)++;
    f->next = (size_t)n;
    return NULL;
}

static bool parse_flag(Verb *v, char c) {
    switch (c) {
    case '-': v->minus = true; return true;
    case '+': v->plus = true; return true;
    case '#': v->sharp = true; return true;
    case ' ': v->space = true; return true;
    case '0': v->zero = true; return true;
    default: return false;
    }
}

static Err *parse_verb(Format *f, Verb *v, const char *s) {
    v->text = s++;
    v->width = v->precision = -1;
    while (parse_flag(v, *s))
        s++;
    TRY(parse_index(f, v, &s));
    if (*s == '*')
        return err_new(E_INVALID, "unsupported dynamic width at offset %zu", v->offset);
    number(&s, &v->width);
    if (*s == '.') {
        s++;
        v->precision = 0;
        number(&s, &v->precision);
    }
    if (v->width > WIDTH_MAX || v->precision > WIDTH_MAX)
        return err_new(E_INVALID, "width or precision too large at offset %zu", v->offset);
    TRY(parse_index(f, v, &s));
    v->letter = *s;
    v->len = (size_t)(s - v->text) + (*s != '\0');
    if (!v->letter)
        return err_new(E_INVALID, "unterminated verb at end of format string");
    if (!strchr("vtbdoxXeEfFgGsq%", v->letter))
        return err_new(E_INVALID, "unsupported format verb '%c' in \"%.*s\" at offset %zu",
                       v->letter, (int)v->len, v->text, v->offset);
    return NULL;
}

// --- output -------------------------------------------------------------------------------------

static void pad(Format *f, const Verb *v, const char *sign, Str body, bool numeric) {
    size_t width = strlen(sign);
    for (size_t i = 0; i < body.len; width++)
        i += cluster_len(body.ptr + i, body.len - i);
    size_t fill = v->width > 0 && (size_t)v->width > width ? (size_t)v->width - width : 0;
    bool zero = v->zero && numeric && !v->minus;
    if (!v->minus && !zero)
        buf_repeat(&f->out, " ", fill);
    buf_str(&f->out, sign);
    if (zero)
        buf_repeat(&f->out, "0", fill);
    buf_add(&f->out, body.ptr, body.len);
    if (v->minus)
        buf_repeat(&f->out, " ", fill);
}

static Err *put_number(Format *f, const Verb *v, const HclValue *arg) {
    const char *text, *prefix = "";
    AutoErr err = hcl_convert(&arg, arg, &hcl_type_number, f->mem);
    if (err || arg->null)
        return unsupported(v, err ? err_text(err) : "null value cannot be formatted");
    if (strchr("dboxX", v->letter) && strchr(hcl_number_text(f->mem, arg->u.n), '.'))
        return unsupported(v, "an integer is required");
    switch (v->letter) {
    case 'd': text = number_text_base(f->mem, arg->u.n, 10); break;
    case 'b': text = number_text_base(f->mem, arg->u.n, 2); prefix = "0b"; break;
    case 'o': text = number_text_base(f->mem, arg->u.n, 8); prefix = "0"; break;
    case 'x': text = number_text_base(f->mem, arg->u.n, 16); prefix = "0x"; break;
    case 'X':
        text = cstr_upper(f->mem, number_text_base(f->mem, arg->u.n, 16));
        prefix = "0X";
        break;
    default: text = number_text_float(f->mem, arg->u.n, v->letter, v->precision); break;
    }
    bool negative = *text == '-';
    const char *sign = negative ? "-" : v->plus ? "+" : v->space ? " " : "";
    if (v->sharp)
        sign = arena_printf(f->mem, "%s%s", sign, prefix);
    pad(f, v, sign, str_from(text + negative), true);
    return NULL;
}

static Str clip(Str s, int precision) {
    size_t end = 0;
    if (precision < 0)
        return s;
    while (precision-- > 0 && end < s.len)
        end += cluster_len(s.ptr + end, s.len - end);
    return str_slice(s.ptr, end);
}

static Err *put_text(Format *f, const Verb *v, const HclValue *arg) {
    AutoErr err = hcl_convert(&arg, arg, &hcl_type_string, f->mem);
    if (err || arg->null)
        return unsupported(v, err ? err_text(err) : "null value cannot be formatted");
    Str s = clip(arg->u.s, v->precision);
    if (v->letter == 'q') {
        Buf b;
        buf_init(&b, f->mem, BUF_MAX_TEXT);
        json_write_string(&b, s, JSON_GO);
        s = buf_view(&b);
    }
    pad(f, v, "", s, false);
    return NULL;
}

static Err *put_bool(Format *f, const Verb *v, const HclValue *arg) {
    AutoErr err = hcl_convert(&arg, arg, &hcl_type_bool, f->mem);
    if (err || arg->null)
        return unsupported(v, err ? err_text(err) : "null value cannot be formatted");
    pad(f, v, "", str_from(arg->u.b ? "true" : "false"), false);
    return NULL;
}

static Err *put_any(Format *f, const Verb *v, const HclValue *arg) {
    Buf b;
    if (!v->sharp && hcl_is(arg, HCL_STRING)) {
        pad(f, v, "", clip(arg->u.s, v->precision), false);
        return NULL;
    }
    if (!v->sharp && hcl_is(arg, HCL_NUMBER)) {
        pad(f, v, "", str_from(hcl_number_text(f->mem, arg->u.n)), true);
        return NULL;
    }
    buf_init(&b, f->mem, BUF_MAX_TEXT);
    TRY(value_json(&b, arg));
    pad(f, v, "", buf_view(&b), false);
    return NULL;
}

static Err *put_verb(Format *f, Verb *v) {
    if (v->letter == '%') {
        buf_char(&f->out, '%');
        return NULL;
    }
    v->arg = f->next++;
    if (v->arg > f->count)
        return err_new(E_INVALID, "not enough arguments for \"%.*s\" at %zu: need index %zu but "
                       "have %zu total", (int)v->len, v->text, v->offset, v->arg, f->count);
    if (v->arg > f->highest)
        f->highest = v->arg;
    const HclValue *arg = f->args[v->arg - 1];
    switch (v->letter) {
    case 'v': return put_any(f, v, arg);
    case 't': return put_bool(f, v, arg);
    case 's':
    case 'q': return put_text(f, v, arg);
    default: return put_number(f, v, arg);
    }
}

static Err *format(const HclValue **out, Str spec, const HclValue *const *args, size_t count,
                   Arena *mem) {
    Format f = {.args = args, .count = count, .next = 1, .mem = mem};
    buf_init(&f.out, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < spec.len;) {
        Verb v = {.offset = i};
        if (spec.ptr[i] != '%') {
            buf_char(&f.out, spec.ptr[i++]);
            continue;
        }
        TRY(parse_verb(&f, &v, spec.ptr + i));
        TRY(put_verb(&f, &v));
        i += v.len;
    }
    if (f.highest < count && f.highest == 0)
        return err_new(E_INVALID, "too many arguments; no verbs in format string");
    if (f.highest < count)
        return err_new(E_INVALID, "too many arguments; only %zu used by format string", f.highest);
    TRY(buf_check(&f.out, "the formatted text"));
    *out = hcl_bytes(mem, buf_view(&f.out));
    return NULL;
}

static Err *fn_format(Call *c) {
    return format(&c->out, c->args[0]->u.s, c->args + 1, c->count - 1, c->mem);
}

static bool is_list(const HclValue *v) { return !v->null && type_is_sequence(v->type); }

static Err *list_length(Call *c, size_t *len) {
    size_t first = SIZE_MAX;
    *len = 1;
    for (size_t i = 1; i < c->count; i++) {
        if (!is_list(c->args[i]))
            continue;
        size_t n = c->args[i]->u.seq.len;
        if (first != SIZE_MAX && n != *len)
            return arg_error(c, i, "argument %zu has length %zu, which is inconsistent with "
                             "argument %zu of length %zu", i, n, first, *len);
        if (first == SIZE_MAX)
            first = i;
        *len = n;
    }
    return NULL;
}

static Err *fn_formatlist(Call *c) {
    size_t len;
    ValueList out = {0};
    TRY(list_length(c, &len));
    const HclValue **row = NEW_ARRAY(c->mem, const HclValue *, c->count);
    for (size_t i = 0; i < len; i++) {
        const HclValue *v;
        for (size_t j = 1; j < c->count; j++)
            row[j - 1] = is_list(c->args[j]) ? c->args[j]->u.seq.items[i] : c->args[j];
        Err *err = format(&v, c->args[0]->u.s, row, c->count - 1, c->mem);
        if (err)
            return err_wrap(err, "error on format iteration %zu", i);
        list_push(&out, c->mem, v);
    }
    c->out = hcl_list(c->mem, &hcl_type_string, out.items, out.len);
    return NULL;
}

const Function functions_format[] = {
    {.name = "format", .fn = fn_format, .params = {{"format", TEXT, false}},
     .rest = {"args", ANY, true}},
    {.name = "formatlist", .fn = fn_formatlist, .params = {{"format", TEXT, false}},
     .rest = {"args", ANY, true}},
    {0},
};
