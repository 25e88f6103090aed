/* RFC 1321, A.5, and RFC 2202, section 2. */
#include "base/md5.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/memory.h"

static void check(const unsigned char *hash, const char *wanted)
{
    char text[2 * MD5_BYTES + 1];
    for (size_t i = 0; i < MD5_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(text, wanted);
}

static void hashes(void **state)
{
    (void)state;
    unsigned char hash[MD5_BYTES];
    struct error err;
    const struct str parts[] = {STR("message "), STR(""), STR("digest")};
    assert_true(md5_of(parts, 0, hash, &err));
    check(hash, "d41d8cd98f00b204e9800998ecf8427e");
    assert_true(md5_of(parts, 3, hash, &err));
    check(hash, "f96b697d7cb7938d525a2f31aaf161d0");
}

static void keyed_hashes(void **state)
{
    (void)state;
    unsigned char hash[MD5_BYTES];
    char key[80];
    struct error err;
    assert_true(hmac_md5(STR("Jefe"), STR("what do ya want for nothing?"), hash, &err));
    check(hash, "750c783e6ab0b503eaa86e310a5db738");
    memset(key, 0xaa, sizeof key);
    assert_true(hmac_md5(str_n(key, sizeof key),
                         STR("Test Using Larger Than Block-Size Key - Hash Key First"), hash, &err));
    check(hash, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hashes), cmocka_unit_test(keyed_hashes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
