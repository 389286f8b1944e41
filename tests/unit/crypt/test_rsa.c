// RS256 against the example of RFC 7515 appendix A.2, whose key is published there.
#include "test.h"

#include "atlas/crypt.h"

static const char pkcs8[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"
    "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"
    "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"
    "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"
    "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"
    "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"
    "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"
    "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"
    "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"
    "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"
    "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"
    "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"
    "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"
    "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"
    "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"
    "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"
    "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"
    "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"
    "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"
    "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"
    "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"
    "03k2+ZQwVK0JKSHuLFkuQ3U=\n"
    "-----END PRIVATE KEY-----\n";

static const char pkcs1[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0\n"
    "l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pC\n"
    "gNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSX\n"
    "ndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD\n"
    "Zlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8\n"
    "q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35S\n"
    "bEUAVx8dYXUdZOlJcHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cf\n"
    "UhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1O\n"
    "n95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKK\n"
    "Vf9GRx80JQY7nVNkL17eHoTWEwga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f\n"
    "40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ4TlU\n"
    "bjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnE\n"
    "tfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPG\n"
    "BY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPE\n"
    "fgmVtjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYs\n"
    "p1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/HlB+TnBA+njbglfIsRLtXlnD\n"
    "zQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7\n"
    "DOX4IKjzdahm+ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4\n"
    "U4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q+d5PCsDzqtm\n"
    "27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN\n"
    "54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC\n"
    "Mx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneeyxN2Wq93S\n"
    "0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1Z\n"
    "NqMtuhdBJqUnBi6tjKMF+34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE\n"
    "6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1\n"
    "-----END RSA PRIVATE KEY-----\n";

static const char elliptic[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGaS2A4G/Rcq7hi70\n"
    "KBdk27ET3ggGGAxauGMo9YMo9JOhRANCAASnR+SjEae9h/KQ33sTZF+dSyFJhheQ\n"
    "+tkRMZAIs1FZZzq+H8545c2TC56pUi1zmLWPuH8X7L44UJqMFPXmgUIS\n"
    "-----END PRIVATE KEY-----\n";

static const char encrypted[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,5488F8161EE1D653B986861325F5EA62\n"
    "\n"
    "r+fWS9EAh9aYOwgbRJSchhTycJjlGWxEQVKi38eYvOu6M2bYxWnoqAgPZJXlFwsZ\n"
    "MX3tyBe3oyUcSu/Kf3hRMO+9sAZ4VN9L4VgeAFI20LoS6hlwchrYL0b/BgBd2Uni\n"
    "N8yP4BOq2swoEa5Hqj1zyQRoMyD+6OiOFmfiy5MDlyyPlsM1e3gtvb1VeccF4/IN\n"
    "VJQC3cRrZOXtPa71tNxSM8hep1zm2T47rvh5iC6sPv+9OUGDlKqMuSe+q/6ODwU9\n"
    "WCUUvhY8R5iMEUuIDVZkeBe8SsdWQ5W2RuPjn4plMibWsFCs2R0ZKs7NigFjydGu\n"
    "+Sd7klngl4oBxS3YXFRpKG66Ow1nxLMcYB0MoNn3gJ4ksxkL4aJUYDLFR/8fTAim\n"
    "JB3NbwxpSgDYnB7HTucyZg8A9uBOWewaR5eDDO6tLSs1qK4LMF9GHJl9K5zZuL36\n"
    "QTj39CBBJaF5TfAmZ1W7Ehmo3sNvorpjqKLwiJA+5Gj9lqF33DOcDX4OoQQ64sMh\n"
    "44tju0ylIALHAlX4FZbIbXaJF0x0829CRY2QtWOFeBQ4KxzFDNQRDJe5J8PYzD2B\n"
    "Zz+qaTJq0IzccrTXVRHqwLo9dmlruV1ND/KUVv9GQM+gRDNwiSvxWgJnv2mDbpUq\n"
    "zgd9yKoBjkA5hr2vZXqYrxzpIUmxLez6/0w2giQKUkrhQa3CYNhp/OqzH5tS1juV\n"
    "PthUQTKtqU/+6Fy48tFKVSdwkmMrUdRrDUUxZ2ixXHzlrAk90m6vm+dSndWXdaYa\n"
    "fubwBNKte+HlufKePXLf9D7z1MzdcBjExMSCtt3DYE0G9y0HoNFkQ2Z5HkqeIf1c\n"
    "h8YE1PHbSJvKxWjM6F26ZE+rm8C9O/tqo3xuPca5S3M0MLruBqAfO+qy+w+/KSQP\n"
    "ImEHnhgIaBOYdhxEoJCBlfTG/qM6uMGEi278WiN00M4nkqDhRHf1r9Mh9fLS6hxq\n"
    "YawWvZ0K5YvrSFH4ATvajoXWdG+lR6OYuzeJ4P1cHE+0cVR4Ee5zhAeh8G+h02pZ\n"
    "LZJpjZLXFiIwgqwx7EdEb3KDeY2nS35vgbRGg9WwjImTEs+jjY3tyCrD6c16oaLV\n"
    "2oDyBPVtB7siyi/oJu5nrppypjb+W+w5koQYk10H/osrgxIaY4A9qDu5UbHo5/Ny\n"
    "dZoMeNC+vjLigwEl6SgICet+88qW6dpTMNfB8HwocVDXDoeLVtocFDxagJqY5kDn\n"
    "GDUpRINiwM3EuBthjVW20m4Ne/RN0JEKnp3ptn23t39sB9uzPEUZ98Qk4cojFRUZ\n"
    "yqgX+Do3heJI/FvwKlmwSTjHtnbpkzIqOzpi2SDnLuPHnoGbK+w+QZvE9Us1qvWE\n"
    "FVTsgEbpEbJ3SLmSttBCYd9JRJnade6Rj67UwcQlY5mG0f3TtdOEO1pG/o/Fn4Yh\n"
    "Igvh3UAO2cuZ40sYZDqswDPoF+GSzoqEY0qKWqvI9hJQCLBA2o1LHHQ0vWY/Mjsv\n"
    "JKpy19v69L9ygzHifoDhga5GWoIF8s+RON5msOsQK9kloUtE/SQlL3bMg9gLJZlx\n"
    "wWWasroMps5+/0FnbKSVlQbUogttbCzQAhr1OzdAF6Exj5ViyGDX0OanRDOgLULu\n"
    "-----END RSA PRIVATE KEY-----\n";

static const char input[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ";
static const char signature[] =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbd"
    "s9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZ"
    "RmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs"
    "98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

static void signs_as_rfc_7515(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    const char *const keys[] = {pkcs8, pkcs1};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        Str s = {0};
        assert_ok(rs256_sign(&s, keys[i], str_from(input), mem));
        assert_string_equal(base64url_encode(mem, s.ptr, s.len), signature);
    }
}

static void refuses_other_keys(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    const char *const keys[] = {"", "not a key", elliptic, encrypted};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        Str s = {0};
        assert_err(rs256_sign(&s, keys[i], str_from(input), mem), E_INVALID,
                   "not an RSA private key in PEM format without a password");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_rfc_7515),
        cmocka_unit_test(refuses_other_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
