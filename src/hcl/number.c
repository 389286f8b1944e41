#include "number.h"

#include <ctype.h>
#include <inttypes.h>
#include <mpfr.h>

enum {
    PRECISION = 512,
    EXPONENT_MAX = 65536, // bits; keeps every decimal text below 20,000 digits
    DIGITS_SURE = 153,    // any decimal of so many digits survives the way to binary and back
    DIGITS_ALL = 156,     // enough for every number of PRECISION bits
};

struct HclNumber {
    mpfr_t x;
    mp_limb_t limbs[PRECISION / GMP_NUMB_BITS];
};

// mpfr functions take "mpfr_srcptr"; a const HclNumber gives one without a cast.
static mpfr_srcptr raw(const HclNumber *n) { return n->x; }

// A copy in the arena; NULL if it is no finite number within bounds.
static const HclValue *keep(Arena *mem, mpfr_srcptr x) {
    if (!mpfr_number_p(x))
        return NULL;
    if (!mpfr_zero_p(x) && (mpfr_get_exp(x) > EXPONENT_MAX || mpfr_get_exp(x) < -EXPONENT_MAX))
        return NULL;
    HclNumber *n = NEW(mem, HclNumber);
    mpfr_custom_init(n->limbs, PRECISION);
    mpfr_custom_init_set(n->x, MPFR_ZERO_KIND, 0, PRECISION, n->limbs);
    mpfr_set(n->x, x, MPFR_RNDN);
    if (mpfr_zero_p(n->x))
        mpfr_set_zero(n->x, 1); // no negative zero
    HclValue *v = NEW(mem, HclValue);
    v->type = &hcl_type_number;
    v->depth = 1;
    v->weight = 1;
    v->u.n = n;
    return v;
}

static const HclValue *keep_clear(Arena *mem, mpfr_ptr x) {
    const HclValue *v = keep(mem, x);
    mpfr_clear(x);
    return v;
}

static bool looks_decimal(const char *s) {
    size_t digits = 0, exponent = 0;
    if (*s == '+' || *s == '-')
        s++;
    for (; isdigit((unsigned char)*s); s++)
        digits++;
    if (*s == '.')
        for (s++; isdigit((unsigned char)*s); s++)
            digits++;
    if (digits > 0 && (*s == 'e' || *s == 'E')) {
        s++;
        if (*s == '+' || *s == '-')
            s++;
        for (; isdigit((unsigned char)*s); s++)
            exponent++;
        if (exponent == 0 || exponent > 9)
            return false;
    }
    return digits > 0 && *s == '\0';
}

const HclValue *number_parse(Arena *mem, const char *text) {
    mpfr_t x;
    if (!looks_decimal(text))
        return NULL;
    mpfr_init2(x, PRECISION);
    mpfr_set_str(x, text, 10, MPFR_RNDN);
    return keep_clear(mem, x);
}

// Go's digits for bases above 36 are 0-9a-zA-Z, GMP's 0-9A-Za-z.
static int digit_value(char c, int base) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z')
        return base <= 36 ? c - 'A' + 10 : c - 'A' + 36;
    return 99;
}

const HclValue *number_parse_base(Arena *mem, const char *text, int base) {
    bool negative = *text == '-';
    mpfr_t x;
    if (*text == '-' || *text == '+')
        text++;
    if (*text == '\0' || strlen(text) > 16384)
        return NULL;
    for (const char *s = text; *s; s++)
        if (digit_value(*s, base) >= base)
            return NULL;
    mpfr_init2(x, PRECISION);
    mpfr_set_zero(x, 1);
    for (; *text; text++) {
        mpfr_mul_si(x, x, base, MPFR_RNDN);
        mpfr_add_si(x, x, digit_value(*text, base), MPFR_RNDN);
    }
    if (negative)
        mpfr_neg(x, x, MPFR_RNDN);
    return keep_clear(mem, x);
}

const HclValue *hcl_int(Arena *mem, int64_t i) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, i);
    return number_parse(mem, text);
}

const HclValue *hcl_real(Arena *mem, double d) {
    mpfr_t x;
    mpfr_init2(x, PRECISION);
    mpfr_set_d(x, d, MPFR_RNDN);
    const HclValue *v = keep_clear(mem, x);
    return v ? v : hcl_null(mem, &hcl_type_number);
}

static void modulo(mpfr_ptr x, mpfr_srcptr a, mpfr_srcptr b) {
    // a - b * trunc(a / b), as cty: the sign is the dividend's.
    mpfr_div(x, a, b, MPFR_RNDN);
    mpfr_trunc(x, x);
    mpfr_mul(x, x, b, MPFR_RNDN);
    mpfr_sub(x, a, x, MPFR_RNDN);
}

// As upstream, logarithm and power go through doubles.
static void by_double(mpfr_ptr x, NumberOp op, mpfr_srcptr a, mpfr_srcptr b) {
    mpfr_t da, db;
    mpfr_inits2(53, da, db, (mpfr_ptr)NULL);
    mpfr_set(da, a, MPFR_RNDN);
    mpfr_set(db, b, MPFR_RNDN);
    if (op == N_POW) {
        mpfr_pow(da, da, db, MPFR_RNDN);
    } else {
        mpfr_log(da, da, MPFR_RNDN);
        mpfr_log(db, db, MPFR_RNDN);
        mpfr_div(da, da, db, MPFR_RNDN);
    }
    mpfr_set(x, da, MPFR_RNDN);
    mpfr_clears(da, db, (mpfr_ptr)NULL);
}

Err *number_binary(const HclValue **out, NumberOp op, const HclNumber *a, const HclNumber *b,
                   Arena *mem) {
    mpfr_t x;
    if ((op == N_DIV || op == N_MOD) && mpfr_zero_p(raw(b)))
        return err_new(E_INVALID, "division by zero");
    mpfr_init2(x, PRECISION);
    switch (op) {
    case N_ADD: mpfr_add(x, raw(a), raw(b), MPFR_RNDN); break;
    case N_SUB: mpfr_sub(x, raw(a), raw(b), MPFR_RNDN); break;
    case N_MUL: mpfr_mul(x, raw(a), raw(b), MPFR_RNDN); break;
    case N_DIV: mpfr_div(x, raw(a), raw(b), MPFR_RNDN); break;
    case N_MOD: modulo(x, raw(a), raw(b)); break;
    case N_POW:
    case N_LOG: by_double(x, op, raw(a), raw(b)); break;
    }
    *out = keep_clear(mem, x);
    return *out ? NULL : err_new(E_INVALID, "the result is not a number within range");
}

const HclValue *number_unary(Arena *mem, NumberFn fn, const HclNumber *a) {
    mpfr_t x;
    mpfr_init2(x, PRECISION);
    switch (fn) {
    case N_NEG: mpfr_neg(x, raw(a), MPFR_RNDN); break;
    case N_ABS: mpfr_abs(x, raw(a), MPFR_RNDN); break;
    case N_CEIL: mpfr_ceil(x, raw(a)); break;
    case N_FLOOR: mpfr_floor(x, raw(a)); break;
    case N_SIGN: mpfr_set_si(x, mpfr_sgn(raw(a)), MPFR_RNDN); break;
    }
    const HclValue *v = keep_clear(mem, x);
    return v ? v : hcl_null(mem, &hcl_type_number);
}

int number_cmp(const HclNumber *a, const HclNumber *b) { return mpfr_cmp(raw(a), raw(b)); }
bool number_is_whole(const HclNumber *n) { return mpfr_integer_p(raw(n)) != 0; }

bool hcl_number_int(const HclNumber *n, int64_t *out) {
    if (!mpfr_integer_p(raw(n)) || !mpfr_fits_intmax_p(raw(n), MPFR_RNDN))
        return false;
    *out = (int64_t)mpfr_get_sj(raw(n), MPFR_RNDN);
    return true;
}

double hcl_number_real(const HclNumber *n) { return mpfr_get_d(raw(n), MPFR_RNDN); }

// --- text ---------------------------------------------------------------------------------------

typedef struct Digits {
    char text[DIGITS_ALL + 4]; // without sign and trailing zeros; "" for zero
    long point;                // of 0.DIGITS * 10^point
    bool negative;
} Digits;

static bool digits_exact(const Digits *d, mpfr_srcptr x) {
    char text[DIGITS_ALL + 64];
    mpfr_t back;
    mpfr_init2(back, PRECISION);
    snprintf(text, sizeof text, "%s0.%se%ld", d->negative ? "-" : "", d->text, d->point);
    mpfr_set_str(back, text, 10, MPFR_RNDN);
    bool same = mpfr_equal_p(back, x) != 0;
    mpfr_clear(back);
    return same;
}

static void digits_of(Digits *d, mpfr_srcptr x, size_t count) {
    char buf[DIGITS_ALL + 8];
    mpfr_exp_t exp = 0;
    *d = (Digits){.negative = mpfr_sgn(x) < 0};
    if (mpfr_zero_p(x))
        return;
    mpfr_get_str(buf, &exp, 10, count, x, MPFR_RNDN);
    const char *s = buf[0] == '-' ? buf + 1 : buf;
    size_t len = strlen(s);
    while (len > 0 && s[len - 1] == '0')
        len--;
    memcpy(d->text, s, len);
    d->point = exp;
}

static void digits_shortest(Digits *d, mpfr_srcptr x) {
    for (size_t n = DIGITS_SURE; n <= DIGITS_ALL; n++) {
        digits_of(d, x, n);
        if (mpfr_zero_p(x) || digits_exact(d, x))
            return;
    }
}

char *hcl_number_text(Arena *mem, const HclNumber *n) {
    Digits d;
    Buf b;
    digits_shortest(&d, raw(n));
    buf_init(&b, mem, BUF_MAX_TEXT);
    long len = (long)strlen(d.text);
    if (len == 0)
        return arena_strdup(mem, "0");
    if (d.negative)
        buf_char(&b, '-');
    if (d.point <= 0) {
        buf_str(&b, "0.");
        buf_repeat(&b, "0", (size_t)-d.point);
        buf_str(&b, d.text);
    } else if (d.point >= len) {
        buf_str(&b, d.text);
        buf_repeat(&b, "0", (size_t)(d.point - len));
    } else {
        buf_add(&b, d.text, (size_t)d.point);
        buf_char(&b, '.');
        buf_str(&b, d.text + d.point);
    }
    return b.ptr;
}

char *number_text_base(Arena *mem, const HclNumber *n, int base) {
    mpfr_t x;
    mpz_t z;
    mpfr_init2(x, PRECISION);
    mpz_init(z);
    mpfr_trunc(x, raw(n));
    mpfr_get_z(z, x, MPFR_RNDN);
    mpfr_clear(x);
    size_t size = mpz_sizeinbase(z, base) + 2;
    char *text = arena_alloc(mem, size);
    mpz_get_str(text, base, z);
    mpz_clear(z);
    return text;
}

// Go's shortest %g: the exponent form below 1e-4 and from 1e6 (or the number of digits) on.
static char *text_shortest_g(Arena *mem, mpfr_srcptr x) {
    Digits d;
    digits_shortest(&d, x);
    long len = (long)strlen(d.text), exp = d.point - 1;
    if (len == 0)
        return arena_strdup(mem, "0");
    if (exp >= -4 && exp < (len > 6 && len >= d.point ? len : 21))
        return NULL; // plain
    return arena_printf(mem, "%s%c%s%se%c%02ld", d.negative ? "-" : "", d.text[0],
                        len > 1 ? "." : "", d.text + 1, exp < 0 ? '-' : '+', labs(exp));
}

char *number_text_float(Arena *mem, const HclNumber *n, char verb, int precision) {
    char format[] = "%.*Re";
    if (precision < 0 && (verb == 'g' || verb == 'G')) {
        char *text = text_shortest_g(mem, raw(n));
        if (!text)
            return hcl_number_text(mem, n);
        return verb == 'G' ? cstr_upper(mem, text) : text;
    }
    format[4] = verb == 'F' ? 'f' : verb;
    if (precision < 0)
        precision = 6;
    int len = mpfr_snprintf(NULL, 0, format, precision, raw(n));
    char *text = arena_alloc(mem, (size_t)len + 1);
    mpfr_snprintf(text, (size_t)len + 1, format, precision, raw(n));
    return text;
}
